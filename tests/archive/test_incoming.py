"""What others have: bags, folders of old scans with a sheet, another Oberih archive."""

import json
import shutil
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from keeping import archive_with, contents, flip, folder_with, make, placed, recording, tree
from oberih.archive import Archive, describe, open_archive, rebuild, replicate, verify
from oberih.archive.exchange import adopt, as_bag, as_crate, deposit_bag, deposit_sheet
from oberih.archive.exchange.bagit import write_bag
from oberih.archive.holdings import OcflHolding, PackageHolding
from oberih.archive.journal import happened, write_down
from oberih.archive.metadata import CaptureInfo, Description
from oberih.archive.ocfl import begin, read_object
from oberih.archive.people import Tombstone
from oberih.archive.people.keyring import bury, keys_there
from oberih.archive.people.records import add_person, person_data, withdraw_person
from oberih.archive.showing import shown_as
from oberih.errors import Conflict, InputError, KeyNeeded, StoreError
from ocfl_help import ocfl_py_root

FILES = {"scans/church.tif": b"church", ".hidden/settings": b"also theirs", "Опис.txt": "Церква".encode()}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return make(tmp_path / "archive")[0]


def bag(path: Path, files: dict[str, bytes] = FILES) -> Path:
    info = {
        "External-Description": "Old scans",
        "External-Identifier": "X-1",
        "Source-Organization": "Museum",
    }
    write_bag(path, [(name, [data]) for name, data in files.items()], info=info)
    return path


def originals(archive: Archive, identifier: str) -> dict[str, bytes]:
    held = contents(archive, identifier)
    return {p.removeprefix("originals/"): d for p, d in held.items() if p.startswith("originals/")}


# -- bags ----------------------------------------------------------------------------------------------------


def test_a_bag_is_kept_just_as_it_came(archive: Archive, tmp_path: Path) -> None:
    folder = bag(tmp_path / "bag")
    before = tree(folder)
    made = deposit_bag(archive, folder)
    assert originals(archive, made.id) == {p.relative_to(folder).as_posix(): d for p, d in before.items()}
    assert tree(folder) == before and archive.entry(made.id).title == "Old scans"
    info = CaptureInfo.load(archive.object(made.id).read("capture.json"))
    assert "Museum" in info.notes["en"] and info.files == len(before)
    assert json.loads(archive.object(made.id).read("object.json"))["came_as"] == "bag"


def test_a_packed_bag(archive: Archive, tmp_path: Path) -> None:
    folder = bag(tmp_path / "bag")
    packed = Path(shutil.make_archive(str(tmp_path / "Scans of 1990"), "zip", tmp_path, "bag"))
    made = deposit_bag(archive, packed)
    assert originals(archive, made.id) == {
        p.relative_to(folder).as_posix(): d for p, d in tree(folder).items()
    }
    assert archive.entry(made.id).title == "Scans of 1990"


def test_a_bag_that_is_not_valid(archive: Archive, tmp_path: Path) -> None:
    folder = bag(tmp_path / "bag")
    flip(folder / "data" / "scans" / "church.tif")
    with pytest.raises(InputError, match=r"RFC8493-3 .*church\.tif") as caught:
        deposit_bag(archive, folder)
    assert "Nothing was deposited" in caught.value.advice and list(archive.index.objects()) == []
    with pytest.raises(InputError):
        deposit_bag(archive, tmp_path / "gone.zip")
    with pytest.raises(InputError):
        deposit_bag(archive, folder_with(tmp_path / "no bag", {"x": b"x"}))


def test_a_bag_with_files_left_to_be_fetched(archive: Archive, tmp_path: Path) -> None:
    source, _ = make(tmp_path / "source")
    large = recording(source, tmp_path, files=1)
    from oberih.archive.exchange import outgoing

    whole = outgoing.FETCHED
    try:
        outgoing.FETCHED = 1000
        as_bag(source, large.id, tmp_path / "bag", fetch="https://archive.example/files")
    finally:
        outgoing.FETCHED = whole
    with pytest.raises(InputError) as caught:
        deposit_bag(archive, tmp_path / "bag")
    assert "fetch" in caught.value.message + caught.value.advice
    for path in source.object(large.id).inventory.files():
        target = tmp_path / "bag" / "data" / path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.object(large.id).read(path))
    made = deposit_bag(archive, tmp_path / "bag")
    assert "originals/fetch.txt" in made.files


def test_a_zip_bomb(archive: Archive, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("bag/bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
        packed.writestr("bag/data/zeros", bytes(60_000_000))
    with pytest.raises(InputError):
        deposit_bag(archive, bomb)
    assert list(archive.index.objects()) == []


# -- a folder of old scans with a sheet ----------------------------------------------------------------------

SHEET = """file;title (uk);title (en);kind;author;inventory number;description;place;shelf
church.tif;Церква;Church;Будівля;Somebody;IN-7;A wooden church;Lviv;3b
bell/1.jpg;Дзвін;;object;;;;;
"""


def test_a_folder_with_a_sheet(archive: Archive, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "scans", {"church.tif": b"church", "bell/1.jpg": b"bell"})
    (folder / "list.csv").write_text(SHEET, encoding="utf-8")
    church, bell = deposit_sheet(archive, folder, folder / "list.csv").made
    assert originals(archive, church.id) == {"church.tif": b"church"}
    assert originals(archive, bell.id) == {"bell/1.jpg": b"bell"}
    told = Description.load(archive.object(church.id).read("description.json"))
    assert told.titles == {"en": "Church", "uk": "Церква"} and told.kind == "building"
    assert told.people[0].name == "Somebody" and told.identifiers[0].value == "IN-7"
    assert told.place is None  # how exactly it may be told, a sheet does not say
    row = json.loads(archive.object(church.id).read("row.json"))
    assert row["place"] == "Lviv" and row["other"] == {"shelf": "3b"}  # and nothing is lost
    assert archive.entry(bell.id).title == "Дзвін"


def test_rows_that_are_there_are_not_deposited_twice(archive: Archive, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "scans", {"church.tif": b"church", "bell/1.jpg": b"bell"})
    (folder / "list.csv").write_text(SHEET, encoding="utf-8")
    full = archive.main.write

    def stopped(key: str, chunks: Iterable[bytes]) -> int:
        if key.endswith("1.jpg"):
            raise StoreError("There is no room left.")
        return full(key, chunks)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive.main, "write", stopped)
        with pytest.raises(StoreError):
            deposit_sheet(archive, folder, folder / "list.csv")
    (church,) = archive.index.objects("capture")
    done = deposit_sheet(archive, folder, folder / "list.csv")
    assert done.there == [church.id] and len(done.made) == 1
    (folder / "church.tif").write_bytes(b"a better scan")
    done = deposit_sheet(archive, folder, folder / "list.csv")
    assert len(done.made) == len(done.there) == 1


def test_a_sheet_that_does_not_match_deposits_nothing(archive: Archive, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "scans", {"church.tif": b"church", "tower.jpg": b"tower"})
    (folder / "list.csv").write_text(SHEET, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        deposit_sheet(archive, folder, folder / "list.csv")
    assert "tower.jpg" in caught.value.message and "bell/1.jpg" in caught.value.message
    assert list(archive.index.objects()) == []


# -- another archive -----------------------------------------------------------------------------------------


@pytest.fixture
def other(tmp_path: Path) -> tuple[Archive, dict[str, str]]:
    other, secrets = archive_with(tmp_path / "theirs", "second", "sealed")
    made = recording(other, tmp_path)
    describe(other, made.id, Description.make({"titles": {"en": "Church"}}))
    replicate(other)
    return other, secrets


@pytest.mark.parametrize("store", ["main", "sealed"])
def test_all_objects_of_another_archive(
    archive: Archive, other: tuple[Archive, dict[str, str]], store: str
) -> None:
    theirs, secrets = other
    person = add_person(theirs, {"name": "Stork"})
    replicate(theirs)
    done = adopt(archive, theirs.holding(store), identities=[secrets["ada"]])
    assert done.troubles == []
    (made,) = theirs.index.objects("capture")
    assert archive.object(made.id).head == "v2" and archive.entry(made.id) == made
    assert contents(archive, made.id) == contents(theirs, made.id)
    assert not list(archive.index.objects("person"))  # what people entrusted to others is not ours
    assert person not in keys_there(archive.main)
    assert verify(archive).whole
    assert ocfl_py_root(archive.folder / "main") == ""
    again = adopt(archive, theirs.holding(store), identities=[secrets["ada"]])
    assert again.troubles == [] == again.objects  # nothing of it is new


def test_their_settings_never_become_ours(
    archive: Archive, other: tuple[Archive, dict[str, str]], tmp_path: Path
) -> None:
    """Else, after a rebuild, our copies would go to their stores, and their custodians could open them."""
    theirs, _ = other
    adopt(archive, theirs.holding("main"))
    replicate(archive)  # keeps our own settings
    (ours,) = archive.index.objects("archive")
    again = rebuild(tmp_path / "again", source=str(archive.folder / "main")).archive
    assert again.settings.custodians == archive.settings.custodians
    assert set(again.settings.stores) == {"main"}
    assert [entry.id for entry in again.index.objects("archive")] == [ours.id]
    theirs.change_settings(lambda table: table.update(copies=2))
    replicate(theirs)
    assert adopt(archive, theirs.holding("main")).troubles == []


def test_an_object_that_is_not_where_it_belongs_is_refused(
    archive: Archive, other: tuple[Archive, dict[str, str]]
) -> None:
    """Else it would never be found again by its name, and its settings be taken for ours."""
    theirs, _ = other
    (settings,) = theirs.index.objects("archive")
    elsewhere = theirs.folder / "main" / "000/000/000/x"
    elsewhere.parent.mkdir(parents=True)
    shutil.move(placed(theirs, "main", settings.id), elsewhere)
    done = adopt(archive, theirs.holding("main"))
    assert [trouble.id for trouble in done.troubles] == ["000/000/000/x"]
    assert not (archive.folder / "main/000/000/000").exists()


def test_a_forged_withdrawal_destroys_nothing(
    archive: Archive, other: tuple[Archive, dict[str, str]], tmp_path: Path
) -> None:
    theirs, _ = other
    mine, secrets = make(tmp_path / "mine")
    person = add_person(mine, {"name": "Stork"})
    bury(theirs.main, Tombstone(person, "2020-01-01T00:00:00+00:00", "request"))
    before = tree(theirs.folder / "main")
    assert adopt(mine, theirs.holding("main")).troubles == []
    assert person_data(mine, person, [secrets["ada"]]) == {"name": "Stork"}
    rebuild(mine.folder, source=str(theirs.folder / "main"))
    assert person_data(mine, person, [secrets["ada"]]) == {"name": "Stork"}
    assert tree(theirs.folder / "main") == before


def test_what_is_damaged_or_another_is_named_and_the_rest_taken(
    archive: Archive, other: tuple[Archive, dict[str, str]], tmp_path: Path
) -> None:
    theirs, _ = other
    bad = recording(theirs, tmp_path, 5)
    flip(next(placed(theirs, "main", bad.id).rglob("photo-0.jpg")))
    (same,) = [e for e in theirs.index.objects("capture") if e.id != bad.id]
    with begin(archive.main, same.id, message="m", user=("Other", "urn:x")) as version:
        version.add("file", b"another object under the same identifier")
        version.finish()
    done = adopt(archive, theirs.holding("main"))
    assert len(done.troubles) == 2 and same.id not in done.objects and bad.id not in done.objects
    assert done.objects != []
    assert read_object(archive.main, same.id).read("file") == b"another object under the same identifier"
    assert not placed(archive, "main", bad.id).exists()  # it is looked at before anybody can see it


def test_the_key_is_needed(archive: Archive, other: tuple[Archive, dict[str, str]]) -> None:
    with pytest.raises(KeyNeeded):
        adopt(archive, other[0].holding("sealed"))
    assert isinstance(other[0].holding("sealed"), PackageHolding)
    assert isinstance(other[0].holding("main"), OcflHolding)


def test_what_no_key_opens_keeps_nothing_else_out(
    archive: Archive, other: tuple[Archive, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, secrets = other
    held = theirs.holding("sealed")
    (made,) = theirs.index.objects("capture")
    assert isinstance(held, PackageHolding)
    give = PackageHolding.give

    def locked(held: PackageHolding, key: str, *arguments: Any) -> str:
        if key == held.key(made.id):
            raise KeyNeeded("It is sealed for somebody else.")
        return give(held, key, *arguments)

    monkeypatch.setattr(PackageHolding, "give", locked)
    done = adopt(archive, held, identities=[secrets["ada"]])
    assert [type(trouble.error) for trouble in done.troubles] == [KeyNeeded] and len(done.objects) > 0


@pytest.mark.parametrize(
    "about",
    [
        b'{"kind": "capture", "title": "\\ud800"}',  # half a character
        b'{"kind": "capture", "title": "x", "bytes": 999999999999999999999999999999}',
        b'{"kind": "model", "title": "x", "captures": 7}',
        b'{"kind": ["capture"], "title": {"uk": 1}}',
        b'{"kind": "model", "title": "x", "captures": [{"id": "ark:/1/\\ud800"}], "more": ["\\ud800"]}',
    ],
)
def test_what_a_stranger_s_object_says_harms_nobody(archive: Archive, tmp_path: Path, about: bytes) -> None:
    theirs = make(tmp_path / "theirs")[0]
    with begin(
        theirs.main, "ark:/12345/theirs", message="a deposit", user=("A", "mailto:a@example.org")
    ) as one:
        one.add("object.json", [about])
        one.add("originals/a.txt", [b"a"])
        one.finish()
    assert adopt(archive, theirs.holding("main")).troubles == []
    assert "ark:/12345/theirs" in archive.index
    assert verify(archive).whole
    again = rebuild(archive.folder).archive
    assert "ark:/12345/theirs" in again.index
    as_crate(again, "ark:/12345/theirs", tmp_path / "crate")
    describe(again, "ark:/12345/theirs", Description.make({"titles": {"en": "Church"}}))
    assert shown_as(again, "ark:/12345/theirs", "json")


def test_a_stranger_s_archive_says_nothing_of_our_people(tmp_path: Path) -> None:
    """Neither that they withdrew, in whatever order it comes, nor what is sealed to them."""
    mine, secrets = archive_with(tmp_path / "mine", "second")
    person = add_person(mine, {"name": "Stork"})
    replicate(mine)
    (record,) = mine.index.objects("person")
    first, then = (make(tmp_path / name)[0] for name in ("first", "then"))
    write_down(
        first, "withdrawal", happened("deletion", [record.id, "ark:/12345/x"], detail="made up", note="law")
    )
    with begin(then.main, "ark:/12345/x", message="m", user=("A", "mailto:a@example.org")) as one:
        one.add("object.json", [json.dumps({"kind": "person", "title": person}).encode()])
        one.add("person.age", [b"sealed to somebody else"])
        one.finish()
    for theirs in (first, then):
        assert adopt(mine, theirs.holding("main")).troubles == []
    for path in (mine.folder / "main").rglob(f"{person}.*"):
        path.unlink()
    assert verify(mine, mend=True).whole
    replicate(mine)
    assert person_data(mine, person, [secrets["ada"]]) == {"name": "Stork"}


def test_what_lies_behind_a_link_is_named(archive: Archive, tmp_path: Path) -> None:
    theirs = make(tmp_path / "theirs")[0]
    place = placed(theirs, "main", recording(theirs, tmp_path).id)
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    (trouble,) = adopt(archive, theirs.holding("main")).troubles
    assert trouble.id.endswith(place.name)


def test_a_sheet_that_two_bring_at_once_is_deposited_once(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.jpg").write_bytes(b"scan %d" % number)
    sheet = tmp_path / "scans.csv"
    sheet.write_text("file,title\n" + "".join(f"{n}.jpg,Scan {n}\n" for n in range(8)))
    others = [open_archive(archive.folder) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda one: deposit_sheet(one, folder, sheet), others))
    assert sum(len(one.made) for one in done) == sum(len(one.there) for one in done) == 8


DEEP = b'{"kind": "archive", "x": ' + b"[" * 900 + b"]" * 900 + b"}"


@pytest.mark.parametrize("about", [b"[" * 100_000, b"[]", DEEP])
def test_what_does_not_tell_what_it_is_stays_out(archive: Archive, tmp_path: Path, about: bytes) -> None:
    theirs = make(tmp_path / "theirs")[0]
    with begin(theirs.main, "ark:/12345/theirs", message="m", user=("A", "mailto:a@example.org")) as one:
        one.add("object.json", [about])
        one.add("settings.json", [b'{"stores": {}}'])
        one.finish()
    (trouble,) = adopt(archive, theirs.holding("main")).troubles
    assert isinstance(trouble.error, InputError)
    assert "ark:/12345/theirs" not in archive.index


def test_what_is_of_our_people_gets_no_version_from_others(tmp_path: Path) -> None:
    mine, secrets = archive_with(tmp_path / "mine", "second")
    person, other = (add_person(mine, {"name": name}) for name in ("Stork", "Crane"))
    withdraw_person(mine, other, "law")
    shutil.copytree(mine.folder, tmp_path / "copy")
    copy = open_archive(tmp_path / "copy")
    for entry in list(copy.index.objects()):
        if entry.kind in ("person", "journal", "archive"):
            with begin(
                copy.main, entry.id, base=copy.object(entry.id), message="m", user=("A", "urn:a")
            ) as one:
                one.keep()
                one.add("object.json", [b'{"kind": "capture", "title": "Harmless"}'])
                one.finish()
    adopt(mine, copy.holding("main"))
    assert not [entry for entry in mine.index.objects() if entry.title == "Harmless"]
    assert verify(mine).whole
    assert person_data(mine, person, [secrets["ada"]]) == {"name": "Stork"}


def test_what_was_lost_is_not_replaced_by_another_of_its_name(tmp_path: Path) -> None:
    mine, _ = archive_with(tmp_path / "mine", "second")
    made = recording(mine, tmp_path)
    replicate(mine)
    shutil.rmtree(placed(mine, "main", made.id))
    theirs = make(tmp_path / "theirs")[0]
    with begin(theirs.main, made.id, message="m", user=("A", "urn:a")) as one:
        one.add("object.json", [b'{"kind": "capture", "title": "Another"}'])
        one.finish()
    (trouble,) = adopt(mine, theirs.holding("main")).troubles
    assert isinstance(trouble.error, Conflict)
    done = verify(mine, mend=True)
    assert done.whole and done.lost == []
