"""`make soak`, second part: an archive whose processes are killed and whose files are damaged.

In rounds: some processes that deposit, describe, copy and heal are killed (kill -9) at random instants; one
check that heals; random bit flips, truncations and deletions over the three replicas, never of the same file
on all; one check that heals. At the end every receipt that was given out is compared with what the archive
holds, byte for byte. Prints the counts; fails if anything was lost, not found or not healed.
"""

import argparse
import shutil
import sys
import time

import harness

sys.path.insert(0, str(harness.HOME / "tests"))
from campaign import begin, damage, finish, kill, recover


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--damages", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None, help="default: from the clock")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else int(time.time()) % 1_000_000
    folder = harness.BUILD / "faults"
    shutil.rmtree(folder, ignore_errors=True)
    campaign, began = begin(folder, seed), time.monotonic()
    print(f"seed {seed}, in {folder}")
    while campaign.kills < options.kills or campaign.damages < options.damages:
        for _ in range(min(25, options.kills - campaign.kills)):
            kill(campaign)
        recover(campaign)
        if campaign.damages < options.damages:
            damage(campaign, min(25, options.damages - campaign.damages))
        print(f"  {time.monotonic() - began:6.0f} s: {campaign.counts}", flush=True)
    finish(campaign)
    for line in campaign.wrong[:20]:
        print(f"WRONG: {line}")
    print(campaign.counts + f"; {len(campaign.wrong)} other complaints.")
    failed = campaign.lost or campaign.silent or campaign.wrong or campaign.healed < campaign.damages
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
