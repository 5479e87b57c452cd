"""What happens to a capture: preserved first, then reconstructed, and the model preserved too."""

from oberih.work.walk import Walked, preserve_and_reconstruct

__all__ = ["Walked", "preserve_and_reconstruct"]
