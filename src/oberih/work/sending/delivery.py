"""One parcel on its way, as often as it takes, until there is a receipt that says what was sent.

What is known of it lies in a small file: the contribution that it became, how its files were announced, and
at the end the receipt. Without that file it still arrives once, as long as it is not finished there.
"""

import base64
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oberih.errors import Conflict, Damaged, InputError, NotInArchive, OutputError
from oberih.i18n import say
from oberih.progress import Stage
from oberih.work.sending.line import API, Broken, Line
from oberih.work.sending.parcels import OwnFile, Parcel

__all__ = ["Delivered", "deliver"]

LEAST, MOST = 64 << 10, 8 << 20  # bytes that are acknowledged together: as many as the line lets through
TUS = {"Tus-Resumable": "1.0.0"}
TYPE = "application/offset+octet-stream"


@dataclass(frozen=True)
class Delivered:
    """``before``: it had arrived at an earlier time, and nothing was sent."""

    contribution: str
    receipt: Mapping[str, Any]
    path: Path
    before: bool


def deliver(line: Line, parcel: Parcel, folder: Path) -> Delivered:
    """Send what has not arrived. The receipt lies in ``folder`` then, and was compared with the files.

    Run again after any error to go on. Raises `StoreError` if the line stays broken, `Damaged` if the service
    received something else, and what the service says if it refuses.
    """
    path = folder / f"{parcel.key[:32]}.json"
    known = remembered(path, line, parcel)
    if "receipt" in known:
        return Delivered(known["contribution"], checked(parcel, known["receipt"]), path, before=True)
    known = finished_there(line, known)
    if "receipt" not in known:
        begun = begin(line, parcel, known)
        known = {**known, "contribution": begun["id"]}
        remember(path, known)
        with line.progress.stage("sending", max(1, parcel.bytes)) as stage:
            for own, there in zip(parcel.files, begun["files"], strict=True):
                send(line, own, there["url"], int(there["offset"]), stage)
        receipt = line.json("POST", f"{API}/contributions/{begun['id']}/complete", {})
        known = {**known, "receipt": receipt}
    checked(parcel, known["receipt"])
    remember(path, known)
    return Delivered(known["contribution"], known["receipt"], path, before=False)


def begin(line: Line, parcel: Parcel, known: Mapping[str, Any]) -> Any:
    """The contribution with all files as they were announced first, and how much of each has arrived."""
    with understood(line):
        body = {"files": known["files"], "details": dict(parcel.details), "key": parcel.key}
        begun = line.json("POST", f"{API}/contributions", body)
        if not begun["id"] or len(begun["files"]) != len(parcel.files):
            raise KeyError
        return begun


@contextmanager
def understood(line: Line) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            say("{place} does not answer as a service of Oberih does.", place=line.place),
            "Check the address, and the releases on both sides.",
        ) from error


def finished_there(line: Line, known: dict[str, Any]) -> dict[str, Any]:
    """With the receipt, if all had arrived and only the answer was lost. What was given up there, is begun
    again.
    """
    if "contribution" not in known:
        return known
    try:
        told = line.json("GET", f"{API}/contributions/{known['contribution']}")
    except NotInArchive:
        return {name: value for name, value in known.items() if name != "contribution"}
    return {**known, "receipt": told["receipt"]} if "receipt" in told else known


def send(line: Line, own: OwnFile, url: str, offset: int, stage: Stage) -> None:
    """Send a file from ``offset`` on, piece by piece; after a break, from where the service says."""
    if not url.startswith("/") or url.startswith("//"):
        raise InputError(say("{place} leads elsewhere.", place=line.place), "Do not go on; ask its keepers.")
    stage.tick(offset)
    with own.path.open("rb") as file:
        while offset < own.size:
            file.seek(offset)
            piece = file.read(min(line.piece, own.size - offset))
            if not piece:
                raise changed(own.path)
            told = {
                **TUS, "Upload-Offset": str(offset), "Content-Type": TYPE,
                "Upload-Checksum": f"sha256 {base64.b64encode(hashlib.sha256(piece).digest()).decode()}",
            }  # fmt: skip
            try:
                answer = line.once("PATCH", url, content=piece, headers=told)
                arrived = int(answer.headers["Upload-Offset"])
                line.piece = min(MOST, 2 * line.piece)
            except (Broken, Conflict) as error:
                line.piece = max(LEAST, line.piece // 2)
                line.failed(error if isinstance(error, Broken) else Broken(error.message))
                arrived = int(line.ask("HEAD", url, headers=TUS).headers["Upload-Offset"])
            if arrived > offset:
                line.failures = 0
            stage.tick(arrived - offset)
            offset = arrived


def checked(parcel: Parcel, receipt: Mapping[str, Any]) -> Mapping[str, Any]:
    """The receipt, if it says what our files hold, and its own digest is right. Raises `Damaged`."""
    try:
        there = [(one["name"], int(one["size"]), one["sha256"]) for one in receipt["files"]]
        listing = "".join(f"{digest}  {name}\n" for name, _, digest in sorted(there))
        right = hashlib.sha256(listing.encode()).hexdigest() == receipt["sha256"]
    except (KeyError, TypeError, ValueError):
        right, there = False, []
    ours = Counter((file.size, file.sha256) for file in parcel.files)
    if not right or Counter((size, digest) for _, size, digest in there) != ours:
        raise Damaged(
            say("The receipt of {title} does not say what was sent.", title=parcel.title),
            "Keep your files. Were they changed meanwhile? Else tell the keepers of the service.",
        )
    return receipt


def changed(path: Path) -> InputError:
    return InputError(
        say("{path} was changed while it was sent.", path=path), "Leave it alone, and send it again."
    )


def remembered(path: Path, line: Line, parcel: Parcel) -> dict[str, Any]:
    """What is known of a parcel from earlier tries; how its files were announced, also elsewhere."""
    files = [
        {"name": one.name[-1000:], "size": one.size, "last_modified": one.last_modified}
        for one in parcel.files
    ]
    try:
        told = json.loads(path.read_bytes())
        if told["key"] == parcel.key and len(told["files"]) == len(parcel.files):
            if told["to"] == line.place:
                return dict(told)
            files = told["files"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass
    except OSError as error:
        raise unwritable(path, error) from error
    return {"to": line.place, "key": parcel.key, "title": parcel.title, "files": files}


def remember(path: Path, known: Mapping[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as file:
            file.write(json.dumps(known, ensure_ascii=False, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        say("{path} cannot be written: {why}", path=path, why=error.strerror or type(error).__name__),
        "Choose a folder for the receipts that you may write to: --receipts FOLDER",
    )
