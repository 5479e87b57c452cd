"""Answers that were given lately: some words and filters are asked for again and again."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any

__all__ = ["Remembered"]

MOST = 500  # with 300 numbers each: some 20 MB


class Remembered:
    """The last of them. What an answer depends on is in what it is known by."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def get(self, known_by: Hashable) -> Any | None:
        with self._lock:
            if known_by not in self._answers:
                return None
            self._answers.move_to_end(known_by)
            return self._answers[known_by]

    def put(self, known_by: Hashable, answer: Any) -> None:
        with self._lock:
            self._answers[known_by] = answer
            if len(self._answers) > MOST:
                self._answers.popitem(last=False)
