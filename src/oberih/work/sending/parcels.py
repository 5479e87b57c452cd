"""What is sent as one contribution: some files, and what is said of them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from oberih.archive.exchange.sheets import LEFT_BY_SYSTEMS, Item, match, read_sheet
from oberih.capture.listing import listed
from oberih.errors import InputError
from oberih.i18n import say
from oberih.progress import Progress
from oberih.work.offers import LICENCES, Offer

__all__ = ["OwnFile", "Parcel", "parcel_of", "parcels_of_sheet"]

PLACES = {"latitude": ("latitude", "lat", "широта"), "longitude": ("longitude", "lon", "довгота")}


@dataclass(frozen=True)
class OwnFile:
    """A file of ours. ``name``: with the folders that it lies in."""

    path: Path
    name: str
    size: int
    last_modified: int  # milliseconds since 1970
    sha256: str


@dataclass(frozen=True)
class Parcel:
    """Files that belong together, and what is said of them (`Offer`, as JSON)."""

    title: str
    files: tuple[OwnFile, ...]
    details: Mapping[str, Any]

    @cached_property
    def key(self) -> str:
        """The same for the same bytes, whatever they are called or when they were copied."""
        told = "\n".join(sorted(f"{file.sha256} {file.size}" for file in self.files))
        return hashlib.sha256(told.encode()).hexdigest()

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)


def parcel_of(path: Path, details: Mapping[str, Any], progress: Progress | None = None) -> Parcel:
    """All files of a folder, or one file. Raises `InputError` if one cannot be read, or there is none."""

    def unreadable(error: OSError) -> None:
        raise InputError(
            say("{path} cannot be read: {why}", path=error.filename, why=error.strerror or "?"),
            "Check the file and its permissions, or leave it out. Nothing was sent.",
        )

    found = [one for one in listed([path], [], unreadable) if not LEFT_BY_SYSTEMS.fullmatch(one.path.name)]
    names = {one.path: "/".join(one.inside) for one in found}
    return made(names, {"title": path.resolve().name, **details}, progress or Progress(), path)


def parcels_of_sheet(
    folder: Path, sheet: Path, details: Mapping[str, Any], progress: Progress | None = None
) -> list[Parcel]:
    """One parcel for each row of a CSV file or spreadsheet (see `exchange.sheets`). Raises `InputError` that
    lists every row without files and every file without a row, and every row that says what cannot be.
    """
    items = match(read_sheet(sheet), folder, besides=[sheet])
    said = [details_of(item, details) for item in items]  # before hours of reading
    return [
        made({path: path.relative_to(folder).as_posix() for path in item.files}, told, progress or Progress(),
             folder)
        for item, told in zip(items, said, strict=True)
    ]  # fmt: skip


def details_of(item: Item, details: Mapping[str, Any]) -> dict[str, Any]:
    """What a row says; where it says nothing, what is said of all."""
    row = item.row
    titles = ((row.title, ""), (row.title_uk, "uk"), (row.title_en, "en"))
    title, language = next(((text, code) for text, code in titles if text), ("", ""))
    other = {name.casefold(): text for name, text in row.other.items()}
    told: dict[str, Any] = {
        "title": title, "language": language, "place": row.place, "kind": row.kind.casefold(),
        "licence": row.rights.casefold().replace(" ", "-"),
        **{name: next((other[one] for one in names if one in other), "") for name, names in PLACES.items()},
    }  # fmt: skip
    whole = {**details, **{name: value for name, value in told.items() if value}}
    return checked(whole, say("Row {row}", row=row.number))


def checked(details: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Details as the service will take them. Raises `InputError` that names what is wrong."""
    try:
        return Offer.model_validate(dict(details)).model_dump(mode="json", exclude_none=True)
    except ValueError as error:
        errors: Sequence[Any] = getattr(error, "errors", list)()
        wrong = ", ".join(sorted({".".join(map(str, one["loc"])) or one["msg"] for one in errors}))
        raise InputError(
            say("{where}: this cannot be sent as it is: {wrong}", where=where, wrong=wrong),
            say("Licences are: {names}. Own and keep have to be agreed to.", names=", ".join(LICENCES)),
        ) from error


def made(names: Mapping[Path, str], details: Mapping[str, Any], progress: Progress, place: Path) -> Parcel:
    whole = checked(details, str(place))
    if not names:
        raise InputError(say("There are no files in {path}.", path=place), "Give a folder with recordings.")
    files = []
    with progress.stage("reading", len(names)) as stage:
        for path, name in names.items():
            files.append(own_file(path, name))
            stage.tick()
    return Parcel(str(whole.get("title", "")), tuple(files), whole)


def own_file(path: Path, name: str) -> OwnFile:
    try:
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        found = path.stat()
    except OSError as error:
        raise InputError(
            say("{path} cannot be read: {why}", path=path, why=error.strerror or type(error).__name__),
            "Check the file and its permissions, or leave it out. Nothing was sent.",
        ) from error
    readable = name.encode(errors="backslashreplace").decode()
    return OwnFile(path, readable, found.st_size, int(found.st_mtime * 1000), digest)
