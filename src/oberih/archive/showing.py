"""What is known of an object, in the form of the standard that somebody asks for."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from oberih.archive.archive import Archive
from oberih.archive.deposit import ABOUT, CAPTURE, DESCRIPTION, MODEL, PREMIS, cleaned
from oberih.archive.journal import AGENT, events_of
from oberih.archive.metadata import (
    CaptureGiven,
    CaptureInfo,
    Description,
    ModelInfo,
    Publication,
    dublin_core,
    edm,
    lido,
    premis_xml,
    read_premis,
    schema_org,
    smithsonian,
)
from oberih.archive.metadata.premis import ObjectInfo
from oberih.archive.ocfl import OcflObject
from oberih.errors import Damaged, InputError, OberihError
from oberih.i18n import say

__all__ = ["shown_as"]


def shown_as(
    archive: Archive, identifier: str, form: str, *, page: str = "",
    unreadable: list[OberihError] | None = None,
) -> bytes:  # fmt: skip
    """An object's record as ``form``: json, premis, dublin-core, lido, edm, schema-org or smithsonian.

    ``page``: where it is shown to the public. ``unreadable`` is told of damaged journals and parts, which are
    left out. Raises `InputError` if it has no description.
    """
    found = archive.object(identifier)
    files = found.inventory.files()
    if form == "json":
        parts = parts_of(found, (ABOUT, CAPTURE, MODEL, DESCRIPTION), unreadable)
        versions = {name: v.created for name, v in found.inventory.versions.items()}
        replicas = [vars(replica) for replica in archive.index.replicas(found.id)]
        whole = {"id": found.id, "head": found.head, "inventory_digest": found.digest, "versions": versions,
                 "files": {path: held.digest for path, held in files.items()},
                 "replicas": replicas, **parts}  # fmt: skip
        return as_json(whole)
    if form == "premis":
        return premis_of(archive, found, unreadable)
    if DESCRIPTION not in files:
        raise InputError(
            say("{id} has no description yet.", id=found.id),
            "Write one (docs/description.schema.json) and give it: oberih describe ID FILE",
        )
    description = Description.load(found.read(DESCRIPTION))
    model = ModelInfo.load(found.read(MODEL)) if MODEL in files else None
    keeper = description.repository.names if description.repository else {}
    publication = Publication.model_validate({
        "identifier": found.id,
        "page": web_page(page or f"{archive.settings.resolver}{found.id}"),
        "publisher": keeper or {"en": archive.settings.publisher},
    })  # fmt: skip
    if form == "schema-org":
        return as_json(schema_org(description, publication, model))
    if form == "smithsonian":
        captures = (
            [CaptureGiven(identifier=found.id, info=CaptureInfo.load(found.read(CAPTURE)))]
            if CAPTURE in files
            else []
        )
        return smithsonian(description, publication, captures, model).dump()
    write = {"dublin-core": dublin_core, "lido": lido, "edm": edm}[form]
    return write(description, publication, model)


def web_page(address: str) -> str:
    """The address of a page. Raises `InputError` if it is of nothing on the web."""
    try:
        parts = urlsplit(address)
        if parts.scheme in ("http", "https") and parts.hostname:
            return address
    except ValueError:
        pass
    raise InputError(
        say("{address} is no address of a web page.", address=address[:100]),
        "Give one that begins with https://",
    )


def parts_of(found: OcflObject, names: Sequence[str], unreadable: list[OberihError] | None) -> dict[str, Any]:
    """What the files ``names`` of an object tell, as far as they are there and whole."""
    told = {}
    for name in (name for name in names if name in found.inventory.files()):
        try:
            told[name.removesuffix(".json")] = cleaned(json.loads(found.read(name)))
        except Damaged as error:
            if unreadable is None:
                raise
            unreadable.append(error)
        except (ValueError, RecursionError):  # another program's file of that name
            continue
    return told


def premis_of(archive: Archive, found: OcflObject, unreadable: list[OberihError] | None) -> bytes:
    """Every preservation event of an object: those in its versions, and those in the journals since."""
    objects: dict[str, Any] = {}
    events: dict[str, Any] = {}
    agents: dict[str, Any] = {AGENT.identifier: AGENT}
    for version in found.inventory.versions:
        if PREMIS in found.inventory.files(version):
            told = read_premis(found.read(PREMIS, version))
            objects |= {one.identifier: one for one in told.objects}
            events |= {one.identifier: one for one in told.events}
            agents |= {one.identifier: one for one in told.agents}
    objects.setdefault(found.id, ObjectInfo.whole(found.id))  # another program's object tells nothing
    events |= {one.identifier: one for one in events_of(archive, found.id, unreadable)}
    ordered = sorted(events.values(), key=lambda event: event.date_time)
    return premis_xml(list(objects.values()), ordered, list(agents.values()))


def as_json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n").encode()
