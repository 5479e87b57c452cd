"""What a contributor reads of a contribution that ended: what truly happened, and no more."""

import re
from collections.abc import Iterator, Sequence

import pytest

from oberih.catalogue.tables import Capture
from web.office import captured, house_at, person
from web.visitors import House, Visitor

ARRIVED, KEPT, MADE = "All files arrived", "Kept in the archive", "Made into a 3D model"
DESCRIBED, REVIEWED, SHOWN = "Measured and described", "Looked at by a custodian", "Shown to everybody"
REFUSED, STOPPED, WITHDRAWN = "Not shown: a custodian decided so", "Stopped on request", "Withdrawn"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house_at(tmp_path_factory.mktemp("history") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def visitor(house: House) -> Visitor:
    return person(house, "contributor")


@pytest.mark.parametrize(
    ("states", "steps"),
    [
        (["received", "withdrawn"], [ARRIVED, WITHDRAWN]),
        (["received", "preserved", "waiting", "withdrawn"], [ARRIVED, KEPT, WITHDRAWN]),
        (["received", "preserved", "reconstructing", "cancelled"], [ARRIVED, KEPT, STOPPED]),
        (["received", "preserved", "quarantined", "refused"], [ARRIVED, KEPT, REVIEWED, REFUSED]),
        (["preserved", "in review", "refused"], [ARRIVED, KEPT, MADE, DESCRIBED, REVIEWED, REFUSED]),
        (["preserved", "in review", "refused", "withdrawn"],
         [ARRIVED, KEPT, MADE, DESCRIBED, REVIEWED, WITHDRAWN]),
        (["preserved", "in review", "published", "withdrawn"],
         [ARRIVED, KEPT, MADE, DESCRIBED, REVIEWED, SHOWN, WITHDRAWN]),
    ],
)  # fmt: skip
def test_the_steps_of_what_ended(
    house: House, visitor: Visitor, states: Sequence[str], steps: Sequence[str]
) -> None:
    capture = captured(house, state=states[0])
    for state in states:
        with house.service.database.writing("service", "test") as session:
            found = session.get_one(Capture, capture)
            found.state, found.account = state, visitor.name
    page = visitor.go(f"/contributions/{found.contribution}").text
    shown = page.split('<ol class="steps">')[1].split("</ol>")[0]
    assert re.findall("<b>(.*?)</b>", shown) == list(steps)
    assert "not for this one" not in shown and "stopped here" not in shown


def test_files_that_could_not_be_used_are_named(house: House, visitor: Visitor) -> None:
    capture = captured(house, unused=["page.jpg"])
    with house.service.database.writing("service", "test") as session:
        found = session.get_one(Capture, capture)
        found.account = visitor.name
    assert "<li>page.jpg</li>" in visitor.go(f"/contributions/{found.contribution}").text


def test_whoever_does_not_want_to_be_named_any_more_is_not(house: House, visitor: Visitor) -> None:
    capture = captured(house, credited=True)
    with house.service.database.writing("service", "test") as session:
        found = session.get_one(Capture, capture)
        found.account = visitor.name
    path = f"/contributions/{found.contribution}"
    assert "Do not name me with it" in visitor.go(path).text
    assert visitor.send(f"{path}/unnamed").status_code == 303
    assert "Do not name me with it" not in visitor.follow().text
    with house.service.database.reading() as session:
        assert not session.get_one(Capture, capture).credited
