"""The audit trail in words that people read, jobs that are put forward or stopped, wishes for deletion."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, select

import oberih
from oberih.catalogue.access import EVERYWHERE, Action
from oberih.catalogue.accounts.tables import Account, Grant
from oberih.catalogue.rebuild import FIRST
from oberih.catalogue.tables import HERITAGE, Capture, Review, Rights
from oberih.web.inside.office.jobs import NAMES
from oberih.web.inside.office.jobs import QUEUES as QUEUE_WORDS
from oberih.web.views.deeds import DEEDS, PARTS, THINGS
from oberih.work.arrivals import Offered, Uploader
from oberih.work.engine import QUEUES
from oberih.work.flow import received
from web.office import OTHER, captured, house_at, in_review, person, row
from web.visitors import House, Visitor
from work.site import DETAILS, brought, photo

SOURCE = Path(oberih.__file__).parent
ACCOUNTS = SOURCE / "catalogue" / "accounts"  # what concerns no heritage is not in the ledger
ACTION_AT = {"writing": 1, "moved": 2}  # which argument of these calls is the action


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house_at(tmp_path_factory.mktemp("trail") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def custodian(house: House) -> Visitor:
    return person(house, "custodian", FIRST)


# -- the trail ---


def texts_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def actions_of(path: Path) -> Iterator[str]:
    """Every action that a file writes into the ledger by its name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            at = ACTION_AT.get(name)
            if at is not None and len(node.args) > at and isinstance(node.args[at], ast.Constant):
                yield node.args[at].value


def test_every_deed_every_thing_and_every_part_of_one_has_words() -> None:
    files = [path for path in SOURCE.rglob("*.py") if ACCOUNTS not in path.parents]
    actions = {action for path in files for action in actions_of(path)} | {one.value for one in Action}
    assert len(actions) > 60
    assert actions - DEEDS.keys() == set()
    assert {one.kind_of() for one in HERITAGE} <= THINGS.keys()
    columns = {column.key for kind in HERITAGE for column in inspect(kind).columns}
    assert columns - {"id", "version", "created", "changed"} <= PARTS.keys()


def test_there_are_no_words_for_deeds_that_nobody_does() -> None:
    texts = {text for path in SOURCE.rglob("*.py") if path.name != "deeds.py" for text in texts_of(path)}
    assert DEEDS.keys() - texts == {"review: passed", "review: refused"}  # which are put together


def test_the_trail_says_it_in_the_reader_s_language(house: House, custodian: Visitor) -> None:
    review = in_review(house, captured(house))
    custodian.go(f"/review/{review}")
    assert custodian.send(f"/review/{review}/words", title_en="Gate").status_code == 303
    custodian.go("/audit?kind=subject")
    assert "<b>Changed the words</b> · Thing" in custodian.text and "Changed: words, title" in custodian.text
    assert '<option value="condition_report">Condition report</option>' in custodian.text
    custodian.go(f"/review/{review}")
    assert "Wrote down the 3D model" in custodian.text


def test_looks_that_follow_one_another_are_told_as_one(house: House, custodian: Visitor) -> None:
    review = in_review(house, captured(house))
    for _ in range(3):
        custodian.go(f"/review/{review}")
    custodian.go("/audit?kind=place")
    row = custodian.text[custodian.text.index("<tbody>") :].split("</tr>")[0]
    assert "Looked at the true place" in row and "3 times, the first one:" in row


# -- jobs ---


def test_every_kind_of_job_and_every_queue_has_words() -> None:
    kinds = {
        kind for path in (SOURCE / "work" / "flow").glob("*.py")
        for kind in re.findall(r'^@workflow\("(\w+)"\)', path.read_text(), re.MULTILINE)
    }  # fmt: skip
    assert len(kinds) > 5 and kinds == NAMES.keys()
    assert set(QUEUES) == QUEUE_WORDS.keys()


def test_a_job_that_waits_is_put_forward(house: House, custodian: Visitor) -> None:
    engine, review = house.service.engine, in_review(house, captured(house))
    theirs, other = f"draft:{review}:1", f"draft:{in_review(house, captured(house, OTHER))}:1"
    for key in (theirs, other):
        engine.enqueue("draft", key=key, queue="cpu", args={"review": review, "corrections": "1"})
    custodian.go("/jobs")
    assert custodian.send(f"/jobs/{theirs}/priority", when="next").status_code == 303
    assert engine.state(theirs).priority == 0
    assert '<option value="next" selected>' in custodian.follow().text
    assert custodian.send(f"/jobs/{theirs}/priority", when="soon").status_code == 422
    admin = person(house, "admin")
    admin.go("/jobs")
    assert admin.send(f"/jobs/{other}/priority", when="last").status_code == 303
    assert engine.state(other).priority == 9
    custodian.go("/jobs")
    with pytest.raises(KeyError):  # there is no such form for them
        custodian.send(f"/jobs/{other}/priority", when="next")
    assert engine.cancel(theirs)
    admin.go("/jobs")
    with pytest.raises(KeyError):  # it does not wait
        admin.send(f"/jobs/{theirs}/priority", when="next")


def test_a_job_that_is_stopped_says_so_to_the_contributor_and_can_go_on(
    house: House, custodian: Visitor
) -> None:
    contributor = person(house, "contributor")
    capture = captured(house, state="waiting")
    with house.service.database.writing("service", "test") as session:
        session.get_one(Capture, capture).account = contributor.name
    engine, key = house.service.engine, f"model:{capture[-12:]}"
    subject = row(house, Capture, capture).subject
    engine.enqueue(
        "model", key=key, queue="cpu", about=[capture], args={"subject": subject, "captures": [capture]}
    )
    custodian.go("/jobs")
    assert custodian.send(f"/jobs/{key}/cancel").status_code == 303
    assert row(house, Capture, capture).state == "cancelled"
    contributor.go(f"/contributions/{capture[-12:]}")
    assert "Those who run the service stopped it" in contributor.text
    custodian.go("/jobs")
    assert custodian.send(f"/jobs/{key}/again").status_code == 303
    assert (row(house, Capture, capture).state, engine.state(key).status) == ("waiting", "waiting")


# -- what a contributor is told, and asks for ---


def test_the_receipt_names_what_did_not_come(house: House, tmp_path: Path) -> None:
    contributor, arrivals = person(house, "contributor"), house.service.arrivals
    path = photo(tmp_path / "1.jpg", 1)
    who = Uploader(contributor.name, house.service.limits)
    offered = [Offered("1.jpg", path.stat().st_size), Offered("<2>.jpg", 10)]
    made, files = arrivals.begin(who, offered, details=dict(DETAILS))
    made.path(files[0]).write_bytes(path.read_bytes())
    arrivals.finish(contributor.name, made.id, without_missing=True)
    received(house.service, arrivals.received(contributor.name, made.id))
    contributor.go(f"/contributions/{made.id}")
    assert "1 file did not come in whole" in contributor.text and "<li>_2_.jpg</li>" in contributor.text
    assert "/contribute?subject=ark" in contributor.text


def test_a_wish_for_deletion_is_heard_and_answered(house: House, custodian: Visitor, tmp_path: Path) -> None:
    contributor = person(house, "contributor")
    arrived = brought(house.service, [photo(tmp_path / "1.jpg", 1)], account=contributor.name)
    capture = received(house.service, arrived)
    path = f"/contributions/{arrived.contribution.id}"
    contributor.go(path)
    said = {"reason": "My <child> is in it.", "erase": "yes"}
    assert contributor.send(f"{path}/withdraw", **said).status_code == 303
    assert row(house, Capture, capture).state == "withdrawn"
    custodian.go("/review")
    assert "Asks for deletion" in custodian.text and "My &lt;child&gt; is in it." in custodian.text
    answer = f"/review/{capture.removeprefix('ark:/').replace('/', '-')}/deletion"
    assert custodian.send(answer, answer=" ").status_code == 422
    stranger = person(house, "custodian", OTHER)
    assert "Asks for deletion" not in stranger.go("/review").text
    custodian.go("/review")
    assert custodian.send(answer, answer="It is deleted.").status_code == 303
    assert "Asks for deletion" not in custodian.follow().text
    assert "It is deleted." in contributor.go(path).text
    with house.service.database.reading() as session:
        told = session.scalars(select(Rights).where(Rights.of == capture, Rights.kind == "deletion")).one()
    assert told.withdrawn is not None


def test_nobody_reads_the_identifier_of_an_account(house: House, custodian: Visitor) -> None:
    """Who records goes by a pseudonym; who decides by their name, or by what they are."""
    other, admin = person(house, "custodian", OTHER), person(house, "admin")
    with house.service.database.writing("service", "test") as session:
        recorder = Account(name="Secret Name", login="secret", login_key="secret", pseudonym="p-kalyna")
        session.add(recorder)
        session.flush()
        session.add(Grant(account=recorder.id, role="contributor", collection=EVERYWHERE, by="operator"))
    review = in_review(house, captured(house))
    for actor in (custodian.name, other.name, admin.name, recorder.id, "f" * 24):
        with house.service.database.writing(actor, "report condition") as session:
            session.get_one(Review, review).reason = actor[:3]
    shown = custodian.go(f"/audit?of={review}").text
    for words in (
        "p-kalyna",
        "somebody who is not here any more",
        "Custodian · Another",
        "Admin",
        "Person 1",
    ):
        assert words in shown, words
    assert "Secret Name" not in shown
    for one in (custodian.name, other.name, admin.name, recorder.id):
        assert f">{one}<" not in shown and f'href="/audit?actor={one}"' in shown
    only = custodian.go(f"/audit?actor={recorder.id}").text
    assert "Only what was done by:" in only and "<b>p-kalyna</b>" in only
    history = custodian.go(f"/review/{review}").text.split('id="history"')[1]
    assert "p-kalyna" in history and recorder.id not in history
