"""The public model in the formats that people ask for: each one file, a ZIP file where a format has several.

Made from the public model alone. ZIP files have no times, owners or paths: equal models give equal bytes.
"""

import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from oberih.formats import Model, format_named
from oberih.products.choices import POINT_DOWNLOADS, SURFACE_DOWNLOADS
from oberih.progress import Progress

__all__ = ["Download", "wanted", "write_downloads"]

EPOCH = (1980, 1, 1, 0, 0, 0)
COMPRESSION = 6


@dataclass(frozen=True)
class Download:
    """A file that is written, and the format in it."""

    format: str
    path: Path


def wanted(model: Model, names: tuple[str, ...] | None) -> tuple[str, ...]:
    """The formats to write: those asked for, else the usual ones."""
    if names is not None:
        return names
    return SURFACE_DOWNLOADS if model.parts else POINT_DOWNLOADS


def write_downloads(
    folder: Path, model: Model, names: tuple[str, ...], progress: Progress
) -> Iterator[Download]:
    """Write ``model`` into ``folder`` in each format. Raises `InputError` if one cannot hold it."""
    folder.mkdir()
    for name in names:
        form = format_named(name)
        scratch = folder / "scratch"
        scratch.mkdir()
        form.write(scratch / f"model{form.extension}", model, progress)
        made = sorted(scratch.iterdir())
        # Two formats may have the same ending.
        stem = "model" if not (folder / f"model{form.extension}").exists() else f"model-{name}"
        if len(made) == 1:
            path = folder / f"{stem}{form.extension}"
            made[0].replace(path)
        else:
            path = folder / f"model-{name}.zip"
            zipped(path, made)
        shutil.rmtree(scratch)
        yield Download(name, path)


def zipped(path: Path, files: list[Path]) -> None:
    """A ZIP file of ``files`` under their names."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as package:
        for file in files:
            info = zipfile.ZipInfo(file.name, EPOCH)
            info.compress_type, info.file_size = zipfile.ZIP_DEFLATED, file.stat().st_size
            info.create_system, info.external_attr = 3, 0o644 << 16
            with file.open("rb") as source, package.open(info, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)
