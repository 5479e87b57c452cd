"""Ukrainian in Latin letters, as on signs: resolution 55 of the Cabinet of Ministers, 2010."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["LATIN", "romanised"]

LATIN: Final[Mapping[str, str]] = MappingProxyType({
    "а": "a", "б": "b", "в": "v", "г": "h", "ґ": "g", "д": "d", "е": "e", "є": "ie", "ж": "zh", "з": "z",
    "и": "y", "і": "i", "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p",
    "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch",
    "ь": "", "ю": "iu", "я": "ia",
})  # fmt: skip
"""A small letter -> what stands for it within a word."""
FIRST: Final = {"є": "ye", "ї": "yi", "й": "y", "ю": "yu", "я": "ya"}  # at the beginning of a word
WITHIN: Final = str.maketrans({**LATIN, "'": ""})


def romanised(word: str) -> str:
    """A Ukrainian word in small letters, in Latin ones: чернігів, chernihiv; згурівка, zghurivka."""
    word = word.replace("зг", "zgh")
    return (FIRST.get(word[0], word[0]) + word[1:]).translate(WITHIN)
