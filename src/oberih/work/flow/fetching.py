"""Files of the archive on this machine, to work with."""

import shutil
from pathlib import Path

from oberih.archive.exchange.exporting import new_folder, write_file
from oberih.archive.exchange.safe_paths import unsafe
from oberih.archive.ocfl import object_key, read_object
from oberih.errors import Damaged
from oberih.i18n import say
from oberih.progress import Progress
from oberih.work.service import Service

__all__ = ["fetched", "forget"]


def fetched(
    service: Service, identifier: str, folder: Path, below: str = "", progress: Progress | None = None
) -> Path:
    """``folder`` with the newest files of an object (those ``below`` a folder of it), each one checked.

    It appears whole or not at all; is it there, nothing is done. Raises `Damaged`, `NotInArchive`.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    found = read_object(service.archive.main, object_key(identifier))
    files = [path for path in found.inventory.files() if path.startswith(below)]
    with new_folder(folder) as work, (progress or Progress()).stage("fetching", len(files)) as stage:
        for path in files:
            name = path.removeprefix(below).lstrip("/")
            if unsafe(name):
                raise Damaged(
                    say("{id} has a file of a name that is not safe.", id=identifier), "Look at the archive."
                )
            write_file(work / name, found.stream(path))
            stage.tick()
    return folder


def forget(folder: Path) -> None:
    """What lies in the archive need not lie here too."""
    shutil.rmtree(folder, ignore_errors=True)
