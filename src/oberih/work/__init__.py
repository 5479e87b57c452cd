"""What happens to a capture: preserved first, then reconstructed, and the model preserved too."""

from oberih.work.importing import Brought, preserve_and_import
from oberih.work.walk import Walked, preserve_and_reconstruct

__all__ = ["Brought", "Walked", "preserve_and_import", "preserve_and_reconstruct"]
