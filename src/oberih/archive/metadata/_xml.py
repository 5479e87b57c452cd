"""XML that is written the same way every time, and read without the traps that XML has.

Elements are named with their usual prefix (``dc:title``); the namespaces stand on the root. Nothing is
registered globally, as `xml.etree`'s own way of naming would have it.
"""

from collections.abc import Mapping
from xml.etree import ElementTree as ET
from xml.parsers import expat

from oberih.archive.metadata._values import printable
from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["Element", "add", "add_all", "document", "parse", "root"]

Element = ET.Element
LARGEST = 64 << 20  # bytes of XML that is read
DEEPEST = 100  # elements in one another


class Hostile(Exception):
    """The document does what no record needs to."""


def root(name: str, namespaces: Mapping[str, str], **attributes: str) -> Element:
    """The outermost element, with ``namespaces`` (prefix -> URI)."""
    return ET.Element(name, {f"xmlns:{prefix}": uri for prefix, uri in namespaces.items()} | attributes)


def add(parent: Element, name: str, text: str = "", attributes: Mapping[str, str] | None = None) -> Element:
    """A new last child."""
    child = ET.SubElement(parent, name, dict(attributes or {}))
    child.text = text or None
    return child


def add_all(
    parent: Element, name: str, texts: Mapping[str, str], attributes: Mapping[str, str] | None = None
) -> None:
    """A child for each language."""
    for language, text in texts.items():
        add(parent, name, text, {"xml:lang": language, **(attributes or {})})


def document(element: Element) -> bytes:
    """The file. Line ends and indentation are always the same."""
    ET.indent(element, " ")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(element, "unicode").encode() + b"\n"


def parse(data: bytes) -> Element:
    """The outermost element of ``data``. Raises `InputError`.

    A document type is refused before anything is made of it: entities that grow without end or that fetch
    files can only be declared there.
    """
    advice = "Give a file that Oberih, or another archive, wrote as PREMIS."
    if len(data) > LARGEST:
        raise InputError("The XML file is too large.", "It is at most 64 MiB.")
    depth = 0

    def deeper(*_: object) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise Hostile

    def out(*_: object) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: object) -> None:
        raise Hostile

    guard = expat.ParserCreate()
    guard.StartDoctypeDeclHandler = guard.EntityDeclHandler = refuse
    guard.StartElementHandler, guard.EndElementHandler = deeper, out
    try:
        guard.Parse(data, True)
        return ET.fromstring(data)  # noqa: S314 - has passed the guard
    except Hostile as error:
        raise InputError("The XML file has a document type or is nested too deep.", advice) from error
    except (expat.ExpatError, ET.ParseError, ValueError, LookupError) as error:
        raise InputError(say("The file is not XML: {why}", why=printable(str(error))), advice) from error
