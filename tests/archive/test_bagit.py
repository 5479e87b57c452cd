"""Bags: the Library of Congress's conformance suite, our own bags read by another library, hostile bags."""

import errno
import hashlib
import os
import socket
import warnings
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oberih.archive.exchange.bagit import (
    Bag,
    Finding,
    bag_bytes,
    pack_bag,
    read_bag,
    unpacked,
    validate_bag,
    write_bag,
)
from oberih.errors import Cancelled, InputError, OutputError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import bagit

SUITE = Path(__file__).parents[2] / ".." / "shared" / "suites" / "bagit"
BAGS = sorted(SUITE.glob("v*/*/*")) if SUITE.is_dir() else []
DAY = date(2026, 3, 9)


def errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level == "error"]


def codes(findings: list[Finding]) -> set[str]:
    return {finding.code.removeprefix("RFC8493-") for finding in findings}


def sha512(data: bytes) -> str:
    return hashlib.sha512(data).hexdigest()


def bag_of(folder: Path, files: dict[str, bytes], **more: Any) -> Bag:
    info = more.pop("info", {})
    return write_bag(folder, [(name, [data]) for name, data in files.items()], info=info, bagged=DAY, **more)


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """A good bag of two files."""
    bag_of(tmp_path / "bag", {"photos/1.jpg": b"one", "model.glb": b"model"})
    return tmp_path / "bag"


def renew(bag: Path, **texts: str) -> None:
    """Change tag files of a bag (bagit, bag_info, manifest, fetch) and the tag manifest with them."""
    names = {"bagit": "bagit.txt", "bag_info": "bag-info.txt", "manifest": "manifest-sha512.txt"}
    for key, text in texts.items():
        (bag / names.get(key, f"{key}.txt")).write_bytes(text.encode())
    tags = [path for path in sorted(bag.glob("*.txt")) if not path.name.startswith("tagmanifest")]
    lines = [f"{sha512(path.read_bytes())}  {path.name}\n" for path in tags]
    (bag / "tagmanifest-sha512.txt").write_text("".join(lines))


# The conformance suite


@pytest.mark.skipif(not BAGS, reason="the suites are not here")
def test_the_suite_has_all_its_bags() -> None:
    kinds = [path.parent.name for path in BAGS]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "valid": 27, "invalid": 15, "warning": 6, "linux-only": 6, "windows-only": 6,
    }  # fmt: skip


@pytest.mark.parametrize("folder", BAGS, ids=lambda path: "-".join(path.parts[-3:]))
def test_conformance(folder: Path) -> None:
    findings = validate_bag(folder)
    if folder.parent.name == "valid":
        assert errors(findings) == []
    elif folder.parent.name == "warning":
        assert errors(findings) == [] and findings
    else:  # invalid, or made for another system
        assert errors(findings)


# Bags of our own


def test_a_bag_is_written_and_read_back(tmp_path: Path) -> None:
    source = tmp_path / "church.ply"
    source.write_bytes(b"ply")
    given = {"Source-Organization": "A museum", "External-Identifier": ["ark:/99999/a1", "inventory 7"]}
    written = write_bag(
        tmp_path / "bag",
        [("photos/фото 1.jpg", [b"o", b"ne"]), ("church.ply", source)],
        info=given,
        bagged=DAY,
    )
    read = read_bag(tmp_path / "bag")
    assert read == written
    assert read.version == "1.0"
    assert list(read.info) == [
        "Source-Organization", "External-Identifier", "Bagging-Date", "Bag-Software-Agent", "Bag-Size",
        "Payload-Oxum",
    ]  # fmt: skip
    assert read.info["External-Identifier"] == ("ark:/99999/a1", "inventory 7")
    assert read.info["Payload-Oxum"] == ("6.2",) and read.info["Bagging-Date"] == ("2026-03-09",)
    assert read.files == {
        "church.ply": {"sha512": sha512(b"ply")},
        "photos/фото 1.jpg": {"sha512": sha512(b"one")},
    }
    assert read.path("photos/фото 1.jpg").read_bytes() == b"one"
    assert validate_bag(tmp_path / "bag") == []


def test_the_same_files_make_the_same_bag(tmp_path: Path) -> None:
    for name, order in (("a", 1), ("b", -1)):
        (tmp_path / name).mkdir()
        bag_of(tmp_path / name / "bag", dict([("x", b"1"), ("y", b"2")][::order]))
        for kind in ("zip", "tar"):
            pack_bag(tmp_path / name / "bag", tmp_path / f"{name}.{kind}")
    for kind in ("zip", "tar"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_another_library_finds_our_bags_valid(bag: Path) -> None:
    other = bagit.Bag(str(bag))
    assert other.validate()
    assert other.info["Payload-Oxum"] == "8.2"


def test_we_find_bags_of_another_library_valid(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "файл\n1").write_bytes(b"x" * 100)
    bagit.make_bag(str(tmp_path), {"Contact-Name": "Олена"}, checksums=["md5", "sha1", "sha256", "sha512"])
    assert errors(validate_bag(tmp_path)) == []
    read = read_bag(tmp_path)
    assert read.info["Contact-Name"] == ("Олена",)
    assert set(read.files["sub/файл%0A1"]) == {"md5", "sha1", "sha256", "sha512"}


NAME = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40
).filter(lambda name: name not in (".", "..") and "\\" not in name)
PATHS = st.lists(st.tuples(NAME, NAME) | st.tuples(NAME), min_size=1, max_size=6, unique=True)


def without_clashes(paths: list[tuple[str, ...]]) -> Iterator[str]:
    """File names of which none is a folder of another."""
    folders = {path[0] for path in paths if len(path) > 1}
    yield from ("/".join(path) for path in paths if len(path) > 1 or path[0] not in folders)


@settings(max_examples=25)
@given(PATHS, st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_name_comes_back(paths: list[tuple[str, ...]], description: str) -> None:
    files = {name: name.encode() for name in without_clashes(paths)}
    with TemporaryDirectory() as scratch:
        here = Path(scratch)
        made = bag_of(here / "bag", files, info={"External-Description": description})
        assert read_bag(here / "bag") == made
        assert errors(validate_bag(here / "bag")) == []
        for kind in ("zip", "tar"):
            pack_bag(here / "bag", here / f"bag.{kind}")
            with unpacked(here / f"bag.{kind}", within=here) as folder:
                found = read_bag(folder)
                assert {name: found.path(name).read_bytes() for name in found.files} == files
                assert errors(validate_bag(folder)) == []
        # Its author splits lines at more characters than RFC 8493 does, and does not decode %25.
        if all(text.isprintable() and "%" not in text for text in (*files, description)):
            assert bagit.Bag(str(here / "bag")).validate()


def test_values_cannot_smuggle_in_labels(tmp_path: Path) -> None:
    bag_of(tmp_path / "bag", {"x": b"1"}, info={"Note": "one\r\nPayload-Oxum: 0.0\n\n  three "})
    read = read_bag(tmp_path / "bag")
    assert read.info["Note"] == ("one\nPayload-Oxum: 0.0\nthree",) and read.info["Payload-Oxum"] == ("1.1",)
    with pytest.raises(InputError, match="cannot be a label"):
        bag_of(tmp_path / "other", {}, info={"a:b": "c"})


def test_large_files_may_be_left_to_be_fetched(tmp_path: Path) -> None:
    wanted = {"scan 1%.e57": ("https://example.org/scan%201.e57", 5, sha512(b"cloud"))}
    made = bag_of(tmp_path / "bag", {"x": b"1"}, fetch=wanted)
    assert (
        tmp_path / "bag" / "fetch.txt"
    ).read_text() == "https://example.org/scan%201.e57 5 data/scan 1%25.e57\n"
    assert read_bag(tmp_path / "bag") == made
    assert made.info["Payload-Oxum"] == ("6.2",)
    assert errors(validate_bag(tmp_path / "bag", holes=True)) == []
    missing = validate_bag(tmp_path / "bag")
    assert [(one.code, one.path) for one in missing] == [("RFC8493-3", "data/scan 1%.e57")]
    (tmp_path / "bag" / "data" / "scan 1%.e57").write_bytes(b"cloud")
    assert validate_bag(tmp_path / "bag") == []
    (tmp_path / "bag" / "data" / "scan 1%.e57").write_bytes(b"CLOUD")
    assert codes(validate_bag(tmp_path / "bag")) == {"3"}


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "https://example.org/a b", "/etc/passwd", "https://a\nb"]
)
def test_addresses_to_fetch_from_are_of_the_web(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError, match="cannot be fetched"):
        bag_of(tmp_path / "bag", {}, fetch={"x": (url, None, "0" * 128)})


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "a/./b", "a/..", "", "a\\..\\..\\b", "\udcff", "n\0"])
def test_names_that_lead_out_are_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name"):
        bag_of(tmp_path / "bag", {name: b""})
    assert list(tmp_path.iterdir()) == []


def test_names_in_each_others_way_are_not_written(tmp_path: Path) -> None:
    for names in (["a", "a"], ["a", "a/b"], ["a/b", "a"]):
        with pytest.raises(InputError, match="Two files"):
            write_bag(tmp_path / "bag", [(name, [b""]) for name in names], info={})
    with pytest.raises(InputError, match="too long"):
        bag_of(tmp_path / "bag", {"n" * 300: b""})
    bag_of(tmp_path / "longest", {"n" * 255: b""})
    assert [path.name for path in tmp_path.iterdir()] == ["longest"]


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        write_bag(tmp_path / "bag", [("whole", [b"x"]), ("half", broken())], info={})
    with pytest.raises(InputError, match=r"gone\.jpg cannot be read"):
        write_bag(tmp_path / "bag", [("x", tmp_path / "gone.jpg")], info={})
    with pytest.raises(OutputError, match="cannot be written"):
        write_bag(tmp_path / "no" / "such" / "place", [("x", [b""])], info={})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left") as error:
        bag_of(tmp_path / "bag", {"x": b"1"})
    assert "free space" in error.value.advice
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_never_overwritten(bag: Path) -> None:
    before = bag_bytes(bag)
    with pytest.raises(OutputError, match="is there already"):
        bag_of(bag, {"x": b""})
    (bag.parent / "bag.zip").write_bytes(b"precious")
    with pytest.raises(OutputError, match="is there already"):
        pack_bag(bag, bag.parent / "bag.zip")
    assert bag_bytes(bag) == before and (bag.parent / "bag.zip").read_bytes() == b"precious"


# Damage and hostility


def test_damage_is_found_and_told_where(bag: Path) -> None:
    (bag / "data" / "model.glb").write_bytes(b"MODEL")
    assert [(one.code, one.path) for one in validate_bag(bag)] == [("RFC8493-3", "data/model.glb")]
    assert validate_bag(bag, full=False) == [], "a quick check counts"
    (bag / "data" / "model.glb").unlink()
    (bag / "data" / "extra").write_bytes(b"")
    for full in (True, False):
        found = {(one.code.removeprefix("RFC8493-"), one.path) for one in validate_bag(bag, full=full)}
        assert found == {("3", "data/model.glb"), ("3", "data/extra"), ("2.2.2", "bag-info.txt")}
    (bag / "bag-info.txt").write_text("Contact-Name: somebody else\n")
    assert ("RFC8493-3", "bag-info.txt") in {(one.code, one.path) for one in validate_bag(bag, full=False)}


def test_every_file_is_read_once_for_all_its_digests(bag: Path) -> None:
    text = "".join(
        f"{hashlib.md5((bag / name).read_bytes()).hexdigest()} {name}\n"
        for name in ("data/model.glb", "data/photos/1.jpg")
    )
    (bag / "manifest-md5.txt").write_text(text)
    renew(bag)
    read: list[float] = []
    assert validate_bag(bag, tick=read.append) == []
    assert sum(read) == bag_bytes(bag) - (bag / "tagmanifest-sha512.txt").stat().st_size
    (bag / "manifest-md5.txt").write_text(text.replace(text[:4], "0000"))
    renew(bag)
    wrong = validate_bag(bag)
    assert [(one.message, one.path) for one in wrong] == [
        ("The checksum is not the one in manifest-md5.txt.", "data/model.glb")
    ]


def test_a_check_can_be_stopped(bag: Path) -> None:
    def stop(_: float) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        validate_bag(bag, tick=stop)


@pytest.mark.parametrize(
    "path",
    ["../../etc/passwd", "/etc/passwd", "~/x", "~root/x", "C:\\x", "c:x", "\\\\server\\x", "data/../../x",
     "data/..\\..\\x", "./../x", "data//x", "data/./x", "data/%0A/../../../x"],
)  # fmt: skip
@pytest.mark.parametrize("where", ["manifest", "fetch", "tagmanifest-sha512"])
def test_paths_that_lead_out_are_refused(bag: Path, path: str, where: str) -> None:
    if where == "fetch":
        renew(bag, fetch=f"https://example.org/x 1 {path}\n")
    elif where == "manifest":
        renew(bag, manifest=(bag / "manifest-sha512.txt").read_text() + f"{'0' * 128}  {path}\n")
    else:
        with (bag / "tagmanifest-sha512.txt").open("a") as file:
            file.write(f"{'0' * 128}  {path}\n")
    assert "5.1" in codes(errors(validate_bag(bag)))
    with pytest.raises(InputError, match="not a bag that can be read"):
        read_bag(bag)


@pytest.mark.parametrize("place", ["data/link", "link", "data/photos/link"])
def test_links_are_refused_and_not_followed(bag: Path, place: str) -> None:
    secret = bag.parent / "secret"
    secret.write_bytes(b"secret")
    (bag / place).symlink_to(secret)
    manifest = (bag / "manifest-sha512.txt").read_text() + f"{sha512(b'secret')}  {place}\n"
    renew(bag, manifest=manifest)
    assert ("RFC8493-5.1", place) in {(one.code, one.path) for one in errors(validate_bag(bag))}
    (bag / place).unlink()
    (bag / place).symlink_to(bag.parent)  # a way around in circles
    assert ("RFC8493-5.1", place) in {(one.code, one.path) for one in errors(validate_bag(bag))}


def test_pipes_and_sockets_do_not_hang_a_check(bag: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(bag / "data" / "pipe")
    monkeypatch.chdir(bag / "data")  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as ear:
        ear.bind("ear")
        found = {(one.code, one.path) for one in errors(validate_bag(bag))}
    assert found >= {("RFC8493-2", "data/pipe"), ("RFC8493-2", "data/ear")}


def test_a_folder_that_may_not_be_read_is_told(bag: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (bag / "data" / "photos").chmod(0)
    assert "3" in codes(errors(validate_bag(bag)))
    (bag / "data" / "photos").chmod(0o755)


HOSTILE = {
    "no version": (dict(bagit="Tag-File-Character-Encoding: UTF-8\n"), "2.1.1"),
    "a version to come": (dict(bagit="BagIt-Version: 9.9\nTag-File-Character-Encoding: UTF-8\n"), "2.1.1"),
    "no text": (dict(bagit="\udcff".encode("utf-8", "surrogatepass").decode("latin-1")), "2.1.1"),
    "more lines": (dict(bagit="BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\nx: y\n"), "2.1.1"),
    "an encoding that runs": (dict(bagit="BagIt-Version: 1.0\nTag-File-Character-Encoding: hex\n"), "2.1.1"),
    "no encoding": (dict(bagit="BagIt-Version: 1.0\nTag-File-Character-Encoding: klingon\n"), "2.1.1"),
    "a mark": (dict(manifest="\ufeff"), "2.3"),
    "a manifest of nothing": (dict(manifest="what?\n"), "2.1.3"),
    "a short digest": (dict(manifest="abcdef  data/model.glb\n"), "2.1.3"),
    "a file outside of data": (dict(manifest=f"{'0' * 128}  bagit.txt\n"), "2.1.3"),
    "an unknown algorithm": ({"manifest-rot13": "00  data/model.glb\n"}, "2.4"),
    "a name in capitals": ({"manifest-SHA-256": ""}, "2.4"),
    "info without labels": (dict(bag_info="no label\n"), "2.2.2"),
    "space before the colon": (dict(bag_info="Contact-Name : x\n"), "2.2.2"),
    "wrong counts": (dict(bag_info="Payload-Oxum: 8.3\n"), "2.2.2"),
    "two counts": (dict(bag_info="Payload-Oxum: 8.2\npayload-oxum: 8.2\n"), "2.2.2"),
    "an address that is none": (dict(fetch="model.glb 5 data/model.glb\n"), "2.2.3"),
    "a tag file to fetch": (dict(fetch="https://example.org/x - bag-info.txt\n"), "2.2.3"),
    "an unlisted file to fetch": (dict(fetch="https://example.org/x - data/new\n"), "2.2.3"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_broken_tag_files_are_told_by_section(bag: Path, kind: str) -> None:
    changes, section = HOSTILE[kind]
    renew(bag, **changes)
    found = errors(validate_bag(bag))
    assert section in codes(found), found
    assert all(one.message and one.path for one in found)


def test_bags_without_what_a_bag_needs(bag: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        validate_bag(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert codes(validate_bag(tmp_path / "empty")) == {"2.1.1"}
    (bag / "manifest-sha512.txt").unlink()
    assert "2.1.3" in codes(errors(validate_bag(bag)))
    (bag / "data").rename(bag / "Data")
    assert "2.1.2" in codes(errors(validate_bag(bag)))


def test_a_manifest_that_lists_a_file_twice(bag: Path) -> None:
    manifest = (bag / "manifest-sha512.txt").read_text()
    renew(bag, manifest=manifest + manifest)
    assert codes(errors(validate_bag(bag))) == {"2.1.3"}
    old = (bag / "bagit.txt").read_text().replace("1.0", "0.97")
    renew(bag, bagit=old)
    assert errors(validate_bag(bag)) == [] != validate_bag(bag)


def test_a_manifest_of_nothing_but_rubbish_does_not_fill_the_memory(bag: Path) -> None:
    renew(bag, manifest="rubbish\n" * 30_000)
    found = [one for one in validate_bag(bag) if one.code == "RFC8493-2.1.3"]
    assert len(found) == 10_000 and found[-1].message == "There is more of this kind, which is not listed."


def test_names_that_went_through_other_systems_are_found(bag: Path) -> None:
    bag_of(bag.parent / "nfd", {"Núñez": b"x"})
    (bag.parent / "nfd" / "data" / "Núñez").rename(bag.parent / "nfd" / "data" / "Nu\u0301n\u0303ez")
    findings = validate_bag(bag.parent / "nfd")
    assert errors(findings) == [] and codes(findings) == {"6.1.1"}


def test_names_that_other_systems_mix_up_are_told(tmp_path: Path) -> None:
    bag_of(tmp_path / "bag", {"a.JPG": b"1", "A.jpg": b"2", "con.txt": b"3", "a:b": b"4"})
    findings = validate_bag(tmp_path / "bag")
    assert errors(findings) == [] and codes(findings) == {"6.1.1", "6.1.2"}
