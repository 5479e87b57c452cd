"""What the arrivals say when they refuse something, each in one place."""

from collections.abc import Sequence

from oberih.i18n import say
from oberih.work.arrivals.records import ArrivingFile, Refused, Why

__all__ = [
    "busy",
    "conflict",
    "finished",
    "gone",
    "incomplete",
    "no_room",
    "too_many",
    "too_many_contributions",
    "too_many_files",
    "too_much",
    "unknown",
]


def unknown() -> Refused:
    return Refused(
        Why.UNKNOWN, say("There is no such upload."), say("Check the address, or begin a new contribution.")
    )


def gone() -> Refused:
    return Refused(
        Why.GONE,
        say("This upload was ended, or nothing came for too long."),
        say("Add the file to a contribution again."),
    )


def finished() -> Refused:
    return Refused(
        Why.CONFLICT, say("This contribution is finished."), say("Begin a new one for further files.")
    )


def conflict(arrived: int, offset: int) -> Refused:
    return Refused(
        Why.CONFLICT,
        say("{arrived} bytes have arrived, not {offset}.", arrived=arrived, offset=offset),
        say("Ask how much has arrived, and go on from there."),
    )


def busy() -> Refused:
    return Refused(
        Why.BUSY,
        say("Another request is changing the same contribution."),
        say("Try again in a moment."),
    )


def no_room() -> Refused:
    return Refused(
        Why.NO_ROOM,
        say("There is no room left on the server's disk. What has arrived is safe."),
        say("Try again later; the upload goes on where it stopped."),
    )


def too_many(size: int) -> Refused:
    return Refused(
        Why.TOO_LARGE,
        say("More bytes came than the {size} that were announced.", size=size),
        say("Add the file again with its true size."),
    )


def too_much(asked: int, what: str, most: int) -> Refused:
    return Refused(
        Why.TOO_LARGE,
        say(
            "{asked:,.1f} MB are too much for {what}; {most:,.1f} MB are allowed.",
            asked=asked / 1e6,
            what=what,
            most=most / 1e6,
        ),
        say("Send less at once, or ask the keepers of this service for more room."),
    )


def too_many_files(most: int) -> Refused:
    return Refused(
        Why.TOO_LARGE,
        say("One contribution has at most {most} files.", most=most),
        say("Put the rest into another contribution."),
    )


def too_many_contributions(count: int) -> Refused:
    return Refused(
        Why.TOO_LARGE,
        say(
            "{count} contribution is under way already.",
            "{count} contributions are under way already.",
            count=count,
        ),
        say("Finish or end one of them first, or wait until the first are in the archive."),
    )


def incomplete(missing: Sequence[ArrivingFile]) -> Refused:
    """Some files of a contribution are missing; or all of them (``missing`` is empty)."""
    if not missing:
        return Refused(
            Why.INCOMPLETE, say("No file of this contribution has arrived."), say("Send at least one file.")
        )
    return Refused(
        Why.INCOMPLETE,
        say(
            "{count} file has not arrived in whole: {names}",
            "{count} files have not arrived in whole: {names}",
            count=len(missing),
            names=", ".join(one.name for one in missing[:5]),
        ),
        say("Send what is missing, or finish the contribution without it."),
    )
