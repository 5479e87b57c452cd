"""Processes killed at random instants, files damaged at random: all is found and healed, nothing is lost.

The long form is ``benchmarks/faults.py``, run by ``make soak``.
"""

from pathlib import Path

from campaign import begin, damage, finish, kill, recover


def test_kills_and_damages(tmp_path: Path) -> None:
    campaign = begin(tmp_path, seed=3)
    for _ in range(4):
        for _ in range(10):
            kill(campaign, longest_s=0.25)
        recover(campaign)
        damage(campaign, 15)
    finish(campaign)
    assert campaign.wrong == []
    assert campaign.lost == campaign.silent == 0
    assert campaign.kills == 40 and campaign.damages == campaign.found == campaign.healed > 40
