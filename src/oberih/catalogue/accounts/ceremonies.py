"""What is begun in a browser and finished in it, once, within minutes.

The browser keeps a token; here lie its hash and what is to be compared. To finish is to delete the row, so of
two who finish the same only one does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from oberih.catalogue.accounts.keys import digest, new_token
from oberih.catalogue.accounts.tables import Ceremony
from oberih.catalogue.database import now

__all__ = ["Begun", "begin", "finish"]

TIME = timedelta(minutes=10)


@dataclass(frozen=True)
class Begun:
    """A ceremony that was begun before, and is over now."""

    data: Mapping[str, Any]
    account: str | None


def begin(session: Session, kind: str, data: Mapping[str, Any], account: str | None = None) -> str:
    """Returns the token with which to finish."""
    token = new_token()
    session.add(Ceremony(
        hash=digest(token), kind=kind, account=account, data=dict(data), expires=now() + TIME
    ))  # fmt: skip
    return token


def finish(session: Session, kind: str, token: str) -> Begun | None:
    """None: it was never begun, it took too long, or somebody finished it already."""
    kept = digest(token[:200])
    gone = delete(Ceremony).where(Ceremony.hash == kept, Ceremony.kind == kind)
    found = session.execute(gone.returning(Ceremony.data, Ceremony.account, Ceremony.expires)).one_or_none()
    return Begun(found.data, found.account) if found is not None and now() < found.expires else None
