"""How values and errors of jobs are kept: as JSON, never pickled.

What one release wrote another one reads, and nobody who can write to the database can make a worker run
code. Errors of Oberih come back as what they were, in any language (see `oberih.i18n`).
"""

import json
import logging
import secrets
import traceback
from collections.abc import Callable
from errno import EDQUOT, EHOSTUNREACH, ENETDOWN, ENETUNREACH, ENOSPC, ESTALE
from typing import Any

from dbos import Serializer
from sqlalchemy.exc import InterfaceError, OperationalError

from oberih import errors
from oberih.errors import Conflict, OberihError, OutputError, StoreError
from oberih.i18n import from_json, say, to_json

__all__ = ["Kept", "broken", "passing_trouble", "read_error"]

log = logging.getLogger("oberih.work")

LATER = say("It is tried again by itself; if it stays so, see to it.")


class Kept(Serializer):
    """What DBOS writes and reads values with."""

    def name(self) -> str:
        return "oberih"

    def serialize(self, data: Any) -> str:
        if isinstance(data, BaseException):
            return json.dumps({"error": error_to_json(data)}, ensure_ascii=False)
        return json.dumps({"value": data}, ensure_ascii=False)

    def deserialize(self, serialized_data: str) -> Any:
        kept = json.loads(serialized_data)
        return error_from_json(kept["error"]) if "error" in kept else kept["value"]


def error_to_json(error: BaseException) -> dict[str, Any]:
    if not isinstance(error, OberihError):
        error = broken(error, "of the engine")
    kind = type(error).__name__
    return {"kind": kind, "message": to_json(error.message), "advice": to_json(error.advice)}


def error_from_json(kept: dict[str, Any]) -> OberihError:
    kind = getattr(errors, kept["kind"]) if kept["kind"] in errors.__all__ else OberihError
    return kind(from_json(kept["message"]), from_json(kept["advice"]))


def read_error(serialized: str | None) -> OberihError | None:
    """The error that ended a job."""
    kept = json.loads(serialized) if serialized else {}
    return error_from_json(kept["error"]) if "error" in kept else None


def passing_trouble(error: Exception) -> OberihError | None:
    """The error in our words, if it is of the kind that passes: stores, disks, networks, databases."""
    if isinstance(error, StoreError | OutputError | Conflict):
        return error
    if isinstance(error, OperationalError | InterfaceError):
        return StoreError("The database cannot be reached, or is busy.", LATER)
    if isinstance(error, OSError):
        if error.errno in (ENOSPC, EDQUOT):
            return OutputError("There is no room left on the disk.", LATER)
        network = (ENETDOWN, ENETUNREACH, EHOSTUNREACH, ESTALE)
        if isinstance(error, ConnectionError | TimeoutError) or error.errno in network:
            return StoreError("The network, or what it leads to, cannot be reached.", LATER)
    return None


def broken(error: BaseException, where: str, report: Callable[..., None] = log.error) -> OberihError:
    """An error that nobody foresaw becomes a short reference; where it arose goes to the log.

    Its own words do not: they may name a file, a person or a place.
    """
    reference = secrets.token_hex(4).upper()
    frames = traceback.extract_tb(error.__traceback__)
    way = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
    report("%s in a job %s, reference %s: %s", type(error).__name__, where, reference, way)
    return OberihError(
        say("Something went wrong that was not foreseen (reference {reference}).", reference=reference),
        "Tell those who run this service the reference; their log says more. Nothing is lost.",
    )
