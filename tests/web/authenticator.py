"""A device with a passkey, in software: ES256, no attestation (WebAuthn 3, sections 6.1 and 6.5)."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

__all__ = ["Authenticator"]

PRESENT, ASKED, NEW = 0x01, 0x04, 0x40  # flags: somebody is there; it asked who; a new key follows


@dataclass
class Authenticator:
    """``asks``: it asks who holds it (finger, face, PIN)."""

    origin: str
    host: str
    asks: bool = True
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: str = ""  # of the account, as the service calls it
    count: int = 0

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.create` gives, as JSON."""
        assert options["rp"]["id"] == self.host
        self.handle = options["user"]["id"]
        client = self.client("webauthn.create", options)
        key = b"\0" * 16 + len(self.credential).to_bytes(2, "big") + self.credential + self.cose()
        told = {"fmt": "none", "attStmt": {}, "authData": self.about(NEW) + key}
        return self.answer(client, attestationObject=text(cbor2.dumps(told)), transports=["internal"])

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.get` gives, as JSON."""
        assert options["rpId"] == self.host
        self.count += 1
        client, about = self.client("webauthn.get", options), self.about(0)
        signature = self.key.sign(about + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self.answer(
            client, authenticatorData=text(about), signature=text(signature), userHandle=self.handle
        )

    def client(self, kind: str, options: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin}).encode()

    def about(self, more: int) -> bytes:
        flags = PRESENT | (ASKED if self.asks else 0) | more
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def cose(self) -> bytes:
        """The public key (RFC 9053, 7.1.1)."""
        point = self.key.public_key().public_numbers()
        x, y = (one.to_bytes(32, "big") for one in (point.x, point.y))
        return bytes(cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y}))

    def answer(self, client: bytes, **response: Any) -> dict[str, Any]:
        name = text(self.credential)
        return {
            "id": name, "rawId": name, "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {}, "response": {"clientDataJSON": text(client), **response},
        }  # fmt: skip


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
