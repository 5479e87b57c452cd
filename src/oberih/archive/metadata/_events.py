"""PREMIS 3 in our own words: what happened to which object, who or what did it, with which outcome."""

import json
import re
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Literal, Self

from pydantic import Field, ValidationError

from oberih.archive.metadata._values import Link, Model, Printable, problems
from oberih.archive.metadata._words import rights_uri
from oberih.archive.metadata.description import Rights
from oberih.errors import InputError
from oberih.i18n import say

__all__ = [
    "Agent",
    "AgentRole",
    "Event",
    "EventType",
    "Format",
    "ObjectInfo",
    "ObjectRole",
    "Premis",
    "Related",
    "RightsInfo",
    "format_of",
    "identifier_type",
]

# Of the Library of Congress's vocabulary (id.loc.gov/vocabulary/preservation/eventType); see `premis.CODES`.
EventType = Literal[
    "accession", "appraisal", "capture", "creation", "deaccession", "decryption", "deletion",
    "digital signature generation", "digital signature validation", "dissemination", "encryption",
    "exporting", "fixity check", "format identification", "information package creation", "ingestion",
    "message digest calculation", "metadata extraction", "metadata modification", "migration", "modification",
    "packing", "policy assignment", "quarantine", "recovery", "redaction", "refreshment", "replication",
    "transfer", "unpacking", "unquarantine", "validation", "virus check",
]  # fmt: skip
# What an event of these types leaves is its object; the others look at their object, or take it away.
MAKING = {
    "accession", "capture", "creation", "decryption", "encryption", "information package creation",
    "ingestion", "metadata modification", "migration", "modification", "packing", "recovery", "redaction",
    "replication", "transfer", "unpacking",
}  # fmt: skip
Outcome = Literal["success", "failure", "warning"]
AgentRole = Literal["executing program", "implementer", "authorizer"]
ObjectRole = Literal["source", "outcome"]

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
INSTANT = r"^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,6})?Z$"
# PRONOM keys of formats that have one whatever their version. JPEG, PNG, PDF and DNG have one for each.
FORMATS = {
    ".glb": ("GL Transmission Format (Binary)", "fmt/1316"),
    ".ply": ("Polygon File Format", "fmt/831"),
    ".e57": ("ASTM E57 3D File Format", "fmt/643"),
    ".heic": ("High Efficiency Image File Format", "fmt/1101"),
    ".tif": ("Tagged Image File Format", "fmt/353"),
    ".tiff": ("Tagged Image File Format", "fmt/353"),
    ".mp4": ("MPEG-4 Media File", "fmt/199"),
    ".mov": ("Quicktime", "x-fmt/384"),
    ".json": ("JSON Data Interchange Format", "fmt/817"),
    ".xml": ("Extensible Markup Language", "fmt/101"),
    ".html": ("Hypertext Markup Language", "fmt/96"),
    ".csv": ("Comma Separated Values", "x-fmt/18"),
    ".txt": ("Plain Text File", "x-fmt/111"),
    ".zip": ("ZIP Format", "x-fmt/263"),
    ".tar": ("Tape Archive Format", "x-fmt/265"),
    ".jpg": ("JPEG File Interchange Format", ""),
    ".jpeg": ("JPEG File Interchange Format", ""),
    ".png": ("Portable Network Graphics", ""),
    ".dng": ("Digital Negative Format", ""),
    ".pdf": ("Portable Document Format", ""),
}


class Related(Model):
    """A relation between objects: of a part to its whole, of a thing to what it was made from."""

    kind: Literal["includes", "is included in", "has source", "is source of"]
    identifiers: tuple[Printable, ...]


class Format(Model):
    name: Printable
    pronom: str = Field(default="", pattern=r"^((x-)?fmt/[0-9]+)?$")


class Agent(Model):
    """A program with its version, an organisation, or a person: by pseudonym, there is no other field."""

    identifier: Printable
    name: Printable
    type: Literal["software", "person", "organisation"]
    version: Printable = ""

    @classmethod
    def software(cls, name: str, version: str) -> Self:
        return cls(identifier=f"{name} {version}", name=name, type="software", version=version)

    @classmethod
    def person(cls, pseudonym: str) -> Self:
        return cls(identifier=f"person {pseudonym}", name=pseudonym, type="person")

    @classmethod
    def organisation(cls, name: str, identifier: str = "") -> Self:
        return cls(identifier=identifier or f"organisation {name}", name=name, type="organisation")

    @property
    def role(self) -> AgentRole:
        """What it usually is to an event."""
        roles: dict[str, AgentRole] = {"software": "executing program", "person": "implementer"}
        return roles.get(self.type, "authorizer")


class AgentOf(Model):
    identifier: Printable
    role: AgentRole


class ObjectOf(Model):
    identifier: Printable
    role: ObjectRole


class Event(Model):
    """Something that happened to objects. Immutable: what was wrong is told by a later event."""

    identifier: str = Field(pattern=f"^{UUID.pattern}$")
    type: EventType
    date_time: str = Field(pattern=INSTANT, description="UTC")
    detail: Printable = ""
    outcome: Outcome = "success"
    note: Printable = Field(default="", description="what the outcome was, in words")
    agents: tuple[AgentOf, ...] = ()
    objects: tuple[ObjectOf, ...] = ()

    @classmethod
    def now(
        cls, type: EventType | str, *, objects: Iterable[str] = (), sources: Iterable[str] = (),  # noqa: A002
        agents: Iterable[Agent] = (), detail: str = "", outcome: Outcome = "success", note: str = "",
    ) -> Self:  # fmt: skip
        """An event that has just happened. What ``objects`` are to it follows from its type."""
        role: ObjectRole = "outcome" if type in MAKING else "source"
        concerned = [ObjectOf(identifier=one, role="source") for one in sources]
        concerned += [ObjectOf(identifier=one, role=role) for one in objects]
        return cls(
            identifier=str(uuid.uuid4()),
            type=type,  # type: ignore[arg-type]  # checked by the model
            date_time=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            detail=detail,
            outcome=outcome,
            note=note,
            agents=tuple(AgentOf(identifier=agent.identifier, role=agent.role) for agent in agents),
            objects=tuple(concerned),
        )

    def to_json(self) -> str:
        """One line of ASCII: safe in a journal, whatever splits it into lines."""
        return json.dumps(self.model_dump(mode="json", exclude_defaults=True), separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """The event that `to_json` wrote. Raises `InputError`."""
        try:
            return cls.model_validate_json(line)
        except ValidationError as error:
            raise InputError(
                say("This is no event:\n{problems}", problems=problems(error)),
                "The journal is damaged here; take it from another store.",
            ) from error


class ObjectInfo(Model):
    """An object: an intellectual entity (all there is of a capture), a representation, or a file."""

    identifier: Printable
    category: Literal["intellectual entity", "representation", "file"]
    title: Printable = ""
    original_name: Printable = ""
    size: int | None = Field(default=None, ge=0, description="bytes")
    fixity: dict[Literal["sha256", "sha512"], str] = Field(default={})
    format: Format | None = None
    relations: tuple[Related, ...] = ()

    @classmethod
    def file(
        cls, identifier: str, *, name: str, size: int, sha512: str, media_type: str = "", part_of: str = ""
    ) -> Self:
        """A file of an object; its format follows from its name, or else is its media type."""
        return cls(
            identifier=identifier,
            category="file",
            original_name=name,
            size=size,
            fixity={"sha512": sha512},
            format=format_of(name, media_type),
            relations=related("is included in", [part_of] if part_of else []),
        )

    @classmethod
    def whole(
        cls, identifier: str, *, title: str = "", made_from: Sequence[str] = (), parts: Sequence[str] = ()
    ) -> Self:
        """All there is of a capture or a model."""
        relations = related("has source", made_from) + related("includes", parts)
        return cls(identifier=identifier, category="intellectual entity", title=title, relations=relations)


class RightsInfo(Model):
    """A licence or a rights statement, and the objects that it is for."""

    identifier: Printable
    uri: Link
    holder: Printable = ""
    note: Printable = ""
    objects: tuple[Printable, ...] = ()

    @classmethod
    def of(cls, rights: Rights, objects: Sequence[str]) -> Self:
        name = f"{objects[0]}#rights" if objects else "rights"
        return cls(
            identifier=name, uri=rights_uri(rights), holder=rights.holder or "", note=rights.credit or "",
            objects=tuple(objects),
        )  # fmt: skip


class Premis(Model):
    """The contents of a PREMIS file."""

    objects: tuple[ObjectInfo, ...]
    events: tuple[Event, ...] = ()
    agents: tuple[Agent, ...] = ()
    rights: tuple[RightsInfo, ...] = ()


def related(
    kind: Literal["includes", "is included in", "has source"], others: Sequence[str]
) -> tuple[Related, ...]:
    return (Related(kind=kind, identifiers=tuple(others)),) if others else ()


def format_of(name: str, media_type: str = "") -> Format:
    """The format of a file by its name; "unknown" if neither name nor media type tells."""
    known = FORMATS.get(PurePosixPath(name).suffix.lower())
    if known:
        return Format(name=known[0], pronom=known[1])
    return Format(name=media_type or "unknown")


def identifier_type(identifier: str) -> str:
    """How PREMIS calls the scheme of an identifier."""
    if identifier.startswith("ark:"):
        return "ARK"
    if identifier.startswith(("http://", "https://")):
        return "URI"
    return "UUID" if UUID.fullmatch(identifier) else "local"
