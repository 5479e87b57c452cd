"""The walk of a model that somebody else made: kept as it came, and only then read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from oberih.archive import Archive, Deposited, Trouble, deposit_capture, deposit_model, replicate
from oberih.archive.reuse import deposited_before, model_before
from oberih.formats.companions import companions
from oberih.progress import Progress
from oberih.reconstruct.imported import Imported, import_model

__all__ = ["Brought", "preserve_and_import"]

DATED = ("report.json", "report.html", "paradata.json")  # these say when an import was made


@dataclass(frozen=True)
class Brought:
    """What came of it."""

    original: Deposited
    model: Deposited
    imported: Imported
    troubles: tuple[Trouble, ...]  # stores that did not get their copies yet


def preserve_and_import(
    archive: Archive, path: Path, out: Path, *, name: str = "", unit: str = "", title: str = "",
    progress: Progress | None = None, tell: Callable[[Deposited], None] = lambda _: None,
) -> Brought:  # fmt: skip
    """Deposit the file ``path`` with those that it names, and only then make a model of it in ``out``.

    Run again after a stop: what is deposited already is not deposited twice. ``tell`` is given each receipt
    as soon as there is one. Raises what `import_model` and `deposit_capture` raise; the file is safe then.
    """
    progress = progress or Progress()
    files = companions(path)
    original = deposited_before(archive, [path, *files], out, progress=progress)
    if original is None:
        original = deposit_capture(
            archive, [path, *files], title=title or path.stem, ignore=[out], progress=progress
        )
    tell(original)
    troubles = list(replicate(archive, progress=progress).troubles)
    imported = import_model(path, out, files=files, name=name, unit=unit, progress=progress)
    model = model_before(archive, out, [original], besides=DATED, progress=progress)
    if model is None:
        model = deposit_model(archive, out, [original], title=title or path.stem, progress=progress)
    tell(model)
    troubles += replicate(archive, progress=progress).troubles
    return Brought(original, model, imported, tuple(troubles))
