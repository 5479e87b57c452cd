"""What happens to objects after their deposit: replication, checks, recovery. Kept as objects themselves.

The events of one run become one object of kind "journal": a PREMIS file. It is replicated like any other
object, so that the history of the archive survives with the archive. What a run did to many objects is cut
into several journals, each of which can be read at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from oberih import __version__
from oberih.archive.archive import Archive
from oberih.archive.deposit import deposit_files
from oberih.archive.metadata.premis import Agent, Event, ObjectInfo, premis_xml, read_premis
from oberih.errors import OberihError

__all__ = ["JOURNAL", "LEDGER", "Outcome", "events_of", "happened", "write_down"]

JOURNAL = "journal"
LEDGER = "ledger"  # what happened to records: the catalogue writes and reads these
EVENTS = "events.xml"
AGENT = Agent.software("Oberih", __version__)
Outcome = Literal["success", "failure", "warning"]
MOST = 1000  # objects of one event
AT_MOST = 10_000  # objects of one journal, counted once for each event


def happened(
    kind: str, objects: Sequence[str], *, detail: str, outcome: Outcome = "success", note: str = ""
) -> list[Event]:
    """The same thing happening to many objects, as few events as it takes."""
    return [
        Event.now(
            kind, objects=objects[at : at + MOST], agents=[AGENT], detail=detail, outcome=outcome, note=note,
        )
        for at in range(0, len(objects), MOST)
    ]  # fmt: skip


def write_down(archive: Archive, title: str, events: Sequence[Event]) -> list[str]:
    """Keep the events of a run; returns the identifiers of the journals, none if nothing happened."""
    made = []
    for some in cut(events):
        journal = archive.mint()
        record = premis_xml([ObjectInfo.whole(journal, title=title)], some, [AGENT])
        about = {"kind": JOURNAL, "title": title}
        deposit_files(archive, {}, about, {EVENTS: record}, event="creation", identifier=journal)
        archive.index.note_journal(journal, concerned(some))
        made.append(journal)
    return made


def cut(events: Sequence[Event]) -> Iterator[list[Event]]:
    """The events of each journal."""
    some: list[Event] = []
    size = 0
    for event in events:
        if some and size + len(event.objects) > AT_MOST:
            yield some
            some, size = [], 0
        some.append(event)
        size += len(event.objects)
    if some:
        yield some


def concerned(events: Iterable[Event]) -> set[str]:
    return {one.identifier for event in events for one in event.objects}


def events_of(
    archive: Archive, identifier: str, unreadable: list[OberihError] | None = None
) -> Iterable[Event]:
    """Everything that happened to an object since it was deposited, in order.

    A journal that is damaged is left out; ``unreadable`` is told of it.
    """
    found = []
    for journal in archive.index.journals(identifier):
        try:
            events = read_premis(archive.object(journal).read(EVENTS)).events
        except OberihError as error:
            if unreadable is not None:
                unreadable.append(error)
            continue
        archive.index.note_journal(journal, concerned(events))
        found += [event for event in events if identifier in concerned([event])]
    return sorted(found, key=lambda event: event.date_time)
