"""The official schemas (in ../shared/suites), which may not be here."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

__all__ = ["EDM", "SUITES", "XSD", "oai_pmh", "official", "schema"]

SUITES = Path(__file__).parents[1] / ".." / "shared" / "suites"
XSD, EDM = SUITES / "xsd", SUITES / "edm" / "schema_xsds"
official = pytest.mark.skipif(not SUITES.is_dir(), reason="the official schemas are not here")


class Local(etree.Resolver):
    """Finds the schemas of the web in the suites' catalogue."""

    def __init__(self) -> None:
        entries = list(etree.parse(str(XSD / "catalog.xml")).getroot().iter("{*}uri", "{*}rewriteURI"))
        self.files = {one.get("name"): XSD / one.get("uri") for one in entries if one.get("name")}
        self.folders = [(one.get("uriStartString"), XSD / one.get("rewritePrefix", "")) for one in entries]

    def resolve(self, url: str, _: str, context: Any) -> Any:
        found = self.files.get(url)
        for start, folder in self.folders:
            if start and not found and url.startswith(start):
                found = folder / url.removeprefix(start)
        return self.resolve_filename(str(found.resolve()), context) if found else None


@cache
def schema(path: Path) -> etree.XMLSchema:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Local())
    return etree.XMLSchema(etree.parse(str(path.resolve()), parser))


EMPTY = '<x:dc xmlns:x="http://www.openarchives.org/OAI/2.0/oai_dc/"/>'


def oai_pmh(answer: bytes) -> Any:
    """An answer of OAI-PMH as a tree, if it is valid with all records in it. EDM's schema cannot be loaded
    beside others: its records are held to it one by one.
    """
    found, copied = etree.fromstring(answer), etree.fromstring(answer)
    if not SUITES.is_dir():
        return found
    for record in list(copied.iter("{*}RDF")):
        checked = schema(EDM / "EDM.xsd")
        assert checked.validate(etree.fromstring(etree.tostring(record))), checked.error_log
        record.getparent().replace(record, etree.fromstring(EMPTY))
    whole = schema(XSD / "driver-oai.xsd")
    assert whole.validate(copied), whole.error_log
    return found
