"""XML of strangers: no document type, so no entities that multiply or fetch, and an end to nesting.

A document type can stand only before the first element; once that has begun without one, the five entities
of XML itself are all there can be, and the standard library's parsers are safe to use.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol
from xml.etree.ElementTree import Element, ParseError, iterparse
from xml.parsers import expat

from oberih.errors import UnreadableModel
from oberih.i18n import say

__all__ = ["ADVICE", "Bytes", "attribute", "elements", "parsed", "real", "refuse_document_type", "text_of"]

ADVICE = "Export it again where it was made."
DEPTH = 500  # of elements in elements
CHUNK = 1 << 16


class Bytes(Protocol):
    """A file that is read from its beginning, and can be wound back."""

    def read(self, size: int = -1, /) -> bytes: ...
    def seek(self, offset: int, /) -> int: ...


class Begun(Exception):
    """The first element was seen."""


def refuse_document_type(file: Bytes, name: str) -> None:
    """Read to the first element and wind back. Raises `UnreadableModel` if a document type comes before."""

    def document_type(*_: object) -> None:
        raise UnreadableModel(
            say("{path} declares a document type of its own, which is not read for safety.", path=name),
            ADVICE,
        )

    def begun(*_: object) -> None:
        raise Begun

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = document_type
    parser.StartElementHandler = begun
    try:
        parsed(parser, file, name)
    except Begun:
        file.seek(0)


def parsed(parser: expat.XMLParserType, file: Bytes, name: str) -> None:
    """Feed the whole file to a parser of `expat`. Raises `UnreadableModel` for what is no XML."""
    try:
        while chunk := file.read(CHUNK):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise no_xml(name, error) from error


def elements(file: Bytes, name: str) -> Iterator[Element]:
    """Every element when it ends, the root last, names without their namespaces."""
    refuse_document_type(file, name)
    depth = 0
    try:
        for event, element in iterparse(file, ("start", "end")):  # noqa: S314 -- no entities
            if event == "start":
                element.tag = element.tag.rpartition("}")[2]
                depth += 1
                if depth > DEPTH:
                    raise UnreadableModel(say("{path} is nested too deeply.", path=name), ADVICE)
            else:
                depth -= 1
                yield element
    except (ParseError, LookupError, ValueError) as error:
        raise no_xml(name, error) from error


def no_xml(name: str, error: Exception) -> UnreadableModel:
    return UnreadableModel(say("{path} is not whole XML: {problem}.", path=name, problem=error), ADVICE)


def text_of(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


def attribute(element: Element, name: str) -> str:
    return str(element.get(name, "")).strip()


def real(words: Iterable[str], count: int) -> list[float] | None:
    """Exactly ``count`` finite numbers, or None."""
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return None
    return numbers if len(numbers) == count and all(abs(n) < 1e30 for n in numbers) else None
