"""Oberih: photos of heritage become measured 3D models that are kept, proved and shared."""

__version__ = "0.1.0"
__all__ = ["__version__"]
