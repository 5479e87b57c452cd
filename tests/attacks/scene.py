"""A wall with a face and a number plate before it, photographed, and the result as `reconstruct` leaves it.

World: metres, y up, the wall in the plane z = 0. Whatever a folder of a result can hold tells of the place,
and the texture holds another face where no triangle shows it.
"""

import json
import shutil
import struct
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from attacks.canaries import ECEF, EMAIL, LATITUDE, LONGITUDE, NAME, TAKEN, UTM, WORD
from attacks.photos import DRESSES, dressed
from drawn import face, plate
from oberih.formats import Model, format_named
from oberih.geometry import Camera, Mesh, PointCloud, Pose, Scene, View
from oberih.geometry.raster import Rasteriser
from synthetic import look_at, value_noise

__all__ = ["HIDDEN_FACE", "look", "photographs", "prepare_cloud", "prepare_wall", "wall"]

Picture = NDArray[np.uint8]
WIDE_M, HIGH_M, PX_PER_M = 4.0, 3.0, 200
TEXTURE_PX = 1024
TOLD = f"{WORD} {LATITUDE} {LONGITUDE} {NAME}"
Y_UP = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)  # from y up to z up
HIDDEN_FACE = (slice(650, 950), slice(60, 300))  # rows and columns of the texture


@cache
def painting() -> Picture:
    """The wall from the front."""
    wall = 128 + 90 * (value_noise(round(WIDE_M * PX_PER_M), round(HIGH_M * PX_PER_M), 3) - 0.5)
    head, mask = face(120, 1)
    part = wall[180:300, 330 : 330 + head.shape[1]]
    part[:] = part * (1 - mask[..., None]) + head * mask[..., None]
    number = cv2.resize(plate("AA 1234 BB"), (130, 28), interpolation=cv2.INTER_AREA)
    wall[430:458, 520:650] = number
    return np.round(wall).astype(np.uint8)


@cache
def wall(cells: int = 16) -> Mesh:
    rows = cells * 3 // 4
    x, y = np.meshgrid(np.linspace(0, WIDE_M, cells + 1), np.linspace(HIGH_M, 0, rows + 1))
    # A little uneven: a wall of stone, which the simplification has something to do with.
    z = 0.02 * np.sin(3 * x) * np.cos(2 * y)
    vertices = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1).astype(np.float32)
    corner = (np.arange(rows)[:, None] * (cells + 1) + np.arange(cells)).ravel()
    quads = np.stack([corner, corner + cells + 1, corner + cells + 2, corner + 1], axis=1)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    texture = np.full((TEXTURE_PX, TEXTURE_PX, 3), (255, 0, 255), np.uint8)
    texture[:HIGH_M_PX, :WIDE_M_PX] = painting()
    texture[HIDDEN_FACE] = cv2.resize(face(300, 2)[0], (240, 300))
    at = np.stack([x.ravel() * PX_PER_M, (HIGH_M - y.ravel()) * PX_PER_M], axis=1) / TEXTURE_PX
    return Mesh(vertices, faces, uv=at[faces].astype(np.float32), texture=texture)


HIGH_M_PX, WIDE_M_PX = round(HIGH_M * PX_PER_M), round(WIDE_M * PX_PER_M)


def views(names: list[str]) -> tuple[View, ...]:
    camera = Camera(800, 600, 620, 620, 400, 300)
    found = []
    for number, name in enumerate(names):
        pose = look_at((1.2 + 0.35 * number, -3.0, 1.2 + 0.1 * number), (1.9, 0, 1.5))
        found.append(View(name, camera, Pose(pose.R @ Y_UP, pose.t)))
    return tuple(found)


def look(mesh: Mesh, view: View) -> Picture:
    """What the camera sees of a textured mesh."""
    drawn = Rasteriser(mesh.vertices, mesh.faces).draw(view, weights=True)
    assert drawn.weights is not None and mesh.uv is not None and mesh.texture is not None
    picture = np.full((view.camera.height, view.camera.width, 3), 190, np.uint8)
    on = drawn.covered
    uv = np.einsum("nk,nkd->nd", drawn.weights[on], mesh.uv[drawn.face[on]])
    px = (uv * mesh.texture.shape[1::-1] - 0.5).astype(np.float32)
    places = np.zeros((-(-len(px) // 1000) * 1000, 2), np.float32)
    places[: len(px)] = px
    seen = cv2.remap(mesh.texture, places.reshape(-1, 1000, 2), None, cv2.INTER_LINEAR)
    picture[on] = seen.reshape(-1, 3)[: len(px)]
    return picture


def names() -> list[str]:
    return [f"{WORD}_{number}_{LATITUDE:.5f}N.{kind}" for number, kind in enumerate(DRESSES)]


@cache
def photographs() -> dict[str, bytes]:
    """Name -> photo file, each of another kind."""
    return {
        view.name: dressed(look(wall(), view), kind)
        for view, kind in zip(views(names()), DRESSES, strict=True)
    }


def prepare_wall(folder: Path) -> Path:
    """A result with a surface, whose cameras are those of `photographs`."""
    return prepared(folder, Model((wall(),), scale_known=True))


def prepare_cloud(folder: Path) -> Path:
    """A result that has points only."""
    rng = np.random.default_rng(4)
    places = rng.uniform(0, 4, (4000, 3)).astype(np.float32)
    cloud = PointCloud(places, colours=rng.integers(0, 255, (4000, 3)).astype(np.uint8))
    return prepared(folder, Model((), cloud, scale_known=True))


def prepared(folder: Path, model: Model) -> Path:
    folder.mkdir(parents=True)
    format_named("glb").write(folder / "model.glb", model)
    (folder / "model.glb").write_bytes(talkative((folder / "model.glb").read_bytes()))
    nothing = np.zeros(1, np.int32)
    scene = Scene(
        views(names()), np.array([[2.0, 1.5, 0.0]]), np.zeros((1, 3), np.uint8), np.ones(1), nothing, nothing,
        np.zeros((1, 2)),
    )  # fmt: skip
    format_named("colmap").write(folder / "made", Model(cameras=scene))
    shutil.move(next((folder / "made").rglob("images.bin")).parent, folder / "sparse")
    beside(folder)
    return folder


def talkative(data: bytes) -> bytes:
    """A GLB with extras, names, copyright, XMP, a camera where it truly stood, bytes nobody refers to."""
    (length,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + length])
    binary = data[28 + length :]
    told: dict[str, Any] = {"extras": {"gps": [LATITUDE, LONGITUDE], "who": TOLD}, "name": TOLD}
    document["asset"] |= {"generator": TOLD, "copyright": NAME, "extras": {"origin": ECEF, "utm": UTM}}
    document["extensionsUsed"] = [*document.get("extensionsUsed", ()), "KHR_xmp_json_ld"]
    document.setdefault("extensions", {})["KHR_xmp_json_ld"] = {
        "packets": [{"dc:creator": NAME, "exif:GPSLatitude": f"{LATITUDE}", "xmp:CreateDate": TAKEN}]
    }
    for kind in ("nodes", "meshes", "materials", "textures", "images", "accessors", "scenes"):
        for one in document.get(kind, ()):
            one |= told
    document["nodes"].append({"camera": 0, "translation": list(ECEF), **told})
    document["cameras"] = [{"type": "perspective", "perspective": {"yfov": 1.0, "znear": 0.1}, **told}]
    document["scenes"][0]["nodes"].append(len(document["nodes"]) - 1)
    more = TOLD.encode() + struct.pack("<3d", *ECEF) + struct.pack(">2f", LATITUDE, LONGITUDE)
    more += b"\0" * (-len(more) % 4)
    document["bufferViews"].append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(more)})
    document["buffers"][0]["byteLength"] = len(binary) + len(more)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    binary += more
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def beside(folder: Path) -> None:
    """What lies beside a model: report, paradata, points, databases, layers, notes."""
    report = {
        "made_at": "2026-06-14T15:42:07Z", "origin": ECEF, "gps": [LATITUDE, LONGITUDE], "remarks": [TOLD],
        "scale": {"unit": "m"}, "photos": [{"name": name, "used": True} for name in names()],
        "surface": {"triangles": 384, "size": [4.0, 3.0, 0.04], "texel": {"value": 0.005}},
        "error": {"total": {"value": 0.004}},
    }  # fmt: skip
    (folder / "report.json").write_text(json.dumps(report))
    (folder / "paradata.json").write_text(json.dumps({"who": TOLD, "email": EMAIL, "path": str(folder)}))
    rows = np.array([(*ECEF, *UTM)], np.float64).tobytes()
    header = f"ply\nformat binary_little_endian 1.0\ncomment {TOLD}\nobj_info {UTM}\nelement vertex 1\n"
    header += "".join(f"property double {axis}\n" for axis in ("x", "y", "z", "n", "e")) + "end_header\n"
    (folder / "points.ply").write_bytes(header.encode() + rows)
    (folder / "database.db").write_bytes(b"SQLite format 3\0" + TOLD.encode() + rows)
    (folder / "tileset.json").write_text(json.dumps({"root": {"transform": [1, 0, 0, 0, *ECEF, 1]}}))
    (folder / f"{WORD}.usda").write_text(f'#usda 1.0\n(\n    doc = "{TOLD}"\n)\n')
    (folder / f"{WORD}.las").write_bytes(b"LASF" + TOLD.encode() + rows)
