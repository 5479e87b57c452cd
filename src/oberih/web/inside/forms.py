"""What somebody sent, with a form or with a script of our pages."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from oberih.errors import InputError
from oberih.web.inside.desk import WrongForm, form_of

__all__ = ["Given", "InForm", "InJson", "in_json", "own_path"]

LONGEST_PATH = 1000  # letters


@dataclass(frozen=True)
class Given:
    """Fields of a form, or of a script's JSON. What is missing, or no text, is empty."""

    fields: Mapping[str, Any]

    def __call__(self, name: str) -> str:
        found = self.fields.get(name, "")
        return found if isinstance(found, str) else ""

    def all(self, name: str) -> list[str]:
        """Of check boxes."""
        found = self.fields.get(name, [])
        return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, str)]

    @property
    def next(self) -> str:
        return own_path(self("next"))

    @property
    def credential(self) -> str:
        """The passkey's answer, as JSON."""
        return json.dumps(self.fields.get("credential"))


async def in_form(request: Request) -> Given:
    form = await form_of(request)
    return Given({name: many[0] if len(many := form.getlist(name)) == 1 else many for name in form})


async def in_json(request: Request) -> Given:
    """Only as JSON: other sites' forms cannot send that."""
    if not request.headers.get("Content-Type", "").startswith("application/json"):
        raise WrongForm
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError("This is no JSON object.", "Try again from the page.")
    return Given(found)


InForm = Annotated[Given, Depends(in_form)]
InJson = Annotated[Given, Depends(in_json)]


def own_path(address: str) -> str:
    """``address`` if it is a path of our own site, else "/": so nobody is led away by a link to the login."""
    plain = address.isascii() and address.isprintable() and " " not in address and "\\" not in address
    ours = address.startswith("/") and not address.startswith("//")
    return address if plain and ours and len(address) <= LONGEST_PATH else "/"
