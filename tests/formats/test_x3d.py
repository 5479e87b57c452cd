"""X3D: what we write, as Assimp sees it, and as the X3D Consortium's own package checks every field."""

import contextlib
import io
import re
import warnings
from pathlib import Path
from xml.etree import ElementTree as ET

import assimp_py
import numpy as np
import pytest
from PIL import Image

from oberih.errors import InputError
from oberih.formats import Model, format_named
from oberih.geometry import Mesh, PointCloud

with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():  # it greets whoever imports it
    warnings.simplefilter("ignore")
    import x3d

X3D = format_named("x3d")
VERTICES = np.array([[0, 0, 0], [2, 0, 0], [2, 3, 0], [0, 3, 0], [0, 0, 4], [99, 99, 99]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4]], np.int32)


def model() -> Model:
    """A part with a texture, red above and blue below, one with colours, and points."""
    texture = np.zeros((32, 64, 3), np.uint8)
    texture[:16], texture[16:] = (220, 20, 20), (20, 20, 220)
    uv = np.array([[[0, 0], [1, 0], [1, 0.25]], [[0, 0.6], [0.5, 1], [0, 1]], [[0, 0], [1, 1], [0, 1]]])
    colours = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [9, 9, 9], [0, 1, 2], [3, 3, 3]], np.uint8)
    one = Mesh(VERTICES, FACES, uv=uv.astype(np.float32), texture=texture)
    points = PointCloud(VERTICES[:2], colours=colours[:2])
    return Model((one, Mesh(VERTICES + np.float32(5.125), FACES, colours=colours)), points)


@pytest.mark.reads("x3d", "Assimp")
@pytest.mark.parametrize("stem", ["made", "міст & 1"])
def test_assimp_reads_what_was_written_and_finds_its_texture(tmp_path: Path, stem: str) -> None:
    made = Model(model().parts)  # assimp_py has no word for points
    X3D.write(tmp_path / f"{stem}.x3d", made)
    scene = assimp_py.import_file(str(tmp_path / f"{stem}.x3d"), assimp_py.Process_Triangulate)
    (picture,) = scene.materials[scene.meshes[0].material_index]["TEXTURES"][1]
    first, second = scene.meshes
    for part, mesh in zip(made.parts, (first, second), strict=True):
        corners = np.array(mesh.vertices).reshape(-1, 3)[np.array(mesh.indices)].reshape(-1, 3, 3)
        np.testing.assert_array_equal(corners, part.vertices[part.faces])
    uv = np.array(first.texcoords[0]).reshape(first.num_vertices, -1)[np.array(first.indices), :2]
    np.testing.assert_allclose(uv.reshape(-1, 3, 2) * (1, -1) + (0, 1), made.parts[0].uv, atol=1e-6)
    colours = np.array(second.colors[0]).reshape(second.num_vertices, -1)[np.array(second.indices), :3]
    assert made.parts[1].colours is not None and made.parts[0].texture is not None
    np.testing.assert_array_equal(np.round(colours * 255), made.parts[1].colours[FACES.ravel()])
    pixels = np.asarray(Image.open(tmp_path / picture)).astype(int)
    assert np.abs(pixels - made.parts[0].texture).mean() <= 3  # JPEG


def tuples(text: str, length: int) -> list[tuple[float, ...]]:
    return [tuple(row) for row in np.array(text.split(), float).reshape(-1, length).tolist()]


PARSE = {
    "SFString": str, "SFBool": lambda text: {"true": True, "false": False}[text],
    "MFInt32": lambda text: [int(word) for word in text.split()],
    "SFColor": lambda text: tuple(float(word) for word in text.split()),
    "MFString": lambda text: text[1:-1].split('" "'),
    "MFVec2f": lambda text: tuples(text, 2),
    "MFVec3f": lambda text: tuples(text, 3),
    "MFColor": lambda text: tuples(text, 3),
}  # fmt: skip
PLACES = {  # in which field of its parent a node stands
    "Appearance": "appearance", "Material": "material", "ImageTexture": "texture", "Coordinate": "coord",
    "Normal": "normal", "TextureCoordinate": "texCoord", "Color": "color", "PointSet": "geometry",
    "IndexedTriangleSet": "geometry", "head": "head", "Scene": "Scene",
}  # fmt: skip


def checked(element: ET.Element) -> object:
    """The node as an object of the X3D Consortium's package, which refuses unknown fields and bad values."""
    kind = getattr(x3d, element.tag)
    types = {row[0]: row[2] for row in kind.FIELD_DECLARATIONS()}
    given: dict[str, object] = {}
    for name, text in element.attrib.items():
        if name.startswith("{"):
            continue  # where the schema lies
        field = re.search(r"[SM]F\w+", str(types.get(name, "SFString")))
        assert field is not None
        given[name] = PARSE[field.group()](text)
    several = []
    for child in element:
        if child.tag in PLACES:
            given[PLACES[child.tag]] = checked(child)
        else:
            several.append(checked(child))
    return kind(**given, **({"children": several} if several else {}))


@pytest.mark.reads("x3d", "Web3D's x3d package")
def test_the_consortium_s_package_takes_every_field(tmp_path: Path) -> None:
    X3D.write(tmp_path / "made.x3d", model())
    root = ET.parse(tmp_path / "made.x3d").getroot()
    assert (root.get("profile"), root.get("version")) == ("Interchange", "4.0")
    found = checked(root)
    shapes = found.Scene.children  # type: ignore[attr-defined]
    assert [type(shape.geometry).__name__ for shape in shapes] == ["IndexedTriangleSet"] * 2 + ["PointSet"]
    assert len(shapes[2].geometry.coord.point) == 2
    url = root.find(".//ImageTexture").get("url")  # type: ignore[union-attr]
    assert url == '"made.jpg " "made.jpg" "made.jpg"'  # the blank is for Assimp


def test_same_model_same_bytes_and_nothing_of_its_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        X3D.write(tmp_path / name / "made.x3d", Model(model().parts, origin=np.array([4e5, 0, 5e6])))
    for file in ("made.x3d", "made.jpg"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    text = (tmp_path / "a" / "made.x3d").read_text()
    assert str(tmp_path) not in text and "5000000" not in text


def test_points_alone_will_do_but_not_nothing(tmp_path: Path) -> None:
    X3D.write(tmp_path / "made.x3d", Model(points=PointCloud(VERTICES)))
    assert "PointSet" in (tmp_path / "made.x3d").read_text()
    with pytest.raises(InputError, match="empty"):
        X3D.write(tmp_path / "none.x3d", Model())
    assert not (tmp_path / "none.x3d").exists()
