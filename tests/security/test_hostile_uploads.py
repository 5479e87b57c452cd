"""Hostile files and names, by the way that everything comes: sent by tus, deposited, looked at, decoded."""

import hashlib
import io
import json
import resource
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from oberih.archive.ocfl import object_key, read_object
from oberih.capture import find_photos, read, read_photo
from oberih.catalogue.tables import Capture
from oberih.errors import InputError, UnreadablePhoto
from oberih.trust.pictures import Limits, decoded, remade
from oberih.work.engine import Job
from oberih.work.flow import modelling
from oberih.work.flow.here import work_for
from oberih.work.flow.ingest import look, preserve
from oberih.work.flow.ingest import release as free
from security.crowd import Crowd, Person
from security.hostile import FILES, HONEST, NAMES, SCRIPT
from work.site import DETAILS

JOB = Job("a test")
BYTES = {"Content-Type": "application/offset+octet-stream", "Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
GIB = 2**30


@pytest.fixture
def owner(crowd: Crowd) -> Person:
    return crowd.people["owner"]


def sent(who: Person, files: list[tuple[str, bytes]], **more: Any) -> dict[str, Any]:
    """A contribution of these files, by tus. The receipt, with ``id`` and ``capture``."""
    offered = [{"name": name, "size": len(data), "type": "image/jpeg"} for name, data in files]
    begun = who.ask("POST", "/api/v1/contributions", json={"files": offered, "details": {**DETAILS, **more}})
    assert begun.status_code == 201, begun.text
    made = begun.json()
    for told, (_, data) in zip(made["files"], files, strict=True):
        assert who.ask("PATCH", told["url"], content=data, headers=BYTES).status_code == 204
    done = who.ask("POST", f"{made['url']}/complete")
    assert done.status_code == 200, done.text
    return {**done.json(), "id": made["id"]}


def ingested(crowd: Crowd, who: Person, contribution: str) -> str:
    """What a worker does with it, up to the reconstruction."""
    work_for(crowd.service)  # other houses of this process have their own
    with crowd.service.database.reading() as session:
        capture = session.query(Capture).where(Capture.contribution == contribution).one().id
    preserve(JOB, who.account, contribution, capture)
    look(JOB, who.account, contribution, capture)
    free(JOB, who.account, contribution, capture)
    return capture


def kept(crowd: Crowd, capture: str) -> Mapping[str, bytes]:
    found = read_object(crowd.service.archive.main, object_key(capture))
    return {
        path.removeprefix("originals/"): found.read(path)
        for path in found.inventory.files() if path.startswith("originals/")
    }  # fmt: skip


def memory() -> int:
    """The most that this process has used, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def everywhere(folder: Path) -> Iterator[str]:
    return (str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_hostile_files_are_kept_as_they_came_and_no_worker_dies(crowd: Crowd, owner: Person) -> None:
    before, most = set(everywhere(crowd.folder.parent)), memory()
    receipt = sent(owner, list(FILES.items()))
    capture = ingested(crowd, owner, receipt["id"])
    originals = kept(crowd, capture)
    assert originals == FILES  # whatever they are: the archive keeps what it was given
    assert {one["name"]: one["sha256"] for one in receipt["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()
    }
    new = set(everywhere(crowd.folder.parent)) - before
    inside = f"{crowd.folder.name}/data/"
    assert all(path.startswith((f"{inside}archive/", f"{inside}private/")) for path in new), new
    assert not any(name in path for path in new for name in ("evil", ".."))
    assert memory() - most < GIB


def test_hostile_names_become_names(crowd: Crowd, owner: Person) -> None:
    receipt = sent(owner, [(name, f"{number}".encode()) for number, name in enumerate(NAMES)])
    names = [one["name"] for one in receipt["files"]]
    assert len({name.casefold() for name in names}) == len(NAMES)  # none took another's place
    for name in names:
        assert name == Path(name).name and not name.startswith((".", "~")) and len(name.encode()) < 256
        assert name.isprintable() and not set(name) & set('\\:*?"<>|'), name
    capture = ingested(crowd, owner, receipt["id"])
    assert sorted(kept(crowd, capture).values()) == sorted(f"{n}".encode() for n in range(len(NAMES)))


def test_why_they_cannot_be_used_is_said_in_plain_words(crowd: Crowd, owner: Person, tmp_path: Path) -> None:
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    most = memory()
    found = find_photos([tmp_path])
    reasons = {one.path.name: one for one in found.others}
    photos = {one.path.name for one in found.photos}
    assert photos == {
        "jpeg-and-zip.jpg",
        "pdf-and-jpeg.jpg",
        "html-in-comment.jpg",
    }  # they are photos as well
    assert set(reasons) == FILES.keys() - photos
    for name, one in reasons.items():
        words = f"{one.reason} {one.advice}"
        assert 10 < len(words) < 300 and "Error" not in words and str(tmp_path) not in words, (name, words)
    assert memory() - most < GIB


def test_the_contributor_learns_the_reason_and_no_markup_comes_back(crowd: Crowd, owner: Person) -> None:
    name = SCRIPT.decode()
    files = [
        ("page.html", FILES["html.jpg"]),
        ("half.jpg", FILES["half.jpg"]),
        ("three.png", FILES["bomb.png"]),
    ]
    receipt = sent(owner, files, title=name, place=name)
    capture = ingested(crowd, owner, receipt["id"])
    job = Job("a test")
    with pytest.raises(InputError) as refused:
        modelling.make(job, crowd.service.archive.mint(), "", [capture])
    modelling.explain(JOB, [capture], refused.value.message, refused.value.advice)
    page = owner.ask("GET", f"/contributions/{receipt['id']}")
    assert page.status_code == 200 and name not in page.text and "&lt;script&gt;" in page.text
    assert str(refused.value.message) in page.text.replace("&#39;", "'")
    told = owner.ask("GET", f"/contributions/{receipt['id']}/receipt")
    assert (
        told.headers["Content-Type"] == "application/json"
        and told.headers["X-Content-Type-Options"] == "nosniff"
    )
    assert told.headers["Content-Disposition"].startswith("attachment")


def test_no_address_gives_an_original_back(crowd: Crowd, owner: Person) -> None:
    receipt = sent(owner, [("page.html", FILES["page.html"]), ("photo.jpg", HONEST)])
    capture = ingested(crowd, owner, receipt["id"])
    tail = capture.rpartition("/")[2]
    for who in ("owner", "everything"):
        for path in (f"/contributions/{receipt['id']}/page.html", f"/review/{tail}/files/page.html",
                     f"/review/{crowd.review}/files/../../page.html", f"/static/../{tail}/page.html",
                     f"/review/{crowd.review}/files/originals/page.html"):  # fmt: skip
            answer = crowd.people[who].ask("GET", path)
            assert answer.status_code < 500 and SCRIPT not in answer.content
    assert [one.key for one in crowd.service.files.list("")] == []
    drafts = {one.key for one in crowd.service.drafts.list("")}
    assert all(key.startswith((f"{crowd.review}/", "exports/")) for key in drafts)


def test_large_pictures_are_opened_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(HONEST)
    again = threading.Thread(target=read_photo, args=(path,))
    with read.opened(path, "image/jpeg"):
        read_photo(path)  # of this size as many as there are threads
        monkeypatch.setattr(read, "LARGE", 320 * 240 - 1)
    with read.opened(path, "image/jpeg"):
        read_photo(path)  # the same thread may look twice
        again.start()
        again.join(0.2)
        assert again.is_alive()
    again.join(20)
    assert not again.is_alive()


@pytest.mark.parametrize("name", ["jpeg-and-zip.jpg", "html-in-comment.jpg", "pdf-and-jpeg.jpg"])
def test_of_a_polyglot_only_the_picture_becomes_public(name: str) -> None:
    made = remade(FILES[name], longest_px=320)
    assert Image.open(io.BytesIO(made)).size == (320, 240)
    for part in (b"<script", b"<html", b"PK\x03\x04", b"%PDF", b"evil", b"Exif", b"\xff\xfe"):
        assert part not in made


@pytest.mark.parametrize(
    "name", ["bomb.png", "bomb.jpg", "bomb.tif", "strips.tif", "drawing.jpg", "heif.heic"]
)
def test_what_cannot_be_decoded_ends_in_words(name: str) -> None:
    with pytest.raises(UnreadablePhoto) as refused:
        remade(FILES[name], longest_px=320)
    assert str(refused.value.message) and "Traceback" not in json.dumps(str(refused.value.message))


def test_a_decoder_that_takes_too_much_is_ended() -> None:
    with pytest.raises(UnreadablePhoto):
        decoded(HONEST, limits=Limits(memory_bytes=64 << 20))
