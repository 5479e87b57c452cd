"""What a check of somebody's files says: a finding per thing that is wrong, with the standard's own code."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """An error makes the checked thing invalid, a warning does not."""

    code: str  # stable: "E092" of OCFL, "RFC8493-2.1.1" of BagIt
    level: Literal["error", "warning"]
    message: str
    path: str = ""  # what it is about, inside of what was checked
