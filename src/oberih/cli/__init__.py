"""The command line, ``oberih``: a thin face: what was asked, how it goes, how it ended."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from oberih import __version__
from oberih.cli import backup, deposit, formats, keep, send, service, verify
from oberih.cli.progress import json_line
from oberih.cli.reconstruct import reconstruct_command
from oberih.cli.streams import Unheard, heard, open_streams, told_unheard
from oberih.cli.words import speak
from oberih.errors import InputError, OberihError
from oberih.i18n import Language, from_environment, say

__all__ = ["main"]


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    open_streams()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    tongue = asked_language(arguments)
    speak(tongue)
    try:
        with heard():
            code = led(arguments, tongue)
            sys.stdout.flush()
            return code
    except Unheard as error:
        return told_unheard(error, tongue)


def led(arguments: Sequence[str], tongue: Language) -> int:
    """The exit code of the command, after all was told."""
    as_json = option(arguments, "--progress") == "json"
    try:
        refuse_unreadable(arguments)
        left = group(tongue).main(list(arguments), prog_name="oberih", standalone_mode=False)
        return left if isinstance(left, int) else 0
    except click.UsageError as error:
        vars(error)["message"] = tongue(error.message)  # click shows it
        if as_json:
            tell_json("UsageError", error.exit_code, error.format_message())
        error.show()
        return error.exit_code
    except SystemExit as left:  # a command that did its work, and found something wrong
        return left.code if isinstance(left.code, int) else 1
    except Unheard:
        raise
    except OberihError as error:
        tell(error, tongue, as_json=as_json)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130


def refuse_unreadable(arguments: Sequence[str]) -> None:
    """Names that are no UTF-8 may only be of what is there: nothing new can be called so."""
    for argument in arguments:
        if not argument.isprintable() and not os.path.lexists(argument):
            try:
                argument.encode()
            except UnicodeEncodeError as error:
                shown = argument.encode(errors="backslashreplace").decode()
                raise InputError(
                    say("{text} is no text that can be read (UTF-8).", text=shown[:200]), "Write it anew."
                ) from error


class Oberih(click.Group):
    """A group that tells us, not the system, of output that nobody reads: click leaves with 1 then."""

    def make_context(self, *arguments: Any, **named: Any) -> click.Context:
        with heard():
            return super().make_context(*arguments, **named)

    def invoke(self, ctx: click.Context) -> Any:
        with heard():
            return super().invoke(ctx)


def group(tongue: Language) -> click.Group:
    """The command ``oberih`` with help in the language ``tongue``."""
    oberih = Oberih(
        "oberih",
        help=tongue("Photos of heritage become measured 3D models that are kept, proved and shared."),
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        no_args_is_help=True,
    )
    click.version_option(__version__, prog_name="oberih", message="%(prog)s %(version)s")(oberih)
    oberih.add_command(reconstruct_command(tongue))
    for room in (formats, deposit, keep, verify, service, backup, send):
        for command in room.commands(tongue):
            oberih.add_command(command)
    with_placeholders(oberih, tongue)
    return oberih


def with_placeholders(command: click.Command, tongue: Language) -> None:
    """The words for what follows, in the first line of help."""
    command.options_metavar = tongue("[OPTIONS]")
    if isinstance(command, click.Group):
        command.subcommand_metavar = tongue("COMMAND [ARGS]...")
        for one in command.commands.values():
            with_placeholders(one, tongue)


def asked_language(arguments: Sequence[str]) -> Language:
    """The language of ``--lang``, read before anything else since the help is in it too."""
    return from_environment([option(arguments, "--lang")])


def option(arguments: Sequence[str], name: str) -> str | None:
    """The value that the option ``name`` (``--lang``) has in a command that may be wrong as a whole."""
    value, rest = None, iter(arguments)
    for argument in rest:
        if argument == "--":  # only paths come after it
            break
        if argument == name:
            value = next(rest, None)
        elif argument.startswith(name + "="):
            value = argument.removeprefix(name + "=")
    return value


def tell(error: OberihError, tongue: Language, *, as_json: bool) -> None:
    """Say what went wrong and what to do, on standard error and, if wanted, as the last JSON line."""
    if as_json:
        tell_json(type(error).__name__, error.exit_code, tongue(error.message), tongue(error.advice))
    click.echo(tongue(error.message), err=True)
    if error.advice:
        click.echo(tongue.say("What to do: {advice}", advice=error.advice), err=True)


def tell_json(error: str, exit_code: int, message: str, advice: str = "") -> None:
    """The last JSON line of a run that failed."""
    record: dict[str, object] = {
        "kind": "error", "error": error, "exit_code": exit_code, "message": message, "advice": advice,
    }  # fmt: skip
    click.echo(json_line(record))
