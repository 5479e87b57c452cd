"""What of a subject is public: its record, built from nothing but what may be known.

Every value is chosen one by one; what is not chosen here is not public. The place passes through
`trust.cells`, whose last word on it is kept beside the true place: making the record again says the same.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from oberih.archive.metadata import Description
from oberih.archive.metadata.description import Term
from oberih.catalogue.accounts.tables import Account
from oberih.catalogue.public import (
    PublicCollection,
    PublicFile,
    PublicIdentifier,
    PublicPeriod,
    PublicPerson,
    PublicPlace,
    PublicRecord,
    PublicRights,
    PublicTerm,
    Quality,
)
from oberih.catalogue.tables import Capture, Collection, Model, Place, Publication, Rights, Subject
from oberih.products.manifest import Manifest
from oberih.settings import ServiceSettings
from oberih.trust.cells import CandidateSites, Generalised, TruePlace, generalised
from oberih.work.offers import LICENCES

__all__ = [
    "keep_place", "licence_of", "may_be_named", "public_place", "public_record", "reviewed_place", "sites",
    "true_place",
]  # fmt: skip

STRICTEST = ("archive-only", "cc-by-sa-4.0", "cc-by-4.0", "cc0-1.0")
MICRO, MILLI = 1e6, 1e3
NAMED = {"creator", "contributor", "publisher", "rights holder", "depicted"}
ROLES: dict[str, Literal["poster", "picture", "model", "download"]] = {
    "full": "model", "medium": "model", "small": "model", "tiles": "model", "ar": "download",
    "poster": "poster", "social": "picture", "turntable": "picture", "download": "download",
    "picture": "picture",
}  # fmt: skip
LEVELS = {"full": 0, "medium": 1, "small": 2}
AAT = "vocab.getty.edu"


def public_record(
    session: Session, settings: ServiceSettings, subject: Subject, publication: Publication,
    known_sites: CandidateSites | None,
) -> PublicRecord:  # fmt: skip
    """The public record of a subject as it is now. Writes the public cell beside the true place."""
    described = Description.model_validate(subject.description, strict=False)
    model = session.get(Model, publication.model) if publication.model else None
    captures = [session.get_one(Capture, one) for one in (model.captures if model else [])]
    collection = session.get_one(Collection, subject.collection)
    licence = licence_of(session, captures)
    manifest = Manifest.model_validate(publication.manifest) if publication.manifest else None
    return PublicRecord(
        id=subject.id,
        version=publication.number,
        published=month(publication.created),
        titles=dict(described.titles),
        alternative_titles=tuple(dict(one) for one in described.alternative_titles),
        summary=dict(described.summary),
        kind=described.kind,
        object_type=dict(described.object_type or {}),
        periods=tuple(
            PublicPeriod(
                phase=one.phase, label=dict(one.label or {}), earliest=year(one.earliest),
                latest=year(one.latest),
            )
            for one in described.periods
        ),
        materials=tuple(term(one) for one in described.materials),
        keywords=tuple(term(one) for one in described.subjects),
        people=(*named(described), *credited(session, subject, captures)),
        collection=PublicCollection(id=collection.id, titles=dict(collection.titles)),
        rights=rights(described, licence),
        identifiers=tuple(
            PublicIdentifier(value=one.value, authority=one.authority)
            for one in described.identifiers if one.kind == "inventory number"
        ),
        place=public_place(session, settings, subject, described, known_sites),
        recorded=min((month(one.taken) for one in captures if one.taken), default=None),
        quality=quality(model),
        files=() if manifest is None or licence == "archive-only" else files(subject, publication, manifest),
    )  # fmt: skip


def month(moment: datetime) -> str:
    return f"{moment:%Y-%m}"


def year(value: str | None) -> int | None:
    return int(value) if value and value.lstrip("-").isdigit() else None


def term(one: Term) -> PublicTerm:
    return PublicTerm(labels=dict(one.labels), uri=concept(one.uri))


def concept(uri: str | None) -> str | None:
    return uri if uri and AAT in uri else None


def named(described: Description) -> tuple[PublicPerson, ...]:
    """Those whom the description names; pseudonyms stay out."""
    return tuple(
        PublicPerson(name=one.name, role=one.role, type=one.type)
        for one in described.people if one.name and one.role in NAMED and one.role != "owner"
    )  # fmt: skip


def credited(session: Session, subject: Subject, captures: Sequence[Capture]) -> tuple[PublicPerson, ...]:
    """Contributors who want to be named, if a custodian let them be with this subject.

    Never with a place that is shielded: what else they recorded, in open, would lie around it.
    """
    if not subject.names_people or shielded(session, subject):
        return ()
    accounts = sorted({one.account for one in captures if one.credited and one.account})
    names = session.scalars(
        select(Account.public_name).where(Account.id.in_(accounts), Account.public_name != "")
    )
    return tuple(PublicPerson(name=name, role="contributor") for name in sorted(set(names)))


def may_be_named(session: Session, subject: Subject) -> set[str]:
    """Names that may stand with a public subject as those of who recorded it."""
    described = Description.model_validate(subject.description, strict=False)
    theirs = select(Capture.account).where(Capture.subject == subject.id, Capture.credited.is_(True))
    names = session.scalars(select(Account.public_name).where(Account.id.in_(theirs)))
    return {one.name for one in named(described)} | set(names)


def shielded(session: Session, subject: Subject) -> bool:
    """Whether it is known where it is, and not for everybody."""
    return subject.precision != "exact" and true_place(session, subject.id) is not None


def licence_of(session: Session, captures: Sequence[Capture]) -> str:
    """The strictest of what was allowed for the captures."""
    given = session.scalars(
        select(Rights.uri).where(Rights.of.in_([one.id for one in captures]), Rights.kind == "licence")
    ).all()
    by_uri = {uri: name for name, uri in LICENCES.items()}
    names = {by_uri.get(uri, "archive-only") for uri in given} or {"archive-only"}
    return next(name for name in STRICTEST if name in names)


def rights(described: Description, licence: str) -> PublicRights | None:
    if described.rights is not None and licence != "archive-only":
        told = described.rights
        return PublicRights(uri=told.uri, holder=told.holder, credit=told.credit)
    return PublicRights(uri=LICENCES[licence])


def quality(model: Model | None) -> Quality:
    """Measured figures; lengths only if the scale is known."""
    figures: dict[str, Any] = model.figures if model else {}
    metres = figures.get("unit") == "m"

    def length(name: str, factor: float) -> int | None:
        value = figures.get(name)
        return round(value * factor) if metres and value is not None else None

    size = figures.get("size")
    filled = figures.get("photos_filled")
    return Quality(
        triangles=figures.get("triangles"),
        points=figures.get("points"),
        photos=figures.get("photos_used"),
        error_um=length("error", MICRO),
        texel_um=length("texel", MICRO),
        drawing_scale=round(figures["drawing_scale"]) if metres and figures.get("drawing_scale") else None,
        coverage_percent=round(100 * min(1.0, filled)) if filled is not None else None,
        size_mm=tuple(round(one * MILLI) for one in size) if metres and size else None,
    )


def files(subject: Subject, publication: Publication, manifest: Manifest) -> tuple[PublicFile, ...]:
    """The public files, below the folder that this version of the record has."""
    below = folder_of(subject.id, publication.number)
    made = []
    for one in manifest.files:
        made.append(PublicFile(
            path=f"{below}/{one.path}", media_type=one.media_type, bytes=one.bytes, sha256=one.sha256,
            role=ROLES[one.role], level=LEVELS.get(one.role),
            format=one.format or ("usdz" if one.role == "ar" else None),
        ))  # fmt: skip
    return tuple(made)


def folder_of(subject: str, number: int) -> str:
    return f"{subject.removeprefix('ark:/').replace('/', '-')}/v{number}"


def true_place(session: Session, subject: str) -> Place | None:
    """The true place of a subject as far as it is known: its own, or that of its first capture."""
    found = session.get(Place, subject)
    if found is not None:
        return found
    asked = select(Place).join(Capture, Capture.id == Place.id).where(Capture.subject == subject)
    return session.scalars(asked.order_by(Capture.created)).first()


def reviewed_place(session: Session, subject: str, captures: Sequence[str]) -> Place | None:
    """The true place that a review of these captures is about: the subject's own, or the first of theirs."""
    found = session.get(Place, subject)
    if found is not None:
        return found
    asked = select(Place).join(Capture, Capture.id == Place.id).where(Capture.id.in_(captures))
    return session.scalars(asked.order_by(Capture.created)).first()


def keep_place(session: Session, subject: str, captures: Sequence[str]) -> None:
    """Make the place that was reviewed the subject's own. Only that can become public: a capture that comes
    later, and that nobody has looked at, moves nothing.
    """
    found = reviewed_place(session, subject, captures)
    if found is not None and found.id != subject:
        session.add(Place(
            id=subject, latitude_deg=found.latitude_deg, longitude_deg=found.longitude_deg,
            elevation_m=found.elevation_m, source=found.source,
        ))  # fmt: skip


def public_place(
    session: Session, settings: ServiceSettings, subject: Subject, described: Description,
    known_sites: CandidateSites | None,
) -> PublicPlace:  # fmt: skip
    """As much of the place as may be known. What was public before counts (`trust.cells.generalised`)."""
    place = session.get(Place, subject.id)
    if place is None or subject.precision == "withheld":
        return PublicPlace()
    before = None
    if place.public_precision and place.public_asked:
        before = Generalised(place.public_cell, place.public_precision, place.public_asked, "")  # type: ignore[arg-type]
    made = generalised(
        TruePlace(place.latitude_deg, place.longitude_deg), subject.precision, known_sites,  # type: ignore[arg-type]
        settings.candidate_sites, before=before,
    )  # fmt: skip
    if (place.public_cell, place.public_precision, place.public_asked) != (
        made.cell,
        made.precision,
        made.asked,
    ):
        place.public_cell, place.public_precision, place.public_asked = made.cell, made.precision, made.asked
    if made.precision == "withheld":
        return PublicPlace()
    region = dict(described.place.names) if described.place is not None else {}
    return PublicPlace(precision=made.precision, cell=made.cell, region=region)


def sites(session: Session, settings: ServiceSettings) -> CandidateSites | None:
    """Places among which a true one may hide: the register's, but for those that our public records show
    exactly, which everybody can leave out. None without a register (docs/decisions/0011): what is not public
    is never counted.
    """
    path = settings.register_of_sites
    if path is None:
        return None
    shown = session.scalars(select(Place.public_cell).where(Place.public_precision == "exact"))
    return register(path, stamp_of(path)).without(cell for cell in shown if cell)


def stamp_of(path: Path) -> tuple[int, int]:
    """Changes when the file does. A file that is not there is told of where it is read."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@lru_cache(2)
def register(path: Path, stamp: tuple[int, int]) -> CandidateSites:  # it is read again if it changed
    return CandidateSites.from_csv(path)
