"""Contributing with a browser that runs no scripts: one form, and the same receipt as everybody's."""

import hashlib
import json
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from oberih.catalogue.accounts import Gate, Visit
from oberih.catalogue.accounts.sessions import open_session
from oberih.catalogue.accounts.tables import Account
from oberih.catalogue.tables import Capture, Place, Rights, Subject
from oberih.web.inside.app import inner_app
from oberih.work.arrivals import Limits
from web.browser import chromium, serving
from web.office import captured, house_at, person
from web.visitors import URL, Forms, House, Visitor
from work.site import photo

SAID = {"title": "The mill", "kind": "building", "licence": "cc-by-4.0", "consent": ["own", "keep"]}
BOUNDARY = "one-and-another"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house_at(tmp_path_factory.mktemp("plain") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    return [photo(folder / name, number) for number, name in enumerate(("млин.jpg", "2.jpg"), 1)]


@pytest.fixture
def visitor(house: House) -> Visitor:
    return person(house, "contributor")


def hand_in(visitor: Visitor, files: list[Path], path: str = "/contribute", **said: Any) -> httpx.Response:
    """Fill in the page and send it, as a browser does: the word of the form first."""
    form = Forms(visitor.go(path).text).found["/contribute"]
    sent = [("files", (one.name, one.read_bytes(), "image/jpeg")) for one in files]
    sent = sent or [("files", ("", b"", "application/octet-stream"))]
    headers = {"Origin": URL, "Referer": f"{URL}/contribute"}
    visitor.page = visitor.client.post("/contribute", data=form | SAID | said, files=sent, headers=headers)
    return visitor.page


def captures_of(house: House, visitor: Visitor) -> list[Capture]:
    with house.service.database.reading() as session:
        return list(session.scalars(select(Capture).where(Capture.account == visitor.name)))


def left_of(house: House, visitor: Visitor) -> list[str]:
    """What lies among the uploads of somebody."""
    folder = house.service.arrivals.folder / visitor.name
    return [path.name for path in folder.iterdir() if path.name != "lock"] if folder.exists() else []


def test_a_form_becomes_a_contribution_with_a_receipt(
    house: House, visitor: Visitor, photos: list[Path]
) -> None:
    answer = hand_in(visitor, photos, note="built\r\nby hand", latitude="50,1", longitude="30.2")
    assert answer.status_code == 303, answer.text
    assert "All files arrived" in visitor.follow().text and "The mill" in visitor.text
    address = visitor.page.url.path
    told = visitor.go(f"{address}/receipt").json()
    for one, path in zip(told["files"], sorted(photos), strict=True):
        assert (one["name"], one["size"]) == (path.name, path.stat().st_size)
        assert one["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    (capture,) = captures_of(house, visitor)
    assert (capture.title, capture.note, capture.files) == ("The mill", "built\nby hand", 2)
    with house.service.database.reading() as session:
        place = session.get_one(Place, capture.id)
        rights = session.scalars(select(Rights.uri).where(Rights.of == capture.id)).all()
        thing = session.get_one(Subject, capture.subject)
    assert (place.latitude_deg, place.longitude_deg, thing.description["titles"]) == (
        50.1,
        30.2,
        {"en": "The mill"},
    )
    assert sorted(rights) == ["https://creativecommons.org/licenses/by/4.0/", "keep", "own"]
    assert house.service.engine.state(f"ingest:{capture.contribution}").status == "waiting"


@pytest.mark.parametrize(
    ("free", "said"),
    [
        (0, "There is no room here for more files just now."),
        (10_345_678_901, "There is not much room here just now."),
        (99 << 30, ""),
    ],
)
def test_how_much_room_the_disk_has_is_told_to_nobody(
    house: House, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, free: int, said: str
) -> None:
    room = house.service.arrivals.keep_free + free
    monkeypatch.setattr("oberih.web.inside.contributions.free_bytes", lambda _: room)
    page = visitor.go("/contribute").text
    assert said in page and ("room here" in page) == bool(said)
    assert f'data-bytes="{50 * 10**9}"' in page and "10.3" not in page and "10345" not in page


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"consent": "own"}, "only if you agree to the first two points"),
        ({"licence": "mine"}, "Choose what others may do with it"),
        ({"latitude": "91", "longitude": "0"}, "Fill it in again"),
        ({"note": "x" * 70_000}, "too long"),
        ({"subject": "ark:/99999/nothing"}, "is not known here"),
    ],
)
def test_what_is_not_whole_is_asked_for_again_and_leaves_nothing(
    house: House, visitor: Visitor, photos: list[Path], said: dict[str, str], words: str
) -> None:
    assert hand_in(visitor, photos[:1], **said).status_code == 422
    assert words in visitor.text
    assert (left_of(house, visitor), captures_of(house, visitor)) == ([], [])


def test_no_licence_is_chosen_for_anybody(house: House, visitor: Visitor, photos: list[Path]) -> None:
    visitor.go("/contribute")
    assert 'name="licence"' in visitor.text and "checked" not in visitor.text
    assert hand_in(visitor, photos[:1], licence="").status_code == 422
    assert 'href="#licence">Choose what others may do with it' in visitor.text
    assert 'value="The mill"' in visitor.text and visitor.text.count("checked") == 2  # "own" and "keep"
    assert (left_of(house, visitor), captures_of(house, visitor)) == ([], [])


def test_a_form_without_files_or_with_an_empty_one(house: House, visitor: Visitor, tmp_path: Path) -> None:
    (tmp_path / "0.jpg").touch()
    assert hand_in(visitor, [tmp_path / "0.jpg"]).status_code == 422
    assert "0.jpg is empty" in visitor.text and 'value="The mill"' in visitor.text
    assert hand_in(visitor, []).status_code == 422
    assert "No files came" in visitor.text and left_of(house, visitor) == []


def test_the_limits_are_those_of_every_upload(
    house: House, visitor: Visitor, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for limits in (Limits(files=1), Limits(file_bytes=100), Limits(contribution_bytes=1000),
                   Limits(account_bytes=1000), Limits(contributions=0)):  # fmt: skip
        monkeypatch.setitem(vars(house.service), "limits", limits)
        assert hand_in(visitor, photos).status_code == 413, limits
        assert left_of(house, visitor) == []


def multipart(csrf: str, parts: int, size: int = 1 << 20) -> Iterator[bytes]:
    """A form with one large file, in pieces; it never ends if ``parts`` are not followed by the end."""
    yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{csrf}\r\n'.encode()
    for name, value in (("licence", "cc0-1.0"), ("consent", "own"), ("consent", "keep")):
        yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    head = 'Content-Disposition: form-data; name="files"; filename="1.mov"\r\nContent-Type: video/quicktime'
    yield f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode()
    for number in range(parts):
        yield bytes([number % 251]) * size


END = f"\r\n--{BOUNDARY}--\r\n".encode()


def send(visitor: Visitor, pieces: list[Any], length: int) -> tuple[httpx.Response, int]:
    """Send pieces as the server asks for them. The answer, and how many it took."""
    taken = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal taken
        for one in pieces:
            taken += 1
            yield one() if callable(one) else one

    headers = {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Content-Length": f"{length}",
        "Origin": URL, "Referer": f"{URL}/contribute",
    }  # fmt: skip
    return visitor.client.request("POST", "/contribute", content=body(), headers=headers), taken


def test_a_large_file_is_never_in_memory(house: House, visitor: Visitor) -> None:
    csrf = Forms(visitor.go("/contribute").text).csrf
    small = list(multipart(csrf, 0))
    pieces = [*small, *([lambda: bytes(1 << 20)] * 64), END]
    tracemalloc.start()
    answer, _ = send(visitor, pieces, sum(map(len, small)) + (64 << 20) + len(END))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status_code == 303, answer.text
    assert peak < 16 << 20
    told = json.loads(visitor.go(f"{answer.headers['Location']}/receipt").text)
    assert told["files"][0]["sha256"] == hashlib.sha256(bytes(64 << 20)).hexdigest()


def test_without_the_word_of_our_page_no_byte_is_taken(house: House, visitor: Visitor) -> None:
    visitor.go("/contribute")
    pieces = [*multipart("0" * 64, 40), END]
    answer, taken = send(visitor, pieces, sum(map(len, pieces)))
    assert answer.status_code == 403 and "This page is too old" in answer.text
    assert taken < 10 and left_of(house, visitor) == []


def test_a_form_that_breaks_off_leaves_nothing(house: House, visitor: Visitor) -> None:
    pieces = list(multipart(Forms(visitor.go("/contribute").text).csrf, 3))
    answer, _ = send(visitor, pieces, sum(map(len, pieces)) + len(END))
    assert answer.status_code == 422 and "did not come in whole" in answer.text
    assert (left_of(house, visitor), captures_of(house, visitor)) == ([], [])


def test_what_is_no_form_with_files_is_refused(visitor: Visitor) -> None:
    word = Forms(visitor.go("/contribute").text).csrf
    for kind in ("multipart/form-data", f"multipart/form-data; boundary={'x' * 300}", "image/jpeg", ""):
        headers = {"Content-Type": kind, "Origin": URL, "X-CSRF-Token": word}
        assert visitor.client.post("/contribute", content=b"abc", headers=headers).status_code == 422
        assert visitor.client.post("/contribute", content=b"abc", headers={"Origin": URL}).status_code == 403


def test_somebody_adds_to_what_they_recorded_before_and_to_nothing_hidden(
    house: House, visitor: Visitor, photos: list[Path]
) -> None:
    assert hand_in(visitor, photos).status_code == 303
    (first,) = captures_of(house, visitor)
    path = f"/contribute?subject={first.subject}"
    assert "You add to a thing" in visitor.go(path).text and "The mill" in visitor.text
    assert hand_in(visitor, photos[:1], path, title="").status_code == 303
    assert {one.subject for one in captures_of(house, visitor)} == {first.subject}
    hidden = captured(house, title="A secret mill")
    with house.service.database.reading() as session:
        subject = session.get_one(Capture, hidden).subject
    visitor.go(f"/contribute?subject={subject}")
    assert "is not known here" in visitor.text and "A secret mill" not in visitor.text


def test_a_real_browser_without_scripts(house: House, photos: list[Path]) -> None:
    somebody = person(house, "contributor")
    database, told = house.service.database, house.app.state.desk.gate
    gate = Gate(told.key, house.service.settings, "http://localhost")
    with database.writing("service", "test") as session:
        account = session.get_one(Account, somebody.name)
        opened = open_session(session, gate, Visit(), account, "passkey", strong=True)
    with serving(inner_app(house.service, gate)) as address, chromium() as browser:
        window = browser.new_context(
            java_script_enabled=False, locale="en", viewport={"width": 360, "height": 740}
        )
        window.add_cookies([{"name": "session", "value": opened.token, "url": address}])
        page = window.new_page()
        page.goto(f"{address}/contribute")
        page.get_by_text("Without JavaScript").wait_for()
        page.set_input_files("input[name=files]", photos)
        page.fill("#title", "The mill")
        page.check("input[value='cc-by-4.0']")
        for consent in ("own", "keep"):
            page.check(f"input[name=consent][value={consent}]")
        page.click("[data-send]")
        page.wait_for_url("**/contributions/*")
        page.get_by_text("All files arrived").wait_for()
    (capture,) = captures_of(house, somebody)
    assert (capture.title, capture.files) == ("The mill", 2)


def test_only_people_who_record_hand_in(house: House, photos: list[Path]) -> None:
    somebody = person(house)
    sent = [("files", ("1.jpg", photos[0].read_bytes(), "image/jpeg"))]
    word = {"csrf": Forms(somebody.go("/account").text).csrf}
    headers = {"Origin": URL}
    assert somebody.client.post("/contribute", data=word, files=sent, headers=headers).status_code == 403
    stranger = house.visitor()
    assert stranger.client.post("/contribute", data=word, files=sent, headers=headers).status_code == 401
