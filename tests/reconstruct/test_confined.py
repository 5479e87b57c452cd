"""Strangers' photos are decoded where nothing can be seen but them, and nothing breaks but that."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from oberih.errors import Cancelled, StageFailed, UnreadablePhoto
from oberih.progress import Event, Progress
from oberih.reconstruct import reconstruct as directly
from oberih.reconstruct.confined import error_of, hear, reconstruct
from oberih.trust.sandbox import can_confine
from recipe import quick
from strangers import taken_over
from synthetic import Shot, write_photos

needs_landlock = pytest.mark.skipif(not can_confine(), reason="this kernel has no Landlock")

LOOK_AROUND = """
def tried(what):
    try:
        return str(what())
    except OSError:
        return "refused"

photo = photos[0] / "1.jpg"
here = photo.parents[1]
look = "import sys; open(sys.argv[1]).read()"
found = {
    "photo": tried(photo.read_text),
    "secrets": tried((here / "private" / "secrets.toml").read_text),
    "private": tried(lambda: os.listdir(here / "private")),
    "linked": tried(lambda: os.link(here / "private" / "secrets.toml", out / "secrets.toml")),
    "pointed to": tried(lambda: os.symlink(here / "private" / "secrets.toml", out / "secrets.toml")),
    "photo changed": tried(lambda: photo.write_text("mine")),
    "parent": tried(Path(f"/proc/{os.getppid()}/environ").read_bytes),
    "network": tried(lambda: socket.create_connection(("127.0.0.1", int(os.environ["TZ"])))),
    "program": tried(lambda: subprocess.run(["/bin/sh", "-c", "true"])),
    "child": subprocess.run([sys.executable, "-c", look, here / "private" / "secrets.toml"],
                            stderr=subprocess.PIPE).stderr.decode().strip().rpartition("\\n")[2][:15],
    "environment": sorted(os.environ),
    "said": str(dict(os.environ)),
}
(out / "found.json").write_text(json.dumps(found))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Somebody's photo, and secrets beside it."""
    for name, file in (("photos", "1.jpg"), ("private", "secrets.toml")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(f"what {file} holds")
    return tmp_path


def run(folder: Path, progress: Progress | None = None) -> Path:
    out = folder / "work" / "out"
    never = [folder / "private" / "secrets.toml"]
    reconstruct([folder / "photos"], out, quick(), progress=progress, never=never)
    return out


@needs_landlock
def test_it_sees_the_photos_and_nothing_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_over(monkeypatch, folder, LOOK_AROUND)
    monkeypatch.setenv("OBERIH_SECRET_KEY", "a-key-that-nobody-knows")
    monkeypatch.setenv("OBERIH_DATABASE_URL", "postgresql://oberih:a-key-that-nobody-knows@db/oberih")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("TZ", str(listening.getsockname()[1]))  # one of those that are handed on
        found = json.loads((run(folder) / "found.json").read_text())
    names = found.pop("environment")
    assert not any(name.startswith("OBERIH") for name in names) and {"HOME", "PATH"} <= set(names)
    assert "nobody-knows" not in found.pop("said")
    assert found.pop("photo") == "what 1.jpg holds"
    assert found.pop("child") == "PermissionError"
    assert set(found.values()) == {"refused"}, found
    assert (folder / "photos" / "1.jpg").read_text() == "what 1.jpg holds"


def test_it_stops_when_it_is_asked_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
        (out / "pid").write_text(str(os.getpid()))
        with progress.stage("depth", 100) as stage:
            while True:
                stage.tick(0.001)
    """
    taken_over(monkeypatch, folder, code)
    progress, heard = Progress(), list[Event]()

    def listen(event: Event) -> None:
        heard.append(event)
        if event.kind == "tick":
            progress.stop.set()

    progress.listener = listen
    with pytest.raises(Cancelled):
        run(folder, progress)
    assert [event.kind for event in heard[:2]] == ["stage", "tick"] and heard[1].stage == "depth"
    assert not Path("/proc", (folder / "work/out/pid").read_text()).exists()


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "signal 11"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "memory ran out"),
        ("raise ValueError('home of Olha')", "exit code 1"),
    ],
)
def test_if_it_dies_nothing_else_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: str, why: str
) -> None:
    taken_over(monkeypatch, folder, code)
    with pytest.raises(StageFailed, match=why) as failed:
        run(folder)
    assert "Olha" not in failed.value.message + failed.value.advice


def test_its_errors_are_those_of_every_reconstruction(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oberih.reconstruct.confined.kernels", lambda: None)
    with pytest.raises(UnreadablePhoto, match="a text file") as confined:
        run(folder)
    with pytest.raises(UnreadablePhoto) as direct:
        directly([folder / "photos"], folder / "direct", quick())
    assert confined.value.message == direct.value.message
    assert confined.value.advice == direct.value.advice


@pytest.mark.parametrize(
    "told",
    [
        5, ["tick", "depth"], ["tick", "depth", 1, 2, "x", None, ""], ["end", "depth", 1, 2, 3, None, ""],
        ["tick", "depth", float("nan"), 2, 3, None, ""], ["tick", "depth", 1, 2, 3, {}, ""],
        ["note", "depth", 1, 2, 3, None, ["{x}", "", {}]],
    ],
)  # fmt: skip
def test_what_it_says_is_not_believed_unseen(told: Any) -> None:
    heard = list[Event]()
    with pytest.raises(StageFailed, match="cannot be understood"):
        hear(Progress(heard.append), {"event": told})
    assert heard == []


@pytest.mark.parametrize("error", [5, [], ["NoPhotos", "x"], ["NoPhotos", ["{x.y}", "", {}], ""]])
def test_an_error_that_is_none_is_said_to_be(error: Any) -> None:
    assert "cannot be understood" in error_of({"error": error}).message


@pytest.mark.xdist_group("pipeline")
def test_all_of_the_recipe_runs_there(small_shots: list[Shot], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    write_photos(small_shots[:4], tmp_path / "photos")
    out = run(tmp_path)
    assert json.loads((out / "report.json").read_text())["surface"]["triangles"] > 1000
    assert (out / "model.glb").is_file() and list(out.parent.iterdir()) == [out]
