"""Crates, read back by another library."""

import hashlib
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rocrate.rocrate import ROCrate

from oberih.archive.exchange.ro_crate import (
    Agent,
    CrateFile,
    CrateInfo,
    Made,
    Software,
    crate_id,
    write_crate,
)
from oberih.errors import Cancelled, InputError, OutputError

CC_BY = "https://creativecommons.org/licenses/by/4.0/"
INFO = CrateInfo(
    name="Church of Saint Nicholas / Церква святого Миколая",
    description="A model from 3 photos.",
    published=date(2026, 3, 9),
    license=CC_BY,
    license_name="CC BY 4.0",
    identifier="ark:/99999/a1b2",
    url="https://example.org/ark:/99999/a1b2",
    authors=(Agent("contributor 17"),),
    publisher=Agent("A museum", "https://example.org/", organization=True),
    keywords=("church", "wood"),
    made=(
        Made(
            "Reconstruction",
            sources=("capture/", "ark:/99999/capture"),
            results=("model.glb",),
            software=(Software("Oberih", "0.3.0", "https://example.org/oberih"),),
            agent=Agent("contributor 17"),
            ended=datetime(2026, 3, 8, 12, tzinfo=UTC),
        ),
    ),
)
FILES = [
    CrateFile("capture/фото 1.jpg", [b"one"]),
    CrateFile("capture/2.heic", [b"t", b"wo"]),
    CrateFile("model.glb", [b"glb"], name="Model", description="For viewers"),
    CrateFile("notes #1 100%.txt", [b"notes"]),
]


def graph(folder: Path) -> dict[str, dict[str, object]]:
    document = json.loads((folder / "ro-crate-metadata.json").read_text())
    assert document["@context"][0] == "https://w3id.org/ro/crate/1.2/context"
    entities = document["@graph"]
    assert len({entity["@id"] for entity in entities}) == len(entities), "every entity once"
    return {entity["@id"]: entity for entity in entities}


def test_another_library_reads_what_was_written(tmp_path: Path) -> None:
    path = write_crate(tmp_path / "crate", FILES, info=INFO)
    assert path == tmp_path / "crate" / "ro-crate-metadata.json"
    crate = ROCrate(tmp_path / "crate")
    assert crate.metadata["conformsTo"] == "https://w3id.org/ro/crate/1.2"
    root = crate.root_dataset
    assert (root["name"], root["description"]) == (INFO.name, INFO.description)
    assert root["datePublished"] == "2026-03-09"
    assert (root["license"].id, root["license"]["name"]) == (CC_BY, "CC BY 4.0")
    assert root["identifier"]["value"] == "ark:/99999/a1b2"
    assert root["author"]["name"] == "contributor 17"
    assert (root["publisher"].type, root["publisher"]["name"]) == ("Organization", "A museum")
    files = {unquote(entity.id): entity for entity in crate.get_by_type("File")}
    assert set(files) == {file.path for file in FILES}
    for file in FILES:
        data = b"".join(file.content)  # type: ignore[arg-type]
        entity = files[file.path]
        assert Path(entity.source).read_bytes() == data, "its identifier leads to the file"
        assert entity["contentSize"] == str(len(data))
        assert entity["sha256"] == hashlib.sha256(data).hexdigest()
        assert entity["sha512"] == hashlib.sha512(data).hexdigest()
    assert files["model.glb"]["encodingFormat"] == "model/gltf-binary"
    assert files["capture/2.heic"]["encodingFormat"] == "image/heic"
    assert (files["model.glb"]["name"], files["model.glb"]["description"]) == ("Model", "For viewers")


def test_a_reconstruction_links_capture_and_model(tmp_path: Path) -> None:
    write_crate(tmp_path / "crate", FILES, info=INFO)
    crate = ROCrate(tmp_path / "crate")
    (act,) = crate.get_by_type("CreateAction")
    assert [one.id for one in act["object"]] == ["capture/", "ark:/99999/capture"]
    assert {one.id for one in act["object"][0]["hasPart"]} == {"capture/фото%201.jpg", "capture/2.heic"}
    assert act["result"].id == "model.glb"
    assert (act["instrument"].type, act["instrument"]["version"]) == ("SoftwareApplication", "0.3.0")
    assert act["agent"] == crate.root_dataset["author"]
    assert act["endTime"] == "2026-03-08T12:00:00+00:00"


def test_every_file_is_reachable_from_the_root_and_every_reference_leads_somewhere(tmp_path: Path) -> None:
    write_crate(tmp_path / "crate", FILES, info=INFO)
    entities = graph(tmp_path / "crate")
    seen, left = set(), ["./"]
    while left:
        parts = entities[left.pop()].get("hasPart", [])
        ids = [part["@id"] for part in (parts if isinstance(parts, list) else [parts])]  # type: ignore[index]
        assert not seen & set(ids)
        seen |= set(ids)
        left += ids
    assert seen == {crate_id(file.path) for file in FILES} | {"capture/"}
    named = set(
        re.findall(r'\{\s*"@id": "([^"]+)"\s*\}', (tmp_path / "crate" / "ro-crate-metadata.json").read_text())
    )
    assert named - set(entities) == {"https://w3id.org/ro/crate/1.2"}


def test_little_need_be_known(tmp_path: Path) -> None:
    info = CrateInfo("Name", "What it is", date(2026, 1, 1), "Ask the museum.")
    write_crate(tmp_path / "crate", [CrateFile("x", [b""])], info=info, preview=False)
    assert sorted(path.name for path in (tmp_path / "crate").iterdir()) == ["ro-crate-metadata.json", "x"]
    entities = graph(tmp_path / "crate")
    assert entities["./"] == {
        "@id": "./", "@type": "Dataset", "name": "Name", "description": "What it is",
        "datePublished": "2026-01-01", "license": "Ask the museum.", "hasPart": {"@id": "x"},
    }  # fmt: skip
    assert ROCrate(tmp_path / "crate").root_dataset["license"] == "Ask the museum."


def test_the_preview_says_what_there_is_and_runs_nothing(tmp_path: Path) -> None:
    info = CrateInfo("<script>alert(1)</script>", 'a "quote"', date(2026, 1, 1), CC_BY)
    write_crate(tmp_path / "crate", [CrateFile("a b<i>.txt", [b"1"])], info=info)
    page = (tmp_path / "crate" / "ro-crate-preview.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page
    assert '<a href="a%20b%3Ci%3E.txt">a b&lt;i&gt;.txt</a>' in page


NAME = st.text(
    st.characters(exclude_characters="/\0\\", exclude_categories=["Cs"]), min_size=1, max_size=30
).filter(lambda name: name not in (".", "..", "~") and not re.match(r"~|[A-Za-z]:", name))


@settings(max_examples=25)
@given(st.lists(NAME, min_size=1, max_size=5, unique=True), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name_comes_back(names: list[str], description: str) -> None:
    info = CrateInfo("Name", description, date(2026, 1, 1), CC_BY)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "crate"
        write_crate(folder, [CrateFile(f"d/{name}", [name.encode()]) for name in names], info=info)
        crate = ROCrate(folder)
        found = {unquote(entity.id).removeprefix("d/"): entity for entity in crate.get_by_type("File")}
        assert set(found) == set(names)
        assert all(Path(entity.source).read_bytes() == name.encode() for name, entity in found.items())
        assert crate.root_dataset["description"] == (description or "Name")


@pytest.mark.parametrize("name", ["../x", "/x", "ro-crate-metadata.json", "ro-crate-preview.html"])
def test_names_that_a_crate_cannot_hold(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        write_crate(tmp_path / "crate", [CrateFile(name, [b""])], info=INFO)
    assert list(tmp_path.iterdir()) == []


def test_an_act_on_nothing_is_refused(tmp_path: Path) -> None:
    info = CrateInfo("n", "d", date(2026, 1, 1), CC_BY, made=(Made("?", ("gone.jpg",), ()),))
    with pytest.raises(InputError, match=r"gone\.jpg is neither"):
        write_crate(tmp_path / "crate", [], info=info)
    assert list(tmp_path.iterdir()) == []


def test_a_crate_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def stop(_: float) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        write_crate(tmp_path / "crate", FILES, info=INFO, tick=stop)
    assert list(tmp_path.iterdir()) == []
    write_crate(tmp_path / "crate", FILES, info=INFO)
    with pytest.raises(OutputError, match="is there already"):
        write_crate(tmp_path / "crate", FILES, info=INFO)
