"""A line to a service that may break at any moment: what can be tried again, is; what is refused, is told."""

import math
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from oberih.errors import Conflict, InputError, NotInArchive, OberihError, StoreError
from oberih.i18n import say
from oberih.progress import Progress

__all__ = ["Line", "open_line", "read_token"]

API = "/api/v1"
TOKEN = "OBERIH_TOKEN"  # noqa: S105 - a name
WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
TRIES = 12  # without any progress: about four minutes
SILENCE_S, CONNECT_S, TELL_S = 60.0, 5.0, 30.0
LATER = (408, 423, 425, 429, 460, 500, 502, 503, 504)  # busy, being started again; 460: torn on its way (tus)
TEXT = 300  # letters of what a service says
NEAR = ("localhost", "127.0.0.1", "::1")
REFUSED: Mapping[int, tuple[type[OberihError], str]] = {
    403: (InputError, say("The token does not allow this.")),
    404: (NotInArchive, say("It is not known there.")),
    409: (Conflict, say("The service has it in another state.")),
    410: (NotInArchive, say("It is not there any more.")),
}


@dataclass
class Line:
    """``wait`` is called between tries, with seconds."""

    client: httpx.Client = field(repr=False)
    progress: Progress = field(default_factory=Progress)
    wait: Callable[[float], None] = time.sleep
    failures: int = 0  # since something last got through
    told_s: float = -math.inf  # when it was last said that nothing gets through; `time.monotonic`
    piece: int = 1 << 20  # bytes to send at once

    def json(self, method: str, path: str, body: Any = None) -> Any:
        """What the service answers, as JSON. ``path``: below its address."""
        answer = self.ask(method, path, json=body) if body is not None else self.ask(method, path)
        try:
            return answer.json()
        except ValueError as error:
            raise StoreError(
                say("{place} is no service of Oberih.", place=self.place), "Check the address."
            ) from error

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        """An answer that is a success, after as many tries as it takes. Raises `StoreError` if the line stays
        broken, and what the service says if it refuses.
        """
        while True:
            try:
                answer = self.once(method, path, **given)
            except Broken as error:
                self.failed(error)
                continue
            self.failures = 0
            return answer

    def once(self, method: str, path: str, **given: Any) -> httpx.Response:
        """One try. Raises `Broken` if another one may succeed."""
        self.progress.check()
        try:
            answer = self.client.request(method, path, **given)
        except httpx.TransportError as error:
            raise Broken(type(error).__name__) from error
        if answer.is_success:
            return answer
        if answer.status_code in LATER:
            raise Broken(said(answer)[0] or f"HTTP {answer.status_code}", waits(answer))
        raise refusal(answer, self.place)

    def greet(self) -> None:
        """See that the service is there, and takes the token. Raises what `ask` raises."""
        self.ask("GET", f"{API}/contributions")

    def failed(self, broken: "Broken") -> None:
        """Say so, now and then, and wait before another try. Raises `StoreError` if it was tried for long."""
        self.failures += 1
        if self.failures >= TRIES:
            raise StoreError(
                say("{place} cannot be reached: {why}", place=self.place, why=broken.message),
                "Nothing is lost. Run the same command again when the line is better; it goes on from here.",
            ) from broken
        if time.monotonic() - self.told_s > TELL_S:
            self.told_s = time.monotonic()
            self.progress.note(
                "sending",
                say("{place} does not answer. It is tried again for some minutes.", place=self.place),
            )
        self.wait(max(broken.wait_s, min(LONGEST_WAIT_S, WAIT_S * 2 ** (self.failures - 1))))

    @property
    def place(self) -> str:
        return str(self.client.base_url).rstrip("/")

    def close(self) -> None:
        self.client.close()


class Broken(OberihError):
    """This try did not get through; another one may."""

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def open_line(url: str, token: str, *, language: str = "en", progress: Progress | None = None) -> Line:
    """A line to the service at ``url``. Nothing is sent yet. Raises `InputError`."""
    parts = urlsplit(url)
    known = parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/")
    if not known or parts.username or parts.query:
        raise InputError(
            say("{url} is no address of a service.", url=url[:TEXT]), "It looks like https://heritage.example"
        )
    if parts.scheme == "http" and parts.hostname not in NEAR:
        raise InputError("A token must not go over a line that is not encrypted.", "Use https://")
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Accept-Language": language}
    client = httpx.Client(
        base_url=f"{parts.scheme}://{parts.netloc}", headers=headers,
        timeout=httpx.Timeout(SILENCE_S, connect=CONNECT_S), follow_redirects=False,
        verify=ssl.create_default_context(),
    )  # fmt: skip
    return Line(client, progress or Progress())


def read_token(environment: Mapping[str, str], file: Path | None = None) -> str:
    """The token, from a file or from the environment; never an argument, which others could see.

    Raises `InputError`.
    """
    if file is None:
        token = environment.get(TOKEN, "").strip()
    else:
        try:
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else say("it is no text (UTF-8)")
            raise InputError(
                say("{path} cannot be read: {why}", path=file, why=why),
                "Check the spelling of the path, and that you may read what is there.",
            ) from error
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(
            "There is no token.",
            "Make one on the page of your account there; put it into OBERIH_TOKEN, or give --token-file.",
        )
    return token


def refusal(answer: httpx.Response, place: str) -> OberihError:
    """What the service says, as our error."""
    if answer.is_redirect:
        return InputError(
            say("{place} leads elsewhere.", place=place), "Give the address where the service itself is."
        )
    if answer.status_code == 401:  # an older service talks as if to somebody at a browser
        return InputError(
            say("{place} does not take this token.", place=place),
            say(
                "It may have ended, or been taken back. Make a new one, which may write contributions, on "
                "the page of your account: {page}",
                page=f"{place}/account",
            ),
        )
    kind, usual = REFUSED.get(answer.status_code, (InputError, say("The service does not take it.")))
    message, advice = said(answer)
    return kind(message or usual, advice)


def said(answer: httpx.Response) -> tuple[str, str]:
    """Message and advice of a service; it is somebody else's, so that only what can be shown is shown."""
    try:
        told = answer.json()
        found = (str(told["message"]), str(told["advice"]))
    except (ValueError, KeyError, TypeError):
        found = ("", "")
    return plain(found[0]), plain(found[1])


def plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:TEXT]


def waits(answer: httpx.Response) -> float:
    told = answer.headers.get("Retry-After", "")
    return min(LONGEST_WAIT_S, float(told)) if told.isdigit() else 0.0
