"""The service's secret, and secrets that people carry.

One key of 32 bytes, made at the first start and kept outside of the database, seals what must be read again
and hashes what must only be recognised. What people carry (tokens, links, codes) is random; only its SHA-256
is kept: 77 bits and more are not found by trying, so the hash needs no salt and can be looked up.
"""

import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from oberih.archive.identifiers import LETTERS
from oberih.catalogue.database import now
from oberih.errors import InputError, KeyNeeded

__all__ = ["Key", "digest", "network_of", "new_code", "new_token", "same", "typed_code"]

BYTES = 32
NONCE = 12  # bytes, NIST SP 800-38D
GROUPS, GROUP = 4, 4  # letters of a recovery code: 29 ** 16 is 77 bits


@dataclass(frozen=True)
class Key:
    """The service's secret. With another one, authenticator apps have to be set up again."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != BYTES:
            raise InputError(
                "The key of the accounts does not have 32 bytes.", "Restore the file of secrets."
            )

    def seal(self, text: str, of: str) -> bytes:
        """``text`` encrypted (AES-256-GCM), to be opened only as ``of`` the same."""
        nonce = secrets.token_bytes(NONCE)
        return nonce + self.cipher.encrypt(nonce, text.encode(), of.encode())

    def opened(self, sealed: bytes, of: str) -> str:
        """Raises `KeyNeeded` if it was sealed with another key, or is of something else."""
        try:
            return self.cipher.decrypt(sealed[:NONCE], sealed[NONCE:], of.encode()).decode()
        except InvalidTag as error:
            raise KeyNeeded(
                "It was sealed with another key of this service.",
                "Restore the file of secrets that belongs to this database; or set up the codes anew.",
            ) from error

    def mark(self, *what: str) -> str:
        """A keyed hash of ``what``: the same for the same; without the key nothing can be guessed from it."""
        text = "\0".join(what)
        return hmac.new(self.derived("marks"), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def address(self, address: str, at: datetime | None = None) -> str:
        """A keyed hash of a visitor's network: it differs from day to day, so no path is kept for longer."""
        day = (at or now()).date().isoformat()
        return self.mark("address", day, network_of(address))[:32] if address else ""

    @cached_property
    def cipher(self) -> AESGCM:
        return AESGCM(self.derived("sealing"))

    def derived(self, purpose: str) -> bytes:
        return HKDF(SHA256(), BYTES, salt=None, info=f"oberih accounts {purpose}".encode()).derive(
            self.secret
        )


def network_of(address: str) -> str:
    """What one visitor can choose freely counts as one: of IPv6 addresses the first 64 bits."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known, 64), strict=False))


def new_token(prefix: str = "") -> str:
    """256 random bits."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two texts are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def new_code() -> str:
    """A recovery code, to be written down by hand: ``gk8t-2n5x-7wq3-m5dr``."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))


def typed_code(text: str) -> str:
    """A recovery code as it was given, from what somebody typed."""
    letters = "".join(letter for letter in text.casefold() if letter.isalnum())
    letters = letters.translate({ord("o"): "0", ord("l"): "1", ord("i"): "1"})
    return "-".join(letters[at : at + GROUP] for at in range(0, len(letters[:64]), GROUP))
