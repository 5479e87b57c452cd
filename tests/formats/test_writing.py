"""Files that appear whole or not at all, and never in the place of somebody else's."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pxr import Sdf

from oberih.errors import OutputError
from oberih.formats import Model
from oberih.formats.writing import whole_files, whole_folder
from oberih.geometry import Mesh
from surfaces import BOTH, TEXTURED, written

BESIDE = {
    "obj": "model.mtl", "x3d": "model.jpg", "dae": "model.jpg", "usd": "model.jpg", "gltf": "model.bin",
}  # fmt: skip


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", BESIDE)
def test_what_lies_beside_already_is_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / BESIDE[name]).write_text("mine")
    (tmp_path / f"model.{name}").write_text("older")
    before = content(tmp_path)
    with pytest.raises(OutputError, match=f"{BESIDE[name]} is there already and would be replaced") as told:
        written(name, tmp_path)
    assert "-o" in told.value.advice
    assert content(tmp_path) == before


@pytest.mark.parametrize("name", BESIDE)
def test_the_same_again_and_another_shape_with_the_same_texture(tmp_path: Path, name: str) -> None:
    first = content(written(name, tmp_path).parent)
    assert content(written(name, tmp_path).parent) == first
    if name != "gltf":  # whose shape is in the file beside it
        moved = Mesh(TEXTURED.vertices + 1, TEXTURED.faces, uv=TEXTURED.uv, texture=TEXTURED.texture)
        path = written(name, tmp_path, Model((moved, BOTH.parts[1])))
        assert path.read_bytes() != first[path.name]


def test_a_folder_or_a_link_in_the_place_is_left(tmp_path: Path) -> None:
    (tmp_path / "a.mtl").mkdir()
    (tmp_path / "b.mtl").symlink_to("nowhere")
    for stem in "ab":
        with pytest.raises(OutputError, match="already"):
            written("obj", tmp_path, stem=stem)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mtl", "b.mtl"]


@contextmanager
def no_room() -> Iterator[None]:
    """Files end after some bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", ["usdz", "usd", "3dtiles", "glb", "obj", "ply"])
def test_no_room(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError) as told, no_room():
        written(name, tmp_path)
    assert str(tmp_path / "model") in told.value.message and ".oberih-" not in told.value.message
    assert "Make room" in told.value.advice
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("room", [0, 10**12])
def test_openusd_s_own_words_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    usage = type(os)("usage")
    usage.free = room  # type: ignore[attr-defined]
    monkeypatch.setattr(Sdf.Layer, "Export", lambda *_: False)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(OutputError) as told:
        written("usdz", tmp_path)
    assert ("No space left" if room == 0 else "OpenUSD could not write") in told.value.message
    assert ("Make room" if room == 0 else "another format") in told.value.advice


def test_the_path_that_was_given_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as told, whole_files(tmp_path / "a.obj") as folder:
        raise OSError(f"cannot write '{folder}/x.jpg'")
    assert "cannot write 'a.obj'" in told.value.message
    with (
        pytest.raises(OutputError) as told,
        whole_folder(tmp_path / "tiles") as folder,
        whole_files(folder / "1.glb"),
    ):
        raise OSError(errno.ENOSPC, "full")
    assert told.value.message == f"{tmp_path / 'tiles'} cannot be written: full."
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file"), whole_folder(tmp_path / "file"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
