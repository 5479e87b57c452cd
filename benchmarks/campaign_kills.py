"""Web process and workers killed (SIGKILL) at random moments of the whole way, from upload to withdrawal.

    .venv/bin/python benchmarks/campaign_kills.py [--kills 200] [--seed 1] [--postgres]

A real `oberih serve` with two workers; four contributors and a custodian over HTTP, who try again when nobody
answers. Reconstructing and what would be public are stand-ins of a fraction of a second (see
tests/work/standin.py): what is tested is that nothing is lost or done twice, not what is computed. Writes
results/campaign_kills.md, and ends with 1 if anything of what tests/work/aftermath.py checks is wrong.
"""

import argparse
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from sqlalchemy import make_url

import harness

sys.path.remove(str(Path(__file__).parent))  # work.py here is not what is meant below
sys.path.insert(0, str(harness.HOME / "tests"))
from postgres import fresh_database
from work.aftermath import aftermath
from work.siege import Siege

CHECKED = """
Checked at the end: every acknowledged upload is in the archive once, with equal bytes; what people were told
is done is done, and nothing is worked on for ever; no job failed or is left; each capture and model of the
archive is one of the catalogue, and the other way round; what is to be public is, in its version and with all
its files, nothing was published twice, nothing withdrawn is public; the ledger has every version of every
row, lies in the archive, and the catalogue comes back from it; no upload waits, and no draft is left.
"""
PAUSE_S = (0.2, 3.0)  # from when the killed processes are back to the next kill


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--kills", type=int, default=200)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--postgres", action="store_true", help="the catalogue and the work on PostgreSQL")
    given = asked.parse_args()
    settings = {}
    if given.postgres:
        url = make_url(fresh_database())
        reader = url.set(username=f"reader_{url.database}", password=secrets.token_hex(8))
        settings = {
            "database_url": url.render_as_string(hide_password=False),
            "public_database_url": reader.render_as_string(hide_password=False),
        }
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="oberih-kills-"))
    siege = Siege(folder / "siege", random.Random(given.seed), settings=settings)
    try:
        siege.fire(given.kills, PAUSE_S)
        siege.settle()
    finally:
        siege.end()
    wrong = [*siege.people.troubles, *aftermath(siege.service, siege.brought, folder)]
    siege.service.close()
    if not wrong:
        shutil.rmtree(folder)  # else somebody wants to look at it
    text = told(siege, wrong, given, time.monotonic() - began)
    name = "campaign_kills_postgres.md" if given.postgres else "campaign_kills.md"
    if given.kills >= 200:
        (harness.RESULTS / name).write_text(text)
    print(text)
    sys.exit(1 if wrong else 0)


def told(siege: Siege, wrong: list[str], given: argparse.Namespace, seconds: float) -> str:
    acknowledged = sum(one.receipt is not None for one in siege.brought)
    wishes = Counter(one.wish for one in siege.brought if one.done)
    rows = [
        ("kills", f"{siege.kills.total()} ({siege.kills['web']} web, {siege.kills['worker']} workers)"),
        ("contributions that were begun", len(siege.brought)),
        ("... acknowledged with a receipt", acknowledged),
        ("... seen through to the end", sum(wishes.values())),
        *((f"... of them: {wish}", count) for wish, count in sorted(wishes.items())),
        ("time (min)", f"{seconds / 60:.0f}"),
        ("wrong", len(wrong)),
    ]
    phases = [(phase, count) for phase, count in siege.under_way.most_common()]
    database = "PostgreSQL" if given.postgres else "SQLite"
    return "\n".join([
        f"# {siege.kills.total()} kills over the whole way ({database})\n",
        f"{harness.machine()}; seed {given.seed}.\n",
        harness.table(("what", "count"), rows),
        "\nWhat was under way at the kills (several people at a time):\n",
        harness.table(("what", "kills"), phases),
        CHECKED,
        *(f"- WRONG: {one}" for one in wrong),
        "",
    ])  # fmt: skip


if __name__ == "__main__":
    main()
