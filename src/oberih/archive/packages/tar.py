"""The one kind of tar file that packages are: plain files, each with a name and a size, and nothing else.

Python's `tarfile` makes the headers (PAX: any length of name, any size). Reading is done here, since a file
from a host that is not trusted may be made to do harm: what is no plain file is refused before anything is
kept of it, and a header can't make us read more than `LARGEST_HEADER` bytes into memory.
"""

import tarfile
from collections.abc import Iterable, Iterator

from oberih.errors import Damaged
from oberih.i18n import say

__all__ = ["END", "damaged", "member", "members"]

BLOCK = 512
END = bytes(2 * BLOCK)
LARGEST_HEADER = 1 << 14  # bytes of a PAX header: a path of 1,024 bytes and a size need far less
PLAIN, EXTENDED = (b"0", b"\0"), b"x"  # kinds of entries


def damaged(problem: str) -> Damaged:
    return Damaged(
        say("The package is damaged: {problem}", problem=problem), "Take the copy on another store."
    )


def member(name: str, size: int, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """One file of a tar file. The same bytes for the same file, whenever and by whomever it is written."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, 0
    yield info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")
    given = 0
    for chunk in chunks:
        given += len(chunk)
        if given > size:
            break
        yield chunk
    if given != size:
        raise Damaged(
            say("{name} changed while it was read.", name=name),
            "Verify the store that it is on, then try again.",
        )
    yield bytes(-size % BLOCK)


def members(chunks: Iterable[bytes]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Name and content of each file, in order; reads to the very end of ``chunks``. Raises `Damaged`.

    Names are not checked: a caller takes only those that it expects. The content of a file must be read
    before the next file is asked for.
    """
    source = Source(iter(chunks))
    extended: dict[str, str] = {}
    while any(block := source.exactly(BLOCK)):
        kind, name, size = header(block)
        if kind == EXTENDED and not extended:
            if size > LARGEST_HEADER:
                raise damaged(say("a header is too long."))
            extended = records(source.exactly(size))
            source.exactly(-size % BLOCK)
            continue
        if kind not in PLAIN:
            raise damaged(say("it holds something that is not a plain file: {name}", name=name[:200]))
        name, size = extended.get("path", name), whole(extended["size"]) if "size" in extended else size
        extended = {}
        content = source.pieces(size)
        yield name, content
        for _ in content:
            raise AssertionError("content was not read")
        source.exactly(-size % BLOCK)
    if extended or any(source.exactly(BLOCK)) or any(any(piece) for piece in source.rest()):
        raise damaged(say("it does not end as a tar file does."))


def header(block: bytes) -> tuple[bytes, str, int]:
    """Kind, name and size from a header block."""
    checksum = sum(block[:148]) + 8 * ord(" ") + sum(block[156:])
    if octal(block[148:156]) != checksum or block[257:262] != b"ustar":
        raise damaged(say("a header is not that of a tar file."))
    name, prefix = (text(field.split(b"\0")[0]) for field in (block[:100], block[345:500]))
    return block[156:157], f"{prefix}/{name}" if prefix else name, octal(block[124:136])


def records(data: bytes) -> dict[str, str]:
    """The records "LENGTH KEY=VALUE\\n" of a PAX header; only those that we write."""
    found: dict[str, str] = {}
    while data:
        length = whole(data[:20].split(b" ")[0].decode("latin-1"))
        record, data = data[:length], data[length:]
        key, equals, value = text(record).partition(" ")[2].partition("=")
        if len(record) != length or not equals or not value.endswith("\n") or key in found:
            raise damaged(say("a header is not that of a tar file."))
        if key not in ("path", "size"):
            raise damaged(say("it holds something that is not a plain file: {name}", name=key[:200]))
        found[key] = value[:-1]
    return found


def octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if not digits or set(digits) - set(b"01234567"):
        raise damaged(say("a header is not that of a tar file."))
    return int(digits, 8)


def whole(digits: str) -> int:
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 18:
        raise damaged(say("a header is not that of a tar file."))
    return int(digits)


def text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise damaged(say("a header is not that of a tar file.")) from error


class Source:
    """Chunks, read by the byte."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks
        self.left = memoryview(b"")

    def pieces(self, size: int) -> Iterator[bytes]:
        """The next ``size`` bytes."""
        while size:
            while not self.left:
                chunk = next(self.chunks, None)
                if chunk is None:
                    raise damaged(say("it is cut short."))
                self.left = memoryview(chunk)
            piece, self.left = self.left[:size], self.left[size:]
            size -= len(piece)
            yield bytes(piece)

    def exactly(self, size: int) -> bytes:
        """The next ``size`` bytes, for small sizes."""
        return b"".join(self.pieces(size))

    def rest(self) -> Iterator[bytes]:
        """Everything that is left."""
        yield bytes(self.left)
        yield from self.chunks
