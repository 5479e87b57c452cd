"""The archive's cost beside its peers, in the same run and on the same disk, and its growth with objects.

    .venv/bin/python benchmarks/archive.py [--small]

Deposits 2 GB in 200 files (with fsync) against `sha512sum` + `cp` + `sync`, one after another, and against
ocfl-py; verifies against two threads of hashlib, ocfl-py and bagit; deposits one file of 10 GB and looks at
the memory; lists, quick-verifies and rebuilds 1,000 to 100,000 objects. ``--small``: a tenth of everything.
Medians of three; a ratio compares two figures of the same round.
"""

import argparse
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import harness
from oberih.archive import MAIN, create_archive, deposit_capture, open_archive, rebuild, verify
from oberih.archive.deposit import ABOUT, as_json
from oberih.archive.exchange.bagit import validate_bag, write_bag
from oberih.archive.ocfl import begin, create_root, object_key, object_keys, validate_object
from oberih.archive.stores.folder import FolderStore

PLACE = harness.BUILD / "archive"
ROUNDS = 3


def timed(work: Callable[[], object]) -> float:
    """Seconds by the clock, with everything written before on the disk."""
    os.sync()
    began = time.monotonic()
    work()
    return time.monotonic() - began


def fresh(name: str) -> Path:
    path = PLACE / name
    shutil.rmtree(path, ignore_errors=True)
    return path


def make_files(folder: Path, count: int, size: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        path = folder / f"IMG_{n:04}.jpg"
        if not path.exists() or path.stat().st_size != size:
            path.write_bytes(os.urandom(size))


def copy_by_hand(source: Path) -> None:
    """What a careful person does: sha512sum, cp, sync."""
    target = fresh("by-hand")
    with (PLACE / "sums").open("wb") as sums:
        subprocess.run(["sha512sum", *sorted(source.iterdir())], stdout=sums, check=True)
    subprocess.run(["cp", "-r", source, target], check=True)
    subprocess.run(["sync"], check=True)


def deposit(source: Path) -> None:
    deposit_capture(create_archive(fresh("oberih")), [source])


def ocfl_py_add(source: Path) -> None:
    """An object of the same with ocfl-py, and `sync` for what it does not write through."""
    code = (
        "import sys, ocfl\n"
        "metadata = ocfl.VersionMetadata(message='m', name='n', address='a:b')\n"
        "made = ocfl.Object(identifier='urn:x', spec_version='1.1', digest_algorithm='sha512')\n"
        "made.create(srcdir=sys.argv[1], metadata=metadata, objdir=sys.argv[2])\n"
    )
    made = fresh("ocfl-py")
    subprocess.run([sys.executable, "-c", code, source, made], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["sync"], check=True)


def hash_all(folder: Path) -> None:
    """Two threads of hashlib over every file."""

    def one(path: Path) -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha512").hexdigest()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, sorted(p for p in folder.rglob("*") if p.is_file())))


def child(code: str, *arguments: object) -> harness.Run:
    return harness.measured([sys.executable, "-c", code, *map(str, arguments)])


def ratios(name: str, ours: Callable[[], object], peers: dict[str, Callable[[], object]]) -> list[str]:
    """A line for ours and for each peer, with the median of the rounds' ratios."""
    mine, theirs = [], {peer: [] for peer in peers}
    for _ in range(ROUNDS):
        mine.append(timed(ours))
        for peer, work in peers.items():
            theirs[peer].append(timed(work))
    lines = [f"| {name} | {statistics.median(mine):.2f} s | |"]
    for peer, times in theirs.items():
        ratio = statistics.median(b / a for a, b in zip(mine, times, strict=True))
        lines.append(f"| &emsp;{peer} | {statistics.median(times):.2f} s | {ratio:.2f} |")
    return lines


def speed(scale: float) -> list[str]:
    source = PLACE / "source"
    make_files(source, int(200 * scale), 10_000_000)
    lines = ratios(
        f"deposit of {200 * scale:.0f} files of 10 MB, with fsync",
        lambda: deposit(source),
        {"sha512sum + cp + sync": lambda: copy_by_hand(source), "ocfl-py": lambda: ocfl_py_add(source)},
    )
    archive = open_archive(PLACE / "oberih")
    key = object_key(next(archive.index.objects("capture")).id)
    folder = PLACE / "oberih" / MAIN / key
    check = "import sys, ocfl; sys.exit(not ocfl.Object().validate(sys.argv[1])[0])"
    lines += ratios(
        "full verify of the same",
        lambda: validate_object(archive.main, key),
        {
            "two threads of hashlib": lambda: hash_all(folder),
            "ocfl-py": lambda: subprocess.run(
                [sys.executable, "-c", check, folder], check=False, capture_output=True
            ),
        },
    )
    bag = fresh("bag")
    write_bag(
        bag, ((path.name, path) for path in sorted(source.iterdir())), info={"Source-Organization": "x"}
    )
    validate = "import sys, bagit; bagit.Bag(sys.argv[1]).validate()"
    lines += ratios(
        "validation of a bag of the same",
        lambda: validate_bag(bag),
        {
            "bagit": lambda: subprocess.run(
                [sys.executable, "-c", validate, bag], check=True, capture_output=True
            )
        },
    )
    return lines


def memory(scale: float) -> str:
    """One large file (of zeros, sparse: the disk is not what is measured)."""
    large = PLACE / "large" / "scan.e57"
    large.parent.mkdir(exist_ok=True)
    with large.open("wb") as file:
        file.truncate(int(10e9 * scale))
    code = (
        "import sys; from oberih.archive import *\n"
        "deposit_capture(create_archive(sys.argv[2]), [sys.argv[1]])\n"
    )
    run = child(code, large, fresh("large-archive"))
    assert run.code == 0, run.said
    fresh("large-archive")
    return (
        f"| one file of {10 * scale:.0f} GB, deposited: largest memory | {run.peak_bytes / 2**20:.0f} MiB | |"
    )


def many(counts: list[int]) -> list[str]:
    """Small objects: listing, quick verify, rebuild of the index."""
    lines = [
        "",
        "| objects | list | quick verify | rebuild of the index | objects/s |",
        "| --- | --- | --- | --- | --- |",
    ]
    place = fresh("many")
    archive = create_archive(place)
    store = FolderStore(place / MAIN)
    create_root(store)
    made = 0
    for count in counts:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda n: small_object(store, n), range(made, count)))
        made = count
        listed = timed(lambda: sum(1 for _ in object_keys(store)))
        rebuilt = timed(lambda: rebuild(place))
        archive = open_archive(place)
        assert sum(1 for _ in archive.index.objects()) >= count
        checked = timed(lambda: verify(open_archive(place), full=False))
        lines.append(
            f"| {count:,d} | {listed:.1f} s | {checked:.1f} s | {rebuilt:.1f} s | {count / rebuilt:,.0f} |"
        )
    return lines


def small_object(store: FolderStore, number: int) -> None:
    identifier = f"ark:/99999/x{number:07d}"
    about = {"schema": "oberih-object/1", "id": identifier, "kind": "capture", "title": f"{number}"}
    with begin(store, identifier, message="m", user=("n", "a:b")) as commit:
        commit.add("originals/a.txt", f"{number}".encode())
        commit.add(ABOUT, as_json(about))
        commit.finish()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    scale = 0.1 if options.small else 1.0
    PLACE.mkdir(parents=True, exist_ok=True)
    try:
        lines = [
            "# The archive",
            "",
            harness.machine(),
            "",
            "| | time | peer / ours |",
            "| --- | --- | --- |",
        ]
        lines += speed(scale)
        lines.append(memory(scale))
        lines += many([100, 1_000] if options.small else [1_000, 10_000, 100_000])
    finally:
        shutil.rmtree(PLACE, ignore_errors=True)
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if not options.small:
        (harness.RESULTS / "archive.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
