"""``oberih reconstruct``: what it asks, what it shows, how it ends. The work itself is replaced."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import oberih.reconstruct
from oberih import __version__
from oberih.cli import run
from oberih.errors import NoOverlap, NoPhotos, OutputError
from oberih.i18n import say
from oberih.progress import Progress


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def result(out: Path, *, known: bool = False) -> SimpleNamespace:
    figure = SimpleNamespace(value=0.0021)
    return SimpleNamespace(
        report_html=out / "report.html",
        report_json=out / "report.json",
        report=SimpleNamespace(
            photos=[SimpleNamespace(used=True)] * 3 + [SimpleNamespace(used=False)],
            surface=SimpleNamespace(triangles=1234567, ground_sample_distance=figure),
            scale=SimpleNamespace(known=known),
            error=SimpleNamespace(total=figure),
            remarks=("",),
        ),
    )


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable], list]:
    """Replaces the work by a function of the progress; gives what the work was asked."""

    def replace(act: Callable[[Progress], None], *, known: bool = False) -> list:
        asked: list = []

        def reconstruct(photos, out, settings, *, progress, scale):
            asked.append((photos, out, settings, scale))
            act(progress)
            return result(out, known=known)

        monkeypatch.setattr(oberih.reconstruct, "reconstruct", reconstruct)
        return asked

    return replace


def ticking(progress: Progress) -> None:
    progress.reused("poses")
    with progress.stage("depth", 2) as stage:
        stage.tick()
        stage.note("A word.")
        stage.tick()


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"oberih {__version__}\n"


def test_it_ends_with_a_summary(work: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = work(ticking)
    assert run(["reconstruct", "photos", "more.jpg", "-o", str(tmp_path), "--preset", "draft"]) == 0
    shown = capsys.readouterr()
    assert "3 of 4 photos used" in shown.out
    assert "Scale: unknown" in shown.out
    assert str(tmp_path / "report.html") in shown.out
    assert "already there" in shown.err and "A word." in shown.err
    photos, out, settings, scale = asked[0]
    assert photos == (Path("photos"), Path("more.jpg")) and out == tmp_path and scale is None
    assert settings == oberih.reconstruct.preset_settings("draft")


def test_json_lines(work: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work(ticking)
    assert run(["reconstruct", "photos", "-o", str(tmp_path), "--progress", "json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["kind"] for event in events] == [
        "reused",
        "stage",
        "tick",
        "note",
        "tick",
        "done",
        "result",
    ]
    assert events[2]["left_s"] is not None and events[2]["total"] == 2


def test_scale_from_marks(work: Callable, tmp_path: Path) -> None:
    asked = work(ticking, known=True)
    marks = [
        "--point-a",
        "a.jpg:1,2.5",
        "--point-a",
        "b: c.jpg:3,4",
        "--point-b",
        "a.jpg:5,6",
        "--point-b",
        "b.jpg:7,8",
    ]
    assert run(["reconstruct", "p", "-o", str(tmp_path), "--distance", "1.25", *marks]) == 0
    scale = asked[0][3]
    assert scale.metres == 1.25 and scale.error_m is None
    assert [(m.photo, m.x, m.y) for m in scale.a] == [("a.jpg", 1, 2.5), ("b: c.jpg", 3, 4)]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "Usage"),
        (["reconstruct"], 2, "Missing"),
        (["reconstruct", "p"], 2, "'-o'"),
        (["reconstruct", "p", "-o", "x", "--preset", "best"], 2, "draft"),
        (["reconstruct", "p", "-o", "x", "--point-a", "a.jpg"], 2, "PHOTO:X,Y"),
        (["reconstruct", "p", "-o", "x", "--point-a", "a.jpg:1,2"], 2, "--distance"),
        (["reconstruct", "p", "-o", "x", "--distance", "-1"], 2, "--distance"),
        (["reconstruct", "p", "-o", "x", "--distance", "1", "--point-a", "a.jpg:1,2"], 2, "two photos"),
        (["reconstruct", "", "-o", "x"], 2, "empty"),
        (["reconstruct", "p", "-o", ""], 2, "empty"),
        (["rebuild"], 2, "rebuild"),
    ],
)
def test_mistakes_in_the_command(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == code
    shown = capsys.readouterr()
    assert words in shown.err + shown.out
    assert "Traceback" not in shown.err
    assert list(tmp_path.iterdir()) == []


def test_mistakes_in_the_command_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reconstruct", "p", "--progress", "json"]) == 2
    record = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert record["kind"] == "error" and record["exit_code"] == 2 and "--out" in record["message"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["json", "--preset", "best"],
        ["p", "--progress", "json", "--progress=plain"],
        ["--", "p", "--progress=json"],
    ],
)
def test_only_who_asks_for_json_gets_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reconstruct", *arguments]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "error",
    [
        NoPhotos(say("There are {n} photos.", n=0), "Take some."),
        NoOverlap("They do not show the same thing.", "Go around it."),
        OutputError("The disk is full.", "Make room."),
    ],
)
def test_errors_say_what_to_do(
    work: Callable, error: Exception, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(progress: Progress) -> None:
        raise error

    work(fail)
    assert run(["reconstruct", "p", "-o", str(tmp_path)]) == error.exit_code
    shown = capsys.readouterr().err
    assert str(error) in shown and f"What to do: {error.advice}" in shown and "Traceback" not in shown
    assert run(["reconstruct", "p", "-o", str(tmp_path), "--progress", "json"]) == error.exit_code
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["error"] == type(error).__name__ and last["advice"] == error.advice


def test_a_defect_leaves_a_log_and_no_traceback(
    work: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(progress: Progress) -> None:
        raise IndexError("list index out of range")

    work(fail)
    assert run(["reconstruct", "p", "-o", str(tmp_path)]) == 70
    shown = capsys.readouterr().err
    assert "Traceback" not in shown and "error.log" in shown
    assert "IndexError" in (tmp_path / "work" / "error.log").read_text()


def test_a_folder_that_can_not_be_written_is_no_defect(
    work: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")

    def fail(progress: Progress) -> None:
        raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(tmp_path / "file" / "out"))

    work(fail)
    assert run(["reconstruct", "p", "-o", str(tmp_path / "file")]) == 8
    shown = capsys.readouterr().err
    assert "Traceback" not in shown and "Not a directory" in shown and "another folder" in shown


@pytest.mark.parametrize("asked", [["--lang", "uk"], ["--lang=uk"], "LANG"])
def test_it_speaks_ukrainian(
    work: Callable, tmp_path: Path, asked: list[str] | str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    work(ticking)
    if asked == "LANG":
        monkeypatch.delenv("LC_ALL")
        monkeypatch.setenv("LANG", "uk_UA.UTF-8")
        asked = []
    assert run(["reconstruct", "p", "-o", str(tmp_path), *asked]) == 0
    shown = capsys.readouterr()
    assert "3 з 4 світлин" in shown.out and "Масштаб" in shown.out and "уже є" in shown.err
    assert run(["reconstruct", "--help", *asked]) == 0
    assert "Тека для результату" in capsys.readouterr().out


WAIT_S = 120  # a busy machine takes its time

SLOW = """
    import sys, time
    import oberih.reconstruct
    from oberih.cli import main
    def reconstruct(photos, out, settings, *, progress, scale):
        with progress.stage("depth", 1000) as stage:
            for _ in range(1000):
                time.sleep({pause})
                stage.tick()
    oberih.reconstruct.reconstruct = reconstruct
    sys.argv = ["oberih", "reconstruct", "p", "-o", sys.argv[1], "--progress", "plain"]
    main()
"""


def started(tmp_path: Path, pause: float) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SLOW).format(pause=pause), tmp_path],
        stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    assert child.stderr is not None and "…" in child.stderr.readline()  # it works now
    return child


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_at_a_safe_point(tmp_path: Path, number: int) -> None:
    child = started(tmp_path, 0.02)
    child.send_signal(number)
    _, told = child.communicate(timeout=WAIT_S)
    assert child.returncode == 130
    assert "Stopping" in told and "go on from here" in told and "Traceback" not in told


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    child = started(tmp_path, 60)
    child.send_signal(signal.SIGINT)
    assert child.stderr is not None
    while "Stopping" not in child.stderr.readline():
        assert child.poll() is None
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=WAIT_S)
    assert child.returncode == -signal.SIGINT
