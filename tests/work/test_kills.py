"""Web process and worker are killed while people use the service: benchmarks/campaign_kills.py in short."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from oberih.catalogue.tables import Capture
from work.aftermath import aftermath
from work.siege import Siege

pytestmark = pytest.mark.xdist_group("kills")


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    made = Siege(tmp_path_factory.mktemp("siege") / "one", random.Random(3), workers=1)
    try:
        made.fire(5, (0.2, 1.5))
        made.settle()
    finally:
        made.end()
    yield made
    made.service.close()


def test_five_kills_lose_nothing_and_do_nothing_twice(siege: Siege, tmp_path: Path) -> None:
    assert siege.kills.total() == 5
    assert sum(one.receipt is not None for one in siege.brought) >= 4
    assert siege.people.troubles == []
    assert aftermath(siege.service, siege.brought, tmp_path) == []


def test_what_is_wrong_is_found(siege: Siege, tmp_path: Path) -> None:
    """What the test above looks for, it sees when it is there."""
    service = siege.service
    one = next(one for one in siege.brought if one.receipt is not None)
    one.files["0.jpg"] += b"more"
    with service.database.writers() as session, session.begin():
        mine = update(Capture).where(Capture.contribution == one.id)
        session.execute(mine.values(state="waiting"))
    service.files.write("1-a/v1/poster.webp", [b"nobody's"])
    service.engine.enqueue("keep", "one more", queue="light")
    told = "\n".join(aftermath(service, siege.brought, tmp_path))
    for words in ("is not what was sent", "is waiting for ever", "one more is waiting", "1 too many",
                  "is not what the ledger says", "the table capture does not come back"):  # fmt: skip
        assert words in told
