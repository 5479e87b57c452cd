"""Where the next page begins: opaque to who passes it on, and checked when it comes back."""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import astuple, dataclass

from sqlalchemy import Connection, select

from oberih.catalogue.public.matching import LAST
from oberih.catalogue.public.tables import state
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


def written(connection: Connection, cursor: Cursor, fingerprint: bytes) -> str:
    """The cursor as text, for the query of that fingerprint only."""
    return sealed(connection, json.dumps(astuple(cursor), separators=(",", ":")).encode(), fingerprint)


def cursor_of(connection: Connection, text: str | None, fingerprint: bytes) -> Cursor:
    """The cursor that `written` wrote. Raises `InputError`."""
    if text is None:
        return START
    data = opened(connection, text, fingerprint)
    if data is None:
        raise InputError(
            "This is not a page of this search, or it is one of long ago.", "Begin again with the first page."
        )
    return Cursor(*json.loads(data))


def sealed(connection: Connection, data: bytes, purpose: bytes) -> str:
    """``data`` as text that nobody else can make, and that is good for one purpose."""
    return base64.urlsafe_b64encode(seal(connection, data, purpose) + data).decode().rstrip("=")


def opened(connection: Connection, text: str, purpose: bytes) -> bytes | None:
    """What was `sealed`; None if it was not, or for another purpose."""
    try:
        whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    mac, data = whole[:MAC_BYTES], whole[MAC_BYTES:]
    return data if hmac.compare_digest(mac, seal(connection, data, purpose)) else None


def seal(connection: Connection, data: bytes, purpose: bytes) -> bytes:
    key = connection.execute(select(state.c.value).where(state.c.name == "key")).scalar_one()
    return hashlib.blake2b(purpose + data, key=bytes.fromhex(key), digest_size=MAC_BYTES).digest()
