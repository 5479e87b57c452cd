"""A device that holds passkeys, as WebAuthn describes it: what a browser would send, without the browser."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

__all__ = ["Device"]

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Device:
    """``asks``: it asks who holds it. ``counts``: it counts signatures."""

    origin: str = "https://heritage.example"
    asks: bool = True
    counts: bool = True
    keys: dict[bytes, tuple[ec.EllipticCurvePrivateKey, bytes]] = field(default_factory=dict)
    count: int = 0

    def create(self, options: str, identifier: bytes = b"") -> str:
        """What `navigator.credentials.create` answers. ``identifier``: of the new key, if it is chosen."""
        given = json.loads(options)
        assert given["authenticatorSelection"]["residentKey"] == "required" and given["attestation"] == "none"
        key, identifier = ec.generate_private_key(ec.SECP256R1()), identifier or secrets.token_bytes(32)
        self.keys[identifier] = (key, base64url_to_bytes(given["user"]["id"]))
        public = key.public_key().public_numbers()
        cose = cbor2.dumps({
            1: 2, 3: -7, -1: 1, -2: public.x.to_bytes(32, "big"), -3: public.y.to_bytes(32, "big")
        })  # fmt: skip
        attested = bytes(16) + len(identifier).to_bytes(2, "big") + identifier + cose
        data = self.data(given["rp"]["id"], ATTESTED) + attested
        response = {
            "clientDataJSON": self.client(type="webauthn.create", challenge=given["challenge"]),
            "attestationObject": text(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
            "transports": ["internal", "hybrid"],
        }  # fmt: skip
        return answer(identifier, response)

    def get(self, options: str, **changed: str) -> str:
        """What `navigator.credentials.get` answers. ``changed``: of what the browser says of itself."""
        given = json.loads(options)
        wanted = [base64url_to_bytes(one["id"]) for one in given.get("allowCredentials") or ()]
        identifier = next(one for one in self.keys if not wanted or one in wanted)
        key, user = self.keys[identifier]
        self.count += self.counts
        data = self.data(given["rpId"], 0)
        client = self.client(**{"type": "webauthn.get", "challenge": given["challenge"], **changed})
        signed = data + hashlib.sha256(base64url_to_bytes(client)).digest()
        response = {
            "clientDataJSON": client, "authenticatorData": text(data),
            "signature": text(key.sign(signed, ec.ECDSA(SHA256()))), "userHandle": text(user),
        }  # fmt: skip
        return answer(identifier, response)

    def data(self, host: str, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.asks else 0)
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def client(self, **said: str) -> str:
        return text(json.dumps({"origin": self.origin, "crossOrigin": False, **said}).encode())


def answer(identifier: bytes, response: dict[str, Any]) -> str:
    known = {"id": text(identifier), "rawId": text(identifier), "type": "public-key"}
    return json.dumps({**known, "authenticatorAttachment": "platform", "response": response})


def text(data: bytes) -> str:
    return bytes_to_base64url(data)
