"""The manifest of a contribution: read, written in one step, and taken away first of all when it ends."""

import json
import shutil
from pathlib import Path

from oberih.work.arrivals import _files as files
from oberih.work.arrivals.records import ArrivingFile, Contribution

__all__ = [
    "MANIFEST",
    "erase",
    "forget",
    "parted",
    "read_contribution",
    "read_file",
    "write_contribution",
]

MANIFEST = "manifest.json"


def read_contribution(folder: Path) -> Contribution | None:
    """The contribution in ``folder``; None if there is none (any more)."""
    told = files.read_json(folder / MANIFEST)
    if told is None:
        return None
    told.pop("schema")
    told["files"] = tuple(ArrivingFile(**file) for file in told["files"])
    return Contribution(**told, account=folder.parent.name, folder=folder)


def read_file(folder: Path, identifier: str) -> ArrivingFile | None:
    """One file of the contribution in ``folder``; None if there is no such file.

    It is read alone: with thousands of files, reading all would cost more than what arrives of one.
    """
    try:
        text = (folder / MANIFEST).read_text("ascii")
    except (FileNotFoundError, NotADirectoryError):
        return None
    # Quotes within texts are escaped, and the files come last: this is found nowhere else.
    start = text.rfind('{"id": "' + identifier + '"')
    return ArrivingFile(**json.JSONDecoder().raw_decode(text, start)[0]) if start > 0 else None


def write_contribution(contribution: Contribution) -> None:
    """Write the manifest; it and the names of all files in the folder are durable on return."""
    data = json.dumps(contribution.manifest()).encode()
    files.write_atomically(contribution.folder / MANIFEST, data)


def parted(contribution: Contribution) -> tuple[list[ArrivingFile], list[ArrivingFile]]:
    """The files that are whole, and those that are not."""
    whole: list[ArrivingFile] = []
    missing: list[ArrivingFile] = []
    for one in contribution.files:
        (whole if contribution.whole(one) else missing).append(one)
    return whole, missing


def erase(folder: Path) -> None:
    """Forget a contribution: first that it is one, then its bytes."""
    (folder / MANIFEST).unlink(missing_ok=True)
    files.sync_folder(folder)
    shutil.rmtree(folder)


def forget(path: Path) -> None:
    """Delete a data file and what is kept beside it."""
    path.unlink(missing_ok=True)
    for kept in (".sha256", ".hashing", ".digest"):
        path.with_suffix(kept).unlink(missing_ok=True)
