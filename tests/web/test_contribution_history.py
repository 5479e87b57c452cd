"""What a contributor reads of a contribution that ended: what truly happened, and no more."""

import html
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from oberih.archive import deposit_capture
from oberih.archive.deposit import deposit_files
from oberih.catalogue.accounts.tables import Account
from oberih.catalogue.tables import Capture, Model
from oberih.web.inside import contributions
from web.office import captured, house_at, person
from web.visitors import House, Visitor
from work.site import photo

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


NO_PLACE = "no place was found for it among the others"
TWIN = [
    "the same picture as {name}",
    None,
    {"name": "1/Mykolas_garden.jpg"},
]  # as the report of a model has it
GIVEN = [("IMG_7.jpg", "a"), ("IMG_8.jpg", "b"), ("IMG_8 copy.jpg", "b"), ("IMG_9.jpg", "c")]


def reported(name: str, digest: str, reason: object = "", copy_of: str = "") -> dict[str, object]:
    """A photo of a model's report; used, unless there is a reason."""
    return {"name": name, "sha256": 64 * digest, "used": not reason, "reason": reason, "copy_of": copy_of}


@pytest.mark.parametrize(
    ("photos", "told"),
    [
        ([reported("0/IMG_7.jpg", "a", "damaged"), reported("1/theirs.jpg", "e", "too blurred")],
         ["<b>IMG_7.jpg</b>: damaged"]),
        # Somebody else gave just the same, or a picture like it: it is used by way of theirs.
        ([reported("1/Mykolas_garden.jpg", "a"), reported("0/IMG_7.jpg", "a", TWIN, "1/Mykolas_garden.jpg")],
         []),
        ([reported("1/Mykolas_garden.jpg", "e"), reported("0/IMG_7.jpg", "a", TWIN, "1/Mykolas_garden.jpg")],
         []),
        ([reported("1/Mykolas_garden.jpg", "a", TWIN, "0/IMG_7.jpg"), reported("0/IMG_7.jpg", "a")], []),
        # One's own may be named, by the name that one gave it.
        ([reported("0/IMG_9.jpg", "c"), reported("0/IMG_7.jpg", "a", TWIN, "0/IMG_9.jpg")],
         ["<b>IMG_7.jpg</b>: the same picture as IMG_9.jpg"]),
        ([reported("0/IMG_8.jpg", "b", NO_PLACE), reported("0/IMG_8 copy.jpg", "b", TWIN, "0/IMG_8.jpg")],
         [f"<b>IMG_8.jpg</b>: {NO_PLACE}", f"<b>IMG_8 copy.jpg</b>: {NO_PLACE}"]),
    ],
)  # fmt: skip
def test_photos_that_the_model_does_without_are_named_and_those_of_others_are_not(
    house: House, visitor: Visitor, tmp_path: Path, photos: list[dict[str, object]], told: list[str]
) -> None:
    archive, capture = house.service.archive, captured(house)
    photo(tmp_path / "1.png", 1)
    files = [{"name": name, "size": 9, "sha256": 64 * digest} for name, digest in GIVEN]
    receipt = {"received": "2026-11-21T09:30:00Z", "sha256": "0" * 64, "files": files}
    deposit_capture(
        archive, [tmp_path / "1.png"], title="one", identifier=capture,
        beside={"receipt.json": json.dumps(receipt).encode()},
    )  # fmt: skip
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"photos": photos}))
    model = archive.mint()
    deposit_files(archive, {"report.json": report}, {"kind": "model", "title": "it"}, {}, event="creation",
                  identifier=model)  # fmt: skip
    with house.service.database.writing("service", "test") as session:
        found = session.get_one(Capture, capture)
        found.account = visitor.name
        session.add(Model(id=model, subject=found.subject, captures=[capture], figures={}))
    page = visitor.go(f"/contributions/{found.contribution}").text
    assert re.findall(r"<b>IMG[^<]*</b>: [^<]*", page) == told
    assert (f"without {len(told)} of your photos" in page) is bool(told)
    assert "Mykola" not in page and "too blurred" not in page


def test_a_long_list_has_pages_and_nobody_else_s_are_in_it(
    house: House, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contributions, "PAGE", 2)
    somebody = person(house, "contributor")
    captures = [captured(house, title=f"Thing {number}") for number in range(5)]
    foreign = captured(house, title="Foreign")
    with house.service.database.writing("service", "test") as session:
        for capture in captures:
            session.get_one(Capture, capture).account = somebody.name
    seen: list[str] = []
    sizes, path = list[int](), "/contributions"
    while path:
        page = somebody.go(path).text
        seen += re.findall(r"Thing \d", page)
        sizes.append(len(seen))
        later = re.search(r'rel="next" href="([^"]+)"', page)
        path = html.unescape(later[1]) if later else ""
    assert sizes == [2, 4, 5]
    assert sorted(seen) == [f"Thing {number}" for number in range(5)]
    assert somebody.go(f"/contributions?after={foreign}").text.count("Thing") == 2  # tells nothing of it


def test_whoever_does_not_want_to_be_named_any_more_is_not(house: House, visitor: Visitor) -> None:
    capture = captured(house, credited=True)
    with house.service.database.writing("service", "test") as session:
        found = session.get_one(Capture, capture)
        found.account = visitor.name
    path = f"/contributions/{found.contribution}"
    page = visitor.go(path).text
    assert "you need a public name" in page and "Do not name me with it" not in page
    assert "you need a public name" in visitor.go("/contribute").text
    with house.service.database.writing("service", "test") as session:
        session.get_one(Account, visitor.name).public_name = "Мальва"
    assert "you need a public name" not in visitor.go("/contribute").text
    page = visitor.go(path).text
    assert "Do not name me with it" in page and "you need a public name" not in page
    assert visitor.send(f"{path}/unnamed").status_code == 303
    assert "Do not name me with it" not in visitor.follow().text
    with house.service.database.reading() as session:
        assert not session.get_one(Capture, capture).credited
