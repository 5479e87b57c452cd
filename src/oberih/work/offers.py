"""What a contributor says of a contribution, and allows: the same on both sides of the line."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from oberih.catalogue.rebuild import FIRST

__all__ = ["LICENCES", "NEEDED", "TERMS", "Offer"]

LICENCES = {
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "cc-by-sa-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "archive-only": "https://rightsstatements.org/vocab/InC/1.0/",
}
NEEDED = frozenset({"own", "keep"})  # consents
TERMS = "1"  # version of the text that contributors agree to
Line = Annotated[str, StringConstraints(max_length=300, strip_whitespace=True)]
Kind = Literal["building", "monument", "statue", "object", "site", "street", "home", "other"]


class Offer(BaseModel):
    """What a contributor says of a contribution, and allows."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    title: Line = ""
    kind: Kind = "other"
    place: Line = Field("", description="where it is, in words; sealed")
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    licence: Literal["cc-by-4.0", "cc-by-sa-4.0", "cc0-1.0", "archive-only"]
    consents: frozenset[Literal["own", "keep", "named"]] = Field(
        description="own: they may give it; keep: the archive keeps it for good; named: they want to be named"
    )
    terms: Annotated[str, StringConstraints(max_length=20)] = Field(
        TERMS, description="version that was read"
    )
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")] = "uk"
    subject: Annotated[str, StringConstraints(max_length=80)] = Field("", description="a known one")
    collection: Annotated[str, StringConstraints(max_length=80)] = FIRST

    @model_validator(mode="after")
    def whole(self) -> Self:
        if not NEEDED.issubset(self.consents):
            raise ValueError("what has to be agreed to was not agreed to")
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("a place has a latitude and a longitude")
        return self
