"""Deposits: recordings as they came, models that name their captures, descriptions as later versions."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from keeping import contents, flip, folder_with, make, recording, tree
from oberih.archive import Archive, deposit_capture, deposit_model, describe, open_archive, reuse, verify
from oberih.archive import deposit as module
from oberih.archive.identifiers import mint
from oberih.archive.index import LONG_AGO, UNCHECKED, Replica
from oberih.archive.metadata import CaptureInfo, Description, ModelInfo, read_premis
from oberih.archive.people.records import add_person, withdraw_person
from oberih.errors import Cancelled, Conflict, InputError, NotInArchive
from oberih.progress import Progress
from ocfl_help import ocfl_py_root

PHOTOS = {"one.jpg": b"not really a photo", "detail/two.jpg": b"nor is this", "notes.txt": "Цегла".encode()}
REPORT = {"made_at": "2026-11-20T10:00:00Z", "made_by": "Oberih 0.1.0", "surface": {"triangles": 12},
          "scale": {"unit": "m"}, "error": {"total": {"value": 0.01, "unit": "m"}}}  # fmt: skip


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return make(tmp_path / "archive")[0]


def model_folder(path: Path) -> Path:
    parts = {"model.glb": b"glTF", "report.json": json.dumps(REPORT).encode(), "paradata.json": b"{}"}
    return folder_with(path, {**parts, "work/depth/1.npy": b"large and needed no more"})


def left_over(archive: Archive) -> list[Path]:
    """Files of the main store that are no part of the storage root itself."""
    main = archive.folder / "main"
    return [p for p in main.glob("*/**/*") if p.is_file() and main / "extensions" not in p.parents]


def test_a_capture_is_kept_byte_for_byte(archive: Archive, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "church", PHOTOS)
    before = tree(folder)
    stork = add_person(archive, {"name": "Stork"})
    made = deposit_capture(archive, [folder], conditions="rain", person=stork)
    assert tree(folder) == before  # nothing was written into what a person recorded
    held = contents(archive, made.id)
    assert {n.removeprefix("originals/"): d for n, d in held.items() if n.startswith("originals/")} == PHOTOS
    assert made.files == {n: hashlib.sha512(d).hexdigest() for n, d in held.items()}
    info = CaptureInfo.load(held["capture.json"])
    assert (info.person, info.conditions, info.files) == (stork, "rain", 3)
    about = json.loads(held["object.json"])
    assert (about["kind"], about["title"], about["person"]) == ("capture", "church", stork)
    assert ocfl_py_root(archive.folder / "main") == ""


@pytest.mark.parametrize("person", ["Olha Kovalenko, +380", "../../x", "person-gk8t2n5x7wq3mm"])
def test_a_person_is_named_by_a_pseudonym_only(archive: Archive, tmp_path: Path, person: str) -> None:
    """What is written goes to every store, for ever."""
    with pytest.raises(InputError, match="pseudonym"):
        deposit_capture(archive, [folder_with(tmp_path / "church", PHOTOS)], person=person)
    assert list(archive.index.objects()) == [] == left_over(archive)


def test_nothing_new_of_whom_has_withdrawn(archive: Archive, tmp_path: Path) -> None:
    stork = add_person(archive, {"name": "Stork"})
    withdraw_person(archive, stork, "request")
    with pytest.raises(InputError, match="withdrawn"):
        deposit_capture(archive, [folder_with(tmp_path / "church", PHOTOS)], person=stork)
    assert list(archive.index.objects("capture")) == []


def test_the_receipt_stands_for_every_byte(archive: Archive, tmp_path: Path) -> None:
    made = recording(archive, tmp_path)
    found = archive.object(made.id)
    inventory = archive.folder / "main" / found.key / "inventory.json"
    assert hashlib.sha512(inventory.read_bytes()).hexdigest() == made.digest == found.digest
    entry = archive.entry(made.id)
    assert (entry.digest, entry.head, entry.kind, entry.title) == (
        made.digest,
        "v1",
        "capture",
        "Recording 0",
    )
    assert [(r.store, r.state) for r in archive.index.replicas(made.id)] == [("main", "good")]


def test_what_happened_is_told_in_premis(archive: Archive, tmp_path: Path) -> None:
    made = recording(archive, tmp_path)
    told = read_premis(archive.object(made.id).read("premis.xml"))
    assert [e.type for e in told.events] == ["capture", "message digest calculation", "ingestion"]
    files = {o.original_name: o for o in told.objects if o.category == "file"}
    assert files["originals/photo-0.jpg"].fixity["sha512"] == made.files["originals/photo-0.jpg"]
    assert set(files) == set(made.files) - {"premis.xml"}


def test_a_model_names_its_captures(archive: Archive, tmp_path: Path) -> None:
    captures = [recording(archive, tmp_path, seed) for seed in (1, 2)]
    made = deposit_model(archive, model_folder(tmp_path / "model"), captures, title="Church")
    held = contents(archive, made.id)
    assert not any(path.startswith("work/") for path in held)
    model = ModelInfo.load(held["model.json"])
    assert [(c.identifier, c.inventory_digest) for c in model.captures] == [
        (c.id, c.digest) for c in captures
    ]
    assert model.triangles == 12 and model.error is not None and model.error.value == 0.01
    about = json.loads(held["object.json"])
    assert about["captures"] == [{"id": c.id, "version": "v1", "digest": c.digest} for c in captures]
    told = read_premis(held["premis.xml"])
    sources = {o.identifier for e in told.events for o in e.objects if o.role == "source"}
    assert {c.id for c in captures} <= sources


@pytest.mark.parametrize("missing", ["model.glb", "report.json", "paradata.json"])
def test_half_a_model_is_none(archive: Archive, tmp_path: Path, missing: str) -> None:
    folder = model_folder(tmp_path / "model")
    (folder / missing).unlink()
    with pytest.raises(InputError, match=missing):
        deposit_model(archive, folder, [])
    (folder / missing).write_bytes(b"[")
    if missing == "report.json":
        with pytest.raises(InputError, match=r"report.json"):
            deposit_model(archive, folder, [])
    assert left_over(archive) == []


def test_descriptions_are_later_versions(archive: Archive, tmp_path: Path) -> None:
    made = recording(archive, tmp_path)
    words = Description.make({"titles": {"uk": "Церква", "en": "Church"}, "kind": "building"})
    second = describe(archive, made.id, words)
    third = describe(archive, made.id, Description.make({"titles": {"uk": "Храм"}, "kind": "building"}))
    assert (second.version, third.version) == ("v2", "v3")
    found = archive.object(made.id)
    assert Description.load(found.read("description.json", "v2")) == words
    assert Description.load(found.read("description.json")).titles["uk"] == "Храм"
    assert "description.json" not in found.inventory.files("v1")
    assert archive.entry(made.id).title == "Храм"
    assert found.read("originals/photo-0.jpg") == found.read("originals/photo-0.jpg", "v1")
    assert read_premis(found.read("premis.xml")).events[0].type == "metadata modification"
    assert ocfl_py_root(archive.folder / "main") == ""


def test_two_who_describe_at_once(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = recording(archive, tmp_path)
    words = Description.make({"titles": {"en": "Church"}, "kind": "building"})
    stale = archive.object(made.id)
    describe(archive, made.id, words)
    monkeypatch.setattr(Archive, "object", lambda *_: stale)  # read before the other's came
    with pytest.raises(Conflict):
        describe(archive, made.id, words)
    monkeypatch.undo()
    assert archive.object(made.id).head == "v2"


ODD = [
    "кирилиця й \N{COMBINING ACUTE ACCENT}.jpg",
    "a" * 251 + ".jpg",
    "д" * 127,
    "line\nbreak.jpg",
    "back\\slash",
    "%41",
    "e\u0301.jpg",
    "\u00e9.jpg",
    " spaces ",
    "con.txt",
    "-rf",
    "semi;colon$HOME`id`",
]


def test_odd_names_come_back(archive: Archive, tmp_path: Path) -> None:
    files = {name: name.encode() for name in ODD}
    files |= {"/".join(["deep" * 20] * 9) + "/x": b"a path of 730 bytes"}
    made = deposit_capture(archive, [folder_with(tmp_path / "odd", files)])
    held = contents(archive, made.id)
    assert {n.removeprefix("originals/"): d for n, d in held.items() if n.startswith("originals/")} == files
    assert ocfl_py_root(archive.folder / "main") == ""


def test_names_that_are_not_unicode_are_kept_readable(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    Path(tmp_path / "old", os.fsdecode(b"\xf1\xe2.jpg")).write_bytes(b"x")
    made = deposit_capture(archive, [tmp_path / "old"])
    assert "originals/%F1%E2.jpg" in made.files


def test_links_and_pipes(archive: Archive, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "mixed", {"photo.jpg": b"photo", ".hidden": b"hidden"})
    elsewhere = folder_with(tmp_path / "elsewhere", {"real.jpg": b"real"})
    (folder / "link.jpg").symlink_to(elsewhere / "real.jpg")  # what a person put there is meant
    made = deposit_capture(archive, [folder])
    originals = [path for path in made.files if path.startswith("originals/")]
    assert originals == ["originals/.hidden", "originals/link.jpg", "originals/photo.jpg"]
    assert contents(archive, made.id)["originals/link.jpg"] == b"real"
    os.mkfifo(folder / "pipe")
    for paths in ([folder], ["/dev/null"]):
        with pytest.raises(InputError, match="neither a file nor a folder"):
            deposit_capture(archive, paths)


def test_nothing_is_missing_unnoticed(archive: Archive, tmp_path: Path) -> None:
    """A link that leads nowhere was a photo once."""
    folder = folder_with(tmp_path / "mixed", {"photo.jpg": b"photo"})
    (folder / "lost.jpg").symlink_to(tmp_path / "gone.jpg")
    with pytest.raises(InputError, match=r"lost\.jpg") as caught:
        deposit_capture(archive, [folder])
    assert "Nothing was deposited" in caught.value.advice
    with pytest.raises(InputError, match="gone"):
        deposit_capture(archive, [tmp_path / "gone"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no files"):
        deposit_capture(archive, [tmp_path / "empty"])
    assert left_over(archive) == [] and list(archive.index.objects()) == []


def test_a_file_that_vanishes_leaves_nothing(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_with(tmp_path / "church", PHOTOS)
    found = module.recordings

    def then_vanishes(*arguments: object, **named: object) -> object:
        seen = found(*arguments, **named)  # type: ignore[arg-type]
        (folder / "one.jpg").unlink()
        return seen

    monkeypatch.setattr(module, "recordings", then_vanishes)
    with pytest.raises(InputError, match=r"one\.jpg"):
        deposit_capture(archive, [folder])
    assert left_over(archive) == [] and list(archive.index.objects()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(archive: Archive, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "church", PHOTOS)
    (folder / "one.jpg").chmod(0)
    with pytest.raises(InputError, match=r"one\.jpg"):
        deposit_capture(archive, [folder])
    assert left_over(archive) == []


def test_a_deposit_that_is_stopped_leaves_nothing(archive: Archive, tmp_path: Path) -> None:
    progress = Progress(lambda event: progress.stop.set() if event.kind == "tick" else None)
    folder = folder_with(tmp_path / "church", {f"{n}.jpg": bytes([n]) * 100_000 for n in range(20)})
    with pytest.raises(Cancelled):
        deposit_capture(archive, [folder], progress=progress)
    assert left_over(archive) == [] and list(archive.index.objects()) == []


def test_the_archive_itself_is_never_deposited(archive: Archive, tmp_path: Path) -> None:
    folder_with(tmp_path / "photos", PHOTOS)
    made = deposit_capture(archive, [tmp_path])  # the archive lies in it
    assert [p for p in made.files if "photos/" not in p and p.startswith("originals/")] == []


def test_what_was_deposited_before_is_known_again(archive: Archive, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "church", PHOTOS)
    assert reuse.deposited_before(archive, [folder], tmp_path / "out") is None
    first = deposit_capture(archive, [folder])
    assert reuse.deposited_before(archive, [folder], tmp_path / "out") == first
    (archive.folder / "main" / archive.object(first.id).key / "inventory.json").write_bytes(b"damaged")
    assert reuse.deposited_before(archive, [folder], tmp_path / "out") is None  # damage keeps nobody waiting
    (folder / "one.jpg").write_bytes(b"another")
    deposit_capture(archive, [folder])
    assert len(list(archive.index.objects("capture"))) == 2


def test_only_what_is_safe_counts_as_deposited(archive: Archive, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "church", PHOTOS)
    made = deposit_capture(archive, [folder])
    one = next((archive.folder / "main" / archive.object(made.id).key).rglob("one.jpg"))
    data = one.read_bytes()
    for spoiled in (None, data + b"x", data[:-1]):
        one.unlink() if spoiled is None else one.write_bytes(spoiled)
        assert reuse.deposited_before(archive, [folder], tmp_path / "out") is None, spoiled
    one.write_bytes(data[::-1])
    assert not verify(archive).whole  # known to be damaged now
    assert reuse.deposited_before(archive, [folder], tmp_path / "out") is None
    one.write_bytes(data)
    assert verify(archive).whole and reuse.deposited_before(archive, [folder], tmp_path / "out") == made
    archive.index.put([], [Replica(made.id, "main", "v1", UNCHECKED, LONG_AGO)])  # after a rebuild
    assert reuse.deposited_before(archive, [folder], tmp_path / "out") == made
    one.write_bytes(data[::-1])
    assert reuse.deposited_before(archive, [folder], tmp_path / "out") is None


def test_who_looks_for_a_capture_does_not_read_all_of_them(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(5):
        recording(archive, tmp_path, seed, files=seed + 6)
    folder = folder_with(tmp_path / "church", PHOTOS)
    made = deposit_capture(archive, [folder])
    asked = []
    true = Archive.object
    monkeypatch.setattr(Archive, "object", lambda *given: (asked.append(given[1]), true(*given))[1])
    assert reuse.deposited_before(archive, [folder], tmp_path / "out") == made and asked == [made.id]


def test_a_description_makes_no_damaged_copy_good(archive: Archive, tmp_path: Path) -> None:
    made = recording(archive, tmp_path)
    (before,) = archive.index.replicas(made.id)
    flip(next((archive.folder / "main").rglob("photo-0.jpg")))
    verify(archive)
    (damaged,) = archive.index.replicas(made.id)
    describe(archive, made.id, Description.make({"titles": {"en": "Church"}}))
    (after,) = archive.index.replicas(made.id)
    assert before.state == "good" and damaged.state == after.state == "damaged"
    assert (after.head, after.checked) == ("v2", damaged.checked)
    assert verify(archive, due=True).checked == 1


def test_an_archive_is_opened_again(archive: Archive, tmp_path: Path) -> None:
    made = recording(archive, tmp_path)
    again = open_archive(archive.folder)
    assert contents(again, made.id) == contents(archive, made.id)
    assert again.entry(made.id.upper().replace("ARK:/", "https://n2t.net/ark:")).id == made.id
    with pytest.raises(NotInArchive):
        again.object(mint())
    with pytest.raises(NotInArchive, match="no archive"):
        open_archive(tmp_path)
    with pytest.raises(InputError, match="not empty"):
        open_archive(tmp_path, create=True)


def test_a_making_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    """At each step: no settings yet, nothing but them, a main store that they do not know, no index."""
    archive = make(tmp_path / "a")[0]
    settings = (archive.folder / "oberih.toml").read_text()
    first = "".join(line for line in settings.splitlines(True) if not line.startswith("id = "))
    main = {
        str(path.relative_to(archive.folder)): data for path, data in tree(archive.folder / "main").items()
    }
    for n, (text, files) in enumerate([("", {}), (first, {}), (first, main), (settings, main)]):
        files = {**files, **({"oberih.toml": text.encode()} if text else {}), ".oberih.toml.x1": b"copies ="}
        folder = folder_with(tmp_path / f"b{n}", files)
        assert list(open_archive(folder, create=True).index.objects()) == []
        recording(open_archive(folder), tmp_path)


def test_an_index_that_is_gone_is_not_an_empty_archive(archive: Archive, tmp_path: Path) -> None:
    recording(archive, tmp_path)
    (archive.folder / "index.sqlite").unlink()
    for _ in range(2):
        with pytest.raises(NotInArchive, match="index") as caught:
            open_archive(archive.folder)
        assert "oberih rebuild" in caught.value.advice
    (archive.folder / "index.sqlite").write_bytes(b"no database at all, but long enough to be looked at")
    with pytest.raises(InputError, match="cannot be used"):
        open_archive(archive.folder)
