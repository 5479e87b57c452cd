"""The order of titles in a reader's language, as keys that a database compares byte by byte.

Ukrainian: digits, the Ukrainian alphabet, then Latin. Others: digits, Latin, then Cyrillic. Accents, case and
signs do not count; a space (or hyphen) comes before every letter, so that words are compared one by one.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache

__all__ = ["ORDERS", "sort_key"]

ORDERS = ("en", "uk")  # languages that have an order of their own; all others have that of the first
LONGEST = 40  # letters that count

DIGITS = "0123456789"
LATIN = "abcdefghijklmnopqrstuvwxyz"
CYRILLIC = "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя"
# Letters of neighbours, each with the one that it comes after.
AFTER = {"ё": "е", "ы": "и", "ў": "у", "ъ": "щ", "э": "ь", "đ": "d", "ð": "d", "ł": "l", "ø": "o", "þ": "t",
         "ı": "i", "ј": "й"}  # fmt: skip
SPLIT = {"æ": "ae", "œ": "oe", "ß": "ss"}


@cache
def ranks(order: str) -> Mapping[str, str]:
    """Letter -> a printable ASCII character that sorts as the letter does."""
    letters = DIGITS + (CYRILLIC + LATIN if order == "uk" else LATIN + CYRILLIC)
    found = {letter: chr(ord("!") + place) for place, letter in enumerate(letters)}
    return found | {letter: found[other] for letter, other in AFTER.items()}


def sort_key(title: str, order: str) -> str:
    """What ``title`` is sorted by in one of `ORDERS`; ASCII."""
    known = ranks(order)
    text = unicodedata.normalize("NFC", title.casefold())[: 4 * LONGEST]
    key: list[str] = []
    for letter in text:
        for part in SPLIT.get(letter, letter):
            if part in known:
                key.append(known[part])
            elif part.isspace() or unicodedata.category(part) == "Pd":
                if key and key[-1] != " ":
                    key.append(" ")
            elif part.isalnum():
                key.append(known.get(base(part)) or f"~{ord(part):06x}")
    return "".join(key[:LONGEST]).rstrip()


def base(letter: str) -> str:
    """A letter without its accents."""
    return unicodedata.normalize("NFKD", letter)[0]
