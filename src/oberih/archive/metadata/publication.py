"""Where a description is published: what the mappings to other standards need besides it."""

from typing import Literal

from pydantic import Field

from oberih.archive.metadata._values import Identity, Labels, Line, Link, Model, Moment

__all__ = ["Publication", "WebFile"]


class WebFile(Model):
    """A file that anybody can fetch. Made for the public from scratch, never an original."""

    url: Link
    media_type: Line = Field(pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]+$")
    role: Literal["model", "point cloud", "picture"] = "model"
    bytes: int | None = Field(default=None, ge=0)
    vertices: int | None = Field(default=None, ge=0)
    triangles: int | None = Field(default=None, ge=0)
    points: int | None = Field(default=None, ge=0)


class Publication(Model):
    """Under which names, and where, a description and its files are public."""

    identifier: Identity = Field(description="persistent: ark:/...")
    page: Link = Field(description="that shows it")
    publisher: Labels = Field(description="the institution that is responsible for the record")
    provider: Labels | None = Field(default=None, description="who passes it on, if not the publisher")
    files: tuple[WebFile, ...] = Field(default=(), description="the best one to show first")
    preview: Link | None = Field(default=None, description="a picture of it")
    recorded: Line | None = Field(
        default=None, pattern=r"^[0-9]{4}-[0-9]{2}$", description="month in which the photos were taken"
    )
    modified: Moment | None = Field(default=None, description="when the record was changed")

    @property
    def models(self) -> tuple[WebFile, ...]:
        return tuple(file for file in self.files if file.role != "picture")
