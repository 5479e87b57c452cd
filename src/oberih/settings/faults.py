"""What is wrong with settings, in our words: which one, and what is allowed. Never the value: it may be
secret.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from oberih.i18n import say

__all__ = ["FORMS", "all_of", "faults", "unread"]

WEB = say("an address is needed, such as https://heritage.example")
FORMS: Mapping[str, str] = {  # patterns of settings
    r"^https?://[^\s/?#]+$": WEB,
    r"^https?://[^\s?#]+$": WEB,
    r"^https?://[^\s/?#]\S*$": WEB,
    r"^(|postgresql://\S+)$": say("an address is needed that begins with postgresql://"),
    r"^(|[^\s@]+@[^\s@]+\.[^\s@]+)$": say("an e-mail address is needed"),
    r"^[a-z][a-z0-9-]{0,31}$": say("allowed are a-z, 0-9 and hyphens, a letter first, 32 signs at most"),
    r"^[0-9bcdfghjkmnpqrstvwxz]{5,9}$": say(
        "allowed are 5 to 9 digits and small letters, without vowels, l and y"
    ),
    r"\S": say("it must not be empty"),
}
NEEDED: tuple[tuple[str, str], ...] = (  # how kinds of errors begin
    ("int_", say("a whole number is needed")), ("float_", say("a number is needed")),
    ("finite_", say("a number is needed")), ("bool_", say("true or false is needed")),
    ("string_type", say("a text is needed")), ("path_", say("a path is needed")),
    ("tuple_", say("a list is needed")), ("list_", say("a list is needed")),
    ("dict_", say("a table is needed")), ("model_", say("a table is needed")),
    ("missing", say("it is missing")), ("extra_forbidden", say("not a setting")),
)  # fmt: skip
AT = re.compile(r"\(at line (\d+), column \d+\)$")


def faults(error: ValidationError) -> list[str]:
    """ "copies: 20 is the most", each once."""
    found: dict[str, str] = {}
    for one in error.errors(include_input=False, include_url=False):
        if one["type"] == "literal_error" and one["ctx"]["expected"] == "''":
            continue  # the other half of "... or nothing", whose pattern is told
        names = [str(part) for part in one["loc"]]
        if len(names) > 1 and re.match(r"constrained-|literal\[|\[key\]", names[-1]):  # of pydantic
            names.pop()
        found.setdefault(".".join(names), why(one["type"], one.get("ctx", {})))
    return [say("{name}: {why}", name=name, why=said) for name, said in found.items()]


def why(kind: str, about: Mapping[str, Any]) -> str:
    if kind == "literal_error":
        return say("allowed are {values}", values=about["expected"].replace(" or ", ", "))
    if kind == "greater_than_equal":
        return say("{least} is the least", least=about["ge"])
    if kind == "less_than_equal":
        return say("{most} is the most", most=about["le"])
    if kind == "greater_than":
        return say("it has to be more than {bound}", bound=about["gt"])
    if kind == "string_pattern_mismatch":
        return FORMS[about["pattern"]]
    needed = (said for begin, said in NEEDED if kind.startswith(begin))
    return next(needed, say("this cannot be"))


def all_of(faults: Iterable[str]) -> str:
    """In one line."""
    return reduce(lambda before, one: say("{before}; {one}", before=before, one=one), faults)


def unread(path: Path, error: Exception) -> str:
    """Why a file of settings cannot be read; with its line."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, tomllib.TOMLDecodeError):
        found = AT.search(str(error))
        line = int(found[1]) if found else path.read_text(encoding="utf-8").rstrip().count("\n") + 1
        return say("line {line} is not as TOML asks", line=line)
    return say("it is no text (UTF-8)")
