"""A campaign of faults: processes killed while they work, files damaged, and a count of what came of it.

The archive has three replicas: the main store, a second OCFL store, encrypted packages. Never is the same
file damaged on all of them, so everything can be healed and nothing may be lost.
"""

import hashlib
import multiprocessing
import os
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path

from keeping import archive_with, contents, flip, placed, truncate
from oberih.archive import Archive, deposit_capture, describe, open_archive, replicate, verify
from oberih.archive.metadata import Description
from oberih.archive.ocfl.inventory import number_of
from oberih.archive.packages import manifests, package_prefix, read_manifest
from oberih.archive.stores import TEMPORARY
from oberih.errors import Damaged

REPLICAS = ("main", "second", "sealed")
RECEIPTS, HARMED, DEFECT = "receipts.txt", "harmed.txt", "defect.txt"
PROCESSES = multiprocessing.get_context(
    "forkserver"
)  # each a fork of one that has loaded all and done nothing
PROCESSES.set_forkserver_preload(["campaign"])


@dataclass
class Campaign:
    """An archive under fire, and the counts."""

    archive: Archive
    keys: list[str]
    dice: random.Random
    kills: int = 0
    deposits: int = 0  # receipts that were given out
    damages: int = 0
    found: int = 0
    healed: int = 0
    lost: int = 0  # deposits of which a byte is gone
    silent: int = 0  # damages that no check found
    wrong: list[str] = field(default_factory=list)

    @property
    def counts(self) -> str:
        return (
            f"{self.kills} kills, {self.deposits} deposits; {self.damages} damages made, {self.found} found, "
            f"{self.healed} healed; {self.lost} lost, {self.silent} silent"
        )


def begin(folder: Path, seed: int) -> Campaign:
    start_forking()
    archive, secrets = archive_with(folder, "second", "sealed")
    return Campaign(archive, list(secrets.values()), random.Random(seed))


def start_forking() -> None:
    """Start what the processes are forked from, with the places where it finds this module."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


# -- kills ---------------------------------------------------------------------------------------------------


def recordings_of(folder: Path, name: int) -> dict[str, bytes]:
    """The same bytes whenever asked: what a receipt is checked against. Small and larger files."""
    dice = random.Random(name)
    sizes = [0, 1, *(dice.randrange(200_000) for _ in range(dice.randrange(2, 5)))]
    return {
        f"{n}.jpg": hashlib.shake_256(f"{name} {n}".encode()).digest(size) for n, size in enumerate(sizes)
    }


def labour(folder: Path, seed: int) -> None:
    """Work on the archive in ``folder`` until killed; a line is written for each deposit that was made."""
    archive, dice = open_archive(folder), random.Random(seed)
    while True:
        what = dice.choice(["deposit", "deposit", "describe", "replicate", "verify"])
        if what == "deposit":
            name = dice.randrange(1 << 60)
            place = folder.parent / "brought" / str(name)
            place.mkdir(parents=True)
            for file, data in recordings_of(place, name).items():
                (place / file).write_bytes(data)
            made = deposit_capture(archive, [place])
            with (folder.parent / RECEIPTS).open("a") as file:
                file.write(f"{made.id} {name}\n")
        elif what == "describe":
            entries = list(archive.index.objects("capture"))
            if entries:
                title = {"en": f"Title {dice.randrange(1000)}"}
                with suppress(Damaged):  # somebody harmed it and was killed: nothing is built on it
                    describe(archive, dice.choice(entries).id, Description.make({"titles": title}))
        elif what == "replicate":
            replicate(archive)
        else:
            for _ in range(dice.randrange(3)):
                harm(archive, dice)
            verify(archive, mend=True)


def worker(folder: Path, seed: int, ready: Connection) -> None:
    """The process that is killed."""
    ready.send(None)
    try:
        labour(folder, seed)
    except BaseException:
        (folder.parent / DEFECT).write_text(traceback.format_exc())
        raise


def kill(campaign: Campaign, *, longest_s: float = 0.6) -> None:
    """Start a process that works, and kill it at a random instant."""
    ours, theirs = PROCESSES.Pipe()
    folder = campaign.archive.folder
    running = PROCESSES.Process(target=worker, args=(folder, campaign.dice.randrange(1 << 30), theirs))
    running.start()
    ours.recv()
    time.sleep(campaign.dice.uniform(0, longest_s))
    running.kill()
    running.join()
    running.close()
    ours.close()
    theirs.close()
    campaign.kills += 1
    defect = folder.parent / DEFECT
    if defect.exists():
        campaign.wrong.append(defect.read_text()[-2000:])
        defect.unlink()


# -- damage --------------------------------------------------------------------------------------------------


def delete(path: Path) -> None:
    path.unlink()


def spoil(path: Path) -> None:
    """Some bytes in a row."""
    data = bytearray(path.read_bytes())
    at = len(data) // 3
    data[at : at + 16] = bytes(255 - byte for byte in data[at : at + 16])
    path.write_bytes(bytes(data))


HARMS: tuple[Callable[[Path], None], ...] = (flip, flip, truncate, delete, spoil)


def harm(archive: Archive, dice: random.Random) -> None:
    """Damage one file of one copy of an object that nobody has harmed since the last recovery."""
    noted = archive.folder.parent / HARMED
    harmed = set(noted.read_text().split()) if noted.exists() else set()
    entry = dice.choice([*archive.index.objects()] or [None])
    if entry is None or entry.id in harmed:
        return
    if {(r.head, r.state) for r in archive.index.replicas(entry.id)} != {(entry.head, "good")}:
        return  # a copy is behind, or damaged already
    if len(archive.index.replicas(entry.id)) < len(REPLICAS) or archive.object(entry.id).head != entry.head:
        return  # something of it is in one copy only
    with noted.open("a") as file:  # before it is done
        file.write(f"{entry.id}\n")
    strike(archive, dice, entry.id)


def strike(archive: Archive, dice: random.Random, identifier: str) -> str:
    """Damage one file of one copy of an object; returns the store."""
    store = dice.choice(REPLICAS)
    paths = [path for path in sorted(files_that_count(archive, store, identifier)) if path.stat().st_size]
    dice.choice(HARMS)(dice.choice(paths))
    return store


def files_that_count(archive: Archive, store: str, identifier: str) -> Iterator[Path]:
    """Files of a copy, none that is being written, or that a killed writer left of a version that there is
    not; of packages those of the last attempt: others are dead.
    """
    folder = placed(archive, store, identifier)
    if store != "sealed":
        unfinished = folder / f"v{number_of(archive.entry(identifier).head) + 1}"
        for path in folder.rglob("*"):
            if path.is_file() and not path.name.startswith(TEMPORARY) and unfinished not in path.parents:
                yield path
        return
    far = archive.store(store)
    for key in manifests(far, package_prefix(identifier)).values():
        yield from (folder / key.rpartition("/")[2], folder / read_manifest(far, key).file)


def damage(campaign: Campaign, count: int) -> None:
    """A batch of damages, then one check that heals: everything is to be found and healed."""
    archive = campaign.archive = open_archive(campaign.archive.folder)
    done = replicate(archive)
    campaign.wrong += [trouble.error.message for trouble in done.troubles]
    harmed: dict[str, str] = {}  # object -> store
    for _ in range(20 * count):
        if len(harmed) == count:
            break
        entry = campaign.dice.choice(list(archive.index.objects()))
        if entry.id in harmed:
            continue
        harmed[entry.id] = strike(archive, campaign.dice, entry.id)
    campaign.damages += len(harmed)
    checked = verify(archive, mend=True, identities=campaign.keys)
    found = {(damage.id, damage.store) for damage in checked.damages}
    healed = {(damage.id, damage.store) for damage in checked.healed}
    campaign.found += len(found & harmed.items())
    campaign.healed += len(healed & harmed.items())
    campaign.silent += len(harmed.items() - found)
    told = [*checked.lost, *checked.unhealed, *checked.troubles]
    campaign.wrong += [f"{trouble.store} {trouble.id}: {trouble.error.message}" for trouble in told]
    campaign.wrong += [
        f"damage nobody made: {damage}"
        for damage in checked.damages
        if (damage.id, damage.store) not in harmed.items()
    ]


# -- the end -------------------------------------------------------------------------------------------------


def recover(campaign: Campaign) -> None:
    """What a custodian does after a power cut: check and heal, then bring the copies."""
    archive = campaign.archive = open_archive(campaign.archive.folder)
    verify(archive, mend=True, identities=campaign.keys)  # brings the run of a killed process to its end
    done = verify(archive, mend=True, identities=campaign.keys)
    told = [*done.lost, *done.unhealed, *done.troubles, *replicate(archive).troubles]
    campaign.wrong += [f"{trouble.store} {trouble.id}: {trouble.error.message}" for trouble in told]
    campaign.wrong += [f"unknown on {store}: {key}" for store, key in done.strangers]
    (archive.folder.parent / HARMED).unlink(missing_ok=True)
    campaign.deposits = len(receipts(archive))


def receipts(archive: Archive) -> list[str]:
    """What was given out for deposits. A line that was cut off by a kill was never given out."""
    path = archive.folder.parent / RECEIPTS
    return [line for line in path.read_text().splitlines() if " " in line] if path.exists() else []


def finish(campaign: Campaign) -> Campaign:
    """Check every receipt that was given out against what the archive holds, byte for byte."""
    recover(campaign)
    archive = campaign.archive = open_archive(campaign.archive.folder)
    for line in receipts(archive):
        identifier, name = line.split()
        wanted = recordings_of(archive.folder, int(name))
        try:
            held = contents(archive, identifier)
        except Exception as error:  # noqa: BLE001  it is counted, and told
            campaign.wrong.append(f"{identifier}: {error}")
            held = {}
        kept = {path.removeprefix("originals/"): data for path, data in held.items() if "originals/" in path}
        campaign.lost += kept != wanted
    last = verify(archive)
    if not last.whole or last.strangers:
        campaign.wrong.append(f"not whole in the end: {last.damages} {last.troubles} {last.strangers}")
    return campaign
