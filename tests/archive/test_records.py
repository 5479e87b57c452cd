"""People: known by a pseudonym; what is kept of them is sealed, and a withdrawal ends it everywhere."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from keeping import archive_with, flip, make, recording, tree
from oberih.archive import (
    Archive,
    create_archive,
    deposit_capture,
    events_of,
    open_archive,
    rebuild,
    replicate,
    verify,
)
from oberih.archive.configuration import keep_settings
from oberih.archive.crypt import encrypted, new_identity
from oberih.archive.journal import happened, write_down
from oberih.archive.people import Tombstone, records
from oberih.archive.people.keyring import (
    bury,
    intact_key,
    key_file,
    public_bytes,
    public_file,
    put_key,
    tombstone_file,
)
from oberih.archive.people.records import add_person, person_data, pseudonym_to_come, withdraw_person
from oberih.archive.stores import open_store
from oberih.archive.stores.folder import FolderStore
from oberih.errors import Conflict, InputError, KeyNeeded, NotInArchive, OutputError, StoreError

DATA = {"name": "Somebody Special", "contact": "somebody@example.org", "consents": ["photos"]}
Kept = tuple[Archive, dict[str, str], str]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    archive, secrets = archive_with(tmp_path, "second", "sealed", "locked")
    return archive, secrets, add_person(archive, DATA)


def test_a_custodian_can_read_it_and_nobody_else(kept: Kept) -> None:
    archive, secrets, person = kept
    for secret in secrets.values():
        assert person_data(archive, person, [secret]) == DATA
    for identities in ([], [new_identity()[0]]):
        with pytest.raises(KeyNeeded):
            person_data(archive, person, identities)


def test_no_byte_of_it_lies_open(kept: Kept) -> None:
    archive, _, person = kept
    replicate(archive)
    everything = b"".join(tree(archive.folder, archive.folder.parent).values())
    assert b"Somebody" not in everything and b"example.org" not in everything
    assert person.encode() in everything  # the pseudonym is not secret


def test_nobody_is_kept_whom_no_custodian_could_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no custodian"):
        add_person(create_archive(tmp_path / "archive"), DATA)


def test_what_stopped_half_way_goes_on_with_the_same_key(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, secrets, _ = kept
    person = pseudonym_to_come(archive)
    with monkeypatch.context() as patched:
        patched.delattr(records, "deposit_files")  # the machine is switched off here
        with pytest.raises(NameError):
            add_person(archive, DATA, person)
    key = archive.main.read(key_file(person))
    assert add_person(archive, DATA, person) == person
    assert archive.main.read(key_file(person)) == key
    assert person_data(archive, person, list(secrets.values())) == DATA
    withdraw_person(archive, person, "request")
    with pytest.raises(KeyNeeded):
        add_person(archive, DATA, person)
    with pytest.raises(InputError):
        add_person(archive, DATA, "Somebody Special")


def test_withdrawal(kept: Kept) -> None:
    archive, secrets, person = kept
    replicate(archive)
    tombstone = withdraw_person(archive, person, "request")
    assert tombstone.unfinished == () and tombstone.reason == "request"
    with pytest.raises(KeyNeeded, match="withdrew"):
        person_data(archive, person, list(secrets.values()))
    assert not [p for p in tree(archive.folder.parent) if p.name == f"{person}.age"]
    assert verify(archive).whole and replicate(archive).troubles == []
    (record,) = archive.index.objects("person")
    (event,) = [e for e in events_of(archive, record.id) if e.type == "deletion"]
    assert event.note == "request"
    assert withdraw_person(archive, person, "law").reason == "request"  # the first word stands
    other = add_person(archive, DATA)
    assert other != person


def test_a_store_that_is_away_is_named_and_done_later(kept: Kept, tmp_path: Path) -> None:
    archive, secrets, person = kept
    replicate(archive)
    (tmp_path / "second").rename(tmp_path / "unplugged")
    archive = open_archive(archive.folder)
    assert withdraw_person(archive, person, "request").unfinished == ("second",)
    (tmp_path / "unplugged").rename(tmp_path / "second")
    archive = open_archive(archive.folder)
    with pytest.raises(KeyNeeded, match="withdrew"):
        person_data(archive, person, list(secrets.values()))
    assert withdraw_person(archive, person, "request").unfinished == ()
    assert not [p for p in tree(tmp_path / "second") if p.name == f"{person}.age"]


def test_replicate_also_ends_it_on_a_store_that_was_away(kept: Kept, tmp_path: Path) -> None:
    archive, _, person = kept
    replicate(archive)
    (tmp_path / "second").rename(tmp_path / "unplugged")
    withdraw_person(open_archive(archive.folder), person, "request")
    (tmp_path / "unplugged").rename(tmp_path / "second")
    assert replicate(open_archive(archive.folder)).troubles == []
    assert not [p for p in tree(tmp_path / "second") if p.name == f"{person}.age"]


def test_a_key_that_is_lost_or_damaged_is_elsewhere(kept: Kept, tmp_path: Path) -> None:
    archive, secrets, person = kept
    replicate(archive)
    flip(next(p for p in tree(archive.folder / "main") if p.name == f"{person}.age"))
    assert person_data(archive, person, [secrets["ada"]]) == DATA
    shutil.rmtree(archive.folder / "main" / "people", ignore_errors=True)
    assert person_data(archive, person, [secrets["ada"]]) == DATA


def test_keys_are_verified_and_healed(kept: Kept, tmp_path: Path) -> None:
    archive, _, person = kept
    replicate(archive)
    keys = [p for p in tree(archive.folder / "main", tmp_path / "second") if p.name == f"{person}.age"]
    assert len(keys) == 2
    for path in keys:
        good = path.read_bytes()
        flip(path)
        assert not verify(archive).whole
        done = verify(archive, mend=True)
        assert done.whole and [damage.id for damage in done.healed] == [person]
        assert path.read_bytes() == good
    for path in keys:
        flip(path)
    done = verify(archive, mend=True)
    assert {trouble.id for trouble in done.lost} == {person} and not done.whole
    for path in keys:
        path.unlink()
        path.with_suffix(".pub").unlink()
    assert [damage.id for damage in verify(archive).damages] == [person]
    withdraw_person(archive, person, "mistake")
    assert verify(archive).whole


def test_an_untrusted_store_learns_as_little_as_it_can(kept: Kept, tmp_path: Path) -> None:
    archive, _, person = kept
    replicate(archive)
    there = [p.relative_to(tmp_path / "sealed") for p in tree(tmp_path / "sealed") if person in str(p)]
    assert {str(p) for p in there} == {
        key_file(person),
        public_file(person),
    }  # for the day it is the last one
    withdraw_person(archive, person, "law")
    (path,) = [p for p in tree(tmp_path / "sealed") if person in p.name]
    assert b"law" not in path.read_bytes() and path.parent.name == "tombstones"


def test_who_was_away_is_told_of_the_withdrawal(kept: Kept, tmp_path: Path) -> None:
    archive, _, person = kept
    replicate(archive)
    for name in ("sealed", "locked"):
        (tmp_path / name).rename(tmp_path / f"{name} unplugged")
    archive = open_archive(archive.folder)
    assert withdraw_person(archive, person, "request").unfinished == ("locked", "sealed")
    for name in ("sealed", "locked"):
        (tmp_path / f"{name} unplugged").rename(tmp_path / name)
    archive = open_archive(archive.folder)
    assert replicate(archive).troubles == []
    assert len([p for p in tree(tmp_path / "sealed", tmp_path / "locked") if person in p.name]) == 2


def test_a_withdrawal_that_only_an_untrusted_store_tells_of_is_reported(kept: Kept) -> None:
    archive, secrets, person = kept
    bury(archive.store("sealed"), Tombstone(person, "2020-01-01T00:00:00+00:00", ""))
    (trouble,) = replicate(archive).troubles
    assert trouble.id == person and "not trusted" in trouble.error.message
    assert person_data(archive, person, [secrets["ada"]]) == DATA


def test_only_keys_that_differ_are_read(kept: Kept) -> None:
    archive, _, _ = kept
    replicate(archive)
    read: list[str] = []

    class Watched(FolderStore):
        def stream(self, key: str, start: int = 0) -> Iterator[bytes]:
            read.append(key)
            return super().stream(key, start)

    for name in ("main", "second"):
        archive.opened[name] = Watched(Path(archive.place(archive.settings.stores[name])))
    replicate(archive)
    assert not [key for key in read if "oberih-people" in key]


def test_who_is_not_known(kept: Kept) -> None:
    archive, secrets, person = kept
    with pytest.raises(NotInArchive, match="Nobody"):
        person_data(archive, "p-nobody", [secrets["ada"]])
    wrong = person[:-1] + ("0" if person[-1] != "0" else "1")
    with pytest.raises((InputError, NotInArchive)):
        withdraw_person(archive, wrong, "request")
    with pytest.raises(InputError, match="reason"):
        withdraw_person(archive, person, "because")
    assert person_data(archive, person, [secrets["ada"]]) == DATA


# -- what is believed of a withdrawal ------------------------------------------------------------------------


def away_while_withdrawn(archive: Archive, person: str, folder: Path) -> Archive:
    """The person withdrew while the second store was away, and it is back, with the key."""
    replicate(archive)
    (folder / "second").rename(folder / "unplugged")
    withdraw_person(open_archive(archive.folder), person, "request")
    (folder / "unplugged").rename(folder / "second")
    assert (folder / "second" / key_file(person)).exists()
    return open_archive(archive.folder)


@pytest.mark.parametrize("left", ["locked", "journal"])
@pytest.mark.parametrize("place", ["nothing", "folder", "link"])
def test_one_lost_tombstone_brings_no_key_back(kept: Kept, tmp_path: Path, left: str, place: str) -> None:
    """A store where nothing can be changed says it too, and the archive's own journal."""
    archive, secrets, person = kept
    archive = away_while_withdrawn(archive, person, tmp_path)
    lost = [archive.folder / "main" / tombstone_file(person)]
    if left == "journal":
        lost += [tmp_path / name / tombstone_file(person) for name in ("locked", "sealed")]
    for path in lost:
        path.unlink()
    if place == "folder":
        lost[0].mkdir()
        (lost[0] / "x").write_bytes(b"x")
    elif place == "link":
        lost[0].symlink_to("/nowhere")
    with pytest.raises(KeyNeeded, match="withdrew"):
        person_data(archive, person, list(secrets.values()))
    with pytest.raises(InputError, match="has withdrawn"):
        deposit_capture(archive, [lost[0].parents[2]], person=person)
    found = {(d.store, d.findings[0].code) for d in verify(archive).damages}
    assert found == {("main", "person-tombstone"), ("second", "person-withdrawn")}
    done = verify(archive, mend=True)
    assert done.whole and len(done.healed) == 2
    assert not (tmp_path / "second" / key_file(person)).exists()
    assert b"request" in lost[0].read_bytes() and verify(archive).whole
    assert replicate(archive).troubles == []
    assert not [p for p in tree(tmp_path) if p.name == f"{person}.age"]


def test_replicate_asks_all_who_are_trusted(kept: Kept, tmp_path: Path) -> None:
    archive, _, person = kept
    archive = away_while_withdrawn(archive, person, tmp_path)
    (archive.folder / "main" / tombstone_file(person)).unlink()
    assert replicate(archive).troubles == []
    assert not [p for p in tree(tmp_path) if p.name == f"{person}.age"]
    assert (archive.folder / "main" / tombstone_file(person)).is_file()


def test_a_rebuild_brings_no_key_of_somebody_who_withdrew(kept: Kept, tmp_path: Path) -> None:
    archive, secrets, person = kept
    archive = away_while_withdrawn(archive, person, tmp_path)
    shutil.rmtree(archive.folder)
    again = rebuild(archive.folder, source=str(tmp_path / "second")).archive  # the locked one is there
    assert intact_key(again.main, person) is None
    with pytest.raises(KeyNeeded, match="withdrew"):
        person_data(again, person, list(secrets.values()))


def test_a_host_cannot_destroy_keys_by_way_of_a_rebuild(kept: Kept, tmp_path: Path) -> None:
    archive, secrets, person = kept
    replicate(archive)
    bury(archive.store("sealed"), Tombstone(person, "2020-01-01T00:00:00+00:00", ""))
    shutil.rmtree(archive.folder)
    done = rebuild(archive.folder, source=str(tmp_path / "sealed"), identities=[secrets["ada"]])
    told = [t for t in done.troubles if t.id == person]
    assert [type(t.error) for t in told] == [Conflict] and "not trusted" in told[0].error.message
    ours = intact_key(open_store(tmp_path / "second"), person)
    assert ours is not None and intact_key(done.archive.main, person) == ours  # from a trusted store
    archive = open_archive(archive.folder)
    assert verify(archive, mend=True, identities=[secrets["ada"]]).lost == []  # from the second store
    (trouble,) = replicate(archive).troubles
    assert trouble.id == person
    assert (tmp_path / "second" / key_file(person)).exists()
    assert person_data(archive, person, [secrets["ada"]]) == DATA


def test_a_key_made_up_by_a_store_that_nobody_knows_is_not_taken(kept: Kept, tmp_path: Path) -> None:
    """While a trusted store has the good one; its owner knows for whom we encrypt."""
    archive, secrets, person = kept
    replicate(archive)
    good = intact_key(archive.main, person)
    for path in (archive.folder / "main").rglob(f"{person}.*"):
        path.unlink()
    deposit_capture(archive, [Path(__file__)])
    theirs = FolderStore(str(tmp_path / "theirs"), create=True)
    shutil.copytree(archive.folder / "main", tmp_path / "theirs", dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "theirs/extensions/oberih-store")
    secret, recipient = new_identity()
    locked = b"".join(encrypted([secret.encode()], archive.recipients()))
    put_key(theirs, person, locked, public_bytes(person, recipient, locked))
    rebuild(archive.folder, source=str(tmp_path / "theirs"), identities=[secrets["ada"]])
    archive = open_archive(archive.folder)
    assert intact_key(archive.main, person) == good
    assert person_data(archive, person, [secrets["ada"]]) == DATA


def test_a_forged_archive_destroys_no_key_elsewhere(kept: Kept, tmp_path: Path) -> None:
    """All is lost, and somebody's forgery is taken for the archive, then a true copy is found: nothing is
    destroyed there, and a new archive made from it alone has the person back."""
    archive, secrets, person = kept
    replicate(archive)
    forged = make(tmp_path / "forged")[0]
    recording(forged, tmp_path)
    forged.change_settings(lambda table: table["stores"].update(host={"url": str(forged.folder / "main")}))
    keep_settings(forged)
    bury(forged.main, Tombstone(person, "2020-01-01T00:00:00+00:00", ""))
    shutil.rmtree(archive.folder)
    rebuild(archive.folder, source=str(forged.folder / "main"))
    rebuild(archive.folder, source=str(tmp_path / "second"), identities=[secrets["ada"]])
    assert (tmp_path / "second" / key_file(person)).exists()
    rebuild(tmp_path / "anew", source=str(tmp_path / "second"), identities=[secrets["ada"]])
    assert person_data(open_archive(tmp_path / "anew"), person, [secrets["ada"]]) == DATA


def test_the_journal_says_again_who_withdrew(kept: Kept, tmp_path: Path) -> None:
    """When all came back from a store that is not trusted."""
    archive, secrets, person = kept
    replicate(archive)
    withdraw_person(archive, person, "law")
    replicate(archive)
    for name in ("second", "locked"):
        shutil.rmtree(tmp_path / name)
    shutil.rmtree(archive.folder)
    done = rebuild(archive.folder, source=str(tmp_path / "sealed"), identities=[secrets["ada"]])
    assert [t for t in done.troubles if t.id] == []
    assert b"law" in (archive.folder / "main" / tombstone_file(person)).read_bytes()


def test_a_withdrawal_touches_nothing_where_it_cannot_be_written_down(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, secrets, person = kept
    replicate(archive)
    (archive.folder / "oberih.lock").unlink()
    (archive.folder / "oberih.lock").mkdir()  # root may write to what may only be read
    with pytest.raises(OutputError):
        withdraw_person(archive, person, "request")
    assert person_data(archive, person, [secrets["ada"]]) == DATA
    (archive.folder / "oberih.lock").rmdir()

    def full(*_: object) -> None:
        raise StoreError("full", "")

    monkeypatch.setattr(records, "write_down", full)
    assert withdraw_person(archive, person, "request").unfinished == ("main",)
    monkeypatch.undo()
    assert withdraw_person(archive, person, "request").unfinished == ()


@pytest.mark.parametrize("ending", [".age", ".pub"])
@pytest.mark.parametrize("place", ["folder", "link", "full"])
def test_what_lies_in_the_place_of_a_key(kept: Kept, tmp_path: Path, ending: str, place: str) -> None:
    archive, _, person = kept
    replicate(archive)
    (path,) = [p for p in tree(tmp_path / "second") if p.name == person + ending]
    path.unlink()
    if place == "link":
        path.symlink_to("/nowhere")
    else:
        path.mkdir()
    if place == "full":
        (path / "x").write_bytes(b"x")
        for _ in range(2):
            done = verify(archive, mend=True)
            (trouble,) = done.unhealed
            assert not done.whole and "in its place" in trouble.error.message
        (path / "x").unlink()
    assert not verify(archive).whole
    assert verify(archive, mend=True).whole and path.is_file() and verify(archive).whole


def test_a_journal_alone_destroys_no_key_of_the_main_store(kept: Kept, tmp_path: Path) -> None:
    """Journals come with the objects of other archives, too."""
    archive, secrets, person = kept
    replicate(archive)
    (record,) = archive.index.objects("person")
    write_down(archive, "withdrawal", happened("deletion", [record.id], detail="made up", note="law"))
    assert verify(archive, mend=True).whole and replicate(archive).troubles == []
    assert person_data(archive, person, [secrets["ada"]]) == DATA
