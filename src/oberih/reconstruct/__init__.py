"""Captures become models: poses, depth, surface, texture, measures.

from oberih.reconstruct import reconstruct
result = reconstruct(["photos"], "model")
print(result.report.surface.triangles, result.report_html)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oberih.reconstruct.figures import Report
    from oberih.reconstruct.pipeline import Result, reconstruct
    from oberih.reconstruct.scale import KnownDistance, Mark
    from oberih.reconstruct.settings import Settings, preset_settings

__all__ = ["KnownDistance", "Mark", "Report", "Result", "Settings", "preset_settings", "reconstruct"]

HOMES = {
    "KnownDistance": "scale",
    "Mark": "scale",
    "Report": "figures",
    "Result": "pipeline",
    "Settings": "settings",
    "preset_settings": "settings",
    "reconstruct": "pipeline",
}


def __getattr__(name: str) -> Any:
    """Loads a public name when it is first asked for: the libraries behind some of them are heavy."""
    from importlib import import_module

    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
