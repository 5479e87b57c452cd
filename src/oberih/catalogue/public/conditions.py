"""What a record must have to be found: a small tree of keys, for the index of words of either database."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from oberih.catalogue.public.indexing import ALL

__all__ = [
    "EVERYTHING",
    "All",
    "Any",
    "Condition",
    "Has",
    "as_fts5",
    "as_tsquery",
    "asks_for_a_row",
    "is_possible",
    "keys_of",
]


@dataclass(frozen=True)
class Has:
    """A key, or several that stand in a row."""

    keys: tuple[str, ...]


@dataclass(frozen=True)
class Any:
    """One of the parts or more; no parts: nothing has it."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class All:
    """Every part, and none of ``without``; no parts: everything has it."""

    parts: tuple["Condition", ...]
    without: tuple["Condition", ...] = ()


Condition = Has | Any | All
EVERYTHING = All(())


def is_possible(condition: Condition) -> bool:
    """Whether it asks for nothing that cannot be."""
    match condition:
        case Any(parts):
            return any(map(is_possible, parts))
        case All(parts):
            return all(map(is_possible, parts))
        case _:
            return True


def asks_for_a_row(condition: Condition) -> bool:
    """Whether places of words have to be compared, which takes its time."""
    match condition:
        case Has(keys):
            return len(keys) > 1
        case Any(parts):
            return any(map(asks_for_a_row, parts))
        case All(parts, without):
            return any(map(asks_for_a_row, (*parts, *without)))


def keys_of(condition: Condition) -> Iterator[str]:
    """All keys that it asks for."""
    match condition:
        case Has(keys):
            yield from keys
        case Any(parts) | All(parts):
            for part in parts:
                yield from keys_of(part)


def as_fts5(condition: Condition) -> str:
    """A condition that `is_possible` in the query language of SQLite's FTS5. Keys are of [a-z0-9_] only."""
    match condition:
        case Has(keys):
            return f'"{" ".join(keys)}"'
        case Any(parts):
            return joined(" OR ", [as_fts5(part) for part in parts if is_possible(part)])
        case All(parts, without):
            found = joined(" AND ", [as_fts5(part) for part in parts] or [f'"{ALL}"'])
            for part in without:
                if is_possible(part):
                    found = f"({found} NOT {as_fts5(part)})"
            return found


def as_tsquery(condition: Condition) -> str:
    """The same as PostgreSQL's ``tsquery``."""
    match condition:
        case Has(keys):
            return joined(" <-> ", [f"'{key}'" for key in keys])
        case Any(parts):
            return joined(" | ", [as_tsquery(part) for part in parts if is_possible(part)])
        case All(parts, without):
            nots = [f"!{as_tsquery(part)}" for part in without if is_possible(part)]
            return joined(" & ", [*([as_tsquery(part) for part in parts] or [f"'{ALL}'"]), *nots])


def joined(word: str, parts: Sequence[str]) -> str:
    return f"({word.join(parts)})" if len(parts) > 1 else parts[0]
