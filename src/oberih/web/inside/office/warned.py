"""What a custodian is warned of, as the page of a review says it."""

from collections.abc import Iterator, Mapping
from typing import Any

from oberih.catalogue.tables import Review
from oberih.i18n import say
from oberih.trust.warnings import MESSAGES
from oberih.web.inside.office.pictures import pictures_of
from oberih.web.views import Warned

__all__ = ["hints", "warned"]

FIELDS = {
    "title": say("Title"), "summary": say("Summary"), "kind": say("Kind"), "period": say("Period"),
    "material": say("Material"), "keyword": say("Keyword"), "place": say("Region"), "rights": say("Licence"),
    "collection": say("Collection"), "person": say("A person"), "number": say("Inventory number"),
    "annotation": say("Annotation"), "tour": say("Tour"),
}  # fmt: skip
KINDS_OF_WARNING = {
    "address": "place", "settlement": "place", "person": "person", "phone": "contact", "e-mail": "contact",
    "account": "contact", "number plate": "plate", "coordinates": "coordinates", "military": "military",
    "moment": "date",
}  # fmt: skip
COVERED = say(
    "Faces or number plates were found in it. Look whether all of them are covered, also in its background."
)
AROUND = say(
    "Look for the sky line, street signs, house numbers, shops and shadows: they tell where it is, and "
    "software cannot cover them. Cover them by hand, or keep the record back."
)


def warned(one: Mapping[str, Any]) -> Warned:
    kind: Any = KINDS_OF_WARNING.get(one["kind"], "other")
    advice = MESSAGES.get(one["kind"], "")
    return Warned(one["id"], kind, one["quote"], FIELDS.get(one["where"], one["where"]), advice,
                  bool(one.get("settled")))  # fmt: skip


def hints(review: Review) -> Iterator[Warned]:
    """Pictures to look at: software cannot tell what else in them tells where they were taken."""
    shown = pictures_of(review, "picture")
    found = {one["picture"]: one["regions"] for one in review.found if one["picture"]}
    for number, picture in enumerate(shown, 1):
        name = say("Picture {number}", number=number)
        if found.get(f"{number - 1:02}.jpg"):
            yield Warned(f"picture-{number}", "picture", name, "", COVERED, None, picture)
    if shown:
        yield Warned("pictures", "picture", say("All pictures"), "", AROUND, None)
