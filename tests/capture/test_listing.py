"""Which files there are among what was given, and what they are called."""

import os
import socket
from pathlib import Path

import pytest

from oberih.capture import find_photos, recordings
from oberih.capture.listing import check_given, listed, printable, unique_names
from oberih.errors import InputError


def refused(error: OSError) -> None:
    raise error


def files(root: Path, *names: str) -> None:
    for name in names:
        path = root / os.fsdecode(name.encode("latin-1"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode("latin-1"))


def called(*given: Path, whole: bool = False) -> list[str]:
    return list(unique_names(list(listed(given, [], refused)), whole=whole).values())


def test_folders_above_the_one_that_was_given_are_no_part_of_a_name(tmp_path: Path) -> None:
    files(tmp_path / "home" / "jane", "IMG_1.jpg", "more/IMG_1.jpg", "more/IMG_2.jpg")
    assert called(tmp_path / "home" / "jane") == ["IMG_1.jpg", "more/IMG_1.jpg", "IMG_2.jpg"]


def test_names_have_as_many_folders_as_it_takes(tmp_path: Path) -> None:
    files(tmp_path, "s/a/x/1.jpg", "s/b/x/1.jpg", "s/b/x/2.jpg", "t/1.jpg")
    assert called(tmp_path) == ["a/x/1.jpg", "b/x/1.jpg", "2.jpg", "t/1.jpg"]
    assert called(tmp_path, whole=True) == ["s/a/x/1.jpg", "s/b/x/1.jpg", "s/b/x/2.jpg", "t/1.jpg"]


def test_several_folders_are_told_apart_as_they_were_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(tmp_path, "here/1.jpg", "there/1.jpg", "1.jpg")
    assert called(tmp_path / "here", tmp_path / "there") == ["here/1.jpg", "there/1.jpg"]
    assert called(tmp_path / "here" / "1.jpg", tmp_path / "there") == ["here/1.jpg", "there/1.jpg"]
    monkeypatch.chdir(tmp_path / "here")
    assert called(Path(), Path("../there")) == ["1.jpg", "there/1.jpg"]
    assert called(Path("1.jpg"), Path("../1.jpg")) == ["1.jpg", "1 (2).jpg"]  # nothing tells them apart


def test_no_two_files_have_the_same_name(tmp_path: Path) -> None:
    """A byte that is not UTF-8 becomes %FF, which may be somebody's name already."""
    files(tmp_path, "%FF.jpg", "\xff.jpg", "%FF (2).jpg", "50%\xff.jpg", "50%.jpg")
    names = called(tmp_path)
    assert names == ["50%.jpg", "50%25%FF.jpg", "%FF (2).jpg", "%FF.jpg", "%FF (3).jpg"]  # the files' order
    assert called(tmp_path, whole=True) == names


def test_what_is_printable_stays_as_it_is() -> None:
    assert printable("My%20photo.jpg") == "My%20photo.jpg"
    assert printable("50%/\udcff%.jpg") == "50%/%FF%25.jpg"


def test_a_link_has_its_own_name(tmp_path: Path) -> None:
    files(tmp_path, "annex/SHA256E-s9--77")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "facade.jpg").symlink_to("../annex/SHA256E-s9--77")
    assert called(tmp_path / "photos") == ["facade.jpg"]
    assert called(tmp_path / "photos", tmp_path / "annex") == ["facade.jpg"]  # each file once


def test_what_can_not_be_reached_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, "sub/1.jpg", "2.jpg")
    (tmp_path / "3.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "4.jpg").symlink_to("4.jpg")
    with socket.socket(socket.AF_UNIX) as pipe:
        monkeypatch.chdir(tmp_path)  # the path of a socket is short
        pipe.bind("socket")
    look = os.scandir

    def closed(path: str) -> object:
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied", path)
        return look(path)

    monkeypatch.setattr(os, "scandir", closed)
    others = {other.path.name: other for other in find_photos([tmp_path]).others}
    assert set(others) == {"sub", "2.jpg", "3.jpg", "4.jpg"}
    assert "Permission denied" in others["sub"].reason and "folder" in others["sub"].advice
    assert "link" in others["3.jpg"].reason and "cannot be read" in others["4.jpg"].reason
    assert all(other.photo and other.advice for name, other in others.items() if name != "2.jpg")
    with pytest.raises(OSError, match="Permission denied"):
        recordings([tmp_path])


@pytest.mark.parametrize("path", ["", "missing", "a" * 300, "nul\0.jpg", "file/below"])
def test_a_path_that_can_not_be_looked_at_is_an_error(tmp_path: Path, path: str) -> None:
    files(tmp_path, "file")
    with pytest.raises(InputError) as caught:
        check_given(path and tmp_path / path)
    assert caught.value.exit_code == 2 and caught.value.advice


def test_a_linked_folder_is_searched_once(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.txt").write_text("a")
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "linked").symlink_to(tmp_path / "elsewhere")
    (photos / "round").symlink_to(photos)
    (tmp_path / "elsewhere" / "back").symlink_to(photos)
    found = list(listed([photos], [], refused))
    assert [one.inside for one in found] == [("linked", "a.txt")]


def test_recordings_leave_nothing_out(tmp_path: Path) -> None:
    folder = tmp_path / "card"
    files(folder, "a.jpg", ".hidden.jpg", ".thumbs/b.jpg")
    (folder / "again.jpg").symlink_to("a.jpg")
    names = [recording.name for recording in recordings([folder])]
    assert sorted(names) == [".hidden.jpg", ".thumbs/b.jpg", "a.jpg", "again.jpg"]
    os.mkfifo(folder / "pipe")
    with pytest.raises(OSError, match="neither a file nor a folder"):
        recordings([folder])
