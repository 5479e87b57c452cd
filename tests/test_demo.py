"""`make demo` finds photos where it can, trusts only their checksums, and says what it did."""

import hashlib
import http.client
import importlib.util
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import trimesh


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with a home of its own and no sets."""
    spec = importlib.util.spec_from_file_location("demo", Path(__file__).parents[1] / "scripts" / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "demo", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "HOME", tmp_path / "demo")
    return module


def some_set(demo: ModuleType, name: str, fetch: Callable[..., None]) -> object:
    return demo.PhotoSet(name, name, "free", {"a.jpg": hashlib.sha256(b"photo").hexdigest()}, fetch)


def good(photos: object, folder: Path) -> None:
    (folder / "a.jpg").write_bytes(b"photo")


def altered(photos: object, folder: Path) -> None:
    (folder / "a.jpg").write_bytes(b"another")


def test_the_best_set_that_can_be_reached_is_used_and_kept(demo, monkeypatch, capsys) -> None:
    def unreachable(photos: object, folder: Path) -> None:
        raise demo.NotReachable("no route to it")

    sets = [some_set(demo, name, fetch) for name, fetch in (("best", unreachable), ("other", good))]
    monkeypatch.setattr(demo, "SETS", sets)
    assert demo.obtain().name == "other"
    said = capsys.readouterr().out
    assert "no route to it" in said
    assert "free" in said

    monkeypatch.setattr(demo, "SETS", [some_set(demo, name, unreachable) for name in ("best", "other")])
    assert demo.obtain().name == "other"  # kept from before


def test_photos_with_a_wrong_checksum_are_not_used(demo, monkeypatch, capsys) -> None:
    monkeypatch.setattr(demo, "SETS", [some_set(demo, "only", altered)])
    with pytest.raises(SystemExit, match="PHOTOS="):
        demo.obtain()
    assert "checksum" in capsys.readouterr().out
    assert not (demo.HOME / "photos" / "only").exists()


def test_photos_that_were_altered_on_disk_are_fetched_again(demo, monkeypatch) -> None:
    monkeypatch.setattr(demo, "SETS", [some_set(demo, "only", good)])
    kept = demo.obtain().folder / "a.jpg"
    kept.write_bytes(b"cut")
    demo.obtain()
    assert kept.read_bytes() == b"photo"


def result(folder: Path, used: int) -> Path:
    folder.mkdir()
    for name in ("mesh.ply", "points.ply", "report.html", "preview.png"):
        (folder / name).write_bytes(b"-")
    trimesh.creation.box().export(folder / "model.glb")
    (folder / "report.json").write_text(
        json.dumps({"photos": [{"used": i < used} for i in range(4)], "surface": {"triangles": 12345}})
    )
    return folder


def test_a_whole_result_passes(demo, tmp_path, capsys) -> None:
    demo.check(result(tmp_path / "out", 4), all_of_them=True)
    said = capsys.readouterr().out
    assert "4 of 4 photos" in said
    assert "mesh.ply): 12,345" in said and "model.glb): 12 " in said


def test_a_result_that_is_not_whole_does_not(demo, tmp_path) -> None:
    out = result(tmp_path / "out", 4)
    (out / "preview.png").write_bytes(b"")
    with pytest.raises(SystemExit, match=r"preview\.png"):
        demo.check(out, all_of_them=True)


def test_own_photos_need_not_all_be_used_but_the_demos_must(demo, tmp_path) -> None:
    out = result(tmp_path / "out", 3)
    demo.check(out, all_of_them=False)
    with pytest.raises(SystemExit, match="3 of 4"):
        demo.check(out, all_of_them=True)


def test_the_result_is_served_on_this_machine_only(demo, tmp_path, monkeypatch, capsys) -> None:
    out = result(tmp_path / "out", 4)
    served = {}

    class Server(demo.http.server.ThreadingHTTPServer):
        def serve_forever(self, poll_interval: float = 0.01) -> None:
            thread = threading.Thread(target=super().serve_forever, args=(poll_interval,))
            thread.start()
            connection = http.client.HTTPConnection(*self.server_address, timeout=10)
            connection.request("GET", "/report.json")
            served["address"], served["report"] = (
                self.server_address[0],
                json.loads(connection.getresponse().read()),
            )
            connection.close()
            self.shutdown()
            thread.join()
            raise KeyboardInterrupt

    monkeypatch.setattr(demo.http.server, "ThreadingHTTPServer", Server)
    demo.serve(out)
    assert served["address"] == "127.0.0.1"
    assert len(served["report"]["photos"]) == 4
    assert "/report.html" in capsys.readouterr().out
