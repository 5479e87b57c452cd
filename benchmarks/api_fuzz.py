"""Random questions to the service, as everybody who may come: none may be answered with a server error.

    python benchmarks/api_fuzz.py [--minutes 10] [--seed 1] [--database sqlite|postgresql]

Each round asks the interfaces of both sides what their descriptions allow and forbid (schemathesis), as some
of them, and then pages, forms and public addresses at random. The first fault ends it: it says
what was asked and with which seed, and the exit code is 1. Answers of the public side have to be ones
that its description knows.
"""

import argparse
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import harness

sys.path.pop(0)  # this folder, which has a `work` too
sys.path.insert(0, str(harness.HOME / "tests"))
from argon2 import PasswordHasher

from oberih.archive.stores import open_store
from oberih.catalogue.accounts import passwords
from oberih.catalogue.accounts.sessions import csrf_of
from oberih.catalogue.public import publish
from oberih.web.open.app import public_app
from oberih.web.pages import Pages
from public_help import ark, empty_store, made
from security.crowd import Crowd, Person
from security.fuzzing import PageFuzzer, try_interface, try_public_pages
from web.office import house_at
from web.visitors import Client

PAGES, EXAMPLES, PEOPLE = 2000, 10, 3  # of a round
RECORDS = 300


def inner(folder: Path, seed: int) -> Counter[int]:
    """One round of the web process's side."""
    crowd = Crowd(house_at(folder / "data"), folder)
    fuzzer, told = PageFuzzer(crowd, seed), Counter[int]()
    try:
        for who in random.Random(seed).sample(sorted(crowd.people), PEOPLE):
            one = crowd.people[who]
            told += try_interface(
                one.client, crowd.house.app, EXAMPLES, seed, headers=headers_of(one),
                path=crowd.arriving(one.account or crowd.target),
            )  # fmt: skip
        for _ in range(PAGES):
            asked, status, fault = fuzzer.ask()
            told[status] += 1
            assert not fault, (fault, asked)
    finally:
        crowd.close()
    return told


def headers_of(who: Person) -> dict[str, str]:
    who_asks = {"Authorization": f"Bearer {who.token}"} if who.token else {}
    word = {"X-CSRF-Token": csrf_of(who.session)} if who.session else {}
    return {"Tus-Resumable": "1.0.0", **who_asks, **word}


def public(folder: Path, seed: int, database: str) -> Counter[int]:
    """One round of the public process's side."""
    with empty_store(database, folder) as (writer, reader):
        for number in range(RECORDS):
            publish(writer, made(number, seed=seed))
        app = public_app(reader, open_store(folder / "files", create=True), Pages())
        client = Client(app, {}, "192.0.2.1")
        try:
            known = dict(zip(("naan", "name"), ark(1).removeprefix("ark:/").split("/"), strict=True))
            told = try_interface(client, app, EXAMPLES, seed, path=known, conform=True)
            return told + try_public_pages(client, PAGES, seed)
        finally:
            client.close()


def main() -> None:
    reading = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    reading.add_argument("--minutes", type=float, default=10)
    reading.add_argument("--seed", type=int, default=1)
    reading.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = reading.parse_args()
    logging.disable(logging.CRITICAL)
    passwords.HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # type: ignore[misc]
    until, seed, told = time.monotonic() + given.minutes * 60, given.seed, Counter[int]()
    while True:
        with tempfile.TemporaryDirectory(prefix="oberih-fuzz-") as folder:
            try:
                told += inner(Path(folder), seed) + public(Path(folder), seed, given.database)
            except Exception:
                print(f"seed {seed}:", file=sys.stderr)
                raise
        seed += 1
        if time.monotonic() > until:
            break
    statuses = ", ".join(f"{status}: {count:,}" for status, count in sorted(told.items()))
    print(f"{sum(told.values()):,} questions, seeds {given.seed} to {seed - 1}, no server error. {statuses}")


if __name__ == "__main__":
    main()
