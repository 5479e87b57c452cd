"""What is blurred in the pictures of a review: as the page shows it, and as its form says it should be."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from oberih.catalogue.tables import Review
from oberih.errors import InputError
from oberih.trust.redaction import Box, Corrections
from oberih.web.inside.forms import Given
from oberih.web.inside.office.filled import Filled
from oberih.web.inside.office.pictures import pictures_of
from oberih.web.views import Picture, Region, RegionPicture

__all__ = ["as_sent", "corrections_of", "hidden_of", "regions_of"]

SAME = 1e-6


def regions_of(review: Review, filled: Filled | None = None) -> tuple[RegionPicture, ...]:
    """Pictures that would be public, with the boxes in them; as a form has them, if one was not taken."""
    pictures = pictures_of(review, "picture")
    made = []
    for number, one in enumerate(review.found):
        place = order(one)
        if place is not None and place < len(pictures):
            one_picture = marked(review, number, pictures[place])
            made.append(one_picture if filled is None else as_sent(one_picture, filled.sent))
    return tuple(made)


def as_sent(one: RegionPicture, sent: Given) -> RegionPicture:
    """The boxes of a picture with the ticks of a form, and with those that it adds."""
    ticked = {text.partition("/")[2] for text in sent.all("blur") if text.partition("/")[0] == one.id}
    drawn = [text.partition("/")[2] for text in sent.all("add") if text.partition("/")[0] == one.id]
    marks = [replace(mark, blurred=mark.id in ticked) for mark in one.regions]
    marks += [Region("", "added", *corners(read_box(text)), new=True) for text in drawn]
    return replace(one, regions=tuple(marks))


def hidden_of(review: Review) -> tuple[RegionPicture, ...]:
    """Photos in which something was found and that are not shown: it is covered on the textures, too."""
    return tuple(
        marked(review, number, Picture(f"/review/{review.id}/found/{number}", *one["size_px"]))
        for number, one in enumerate(review.found) if review.draft and one.get("preview")
    )  # fmt: skip


def marked(review: Review, number: int, picture: Picture) -> RegionPicture:
    found = review.found[number]
    told = Corrections.model_validate(review.corrections.get(found["photo"], {}))
    marks = [
        Region(f"{n}", known(one["kind"]), *corners(box_of(one)), blurred=not cleared(told, box_of(one)))
        for n, one in enumerate(found["regions"])
    ]
    marks += [Region(f"a{n}", "added", *corners(box)) for n, box in enumerate(told.added)]
    return RegionPicture(f"{number}", picture, tuple(marks))


def corrections_of(
    review: Review, shown: Sequence[RegionPicture], ticked: Sequence[str], added: Sequence[str]
) -> dict[str, Any]:
    """Corrections after a form: what it keeps blurred ("picture/mark"), and boxes that it adds
    ("picture/left,top,width,height"). Photos that it has not ``shown`` stay as they are. Raises `InputError`.
    """
    told = {name: dict(one) for name, one in review.corrections.items()}
    for one in shown:
        found = review.found[int(one.id)]
        before = Corrections.model_validate(review.corrections.get(found["photo"], {}))
        keep = {text.partition("/")[2] for text in ticked if text.partition("/")[0] == one.id}
        boxes = [read_box(text.partition("/")[2]) for text in added if text.partition("/")[0] == one.id]
        kept = [box for n, box in enumerate(before.added) if f"a{n}" in keep]
        away = [box_of(region) for n, region in enumerate(found["regions"]) if f"{n}" not in keep]
        after = Corrections(added=tuple(kept + boxes), cleared=tuple(away))
        if after != before:
            told[found["photo"]] = after.model_dump(mode="json")
    return told


def order(found: Mapping[str, Any]) -> int | None:
    """Which of the public pictures shows a photo."""
    stem = str(found["picture"]).partition(".")[0]
    return int(stem) if stem.isdecimal() else None


def known(kind: str) -> Any:
    return kind if kind in ("face", "plate", "text") else "added"


def box_of(region: Mapping[str, Any]) -> Box:
    return Box(**{name: region[name] for name in ("left", "top", "width", "height")})


def corners(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.width, box.height


def cleared(told: Corrections, box: Box) -> bool:
    return any(
        all(abs(a - b) < SAME for a, b in zip(corners(box), corners(one), strict=True))
        for one in told.cleared
    )


def read_box(text: str) -> Box:
    try:
        left, top, width, height = map(float, text.split(","))
        return Box(left=left, top=top, width=width, height=height)
    except ValueError:  # pydantic's, too
        raise InputError("A box on a picture is not as it has to be.", "Draw it again.") from None
