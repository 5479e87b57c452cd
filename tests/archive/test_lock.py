"""Who changes settings, heals or rebuilds is alone; deposits go side by side."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from keeping import make, recording
from oberih.archive import Archive, open_archive, rebuild
from oberih.archive import archive as module
from oberih.archive.lock import LOCK, locked
from oberih.errors import Conflict

OTHER = """
import sys
from pathlib import Path
from oberih.archive.lock import locked
with locked(Path(sys.argv[1]), exclusive=sys.argv[2] == "alone"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_program(folder: Path, how: str) -> Iterator[None]:
    """Holds the lock of an archive."""
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(folder), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdin and running.stdout and running.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            running.stdin.close()


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.setattr("oberih.archive.lock.WAIT_S", 0.2)
    return make(tmp_path / "archive")[0]


def test_alone(archive: Archive, tmp_path: Path) -> None:
    with other_program(archive.folder, "alone"):
        for refused in (
            lambda: recording(archive, tmp_path),
            lambda: rebuild(archive.folder),
            lambda: archive.change_settings(lambda table: table.update(copies=5)),
        ):
            with pytest.raises(Conflict, match="Another oberih"):
                refused()
        assert list(open_archive(archive.folder).index.objects()) == []  # looking is free
    assert archive.settings.copies == 3
    recording(archive, tmp_path)


def test_side_by_side(archive: Archive, tmp_path: Path) -> None:
    with other_program(archive.folder, "with others"):
        recording(archive, tmp_path)
        with pytest.raises(Conflict):
            rebuild(archive.folder)
    assert rebuild(archive.folder).indexed == 1


def test_whoever_holds_it_goes_on_under_it(archive: Archive, tmp_path: Path) -> None:
    with archive.locked(exclusive=True):
        recording(archive, tmp_path)
        archive.change_settings(lambda table: table.update(copies=5))
    with archive.locked(exclusive=False), pytest.raises(Conflict), archive.locked(exclusive=True):
        pass
    with locked(archive.folder, exclusive=True):
        pass


def test_changes_of_the_settings_do_not_undo_each_other(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each reads what the other wrote."""
    monkeypatch.setattr("oberih.archive.lock.WAIT_S", 30.0)
    several = [open_archive(archive.folder) for _ in range(6)]

    def name(n: int) -> None:
        several[n].change_settings(lambda table: table["custodians"].update({f"c{n}": "age1"}))

    threads = [threading.Thread(target=name, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {f"c{n}" for n in range(6)} <= set(open_archive(archive.folder).settings.custodians)


def test_two_that_make_the_same_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One makes it, the other is told."""
    folder = tmp_path / "archive"
    true = module.locked

    def slowly(path: Path, *, exclusive: bool) -> object:
        monkeypatch.setattr(module, "locked", true)
        make(folder)
        return true(path, exclusive=exclusive)

    monkeypatch.setattr(module, "locked", slowly)
    with pytest.raises(Conflict, match="just now"):
        make(folder)
    assert (folder / LOCK).is_file() and open_archive(folder).settings.custodians
