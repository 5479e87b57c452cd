"""What must never be public of one contribution, in the dresses in which it may try to get out.

    found = betrayed({"GET /": answer}, secrets)    # {"GET /": {"place, decimal"}}

A search proves something only if it would have found: `tests/attacks/test_files.py` looks into what came in
with the same needles.
"""

import base64
import gzip
import io
import math
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import pairwise

import h3

from products.leaks import unpacked

__all__ = ["ECEF", "EMAIL", "LATITUDE", "LONGITUDE", "NAME", "TAKEN", "UTM", "WORD", "betrayed", "needles"]

LATITUDE, LONGITUDE = 51.498213, 31.289377
UTM = (5_707_345.62, 381_204.87)  # zone 36: northing, easting
TAKEN = "2026:06:14 15:42:07"  # by the camera
WORD = "kanarka7Q"  # in whatever has words
NAME = "Olena Kanarenko7Q"
EMAIL = "olena@kanarka7q.example"


def ecef(latitude: float, longitude: float) -> tuple[float, float, float]:
    """WGS 84, metres."""
    a, e2 = 6378137.0, 6.69437999014e-3
    north, east = math.radians(latitude), math.radians(longitude)
    n = a / math.sqrt(1 - e2 * math.sin(north) ** 2)
    return (
        n * math.cos(north) * math.cos(east),
        n * math.cos(north) * math.sin(east),
        n * (1 - e2) * math.sin(north),
    )


ECEF = ecef(LATITUDE, LONGITUDE)
Needle = tuple[bytes, bool]  # what to look for, and whether in small letters


def sexagesimal(degrees: float) -> tuple[int, int, float]:
    minutes = (degrees - int(degrees)) * 60
    return int(degrees), int(minutes), (minutes - int(minutes)) * 60


def texts_of_place() -> Iterator[tuple[str, str]]:
    """Name of the dress, and the text: enough of it that it cannot be there by chance."""
    for value in (LATITUDE, LONGITUDE):
        for digits in (4, 6):
            text = f"{value:.7f}"[: 3 + digits]
            yield "decimal", text
            yield "decimal comma", text.replace(".", ",")
        d, m, s = sexagesimal(value)
        yield "degrees", f"{d}°{m:02}'{int(s):02}"
        yield "degrees", f"{d}°{m:02}′{int(s):02}"
        yield "degrees in ASCII", f"{d}d{m:02}m{int(s):02}"
        yield "degrees and minutes", f"{d},{m + s / 60:.3f}"
        yield "degrees run together", f"{d:02}{m:02}{s:05.2f}"
        yield "micro-degrees", f"{value * 1e6:.0f}"
    for name, metres in (("ECEF", ECEF), ("UTM", UTM)):
        yield from ((name, f"{int(value)}") for value in metres)
    for resolution in range(8, 16):  # finer than what is public of it
        yield "cell", h3.latlng_to_cell(LATITUDE, LONGITUDE, resolution)
    yield "geohash", "u8vx7"


def numbers_of_place() -> Iterator[tuple[str, list[bytes]]]:
    """As binary numbers, in either order of bytes; those of four bytes only in company."""
    for order in "<>":
        for values in ((LATITUDE, LONGITUDE), (LONGITUDE, LATITUDE), ECEF, UTM):
            yield "float32", [struct.pack(f"{order}2f", *pair) for pair in pairwise(values)]
            kept = slice(2, 8) if order == "<" else slice(0, 6)  # the last bits may be rounded
            yield "float64", [struct.pack(f"{order}d", value)[kept] for value in values]
        for value in (LATITUDE, LONGITUDE):
            d, m, s = sexagesimal(value)
            yield "rational", [
                struct.pack(f"{order}4I", d, 1, m, 1), struct.pack(f"{order}2I", round(s * 10_000), 10_000)
            ]  # fmt: skip
        fixed = [round(value * 1e7) for value in (LATITUDE, LONGITUDE)]
        yield "fixed point", [struct.pack(f"{order}2i", *pair) for pair in (fixed, fixed[::-1])]


def needles(texts: Mapping[str, Iterable[str]], hashes: Iterable[bytes] = ()) -> dict[str, list[Needle]]:
    """Name -> needles of ``texts`` (UTF-8, UTF-16, base64, in either case) and of raw ``hashes``."""
    found: dict[str, list[Needle]] = {}
    everything = [*texts_of_place(), *((name, one) for name, some in texts.items() for one in some)]
    for name, text in everything:
        plain: list[Needle] = [
            (text.lower().encode(coding), True) for coding in ("utf-8", "utf-16-le", "utf-16-be")
        ]
        coded = [base64.b64encode(b"\0" * n + text.encode())[4 * (n > 0) : -4] for n in range(3)]
        found.setdefault(name, []).extend([*plain, *((one, False) for one in coded if len(one) > 7)])
    for name, numbers in numbers_of_place():
        found.setdefault(name, []).extend((one, False) for one in numbers)
    for digest in hashes:
        more = [digest, base64.b64encode(digest).rstrip(b"="), base64.urlsafe_b64encode(digest).rstrip(b"=")]
        found.setdefault("hash", []).extend([*((one, False) for one in more), (digest.hex().encode(), True)])
    return found


def opened(data: bytes) -> Iterator[bytes]:
    """The bytes, and those that are packed in them (also with gzip)."""
    for one in unpacked(data):
        yield one
        at = one.find(b"\x1f\x8b\x08")
        while at >= 0:
            with suppress(OSError, EOFError, zlib.error):  # unless these bytes are no stream
                yield gzip.GzipFile(fileobj=io.BytesIO(one[at:])).read()
            at = one.find(b"\x1f\x8b\x08", at + 1)


def betrayed(public: Mapping[str, bytes], wanted: Mapping[str, list[Needle]]) -> dict[str, set[str]]:
    """What is found of ``wanted`` in ``public`` (name -> bytes; the names are searched too)."""
    found: dict[str, set[str]] = {}
    for name, data in public.items():
        for piece in opened(data + b"\0\n" + name.encode() if data[:2] != b"PK" else data):
            small = piece.lower()
            for said, some in wanted.items():
                if any(needle in (small if case else piece) for needle, case in some):
                    found.setdefault(name, set()).add(said)
    return found
