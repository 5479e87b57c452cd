"""Passwords: which are good enough, and their argon2id hashes (RFC 9106).

Not which signs a password has counts, but how many guesses it takes: the thousand commonest, names, dates and
rows of keys fall at once, in a Ukrainian layout as well. A password is normalised (NFKC), so that it is the
same from every keyboard.
"""

import threading
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Final

import zxcvbn  # type: ignore[import-untyped, unused-ignore]  # it ships no marker for its types
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["LONGEST", "SHORTEST", "checked_password", "is_right", "normal", "outdated", "password_hash"]

SHORTEST, LONGEST = 10, 200  # letters
READ = 40  # letters whose strength is judged: it takes longer than linear
GUESSES: Final = 10**8  # that it must take at least; strangers get 100 a day, a thief of the table many more

# About 80 ms of one core. Raised: `outdated` finds the old hashes.
HASHER: Final = PasswordHasher(time_cost=2, memory_cost=47 * 1024, parallelism=1)
JUDGING = threading.Lock()  # the library keeps the names that it is told in a global variable
AT_ONCE = threading.BoundedSemaphore(4)  # 47 MiB each

# Of passwords that leaked in Ukraine; the lists of the library are English.
COMMON = (
    "oberih", "оберіг", "слава україні", "героям слава", "україна", "ukraine", "україні", "привіт", "пароль",
    "кохання", "люблю", "тебе", "сонечко", "сонце", "мама", "київ", "kyiv", "kiev", "львів", "lviv", "харків",
    "одеса", "дніпро", "чернігів", "шевченко", "динамо", "шахтар", "наташа", "оксана", "олена", "андрій",
    "сергій", "олександр", "володимир", "марина", "тетяна", "ірина", "тарас", "богдан", "зеленський", "путін",
)  # fmt: skip

UKRAINIAN = "йцукенгшщзхїфівапролджєячсмитьбю"
RUSSIAN = "йцукенгшщзхъфывапролджэячсмитьбю"
LATIN = "qwertyuiop[]asdfghjkl;'zxcvbnm,."
LAYOUTS = tuple(str.maketrans(layout, LATIN) for layout in (UKRAINIAN, RUSSIAN))


def checked_password(text: str, about: Sequence[str] = ()) -> str:
    """``text`` in its normal form. ``about``: names of the person, which are no secrets.

    Raises `InputError`.
    """
    password = normal(text)
    if len(password) < SHORTEST:
        raise InputError(
            say("A password has at least {least} letters.", least=SHORTEST), "Three or four words are good."
        )
    if len(password) > LONGEST:
        raise InputError(
            say("A password has at most {most} letters.", most=LONGEST), "Three or four words are enough."
        )
    known = [*(one for one in about if one), *COMMON]
    forms = {password, *(password.casefold().translate(layout) for layout in LAYOUTS)}
    with JUDGING:
        guesses = min(zxcvbn.zxcvbn(form[:READ], known)["guesses"] for form in forms)
    if guesses < GUESSES:
        raise InputError(
            "This password is easy to guess.", "Take three or four words that do not belong together."
        )
    return password


def normal(text: str) -> str:
    """A password as it is hashed."""
    return unicodedata.normalize("NFKC", text)


def password_hash(password: str) -> str:
    """For what `checked_password` returned."""
    with AT_ONCE:
        return HASHER.hash(password)


def is_right(password: str, kept: str | None) -> bool:
    """Whether it is the password of which ``kept`` is the hash. Takes as long if there is none."""
    given = normal(password[: LONGEST * 4])
    with AT_ONCE:
        try:
            HASHER.verify(kept or nobodys_hash(HASHER), given)
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def outdated(kept: str) -> bool:
    """Whether it was made with other parameters than those of today."""
    return HASHER.check_needs_rehash(kept)


@cache
def nobodys_hash(hasher: PasswordHasher) -> str:
    return hasher.hash("nobody's password")
