"""USD and USDZ: what Apple's AR, Blender, Omniverse and the film industry read.

A file written here is one binary crate with one prim, "model", of one mesh per part. The photographs are the
diffuse colour of a rough UsdPreviewSurface (USD has no unlit material); colours of vertices are linear, as
USD wants them. A USDZ package holds crate and textures uncompressed, each at a multiple of 64 bytes, as ARKit
needs it. Equal input gives equal bytes.

Specification: https://openusd.org/release/spec_usdz.html, https://openusd.org/release/spec_usdpreviewsurface.html
"""

import errno
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pxr import Gf, Kind, Sdf, Tf, Usd, UsdGeom, UsdShade, Vt

from oberih import __version__
from oberih.errors import InputError, OutputError
from oberih.formats.model import Model
from oberih.formats.usd._look import linear
from oberih.formats.usd._open import FAULTS, damaged, open_usd
from oberih.formats.usd._reading import model_of
from oberih.formats.writing import FULL, whole_files
from oberih.geometry import Mesh
from oberih.progress import Progress

__all__ = ["read", "write_usd", "write_usdz"]

QUALITY = 92  # of the JPEG
ALIGNMENT = 64
PADDING = 0x1986  # id of the extra field that USD itself fills up with
LARGEST = 2_000_000_000  # bytes of one file in a package: ZIP64 is not allowed
EPOCH = (1980, 1, 1, 0, 0, 0)
ROOT = Sdf.Path("/model")


def read(path: Path) -> Model:
    """What a .usdz, .usd, .usda or .usdc holds. Raises `UnreadableModel`."""
    opened = open_usd(path)
    try:
        return model_of(opened)
    except FAULTS as error:
        raise damaged(path, error) from error


def write_usd(path: Path, model: Model, progress: Progress) -> None:
    """Write ``path``, and its textures beside it: ``model.jpg``, ``model-2.jpg``, ..."""
    with whole_files(path) as folder:
        names = write_textures(folder, path.stem, model, progress)
        write_crate(folder / path.name, model, names, progress)


def write_usdz(path: Path, model: Model, progress: Progress) -> None:
    """Write a package that phones show in the room."""
    with whole_files(path) as folder:
        inner = folder / "inner"
        inner.mkdir()
        names = write_textures(inner, "texture", model, progress)
        write_crate(inner / "model.usdc", model, names, progress)
        pack(folder / path.name, inner, ["model.usdc", *filter(None, names)])
        shutil.rmtree(inner)


def write_textures(folder: Path, stem: str, model: Model, progress: Progress) -> list[str]:
    """The JPEG of each part; "" for one without."""
    names: list[str] = []
    for part in model.parts:
        progress.check()
        name = ""
        if part.texture is not None and part.uv is not None:
            number = sum(map(bool, names)) + 1
            name = f"{stem}.jpg" if number == 1 else f"{stem}-{number}.jpg"
            Image.fromarray(part.texture).save(folder / name, "JPEG", quality=QUALITY)
        names.append(name)
    return names


def write_crate(path: Path, model: Model, textures: list[str], progress: Progress) -> None:
    parts = [(part, name) for part, name in zip(model.parts, textures, strict=True) if len(part.faces)]
    if not parts:
        raise InputError(
            "The model has no surface: USD is written for surfaces only.",
            "Export its points as PLY, LAZ or E57.",
        )
    layer = Sdf.Layer.CreateAnonymous(".usdc")
    stage = Usd.Stage.Open(layer)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    layer.comment = f"Oberih {__version__}"
    root = UsdGeom.Xform.Define(stage, ROOT).GetPrim()
    Usd.ModelAPI(root).SetKind(Kind.Tokens.component)
    stage.SetDefaultPrim(root)
    for number, (part, name) in enumerate(parts, start=1):
        progress.check()
        shape = add_mesh(stage, ROOT.AppendChild(f"part_{number}"), part, textured=bool(name))
        material = add_material(stage, ROOT.AppendChild(f"material_{number}"), part, name)
        if material is not None:
            UsdShade.MaterialBindingAPI.Apply(shape.GetPrim()).Bind(material)
    progress.check()
    told, done = "", False
    try:
        done = layer.Export(str(path))
    except Tf.ErrorException as error:
        told = str(error)
    if not done:
        raise unwritten(path, told, [part for part, _ in parts])


def unwritten(path: Path, told: str, parts: list[Mesh]) -> Exception:
    """The error for a file that OpenUSD could not write; ``told``: its own words."""
    for code in FULL:
        if os.strerror(code) in told:
            return OSError(code, os.strerror(code))
    needed = sum(part.vertices.nbytes + part.faces.nbytes for part in parts)
    if shutil.disk_usage(path.parent).free < needed:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return OutputError(
        "OpenUSD could not write the file.", "Write it on another disk, or choose another format."
    )


def add_mesh(stage: Usd.Stage, where: Sdf.Path, part: Mesh, *, textured: bool) -> UsdGeom.Mesh:
    shape = UsdGeom.Mesh.Define(stage, where)
    vertices = np.ascontiguousarray(part.vertices, np.float32)
    shape.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(vertices))
    shape.CreateExtentAttr([Gf.Vec3f(*map(float, vertices.min(0))), Gf.Vec3f(*map(float, vertices.max(0)))])
    shape.CreateFaceVertexCountsAttr(Vt.IntArray(len(part.faces), 3))
    shape.CreateFaceVertexIndicesAttr(
        Vt.IntArray.FromNumpy(np.ascontiguousarray(part.faces.ravel(), np.int32))
    )
    shape.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    shape.CreateDoubleSidedAttr(True)
    normals = part.normals if part.normals is not None else part.vertex_normals()
    some = np.linalg.norm(normals, axis=1, keepdims=True) > 0  # a vertex of no face gets some direction
    normals = np.where(some, normals, (0.0, 1.0, 0.0)).astype(np.float32)
    shape.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(normals)))
    shape.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    primvars = UsdGeom.PrimvarsAPI(shape)
    if textured and part.uv is not None:
        st = primvars.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
        values, indices = merged(part.uv)
        st.Set(Vt.Vec2fArray.FromNumpy(values))
        st.SetIndices(Vt.IntArray.FromNumpy(indices))
    elif part.colours is not None:
        colour = primvars.CreatePrimvar(
            "displayColor", Sdf.ValueTypeNames.Color3fArray, UsdGeom.Tokens.vertex
        )
        colour.Set(Vt.Vec3fArray.FromNumpy(linear(part.colours)))
    return shape


def merged(uv: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Texture coordinates with v upwards, each once in the order of their first use, and the one of each
    corner: a fifth of the size.
    """
    plain = np.ascontiguousarray(uv.reshape(-1, 2), np.float32) + np.float32(0)  # no negative zeros
    _, first, inverse = np.unique(plain.view(np.uint64).ravel(), return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    values = plain[first[order]]
    values[:, 1] = 1 - values[:, 1]
    return values, rank[inverse]


def add_material(stage: Usd.Stage, where: Sdf.Path, part: Mesh, texture: str) -> UsdShade.Material | None:
    """The photographs, or the colours of the vertices; None if the part has neither."""
    if not texture and part.colours is None:
        return None
    material = UsdShade.Material.Define(stage, where)
    surface = UsdShade.Shader.Define(stage, where.AppendChild("surface"))
    surface.CreateIdAttr("UsdPreviewSurface")
    surface.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(1.0)
    surface.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(0.0)
    material.CreateSurfaceOutput().ConnectToSource(surface.CreateOutput("surface", Sdf.ValueTypeNames.Token))
    diffuse = surface.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
    reader = UsdShade.Shader.Define(stage, where.AppendChild("reader"))
    if not texture:
        reader.CreateIdAttr("UsdPrimvarReader_float3")
        reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("displayColor")
        diffuse.ConnectToSource(reader.CreateOutput("result", Sdf.ValueTypeNames.Float3))
        return material
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    photographs = UsdShade.Shader.Define(stage, where.AppendChild("texture"))
    photographs.CreateIdAttr("UsdUVTexture")
    photographs.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(Sdf.AssetPath(f"./{texture}"))
    photographs.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set("sRGB")
    inside = part.uv is None or bool(part.uv.min() >= 0 and part.uv.max() <= 1)
    for name in ("wrapS", "wrapT"):
        photographs.CreateInput(name, Sdf.ValueTypeNames.Token).Set("clamp" if inside else "repeat")
    photographs.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(
        reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
    )
    diffuse.ConnectToSource(photographs.CreateOutput("rgb", Sdf.ValueTypeNames.Float3))
    return material


def pack(path: Path, folder: Path, names: list[str]) -> None:
    """A ZIP file of uncompressed files, the content of each at a multiple of 64 bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=False) as package:
        for name in names:
            info = zipfile.ZipInfo(name, EPOCH)
            info.file_size = (folder / name).stat().st_size
            assert package.fp is not None
            begin = package.fp.tell() + 30 + len(name)
            if info.file_size > LARGEST or begin > LARGEST:
                raise OutputError(
                    "The model is too large for USDZ (2 GB).", "Export fewer triangles, or another format."
                )
            room = -(begin + 4) % ALIGNMENT
            info.extra = PADDING.to_bytes(2, "little") + room.to_bytes(2, "little") + b"\0" * room
            info.create_system, info.external_attr = 3, 0o644 << 16
            with (folder / name).open("rb") as source, package.open(info, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)
