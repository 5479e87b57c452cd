"""Copies: as many as the policy asks for, over different threats, on stores that fail in every way."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from keeping import archive_with, contents, flip, placed, recording, tree
from oberih.archive import (
    Archive,
    configuration,
    describe,
    events_of,
    kept_as_asked,
    open_archive,
    rebuild,
    replicate,
    short_of_policy,
    verify,
)
from oberih.archive.crypt import new_identity
from oberih.archive.identifiers import mint
from oberih.archive.index import GOOD, Index
from oberih.archive.metadata import Description
from oberih.archive.packages import package_prefix
from oberih.archive.people.records import add_person
from oberih.archive.stores import Store
from oberih.archive.stores.folder import FolderStore
from oberih.errors import Cancelled, InputError, KeyNeeded, NotInArchive, StoreError
from oberih.progress import Progress
from oberih.settings import StoreSettings
from ocfl_help import Breaking, Crash, ocfl_py_root

WORDS = Description.make({"titles": {"en": "Church"}})


def states(archive: Archive, identifier: str) -> dict[str, tuple[str, str]]:
    return {r.store: (r.head, r.state) for r in archive.index.replicas(identifier)}


def captures(archive: Archive, store: str) -> set[str]:
    kinds = {entry.id: entry.kind for entry in archive.index.objects()}
    held = archive.index.all_replicas()
    return {r.id for r in held if r.store == store and kinds[r.id] == "capture"}


class Faulty:
    """A store that does something else first."""

    def __init__(self, store: Store, first: Callable[[str], None]) -> None:
        self._store, self._first, self.url = store, first, store.url

    def __getattr__(self, name: str) -> Any:
        def called(*arguments: Any, **named: Any) -> Any:
            self._first(name)
            return getattr(self._store, name)(*arguments, **named)

        return called


def fails(*operations: str) -> Callable[[str], None]:
    def first(operation: str) -> None:
        if operation in operations:
            raise StoreError("There is no room left.", "Free some room.")

    return first


def test_every_store_gets_a_copy(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second", "sealed", "locked")
    made = recording(archive, tmp_path)
    assert short_of_policy(archive) == 1
    done = replicate(archive)
    assert done.troubles == [] and short_of_policy(archive) == 0
    assert states(archive, made.id) == dict.fromkeys(("main", "second", "sealed", "locked"), ("v1", GOOD))
    main, second = placed(archive, "main", made.id), placed(archive, "second", made.id)
    same = [{p.relative_to(top): data for p, data in tree(top).items()} for top in (main, second)]
    assert same[0] == same[1]
    assert ocfl_py_root(tmp_path / "second") == ""
    (event,) = [e for e in events_of(archive, made.id) if "second" in e.detail]
    assert event.type == "replication" and event.outcome == "success"


def test_again_only_what_is_new(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second", "locked")
    first = recording(archive, tmp_path, 1)
    replicate(archive)
    assert dict(replicate(archive).copied) == {}
    second = recording(archive, tmp_path, 2)
    describe(archive, first.id, WORDS)
    before = tree(placed(archive, "locked", first.id))
    copied = replicate(archive).copied
    assert set(copied["second"]) == set(copied["locked"]) == {first.id, second.id}
    after = tree(placed(archive, "locked", first.id))
    assert before.items() < after.items()  # nothing that was written is touched
    assert states(archive, first.id)["locked"] == ("v2", GOOD)


@pytest.mark.parametrize("name", ["second", "locked"])
def test_only_what_was_brought_is_read_back(tmp_path: Path, name: str) -> None:
    archive, _ = archive_with(tmp_path, name)
    made = recording(archive, tmp_path, size=50_000)
    replicate(archive)
    before = {r.store: r.checked for r in archive.index.replicas(made.id)}
    describe(archive, made.id, WORDS)
    read = 0

    class Watched(FolderStore):
        def stream(self, key: str, start: int = 0) -> Iterator[bytes]:
            nonlocal read
            for chunk in super().stream(key, start):
                read += len(chunk)
                yield chunk

    archive.opened[name] = Watched(tmp_path / name)
    assert made.id in replicate(archive).copied[name] and 0 < read < 150_000
    assert states(archive, made.id)[name] == ("v2", GOOD)
    after = {r.store: r.checked for r in archive.index.replicas(made.id)}
    assert after[name] == before[name]  # the first version was not read again


def test_what_arrived_is_written_down_not_what_was_asked_for(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second")
    made = recording(archive, tmp_path)
    main, told = archive.main, []

    def somebody_goes_on(_: str) -> None:
        if not told:
            told.append(archive.index.get(made.id).head)
            archive.opened["main"] = main
            describe(archive, made.id, WORDS)

    archive.opened["second"] = Faulty(archive.store("second"), somebody_goes_on)
    replicate(archive)
    assert told == ["v1"] and states(archive, made.id)["second"] == ("v2", GOOD)


def test_a_copy_that_is_behind_is_no_damage(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second", "sealed")
    made = recording(archive, tmp_path)
    replicate(archive)
    describe(archive, made.id, WORDS)
    assert verify(archive).whole and short_of_policy(archive) > 0
    assert made.id in replicate(archive).copied["second"]
    assert short_of_policy(archive) == 0


def test_what_is_encrypted_tells_nothing(tmp_path: Path) -> None:
    archive, secrets = archive_with(tmp_path, "sealed")
    made = recording(archive, tmp_path)
    replicate(archive)
    blob = b"".join(tree(tmp_path / "sealed").values()) + str(list(tree(tmp_path / "sealed"))).encode()
    for secret in (made.id, made.id.rpartition("/")[2], "photo-0", "Recording 0", made.digest):
        assert secret.encode() not in blob
    for number, secret in enumerate(secrets.values()):  # each custodian alone
        back = rebuild(tmp_path / f"back-{number}", source=str(tmp_path / "sealed"), identities=[secret])
        assert contents(back.archive, made.id) == contents(archive, made.id)
    with pytest.raises(KeyNeeded):
        rebuild(tmp_path / "stranger", source=str(tmp_path / "sealed"), identities=[new_identity()[0]])


def test_the_policy_counts_threats_not_stores(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, copies=3)
    for name, threat in {"a": "Lviv", "b": "Lviv", "c": "Kyiv", "d": "Kyiv", "e": "this machine"}.items():
        archive.add_store(name, StoreSettings(url=str(tmp_path / name), threat=threat))
    identifiers = [mint() for _ in range(200)]
    chosen = Counter(name for one in identifiers for name in archive.targets(one)[1:])
    for identifier in identifiers:
        first, *others = archive.targets(identifier)
        assert first == "main"
        assert sorted(archive.threat(name) for name in others) == ["Kyiv", "Lviv"]
        assert archive.targets(identifier) == [first, *others]  # always the same
    assert chosen["e"] == 0 and all(60 < chosen[name] < 140 for name in "abcd")
    archive.add_store("f", StoreSettings(url=str(tmp_path / "f"), threat="Lviv"))
    moved = Counter(name for one in identifiers for name in archive.targets(one)[1:])
    assert all(moved[name] <= chosen[name] for name in "ab") and moved["c"] == chosen["c"]


def test_two_names_for_one_place_are_not_two_copies(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second")
    for url in (tmp_path / "second", tmp_path / "archive" / ".." / "second", "main", archive.folder / "main"):
        with pytest.raises(InputError, match="at this place"):
            archive.add_store("other", StoreSettings(url=str(url)))
    with pytest.raises(InputError, match="already"):
        archive.add_store("second", StoreSettings(url=str(tmp_path / "other")))
    with pytest.raises(NotInArchive, match="no store third"):
        replicate(archive, stores=["third"])


def test_nobody_could_open_what_is_encrypted_for_nobody(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path)
    archive.change_settings(lambda table: table.update(custodians={}))
    with pytest.raises(InputError, match="no custodian"):
        archive.add_store("sealed", StoreSettings(url=str(tmp_path / "sealed"), untrusted=True))
    assert list(archive.settings.stores) == ["main"]


@pytest.mark.parametrize("operation", ["write", "create", "list", "settle"])
def test_a_store_in_trouble_stops_no_other(tmp_path: Path, operation: str) -> None:
    archive, _ = archive_with(tmp_path, "second", "sealed", "locked")
    made = recording(archive, tmp_path)
    for name in ("second", "locked"):
        archive.opened[name] = Faulty(archive.store(name), fails(operation))
    done = replicate(archive)
    assert {trouble.store for trouble in done.troubles} == {"second", "locked"}
    assert all(trouble.error.advice for trouble in done.troubles)
    assert states(archive, made.id) == {"main": ("v1", GOOD), "sealed": ("v1", GOOD)}
    archive.opened.clear()  # the stores are well again
    assert replicate(archive).troubles == [] and verify(archive).whole and short_of_policy(archive) <= 1


def test_stores_that_cannot_be_opened(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second", "locked")
    made = recording(archive, tmp_path)
    (tmp_path / "second").rename(tmp_path / "unplugged")
    again = open_archive(archive.folder)
    done = replicate(again)
    assert {trouble.store for trouble in done.troubles} == {"second"}
    assert set(states(again, made.id)) == {"main", "locked"} and not (tmp_path / "second").exists()
    (tmp_path / "unplugged").rename(tmp_path / "second")
    assert replicate(again).troubles == [] and short_of_policy(again) == 0


def test_a_slow_store(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second")
    for seed in range(4):
        recording(archive, tmp_path, seed)
    archive.opened["second"] = Faulty(archive.store("second"), lambda _: time.sleep(0.003))
    ticks: list[float] = []
    done = replicate(archive, progress=Progress(lambda event: ticks.append(event.done)))
    assert done.troubles == [] and len(done.copied["second"]) >= 4 and ticks[-1] > 0


def test_a_store_that_lies_is_found_out(tmp_path: Path) -> None:
    """It says that it has stored what it has not."""
    archive, _ = archive_with(tmp_path, "second")
    made = recording(archive, tmp_path)
    true = archive.store("second")

    class Lies(Faulty):
        def write(self, key: str, chunks: Iterable[bytes]) -> int:
            def altered() -> Iterator[bytes]:
                for chunk in chunks:
                    yield bytes([chunk[0] ^ 1]) + chunk[1:]

            return true.write(key, altered())

    archive.opened["second"] = Lies(true, lambda _: None)
    done = replicate(archive)
    assert any("not what was sent" in trouble.error.message for trouble in done.troubles)
    assert states(archive, made.id)["second"] == ("v1", "damaged") and short_of_policy(archive) > 0
    archive.opened["second"] = true
    assert not verify(archive).whole and verify(archive, mend=True).whole
    assert states(archive, made.id)["second"] == ("v1", GOOD)


def test_damage_in_the_main_store_is_not_copied(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second", "locked")
    bad, gone, good = (recording(archive, tmp_path, seed) for seed in (1, 2, 3))
    flip(next(placed(archive, "main", bad.id).rglob("photo-1.jpg")))
    for path in tree(placed(archive, "main", gone.id)):
        path.unlink()
    done = replicate(archive)
    assert {(t.store, t.id) for t in done.troubles} == {
        (s, o.id) for s in ("second", "locked") for o in (bad, gone)
    }
    assert set(states(archive, good.id)) == {"main", "second", "locked"}
    assert set(states(archive, bad.id)) == {"main"}


@pytest.mark.parametrize("after", [0, 1, 3, 5, 8])
@pytest.mark.parametrize("name", ["second", "sealed"])
def test_a_run_that_was_killed_is_taken_up(tmp_path: Path, name: str, after: int) -> None:
    archive, _ = archive_with(tmp_path, name)
    made = [recording(archive, tmp_path, seed) for seed in range(2)]
    well = archive.store(name)
    archive.opened[name] = Breaking(well, after)
    with pytest.raises(Crash):
        replicate(archive)
    archive = open_archive(archive.folder)
    done = replicate(archive)
    assert done.troubles == [] and captures(archive, name) == {one.id for one in made}
    assert verify(archive).whole


def test_a_run_that_was_stopped_tells_what_it_did(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second")
    made = [recording(archive, tmp_path, seed, size=20_000) for seed in range(6)]
    progress = Progress()

    def stop_late(event: Any) -> None:
        if event.kind == "tick" and event.done > event.total / 2:
            progress.stop.set()

    progress.listener = stop_late
    with pytest.raises(Cancelled):
        replicate(archive, progress=progress)
    done = captures(archive, "second")
    copied = {one.id for one in made if list(events_of(archive, one.id))}
    assert copied == done
    assert set(replicate(archive).copied["second"]) >= {one.id for one in made} - done
    assert captures(archive, "second") == {one.id for one in made}


def test_append_only(tmp_path: Path) -> None:
    """Nothing is ever changed or deleted there, not even to mend it; people's keys are not kept there."""
    archive, _ = archive_with(tmp_path, "locked", "second")
    made = recording(archive, tmp_path)
    person = add_person(archive, {"name": "Somebody"})
    archive.opened["locked"] = Faulty(archive.store("locked"), fails("replace", "delete"))
    assert replicate(archive).troubles == []
    describe(archive, made.id, WORDS)
    assert replicate(archive).troubles == []
    flip(next(placed(archive, "locked", made.id).glob("v1.*.tar")))
    before = tree(tmp_path / "locked")
    done = verify(archive, mend=True)
    assert done.whole and [d.store for d in done.healed] == ["locked"]
    assert before.items() < tree(tmp_path / "locked").items()
    assert not any(person in str(path) for path in before)
    assert any(person in str(path) for path in tree(tmp_path / "second"))


def test_an_archive_s_settings_are_copied_but_no_secret(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second")
    archive.change_settings(
        lambda table: table["stores"]["second"].update(access_key="hush", secret_key="hush!")
    )
    replicate(archive)
    (kept,) = archive.index.objects("archive")
    assert b"custodians" in archive.object(kept.id).read("settings.json")
    assert b"hush" not in b"".join(tree(tmp_path / "second").values())
    archive.change_settings(lambda table: table.update(copies=1))
    replicate(archive)
    assert archive.entry(kept.id).head == "v2"


def test_settings_that_cannot_be_kept_keep_nothing_else_back(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second")
    replicate(archive)
    (kept,) = archive.index.objects("archive")
    flip(placed(archive, "main", kept.id) / "inventory.json")
    made = recording(archive, tmp_path)
    done = replicate(archive)
    assert [trouble.store for trouble in done.troubles] == ["main"] and made.id in done.copied["second"]


def test_s3(tmp_path: Path, s3: Any) -> None:
    archive, _ = archive_with(tmp_path, copies=3)
    keys = {"access_key": s3.access_key, "secret_key": s3.secret_key}
    urls = {"open": s3.url(), "sealed": s3.url()}
    for name, url in urls.items():
        given = {"url": url, "threat": name, "untrusted": name == "sealed", **keys}
        archive.add_store(name, StoreSettings.model_validate(given))
    # Keys are not written into the file by themselves: here as the environment would give them.
    archive.change_settings(lambda table: [table["stores"][name].update(keys) for name in urls])
    made = recording(archive, tmp_path)
    assert replicate(archive).troubles == [] and short_of_policy(archive) == 0
    far = archive.store("sealed")
    packages = [stat.key for stat in far.list(package_prefix(made.id)) if stat.key.endswith(".age")]
    data, _ = far.read(packages[0])
    far.delete(packages[0])
    far.write(packages[0], [data[:-1] + b"x"])
    far = archive.store("open")
    (photo,) = [stat.key for stat in far.list() if stat.key.endswith("photo-2.jpg")]
    far.delete(photo)
    done = verify(archive, mend=True)
    assert done.whole and {d.store for d in done.healed} == {"open", "sealed"}
    archive.change_settings(
        lambda table: [
            table["stores"]["open"].update(access_key=s3.reader[0], secret_key=s3.reader[1]),  # may only read
            table["stores"]["sealed"].update(secret_key="wrong"),
        ]
    )
    archive.opened.clear()
    recording(archive, tmp_path, 2)
    done_badly = replicate(archive)
    assert {trouble.store for trouble in done_badly.troubles} == {"open", "sealed"}
    assert {trouble.store for trouble in verify(archive).troubles} == {"sealed"}
    assert "wrong" not in str([t.error.message + t.error.advice for t in done_badly.troubles])


def test_two_at_once_keep_the_settings_in_one_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, _ = archive_with(tmp_path, "second")
    others: list[threading.Thread] = []
    deposit = configuration.deposit_files

    def slow(*arguments: Any, **named: Any) -> Any:
        if not others:
            others.append(
                threading.Thread(target=lambda: configuration.keep_settings(open_archive(archive.folder)))
            )
            others[0].start()
            others[0].join(0.3)
        return deposit(*arguments, **named)

    monkeypatch.setattr(configuration, "deposit_files", slow)
    configuration.keep_settings(archive)
    others[0].join()
    assert len(list(archive.index.objects("archive"))) == 1


def test_who_has_enough_copies_is_passed_over_until_stores_or_policy_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, _ = archive_with(tmp_path, "second")
    made = recording(archive, tmp_path)
    assert replicate(archive, short_only=True).troubles == []  # of the first look, all are seen
    assert states(archive, made.id).keys() == {"main", "second"}

    def whole(*_: object) -> Iterator[object]:
        raise AssertionError("all copies were looked at")

    with monkeypatch.context() as patched:
        patched.setattr(Index, "all_replicas", whole)
        more, before = recording(archive, tmp_path, 1), archive.entry(made.id).head
        describe(archive, made.id, WORDS)
        assert set(replicate(archive, short_only=True).copied["second"]) >= {more.id, made.id}
        assert states(archive, made.id)["second"][0] != before
        assert not replicate(archive, short_only=True).copied
        with pytest.raises(AssertionError, match="all copies"):
            replicate(archive)
    archive.add_store("third", StoreSettings(url=str(tmp_path / "third"), threat="third"))
    archive.change_settings(lambda table: table.update(copies=3))
    (tmp_path / "third").rename(tmp_path / "away")
    assert replicate(archive, short_only=True).troubles
    (tmp_path / "away").rename(tmp_path / "third")
    assert set(replicate(archive, short_only=True).copied["third"]) >= {more.id, made.id}
    assert short_of_policy(archive) == 0


def test_copies_of_some_objects_are_told_of_too(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "second")
    made, other = recording(archive, tmp_path), recording(archive, tmp_path, 1)
    assert replicate(archive, objects=[made.id]).copied == {"second": [made.id]}
    assert "second" in states(archive, made.id) and "second" not in states(archive, other.id)
    assert not kept_as_asked(archive, other.id) and kept_as_asked(archive, made.id)
    assert any("second" in one.detail for one in events_of(archive, made.id))
    with pytest.raises(NotInArchive):
        replicate(archive, objects=["ark:/99999/b1nothing"])
