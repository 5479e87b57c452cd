"""What only folders have: links, permissions, locks, full and broken disks."""

import errno
import os
import socket
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from oberih.archive.stores import (
    NOT_A_FILE,
    TEMPORARY,
    AlreadyThere,
    Changed,
    Unreadable,
    _files,
    folder,
    open_store,
)
from oberih.archive.stores.folder import FolderStore
from oberih.errors import StoreError

NOBODY = 65534


@pytest.fixture
def here(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store", create=True)


def shown(store: FolderStore) -> dict[str, str]:
    return {found.key: found.tag for found in store.list()}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the store, which nothing in the store may reach."""
    path = tmp_path / "outside"
    path.mkdir()
    (path / "secret").write_text("not yours")
    return path


@pytest.mark.parametrize("target", ["outside/secret", "outside", "store/real", "nowhere"])
def test_a_link_in_the_place_of_a_file_is_seen_and_never_followed(
    here: FolderStore, outside: Path, target: str
) -> None:
    here.create("real", b"real")
    link = here.root / "link"
    link.symlink_to(here.root.parent / target)
    assert shown(here)["link"] == NOT_A_FILE
    assert here.stat("link").size == 0
    with pytest.raises(Unreadable, match="link"):
        here.read("link")
    with pytest.raises(Unreadable, match="link"):
        list(here.stream("link"))
    with pytest.raises(AlreadyThere):
        here.create("link", b"through?")
    with pytest.raises(AlreadyThere):
        here.write("link", [b"through?"])
    with pytest.raises(Changed):
        here.replace("link", b"through?", NOT_A_FILE)
    here.delete("link")
    assert not link.is_symlink()
    assert list(shown(here)) == ["real"]
    assert (outside / "secret").read_text() == "not yours"


def test_a_link_in_the_place_of_a_folder_is_seen_and_never_followed(here: FolderStore, outside: Path) -> None:
    (here.root / "v1").symlink_to(outside)
    assert shown(here) == {"v1": NOT_A_FILE}
    assert list(here.folders()) == []
    uses: list[Callable[[], Any]] = [
        lambda: here.read("v1/secret"),
        lambda: here.stat("v1/secret"),
        lambda: here.create("v1/new", b""),
        lambda: here.create("v1/deep/new", b""),
        lambda: here.write("v1/new", [b""]),
        lambda: here.replace("v1/secret", b"", "tag"),
        lambda: here.delete("v1/secret"),
        lambda: list(here.list("v1")),
    ]
    for use in uses:
        with pytest.raises(StoreError, match="link"):
            use()
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_pipes_and_sockets_are_seen_and_never_opened(here: FolderStore) -> None:
    os.mkfifo(here.root / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        here_fd = os.open(here.root, os.O_RDONLY)  # the path of a socket is short
        bound.bind(f"/proc/self/fd/{here_fd}/socket" if Path("/proc/self/fd").exists() else "socket")
        os.close(here_fd)
    assert shown(here) == {"pipe": NOT_A_FILE, "socket": NOT_A_FILE}
    for name in ("pipe", "socket"):
        with pytest.raises(Unreadable):
            here.read(name)


def test_names_that_cannot_be_keys_are_shown(here: FolderStore) -> None:
    (Path(os.fsdecode(os.fsencode(here.root) + b"/\xff.jpg"))).write_bytes(b"")
    deep = here.root
    for _ in range(5):
        deep /= "d" * 250
        deep.mkdir()
    assert set(shown(here)) == {"\\udcff.jpg", "/".join(["d" * 250] * 5)}
    assert set(shown(here).values()) == {NOT_A_FILE}


def test_a_store_may_be_opened_through_a_link_and_be_a_whole_disk(here: FolderStore, tmp_path: Path) -> None:
    here.create("a", b"1")
    (here.root / "lost+found").mkdir(mode=0)
    (tmp_path / "link").symlink_to(here.root)
    assert list(shown(FolderStore(tmp_path / "link"))) == ["a"]


def test_a_tag_never_comes_back(here: FolderStore) -> None:
    tags = [here.create("a", b"1")]
    for _ in range(200):  # much faster than the clock of the file system ticks
        tags.append(here.replace("a", b"1", tags[-1]))
    for _ in range(50):
        here.delete("a")
        tags.append(here.create("a", b"1"))
    assert len(set(tags)) == len(tags)


def test_a_coarse_clock_is_turned_on_until_the_file_system_shows_it(
    here: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    utime = os.utime

    def two_seconds(file: int, ns: tuple[int, int]) -> None:  # as on FAT
        utime(file, ns=(ns[0], ns[1] // 2_000_000_000 * 2_000_000_000))

    monkeypatch.setattr(os, "utime", two_seconds)
    tags = [here.create("a", b"1")]
    for _ in range(5):
        tags.append(here.replace("a", b"1", tags[-1]))
    assert len(set(tags)) == 6
    assert all(int(tag.split("-")[0], 16) % 2_000_000_000 == 0 for tag in tags)


def test_settle_syncs_every_file_and_every_folder_up_to_the_root(
    here: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def watched(file: int) -> None:
        fsync(file)
        synced.append(os.fstat(file).st_ino)

    monkeypatch.setattr(os, "fsync", watched)
    for name in ("a/b/v1/content/x/1", "a/b/v1/content/x/2", "a/b/v1/content/3", "other"):
        here.write(name, [b"data"])
    here.settle("a/b/v1")
    for part in ("a/b/v1/content/x/1", "a/b/v1/content/x/2", "a/b/v1/content/3"):
        file = here.root / part
        above = [path for path in file.parents if path.is_relative_to(here.root)]
        order = [synced.index(path.stat().st_ino) for path in (file, *above)]
        assert order[0] < order[1], "a folder is synced after the files in it"
        assert len(order) == len(file.relative_to(here.root).parts) + 1
    synced.clear()
    here.settle("a/b/v1")
    assert synced == []
    here.settle("")
    here.create("a/b/v1/inventory.json", b"")
    assert (here.root / "a/b/v1").stat().st_ino in synced


def test_a_file_that_could_not_be_synced_is_never_called_safe(
    here: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    here.write("v1/photo.jpg", [b"data"])
    for _ in range(2):
        with pytest.raises(StoreError, match=r"disk reports an error.*photo\.jpg"):
            here.settle("v1")
    with pytest.raises(StoreError, match="disk reports an error"):
        here.create("v1/inventory.json", b"{}")
    monkeypatch.undo()
    assert list(shown(here)) == ["v1/photo.jpg"]
    here.delete("v1/photo.jpg")
    here.settle("v1")


@pytest.mark.parametrize("flock_errno", [errno.EBADF, errno.ENOLCK])
def test_where_folders_cannot_be_locked_a_file_is(
    here: FolderStore, monkeypatch: pytest.MonkeyPatch, flock_errno: int
) -> None:
    flock = folder.fcntl.flock
    locked = []

    def as_on_nfs(file: int, operation: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(flock_errno, os.strerror(flock_errno))
        locked.append(file)
        flock(file, operation)

    monkeypatch.setattr(folder.fcntl, "flock", as_on_nfs)
    tag = here.create("a/b", b"1")
    here.replace("a/b", b"2", tag)
    with pytest.raises(Changed):
        here.replace("a/b", b"2", tag)
    assert len(locked) == 2
    assert list(shown(here)) == ["a/b"]


def test_where_there_are_no_links_creating_is_still_one_step(
    here: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_on_fat(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", as_on_fat)
    tag = here.create("a", b"1")
    with pytest.raises(AlreadyThere):
        here.create("a", b"2")
    assert here.read("a") == (b"1", tag)
    assert list(shown(here)) == ["a"]


def test_a_lock_that_is_held_too_long(here: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    tag = here.create("v/a", b"1")
    monkeypatch.setattr(_files, "LOCK_WAIT_S", 0.05)
    with (here.root / "v" / "a").open(), here._folder("v") as held:
        folder.fcntl.flock(held, folder.fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="Another program"):
            here.replace("v/a", b"2", tag)
    here.replace("v/a", b"2", tag)


SYSTEM_ERRORS = {
    errno.ENOSPC: "no room left",
    errno.EDQUOT: "quota",
    errno.EROFS: "only be read",
    errno.EACCES: "may not",
    errno.EIO: "disk reports an error",
    errno.ESTALE: "went away",
    errno.ETIMEDOUT: "went away",
    errno.EFBIG: "too large",
    errno.ENAMETOOLONG: "too long",
    errno.ENOMEM: "cannot be used",
}


@pytest.mark.parametrize("code", SYSTEM_ERRORS)
def test_every_error_of_the_system_has_a_message_and_advice(
    here: FolderStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    tag = here.create("old", b"whole")

    def fails(*_: Any) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "write", fails)
    uses: list[Callable[[], Any]] = [
        lambda: here.write("new", [b"data"]),
        lambda: here.create("new", b"data"),
        lambda: here.replace("old", b"data", tag),
    ]
    for use in uses:
        with pytest.raises(StoreError, match=SYSTEM_ERRORS[code]) as error:
            use()
        assert here.url in error.value.message
        assert error.value.advice
    assert here.read("old") == (b"whole", tag)
    assert list(shown(here)) == ["old"], "nothing is left behind"


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
def test_one_unreadable_file_is_told_from_a_broken_store(
    here: FolderStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    here.create("bad", b"1")

    def fails(*_: Any) -> bytes:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(os, "read", fails)
        with pytest.raises(Unreadable, match="bad"):
            here.read("bad")
    (here.root / "bad").unlink()
    here.root.rmdir()
    for use in (lambda: here.read("bad"), lambda: list(here.list()), lambda: here.create("new", b"")):
        with pytest.raises(StoreError, match="There is no folder") as error:
            use()
        assert not isinstance(error.value, Unreadable)


@contextmanager
def small_disk(path: Path) -> Iterator[FolderStore]:
    """A file system of 4 MiB, for those who may mount one."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)]
    try:
        mounted = (
            os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
        )
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("only those who may mount file systems can test a full disk")
    try:
        yield FolderStore(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_full_disk_leaves_what_was_there_and_nothing_half(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as store:
        tag = store.create("old", b"whole")
        with pytest.raises(StoreError, match="no room left"):
            store.write("big", [b"x" * (1 << 20)] * 10)
        store.write("fits", [b"x" * (1 << 20)] * 3)
        with pytest.raises(StoreError, match="no room left"):
            store.create("small", b"x" * (2 << 20))
        with pytest.raises(StoreError, match="no room left"):
            store.replace("old", b"x" * (2 << 20), tag)
        store.settle("")
        assert list(shown(store)) == ["fits", "old"]
        assert store.read("old") == (b"whole", tag)


@contextmanager
def ordinary_user() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_only_be_read() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        store = open_store(name)
        store.create("v1/a", b"1")
        hidden = Path(name, "v1", "hidden")
        hidden.write_bytes(b"")
        for path in (*Path(name).rglob("*"), Path(name)):
            path.chmod(0o555)
        hidden.chmod(0)
        try:
            with ordinary_user():
                data, tag = store.read("v1/a")
                assert data == b"1"
                assert [found.key for found in store.list()] == ["v1/a", "v1/hidden"]
                assert store.now().year > 2000
                with pytest.raises(Unreadable, match="hidden"):
                    store.read("v1/hidden")
                uses: list[Callable[[], Any]] = [
                    lambda: store.create("v1/b", b""),
                    lambda: store.write("v2/b", [b""]),
                    lambda: store.replace("v1/a", b"", tag),
                    lambda: store.delete("v1/a"),
                    lambda: open_store(Path(name, "new"), create=True),
                ]
                for use in uses:
                    with pytest.raises(StoreError, match="You may not") as error:
                        use()
                    assert "permission" in error.value.advice
        finally:
            for path in (Path(name), Path(name, "v1")):
                path.chmod(0o755)


def test_a_temporary_file_is_known_by_its_name(here: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    during: list[str] = []
    sync = _files.sync
    monkeypatch.setattr(_files, "sync", lambda file: (during.extend(shown(here)), sync(file)))
    here.create("a/b", b"1")
    assert len(during) == 1
    assert during[0].startswith(f"a/{TEMPORARY}")
