"""Packed bags, ours and strangers': what is refused, and that nothing is left behind."""

import gzip
import io
import shutil
import stat
import tarfile
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oberih.archive.exchange.bagit import Limits, bag_bytes, pack_bag, unpacked, validate_bag, write_bag
from oberih.errors import InputError, OutputError


def bag_of(folder: Path, files: dict[str, bytes]) -> Path:
    write_bag(folder, [(name, [data]) for name, data in files.items()], info={})
    return folder


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    return bag_of(tmp_path / "bag", {"photos/1.jpg": b"one", "model.glb": b"model"})


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_packed_bag_is_unpacked_and_gone_afterwards(bag: Path, kind: str) -> None:
    pack_bag(bag, bag.parent / f"bag.{kind}")
    scratch = bag.parent / "scratch"
    scratch.mkdir()
    written: list[float] = []
    with unpacked(bag.parent / f"bag.{kind}", within=scratch, tick=written.append) as folder:
        assert folder.name == "bag" and validate_bag(folder) == []
        assert sum(written) == bag_bytes(bag)
    assert list(scratch.iterdir()) == []


def test_an_empty_bag_can_be_packed(tmp_path: Path) -> None:
    bag_of(tmp_path / "bag", {})
    for kind in ("zip", "tar"):
        pack_bag(tmp_path / "bag", tmp_path / f"bag.{kind}")
        with unpacked(tmp_path / f"bag.{kind}") as folder:
            assert validate_bag(folder) == []


def test_a_bag_with_a_link_is_not_packed(bag: Path) -> None:
    (bag / "data" / "link").symlink_to("/etc/passwd")
    for kind in ("zip", "tar"):
        with pytest.raises(InputError, match="link"):
            pack_bag(bag, bag.parent / f"bag.{kind}")
    with pytest.raises(InputError, match=r"neither a \.zip nor"):
        pack_bag(bag, bag.parent / "bag.rar")
    assert [path.name for path in bag.parent.iterdir()] == ["bag"]


def refusal(file: Path, limits: Limits | None = None) -> str:
    """The message with which ``file`` is refused; nothing may be left of it."""
    scratch = file.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    with pytest.raises(InputError) as error, unpacked(file, within=scratch, limits=limits):
        pass
    assert list(scratch.iterdir()) == []
    return error.value.message


def tar_of(file: Path, *entries: tarfile.TarInfo, data: bytes = b"") -> Path:
    with tarfile.open(file, "w") as pack:
        for entry in entries:
            entry.size = len(data) if entry.isreg() else 0
            pack.addfile(entry, io.BytesIO(data) if entry.isreg() else None)
    return file


OUTSIDE = ["../x", "bag/../../x", "/tmp/x", "C:/x", "bag\\..\\..\\x", "~/x", "bag//x", "./../x"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_packed_paths_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as pack:
        pack.writestr("bag/bagit.txt", "x")
        pack.writestr(name, "x")
    assert "does not stay inside" in refusal(tmp_path / "x.zip")
    assert "does not stay inside" in refusal(tar_of(tmp_path / "x.tar", tarfile.TarInfo(name)))
    folder = tarfile.TarInfo(name)
    folder.type = tarfile.DIRTYPE
    assert "does not stay inside" in refusal(tar_of(tmp_path / "x.tar", folder))


KINDS = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]


@pytest.mark.parametrize("kind", KINDS)
def test_packed_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    entry = tarfile.TarInfo("bag/x")
    entry.type, entry.linkname = kind, "/etc/passwd"
    assert "link or a device" in refusal(tar_of(tmp_path / "x.tar", entry))
    mode = {tarfile.SYMTYPE: stat.S_IFLNK, tarfile.CHRTYPE: stat.S_IFCHR, tarfile.FIFOTYPE: stat.S_IFIFO}.get(
        kind
    )
    if mode:
        zipped = zipfile.ZipInfo("bag/x")
        zipped.external_attr = (mode | 0o777) << 16
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as pack:
            pack.writestr(zipped, "/etc/passwd")
        assert "link or a device" in refusal(tmp_path / "x.zip")


def test_bombs_are_defused(tmp_path: Path) -> None:
    nothing = bytes(80 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as pack:
        pack.writestr("bag/zeros", nothing)
    assert "zip bomb" in refusal(tmp_path / "bomb.zip")
    with gzip.open(tmp_path / "bomb.tar.gz", "wb", compresslevel=1) as file:
        file.write(tarfile.TarInfo("zeros").tobuf()[:124] + b"77777777777\0" + bytes(512 - 136) + nothing)
    data = io.BytesIO()
    entry = tarfile.TarInfo("zeros")
    entry.size = len(nothing)
    data.write(entry.tobuf())
    (tmp_path / "bomb.tar.gz").write_bytes(gzip.compress(data.getvalue() + nothing, 1))
    assert "zip bomb" in refusal(tmp_path / "bomb.tar.gz")


def test_limits_hold(bag: Path) -> None:
    for kind in ("zip", "tar"):
        file = bag.parent / f"bag.{kind}"
        pack_bag(bag, file)
        assert "more than 3 files" in refusal(file, Limits(files=3))
        assert "zip bomb" in refusal(file, Limits(bytes=100))
        with unpacked(file, limits=Limits(files=10, bytes=bag_bytes(bag))):
            pass


def test_a_zip_that_lies_about_sizes_gives_no_more_than_it_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("zeros", bytes(1 << 20))
    data = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(
        data.replace((1 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    )
    assert "damaged" in refusal(tmp_path / "x.zip")


def test_a_disk_too_small_is_told_before_anything_is_unpacked(
    bag: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack_bag(bag, bag.parent / "bag.zip")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    (bag.parent / "scratch").mkdir()
    with (
        pytest.raises(OutputError, match="not enough space"),
        unpacked(bag.parent / "bag.zip", within=bag.parent / "scratch"),
    ):
        pass
    assert list((bag.parent / "scratch").iterdir()) == []


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for second in ("bag/x", "bag/x/y"):
            with zipfile.ZipFile(tmp_path / "x.zip", "w") as pack:
                pack.writestr("bag/x", "1")
                pack.writestr(second, "2")
            assert "same name" in refusal(tmp_path / "x.zip")


def test_a_tar_header_cannot_fill_the_memory(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    (tmp_path / "x.tar").write_bytes(entry.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    assert "damaged" in refusal(tmp_path / "x.tar")


@pytest.mark.parametrize(
    "data", [b"", b"PK\x05\x06", b"PK\x03\x04" + b"x" * 100, b"\x1f\x8b\x08\x00abc", b"x" * 2000]
)
def test_files_that_are_not_what_they_seem(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(data)
    assert "damaged" in refusal(tmp_path / "x.zip")


@settings(max_examples=40)
@given(st.data())
def test_any_damage_to_a_packed_bag_is_survived(data: st.DataObject) -> None:
    with TemporaryDirectory() as scratch:
        here = Path(scratch)
        bag_of(here / "bag", {"x": b"1" * 100, "y/z": b"2"})
        kind = data.draw(st.sampled_from(["zip", "tar"]))
        pack_bag(here / "bag", here / f"good.{kind}")
        good = bytearray((here / f"good.{kind}").read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(good)) | st.just(len(good)))
        (here / "bad").write_bytes(bytes(good[:cut]))
        (here / "out").mkdir()
        with suppress(InputError), unpacked(here / "bad", within=here / "out") as folder:
            validate_bag(folder)
        assert list((here / "out").iterdir()) == []
        assert sorted(path.name for path in here.iterdir()) == ["bad", "bag", f"good.{kind}", "out"]


def test_zip_files_of_old_programs(tmp_path: Path, bag: Path) -> None:
    """Names in UTF-8 without saying so, and backslashes between folders."""
    entry = zipfile.ZipInfo("папка/файл.jpg")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as pack:
        pack.writestr(entry, "1")
    data = bytearray((tmp_path / "x.zip").read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[6:8] = data[directory + 8 : directory + 10] = b"\0\0"
    (tmp_path / "x.zip").write_bytes(bytes(data))
    with unpacked(tmp_path / "x.zip") as folder:
        assert folder.name == "папка" and (folder / "файл.jpg").read_bytes() == b"1"
    entry = zipfile.ZipInfo("bag\\data\\x")
    entry.create_system = 0
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as pack:
        pack.writestr(entry, "1")
    with unpacked(tmp_path / "y.zip") as folder:
        assert folder.name == "bag" and (folder / "data" / "x").read_bytes() == b"1"
