"""From what survived, everything comes back; and the drill that shows it before it is needed."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from keeping import archive_with, contents, flip, placed, recording, tree, truncate
from oberih.archive import (
    Archive,
    Deposited,
    create_archive,
    describe,
    drill,
    events_of,
    open_archive,
    rebuild,
    replicate,
    short_of_policy,
    verify,
)
from oberih.archive.configuration import keep_settings
from oberih.archive.crypt import encrypted, new_identity
from oberih.archive.deposit import new_version
from oberih.archive.exchange import adopt
from oberih.archive.index import Index
from oberih.archive.metadata import Description
from oberih.archive.people import Tombstone
from oberih.archive.people.keyring import bury, intact_key, key_file, keys_there, public_bytes, public_file
from oberih.archive.people.records import add_person, person_data, withdraw_person
from oberih.archive.stores import Store
from oberih.archive.stores.folder import FolderStore
from oberih.errors import Cancelled, InputError, KeyNeeded, NotInArchive, OutputError, StoreError
from oberih.progress import Progress

Kept = tuple[Archive, Deposited, dict[str, str]]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """An archive with four stores, and a capture with two versions."""
    archive, secrets = archive_with(tmp_path, "second", "sealed", "locked")
    made = recording(archive, tmp_path)
    recording(archive, tmp_path, 1)
    describe(archive, made.id, Description.make({"titles": {"uk": "Церква"}}))
    assert replicate(archive).troubles == []
    return archive, made, secrets


def entries(archive: Archive, *, journals: bool = False) -> dict[str, object]:
    return {e.id: e for e in archive.index.objects() if journals or e.kind != "journal"}


def same(a: Archive, b: Archive) -> bool:
    """Whether all captures are the same, byte for byte."""
    ids = [entry.id for entry in a.index.objects("capture")]
    return bool(ids) and all(contents(a, i) == contents(b, i) for i in ids) and entries(a) == entries(b)


def test_the_index_alone(kept: Kept) -> None:
    archive, made, _ = kept
    before, replicas = (
        entries(archive, journals=True),
        {(r.id, r.store, r.head) for r in archive.index.all_replicas()},
    )
    for path in archive.folder.glob("index.sqlite*"):
        path.unlink()
    done = rebuild(archive.folder)
    assert done.troubles == [] and done.indexed == len(before)
    again = open_archive(archive.folder)
    after = entries(again, journals=True)
    assert before.items() <= after.items() and len(after) == len(before) + 1  # and its own journal
    assert replicas <= {(r.id, r.store, r.head) for r in again.index.all_replicas()}
    assert short_of_policy(again) == len(after)  # nothing counts as good before it was read
    assert verify(again).whole
    replicate(again)
    assert short_of_policy(again) == 0
    assert [e.detail for e in events_of(again, made.id) if e.type == "recovery"] == [f"{len(before)} objects"]


def test_settings_that_were_lost_but_not_the_objects(kept: Kept) -> None:
    archive, _, _ = kept
    for path in [*archive.folder.glob("index.sqlite*"), archive.folder / "oberih.toml"]:
        path.unlink()
    again = rebuild(archive.folder).archive
    assert same(archive.__class__(archive.folder, again.settings, again.index), again)


@pytest.mark.parametrize("store", ["second", "sealed", "locked"])
def test_from_any_one_store(kept: Kept, tmp_path: Path, store: str) -> None:
    """Nothing else is left: no machine, no database, no settings."""
    archive, made, secrets = kept
    identities = [secrets["chrystyna"]] if store == "sealed" else []
    done = rebuild(tmp_path / "new", source=str(tmp_path / store), identities=identities)
    assert done.troubles == [] and done.restored > 2
    again = open_archive(tmp_path / "new")
    assert same(archive, again)
    assert again.object(made.id).head == "v2" and again.entry(made.id).title == "Церква"
    assert set(again.settings.stores) == {"main", "second", "sealed", "locked"}
    assert again.settings.custodians == archive.settings.custodians and again.settings.copies == 4
    assert [e.type for e in events_of(again, made.id)][:3] == ["replication"] * 3  # journals came back too
    assert verify(again).whole
    assert replicate(again).troubles == [] and short_of_policy(again) <= 1


def test_from_a_bucket(tmp_path: Path, s3: object, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, _ = archive_with(tmp_path, "second")
    made = recording(archive, tmp_path)
    replicate(archive)
    url = s3.url()  # type: ignore[attr-defined]
    far: Store = s3.open(url, create=True)  # type: ignore[attr-defined]
    for path, data in tree(tmp_path / "second").items():
        far.write(path.relative_to(tmp_path / "second").as_posix(), [data])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.access_key)  # type: ignore[attr-defined]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.secret_key)  # type: ignore[attr-defined]
    done = rebuild(tmp_path / "new", source=url)
    assert contents(done.archive, made.id) == contents(archive, made.id)


def test_what_is_there_is_not_copied_again_and_settings_stay(kept: Kept, tmp_path: Path) -> None:
    archive, made, _ = kept
    shutil.rmtree(placed(archive, "main", made.id))
    archive.change_settings(lambda table: table.update(publisher="Changed since"))
    done = rebuild(archive.folder, source="second")
    assert done.troubles == [] and open_archive(archive.folder).settings.publisher == "Changed since"
    assert verify(done.archive).whole and made.id in entries(done.archive)


@pytest.mark.parametrize("store", ["second", "sealed"])
def test_people_s_keys_come_back(tmp_path: Path, store: str) -> None:
    """From one surviving replica and nothing else; an encrypted one: and one custodian's key."""
    archive, secrets = archive_with(tmp_path / "lost", "second", "sealed")
    stork, crane, gone = (add_person(archive, {"name": name}) for name in ("Stork", "Crane", "Gone"))
    replicate(archive)
    withdraw_person(archive, gone, "request")
    replicate(archive)
    (tmp_path / "lost" / store).rename(tmp_path / store)
    (tmp_path / "lost").rename(tmp_path / "bombed")
    found = rebuild(tmp_path / "new", source=str(tmp_path / store), identities=[secrets["ada"]])
    assert all(trouble.store in ("second", "sealed") for trouble in found.troubles)
    assert person_data(found.archive, stork, [secrets["bohdan"]]) == {"name": "Stork"}
    assert person_data(found.archive, crane, [secrets["ada"]]) == {"name": "Crane"}
    with pytest.raises(KeyNeeded, match="withdrew"):
        person_data(found.archive, gone, list(secrets.values()))


def test_keys_on_a_store_that_is_not_trusted(tmp_path: Path) -> None:
    """They are destroyed with a withdrawal, mended from ours, and never believed."""
    archive, secrets = archive_with(tmp_path, "sealed")
    stork, crane = (add_person(archive, {"name": name}) for name in ("Stork", "Crane"))
    replicate(archive)
    host = archive.store("sealed")
    before = tree(tmp_path / "sealed")
    assert set(keys_there(host)) == {stork, crane}
    withdraw_person(archive, crane, "request")
    assert set(keys_there(host)) == {stork}
    for key in (key_file(crane), public_file(crane)):  # a host that kept it
        host.create(key, before[tmp_path / "sealed" / key])
    secret, recipient = new_identity()  # and one that made up its own
    locked = b"".join(encrypted([secret.encode()], archive.recipients()))
    (tmp_path / "sealed" / key_file(stork)).write_bytes(locked)
    (tmp_path / "sealed" / public_file(stork)).write_bytes(public_bytes(stork, recipient, locked))
    found = verify(archive, mend=True)
    assert found.whole and {(d.store, d.id) for d in found.healed} == {("sealed", stork), ("sealed", crane)}
    assert set(keys_there(host)) == {stork}
    replicate(archive)
    assert set(keys_there(host)) == {stork}
    assert intact_key(host, stork) == intact_key(archive.main, stork)
    assert person_data(archive, stork, [secrets["ada"]]) == {"name": "Stork"}


def test_a_key_that_is_not_what_it_says_is_not_taken(tmp_path: Path) -> None:
    archive, secrets = archive_with(tmp_path / "lost", "sealed")
    stork = add_person(archive, {"name": "Stork"})
    replicate(archive)
    (tmp_path / "lost" / "sealed").rename(tmp_path / "sealed")
    locked = (tmp_path / "sealed" / key_file(stork)).read_bytes()
    swapped = public_bytes(stork, new_identity()[1], locked)  # what is sealed next would be for the host
    (tmp_path / "sealed" / public_file(stork)).write_bytes(swapped)
    found = rebuild(tmp_path / "new", source=str(tmp_path / "sealed"), identities=[secrets["ada"]])
    assert keys_there(found.archive.main) == {}


def test_a_withdrawn_key_never_comes_back(tmp_path: Path) -> None:
    """Not even from a store that was away when it was destroyed."""
    archive, secrets = archive_with(tmp_path, "second", "sealed")
    stork = add_person(archive, {"name": "Stork"})
    replicate(archive)
    shutil.copytree(tmp_path / "second", tmp_path / "away")
    before = tree(tmp_path / "second")
    withdraw_person(archive, stork, "request")
    replicate(archive)
    objects = {p: d for p, d in before.items() if "people" not in str(p)}
    assert objects.items() <= tree(tmp_path / "second").items()  # every copy of every object stays valid
    again = rebuild(tmp_path / "new", source=str(tmp_path / "second")).archive
    shutil.rmtree(tmp_path / "second")
    (tmp_path / "away").rename(tmp_path / "second")
    again = open_archive(again.folder)
    replicate(again)
    for one in (archive, again):
        with pytest.raises(KeyNeeded, match="withdrew"):
            person_data(one, stork, list(secrets.values()))
    assert not any(path.name == f"{stork}.age" for path in tree(tmp_path / "second", again.folder))


def test_damage_on_the_surviving_store_is_named_and_the_rest_comes(kept: Kept, tmp_path: Path) -> None:
    archive, made, _ = kept
    truncate(next(placed(archive, "second", made.id).rglob("photo-0.jpg")))
    done = rebuild(tmp_path / "new", source=str(tmp_path / "second"))
    (failed,) = done.troubles
    assert "photo-0.jpg" in failed.error.message and failed.id
    assert verify(done.archive, mend=True).whole and same(archive, done.archive)  # healed from the others
    done = rebuild(tmp_path / "alone", source=str(tmp_path / "locked"))
    assert done.troubles == [] and same(archive, done.archive)


def test_index_and_an_inventory_are_lost_at_once(kept: Kept) -> None:
    """What only another store can tell of is in the index all the same, and is healed."""
    archive, made, _ = kept
    before = contents(archive, made.id)
    flip(placed(archive, "main", made.id) / "inventory.json")
    flip(placed(archive, "main", made.id) / "v2" / "inventory.json")
    done = rebuild(archive.folder)
    assert [trouble.store for trouble in done.troubles] == ["main"]
    assert done.archive.entry(made.id).title == "Церква"
    healed = verify(done.archive, mend=True)
    assert healed.whole and [d.id for d in healed.healed] == [made.id]
    assert contents(done.archive, made.id) == before


def test_of_what_only_the_inventory_can_be_read(kept: Kept) -> None:
    """A damaged `object.json` keeps no object out of the index, and its other copies heal it."""
    archive, made, _ = kept
    entry = archive.object(made.id).entry("object.json")
    flip(placed(archive, "main", made.id) / entry.path)
    done = rebuild(archive.folder)
    assert [trouble.store for trouble in done.troubles] == ["main"] and done.troubles[0].id
    found = done.archive.entry(made.id)
    assert (found.kind, found.title, found.head) == ("capture", "Recording 0", "v2")  # of version 1
    checked = verify(done.archive, mend=True)
    assert checked.whole and [damage.id for damage in checked.healed] == [made.id]
    assert checked.strangers == []
    assert contents(done.archive, made.id) == contents(archive, made.id)


def test_what_only_a_package_holds_is_told(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "locked")
    made = recording(archive, tmp_path)
    replicate(archive)
    shutil.rmtree(placed(archive, "main", made.id))
    (trouble,) = rebuild(archive.folder).troubles
    assert trouble.store == "locked" and trouble.id in str(placed(archive, "locked", made.id))
    assert "--from" in trouble.error.advice  # it is on it


def test_a_key_that_opens_only_a_part(kept: Kept, tmp_path: Path) -> None:
    """The rest is named, and what can be opened comes back."""
    archive, _, _ = kept
    secret, recipient = new_identity()
    archive.change_settings(lambda table: table["custodians"].update(late=recipient))
    late = recording(archive, tmp_path, 2)
    replicate(archive)
    done = rebuild(tmp_path / "new", source=str(tmp_path / "sealed"), identities=[secret])
    assert late.id in done.archive.index
    assert any(isinstance(trouble.error, KeyNeeded) and trouble.id for trouble in done.troubles)
    drilled = drill(archive, "sealed", identities=[secret])
    assert drilled.objects and any(isinstance(trouble.error, KeyNeeded) for trouble in drilled.troubles)
    with pytest.raises(KeyNeeded):
        rebuild(tmp_path / "newer", source=str(tmp_path / "sealed"), identities=[new_identity()[0]])


def test_the_surviving_store_is_only_read(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, _, _ = kept
    stork = add_person(archive, {"name": "Stork"})
    crane = add_person(archive, {"name": "Crane"})
    replicate(archive)
    withdraw_person(archive, crane, "request")
    folder = tmp_path / "second"
    (folder / ".oberih-left").write_bytes(b"over from a writer")
    before = tree(folder)
    for name in ("create", "replace", "write", "delete"):
        true = getattr(FolderStore, name)

        def refusing(self: FolderStore, *a: Any, true: Any = true) -> Any:
            if self.root == folder:
                raise StoreError("It can only be read.")
            return true(self, *a)

        monkeypatch.setattr(FolderStore, name, refusing)
    again = rebuild(tmp_path / "new", source=str(folder)).archive
    assert tree(folder) == before
    assert person_data(again, stork, [kept[2]["ada"]]) == {"name": "Stork"}
    with pytest.raises(KeyNeeded, match="withdrew"):
        person_data(again, crane, [kept[2]["ada"]])


def test_whose_settings_come_back(kept: Kept, tmp_path: Path) -> None:
    """The newest of the archive itself: not those of another that it once took in."""
    archive, _, _ = kept
    for n in range(8):  # whichever comes first in order
        other, _ = archive_with(tmp_path / str(n), "second")
        keep_settings(other)
        adopt(archive, other.holding("main"))
        for entry in archive.index.objects():
            if entry.kind.startswith("archive of"):  # an import that was cut off
                new_version(archive, entry.id, {}, message="m", event="creation", kind="archive")
    replicate(archive)
    done = rebuild(tmp_path / "new", source=str(tmp_path / "second"))
    assert done.archive.settings.custodians == archive.settings.custodians
    assert (done.stores, done.custodians) == (["locked", "sealed", "second"], ["ada", "bohdan", "chrystyna"])


def test_settings_of_a_later_version_end_no_rebuild(kept: Kept, tmp_path: Path) -> None:
    archive, made, _ = kept
    (entry,) = archive.index.objects("archive")
    table = json.loads(archive.object(entry.id).read("settings.json")) | {"colour": "blue"}
    files = {"settings.json": json.dumps(table).encode()}
    new_version(archive, entry.id, files, message="m", event="modification")
    done = rebuild(tmp_path / "new", source=str(archive.folder / "main"))
    (trouble,) = done.troubles
    assert "colour" in trouble.error.message and done.stores == []
    assert contents(done.archive, made.id) == contents(archive, made.id)


def test_an_open_archive_sees_the_new_index(kept: Kept) -> None:
    archive, made, _ = kept
    reading = archive.index.objects()
    next(reading)
    done = rebuild(archive.folder)
    assert len(list(reading)) == done.indexed - 1  # of the old one, to its end
    late = recording(done.archive, archive.folder.parent, 7)
    assert late.id in archive.index and made.id in archive.index
    archive.index.put([dataclasses.replace(archive.entry(late.id), title="Seen", head="v2")])
    assert done.archive.entry(late.id).title == "Seen"


def test_a_rebuild_that_is_stopped_spoils_no_index(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, _, _ = kept
    before = entries(archive)

    def killed(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(Index, "put", killed)
        with pytest.raises(RuntimeError):
            rebuild(archive.folder)
    assert entries(open_archive(archive.folder)) == before
    with pytest.raises((StoreError, NotInArchive)):
        rebuild(archive.folder, source=str(tmp_path / "nowhere"))
    assert entries(open_archive(archive.folder)) == before

    progress = Progress(lambda event: progress.stop.set() if event.kind == "tick" else None)
    with pytest.raises(Cancelled):
        rebuild(tmp_path / "new", source=str(tmp_path / "second"), progress=progress)
    for attempt in (open_archive, rebuild):  # it does not seem to be whole, or empty
        with pytest.raises(NotInArchive, match="not restored to its end") as caught:
            attempt(tmp_path / "new")  # type: ignore[operator]
        assert f"--from {tmp_path / 'second'}" in caught.value.advice
    assert same(archive, rebuild(tmp_path / "new", source=str(tmp_path / "second")).archive)


def test_nothing_to_rebuild_from(tmp_path: Path) -> None:
    with pytest.raises(NotInArchive, match="no archive") as caught:
        rebuild(tmp_path / "nothing")
    assert "--from" in caught.value.advice
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotInArchive, match="no objects"):
        rebuild(tmp_path / "new", source=str(tmp_path / "empty"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        rebuild(tmp_path / "full", source=str(tmp_path / "empty"))


def test_without_the_key(kept: Kept, tmp_path: Path) -> None:
    with pytest.raises(KeyNeeded):
        rebuild(tmp_path / "new", source=str(tmp_path / "sealed"))
    again = rebuild(tmp_path / "new", source=str(tmp_path / "sealed"), identities=[kept[2]["ada"]])
    assert same(kept[0], again.archive)


@pytest.mark.parametrize("store", ["main", "second", "sealed", "locked"])
def test_the_drill(kept: Kept, tmp_path: Path, store: str) -> None:
    archive, made, secrets = kept
    before = tree(tmp_path / store) if store != "main" else {}
    done = drill(archive, store, identities=[secrets["ada"]], scratch=tmp_path / "scratch")
    assert done.troubles == () and done.missing == 0
    assert done.objects >= 3 and done.files > 20 and done.bytes > 10_000
    assert tree(tmp_path / "scratch") == {}
    assert not before or tree(tmp_path / store) == before
    (event,) = [e for e in events_of(archive, made.id) if e.type == "validation"]
    assert event.outcome == "success" and store in event.detail


def test_a_drill_that_fails_says_what_would_be_missing(kept: Kept) -> None:
    archive, made, secrets = kept
    flip(next(placed(archive, "sealed", made.id).glob("v1.*.tar.age")))
    other = next(e.id for e in archive.index.objects("capture") if e.id != made.id)
    shutil.rmtree(placed(archive, "sealed", other))
    done = drill(archive, "sealed", identities=[secrets["ada"]])
    assert [trouble.id for trouble in done.troubles] == [made.id] and done.missing == 1
    assert [e.outcome for e in events_of(archive, made.id) if e.type == "validation"] == ["failure"]
    assert list(archive.folder.glob(".drill-*")) == []
    with pytest.raises(KeyNeeded):
        drill(archive, "sealed")


def test_a_drill_tells_what_only_that_store_has(kept: Kept) -> None:
    archive, made, secrets = kept
    for store in ("main", "second"):
        shutil.rmtree(placed(archive, store, made.id))
    archive = rebuild(archive.folder).archive
    (trouble,) = drill(archive, "sealed", identities=[secrets["ada"]]).troubles
    assert trouble.id == made.id and "main store has not" in trouble.error.message


def test_a_drill_of_a_copy_that_is_behind(kept: Kept) -> None:
    archive, made, _ = kept
    describe(archive, made.id, Description.make({"titles": {"en": "Again"}}))
    (trouble,) = drill(archive, "second").troubles
    assert trouble.id == made.id and "replicate" in trouble.error.advice


def test_where_a_drill_can_not_be(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError):
        drill(kept[0], "second", scratch=tmp_path / "taken" / "inside")
    with pytest.raises(InputError, match="not empty"):
        drill(kept[0], "second", scratch=tmp_path / "sealed")
    with pytest.raises(NotInArchive):
        drill(kept[0], "third")


def test_an_archive_without_other_stores(tmp_path: Path) -> None:
    archive = create_archive(tmp_path / "archive")
    made = recording(archive, tmp_path)
    shutil.copytree(archive.folder / "main", tmp_path / "copied by hand")
    again = rebuild(tmp_path / "new", source=str(tmp_path / "copied by hand")).archive
    assert contents(again, made.id) == contents(archive, made.id)
    assert set(again.settings.stores) == {"main"}


def test_a_host_that_disguises_its_store_is_not_believed(tmp_path: Path) -> None:
    """Packages that are made to look like a trusted root, with tombstones that nobody wrote."""
    archive, secrets = archive_with(tmp_path / "lost", "second", "sealed")
    stork = add_person(archive, {"name": "Stork"})
    recording(archive, tmp_path)
    replicate(archive)
    sealed, second = tmp_path / "lost/sealed", tmp_path / "lost/second"
    shutil.copy(second / "0=ocfl_1.1", sealed)
    bury(FolderStore(str(sealed)), Tombstone(stork, "2020-01-01T00:00:00+00:00", ""))
    shutil.rmtree(archive.folder)
    new = tmp_path / "lost/archive"
    found = rebuild(new, source=str(sealed), identities=[secrets["ada"]])
    assert found.restored and any("withdrew" in trouble.error.message for trouble in found.troubles)
    rebuild(new, source=str(second))
    again = open_archive(new)
    replicate(again)
    assert person_data(again, stork, [secrets["ada"]]) == {"name": "Stork"}
