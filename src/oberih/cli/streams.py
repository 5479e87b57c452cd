"""Standard output and error that are closed, full, or that nobody reads any more (``oberih ... | head``)."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from oberih.errors import OutputError
from oberih.i18n import Language, say

__all__ = ["Unheard", "heard", "hush", "open_streams", "told_unheard"]

NOBODY_READS = 128 + 13  # what a shell shows of a program that SIGPIPE ended


class Unheard(OutputError):
    """Standard output or error takes no more. Not an `OSError`, which would seem to be about the result."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            say("What was to be told cannot be written: {why}.", why=error.strerror or "?"),
            "Let standard output and error lead to a terminal, or to a file on a disk with room.",
        )
        self.quietly = isinstance(error, BrokenPipeError)
        if self.quietly:
            self.exit_code = NOBODY_READS


@contextmanager
def heard() -> Iterator[None]:
    """Around what writes to standard output or error. Errors that name a file are about that one."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise Unheard(error) from error


def told_unheard(error: Unheard, tongue: Language) -> int:
    """Tell it where it can be told, which is not always, and give the exit code."""
    if not error.quietly:
        with suppress(OSError):
            click.echo(tongue(error.message), err=True)
            click.echo(tongue.say("What to do: {advice}", advice=error.advice), err=True)
    hush()
    return error.exit_code


def hush() -> None:
    """Let what is still to be written go nowhere, lest Python complains of it on its way out."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError):  # not a file of the system
                os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def open_streams() -> None:
    """Let streams that are closed (``>&-``) lead nowhere, before a file gets the number of one of them."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one, most likely
            setattr(sys, name, os.fdopen(nowhere, mode, encoding="utf-8", closefd=nowhere != number))
