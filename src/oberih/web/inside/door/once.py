"""Secrets that are shown once: they wait, sealed, for a few minutes, until their page is asked for."""

import base64
import json
from dataclasses import asdict
from datetime import datetime

from oberih.catalogue.accounts.ceremonies import begin, finish
from oberih.errors import NotInArchive
from oberih.web.inside.desk import Desk
from oberih.web.inside.door.threshold import Me
from oberih.web.views import OncePage

__all__ = ["shown_once", "take_once"]

KIND = "shown once"


def shown_once(desk: Desk, account: str, page: OncePage) -> str:
    """Keep a page for its one showing to ``account``. Returns the path where it is shown."""
    told = asdict(page) | {"expires": page.expires.isoformat() if page.expires else ""}
    sealed = desk.gate.key.seal(json.dumps(told), purpose(account))
    with desk.service.database.writing(account, KIND) as session:
        token = begin(session, KIND, {"sealed": base64.b64encode(sealed).decode()}, account)
    return f"/account/once/{token}"


def take_once(me: Me, token: str) -> OncePage:
    """The page, for the first and last time. Raises `NotInArchive`."""
    with me.database.writing(me.who.actor, KIND) as session:
        begun = finish(session, KIND, token)
    if begun is None or begun.account != me.who.account:
        raise NotInArchive(
            "This page is shown only once.",
            "If you kept what stood here, all is well. If not: in your account you can make new ones.",
        )
    told = json.loads(
        me.desk.gate.key.opened(base64.b64decode(begun.data["sealed"]), purpose(me.who.account))
    )
    expires = datetime.fromisoformat(told["expires"]) if told["expires"] else None
    return OncePage(
        told["kind"], tuple(told["secrets"]), told["name"], expires, told["next"], told.get("needs", "")
    )


def purpose(account: str) -> str:
    return f"{KIND} {account}"
