"""How many machines a campaign needs, computed from what the other benchmarks measured: docs/capacity.md.

    python benchmarks/capacity.py            # after sets.py, products.py, redaction.py, uploads.py

Nothing is measured here. A capture is taken to be `PHOTOS` photos of `MEGABYTES` each; the photo sets are of
3 to 6 megapixels, and of larger ones `standard` looks at as much.
"""

import json
import math
import re
import sys
from typing import Any

from harness import HOME, RESULTS, machine, need, table

PHOTOS, MEGABYTES = 60, 4.0
BUSY = 0.6  # share of the time that cores work: captures come by day, and people want to see theirs
CORES = 16  # of a machine
COPIES = 3  # of the archive
PEAK = 5.0  # the busiest hour against the mean
CAMPAIGNS = (10, 100, 400, 1_000, 3_500, 10_000)  # captures a day
JOB_GIB = 4.0  # memory for one reconstruction


PAGE = """\
# How many machines a campaign needs

Made by `benchmarks/capacity.py` from measured figures ({machine}).
Backup Ukraine took in 35,000 captures: 100 a day for a year, or 400 a day for three months.

{machines}

A capture is {photos} photos of {megabytes:.0f} MB, reconstructed once with the preset `standard`,
without a graphics card. Cores are busy {busy:.0%} of the time: captures come by day. A new capture of a
known subject takes its photos and all that are there already; count it as the sum.

## What one capture costs

{costs}

One reconstruction took {memory:.1f} GiB at most in these sets; plan {job:.0f} GiB for each that runs at the
same time (`jobs_at_once`), and room for twice a capture's photos on the worker's disk. The catalogue is no
bottleneck ([search](../benchmarks/results/search.md), [queue](../benchmarks/results/work.md)).
Custodians are one: at five minutes for a review, one of them looks
at about 90 in a day.

## How to grow

1. One machine, `oberih serve`: SQLite and a folder. Add stores elsewhere before anything else.
2. The same with more workers: `workers` and `jobs_at_once` in the settings.
3. PostgreSQL and S3, `oberih serve` with `workers = 0`, and `oberih worker` on as many machines as the
   table says ([how](service.md)). Workers hold nothing that cannot be lost: they may be rented by the
   day, and what one
   that died was at goes on elsewhere within a minute.
"""


def result(name: str) -> Any:
    return json.loads(need(RESULTS / f"{name}.json").read_bytes())


def redaction_s() -> float:
    """CPU-seconds for faces and plates in a photo: the mean over the photos of the table."""
    rows = re.findall(
        r"^\| \S+\.\w+ \|.*\| ([\d.]+) \| ([\d.]+) \|$",
        need(RESULTS / "redaction.md").read_text(),
        re.MULTILINE,
    )
    return sum(float(find) + float(hide) for find, hide in rows) / len(rows)


def main() -> int:
    sets = [one for one in result("sets-standard")["sets"] if one.get("used")]
    per_photo = sum(one["cpu_s"] for one in sets) / sum(one["used"] for one in sets)
    memory = max(one["peak_bytes"] for one in sets) / 2**30
    products, redaction = result("products"), redaction_s()
    upload = max(float(row[3]) for row in result("uploads")["arriving"]) * PHOTOS * MEGABYTES / 1000
    parts = {
        f"reconstruction, `standard`, {PHOTOS} photos of {per_photo:.1f} CPU-s": PHOTOS * per_photo,
        f"faces and plates, {PHOTOS} photos of {redaction:.1f} CPU-s": PHOTOS * redaction,
        "public files": products["cpu_s"],
        "upload, with SHA-256": upload,
    }
    capture = sum(parts.values())
    public_gb = sum(products["files"].values()) / 1e9
    originals_gb = PHOTOS * MEGABYTES / 1000
    rows = []
    for count in CAMPAIGNS:
        cores = count * capture / 86_400 / BUSY
        workers = f"{math.ceil(cores / CORES)} workers"
        line = count * originals_gb * 8000 / 86_400 * PEAK
        kept = count * 30 * (originals_gb + public_gb) * COPIES / 1000
        rows.append([
            f"{count:,}", f"{cores:,.1f}", "one for everything" if cores <= CORES else workers,
            f"{count * originals_gb:,.0f}", f"{line:,.0f}", f"{kept:,.1f}",
        ])  # fmt: skip
    head = ["captures a day", "cores", f"machines of {CORES} cores", "GB a day arriving",
            "Mbit/s in the busiest hour", f"TB a month, {COPIES} copies"]  # fmt: skip
    costs = [[name, f"{value:,.0f}"] for name, value in parts.items()]
    costs.append(["**all**", f"**{capture:,.0f}**"])
    text = PAGE.format(
        machine=machine(), machines=table(head, rows), costs=table(["", "CPU-seconds"], costs), photos=PHOTOS,
        megabytes=MEGABYTES, busy=BUSY, memory=memory, job=JOB_GIB,
    )  # fmt: skip
    (HOME / "docs/capacity.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
