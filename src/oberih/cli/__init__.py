"""The command line, ``oberih``: a thin face: what was asked, how it goes, how it ended."""

import os
import sys
from collections.abc import Sequence

import click

from oberih import __version__
from oberih.cli.progress import json_line
from oberih.cli.reconstruct import reconstruct_command
from oberih.errors import OberihError
from oberih.i18n import Language, from_environment

__all__ = ["main"]


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    tongue = asked_language(arguments)
    as_json = "--progress=json" in arguments or "json" in arguments
    try:
        left = group(tongue).main(list(arguments), prog_name="oberih", standalone_mode=False)
        sys.stdout.flush()
        return left if isinstance(left, int) else 0
    except click.UsageError as error:
        if as_json:
            tell_json("UsageError", error.exit_code, error.format_message())
        error.show()
        return error.exit_code
    except OberihError as error:
        tell(error, tongue, as_json=as_json)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:  # whoever read our output went away (``oberih ... | head``)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def group(tongue: Language) -> click.Group:
    """The command ``oberih`` with help in the language ``tongue``."""
    oberih = click.Group(
        "oberih",
        help=tongue("Photos of heritage become measured 3D models that are kept, proved and shared."),
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        no_args_is_help=True,
    )
    click.version_option(__version__, prog_name="oberih", message="%(prog)s %(version)s")(oberih)
    oberih.add_command(reconstruct_command(tongue))
    return oberih


def asked_language(arguments: Sequence[str]) -> Language:
    """The language of ``--lang``, read before anything else since the help is in it too."""
    for at, argument in enumerate(arguments):
        if argument == "--lang" and at + 1 < len(arguments):
            return from_environment([arguments[at + 1]])
        if argument.startswith("--lang="):
            return from_environment([argument.removeprefix("--lang=")])
    return from_environment()


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
