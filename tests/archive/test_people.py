"""Personal data under a key of each person: a withdrawal destroys the key, and no key ever comes back."""

import json
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from oberih.archive.crypt import new_identity
from oberih.archive.people import (
    REASONS,
    Person,
    copy_keys,
    mend_key,
    new_person,
    open_sealed,
    recipient_of,
    seal,
    tell_withdrawals,
    tombstone_of,
    verify_keys,
    withdraw,
)
from oberih.archive.people import keyring as _keyring
from oberih.archive.people import keys as people
from oberih.archive.stores import TEMPORARY, Store
from oberih.archive.stores.folder import FolderStore
from oberih.errors import InputError, KeyNeeded, NotInArchive, StoreError

DATA = json.dumps({"name": "Олена", "contact": "olena@example.org", "consents": ["archive"]}).encode()


@pytest.fixture(scope="module")
def custodians() -> list[tuple[str, str]]:
    return [new_identity() for _ in range(2)]


@pytest.fixture
def stores(tmp_path: Path) -> list[FolderStore]:
    return [FolderStore(tmp_path / name, create=True) for name in ("one", "two")]


@pytest.fixture
def person(stores: list[FolderStore], custodians: list[tuple[str, str]]) -> Person:
    return new_person(stores, [recipient for _, recipient in custodians])


def keys_on(store: FolderStore) -> list[str]:
    return [s.key for s in store.list(_keyring.KEYS)]


def unreachable(store: FolderStore) -> None:
    store.root.rename(store.root.with_name(store.root.name + " is away"))


def reachable(store: FolderStore) -> None:
    store.root.with_name(store.root.name + " is away").rename(store.root)


def test_each_custodian_opens_what_was_sealed_to_a_person(
    stores: list[FolderStore], custodians: list[tuple[str, str]], person: Person
) -> None:
    sealed = seal(person, DATA)
    assert "Олена".encode() not in sealed
    for secret, _ in custodians:
        assert open_sealed(stores, [secret], person.pseudonym, sealed) == DATA
    with pytest.raises(KeyNeeded):
        open_sealed(stores, [new_identity()[0]], person.pseudonym, sealed)


def test_data_can_be_added_later_without_any_secret(
    stores: list[FolderStore], custodians: list[tuple[str, str]], person: Person
) -> None:
    again = Person(person.pseudonym, recipient_of(stores[0], person.pseudonym))
    assert open_sealed(stores, [custodians[0][0]], person.pseudonym, seal(again, b"more")) == b"more"


def test_people_know_nothing_of_each_other(
    stores: list[FolderStore], custodians: list[tuple[str, str]], person: Person
) -> None:
    other = new_person(stores, [custodians[0][1]])
    with pytest.raises(KeyNeeded):
        open_sealed(stores, [custodians[0][0]], other.pseudonym, seal(person, DATA))
    assert list(people.people(stores[0])) == sorted([person.pseudonym, other.pseudonym])


def test_a_store_that_is_away_is_named_and_gets_the_key_later(
    stores: list[FolderStore], custodians: list[tuple[str, str]]
) -> None:
    unreachable(stores[1])
    person = new_person(stores, [custodians[0][1]])
    assert person.missing == (stores[1].url,)
    reachable(stores[1])
    assert copy_keys(stores[0], stores[1]).copied == (person.pseudonym,)
    assert copy_keys(stores[0], stores[1]).copied == ()
    assert open_sealed(stores[1:], [custodians[0][0]], person.pseudonym, seal(person, DATA)) == DATA
    for store in stores:
        unreachable(store)
    with pytest.raises(StoreError):
        new_person(stores, [custodians[0][1]])


# -- withdrawal --------------------------------------------------------------------------------------------


def test_after_a_withdrawal_nobody_reads_the_data_any_more(
    stores: list[FolderStore], custodians: list[tuple[str, str]], person: Person
) -> None:
    sealed = seal(person, DATA)
    tombstone = withdraw(stores, person.pseudonym, "request")
    assert tombstone.unfinished == () and tombstone_of(stores, person.pseudonym) == tombstone
    with pytest.raises(KeyNeeded, match=tombstone.when[:10]):
        open_sealed(stores, [secret for secret, _ in custodians], person.pseudonym, sealed)
    with pytest.raises(KeyNeeded):
        recipient_of(stores[0], person.pseudonym)
    for store in stores:
        assert keys_on(store) == [] and list(people.people(store)) == []
        told = json.loads(store.read(f"{_keyring.TOMBSTONES}/{person.pseudonym}.json")[0])
        assert told.keys() == {"schema", "pseudonym", "when", "reason"}


def test_on_a_folder_and_on_s3(
    store: Store, stores: list[FolderStore], custodians: list[tuple[str, str]], person: Person
) -> None:
    assert copy_keys(stores[0], store).copied == (person.pseudonym,)
    assert list(people.people(store)) == [person.pseudonym] and list(verify_keys(store)) == []
    sealed = seal(person, DATA)
    assert open_sealed([store], [custodians[0][0]], person.pseudonym, sealed) == DATA
    tombstone = withdraw([store], person.pseudonym, "request")
    assert tombstone.unfinished == () and list(store.list(_keyring.KEYS)) == []
    assert copy_keys(store, stores[0]).destroyed == (person.pseudonym,) and keys_on(stores[0]) == []
    with pytest.raises(KeyNeeded, match=tombstone.when[:10]):
        open_sealed([store], [custodians[0][0]], person.pseudonym, sealed)


def test_the_bytes_of_the_key_are_overwritten_on_the_disk(stores: list[FolderStore], person: Person) -> None:
    path = stores[0].root / _keyring.key_file(person.pseudonym)
    before = path.read_bytes()
    with path.open("rb") as still_open:  # the blocks that the file had
        withdraw(stores, person.pseudonym, "request")
        after = still_open.read()
    assert not path.exists() and len(after) == len(before) and after[:20] != before[:20]


def test_a_withdrawal_can_be_repeated_and_keeps_its_date(stores: list[FolderStore], person: Person) -> None:
    first = withdraw(stores, person.pseudonym, "law")
    assert withdraw(stores, person.pseudonym, "request") == first


def test_a_withdrawal_is_finished_when_the_store_is_back(
    stores: list[FolderStore], custodians: list[tuple[str, str]], person: Person
) -> None:
    unreachable(stores[1])
    assert withdraw(stores, person.pseudonym, "request").unfinished == (stores[1].url,)
    reachable(stores[1])
    assert len(keys_on(stores[1])) == 2
    with pytest.raises(KeyNeeded, match="withdrew"):  # the tombstone on the other store counts
        open_sealed(stores, [custodians[0][0]], person.pseudonym, seal(person, DATA))
    assert withdraw(stores, person.pseudonym, "request").unfinished == ()
    assert keys_on(stores[1]) == []


@pytest.mark.parametrize("forth", [True, False])
def test_a_store_that_comes_back_does_not_bring_the_key_back(
    stores: list[FolderStore], person: Person, forth: bool
) -> None:
    unreachable(stores[1])
    withdraw(stores, person.pseudonym, "request")
    reachable(stores[1])
    pair = stores if forth else stores[::-1]
    copied = copy_keys(*pair)
    assert copied.copied == () and copied.destroyed == (person.pseudonym,)
    assert keys_on(stores[0]) == keys_on(stores[1]) == []
    assert tombstone_of(stores[1:], person.pseudonym) == tombstone_of(stores[:1], person.pseudonym)


def test_stores_that_keep_no_keys_are_told_of_withdrawals(
    stores: list[FolderStore], person: Person, tmp_path: Path
) -> None:
    locked, untrusted = (FolderStore(tmp_path / name, create=True) for name in ("locked", "untrusted"))
    tombstone = withdraw(stores, person.pseudonym, "law")
    assert tell_withdrawals(stores[0], locked, trusted=True) == ()
    assert tell_withdrawals(stores[0], untrusted, trusted=False) == ()
    assert tombstone_of([locked], person.pseudonym) == tombstone
    told = tombstone_of([untrusted], person.pseudonym)
    assert told is not None and told.reason == "" and told.when == tombstone.when
    new = FolderStore(tmp_path / "new", create=True)
    tell_withdrawals(new, locked, trusted=True)  # and back from a store that is trusted
    assert tombstone_of([new], person.pseudonym) == tombstone


def test_nothing_is_deleted_where_nothing_can_be(
    stores: list[FolderStore], person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = FolderStore(tmp_path / "vault", create=True)
    left = vault.root / _keyring.KEYS / (TEMPORARY + "old")
    left.parent.mkdir(parents=True)
    left.write_bytes(b"?")
    os.utime(left, (0, 0))
    monkeypatch.setattr(vault, "delete", None)
    tombstone = withdraw(stores, person.pseudonym, "law", locked=[vault], untrusted=[vault])
    assert tombstone.unfinished == () and left.exists()
    told = tombstone_of([vault], person.pseudonym)
    assert told is not None and told.reason == ""


def test_a_stranger_s_store_is_only_read_and_destroys_nothing(
    stores: list[FolderStore], person: Person, custodians: list[tuple[str, str]], tmp_path: Path
) -> None:
    theirs = FolderStore(tmp_path / "theirs", create=True)
    new, gone = (new_person([theirs], [custodians[0][1]]) for _ in range(2))
    copy_keys(stores[0], theirs)
    for one in (person, gone):
        _keyring.bury(theirs, people.new_tombstone(one.pseudonym, "request"))
    before = {s.key: (s.tag, theirs.read(s.key)) for s in theirs.list()}
    assert people.take_keys(theirs, stores[0], stores) == (new.pseudonym,)
    assert before == {s.key: (s.tag, theirs.read(s.key)) for s in theirs.list()}
    assert set(people.people(stores[0])) == {person.pseudonym, new.pseudonym}
    assert tombstone_of(stores[:1], gone.pseudonym) is not None  # there was nothing to destroy
    fresh = FolderStore(tmp_path / "fresh", create=True)
    assert people.take_keys(theirs, fresh) == (new.pseudonym,)  # a tombstone wins


def test_a_file_of_any_size_is_not_read_whole(stores: list[FolderStore], person: Person) -> None:
    path = stores[0].root / _keyring.key_file(person.pseudonym)
    path.write_bytes(bytes(5_000_000))
    assert _keyring.intact_key(stores[0], person.pseudonym) is None
    assert list(_keyring.read_all(stores[:1], _keyring.key_file(person.pseudonym))) == [b""]


def test_a_host_that_is_not_trusted_cannot_make_up_a_withdrawal(
    stores: list[FolderStore], custodians: list[tuple[str, str]], person: Person
) -> None:
    withdraw(stores[1:], person.pseudonym, "request")
    assert tell_withdrawals(*stores, trusted=False) == (person.pseudonym,)
    assert open_sealed(stores[:1], [custodians[0][0]], person.pseudonym, seal(person, DATA)) == DATA
    assert keys_on(stores[1]) == []


@pytest.mark.parametrize("step", range(8))
def test_a_withdrawal_that_dies_anywhere_is_finished_by_the_next(
    stores: list[FolderStore],
    custodians: list[tuple[str, str]],
    person: Person,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
) -> None:
    class Killed(BaseException):
        pass

    left = step

    def dying(do: object) -> object:
        def call(*given: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return do(*given)  # type: ignore[operator]

        return call

    with monkeypatch.context() as patch:
        for name in ("create", "delete"):
            patch.setattr(FolderStore, name, dying(getattr(FolderStore, name)))
        with suppress(Killed):
            withdraw(stores, person.pseudonym, "request")
    if step > 0:  # from the first tombstone on
        with pytest.raises(KeyNeeded, match="withdrew"):
            open_sealed(stores, [custodians[0][0]], person.pseudonym, seal(person, DATA))
    assert withdraw(stores, person.pseudonym, "request").unfinished == ()
    assert keys_on(stores[0]) == keys_on(stores[1]) == []


def test_a_withdrawal_while_keys_are_copied(
    stores: list[FolderStore], person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    third, put_key = FolderStore(tmp_path / "three", create=True), people.put_key

    def withdrawn_meanwhile(*given: object) -> None:
        withdraw(stores, person.pseudonym, "request")
        put_key(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(people, "put_key", withdrawn_meanwhile)
    copied = copy_keys(stores[0], third)
    assert copied.copied == () and copied.destroyed == (person.pseudonym,)
    assert keys_on(third) == [] and tombstone_of([third], person.pseudonym) is not None


def test_a_damaged_tombstone_still_counts_and_is_mended(
    stores: list[FolderStore], custodians: list[tuple[str, str]], person: Person
) -> None:
    tombstone = withdraw(stores, person.pseudonym, "request")
    path = stores[0].root / _keyring.tombstone_file(person.pseudonym)
    good = path.read_bytes()
    path.write_bytes(b"\0" * 20)
    with pytest.raises(KeyNeeded, match="withdrew on a day that is not known"):
        open_sealed(stores[:1], [custodians[0][0]], person.pseudonym, seal(person, DATA))
    assert withdraw(stores, person.pseudonym, "request") == tombstone and path.read_bytes() == good


def test_what_a_dead_process_left_of_a_key_goes_too(stores: list[FolderStore], person: Person) -> None:
    folder = stores[0].root / _keyring.KEYS
    for name, age_s in ((TEMPORARY + "old", 3600), (TEMPORARY + "new", 0)):
        (folder / name).write_bytes(b"key")
        os.utime(folder / name, (time.time() - age_s,) * 2)
    withdraw(stores, person.pseudonym, "request")
    assert [Path(key).name for key in keys_on(stores[0])] == [TEMPORARY + "new"]  # somebody is writing it


def test_a_pseudonym_is_never_used_again(
    stores: list[FolderStore],
    person: Person,
    custodians: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    withdraw(stores, person.pseudonym, "request")
    letters = iter([person.pseudonym[7:-1], "0123456789bcd"])
    monkeypatch.setattr(people, "random_letters", lambda _: next(letters))
    assert new_person(stores, [custodians[0][1]]).pseudonym.startswith("person-0123456789bcd")


# -- damage and mistakes -----------------------------------------------------------------------------------


def test_damaged_keys_are_found_without_a_key_and_mended(
    stores: list[FolderStore], custodians: list[tuple[str, str]], person: Person
) -> None:
    sealed = seal(person, DATA)
    for name in (_keyring.key_file(person.pseudonym), _keyring.public_file(person.pseudonym)):
        path = stores[0].root / name
        good = path.read_bytes()
        for place in range(0, len(good), 3):
            bad = bytearray(good)
            bad[place] ^= 1 << place % 8
            path.write_bytes(bad)
            assert list(verify_keys(stores[0])) == [person.pseudonym], (name, place)
        assert open_sealed(stores, [custodians[1][0]], person.pseudonym, sealed) == DATA  # by the other store
        assert mend_key(stores[1:], stores[0], person.pseudonym)
        assert path.read_bytes() == good
        path.unlink()
        assert list(verify_keys(stores[0])) == [person.pseudonym]
        assert copy_keys(stores[1], stores[0]).copied == (person.pseudonym,)
        assert list(verify_keys(stores[0])) == []
    withdraw(stores[1:], person.pseudonym, "request")
    assert not mend_key(stores[1:], stores[0], person.pseudonym)


def test_what_is_no_pseudonym_or_nobody_s(stores: list[FolderStore], person: Person) -> None:
    wrong = person.pseudonym[:-1] + ("0" if person.pseudonym[-1] != "0" else "1")
    for text in ("", "Олена", "../../x", person.pseudonym[:-1], wrong, person.pseudonym + "/.."):
        with pytest.raises(InputError):
            withdraw(stores, text, "request")
        with pytest.raises(InputError):
            recipient_of(stores[0], text)
    with pytest.raises(InputError):
        withdraw(stores, person.pseudonym, "Олена asked")
    unknown = "person-0123456789bcd" + _keyring.check_character("person-0123456789bcd")
    with pytest.raises(NotInArchive):
        withdraw(stores, unknown, REASONS[0])
    with pytest.raises(NotInArchive):
        open_sealed(stores, [], unknown, b"")
    with pytest.raises(InputError):
        new_person([], [new_identity()[1]])
