"""Identifiers that cannot be guessed, and a check character that finds every slip of the pen."""

import re
from itertools import combinations

import pytest

from oberih.archive.identifiers import LETTERS, check_character, mint, parse
from oberih.errors import InputError


def test_an_identifier_is_an_ark_of_the_authority() -> None:
    identifier = mint("12345", "fk4")
    assert re.fullmatch(rf"ark:/12345/fk4[{LETTERS}]{{14}}", identifier)
    assert parse(identifier) == identifier


def test_the_check_character_is_that_of_noid() -> None:
    """The example in the documentation of NOID: 13030/xf93gt2 and its check character q."""
    assert check_character("13030/xf93gt2") == "q"


def test_without_an_authority_it_is_the_one_for_tests() -> None:
    assert mint().startswith("ark:/99999/b1")


def test_identifiers_have_no_order_and_do_not_meet() -> None:
    minted = [mint() for _ in range(20_000)]
    assert len(set(minted)) == len(minted)
    assert (
        len({identifier[13:18] for identifier in minted}) > 19_000
    )  # 29**5 beginnings: nothing is counted up


def test_what_was_handed_out_once_is_never_handed_out_again() -> None:
    asked: list[str] = []

    def taken(identifier: str) -> bool:  # an object, or the tombstone of one
        asked.append(identifier)
        return len(asked) < 3

    assert mint(taken=taken) == asked[2] and len(set(asked)) == 3


def test_every_wrong_letter_is_found() -> None:
    identifier = mint()
    start = len("ark:/")
    for i in range(start, len(identifier)):
        for letter in LETTERS + "aeoul/_":
            if letter != identifier[i]:
                with pytest.raises(InputError):
                    parse(identifier[:i] + letter + identifier[i + 1 :])


@pytest.mark.parametrize("authority", ["99999", "123456789"])
def test_any_two_swapped_letters_are_found(authority: str) -> None:
    for _ in range(50):
        identifier = mint(authority, "bcd1")
        for i, j in combinations(range(len("ark:/"), len(identifier)), 2):
            letters = list(identifier)
            letters[i], letters[j] = letters[j], letters[i]
            if letters[i] != letters[j]:
                with pytest.raises(InputError):
                    parse("".join(letters))


def test_the_advice_says_what_to_look_for() -> None:
    identifier = mint()
    last = LETTERS[(LETTERS.index(identifier[-1]) + 1) % 29]
    with pytest.raises(InputError) as caught:
        parse(identifier[:-1] + last)
    assert "swapped" in caught.value.advice


@pytest.mark.parametrize(
    "written",
    [
        "ark:99999/b1{rest}",  # the newer form
        "ARK:/99999/B1{REST}",
        "  ark:/99999/b1{rest}\n",
        "ark:/99999/b1-{rest}",
        "ark:/9-9999/b1\u2010{rest}",  # hyphens come with line breaks
        "https://n2t.net/ark:/99999/b1{rest}",
        "https://archive.example/ark:99999/b1{rest}?info",
        "ark:/99999/b1{rest}/",
    ],
)
def test_forms_that_mean_the_same(written: str) -> None:
    identifier = mint()
    rest = identifier.removeprefix("ark:/99999/b1")
    assert parse(written.format(rest=rest, REST=rest.upper())) == identifier


@pytest.mark.parametrize(
    "written",
    ["", "ark:/", "ark:/99999/", "ark:/99999/b1", "b1gk8t2n5x7wq3m5", "doi:10.1000/182", "x" * 9999],
)
def test_what_is_no_identifier(written: str) -> None:
    with pytest.raises(InputError):
        parse(written)


@pytest.mark.parametrize(
    ("authority", "shoulder"), [("9999", "b1"), ("99999", "1"), ("99999", "a1"), ("a", "b")]
)
def test_authority_and_shoulder_are_checked(authority: str, shoulder: str) -> None:
    with pytest.raises(InputError):
        mint(authority, shoulder)
