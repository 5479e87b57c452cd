"""What a .glb or .gltf file consists of: its JSON, its bytes, and where the files beside it lie."""

import base64
import binascii
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from oberih.errors import UnreadableModel
from oberih.formats._beside import beside
from oberih.formats.gltf._tree import Broken, Item
from oberih.i18n import say

__all__ = ["Container", "opened"]

JSON_CHUNK, BIN_CHUNK = 0x4E4F534A, 0x004E4942
EXTENSIONS = {  # those that change nothing of what is taken from a file, or that are read
    "EXT_lights_ies", "EXT_lights_image_based", "EXT_mesh_features", "EXT_mesh_gpu_instancing",
    "EXT_instance_features", "EXT_structural_metadata", "EXT_texture_webp", "KHR_animation_pointer",
    "KHR_audio_emitter", "KHR_draco_mesh_compression", "KHR_lights_punctual", "KHR_materials_anisotropy",
    "KHR_materials_clearcoat", "KHR_materials_diffuse_transmission", "KHR_materials_dispersion",
    "KHR_materials_emissive_strength", "KHR_materials_ior", "KHR_materials_iridescence",
    "KHR_materials_pbrSpecularGlossiness", "KHR_materials_sheen", "KHR_materials_specular",
    "KHR_materials_transmission", "KHR_materials_unlit", "KHR_materials_variants", "KHR_materials_volume",
    "KHR_materials_volume_scatter", "KHR_mesh_quantization", "KHR_node_hoverability",
    "KHR_node_selectability", "KHR_node_visibility", "KHR_texture_basisu", "KHR_texture_transform",
    "KHR_xmp", "KHR_xmp_json_ld", "KHR_techniques_webgl", "CESIUM_primitive_outline",
    "FB_geometry_metadata", "MSFT_lod", "MSFT_texture_dds",
}  # fmt: skip
CONVERT = "Convert it to glTF 2.0 (Blender, glTF-Transform or gltf-pipeline can), then try again."
AGAIN = "Most likely the file is damaged, or not what its name says. Export it again where it was made."
BESIDE = "Put all files of the model into one folder, or save it as one .glb file."


@dataclass
class Container:
    """An opened file. Buffers are read when they are asked for, each once."""

    path: Path
    root: Item
    binary: memoryview | None  # what a .glb carries in itself
    known: dict[Any, memoryview] = field(default_factory=dict)

    def buffer(self, number: int) -> memoryview:
        """All bytes of a buffer. Raises `Broken`, `UnreadableModel`."""
        told = self.root.at("buffers", number)
        length = told.whole("byteLength")
        if told.has("uri"):
            data = self.linked(told.text("uri"))
        elif number == 0 and self.binary is not None:
            data = self.binary
        else:
            raise Broken(say("{place} has no data", place=told.place))
        if len(data) < length:
            raise Broken(say("{place} ends too early", place=told.place))
        return data[:length]

    def linked(self, uri: str) -> memoryview:
        """The bytes of a data: URI or of a file beside."""
        if uri not in self.known:
            found = data_uri(uri) if uri.startswith("data:") else self.file(uri)
            self.known[uri] = memoryview(found)
        return self.known[uri]

    def file(self, uri: str) -> bytes:
        name = unquote(uri)
        found = None if "://" in name else beside(self.path, name)
        if found is None:
            raise UnreadableModel(
                say(
                    "{path} needs the file {name}, which is not beside it.",
                    path=self.path.name,
                    name=name[:100],
                ),
                BESIDE,
            )
        return found.read_bytes()

    def view(self, number: int) -> tuple[memoryview, int | None]:
        """The bytes of a buffer view and the distance of its rows."""
        told = self.root.at("bufferViews", number)
        if told.extension("EXT_meshopt_compression", "KHR_meshopt_compression") is not None:
            fallback = self.root.at("buffers", told.whole("buffer"))
            if not fallback.has("uri") and not (told.whole("buffer") == 0 and self.binary is not None):
                raise self.unknown("EXT_meshopt_compression")
        data = self.buffer(told.whole("buffer"))
        start, length = told.whole("byteOffset", 0), told.whole("byteLength")
        if start + length > len(data):
            raise Broken(say("{place} lies beyond the end of its data", place=told.place))
        stride = told.whole("byteStride") if told.has("byteStride") else None
        return data[start : start + length], stride or None

    def unknown(self, extension: str) -> UnreadableModel:
        return UnreadableModel(
            say("{path} needs the glTF extension {name}, which Oberih cannot read.", path=self.path.name,
                name=extension[:100]),
            CONVERT,
        )  # fmt: skip

    def check(self) -> None:
        """Is it a glTF 2 that can be read? Raises `UnreadableModel`, `Broken`."""
        asset = self.root.item("asset")
        version = asset.text("version", "" if self.root.has("asset") else "1.0")
        least = asset.text("minVersion", "2.0")
        if version.split(".")[0] != "2" or least not in ("2.0", version):
            raise self.of_version(version)
        for name in self.root.array("extensionsRequired"):
            if not isinstance(name, str):
                raise self.root.wrong("extensionsRequired")
            if name not in EXTENSIONS:
                raise self.unknown(name)

    def of_version(self, version: str) -> UnreadableModel:
        return UnreadableModel(
            say(
                "{path} is glTF {version}: only glTF 2 can be read.",
                path=self.path.name,
                version=version[:20],
            ),
            CONVERT,
        )


def opened(path: Path) -> Container:
    """Raises `Broken`, `UnreadableModel`."""
    data = memoryview(path.read_bytes())
    if bytes(data[:4]) != b"glTF":
        return Container(path, parsed(data), None)
    if len(data) < 12:
        raise Broken(say("it breaks off"))
    version, length = struct.unpack_from("<II", data, 4)
    if version == 1:
        raise Container(path, Item({}), None).of_version("1.0")
    if version != 2 or not 12 <= length <= len(data):
        raise Broken(say("it breaks off"))
    chunks = list(chunks_of(data[:length]))
    if not chunks or chunks[0][0] != JSON_CHUNK:
        raise Broken(say("its JSON cannot be read"))
    binary = chunks[1][1] if len(chunks) > 1 and chunks[1][0] == BIN_CHUNK else None
    return Container(path, parsed(chunks[0][1]), binary)


def chunks_of(data: memoryview) -> list[tuple[int, memoryview]]:
    """The kinds and contents of a .glb's chunks."""
    chunks, at = [], 12
    while at < len(data):
        if at + 8 > len(data):
            raise Broken(say("it breaks off"))
        size, kind = struct.unpack_from("<II", data, at)
        if at + 8 + size > len(data):
            raise Broken(say("it breaks off"))
        chunks.append((kind, data[at + 8 : at + 8 + size]))
        at += 8 + size
    return chunks


def parsed(text: memoryview) -> Item:
    try:
        # Files in the wild begin with a byte order mark, or are filled up with zeros.
        found = json.loads(bytes(text).rstrip(b"\0").decode("utf-8-sig"), parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise Broken(say("its JSON cannot be read")) from error
    if not isinstance(found, dict):
        raise Broken(say("its JSON cannot be read"))
    return Item(found)


def no_number(text: str) -> None:
    raise ValueError(text)


def data_uri(uri: str) -> bytes:
    head, comma, body = uri.partition(",")
    try:
        if not comma:
            raise ValueError(head)
        if head.endswith(";base64"):
            raw = unquote_to_bytes(body)
            return base64.b64decode(raw + b"=" * (-len(raw) % 4), validate=True)
        return unquote_to_bytes(body)
    except (ValueError, binascii.Error) as error:
        raise Broken(say("a data: address cannot be read")) from error
