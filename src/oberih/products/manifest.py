"""What lies in a folder of public files: a list that machines read, and nothing else.

It is public itself: it names files by what they are for, and says of the model what everybody may know.
"""

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["MANIFEST", "Manifest", "PublicFile", "Role", "Viewpoint", "read_manifest"]

MANIFEST = "manifest.json"
Role = Literal[
    "full", "medium", "small", "tiles", "ar", "poster", "social", "turntable", "download", "picture"
]
Vector = tuple[float, float, float]


class PublicFile(BaseModel):
    """One file. Of a tileset only ``tileset.json`` is for a viewer to ask for; the others follow it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(description="from the folder, with /")
    role: Role
    media_type: str
    bytes: int
    sha256: str
    format: str = Field("", description="of a download: its name in the list of formats")
    triangles: int | None = None
    points: int | None = None
    texture_px: int | None = Field(None, description="longest side of the largest texture")
    size_px: tuple[int, int] | None = Field(None, description="width and height of a picture")

    @property
    def entry(self) -> bool:
        """Whether it is asked for by its name: of a tileset, only where it begins."""
        return self.role != "tiles" or self.path.endswith("/tileset.json")


class Viewpoint(BaseModel):
    """From where the poster shows the model: where a viewer begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    eye: Vector
    target: Vector
    field_deg: float = Field(description="vertical field of view of a picture of 4:3")


class Manifest(BaseModel):
    """All public files of a model. Equal input and choices give equal bytes of all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal["1"] = "1"
    scale_known: bool
    unit: Literal["m", "unit"] = Field(description="unit: the largest side is 1, its true length unknown")
    size: Vector = Field(description="width, height and depth")
    step: float = Field(description="coordinates are multiples of it")
    triangles: int = Field(description="of the finest level")
    points: int
    viewpoint: Viewpoint
    turntable_deg: tuple[float, ...] = Field(description="where each picture of the turntable is taken from")
    files: tuple[PublicFile, ...]

    def of(self, role: Role) -> tuple[PublicFile, ...]:
        """The files of one role, in their order."""
        return tuple(file for file in self.files if file.role == role)


def read_manifest(folder: Path) -> Manifest:
    """What lies in ``folder``, each file found as it was made. Raises `InputError`."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
        for file in manifest.files:
            path = folder / file.path
            with path.open("rb") as opened:
                found = hashlib.file_digest(opened, "sha256").hexdigest()
            if found != file.sha256:
                raise changed(path)
    except (OSError, ValidationError, json.JSONDecodeError) as error:
        raise changed(folder) from error
    return manifest


def changed(path: Path) -> InputError:
    return InputError(
        say("{path} is not as it was made for the public.", path=path), "Make the public files again."
    )
