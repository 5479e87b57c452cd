"""What is said of how far something is: no figure that would be a guess."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import oberih
from oberih.i18n import ENGLISH, say
from oberih.web.inside.under_way import WORDS, progress_of
from oberih.web.speech import Speech
from oberih.work.engine import JobState

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
JOB = JobState("model:1", "model", "running", "cpu", 5, "olha", NOW, NOW, None, "depth", 40.0, 100.0, 120.0)


@pytest.mark.parametrize(
    ("job", "share", "left"),
    [
        (JOB, 0.4, "about 2 minutes more for this part"),
        (replace(JOB, done=97.0, left_s=8.0), 0.97, "this part is nearly done"),
        (replace(JOB, done=100.0, left_s=0.0), None, ""),  # the next part has said nothing yet
        (replace(JOB, done=1.0, left_s=900.0), 0.01, ""),  # it has just begun
        (replace(JOB, done=50.0, left_s=4.0), 0.5, ""),  # for four seconds
        (replace(JOB, done=0.0, total=0.0, left_s=None), None, ""),
        (None, None, ""),
    ],
)
def test_no_figure_is_a_guess(job: JobState | None, share: float | None, left: str) -> None:
    told = progress_of(job)
    assert told.share == share
    assert Speech(ENGLISH).left(told.left_s) == left


def test_what_waits_says_why() -> None:
    waits = replace(JOB, status="waiting", started_at=None)
    assert progress_of(waits).words == "It waits for a machine that is free."
    assert progress_of(replace(waits, reason=say("It waits its turn."))).words == "It waits its turn."
    assert progress_of(waits).share is None


STAGE = re.compile(r'(?:progress\.stage\(|"stage": )"([a-z ]+)"')
OF_A_MODEL = ("reconstruct", "products", "work/flow")
NOT_THERE = {"importing", "sending"}  # nobody waits for them on a page


def test_all_that_a_model_goes_through_is_said_in_plain_words() -> None:
    source = Path(oberih.__file__).parent
    files = [path for room in OF_A_MODEL for path in sorted((source / room).rglob("*.py"))]
    stages = {name for path in files for name in STAGE.findall(path.read_text())}
    assert {"features", "mapping", "texture", "faces and plates"} < stages
    assert stages - NOT_THERE - WORDS.keys() == set()
    assert progress_of(JOB).words == "Distances are measured in every photo"
