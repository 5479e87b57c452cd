"""3MF: what we write, as lib3mf and trimesh see it; what others write, as we do."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import lib3mf
import numpy as np
import pytest
import trimesh
from PIL import Image

from oberih.errors import InputError, UnreadableModel
from oberih.formats import Model, format_named, read_model
from oberih.geometry import Mesh, PointCloud

SUITE = Path(__file__).parents[2] / ".." / "shared" / "suites" / "models"
THREEMF = format_named("3mf")
LIB3MF = lib3mf.get_wrapper()
METRES = {0: 1e-6, 1: 1e-3, 2: 1e-2, 3: 0.0254, 4: 0.3048, 5: 1.0}  # of lib3mf's enumeration of units
VERTICES = np.array([[0, 0, 0], [2, 0, 0], [2, 3, 0], [0, 3, 0], [0, 0, 4]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4]], np.int32)
CORE = 'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"'
MORE = (
    ' xmlns:m="http://schemas.microsoft.com/3dmanufacturing/material/2015/02"'
    ' xmlns:p="http://schemas.microsoft.com/3dmanufacturing/production/2015/06"'
)


def two_parts() -> Model:
    """A part with a texture, red above and blue below, and one with colours."""
    texture = np.zeros((32, 64, 3), np.uint8)
    texture[:16], texture[16:] = (220, 20, 20), (20, 20, 220)
    uv = np.array([[[0, 0], [1, 0], [1, 0.25]], [[0, 0.6], [0.5, 1], [0, 1]], [[0, 0], [1, 1], [0, 1]]])
    colours = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [9, 9, 9], [0, 100, 200]], np.uint8)
    one = Mesh(VERTICES, FACES, uv=uv.astype(np.float32), texture=texture)
    return Model((one, Mesh(VERTICES + np.float32(5.125), FACES, colours=colours)))


def seen(path: Path) -> lib3mf.Model:
    """What lib3mf makes of a file; it must have nothing to say."""
    model = LIB3MF.CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromFile(str(path))
    assert [reader.GetWarning(i) for i in range(reader.GetWarningCount())] == []
    return model


def meshes(model: lib3mf.Model) -> Iterator[lib3mf.MeshObject]:
    found = model.GetMeshObjects()
    while found.MoveNext():
        yield found.GetCurrentMeshObject()


def package(path: Path, *parts: str, unit: str = "", files: dict[str, bytes] | None = None) -> Path:
    """A 3MF file: the first of ``parts`` is its model, the others lie at /3D/part1.model, ..."""
    kind = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
    relation = f'<R><Relationship Target="/3D/part0.model" Id="r" Type="{kind}"/></R>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("_rels/.rels", relation)
        for number, part in enumerate(parts):
            said = f' unit="{unit}"' if unit else ""
            made.writestr(f"3D/part{number}.model", f"<model {CORE}{MORE}{said}>{part}</model>")
        for name, data in (files or {}).items():
            made.writestr(name, data)
    return path


def thing(number: int = 1, triangles: str = '<triangle v1="0" v2="1" v3="2"/>', given: str = "") -> str:
    return (
        f'<object id="{number}"{given}><mesh><vertices><vertex x="0" y="0" z="0"/><vertex x="2" y="0" z="0"/>'
        f'<vertex x="0" y="3" z="4"/></vertices><triangles>{triangles}</triangles></mesh></object>'
    )


def whole(resources: str, build: str = '<item objectid="1"/>') -> str:
    return f"<resources>{resources}</resources><build>{build}</build>"


# -- out -------------------------------------------------------------------------------------------------


@pytest.mark.reads("3mf", "lib3mf")
def test_lib3mf_reads_what_was_written_without_a_warning(tmp_path: Path) -> None:
    model = two_parts()
    THREEMF.write(tmp_path / "made.3mf", model)
    found = seen(tmp_path / "made.3mf")
    assert METRES[int(found.GetUnit())] == 1.0
    box = found.GetOutbox()
    low, high = model.bounds()
    np.testing.assert_allclose(list(box.MinCoordinate), [low[0], -high[2], low[1]], atol=1e-6)
    np.testing.assert_allclose(list(box.MaxCoordinate), [high[0], -low[2], high[1]], atol=1e-6)
    textured, coloured = meshes(found)
    assert [one.GetTriangleCount() for one in (textured, coloured)] == [3, 3]
    assert textured.GetType() == LIB3MF_SURFACE  # it is open
    for part, one in zip(model.parts, (textured, coloured), strict=True):
        xyz = np.array([list(vertex.Coordinates) for vertex in one.GetVertices()])
        np.testing.assert_array_equal(np.stack([xyz[:, 0], xyz[:, 2], -xyz[:, 1]], axis=1), part.vertices)
        assert [list(triangle.Indices) for triangle in one.GetTriangleIndices()] == FACES.tolist()
    group = found.GetTexture2DGroupByID(textured.GetTriangleProperties(0).ResourceID)
    for number in range(3):
        corners = [group.GetTex2Coord(i) for i in textured.GetTriangleProperties(number).PropertyIDs]
        uv = [[corner.U, 1 - corner.V] for corner in corners]
        np.testing.assert_allclose(uv, model.parts[0].uv[number], atol=1e-6)  # type: ignore[index]
        colours = found.GetColorGroupByID(coloured.GetTriangleProperties(number).ResourceID)
        for corner, name in enumerate(coloured.GetTriangleProperties(number).PropertyIDs):
            colour = colours.GetColor(name)
            expected = model.parts[1].colours[FACES[number, corner]]  # type: ignore[index]
            assert [colour.Red, colour.Green, colour.Blue, colour.Alpha] == [*expected, 255]
    data = bytes(group.GetTexture2D().GetAttachment().WriteToBuffer())
    (tmp_path / "texture.jpg").write_bytes(data)
    pixels = np.asarray(Image.open(tmp_path / "texture.jpg")).astype(int)
    assert np.abs(pixels - model.parts[0].texture).mean() <= 3  # JPEG


LIB3MF_SURFACE = lib3mf.ObjectType.Surface


@pytest.mark.reads("3mf", "trimesh")
def test_trimesh_reads_it_in_metres_and_a_closed_one_is_a_solid(tmp_path: Path) -> None:
    box = trimesh.creation.box((1, 2, 3))
    mesh = Mesh(np.asarray(box.vertices, np.float32), np.asarray(box.faces, np.int32))
    THREEMF.write(tmp_path / "made.3mf", Model((mesh,)))
    scene = trimesh.load_scene(tmp_path / "made.3mf")
    assert scene.units in ("meter", "meters", "m")
    np.testing.assert_allclose(scene.bounds, [[-0.5, -1.5, -1], [0.5, 1.5, 1]])
    assert scene.to_mesh().is_watertight
    assert next(meshes(seen(tmp_path / "made.3mf"))).GetType() == lib3mf.ObjectType.Model


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    model = two_parts()
    THREEMF.write(tmp_path / "made.3mf", model)
    again = read_model(tmp_path / "made.3mf")
    assert again.scale_known and again.notes == ()
    for one, other in zip(model.parts, again.parts, strict=True):
        np.testing.assert_array_equal(one.vertices[one.faces], other.vertices[other.faces])
    np.testing.assert_allclose(again.parts[0].uv, model.parts[0].uv, atol=1e-6)  # type: ignore[arg-type]
    assert again.parts[0].texture is not None and again.parts[0].texture.shape == (32, 64, 3)
    colours, before = again.parts[1].colours, model.parts[1].colours
    assert colours is not None and before is not None
    np.testing.assert_array_equal(colours[again.parts[1].faces], before[FACES])


def test_faces_with_a_vertex_twice_are_left_out(tmp_path: Path) -> None:
    faces = np.array([[0, 1, 2], [0, 1, 1], [0, 2, 3]], np.int32)
    part = two_parts().parts[0]
    THREEMF.write(tmp_path / "made.3mf", Model((Mesh(VERTICES, faces, uv=part.uv, texture=part.texture),)))
    assert next(meshes(seen(tmp_path / "made.3mf"))).GetTriangleCount() == 2
    assert part.uv is not None
    uv = THREEMF.read(tmp_path / "made.3mf").parts[0].uv
    np.testing.assert_allclose(uv, part.uv[[0, 2]], atol=1e-6)  # type: ignore[arg-type]


def test_same_model_same_bytes_and_nothing_of_its_place(tmp_path: Path) -> None:
    model = Model(two_parts().parts, origin=np.array([4e5, 0, 5e6]))
    for name in ("a.3mf", "b.3mf"):
        THREEMF.write(tmp_path / name, model)
    assert (tmp_path / "a.3mf").read_bytes() == (tmp_path / "b.3mf").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.3mf") as made:
        assert {entry.date_time for entry in made.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"5000000" not in made.read("3D/3dmodel.model")


def test_points_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no surface"):
        THREEMF.write(tmp_path / "made.3mf", Model(points=PointCloud(VERTICES)))
    assert list(tmp_path.iterdir()) == []


# -- in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "metres"),
    [("", 1e-3), ("micron", 1e-6), ("centimeter", 0.01), ("inch", 0.0254), ("foot", 0.3048), ("meter", 1)],
)
def test_units(tmp_path: Path, unit: str, metres: float) -> None:
    model = THREEMF.read(package(tmp_path / "given.3mf", whole(thing()), unit=unit))
    np.testing.assert_allclose(model.bounds()[1] - model.bounds()[0], np.array([2, 4, 3]) * metres, rtol=1e-6)
    assert model.scale_known


def test_components_of_other_parts_with_their_transforms(tmp_path: Path) -> None:
    inner = whole(thing(7), "")
    outer = whole(
        '<object id="1"><components><component objectid="7" p:path="/3D/part1.model" '
        'transform="2 0 0 0 2 0 0 0 2 10 0 0"/><component objectid="7" p:path="/3D/part1.model"/>'
        "</components></object>",
        '<item objectid="1" transform="0 1 0 -1 0 0 0 0 1 0 0 5"/>',
    )
    model = THREEMF.read(package(tmp_path / "given.3mf", outer, inner, unit="meter"))
    assert model.triangles == 2
    # (2, 0, 0) -> twice, 10 to the right -> (14, 0, 0) -> a quarter turn, 5 up -> (0, 14, 5), z up
    np.testing.assert_allclose(model.parts[0].vertices[1], [0, 5, -14])


def test_colours_of_materials_and_of_corners(tmp_path: Path) -> None:
    resources = (
        '<basematerials id="5"><base name="a" displaycolor="#FF0000"/>'
        '<base name="b" displaycolor="#00FF00FF"/></basematerials>'
        '<m:colorgroup id="6"><m:color color="#0000FF80"/><m:color color="#010203"/></m:colorgroup>'
        '<m:multiproperties id="8" pids="6 5"><m:multi pindices="1 0"/></m:multiproperties>'
    )
    triangles = (
        '<triangle v1="0" v2="1" v3="2"/><triangle v1="0" v2="1" v3="2" pid="6" p1="0" p2="1" p3="0"/>'
        '<triangle v1="0" v2="1" v3="2" pid="8" p1="0"/>'
    )
    resources += thing(1, triangles, ' pid="5" pindex="1"')
    model = THREEMF.read(package(tmp_path / "given.3mf", whole(resources)))
    mesh = model.parts[0]
    assert mesh.colours is not None
    blue, dark, green = [0, 0, 255], [1, 2, 3], [0, 255, 0]
    assert mesh.colours[mesh.faces].tolist() == [[green] * 3, [blue, dark, blue], [dark] * 3]
    assert model.notes == ("Of several properties on one surface, the first was taken.",)


# -- strangers -------------------------------------------------------------------------------------------

LOOP = '<object id="1"><components><component objectid="1"/></components></object>'
DOUBLING = "".join(
    f'<object id="{i}"><components>{f"""<component objectid="{i + 1}"/>""" * 2}</components></object>'
    for i in range(1, 60)
)
BAD = {
    "loop": whole(LOOP),
    "doubling": whole(DOUBLING + thing(60)),
    "index": whole(thing(1, '<triangle v1="0" v2="1" v3="3"/>')),
    "negative": whole(thing(1, '<triangle v1="0" v2="1" v3="-1"/>')),
    "huge": whole(thing(1, '<triangle v1="0" v2="1" v3="99999999999999999999999"/>')),
    "word": whole(thing(1, '<triangle v1="0" v2="1" v3="x"/>')),
    "lacking": whole(thing(1, '<triangle v1="0" v2="1"/>')),
    "NaN": whole(thing().replace('x="2"', 'x="nan"')),
    "infinite": whole(thing().replace('x="2"', 'x="1e999"')),
    "no object": whole(thing(2)),
    "no part": whole(thing(), '<item objectid="1" p:path="/3D/none.model"/>'),
    "outside": whole(thing(), '<item objectid="1" p:path="../../x.model"/>'),
    "transform": whole(thing(), '<item objectid="1" transform="1 2 3"/>'),
    "nothing": whole(""),
    "no end": "<resources>",
    "deep": "<x>" * 10_000,
    "colour": whole('<m:colorgroup id="6"><m:color color="red"/></m:colorgroup>' + thing()),
}


@pytest.mark.parametrize("name", BAD)
def test_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableModel) as caught:
        THREEMF.read(package(tmp_path / "given.3mf", BAD[name]))
    assert caught.value.advice


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    heavy = thing(1, '<triangle v1="0" v2="1" v3="2"/>' * 1_000_000)
    with pytest.raises(UnreadableModel, match="far too much"):
        THREEMF.read(package(tmp_path / "given.3mf", whole(heavy)))
    path = package(tmp_path / "other.3mf", whole(thing()))
    text = f'<!DOCTYPE x [<!ENTITY a "aa">]><model {CORE}/>'
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("3D/a.model", text)
    with pytest.raises(UnreadableModel, match="document type"):
        read_model(path)


def test_encrypted_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "given.3mf"
    space = "http://schemas.microsoft.com/3dmanufacturing/securecontent/2019/04"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("a.model", f'<model {CORE} xmlns:s="{space}" requiredextensions="s"/>')
    with pytest.raises(UnreadableModel, match="encrypted"):
        THREEMF.read(path)


def test_cut_off_anywhere_it_is_refused(tmp_path: Path) -> None:
    THREEMF.write(tmp_path / "made.3mf", two_parts())
    data = (tmp_path / "made.3mf").read_bytes()
    for length in range(0, len(data) - 1, 64):
        (tmp_path / "cut.3mf").write_bytes(data[:length])
        with pytest.raises(UnreadableModel):
            THREEMF.read(tmp_path / "cut.3mf")


# -- others' files ---------------------------------------------------------------------------------------


def seen_by_lib3mf(path: Path) -> tuple[int, np.ndarray] | None:
    """Triangles that are built, and the bounding box in metres, y up."""
    model = LIB3MF.CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(False)
    try:
        reader.ReadFromFile(str(path))
    except lib3mf.ELib3MFException:
        return None

    def triangles(item: lib3mf.Object) -> int:
        number = item.GetResourceID()
        if item.IsMeshObject():
            return int(model.GetMeshObjectByID(number).GetTriangleCount())
        inner = model.GetComponentsObjectByID(number)
        count = inner.GetComponentCount()
        return sum(triangles(inner.GetComponent(i).GetObjectResource()) for i in range(count))

    items, total = model.GetBuildItems(), 0
    while items.MoveNext():
        total += triangles(items.GetCurrent().GetObjectResource())
    box = model.GetOutbox()
    (x, y, z), (far_x, far_y, far_z) = box.MinCoordinate, box.MaxCoordinate
    return total, np.array([[x, z, -far_y], [far_x, far_z, -y]]) * METRES[int(model.GetUnit())]


@pytest.mark.skipif(not SUITE.is_dir(), reason="the shared suites are not beside the repository")
def test_files_of_others() -> None:
    paths = sorted(path for path in SUITE.rglob("*") if path.suffix.lower() == ".3mf")
    assert len(paths) >= 9
    accepted = right = 0
    for path in paths:
        expected = seen_by_lib3mf(path)
        try:
            model = THREEMF.read(path)
        except UnreadableModel:
            accepted += expected is not None
            continue
        if expected is not None:
            accepted += 1
            right += model.triangles == expected[0] and np.allclose(model.bounds(), expected[1], atol=1e-6)
    assert accepted >= 9 and right >= 0.95 * accepted
