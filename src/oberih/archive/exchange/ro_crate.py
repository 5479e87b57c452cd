"""RO-Crate 1.2: a folder of files with one JSON-LD document that says what they are and how they were made.

The context is named, never fetched. Writing is all there is: crates are for handing out.
"""

import html
import json
import mimetypes
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from oberih.archive.exchange.exporting import Content, Names, chunks_of, new_folder, write_file
from oberih.archive.exchange.safe_paths import shown
from oberih.errors import InputError
from oberih.i18n import say
from oberih.progress import Tick

__all__ = [
    "METADATA",
    "PREVIEW",
    "Agent",
    "CrateFile",
    "CrateInfo",
    "Made",
    "Software",
    "crate_id",
    "write_crate",
]

VERSION = "https://w3id.org/ro/crate/1.2"
# SHA-512 is no term of schema.org; this is the one of the Workflow Run profile.
CONTEXT = [f"{VERSION}/context", {"sha512": "https://w3id.org/ro/terms/workflow-run#sha512"}]
ARK = "https://registry.identifiers.org/registry/ark"
METADATA = "ro-crate-metadata.json"
PREVIEW = "ro-crate-preview.html"
KNOWN_AS_IS = "/!$&'()*+,;=@"  # stand for themselves in the path of an address
FORMATS = {
    ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json",
    ".heic": "image/heic",
    ".jsonld": "application/ld+json",
    ".las": "application/vnd.las",
    ".laz": "application/vnd.laszip",
    ".obj": "model/obj",
    ".stl": "model/stl",
    ".usdz": "model/vnd.usdz+zip",
    ".webp": "image/webp",
}
Json = dict[str, Any]


@dataclass(frozen=True)
class CrateFile:
    """A file of a crate: its path there, its bytes, and what a person should know of it."""

    path: str
    content: Content
    name: str = ""
    description: str = ""
    format: str = ""  # media type; by the ending of its name if not given


@dataclass(frozen=True)
class Software:
    """A program that made something."""

    name: str
    version: str
    url: str = ""


@dataclass(frozen=True)
class Agent:
    """A person (a pseudonym will do) or an organisation."""

    name: str
    identifier: str = ""  # an address, such as an ORCID's
    organization: bool = False


@dataclass(frozen=True)
class Made:
    """An act that made files of the crate: a reconstruction, for instance, out of a capture.

    ``sources`` and ``results`` are files of the crate, folders of it (with "/" at the end), or addresses.
    """

    name: str
    sources: tuple[str, ...]
    results: tuple[str, ...]
    software: tuple[Software, ...] = ()
    agent: Agent | None = None
    started: datetime | date | None = None
    ended: datetime | date | None = None
    description: str = ""


@dataclass(frozen=True)
class CrateInfo:
    """What a crate says of itself."""

    name: str
    description: str
    published: datetime | date
    license: str  # an address (https://creativecommons.org/...), or a sentence
    license_name: str = ""
    identifier: str = ""  # "ark:/..." or an address
    url: str = ""  # where the identifier leads
    authors: tuple[Agent, ...] = ()
    publisher: Agent | None = None
    keywords: tuple[str, ...] = ()
    made: tuple[Made, ...] = ()


def write_crate(
    folder: Path,
    files: Iterable[CrateFile],
    *,
    info: CrateInfo,
    preview: bool = True,
    tick: Tick | None = None,
) -> Path:
    """Write a new crate that appears whole or not at all. Returns the path of its metadata.

    Every file is an entity with its size, SHA-256 and SHA-512. ``tick`` is told the bytes written.
    """
    folder = Path(folder)
    names = Names()
    names.add(METADATA)
    if preview:
        names.add(PREVIEW)
    entities: dict[str, Json] = {}
    with new_folder(folder) as work:
        for file in files:
            names.add(file.path)
            chunks = chunks_of(file.path, file.content)
            size, digests = write_file(work / file.path, chunks, ["sha256", "sha512"], tick)
            entities[file.path] = file_entity(file, size, digests)
        graph = described(info, entities)
        document = json.dumps({"@context": CONTEXT, "@graph": graph}, ensure_ascii=False, indent=1)
        write_file(work / METADATA, [text_bytes(document)])
        if preview:
            write_file(work / PREVIEW, [text_bytes(preview_html(info, entities))])
    return folder / METADATA


def text_bytes(text: str) -> bytes:
    try:
        return f"{text}\n".encode()
    except UnicodeEncodeError as error:
        raise InputError(say("The description is not Unicode text.")) from error


def crate_id(path: str) -> str:
    """A file's path as an identifier: what an address cannot hold is encoded, letters stay readable."""
    return "".join(
        letter
        if (ord(letter) > 127 and letter.isprintable()) or letter in KNOWN_AS_IS
        else quote(letter, safe="")
        for letter in path
    )


def file_entity(file: CrateFile, size: int, digests: dict[str, str]) -> Json:
    ending = Path(file.path).suffix.lower()
    known = FORMATS.get(ending) or mimetypes.guess_type(f"x{ending}")[0] or "application/octet-stream"
    return filled(
        {
            "@id": crate_id(file.path),
            "@type": "File",
            "name": file.name or file.path.rpartition("/")[2],
            "description": file.description,
            "encodingFormat": file.format or known,
            "contentSize": str(size),
            "sha256": digests["sha256"],
            "sha512": digests["sha512"],
        }
    )


def filled(entity: Json) -> Json:
    """``entity`` without what is not known; lists of one are that one."""
    found = {key: value for key, value in entity.items() if value not in ("", None, [], ())}
    return {
        key: value[0] if isinstance(value, list) and len(value) == 1 else value
        for key, value in found.items()
    }


def reference(entity: Json) -> Json:
    return {"@id": entity["@id"]}


def described(info: CrateInfo, files: dict[str, Json]) -> list[Json]:
    """The graph: metadata descriptor, root, files, folders that acts name, and what they refer to."""
    others: dict[str, Json] = {}  # by identifier, each once
    acts = [act_entity(number, made, files, others) for number, made in enumerate(info.made, 1)]
    folders = [one for one in others.values() if one["@type"] == "Dataset"]
    inside = {part["@id"] for one in folders for part in parts_of(one)}
    root = filled(
        {
            "@id": "./",
            "@type": "Dataset",
            "name": info.name,
            "description": info.description or info.name,
            "datePublished": info.published.isoformat(),
            "license": license_of(info, others),
            "identifier": identifier_of(info, others),
            "cite-as": info.url,
            "author": [agent_reference(agent, others) for agent in info.authors],
            "publisher": agent_reference(info.publisher, others) if info.publisher else None,
            "keywords": ", ".join(info.keywords),
            "hasPart": [reference(one) for one in (*files.values(), *folders) if one["@id"] not in inside],
            "mentions": [reference(act) for act in acts],
        }
    )
    descriptor = {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": VERSION},
    }
    return [descriptor, root, *files.values(), *acts, *others.values()]


def parts_of(folder: Json) -> list[Json]:
    parts = folder["hasPart"]
    return parts if isinstance(parts, list) else [parts]


def license_of(info: CrateInfo, others: dict[str, Json]) -> Json | str:
    if not is_address(info.license):
        return info.license
    name = info.license_name or info.license
    entity = {"@id": info.license, "@type": "CreativeWork", "name": name, "url": info.license}
    return reference(others.setdefault(info.license, entity))


def identifier_of(info: CrateInfo, others: dict[str, Json]) -> Json | None:
    if not info.identifier:
        return None
    entity = filled(
        {
            "@id": info.url or (info.identifier if is_address(info.identifier) else "#identifier"),
            "@type": "PropertyValue",
            "propertyID": "https://registry.identifiers.org/registry/ark"
            if info.identifier.startswith("ark:")
            else "",
            "value": info.identifier,
            "url": info.url,
        }
    )
    return reference(others.setdefault(entity["@id"], entity))


def agent_reference(agent: Agent, others: dict[str, Json]) -> Json:
    identifier = agent.identifier if is_address(agent.identifier) else f"#agent-{crate_id(agent.name)}"
    kind = "Organization" if agent.organization else "Person"
    return reference(others.setdefault(identifier, {"@id": identifier, "@type": kind, "name": agent.name}))


def software_reference(software: Software, others: dict[str, Json]) -> Json:
    identifier = f"#software-{crate_id(f'{software.name} {software.version}'.replace('/', '-'))}"
    entity = {
        "@id": identifier,
        "@type": "SoftwareApplication",
        "name": software.name,
        "version": software.version,
        "url": software.url,
    }
    return reference(others.setdefault(identifier, filled(entity)))


def act_entity(number: int, made: Made, files: dict[str, Json], others: dict[str, Json]) -> Json:
    return filled(
        {
            "@id": f"#act-{number}",
            "@type": "CreateAction",
            "name": made.name,
            "description": made.description,
            "object": [thing(one, files, others) for one in made.sources],
            "result": [thing(one, files, others) for one in made.results],
            "instrument": [software_reference(one, others) for one in made.software],
            "agent": agent_reference(made.agent, others) if made.agent else None,
            "startTime": made.started.isoformat() if made.started else "",
            "endTime": made.ended.isoformat() if made.ended else "",
        }
    )


def thing(named: str, files: dict[str, Json], others: dict[str, Json]) -> Json:
    """A reference to a file, a folder or something outside of the crate."""
    if named in files:
        return reference(files[named])
    if named.endswith("/") and any(path.startswith(named) for path in files):
        parts = [reference(entity) for path, entity in files.items() if path.startswith(named)]
        folder: Json = {
            "@id": crate_id(named),
            "@type": "Dataset",
            "name": named.rstrip("/").rpartition("/")[2],
            "hasPart": parts,
        }
        return reference(others.setdefault(folder["@id"], filled(folder)))
    if is_address(named) or named.startswith("ark:"):
        return reference(
            others.setdefault(
                named, {"@id": named, "@type": "CreativeWork", "name": named, "identifier": named}
            )
        )
    raise InputError(say("{path} is neither in the package nor an address.", path=shown(named)))


def is_address(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s<>\"{}|\\^`]+", text) is not None


def preview_html(info: CrateInfo, files: dict[str, Json]) -> str:
    """A page for people who have a browser and nothing else."""
    rows = "\n".join(
        f'<tr><td><a href="{html.escape(entity["@id"])}">{html.escape(path)}</a></td>'
        f"<td>{html.escape(entity['encodingFormat'])}</td><td>{entity['contentSize']}</td></tr>"
        for path, entity in files.items()
    )
    facts = list_items(
        [*(one.name for one in info.authors), info.published.isoformat(), info.license, info.identifier]
    )
    return (
        '<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(info.name)}</title>\n</head>\n<body>\n<h1>{html.escape(info.name)}</h1>\n"
        f"<p>{html.escape(info.description)}</p>\n<ul>\n{facts}\n</ul>\n<table>\n{rows}\n</table>\n"
        "</body>\n</html>"
    )


def list_items(facts: Sequence[str]) -> str:
    return "\n".join(f"<li>{html.escape(fact)}</li>" for fact in facts if fact)
