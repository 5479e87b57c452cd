"""Where the next page begins: opaque to who passes it on, and checked when it comes back.

``key``: `Now.key`.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import astuple, dataclass

from oberih.catalogue.public.matching import LAST
from oberih.errors import InputError

__all__ = ["START", "Cursor", "cursor_of", "opened", "sealed", "written"]

MAC_BYTES = 12


@dataclass(frozen=True)
class Cursor:
    """After which record the page begins; all of it is public."""

    tier: int = 0  # of relevance
    rank: int = -1
    value: str | int | None = None  # that it is sorted by
    floor: int = LAST  # of what is sorted: records that came later than the first page do not push any out


START = Cursor()


def written(key: bytes, cursor: Cursor, fingerprint: bytes) -> str:
    """The cursor as text, for the query of that fingerprint only."""
    return sealed(key, json.dumps(astuple(cursor), separators=(",", ":")).encode(), fingerprint)


def cursor_of(key: bytes, text: str | None, fingerprint: bytes) -> Cursor:
    """The cursor that `written` wrote. Raises `InputError`."""
    if text is None:
        return START
    data = opened(key, text, fingerprint)
    if data is None:
        raise InputError(
            "This is not a page of this search, or it is one of long ago.", "Begin again with the first page."
        )
    return Cursor(*json.loads(data))


def sealed(key: bytes, data: bytes, purpose: bytes) -> str:
    """``data`` as text that nobody else can make, and that is good for one purpose."""
    return base64.urlsafe_b64encode(seal(key, data, purpose) + data).decode().rstrip("=")


def opened(key: bytes, text: str, purpose: bytes) -> bytes | None:
    """What was `sealed`; None if it was not, or for another purpose."""
    try:
        whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    mac, data = whole[:MAC_BYTES], whole[MAC_BYTES:]
    return data if hmac.compare_digest(mac, seal(key, data, purpose)) else None


def seal(key: bytes, data: bytes, purpose: bytes) -> bytes:
    return hashlib.blake2b(purpose + data, key=key, digest_size=MAC_BYTES).digest()
