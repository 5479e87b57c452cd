"""Opens a stranger's USD so that nothing outside its folder, or its package, is looked at.

A USD layer may draw in others (sublayers, references, payloads, also inside variants and value clips), by any
path that the machine can read. So the layers are first opened one by one, which composes nothing; each path
that they name is checked; a path that leads out ends the reading, and one that leads to nothing is taken out
of the layer in memory, since USD would go on to look for it in the working directory. Only then is the stage
composed, from layers that are all known.

Specification: https://openusd.org/release/glossary.html and https://openusd.org/release/spec_usdz.html
"""

import posixpath
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

from pxr import Ar, Sdf, Tf, Usd

from oberih.errors import UnreadableModel
from oberih.formats._zipped import Folder, Packed, Place, Within
from oberih.i18n import say

__all__ = ["FAULTS", "Opened", "damaged", "open_usd"]

LAYERS = (".usd", ".usda", ".usdc")
MOST_LAYERS = 2_000
ADVICE = "Export it again where it was made, as one file with everything in it."
FAULTS = (Tf.ErrorException, UnicodeError, RuntimeError)  # what pxr raises at broken files
PROBLEM = re.compile(r"""at line \d+ in file \S+ : '(.+?)'?$""", re.MULTILINE)


@dataclass
class Opened:
    """A composed stage, and what lies with it."""

    path: Path
    stage: Usd.Stage
    beside: Place
    inner: dict[str, str]  # path inside the folder or package of each layer, by the layer's identifier
    notes: list[str] = field(default_factory=list)

    def place(self, asked: str, layer: Sdf.Layer | None) -> str | None:
        """The path inside the folder or package that ``asked`` in ``layer`` means; None if it leads out."""
        anchor = self.inner.get(layer.identifier, "") if layer is not None else ""
        places = candidates(asked, anchor)
        return next((place for place in places if is_there(self.beside, place)), (*places, None)[0])


def damaged(path: Path, error: Exception) -> UnreadableModel:
    """What USD says of a broken file, in one line."""
    try:
        text = str(error).strip() or type(error).__name__
        found = PROBLEM.search(text)
        problem = (found.group(1) if found else text.splitlines()[0]).replace(str(path.absolute()), path.name)
    except UnicodeError:  # USD quotes the file
        problem = ""
    if not problem or isinstance(error, UnicodeError):
        problem = say("its text is not UTF-8")
    else:
        problem = problem[:200]
    return UnreadableModel(say("{path} is damaged: {problem}.", path=path.name, problem=problem), ADVICE)


def open_usd(path: Path) -> Opened:
    """Compose the stage of ``path``. Raises `UnreadableModel`."""
    path = path.absolute()
    with path.open("rb") as file:
        zipped = file.read(4) == b"PK\x03\x04"
    if zipped != (path.suffix.lower() == ".usdz"):
        raise UnreadableModel(
            say("The content of {path} is not what its name says.", path=path.name),
            "Give a package the ending .usdz, and any other USD file .usd.",
        )
    beside: Place
    if zipped:
        try:
            package = Packed(path)
            check_package(path, package)
        except (OSError, ValueError, IndexError) as error:  # offsets and names that cannot be
            raise damaged(path, error) from error
        root = default_layer(path, package)
        beside = Within(package, "")
    else:
        root, beside = path.name, Folder(path)
    try:
        inner, notes, kept = known_layers(path, root, beside, zipped)
        stage = Usd.Stage.Open(kept[0], Sdf.Layer.CreateAnonymous(), load=Usd.Stage.LoadAll)
    except FAULTS as error:
        raise damaged(path, error) from error
    for layer in stage.GetUsedLayers():
        if not layer.anonymous and layer.identifier not in inner:
            raise leads_out(path, layer.identifier)
    return Opened(path, stage, beside, inner, notes)


def default_layer(path: Path, package: Packed) -> str:
    """The first file of a package is its stage."""
    entries = sorted(package.entries.values(), key=lambda entry: entry.header_offset)
    if not entries or not entries[0].filename.lower().endswith(LAYERS):
        raise UnreadableModel(
            say("{path} is no USDZ: its first file is not a USD layer.", path=path.name), ADVICE
        )
    return entries[0].filename


def check_package(path: Path, package: Packed) -> None:
    """USD reads a package in its own way: from the front, and nothing compressed."""
    with path.open("rb") as file:
        for entry in package.entries.values():
            file.seek(entry.header_offset)
            header = file.read(30)
            if len(header) < 30 or header[:4] != b"PK\x03\x04":
                raise UnreadableModel(
                    say("{path} is damaged: {problem}.", path=path.name, problem="ZIP"), ADVICE
                )
            flags, method = struct.unpack_from("<HH", header, 6)
            length = struct.unpack_from("<H", header, 26)[0]
            same = file.read(length) == entry.orig_filename.encode("utf-8", "replace")
            if flags & 1 or entry.compress_type or method or not same:
                raise UnreadableModel(
                    say("{path} is no USDZ: its files are compressed or encrypted.", path=path.name), ADVICE
                )


def known_layers(
    path: Path, root: str, beside: Place, zipped: bool
) -> tuple[dict[str, str], list[str], list[Sdf.Layer]]:
    """Open every layer that the stage will be made of, and take out what leads to nothing.

    Returns the path of each by its identifier, notes, and the layers: as long as they are held, composing
    uses them as they are in memory.
    """
    inner: dict[str, str] = {}
    notes: list[str] = []
    kept: list[Sdf.Layer] = []
    waiting, seen = [root], {root}
    while waiting:
        here = waiting.pop(0)
        layer = Sdf.Layer.FindOrOpen(identifier(path, here, zipped))
        if layer is None:
            raise UnreadableModel(say("{path} is damaged: {problem}.", path=path.name, problem=here), ADVICE)
        kept.append(layer)
        inner[layer.identifier] = here
        layer.SetPermissionToEdit(True)
        for asked in filter(None, list(layer.GetCompositionAssetDependencies())):  # "": itself
            there = layer_place(path, asked, here, beside)
            if there is None:
                layer.UpdateCompositionAssetDependency(asked, "")
                name = posixpath.basename(asked.replace("\\", "/"))[:100]
                notes.append(say("The file draws in {name}, which is not there or not USD.", name=name))
            elif there not in seen:
                seen.add(there)
                waiting.append(there)
                if len(seen) > MOST_LAYERS:
                    raise UnreadableModel(
                        say("{path} draws in more than {count} files.", path=path.name, count=MOST_LAYERS),
                        ADVICE,
                    )
        drop_clips(layer)
    return inner, notes, kept


def identifier(path: Path, inner: str, zipped: bool) -> str:
    return Ar.JoinPackageRelativePath([str(path), inner]) if zipped else str(path.parent / inner)


def layer_place(path: Path, asked: str, anchor: str, beside: Place) -> str | None:
    """Where the layer ``asked`` lies; None if it is not there or cannot be one. Raises if it leads out."""
    if asked.startswith("`") or ":SDF_FORMAT_ARGS:" in asked or asked.endswith("]"):
        return None
    places = candidates(asked, anchor)
    if not places:
        raise leads_out(path, asked)
    for place in places:
        if place.lower().endswith(LAYERS) and is_there(beside, place):
            return place
    return None


def is_there(beside: Place, place: str) -> bool:
    """Whether USD would find a file there, spelled like this, and it is a plain one that lies inside."""
    if isinstance(beside, Within):
        return any(entry.filename == place for entry in beside.packed.entries.values())
    folder = beside.main.parent.resolve()
    try:
        found = (folder / place).resolve()
        return found.is_relative_to(folder) and found.is_file()
    except (OSError, ValueError, RuntimeError):  # a name that is no name
        return False


def leads_out(path: Path, asked: str) -> UnreadableModel:
    return UnreadableModel(
        say("{path} draws in {asked}, which lies outside its folder.", path=path.name, asked=asked[:200]),
        ADVICE,
    )


def candidates(asked: str, anchor: str) -> list[str]:
    """Paths inside the folder or package that a path in the layer ``anchor`` may mean, best first."""
    asked = asked.replace("\\", "/")
    if not asked or "\0" in asked or ":" in asked or asked.startswith("/"):
        return []
    places = [posixpath.normpath(posixpath.join(posixpath.dirname(anchor), asked))]
    if not asked.startswith("."):
        places.append(posixpath.normpath(asked))
    return [place for place in dict.fromkeys(places) if place != ".." and not place.startswith("../")]


def drop_clips(layer: Sdf.Layer) -> None:
    """Value clips are animation, and name files in ways of their own."""

    def drop(where: Sdf.Path) -> None:
        found = (
            layer.GetObjectAtPath(where) if where.IsPrimPath() or where.IsPrimVariantSelectionPath() else None
        )
        if found is not None:
            for name in ("clips", "clipSets"):
                if found.HasInfo(name):
                    found.ClearInfo(name)

    layer.Traverse(Sdf.Path.absoluteRootPath, drop)
