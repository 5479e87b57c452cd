"""Rows of tables as JSON, and lines of JSON, compressed: how the ledger and the backup write both down.

What an older release did not know has its default; what this one does not know any more is left out.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import LargeBinary, inspect
from sqlalchemy.types import Date

from oberih.catalogue.database import Moment

__all__ = ["packed", "row_of", "state_of", "told", "unpacked"]

GZIP = 31  # zlib's word for it


def state_of(row: object) -> dict[str, Any]:
    """All columns of a row as JSON."""
    return {column.key: told(getattr(row, column.key)) for column in inspect(type(row)).columns}


def told(value: Any) -> Any:
    """A value of a column as JSON."""
    if isinstance(value, date):  # a moment is one, too
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def row_of(kind: type[Any], state: dict[str, Any]) -> dict[str, Any]:
    """Columns of a row from its state. Raises `ValueError`, `TypeError` if it is none."""
    made: dict[str, Any] = {}
    for column in inspect(kind).columns:
        if column.key not in state:
            continue
        value = state[column.key]
        if value is not None and isinstance(column.type, Moment):
            value = datetime.fromisoformat(value)
        elif value is not None and isinstance(column.type, Date):
            value = date.fromisoformat(value)
        elif value is not None and isinstance(column.type, LargeBinary):
            value = base64.b64decode(value, validate=True)
        made[column.key] = value
    return made


def packed(lines: Iterable[Any]) -> Iterator[bytes]:
    """``lines`` as JSON, one a line, in a gzip file."""
    zipping = zlib.compressobj(wbits=GZIP)
    for line in lines:
        yield zipping.compress(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    yield zipping.flush()


def unpacked(chunks: Iterable[bytes]) -> Iterator[Any]:
    """What `packed` wrote. What is not whole is known at its end. Raises `ValueError`."""
    unzipping, rest = zlib.decompressobj(wbits=GZIP), b""
    try:
        for chunk in chunks:
            *whole, rest = (rest + unzipping.decompress(chunk)).split(b"\n")
            for line in whole:
                yield json.loads(line)
    except zlib.error as error:
        raise ValueError("This is no gzip file.") from error
    if not unzipping.eof or rest:
        raise ValueError("The file was cut.")
