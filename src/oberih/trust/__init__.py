"""Who may know what: public cells, danger zones, warnings about texts, confinement of processes.

Names are loaded when they are first asked for: `only_files` has to be called before NumPy, which the rest
needs, starts its threads.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oberih.trust.cells import (
        CLASSES,
        RESOLUTIONS,
        CandidateSites,
        Generalised,
        Precision,
        TruePlace,
        bounds,
        cell_of,
        centre,
        coarser,
        generalised,
        is_cell,
        parent,
        polygon,
        precision_of,
    )
    from oberih.trust.sandbox import HOLES, Sandboxed, only_files
    from oberih.trust.warnings import Names, TextWarning, WarningKind, warnings_in
    from oberih.trust.zones import Zone, Zones

__all__ = [
    "CLASSES",
    "HOLES",
    "RESOLUTIONS",
    "CandidateSites",
    "Generalised",
    "Names",
    "Precision",
    "Sandboxed",
    "TextWarning",
    "TruePlace",
    "WarningKind",
    "Zone",
    "Zones",
    "bounds",
    "cell_of",
    "centre",
    "coarser",
    "generalised",
    "is_cell",
    "only_files",
    "parent",
    "polygon",
    "precision_of",
    "warnings_in",
]

MODULES = (
    "sandbox",
    "warnings",
    "cells",
    "zones",
)  # the one that must not wait for the others is looked into first


def __getattr__(name: str) -> Any:
    for module in MODULES if name in __all__ else ():
        found = import_module(f"{__name__}.{module}")
        if name in found.__all__:
            return getattr(found, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
