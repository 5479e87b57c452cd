"""How a record is cited: BibTeX, RIS and a plain sentence."""

from collections.abc import Iterator
from datetime import date

from oberih.catalogue.public import PublicRecord
from oberih.catalogue.public.records import LEVELS
from oberih.i18n import language, say
from oberih.web.open.addresses import House, persistent, tail
from oberih.web.open.data.mapping import publisher
from oberih.web.speech import Speech

__all__ = ["bibtex", "ris", "sentence"]

ESCAPED = str.maketrans({
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_"}, "\n": " ",
})  # fmt: skip
MODEL, RECORD = say("3D model"), say("record of heritage")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def authors(record: PublicRecord) -> tuple[str, ...]:
    """Who recorded it, of those who are named."""
    return tuple(one.name for one in record.people if one.role == "contributor")


def published_by(record: PublicRecord, house: House) -> str:
    return next(iter(publisher(record, house).values()))


def credit(record: PublicRecord) -> str:
    """How whoever holds the rights wants to be named."""
    return (record.rights.credit or "") if record.rights else ""


def what(record: PublicRecord, code: str = "en") -> str:
    """What is cited, in a language that we speak."""
    said = language(code)
    name = MODEL if record.files_for(*LEVELS, "download") else RECORD
    parts = [said(name), said.say("version {number}", number=record.version)]
    if record.recorded:
        month = Speech(said).month_in_words(date.fromisoformat(f"{record.recorded}-01"))
        parts.append(said.say("recorded {month}", month=month))
    return ", ".join(parts)


def bibtex(record: PublicRecord, house: House) -> str:
    """An entry for BibTeX and biblatex. Names stand in braces: nobody knows which part is the last name."""
    year, month = record.published.split("-")
    fields = {
        "title": f"{{{record.title().translate(ESCAPED)}}}",
        "author": " and ".join(f"{{{one.translate(ESCAPED)}}}" for one in authors(record)),
        "year": year,
        "howpublished": what(record),
        "publisher": f"{{{published_by(record, house).translate(ESCAPED)}}}",
        "note": credit(record).translate(ESCAPED),
        "url": persistent(house.address, record.id),
    }
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    key = tail(record.id).replace("/", "-")
    return f"@misc{{{key},\n{lines}  month = {MONTHS[int(month) - 1]},\n}}\n"


def ris(record: PublicRecord, house: House) -> str:
    """An entry for reference managers."""
    lines = [f"{tag}  - {' '.join(value.split())}" for tag, value in ris_lines(record, house)]
    return "\r\n".join([*lines, "ER  - ", ""])


def ris_lines(record: PublicRecord, house: House) -> Iterator[tuple[str, str]]:
    year, month = record.published.split("-")
    yield "TY", "DATA"
    yield "ID", record.id
    yield "TI", record.title()
    yield from (("AU", one) for one in authors(record))
    yield "PY", year
    yield "DA", f"{year}/{month}//"
    yield "ET", f"{record.version}"
    yield "M3", what(record)
    yield "PB", published_by(record, house)
    if credit(record):
        yield "N1", credit(record)
    yield "LA", next(iter(record.titles))
    yield "UR", persistent(house.address, record.id)


def sentence(record: PublicRecord, house: House, code: str = "") -> str:
    """A citation as people write it by hand."""
    code = code or next(iter(record.titles))
    whole = what(record, code)
    parts = (
        ", ".join(authors(record)), record.title(code), whole[:1].upper() + whole[1:],
        f"{published_by(record, house)}, {record.published[:4]}", credit(record),
        persistent(house.address, record.id),
    )  # fmt: skip
    return ". ".join(one.rstrip(".") for one in parts if one)
