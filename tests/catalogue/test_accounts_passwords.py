"""Which passwords are good enough, and what is kept of them. With hashes as slow as they are in earnest."""

import statistics
import time
import unicodedata

import pytest
from argon2 import PasswordHasher
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from oberih.catalogue.accounts import CannotEnter, Visit, log_in
from oberih.catalogue.accounts.passwords import LONGEST, checked_password, is_right, outdated, password_hash
from oberih.catalogue.accounts.tables import Password
from oberih.catalogue.database import Database
from oberih.errors import InputError
from people import GATE, HOME, PASSWORD, member


@pytest.mark.parametrize("good", [
    PASSWORD, "correct horse battery", "наш млин стоїть криво", "xkR8-mm0qL7!", "ключ під третім каменем",
])  # fmt: skip
def test_a_few_words_are_good(good: str) -> None:
    assert checked_password(good) == unicodedata.normalize("NFKC", good)


def test_the_thousand_commonest_are_refused_also_when_they_are_made_longer() -> None:
    for rank, common in enumerate(FREQUENCY_LISTS["passwords"][:1000]):
        longer = (f"{common}12345", f"{common}2022", common * 2) if rank % 10 == 0 else ()
        for text in (common, *longer):
            with pytest.raises(InputError):
                checked_password(text)


@pytest.mark.parametrize("bad", [
    "", "short", "123456789", "йцукенгшщз", "пароль12345", "Слава Україні", "шевченко1814", "aaaaaaaaaaaaaaa",
    "olha-4711-olha", "qwertyqwertyqwerty", "a" * (LONGEST + 1),
])  # fmt: skip
def test_what_is_guessed_at_once_is_refused(bad: str) -> None:
    with pytest.raises(InputError) as refused:
        checked_password(bad, ["olha-4711", "Olha Koval"])
    assert refused.value.advice and (len(bad) < 2 or bad not in str(refused.value))


def test_a_password_is_the_same_from_every_keyboard() -> None:
    composed, apart = (unicodedata.normalize(form, "їжак під яблунею") for form in ("NFC", "NFD"))
    assert composed != apart
    kept = password_hash(checked_password(composed))
    assert is_right(apart, kept) and not is_right("їжак під грушею", kept)


def test_a_hash_is_argon2id_with_a_salt_and_costs_enough() -> None:
    first, second = password_hash(PASSWORD), password_hash(PASSWORD)
    assert first != second and first.startswith("$argon2id$v=19$m=48128,t=2,p=1$")
    used = []
    for _ in range(5):
        begun = time.process_time()
        assert is_right(PASSWORD, first)
        used.append(time.process_time() - begun)
    assert 0.03 < statistics.median(used) < 0.4
    assert not outdated(first) and outdated(PasswordHasher(time_cost=1, memory_cost=1024).hash("x"))


def test_no_hash_and_a_damaged_one_let_nobody_in() -> None:
    assert not is_right("nobody's password", None)
    assert not is_right("", "") and not is_right(PASSWORD, "$argon2id$damaged")


def test_an_unknown_name_takes_as_long_as_a_wrong_password(database: Database) -> None:
    known = member(database, name="olha")
    used: dict[str, list[float]] = {known.login: [], "nobody": []}
    for number in range(7):
        for name, times in used.items():
            begun = time.process_time()
            with pytest.raises(CannotEnter):
                log_in(database, GATE, Visit(f"203.0.113.{number}"), name, "wrong")
            times.append(time.process_time() - begun)
    slow, quick = (statistics.median(times) for times in used.values())
    assert 0.7 < quick / slow < 1.4


def test_a_hash_of_weaker_parameters_is_made_anew_when_its_owner_comes(database: Database) -> None:
    opened = member(database, name="olha")
    with database.writing("test", "weaken") as session:
        row = session.get_one(Password, opened.account)
        row.hash = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    with pytest.raises(CannotEnter):
        log_in(database, GATE, HOME, "olha", "wrong")
    log_in(database, GATE, HOME, "olha", PASSWORD)
    with database.reading() as session:
        kept = session.get_one(Password, opened.account).hash
    assert kept.startswith("$argon2id$") and "m=48128,t=2,p=1" in kept
    assert log_in(database, GATE, HOME, "olha", PASSWORD)
