"""Whatever an imported file says of place, person or machine: none of it is in any public file.

Canaries are put wherever a source may hold something, the source comes in as people bring it
(`import_model`), its folder gets more of them, and then every byte that becomes public is searched.
"""

import io
import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import laspy
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from oberih.formats import FORMATS, Model, format_named, load_model, read_model
from oberih.geometry import Camera, Pose, Scene, View
from oberih.products import Choices, make_public
from oberih.products.bare import media_type
from oberih.reconstruct.imported import import_model
from products.chapel import chapel
from products.leaks import search, unpacked

WORD = "kanarka-vid-Oleny"
PLACE = (3_512_345.25, 2_104_567.5, 4_871_234.75)  # ECEF, metres
TEXTS = (WORD, "51.4982", "31.2893")
PUBLIC = tuple(
    form.name for form in FORMATS if form.writes and form.extension and "cameras" not in form.keeps
)


def jpeg() -> bytes:
    """The chapel's texture with a camera's words in it."""
    exif = Image.Exif()
    exif[0x010E] = exif[0x0110] = exif[0x013B] = WORD
    exif[0x8825] = {1: "N", 2: (51.0, 29.0, 53.52), 29: WORD}
    exif[0x9286] = f"51.4982, 31.2893 {WORD}"
    file = io.BytesIO()
    Image.fromarray(texture()).save(file, "JPEG", exif=exif, comment=WORD.encode(), xmp=WORD.encode())
    return file.getvalue()


def png() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", WORD)
    info.add_text("Place", f"51.4982 {WORD}" * 20, zip=True)
    info.add_itxt("XML:com.adobe.xmp", WORD)
    file = io.BytesIO()
    Image.fromarray(texture()).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def texture() -> np.ndarray:
    found = chapel().parts[0].texture
    assert found is not None
    return found


def glb(folder: Path) -> Path:
    """glTF: names, extras, copyright, XMP, a node far away, a picture with EXIF."""
    part = chapel(4).parts[0]
    assert part.uv is not None
    flat = part.vertices[part.faces].reshape(-1, 3).astype("<f4")
    pieces = [flat.tobytes(), part.uv.reshape(-1, 2).astype("<f4").tobytes(), jpeg(), WORD.encode() * 4]
    views, at = [], 0
    for piece in pieces:
        views.append({"buffer": 0, "byteOffset": at, "byteLength": len(piece), "name": WORD})
        at += len(piece) + -len(piece) % 4
    binary = b"".join(piece + b"\0" * (-len(piece) % 4) for piece in pieces)
    told = {"extras": {"gps": [51.4982, 31.2893], "who": WORD}, "name": WORD}
    document = {
        "asset": {"version": "2.0", "generator": WORD, "copyright": WORD, "extras": {"where": PLACE}},
        "extensionsUsed": ["KHR_xmp_json_ld"],
        "extensions": {"KHR_xmp_json_ld": {"packets": [{"dc:creator": WORD, "exif:GPSLatitude": "51.4982"}]}},
        "scene": 0, "scenes": [{"nodes": [0, 1], **told}],
        "nodes": [{"mesh": 0, "translation": PLACE, **told}, {"camera": 0, "translation": PLACE, **told}],
        "cameras": [{"type": "perspective", "perspective": {"yfov": 1, "znear": 0.1}, **told}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "material": 0,
                                    "extras": told}], **told}],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}, **told}],
        "textures": [{"source": 0, **told}], "images": [{"bufferView": 2, "mimeType": "image/jpeg", **told}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": len(flat), "type": "VEC3", "name": WORD,
             "min": flat.min(0).tolist(), "max": flat.max(0).tolist()},
            {"bufferView": 1, "componentType": 5126, "count": len(flat), "type": "VEC2", "name": WORD},
        ],
        "bufferViews": views, "buffers": [{"byteLength": len(binary), "name": WORD}],
    }  # fmt: skip
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    path = folder / f"{WORD}.glb"
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
    return path


def obj(folder: Path) -> Path:
    """OBJ: comments, objects, groups, materials and files with names; vertices where they truly are."""
    part = chapel(4).parts[0]
    assert part.uv is not None
    places = part.vertices.astype(float) + PLACE
    lines = [f"# {WORD} 51.4982", f"mtllib {WORD}.mtl", f"o {WORD}", f"g {WORD}", f"usemtl {WORD}"]
    lines += ["v {:.6f} {:.6f} {:.6f}".format(*place) for place in places]
    lines += [f"vt {u:.6f} {1 - v:.6f}" for u, v in part.uv.reshape(-1, 2)]
    lines += [
        "f " + " ".join(f"{vertex + 1}/{3 * number + k + 1}" for k, vertex in enumerate(face))
        for number, face in enumerate(part.faces)
    ]
    (folder / f"{WORD}.png").write_bytes(png())
    (folder / f"{WORD}.mtl").write_text(f"# {WORD}\nnewmtl {WORD}\nmap_Kd {WORD}.png\n")
    path = folder / f"{WORD}.obj"
    path.write_text("\n".join(lines) + "\n")
    return path


def ply(folder: Path) -> Path:
    """PLY: comments, and double coordinates where they truly are."""
    part = chapel(6).parts[0]
    rows = np.empty(len(part.vertices), [("p", "<f8", 3), ("c", "u1", 3)])
    rows["p"], rows["c"] = part.vertices.astype(float) + PLACE, 120
    faces = np.empty(len(part.faces), [("n", "u1"), ("f", "<i4", 3)])
    faces["n"], faces["f"] = 3, part.faces
    header = [
        "ply", "format binary_little_endian 1.0", f"comment {WORD}", f"comment TextureFile {WORD}.png",
        f"obj_info {WORD} 51.4982 31.2893", f"element vertex {len(rows)}",
        *(f"property double {axis}" for axis in "xyz"),
        *(f"property uchar {name}" for name in ("red", "green", "blue")),
        f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header", "",
    ]  # fmt: skip
    path = folder / f"{WORD}.ply"
    path.write_bytes("\n".join(header).encode() + rows.tobytes() + faces.tobytes())
    return path


def las(folder: Path) -> Path:
    """LAS: coordinate system, system, VLRs and GPS times."""
    header = laspy.LasHeader(point_format=3, version="1.4")
    header.offsets, header.scales = np.floor(PLACE), np.full(3, 0.001)
    header.system_identifier = header.generating_software = WORD
    wkt = f'PROJCS["{WORD} 51.4982",GEOGCS["WGS 84"],UNIT["metre",1]]'
    header.vlrs.append(laspy.vlrs.known.WktCoordinateSystemVlr(wkt))
    header.vlrs.append(laspy.VLR(WORD[:15], 7, WORD, WORD.encode() * 3))
    random = np.random.default_rng(1)
    data = laspy.LasData(header)
    places = random.uniform(0, 9, (3000, 3)) + PLACE
    data.x, data.y, data.z = places.T
    data.red = data.green = data.blue = random.integers(0, 65535, 3000)
    data.gps_time = np.full(3000, 1.3e9 + 51.4982)
    path = folder / f"{WORD}.las"
    data.write(path)
    return path


def usda(folder: Path) -> Path:
    """USD: comments, custom data, names, documentation, a translation to the place."""
    part = chapel(3).parts[0]
    points = ", ".join("({}, {}, {})".format(*place) for place in part.vertices)
    name = WORD.replace("-", "_")
    path = folder / f"{WORD}.usda"
    path.write_text(f"""#usda 1.0
(
    "{WORD}"
    customLayerData = {{ string where = "51.4982 31.2893 {WORD}" }}
    defaultPrim = "{name}"
    metersPerUnit = 1
    upAxis = "Y"
)
def Xform "{name}" (
    doc = "{WORD}"
    customData = {{ string who = "{WORD}" }}
    assetInfo = {{ string name = "{WORD}" }}
)
{{
    double3 xformOp:translate = {PLACE}
    uniform token[] xformOpOrder = ["xformOp:translate"]
    custom string note = "{WORD}"
    def Mesh "{name}_mesh" (
        displayName = "{WORD}"
    )
    {{
        int[] faceVertexCounts = {[3] * len(part.faces)}
        int[] faceVertexIndices = {part.faces.ravel().tolist()}
        point3f[] points = [{points}]
        uniform token subdivisionScheme = "none"
    }}
}}
""")
    return path


def cameras_beside(result: Path) -> None:
    """What a folder may hold besides: cameras, reports and notes that tell of the place."""
    pose = Pose(np.eye(3), -np.array(PLACE))
    view = View(f"{WORD} 51.4982.jpg", Camera(40, 30, 30, 30, 20, 15), pose)
    first = np.zeros(1, np.int32)
    scene = Scene(
        (view,), np.array([PLACE]), np.zeros((1, 3), np.uint8), np.ones(1), first, first, np.zeros((1, 2))
    )
    format_named("colmap").write(result / "made", Model(cameras=scene))
    shutil.move(next((result / "made").rglob("images.bin")).parent, result / "sparse")
    for name in ("report.json", "paradata.json"):
        told = json.loads((result / name).read_text())
        told |= {"remarks": [WORD], "origin": PLACE, "gps": [51.4982, 31.2893]}
        (result / name).write_text(json.dumps(told))
    (result / f"{WORD}.txt").write_text(WORD)


SOURCES: dict[str, Callable[[Path], Path]] = {"glb": glb, "obj": obj, "ply": ply, "las": las, "usda": usda}


@pytest.mark.usefixtures("small_pictures")
@pytest.mark.parametrize("kind", SOURCES)
def test_no_canary_comes_out(kind: str, tmp_path: Path) -> None:
    source = tmp_path / WORD
    source.mkdir()
    given = SOURCES[kind](source)
    result = tmp_path / f"result {WORD}"
    import_model(given, result, files=[path for path in source.iterdir() if path != given])
    cameras_beside(result)
    assert search(result, TEXTS)  # the search can find them, and import keeps what came
    names = PUBLIC if kind == "glb" else None
    out = tmp_path / "public"
    made = make_public(result, out, Choices.model_validate({"downloads": names, "turntable": 2}))
    assert len(made.manifest.files) > 8
    numbers = [*PLACE, *(-value for value in PLACE), 51.4982, 31.2893]
    assert search(out, TEXTS, numbers) == {}
    assert WORD not in made.manifest.model_dump_json()
    for path in out.rglob("*.*"):
        if path.suffix in (".glb", ".webp", ".jpg"):
            check_pictures(path.read_bytes())
        if path.suffix == ".glb":  # Draco unpacked: no coordinate lies far away
            assert np.abs(read_model(path).bounds()).max() < 100


def check_pictures(data: bytes) -> None:
    """Pictures, also those inside a GLB, are pixels and nothing else."""
    if data[:4] != b"glTF":
        media_type(data)
        return
    (length,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + length])
    for image in document.get("images", ()):
        view = document["bufferViews"][image["bufferView"]]
        begin = 28 + length + view.get("byteOffset", 0)
        assert media_type(data[begin : begin + view["byteLength"]]) == image["mimeType"]


@pytest.mark.parametrize("dress", ["plain", "utf16", "base64", "zip", "png", "usdz", "f32", "f64", "name"])
def test_the_search_finds_what_is_hidden(dress: str, tmp_path: Path) -> None:
    """A search that finds nothing proves something only if it would have found."""
    name = "hidden.bin"
    if dress == "plain":
        data = b"..." + WORD.upper().encode()
    elif dress == "utf16":
        data = WORD.encode("utf-16")
    elif dress == "base64":
        import base64

        data = base64.b64encode(b"xy" + WORD.encode() + b"z")
    elif dress == "zip":
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
            package.writestr("a.txt", WORD * 9)
        data = file.getvalue()
    elif dress == "png":
        data = png().replace(WORD.encode(), b"x" * len(WORD))  # the compressed text is left
    elif dress == "usdz":
        from pxr import Sdf

        layer = Sdf.Layer.CreateAnonymous(".usdc")
        layer.customLayerData = {"who": WORD}
        layer.Export(str(tmp_path / "layer.usdc"))
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as package:
            package.write(tmp_path / "layer.usdc", "layer.usdc")
        (tmp_path / "layer.usdc").unlink()
        data = file.getvalue()
    elif dress in ("f32", "f64"):
        data = struct.pack(">f" if dress == "f32" else "<d", PLACE[2])
    else:
        name, data = f"{WORD}.bin", b""
    (tmp_path / name).write_bytes(data)
    assert set(search(tmp_path, [WORD], [PLACE[2]])) == {name}


def test_the_search_looks_into_compressed_parts_of_formats(tmp_path: Path) -> None:
    format_named("fbx").write(tmp_path / "model.fbx", chapel(12))
    assert len(list(unpacked((tmp_path / "model.fbx").read_bytes()))) > 2


@pytest.mark.usefixtures("small_pictures")
def test_a_place_in_the_source_changes_no_byte(tmp_path: Path) -> None:
    """The same chapel written with the coordinates of its place and without them: the same public files."""
    outs = []
    for name, place in (("here", PLACE), ("nowhere", (0.0, 0.0, 0.0))):
        part = chapel(4).parts[0]
        assert part.uv is not None
        folder = tmp_path / name
        folder.mkdir()
        lines = ["v {:.6f} {:.6f} {:.6f}".format(*(vertex + place)) for vertex in part.vertices.astype(float)]
        lines += ["f {} {} {}".format(*(face + 1)) for face in part.faces]
        (folder / "model.obj").write_text("\n".join(lines) + "\n")
        import_model(folder / "model.obj", folder / "result", unit="m")
        choices = Choices.model_validate({"turntable": 2})
        make_public(folder / "result", folder / "public", choices)
        outs.append({
            path.relative_to(folder / "public").as_posix(): path.read_bytes()
            for path in (folder / "public").rglob("*")
            if path.is_file()
        })  # fmt: skip
    assert load_model(tmp_path / "here" / "result", format_named("glb")).scale_known
    assert outs[0] == outs[1]
