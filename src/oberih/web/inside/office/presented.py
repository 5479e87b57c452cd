"""What is written of a public model, piece by piece: where each text stands, in words that people read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from oberih.catalogue.tables import Presentation, Review
from oberih.errors import InputError
from oberih.i18n import say
from oberih.web.views import Beside, Saying, Warned

__all__ = ["no_eyes", "sayings", "standpoints", "unusable", "with_places"]

TITLES = say("Give each annotation and each tour a title in one language at least.")

NOT_EXACT = say(
    "It tells where people stood around the thing, and can be shown only if everybody may know exactly where "
    "it is. That is decided on the page of the review."
)
NEVER_KEPT = say(
    "Nobody knows any more where they were taken. It is kept when a new model is made of the photos."
)


def no_eyes(review: Review, precision: str | None) -> str:
    """Why it cannot be shown where the photos were taken; empty: it can."""
    if not review.eyes:
        return NEVER_KEPT
    return "" if precision == "exact" else NOT_EXACT


def standpoints(session: Session, review: Review | None, precision: str) -> Iterator[Beside]:
    """Where the photos were taken, as the page of a review tells it beside what else becomes public.

    ``precision``: the class that the place has, or would have. What is new shows it only once somebody wants
    it.
    """
    if review is None or not review.eyes:
        return
    row = session.get(Presentation, review.id)
    places = say("{count} place", "{count} places", count=len(review.eyes))
    public = row is not None and row.eyes and precision == "exact"
    yield Beside(say("Where the photos were taken"), places if public else "", places)


def sayings(told: Mapping[str, Any]) -> Iterator[Saying]:
    """All texts of annotations and tours."""
    for at, one in enumerate(told["annotations"]):
        yield from texts_at(part_of(("annotations", at)), one["titles"], one["texts"])
    for at, one in enumerate(told["tours"]):
        yield from texts_at(part_of(("tours", at)), one["titles"])
        for number, stop in enumerate(one["stops"]):
            yield from texts_at(part_of(("tours", at, "stops", number)), stop["texts"])


def texts_at(part: str, *texts: Mapping[str, str]) -> Iterator[Saying]:
    yield from (Saying(part, language, text) for one in texts for language, text in one.items())


def with_places(warnings: Iterable[Warned], told: Mapping[str, Any]) -> Iterator[Warned]:
    """Warnings, each with the annotation or the stop, and the language, in which its words stand first."""
    known = tuple(sayings(told))
    for one in warnings:
        found = next((text for text in known if one.quote in text.text), None)
        yield one if found is None else replace(one, where=in_language(found.part, found.language))


def unusable(error: ValidationError) -> InputError:
    """What is wrong with what a custodian wrote, in the words of the page."""
    first = error.errors()[0]
    part = part_of(first["loc"])
    if first["type"] == "too_short":
        return InputError(say("{part}: something is missing.", part=part), TITLES)
    if first["type"] in ("string_too_long", "too_long"):
        return InputError(say("{part}: this is too long.", part=part), "Write less.")
    return InputError(
        say("{part}: this cannot be used as it is.", part=part), "Change it, or load the page again."
    )


def part_of(place: Sequence[str | int]) -> str:
    """A place in what was told, as the page calls it: ("tours", 0, "stops", 1) is its second stop."""
    match place:
        case ["annotations", int(at), *rest]:
            part = say("Annotation {number}", number=at + 1)
        case ["tours", int(at), "stops", int(stop), *rest]:
            part = say("Tour {number}, stop {stop}", number=at + 1, stop=stop + 1)
        case ["tours", int(at), *rest]:
            part = say("Tour {number}", number=at + 1)
        case ["before", *_]:
            return say("Before and after")
        case _:
            return say("What was sent")
    match rest:
        case ["titles" | "texts", str(language), *_]:
            return in_language(part, language)
    return part


def in_language(part: str, language: str) -> str:
    return say("{part}, {language}", part=part, language=language)
