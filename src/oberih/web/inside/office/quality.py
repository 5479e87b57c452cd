"""How good a model is, as the page of a review says it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from oberih.catalogue.tables import Model, Review
from oberih.i18n import say
from oberih.web.figures import error, figure, percent, size
from oberih.web.inside.office.case import Case
from oberih.web.views import FigureRow
from oberih.work.flow.comparing import compared
from oberih.work.flow.scaling import scaled_figures

__all__ = ["figures", "replaces"]

UNKNOWN = say("It was not measured, or the scale is not known.")


def figures(case: Case) -> tuple[FigureRow, ...]:
    model, review = case.model, case.review or case.passed
    if model is None or review is None or not model.figures:
        return ()
    told: Mapping[str, Any] = scaled_figures(model, review)
    if review.manifest.get("unit") == "m":
        told = {**told, "size": review.manifest["size"]}  # of what people fetch
    metres = told.get("unit") == "m"
    texel_mm = 1000 * told["texel"] if metres and told.get("texel") is not None else None
    used, photos = (figure(told.get(name), digits=0) for name in ("photos_used", "photos"))
    return (
        FigureRow(say("Photos used"), say("{done} of {all}", done=used, all=photos) if photos else used),
        FigureRow(say("Triangles"), figure(told.get("triangles"), digits=0), UNKNOWN),
        FigureRow(say("Size"), size(told.get("size") or (), "m") if metres else "", UNKNOWN),
        FigureRow(say("Error (95 %)"), error(told.get("error") if metres else None), UNKNOWN),
        FigureRow(say("Detail of the texture"), figure(texel_mm, "mm"), UNKNOWN),
        FigureRow(say("Holes in the surface"), percent(told.get("hole_share")), UNKNOWN),
        FigureRow(
            say("Likeness to photos that were left out"), figure(told.get("left_out_psnr_db"), "dB", 1),
            UNKNOWN,
        ),
    )  # fmt: skip


def replaces(session: Session, case: Case) -> str:
    public = case.public
    if public is None or not public.visible or case.model is None:
        return ""
    shown = session.get_one(Model, session.get_one(Review, public.review).model)
    return "" if shown.id == case.model.id else compared(case.model.figures, shown.figures).reason
