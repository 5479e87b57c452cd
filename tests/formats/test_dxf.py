"""DXF: held to ezdxf's audit, counted and measured by ezdxf and by Assimp."""

import re

import assimp_py
import ezdxf
import ezdxf.bbox
import ezdxf.units
import numpy as np
import pytest
from ezdxf import recover

from oberih.errors import InputError
from oberih.formats import dxf
from oberih.formats.model import Model, z_up
from oberih.geometry import Mesh, PointCloud
from oberih.progress import Progress

SQUARE = Mesh(
    vertices=np.array([[0, 0, 0], [2, 0, 0], [2, 1, 0.5], [0, 1, 0], [9, 9, 9]], np.float32),
    faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    colours=np.full((5, 3), 99, np.uint8),
)
FAR = Mesh(SQUARE.vertices * np.float32(-0.001) + np.float32(123.456), SQUARE.faces)


def written(folder, *parts, **more):
    path = folder / "model.dxf"
    dxf.write(path, Model(parts, **more), Progress())
    return path


def triangles(entity):
    """``(F, 3, 3)`` of a polyface mesh, as ezdxf reads it."""
    vertices = [v for v in entity.vertices if v.is_poly_face_mesh_vertex]
    places = np.array([tuple(v.dxf.location) for v in vertices])
    records = [v for v in entity.vertices if v.is_face_record]
    corners = np.array([[f.dxf.vtx0, f.dxf.vtx1, f.dxf.vtx2] for f in records])
    assert entity.dxf.m_count == len(vertices) <= 32767 and entity.dxf.n_count == len(records) <= 32767
    return places[corners - 1]


def leaves(count):
    """Triangles that share no vertex."""
    vertices = np.random.default_rng(3).random((count * 3, 3), np.float32)
    return Mesh(vertices, np.arange(count * 3, dtype=np.int32).reshape(-1, 3))


def fan(count):
    """Triangles that share almost all vertices: more of them than vertices fit nowhere."""
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)[np.arange(count) % 2]
    return Mesh(SQUARE.vertices, faces)


@pytest.mark.reads("dxf", "ezdxf audit")
def test_the_audit_finds_nothing_to_say(tmp_path):
    path = written(tmp_path, SQUARE, FAR)
    plain = ezdxf.readfile(path)
    for document, auditor in ((plain, plain.audit()), recover.readfile(path)):
        assert (auditor.errors, auditor.fixes) == ([], [])
        assert document.dxfversion == "AC1015" and document.units == ezdxf.units.M
        layers = {layer.dxf.name for layer in document.layers}
        assert {"part-1", "part-2"} <= layers <= {"0", "Defpoints", "part-1", "part-2"}


def test_ezdxf_reads_the_triangles_back_to_the_last_bit(tmp_path):
    space = ezdxf.readfile(written(tmp_path, SQUARE, FAR)).modelspace()
    assert [entity.dxf.layer for entity in space] == ["part-1", "part-2"]
    for entity, part in zip(space, (SQUARE, FAR), strict=True):
        found = triangles(entity).astype(np.float32)
        expected = z_up(part.vertices)[part.faces]
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert entity.dxf.m_count == 4  # the vertex of no face is left out
    box = ezdxf.bbox.extents(space)
    np.testing.assert_allclose(tuple(box.size), [123.456, 123.456, 123.456], atol=1e-3)


@pytest.mark.reads("dxf", "Assimp")
def test_assimp_finds_the_same_triangles(tmp_path):
    scene = assimp_py.import_file(str(written(tmp_path, SQUARE, FAR)), assimp_py.Process_Triangulate)
    found = [np.asarray(mesh.vertices).reshape(-1, 3)[np.asarray(mesh.indices)] for mesh in scene.meshes]
    for one, part in zip(found, (SQUARE, FAR), strict=True):
        expected = z_up(part.vertices)[part.faces]
        np.testing.assert_allclose(one.reshape(-1, 3, 3), expected, atol=1e-4)


@pytest.mark.parametrize("sheet", [leaves(11_000), fan(33_000)], ids=["vertices", "faces"])
def test_a_large_surface_is_cut_into_meshes_of_16_bits(tmp_path, sheet):
    document = ezdxf.readfile(written(tmp_path, sheet))
    space = document.modelspace()
    assert len(space) == 2 and {entity.dxf.layer for entity in space} == {"model"}
    found = np.concatenate([triangles(entity) for entity in space])
    np.testing.assert_allclose(found, z_up(sheet.vertices)[sheet.faces], atol=1e-5)
    handles = [v.dxf.handle for entity in space for v in (entity, *entity.vertices, entity.seqend)]
    assert len(set(handles)) == len(handles)
    text = (tmp_path / "model.dxf").read_text()
    seed = re.search(r"\$HANDSEED\n +5\n(\w+)\n", text).group(1)
    assert int(seed, 16) > max(int(handle, 16) for handle in handles)
    auditor = document.audit()
    assert (auditor.errors, auditor.fixes) == ([], [])


def test_equal_models_give_equal_bytes_that_tell_nothing(tmp_path):
    one = written(tmp_path, SQUARE).read_bytes()
    two = written(tmp_path, SQUARE, origin=np.array([500000.0, 0, 5400000])).read_bytes()
    assert one == two
    for word in (b"$TDCREATE", b"GUID", b"LASTSAVEDBY", b"540000"):
        assert word not in one


def test_a_model_without_a_surface_is_refused(tmp_path):
    with pytest.raises(InputError, match="no surface"):
        written(tmp_path, points=PointCloud(np.zeros((3, 3), np.float32)))
    assert list(tmp_path.iterdir()) == []
