"""What the processes of a service tell whoever runs it: a line of JSON each, and nothing of any person.

Logs are read by more people, and kept in more places, than records are. So a line has the moment, the
process, a level, the logger and a message in which what could be an address, a coordinate, a secret or a
question of a visitor is hidden; of an unforeseen error it has the kind and the place in the program, and not
its words, in which a library may quote what somebody typed.

    {"at": "2026-11-02T10:00:00.123Z", "level": "info", "process": "web", "from": "oberih", "said": "..."}
"""

import json
import logging
import re
import sys
import threading
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from oberih.errors import OberihError

__all__ = ["begin_logs"]

HIDDEN = "…"
PERSONAL = re.compile(
    r"""(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])        # an address of a network: IPv4,
      | (?<![\w:])(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}(?![\w:])  # IPv6,
      | (?<![\w:])::(?:[0-9a-f]{1,4})?(?![\w:])            # and its short forms
      | [^\s@<>"'(]+@[^\s@<>"')]+                          # an address of e-mail; name:password@host
      | (?<![\w.])[-+]?\d{1,3}\.\d{4,}                     # degrees
      | (?<![\w/])(?=[\w-]*\d)[\w-]{40,}                   # keys, tokens
      | \?\S+                                              # what was asked for
    """,
    re.VERBOSE | re.IGNORECASE,
)
FRAMES = 12  # of an error, the innermost
HERE = Path(__file__).parents[1]


class Lines(logging.Formatter):
    """A record as a line of JSON."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told: dict[str, Any] = {
            "at": at.replace("+00:00", "Z"), "level": record.levelname.lower(), "process": self.process,
            "from": record.name, "said": hidden(record.getMessage()),
        }  # fmt: skip
        if record.exc_info and record.exc_info[1] is not None:
            told["error"] = error_told(record.exc_info[1])
        return json.dumps(told, ensure_ascii=False)


def hidden(text: str) -> str:
    return PERSONAL.sub(HIDDEN, text)


def error_told(error: BaseException) -> dict[str, Any]:
    """Kind and place of an error and of those that led to it. Its words only if they are ours."""
    told: dict[str, Any] = {"kind": type(error).__name__, "in": frames(error.__traceback__)}
    if isinstance(error, OberihError):
        told["said"] = hidden(str(error))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        told["because of"] = error_told(cause)
    return told


def frames(found: TracebackType | None) -> list[str]:
    return [
        f"{place_of(frame.filename)}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(found)[-FRAMES:]
    ]


def place_of(file: str) -> str:
    """A file without the folders that lead to the program, which may be a person's."""
    path = Path(file)
    if path.is_relative_to(HERE):
        return str(path.relative_to(HERE))
    return "/".join(path.parts[-3:])


def begin_logs(process: str) -> None:
    """From now on this process, which is called ``process``, tells on standard error what happens."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("oberih").setLevel(logging.INFO)
    logging.captureWarnings(True)
    unforeseen = logging.getLogger("oberih")

    def ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        unforeseen.critical("the process ends", exc_info=(kind, error, trace))

    def thread_ended(given: threading.ExceptHookArgs) -> None:
        if given.exc_value is not None and not issubclass(given.exc_type, SystemExit):
            trouble = (given.exc_type, given.exc_value, given.exc_traceback)
            unforeseen.error("a thread ends", exc_info=trouble)

    sys.excepthook, threading.excepthook = ended, thread_ended
