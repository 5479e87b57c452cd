"""Text made plain enough to be searched, which remembers where each character came from.

Accents, stress marks, invisible characters, kinds of dashes, quotes and spaces do not hide anything.
"""

import unicodedata
from dataclasses import dataclass

__all__ = ["Folded", "fold"]

SIGNS = {
    **dict.fromkeys("‐‑‒–—―−﹣－", "-"),
    **dict.fromkeys("′‘’‚‛ʹʼ´`＇", "'"),
    **dict.fromkeys("″“”„‟ʺ«»＂", '"'),
    **dict.fromkeys("º˚°", "°"),
    "№": "№",
}
# Letters of their own, not accented ones; the marks that make them when they are written apart.
LETTERS = set("йїёґўЙЇЁҐЎ")
MAKES = "\u0306\u0308"


@dataclass(frozen=True)
class Folded:
    """The plain text, and for each of its characters its place in the original."""

    text: str
    places: tuple[int, ...]
    length: int  # of the original

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Start and end in the original of a part that is not empty, with the marks on its last letter."""
        last = self.places[end - 1]
        following = self.places[end] if end < len(self.places) else self.length
        return self.places[start], max(following, last + 1)


def fold(text: str) -> Folded:
    """``text`` made plain; capitals stay."""
    plain: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if character in MAKES and plain:
            whole = unicodedata.normalize("NFC", plain[-1] + character)
            plain[-1] = whole if whole in LETTERS else plain[-1]
            continue
        for one in plainly(character):
            plain.append(one)
            places.append(place)
    return Folded("".join(plain), tuple(places), len(text))


def plainly(character: str) -> str:
    """What stands for a character: one or more, or nothing if it cannot be seen."""
    if character.isascii() or character in LETTERS:
        return character
    if character in SIGNS:
        return SIGNS[character]
    kind = unicodedata.category(character)
    if kind in ("Cf", "Mn", "Me"):
        return ""
    if kind == "Zs":
        return " "
    parts = unicodedata.normalize("NFKD", character)
    return "".join(part for part in parts if not unicodedata.combining(part)) or character
