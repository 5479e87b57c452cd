"""`make demo` finds photos where it can, trusts only their checksums, and ends in a page that is checked."""

import hashlib
import importlib.util
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from oberih.catalogue.public import Quality
from oberih.products import Choices, pictures
from web.browser import serving
from web.viewer_models import Site, box


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with a home of its own and no sets."""
    spec = importlib.util.spec_from_file_location("demo", Path(__file__).parents[1] / "scripts" / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "demo", module)
    monkeypatch.syspath_prepend(str(Path(spec.origin).parent))
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


def test_the_public_page_is_held_to_what_was_promised(demo, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(pictures, "POSTERS", ((320, 100_000), (160, 50_000)))
    monkeypatch.setattr(pictures, "SOCIAL", (320, 168, 100_000))
    made = Site(tmp_path)
    shown = made.add(
        box(), 1, Choices(downloads=("glb",), turntable=0), titles={"en": "A box"}, quality=Quality(photos=4)
    )
    without = made.add(box(), 2, Choices(downloads=(), turntable=0), titles={"en": "A box"})
    with serving(made.app) as address:
        site = demo.Site(tmp_path, address, 0)
        assert demo.check(site, shown.id, 4) == f"{address}/records/{shown.id.removeprefix('ark:/')}"
        said = capsys.readouterr().out
        assert "4 photos are in the model" in said and "a fragment" in said and "#photos" in said
        with pytest.raises(SystemExit, match="4 of 5"):
            demo.check(site, shown.id, 5)
        with pytest.raises(SystemExit, match="no file for download glb"):
            demo.check(site, without.id)


def test_a_port_that_is_taken_is_not_used(demo) -> None:
    import demo_site

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert not demo_site.is_free(port)
    assert demo_site.is_free(port) and not demo_site.answers(f"http://localhost:{port}")


def test_too_little_room_is_said_before_anything_begins(
    demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import demo_site

    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setenv("OBERIH_KEEP_FREE_BYTES", str(free + 1))
    with pytest.raises(SystemExit, match=r"MB are needed(.|\n)*OBERIH_KEEP_FREE_BYTES=0"):
        demo_site.check_room(tmp_path / "sites" / "one")
    monkeypatch.setenv("OBERIH_KEEP_FREE_BYTES", "0")
    demo_site.check_room(tmp_path / "sites" / "one")
