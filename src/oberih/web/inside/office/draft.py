"""What is, or would be, public of a review: its model, as the viewer reads it, and its files."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from oberih.catalogue.access import Action
from oberih.catalogue.public import LEVELS
from oberih.catalogue.tables import Review
from oberih.products.manifest import Manifest
from oberih.web.inside.desk import Asks, asks
from oberih.web.inside.office.case import Case, case_of
from oberih.web.inside.office.common import unseen
from oberih.web.inside.office.pictures import folder, poster_of
from oberih.web.pages import FILES_POLICY
from oberih.web.views import Viewer
from oberih.work.flow.projecting import quality, scene
from oberih.work.flow.scaling import known_length, scaled_figures

__all__ = ["router", "viewer_of"]

router = APIRouter()
Custodian = Annotated[Asks, Depends(asks(Action.REVIEW))]
IN_3D = (*LEVELS, "tiles", "turntable")


def viewer_of(case: Case) -> Viewer | None:
    """What shows the model in 3D; None: it is being made, or there is none."""
    review = case.shown
    if review is None or not {one["role"] for one in review.manifest.get("files", ())} & {*LEVELS, "tiles"}:
        return None
    below, of = f"/review/{case.id}", made(review)
    titles = case.subject.description["titles"] if case.subject is not None else {}
    return Viewer(f"{below}/model/{of}", dict(titles), poster_of(review), files=f"{below}/files/{of}/")


def made(review: Review) -> str:
    """The word of a draft: a viewer that began with one never goes on with files of another."""
    return review.draft.rpartition("/")[2]


@router.get("/review/{identifier}/model/{draft}")
def model(identifier: str, draft: str, who: Custodian) -> dict[str, Any]:
    """What a viewer reads of a public record, of what may not be public yet: so without an identifier."""
    case = case_of(who, identifier)
    review = case.shown
    if review is None or draft != made(review) or not review.manifest:
        raise unseen()
    assert case.subject is not None and case.model is not None
    manifest = Manifest.model_validate(review.manifest)
    told = quality(scaled_figures(case.model, review), manifest)
    return {
        "id": "", "version": 0, "side": largest_side(review), "titles": case.subject.description["titles"],
        "scene": scene(manifest, None, ()).model_dump(mode="json"), "quality": told.model_dump(mode="json"),
        "files": [
            one.model_dump(mode="json") for one in manifest.files if one.role in IN_3D and one.entry
        ],
        "annotations": [], "tours": [], "relations": [],
    }  # fmt: skip


def largest_side(review: Review) -> float:
    """Of the frame of a draft, in the unit that it has."""
    known = known_length(review) if review.metres_per_unit is not None else None
    return known.largest_m if known else 1.0


@router.get("/review/{identifier}/files/{path:path}")
def draft_file(identifier: str, path: str, who: Custodian) -> Response:
    """A file as it would be, or is, public: only custodians get it, and nothing in it can run here."""
    case = case_of(who, identifier)
    review = case.shown
    files = {one["path"]: one for one in review.manifest.get("files", ())} if review else {}
    path = path.removeprefix(f"{made(review)}/") if review else path
    if review is None or path not in files:
        raise unseen()
    told = files[path]["media_type"]
    store, below = folder(who.desk.service, review, case.lies)
    try:
        data, _ = store.read(f"{below}/{path}")
    except KeyError:  # it becomes public just now, or is being made again
        raise unseen() from None
    headers = {"Content-Security-Policy": FILES_POLICY}
    if not told.startswith("image/"):
        headers["Content-Disposition"] = "attachment"
    return Response(data, headers=headers, media_type=told)
