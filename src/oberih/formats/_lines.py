"""A text file of numbers, taken in blocks of lines, with arrays in the place of a loop over lines."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oberih.formats._numbers import numbers

__all__ = ["Lines", "blocks"]

BLOCK = 1 << 24  # bytes
COMMON = 16  # so many different lengths of a line are read as arrays; the rarer ones one by one
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def blocks(path: Path, size: int = BLOCK) -> Iterator[bytes]:
    """The file in pieces of whole lines that end in ``\\n``, as UTF-8; lines that a backslash continues
    are one, and nothing stands before their first word.
    """
    with path.open("rb") as file:
        head = file.read(4)
        encoding = next((name for mark, name in MARKS if head.startswith(mark)), "")
        if not encoding and len(head) == 4 and head.count(0) == 2:  # UTF-16 without its mark
            encoding = "utf-16-be" if head[0] == 0 else "utf-16-le"
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)("replace") if encoding else None
        waiting: list[bytes] = []
        while True:
            raw = file.read(size)
            last = not raw
            piece = decoder.decode(raw, last).encode() if decoder else raw
            end = len(piece) if last else last_break(piece)
            if last or end:
                yield from cleaned(b"".join([*waiting, piece[:end]]))
                waiting = [piece[end:]]
            else:
                waiting.append(piece)
            if last:
                return


def last_break(piece: bytes) -> int:
    """Where the last line that goes no further ends; 0 if there is none."""
    end = piece.rfind(b"\n")
    while end >= 0 and piece[max(end - 2, 0) : end].rstrip(b"\r").endswith(b"\\"):
        end = piece.rfind(b"\n", 0, end)
    if end < 0 and b"\n" not in piece:  # of an old Macintosh
        end = piece.rfind(b"\r", 0, len(piece) - 1)
        while end >= 0 and piece[:end].endswith(b"\\"):
            end = piece.rfind(b"\r", 0, end)
    return end + 1


def cleaned(text: bytes) -> Iterator[bytes]:
    if not text:
        return
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\\\n" in text:
        text = text.replace(b"\\\n", b" ")
    if re.match(rb"[ \t]", text) or b"\n " in text or b"\n\t" in text:
        text = re.sub(rb"(?m)^[ \t]+", b"", text)
    yield text if text.endswith(b"\n") else text + b"\n"


class Lines:
    """The lines of one block: ``first`` to fourth byte, count of words, and their numbers."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.bytes = np.frombuffer(text, np.uint8)
        breaks = np.flatnonzero(self.bytes == ord("\n"))
        self.starts = np.concatenate([[0], breaks[:-1] + 1])
        self.ends = breaks
        padded = np.concatenate([self.bytes, np.full(4, ord("\n"), np.uint8)])
        self.head = np.stack([padded[self.starts + i] for i in range(3)])
        blank = self.bytes <= ord(" ")
        begins = ~blank
        begins[1:] &= blank[:-1]
        self.words = np.add.reduceat(begins, self.starts, dtype=np.int32)

    def __len__(self) -> int:
        return len(self.starts)

    def starting(self, word: bytes) -> NDArray[np.bool_]:
        """Which lines have the first word ``word`` (of one or two letters)."""
        found = self.head[len(word)] <= ord(" ")
        for place, letter in enumerate(word):
            found &= self.head[place] == letter
        return found

    def line(self, number: int) -> bytes:
        return self.text[self.starts[number] : self.ends[number]]

    def within(self, which: NDArray[np.intp], skip: int = 0) -> NDArray[np.uint8]:
        """A copy of the bytes of those lines, one after another, with the first ``skip`` of each blank."""
        if len(which) and which[-1] - which[0] + 1 == len(which):
            out = self.bytes[self.starts[which[0]] : self.ends[which[-1]] + 1].copy()
        else:
            wanted = np.zeros(len(self), bool)
            wanted[which] = True
            out = self.bytes[np.repeat(wanted, self.ends - self.starts + 1)]
        if skip:
            lengths = (self.ends - self.starts + 1)[which]
            begins = np.cumsum(lengths) - lengths
            for place in range(skip):
                out[begins + place] = ord(" ")
        return out

    @staticmethod
    def by_length(
        lengths: NDArray[np.signedinteger],
    ) -> tuple[list[NDArray[np.intp]], NDArray[np.intp]]:
        """Places in ``lengths`` of the same one, for the common ones, and the other places."""
        kinds, group, counts = np.unique(lengths, return_inverse=True, return_counts=True)
        common = np.argsort(-counts, kind="stable")[:COMMON]
        alike = [np.flatnonzero(group == kind) for kind in common]
        rest = np.flatnonzero(~np.isin(group, common)) if len(kinds) > COMMON else np.zeros(0, np.intp)
        return alike, rest

    def floats(self, which: NDArray[np.intp], skip: int, width: int) -> NDArray[np.float64]:
        """``(len(which), width)`` numbers after the first ``skip`` letters; NaN where there is none."""
        out = np.full((len(which), width), np.nan)
        words = self.words[which] - (1 if skip else 0)
        alike, rest = self.by_length(words)
        for places in alike:
            count = int(words[places[0]])
            if not count:
                continue
            try:
                read = numbers(self.within(which[places], skip).tobytes()).reshape(len(places), count)
                out[places, : min(count, width)] = read[:, :width]
            except ValueError:
                rest = np.concatenate([rest, places])
        for place in rest:
            out[place] = one_by_one(self.line(which[place])[skip:], width)
        return out


def one_by_one(text: bytes, width: int) -> list[float]:
    """The numbers of an odd line; NaN for what is none, and all behind it."""
    found = []
    for word in text.split()[:width]:
        try:
            found.append(float(word.replace(b"_", b"?")))
        except ValueError:
            break
    return found + [float("nan")] * (width - len(found))
