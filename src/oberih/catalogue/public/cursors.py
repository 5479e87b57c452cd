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

__all__ = ["START", "Cursor", "cursor_of", "written"]

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
    data = json.dumps(astuple(cursor), separators=(",", ":")).encode()
    whole = seal(connection, data, fingerprint) + data
    return base64.urlsafe_b64encode(whole).decode().rstrip("=")


def cursor_of(connection: Connection, text: str | None, fingerprint: bytes) -> Cursor:
    """The cursor that `written` wrote. Raises `InputError`."""
    if text is None:
        return START
    try:
        whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        whole = b""
    mac, data = whole[:MAC_BYTES], whole[MAC_BYTES:]
    if not hmac.compare_digest(mac, seal(connection, data, fingerprint)):
        raise InputError(
            "This is not a page of this search, or it is one of long ago.", "Begin again with the first page."
        )
    return Cursor(*json.loads(data))


def seal(connection: Connection, data: bytes, fingerprint: bytes) -> bytes:
    key = connection.execute(select(state.c.value).where(state.c.name == "key")).scalar_one()
    return hashlib.blake2b(fingerprint + data, key=bytes.fromhex(key), digest_size=MAC_BYTES).digest()
