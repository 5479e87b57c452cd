"""From a model to a folder of public files, made from scratch.

Nothing is taken over from the source but shape, pixels and confidence: names, notes, cameras, places, times
and the order of things stay behind. The shape stands in a frame of its own (`frame`) on a grid of its own
(`grid`), the pixels are those that faces show (`texels`), pictures are drawn from the result. The same model
and choices give the same bytes.

    made = make_public(folder, public / "v1", Choices(crop=box), redact=blurred, pictures=remade)
    made.manifest.of("full")[0].path        # "model.glb"
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from oberih.errors import InputError
from oberih.formats import Model, format_named, load_model
from oberih.formats.writing import whole_folder
from oberih.i18n import say
from oberih.products._publishing import Publishing
from oberih.products.bare import media_type
from oberih.products.choices import Choices
from oberih.products.cutting import cropped, without_small_pieces
from oberih.products.frame import Frame
from oberih.products.grid import Rebased, rebased
from oberih.products.manifest import MANIFEST, Manifest
from oberih.products.texels import only_shown
from oberih.progress import Progress

__all__ = ["Made", "Redact", "make_public"]

Redact = Callable[[Model], Model]
"""Blurs what nobody may see in a model's textures and colours; the model is in the frame of its source."""

USUAL = Choices.model_validate({})
TIME = 315_532_800  # of all files: 1980; when they were made is nobody's business


@dataclass(frozen=True)
class Made:
    """What was made."""

    out: Path
    manifest: Manifest
    remarks: tuple[str, ...]  # for the custodian, not for the public
    frame: Frame  # how the source came into its public frame; not for the public either


def make_public(
    source: Path | Model, out: Path, choices: Choices | None = None, *, redact: Redact | None = None,
    pictures: Sequence[Path] = (), largest_m: float | None = None, progress: Progress | None = None,
) -> Made:  # fmt: skip
    """Make the public files of ``source`` in the folder ``out``, which appears whole or not at all.

    ``source``: the folder that `reconstruct` or `import_model` made, or a model. ``redact`` is given the
    model as it came, before anything else. ``pictures``: already re-made ones, which go along in their order.
    ``largest_m``: the true length of the largest side of a model whose scale is not known of itself.
    Raises `InputError` if nothing is left of the model, or a picture holds more than pixels; `OutputError`
    if ``out`` is there already; `Cancelled`.
    """
    choices, progress = choices or USUAL, progress or Progress()
    for picture in pictures:
        media_type(picture.read_bytes())  # raises before hours of work
    with whole_folder(out) as folder, progress.stage("public files", 10) as stage:
        made, remarks = prepared(source, choices, redact, largest_m, progress)
        stage.tick(1)
        publishing = Publishing(folder, choices, progress, stage)
        model = publishing.model(made)
        publishing.pictures(pictures)
        manifest = publishing.manifest(model, made.step)
        (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
        for path in [*folder.rglob("*"), folder]:
            os.utime(path, (TIME, TIME))
    return Made(out, manifest, remarks, made.frame)


def prepared(
    source: Path | Model, choices: Choices, redact: Redact | None, largest_m: float | None, progress: Progress
) -> tuple[Rebased, tuple[str, ...]]:
    """What of the source becomes public, in its public frame, and what a custodian should know of it."""
    if isinstance(source, Path):
        source = load_model(source, format_named("glb"), progress=progress)
    model = redact(source) if redact is not None else source
    progress.check()
    parts = tuple(part for part in model.parts if len(part.faces))
    model = Model(parts, None if parts else model.points, scale_known=model.scale_known)
    if choices.crop is not None:
        model = cropped(model, choices.crop)
    refuse_empty(model, choices)
    model, gone = without_small_pieces(model, choices.smallest_piece)
    remarks: list[str] = []
    if gone:
        remarks.append(
            say("{count} small piece was left out.", "{count} small pieces were left out.", count=gone)
        )
    progress.check()
    made = rebased(model, largest_m)
    del model
    refuse_empty(made.model, choices)
    if made.shows_steps:
        remarks.append(
            say("The coordinates lie on coarse steps, which may tell which way the thing is turned.")
        )
    shown = []
    for part in made.model.parts:
        progress.check()
        shown.append(only_shown(part))
    return replace(made, model=replace(made.model, parts=tuple(shown))), tuple(remarks)


def refuse_empty(model: Model, choices: Choices) -> None:
    if model.triangles or (model.points is not None and len(model.points)):
        return
    if choices.crop is not None:
        raise InputError("Nothing of the model lies in the box.", "Choose a larger box.")
    raise InputError("The model has neither a surface nor points.", "Give another model.")
