"""Persistent identifiers: ARKs (draft-kunze-ark) such as ``ark:/99999/b1gk8t2n5x7wq3m5``.

    ark:/99999/b1 gk8t2n5x7wq3m 5
         │     │  │             └ check character (NOID): finds any wrong letter and any two swapped ones
         │     │  └ blade: random, so that nobody can guess the next or count the objects
         │     └ shoulder: a part of the authority's names that Oberih hands out
         └ naming authority: 99999 is for tests; an institution gets its own, free, from the ARK Alliance

All letters are of NOID's alphabet: no vowels (no words), no "l" (no "1"). An identifier is never handed out
twice, not even after its object is gone.
"""

import re
import secrets
from collections.abc import Callable

from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["LETTERS", "TEST_AUTHORITY", "check_character", "mint", "parse", "random_letters"]

LETTERS = "0123456789bcdfghjkmnpqrstvwxz"  # 29, a prime: what the check character's proof rests on
TEST_AUTHORITY = "99999"
BLADE = 13  # letters, 63 bits: among 100 million identifiers the chance that any two meet is 1 in 2,000

AUTHORITY = re.compile(rf"[{LETTERS}]{{5,9}}")
SHOULDER = re.compile(r"[bcdfghjkmnpqrstvwxz]{1,3}[0-9]")
WHOLE = re.compile(
    rf"(?:https?://[^/]+/)?ark:/?([{LETTERS}]{{5,9}})/([{LETTERS}]{{{BLADE + 3},{BLADE + 5}}})/?\.?(?:\?.*)?"
)
HYPHENS = dict.fromkeys(map(ord, "-\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"))


def mint(
    authority: str = TEST_AUTHORITY, shoulder: str = "b1", taken: Callable[[str], bool] = lambda _: False
) -> str:
    """A new identifier for which ``taken`` is false; it must be true for deleted and withdrawn ones too."""
    if not AUTHORITY.fullmatch(authority):
        raise InputError(
            say("{authority} is no naming authority number.", authority=authority),
            "It has 5 to 9 digits or consonants, such as 12345. Institutions get one from the ARK Alliance; "
            "99999 is for tests.",
        )
    if not SHOULDER.fullmatch(shoulder):
        raise InputError(
            say("{shoulder} is no shoulder of an identifier.", shoulder=shoulder),
            "It has one to three consonants (no l, no y) and a digit at its end, such as b1.",
        )
    while True:
        name = f"{authority}/{shoulder}{random_letters(BLADE)}"
        identifier = f"ark:/{name}{check_character(name)}"
        if not taken(identifier):
            return identifier


def parse(text: str) -> str:
    """The normal form ``ark:/…`` of what a person typed or a page linked to.

    Either form of the prefix, a resolver's address before it, capitals, spaces around and hyphens anywhere
    mean nothing. Raises `InputError` if a letter is wrong.
    """
    found = WHOLE.fullmatch(text.strip().lower().translate(HYPHENS))
    if not found:
        raise InputError(
            say("{text} is no identifier of this archive.", text=text.strip()[:200]),
            "Identifiers look like ark:/99999/b1gk8t2n5x7wq3m5; the letters a, e, i, l, o, u and y are never "
            "in the part after the last slash.",
        )
    name = f"{found[1]}/{found[2]}"
    if check_character(name[:-1]) != name[-1]:
        raise InputError(
            say("The identifier ark:/{name} is mistyped.", name=name),
            "A letter is wrong or swapped. Compare it with where you have it from.",
        )
    return f"ark:/{name}"


def check_character(name: str) -> str:
    """NOID's check character of ``name`` ("99999/b1…", at most 27 characters: beyond 28 the proof ends)."""
    return LETTERS[sum(i * max(LETTERS.find(letter), 0) for i, letter in enumerate(name, 1)) % len(LETTERS)]


def random_letters(count: int) -> str:
    """``count`` letters that nobody can foresee."""
    return "".join(secrets.choice(LETTERS) for _ in range(count))
