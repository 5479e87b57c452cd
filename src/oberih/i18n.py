"""Words in the reader's language.

English is written in the code; other languages are catalogues, one ``locale/<language>.po`` each
(gettext's format, read at run time: no compiled files, any .po editor will do). To add a language, copy
``uk.po``, translate, done.

A text made of parts is said with `say`, which gives the English string and remembers its template:

    raise NoPhotos(say("Only {count} photo can be read.", "Only {count} photos can be read.", count=n))

Such a string is an ordinary ``str`` to everybody but a `Language`, which finds the template in its
catalogue and fills in the same parts. Constant strings need no `say`.
"""

import os
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from gettext import c2py
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

__all__ = [
    "ENGLISH",
    "Language",
    "Said",
    "Verbatim",
    "available",
    "from_environment",
    "from_json",
    "language",
    "say",
    "to_json",
]

MOST_KEPT = 10_000
LOCALE = Path(__file__).parent / "locale"


@dataclass(frozen=True)
class Verbatim:
    """A part of a text that is the same in all languages: what a parameter is called."""

    text: str

    def __str__(self) -> str:
        return self.text


class Said(str):
    """An English string that knows its template, the template's plural and its parts."""

    template: str
    plural: str | None
    parts: dict[str, Any]


def say(template: str, plural: str | None = None, /, **parts: object) -> Said:
    """``template`` filled with ``parts``; the part ``count`` chooses between singular and plural."""
    said = Said(ENGLISH_FILLED.format(chosen(template, plural, parts), **parts))
    said.template, said.plural, said.parts = template, plural, parts
    return said


def chosen(template: str, plural: str | None, parts: Mapping[str, Any]) -> str:
    """The English form for a part ``count``."""
    return plural if plural is not None and parts["count"] != 1 else template


def count_of(plural: str | None, parts: Mapping[str, Any]) -> Any:
    """What chooses the form; None: there is only one."""
    return parts.get("count", 1) if plural is not None else None


def to_json(text: str) -> Any:
    """``text`` as a JSON value from which `from_json` makes the same text, template and all."""
    if not isinstance(text, Said):
        return str(text)
    parts = {k: to_json(v) if isinstance(v, str) else v for k, v in text.parts.items()}
    return [text.template, text.plural, {k: v if plain(v) else str(v) for k, v in parts.items()}]


def from_json(value: Any) -> str:
    """The text that `to_json` wrote."""
    if isinstance(value, str):
        return value
    template, plural, parts = value
    return say(template, plural, **{k: from_json(v) if isinstance(v, list) else v for k, v in parts.items()})


def plain(value: object) -> bool:
    return isinstance(value, str | int | float | list)


class Filled(string.Formatter):
    """``str.format`` with a language's marks in numbers: 1,234.5 is 1 234,5 in Ukrainian."""

    def __init__(self, decimal: str = ".", group: str = ",") -> None:
        self.marks = str.maketrans({".": decimal, ",": group})

    def vformat(self, format_string: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        pieces = taken_apart(format_string)
        if pieces is None:
            return super().vformat(format_string, args, kwargs)
        return "".join([
            words if name is None else words + self.format_field(kwargs[name], spec)
            for words, name, spec in pieces
        ])  # fmt: skip

    def format_field(self, value: Any, format_spec: str) -> Any:
        filled = super().format_field(value, format_spec)
        return filled.translate(self.marks) if isinstance(value, int | float) and format_spec else filled


@lru_cache(MOST_KEPT)
def taken_apart(template: str) -> list[tuple[str, str | None, str]] | None:
    """Words, then the name of a part and how it is written. None: it has more in it than names of parts."""
    pieces = list(string.Formatter().parse(template))
    if all(name is None or (name.isidentifier() and not how and "{" not in (spec or ""))
           for _, name, spec, how in pieces):  # fmt: skip
        return [(words, name, spec or "") for words, name, spec, _ in pieces]
    return None


ENGLISH_FILLED = Filled()


@dataclass(frozen=True)
class Language:
    """A language to speak. Call it with a text; texts it does not know stay English."""

    code: str
    catalogue: Catalog | None = None

    def __call__(self, text: str) -> str:
        if not isinstance(text, Said):
            return self._constant(text)
        found = self._found(text.template, count_of(text.plural, text.parts))
        return str(text) if found is None else self._filled_in(found, text.parts)

    def say(self, template: str, plural: str | None = None, /, **parts: object) -> str:
        """The same as `say`, in this language at once."""
        found = self._found(template, count_of(plural, parts))
        if found is None:
            return ENGLISH_FILLED.format(chosen(template, plural, parts), **parts)
        return self._filled_in(found, parts)

    def form(self, template: str, plural: str, count: int) -> str:
        """Of a template the form for ``count``, unfilled: for libraries that fill it in themselves."""
        return self._found(template, count) or (template if count == 1 else plural)

    @cached_property
    def marks(self) -> dict[str, str]:
        """Of numbers: ``decimal``, and ``group`` between thousands."""
        known = Locale.parse(self.code).number_symbols["latn"]
        return {name: known[name] for name in ("decimal", "group")}

    @cached_property
    def name(self) -> str:
        """The language's name in itself, with a capital letter."""
        return (Locale.parse(self.code).get_display_name() or self.code).capitalize()

    def _constant(self, text: str) -> str:
        """A text without parts; pages say the same ones again and again."""
        known = self._known.get(text)
        if known is None:
            known = self._found(text) or str(text)
            if len(self._known) < MOST_KEPT:  # some texts are data that nobody translates
                self._known[text] = known
        return known

    def _filled_in(self, found: str, parts: Mapping[str, Any]) -> str:
        own = {name: self(part) if isinstance(part, str) else part for name, part in parts.items()}
        return self._filled.format(found, **own)

    @cached_property
    def _filled(self) -> Filled:
        return Filled(**self.marks)

    @cached_property
    def _known(self) -> dict[str, str]:
        return {}

    def _found(self, template: str, count: Any = None) -> str | None:
        message = self.catalogue.get(template) if self.catalogue is not None and template else None
        if message is None or not message.string or message.fuzzy:
            return None
        if isinstance(message.string, str):
            return message.string
        which = self._plural(count) if isinstance(count, int) else -1
        return message.string[which] or None

    @cached_property
    def _plural(self) -> Callable[[int], int]:
        """Which form a number takes."""
        assert self.catalogue is not None
        form: Callable[[int], int] = c2py(self.catalogue.plural_expr)
        return form


ENGLISH = Language("en")


@cache
def available() -> tuple[str, ...]:
    """Codes of the languages that there are."""
    return ("en", *sorted(path.stem for path in LOCALE.glob("*.po")))


@lru_cache
def language(code: str) -> Language:
    """The language ``code`` ("uk"); English if there is no catalogue for it."""
    path = LOCALE / f"{code}.po"
    if code not in available() or not path.is_file():
        return ENGLISH
    with path.open("rb") as file:
        return Language(code, read_po(file, locale=code))


def from_environment(wanted: Iterable[str | None] = ()) -> Language:
    """The first language of ``wanted`` that there is, else the one that the environment asks for."""
    asked = [*wanted, *(os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))]
    for value in asked:
        if value:
            return language(value.replace("-", "_").split("_")[0].split(".")[0].lower())
    return ENGLISH
