"""The JSON of a stranger's glTF file, asked for one value at a time, each checked for what it may be."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from oberih.i18n import say

__all__ = ["Broken", "Item"]

MOST = 1 << 53  # larger whole numbers are no numbers in JSON


class Broken(Exception):
    """What is wrong with the file, as a part of a sentence."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True)
class Item:
    """One JSON object and where it stands. Every method raises `Broken` for a value of the wrong kind."""

    value: dict[str, Any]
    place: str = ""

    def wrong(self, key: str) -> Broken:
        place = f"{self.place}.{key}" if self.place else key
        return Broken(say("{place} is not what glTF allows there", place=place[:200]))

    def has(self, key: str) -> bool:
        return key in self.value

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number from 0 on."""
        found = self.value.get(key, default)
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < MOST:
            raise self.wrong(key)
        return found

    def index(self, key: str) -> int | None:
        """The number of another object, None if there is none."""
        return self.whole(key) if key in self.value else None

    def number(self, key: str, default: float) -> float:
        found = self.value.get(key, default)
        if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
            raise self.wrong(key)
        return float(found)

    def numbers(self, key: str, count: int) -> list[float] | None:
        """So many finite numbers, None if there are none."""
        found = self.value.get(key)
        if found is None:
            return None
        if not isinstance(found, list) or len(found) != count:
            raise self.wrong(key)
        return [Item({key: one}, self.place).number(key, 0) for one in found]

    def text(self, key: str, default: str | None = None) -> str:
        found = self.value.get(key, default)
        if not isinstance(found, str):
            raise self.wrong(key)
        return found

    def flag(self, key: str) -> bool:
        return self.value.get(key) is True

    def item(self, key: str) -> "Item":
        """An object; an empty one if there is none."""
        found = self.value.get(key, {})
        if not isinstance(found, dict):
            raise self.wrong(key)
        return Item(found, f"{self.place}.{key}" if self.place else key)

    def extension(self, *names: str) -> "Item | None":
        """What one of the extensions ``names`` adds here."""
        extensions = self.item("extensions")
        for name in names:
            if extensions.has(name):
                return extensions.item(name)
        return None

    def array(self, key: str) -> list[Any]:
        found = self.value.get(key, [])
        if not isinstance(found, list):
            raise self.wrong(key)
        return found

    def items(self, key: str) -> Iterator["Item"]:
        for number in range(len(self.array(key))):
            yield self.at(key, number)

    def at(self, key: str, number: int) -> "Item":
        """The object ``number`` of a list."""
        place = f"{self.place}.{key}" if self.place else key
        found = self.array(key)
        if number >= len(found):
            raise Broken(say("it names {place}[{number}], which is not there", place=place, number=number))
        if not isinstance(found[number], dict):
            raise self.wrong(f"{key}[{number}]")
        return Item(found[number], f"{place}[{number}]")

    def indices(self, key: str) -> list[int]:
        """A list of numbers of other objects."""
        return [Item({key: one}, self.place).whole(key) for one in self.array(key)]
