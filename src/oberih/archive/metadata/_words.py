"""What the mappings to other standards share: our words in many languages, dates, rights, measurements."""

import re
from collections.abc import Mapping

from oberih.archive.metadata.description import Description, Measurement, ModelInfo, Period, Rights
from oberih.i18n import available, language, say

__all__ = [
    "FOUND",
    "KINDS",
    "NOT_EVALUATED",
    "digital_rights",
    "in_languages",
    "interval",
    "kind_words",
    "measured",
    "month",
    "rights_uri",
    "statement",
]

KINDS: Mapping[str, str] = {
    "building": say("building"),
    "monument": say("monument"),
    "statue": say("statue"),
    "object": say("object"),
    "site": say("site"),
    "street": say("street"),
    "home": say("home"),
    "other": say("heritage"),
}
MEASURES: Mapping[str, str] = {
    "height": say("height"),
    "width": say("width"),
    "depth": say("depth"),
    "length": say("length"),
    "diameter": say("diameter"),
    "perimeter": say("perimeter"),
    "area": say("area"),
    "volume": say("volume"),
    "weight": say("weight"),
    "angle": say("angle"),
}
SYMBOLS: Mapping[str, str] = {
    "kilometre": "km", "metre": "m", "centimetre": "cm", "millimetre": "mm", "square metre": "m²",
    "cubic metre": "m³", "kilogram": "kg", "gram": "g", "degree": "°",
}  # fmt: skip
# "Copyright not evaluated" is what rightsstatements.org has for "nobody said".
NOT_EVALUATED = "http://rightsstatements.org/vocab/CNE/1.0/"
FOUND = re.compile(
    r"https?://(?:www\.)?(?P<host>creativecommons|rightsstatements)\.org"
    r"(?P<path>/(?:licenses|publicdomain|vocab|page)/[A-Za-z0-9./-]*?)(?:/(?:deed|legalcode)(?:\.[a-z-]+)?)?/?"
)


def in_languages(text: str, description: Description) -> dict[str, str]:
    """One of our own words in English and in those languages of ``description`` that we know it in."""
    spoken = {tag: tag.split("-")[0] for tag in description.languages}
    said = {tag: language(code)(text) for tag, code in spoken.items() if code in available()}
    return {"en": str(text)} | {tag: one for tag, one in said.items() if one != text}


def kind_words(description: Description) -> dict[str, str]:
    """What kind of thing it is, in its own words if there are any."""
    return description.object_type or in_languages(KINDS[description.kind], description)


def measured(measurement: Measurement) -> str:
    """A measurement as a text: ``height: 12.3 m ± 0.1 m``. One that is not known says so."""
    what, unit = MEASURES[measurement.what], SYMBOLS[measurement.unit]
    value, error = measurement.value, measurement.error
    if value is None:
        return say("{what}: unknown", what=what)
    if error is None:
        return say("{what}: {value:.12g} {unit}", what=what, value=value, unit=unit)
    return say(
        "{what}: {value:.12g} {unit} ± {error:.12g} {unit}", what=what, value=value, error=error, unit=unit
    )


def interval(period: Period) -> str:
    """An EDTF interval: ``1648/1652``, ``1648/..``, or the one date there is."""
    if period.earliest == period.latest:
        return period.earliest or ""
    return f"{period.earliest or '..'}/{period.latest or '..'}"


def month(moment: str) -> str:
    """What may be public of a moment: the minute tells the sun's place, and with a shadow the thing's."""
    return moment[:7]


def rights_uri(rights: Rights | None) -> str:
    """The address that identifies a licence or statement, in the spelling that Europeana knows."""
    return statement(rights.uri if rights else None)


def statement(uri: str | None) -> str:
    """The same for the address alone; None: nobody looked into it."""
    if uri is None:
        return NOT_EVALUATED
    known = FOUND.fullmatch(uri)
    if not known:
        return uri
    path = known["path"].replace("/page/", "/vocab/").rstrip("/")
    return f"http://{known['host']}.org{path}/"


def digital_rights(description: Description, model: ModelInfo | None) -> Rights | None:
    """Rights in the model: its own, or else those in what is published of the subject."""
    return (model.rights if model else None) or description.rights
