"""What of a subject is public: its record, built from nothing but what may be known.

Every value is chosen one by one; what is not chosen here is not public. How exactly the place may be known,
and who is named, is settled when something becomes public, and kept in its `Publication`: making the record
again says the same.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from oberih.archive.metadata import Description
from oberih.archive.metadata.description import Term
from oberih.catalogue.accounts.tables import Account
from oberih.catalogue.database import now
from oberih.catalogue.public import (
    PublicAnnotation,
    PublicCollection,
    PublicFile,
    PublicIdentifier,
    PublicPeriod,
    PublicPerson,
    PublicPlace,
    PublicRecord,
    PublicRelation,
    PublicRights,
    PublicScene,
    PublicTerm,
    PublicTour,
    PublicView,
    Quality,
)
from oberih.catalogue.tables import (
    Capture,
    Collection,
    Model,
    Place,
    Presentation,
    Publication,
    Review,
    Rights,
    Subject,
)
from oberih.products.manifest import Manifest
from oberih.products.manifest import PublicFile as Made
from oberih.settings import ServiceSettings
from oberih.trust.cells import CandidateSites, Generalised, TruePlace, generalised, is_cell, precision_of
from oberih.work.flow.scaling import scaled_figures
from oberih.work.offers import LICENCES

__all__ = [
    "MICRO", "captures_of", "folder_of", "keep_place", "licence_of", "micro", "month", "names_of",
    "public_record", "quality", "reviewed_place", "scene", "seen_before", "settle_place", "sites",
    "true_place",
]  # fmt: skip

STRICTEST = ("archive-only", "cc-by-sa-4.0", "cc-by-4.0", "cc0-1.0")
MICRO, MILLI = 1e6, 1e3
NAMED = {"creator", "contributor", "publisher", "rights holder", "depicted"}
AAT = "vocab.getty.edu"


def public_record(session: Session, publication: Publication) -> PublicRecord:
    """The public record of something visible, as it is now."""
    subject = session.get_one(Subject, publication.id)
    described = Description.model_validate(subject.description, strict=False)
    passed = session.get_one(Review, publication.review)
    model = session.get_one(Model, passed.model)
    captures = captures_of(session, passed)
    collection = session.get_one(Collection, subject.collection)
    licence = licence_of(session, captures)
    gives = bool(passed.manifest) and licence != "archive-only"
    manifest = Manifest.model_validate(passed.manifest) if gives else None
    shown = session.get(Presentation, passed.id) if gives else None
    return PublicRecord(
        id=subject.id,
        version=passed.number or 0,
        published=month(publication.published or now()),
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
        people=(*named(described), *credited(session, publication, captures)),
        collection=PublicCollection(id=collection.id, titles=dict(collection.titles)),
        rights=rights(described, licence),
        identifiers=tuple(
            PublicIdentifier(value=one.value, authority=one.authority)
            for one in described.identifiers if one.kind == "inventory number"
        ),
        place=public_place(publication, described),
        recorded=min((month(one.taken) for one in captures if one.taken), default=None),
        quality=quality(scaled_figures(model, passed), manifest),
        files=() if manifest is None else files(passed, manifest, shown),
        scene=None if manifest is None else scene(manifest, shown, eyes(publication, passed, shown)),
        annotations=annotations(shown),
        tours=tours(shown),
        relations=(PublicRelation(kind="is version of", id=shown.before),) if shown and shown.before else (),
    )  # fmt: skip


def month(moment: datetime) -> str:
    return f"{moment:%Y-%m}"


def year(value: str | None) -> int | None:
    return int(value) if value and value.lstrip("-").isdigit() else None


def term(one: Term) -> PublicTerm:
    return PublicTerm(labels=dict(one.labels), uri=concept(one.uri))


def concept(uri: str | None) -> str | None:
    return uri if uri and AAT in uri else None


def captures_of(session: Session, review: Review) -> list[Capture]:
    """What the model was made of that a review is about."""
    return [session.get_one(Capture, one) for one in session.get_one(Model, review.model).captures]


def named(described: Description) -> tuple[PublicPerson, ...]:
    """Those whom the description names; pseudonyms stay out."""
    return tuple(
        PublicPerson(name=one.name, role=one.role, type=one.type)
        for one in described.people if one.name and one.role in NAMED and one.role != "owner"
    )  # fmt: skip


def credited(
    session: Session, publication: Publication, captures: Sequence[Capture]
) -> tuple[PublicPerson, ...]:
    """Contributors whose names a custodian let pass, and who still want to be named by them.

    Never with a place that is shielded: what else they recorded, in open, would lie around it.
    """
    if shielded(session, publication):
        return ()
    names = session.execute(who_is_named(captures)).all()
    return tuple(
        PublicPerson(name=one.public_name, role="contributor")
        for one in names if one.name_mark in publication.named
    )  # fmt: skip


def who_is_named(captures: Sequence[Capture]) -> Select[str, str]:
    accounts = {one.account for one in captures if one.credited and one.account}
    asked = select(Account.public_name, Account.name_mark).distinct()
    return asked.where(Account.id.in_(accounts), Account.public_name != "").order_by(Account.public_name)


def names_of(session: Session, captures: Sequence[Capture]) -> list[str]:
    """Marks of the names that contributors want to be named by now: a custodian looks at just these."""
    return sorted(one.name_mark for one in session.execute(who_is_named(captures)))


def shielded(session: Session, publication: Publication) -> bool:
    """Whether it is known where it is, and not for everybody."""
    return publication.precision != "exact" and true_place(session, publication.id) is not None


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


def quality(figures: Mapping[str, Any], manifest: Manifest | None) -> Quality:
    """Measured figures, lengths only if the scale is known; size and triangles of what anybody can fetch."""
    metres = figures.get("unit") == "m"

    def length(name: str, factor: float) -> int | None:
        value = figures.get(name)
        return round(value * factor) if metres and value is not None else None

    size: Any = manifest.size if manifest and manifest.unit == "m" else figures.get("size")
    filled = figures.get("photos_filled")
    return Quality(
        triangles=manifest.triangles if manifest else figures.get("triangles"),
        points=figures.get("points"),
        photos=figures.get("photos_used"),
        scale=(figures.get("scale") or "with the model") if metres else None,
        error_um=length("error", MICRO),
        place_error_um=length("place_error", MICRO),
        scale_error_ppm=length("scale_error", MICRO),
        texel_um=length("texel", MICRO),
        drawing_scale=round(figures["drawing_scale"]) if metres and figures.get("drawing_scale") else None,
        coverage_percent=round(100 * min(1.0, filled)) if filled is not None else None,
        size_mm=tuple(round(one * MILLI) for one in size) if metres and size else None,
    )


def files(passed: Review, manifest: Manifest, shown: Presentation | None) -> tuple[PublicFile, ...]:
    """The public files, below the folder that this version of the record has. Of tiles, where they begin."""
    below = folder_of(passed.subject, passed.number)
    drawn = [Made.model_validate(one) for one in shown.posters] if shown else []
    made = [*drawn, *(one for one in manifest.files if not drawn or one.role not in ("poster", "social"))]
    return tuple(
        PublicFile(
            path=f"{below}/{one.path}", media_type=one.media_type, bytes=one.bytes, sha256=one.sha256,
            role=one.role, format=one.format or None, triangles=one.triangles, points=one.points,
            size_px=one.size_px,
        )
        for one in made if one.entry
    )  # fmt: skip


def eyes(publication: Publication, passed: Review, shown: Presentation | None) -> tuple[PublicView, ...]:
    """Where the photos were taken: where a custodian wants it, and everybody may know exactly where it is."""
    if shown is None or not shown.eyes or publication.precision != "exact":
        return ()
    return tuple(PublicView.model_validate(one, strict=False) for one in passed.eyes)


def scene(manifest: Manifest, shown: Presentation | None, eyes: tuple[PublicView, ...]) -> PublicScene:
    """How a viewer begins: as a custodian chose, or else where the poster was taken from."""
    view = PublicView(eye=micro(manifest.viewpoint.eye), target=micro(manifest.viewpoint.target))
    if shown is not None and shown.opening is not None:
        view = PublicView.model_validate(shown.opening, strict=False)
    return PublicScene(
        unit=manifest.unit,
        size=micro(manifest.size),
        field_deg=round(manifest.viewpoint.field_deg),
        view=view,
        eyes=eyes,
    )


def annotations(shown: Presentation | None) -> tuple[PublicAnnotation, ...]:
    told = shown.annotations if shown else ()
    return tuple(PublicAnnotation.model_validate(one, strict=False) for one in told)


def tours(shown: Presentation | None) -> tuple[PublicTour, ...]:
    return tuple(PublicTour.model_validate(one, strict=False) for one in (shown.tours if shown else ()))


def micro(point: tuple[float, float, float]) -> tuple[int, int, int]:
    """In millionths."""
    x, y, z = (round(one * MICRO) for one in point)
    return x, y, z


def folder_of(subject: str, number: int | None) -> str:
    """Where the files of a public version lie."""
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


def settle_place(session: Session, settings: ServiceSettings, publication: Publication, asked: str) -> None:
    """From now on, as much of the place may be known as class ``asked`` allows. What was public before counts
    (`trust.cells.generalised`). Where its photos were taken is shown with the exact place only: whoever wants
    it shown after that has to say so again.
    """
    place = session.get(Place, publication.id)
    if place is None or asked == "withheld":
        publication.precision = "withheld"
        publication.asked = "withheld" if publication.cell is not None else publication.asked
    else:
        made = generalised(
            TruePlace(place.latitude_deg, place.longitude_deg), asked, sites(session, settings),  # type: ignore[arg-type]
            settings.candidate_sites, before=seen_before(publication),
        )  # fmt: skip
        publication.asked, publication.precision = made.asked, made.precision
        publication.cell = made.cell or publication.cell  # what is known once stays known
    if publication.precision != "exact":
        showing = select(Presentation).where(Presentation.subject == publication.id, Presentation.eyes)
        for shown in session.scalars(showing):
            shown.eyes = False


def seen_before(publication: Publication | None) -> Generalised | None:
    """What was, or is, public of a place; None: nothing ever was."""
    if publication is None or publication.asked is None:
        return None
    finest: Any = publication.precision
    if publication.asked == "withheld" and publication.cell is not None:  # by a custodian's word
        finest = precision_of(publication.cell)
    return Generalised(publication.cell, finest, publication.asked, "")  # type: ignore[arg-type]


def public_place(publication: Publication, described: Description) -> PublicPlace:
    if publication.precision in (None, "withheld"):
        return PublicPlace()
    region = dict(described.place.names) if described.place is not None else {}
    precision: Any = publication.precision
    return PublicPlace(precision=precision, cell=publication.cell, region=region)


def sites(session: Session, settings: ServiceSettings) -> CandidateSites | None:
    """Places among which a true one may hide: the register's, but for those that our public records show
    exactly, which everybody can leave out. None without a register (docs/decisions/0011): what is not public
    is never counted.
    """
    path = settings.register_of_sites
    if path is None:
        return None
    known = session.scalars(select(Publication.cell).where(Publication.asked.in_(("exact", "withheld"))))
    return register(path, stamp_of(path)).without(one for one in known if one and is_cell(one, "exact"))


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
