"""What is made of a contribution once its files are whole: digests, the receipt, the hand-over."""

import fcntl
import hashlib
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from oberih.work.arrivals.records import ArrivingFile, Contribution, Receipt, Received, ReceivedFile
from oberih.work.arrivals.refusals import gone

__all__ = ["RECEIPT", "digest_of", "lay_out", "receipt_of", "received_of"]

RECEIPT = "receipt.json"
DIGEST = re.compile(r"[0-9a-f]{64}")


def digest_of(path: Path) -> str:
    """The SHA-256 of a whole file: read once, then kept beside it. It is on the disk on return.

    Two that ask at the same time do not both read: the second waits for the first.
    """
    kept, turn = path.with_suffix(".sha256"), path.with_suffix(".hashing")
    try:
        with path.open("rb") as opened, os.fdopen(private(turn), "wb") as waiting:
            fcntl.flock(waiting, fcntl.LOCK_EX)
            if kept.exists() and DIGEST.fullmatch(known := kept.read_text(errors="replace")):
                return known
            os.fdatasync(opened)
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
            # A cut of power may leave this torn: then the file is read again.
            draft = path.with_suffix(".digest")
            with os.fdopen(private(draft), "w") as written:
                written.write(digest)
            draft.replace(kept)
            return digest
    except FileNotFoundError:
        raise gone() from None


def private(path: Path) -> int:
    """The open file ``path``, new and empty, for nobody else."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)


def receipt_of(
    contribution: Contribution,
    whole: Sequence[ArrivingFile],
    missing: Sequence[ArrivingFile],
    digests: Sequence[str],
) -> Receipt:
    """The receipt of the files that are ``whole``. Nothing in it depends on when it is made."""
    told = sorted((file.name, file.size, digest) for file, digest in zip(whole, digests, strict=True))
    listing = "".join(f"{digest}  {name}\n" for name, _, digest in told)
    last = max(contribution.path(file).stat().st_mtime for file in whole)
    return Receipt(
        contribution=contribution.id,
        received=datetime.fromtimestamp(int(last), UTC).isoformat().replace("+00:00", "Z"),
        files=tuple({"name": name, "size": size, "sha256": digest} for name, size, digest in told),
        missing=tuple(sorted(file.name for file in missing)),
        bytes=sum(size for _, size, _ in told),
        sha256=hashlib.sha256(listing.encode()).hexdigest(),
    )


def received_of(contribution: Contribution, receipt: Receipt) -> Received:
    """What is handed on: the files of the receipt, and where their bytes lie."""
    by_name = {file.name: file for file in contribution.files}
    found = []
    for told in receipt.files:
        file = by_name[told["name"]]
        found.append(
            ReceivedFile(
                file.name, file.size, file.type, file.last_modified, told["sha256"], contribution.path(file)
            )
        )
    return Received(contribution, receipt, tuple(found))


def lay_out(received: Received, folder: Path) -> tuple[Path, ...]:
    """The received files in ``folder`` under their names, as further names of the same bytes: nothing is
    copied. ``folder`` lies on the same disk. Run again, it does nothing more."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = tuple(folder / file.name for file in received.files)
    for file, path in zip(received.files, paths, strict=True):
        if not path.exists():
            path.hardlink_to(file.path)
    return paths
