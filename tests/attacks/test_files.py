"""Attacks on files: cases 1 to 8, 19. What came in was full of canaries; every public byte is searched."""

import io
import json
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import laspy
import numpy as np
import pytest
from scipy.spatial import cKDTree
from sqlalchemy import select

from attacks.canaries import WORD, betrayed
from attacks.scene import HIDDEN_FACE, photographs, wall
from attacks.town import Town
from oberih.catalogue.tables import Review
from oberih.formats import Model, read_model
from oberih.geometry import Mesh
from oberih.products.bare import media_type
from oberih.products.grid import rebased
from oberih.trust.pictures import decoded
from oberih.trust.redaction import find

pytestmark = pytest.mark.xdist_group("attacks")
PLACE = {"float64", "decimal"}
PICTURES = ("poster.webp", "social.jpg", "turntable/00.webp", "pictures/002.jpg")
MAY_BE_USED = {
    "KHR_draco_mesh_compression", "KHR_mesh_quantization", "EXT_texture_webp", "KHR_materials_unlit",
}  # fmt: skip


def below(town: Town, name: str) -> Path:
    """The public files of a record."""
    ark = town.records[name].removeprefix("ark:/").replace("/", "-")
    return town.folder / "public" / "files" / ark / "v1"


def test_the_crawl_comes_everywhere(town: Town, public: dict[str, bytes]) -> None:
    for ark in (one.removeprefix("ark:/") for one in town.records.values()):
        assert {f"/records/{ark}", f"/records/{ark} (uk)", f"/api/v1/records/{ark}/near"} <= public.keys()
    assert {"/search?q=wall", "/", "/api/v1/openapi.json", "public/public.sqlite"} <= public.keys()
    assert sum(name.startswith("/files/") for name in public) > 30


@pytest.mark.parametrize("name", [*photographs()])
def test_case_1_photos_tell_of_the_place_before_and_not_after(
    town: Town, leaks: dict[str, set[str]], name: str
) -> None:
    came = betrayed({"a photo": photographs()[name]}, town.secrets())["a photo"]
    assert {"word", "name", "e-mail", "moment", "rational", *PLACE} <= came | {"moment"}
    assert leaks == {}


def test_case_2_moving_pictures_and_heic_tell_nothing(
    town: Town, public: dict[str, bytes], leaks: dict[str, set[str]]
) -> None:
    for name in (f"{WORD}.MOV", f"{WORD}.heic"):
        assert betrayed({name: town.wall_files[name]}, town.secrets())
    assert leaks == {}
    assert not [name for name, data in public.items() if b"ftyp" in data[:600] or b"moov" in data[:600]]


def test_case_3_public_glb_holds_shape_and_pixels_only(town: Town, leaks: dict[str, set[str]]) -> None:
    prepared = town.folder.parent / "prepared" / "wall" / "model.glb"
    assert {"word", "name", *PLACE} <= betrayed({"glb": prepared.read_bytes()}, town.secrets())["glb"]
    found = sorted((town.folder / "public").rglob("*.glb"))
    assert len(found) >= 5  # levels, tiles, for phones, to take along
    for path in found:
        document = gltf(path.read_bytes())
        assert set(keys_of(document)).isdisjoint({"cameras", "copyright", "uri"})
        assert document["asset"].pop("extras", {}).keys() <= {"unit"}
        assert "extras" not in keys_of(document) and names_in(document) <= {
            "model",
            "photographs",
            "0",
        }  # ours
        assert set(document.get("extensionsUsed", ())) <= MAY_BE_USED
        assert np.abs(read_model(path).bounds()).max() < 10
    assert leaks == {}


def gltf(data: bytes) -> dict[str, Any]:
    (length,) = struct.unpack_from("<I", data, 12)
    found: dict[str, Any] = json.loads(data[20 : 20 + length])
    return found


def keys_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(key for one in value.values() for key in keys_of(one))]
    return [key for one in value for key in keys_of(one)] if isinstance(value, list) else []


def names_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["name"]} if "name" in value else set()
        return own.union(*(names_in(one) for one in value.values()))
    return set().union(*map(names_in, value)) if isinstance(value, list) else set()


def test_case_4_clouds_tiles_and_layers_tell_nothing(town: Town, leaks: dict[str, set[str]]) -> None:
    dots = below(town, "cloud") / "downloads"
    with laspy.open(dots / "model.laz") as opened:
        header, points = opened.header, opened.read()
    told = {one.user_id: one.record_data_bytes() for one in header.vlrs}
    assert set(told) <= {"laszip encoded", "LASF_Projection"}
    assert told["LASF_Projection"].startswith(b'LOCAL_CS["local"')
    assert "gps_time" not in points.point_format.dimension_names or not np.any(points.gps_time)
    assert np.abs([header.mins, header.maxs]).max() < 10 and np.abs(header.offsets).max() < 10
    head = (dots / "model.ply").read_bytes().partition(b"end_header")[0]
    assert b"obj_info" not in head and WORD.encode() not in head
    assert b"transform" not in (below(town, "wall") / "tiles" / "tileset.json").read_bytes()
    names = {path.suffix for path in (town.folder / "public" / "files").rglob("*") if path.is_file()}
    assert names <= {".glb", ".webp", ".jpg", ".json", ".zip", ".ply", ".stl", ".usdz", ".fbx", ".3mf",
                     ".laz", ".e57"}  # fmt: skip
    assert leaks == {}


def test_case_5_coordinates_are_small_and_the_same_wherever_and_however_it_stands(town: Town) -> None:
    for name, endings in (("wall", ("ply", "stl")), ("cloud", ("ply", "laz", "e57"))):
        for ending in endings:
            low, high = read_model(below(town, name) / "downloads" / f"model.{ending}").bounds()
            assert np.abs([low, high]).max() < 10
    here = wall()
    turn = np.radians(37)
    about = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    away = (here.vertices @ about.T + [812.5, 117.25, -431.0]).astype(np.float32)
    there = Mesh(away, here.faces, uv=here.uv, texture=here.texture)
    made, also = (rebased(Model((one,), scale_known=True)) for one in (here, there))
    places, others = (one.model.parts[0].vertices.astype(np.float64) for one in (made, also))
    assert max(cKDTree(places).query(others)[0]) < 5e-4  # the same shape, turned the same way
    for one in (made, also):  # on a grid of its own: no rest of an offset shows in the digits
        steps = one.model.parts[0].vertices.astype(np.float64) / one.step
        assert np.abs(steps - np.rint(steps)).max() < 0.02


def test_case_6_names_times_and_logs_tell_nothing(
    town: Town, public: dict[str, bytes], leaks: dict[str, set[str]]
) -> None:
    packed = 0
    for name, data in public.items():
        body = data.partition(b"\n\n")[2] if name.startswith("/") else data
        if body[:2] == b"PK":
            for info in zipfile.ZipFile(io.BytesIO(body)).infolist():
                packed += 1
                assert info.date_time == (1980, 1, 1, 0, 0, 0) and not info.comment, name
                assert re.fullmatch(r"[\w/.\[\]-]{1,60}", info.filename)
    assert packed > 10 and leaks == {}
    ours = ("account", "contribution", "sealed identifier", "path on our disk")  # what a log may name
    wanted = {name: some for name, some in town.secrets().items() if name not in ours}
    assert betrayed({"log": town.served.told().encode()}, wanted) == {}


def test_case_7_no_face_or_plate_is_left_at_any_level(town: Town) -> None:
    assert {one.kind for one in find(decoded(next(iter(photographs().values()))))} == {"face", "plate"}
    shown = [below(town, "wall") / name for name in PICTURES]
    assert {path.name: found for path in shown if (found := find(decoded(path)))} == {}
    levels = [*below(town, "wall").rglob("*.glb")]
    textures = {path.name: part.texture for path in levels for part in read_model(path).parts}
    assert len(textures) >= 3
    for texture in textures.values():  # of whole levels, tiles, and what phones show
        assert texture is not None and find(texture) == ()
        red, green, blue = (texture[..., channel].astype(int) for channel in range(3))
        assert not ((red > 200) & (green < 60) & (blue > 200)).any()
    # The face that no triangle showed is one colour now, at the finest level too.
    finest = max((one for one in textures.values() if one is not None), key=lambda one: one.size)
    scale = finest.shape[0] / 1024
    rows, columns = (slice(int(one.start * scale) + 20, int(one.stop * scale) - 20) for one in HIDDEN_FACE)
    assert finest[rows, columns].std(axis=(0, 1)).max() < 3


def test_case_8_no_hash_of_an_original_is_public(town: Town, leaks: dict[str, set[str]]) -> None:
    assert "hash" in town.secrets() and leaks == {}
    known = {one["sha256"] for name in town.records for one in files_of(town, name)}
    assert len(known) > 20  # of public files, which everybody can compute


def files_of(town: Town, name: str) -> list[dict[str, Any]]:
    ark = town.records[name].removeprefix("ark:/")
    found: list[dict[str, Any]] = town.ask(f"/api/v1/records/{ark}").json()["files"]
    return found


def test_case_19_every_picture_of_every_page_is_one_that_was_made_for_it(
    town: Town, public: dict[str, bytes]
) -> None:
    known = {f"/files/{one['path']}" for name in town.records for one in files_of(town, name)}
    shown = {
        link
        for name, data in public.items() if name.startswith("/") and b"text/html" in data[:900]
        for link in re.findall(r"""(?:src|srcset|poster|content)="(/[^" ]+)""", data.decode())
    }  # fmt: skip
    pictures = {link for link in shown if not link.startswith(("/static/", "/api/v1/records/"))}
    assert pictures and pictures <= known
    for name, data in public.items():
        if name.startswith("/files/") and name.endswith((".webp", ".jpg", ".png")):
            media_type(data.partition(b"\n\n")[2])  # raises if there is more in it than pixels


def test_where_the_photos_were_taken_is_known_and_not_said(town: Town) -> None:
    """It would tell where somebody stood: of places that are not public exactly nobody learns it."""
    with town.service.database.reading() as session:
        kept = {one.subject: one.eyes for one in session.scalars(select(Review)) if one.state == "passed"}
    for ark in town.records.values():
        assert kept[ark]  # there would be something to say
        assert town.ask(f"/api/v1/records/{ark.removeprefix('ark:/')}").json()["scene"]["eyes"] == []
