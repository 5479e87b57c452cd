"""Words of click itself ("Usage:", "Missing option"), in the reader's language.

click asks gettext for them, which reads compiled catalogues from a folder of the system. Ours are read as
they are (`oberih.i18n`): so click's modules are given a `Language` in the place of gettext's functions.
"""

from functools import partial

from click import core, decorators, exceptions, formatting, parser, termui, types

from oberih.i18n import Language

__all__ = ["SYSTEM", "WORDS", "speak"]

MODULES = (core, decorators, exceptions, formatting, parser, termui, types)
WORDS = (  # what a user of ours can meet
    "Usage:", "Options", "Commands", "Show this message and exit.", "Show the version and exit.",
    "Aborted!", "Error: {message}", "Try '{command} {option}' for help.",
    "default: {default}", "env var: {var}", "required",
    "Missing argument", "Missing option", "Missing parameter", "Missing command.",
    "Choose from:\n\t{choices}", "No such option {name!r}.", "No such command {name!r}.",
    "Invalid value: {message}", "Invalid value for {param_hint}: {message}",
    "Option {name!r} does not take a value.", "Argument {name!r} takes {nargs} values.",
    "{value!r} is not a valid {number_type}.", "{value} is not in the range {range}.",
    "file", "directory", "path", "{name} {filename!r} does not exist.", "{name} {filename!r} is a file.",
    "{name} {filename!r} is a directory.", "{name} {filename!r} is not readable.",
    "{name} {filename!r} is not writable.", "[OPTIONS]", "COMMAND [ARGS]...",
    "Did you mean {possibility}?", "Got unexpected extra argument ({args})",
    "Option {name!r} requires an argument.", "{value!r} is not {choice}.",
)  # fmt: skip
SYSTEM = (  # of the system, why a file cannot be used: part of many messages, in whose language they come
    "No such file or directory", "Permission denied", "Operation not permitted", "Is a directory",
    "Not a directory", "File exists", "Directory not empty", "File name too long", "Read-only file system",
    "No space left on device", "Disk quota exceeded", "Too many levels of symbolic links",
    "Too many open files", "Input/output error", "Stale file handle", "Device or resource busy",
    "Address already in use", "Cannot assign requested address", "Name or service not known",
    "Connection refused", "Invalid argument", "Broken pipe",
)  # fmt: skip


def speak(t: Language) -> None:
    """Let click speak ``t``, until it is told otherwise."""
    for module in MODULES:
        for name, said in (("_", t), ("ngettext", partial(plural, t))):
            if hasattr(module, name):
                setattr(module, name, said)


def plural(t: Language, one: str, many: str, count: int) -> str:
    """As gettext's function for plurals."""
    return t.form(one, many, count)
