"""A contribution from the first word to the receipt."""

import hashlib
import json
import os
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oberih.archive.exchange.safe_paths import folded, trouble_elsewhere, unsafe
from oberih.errors import InputError
from oberih.work.arrivals import Arrivals, Limits, Names, Offered, Refused, Uploader, Why, lay_out, safe_name
from web.upload_server import Client, make_app

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream", **TUS}
PHOTO, VIDEO = b"a photo" * 1000, b"a video" * 3000
TWO = [
    {"name": "IMG_1.jpg", "size": len(PHOTO), "type": "image/jpeg", "last_modified": 1_700_000_000_000},
    {"name": "MOV_2.mp4", "size": len(VIDEO), "type": "video/mp4", "last_modified": 1_700_000_001_000},
]


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Client]:
    with Client(make_app(tmp_path), "olena") as client:
        yield client


def begin(phone: Client, files: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    answer = phone.post("/contributions", json={"files": TWO if files is None else files, **more})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == answer.json()["url"]
    return answer.json()


def send(phone: Client, file: dict[str, Any], data: bytes, offset: int = 0) -> int:
    answer = phone.patch(file["url"], content=data, headers={**BYTES, "Upload-Offset": str(offset)})
    assert answer.status_code == 204, answer.text
    return int(answer.headers["Upload-Offset"])


def test_two_files_and_a_receipt_that_anybody_can_check(phone: Client, tmp_path: Path) -> None:
    made = begin(phone, note="Вежа з півночі", details={"licence": "CC-BY-4.0", "consents": ["faces"]})
    for file, data in zip(made["files"], (PHOTO, VIDEO), strict=True):
        assert send(phone, file, data) == len(data)

    receipt = phone.post(made["url"] + "/complete").json()
    assert receipt["files"] == [
        {"name": "IMG_1.jpg", "size": len(PHOTO), "sha256": hashlib.sha256(PHOTO).hexdigest()},
        {"name": "MOV_2.mp4", "size": len(VIDEO), "sha256": hashlib.sha256(VIDEO).hexdigest()},
    ]
    assert (receipt["bytes"], receipt["missing"]) == (len(PHOTO) + len(VIDEO), [])

    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "IMG_1.jpg").write_bytes(PHOTO)
    (mine / "MOV_2.mp4").write_bytes(VIDEO)
    check = subprocess.run(
        "LC_ALL=C sha256sum -- * | sha256sum",
        shell=True,
        cwd=mine,
        capture_output=True,
        text=True,
        check=True,
    )
    assert check.stdout.split()[0] == receipt["sha256"]


def test_completing_twice_is_the_same(phone: Client, tmp_path: Path) -> None:
    made = begin(phone)
    for file, data in zip(made["files"], (PHOTO, VIDEO), strict=True):
        send(phone, file, data)
    first = phone.post(made["url"] + "/complete")
    again = phone.post(made["url"] + "/complete")
    assert first.content == again.content
    handed_on = (tmp_path / "handed-on").read_text().splitlines()
    assert handed_on == [json.dumps([made["id"], first.json()["sha256"]])] * 2
    assert phone.get(made["url"]).json() == {"id": made["id"], "receipt": first.json()}

    arrivals = phone.arrivals
    arrivals.release("olena", made["id"])  # deposited
    arrivals.release("olena", made["id"])  # told again
    assert phone.post(made["url"] + "/complete").content == first.content
    assert len((tmp_path / "handed-on").read_text().splitlines()) == 2
    assert phone.head(made["files"][0]["url"], headers=TUS).status_code == 410
    assert [p.name for p in (tmp_path / "uploads/olena" / made["id"]).iterdir()] == ["receipt.json"]


def test_what_was_received_is_handed_on_with_its_files(phone: Client, tmp_path: Path) -> None:
    made = begin(phone, details={"place": "sealed"})
    for file, data in zip(made["files"], (PHOTO, VIDEO), strict=True):
        send(phone, file, data)
    arrivals = phone.arrivals
    assert list(arrivals.all_received()) == []
    phone.post(made["url"] + "/complete")
    (received,) = arrivals.all_received()
    assert received.contribution.details == {"place": "sealed"}
    assert [(f.name, f.type, f.path.read_bytes()) for f in received.files] == [
        ("IMG_1.jpg", "image/jpeg", PHOTO),
        ("MOV_2.mp4", "video/mp4", VIDEO),
    ]
    for _ in range(2):
        lay_out(received, tmp_path / "work")
    arrivals.release("olena", made["id"])
    assert (tmp_path / "work/IMG_1.jpg").read_bytes() == PHOTO
    assert list(arrivals.all_received()) == []


def test_nothing_is_complete_before_everything_is_there(phone: Client) -> None:
    made = begin(phone)
    assert phone.post(made["url"] + "/complete").status_code == 409
    send(phone, made["files"][0], PHOTO)
    send(phone, made["files"][1], VIDEO[:100])
    refused = phone.post(made["url"] + "/complete", headers={"Accept-Language": "en"})
    assert refused.status_code == 409
    assert refused.json()["message"] == "1 file has not arrived in whole: MOV_2.mp4"
    assert refused.json()["advice"]

    receipt = phone.post(made["url"] + "/complete", json={"without_missing": True}).json()
    assert ([f["name"] for f in receipt["files"]], receipt["missing"]) == (["IMG_1.jpg"], ["MOV_2.mp4"])
    late = phone.patch(
        made["files"][1]["url"], content=VIDEO[100:], headers={**BYTES, "Upload-Offset": "100"}
    )
    assert late.status_code == 410
    assert phone.post(made["url"], json={"files": TWO}).status_code == 409
    assert phone.delete(made["url"]).status_code == 409
    assert phone.delete(made["files"][0]["url"], headers=TUS).status_code == 409


def test_the_same_file_again_goes_on_where_it_was(phone: Client) -> None:
    made = begin(phone)
    send(phone, made["files"][0], PHOTO[:300])
    again = phone.post(made["url"], json={"files": [TWO[0], {**TWO[0], "size": 5}]}).json()
    assert (again["files"][0]["url"], again["files"][0]["offset"]) == (made["files"][0]["url"], 300)
    assert (again["files"][1]["name"], again["files"][1]["offset"]) == ("IMG_1 (2).jpg", 0)
    assert again["count"] == 3
    assert begin(phone, [TWO[0], TWO[0]])["count"] == 1


def test_files_without_a_time_are_never_taken_for_each_other(phone: Client) -> None:
    raw = {"name": "image.dng", "size": 10}
    made = begin(phone, [raw, raw])
    assert [f["name"] for f in made["files"]] == ["image.dng", "image (2).dng"]


def test_a_lost_answer_does_not_begin_a_second_contribution(phone: Client) -> None:
    first = begin(phone, key="made-up-on-the-phone")
    again = begin(phone, key="made-up-on-the-phone")
    assert [f["url"] for f in first["files"]] == [f["url"] for f in again["files"]]
    assert begin(phone, key="another")["id"] != first["id"]
    with_key = phone.get("/contributions").json()["contributions"]
    assert len(with_key) == 2


def test_what_is_under_way_can_be_found_again(phone: Client) -> None:
    made = begin(phone, note="дзвіниця")
    send(phone, made["files"][0], PHOTO[:10])
    (found,) = phone.get("/contributions").json()["contributions"]
    assert (found["id"], found["note"], found["count"]) == (made["id"], "дзвіниця", 2)
    shown = phone.get(found["url"]).json()
    assert [f["offset"] for f in shown["files"]] == [10, 0]
    assert [f["last_modified"] for f in shown["files"]] == [f["last_modified"] for f in TWO]


def test_a_file_and_a_contribution_can_be_given_up(phone: Client, tmp_path: Path) -> None:
    made = begin(phone)
    send(phone, made["files"][0], PHOTO)
    assert phone.delete(made["files"][1]["url"], headers=TUS).status_code == 204
    assert phone.head(made["files"][1]["url"], headers=TUS).status_code == 410
    assert phone.delete(made["files"][1]["url"], headers=TUS).status_code == 410
    assert phone.get(made["url"]).json()["count"] == 1
    assert phone.delete(made["url"]).status_code == 204
    assert phone.get(made["url"]).status_code == 404
    assert [p.name for p in (tmp_path / "uploads/olena").iterdir()] == ["lock"]


def test_nobody_sees_what_another_sends(phone: Client) -> None:
    made = begin(phone)
    url, other = made["files"][0]["url"], {"X-Account": "petro"}
    unknown = made["url"].replace(made["id"], "0" * 32)
    for method, path, more in (
        ("GET", made["url"], {}),
        ("POST", made["url"], {"json": {"files": []}}),
        ("POST", made["url"] + "/complete", {}),
        ("DELETE", made["url"], {}),
        ("HEAD", url, {}),
        ("PATCH", url, {"content": PHOTO, "headers": {"Upload-Offset": "0"}}),
        ("DELETE", url, {}),
        ("POST", made["url"] + "/files", {"headers": {"Upload-Length": "5"}}),
    ):
        headers = {**BYTES, **more.pop("headers", {})} if "json" not in more else {}
        theirs = phone.request(method, path, headers={**headers, **other}, **more)
        nobodys = phone.request(method, path.replace(made["id"], "0" * 32), headers=headers, **more)
        assert (theirs.status_code, theirs.content) == (404, nobodys.content), (method, path)
        assert theirs.headers == nobodys.headers
    assert phone.get("/contributions", headers=other).json() == {"contributions": []}
    assert phone.get(unknown).status_code == 404
    assert phone.head(url, headers=TUS).headers["Upload-Offset"] == "0"


def test_an_empty_file_is_whole_at_once(phone: Client) -> None:
    made = begin(phone, [{"name": "empty.txt", "size": 0}])
    receipt = phone.post(made["url"] + "/complete").json()
    assert receipt["files"][0]["sha256"] == hashlib.sha256(b"").hexdigest()


def test_limits(tmp_path: Path) -> None:
    limits = Limits(files=3, file_bytes=1000, contribution_bytes=1500, account_bytes=2000, contributions=2)
    with Client(make_app(tmp_path, limits=limits), "olena") as phone:

        def offer(*sizes: int, to: str = "/contributions") -> int:
            files = [{"name": f"{n}.jpg", "size": size} for n, size in enumerate(sizes)]
            return phone.post(to, json={"files": files}).status_code

        assert offer(1001) == 413
        assert offer(1000, 501) == 413
        assert offer(1, 1, 1, 1) == 413
        made = begin(phone, [{"name": "a", "size": 1000}, {"name": "b", "size": 500}])
        assert offer(1, to=made["url"]) == 413  # of this contribution
        assert offer(501) == 413  # of the account
        assert offer(1) == 201
        assert offer(1) == 413  # contributions
        assert phone.delete(made["url"]).status_code == 204
        assert offer(500) == 201


def test_some_of_the_disk_stays_free(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    with Client(make_app(tmp_path, keep_free=2 * free), "olena") as phone:
        refused = phone.post("/contributions", json={"files": [{"name": "a", "size": 1}]})
    assert refused.status_code == 507
    assert "room" in refused.json()["message"]
    assert refused.headers["Retry-After"]


def test_what_is_left_alone_ends_but_whole_files_are_kept(phone: Client, tmp_path: Path) -> None:
    arrivals = phone.arrivals
    partly, barely = begin(phone), begin(phone, [TWO[1]])
    send(phone, partly["files"][0], PHOTO)
    send(phone, partly["files"][1], VIDEO[:5])
    send(phone, barely["files"][0], VIDEO[:5])
    arrivals.sweep()
    assert len(phone.get("/contributions").json()["contributions"]) == 2

    long_ago = 1_700_000_000
    for made in (partly, barely):
        os.utime(tmp_path / "uploads/olena" / made["id"] / "manifest.json", (long_ago, long_ago))
    # From now on nothing is taken, though it is not yet swept.
    for path, method in ((barely["files"][0]["url"], "HEAD"), (barely["files"][0]["url"], "PATCH")):
        headers = {**BYTES, "Upload-Offset": "5"}
        assert phone.request(method, path, headers=headers).status_code == 410
    assert phone.get("/contributions").json() == {"contributions": []}

    arrivals.sweep()
    arrivals.sweep()
    assert phone.get(barely["url"]).status_code == 404
    (received,) = arrivals.all_received()
    assert (received.receipt.missing, received.files[0].path.read_bytes()) == (("MOV_2.mp4",), PHOTO)

    arrivals.release("olena", partly["id"])
    arrivals.sweep()
    assert phone.get(partly["url"]).json()["receipt"]["missing"] == ["MOV_2.mp4"]
    receipt = tmp_path / "uploads/olena" / partly["id"] / "receipt.json"
    os.utime(receipt, (long_ago, long_ago))
    arrivals.sweep()
    assert phone.get(partly["url"]).status_code == 404


def test_errors_are_told_in_the_reader_s_language(phone: Client) -> None:
    for headers, code in (
        ({"Accept-Language": "de, uk;q=0.5"}, "uk"),
        ({"Cookie": "language=uk"}, "uk"),
        ({}, "en"),
    ):
        answer = phone.get(f"/contributions/{'0' * 32}", headers=headers)
        assert answer.headers["Content-Language"] == code
        assert answer.json()["message"]


@given(st.text())
def test_any_name_becomes_one_that_every_system_can_hold(given_name: str) -> None:
    name = safe_name(given_name)
    assert unsafe(name) == "" and not trouble_elsewhere(name)
    assert "/" not in name and len(name.encode()) <= 255
    assert safe_name(name) == name == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\IMG_1.JPG", "IMG_1.JPG"),
        ("..", "unnamed"),
        ("\ud800.jpg", ".jpg".replace(".", "_")),
        (".htaccess", "_htaccess"),
        ("a\0b\r\n.jpg", "ab.jpg"),
        ("Вежа\u0438\u0306.jpg", "Вежай.jpg"),
        ("\u202egpj.exe", "gpj.exe"),
        ("NUL.txt", "_NUL.txt"),
        ("a:b?.jpg", "a_b_.jpg"),
        ("", "unnamed"),
        ("x" * 300 + ".jpeg", "x" * 195 + ".jpeg"),
    ],
)
def test_names(given_name: str, name: str) -> None:
    assert safe_name(given_name) == name


def test_thousands_of_one_name_are_kept_apart_quickly() -> None:
    names = Names(["IMAGE.jpg"])
    given_names = [names.give("image.jpg") for _ in range(3000)]
    assert given_names[:2] == ["image (2).jpg", "image (3).jpg"]
    assert len({folded(name) for name in given_names}) == 3000


def test_an_account_is_no_path(tmp_path: Path) -> None:
    arrivals = Arrivals(tmp_path, keep_free=0)
    for account in ("..", "a/b", "", "lock/../..", "a" * 65, "a\n"):
        with pytest.raises(InputError):
            arrivals.begin(Uploader(account), [Offered("a", 1)])
        with pytest.raises(InputError):
            arrivals.contribution(account, "0" * 32)
    with pytest.raises(Refused) as refused:
        arrivals.contribution("olena", "../olena")
    assert refused.value.why is Why.UNKNOWN
