"""Names of places and people in all the forms that a text may give them.

Ukrainian inflects names, swaps vowels and consonants in doing so (Чернігів, Чернігова; Бородянка, Бородянці;
Ірпінь, Ірпеня) and makes adjectives of them; English texts have them in Latin letters. All forms that a word
could have by its ending are made, some of which it has not: that costs nothing.
"""

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from oberih.trust._prose.folding import fold
from oberih.trust.romanisation import romanised

__all__ = ["Names", "Word", "words_of"]

WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
HUMP = re.compile("(?<=[a-zа-яіїєґ])(?=[A-ZА-ЯІЇЄҐ])")  # in "ChurchInBucha"
CYRILLIC = re.compile("[а-яіїєґ']+")
VOWELS = "аеєиіїоуюя"

# Endings of adjectives, hard and soft; noun endings stand with the rules below.
HARD = "ий ого ому им ім а ої ій у ою е і их ими"
SOFT = "ій ього ьому ім я ьої ю ьою є і іх іми"
# Softened before -і: Прага, Празі. The same before -ський: Острог, острозький.
BEFORE_I = {"г": "з", "к": "ц", "х": "с"}
BEFORE_SK = {"г": "зьк", "ж": "зьк", "з": "зьк", "к": "цьк", "ч": "цьк", "ц": "цьк", "х": "ськ", "ш": "ськ"}

LEAST_LETTERS = 3  # of a part of a person's name that is looked for alone
MOST_PARTS = 4


@dataclass(frozen=True)
class Word:
    """A word of a text: in small letters, where it stands, and whether it began with a capital."""

    text: str
    start: int
    end: int
    capital: bool


def words_of(text: str) -> Iterator[Word]:
    """The words of a folded text; those of a file's name (ChurchInBucha_2) too, without English 's."""
    for found in WORD.finditer(text):
        start = found.start()
        for part in HUMP.split(found[0]):
            word = part.removesuffix("'s").removesuffix("'S")
            yield Word(word.lower(), start, start + len(word), word[0].isupper())
            start += len(part)


class Names:
    """Names to look for, with all their forms: made once, used on many texts. Sealed: never printed."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_first: dict[str, list[tuple[frozenset[str], ...]]] = {}
        for name in names:
            words = [all_forms(word) for word in parts_of(name)]
            for word in words[0] if words else ():
                self._by_first.setdefault(word, []).append(tuple(words))

    @classmethod
    def of_people(cls, people: Iterable[str]) -> Self:
        """Names of people: in any order, and each part of them alone."""
        every: set[str] = set()
        for name in people:
            parts = parts_of(name)
            every |= {" ".join(order) for order in itertools.permutations(parts[:MOST_PARTS])}
            every |= {part for part in parts if len(part) >= LEAST_LETTERS}
        return cls(every)

    def __repr__(self) -> str:
        return "Names(sealed)"

    def at(self, words: list[Word], first: int) -> int:
        """How many words from ``first`` on are one of the names; 0 if none is."""
        longest = 0
        for forms in self._by_first.get(words[first].text, ()):
            some = words[first : first + len(forms)]
            if len(some) == len(forms) and all(w.text in f for w, f in zip(some, forms, strict=True)):
                longest = max(longest, len(forms))
        return longest


def parts_of(name: str) -> list[str]:
    """The words of a name in small letters. An apostrophe inside a Ukrainian word is a letter of it."""
    return [word.text for word in words_of(fold(name).text)]


def all_forms(word: str) -> frozenset[str]:
    """The forms of a word in small letters, as declined, as adjective, and both in Latin letters."""
    if not CYRILLIC.fullmatch(word):
        return frozenset({word})
    forms = {word, *declined(word), *adjectives(word)}
    return frozenset(forms | {romanised(form) for form in forms})


def declined(word: str) -> set[str]:
    """What a noun or an adjective may become by case and number."""
    stem, last = word[:-1], word[-1]
    if len(word) < 3:
        return {word}
    if word.endswith(("ий", "ій")):
        return ends([word[:-2]], HARD, SOFT) | ends([stem], "я ю єм ї єві")
    if last == "а":
        return ends([stem], "и і у ою ею о ам ами ах", HARD) | softened(stem) | bare(stem)
    if last == "я":
        return ends([stem], "і ї ю ею єю є ям ями ях ь й", SOFT)
    if last == "о":
        return ends([stem], "а у ом ові і и ів ам ами ах") | softened(stem)
    if last in "еє":
        return ends([stem], "я ю ем єм і ї а у ом", HARD, SOFT)
    if last in "иії":
        return ends([stem], "ь ів їв ам ами ах ям ями ях ей", HARD, SOFT) | bare(stem)
    if last == "ь":
        return ends(alternating(stem), "я ю ем єм і еві") | {stem + stem[-1] + "ю", stem + "ю"}
    if last == "й":
        return ends([stem], "я ю єм ї єві є")
    made = ends(alternating(word), "а я у ю ом ем і ові еві е и ів ам ами ах")
    return made | {word + last + "ю", word + "'ю"}.union(*map(softened, alternating(word)))


def ends(stems: Iterable[str], *endings: str) -> set[str]:
    return {stem + ending for stem in stems for some in endings for ending in some.split()}


def softened(stem: str) -> set[str]:
    """Before -і: Бородянка, Бородянці."""
    return {stem[:-1] + BEFORE_I[stem[-1]] + "і"} if stem[-1] in BEFORE_I else set()


def bare(stem: str) -> set[str]:
    """The genitive plural: Сум; with a vowel between two consonants, Лубен, церков."""
    if len(stem) > 1 and stem[-1] not in VOWELS and stem[-2] not in VOWELS:
        head = stem[:-1].removesuffix("ь")
        return {stem, head + "о" + stem[-1], head + "е" + stem[-1]}
    return {stem}


def alternating(stem: str) -> list[str]:
    """The stem as it is, and as it becomes in an open syllable: Чернігов-, Києв-, Ірпен-, Тростянц-."""
    stems = [stem]
    if len(stem) > 2 and stem[-1] not in VOWELS:
        head, vowel, tail = stem[:-2], stem[-2], stem[-1]
        if vowel == "і":
            stems += [head + "о" + tail, head + "е" + tail]
        elif vowel == "ї":
            stems.append(head + "є" + tail)
        elif vowel in "ео":
            stems += [head + tail, head + "ь" + tail]
        elif vowel == "є":
            stems.append(head + "й" + tail)
    return stems


def adjectives(word: str) -> set[str]:
    """Adjectives of a place: чернігівський, одеський, бучанський, прилуцький."""
    stem = word.rstrip("аеєиіїоуюяьй")
    if len(stem) < 3:
        return set()
    roots = {word + "ськ", stem + "анськ", stem + "янськ"}
    single = stem[:-1] if stem[-1] == stem[-2] else stem  # Запоріжжя
    for short in {single, stem.removesuffix("к"), stem.removesuffix("с"), *bare(stem)}:
        roots |= {short + "ськ", short[:-1] + BEFORE_SK.get(short[-1], short[-1] + "ськ")}
    return ends(roots, HARD)
