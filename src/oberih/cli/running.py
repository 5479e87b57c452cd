"""What all commands share: options for progress and language, stopping, and how a defect is told."""

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oberih.cli.progress import JsonLines, PlainLines, Terminal, face
from oberih.cli.stopping import stoppable
from oberih.errors import InputError, OberihError, OutputError
from oberih.i18n import Language, available, say
from oberih.progress import Progress

if TYPE_CHECKING:
    from oberih.archive import Trouble

__all__ = [
    "Decorator",
    "Face",
    "PathType",
    "Unexpected",
    "archive_option",
    "data_option",
    "how_told",
    "key_option",
    "keys",
    "passphrase",
    "tell_result",
    "told",
    "working",
]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
Face = Terminal | PlainLines | JsonLines


class Unexpected(OberihError):
    """A defect of Oberih itself."""

    exit_code = 70  # EX_SOFTWARE of sysexits.h


class PathType(click.Path):
    """A path that is not empty: an empty one, maybe of a variable without a value, is the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if str(value) == "":
            self.fail(say("The path is empty."), param, ctx)
        return super().convert(value, param, ctx)


def how_told(t: Language) -> Decorator:
    """Adds ``--progress`` and ``--lang`` (which is read before anything else, see `asked_language`)."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        language = click.option(
            "--lang", type=click.Choice(available()), expose_value=False, help=t("Language of messages.")
        )
        progress = click.option(
            "--progress", "progress_kind", type=click.Choice(["auto", "plain", "json"]), default="auto",
            show_default=True,
            help=t("How progress is shown: a live display on a terminal, plain lines, JSON lines."),
        )  # fmt: skip
        return progress(language(command))

    return add


def archive_option(t: Language, *, required: bool = True) -> Decorator:
    return click.option(
        "--archive", "folder", metavar="FOLDER", envvar="OBERIH_ARCHIVE", required=required,
        type=PathType(path_type=Path), help=t("The archive (or set OBERIH_ARCHIVE)."),
    )  # fmt: skip


def data_option(t: Language, *, required: bool = True) -> Decorator:
    return click.option(
        "--data", metavar="FOLDER", required=required, type=PathType(file_okay=False, path_type=Path),
        help=t("Folder of the service's data."),
    )  # fmt: skip


@contextmanager
def working(progress_kind: str, t: Language, log: Path | None = None) -> Iterator[tuple[Progress, Face]]:
    """Progress that is shown and can be stopped; a defect goes into the file ``log`` and is told shortly."""
    shown = face(progress_kind, t)
    progress = Progress(shown)
    with stoppable(progress.stop, t):
        try:
            with shown.shown():
                yield progress, shown
        except (OberihError, click.ClickException):
            raise
        except Exception as error:
            raise unexpected(log, error) from error


def unexpected(log: Path | None, error: Exception) -> OberihError:
    """The error to show instead of a traceback, which goes into ``log``, or to standard error."""
    advice = say("This is a defect of Oberih. Please report it with the file {log}.", log=log)
    try:
        if log is None:
            raise OSError
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(
            "".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace"
        )
    except OSError as unwritable:
        if log is not None and isinstance(error, OSError) and error.errno == unwritable.errno:
            why = error.strerror or type(error).__name__  # no defect: the log fails for the same reason
            return OutputError(
                say("Cannot write to {folder}: {reason}.", folder=log.parent, reason=why),
                "Choose another folder, one that you may write to.",
            )
        traceback.print_exception(error, file=sys.stderr)
        advice = say("This is a defect of Oberih. Please report it with the lines above.")
    last = traceback.format_exception(error)[-1].strip().splitlines()[-1]
    return Unexpected(say("Something unexpected went wrong: {error}", error=last), advice)


def tell_result(shown: Face, record: Mapping[str, object], lines: Sequence[str]) -> None:
    """How it ended: one JSON line for programs, ``lines`` for people."""
    if isinstance(shown, JsonLines):
        shown.write({"kind": "result", **record})
    else:
        for line in lines:
            click.echo(line)


def key_option(t: Language) -> Decorator:
    return click.option(
        "--key", "key_files", metavar="FILE", multiple=True, type=PathType(path_type=Path),
        help=t("A custodian's key (age identity file), for what is encrypted."),
    )  # fmt: skip


def keys(files: Sequence[Path], t: Language) -> list[str]:
    """The identities in custodians' key files; a passphrase is asked for on the terminal."""
    from oberih.archive.crypt import load_identities

    def ask() -> str:
        return passphrase(t("Passphrase of the key"))

    return [one for file in files for one in load_identities(file, ask)]


def passphrase(question: str, *, twice: bool = False) -> str:
    """What is typed, unseen."""
    try:
        return str(click.prompt(question, hide_input=True, confirmation_prompt=twice, err=True))
    except click.Abort as error:
        raise InputError("No passphrase was given.", "Run this again, and type it when asked.") from error


def told(troubles: "Sequence[Trouble]", t: Language) -> list[str]:
    return [
        t.say("{store} {id}: {what}", store=trouble.store, id=trouble.id, what=t(trouble.error.message))
        + (f" {t(trouble.error.advice)}" if trouble.error.advice else "")
        for trouble in troubles
    ]
