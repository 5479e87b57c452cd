"""What happens to objects after their deposit: replication, checks, recovery. Kept as objects themselves.

The events of one run become one object of kind "journal": a PREMIS file. It is replicated like any other
object, so that the history of the archive survives with the archive.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from oberih import __version__
from oberih.archive.archive import Archive
from oberih.archive.deposit import deposit_files
from oberih.archive.metadata.premis import Agent, Event, ObjectInfo, premis_xml, read_premis

__all__ = ["JOURNAL", "Outcome", "events_of", "happened", "write_down"]

JOURNAL = "journal"
EVENTS = "events.xml"
AGENT = Agent.software("Oberih", __version__)
Outcome = Literal["success", "failure", "warning"]
MOST = 1000  # objects of one event


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


def write_down(archive: Archive, title: str, events: Sequence[Event]) -> str:
    """Keep the events of a run; returns the identifier of the journal, "" if nothing happened."""
    if not events:
        return ""
    concerned = sorted({one.identifier for event in events for one in event.objects})
    record = premis_xml([ObjectInfo.whole(one) for one in concerned], events, [AGENT])
    made = deposit_files(archive, {}, {"kind": JOURNAL, "title": title}, {EVENTS: record}, event="creation")
    return made.id


def events_of(archive: Archive, identifier: str) -> Iterable[Event]:
    """Everything that happened to an object since it was deposited, in order."""
    found = []
    for entry in archive.index.objects(JOURNAL):
        for event in read_premis(archive.object(entry.id).read(EVENTS)).events:
            if any(one.identifier == identifier for one in event.objects):
                found.append(event)
    return sorted(found, key=lambda event: event.date_time)
