"""What each precision class would show everybody of a place, before somebody chooses one."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from oberih.catalogue.tables import Place, Publication
from oberih.i18n import say
from oberih.settings import ServiceSettings
from oberih.trust.cells import CLASSES, CandidateSites, TruePlace, cell_of, generalised, polygon
from oberih.web.views import CellSketch, PrecisionChoice
from oberih.web.views.words import PRECISIONS
from oberih.work.flow.projecting import seen_before, sites

__all__ = ["Seen"]

KM_OF_DEGREE = 111.2
NO_REGISTER = say(
    "There is no register of sites here, so nobody knows among how many others it would hide in a smaller "
    "area: a region is shown at most, or the exact place. Look at the region on a map. If it is mostly sea, "
    "or lies beyond the border, few sites are left in it: then keep the place back."
)


@dataclass(frozen=True)
class Seen:
    """What each precision class would mean for a place. Nothing of it is stored."""

    choices: tuple[PrecisionChoice, ...]
    cell: CellSketch | None
    precision: str  # that the public would get
    asked: str = "withheld"
    note: str = ""

    @property
    def words(self) -> str:
        label = PRECISIONS[self.precision].label
        if self.precision == self.asked:
            return label
        return say("{shown}, though chosen was: {chosen}", shown=label, chosen=PRECISIONS[self.asked].label)

    @classmethod
    def of(
        cls,
        session: Session,
        settings: ServiceSettings,
        place: Place | None,
        public: Publication | None,
        asked: str,
    ) -> "Seen":
        if place is None:
            return cls(tuple(PrecisionChoice(one) for one in CLASSES), None, "withheld")
        known = sites(session, settings)
        true = TruePlace(place.latitude_deg, place.longitude_deg)
        choices, cell, precision = [], None, "withheld"
        for one in CLASSES:
            made = generalised(true, one, known, settings.candidate_sites, before=seen_before(public))
            less = made.precision if made.precision != one else None
            choices.append(
                PrecisionChoice(one, candidates(true, one, known), less, made.reason if less else "")
            )
            if one == asked and made.cell is not None:
                cell, precision = sketch(made.cell, true), made.precision
        return cls(tuple(choices), cell, precision, asked, NO_REGISTER if known is None else "")


def candidates(true: TruePlace, precision: Any, known: CandidateSites | None) -> int | None:
    cell = cell_of(true.latitude_deg, true.longitude_deg, precision)
    return known.count(cell) if cell and known is not None else None


def sketch(cell: str, true: TruePlace) -> CellSketch:
    outline = polygon(cell)[:-1]
    latitudes = [latitude for _, latitude in outline]
    width_km = (max(latitudes) - min(latitudes)) * KM_OF_DEGREE
    return CellSketch(outline, (true.longitude_deg, true.latitude_deg), width_km)
