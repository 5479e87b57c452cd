"""The event loop, which everybody shares, never waits for the database."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy.orm import Session

from oberih.catalogue.database import Database
from web.office import house_at, person
from web.visitors import URL, Forms, House, Visitor


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house_at(tmp_path_factory.mktemp("threads") / "data")
    yield made
    made.close()


@pytest.fixture
def visitor(house: House, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    """Somebody who contributes, before an application that must not ask the database in its loop."""
    made = person(house, "contributor")
    made.go("/account")
    for name in ("reading", "writing"):
        monkeypatch.setattr(Database, name, in_a_thread(getattr(Database, name)))
    return made


def in_a_thread(work: Any) -> Any:
    def checked(*given: Any, **named: Any) -> AbstractContextManager[Session]:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return work(*given, **named)

    return checked


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/contributions/none", 404),
        ("/nothing", 503),
        ("/review", 403),
        ("/contribute", 200),
    ],
)
def test_what_is_told_of_a_page(visitor: Visitor, path: str, status: int) -> None:
    assert visitor.client.get(path).status_code == status


def test_a_form_that_is_asked_for_again(visitor: Visitor) -> None:
    form = Forms(visitor.go("/contribute").text).found["/contribute"]
    headers = {"Origin": URL, "Referer": f"{URL}/contribute"}
    empty = [("files", ("", b"", "application/octet-stream"))]
    said = {"title": "The mill", "kind": "building"}
    assert (
        visitor.client.post("/contribute", data=form | said, files=empty, headers=headers).status_code == 422
    )
    photo = [("files", ("1.jpg", b"a photo", "image/jpeg"))]
    wrong = {**said, "latitude": "north"}
    assert (
        visitor.client.post("/contribute", data=form | wrong, files=photo, headers=headers).status_code == 422
    )


def test_what_is_sent_without_a_word(visitor: Visitor) -> None:
    headers = {"Origin": URL, "Referer": f"{URL}/account"}
    assert visitor.client.post("/account/name", data={"name": "x"}, headers=headers).status_code == 403


def test_logging_out(visitor: Visitor) -> None:
    visitor.send("/logout")
    assert visitor.page.status_code == 303
