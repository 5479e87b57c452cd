"""Finds and hides what must not be public in pictures and on models: faces and number plates.

    found = find(picture)
    public = blurred(picture, corrections.applied(found, picture.shape))

    hiding = Hiding(model.parts, [Sighting.of(view, region, photo.shape) for ...])
    public = [hiding.mesh(part) for part in model.parts]

No detector finds everything, and none knows stone from flesh: a custodian looks at what was found and at what
was not, clears (`Corrections.cleared`) what may be seen, and adds (`Corrections.added`) what may not. Until
then all that was found is hidden, the faces of statues too.
"""

from oberih.trust.redaction.find import find
from oberih.trust.redaction.regions import Box, Corrections, Kind, Region
from oberih.trust.redaction.surfaces import Hiding, Sighting, Thing
from oberih.trust.redaction.veil import HIDDEN, REACH, blurred

__all__ = [
    "HIDDEN",
    "REACH",
    "Box",
    "Corrections",
    "Hiding",
    "Kind",
    "Region",
    "Sighting",
    "Thing",
    "blurred",
    "find",
]
