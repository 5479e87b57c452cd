"""What is known of the things in the archive, in our own words and in everybody else's.

`Description` (of the subject), `CaptureInfo` and `ModelInfo` are kept as JSON in the archive; each of the
other modules says them in one standard of the museum world. None of them has a field for a true place.
"""

from oberih.archive.metadata._words import statement
from oberih.archive.metadata.description import (
    CaptureInfo,
    CaptureOf,
    Description,
    MeasuredError,
    ModelInfo,
    model_info,
)
from oberih.archive.metadata.dublin_core import dublin_core
from oberih.archive.metadata.edm import edm, is_taken_by_europeana
from oberih.archive.metadata.lido import lido
from oberih.archive.metadata.premis import (
    Agent,
    Event,
    ObjectInfo,
    Premis,
    RightsInfo,
    premis_xml,
    read_premis,
)
from oberih.archive.metadata.publication import Publication, WebFile
from oberih.archive.metadata.schema_org import as_script, schema_org
from oberih.archive.metadata.smithsonian import CaptureGiven, Smithsonian, smithsonian

__all__ = [
    "Agent",
    "CaptureGiven",
    "CaptureInfo",
    "CaptureOf",
    "Description",
    "Event",
    "MeasuredError",
    "ModelInfo",
    "ObjectInfo",
    "Premis",
    "Publication",
    "RightsInfo",
    "Smithsonian",
    "WebFile",
    "as_script",
    "dublin_core",
    "edm",
    "is_taken_by_europeana",
    "lido",
    "model_info",
    "premis_xml",
    "read_premis",
    "schema_org",
    "smithsonian",
    "statement",
]
