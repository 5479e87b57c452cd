"""How patterns are written and used: over folded text, spaces in them do not count, and they are linear.

Every repetition is bounded, so that no text can make the search slow.
"""

import re
from collections.abc import Callable, Iterator

__all__ = ["Check", "Finder", "Found", "any_case", "as_written", "finder"]

Found = tuple[int, int]  # from, to
Finder = Callable[[str], Iterator[Found]]
Check = Callable[[re.Match[str], str], bool]  # of what a pattern found, in which text


def as_written(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.VERBOSE)


def any_case(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.VERBOSE | re.IGNORECASE)


def finder(*patterns: re.Pattern[str] | tuple[re.Pattern[str], Check]) -> Finder:
    """Finds what any pattern does and its check, if it has one, lets pass."""
    pairs = [one if isinstance(one, tuple) else (one, None) for one in patterns]

    def find(text: str) -> Iterator[Found]:
        for pattern, check in pairs:
            for found in pattern.finditer(text):
                if check is None or check(found, text):
                    yield found.span()

    return find
