"""tus 1.0, extension by extension, as its text says it (https://tus.io/protocols/resumable-upload)."""

import asyncio
import base64
import hashlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from oberih.work.arrivals import taking as taking_module
from web.upload_server import Client, make_app

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream", **TUS}
DATA = os.urandom(300_000)


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Client]:
    with Client(make_app(tmp_path), "olena") as client:
        yield client


@pytest.fixture
def files(phone: Client) -> str:
    """Where files of a contribution are created."""
    made = phone.post("/contributions", json={"files": []}).json()
    return made["url"] + "/files"


def words(**told: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in told.items())


def create(phone: Client, files: str, size: int = len(DATA), **told: str) -> str:
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": words(filename="вежа.jpg", **told)}
    answer = phone.post(files, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Upload-Offset"] == "0"
    return answer.headers["Location"]


def offset(phone: Client, url: str) -> int:
    answer = phone.head(url, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return int(answer.headers["Upload-Offset"])


def test_what_the_server_can_do(phone: Client, files: str) -> None:
    for path in (files, create(phone, files)):
        answer = phone.options(path, headers={"X-Account": ""})
        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert set(answer.headers["Tus-Extension"].split(",")) == {
            "creation", "creation-with-upload", "checksum", "expiration", "termination",
        }  # fmt: skip
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha256,sha1"


def test_in_pieces(phone: Client, files: str) -> None:
    url = create(phone, files, filetype="image/jpeg")
    head = phone.head(url, headers=TUS).headers
    assert (head["Upload-Length"], head["Tus-Resumable"]) == (str(len(DATA)), "1.0.0")
    assert head["Upload-Metadata"] == words(filename="вежа.jpg", filetype="image/jpeg")
    for start in range(0, len(DATA), 100_000):
        piece = DATA[start : start + 100_000]
        answer = phone.patch(url, content=piece, headers={**BYTES, "Upload-Offset": str(start)})
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["Upload-Offset"] == str(start + len(piece))
        assert offset(phone, url) == start + len(piece)
    nothing = phone.patch(url, headers={**BYTES, "Upload-Offset": str(len(DATA))})
    assert nothing.status_code == 204
    receipt = phone.post(files.removesuffix("/files") + "/complete").json()
    assert receipt["files"][0]["name"] == "вежа.jpg"
    assert receipt["files"][0]["sha256"] == hashlib.sha256(DATA).hexdigest()


def test_only_at_the_right_offset(phone: Client, files: str) -> None:
    url = create(phone, files)
    phone.patch(url, content=DATA[:1000], headers={**BYTES, "Upload-Offset": "0"})
    for wrong in ("0", "999", "1001", "300000"):
        answer = phone.patch(url, content=DATA[:10], headers={**BYTES, "Upload-Offset": wrong})
        assert answer.status_code == 409
        assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert offset(phone, url) == 1000


def test_only_this_version_and_type(phone: Client, files: str) -> None:
    url = create(phone, files)
    for version in ({}, {"Tus-Resumable": "0.2.2"}):
        for method, path in (("POST", files), ("HEAD", url), ("PATCH", url), ("DELETE", url)):
            answer = phone.request(method, path, headers=version)
            assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")
    assert phone.patch(url, content=DATA, headers={**TUS, "Upload-Offset": "0"}).status_code == 415
    assert phone.patch(url, content=DATA, headers=BYTES).status_code == 400
    assert phone.get(url, headers=TUS).status_code == 405
    assert offset(phone, url) == 0


def test_creation_with_upload(phone: Client, files: str) -> None:
    told = {
        **BYTES,
        "Upload-Length": str(len(DATA)),
        "Upload-Metadata": words(filename="a", lastModified="1"),
    }
    answer = phone.post(files, content=DATA[:1000], headers=told)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "1000")
    # The answer was lost: the same again finds the same upload, and does not take the bytes twice.
    again = phone.post(files, content=DATA[:1000], headers=told)
    assert (again.status_code, again.headers["Upload-Offset"]) == (201, "1000")
    assert again.headers["Location"] == answer.headers["Location"]
    rest = {**BYTES, "Upload-Offset": "1000"}
    assert phone.patch(answer.headers["Location"], content=DATA[1000:], headers=rest).status_code == 204
    receipt = phone.post(files.removesuffix("/files") + "/complete").json()
    assert [f["sha256"] for f in receipt["files"]] == [hashlib.sha256(DATA).hexdigest()]


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
def test_checksum(phone: Client, files: str, algorithm: str) -> None:
    url = create(phone, files)
    digest = base64.b64encode(hashlib.new(algorithm, DATA[:5000]).digest()).decode()
    headers = {**BYTES, "Upload-Offset": "0", "Upload-Checksum": f"{algorithm} {digest}"}
    damaged = phone.patch(url, content=DATA[:4999] + b"x", headers=headers)
    assert damaged.status_code == 460
    assert offset(phone, url) == 0
    assert phone.patch(url, content=DATA[:5000], headers=headers).headers["Upload-Offset"] == "5000"
    for wrong in ("md5 AAAA", f"{algorithm} {digest[:-8]}", f"{algorithm} ###", algorithm, "x" * 150):
        headers = {**BYTES, "Upload-Offset": "5000", "Upload-Checksum": wrong}
        assert phone.patch(url, content=b"x", headers=headers).status_code == 400
    assert offset(phone, url) == 5000


def test_a_piece_with_a_checksum_is_of_bounded_size(
    phone: Client, files: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_module, "MOST_CHECKED", 1000)
    url = create(phone, files)
    digest = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    headers = {**BYTES, "Upload-Offset": "0", "Upload-Checksum": f"sha256 {digest}"}
    assert phone.patch(url, content=DATA, headers=headers).status_code == 413
    assert offset(phone, url) == 0


def test_expiration(phone: Client, files: str) -> None:
    url = create(phone, files)
    for answer in (
        phone.head(url, headers=TUS),
        phone.patch(url, content=b"x", headers={**BYTES, "Upload-Offset": "0"}),
    ):
        ends = parsedate_to_datetime(answer.headers["Upload-Expires"])
        assert ends.timestamp() == pytest.approx(time.time() + 86_400, abs=60)


def test_termination(phone: Client, files: str) -> None:
    url = create(phone, files)
    phone.patch(url, content=DATA[:1000], headers={**BYTES, "Upload-Offset": "0"})
    assert phone.delete(url, headers=TUS).status_code == 204
    for method in ("HEAD", "PATCH", "DELETE"):
        assert phone.request(method, url, headers={**BYTES, "Upload-Offset": "0"}).status_code == 410


def test_methods_for_those_who_can_only_post(phone: Client, files: str) -> None:
    url = create(phone, files)
    by = {**BYTES, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert phone.post(url, content=DATA[:7], headers=by).headers["Upload-Offset"] == "7"
    assert phone.post(url, content=DATA, headers=BYTES).status_code == 400
    assert phone.post(url, headers={**TUS, "X-HTTP-Method-Override": "PATCH"}).status_code == 400
    # It changes nothing where nothing may be changed: not in a GET, a HEAD, nor for the whole contribution.
    for method, path in (("GET", url), ("HEAD", url), ("GET", files.removesuffix("/files")), ("POST", files)):
        phone.request(method, path, headers={**TUS, "Upload-Length": "1", "X-HTTP-Method-Override": "DELETE"})
    assert offset(phone, url) == 7
    assert phone.get(files.removesuffix("/files")).json()["count"] == 1
    assert phone.post(url, headers={**TUS, "X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert phone.head(url, headers=TUS).status_code == 410


def test_chunked_transfer(phone: Client, files: str) -> None:
    async def pieces(count: int) -> AsyncIterator[bytes]:
        for n in range(count):
            yield bytes([n]) * 1000
            await asyncio.sleep(0)

    url = create(phone, files, size=50_000)
    answer = phone.patch(url, content=pieces(50), headers={**BYTES, "Upload-Offset": "0"})
    assert "Content-Length" not in answer.request.headers
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "50000")
    url = create(phone, files, size=50_000)
    too_many = phone.patch(url, content=pieces(51), headers={**BYTES, "Upload-Offset": "0"})
    assert (too_many.status_code, too_many.headers["Connection"]) == (413, "close")
    assert offset(phone, url) <= 50_000


def test_what_was_announced_is_the_most_that_is_taken(phone: Client, files: str) -> None:
    url = create(phone, files, size=10)
    assert phone.patch(url, content=b"x" * 11, headers={**BYTES, "Upload-Offset": "0"}).status_code == 413
    assert offset(phone, url) == 0
    assert phone.patch(url, content=b"x" * 10, headers={**BYTES, "Upload-Offset": "0"}).status_code == 204
    assert phone.patch(url, content=b"x", headers={**BYTES, "Upload-Offset": "10"}).status_code == 413


def test_thousands_of_tiny_pieces(phone: Client, files: str) -> None:
    url = create(phone, files, size=1000)
    for n in range(1000):
        answer = phone.patch(url, content=DATA[n : n + 1], headers={**BYTES, "Upload-Offset": str(n)})
        assert answer.headers["Upload-Offset"] == str(n + 1)
    receipt = phone.post(files.removesuffix("/files") + "/complete").json()
    assert receipt["files"][0]["sha256"] == hashlib.sha256(DATA[:1000]).hexdigest()


@pytest.mark.parametrize(
    "length", ["-1", "NaN", "1e3", "0x10", "", " ", "9" * 16, "1.0", "٣", "10, 20", "Infinity"]
)
def test_lengths_and_offsets_that_are_none(phone: Client, files: str, length: str) -> None:
    value = length.encode()
    assert phone.post(files, headers={**TUS, "Upload-Length": value}).status_code == 400
    url = create(phone, files)
    headers = {**BYTES, "Upload-Offset": value}
    assert phone.patch(url, content=b"x", headers=headers).status_code in (400, 409)
    assert offset(phone, url) == 0


def test_what_is_not_offered_is_refused(phone: Client, files: str) -> None:
    for headers in (
        {"Upload-Defer-Length": "1"},
        {"Upload-Defer-Length": "1", "Upload-Length": "5"},
        {"Upload-Concat": "partial", "Upload-Length": "5"},
        {"Upload-Concat": "final;/files/../../etc/passwd", "Upload-Length": "5"},
    ):
        assert phone.post(files, headers={**TUS, **headers}).status_code == 400
    too_large = phone.post(files, headers={**TUS, "Upload-Length": "999999999999999"})
    assert too_large.status_code == 413
    assert phone.get(files.removesuffix("/files")).json()["count"] == 0


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        (b"filename " + base64.b64encode(b"../../../etc/passwd"), "passwd"),
        (b"filename " + base64.b64encode(b"a\0b/\0c.jpg"), "c.jpg"),
        (b"filename " + base64.b64encode(b"C:\\x\\y.jpg") + b",private", "y.jpg"),
        (b"name " + base64.b64encode("й".encode()) + b" , type " + base64.b64encode(b"x/<script>"), "й"),
        (b"filename ", "unnamed"),
        (b"", "unnamed"),
    ],
)
def test_names_in_metadata_are_made_safe(phone: Client, files: str, metadata: bytes, name: str) -> None:
    headers = {**TUS, "Upload-Length": "1", "Upload-Metadata": metadata}
    assert phone.post(files, headers=headers).status_code == 201
    (file,) = phone.get(files.removesuffix("/files")).json()["files"]
    assert (file["name"], file["type"]) == (name, "")


@pytest.mark.parametrize(
    "metadata",
    [
        b"filename !!!!", b"filename YQ", b"filename YQ==,filename YQ==", b"filename /w==", b"\xff\xfe YQ==",
        b" YQ==,", b"filename YQ== YQ==", b"filename " + base64.b64encode(b"x" * 10_000),
    ],
)  # fmt: skip
def test_metadata_that_is_garbage_is_refused(phone: Client, files: str, metadata: bytes) -> None:
    headers = {**TUS, "Upload-Length": "1", "Upload-Metadata": metadata}
    refused = phone.post(files, headers=headers)
    assert refused.status_code == 400, refused.text
    assert refused.json()["message"] and refused.json()["advice"]
    assert phone.get(files.removesuffix("/files")).json()["count"] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b"{", b"[" * 100_000, b'{"files": [{}]}', b'{"files": [], "\\ud800": 1}',
        b'{"files": [{"name": "a", "size": -1}]}', b'{"files": [], "%s": 1}' % (b"y" * 100_000),
        b'{"files": [{"name": "a", "size": 1.5}]}', b'{"files": [{"name": "a", "size": NaN}]}',
        b'{"files": [{"name": "a", "size": 1e400}]}', b'{"files": [], "details": {"x": NaN}}',
        b'{"files": [], "details": {"x": Infinity}}', b'{"files": [{"name": "\\ud800", "size": 1}]}',
        b'{"files": [], "note": "\\udfff"}', b'{"files": [], "details": {"\\ud800": "\\ud800"}}',
        b'{"files": [], "path": "../x"}', b'{"files": [], "key": "../../x"}', b'{"files": "x"}',
        b'{"files": [{"name": 5, "size": "5"}]}', b'{"files": [{"name": "%s", "size": 1}]}' % (b"x" * 1025),
        b'{"files": [], "details": {"x": "%s"}}' % (b"x" * 70_000), b"\xff\xfe", b'{"files": [], "x": 1}',
        b'{"files": [{"name": "a", "size": 99999999999999999999}]}',
    ],
)  # fmt: skip
def test_bodies_that_make_no_sense_are_refused(phone: Client, body: bytes) -> None:
    answer = phone.post("/contributions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert phone.get("/contributions").json() == {"contributions": []}


def test_a_body_that_is_far_too_long_is_not_read(phone: Client) -> None:
    body = b'{"files": [], "note": "' + b"x" * (5 << 20) + b'"}'
    assert (
        phone.post("/contributions", content=body, headers={"Content-Type": "application/json"}).status_code
        == 413
    )
