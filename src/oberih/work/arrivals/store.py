"""The folder in which contributions arrive: begin one, add files, finish it, drop it, sweep."""

import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from oberih.errors import InputError
from oberih.i18n import say
from oberih.work.arrivals import _files as files
from oberih.work.arrivals.finishing import RECEIPT, digest_of, receipt_of, received_of
from oberih.work.arrivals.manifest import (
    MANIFEST,
    erase,
    forget,
    parted,
    read_contribution,
    read_file,
    write_contribution,
)
from oberih.work.arrivals.names import Names
from oberih.work.arrivals.records import (
    ArrivingFile,
    Contribution,
    Limits,
    Offered,
    Receipt,
    Received,
    Uploader,
)
from oberih.work.arrivals.refusals import (
    finished,
    gone,
    incomplete,
    no_room,
    too_many_contributions,
    too_many_files,
    too_much,
    unknown,
)
from oberih.work.arrivals.taking import Taking, free_bytes

__all__ = ["Arrivals"]

LOCK = "lock"
DEPOSITED = "deposited"  # a mark in the folder of a contribution
ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}")
ID = re.compile(r"[0-9a-f]{32}")
GRACE = timedelta(hours=1)  # between the time from which nothing is taken any more, and the deletion
KEEP_RECEIPTS = timedelta(days=30)  # for a sender who lost the answer; the catalogue keeps them for good
HASHING = 2  # files at a time


@dataclass(frozen=True)
class Arrivals:
    """Everything that is arriving, in ``folder``."""

    folder: Path
    keep_free: int = 5 * 10**9  # bytes of the disk that stay free
    idle: timedelta = timedelta(days=7)  # so long without a byte, and an upload is over

    def __post_init__(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def begin(
        self, who: Uploader, offered: Sequence[Offered], *, note: str = "",
        details: Mapping[str, Any] | None = None, key: str = "",
    ) -> tuple[Contribution, tuple[ArrivingFile, ...]]:  # fmt: skip
        """A new contribution, or the one that was begun with the same ``key``; and its files as offered."""
        with self._locked(who.account) as account:
            open_ones = self._coming(account)
            for one in open_ones:
                if key and one.key == key and self._takes(one):
                    return self._added(who, one, offered, open_ones)
            if len(open_ones) >= who.limits.contributions:
                raise too_many_contributions(len(open_ones))
            identifier = secrets.token_hex(16)
            made = Contribution(
                identifier,
                who.account,
                account / identifier,
                instant(time.time()),
                (),
                note,
                details or {},
                key,
            )
            return self._added(who, made, offered, open_ones)

    def add(
        self, who: Uploader, identifier: str, offered: Sequence[Offered]
    ) -> tuple[Contribution, tuple[ArrivingFile, ...]]:
        """The contribution with ``offered`` added, and for each of them its file. One that is there already
        (same name, size and time) is not added again: its upload goes on."""
        with self._locked(who.account) as account:
            found = self.open(who.account, identifier)
            return self._added(who, found, offered, self._coming(account))

    def contributions(self, account: str) -> list[Contribution]:
        """Those that are still arriving, oldest first."""
        folder = self._account(account)
        open_ones = [one for one in self._all(folder) if self._takes(one)]
        return sorted(open_ones, key=lambda one: (one.created, one.id))

    def contribution(self, account: str, identifier: str) -> Contribution:
        """A contribution of this account whose files are here, finished or not. Raises `Refused`."""
        found = read_contribution(self._folder(account, identifier))
        if found is not None:
            return found
        if self.receipt(account, identifier) is not None:
            raise finished()
        raise unknown()

    def open(self, account: str, identifier: str) -> Contribution:
        """A contribution of this account that takes files. Raises `Refused`."""
        found = self.contribution(account, identifier)
        if self._finished(found):
            raise finished()
        if self.expires(found.folder) < time.time():
            raise gone()
        return found

    def file(self, account: str, identifier: str, file: str) -> tuple[Path, ArrivingFile]:
        """A file of a contribution, and where its bytes lie. Raises `Refused`."""
        folder = self._folder(account, identifier)
        found = read_file(folder, file) if ID.fullmatch(file) else None
        if found is None:  # it was ended, or the whole contribution is deposited
            raise gone() if ID.fullmatch(file) else unknown()
        if not (folder / RECEIPT).exists() and self.expires(folder) < time.time():
            raise gone()
        return folder / found.id, found

    def offset(self, account: str, identifier: str, file: str) -> int:
        """How many bytes of a file are here to stay: they survive a power cut."""
        path, _ = self.file(account, identifier, file)
        try:
            opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise gone() from None
        try:
            size = os.fstat(opened).st_size
            os.fdatasync(opened)
            return size
        finally:
            os.close(opened)

    def taking(self, account: str, identifier: str, file: str, offset: int) -> Taking:
        """Open a file to append to it from ``offset`` on. Raises `Refused`."""
        path, found = self.file(account, identifier, file)
        # Nothing more can come to a finished contribution: its files are whole, or no longer there.
        return Taking(
            path, offset=offset, size=found.size, keep_free=self.keep_free, sign=path.with_name(MANIFEST)
        )

    def seal(self, account: str, identifier: str, file: str) -> str:
        """The SHA-256 of a file that is whole, read once and kept."""
        return digest_of(self.file(account, identifier, file)[0])

    def finish(self, account: str, identifier: str, *, without_missing: bool = False) -> Receipt:
        """Close a contribution. Asked again, the answer is the same, byte for byte.

        Raises `Refused` if files are missing, unless the sender gives those up (and has sent any).
        """
        while True:
            known = self.receipt(account, identifier)
            if known is not None:
                return known
            contribution = self.contribution(account, identifier)
            whole, missing = parted(contribution)
            if missing and not without_missing:
                raise incomplete(missing)
            if not whole:
                raise incomplete([])
            with ThreadPoolExecutor(HASHING) as pool:
                digests = list(pool.map(digest_of, map(contribution.path, whole)))
            with self._locked(account):
                if self.receipt(account, identifier) is not None:
                    continue
                if parted(self.contribution(account, identifier)) != (whole, missing):
                    continue  # it changed meanwhile: what is sealed must be what is there
                receipt = receipt_of(contribution, whole, missing, digests)
                data = json.dumps(receipt.json(), ensure_ascii=False, indent=1).encode()
                files.write_atomically(contribution.folder / RECEIPT, data)
                for one in missing:
                    contribution.path(one).unlink(missing_ok=True)
                return receipt

    def receipt(self, account: str, identifier: str) -> Receipt | None:
        """The receipt of a finished contribution. Raises `Refused` if there is no such contribution."""
        folder = self._folder(account, identifier)
        told = files.read_json(folder / RECEIPT)
        if told is None:
            return None
        told.pop("schema")
        return Receipt(**{**told, "files": tuple(told["files"]), "missing": tuple(told["missing"])})

    def received(self, account: str, identifier: str) -> Received | None:
        """A finished contribution with its files; None once it is deposited and released."""
        receipt = self.receipt(account, identifier)
        contribution = read_contribution(self._folder(account, identifier))
        if receipt is None or contribution is None:
            return None
        return received_of(contribution, receipt)

    def all_received(self) -> Iterator[Received]:
        """All that are finished and not yet released, to be handed on (again) after a stop."""
        for account in self._accounts():
            for one in self._all(account):
                found = self.received(one.account, one.id)
                if found is not None:
                    yield found

    def mark_deposited(self, account: str, identifier: str) -> None:
        """Let a finished contribution, whose files stay until all copies of them are there, be none of those
        that are on their way: who sent it may send others.
        """
        with self._locked(account):
            (self._folder(account, identifier) / DEPOSITED).touch()

    def release(self, account: str, identifier: str) -> None:
        """Delete the files of a finished contribution: they are safe. The receipt stays for a while."""
        with self._locked(account):
            folder = self._folder(account, identifier)
            if not (folder / RECEIPT).exists():
                raise InputError(
                    say("This contribution is not finished."), say("Release it when it is deposited.")
                )
            for path in folder.iterdir():
                if path.name not in (MANIFEST, RECEIPT):
                    path.unlink()
            (folder / MANIFEST).unlink(missing_ok=True)  # last: as long as it is there, this can be repeated

    def drop_file(self, account: str, identifier: str, file: str) -> None:
        """End the upload of one file and forget its bytes."""
        with self._locked(account):
            contribution = self.open(account, identifier)
            path, _ = self.file(account, identifier, file)
            left = tuple(other for other in contribution.files if other.id != file)
            write_contribution(replace(contribution, files=left))
            forget(path)

    def drop(self, account: str, identifier: str) -> None:
        """End a contribution that is not finished, and forget all of it."""
        with self._locked(account):
            erase(self.open(account, identifier).folder)

    def expires(self, folder: Path) -> float:
        """When nothing more is taken for the contribution in ``folder`` (seconds since 1970), if nothing
        comes until then."""
        try:
            return (folder / MANIFEST).stat().st_mtime + self.idle.total_seconds()
        except FileNotFoundError:
            raise gone() from None

    def sweep(self, now: float | None = None) -> None:
        """End what was given up. Where some files are whole, these are kept: the contribution is finished
        without the others (see `all_received`). Nothing that was acknowledged in whole is lost.

        ``now`` is in seconds since 1970. For a while before this, nothing was taken for what is ended here:
        no bytes can arrive in between.
        """
        now = time.time() if now is None else now
        for account in self._accounts():
            for folder in self._folders(account):
                if self._over(folder, now):
                    contribution = read_contribution(folder)
                    if contribution is not None and any(one.size for one in parted(contribution)[0]):
                        self.finish(account.name, folder.name, without_missing=True)
                    else:
                        with self._locked(account.name):
                            if self._over(folder, now):
                                erase(folder)

    def _over(self, folder: Path, now: float) -> bool:
        """Whether a contribution, or what is left of one, was given up."""
        try:
            if (folder / RECEIPT).exists():
                if (folder / MANIFEST).exists():
                    return False  # waits to be deposited, however long that takes
                return (folder / RECEIPT).stat().st_mtime + KEEP_RECEIPTS.total_seconds() < now
            begun = folder / MANIFEST if (folder / MANIFEST).exists() else folder
            return begun.stat().st_mtime + (self.idle + GRACE).total_seconds() < now
        except FileNotFoundError:
            return False  # another process has just ended it

    def _added(
        self, who: Uploader, to: Contribution, offered: Sequence[Offered], others: Sequence[Contribution]
    ) -> tuple[Contribution, tuple[ArrivingFile, ...]]:
        """``to`` with ``offered`` added; call it with the account's lock held."""
        known = {file.same: file for file in to.files if file.last_modified is not None}
        names = Names(file.name for file in to.files)
        asked, new = [], []
        for one in offered:
            found = known.get(replace(one, type=""))
            if found is None:
                found = ArrivingFile(
                    secrets.token_hex(16),
                    names.give(one.name),
                    one.size,
                    one.type,
                    one.last_modified,
                    one.name,
                )
                new.append(found)
                if one.last_modified is not None:
                    known[found.same] = found
            asked.append(found)
        self._check(who.limits, to, new, others)
        if not to.folder.exists():
            to.folder.mkdir(mode=0o700)
            files.sync_folder(to.folder.parent)
        for file in new:
            os.close(os.open(to.path(file), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        made = replace(to, files=(*to.files, *new))
        if new or not self._manifest(to).exists():
            write_contribution(made)  # syncs the folder: the names of the data files are durable with it
        return made, tuple(asked)

    def _check(
        self, limits: Limits, to: Contribution, new: Sequence[ArrivingFile], others: Sequence[Contribution]
    ) -> None:
        """Raise `Refused` if ``new`` is more than the account may send, or than the disk holds."""
        coming = sum(one.size for one in new)
        under_way = sum(one.bytes for one in others)
        for most, would_be, what in (
            (limits.file_bytes, max((one.size for one in new), default=0), say("one file")),
            (limits.contribution_bytes, to.bytes + coming, say("one contribution")),
            (limits.account_bytes, under_way + coming, say("all that is on its way from one person")),
        ):
            if would_be > most:
                raise too_much(would_be, what, most)
        if len(to.files) + len(new) > limits.files:
            raise too_many_files(limits.files)
        if coming > free_bytes(self.folder) - self.keep_free:
            raise no_room()

    def _account(self, account: str) -> Path:
        if not ACCOUNT.fullmatch(account):
            raise InputError(
                say("This is no identifier of an account."), say("Use letters, digits, - and _.")
            )
        return self.folder / account

    def _folder(self, account: str, identifier: str) -> Path:
        folder = self._account(account)
        if not ID.fullmatch(identifier) or not (folder / identifier).is_dir():
            raise unknown()
        return folder / identifier

    @contextmanager
    def _locked(self, account: str) -> Iterator[Path]:
        folder = self._account(account)
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)
            files.sync_folder(self.folder)
        with files.locked(folder / LOCK):
            yield folder

    def _accounts(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if ACCOUNT.fullmatch(path.name))

    def _folders(self, account: Path) -> list[Path]:
        inside = account.iterdir() if account.is_dir() else ()
        return sorted(path for path in inside if ID.fullmatch(path.name))

    def _all(self, account: Path) -> list[Contribution]:
        return [one for folder in self._folders(account) if (one := read_contribution(folder)) is not None]

    def _coming(self, account: Path) -> list[Contribution]:
        """What is on its way from an account: offered or arrived, and not deposited yet."""
        found = self._all(account)
        return [
            one for one in found if self._manifest(one).exists() and not (one.folder / DEPOSITED).exists()
        ]

    def _manifest(self, contribution: Contribution) -> Path:
        return contribution.folder / MANIFEST

    def _takes(self, contribution: Contribution) -> bool:
        return not self._finished(contribution) and self.expires(contribution.folder) >= time.time()

    def _finished(self, contribution: Contribution) -> bool:
        return (contribution.folder / RECEIPT).exists()


def instant(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
