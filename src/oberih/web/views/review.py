"""Pages of custodians: what waits for a decision, the decision, and where nobody is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar, Literal

from oberih.web.views.contributions import Progress
from oberih.web.views.frame import ONE_PAGE, FigureRow, Paging, Picture, View
from oberih.web.views.viewer import Viewer

__all__ = [
    "Beside",
    "CellSketch",
    "Event",
    "KnownPage",
    "KnownRow",
    "LengthFields",
    "PhotosPage",
    "PrecisionChoice",
    "Region",
    "RegionPicture",
    "ReviewPage",
    "ReviewQueuePage",
    "ReviewRow",
    "Saying",
    "Theirs",
    "Warned",
    "Wording",
    "Zone",
    "ZonesPage",
]

Precision = Literal["withheld", "region", "10 km", "1 km", "exact"]


@dataclass(frozen=True)
class ReviewRow:
    """Something that waits for a custodian."""

    id: str
    title: str
    collection: str
    kind: str  # key of `KINDS`
    received: datetime
    photos: int
    warnings: int = 0
    zone: str = ""  # the danger zone in which it is quarantined
    again: bool = False  # the subject is public already: this is a new version
    reviewer: str = ""  # who has begun, or decided
    opens: date | None = None  # it passed, and nothing of it is public before that day
    out: bool = False  # it passed, and is not public any more
    picture: Picture | None = None
    making: Literal["", "going", "failed", "stopped"] = ""  # how far it is with what would be public
    deletion: bool = False  # who recorded it took it back, and asks for its files to be deleted
    note: str = ""  # why


@dataclass(frozen=True)
class ReviewQueuePage(View):
    template: ClassVar[str] = "reviews.html.j2"
    rows: tuple[ReviewRow, ...]
    state: Literal["open", "passed", "refused"] = "open"
    paging: Paging = ONE_PAGE


@dataclass(frozen=True)
class Beside:
    """One field: what the public would see, and what stays sealed. Empty: nothing."""

    name: str
    public: str
    sealed: str


@dataclass(frozen=True)
class CellSketch:
    """The public cell and the true place in it: (longitude, latitude) in degrees, for a small drawing."""

    outline: tuple[tuple[float, float], ...]
    place: tuple[float, float] | None
    width_km: float


@dataclass(frozen=True)
class PrecisionChoice:
    """How exactly the place may be public, and what that means here."""

    key: Precision
    candidates: int | None = None  # sites of this kind in the cell; None: unknown
    shown: Precision | None = None  # what everybody would see then, if that is less
    reason: str = ""  # why it is less


@dataclass(frozen=True)
class Warned:
    """Something that software noticed and a person must judge."""

    id: str
    kind: Literal[
        "place", "person", "plate", "coordinates", "contact", "military", "date", "picture", "other"
    ]
    quote: str  # the text in question, or the name of the picture
    where: str  # the field or the file
    advice: str = ""
    settled: bool | None = False  # None: the check list asks for it
    picture: Picture | None = None


@dataclass(frozen=True)
class Region:
    """A part of a picture, as shares of its width and height; the origin is on top left."""

    id: str
    kind: Literal["face", "plate", "text", "added"]
    left: float
    top: float
    width: float
    height: float
    blurred: bool = True
    new: bool = False  # it was drawn, and is not kept yet


@dataclass(frozen=True)
class RegionPicture:
    id: str
    picture: Picture
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True)
class Event:
    """One line of the history of something."""

    at: datetime
    actor: str
    action: str
    note: str = ""


@dataclass(frozen=True)
class Wording:
    """Title and summary in one language."""

    language: str
    title: str = ""
    summary: str = ""
    written: tuple[str, ...] = ()  # what the reader wrote, while somebody else changed these words


@dataclass(frozen=True)
class LengthFields:
    """One length of the thing: on the model, and in truth. What photos alone do not tell."""

    share: str = ""  # on the model: 1 is its largest side
    off: str = ""  # how far off that may be, as it was clicked
    metres: str = ""
    error_mm: str = ""
    what: str = ""  # was measured
    kept: str = ""  # what the fields hold before anybody changes them, as the form sends it back
    theirs: str = ""  # what somebody else gave, while this was written
    before: str = ""  # how the model before it, which everybody sees, came to its size


@dataclass(frozen=True)
class ReviewPage(View):
    """All that a custodian needs for one decision."""

    template: ClassVar[str] = "review.html.j2"
    id: str
    version: int  # of the row: finds two custodians who decide at once
    title: str
    kind: str
    collection: str
    contributor: str  # pseudonym
    received: datetime
    licence: str
    mode: Literal["review", "quarantine", "again"] = "review"
    note: str = ""  # of who recorded
    zone: str = ""
    zone_reason: str = ""
    pictures: tuple[Picture, ...] = ()
    making: Progress | None = None  # what would be public is not made yet: nothing can pass
    unmade: str = ""  # why it was not made
    alike: Mapping[str, str] = field(default_factory=dict)  # ARK -> title of what has the very same photos
    unused: tuple[str, ...] = ()  # names of files that are neither photos nor videos
    model: Picture | None = None  # a drawing of the model
    viewer: Viewer | None = None  # the model itself
    model_address: str = ""
    figures: tuple[FigureRow, ...] = ()
    length: LengthFields | None = None  # what tells the scale of a model that does not know it
    replaces: str = ""  # how this version measures beside the public one
    beside: tuple[Beside, ...] = ()
    cell: CellSketch | None = None
    precisions: tuple[PrecisionChoice, ...] = ()
    precision: Precision = "withheld"
    true_place: str = ""  # "latitude, longitude"
    corrected: str = ""  # the same, as the custodian has it
    area_public: bool = False  # an area is public, or was
    place_note: str = ""  # what somebody has to know who chooses
    area_wrong: bool = False  # the public area is to go with the corrected place
    reason: str = ""
    comment: str = ""  # for the contributor
    due: date | None = None
    embargo: date | None = None
    wants_names: bool = False  # somebody who recorded it wants to be named
    names_people: bool = False
    wordings: tuple[Wording, ...] = ()  # that can be changed here
    subject: str = ""  # as one part of a path
    words_version: int = 0
    words_public: Literal["", "now", "later"] = ""  # whether what is changed in them is seen, or will be
    words_warnings: tuple[Warned, ...] = ()  # in words that were sent: to be judged before they are taken
    visible: bool = False  # everybody can see it, or will, and it can be taken out of view
    opens: date | None = None  # it passed, and nothing of it is public before that day
    out: bool = False  # it passed, and is not public any more
    withdrawn: bool = False  # a contributor took back what it was made of
    again: str = ""  # where to decide once more about its place, as one part of a path
    warnings: tuple[Warned, ...] = ()
    checks: Mapping[str, str] = field(default_factory=dict)  # key of `CHECKS` -> key of `ANSWERS`
    regions: tuple[RegionPicture, ...] = ()
    hidden_photos: int = 0  # that are not shown, and in which something was found
    blur_waits: bool = False  # what is blurred was changed, and not made yet
    history: tuple[Event, ...] = ()
    decided: str = ""  # "passed", "refused": then nothing can be changed here
    errors: Mapping[str, str] = field(default_factory=dict)
    errors_at: Literal["words", "size", "decision", "out"] = "decision"  # beside what they are said
    unsent: tuple[tuple[str, str], ...] = ()  # (name, text) that the reader wrote before it was decided


@dataclass(frozen=True)
class KnownRow:
    """A subject of the same collection that a new recording may show as well."""

    id: str  # ARK
    title: str
    kind: str  # key of `KINDS`
    photos: int
    near: bool = False  # recorded close by
    public: bool = False


@dataclass(frozen=True)
class KnownPage(View):
    """Whether what is in review is a thing that is known already."""

    template: ClassVar[str] = "known.html.j2"
    id: str  # of the review
    version: int
    title: str
    rows: tuple[KnownRow, ...] = ()
    query: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    chosen: str = ""  # one of the rows
    other: str = ""  # what was written instead


@dataclass(frozen=True)
class PhotosPage(View):
    """Photos that are not shown, and in which faces or plates were found: textures come from them, too."""

    template: ClassVar[str] = "photos.html.j2"
    id: str  # of the review
    version: int
    title: str
    regions: tuple[RegionPicture, ...] = ()
    begins: int = 0  # number of the first of them
    paging: Paging = ONE_PAGE
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Zone:
    """A polygon in which uploads are quarantined and no task is offered."""

    id: str
    name: str
    polygon: Mapping[str, Any]  # GeoJSON geometry
    margin_m: float = 0
    area_km2: float | None = None
    reason: str = ""
    begins: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True)
class ZonesPage(View):
    template: ClassVar[str] = "zones.html.j2"
    zones: tuple[Zone, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    may_end: bool = True  # it takes the right everywhere


@dataclass(frozen=True)
class Saying:
    """A text of a presentation, and where in it it stands."""

    part: str
    language: str
    text: str


@dataclass(frozen=True)
class Theirs:
    """What somebody else saved while the reader wrote."""

    version: int
    words: tuple[Saying, ...]
    view: bool = False  # whether they chose where a look begins
    before: str = ""  # the record that shows it at an earlier time
    eyes: bool = False  # whether it is shown where the photos were taken


@dataclass(frozen=True)
class PresentationPage(View):
    """Where a custodian writes how a public model is shown."""

    template: ClassVar[str] = "presentation.html.j2"
    id: str  # in addresses
    titles: Mapping[str, str]
    viewer: Viewer
    version: int
    told: str  # JSON: view, annotations, tours
    error: str = ""
    theirs: Theirs | None = None
    warnings: tuple[Warned, ...] = ()
    harmless: tuple[str, ...] = ()  # warnings that were judged, and that are not among these
    eyes: tuple[Mapping[str, Any], ...] = ()  # where the photos were taken, if that can be shown
    no_eyes: str = ""  # why not
