"""Putting things into the archive: recordings as they came, models that were made from them, descriptions.

A capture and a model are objects of their own. Every object holds

    object.json        what it is: kind, title, what it was made from, who brought it (a pseudonym)
    description.json   the descriptive core (see `metadata.description`), when there is one
    premis.xml         the version's preservation events, and every file with its digest (PREMIS 3)

A capture's recordings lie under ``originals/``, byte for byte; a model's files are those of
``oberih reconstruct``. A later version never takes away what an earlier one holds.
"""

import hashlib
import json
import mimetypes
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oberih import __version__
from oberih.archive.archive import MAIN, Archive
from oberih.archive.index import GOOD, LONG_AGO, UNCHECKED, Entry, Replica, instant
from oberih.archive.metadata.description import CaptureInfo, CaptureOf, Description, ModelInfo, model_info
from oberih.archive.metadata.premis import Agent, Event, ObjectInfo, premis_xml
from oberih.archive.ocfl import Added, Commit, OcflObject, begin
from oberih.archive.ocfl.objects import read_at
from oberih.archive.people.keyring import checked_pseudonym
from oberih.archive.stores import Store
from oberih.capture import Recording, recordings
from oberih.errors import InputError
from oberih.i18n import say
from oberih.progress import Progress

__all__ = [
    "ABOUT",
    "CAPTURE",
    "DESCRIPTION",
    "MODEL",
    "ORIGINALS",
    "PREMIS",
    "Deposited",
    "about_of",
    "cleaned",
    "deposit_capture",
    "deposit_files",
    "deposit_model",
    "describe",
    "entry_at",
    "entry_of",
    "new_version",
    "read_about",
    "readable_text",
]

ABOUT, DESCRIPTION, PREMIS, ORIGINALS = "object.json", "description.json", "premis.xml", "originals"
CAPTURE, MODEL = "capture.json", "model.json"
SCHEMA = "oberih-object/1"
MOST_LETTERS = 1000  # of a title
MOST_BYTES = 1 << 62  # that an object may say it has
MODEL_PARTS = ("model.glb", "report.json", "paradata.json")  # a folder without these is no model


@dataclass(frozen=True)
class Deposited:
    """The receipt: with it, anybody can check that the archive holds what was brought."""

    id: str
    version: str
    digest: str  # sha512 of the inventory: stands for this version and every byte of it
    files: Mapping[str, str] = field(repr=False)  # path in the object -> sha512
    bytes: int


def deposit_capture(
    archive: Archive,
    paths: Sequence[Path | str],
    *,
    title: str = "",
    description: Description | None = None,
    person: str = "",
    conditions: str = "",
    identifier: str = "",
    beside: Mapping[str, bytes] | None = None,
    ignore: Sequence[Path] = (),
    progress: Progress | None = None,
) -> Deposited:
    """Deposit recordings as a new capture, untouched, before anything else happens to them.

    ``person`` is a pseudonym (see `people`), ``identifier`` one of `Archive.mint`, ``beside``
    small files that go along (a receipt). Raises `InputError` if there are no files, or if the person is
    none, or withdrew; `StoreError`.
    """
    if person:
        refuse_person(archive, person)
    found = readable(paths, [archive.folder, *ignore])
    if not found:
        raise InputError("There are no files to deposit.", "Give the files, or the folder that holds them.")
    files = {f"{ORIGINALS}/{recording.name}": recording.path for recording in found}
    info = capture_info(found, person, conditions)
    extra = {CAPTURE: info.dump(), **described(description), **(beside or {})}
    about = {"kind": "capture", "title": title or titled(description) or named_after(paths)}
    if person:
        about["person"] = person
    return deposit_files(
        archive, files, about, extra, event="capture", identifier=identifier, progress=progress
    )


def refuse_person(archive: Archive, person: str) -> None:
    """Raise `InputError` if ``person`` is no pseudonym, or withdrew: what is written stays for ever."""
    from oberih.archive.people.withdrawals import withdrawal_of  # it imports this module

    if withdrawal_of(archive, checked_pseudonym(person)) is not None:
        raise InputError(
            say("{pseudonym} has withdrawn.", pseudonym=person),
            "Nothing was deposited. If the person agrees again, begin anew: oberih people add",
        )


def deposit_model(
    archive: Archive,
    folder: Path | str,
    captures: Sequence[Deposited],
    *,
    title: str = "",
    description: Description | None = None,
    identifier: str = "",
    progress: Progress | None = None,
) -> Deposited:
    """Deposit what ``oberih reconstruct`` made in ``folder`` as a new model, which names its captures.

    Work in progress (``folder/work``) is left out. Raises `InputError` if ``folder`` holds no whole model.
    """
    folder = Path(folder)
    missing = [name for name in MODEL_PARTS if not (folder / name).is_file()]
    if missing:
        raise InputError(
            say("{path} holds no model: {name} is missing.", path=folder, name=missing[0]),
            "Run `oberih reconstruct` to its end first.",
        )
    files = model_files(archive, folder)
    made_from = [
        {"id": capture.id, "version": capture.version, "digest": capture.digest} for capture in captures
    ]
    about = {"kind": "model", "title": title or titled(description) or folder.name, "captures": made_from}
    extra = {MODEL: measured(folder, captures, textures=1).dump(), **described(description)}
    return deposit_files(
        archive, files, about, extra, event="creation", identifier=identifier, progress=progress
    )


def model_files(archive: Archive, folder: Path) -> dict[str, Path]:
    """Path in the object -> file of what ``oberih reconstruct`` or ``import`` made in ``folder``, apart from
    its work and from originals, which are in the capture.
    """
    return {r.name: r.path for r in readable([folder], [folder / "work", folder / ORIGINALS, archive.folder])}


def measured(folder: Path, captures: Sequence[Deposited], *, textures: int) -> ModelInfo:
    """What the report says of a model, and exactly which captures it was made from."""
    made_from = [CaptureOf(identifier=one.id, inventory_digest=one.digest) for one in captures]
    try:
        report = json.loads((folder / "report.json").read_bytes())
        return model_info(report, made_from, textures=textures)
    except (OSError, ValueError) as error:
        raise InputError(
            say("{path} cannot be read.", path=folder / "report.json"), "Run `oberih reconstruct` again."
        ) from error


def deposit_files(
    archive: Archive,
    files: Mapping[str, Path],
    about: Mapping[str, Any],
    extra: Mapping[str, bytes],
    *,
    event: str,
    identifier: str = "",
    progress: Progress | None = None,
) -> Deposited:
    """Deposit ``files`` (path in the object -> file) and small ``extra`` files as a new object.

    ``identifier``: a new one of `Archive.mint`, if it had to be known before.
    """
    progress = progress or Progress()
    identifier = identifier or archive.mint()
    size = sum(file.stat().st_size for file in files.values() if file.is_file())
    with (
        archive.locked(exclusive=False),
        progress.stage("depositing", size) as stage,
        begin(archive.main, identifier, message=f"deposit of a {about['kind']}", user=agent_name()) as commit,
    ):
        added = commit.add_all(files.items(), threads=os.cpu_count() or 1, tick=stage.tick)
        size = sum(one.size for one in added) + sum(map(len, extra.values()))
        about = {"schema": SCHEMA, "id": identifier, "created": instant(), "bytes": size, **about}
        about["title"] = readable_text(str(about["title"]))
        finish(commit, added, about, extra, event)
        made = commit.finish()
        return registered(archive, made, about)


def describe(
    archive: Archive, identifier: str, description: Description, *, progress: Progress | None = None
) -> Deposited:
    """A new version of an object with another description; all else stays. Raises `Conflict`."""
    (progress or Progress()).check()
    return new_version(
        archive, identifier, described(description), message="description", event="metadata modification",
        title=titled(description),
    )  # fmt: skip


def new_version(
    archive: Archive,
    identifier: str,
    files: Mapping[str, bytes],
    *,
    message: str,
    event: str,
    title: str = "",
    kind: str = "",
) -> Deposited:
    """A new version of an object in which small ``files`` are new; all else stays. Raises `Conflict`."""
    with archive.locked(exclusive=False):
        base = archive.object(identifier)
        about = {"schema": SCHEMA, "kind": "object", "title": identifier, **about_of(base), "id": base.id}
        about |= {"title": title or about["title"], "kind": kind or about["kind"]}
        about["bytes"] = about.get("bytes", 0) + sum(map(len, files.values()))
        with begin(archive.main, base.id, base=base, message=message, user=agent_name()) as commit:
            commit.keep()
            finish(commit, [], about, files, event)
            made = commit.finish()
        return registered(archive, made, about)


def finish(
    commit: Commit, added: Sequence[Added], about: Mapping[str, Any], extra: Mapping[str, bytes], event: str
) -> None:
    """Add what every version has: what the object is, and its preservation metadata, last."""
    small = [commit.add(path, [data]) for path, data in {ABOUT: as_json(about), **extra}.items()]
    commit.add(PREMIS, [premis_of(about, [*added, *small], event)])


def premis_of(about: Mapping[str, Any], added: Sequence[Added], kind: str) -> bytes:
    identifier = str(about["id"])
    sources = [str(capture["id"]) for capture in about.get("captures", [])]
    files = [
        ObjectInfo.file(
            f"{identifier}/{a.path}", name=a.path, size=a.size, sha512=a.sha512,
            media_type=mimetypes.guess_type(a.path)[0] or "application/octet-stream", part_of=identifier,
        )
        for a in added
    ]  # fmt: skip
    whole = ObjectInfo.whole(identifier, title=str(about["title"]), made_from=sources)
    program = Agent.software("Oberih", __version__)
    events = [
        Event.now(kind, objects=[identifier], sources=sources, agents=[program]),
        Event.now("message digest calculation", objects=[identifier], agents=[program], detail="SHA-512"),
        Event.now("ingestion", objects=[identifier], agents=[program]),
    ]
    return premis_xml([whole, *files], events, [program])


def capture_info(found: Sequence[Recording], person: str, conditions: str) -> CaptureInfo:
    devices = sorted({f"{r.make} {r.model}".strip() for r in found} - {""})
    times = sorted(r.taken_at for r in found if r.taken_at)
    told = {
        "person": person,
        "conditions": conditions,
        "taken_from": times[0].isoformat() if times else "",
        "taken_to": times[-1].isoformat() if times else "",
    }
    return CaptureInfo.make({
        "devices": devices,
        "files": len(found),
        "photos": sum(r.is_photo for r in found),
        **{name: value for name, value in told.items() if value},
    })  # fmt: skip


def registered(archive: Archive, made: OcflObject, about: Mapping[str, Any]) -> Deposited:
    """Write a new version into the index, and make its receipt."""
    entry = entry_of(made, about)
    state, checked = GOOD, instant()
    if made.head != "v1":  # of what earlier versions hold, nothing was read
        before = [r for r in archive.index.replicas(made.id) if r.store == MAIN]
        state, checked = (before[0].state, before[0].checked) if before else (UNCHECKED, LONG_AGO)
    archive.index.put([entry], [Replica(made.id, MAIN, made.head, state, checked)])
    files = {path: found.digest for path, found in made.inventory.files().items()}
    return Deposited(made.id, made.head, made.digest, files, entry.bytes)


def entry_at(store: Store, key: str) -> Entry:
    """What the index says of the object at ``key``. Raises `Damaged`, `InputError`, `NotInArchive`."""
    found = read_at(store, key)
    return entry_of(found, about_of(found))


def about_of(found: OcflObject) -> dict[str, Any]:
    """What an object says it is; nothing if it is another program's. Raises `Damaged`."""
    if ABOUT not in found.inventory.files():
        return {}
    try:
        return read_about(found.read(ABOUT))
    except ValueError:
        return {}  # somebody else's file of that name


def read_about(data: bytes) -> dict[str, Any]:
    """What an ``object.json`` says, whoever wrote it; what is not of its kind is left out.

    Raises `ValueError` if it is none.
    """
    try:
        about = cleaned(json.loads(data))  # both are bounded by the depth that Python allows
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(about, dict):
        raise ValueError("no object")
    for name in ("id", "kind", "title", "created", "person"):
        if name in about:
            about[name] = str(about[name])[:MOST_LETTERS]
    size = about.get("bytes")
    if not isinstance(size, int) or not 0 <= size < MOST_BYTES:
        about.pop("bytes", None)
    sources = about.get("captures", [])
    sources = sources if isinstance(sources, list) else []
    about["captures"] = [one for one in sources if isinstance(one, dict) and isinstance(one.get("id"), str)]
    if not about["captures"]:
        del about["captures"]
    return about


def cleaned(value: Any) -> Any:
    """What JSON holds, with every text in it readable."""
    if isinstance(value, str):
        return readable_text(value)
    if isinstance(value, list):
        return [cleaned(one) for one in value]
    if isinstance(value, dict):
        return {readable_text(name): cleaned(one) for name, one in value.items()}
    return value


def readable_text(text: str) -> str:
    """``text`` with what is no UTF-8 shown as such: it goes into JSON, XML and the index."""
    return text.encode("utf-8", "backslashreplace").decode()


def entry_of(made: OcflObject, about: Mapping[str, Any]) -> Entry:
    """What the index says of an object."""
    inventory = made.inventory
    size = about.get("bytes")
    if not isinstance(size, int):  # another program's object
        size = sum(stat.size for stat in made.store.list(made.key))
    return Entry(
        made.id, str(about.get("kind", "")), made.head, made.digest, len(inventory.files()), size,
        str(about.get("title", "")), instant(inventory.versions[inventory.head].created),
    )  # fmt: skip


def readable(paths: Sequence[Path | str], ignore: Sequence[Path]) -> tuple[Recording, ...]:
    """All files among ``paths``. Raises `InputError` if one cannot be read: none may be missing unnoticed."""
    try:
        return recordings(paths, ignore=ignore)
    except OSError as error:
        raise unreadable(error) from error


def digest_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha512").hexdigest()
    except OSError as error:
        raise unreadable(error) from error


def unreadable(error: OSError) -> InputError:
    why = error.strerror or type(error).__name__
    return InputError(
        say("{path} cannot be read: {why}", path=error.filename, why=why),
        "Check the file and its permissions, or leave it out. Nothing was deposited.",
    )


def described(description: Description | None) -> dict[str, bytes]:
    return {DESCRIPTION: description.dump()} if description else {}


def titled(description: Description | None) -> str:
    return description.title() if description else ""


def named_after(paths: Sequence[Path | str]) -> str:
    """A title for what has none: the name of the folder, or of the first file."""
    return readable_text(Path(paths[0]).resolve().name)


def agent_name() -> tuple[str, str]:
    """Name and address for the inventory: the program. Persons are pseudonyms, in object.json."""
    return f"Oberih {__version__}", "https://www.wikidata.org/wiki/Q7397"


def as_json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()
