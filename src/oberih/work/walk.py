"""The walk of one capture as one plain function: deposit, copies, model, its deposit, its copies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from oberih.archive import Archive, Deposited, Trouble, deposit_capture, deposit_model, replicate
from oberih.archive.reuse import deposited_before, model_before
from oberih.progress import Progress
from oberih.reconstruct import KnownDistance, Result, reconstruct
from oberih.reconstruct.settings import Settings

__all__ = ["Walked", "preserve_and_reconstruct"]


@dataclass(frozen=True)
class Walked:
    """What came of it."""

    capture: Deposited
    model: Deposited
    result: Result
    troubles: tuple[Trouble, ...]  # stores that did not get their copies yet


def preserve_and_reconstruct(
    archive: Archive,
    photos: Sequence[Path | str],
    out: Path | str,
    settings: Settings | None = None,
    *,
    progress: Progress | None = None,
    scale: KnownDistance | None = None,
    title: str = "",
    tell: Callable[[Deposited], None] = lambda _: None,
) -> Walked:
    """Deposit ``photos``, and only then make a model of them in ``out`` and deposit that.

    Run again after a stop: what is deposited already, byte for byte the same, is not deposited twice.
    ``tell`` is given each receipt as soon as there is one. Raises what `reconstruct` and `deposit_capture`
    raise; the recordings are safe then.
    """
    progress = progress or Progress()
    capture = deposited_before(archive, photos, Path(out), progress=progress)
    if capture is None:
        capture = deposit_capture(archive, photos, title=title, ignore=[Path(out)], progress=progress)
    tell(capture)
    # A store that is away must not keep anybody from working: what it lacks is brought later.
    troubles = list(replicate(archive, progress=progress).troubles)
    result = reconstruct(photos, out, settings, progress=progress, scale=scale)
    model = model_before(archive, Path(out), [capture], progress=progress)
    if model is None:
        model = deposit_model(archive, out, [capture], title=title or "", progress=progress)
    tell(model)
    troubles += replicate(archive, progress=progress).troubles
    return Walked(capture, model, result, tuple(troubles))
