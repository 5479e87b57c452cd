"""Gathering what a check found, with the specification's own codes (E... must, W... should)."""

from collections import Counter
from typing import Literal

from oberih.archive.findings import Finding
from oberih.i18n import say

__all__ = ["Findings", "shown"]

MOST = 50  # findings of one code that are told one by one
LONGEST = 200  # characters of a foreign text that are shown


class Findings:
    """Collects findings; of a hostile object's millions, some of each kind."""

    def __init__(self) -> None:
        self.found: list[Finding] = []
        self.counts: Counter[str] = Counter()

    def add(self, code: str, message: str, path: str = "") -> None:
        self.counts[code] += 1
        if self.counts[code] <= MOST:
            self.found.append(Finding(code, level(code), message, printable(path)))

    def done(self) -> list[Finding]:
        """Everything, with a last line for each code of which there are too many."""
        left = [
            Finding(code, level(code), say("{count} more of these.", count=count - MOST))
            for code, count in self.counts.items()
            if count > MOST
        ]
        return [*self.found, *left]


def level(code: str) -> Literal["error", "warning"]:
    return "warning" if code.startswith("W") else "error"


def shown(value: object) -> str:
    """A foreign value as text that can be printed."""
    text = value if isinstance(value, str) else repr(value)
    short = text if len(text) <= LONGEST else text[:LONGEST] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in short)


def printable(path: str) -> str:
    """``path``, with what is not Unicode written as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()
