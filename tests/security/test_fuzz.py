"""A short campaign of random questions; the long one is benchmarks/api_fuzz.py."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from schemathesis.generation import GenerationMode

from oberih.archive.stores import open_store
from oberih.catalogue.accounts.sessions import csrf_of
from oberih.catalogue.public import publish
from oberih.web.open.app import public_app
from oberih.web.pages import Pages
from public_help import ark, empty_store, made
from security.crowd import Crowd
from security.fuzzing import MARK, VALUES, PageFuzzer, try_interface, try_public_pages, wrong
from web.visitors import Client


@pytest.mark.parametrize("name", ["nobody", "everything"])
def test_the_inner_interface(restless_crowd: Crowd, name: str) -> None:
    who = restless_crowd.people[name]
    modes = tuple(GenerationMode) if name == "everything" else (GenerationMode.POSITIVE,)
    headers = {"Tus-Resumable": "1.0.0"}
    if who.session:
        headers["X-CSRF-Token"] = csrf_of(who.session)
    path = restless_crowd.arriving(who.account or restless_crowd.people["owner"].account)
    assert "/api/v1/collections" in restless_crowd.house.app.openapi()["paths"]  # there is something to try
    told = try_interface(who.client, restless_crowd.house.app, 2, 1, headers=headers, path=path, modes=modes)
    assert (told[401] > 0) == (name == "nobody") and (told[422] > 0) == (name == "everything"), told


def test_pages_and_forms(restless_crowd: Crowd) -> None:
    fuzzer, told = PageFuzzer(restless_crowd, 1), Counter[int]()
    for _ in range(500):
        asked, status, fault = fuzzer.ask()
        told[status] += 1
        assert not fault, (fault, asked)
    assert {200, 303, 403, 404, 409, 422} <= told.keys(), told  # it came into every corner


def test_a_kind_that_there_is_not_is_refused_in_words(restless_crowd: Crowd) -> None:
    who, path = restless_crowd.people["everything"], f"/review/{restless_crowd.review}/words"
    version = re.search(r'name="version" value="(\d+)"', who.ask("GET", path.removesuffix("/words")).text)
    assert version
    answer = who.ask("POST", path, data={"kind": "javascript:alert(1)", "version": version[1]})
    assert answer.status_code == 422 and "javascript:" not in answer.text


def test_the_public_side(tmp_path: Path) -> None:
    with empty_store("sqlite", tmp_path) as (writer, reader):
        for number in range(20):
            publish(writer, made(number))
        app = public_app(reader, open_store(tmp_path / "files", create=True), Pages())
        client = Client(app, {}, "192.0.2.1")
        path = dict(zip(("naan", "name"), ark(1).removeprefix("ark:/").split("/"), strict=True))
        told = try_interface(client, app, 6, 1, path=path, conform=True)
        assert told[200] > 20 and told[404] > 5 and told[422] > 5 and told[303], told
        assert try_public_pages(client, 300, 1)[200] > 50
        client.close()


def test_what_is_wrong_is_noticed() -> None:
    assert wrong(200, {}, "in order") == ""
    assert wrong(507, {}, "no room") == ""
    assert wrong(500, {}, "") == "a server error"
    assert wrong(200, {}, json.dumps("Traceback (most recent call last)")) == "a trace"
    assert wrong(200, {}, f"<p>{next(one for one in VALUES if 'script' in one and '>' in one)}</p>")
    told = {"Content-Type": "application/json", "X-Content-Type-Options": "nosniff"}
    assert not wrong(200, told, json.dumps({"name": MARK})) and wrong(200, {**told, "Content-Type": ""}, MARK)
    assert wrong(303, {"Location": "//evil.example"}, "") == "a way to another site"
    assert wrong(200, {"Content-Security-Policy": "default-src *"}, "") == "no policy"
