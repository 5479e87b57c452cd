"""What only buckets have: keys, servers that do not answer or answer badly, object lock, listings to sort."""

import hashlib
import http.server
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from oberih.archive.stores import AlreadyThere, Changed, Stat, Store, open_store
from oberih.archive.stores._sorted import sorted_stats
from oberih.archive.stores.s3 import PART, PROBE, S3Store
from oberih.errors import InputError, StoreError

ERROR = '<?xml version="1.0"?><Error><Code>{}</Code><Message>TOP-SECRET</Message></Error>'


class S3(Protocol):
    """The fixture of conftest.py."""

    endpoint: str
    access_key: str
    secret_key: str
    reader: tuple[str, str]

    def __call__(self, **options: Any) -> Store: ...
    def url(self, bucket: str | None = None, prefix: str | None = None) -> str: ...
    def open(self, url: str, **options: Any) -> Store: ...


# -- keys and addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [("test-key", "TOP-SECRET"), ("nobody", "TOP-SECRET")])
def test_wrong_keys(s3: S3, keys: tuple[str, str]) -> None:
    with pytest.raises(StoreError, match="does not accept the access key") as error:
        open_store(s3.url(), access_key=keys[0], secret_key=keys[1])
    assert "TOP-SECRET" not in error.value.message + error.value.advice
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_keys_come_from_the_environment_too(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="needs an access key") as error:
        open_store(s3.url())
    assert "AWS_ACCESS_KEY_ID" in error.value.advice
    with pytest.raises(InputError, match="go together"):
        open_store(s3.url(), access_key="only")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.secret_key)
    store = open_store(s3.url())
    store.create("a", b"1")
    # A token of the environment does not belong to keys that are given.
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of somebody else")
    assert s3.open(store.url).read("a")[0] == b"1"


def test_an_address_tells_no_keys_and_opens_the_same_store(s3: S3) -> None:
    store = s3.open(s3.url(prefix="музей/50%3F %26?".replace("?", "%3F")))
    store.create("a", b"1")
    assert s3.access_key not in store.url
    assert s3.secret_key not in store.url
    assert s3.open(store.url).read("a")[0] == b"1"


def test_keys_that_may_only_read(s3: S3) -> None:
    store = s3()
    tag = store.create("v1/a", b"1")
    reading = open_store(store.url, access_key=s3.reader[0], secret_key=s3.reader[1])
    assert reading.read("v1/a") == (b"1", tag)
    assert [found.key for found in reading.list()] == ["v1/a"]
    uses: list[Callable[[], Any]] = [
        lambda: reading.create("v1/b", b""),
        lambda: reading.write("v1/b", [b"x" * PART, b"x"]),
        lambda: reading.replace("v1/a", b"", tag),
        lambda: reading.delete("v1/a"),
        lambda: open_store(
            s3.url("new-bucket"), access_key=s3.reader[0], secret_key=s3.reader[1], create=True
        ),
    ]
    for use in uses:
        with pytest.raises(StoreError, match="does not let this access key") as error:
            use()
        assert "permission" in error.value.advice


def test_buckets_are_made_on_request_only(s3: S3) -> None:
    url = s3.url("made-on-request")
    with pytest.raises(StoreError, match="no such bucket"):
        s3.open(url)
    s3.open(url, create=True).create("a", b"1")
    assert s3.open(url, create=True).read("a")[0] == b"1"


def test_stores_of_one_bucket_do_not_see_each_other(s3: S3) -> None:
    one, other = s3.open(s3.url(prefix="shared/a")), s3.open(s3.url(prefix="shared/ab"))
    one.create("x", b"1")
    assert list(other.list()) == list(other.folders()) == []


@pytest.mark.parametrize("name", ["a\\b", "new\nline", "\x7f"])
def test_names_that_servers_would_change_are_refused(s3: S3, name: str) -> None:
    store = s3()
    with pytest.raises(StoreError, match="takes no names like"):
        store.write(f"v1/{name}", [b""])
    assert list(store.list()) == []


# -- large files -------------------------------------------------------------------------------------------


def test_parts_are_streamed_and_come_back_whole(s3: S3) -> None:
    store = s3()
    parts = [random.Random(i).randbytes(5_000_000) for i in range(10)]
    digest = hashlib.sha256(b"".join(parts)).digest()

    def upload(name: str) -> int:
        return store.write(name, iter(parts))

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(upload, ["a", "b"])) == [50_000_000] * 2
    for name in ("a", "b"):
        found = hashlib.sha256()
        for piece in store.stream(name):
            found.update(piece)
        assert found.digest() == digest
    with pytest.raises(AlreadyThere):
        upload("a")


def test_a_file_that_changes_while_it_is_read_is_not_mixed(s3: S3) -> None:
    store = s3()
    store.write("a", [b"1" * PART, b"1"])
    stream = store.stream("a")
    assert next(stream)[:1] == b"1"
    store.delete("a")
    store.write("a", [b"2" * PART, b"2"])
    with pytest.raises(StoreError, match="replaced while it was read"):
        list(stream)


# -- object lock -------------------------------------------------------------------------------------------


def test_a_bucket_with_object_lock_keeps_what_is_deleted(s3: S3) -> None:
    from botocore.exceptions import ClientError
    from botocore.session import get_session

    client = get_session().create_client(
        "s3",
        endpoint_url=s3.endpoint,
        region_name="us-east-1",
        aws_access_key_id=s3.access_key,
        aws_secret_access_key=s3.secret_key,
    )
    client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    keep = {"Mode": "COMPLIANCE", "Days": 1}
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": keep}}
    client.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration=rule)

    store = s3.open(s3.url("locked", prefix="x"))
    tag = store.create("inventory.json", b"1")
    store.replace("inventory.json", b"2", tag)
    store.write("mesh.glb", [b"m" * PART, b"m"])
    store.delete("inventory.json")
    assert [found.key for found in store.list()] == ["mesh.glb"]

    versions = client.list_object_versions(Bucket="locked", Prefix="x/inventory.json")["Versions"]
    assert len(versions) == 2
    for version in versions:
        name = {"Bucket": "locked", "Key": version["Key"], "VersionId": version["VersionId"]}
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_object(**name)
        assert client.get_object(**name)["Body"].read() in (b"1", b"2")
    client.close()


# -- servers that do not answer, or badly ------------------------------------------------------------------


class Reply(Exception):
    """What a made-up server answers: status, body."""


@contextmanager
def server(answer: Callable[[str, str, dict[str, str], bytes], Any], date: str = "") -> Iterator[str]:
    """A made-up server. ``answer(method, key, headers, body)`` returns (status, body, tag)."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            super().handle_one_request()

        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            key = self.path.partition("?")[0].removeprefix("/bucket/")
            status, text, tag = answer(self.command, key, dict(self.headers), body)
            self.send_response_only(status)
            self.send_header("Date", date or self.date_time_string())
            self.send_header("Last-Modified", self.date_time_string())
            self.send_header("Content-Length", str(len(text)))
            if tag:
                self.send_header("ETag", tag)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = reply  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"s3://bucket?endpoint=http://127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()


def opened(url: str, **options: Any) -> S3Store:
    return S3Store(url, access_key="k", secret_key="TOP-SECRET", **options)


def error_code(status: int, code: str) -> Callable[..., Any]:
    return lambda *_: (status, ERROR.format(code).encode() if code else b"<html>", "")


@pytest.mark.parametrize(
    ("status", "code", "message", "advice"),
    [
        (403, "RequestTimeTooSkewed", "clock of this computer", "NTP"),
        (403, "SignatureDoesNotMatch", "does not accept", "both keys"),
        (403, "ExpiredToken", "does not accept", "both keys"),
        (404, "NoSuchBucket", "no such bucket", "endpoint"),
        (404, "", "cannot be reached as an S3 server", "port"),
        (507, "", "no room left", "quota"),
        (403, "QuotaExceeded", "no room left", "quota"),
        (507, "XMinioStorageFull", "no room left", "Free some room"),
        (501, "NotImplemented", "does not honour conditional requests", "newer"),
        (400, "SomethingElse", "cannot do this.*SomethingElse", "documentation"),
    ],
)
def test_every_answer_has_a_message_and_advice(status: int, code: str, message: str, advice: str) -> None:
    with server(error_code(status, code)) as url:
        with pytest.raises(StoreError, match=message) as error:
            opened(url)
        if status != 501:
            store = opened(url + "&probe=0")
            with pytest.raises(StoreError, match=message):
                store.create("a", b"1")
            with pytest.raises(StoreError, match=message):
                store.write("a", [b"1" * PART, b"1"])
    assert advice in error.value.advice
    assert "TOP-SECRET" not in error.value.message + error.value.advice


def test_a_port_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    began = time.monotonic()
    with pytest.raises(StoreError, match="cannot be reached") as error:
        opened(f"s3://bucket?endpoint=http://127.0.0.1:{port}")
    assert "port" in error.value.advice
    store = opened(f"s3://bucket?endpoint=http://127.0.0.1:{port}&probe=0", wait_s=0.3)
    for use in (
        store.now,
        lambda: store.read("a"),
        lambda: store.create("a", b""),
        lambda: list(store.list()),
    ):
        with pytest.raises(StoreError, match="cannot be reached"):
            use()
    assert time.monotonic() - began < 60


def test_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"s3://bucket?endpoint=http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StoreError, match="too long to answer") as error:
            opened(url, wait_s=0.3)
        assert "connection" in error.value.advice
        with pytest.raises(StoreError, match="too long to answer"):
            opened(url + "&probe=0", wait_s=0.3).create("a", b"1")


def test_a_server_that_ignores_conditions_is_refused() -> None:
    asked: list[str] = []

    def careless(method: str, key: str, headers: dict[str, str], body: bytes) -> Any:
        asked.append(f"{method} {key}")
        return 200, b"", '"tag"'

    with server(careless) as url:
        with pytest.raises(StoreError, match="does not honour conditional requests"):
            opened(url)
        assert set(asked) == {f"PUT {PROBE}"}
        opened(url + "&probe=0").create("a", b"")


class Memory:
    """A right S3 server for single files, which loses its first ``lose`` answers to PUTs of "a"."""

    def __init__(self, lose: int, arrives: bool) -> None:
        self.held: dict[str, bytes] = {}
        self.lose, self.arrives = lose, arrives

    def __call__(self, method: str, key: str, headers: dict[str, str], body: bytes) -> Any:
        headers = {name.lower(): value for name, value in headers.items()}
        held = self.held.get(key)
        tag = f'"{hashlib.md5(held).hexdigest()}"' if held is not None else ""
        if method == "PUT":
            lost = self.lose > 0 and key == "a"
            self.lose -= lost
            if lost and not self.arrives:
                return 500, b"", ""
            if ("if-none-match" in headers and held is not None) or headers.get("if-match", tag) != tag:
                return 412, ERROR.format("PreconditionFailed").encode(), ""
            self.held[key] = body
            return (500, b"", "") if lost else (200, b"", f'"{hashlib.md5(body).hexdigest()}"')
        if held is None:
            return 404, ERROR.format("NoSuchKey").encode(), ""
        return 200, held, tag


@pytest.mark.parametrize("arrives", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("lose", [1, 2])
def test_when_an_answer_is_lost_what_is_there_decides(lose: int, arrives: bool) -> None:
    memory = Memory(0, arrives)
    with server(memory) as url:
        store = opened(url)
        memory.lose = lose
        tag = store.create("a", b"mine")
        assert store.read("a") == (b"mine", tag)
        memory.lose = lose
        newer = store.replace("a", b"mine, too", tag)
        assert store.read("a") == (b"mine, too", newer)
        memory.lose = lose
        with pytest.raises(Changed):
            store.replace("a", b"late", tag)
        with pytest.raises(AlreadyThere):
            store.create("a", b"late")
        assert memory.held["a"] == b"mine, too"


def test_a_server_that_keeps_failing() -> None:
    memory = Memory(0, arrives=False)
    with server(memory) as url:
        store = opened(url)
        memory.lose = 1000
        with pytest.raises(StoreError, match=r"cannot do this: a \(500\)"):
            store.create("a", b"1")


def test_the_clock_is_the_servers() -> None:
    with server(Memory(0, arrives=True), date="Thu, 04 Oct 2001 12:00:00 GMT") as url:
        now = opened(url).now()
    assert timedelta(0) <= now - datetime(2001, 10, 4, 12, tzinfo=UTC) < timedelta(minutes=1)


# -- sorting -----------------------------------------------------------------------------------------------


def test_listings_larger_than_memory_are_sorted_in_runs() -> None:
    when = datetime(2024, 2, 29, 12, 30, 15, 250_000, tzinfo=UTC)
    stats = [
        Stat(f"v1/{name}/Чаша\n{i % 97}", i, when, f'"{i}"')
        for i, name in enumerate(["c/x", "c-x", "c0"] * 30)
    ]
    random.Random(1).shuffle(stats)
    assert list(sorted_stats(iter(stats), run=7)) == sorted(stats, key=lambda stat: stat.key)
    assert list(sorted_stats(iter(stats), run=30)) == sorted(stats, key=lambda stat: stat.key)
    assert list(sorted_stats(iter([]), run=7)) == []
