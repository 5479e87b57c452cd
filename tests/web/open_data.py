"""What the tests of open data share: a record with something in every field, and a public side."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oberih.archive.stores import open_store
from oberih.catalogue.public import (
    Projection,
    PublicAnnotation,
    PublicCollection,
    PublicFile,
    PublicIdentifier,
    PublicPeriod,
    PublicPerson,
    PublicPlace,
    PublicRecord,
    PublicRights,
    PublicScene,
    PublicTerm,
    PublicView,
    Quality,
)
from oberih.trust.cells import cell_of
from oberih.web.open.addresses import House
from oberih.web.open.app import public_app
from oberih.web.pages import Pages
from public_help import BY, ark, empty_store
from web.visitors import Client

__all__ = ["ADDRESS", "HOUSE", "Open", "opened", "rich"]

ADDRESS = "https://heritage.example"
HOUSE = House(ADDRESS, "The archive")


def rich(number: int = 1, text: str = "Church", **more: Any) -> PublicRecord:
    """A record with something in every field, and ``text`` in all words."""
    both = {"uk": f"{text} (укр)", "en": text}
    term = PublicTerm(labels=both, uri="http://vocab.getty.edu/aat/300004792")
    view = PublicView(eye=(0, 2_000_000, 9_000_000), target=(0, 1_000_000, 0))
    given: dict[str, Any] = {
        "id": ark(number), "version": 2, "published": "2026-03", "titles": both, "summary": both,
        "alternative_titles": (both,), "kind": "building", "object_type": both,
        "periods": (
            PublicPeriod(label=both, earliest=-450, latest=988), PublicPeriod(phase="use", latest=1944),
            PublicPeriod(phase="destruction"),
        ),
        "materials": (term,), "keywords": (term,),
        "people": tuple(
            PublicPerson(name=f"{text} {role}", role=role)  # type: ignore[arg-type]
            for role in ("creator", "contributor", "rights holder", "depicted")
        ),
        "collection": PublicCollection(id="main/ä 1", titles=both),
        "rights": PublicRights(uri=BY, holder=text, credit=f"{text} credit"),
        "identifiers": (PublicIdentifier(value=text, authority="A museum"),),
        "place": PublicPlace(precision="10 km", cell=cell_of(51.49, 31.29, "10 km"), region=both),
        "recorded": "2026-01",
        "quality": Quality(triangles=9000, points=70, photos=30, error_um=4000, size_mm=(4000, 3000, 40)),
        "files": files(f"{ark(number).removeprefix('ark:/').replace('/', '-')}/v2"),
        "scene": PublicScene(unit="m", size=(4_000_000, 3_000_000, 40_000), view=view, field_deg=40),
        "annotations": (PublicAnnotation(id="door", at=(1_000_000, 0, 500_000), titles=both, texts=both),),
    }  # fmt: skip
    return PublicRecord(**(given | more))


def files(folder: str) -> tuple[PublicFile, ...]:
    def file(name: str, kind: str, role: Any, size: tuple[int, int] | None = None, **more: Any) -> PublicFile:
        digest = hashlib.sha256(name.encode()).hexdigest()
        return PublicFile(
            path=f"{folder}/{name}", media_type=kind, bytes=9, sha256=digest, role=role,
            size_px=size, **more,
        )  # fmt: skip

    return (
        file("model.glb", "model/gltf-binary", "full", triangles=9000),
        file("small.glb", "model/gltf-binary", "small", triangles=900),
        file("poster.webp", "image/webp", "poster", (1200, 900)),
        file("poster-400.webp", "image/webp", "poster", (400, 300)),
        file("turn-0.webp", "image/webp", "turntable", (640, 480)),
        file("cloud.ply", "application/octet-stream", "download", format="ply", points=70),
        file("tiles/tileset.json", "application/json", "tiles"),
    )


class Open:
    """The public side, with the store behind it."""

    def __init__(self, writer: Projection, reader: Projection, folder: Path) -> None:
        self.writer, self.reader = writer, reader
        self.app = public_app(reader, open_store(folder / "files", create=True), Pages(address=ADDRESS))
        self.client = Client(self.app, {"Accept-Language": "en"}, "192.0.2.7")

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers=headers)


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[Open]:
    """An empty public side on one of the databases."""
    with empty_store(kind, folder) as (writer, reader):
        made = Open(writer, reader, folder)
        yield made
        made.client.close()
