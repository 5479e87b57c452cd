"""Answers that were given lately: some words and filters are asked for again and again."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any

__all__ = ["Remembered"]

MOST = 500  # with 300 numbers each: some 20 MB


class Remembered:
    """The last of them, of one turn of the records: after a change, none of those before are there."""

    def __init__(self) -> None:
        self._turn = ""
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def get(self, turn: str, question: Hashable) -> Any | None:
        with self._lock:
            if turn != self._turn or question not in self._answers:
                return None
            self._answers.move_to_end(question)
            return self._answers[question]

    def put(self, turn: str, question: Hashable, answer: Any) -> None:
        with self._lock:
            if turn != self._turn:
                self._answers.clear()
                self._turn = turn
            self._answers[question] = answer
            if len(self._answers) > MOST:
                self._answers.popitem(last=False)
