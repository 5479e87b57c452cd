"""What happens to a capture: preserved first, then reconstructed, and the model preserved too.

What is imported from here is loaded when it is asked for: a web process that only puts jobs into queues
(`oberih.work.engine`) does not load all of reconstruction for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oberih.work.importing import Brought, preserve_and_import
    from oberih.work.walk import Walked, preserve_and_reconstruct

__all__ = ["Brought", "Walked", "preserve_and_import", "preserve_and_reconstruct"]

HOMES = {
    "Brought": "importing",
    "Walked": "walk",
    "preserve_and_import": "importing",
    "preserve_and_reconstruct": "walk",
}


def __getattr__(name: str) -> object:
    if name not in HOMES:
        raise AttributeError(name)
    found: object = getattr(import_module(f"oberih.work.{HOMES[name]}"), name)
    return found
