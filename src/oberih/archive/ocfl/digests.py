"""Digest algorithms that OCFL knows, by OCFL's names."""

import hashlib
import re
from collections.abc import Callable
from typing import Protocol

__all__ = ["CONTENT", "FIXITY", "Hash", "hex_digits", "new", "well_formed"]

CONTENT = ("sha512", "sha256")  # may address content


class Hash(Protocol):
    """What `hashlib` makes."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


def blake2b(bits: int) -> Callable[[], Hash]:
    return lambda: hashlib.blake2b(digest_size=bits // 8)


FIXITY: dict[str, tuple[int, Callable[[], Hash]]] = {  # name -> bits, constructor
    "md5": (128, lambda: hashlib.md5(usedforsecurity=False)),
    "sha1": (160, lambda: hashlib.sha1(usedforsecurity=False)),
    "sha256": (256, hashlib.sha256),
    "sha512": (512, hashlib.sha512),
    "blake2b-512": (512, blake2b(512)),
    # of the registered extension 0009-digest-algorithms
    "blake2b-160": (160, blake2b(160)),
    "blake2b-256": (256, blake2b(256)),
    "blake2b-384": (384, blake2b(384)),
    "sha512/256": (256, lambda: hashlib.new("sha512_256")),
}

HEX = re.compile(r"[0-9a-fA-F]+")


def new(algorithm: str) -> Hash:
    """A hash to feed."""
    return FIXITY[algorithm][1]()


def hex_digits(algorithm: str) -> int:
    return FIXITY[algorithm][0] // 4


def well_formed(algorithm: str, digest: str) -> bool:
    """Whether ``digest`` has the form that the algorithm gives."""
    return len(digest) == hex_digits(algorithm) and HEX.fullmatch(digest) is not None
