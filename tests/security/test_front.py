"""The way to the public process: one request in, one request out, and nothing of who asks."""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import uvicorn

from oberih.web.inside.front import Front, Straight
from oberih.web.serving import listen, socket_of
from security.standin import Public
from web.office import house_at

PERSON = (
    "Cookie: __Host-session=secret; session=secret; __Host-device=secret; language=uk; form=secret\r\n"
    "Authorization: Bearer oberih_secret\r\nX-CSRF-Token: secret\r\nX-Forwarded-For: 203.0.113.9\r\n"
    "Referer: https://heritage.example/account/once/secret\r\nUser-Agent: secret\r\nForwarded: for=secret\r\n"
)


class Running:
    """The web process's application behind a real socket, as `oberih serve` runs it."""

    def __init__(self, folder: Path) -> None:
        self.house = house_at(folder)
        self.public = Public(socket_of(self.house.service))
        self.listening = listen("127.0.0.1", 0)
        config = uvicorn.Config(
            self.house.app, fd=self.listening.fileno(), access_log=False, log_config=None,
            server_header=False, proxy_headers=False,
        )  # fmt: skip
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve()), daemon=True)
        self.thread.start()

    def say(self, text: str | bytes) -> bytes:
        """Send it as it is. What comes back until the line is closed, or nothing comes any more."""
        with closing(socket.create_connection(self.listening.getsockname(), 10)) as line:
            line.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))
            line.settimeout(3)
            answer = b""
            with suppress(TimeoutError, ConnectionResetError):
                while piece := line.recv(65536):
                    answer += piece
            return answer

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        self.public.close()
        self.house.close()
        self.listening.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    made = Running(tmp_path_factory.mktemp("front") / "data")
    yield made
    made.close()


def asked(running: Running, text: str | bytes) -> tuple[bytes, list[bytes]]:
    """What came back, and what came to the public side."""
    before = len(running.public.came)
    answer = running.say(text)
    return answer, running.public.came[before:]


def get(target: str, more: str = "") -> str:
    return f"GET {target} HTTP/1.1\r\nHost: evil.example\r\n{more}Connection: close\r\n\r\n"


def test_nothing_of_a_person_goes_on(running: Running) -> None:
    answer, (came,) = asked(running, get("/records/1/2?q=a%20b", PERSON))
    head = came.decode("latin-1")
    assert head.startswith("GET /records/1/2?q=a%20b HTTP/1.1\r\n")
    assert "secret" not in head and "203.0.113.9" not in head
    assert "Cookie: language=uk" in head and "Host: heritage.example" in head and "evil" not in head
    assert answer.endswith(b"ok") and b"evil" not in answer and b"x-own" not in answer.lower()


def test_what_is_packed_stays_so_for_those_who_unpack(running: Running) -> None:
    answer, (came,) = asked(running, get("/feed.atom", "Accept-Encoding: br\r\n"))
    assert b"accept-encoding: br\r\n" in came.lower() + b"\r\n"
    assert b"content-encoding: br" in answer.lower() and answer.endswith(b"ok")
    _, (came,) = asked(running, get("/feed.atom"))
    assert b"accept-encoding: identity" in came.lower()


def post(target: str, body: str, more: str = "") -> str:
    kind = "" if "Content-Type" in more else "Content-Type: application/x-www-form-urlencoded\r\n"
    head = f"Host: evil.example\r\n{more}{kind}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return f"POST {target} HTTP/1.1\r\n{head}{body}"


def test_a_harvesters_form_goes_on_as_an_address(running: Running) -> None:
    form = "verb=GetRecord&identifier=ark%3A%2F1%2Fx%0D%0AX-Evil%3A+1&a=%26&a=b"
    answer, (came,) = asked(running, post("/oai?verb=Identify", form, PERSON))
    head = came.decode("latin-1")
    assert head.startswith(f"GET /oai?{form} HTTP/1.1\r\n")
    assert "secret" not in head and "ontent-" not in head and "Host: heritage.example" in head
    assert answer.endswith(b"ok")


@pytest.mark.parametrize(
    "sent",
    [post("/oai", "x=" + "y" * 9000), "POST /oai HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
     post("/oai", "verb=Identify", "Sec-Fetch-Site: cross-site\r\n"), post("/oai/", "verb=Identify")],
)  # fmt: skip
def test_other_forms_go_nowhere(running: Running, sent: str) -> None:
    answer, came = asked(running, sent)
    assert came == [] and answer.split(b" ")[1] in (b"403", b"405", b"422"), answer


def test_a_body_that_is_no_form_asks_nothing(running: Running) -> None:
    _, (came,) = asked(running, post("/oai", '{"verb": "Identify"}', "Content-Type: application/json\r\n"))
    assert came.startswith((b"GET /oai? HTTP/1.1\r\n", b"GET /oai HTTP/1.1\r\n"))


@pytest.mark.parametrize(
    "target",
    ["/%2e%2e/private", "//evil.example/x", "/a%3Fb?c%23d", "/a%2fb", "/%ff%fe", "/a;b=c",
     "/%5c%5cevil.example", "/a?b=%0d%0aX-Evil:%201"],
)  # fmt: skip
def test_addresses_go_on_as_they_came(running: Running, target: str) -> None:
    _, came = asked(running, get(target))
    assert [one.split(b"\r\n")[0] for one in came] == [f"GET {target} HTTP/1.1".encode()]
    assert b"X-Evil: 1" not in came[0] and b"Host: heritage.example" in came[0]


@pytest.mark.parametrize(
    "target",
    ["/account", "/%61ccount", "/account?x=/records/1", "/review", "/api/v1/contributions", "/static/x.js"],
)
def test_what_is_an_inner_route_s_stays_here(running: Running, target: str) -> None:
    answer, came = asked(running, get(target))
    assert came == [] and not answer.startswith(b"HTTP/1.1 200"), answer


@pytest.mark.parametrize("target", ["/accounts", "/Account", "//account", "/api/v1/records", "/"])
def test_what_only_looks_like_one_goes_on(running: Running, target: str) -> None:
    _, came = asked(running, get(target))
    assert [one.split(b" ")[1] for one in came] == [target.encode()]


def test_the_short_way_needs_inner_routes_that_can_be_told_apart(running: Running) -> None:
    front = Front(socket_of(running.house.service), "heritage.example", lambda _: None)
    with pytest.raises(ValueError, match="any beginning"):
        Straight(front, ["/account", "/{anything}/here"])


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
        "Content-Length: 30\r\nContent-Length: 0\r\n\r\nGET /smuggled HTTP/1.1\r\nX: y",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        "Content-Length: +5\r\n\r\nhello",
        "Content-Length: 44\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
        "X: y\r\n folded: z\r\nContent-Length: 0\r\n\r\n",
        "Host: b.example\r\n\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_no_second_request_is_smuggled(running: Running, method: str, lines: str) -> None:
    answer, came = asked(
        running, f"{method} /one HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n{lines}"
    )
    assert all(one.startswith((b"GET /one ", b"HEAD /one ")) for one in came) and len(came) <= 1
    assert all(b"ontent-" not in one and b"ransfer-" not in one and b"pgrade" not in one for one in came)
    assert answer.count(b"HTTP/1.1 ") <= 2  # with 100 Continue
    assert b" 101 " not in answer and b" 500 " not in answer


def test_two_requests_on_one_line_are_two(running: Running) -> None:
    first = "GET /one HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    answer, came = asked(running, first + get("/two"))
    assert [one.split(b" ")[1] for one in came] == [b"/one", b"/two"]
    assert answer.count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize(
    "line",
    ["GET http://evil.example/x HTTP/1.1", "CONNECT evil.example:443 HTTP/1.1", "TRACE / HTTP/1.1",
     "PUT /x HTTP/1.1", "GET * HTTP/1.1", "OPTIONS * HTTP/1.1", "GET /\xff HTTP/1.1", "G\x00T / HTTP/1.1",
     "GET /a%0d%0aX-Evil:%201 HTTP/1.1"],
)  # fmt: skip
def test_odd_requests_go_nowhere(running: Running, line: str) -> None:
    answer, came = asked(running, f"{line}\r\nHost: a.example\r\nConnection: close\r\n\r\n")
    assert came == []
    assert answer.split(b" ")[1][:1] == b"4", answer


def test_endless_heads_are_not_read(running: Running) -> None:
    answer, came = asked(running, "GET / HTTP/1.1\r\nHost: a\r\n" + "X: " + "y" * 200_000)
    assert came == [] and (not answer or answer.split(b" ")[1] in (b"400", b"431"))


def test_a_line_that_the_other_side_has_closed_is_replaced(running: Running) -> None:
    """Whoever asks next does not notice."""
    asked(running, get("/one"))
    running.public.hang_up()
    answer, came = asked(running, get("/two"))
    assert answer.endswith(b"ok") and [one.split(b" ")[1] for one in came] == [b"/two"]


def test_a_download_that_is_broken_off_is_left_alone(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    size = 64 << 20
    running.public.says = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + bytes(size)
    try:
        for _ in range(4):
            with closing(socket.create_connection(running.listening.getsockname(), 10)) as line:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                line.sendall(get("/files/model.stl").encode())
                assert line.recv(15) == b"HTTP/1.1 200 OK"
    finally:
        running.public.says = None
    answer, came = asked(running, get("/records/1/2"))
    assert answer.endswith(b"ok") and len(came) == 1
    assert [one for one in caplog.records if one.name == "asyncio"] == []


def test_what_cannot_be_done_says_what_can(running: Running) -> None:
    answer = running.say(
        "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nallow: " in answer.lower()


def test_an_answer_that_is_none_is_not_handed_on(running: Running) -> None:
    twice = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 2\r\n\r\nhello"
    short = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ntoo short"
    for nonsense in (twice, short, b"nonsense\r\n\r\n"):
        running.public.says = nonsense
        running.public.hang_up()
        answer, came = asked(running, get("/one"))
        assert answer.split(b" ")[1] == b"503" and len(came) == 1, nonsense
    running.public.says = None
    assert asked(running, get("/one"))[0].endswith(b"ok")
