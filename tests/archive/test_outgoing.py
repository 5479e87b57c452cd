"""Objects given away: bags that a stranger's tool finds whole, crates that another library reads."""

import json
import warnings
import zipfile
from pathlib import Path

import bagit
import pytest
from rocrate.rocrate import ROCrate

from keeping import contents, flip, folder_with, make, placed, recording, tree
from oberih.archive import Archive, Deposited, deposit_model, describe
from oberih.archive.exchange import as_bag, as_crate, outgoing
from oberih.archive.exchange.bagit import validate_bag
from oberih.archive.identifiers import mint
from oberih.archive.metadata import Description
from oberih.errors import Damaged, InputError, NotInArchive

WORDS = Description.make({
    "titles": {"uk": "Церква", "en": "Church"},
    "summary": {"en": "A wooden church."},
    "rights": {"uri": "https://creativecommons.org/licenses/by/4.0/"},
})  # fmt: skip
Kept = tuple[Archive, Deposited]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    archive, _ = make(tmp_path / "archive")
    made = recording(archive, tmp_path)
    return archive, describe(archive, made.id, WORDS)


def payload(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder / "data").as_posix(): d for p, d in tree(folder / "data").items()}


def test_a_bag_holds_the_newest_version(kept: Kept, tmp_path: Path) -> None:
    archive, made = kept
    out = as_bag(archive, made.id, tmp_path / "bag")
    assert payload(out) == contents(archive, made.id)
    assert [f for f in validate_bag(out) if f.level == "error"] == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = bagit.Bag(str(out))
        assert read.is_valid()
    assert read.info["External-Identifier"] == made.id
    assert read.info["Internal-Sender-Identifier"] == f"v2 {made.digest}"
    assert read.info["External-Description"] == "Церква"


@pytest.mark.parametrize("ending", ["zip", "tar"])
def test_a_packed_bag(kept: Kept, tmp_path: Path, ending: str) -> None:
    out = as_bag(*kept_id(kept), tmp_path / f"bag.{ending}")
    assert out.is_file()
    if ending == "zip":
        with zipfile.ZipFile(out) as packed:
            assert packed.testzip() is None and "bag/bagit.txt" in packed.namelist()


def kept_id(kept: Kept) -> tuple[Archive, str]:
    return kept[0], kept[1].id


def test_large_files_can_be_left_to_be_fetched(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, made = kept
    monkeypatch.setattr(outgoing, "FETCHED", 2000)
    out = as_bag(archive, made.id, tmp_path / "bag", fetch="https://archive.example/files/")
    lines = (out / "fetch.txt").read_text().splitlines()
    assert "https://archive.example/files/originals/photo-0.jpg 2000 data/originals/photo-0.jpg" in lines
    for line in lines:  # somebody fetches them
        url, _, path = line.split(" ", 2)
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        name = url.removeprefix("https://archive.example/files/")
        (out / path).write_bytes(archive.object(made.id).read(name))
    assert [f for f in validate_bag(out) if f.level == "error"] == []


def test_a_crate_of_a_model(kept: Kept, tmp_path: Path) -> None:
    archive, capture = kept
    files = {"model.glb": b"glTF", "report.json": b"{}", "paradata.json": b"{}", "points.ply": b"ply"}
    model = deposit_model(archive, folder_with(tmp_path / "model", files), [capture], description=WORDS)
    out = as_crate(archive, model.id, tmp_path / "crate")
    crate = ROCrate(str(out))
    assert crate.name == "Церква" and crate.root_dataset["identifier"]
    graph = json.loads((out / "ro-crate-metadata.json").read_text())["@graph"]
    (action,) = [entity for entity in graph if entity["@type"] == "CreateAction"]
    assert capture.id in json.dumps(action) and "model.glb" in json.dumps(action)
    held = {p.relative_to(out).as_posix(): d for p, d in tree(out).items()}
    assert contents(archive, model.id).items() <= held.items()


def test_damage_is_never_given_away(kept: Kept, tmp_path: Path) -> None:
    archive, made = kept
    flip(next(placed(archive, "main", made.id).rglob("photo-1.jpg")))
    for give in (as_bag, as_crate):
        with pytest.raises(Damaged, match=r"photo-1\.jpg"):
            give(archive, made.id, tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten(kept: Kept, tmp_path: Path) -> None:
    archive, made = kept
    folder_with(tmp_path / "out", {"letter.txt": b"mine"})
    for give in (as_bag, as_crate):
        with pytest.raises(InputError, match="there already"):
            give(archive, made.id, tmp_path / "out")
        with pytest.raises(NotInArchive):
            give(archive, mint(), tmp_path / "new")
    assert [path.name for path in tree(tmp_path / "out")] == ["letter.txt"]


def test_where_and_as_what_nothing_is_packed(kept: Kept, tmp_path: Path) -> None:
    archive, made = kept
    before = tree(archive.folder)
    for give in (as_bag, as_crate):
        with pytest.raises(InputError, match="store main"):
            give(archive, made.id, archive.folder / "main" / "out")
        with pytest.raises(InputError, match="folder"):
            give(archive, made.id, tmp_path / "out.tar.gz")
    with pytest.raises(InputError, match="folder"):
        as_crate(archive, made.id, tmp_path / "out.zip")
    assert tree(archive.folder) == before and list(tmp_path.glob("out*")) == []
