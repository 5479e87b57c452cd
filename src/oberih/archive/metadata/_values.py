"""The kinds of value that descriptions are made of, and how wrong ones are told.

Everything that is written here can be written into XML 1.0, JSON and HTML without loss: characters that XML
cannot hold are refused where they come in. `Record` is what can be kept as a JSON file.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from oberih.errors import InputError
from oberih.i18n import Said, say

__all__ = [
    "Digest",
    "Identity",
    "Labels",
    "Language",
    "Line",
    "Lines",
    "Link",
    "Model",
    "Moment",
    "Name",
    "Printable",
    "Record",
    "Text",
    "Texts",
    "Year",
    "number",
    "printable",
    "years",
]

# What XML 1.0 cannot hold, and the control characters that it can hold but nobody can see.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# BCP 47: language, script, region, variants; grandfathered and private tags are left out.
TAG = re.compile(
    r"([A-Za-z]{2,3})(?:-([A-Za-z]{4}))?(?:-([A-Za-z]{2}|[0-9]{3}))?((?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*)"
)
# RFC 3986, without user names, and only where a name or number says which host.
LINK = re.compile(
    r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
    r"(?:[/?#](?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)?"
)
IDENTITY = re.compile(r"(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
# EDTF (ISO 8601-2): years, also far ones and with unknown last digits, months and days, with doubt.
EDTF = re.compile(
    r"(-?[0-9]{4}|Y-?[0-9]{5,9}|-?[0-9]{2}XX|-?[0-9]{3}X)(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12][0-9]|3[01]))?)?[?~%]?"
)
MOMENT = re.compile(
    r"[0-9]{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01])"
    r"(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?)?)?)?"
)
LARGEST = 16 << 20  # bytes of a JSON file that is read


def legible(text: str) -> str:
    """``text`` if XML can hold it and something of it can be seen; ends of lines are one character each."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    wrong = FORBIDDEN.search(text)
    if wrong:
        raise ValueError(
            say("has a character that cannot be kept, U+{code}, at place {place}",
                code=f"{ord(wrong[0]):04X}", place=wrong.start() + 1)
        )  # fmt: skip
    text = text.strip()
    if not any(c.isprintable() and not c.isspace() for c in text):
        raise ValueError(say("is empty"))
    return text


def one_line(text: str) -> str:
    return " ".join(legible(text).split())


def language_tag(tag: str) -> str:
    """A BCP 47 tag in its usual spelling: ``zh-Hant``, ``en-GB``."""
    found = TAG.fullmatch(tag)
    if not found:
        raise ValueError(say("is no language tag; such as uk, en or zh-Hant"))
    language, script, region, variants = found.groups()
    parts = [language.lower(), script.title() if script else "", region.upper() if region else ""]
    return "-".join(part for part in parts if part) + variants.lower()


def link(text: str) -> str:
    """A web address, its letters outside ASCII escaped."""
    text = one_line(text)
    escaped = quote(text, safe="%:/?#[]@!$&'()*+,;=-._~")
    if not LINK.fullmatch(escaped):
        raise ValueError(say("is no web address; it begins with https:// and its host is in ASCII"))
    return escaped


def identity(text: str) -> str:
    text = one_line(text)
    if not IDENTITY.fullmatch(text):
        raise ValueError(say("is no identifier; such as ark:/99999/b1gk8t2n5x7wq3mz"))
    return text


def year(text: str) -> str:
    if not EDTF.fullmatch(text):
        raise ValueError(say("is no year or date; such as 1648, -0450, 17XX, 1905-06 or 1780~"))
    return text


def moment(text: str) -> str:
    if not MOMENT.fullmatch(text):
        raise ValueError(say("is no date or time; such as 2024-05-01 or 2024-05-01T12:30:00Z"))
    return text


def years(text: str) -> tuple[int, int]:
    """First and last year that an EDTF date may mean: 18XX is 1800 to 1899."""
    found = EDTF.fullmatch(text)
    assert found
    digits = found[1].removeprefix("Y")
    ends = int(digits.replace("X", "0")), int(digits.replace("X", "9"))
    return min(ends), max(ends)


def tagged(value: Any) -> Any:
    """Refuses two spellings of one language, which would hide one of the texts."""
    if isinstance(value, Mapping):
        spelt = [language_tag(tag) for tag in value if isinstance(tag, str) and TAG.fullmatch(tag)]
        if len(set(spelt)) < len(spelt):
            raise ValueError(say("has a language twice"))
    return value


COMMON: Mapping[str, str] = {
    "missing": say("is missing"),
    "string_type": say("is no text"),
    "string_too_long": say("is too long"),
    "string_pattern_mismatch": say("is not written as it has to be"),
    "too_short": say("is empty"),
    "greater_than": say("is too small"),
    "greater_than_equal": say("is too small"),
    "finite_number": say("is no number"),
    **dict.fromkeys(("int_type", "float_type", "int_from_float"), say("is no number")),
    **dict.fromkeys(("dict_type", "model_type", "tuple_type"), say("is not made of the right parts")),
}


def printable(text: str) -> str:
    """``text`` with what XML cannot hold written out (``\\x01``): for names of files and errors' messages."""
    text = text.replace("\r\n", "\n").replace("\r", "\\r")
    return FORBIDDEN.sub(lambda c: f"\\x{ord(c[0]):02x}" if ord(c[0]) < 256 else f"\\u{ord(c[0]):04x}", text)


def number(value: float) -> str:
    """A number as XML schemas and people read it: no exponent, no more digits than there are."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.12f}".rstrip("0").rstrip(".") if 1e-6 < abs(value) < 1e15 else f"{value:.15g}"


Text = Annotated[str, Field(max_length=100_000), AfterValidator(legible)]
Line = Annotated[str, Field(max_length=2_000), AfterValidator(one_line)]
Language = Annotated[str, Field(max_length=35), AfterValidator(language_tag)]
Link = Annotated[str, Field(max_length=4_000), AfterValidator(link)]
Identity = Annotated[str, Field(max_length=1_000), AfterValidator(identity)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{128}$", description="SHA-512, hexadecimal")]
Year = Annotated[str, Field(max_length=20, description="EDTF"), AfterValidator(year)]
Moment = Annotated[str, Field(max_length=40, description="ISO 8601"), AfterValidator(moment)]
Printable = Annotated[
    str, BeforeValidator(lambda value: printable(value) if isinstance(value, str) else value)
]
Name = Annotated[Line, BeforeValidator(lambda text: printable(text) if isinstance(text, str) else text)]
Texts = Annotated[
    dict[Language, Text],
    Field(description="BCP 47 tag -> text; the first is the main one"),
    BeforeValidator(tagged),
]
Lines = Annotated[dict[Language, Line], Field(description="as texts, each one line"), BeforeValidator(tagged)]
Labels = Annotated[Lines, Field(min_length=1)]


class Model(BaseModel):
    """A frozen part of a record; unknown fields are refused, and nothing is converted silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Record(Model):
    """What is kept as a JSON file."""

    def dump(self) -> bytes:
        """The file: the same bytes for the same record; what is not known is left out."""
        plain = self.model_dump(mode="json", exclude_defaults=True)
        return (json.dumps({**heading(self), **plain}, ensure_ascii=False, indent=1) + "\n").encode()

    @classmethod
    def load(cls, data: bytes | str) -> Self:
        """The record that `dump` wrote, or a person did. Raises `InputError`, which lists all that is wrong.

        Nothing is converted: "5" is no number, and a field that is not one of the record's is refused.
        """
        if len(data) > LARGEST:
            raise InputError("The description is too large.", "A description is at most 16 MiB of JSON.")
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise InputError(
                say("This cannot be used as a description:\n{problems}", problems=problems(error)),
                "Correct these fields; docs/description.schema.json tells all there are.",
            ) from error

    @classmethod
    def make(cls, values: Mapping[str, Any]) -> Self:
        """The record of plain values (a row of a table, say). Raises `InputError` as `load` does."""
        try:
            text = json.dumps(values, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise InputError(
                say("This cannot be used as a description:\n{problems}", problems=str(error)),
                "Correct these fields; docs/description.schema.json tells all there are.",
            ) from error
        return cls.load(text)


def heading(record: Record) -> dict[str, Any]:
    """The version of the schema, which is written although it is a default."""
    return {"schema_version": record.schema_version} if hasattr(record, "schema_version") else {}


def problems(error: ValidationError) -> str:
    """One line for each wrong field."""
    return lines([problem(one) for one in error.errors(include_url=False)])


def lines(said: Sequence[str]) -> str:
    """Texts one under another, each of which can still be said in other languages."""
    if len(said) == 1:
        return said[0]
    half = len(said) // 2
    return say("{first}\n{rest}", first=lines(said[:half]), rest=lines(said[half:]))


def problem(error: ErrorDetails) -> Said:
    """What is wrong with which field."""
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    where = printable(where.replace(".[key]", ""))[:200]
    given = error.get("ctx", {})
    what: str
    match error["type"]:
        case "extra_forbidden":
            what = say("is not a field of a description")
        case "literal_error":
            what = say("is none of {expected}", expected=given["expected"])
        case "value_error" if isinstance(given.get("error"), ValueError) and given["error"].args:
            what = given["error"].args[0]
        case "json_invalid":
            what = say("is not JSON: {why}", why=given.get("error", ""))
        case kind:
            what = COMMON.get(kind) or error["msg"]
    return say("{field}: {what}", field=where or say("the file"), what=what)
