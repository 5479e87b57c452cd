"""Damages 3D files at random and lets every importer read them: each says what it found, or why it cannot.

    python benchmarks/fuzz.py [--seconds 120] [--seed 1] [--only glb,e57]

Files of ours in every format, and those of others in ../shared/suites if they are there, are cut, flipped,
filled with giant numbers and spliced. Each is read in a forked process with 4 GB and 20 seconds. A crash,
an end by force, or more memory than that must come out of `read_model` as a plain error; where it does not,
that is a defect: its file stays in build/fuzz, and the exit code is 1.
"""

import argparse
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

import harness
from formats import model
from oberih.errors import InputError
from oberih.formats import FORMATS, Format, read_model
from oberih.progress import Progress

MEMORY, SECONDS = 4_000_000_000, 20  # of addresses: libraries that are loaded take more than one of them
LARGEST = 2_000_000  # bytes of a file that is damaged
KEPT = harness.HOME / "build" / "fuzz"
GIANTS = (
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b"\xff" * 8,
    b"\x00\x00\xc0\x7f",
    b"\x00\x00\x80\x7f",
)
WORDS = (
    b"99999999999",
    b"-1",
    b"nan",
    b"inf",
    b"1e400",
    b"../../etc/passwd",
    b"\x00",
    b"{",
    b"[[[[",
    b"<a>",
    b"&x;",
)

READ, REFUSED, STRANGE, NO_MEMORY, LONG = 0, 3, 5, 4, 6


def seeds(wanted: Format, folder: Path) -> list[bytes]:
    """Files to damage: ours, and other people's of the same ending."""
    found = []
    if wanted.writes:
        found = [folder / f"ours{wanted.extension}"]
        wanted.write(found[0], model(200, 16), Progress())
    suites = harness.SHARED / "suites"
    if suites.is_dir():
        found += [p for p in sorted(suites.rglob(f"*{wanted.extension}")) if p.is_file()]
    return [path.read_bytes() for path in found if path.stat().st_size <= LARGEST] or [b"#usda 1.0\n"]


def damaged(data: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """``data`` with one to four damages."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        if not out:
            break
        at = chance.randrange(len(out)) if chance.random() < 0.5 else chance.randrange(min(len(out), 512))
        kind = chance.randrange(7)
        if kind == 0:
            del out[at:]
        elif kind == 1:
            out[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            giant = chance.choice(GIANTS)
            out[at : at + len(giant)] = giant
        elif kind == 3:
            out[at : at + chance.randrange(12)] = chance.choice(WORDS)
        elif kind == 4:
            end = at + chance.randrange(1, 200)
            out[at:at] = out[at:end] * chance.randint(1, 50)
        elif kind == 5:
            del out[at : at + chance.randrange(1, 200)]
        else:
            other = chance.choice(others)
            start = chance.randrange(len(other)) if other else 0
            out[at : at + 100] = other[start : start + chance.randrange(1, 400)]
    return bytes(out)


def read(wanted: Format, path: Path) -> int:
    """Read in a process of its own; how it ended (a signal as its number below zero)."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.dup2(2, 1)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        code = STRANGE
        try:
            wanted.read(path)
            code = READ
        except InputError:
            code = REFUSED
        except MemoryError:
            code = NO_MEMORY
        except Exception:  # noqa: BLE001 -- read_model tells it in general words; here it is counted
            code = STRANGE
        os._exit(code)
    until = time.monotonic() + 4 * SECONDS
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return LONG
        time.sleep(0.002)


def told(path: Path) -> bool:
    """Whether the door for strangers' files makes a plain error of it, as of a native library's abort."""
    try:
        read_model(path)
    except InputError:
        return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120, help="for each importer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    importers = [f for f in FORMATS if f.reads and (not options.only or f.name in options.only.split(","))]
    bad = 0
    with tempfile.TemporaryDirectory() as scratch:
        for wanted in importers:
            import_module(f"oberih.formats.{wanted.module}")
            given, chance = seeds(wanted, Path(scratch)), random.Random(options.seed)
            path, ends = Path(scratch) / f"damaged{wanted.extension}", Counter[int]()
            until = time.monotonic() + options.seconds
            while time.monotonic() < until:
                path.write_bytes(damaged(chance.choice(given), chance, given))
                code = read(wanted, path)
                ends[code] += 1
                if code not in (READ, REFUSED, STRANGE) and not told(path):
                    KEPT.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, KEPT / f"{wanted.name}-{options.seed}-{ends.total()}{wanted.extension}")
                    bad += 1
            others = {code: n for code, n in ends.items() if code not in (READ, REFUSED, STRANGE)}
            print(
                f"{wanted.name:8} {ends.total():6} files: {ends[READ]} read, {ends[REFUSED]} refused, "
                f"{ends[STRANGE]} refused by a library's error; memory, time, crashes: {others or 'none'}",
                flush=True,
            )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
