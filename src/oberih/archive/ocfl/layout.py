"""Where an object lies under a storage root: OCFL extension 0003, with its default parameters."""

import hashlib
import re

__all__ = ["CONFIG", "DEPTH", "NAME", "object_key"]

NAME = "0003-hash-and-id-n-tuple-storage-layout"
CONFIG = {"extensionName": NAME, "digestAlgorithm": "sha256", "tupleSize": 3, "numberOfTuples": 3}
DEPTH = 4  # parts of an object's key
LONGEST = 100  # characters of an encoded identifier that are kept

UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def object_key(identifier: str) -> str:
    """The key of the object ``identifier``: ``3c0/ff4/240/object-01``."""
    digest = hashlib.sha256(identifier.encode()).hexdigest()
    name = UNSAFE.sub(percent_encoded, identifier)
    if len(name) > LONGEST:
        name = f"{name[:LONGEST]}-{digest}"
    return f"{digest[:3]}/{digest[3:6]}/{digest[6:9]}/{name}"


def percent_encoded(character: re.Match[str]) -> str:
    return "".join(f"%{byte:02x}" for byte in character.group().encode())
