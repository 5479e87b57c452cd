"""OBJ as others read it, and as others write it."""

from pathlib import Path

import assimp_py
import numpy as np
import pytest
import trimesh
from PIL import Image

from oberih.errors import UnreadableModel
from oberih.formats.model import Model
from oberih.formats.obj import read
from surfaces import BOTH, COLOURED, PICTURE, TEXTURED, written

SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"


def from_text(folder: Path, text: str | bytes) -> Model:
    path = folder / "theirs.obj"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


@pytest.mark.reads("obj", "trimesh")
def test_trimesh_reads_both_parts_with_texture_and_colours(tmp_path: Path) -> None:
    path = written("obj", tmp_path)
    assert sorted(made.name for made in tmp_path.iterdir()) == ["model.mtl", "model.obj", "model_1.jpg"]
    found = trimesh.load_scene(path, process=False).geometry.values()
    textured, coloured = sorted(found, key=lambda shape: -len(shape.faces))
    np.testing.assert_allclose(textured.vertices[textured.faces], TEXTURED.vertices[TEXTURED.faces])
    np.testing.assert_allclose(
        coloured.vertices[coloured.faces], COLOURED.vertices[COLOURED.faces], atol=1e-8
    )
    np.testing.assert_allclose(textured.visual.uv[textured.faces], TEXTURED.uv * (1, -1) + (0, 1), atol=1e-6)
    pixels = np.asarray(textured.visual.material.image.convert("RGB")).astype(int)
    assert np.abs(pixels - PICTURE).mean() < 3
    np.testing.assert_allclose(textured.vertex_normals, np.tile([0, 0, 1], (4, 1)))


@pytest.mark.reads("obj", "Assimp")
def test_assimp_reads_counts_box_and_colours(tmp_path: Path) -> None:
    scene = assimp_py.import_file(str(written("obj", tmp_path)), assimp_py.Process_Triangulate)
    assert [mesh.num_faces for mesh in scene.meshes] == [2, 1]
    points = np.concatenate([np.asarray(mesh.vertices).reshape(-1, 3) for mesh in scene.meshes])
    np.testing.assert_allclose([points.min(axis=0), points.max(axis=0)], BOTH.bounds(), atol=1e-6)
    white = np.asarray(scene.meshes[0].colors[0]).reshape(len(TEXTURED.vertices), -1)
    np.testing.assert_array_equal(white, 1)  # and not black over the texture
    colours = np.asarray(scene.meshes[1].colors[0]).reshape(3, -1)[:, :3]
    np.testing.assert_allclose(colours, COLOURED.colours / 255, atol=1e-4)


def test_a_texture_alone_has_no_colours(tmp_path: Path) -> None:
    path = written("obj", tmp_path, Model((TEXTURED, TEXTURED)))
    assert {len(line.split()) for line in path.read_text().splitlines() if line.startswith("v ")} == {4}


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    back = read(written("obj", tmp_path, stem="старий міст 1"))
    assert len(back.parts) == 2 and not back.notes and not back.scale_known
    for mine, theirs in zip(BOTH.parts, back.parts, strict=True):
        np.testing.assert_array_equal(mine.faces, theirs.faces)
        np.testing.assert_array_equal(mine.vertices, theirs.vertices)
        np.testing.assert_allclose(mine.normals, theirs.normals, atol=1e-5)
    np.testing.assert_allclose(back.parts[0].uv, TEXTURED.uv, atol=1e-6)
    assert np.abs(back.parts[0].texture.astype(int) - PICTURE).mean() < 3
    np.testing.assert_array_equal(back.parts[1].colours, COLOURED.colours)


@pytest.mark.parametrize(
    "faces",
    [
        "f 1 2 3 4", "f -4 -3 -2 -1", "f 1/ 2/ 3/ 4/", "f 1// 2// 3// 4//", "f 1 2 3 4 # a remark",
        "f 1 2 \\\n3 4", "  f\t1  2 3   4", "f 1/1 2 3/9/9 4//7",
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_square_however_it_is_written(tmp_path: Path, faces: str, end: str) -> None:
    model = from_text(tmp_path, (SQUARE + faces).replace("\n", end))
    np.testing.assert_array_equal(model.parts[0].faces, [[0, 1, 2], [0, 2, 3]])
    np.testing.assert_array_equal(model.bounds(), [[0, 0, 0], [1, 1, 0]])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_any_unicode(tmp_path: Path, encoding: str) -> None:
    assert from_text(tmp_path, (SQUARE + "g міст\nf 1 2 3").encode(encoding)).triangles == 1


def test_a_dent_is_not_filled(tmp_path: Path) -> None:
    arrow = "v 0 0 0\nv 2 -1 0\nv 1 0 0\nv 2 1 0\nf 2 3 4 1\n"
    (part,) = from_text(tmp_path, arrow).parts
    area = np.linalg.norm(part.face_normals(), axis=1).sum() / 2
    assert area == pytest.approx(1)


def test_normals_that_differ_at_a_vertex_split_it(tmp_path: Path) -> None:
    text = SQUARE + "vn 0 0 1\nvn 0 1 0\nf 1//1 2//1 3//1\nf 1//2 3//2 4//2\n"
    (part,) = from_text(tmp_path, text).parts
    assert len(part.vertices) == 6
    np.testing.assert_array_equal(part.normals[part.faces][:, :, 2], [[1, 1, 1], [0, 0, 0]])


def test_materials_make_parts_and_their_colour_that_of_the_part(tmp_path: Path) -> None:
    (tmp_path / "theirs.mtl").write_text("newmtl red\nKd 1 0 0\nnewmtl green\nKd 0 1 0\n")
    text = (
        "mtllib theirs.mtl\n" + SQUARE + "usemtl red\nf 1 2 3\nusemtl green\nf 1 3 4\nusemtl red\nf 1 2 4\n"
    )
    red, green = from_text(tmp_path, text).parts
    assert len(red.faces) == 2 and (red.colours == (255, 0, 0)).all()
    assert len(green.faces) == 1 and (green.colours == (0, 255, 0)).all()


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    text = "mtllib nowhere.mtl\n" + SQUARE + "usemtl a\nf 1 2 3\nf 1 2 9\nl 1 2\n"
    model = from_text(tmp_path, text)
    assert model.triangles == 1
    assert len(model.notes) == 3
    assert "nowhere.mtl" in " ".join(model.notes)


@pytest.mark.parametrize("name", ["../{out}", "{folder}/../{out}", "link.png", "http://a.example/{out}"])
def test_no_picture_from_outside(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    Image.fromarray(PICTURE).save(tmp_path / "secret.png")
    (home / "link.png").symlink_to(tmp_path / "secret.png")
    named = name.format(out="secret.png", folder=home)
    (home / "theirs.mtl").write_text(f"newmtl a\nmap_Kd {named}\n")
    text = "mtllib theirs.mtl\n" + SQUARE + "vt 0 0\nusemtl a\nf 1/1 2/1 3/1\n"
    model = from_text(home, text)
    assert model.parts[0].texture is None
    assert "not there" in model.notes[0]


def test_a_picture_behind_options_and_an_absolute_name(tmp_path: Path) -> None:
    Image.fromarray(PICTURE).save(tmp_path / "my picture.png")
    (tmp_path / "theirs.mtl").write_text(
        "newmtl a\nmap_Kd -s 1 1 1 -o 0 0 0 my picture.png\nnewmtl b\nmap_Kd C:\\Users\\me\\My Picture.PNG\n"
    )
    text = "mtllib theirs.mtl\n" + SQUARE + "vt 0 0\nusemtl a\nf 1/1 2/1 3/1\nusemtl b\nf 1/1 2/1 4/1"
    for part in from_text(tmp_path, text).parts:
        np.testing.assert_array_equal(part.texture, PICTURE)


def test_coordinates_of_a_survey_are_brought_near(tmp_path: Path) -> None:
    far = "v 4500000.25 100 5500000\nv 4500001.5 100 5500000\nv 4500000 101 5500000\nf 1 2 3\n"
    model = from_text(tmp_path, far)
    assert np.abs(model.bounds()).max() < 10
    np.testing.assert_allclose(model.bounds() + model.origin, [[4.5e6, 100, 5.5e6], [4500001.5, 101, 5.5e6]])


@pytest.mark.parametrize("bad", ["v nan 0 0", "v 1e400 0 0", "v a b c", "v 1 2"])
def test_faces_of_vertices_that_are_nowhere_are_left_out(tmp_path: Path, bad: str) -> None:
    model = from_text(tmp_path, SQUARE + bad + "\nf 1 2 3\nf 1 2 5\n")
    assert model.triangles == 1 and "no numbers" in model.notes[0]
    with pytest.raises(UnreadableModel, match="no numbers"):
        from_text(tmp_path, SQUARE + bad + "\nf 1 2 5\n")
