"""What keys are called on pages: a label, and where it helps, a sentence. English; pages translate them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from oberih.i18n import say

__all__ = [
    "ANSWERS",
    "CHECKS",
    "GRADES",
    "JOBS",
    "KINDS",
    "LICENCES",
    "MAKING",
    "ORGANISATIONS",
    "PRECISIONS",
    "REGIONS",
    "ROLES",
    "SCOPES",
    "STATEMENTS",
    "STATES",
    "STEPS",
    "SURENESS",
    "WARNINGS",
    "WHEN",
    "Licence",
    "Word",
    "licence_of",
]


@dataclass(frozen=True)
class Word:
    """A label; a sentence about it; a tone for its colour: "", "good", "busy", "stop"."""

    label: str
    words: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Licence(Word):
    """What others may do with a contribution. Without an address nothing of it becomes public."""

    uri: str = ""


KINDS: Mapping[str, Word] = {
    "building": Word(say("Building")),
    "monument": Word(say("Monument")),
    "statue": Word(say("Statue")),
    "object": Word(say("Object")),
    "site": Word(say("Site")),
    "street": Word(say("Street")),
    "home": Word(say("Home")),
    "other": Word(say("Something else")),
}

LICENCES: Mapping[str, Licence] = {
    "cc-by-4.0": Licence(
        "CC\u00a0BY\u00a04.0",
        say("Everybody may use and change it, also to earn money, if they say whose it is."),
        uri="https://creativecommons.org/licenses/by/4.0/",
    ),
    "cc-by-sa-4.0": Licence(
        "CC\u00a0BY-SA\u00a04.0",
        say("The same, and what they make of it must be just as free."),
        uri="https://creativecommons.org/licenses/by-sa/4.0/",
    ),
    "cc0-1.0": Licence(
        "CC0",
        say("Everybody may do everything with it and need not name anybody."),
        uri="https://creativecommons.org/publicdomain/zero/1.0/",
    ),
    "archive-only": Licence(
        say("For the archive only"),
        say("It is kept safe and is not shown in public. Custodians and partners may work with it."),
    ),
}


ASK = say("Ask whoever holds the rights before you use it.")
STATEMENTS: Mapping[str, Licence] = {
    "InC": Licence(say("In copyright"), ASK),
    "InC-OW-EU": Licence(say("In copyright, an orphan work in the EU"), ASK),
    "InC-EDU": Licence(say("In copyright, free for education"), ASK),
    "InC-NC": Licence(say("In copyright, free where nothing is earned"), ASK),
    "InC-RUU": Licence(say("In copyright, and nobody knows whose"), ASK),
    "NoC-CR": Licence(say("No copyright, but a contract limits its use")),
    "NoC-NC": Licence(say("No copyright, free where nothing is earned")),
    "NoC-OKLR": Licence(say("No copyright, but other laws limit its use")),
    "NoC-US": Licence(say("No copyright in the United States")),
    "CNE": Licence(say("Nobody looked into the copyright"), ASK),
    "UND": Licence(say("The copyright could not be determined"), ASK),
    "NKC": Licence(say("No copyright that is known of")),
}
"""Statements of rightsstatements.org, by the last part of their address: what is known where nobody gave a
licence."""


def licence_of(uri: str) -> Licence:
    """The licence with this address, or the statement; one that we do not know is called by its address."""
    address = uri.partition("://")[2].removeprefix("www.").rstrip("/")
    parts = address.split("/")
    if parts[0] == "rightsstatements.org" and len(parts) > 2 and parts[2] in STATEMENTS:
        return replace(STATEMENTS[parts[2]], uri=uri)
    known = {one.uri.partition("://")[2].rstrip("/"): one for one in LICENCES.values() if one.uri}
    return known.get(address, Licence(uri, uri=uri))


MAKING: Mapping[str, Word] = {
    "going": Word(say("Is being made")),
    "failed": Word(say("Was not made"), tone="stop"),
    "stopped": Word(say("Stopped"), tone="stop"),
}
"""How far it is with what would be public of a review, while that is not there."""

STATES: Mapping[str, Word] = {
    "arriving": Word(
        say("Arriving"), say("Not all files are here yet. What has arrived stays here."), "busy"
    ),
    "received": Word(
        say("Received"), say("All files are here. They are being put into the archive."), "busy"
    ),
    "preserved": Word(say("Kept"), say("The archive keeps it, byte for byte as you sent it."), "good"),
    "quarantined": Word(
        say("Set aside"),
        say("It is kept. It comes from an area of danger: a custodian looks at it first."),
        "stop",
    ),
    "waiting": Word(
        say("Waiting for a machine"), say("The archive keeps it. A 3D model of it is next in line."), "busy"
    ),
    "reconstructing": Word(
        say("Becoming a 3D model"), say("The archive keeps it. A 3D model of it is being made."), "busy"
    ),
    "in review": Word(
        say("In review"), say("A custodian looks at it. Nothing is public before that."), "busy"
    ),
    "passed": Word(say("Passed the review"), say("A custodian has looked at it, and let it pass."), "good"),
    "published": Word(
        say("Public"), say("Everybody can see it. The exact place and people stay sealed."), "good"
    ),
    "preserved only": Word(
        say("Kept, no model yet"),
        say("The archive keeps it. It cannot become a 3D model yet; it will be tried as soon as it can."),
        "good",
    ),
    "not reconstructable": Word(
        say("Kept, but no model"), say("The archive keeps it. A 3D model could not be made from it."), "stop"
    ),
    "failed": Word(
        say("Held up"),
        say("The archive keeps it. Something went wrong on our side, and we are looking into it."),
        "stop",
    ),
    "cancelled": Word(say("Stopped"), say("It was stopped on request. What the archive has, it keeps.")),
    "refused": Word(
        say("Kept, not public"), say("The archive keeps it. A custodian decided not to show it.")
    ),
    "withdrawn": Word(say("Withdrawn"), say("It was withdrawn and is not shown any more.")),
}

STEPS: Mapping[str, Word] = {
    "arrived": Word(say("All files arrived")),
    "preserved": Word(say("Kept in the archive")),
    "reconstructed": Word(say("Made into a 3D model")),
    "described": Word(say("Measured and described")),
    "reviewed": Word(say("Looked at by a custodian")),
    "published": Word(say("Shown to everybody")),
    "cancelled": Word(say("Stopped on request")),
    "refused": Word(say("Not shown: a custodian decided so")),
    "withdrawn": Word(say("Withdrawn")),
}

PRECISIONS: Mapping[str, Word] = {
    "withheld": Word(say("Not public"), say("Nobody outside learns anything about the place.")),
    "region": Word(say("Region"), say("An area as large as a region, some 120 km across.")),
    "10 km": Word(say("About 10 km"), say("An area some 17 km across.")),
    "1 km": Word(say("About 1 km"), say("An area some 2.5 km across.")),
    "exact": Word(say("Exact"), say("A cell of about 50 m.")),
}

ROLES: Mapping[str, Word] = {
    "contributor": Word(say("Contributor"), say("Records, and follows what became of it.")),
    "coordinator": Word(say("Coordinator"), say("Leads volunteers, and marks areas of danger.")),
    "custodian": Word(say("Custodian"), say("Sees what is sealed, and decides what becomes public.")),
    "partner": Word(say("Partner"), say("May read originals and exact places, for a time. It is logged.")),
    "admin": Word(say("Admin"), say("Runs the service, invites people and gives roles.")),
}

SCOPES: Mapping[str, Word] = {
    "read:records": Word(say("See your contributions and records")),
    "write:contributions": Word(say("Contribute in your name")),
    "write:records": Word(say("Describe records")),
    "read:originals": Word(say("Get originals")),
    "read:places": Word(say("See exact places")),
    "read:jobs": Word(say("See jobs")),
}

CHECKS: Mapping[str, Word] = {
    "military": Word(
        say("Military things"),
        say("Soldiers, vehicles, positions, defences, traces of fresh strikes; also in the background."),
    ),
    "people": Word(say("People"), say("Faces, also in windows and mirrors, on posters and graves.")),
    "plates": Word(say("Number plates and writing"), say("Cars, doorbells, papers, screens.")),
}

ANSWERS: Mapping[str, Word] = {
    "none": Word(say("None seen")),
    "hidden": Word(say("Seen, and it is blurred or cut off")),
    "blocking": Word(say("Seen, and it must not be public")),
}

WARNINGS: Mapping[str, Word] = {
    "place": Word(say("Name of a place")),
    "person": Word(say("A person")),
    "plate": Word(say("Number plate")),
    "coordinates": Word(say("Coordinates")),
    "contact": Word(say("Address, telephone or e-mail")),
    "military": Word(say("Perhaps military")),
    "date": Word(say("Date")),
    "picture": Word(say("A picture")),
    "other": Word(say("To be judged")),
}

REGIONS: Mapping[str, Word] = {
    "face": Word(say("Face")),
    "plate": Word(say("Number plate")),
    "text": Word(say("Writing")),
    "added": Word(say("Added by hand")),
}

GRADES: Mapping[str, Word] = {
    "unknown": Word(say("Not known")),
    "intact": Word(say("Intact"), tone="good"),
    "slight": Word(say("Slightly damaged"), tone="busy"),
    "moderate": Word(say("Damaged"), tone="busy"),
    "severe": Word(say("Badly damaged"), tone="stop"),
    "destroyed": Word(say("Destroyed"), tone="stop"),
}

SURENESS: Mapping[str, Word] = {
    "unknown": Word(say("Not known")),
    "low": Word(say("A guess")),
    "medium": Word(say("Likely")),
    "high": Word(say("Seen and checked")),
}

ORGANISATIONS: Mapping[str, Word] = {
    "institution": Word(say("Museum, archive, institute")),
    "corps": Word(say("Volunteer corps")),
    "partner": Word(say("Partner")),
    "authority": Word(say("Public authority")),
}

JOBS: Mapping[str, Word] = {
    "waiting": Word(say("Waiting")),
    "running": Word(say("Running"), tone="busy"),
    "done": Word(say("Done"), tone="good"),
    "failed": Word(say("Failed"), tone="stop"),
    "cancelled": Word(say("Stopped")),
}

WHEN: Mapping[str, Word] = {
    "next": Word(say("Before the others")),
    "normal": Word(say("In its turn")),
    "last": Word(say("After the others")),
}
