"""Taking in what others have: bags, folders of old scans with a spreadsheet, another Oberih archive."""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha512
from pathlib import Path

from oberih.archive.archive import MAIN, Archive
from oberih.archive.configuration import CONFIGURATION
from oberih.archive.deposit import (
    ABOUT,
    CAPTURE,
    ORIGINALS,
    Deposited,
    deposit_files,
    described,
    digest_of,
    entry_at,
    read_about,
)
from oberih.archive.exchange.bagit import bag_bytes, read_bag, unpacked, validate_bag
from oberih.archive.exchange.sheets import Item, Row, match, read_sheet
from oberih.archive.fixity.gather import IMPORTING, scratch_root
from oberih.archive.holdings import Holding
from oberih.archive.index import GOOD, Replica, instant
from oberih.archive.journal import JOURNAL, LEDGER
from oberih.archive.lock import locked
from oberih.archive.metadata.description import CaptureInfo, Description
from oberih.archive.ocfl import OcflObject, copy_object, object_key, read_object, validate_object
from oberih.archive.people.withdrawals import (
    PERSON,
    WITHDRAWAL,
)
from oberih.archive.rebuild import unread
from oberih.archive.replicate import Trouble, none_opened
from oberih.archive.stores import Unreadable, exists
from oberih.errors import Conflict, Damaged, InputError, KeyNeeded, NotInArchive
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["Adopted", "FromSheet", "adopt", "deposit_bag", "deposit_sheet", "description_of"]

ROW = "row.json"  # as it came
KINDS = {
    "building": "building", "будівля": "building", "споруда": "building", "monument": "monument",
    "пам'ятник": "monument", "пам’ятник": "monument", "statue": "statue", "скульптура": "statue",
    "статуя": "statue", "object": "object", "предмет": "object", "site": "site", "місце": "site",
    "street": "street", "вулиця": "street", "home": "home", "дім": "home", "житло": "home",
}  # fmt: skip


def deposit_bag(
    archive: Archive, bag: Path, *, title: str = "", progress: Progress | None = None
) -> Deposited:
    """Deposit a bag (a folder, or a .zip, .tar or .tar.gz of one) as a new capture, just as it came.

    It is checked first, every byte. Raises `InputError` that lists what is wrong with it.
    """
    progress = progress or Progress()
    if not bag.is_dir():
        with progress.stage("unpacking", 0) as stage, unpacked(bag, tick=lambda _: stage.tick(0)) as folder:
            return deposit_bag(archive, folder, title=title or bag.stem, progress=progress)
    with progress.stage("checking the bag", bag_bytes(bag)) as stage:
        errors = [finding for finding in validate_bag(bag, tick=stage.tick) if finding.level == "error"]
    if errors:
        listed = "\n".join(f"  {one.code} {one.path}: {one.message}" for one in errors[:20])
        raise InputError(
            say("The bag is not valid:\n{problems}", problems=listed),
            "Ask the sender for a new copy. Nothing was deposited.",
        )
    info = read_bag(bag).info
    if read_bag(bag).fetch:
        missing = sum(not (bag / "data" / name).is_file() for name in read_bag(bag).fetch)
        if missing:
            raise InputError(
                say("Files that the bag leaves out have to be fetched first: {count}", count=missing),
                "Put them into its folder `data`; fetch.txt says from where.",
            )
    found = all_files(bag)
    told = title or next(iter(info.get("External-Description", ())), "") or bag.resolve().name
    about = {"kind": "capture", "title": told, "came_as": "bag"}
    sender = {
        label: list(values) for label, values in info.items() if label.startswith(("External", "Source"))
    }
    extra = {
        CAPTURE: CaptureInfo.make(
            {"files": len(found), "notes": {"en": json.dumps(sender, ensure_ascii=False)}}
        ).dump()
    }
    files = {f"{ORIGINALS}/{path.relative_to(bag).as_posix()}": path for path in found}
    return deposit_files(archive, files, about, extra, event="accession", progress=progress)


def all_files(bag: Path) -> list[Path]:
    """Every file of a valid bag, hidden ones too."""
    return sorted(Path(folder, name) for folder, _, names in os.walk(bag) for name in names)


SHEETS = "oberih-sheets.lock"  # held while rows are deposited


@dataclass
class FromSheet:
    """What became of the rows of a sheet."""

    made: list[Deposited] = field(default_factory=list)
    there: list[str] = field(default_factory=list)  # captures of rows that were deposited before


def deposit_sheet(
    archive: Archive, folder: Path, sheet: Path, *, progress: Progress | None = None,
    tell: Callable[[Deposited], None] = lambda _: None,
) -> FromSheet:  # fmt: skip
    """Deposit a folder of old scans: one capture for each row of a CSV file or spreadsheet.

    ``tell`` is told of each as it is made. May be stopped and run again: what is there of the same row and
    files is not deposited twice. Raises `InputError` that lists every row without files and every file
    without a row; then nothing is deposited.
    """
    items = match(read_sheet(sheet), folder, besides=[sheet])
    described_as = [description_of(item.row, archive.settings.publisher) for item in items]
    # Else two who bring the same sheet would both find nothing there.
    with locked(archive.folder, exclusive=True, name=SHEETS):
        return deposit_rows(archive, folder, items, described_as, progress, tell)


def deposit_rows(
    archive: Archive, folder: Path, items: Sequence[Item], described_as: Sequence[Description],
    progress: Progress | None, tell: Callable[[Deposited], None],
) -> FromSheet:  # fmt: skip
    done, before = FromSheet(), rows_there(archive)
    for item, description in zip(items, described_as, strict=True):
        row = json.dumps(row_as_it_came(item.row), ensure_ascii=False, indent=2).encode()
        files = {f"{ORIGINALS}/{path.relative_to(folder).as_posix()}": path for path in item.files}
        same = [
            known
            for known in before.get(sha512(row).hexdigest(), ())
            if known.originals.keys() == files.keys()
        ]
        digests = {path: digest_of(file) for path, file in files.items()} if same else {}
        there = next((old.id for old in same if old.originals == digests), "")
        if there:
            done.there.append(there)
            continue
        about = {"kind": "capture", "title": description.title(), "came_as": "spreadsheet"}
        extra = {
            CAPTURE: CaptureInfo.make({"files": len(files)}).dump(),
            ROW: row,
            **described(description),
        }
        made = deposit_files(archive, files, about, extra, event="accession", progress=progress)
        done.made.append(made)
        tell(made)
    return done


@dataclass(frozen=True)
class RowThere:
    """A capture that was made from a row."""

    id: str
    originals: dict[str, str]  # path -> sha512


def rows_there(archive: Archive) -> dict[str, list[RowThere]]:
    """Captures that were made from rows, by the digest of the row."""
    found: dict[str, list[RowThere]] = {}
    for entry in archive.index.objects("capture"):
        with suppress(Damaged, NotInArchive, InputError, Unreadable):
            files = archive.object(entry.id).inventory.files()
            originals = {p: f.digest for p, f in files.items() if p.startswith(f"{ORIGINALS}/")}
            if ROW in files:
                found.setdefault(files[ROW].digest, []).append(RowThere(entry.id, originals))
    return found


def row_as_it_came(row: Row) -> dict[str, object]:
    told = {name: value for name, value in vars(row).items() if isinstance(value, str) and value}
    return {"row": row.number, **told, "other": dict(row.other)}


def description_of(row: Row, authority: str) -> Description:
    """What a row says, as far as it can be said in our terms; the row itself is kept beside it.

    ``authority``: who gave the inventory numbers. The place is left out: a sheet does not say how exactly it
    may be told.
    """
    titles = {"en": row.title_en, "uk": row.title_uk}
    if row.title and not any(titles.values()):
        titles["und"] = row.title
    titles = {language: title for language, title in titles.items() if title} or {"und": Path(row.path).stem}
    summary = {"und": row.description} if row.description else {}
    values: dict[str, object] = {
        "titles": titles,
        "kind": KINDS.get(row.kind.lower(), "other"),
        "summary": summary,
    }
    if row.author:
        values["people"] = [{"role": "creator", "name": row.author}]
    if row.identifier:
        values["identifiers"] = [
            {"value": row.identifier, "authority": authority, "kind": "inventory number"}
        ]
    return Description.make(values)


@dataclass
class Adopted:
    """What came from another archive."""

    objects: list[str] = field(default_factory=list)  # that are new here, or have new versions
    troubles: list[Trouble] = field(default_factory=list)


def adopt(
    archive: Archive, held: Holding, *, identities: Sequence[str] = (), progress: Progress | None = None
) -> Adopted:
    """Take every object of another archive's store, with all its versions and under its own identifier.

    What is here already is left; another history of the same object is refused and named. The other
    archive's settings are not taken: else they could be mistaken for ours. Nor are its people, their keys and
    its word on who withdrew: what they entrusted to others is not ours, and a stranger could make it up. Its
    store is only read. Raises `KeyNeeded` if nothing could be opened.
    """
    done, opened = Adopted(), 0
    keys = list(held.places())
    with (progress or Progress()).stage("importing", len(keys)) as stage:
        for key in keys:
            try:
                identifier, new = taken(archive, held, key, identities)
                opened += 1
                if new:
                    done.objects.append(identifier)
            except (Damaged, Conflict, InputError, KeyNeeded, NotInArchive, Unreadable) as error:
                done.troubles.append(Trouble("", key, error))
            stage.tick()
    none_opened(opened, done.troubles)
    done.troubles += [Trouble("", key, error) for key, error in unread(held, keys)]
    return done


def ours_alone(archive: Archive, found: OcflObject) -> bool:
    """Whether an object is of a kind that does not come from others, here or in any of its versions:
    settings, people, records, the word on who withdrew. Raises `InputError` if it does not tell what it is.
    """
    if found.id in archive.index and archive.entry(found.id).kind in (CONFIGURATION, PERSON, JOURNAL, LEDGER):
        return True
    for version in found.inventory.versions:
        if ABOUT not in found.inventory.files(version):
            continue
        try:
            about = read_about(found.read(ABOUT, version))
        except ValueError as error:
            raise InputError(
                say("{id} does not tell what it is: its object.json cannot be read.", id=found.id),
                "It was not taken. Ask those who keep the other archive.",
            ) from error
        kind, title = about.get("kind"), about.get("title")
        if kind in (CONFIGURATION, PERSON, LEDGER) or (kind == JOURNAL and title == WITHDRAWAL):
            return True
    return False


def refuse_another(archive: Archive, found: OcflObject) -> None:
    """Raise `Conflict` for an object that the index knows, that the main store has lost, and that is another
    than the index says: else it would take the place of ours.
    """
    if found.id not in archive.index or exists(archive.main, f"{object_key(found.id)}/inventory.json"):
        return  # of one that is there, the histories are compared
    if archive.entry(found.id).digest != found.digest:
        raise Conflict(
            say("{id} is not the object of that name which was lost here.", id=found.id),
            "It was not taken. Restore ours first: oberih verify --heal",
        )


def taken(archive: Archive, held: Holding, key: str, identities: Sequence[str]) -> tuple[str, bool]:
    """Take one object; returns its identifier, and whether anything of it is new, which settings and people
    never are. It is looked at in a place of ours before anybody can see it.
    """
    with scratch_root(archive.folder, IMPORTING) as scratch:
        identifier = held.give(key, scratch, identities)
        mine = object_key(identifier)
        wrong = [f for f in validate_object(scratch, mine) if f.level == "error"]
        if wrong:
            raise Damaged(
                say("{id} came damaged: {why}", id=identifier, why=wrong[0].message),
                "Let the other archive verify and heal its store, then try again.",
            )
        if ours_alone(archive, read_object(scratch, mine)):
            return identifier, False
        refuse_another(archive, read_object(scratch, mine))
        copied = copy_object(scratch, mine, archive.main)
    entry = entry_at(archive.main, mine)
    archive.index.put([entry], [Replica(identifier, MAIN, entry.head, GOOD, instant())])
    return identifier, bool(copied.versions)
