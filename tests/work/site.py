"""A small service in a folder, and what people bring to it."""

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from oberih.catalogue.access import EVERYWHERE
from oberih.catalogue.accounts.tables import Account, Grant
from oberih.work.arrivals import Offered, Received, Uploader
from oberih.work.flow.here import work_for
from oberih.work.service import Service, open_service, prepare_service

__all__ = ["DETAILS", "brought", "photo", "site"]

DETAILS: Mapping[str, Any] = {
    "title": "Дерев'яна церква", "kind": "building", "licence": "cc-by-4.0", "consents": ["own", "keep"],
    "language": "uk", "place": "", "latitude": None, "longitude": None, "terms": "1",
}  # fmt: skip


def site(folder: Path) -> Service:
    """A service that is ready, and that this process works for. Nobody is there but olha, who contributes."""
    shutil.copytree(prepared(), folder)
    service = open_service(folder)
    work_for(service)
    return service


@cache
def prepared() -> Path:
    """The folder of one that nobody has used: made once for each process that tests."""
    folder = Path(tempfile.mkdtemp(prefix="oberih-site-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    service = open_service(folder / "data")
    prepare_service(service)
    with service.database.writing("service", "begin") as session:
        session.add(Account(id="olha", name="Olha", public_name="Olha P."))
        session.flush()
        session.add(Grant(account="olha", role="contributor", collection=EVERYWHERE, by="operator"))
    service.close()
    service.archive.index.close()
    return folder / "data"


def photo(path: Path, number: int, place: tuple[float, float] | None = None) -> Path:
    """A small picture; with a ``place``, one that says where it was taken."""
    image = Image.new("RGB", (320, 240), (40 * number % 256, 90, 120))
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Phone"
    if place is not None:
        latitude, longitude = place
        exif[0x8825] = {1: "N", 2: (latitude, 0.0, 0.0), 3: "E", 4: (longitude, 0.0, 0.0)}
    image.save(path, exif=exif)
    return path


def brought(service: Service, files: Sequence[Path], account: str = "olha", **details: Any) -> Received:
    """A contribution that has arrived in whole."""
    who = Uploader(account, service.limits)
    offered = [Offered(one.name, one.stat().st_size, last_modified=1) for one in files]
    made, arriving = service.arrivals.begin(
        who, offered, note="from the north", details={**DETAILS, **details}
    )
    for path, one in zip(files, arriving, strict=True):
        shutil.copyfile(path, made.path(one))
        service.arrivals.seal(account, made.id, one.id)
    service.arrivals.finish(account, made.id)
    received = service.arrivals.received(account, made.id)
    assert received is not None
    return received
