"""Packages as a hostile host might make them: refused, and nothing is written."""

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keeping import archive_with, contents, placed, recording
from oberih.archive import describe, open_archive, rebuild, replicate, verify
from oberih.archive.crypt import encrypted
from oberih.archive.identifiers import mint
from oberih.archive.metadata import Description
from oberih.archive.ocfl import begin, object_key
from oberih.archive.packages import (
    Package,
    manifests,
    package_prefix,
    read_manifest,
    unpack,
    verify_package,
    write_package,
)
from oberih.archive.packages.manifest import manifest_bytes
from oberih.archive.stores.folder import FolderStore
from oberih.errors import Conflict, Damaged, InputError
from packing import USER, findings, only_file, root, tree


def entries(path: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(path) as tar:
        return [(m, tar.extractfile(m).read()) for m in tar]  # type: ignore[union-attr]


def special(kind: bytes, name: str = "v1/content/evil", link: str = "/etc/passwd") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


Entries = list[tuple[tarfile.TarInfo, bytes]]


def huge(size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo("inventory.json")
    info.size = size
    return info


def content(found: Entries) -> int:
    return next(i for i, (m, _) in enumerate(found) if m.name.endswith("church.jpg"))


HOSTILE: dict[str, Callable[[Entries], Entries]] = {
    "a symbolic link": lambda e: [*e, (special(tarfile.SYMTYPE), b"")],
    "a hard link": lambda e: [*e, (special(tarfile.LNKTYPE), b"")],
    "a device": lambda e: [*e, (special(tarfile.CHRTYPE), b"")],
    "a pipe": lambda e: [*e, (special(tarfile.FIFOTYPE), b"")],
    "a folder": lambda e: [*e, (special(tarfile.DIRTYPE), b"")],
    "a sparse file": lambda e: [*e, (special(tarfile.GNUTYPE_SPARSE), b"")],
    "a link for a file of the inventory": lambda e: [
        *e[: content(e)],
        (special(tarfile.SYMTYPE, e[content(e)][0].name), b""),
        *e[content(e) + 1 :],
    ],
    "a way out": lambda e: [*e, (tarfile.TarInfo("../../evil"), b"")],
    "an absolute path": lambda e: [*e, (tarfile.TarInfo("/tmp/evil"), b"")],
    "one more file": lambda e: [*e, (tarfile.TarInfo("v1/content/evil"), b"")],
    "a file of another version": lambda e: [*e, (tarfile.TarInfo("v9/content/evil"), b"")],
    "a file twice": lambda e: [*e, e[content(e)]],
    "the inventory twice": lambda e: [*e, e[1]],
    "the declaration twice": lambda e: [e[0], *e],
    "a file missing": lambda e: e[: content(e)] + e[content(e) + 1 :],
    "no inventory": lambda e: e[3:],
    "the inventory last": lambda e: e[3:] + e[:3],
    "nothing": lambda e: e[:0],
    "other bytes": lambda e: [(m, bytes(len(d)) if m.name.endswith("church.jpg") else d) for m, d in e],
    "more bytes": lambda e: [(m, d + b"x" if m.name.endswith("church.jpg") else d) for m, d in e],
    "another inventory in the version": lambda e: [
        (m, d + b" " if m.name == "v1/inventory.json" else d) for m, d in e
    ],
    "an unknown header": lambda e: [*e[:-1], (with_pax(e[-1][0], {"GNU.sparse.major": "1"}), e[-1][1])],
    "an endless header": lambda e: [*e[:-1], (with_pax(e[-1][0], {"path": "v1/" * 100_000 + "x"}), e[-1][1])],
}


def with_pax(info: tarfile.TarInfo, headers: dict[str, str]) -> tarfile.TarInfo:
    info.pax_headers = headers
    return info


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_package_is_refused_and_nothing_is_written(
    source: FolderStore, far: FolderStore, thing: str, tmp_path: Path, keys: list[tuple[str, str]], what: str
) -> None:
    """Even one that was encrypted as it should be, with a manifest that fits."""
    write_package(source, object_key(thing), 1, far)
    path = only_file(far, thing)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in HOSTILE[what](entries(path)):
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    replace_package(far, path, made.getvalue(), keys[0][1])
    refused(far, thing, tmp_path, keys[0][0])


def replace_package(far: FolderStore, path: Path, plain: bytes, recipient: str) -> None:
    """As its host could: whoever knows the recipients can encrypt to them."""
    for file in path.parent.iterdir():
        file.unlink()
    data = b"".join(encrypted([plain], [recipient]))
    name = "v1.00000000.tar.age"
    path.with_name(name).write_bytes(data)
    content = {
        "schema": "oberih-package/1",
        "file": name,
        "size": len(data),
        "version": 1,
        "encryption": "age",
    }
    content["sha512"] = hashlib.sha512(data).hexdigest()
    text = json.dumps(content, indent=1, sort_keys=True) + "\n"
    content["manifest_sha512"] = hashlib.sha512(text.encode()).hexdigest()
    path.with_name("v1.json").write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def refused(far: FolderStore, identifier: str, tmp_path: Path, secret: str) -> None:
    assert findings(far, identifier) == []
    target = root(tmp_path / "new")
    before = tree(target, "")
    with pytest.raises(Damaged):
        unpack(far, package_prefix(identifier), target, [secret])
    assert tree(target, "") == before
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize(
    "plain",
    [
        b"no tar file at all" * 100,
        bytes(10_240),
        b"\xff" * 5_000,
        tarfile.TarInfo("x").tobuf()[:512],
        huge(1 << 60).tobuf(tarfile.PAX_FORMAT),
        huge(1 << 40).tobuf(tarfile.GNU_FORMAT),
    ],
)
def test_what_is_no_tar_file_or_claims_to_be_huge(
    source: FolderStore,
    far: FolderStore,
    thing: str,
    tmp_path: Path,
    keys: list[tuple[str, str]],
    plain: bytes,
) -> None:
    write_package(source, object_key(thing), 1, far)
    replace_package(far, only_file(far, thing), plain, keys[0][1])
    refused(far, thing, tmp_path, keys[0][0])


def test_packages_that_were_swapped_are_refused(
    source: FolderStore, far: FolderStore, thing: str, tmp_path: Path, keys: list[tuple[str, str]]
) -> None:
    write_package(source, object_key(thing), 1, far)
    good = only_file(far, thing).read_bytes()
    other = mint()
    with begin(source, other, message="m", user=USER) as commit:
        commit.add("a", b"a")
        commit.finish()
    write_package(source, object_key(other), 1, far)
    replace_package(far, only_file(far, other), good, keys[0][1])
    refused(far, other, tmp_path, keys[0][0])


# -- what the archive knows itself ---------------------------------------------------------------------------


def swap(folder: Path, version: int = 1) -> None:
    """Put garbage and a manifest that fits it in the place of a package, as its host could."""
    name = f"v{version}.aaaaaaaa.tar.age"
    (folder / name).write_bytes(b"garbage")
    package = Package(name, 7, hashlib.sha512(b"garbage").hexdigest(), version, encryption="age")
    (folder / f"v{version}.json").write_bytes(manifest_bytes(package))


def test_a_package_that_its_host_swapped_is_found_and_healed(tmp_path: Path) -> None:
    archive, secrets = archive_with(tmp_path, "sealed")
    made = recording(archive, tmp_path)
    replicate(archive)
    swap(placed(archive, "sealed", made.id))
    for full in (True, False):
        assert [d.findings[0].code for d in verify(archive, full=full).damages] == ["package-other"]
    assert verify(archive, mend=True).whole and verify(archive).whole
    back = rebuild(tmp_path / "back", source=str(tmp_path / "sealed"), identities=[secrets["ada"]])
    assert contents(back.archive, made.id) == contents(archive, made.id)


def test_a_version_that_its_host_made_up_keeps_no_other_from_coming(tmp_path: Path) -> None:
    archive, secrets = archive_with(tmp_path, "sealed")
    made = recording(archive, tmp_path)
    replicate(archive)
    swap(placed(archive, "sealed", made.id), 2)
    assert not verify(archive).whole
    assert {r.store: r.head for r in archive.index.replicas(made.id)} == {"main": "v1", "sealed": "v1"}
    describe(archive, made.id, Description.make({"titles": {"en": "Church"}}))
    assert made.id in replicate(archive).copied["sealed"] and verify(archive).whole
    back = rebuild(tmp_path / "back", source=str(tmp_path / "sealed"), identities=[secrets["ada"]])
    assert back.archive.object(made.id).head == "v2"


def test_nothing_plain_comes_to_a_store_that_must_not_read(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "sealed")
    made = recording(archive, tmp_path)
    replicate(archive)
    for file in placed(archive, "sealed", made.id).iterdir():
        file.unlink()
    far = archive.store("sealed")
    write_package(archive.main, object_key(made.id), 1, far)  # say, by a version that knew no better
    assert {f.code for d in verify(archive).damages for f in d.findings} == {"package-plain"}
    assert verify(archive, mend=True).whole
    assert not list(placed(archive, "sealed", made.id).glob("*.tar"))
    archive.change_settings(lambda table: table.pop("custodians"))
    recording(archive, tmp_path, 2)
    before = tree(far, "")
    done = replicate(archive)
    assert done.troubles and {type(trouble.error) for trouble in done.troubles} == {InputError}
    assert tree(far, "") == before
    with pytest.raises(InputError, match="no custodian"):
        write_package(archive.main, object_key(made.id), 1, far, [])


def test_no_more_is_read_than_can_be_right(source: FolderStore, far: FolderStore, thing: str) -> None:
    write_package(source, object_key(thing), 1, far)
    read = 0

    class Endless(FolderStore):
        def stream(self, key: str, start: int = 0) -> Iterator[bytes]:  # noqa: ARG002
            nonlocal read
            while True:
                read += 1 << 20
                yield bytes(1 << 20)

    endless = Endless(far.root)
    manifest = manifests(far, package_prefix(thing))[1]
    with pytest.raises(Damaged):
        read_manifest(endless, manifest)
    assert read <= 1 << 20
    size = only_file(far, thing).stat().st_size
    read, whole = 0, read_manifest(far, manifest)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("oberih.archive.packages.writing.read_manifest", lambda *_: whole)
        assert [f.code for f in verify_package(endless, manifest, full=True)] == ["package-digest"]
    assert read <= size + (1 << 20)


def test_another_history_on_a_store_that_is_trusted_is_never_hidden(tmp_path: Path) -> None:
    archive, _ = archive_with(tmp_path, "locked")
    made = recording(archive, tmp_path)
    replicate(archive)
    shutil.copytree(archive.folder, tmp_path / "before")
    describe(archive, made.id, Description.make({"titles": {"en": "The right name"}}))
    replicate(archive)
    shutil.rmtree(archive.folder)
    shutil.move(tmp_path / "before", archive.folder)  # set back, and gone on another way
    archive = open_archive(archive.folder)
    describe(archive, made.id, Description.make({"titles": {"en": "Another"}}))
    before = tree(archive.store("locked"), package_prefix(made.id))
    done = replicate(archive)
    assert Conflict in {type(trouble.error) for trouble in done.troubles if trouble.id == made.id}
    assert tree(archive.store("locked"), package_prefix(made.id)) == before
