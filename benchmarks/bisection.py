"""Bisection over HTTP: two services that differ in the true places only, asked by somebody who guesses well.

    .venv/bin/python benchmarks/bisection.py [--questions 10000] [--whole]

Questions end at true places: boxes, tiles, cells, searches, facets, pages, words, records, what is near; as
programs and as people ask them, with ETags and next pages. Status, headers (but for the date) and bytes of
both have to be the same. A third service, in which one place lies in another cell, shows that a difference
would be noticed. ``--whole``: all of `oberih serve` stands before the public process. Exit code 1 if anything
tells two places within one cell apart, or the third goes unnoticed.
"""

import argparse
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx

import harness

sys.path.pop(0)  # this folder, in which other modules have these names
sys.path.insert(0, str(harness.HOME / "tests"))
from attacks.bisection import COUNT, Side, Truth, answers, filled, public_side, question, truths
from web.served import Served

PLACE = harness.BUILD / "bisection"
NOTICED = 500  # questions to the third service


@contextmanager
def service(folder: Path, places: Sequence[Truth], seed: int, *, whole: bool) -> Iterator[Side]:
    """A service with these places, which became public in an order of its own."""
    folder.mkdir(parents=True)
    data = folder / "data"
    with filled(data, places, random.Random(seed).sample(range(COUNT), COUNT)):
        pass
    if not whole:
        with public_side(data) as side:
            yield side
        return
    served = Served(data, OBERIH_WORKERS="0", OBERIH_URL="http://heritage.example")
    try:
        assert served.ready(), served.told()
        with httpx.Client(base_url=served.url, timeout=60) as client:
            yield Side(client, data)
    finally:
        served.end()


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    reader.add_argument("--questions", type=int, default=10_000)
    reader.add_argument("--whole", action="store_true")
    given = reader.parse_args()
    shutil.rmtree(PLACE, ignore_errors=True)
    one = truths(7)
    other = truths(8, beside=one)
    which = next(number for number, each in enumerate(one) if each.asked == "10 km")
    moved = [replace(each, latitude=each.latitude + 0.2 * (n == which)) for n, each in enumerate(one)]
    kinds: Counter[str] = Counter()
    told: Counter[int] = Counter()
    different: list[int] = []
    began = time.monotonic()
    with ExitStack() as stack:
        first, second, third = (
            stack.enter_context(service(PLACE / str(n), places, n, whole=given.whole))
            for n, places in enumerate((one, other, moved))
        )
        known = [*one, *other]
        for number in range(given.questions):
            ours, theirs = (answers(side, random.Random(number), known) for side in (first, second))
            different += [number] if ours != theirs else []
            told.update(part[0] for part in ours)
            rng = random.Random(number)
            kinds[kind_of(question(rng, rng.choice(known)))] += 1
        around = [one[which], moved[which]]
        noticed = sum(
            answers(first, random.Random(n), around) != answers(third, random.Random(n), around)
            for n in range(NOTICED)
        )
    seconds = time.monotonic() - began
    good = not different and noticed > NOTICED / 20
    rows = [[kind, count] for kind, count in sorted(kinds.items())]
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(told.items()))
    through = ", through all of `oberih serve`" if given.whole else ""
    met = "met" if good and given.questions >= 10_000 else "MISSED"
    text = f"""# Bisection

{harness.machine()}

{given.questions} questions to two services of {COUNT} records whose true places differ within their
cells{through}: **{len(different)} answers differ**. With one place in another cell, {noticed} of
{NOTICED} do.

{harness.table(["asked", "questions"], rows)}

Answers of each: {statuses}. It took {seconds:.0f} s.

Bar: 0 differences in 10,000 questions: {met}."""
    record = {
        "questions": given.questions, "whole": given.whole, "different": different, "noticed": noticed,
        "kinds": dict(kinds), "statuses": {str(status): count for status, count in told.items()},
        "seconds": round(seconds),
    }  # fmt: skip
    harness.keep("bisection", record, text)
    return 0 if good else 1


def kind_of(path: str) -> str:
    """What an address asks for."""
    bare = path.partition("?")[0]
    if bare.startswith("/api/v1/records/"):
        return "near" if bare.endswith("/near") else "a record"
    named = {"/api/v1/map": "map", "/api/v1/suggest": "words", "/": "page: search"}
    if bare == "/api/v1/records":
        return "records of a cell" if "cell=" in path else "search"
    return named.get(bare, "page: a record" if bare.startswith("/records") else "a file")


if __name__ == "__main__":
    sys.exit(main())
