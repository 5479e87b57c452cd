"""Words become keys, so that a word finds its other forms and its other spellings.

    Чернігів, Чернігова, у Чернігові, Chernihiv      chernih
    Київ, Києва, Kyiv, Kiev                          kiv
    Львів, Львова, Lviv, Lvov, Lwów                  lviv
    церква, церкви, церковь, tserkva                 tserkv
    churches, church's                               church

A key is of a-z and 0-9. `fold` spells a word in them: Ukrainian by its official romanisation (resolution 55
of 2010), without the differences by which the same name is spelt elsewhere (y/i/j, w/v, doubled letters).
`key` takes off the endings: a light stemmer of Ukrainian nouns and adjectives, and of English plurals; it
need not be right, only the same for all forms of a word, and seldom for another word.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from oberih.trust import romanisation

__all__ = ["LONGEST_WORD", "STOP_WORDS", "WORD", "cleared", "fold", "fold_each", "key", "read", "words_of"]

LONGEST_WORD = 40  # letters of a word that count
APOSTROPHES = "'’ʼ‘ʻ`´′＇"
# Letters, or digits: "КВ1234" and "КВ-1234" are the same two words. An apostrophe is a part of a word.
# Scripts that put no space between words are read letter by letter.
WORD = re.compile(rf"\d+|[\u3041-\u3096\u309d-\u30ff\u3400-\u9fff]|[^\W\d_]+(?:[{APOSTROPHES}]+[^\W\d_]+)*")
# Stress marks, soft hyphens and other marks that nobody types in a search.
UNSEEN = re.compile("[\u0300-\u036f\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")

CYRILLIC = {
    **romanisation.LATIN,
    "ё": "io", "ы": "y", "э": "e", "ъ": "", "ў": "u", "ј": "i", "ђ": "d", "љ": "li", "њ": "ni", "ћ": "ch",
    "џ": "dzh",
}  # fmt: skip
LATIN = {
    "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "š": "sh", "č": "ch",
    "ž": "zh", "ß": "ss", "ħ": "h", "ŋ": "n",
}  # fmt: skip
LETTERS = str.maketrans(CYRILLIC | LATIN)
# What is spelt differently in one name or another: zgh is official for зг, cz and sz are Polish.
SAME = (
    ("zgh", "zh"), ("cz", "ch"), ("sz", "sh"), ("tz", "ts"), ("ph", "f"), ("x", "ks"), ("w", "v"), ("y", "i"),
    ("j", "i"),
)  # fmt: skip
DOUBLED = re.compile(r"(zh|sh|ch|[a-z])\1+")

# Endings of Ukrainian nouns and adjectives, the longest first. -ів and -ові are left to `TAIL`.
ENDINGS = (
    "ього", "ьому", "ого", "ому", "ими", "іми", "їми", "ями", "ами", "ією", "ий", "ій", "їй", "ої", "ою",
    "ею", "єю", "их", "іх", "їх", "им", "ім", "їм", "ам", "ям", "ах", "ях", "ом", "ем", "єм", "а", "я", "о",
    "е", "є", "и", "і", "ї", "у", "ю", "ь", "й",
)  # fmt: skip
VOWELS = "aeio"  # that a word may end in in one case and not in another; not u: statue, Peru
TAIL = re.compile(r"(?:ie|e|i|o)v$")  # Чернігів, Чернігова, Chernigov; Київ, Києва; соборів
FLEETING = re.compile(r"(?<=[^aeiou])(?:e(?=t$)|o(?=k$))")  # Кам'янець, Кам'янця; замок, замку
ROMAN = re.compile(r"(?=[ivx]{2})x{0,3}(?:ix|iv|v?i{0,3})")
ROMAN_LETTERS = str.maketrans("іх", "ix")  # of the Ukrainian keyboard, as many write the numbers
NUMBERS = {"i": 1, "v": 5, "x": 10}

# Keys of words in which і stands where other cases have о or е, and of names that others call otherwise.
OTHERWISE = {
    "dom": "dim", "most": "mist", "dvor": "dvir", "kamen": "kamin", "dzvon": "dzvin", "roh": "rih",
    "kon": "kin", "khutor": "khutir", "stol": "stil", "poroh": "porih", "zakhod": "zakhid", "skhod": "skhid",
    "vkhod": "vkhid", "vikon": "vikn", "tserk": "tserkv", "shkil": "shkol", "hir": "hor",
    "kolodiaz": "kolodiz", "irpen": "irpin", "podol": "podil", "kostol": "kostel", "muze": "muz",
    "ternopol": "ternopil", "sevastopol": "sevastopil", "kiiv": "kiv", "lemberg": "lviv", "leopol": "lviv",
    "chernig": "chernih", "chark": "khark", "rog": "rih", "dnepr": "dnipr", "dnieper": "dnipr",
    "chernobil": "chornobil", "uzhgorod": "uzhorod", "lugansk": "luhansk", "kament": "kamiant",
    "rovn": "rivn", "zaporozh": "zaporizh", "nikola": "mikola", "galich": "halich", "crimea": "krim",
    "chernovt": "chernivt", "kremenchug": "kremenchuk",
}  # fmt: skip

# Words that a search leaves out if there are others.
SMALL = """
а але б би в від для до же з за зі і із й на над не ні о об од по при про та те то у це цей що як
a an and are as at by for from in is of on or the to with
"""
STOP_WORDS = frozenset(SMALL.split())


def words_of(text: str) -> list[str]:
    """The words of a text as it writes them, in small letters; numbers are words."""
    text = text.casefold()
    if not text.isascii():
        text = cleared(text).casefold()
    return [word[:LONGEST_WORD] for word in WORD.findall(text)]


def cleared(text: str) -> str:
    """A text in the letters that one types (NFKC), without marks that nobody types in a search."""
    return UNSEEN.sub("", unicodedata.normalize("NFKC", text))


@lru_cache(1 << 17)
def read(word: str) -> tuple[str, str]:
    """`fold` and `key` of a word of `words_of`."""
    number = as_number(word)
    if number:
        return number, number
    letters = plain(word)
    folded = spelt(letters)
    if CYRILLIC.keys().isdisjoint(letters):
        one = singular(word)
        return folded, tail(spelt(one), stop=one.endswith("e"))
    return folded, tail(spelt(stem(letters)))


def fold(word: str) -> str:
    """A word spelt in a-z and 0-9, with all its endings."""
    return read(word)[0]


def fold_each(words: Iterable[str]) -> set[str]:
    """`fold` of words that hardly anybody asks for again: it is not remembered."""
    return {spelt(plain(word)) for word in words}


def key(word: str) -> str:
    """What all forms and spellings of a word have in common."""
    return read(word)[1]


def plain(word: str) -> str:
    return "".join(letter for letter in word if letter not in APOSTROPHES)


def as_number(word: str) -> str:
    """The number in Arabic digits if it is one: 1654, XVII."""
    if word.isdecimal():
        return "".join(str(unicodedata.decimal(digit)) for digit in word)
    roman = word.translate(ROMAN_LETTERS)
    if not ROMAN.fullmatch(roman):
        return ""
    values = [NUMBERS[letter] for letter in roman]
    return str(sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True)))


def spelt(word: str) -> str:
    """A word's letters as a-z. Letters of other scripts are written by their numbers."""
    word = word.translate(LETTERS)
    if not word.isascii():
        word = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
        word = "".join(c if c.isascii() else f"u{ord(c):x}q" for c in word)
    for one, other in SAME:
        word = word.replace(one, other)
    return DOUBLED.sub(r"\1", word)


def stem(word: str) -> str:
    """A Ukrainian word without its ending; something always remains."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= (2 if len(ending) == 1 else 3):
            return word[: -len(ending)]
    return word


def singular(word: str) -> str:
    """An English word without 's of the genitive or s of the plural; -es leaves an e, which `tail` takes."""
    for apostrophe in APOSTROPHES:
        word = word.removesuffix(f"{apostrophe}s")
    word = plain(word)
    return word[:-1] if len(word) > 3 and word.endswith("s") and word[-2] not in "sui" else word


def tail(word: str, *, stop: bool = False) -> str:
    """A folded stem without what still differs between cases. ``stop``: its v is not an ending (archive)."""
    word = OTHERWISE.get(word, word)
    while len(word) > 3 and word[-1] in VOWELS:
        word = word[:-1]
    if not stop and (found := TAIL.search(word)):
        word = word[: found.start()] if found.start() > 2 else word[: found.start()] + "iv"
    if word.endswith("ts"):
        word = word[:-1]
    if len(word) > 3:
        word = FLEETING.sub("", word)
    return OTHERWISE.get(word, word)
