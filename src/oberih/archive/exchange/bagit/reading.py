"""What a bag says and what its folder holds, side by side, before anything is hashed."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from oberih.archive.exchange.bagit.tag_files import (
    ALGORITHMS,
    INFO_FILES,
    Declaration,
    Entry,
    Report,
    Wanted,
    declaration,
    decoded,
    duplicates,
    fetch_entries,
    info_entries,
    manifest_entries,
)
from oberih.archive.exchange.safe_paths import shown
from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["PAYLOAD", "Bag", "Contents", "Fetch", "contents", "open_plain", "read_bag"]

PAYLOAD = "data/"
MOST_TAG_BYTES = 256 << 20  # of one manifest: more than a million files
MOST_INFO_BYTES = 4 << 20
MANIFEST = re.compile(r"(tag)?manifest-([^/]+)\.txt", re.IGNORECASE)


class Fetch(NamedTuple):
    """Where a payload file that a bag does not carry is to be had."""

    url: str
    size: int | None  # bytes, None: not told
    sha512: str  # "" if the bag has no manifest of SHA-512


@dataclass(frozen=True)
class Bag:
    """A bag. Names of files are those inside of data/."""

    folder: Path
    version: str
    info: Mapping[str, tuple[str, ...]]  # values by label, in the order of bag-info.txt
    files: Mapping[str, Mapping[str, str]]  # digests by algorithm by name, also of files to be fetched
    fetch: Mapping[str, Fetch]

    def path(self, name: str) -> Path:
        """Where the payload file ``name`` lies."""
        return self.folder / PAYLOAD / name


@dataclass
class Contents:
    """A bag as it was found: `validation` compares its parts."""

    folder: Path
    files: dict[str, int]  # sizes of all plain files, by path in the bag
    bag: Declaration
    info: list[tuple[str, str]] = field(default_factory=list)
    manifests: dict[str, dict[str, Entry]] = field(default_factory=dict)  # by algorithm, by path
    tag_manifests: dict[str, dict[str, Entry]] = field(default_factory=dict)
    fetch: dict[str, Wanted] = field(default_factory=dict)


def read_bag(folder: Path) -> Bag:
    """What a bag says. Raises `InputError` if it cannot be read or is unsafe; no file is hashed."""
    report = Report()
    found = contents(folder, report)
    wrong = [one for one in report.findings if one.level == "error"]
    if found is None or wrong:
        first = wrong[0]
        raise InputError(
            say(
                "{folder} is not a bag that can be read: {reason}",
                folder=shown(str(folder)),
                reason=first.message,
            ),
            say("Ask the sender for a new copy, or run `oberih verify --bag` for everything that is wrong."),
        )
    info: dict[str, tuple[str, ...]] = {}
    labels: dict[str, str] = {}
    for label, value in found.info:
        known = labels.setdefault(label.casefold(), label)
        info[known] = (*info.get(known, ()), value)
    files: dict[str, dict[str, str]] = {}
    for algorithm, entries in found.manifests.items():
        for path, entry in entries.items():
            files.setdefault(path.removeprefix(PAYLOAD), {})[algorithm] = entry.digest
    fetch = {
        path.removeprefix(PAYLOAD): Fetch(
            one.url, one.size, files.get(path.removeprefix(PAYLOAD), {}).get("sha512", "")
        )
        for path, one in found.fetch.items()
    }
    return Bag(folder, found.bag.version, info, files, fetch)


def contents(folder: Path, report: Report) -> Contents | None:
    """Everything that the tag files say; None where bagit.txt says nothing that can be used."""
    if not folder.is_dir():
        raise InputError(
            say("{path} is not a folder.", path=shown(str(folder))),
            say("Give the folder of the bag: the one that holds bagit.txt."),
        )
    files = dict(plain_files(folder, report))
    if "bagit.txt" not in files:
        report.error("2.1.1", say("bagit.txt is missing."), "bagit.txt")
        return None
    data = tag_bytes(folder, "bagit.txt", files, MOST_INFO_BYTES, report)
    bag = declaration(data, report)
    if bag is None:
        return None
    found = Contents(folder, files, bag)
    info = INFO_FILES.get(bag.version, "bag-info.txt")
    if info in files:
        text = decoded(tag_bytes(folder, info, files, MOST_INFO_BYTES, report), info, bag, report)
        found.info = info_entries(text, info, bag.strict, report)
    for name in sorted(path for path in files if MANIFEST.fullmatch(path)):
        add_manifest(found, name, report)
    if "fetch.txt" in files:
        text = decoded(
            tag_bytes(folder, "fetch.txt", files, MOST_TAG_BYTES, report), "fetch.txt", bag, report
        )
        for wanted in fetch_entries(text, bag.strict, report):
            if wanted.path in found.fetch:
                message = say("{path} is listed twice.", path=shown(wanted.path))
                report.error_if(bag.strict, "2.2.3", message, "fetch.txt")
            found.fetch.setdefault(wanted.path, wanted)
    return found


def add_manifest(found: Contents, name: str, report: Report) -> None:
    match = MANIFEST.fullmatch(name)
    assert match is not None
    algorithm = re.sub(r"[^a-z0-9]", "", match[2].lower())
    if algorithm not in ALGORITHMS:
        message = say("The checksum algorithm {name} is not known here.", name=match[2][:40])
        report.error("2.4", message, name)
        return
    tags = bool(match[1])
    if name != f"{'tag' if tags else ''}manifest-{algorithm}.txt":
        message = say("The name should be that of the algorithm in small letters and digits.")
        report.error_if(found.bag.strict, "2.4", message, name)
    text = decoded(
        tag_bytes(found.folder, name, found.files, MOST_TAG_BYTES, report), name, found.bag, report
    )
    entries = duplicates(
        manifest_entries(text, name.lower(), algorithm, found.bag.strict, report),
        name, found.bag.strict, report,
    )  # fmt: skip
    kept = {}
    for path, entry in entries.items():
        if path.startswith(PAYLOAD) == tags:
            message = (
                say("{path} is payload, which a tag manifest does not list.", path=shown(path))
                if tags
                else say("{path} is not a file of the payload.", path=shown(path))
            )
            report.error("2.2.1" if tags else "2.1.3", message, name)
        else:
            kept[path] = entry
    (found.tag_manifests if tags else found.manifests).setdefault(algorithm, {}).update(kept)


def plain_files(folder: Path, report: Report) -> Iterator[tuple[str, int]]:
    """Path and size of every plain file below ``folder``. Links and devices are errors and left alone."""
    left = [""]
    while left:
        above = left.pop()
        try:
            with os.scandir(folder / above) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
            for entry in found:
                path = above + entry.name
                mode = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(mode.st_mode):
                    left.append(f"{path}/")
                elif stat.S_ISREG(mode.st_mode):
                    yield path, mode.st_size
                elif stat.S_ISLNK(mode.st_mode):
                    report.error("5.1", say("It is a link, which may lead anywhere."), path)
                else:
                    report.error("2", say("It is a device or a pipe, not a file."), path)
        except OSError as error:
            report.error("3", say("It cannot be read: {reason}.", reason=error.strerror or str(error)), above)


def tag_bytes(folder: Path, name: str, files: Mapping[str, int], most: int, report: Report) -> bytes:
    """All bytes of a tag file; none (and an error) if there are too many or they cannot be read."""
    if files[name] > most:
        report.error("2.3", say("The file is too large for what it should be."), name)
        return b""
    try:
        with os.fdopen(open_plain(folder / name), "rb") as file:
            return file.read(most)
    except OSError as error:
        report.error("3", say("It cannot be read: {reason}.", reason=error.strerror or str(error)), name)
        return b""


def open_plain(path: Path) -> int:
    """An open plain file, even if somebody puts a link or a pipe there meanwhile."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError("no plain file")
