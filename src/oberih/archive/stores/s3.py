"""A store in a bucket of any server that speaks S3: Amazon, MinIO, Ceph, Garage, SeaweedFS, ...

    s3://bucket/prefix?endpoint=https://host:port&region=eu-central-1&virtual=0&probe=1

``endpoint`` is left out for Amazon, ``virtual=1`` puts the bucket into the host's name (Amazon's way, the
default there), ``probe=0`` trusts the server with conditional requests unasked.

What holds the promises of `Store`:

* `create` is a PUT with ``If-None-Match: *``, `replace` one with ``If-Match: <tag>``. Some servers ignore
  these headers and overwrite, so opening a store asks for both with a small file `PROBE` that stays there.
  If no answer comes, nobody knows whether it worked; then what is there now is read and decides.
* Every PUT and every part of one carries its SHA-256 (signed, and as ``x-amz-checksum-sha256``): the server
  refuses bytes that changed on the way. This is also what buckets with object lock demand.
* What fits into one part is written as `create` does it; larger files are put together from parts, in memory
  for `PARTS_AT_ONCE` parts. An interrupted upload of that kind leaves parts that `list` cannot show, and no
  file: give the bucket a rule that removes them (AbortIncompleteMultipartUpload).
* Reading asks for one range after another, each bound to the tag of the first, so that a slow line or a slow
  reader never meets a timeout and no mixture of two files is read.
* `list` sorts, because servers differ in their order.

Deleting in a bucket with versions hides a file; object lock keeps it. A folder that became empty may still be
shown for a while by servers that have real folders.
"""

import http.client
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

import obstore
from obstore import store as obstores

from oberih.archive.stores import CHUNK, AlreadyThere, Changed, Stat, checked_key
from oberih.archive.stores._s3_address import configured, parsed
from oberih.archive.stores._s3_errors import ERRORS, Answer, answer, code_of
from oberih.archive.stores._sorted import sorted_stats
from oberih.errors import InputError, StoreError
from oberih.i18n import say

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ListResult, ObjectMeta, PutMode, PutResult

__all__ = ["S3Store"]

PART = 16 << 20  # bytes
PARTS = 10_000  # at most, says S3
PARTS_AT_ONCE = 3
SMALL = 1 << 20  # bytes that every line carries within `WAIT_S`
WAIT_S = 30.0
WAIT_PART_S = 600.0
CONNECT_S = 10.0
TRIES = 4
PROBE = ".oberih-probe"
PROBE_TEXT = b"Oberih asks with this file whether the server honours conditional requests.\n"
LOCATION = (
    "<CreateBucketConfiguration><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>"
)
CLOCK_S = 300.0  # how long the difference of the clocks is trusted
FOUND_BY_ITSELF = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)

T = TypeVar("T")


class S3Store:
    """The `Store` in a bucket. May be used from several threads."""

    def __init__(
        self,
        url: str,
        *,
        access_key: str | None = None,
        secret_key: str | None = None,
        session_token: str | None = None,
        create: bool = False,
        wait_s: float = WAIT_S,
    ) -> None:
        """Keys default to those of the environment (AWS_ACCESS_KEY_ID, ...). They never show in ``url``.

        ``create``: make the bucket if it is not there. ``wait_s``: how long to wait for a small answer.
        """
        self._bucket, self._prefix, options = parsed(url)
        self.url = f"s3://{self._bucket}" + (f"/{quote(self._prefix)}" if self._prefix else "")
        if options:
            self.url += "?" + urlencode(options, safe=":/")
        self._wait_s = wait_s
        self._ahead: tuple[float, timedelta] | None = (
            None  # when the server's clock was asked; how it differs
        )
        self._guard = threading.Lock()
        config = configured(self._bucket, options)
        if access_key or secret_key:
            if not (access_key and secret_key):
                raise InputError("The access key and the secret key go together.", "Give both.")
            # Not through `config`: there a session token of the environment would be mixed in.
            config["credential_provider"] = lambda: {
                "access_key_id": access_key,
                "secret_access_key": secret_key,
                "token": session_token,
                "expires_at": None,
            }
        elif not any(os.environ.get(name) for name in FOUND_BY_ITSELF):
            raise InputError(
                say("{url} needs an access key and a secret key.", url=self.url),
                "Give them with the store, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            )

        def client(timeout_s: float, retries: int, prefix: str = self._prefix) -> obstores.S3Store:
            return obstores.S3Store(
                self._bucket,
                prefix=prefix or None,
                client_options={
                    "timeout": timedelta(seconds=timeout_s),
                    "connect_timeout": timedelta(seconds=min(CONNECT_S, timeout_s)),
                    "allow_http": options.get("endpoint", "").startswith("http:"),
                },
                retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=2 * timeout_s)},
                **config,
            )

        # Conditional requests are repeated by `_decided` only: repeated blindly, the second would be told
        # that "somebody" was faster, though it was the first.
        try:
            self._once, self._once_large = client(wait_s, 0), client(WAIT_PART_S, 0)
            self._small, self._large = client(wait_s, TRIES), client(WAIT_PART_S, TRIES)
            self._whole_bucket = client(wait_s, 0, prefix="")
        except ERRORS:
            raise InputError(
                say("This is no address of an S3 store: {url}", url=self.url),
                "It looks like s3://bucket/prefix?endpoint=https://host:port.",
            ) from None
        if create:
            self._make_bucket(options.get("region", ""))
        if options.get("probe", "1") != "0":
            self._probe()

    def read(self, key: str) -> tuple[bytes, str]:
        found = self._get(key)
        return self._asked(lambda: bytes(found.bytes()), key), tag_of(found.meta)

    def stream(self, key: str, start: int = 0) -> Iterator[bytes]:
        tag = None
        while True:
            options: GetOptions = {"range": (start, start + PART)}
            try:
                found = self._get(key, {**options, "if_match": tag} if tag else options)
            except PastEnd:
                return
            data = memoryview(self._asked(found.bytes, key))
            if len(data) != min(PART, found.meta["size"] - start):
                raise Answer("failed", 0, "").explained(self.url, key)
            for i in range(0, len(data), CHUNK):
                yield bytes(data[i : i + CHUNK])
            start, tag = start + len(data), tag_of(found.meta)
            if start >= found.meta["size"]:
                return

    def stat(self, key: str) -> Stat:
        name = self._name(key)
        try:
            return stat_of(obstore.head(self._small, name))
        except ERRORS:
            # The answer to HEAD has no body that says why. GET has.
            return stat_of(self._get(key).meta)

    def create(self, key: str, data: bytes) -> str:
        return self._decided(key, data, None)

    def replace(self, key: str, data: bytes, tag: str) -> str:
        return self._decided(key, data, tag)

    def write(self, key: str, chunks: Iterable[bytes]) -> int:
        name = self._name(key)
        parts = parts_of(chunks)
        first = next(parts, b"")
        second = next(parts, None)
        if second is None:
            self.create(key, first)
            return len(first)
        with suppress(KeyError):
            self.stat(key)
            raise AlreadyThere(key)
        size = 0
        failed: list[BaseException] = []

        def counted() -> Iterator[bytes]:
            nonlocal size
            try:
                for i, part in enumerate(chain((first, second), parts)):
                    if i == PARTS:
                        raise StoreError(
                            say("The file is too large for {url}: {where}", url=self.url, where=key),
                            say("Split it: {gib} GiB are the most.", gib=PART * PARTS >> 30),
                        )
                    size += len(part)
                    yield part
            except BaseException as error:
                failed.append(error)
                raise

        def put() -> object:
            return obstore.put(
                self._large,
                name,
                counted(),
                use_multipart=True,
                chunk_size=PART,
                max_concurrency=PARTS_AT_ONCE,
            )

        try:
            self._asked(put, key)
        except (StoreError, KeyError):
            if failed:  # obstore may wrap what the source of the chunks raised
                raise failed[0] from None
            raise
        return size

    def settle(self, prefix: str) -> None:
        """Nothing to do: a server answers once it has stored."""

    def list(self, prefix: str = "") -> Iterator[Stat]:
        name = self._name(prefix) if prefix else None

        def found() -> Iterator[Stat]:
            pages = iter(obstore.list(self._small, name, chunk_size=1000))
            while page := self._asked(lambda: next(pages, None), prefix):
                yield from (stat_of(meta) for meta in page if meta["path"] != PROBE)

        return sorted_stats(found())

    def folders(self, prefix: str = "") -> Iterator[str]:
        name = self._name(prefix) if prefix else None

        def ask() -> "ListResult[Any]":
            return obstore.list_with_delimiter(self._small, name)

        yield from sorted(self._asked(ask, prefix)["common_prefixes"], key=lambda key: key + "/")

    def delete(self, key: str) -> None:
        name = self._name(key)
        with suppress(KeyError):
            self._asked(lambda: obstore.delete(self._small, name), key)

    def now(self) -> datetime:
        """By the Date header of any answer of the server (a refusal has one, too), asked every 5 minutes."""
        with self._guard:
            if self._ahead is None or time.monotonic() - self._ahead[0] > CLOCK_S:
                signed = obstore.sign(self._small, "HEAD", PROBE, timedelta(minutes=1))
                before = datetime.now(UTC)
                _, date = self._http(signed.partition("?")[0], "HEAD")
                self._ahead = time.monotonic(), date - before
            return datetime.now(UTC) + self._ahead[1]

    def _decided(self, key: str, data: bytes, tag: str | None) -> str:
        """Put ``data`` where nothing is (``tag`` None) or where ``tag`` is. Returns the new tag."""
        name = self._name(key)
        client = self._once if len(data) <= SMALL else self._once_large
        mode: PutMode = "create" if tag is None else {"e_tag": tag}
        lost = AlreadyThere(key) if tag is None else Changed(key)
        unsure = False  # a request of ours may have worked
        for left in reversed(range(TRIES)):
            try:
                return tag_of(obstore.put(client, name, data, mode=mode, use_multipart=False))
            except ERRORS as error:
                what = answer(error)
            if what.again and left:
                unsure = True
                time.sleep(0.2 * 2 ** (TRIES - left))
            elif what.kind in ("there", "changed") or what.missing:
                if not unsure:
                    raise lost
            else:
                raise what.explained(self.url, key)
            try:
                there, tag_there = self.read(key)
            except KeyError:
                if tag is not None:
                    raise lost from None
                continue
            if there == data:
                return tag_there
            if tag_there != tag:
                raise lost
        raise what.explained(self.url, key)

    def _probe(self) -> None:
        """Raises `StoreError` unless the server honours conditional requests, or lets us only read."""

        def put(mode: "PutMode") -> Answer | None:
            try:
                obstore.put(self._once, PROBE, PROBE_TEXT, mode=mode)
            except ERRORS as error:
                return answer(error)
            return None

        first = put("create")
        asked = [first or put("create")]
        if first is None or first.kind == "there":
            asked.append(put({"e_tag": '"' + 32 * "0" + '"'}))
        for said in asked:
            if said is None or said.status == 501:
                raise StoreError(
                    say("{url} does not honour conditional requests.", url=self.url),
                    "Two writers could overwrite each other unseen. Use a newer server, or another.",
                )
            if said.read_only:
                with suppress(KeyError):
                    self.stat(PROBE)
            elif said.kind not in ("there", "changed"):
                raise said.explained(self.url)

    def _make_bucket(self, region: str) -> None:
        body = LOCATION.format(escape(region)) if region not in ("", "us-east-1") else ""
        signed = obstore.sign(self._whole_bucket, "PUT", "", timedelta(minutes=5))
        what, _ = self._http(signed, "PUT", body.encode())
        if what.status != 200 and not what.code.startswith("BucketAlready"):
            raise what.explained(self.url)

    def _http(self, url: str, method: str, body: bytes | None = None) -> tuple[Answer, datetime]:
        """One plain request: how it ended, and the server's time."""
        request = urllib.request.Request(url, body or None, method=method)  # noqa: S310 (checked by `parsed`)
        try:
            with urllib.request.urlopen(request, timeout=self._wait_s) as reply:  # noqa: S310
                status, text, headers = reply.status, "", reply.headers
        except urllib.error.HTTPError as error:
            with error:
                status, text, headers = (
                    error.code,
                    error.read(1 << 16).decode(errors="replace"),
                    error.headers,
                )
        except (OSError, http.client.HTTPException) as error:
            raise Answer("failed", 0, "", isinstance(error, TimeoutError)).explained(self.url) from None
        kind = "refused" if status in (401, 403) else "failed"
        try:
            return Answer(kind, status, code_of(text)), parsedate_to_datetime(headers["Date"])
        except (TypeError, ValueError):
            raise Answer("failed", 0, "").explained(self.url) from None

    def _name(self, key: str) -> str:
        """``key`` if every S3 server takes it as it is. Raises `StoreError`, before anything is written."""
        if any(
            ord(c) < 32 or c in "\\\x7f" for c in checked_key(key)
        ):  # one takes \ for /, one refuses others
            raise StoreError(
                say("{url} takes no names like {name}.", url=self.url, name=repr(key)),
                "Rename the file without control characters and backslashes.",
            )
        whole = f"{self._prefix}/{key}".encode()
        if len(whole) > 1024 or any(len(part) > 255 for part in whole.split(b"/")):
            raise StoreError(
                say("The name is too long for {url}: {name}", url=self.url, name=key),
                "Shorten it: 255 bytes for one name and 1024 bytes with all folders are the most.",
            )
        return key

    def _get(self, key: str, options: "GetOptions | None" = None) -> "GetResult":
        name = self._name(key)
        client = self._large if options else self._small
        return self._asked(lambda: obstore.get(client, name, options=options), key)

    def _asked(self, ask: Callable[[], T], key: str) -> T:
        """What ``ask`` returns; its errors as `StoreError` or `KeyError`."""
        try:
            return ask()
        except ERRORS as error:
            what = answer(error)
        if what.missing:
            raise KeyError(key)
        if what.status == 416:
            raise PastEnd
        if what.kind == "changed":
            raise StoreError(
                say("{where} was replaced while it was read.", where=f"{self.url}: {key}"), "Try again."
            )
        raise what.explained(self.url, key)


class PastEnd(Exception):
    """A range that begins at the end of a file."""


def parts_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """``chunks`` joined and cut into pieces of `PART` bytes; the last may be smaller."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= PART:
            yield bytes(held[:PART])
            del held[:PART]
    if held:
        yield bytes(held)


def tag_of(meta: "ObjectMeta | PutResult") -> str:
    return meta["e_tag"] or ""


def stat_of(meta: "ObjectMeta") -> Stat:
    return Stat(meta["path"], meta["size"], meta["last_modified"].astimezone(UTC), tag_of(meta))
