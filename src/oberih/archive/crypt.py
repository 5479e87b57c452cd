"""Encryption to several people's keys, by age (age-encryption.org/v1): any one of the keys opens it.

Streams in, streams out: memory does not grow with the file. What is written here opens with the tools `age`
and `rage`, and what those wrote opens here. A recipient is public text (``age1…`` or ``ssh-ed25519 …``), an
identity is its secret (``AGE-SECRET-KEY-1…`` or the whole text of an OpenSSH private key).

age proves that the bytes are those that were encrypted, whole and in order. It does not prove who encrypted
them: anybody can who knows the recipients.
"""

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pyrage  # type: ignore[import-untyped, unused-ignore]  # it ships no types

from oberih.errors import Damaged, InputError, KeyNeeded, OutputError
from oberih.i18n import say

__all__ = [
    "checked_recipients",
    "decrypted",
    "encrypted",
    "load_identities",
    "new_identity",
    "recipient_of_identity",
    "save_identity",
]

PIECE = 1 << 18  # bytes that are handed on at once
WAITING = 8  # pieces between the two threads
LARGEST_FILE = 1 << 20  # bytes of an identity file
NO_KEY = "No matching keys found"  # how age says it
TOO_MUCH_WORK = "Excessive work"
TRIES = 20
ENCRYPTED = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")
SSH_KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----"


def new_identity() -> tuple[str, str]:
    """A new secret and its public recipient."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def recipient_of_identity(secret: str) -> str:
    """The public part of ``AGE-SECRET-KEY-1…``."""
    identity = identity_of(secret)
    if not isinstance(identity, pyrage.x25519.Identity):
        raise InputError(
            "The public part of an SSH key is not in its private file.", "It is in the file ending in .pub."
        )
    return str(identity.to_public())


def checked_recipients(recipients: Sequence[str]) -> tuple[str, ...]:
    """``recipients`` in their normal form, each once, if all are good. Raises `InputError`."""
    normal = [" ".join(text.split()[:2]) for text in recipients]
    for text in normal:
        recipient_from(text)
    return tuple(dict.fromkeys(normal))


def encrypted(chunks: Iterable[bytes], recipients: Sequence[str]) -> Iterator[bytes]:
    """``chunks`` as an age file that each of ``recipients`` can open.

    ``chunks`` is read in another thread; what it raises comes out here. Closing this early closes it.
    """
    keys = [recipient_from(text) for text in checked_recipients(recipients)]
    if not keys:
        raise InputError(
            "Nobody was named who could open it.", "Name the recipient of at least one custodian."
        )
    return bridged(chunks, lambda reader, writer: pyrage.encrypt_io(reader, writer, keys))


def decrypted(chunks: Iterable[bytes], identities: Sequence[str]) -> Iterator[bytes]:
    """What the age file ``chunks`` holds. Not to be believed before it has ended without an error:
    a file that was cut is only known to be so at its end.

    Raises `KeyNeeded` if none of ``identities`` opens it (or the part of the file that is for them was
    altered, which only the file's digest can tell apart), `Damaged` if it was altered or cut.
    """
    keys = [identity_of(secret) for secret in identities]

    def work(reader: "Reader", writer: "Writer") -> None:
        try:
            pyrage.decrypt_io(reader, writer, keys)
        except (pyrage.DecryptError, OSError) as error:
            if reader.error is not None or writer.stop.is_set():
                raise
            if str(error) == NO_KEY:
                raise KeyNeeded(
                    "It is encrypted, and none of the keys that were given opens it.",
                    "Give the identity file of one of the custodians that it was encrypted for.",
                ) from error
            raise Damaged(
                "The encrypted file is damaged, or it is none.", "Take another copy of it."
            ) from error

    return bridged(chunks, work)


def save_identity(path: Path, secret: str, passphrase: str | None = None) -> None:
    """Write an identity file as the `age` tool does, readable by its owner only; never over an existing one.

    With a passphrase the file itself is encrypted with it (armored, scrypt).
    """
    made = datetime.now(UTC).replace(microsecond=0).isoformat()
    text = f"# created: {made}\n# public key: {recipient_of_identity(secret)}\n{secret}\n".encode()
    if passphrase is not None:
        if not passphrase:
            raise InputError("The passphrase is empty.", "Choose one of several words, or none at all.")
        text = pyrage.passphrase.encrypt(text, passphrase, armored=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise OutputError(
            say("{path} is there already.", path=path),
            "A key is never overwritten: what it opens would be lost. Choose another name.",
        ) from error
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise unwritable(path, error) from error


def load_identities(path: Path, ask_passphrase: Callable[[], str] | None = None) -> tuple[str, ...]:
    """The secrets in an identity file of age, or in an SSH private key (ed25519, without a passphrase).

    ``ask_passphrase`` is asked if the file is encrypted. Raises `KeyNeeded` if it opens nothing.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InputError(
            say("{path} cannot be read: {problem}.", path=path, problem=error.strerror or error),
            "Check the name, and that the key file is readable for you.",
        ) from error
    if data.startswith(ENCRYPTED):
        if ask_passphrase is None:
            raise KeyNeeded(say("{path} is locked with a passphrase.", path=path), "Give the passphrase.")
        data = unlocked(data, ask_passphrase(), path)
    text = data[: LARGEST_FILE + 1].decode("utf-8", "replace").strip()
    lines = [text] if data.startswith(SSH_KEY) else [line.strip() for line in text.splitlines()]
    secrets = tuple(line for line in lines if line and not line.startswith("#"))
    if not secrets or len(data) > LARGEST_FILE:
        raise InputError(say("{path} holds no key.", path=path), "Give an identity file of age.")
    for secret in secrets:
        identity_of(secret)
    return secrets


def unlocked(data: bytes, passphrase: str, path: Path) -> bytes:
    """What a file holds that is locked with a passphrase."""
    for attempt in range(TRIES):
        try:
            return bytes(pyrage.passphrase.decrypt(data, passphrase))
        except pyrage.DecryptError as error:
            # age measures what this machine could do in 16 s and refuses more: a busy machine measures badly.
            if TOO_MUCH_WORK in str(error) and attempt + 1 < TRIES:
                continue
            if TOO_MUCH_WORK in str(error):
                raise InputError(
                    say("To open {path} would take this machine too long.", path=path),
                    "Open it on a faster machine, or when this one is less busy.",
                ) from error
            raise KeyNeeded(
                say("The passphrase does not open {path}.", path=path),
                "Try again; capital letters and the keyboard's language matter.",
            ) from error
    raise AssertionError


# -- keys --------------------------------------------------------------------------------------------------


def recipient_from(text: str) -> Any:
    try:
        if text.startswith("ssh-ed25519 "):
            return pyrage.ssh.Recipient.from_str(text)
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise InputError(
            say("This is no recipient: {text}", text=text[:100]),
            "A recipient begins with age1 or with ssh-ed25519; the whole of it is needed.",
        ) from error


def identity_of(secret: str) -> Any:
    """The key for a secret, which is shown in no message."""
    try:
        if secret.startswith(SSH_KEY.decode()):
            return pyrage.ssh.Identity.from_buffer(secret.strip().encode() + b"\n")
        return pyrage.x25519.Identity.from_str(secret.strip())
    except pyrage.IdentityError as error:
        raise InputError(
            "This is no secret key that can be used.",
            "It begins with AGE-SECRET-KEY-1, or is an OpenSSH key of the kind ed25519 without a passphrase.",
        ) from error


def unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        say("{path} cannot be written: {problem}.", path=path, problem=error.strerror or error),
        "Check that the folder is yours to write to and the disk is not full.",
    )


# -- age reads from a file and writes to one; we have streams ----------------------------------------------


class Work(Protocol):
    def __call__(self, reader: "Reader", writer: "Writer") -> None: ...


class Stopped(Exception):
    """Nobody wants the rest."""


class Reader:
    """A file to read from, made of chunks."""

    def __init__(self, chunks: Iterable[bytes], stop: threading.Event) -> None:
        self.chunks, self.stop = iter(chunks), stop
        self.rest = memoryview(b"")
        self.error: BaseException | None = None  # age would keep only its text

    def read(self, size: int) -> bytes:
        try:
            while not self.rest:
                if self.stop.is_set():
                    raise Stopped
                self.rest = memoryview(next(self.chunks))
        except StopIteration:
            return b""
        except BaseException as error:
            self.error = error
            raise
        piece, self.rest = bytes(self.rest[:size]), self.rest[size:]
        return piece


class Writer:
    """A file to write to that hands on what it gets in larger pieces."""

    def __init__(self, pieces: "queue.Queue[bytes | None]", stop: threading.Event) -> None:
        self.pieces, self.stop = pieces, stop
        self.gathered = bytearray()

    def write(self, data: bytes) -> int:
        if self.stop.is_set():
            raise Stopped
        self.gathered += data
        if len(self.gathered) >= PIECE:
            self.hand_on()
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back but what `hand_on` gives at the end."""

    def hand_on(self) -> None:
        if self.gathered:
            self.pieces.put(bytes(self.gathered))
            self.gathered.clear()


def bridged(chunks: Iterable[bytes], work: Work) -> Iterator[bytes]:
    """What ``work`` writes while it reads ``chunks``, in a thread of its own."""
    stop = threading.Event()
    pieces: queue.Queue[bytes | None] = queue.Queue(WAITING)
    reader, writer = Reader(chunks, stop), Writer(pieces, stop)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work(reader, writer)
            writer.hand_on()
        except BaseException as error:  # noqa: BLE001  it is raised again on the other side
            failed.append(reader.error or error)
        finally:
            close = getattr(reader.chunks, "close", None)
            if close is not None:
                with suppress(Exception):
                    close()
            pieces.put(None)

    thread = threading.Thread(target=run, name="age", daemon=True)
    thread.start()
    try:
        while (piece := pieces.get()) is not None:
            yield piece
        if failed:
            raise failed[0]
    finally:
        stop.set()
        with suppress(queue.Empty):
            while True:  # room for what the thread is putting, and for its end mark
                pieces.get_nowait()
        thread.join()
