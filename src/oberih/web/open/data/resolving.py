"""A persistent identifier leads to the record: to its page, or to data if a program asks for that.

curl -L -H 'Accept: application/x-bibtex' https://heritage.example/ark:/99999/b1gk8t2n5x7wq3mz
"""

from collections.abc import Mapping, Sequence

from oberih.web.open.addresses import DATA, DataName, tail

__all__ = ["OFFERED", "chosen", "place_of"]

OFFERED: Mapping[str, DataName | None] = {  # media type -> what it is; None: the page, the API
    "text/html": None, "application/xhtml+xml": None, "application/json": None,
    "application/ld+json": "schema.jsonld", "application/rdf+xml": "edm.rdf",
    "application/xml": "lido.xml", "text/xml": "lido.xml", "application/x-bibtex": "citation.bib",
    "application/x-research-info-systems": "citation.ris", "text/plain": "citation.txt",
}  # fmt: skip


def chosen(accepted: str, offered: Sequence[str] = tuple(OFFERED)) -> str:
    """Which of the media types is wanted most (RFC 9110, 12.5.1); the first if none is."""
    ranges = [quality_of(one) for one in accepted[:2000].split(",") if one.strip()]

    def wanted(type_: str) -> float:
        family = f"{type_.partition('/')[0]}/*"
        for known in (type_, family, "*/*"):
            found = [quality for name, quality in ranges if name == known]
            if found:
                return max(found)
        return 0.0

    return max(offered, key=wanted)


def quality_of(given: str) -> tuple[str, float]:
    """A media range and how much it is wanted."""
    name, *parameters = (part.strip().lower() for part in given.split(";"))
    told = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        return name, min(1.0, max(0.0, float(told)))
    except ValueError:
        return name, 0.0


def place_of(identifier: str, accepted: str) -> str:
    """Where who accepts these media types finds the record."""
    type_ = chosen(accepted)
    name = OFFERED[type_]
    if name is not None:
        return f"{DATA}/{tail(identifier)}/{name}"
    return f"{'/api/v1' if type_ == 'application/json' else ''}/records/{tail(identifier)}"
