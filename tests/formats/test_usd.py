"""USD and USDZ: held to OpenUSD's own validators (usdchecker's rules), read back by tinyusdz."""

import io
import struct
import zipfile

import numpy as np
import pytest
import tinyusdz
from PIL import Image
from pxr import Sdf, Usd, UsdGeom, UsdValidation

from oberih.errors import InputError
from oberih.formats import usd
from oberih.formats.model import Model
from oberih.geometry import Mesh, PointCloud
from oberih.progress import Progress

GRADIENT = np.stack(np.meshgrid(np.arange(0, 256, 4), np.arange(0, 256, 8), indexing="xy"), -1)
TEXTURE = np.ascontiguousarray(np.pad(GRADIENT, ((0, 0), (0, 0), (0, 1))).astype(np.uint8))  # (32, 64, 3)
SQUARE = Mesh(
    vertices=np.array([[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0.5]], np.float32),
    faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    uv=np.array([[[0, 1], [0.5, 1], [0.5, 0.25]], [[0, 1], [0.9, 0.9], [0, 0.5]]], np.float32),
    texture=TEXTURE,
)
COLOURED = Mesh(
    SQUARE.vertices + np.float32(3),
    SQUARE.faces,
    colours=np.array([[255, 0, 0], [0, 128, 0], [1, 2, 3], [9, 99, 200]], np.uint8),
)
PLAIN = Mesh(SQUARE.vertices - np.float32(3), SQUARE.faces[:1])
MODEL = Model((SQUARE, COLOURED, PLAIN), origin=np.array([5e5, 0, 4e6]))
WRITERS = {"model.usd": usd.write_usd, "model.usdz": usd.write_usdz}


def written(folder, name, model=MODEL):
    WRITERS[name](folder / name, model, Progress())
    return folder / name


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.reads("usd", "usdz", "OpenUSD's validators (usdchecker)")
def test_the_validators_of_openusd_find_nothing(tmp_path, name):
    stage = Usd.Stage.Open(str(written(tmp_path, name)))
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 25  # those for USDZ and ARKit among them
    found = UsdValidation.ValidationContext(validators).Validate(stage)
    assert [(error.GetName(), error.GetMessage()) for error in found] == []


def test_the_validators_do_find_faults(tmp_path):
    stage = Usd.Stage.CreateNew(str(tmp_path / "poor.usda"))
    UsdGeom.Mesh.Define(stage, "/mesh")
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    names = {error.GetName() for error in UsdValidation.ValidationContext(validators).Validate(stage)}
    assert {"MissingMetersPerUnitMetadata", "MissingDefaultPrim"} <= names


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.reads("usd", "usdz", "tinyusdz")
def test_tinyusdz_reads_back_what_was_written(tmp_path, name):
    stage = tinyusdz.load(str(written(tmp_path, name, Model((SQUARE, PLAIN)))))
    scene = tinyusdz.tydra.convert_to_render_scene(stage)
    assert stage.get_metadata("upAxis") == "Y" and stage.get_metadata("metersPerUnit") == 1
    first, second = scene.meshes()
    for shape, part in ((first, SQUARE), (second, PLAIN)):
        points = np.frombuffer(shape.points, np.float32).reshape(-1, 3)
        indices = np.frombuffer(shape.face_vertex_indices, np.uint32).reshape(-1, 3)
        np.testing.assert_array_equal(points[indices], part.vertices[part.faces])
        assert shape.is_right_handed and shape.is_double_sided
    indices = np.frombuffer(first.face_vertex_indices, np.uint32)
    st = np.frombuffer(first.texcoord(0), np.float32).reshape(-1, 2)
    st = st if len(st) == len(indices) else st[indices]
    flipped = SQUARE.uv.reshape(-1, 2) * (1, -1) + (0, 1)  # USD counts v upwards
    np.testing.assert_allclose(st, flipped, atol=1e-6)


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_written_comes_back(tmp_path, name):
    back = usd.read(written(tmp_path, name))
    assert back.scale_known and back.notes == () and not back.origin.any()
    assert len(back.parts) == 3 and back.points is None
    for part, original in zip(back.parts, MODEL.parts, strict=True):
        np.testing.assert_array_equal(part.vertices, original.vertices)
        np.testing.assert_array_equal(part.faces, original.faces)
    np.testing.assert_allclose(back.parts[0].uv, SQUARE.uv, atol=1e-6)
    assert np.abs(back.parts[0].texture.astype(int) - TEXTURE).max() < 12  # JPEG
    np.testing.assert_array_equal(back.parts[1].colours, COLOURED.colours)
    normals = SQUARE.vertex_normals()
    np.testing.assert_allclose(back.parts[0].normals, normals, atol=1e-6)
    assert back.parts[2].texture is None and back.parts[2].colours is None


def test_a_package_is_as_phones_need_it(tmp_path):
    path = written(tmp_path, "model.usdz", Model((SQUARE, SQUARE)))
    data = path.read_bytes()
    with zipfile.ZipFile(path) as package:
        assert package.namelist() == ["model.usdc", "texture.jpg", "texture-2.jpg"]
        assert package.testzip() is None
        for entry in package.infolist():
            name, extra = struct.unpack_from("<HH", data, entry.header_offset + 26)
            assert (entry.header_offset + 30 + name + extra) % 64 == 0
            assert entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        picture = np.asarray(Image.open(io.BytesIO(package.read("texture.jpg"))))
    assert np.abs(picture.astype(int) - TEXTURE).max() < 12
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.usdz"]


@pytest.mark.parametrize("name", WRITERS)
def test_equal_models_give_equal_bytes_that_tell_nothing(tmp_path, name):
    one, other = tmp_path / "kyiv-saint-sophia", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        written(folder, name)
    files = sorted(path.name for path in one.iterdir())
    assert files == sorted(path.name for path in other.iterdir())
    for file in files:
        data = (one / file).read_bytes()
        assert data == (other / file).read_bytes()
        assert b"kyiv" not in data and str(tmp_path).encode() not in data


def test_texture_coordinates_beyond_the_picture_repeat_it(tmp_path):
    far = Mesh(SQUARE.vertices, SQUARE.faces, uv=SQUARE.uv * 3, texture=TEXTURE)
    stage = Usd.Stage.Open(str(written(tmp_path, "model.usd", Model((far,)))))
    reader = stage.GetPrimAtPath("/model/material_1/texture")
    assert reader.GetAttribute("inputs:wrapS").Get() == "repeat"


@pytest.mark.parametrize("name", WRITERS)
def test_points_alone_are_refused(tmp_path, name):
    cloud = Model(points=PointCloud(np.zeros((3, 3), np.float32)))
    with pytest.raises(InputError, match="no surface"):
        written(tmp_path, name, cloud)
    assert list(tmp_path.iterdir()) == []


# -- files of others -----------------------------------------------------------------------------------------

ODD = """#usda 1.0
(
    defaultPrim = "scene"
    metersPerUnit = 0.01
    upAxis = "Z"
)
def Xform "scene" {
    matrix4d xformOp:transform = ((1,0,0,0),(0,1,0,0),(0,0,1,0),(100,0,0,1))
    uniform token[] xformOpOrder = ["xformOp:transform"]
    def Mesh "quad" (
        prepend apiSchemas = ["MaterialBindingAPI"]
    ) {
        uniform token orientation = "leftHanded"
        int[] faceVertexCounts = [4, 3]
        int[] faceVertexIndices = [0, 3, 2, 1, 0, 1, 4]
        point3f[] points = [(0,0,0),(100,0,0),(100,100,0),(0,100,0),(50,0,70)]
        normal3f[] normals = [(0,0,1),(0,0,1),(0,0,1),(0,0,1),(0,1,0),(0,1,0),(0,1,0)] (
            interpolation = "faceVarying"
        )
        texCoord2f[] primvars:UVMap = [(0,0),(1,0),(1,1),(0,1)] (
            interpolation = "faceVarying"
        )
        int[] primvars:UVMap:indices = [0, 3, 2, 1, 0, 1, 2]
        rel material:binding = </scene/look>
        def GeomSubset "half" (
            prepend apiSchemas = ["MaterialBindingAPI"]
        ) {
            uniform token elementType = "face"
            uniform token familyName = "materialBind"
            int[] indices = [1]
            rel material:binding = </scene/picture>
        }
    }
    def Points "dots" {
        point3f[] points = [(0,0,0),(100,0,0)]
        color3f[] primvars:displayColor = [(1,0,0),(0,1,0)] (
            interpolation = "vertex"
        )
    }
    def Xform "copies" (
        instanceable = true
        references = </proto>
    ) {
        double3 xformOp:translate = (0,0,500)
        double3 xformOp:scale = (-1,1,1)
        uniform token[] xformOpOrder = ["xformOp:translate","xformOp:scale"]
    }
    def Mesh "hidden" {
        token visibility = "invisible"
    }
    def Mesh "sketch" {
        uniform token purpose = "guide"
        int[] faceVertexCounts = [3]
        int[] faceVertexIndices = [0, 1, 2]
        point3f[] points = [(0,0,0),(9999,0,0),(0,9999,0)]
    }
    def Material "look" {
        color3f inputs:paint = (0.2, 0.4, 0.6)
        token outputs:surface.connect = </scene/look/s.outputs:surface>
        def Shader "s" {
            uniform token info:id = "UsdPreviewSurface"
            color3f inputs:diffuseColor.connect = </scene/look.inputs:paint>
            token outputs:surface
        }
    }
    def Material "picture" {
        token outputs:surface.connect = </scene/picture/s.outputs:surface>
        def Shader "s" {
            uniform token info:id = "UsdPreviewSurface"
            color3f inputs:diffuseColor.connect = </scene/picture/t.outputs:rgb>
            token outputs:surface
        }
        def Shader "t" {
            uniform token info:id = "UsdUVTexture"
            asset inputs:file = @./maps/wall.png@
            float2 inputs:st.connect = </scene/picture/x.outputs:result>
            float3 outputs:rgb
        }
        def Shader "x" {
            uniform token info:id = "UsdTransform2d"
            float2 inputs:scale = (0.5, 0.5)
            float2 inputs:translation = (0.25, 0)
            float2 inputs:in.connect = </scene/picture/r.outputs:result>
            float2 outputs:result
        }
        def Shader "r" {
            uniform token info:id = "UsdPrimvarReader_float2"
            string inputs:varname = "UVMap"
            float2 outputs:result
        }
    }
}
class Xform "proto" {
    def Mesh "tri" {
        int[] faceVertexCounts = [3]
        int[] faceVertexIndices = [0, 1, 2]
        point3f[] points.timeSamples = { 1: [(0,0,0),(100,0,0),(0,100,0)], 2: [(0,0,0),(1,0,0),(0,1,0)] }
    }
}
"""


def odd(folder, ending):
    (folder / "maps").mkdir(exist_ok=True)
    Image.fromarray(TEXTURE).save(folder / "maps" / "wall.png")
    text = folder / "odd.usda"
    text.write_text(ODD)
    if ending == ".usda":
        return text
    path = folder / f"odd{ending}"
    if ending == ".usdz":
        Sdf.Layer.FindOrOpen(str(text)).Export(str(folder / "root.usdc"))
        with zipfile.ZipFile(path, "w") as package:  # not aligned, as some write them
            package.write(folder / "root.usdc", "root.usdc")
            package.write(folder / "maps" / "wall.png", "maps/wall.png")
    else:
        Sdf.Layer.FindOrOpen(str(text)).Export(str(path))
    return path


@pytest.mark.parametrize("ending", [".usda", ".usdc", ".usd", ".usdz"])
def test_an_odd_scene_is_read_right(tmp_path, ending):
    model = usd.read(odd(tmp_path, ending))
    assert model.scale_known and model.notes == ("Hidden objects were not taken.",)
    np.testing.assert_allclose(model.bounds(), [[0, 0, -1], [2, 5, 0]], atol=1e-6)
    pictured, painted, copied = model.parts
    # A left-handed quad that looks up, in centimetres with z up, becomes two triangles that look along y.
    assert painted.faces.shape == (2, 3) and len(painted.vertices) == 4
    np.testing.assert_allclose(painted.face_normals(), [[0, 1, 0]] * 2, atol=1e-6)
    np.testing.assert_array_equal(painted.colours, [[124, 170, 203]] * 4)
    np.testing.assert_allclose(painted.normals[2:], [[0, 1, 0]] * 2, atol=1e-6)
    # The other polygon has a texture; its coordinates are indexed, halved and moved.
    np.testing.assert_array_equal(pictured.texture, TEXTURE)
    at = np.argsort(pictured.vertices[pictured.faces[0]][:, 0])  # x: 1, 1.5, 2
    np.testing.assert_allclose(pictured.uv[0][at], [[0.25, 1], [0.75, 0.5], [0.75, 1]], atol=1e-6)
    # A mirrored instance, as it is in its first frame, still looks up.
    np.testing.assert_allclose(copied.face_normals(), [[0, 1, 0]], atol=1e-6)
    np.testing.assert_array_equal(model.points.colours, [[255, 0, 0], [0, 255, 0]])


MESH = """
def Mesh "m" {{
    int[] faceVertexCounts = {counts}
    int[] faceVertexIndices = {corners}
    point3f[] points = {points}
}}
"""


def text_of(head="", counts="[3]", corners="[0, 1, 2]", points="[(0,0,0),(1,0,0),(0,1,0)]"):
    shape = MESH.format(counts=counts, corners=corners, points=points)
    return f"#usda 1.0\n{head}{shape}"


def test_without_a_unit_it_is_centimetres_and_the_scale_unknown(tmp_path):
    (tmp_path / "a.usda").write_text(text_of())
    model = usd.read(tmp_path / "a.usda")
    assert not model.scale_known
    np.testing.assert_allclose(model.bounds()[1], [0.01, 0.01, 0], atol=1e-9)


def test_what_lies_far_away_is_moved_to_zero(tmp_path):
    head = '(\n    metersPerUnit = 1\n    upAxis = "Z"\n)\n'
    far = "[(500000,5400000,100),(500001,5400000,100),(500000,5400001,100)]"
    (tmp_path / "a.usda").write_text(text_of(head, points=far))
    model = usd.read(tmp_path / "a.usda")
    np.testing.assert_allclose(model.origin, [500000, 100, -5400000], atol=1)
    assert np.abs(model.bounds()).max() < 2


def test_faces_with_corners_that_are_no_numbers_are_left_out(tmp_path):
    text = text_of("(\n    metersPerUnit = 1\n)\n", "[3, 3]", "[0, 1, 2, 1, 2, 3]",
                   "[(0,0,0),(1,0,0),(0,1,0),(nan,0,inf)]")  # fmt: skip
    (tmp_path / "a.usda").write_text(text)
    model = usd.read(tmp_path / "a.usda")
    assert model.triangles == 1 and np.isfinite(model.parts[0].vertices).all()
    assert any("1 face was left out" in note for note in model.notes)


LOOK = """#usda 1.0
(
    defaultPrim = "scene"
)
def Xform "scene" {
    def Material "look" {
        token outputs:surface.connect = </scene/look/s.outputs:surface>
        def Shader "s" {
            uniform token info:id = "UsdPreviewSurface"
            color3f inputs:diffuseColor.connect = </scene/look/t.outputs:rgb>
            token outputs:surface
        }
        def Shader "t" {
            uniform token info:id = "UsdUVTexture"
            asset inputs:file = @../maps/wall.png@
            float3 outputs:rgb
        }
    }
}
"""
LOOKED = """#usda 1.0
(
    defaultPrim = "scene"
    metersPerUnit = 1
)
def Xform "scene" (
    references = @looks/look.usda@
) {
    def Mesh "m" {
        int[] faceVertexCounts = [5]
        int[] faceVertexIndices = [0, 1, 2, 3, 4]
        point3f[] points = [(0,0,0),(2,0,0),(2,2,0),(1,1,0),(0,2,0)]
        texCoord2f[] primvars:st = [(0,0),(1,0),(1,1),(0.5,0.5),(0,1)] (
            interpolation = "vertex"
        )
        uniform token subdivisionScheme = "none"
        rel material:binding = </scene/look>
    }
}
"""


@pytest.mark.parametrize("packed", [False, True])
def test_a_texture_is_looked_for_from_the_layer_that_names_it(tmp_path, packed):
    """And bound without its schema, as older programs do; and the polygon is not convex."""
    odd(tmp_path, ".usda")
    (tmp_path / "looks").mkdir()
    (tmp_path / "looks" / "look.usda").write_text(LOOK)
    path = tmp_path / "root.usda"
    path.write_text(LOOKED)
    if packed:
        path = tmp_path / "root.usdz"
        with zipfile.ZipFile(path, "w") as package:
            for name in ("root.usda", "looks/look.usda", "maps/wall.png"):
                package.write(tmp_path / name, name)
    (part,) = usd.read(path).parts
    np.testing.assert_array_equal(part.texture, TEXTURE)
    np.testing.assert_allclose(part.uv[..., 1], 1 - part.vertices[part.faces][..., 1] / 2, atol=1e-6)
    doubled_areas = part.face_normals()[:, 2]
    assert (doubled_areas >= 0).all() and doubled_areas.sum() == pytest.approx(6)
