"""COLLADA: what we write, as pycollada, Assimp and the schema see it; what others write, as we do."""

import zipfile
from pathlib import Path

import assimp_py
import collada
import numpy as np
import pytest
from collada.schema import ColladaValidator
from lxml import etree
from PIL import Image

from oberih.errors import InputError, UnreadableModel
from oberih.formats import Model, format_named, read_model
from oberih.geometry import Mesh, PointCloud

SUITE = Path(__file__).parents[2] / ".." / "shared" / "suites" / "models"
pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")  # pycollada
DAE = format_named("dae")
VERTICES = np.array([[0, 0, 0], [2, 0, 0], [2, 3, 0], [0, 3, 0], [0, 0, 4]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4]], np.int32)


def two_parts() -> Model:
    """A part with a texture, red above and blue below, and one with colours."""
    texture = np.zeros((32, 64, 3), np.uint8)
    texture[:16], texture[16:] = (220, 20, 20), (20, 20, 220)
    uv = np.array([[[0, 0], [1, 0], [1, 0.25]], [[0, 0.6], [0.5, 1], [0, 1]], [[0, 0], [1, 1], [0, 1]]])
    colours = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [9, 9, 9], [0, 100, 200]], np.uint8)
    one = Mesh(VERTICES, FACES, uv=uv.astype(np.float32), texture=texture)
    return Model((one, Mesh(VERTICES + np.float32(5.125), FACES, colours=colours)))


def document(
    geometry: str, nodes: str = '<node><instance_geometry url="#g"/></node>', asset: str = "", more: str = ""
) -> str:
    return (
        '<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">'
        f"<asset>{asset}</asset>{more}<library_geometries>{geometry}</library_geometries>"
        f'<library_visual_scenes><visual_scene id="s">{nodes}</visual_scene></library_visual_scenes>'
        '<scene><instance_visual_scene url="#s"/></scene></COLLADA>'
    )


def geometry(
    primitive: str, positions: str = "0 0 0 2 0 0 2 3 0 0 3 0", name: str = "g", extra: str = ""
) -> str:
    count = len(positions.split())
    return (
        f'<geometry id="{name}"><mesh><source id="{name}p"><float_array id="{name}a" count="{count}">'
        f'{positions}</float_array><technique_common><accessor source="#{name}a" count="{count // 3}" '
        f'stride="3"><param name="X" type="float"/><param name="Y" type="float"/>'
        f'<param name="Z" type="float"/></accessor></technique_common></source>{extra}'
        f'<vertices id="{name}v"><input semantic="POSITION" source="#{name}p"/></vertices>'
        f"{primitive}</mesh></geometry>"
    )


V = '<input semantic="VERTEX" source="#gv" offset="0"/>'
SQUARE = f'<triangles count="2">{V}<p>0 1 2 0 2 3</p></triangles>'


def read(tmp_path: Path, text: str | bytes) -> Model:
    path = tmp_path / "given.dae"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return DAE.read(path)


# -- out -------------------------------------------------------------------------------------------------


@pytest.mark.reads("dae", "pycollada")
@pytest.mark.reads("dae", "Assimp")
def test_pycollada_and_assimp_read_what_was_written(tmp_path: Path) -> None:
    model = two_parts()
    DAE.write(tmp_path / "made.dae", model)
    found = collada.Collada(str(tmp_path / "made.dae"))
    assert (found.assetInfo.upaxis, found.assetInfo.unitmeter, found.errors) == ("Y_UP", 1.0, [])
    bound = [one for shape in found.scene.objects("geometry") for one in shape.primitives()]
    for part, one in zip(model.parts, bound, strict=True):
        np.testing.assert_array_equal(one.vertex[one.vertex_index], part.vertices[part.faces])
        normals = part.vertex_normals()[part.faces]
        np.testing.assert_allclose(one.normal[one.normal_index], normals, atol=1e-6)
    uv = bound[0].texcoordset[0][bound[0].texcoord_indexset[0]]
    np.testing.assert_allclose(uv * (1, -1) + (0, 1), model.parts[0].uv, atol=1e-6)
    image = bound[0].material.effect.diffuse.sampler.surface.image
    pixels = np.asarray(Image.open(tmp_path / image.path))
    assert np.abs(pixels.astype(int) - model.parts[0].texture).mean() <= 3  # JPEG
    scene = assimp_py.import_file(str(tmp_path / "made.dae"), assimp_py.Process_Triangulate)
    assert [mesh.num_faces for mesh in scene.meshes] == [3, 3]
    colours = np.array(scene.meshes[1].colors[0]).reshape(9, -1)[:, :3] * 255
    np.testing.assert_allclose(colours, model.parts[1].colours[FACES.ravel()], atol=0.01)  # type: ignore[index]


def test_it_keeps_to_the_schema(tmp_path: Path) -> None:
    DAE.write(tmp_path / "made.dae", two_parts())
    assert ColladaValidator().validate(etree.parse(tmp_path / "made.dae"))


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    model = two_parts()
    DAE.write(tmp_path / "made here.dae", model)
    assert (tmp_path / "made here.jpg").is_file()
    again = read_model(tmp_path / "made here.dae")
    assert again.scale_known and again.notes == ()
    for one, other in zip(model.parts, again.parts, strict=True):
        np.testing.assert_array_equal(one.vertices[one.faces], other.vertices[other.faces])
    np.testing.assert_allclose(again.parts[0].uv, model.parts[0].uv, atol=1e-6)  # type: ignore[arg-type]
    np.testing.assert_array_equal(again.parts[1].colours, model.parts[1].colours)  # type: ignore[arg-type]


def test_same_model_same_bytes_and_nothing_of_its_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        DAE.write(tmp_path / name / "made.dae", Model(two_parts().parts, origin=np.array([4e5, 0, 5e6])))
    for file in ("made.dae", "made.jpg"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    text = (tmp_path / "a" / "made.dae").read_text()
    assert str(tmp_path) not in text and "5000000" not in text and "20" + "26" not in text


def test_points_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no surface"):
        DAE.write(tmp_path / "made.dae", Model(points=PointCloud(VERTICES)))
    assert list(tmp_path.iterdir()) == []


# -- in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axis", "corner"), [("X_UP", [-3, 2, 1]), ("Y_UP", [2, 3, 1]), ("Z_UP", [2, 1, -3]), ("", [2, 3, 1])]
)
def test_axes_and_units(tmp_path: Path, axis: str, corner: list[float]) -> None:
    shape = geometry(f'<triangles count="1">{V}<p>0 1 2</p></triangles>', "0 0 0 2 0 0 2 3 1")
    asset = f'<unit meter="0.5"/><up_axis>{axis}</up_axis>'
    model = read(tmp_path, document(shape, asset=asset))
    np.testing.assert_allclose(model.parts[0].vertices[2], np.array(corner) * 0.5)
    assert model.scale_known
    assert not read(tmp_path, document(shape)).scale_known


@pytest.mark.parametrize(
    ("primitive", "area", "count"),
    [
        (SQUARE, 6, 2),
        (f'<polylist count="1">{V}<vcount>4</vcount><p>0 1 2 3</p></polylist>', 6, 2),
        (f'<polygons count="1">{V}<p>0 1 2 3</p></polygons>', 6, 2),
        (f'<polygons count="1">{V}<ph><p>0 1 2 3</p><h>0 1 2</h></ph></polygons>', 6, 2),
        (f'<trifans count="1">{V}<p>0 1 2 3</p></trifans>', 6, 2),
        (f'<tristrips count="1">{V}<p>0 1 3 2</p></tristrips>', 6, 2),
        (f'<polylist count="2">{V}<vcount>2 3</vcount><p>0 1 0 1 2</p></polylist>', 3, 1),
    ],
)
def test_all_kinds_of_primitives_look_forward(
    tmp_path: Path, primitive: str, area: float, count: int
) -> None:
    mesh = read(tmp_path, document(geometry(primitive))).parts[0]
    assert len(mesh.faces) == count
    np.testing.assert_allclose(mesh.face_normals().sum(axis=0) / 2, [0, 0, area])
    assert (mesh.face_normals()[:, 2] > 0).all()


def test_a_dent_is_not_filled(tmp_path: Path) -> None:
    primitive = f'<polylist count="1">{V}<vcount>4</vcount><p>0 1 2 3</p></polylist>'
    mesh = read(tmp_path, document(geometry(primitive, "0 0 0 4 0 0 1 1 0 0 4 0"))).parts[0]
    assert np.linalg.norm(mesh.face_normals(), axis=1).sum() / 2 == pytest.approx(4)


def test_transforms_and_instances_of_nodes(tmp_path: Path) -> None:
    more = (
        '<library_nodes><node id="n"><translate>1 0 0</translate><rotate>0 0 1 90</rotate>'
        '<scale>2 2 2</scale><instance_geometry url="#g"/></node></library_nodes>'
    )
    nodes = '<node><instance_node url="#n"/></node><node><matrix>-1 0 0 0 0 1 0 0 0 0 1 5 0 0 0 1</matrix>'
    nodes += '<instance_node url="#n"/></node>'
    mesh = read(tmp_path, document(geometry(SQUARE), nodes, more=more)).parts[0]
    assert len(mesh.faces) == 4
    np.testing.assert_allclose(mesh.vertices[:4], [[1, 0, 0], [1, 4, 0], [-5, 4, 0], [-5, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(mesh.vertices[4:], [[-1, 0, 5], [-1, 4, 5], [5, 4, 5], [5, 0, 5]], atol=1e-6)
    assert (mesh.face_normals()[:, 2] > 0).all()  # the mirrored one looks to the same side


EFFECT = (
    '<library_images><image id="i"><init_from>{image}</init_from></image></library_images>'
    '<library_effects><effect id="e"><profile_COMMON>'
    '<newparam sid="f"><surface type="2D"><init_from>i</init_from></surface></newparam>'
    '<newparam sid="m"><sampler2D><source>f</source></sampler2D></newparam><technique sid="t"><phong>'
    "<diffuse>{look}</diffuse></phong></technique></profile_COMMON></effect></library_effects>"
    '<library_materials><material id="w"><instance_effect url="#e"/></material></library_materials>'
)
BOUND = (
    '<node><instance_geometry url="#g"><bind_material><technique_common><instance_material symbol="x" '
    'target="#w"><bind_vertex_input semantic="C" input_semantic="TEXCOORD" input_set="1"/>'
    "</instance_material></technique_common></bind_material></instance_geometry></node>"
)
COORDINATES = (
    '<source id="c{n}"><float_array id="ca{n}" count="4">{values}</float_array><technique_common>'
    '<accessor source="#ca{n}" count="2" stride="2"><param name="S"/><param name="T"/></accessor>'
    "</technique_common></source>"
)


def textured(image: str) -> str:
    shape = geometry(
        f'<triangles count="1" material="x">{V}<input semantic="TEXCOORD" source="#c0" offset="1" set="0"/>'
        '<input semantic="TEXCOORD" source="#c1" offset="2" set="1"/><p>0 0 1 1 1 0 2 0 0</p></triangles>',
        extra=COORDINATES.format(n=0, values="0 0 0 0") + COORDINATES.format(n=1, values="0.25 1 0.5 0.25"),
    )
    look = '<texture texture="m" texcoord="C"/>'
    return document(shape, BOUND, more=EFFECT.format(image=image, look=look))


def test_texture_beside_it_and_the_set_that_it_wants(tmp_path: Path) -> None:
    (tmp_path / "with it").mkdir()
    Image.new("RGB", (4, 2), (1, 200, 3)).save(tmp_path / "with it" / "a.png")
    mesh = read(tmp_path, textured("with%20it/a.png")).parts[0]
    assert mesh.texture is not None and mesh.texture.shape == (2, 4, 3)
    np.testing.assert_allclose(mesh.uv[0], [[0.5, 0.75], [0.25, 0], [0.25, 0]])  # type: ignore[index]


@pytest.mark.parametrize(
    "name", ["../out.png", "http://x.example/out2.png", "link.png", "none.png", "bad.png"]
)
def test_a_texture_from_elsewhere_is_not_read(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    for outside in ("out.png", "secret.png"):
        Image.new("RGB", (4, 2)).save(tmp_path / outside)
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    model = read(folder, textured(name))
    assert model.parts[0].texture is None
    assert any("was not taken" in note for note in model.notes)


def test_colours_of_materials(tmp_path: Path) -> None:
    shape = geometry(SQUARE.replace("<triangles", '<triangles material="x"'))
    more = EFFECT.format(image="", look="<color>1 0.5 0 1</color>")
    mesh = read(tmp_path, document(shape, BOUND, more=more)).parts[0]
    assert mesh.colours is not None and mesh.colours.tolist() == [[255, 128, 0]] * 4


def test_a_zipped_one(tmp_path: Path) -> None:
    DAE.write(tmp_path / "made.dae", two_parts())
    with zipfile.ZipFile(tmp_path / "made.zae", "w") as package:
        package.writestr("manifest.xml", "<dae_root>./inner/made.dae</dae_root>")
        for name in ("made.dae", "made.jpg"):
            package.write(tmp_path / name, f"inner/{name}")
    model = read_model(tmp_path / "made.zae")
    assert model.triangles == 6 and model.parts[0].texture is not None


# -- strangers -------------------------------------------------------------------------------------------

BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>' + document(geometry(SQUARE))
LOOP = (
    '<library_nodes><node id="n"><instance_node url="#m"/></node>'
    '<node id="m"><instance_node url="#n"/></node></library_nodes>'
)
DOUBLING = "".join(f'<node id="n{i}">{f"""<instance_node url="#n{i + 1}"/>""" * 2}</node>' for i in range(40))
REFUSED = {
    "no XML": "solid", "empty": "", "other": "<html/>", "bomb": BOMB,
    "loop": document(geometry(SQUARE), '<node><instance_node url="#n"/></node>', more=LOOP),
    "doubling": document(geometry(SQUARE), f'{DOUBLING}<node id="n40"><instance_geometry url="#g"/></node>'),
    "deep": "<COLLADA>" + "<node>" * 100_000,
    "index": document(geometry(SQUARE.replace("3<", "4<"))),
    "negative": document(geometry(SQUARE.replace("3<", "-1<"))),
    "huge index": document(geometry(SQUARE.replace("3<", "99999999999999999999999<"))),
    "no numbers": document(geometry(SQUARE, "0 0 0 1 x 0 1 1 1 2 2 2")),
    "NaN": document(geometry(SQUARE, "0 0 0 nan 0 0 1 1 1 2 2 2")),
    "infinite": document(geometry(SQUARE, "0 0 0 INF 0 0 1 1 1 2 2 2")),
    "half a triangle": document(geometry(SQUARE.replace(" 2 3<", " 2<"))),
    "vcount": document(geometry(f'<polylist>{V}<vcount>9000000000</vcount><p>0 1 2</p></polylist>')),
    "offset": document(geometry(SQUARE.replace('offset="0"', 'offset="99999999"'))),
    "matrix": document(geometry(SQUARE), "<node><matrix>1 2</matrix></node>"),
    "nothing": document(""),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableModel) as caught:
        read(tmp_path, REFUSED[name])
    assert caught.value.advice


def test_cut_off_anywhere_it_is_refused(tmp_path: Path) -> None:
    DAE.write(tmp_path / "made.dae", two_parts())
    whole = (tmp_path / "made.dae").read_bytes()
    for length in range(0, len(whole) - 16, 64):
        with pytest.raises(UnreadableModel):
            read(tmp_path, whole[:length])


# -- others' files ---------------------------------------------------------------------------------------


def seen_by_assimp(path: Path) -> int | None:
    try:
        scene = assimp_py.import_file(str(path), assimp_py.Process_Triangulate)
    except (RuntimeError, ValueError):
        return None
    return sum(mesh.num_faces for mesh in scene.meshes)


def seen_by_pycollada(path: Path) -> tuple[int, np.ndarray] | None:
    """Triangles, and the bounding box in metres, y up."""
    ignored = [collada.common.DaeUnsupportedError, collada.common.DaeBrokenRefError]
    try:
        found = collada.Collada(str(path), ignore=ignored)
    except collada.common.DaeError:
        return None
    sets = [
        one.triangleset() if hasattr(one, "triangleset") else one
        for kind in ("geometry", "controller")
        for shape in found.scene.objects(kind)
        for one in shape.primitives()
        if "Line" not in type(one).__name__
    ]
    corners = [
        one.vertex[one.vertex_index].reshape(-1, 3) for one in sets if hasattr(one, "vertex") and len(one)
    ]
    if not corners:
        return None
    points = np.concatenate(corners).astype(np.float64) * (found.assetInfo.unitmeter or 1)
    if found.assetInfo.upaxis == "Z_UP":
        points = np.stack([points[:, 0], points[:, 2], -points[:, 1]], axis=1)
    return len(points) // 3, np.stack([points.min(axis=0), points.max(axis=0)])


@pytest.mark.skipif(not SUITE.is_dir(), reason="the shared suites are not beside the repository")
def test_files_of_others() -> None:
    paths = sorted(p for p in SUITE.rglob("*") if p.suffix.lower() in (".dae", ".zae"))
    assert len(paths) > 20
    accepted = right = 0
    for path in paths:
        expected, count = seen_by_pycollada(path), seen_by_assimp(path)
        try:
            model = format_named(path.suffix[1:]).read(path)
        except UnreadableModel:
            assert expected is None and count is None, path.name
            continue
        if expected is not None:
            accepted += 1
            right += model.triangles == expected[0] and np.allclose(model.bounds(), expected[1], atol=1e-4)
        elif count is not None:  # Assimp leaves out half a teapot and faces without area
            assert model.triangles == count, path.name
    assert accepted >= 15 and right >= 0.95 * accepted
