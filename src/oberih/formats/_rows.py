"""Lines of numbers as arrays, some megabytes at a time, whatever parts the numbers.

Numbers are counted per line on the bytes themselves; lines that have as many as most lines go to NumPy's
parser together, so that tens of millions of numbers need seconds. The other lines are looked at one by one:
they are comments, names of columns, a count of points (PTS), or spoilt.
"""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oberih.errors import UnreadableModel
from oberih.formats.las._header import DAMAGED
from oberih.i18n import say

CHUNK = 1 << 23
LONGEST_LINE = 1 << 16
MOST_COLUMNS = 64
SPACES = bytes.maketrans(b"\t,;|\r\v\f", b"       ")
DECIMAL_COMMA = bytes.maketrans(b"\t,;|\r\v\f", b" .     ")
COMMENT = (b"#", b"//", b"%", b"!", b"*")
PLAIN = np.zeros(256, bool)
PLAIN[np.frombuffer(b"0123456789+-.eE \n", np.uint8)] = True
NEWLINE, SPACE = 10, 32
WITH_COMMAS = re.compile(rb"\s*-?\d+(,\d+)?(e-?\d+)?([\s;|]+-?\d+(,\d+)?(e-?\d+)?)+[\s;]*")
WORDS = re.compile(r"[A-Za-z_][\w.]*")


class Rows:
    """Iterate for blocks ``(N, C)`` of float64; then see what was found beside them."""

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self.start = start  # the byte where the lines begin
        self.names: list[str] = []  # of the columns, as the file gives them before its first point
        self.promised = 0  # points, by the lines that hold one whole number alone
        self.spoilt = 0  # lines that are neither points nor comments
        self.columns = 0
        self.table: bytes | None = None  # how the parts between numbers become spaces

    def __iter__(self) -> Iterator[NDArray[np.float64]]:
        with self.path.open("rb") as file:
            file.seek(self.start)
            rest = b""
            while data := file.read(CHUNK):
                data = rest + data
                cut = max(data.rfind(b"\n"), data.rfind(b"\r") if b"\n" not in data else -1) + 1
                if cut == 0:
                    if len(data) > LONGEST_LINE:
                        raise UnreadableModel(
                            say("{path} is not a text of points.", path=self.path.name), DAMAGED
                        )
                    rest = data
                    continue
                rest = data[cut:]
                yield from self.parsed(data[:cut])
            if rest.strip():
                yield from self.parsed(rest + b"\n")

    def parsed(self, data: bytes) -> Iterator[NDArray[np.float64]]:
        data = self.plain(data)
        if self.table is None:
            self.table = DECIMAL_COMMA if has_decimal_commas(data) else SPACES
        text = np.frombuffer(data.translate(self.table), np.uint8)
        ends = np.flatnonzero(text == NEWLINE)
        starts = np.concatenate([[0], ends[:-1] + 1])
        counts = numbers_per_line(text, ends)
        if self.columns == 0:
            self.columns = self.width(data, starts, ends, counts)
        odd = (counts != self.columns) | has_letters(text, starts)
        for line in np.flatnonzero(odd & (counts > 0)).tolist():
            parsed = self.other(data[starts[line] : ends[line]])
            odd[line] = parsed is None
            if parsed is not None and counts[line] != self.columns:
                odd[line] = True
        if odd.all():
            return
        if odd.any():
            keep = np.repeat(~odd, np.diff(np.concatenate([starts, [len(text)]])))
            text = text[keep]
        values = numbers(text.tobytes(), self.columns)
        if values is None:  # some line has a word that only looks like a number
            lines = text.tobytes().split(b"\n")[:-1]
            good = [line for line in lines if all(map(is_number, line.split()))]
            self.spoilt += len(lines) - len(good)
            values = numbers(b"\n".join(good), self.columns)
        if values is None:
            raise UnreadableModel(say("{path} is not a text of points.", path=self.path.name), DAMAGED)
        if len(values):
            yield values

    def plain(self, data: bytes) -> bytes:
        """Without marks of the encoding, and with the line ends of today."""
        if b"\0" in data[:LONGEST_LINE]:
            raise UnreadableModel(say("{path} is not a text of points.", path=self.path.name), DAMAGED)
        if data[:3] == b"\xef\xbb\xbf":
            data = data[3:]
        if b"\n" not in data:  # lines end as on old Macs
            data = data.replace(b"\r", b"\n")
        return data

    def width(
        self, data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], counts: NDArray[np.int64]
    ) -> int:
        """How many numbers most lines have that are no comment."""
        some = [
            int(count)
            for start, end, count in zip(starts[:2000], ends[:2000], counts[:2000], strict=True)
            if count >= 3 and is_point(data[start:end].translate(self.table))
        ]
        if not some or max(some) > MOST_COLUMNS:
            raise UnreadableModel(say("{path} has no lines of coordinates.", path=self.path.name), DAMAGED)
        return int(np.bincount(some).argmax())

    def other(self, line: bytes) -> bool | None:
        """Look at a line that is not like the others; True if it can be parsed all the same."""
        words = line.translate(self.table).split()
        if line.lstrip().startswith(COMMENT) or any(
            word[:1].isalpha() and not is_number(word) for word in words
        ):
            if not self.names:
                named = WORDS.findall(line.decode("latin1"))
                self.names = named if {"x", "y", "z"} <= {name.lower() for name in named} else []
            return None
        if len(words) == 1 and words[0].isdigit() and len(words[0]) < 16:
            self.promised += int(words[0])
            return None
        if len(words) == self.columns and all(map(is_number, words)):
            return True
        self.spoilt += 1
        return None


def numbers(text: bytes, columns: int) -> NDArray[np.float64] | None:
    """Rows of ``columns`` numbers; None if NumPy's parser stumbles."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            values = np.fromstring(text.decode("latin1"), np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            return None
    return values.reshape(-1, columns) if len(values) % columns == 0 else None


def numbers_per_line(text: NDArray[np.uint8], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    gap = text <= SPACE
    begins = ~gap
    begins[1:] &= gap[:-1]
    total = np.cumsum(begins, dtype=np.int64)[ends]
    return np.diff(total, prepend=0)


def has_letters(text: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which lines have a character that is in no plain number."""
    strange = ~PLAIN[text]
    if not strange.any():
        return np.zeros(len(starts), bool)
    return np.logical_or.reduceat(strange, starts)


def has_decimal_commas(data: bytes) -> bool:
    """Whether commas are decimal marks: numbers such as ``1,5`` parted by something else, and no points."""
    lines = [line for line in data[:LONGEST_LINE].split(b"\n")[:-1] if line.strip()]
    plain = [line for line in lines if is_point(line.translate(DECIMAL_COMMA)) and b"," in line]
    return bool(plain) and all(
        b"." not in line
        and re.fullmatch(rb"\s*-?\d+(,\d+)?(e-?\d+)?([\s;|]+-?\d+(,\d+)?(e-?\d+)?)+[\s;]*", line)
        for line in plain[:100]
    )


def is_point(line: bytes) -> bool:
    words = line.split()
    return len(words) >= 3 and all(map(is_number, words))


def is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return b"_" not in word
