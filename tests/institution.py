"""A small institution that says who its people are (OpenID Connect), on this machine; honest, or not."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

__all__ = ["Institution", "other_key", "running"]


@dataclass
class Institution:
    """``person`` logs in there at once. The other fields are what it does wrong, if anything."""

    issuer: str
    client: tuple[str, str] = ("oberih", "s3cret/with&signs")
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "7", "name": "Olha Koval"})
    about: dict[str, Any] = field(default_factory=dict)  # of its description
    claims: dict[str, Any] = field(default_factory=dict)  # of its tokens; None: left out
    key: Any = None  # that signs, in place of its own; "public": its own public one
    raw: dict[str, bytes] = field(default_factory=dict)  # answers, by path
    redirect: dict[str, str] = field(default_factory=dict)
    drip_s: float = 0.0
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    own: RSAKey = field(default_factory=lambda: own_key())

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys", **self.about,
        }  # fmt: skip

    def visit(self, url: str) -> dict[str, str]:
        """What a browser does that is sent here: the person agrees, and is sent back with this query."""
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query))
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == self.description()["authorization_endpoint"]
        assert asked["response_type"] == "code" and asked["client_id"] == self.client[0]
        assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split()
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        back = urlsplit(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")
        return dict(parse_qsl(back.query))

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        if authorization:
            name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            given = (unquote(name), unquote(secret))
        else:
            given = (form["client_id"], form.get("client_secret", ""))
        asked = self.codes.pop(form["code"])
        challenge = encoded(hashlib.sha256(form["code_verifier"].encode()).digest())
        assert given == self.client and form["grant_type"] == "authorization_code"
        assert challenge == asked["code_challenge"]
        assert form["redirect_uri"] == asked["redirect_uri"]
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": self.client[0], "iat": now, "exp": now + 60, "nonce": asked["nonce"],
            "auth_time": now, **self.person, **self.claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        signed = self.sign(claims)
        return {"access_token": "x", "token_type": "Bearer", "id_token": signed}

    def sign(self, claims: dict[str, Any]) -> str:
        if self.key != "public":
            return jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key or self.own)
        # The trick of taking the public key for a shared secret; no library signs so.
        parts = [encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "1"}, claims)]
        mark = hmac.digest(self.own.as_pem(private=False), ".".join(parts).encode(), "sha256")
        return ".".join([*parts, encoded(mark)])

    def answer(self, path: str, form: dict[str, str], authorization: str) -> Any:
        if path == "/.well-known/openid-configuration":
            return self.description()
        if path == "/keys":
            strange = {"kty": "strange", "kid": "0"}
            spare = ECKey.generate_key("P-256", {"kid": "2", "use": "enc"}).as_dict(private=False)
            return {"keys": [strange, self.own.as_dict(private=False), spare]}
        return self.token(form, authorization) if path == "/token" else None


@contextmanager
def running(**wrong: Any) -> Iterator[Institution]:
    """An institution that can be asked as long as the context lasts."""
    place: list[Institution] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            house, path = place[0], urlsplit(self.path).path
            house.asked.append(path)
            length = int(self.headers.get("Content-Length") or 0)
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            if path in house.redirect:
                self.send_response(302)
                self.send_header("Location", house.redirect[path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            try:
                told = house.raw.get(path)
                if told is None:
                    found = house.answer(path, form, self.headers.get("Authorization", ""))
                    told = json.dumps(found).encode()
            except (AssertionError, KeyError):
                self.send_error(400)
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            step = max(1, len(told) if not house.drip_s else 1)
            for at in range(0, len(told), step):
                try:
                    self.wfile.write(told[at : at + step])
                except OSError:
                    return  # they did not want to wait
                time.sleep(house.drip_s)

        do_POST = do_GET  # noqa: N815 - the library calls it so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    house = Institution(f"http://127.0.0.1:{server.server_port}", **wrong)
    place.append(house)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield house
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@cache
def own_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})


def other_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "1"})


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
