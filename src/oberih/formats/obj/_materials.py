"""The materials of an OBJ file: of each its colour and its picture."""

from dataclasses import dataclass
from pathlib import Path

from oberih.formats._beside import beside
from oberih.formats._lines import blocks
from oberih.i18n import say

__all__ = ["Material", "materials_of"]

MAX_BYTES = 1 << 26
WITH_VALUES = {
    "-blendu": 1, "-blendv": 1, "-cc": 1, "-clamp": 1, "-mm": 2, "-bm": 1, "-boost": 1, "-texres": 1,
    "-imfchan": 1, "-type": 1, "-o": 3, "-s": 3, "-t": 3,
}  # fmt: skip


@dataclass
class Material:
    """Colour ``Kd`` (0..1, None if there is none) and name of the picture ``map_Kd``."""

    colour: tuple[float, float, float] | None = None
    image: str = ""


def materials_of(main: Path, name: str, notes: list[str]) -> dict[str, Material]:
    """Those of the library that ``main`` calls ``name``; empty, with a note, if it is not there."""
    found = beside(main, name)
    if found is None and " " in name:  # several libraries, or a name with blanks
        several: dict[str, Material] = {}
        for one in name.split():
            several |= materials_of(main, one, notes)
        return several
    if found is None:
        notes.append(say("Its materials are not there: {name}.", name=name[:200]))
        return {}
    if found.stat().st_size > MAX_BYTES:
        notes.append(say("Its materials are too large a file: {name}.", name=name[:200]))
        return {}
    materials: dict[str, Material] = {}
    now = Material()
    for block in blocks(found):
        for line in block.decode("utf-8", "replace").splitlines():
            word, _, rest = line.strip().partition(" ")
            if "\t" in word:
                word, _, rest = line.strip().partition("\t")
            rest = rest.strip()
            if word == "newmtl":
                now = materials.setdefault(rest, Material())
            elif word == "Kd":
                now.colour = colour_of(rest) or now.colour
            elif word.lower() == "map_kd":
                now.image = image_of(rest)
    return materials


def colour_of(text: str) -> tuple[float, float, float] | None:
    try:
        values = [min(max(float(word), 0.0), 1.0) for word in text.split()[:3]]
    except ValueError:  # "spectral FILE" or damaged
        return None
    if not values or any(value != value for value in values):
        return None
    red, green, blue = values if len(values) == 3 else values[:1] * 3
    return red, green, blue


def image_of(text: str) -> str:
    """The file's name behind the options; it may have blanks in it."""
    words = text.split()
    while words and words[0].lower() in WITH_VALUES:
        option = words.pop(0).lower()
        for place in range(WITH_VALUES[option]):
            if not words or (place and not number(words[0])):  # -o, -s and -t take one to three
                break
            words.pop(0)
    return text[text.find(words[0]) :] if words and text.count(words[0]) == 1 else " ".join(words)


def number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
