"""The commands of the archive: what they say, how they end, for people and for programs."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keeping import flip, folder_with
from oberih.archive import open_archive
from oberih.archive.exchange import incoming
from oberih.archive.ocfl import object_key
from oberih.cli import run
from oberih.errors import Cancelled, StoreError
from ocfl_help import ocfl_py_root

ID = re.compile(r"ark:/99999/\w+")
Said = Callable[..., str]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Photos in ``photos``, the archive in ``archive``."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("OBERIH_ARCHIVE", "archive")
    monkeypatch.chdir(tmp_path)
    folder_with(tmp_path / "photos", {"one.jpg": b"one" * 500, "two.jpg": b"two" * 500})
    return tmp_path


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs a command; gives what it said on standard output and, if it failed, on standard error."""

    def command(*arguments: object, code: int = 0) -> str:
        capsys.readouterr()
        ended = run([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        assert ended == code, (arguments, ended, shown.out, shown.err)
        assert "Traceback" not in shown.err + shown.out
        return str(shown.out if code == 0 else shown.out + shown.err)

    return command


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Runs a command; gives the last JSON line."""

    def command(*arguments: object, code: int = 0) -> dict[str, Any]:
        capsys.readouterr()
        ended = run([*map(str, arguments), "--progress", "json"])
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert ended == code, (arguments, ended, lines[-1:])
        assert lines[-1]["kind"] == (
            "result" if code in (0, 1, 10, 13, 14) and "error" not in lines[-1] else "error"
        )
        return dict(lines[-1])

    return command


@pytest.fixture
def kept(told: Callable[..., dict[str, Any]]) -> str:
    """An archive with a capture, a second store and a custodian; the identifier of the capture."""
    told("custodians", "add", "ada")
    told("stores", "add", "second", "second", "--threat", "Lviv")
    return str(told("deposit", "photos", "--title", "Church")["deposited"][0]["id"])


@pytest.fixture(scope="module")
def kept_for_all(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The same, for tests that change nothing."""
    home = folder_with(tmp_path_factory.mktemp("home"), {"photos/one.jpg": b"one", "photos/two.jpg": b"two"})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        archive = ["--archive", "archive"]
        assert run(["custodians", "add", "ada", *archive]) == 0
        assert run(["stores", "add", "second", "second", *archive]) == 0
        assert run(["deposit", "photos", *archive]) == 0
    (capture,) = open_archive(home / "archive").index.objects("capture")
    return home, capture.id


def content(home: Path, store: str, name: str) -> Path:
    return next((home / store).rglob(name))


def test_from_deposit_to_drill(said: Said, home: Path) -> None:
    """All that a custodian does, in the order in which they do it."""
    assert "Custodian ada: age1" in said("custodians", "add", "ada", "--archive", "archive")
    assert (home / "ada.key").read_text().count("AGE-SECRET-KEY-1") == 1
    said("custodians", "add", "bohdan", "-o", "safe.key")
    assert "oberih replicate" in said("stores", "add", "second", home / "second", "--threat", "Lviv")
    said("stores", "add", "sealed", home / "sealed", "--untrusted")
    receipt = said("deposit", "photos", "--title", "Church", "--local", "--conditions", "rain")
    identifier = ID.search(receipt)[0]
    assert "2 files" not in receipt and "5 files" in receipt and re.search(r"[0-9a-f]{128}", receipt)
    assert "fewer good copies" in said("stores")
    assert "second: 2 objects copied." in said("replicate")
    assert "Nothing was to be copied" in said("replicate")
    shown = said("stores")
    assert "encrypted" in shown and "fewer" not in shown and "main" in shown.splitlines()[0]
    assert f"{identifier}  capture" in said("list") and "journal" in said("list", "--kind", "journal")
    assert "0 damaged, 0 healed" in said("verify")
    flip(content(home, "second", "one.jpg"))
    assert "DAMAGED: second" in said("verify", code=1)
    assert "healed: second" in said("verify", "--heal")
    words = {"titles": {"uk": "Церква", "en": "Church"}}
    (home / "words.json").write_text(json.dumps(words))
    assert "(v2)" in said("describe", identifier, "words.json")
    assert "Церква" in said("show", identifier) and "<oai_dc" in said(
        "show", identifier, "--as", "dublin-core"
    )
    assert "bag" in said("package", identifier, "-o", "bag")
    assert said("verify", "--bag", "bag").endswith("valid\n")
    said("package", identifier, "-o", "crate", "--as", "ro-crate")
    assert json.loads((home / "crate" / "ro-crate-metadata.json").read_text())
    said("replicate")
    assert said("drill", "--key", "safe.key").count("0 failed, 0 missing") == 3
    shutil.rmtree(home / "archive")
    assert "restored" in said("rebuild", "--from", "sealed", "--key", "ada.key")
    assert "Церква" in said("show", identifier) and ocfl_py_root(home / "archive" / "main") == ""


def test_json_lines(told: Callable[..., dict[str, Any]], kept: str, home: Path) -> None:
    assert [entry["id"] for entry in told("list", "--kind", "capture")["objects"]] == [kept]
    stores = told("stores")
    assert [store["name"] for store in stores["stores"]] == ["main", "second"]
    assert stores["stores"][1]["objects"] > 0 and stores["stores"][1]["trouble"] == ""
    flip(content(home, "second", "one.jpg"))
    found = told("verify", "--report", "report.json", code=1)
    assert found["damaged"][0]["id"] == kept and found["damaged"][0]["findings"][0]["code"] == "E092"
    report = json.loads((home / "report.json").read_text())
    assert report == {name: value for name, value in found.items() if name != "kind"}
    assert told("verify", "--heal", "--id", kept)["healed"][0]["store"] == "second"
    assert told("verify", "--quick")["bytes_read"] == 0 and told("verify", "--due")["copies_checked"] == 0
    assert told("replicate")["not_done"] == []
    assert told("drill", "--store", "second")["drills"][0]["good"]
    assert told("settings")["settings"]["copies"] == 3
    assert told("rebuild")["indexed"] > 2
    assert told("show", "ark:/99999/zz", code=2)["error"] == "InputError"


def test_where_the_archive_is(said: Said, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said("deposit", "photos", "--archive", "other")
    assert (home / "other" / "oberih.toml").is_file() and not (home / "archive").exists()
    monkeypatch.setenv("OBERIH_ARCHIVE", str(home / "other"))
    assert "photos" in said("list")
    monkeypatch.delenv("OBERIH_ARCHIVE")
    for command in (["list"], ["stores"], ["verify"], ["replicate"], ["deposit", "photos"], ["rebuild"]):
        assert "--archive" in said(*command, code=2)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["deposit"], 2, "Give the files"),
        (["deposit", "gone"], 2, "no file or folder gone"),
        (["deposit", "photos", "--description", "gone.json"], 2, "gone.json cannot be read"),
        (["deposit", "photos", "--description", "photos/one.jpg"], 2, "What to do"),
        (["deposit", "photos", "--bag"], 2, "The bag is not valid"),
        (["deposit", "photos", "photos", "--sheet", "list.csv"], 2, "one folder"),
        (["deposit", "photos", "--sheet", "gone.csv"], 2, "gone.csv"),
        (["deposit", "--from-archive", "gone"], 10, "gone"),
        (["show", "ark:/99999/b1"], 2, "no identifier"),
        (["show", "{id}", "--as", "lido"], 2, "no description"),
        (["describe", "{id}", "gone.json"], 2, "cannot be read"),
        (["describe", "{id}", "photos/one.jpg"], 2, "What to do"),
        (["package", "{id}", "-o", "photos"], 2, "there already"),
        (["stores", "add", "second", "elsewhere"], 2, "already"),
        (["stores", "add", "third", "second"], 2, "at this place"),
        (["stores", "add", "third", "archive/main"], 2, "at this place"),
        (["stores", "add", "Not a name", "elsewhere"], 2, "Not a name"),
        (["stores", "add", "third", "ftp://elsewhere"], 2, "ftp://"),
        (["custodians", "add", "ada"], 2, "already"),
        (["custodians", "add", "eve", "--recipient", "age1nonsense"], 2, "no recipient"),
        (["custodians", "add", "eve", "-o", "ada.key"], 2, "there already"),
        (["custodians", "add", "Not a name"], 2, "Not a name"),  # and no key is written
        (["people", "show", "p-nobody"], 12, "Nobody"),
        (["people", "add", "--data", "photos/one.jpg"], 2, "JSON"),
        (["people", "add", "--data", "gone.json"], 2, "gone.json"),
        (["people", "withdraw", "p-nobody"], 2, "p-nobody"),
        (["replicate", "--store", "third"], 12, "no store third"),
        (["verify", "--store", "third"], 12, "no store third"),
        (["verify", "--id", "ark:/99999/b1"], 2, "no identifier"),
        (["verify", "--rate", "0"], 2, "--rate"),
        (["verify", "--bag", "gone"], 2, "no folder gone"),
        (["verify", "--object", "gone"], 2, "no folder gone"),
        (["verify", "--key", "gone.key"], 2, "gone.key"),
        (["verify", "--report", "gone/report.json"], 8, "gone"),
        (["drill", "--store", "third"], 12, "no store third"),
        (["drill", "--scratch", "photos"], 2, "not empty"),
        (["rebuild", "--from", "photos"], 12, "no objects"),
        (["list", "--archive", "photos"], 12, "no archive"),
        (["deposit", "photos", "--archive", "photos"], 2, "not empty"),
    ],
)
def test_mistakes(
    said: Said, kept_for_all: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, arguments: list[str],
    code: int, words: str,
) -> None:  # fmt: skip
    """Each is told, and none leaves a trace."""
    home, identifier = kept_for_all
    monkeypatch.chdir(home)
    before = sorted(p for p in home.rglob("*") if "index.sqlite" not in p.name)
    objects = said("list", "--kind", "capture")
    shown = said(*(argument.format(id=identifier) for argument in arguments), code=code)
    assert words in shown and ("What to do" in shown or "Usage" in shown)
    assert said("list", "--kind", "capture") == objects
    if arguments[0] not in ("verify", "drill"):  # these write down that they ran
        assert sorted(p for p in home.rglob("*") if "index.sqlite" not in p.name) == before


def test_no_good_copy_left_is_said_loudly(said: Said, kept: str, home: Path) -> None:
    for store in ("archive/main", "second"):
        flip(content(home, store, "one.jpg"))
    shown = said("verify", "--heal", code=13)
    assert "LOST" in shown and kept in shown and "Nothing was changed" in shown


def test_what_no_key_opens_is_lost_until_there_is_one(said: Said, kept: str, home: Path) -> None:
    said("stores", "add", "far", "far", "--untrusted", "--threat", "abroad")
    said("replicate")
    for store in ("archive/main", "second"):
        flip(content(home, store, "one.jpg"))
    assert "LOST" in said("verify", "--heal", code=13)
    assert "2 healed" in said("verify", "--heal", "--key", "ada.key")


def test_rebuilding_says_what_came_back_and_what_did_not(said: Said, kept: str, home: Path) -> None:
    said("stores", "add", "far", "far", "--append-only", "--threat", "abroad")
    said("replicate")
    shown = said("rebuild", "--from", "second", "--archive", "new")
    assert "Stores: far, second. Custodians: ada." in shown
    for store in ("new/main", "second"):
        shutil.rmtree(content(home, store, "one.jpg").parents[4])
    assert "far" in said("rebuild", "--archive", "new", code=12)


def test_a_store_that_is_away(said: Said, kept: str, home: Path) -> None:
    (home / "second").rename(home / "unplugged")
    assert "NOT CHECKED: second" in said("verify", code=10)
    assert "second" in said("replicate", code=10)
    shown = said("deposit", "photos", code=10)
    assert "Deposited: " in shown and "Not done" in shown  # but it is in the archive
    assert re.search(r"second .*there", said("stores")) or "second" in said("stores")


def stopped(*_: object, **__: object) -> None:
    raise Cancelled("Stopped.")


def test_a_stop_while_copies_are_made_swallows_no_receipt(
    said: Said, told: Callable[..., dict[str, Any]], kept: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("oberih.archive.replicate", stopped)
    assert "Deposited: ark:" in said("deposit", "photos", code=130)
    assert run(["deposit", "photos", "--progress", "json"]) == 130
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (receipt,) = [line for line in lines if line["kind"] == "deposited"]
    assert receipt["id"] != kept and len(receipt["files"]) == 5


def test_a_model_of_which_a_copy_is_not_made(
    said: Said, told: Callable[..., dict[str, Any]], kept: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"model.glb": b"glTF", "report.json": b'{"surface": {"triangles": 1}}', "paradata.json": b"{}"}

    def reconstruct(_: object, out: Path, *__: object, **___: object) -> SimpleNamespace:
        folder_with(out, parts)
        return SimpleNamespace(report_json=out / "report.json")

    monkeypatch.setattr("oberih.work.walk.reconstruct", reconstruct)
    monkeypatch.setattr("oberih.cli.reconstruct.summary", lambda *_: [])
    (home / "second").rename(home / "unplugged")
    done = told("reconstruct", "photos", "-o", "out", code=10)
    assert done["kind"] == "result" and done["not_done"] and done["capture"] == kept
    (home / "unplugged").rename(home / "second")
    again = told("reconstruct", "photos", "-o", "out")
    assert again["not_done"] == [] and again["model"] == done["model"]
    monkeypatch.setattr("oberih.work.walk.replicate", stopped)
    assert "Deposited: " + kept in said("reconstruct", "photos", "-o", "out", code=130)


def test_what_nobody_knows_is_no_good_end(said: Said, kept: str, home: Path) -> None:
    assert said("deposit", "photos", "--archive", "other", "--local")
    (stranger,) = open_archive(home / "other").index.objects("capture")
    key = object_key(stranger.id)
    shutil.copytree(home / "other" / "main" / key, home / "second" / key)
    shown = said("verify", code=1)
    assert "UNKNOWN on second" in shown and "oberih rebuild --from second" in shown
    assert stranger.id not in said("list")
    said("rebuild", "--from", "second")
    said("replicate")
    assert stranger.id in said("list") and "UNKNOWN" not in said("verify")


def test_people(said: Said, told: Callable[..., dict[str, Any]], kept: str, home: Path) -> None:
    (home / "data.json").write_text(json.dumps({"name": "Stork"}))
    pseudonym = said("people", "add", "--data", "data.json").strip()
    assert json.loads(said("people", "show", pseudonym, "--key", "ada.key")) == {"name": "Stork"}
    assert "encrypted" in said("people", "show", pseudonym, code=14)
    assert said("deposit", "photos", "--person", pseudonym)
    assert "withdrawn" in said("people", "withdraw", pseudonym)
    assert "withdrew" in said("people", "show", pseudonym, "--key", "ada.key", code=14)
    assert "0 damaged" in said("verify")


def test_anybody_s_objects_and_bags(
    said: Said, told: Callable[..., dict[str, Any]], kept: str, home: Path
) -> None:
    folder = content(home, "archive/main", "0=ocfl_object_1.1").parent
    assert said("verify", "--object", folder).strip().endswith("valid")
    flip(folder / "inventory.json")
    shown = said("verify", "--object", folder, code=1)
    assert re.search(r"error E\d+", shown) and "INVALID" in shown
    assert told("verify", "--object", folder, code=1)["valid"] is False
    (home / "no bag").mkdir()
    assert "RFC8493-2" in said("verify", "--bag", "no bag", code=1)


def test_receipts_are_told_at_once(
    kept: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    (home / "list.csv").write_text("file,title\none.jpg,First\ntwo.jpg,Second\n")
    deposit = incoming.deposit_files

    def second_fails(archive: Any, files: dict[str, Path], *arguments: Any, **named: Any) -> Any:
        if "originals/two.jpg" in files:
            raise StoreError("There is no room left.")
        return deposit(archive, files, *arguments, **named)

    monkeypatch.setattr(incoming, "deposit_files", second_fails)
    for form, told in (("json", '{"kind": "deposited"'), ("plain", "Deposited: ark:")):
        capsys.readouterr()
        assert run(["deposit", "photos", "--sheet", "list.csv", "--local", "--progress", form]) == 10
        assert told in capsys.readouterr().out
        (home / "list.csv").write_text("file,title\none.jpg,Another\ntwo.jpg,Second\n")


def test_what_others_have(said: Said, told: Callable[..., dict[str, Any]], kept: str, home: Path) -> None:
    said("package", kept, "-o", "bag.zip")
    assert "Deposited" in said("deposit", "--bag", "bag.zip", "--local")
    (home / "list.csv").write_text("file,title\none.jpg,First\ntwo.jpg,Second\n")
    assert said("deposit", "photos", "--sheet", "list.csv", "--local").count("Deposited") == 2
    again = told("deposit", "photos", "--sheet", "list.csv", "--local")
    assert again["deposited"] == [] and len(again["already_there"]) == 2
    shown = said("deposit", "--from-archive", "second", "--archive", "new")
    assert "taken over" in shown and "0 objects" not in shown
    assert "0 objects" in said("deposit", "--from-archive", "second", "--archive", "new")
    assert kept in said("list", "--archive", "new")


def test_nobody_types_a_passphrase(said: Said, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("click.termui.hidden_prompt_func", nothing)
    assert "No passphrase" in said("custodians", "add", "ada", "--passphrase", code=2)
    assert not (home / "ada.key").exists()


def test_settings_show_no_secret(said: Said, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBERIH_STORES__SECOND__SECRET_KEY", "hush")
    shown = said("settings")
    assert "copies = 3" in shown and "hush" not in shown
    monkeypatch.setenv("OBERIH_COPIES", "many")
    assert "copies" in said("settings", code=2)


@pytest.mark.parametrize(
    "command", ["deposit", "list", "show", "describe", "package", "stores", "custodians", "people",
                "replicate", "settings", "verify", "rebuild", "drill"],
)  # fmt: skip
def test_help_in_two_languages(said: Said, command: str) -> None:
    assert "Usage: oberih" in said(command, "--help")
    ukrainian = said(command, "--help", "--lang", "uk") if command not in ("custodians", "people") else "а"
    assert re.search("[а-яі]", ukrainian)


def test_it_speaks_ukrainian(said: Said, kept: str, home: Path) -> None:
    assert "Збережено" in said("deposit", "photos", "--lang", "uk")
    flip(content(home, "second", "one.jpg"))
    assert "ПОШКОДЖЕНО" in said("verify", "--lang", "uk", code=1)
    assert "немає" in said("replicate", "--store", "third", "--lang", "uk", code=12).lower()


def test_what_a_way_of_depositing_has_no_place_for_is_refused(said: Said) -> None:
    said("deposit", "photos")
    for arguments in (
        ["--from-archive", "archive/main", "photos"],
        ["--sheet", "scans.csv", "photos", "--person", "person-gk8t2n5x7wq3mp"],
        ["--bag", "photos", "--sheet", "scans.csv"],
        ["--bag", "photos", "--conditions", "rain"],
    ):
        assert "does not go together with" in said("deposit", *arguments, code=2)


def test_names_that_are_no_utf_8(said: Said, home: Path) -> None:
    folder = os.fsdecode("Хата".encode("cp1251"))
    folder_with(home / folder, {"one.jpg": b"one"})
    assert ID.search(said("deposit", folder))
    assert "\\u" in said("list") or "\\x" in said("list") or "\\udc" in said("list")
    said("rebuild", "--archive", "new", "--from", "archive/main")
    for arguments in (["show", "x\udcff"], ["deposit", "photos", "--title", "x\udcff"]):
        assert "UTF-8" in said(*arguments, code=2)
    assert "UTF-8" in said("stores", "add", "other", folder, code=2)


def test_what_is_no_folder_is_no_store(said: Said, home: Path) -> None:
    said("deposit", "photos")
    (home / "file").write_text("mine")
    assert "no folder" in said("stores", "add", "other", "file", code=10)
    assert "no folder" in said("stores", "add", "other", "/proc/none", code=10)
    assert "not empty" in said("drill", "--scratch", "file", code=2)


def test_a_title_cannot_forge_lines_of_the_list(said: Said) -> None:
    said("deposit", "photos", "--title", "a\nark:/99999/forged  capture \x1b[31m" + "x" * 999)
    (line,) = said("list", "--kind", "capture").splitlines()
    assert "\x1b" not in line and len(line) < 300
