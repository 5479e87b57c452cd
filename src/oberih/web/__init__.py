"""Faces for browsers and programs: the API, the pages, the upload. Thin."""

__all__: list[str] = []
