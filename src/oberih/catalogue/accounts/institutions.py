"""Coming in by an institution that says who its people are (OpenID Connect).

The code flow, with PKCE, state and nonce, bound to the browser by a cookie. Somebody is known by issuer and
subject together; an e-mail address, which others can come by, decides nothing. The institution asks for a
second factor where one is needed: that is its promise to the service's admins.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from oberih.catalogue.accounts.ceremonies import Begun, begin, finish
from oberih.catalogue.accounts.events import note_event
from oberih.catalogue.accounts.fetching import Server
from oberih.catalogue.accounts.gate import Gate, Visit
from oberih.catalogue.accounts.joining import Profile, come_in, hashed, opened
from oberih.catalogue.accounts.keys import digest, network_of, new_token, same
from oberih.catalogue.accounts.limits import Bucket, Limit, slow_down
from oberih.catalogue.accounts.login import CannotEnter
from oberih.catalogue.accounts.sessions import Opened, Present, confirmed, open_session, session_row
from oberih.catalogue.accounts.tables import Account, Identity
from oberih.catalogue.database import Database, now
from oberih.errors import Conflict, NotInArchive
from oberih.settings import ProviderSettings

__all__ = [
    "IdentityRow",
    "Leaving",
    "back_address",
    "begin_institution",
    "finish_institution",
    "institutions_of",
]

SIGNED_BY = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LEEWAY_S = 60  # by which the clocks may differ
AGAIN_S = 300  # since they showed the institution who they are, for dangerous things
LONGEST_SUBJECT = 255  # OpenID Connect Core, 2
BEGINNING = Limit(free=200, first_s=5, worst_s=300, window_s=3600)


@dataclass(frozen=True)
class Leaving:
    """Where to send the browser. ``binding``: a cookie of ten minutes (HttpOnly, SameSite=Lax, Secure)."""

    url: str
    binding: str = field(repr=False)


@dataclass(frozen=True)
class IdentityRow:
    """An institution by which somebody can come in."""

    id: str
    issuer: str
    created: datetime
    used: date | None


def back_address(gate: Gate, provider: str) -> str:
    """Where institutions send people back to: to be registered with them."""
    return f"{gate.origin}/login/with/{provider}/back"


def begin_institution(
    database: Database, gate: Gate, visit: Visit, provider: str, *, token: str = "",
    present: Present | None = None,
) -> Leaving:  # fmt: skip
    """Begin to come in by an institution, or, for who is ``present``, to show again who one is. ``token``: of
    a link.

    Raises `NotInArchive` if there is no such provider, `StoreError` if it is away, `TooManyTries`.
    """
    given = settings_of(gate, provider)
    with database.writing("service", "log in") as session:
        slow_down(session, gate.key, [Bucket(("institution", network_of(visit.address)), BEGINNING)])
    server = Server(given.issuer, development=gate.settings.development)
    about = discovered(server)
    authorize = text_of(server, about, "authorization_endpoint")
    server.checked_origin(authorize)  # a browser goes there, so it may be another server
    verifier, nonce, binding = new_token(), new_token(), new_token()
    data = {
        "provider": provider, "verifier": verifier, "nonce": nonce, "binding": digest(binding),
        "link": hashed(token),
    }  # fmt: skip
    with database.writing("service", "log in") as session:
        state = begin(session, "institution", data, present.who.account if present else None)
    asked = {
        "response_type": "code", "client_id": given.client_id, "redirect_uri": back_address(gate, provider),
        "scope": "openid profile", "state": state, "nonce": nonce,
        "code_challenge": create_s256_code_challenge(verifier), "code_challenge_method": "S256",
        **({"prompt": "login", "max_age": "0"} if present else {}),
    }  # fmt: skip
    return Leaving(f"{authorize}{'&' if '?' in authorize else '?'}{urlencode(asked)}", binding)


def finish_institution(
    database: Database, gate: Gate, visit: Visit, provider: str, binding: str, query: Mapping[str, str], *,
    present: Present | None = None,
) -> Opened:  # fmt: skip
    """They are back. ``binding``: the cookie; ``query``: of the address they came back to.

    Raises `CannotEnter`, `StoreError`, `InputError`, `Conflict`.
    """
    try:
        return finished(database, gate, visit, provider, binding, query, present)
    except CannotEnter:
        with database.writing("service", "log in") as session:
            note_event(session, "refused", gate=gate, visit=visit, note=f"institution {provider}")
        raise


def finished(
    database: Database, gate: Gate, visit: Visit, provider: str, binding: str, query: Mapping[str, str],
    present: Present | None,
) -> Opened:  # fmt: skip
    given = settings_of(gate, provider)
    with database.writing("service", "log in") as session:
        begun = finish(session, "institution", query.get("state", ""))
    if not ours(begun, provider, binding) or begun is None or "code" not in query:
        raise CannotEnter("institution")
    if query.get("iss", given.issuer) != given.issuer:  # RFC 9207: another server's answer
        raise CannotEnter("institution")
    claims = claims_of(gate, provider, given, query["code"], begun)
    if claims is None:
        raise CannotEnter("institution")
    with database.writing("service", "log in") as session:
        known = session.scalar(
            select(Identity).where(Identity.issuer == given.issuer, Identity.subject == claims["sub"])
        )
        if begun.account is not None:
            if present is None or present.who.account != begun.account:
                raise CannotEnter("institution")
            return shown_again(session, gate, visit, present, known, claims)
        if known is not None:
            return entered(session, gate, visit, known)
        return joined(session, gate, visit, begun, given.issuer, claims)


def entered(session: Session, gate: Gate, visit: Visit, known: Identity) -> Opened:
    account = session.get_one(Account, known.account)
    if account.disabled is not None:
        raise CannotEnter("closed")
    known.used = now().date()
    return open_session(session, gate, visit, account, "institution", strong=True)


def joined(
    session: Session, gate: Gate, visit: Visit, begun: Begun, issuer: str, claims: Mapping[str, Any]
) -> Opened:
    """Somebody whom nobody knows yet: by an invitation, or because anybody may register."""
    link = begun.data["link"]
    if not link and gate.settings.registration != "open":
        raise CannotEnter("institution")
    name = claims.get("name")
    known = name[:80] if isinstance(name, str) and name.strip() else "?"
    account, codes = come_in(session, gate, visit, Profile(known), link)
    put_identity(session, account.id, issuer, claims["sub"])
    return opened(session, gate, visit, account, codes, "institution", strong=True)


def shown_again(
    session: Session, gate: Gate, visit: Visit, present: Present, known: Identity | None,
    claims: Mapping[str, Any],
) -> Opened:  # fmt: skip
    row = session_row(session, present)
    at = claims.get("auth_time")
    fresh = isinstance(at, int | float) and time.time() - at < AGAIN_S
    if known is None or known.account != present.who.account or not fresh:
        raise CannotEnter("institution")
    note_event(session, "confirmed", known.account, gate=gate, visit=visit)
    return Opened(known.account, confirmed(row, strong=True), login=present.login)


def put_identity(session: Session, account: str, issuer: str, subject: str) -> None:
    session.add(Identity(account=account, issuer=issuer, subject=subject, used=now().date()))
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict("Somebody else comes in with this already.", "Come in by the institution.") from error


def institutions_of(database: Database, account: str) -> Sequence[IdentityRow]:
    wanted = select(Identity).where(Identity.account == account).order_by(Identity.created, Identity.id)
    with database.reading() as session:
        return [IdentityRow(one.id, one.issuer, one.created, one.used) for one in session.scalars(wanted)]


# -- what the institution says ---


def settings_of(gate: Gate, provider: str) -> ProviderSettings:
    given = gate.settings.providers.get(provider)
    if given is None:
        raise NotInArchive("There is no such institution here.", "Choose one of the list.")
    return given


def ours(begun: Begun | None, provider: str, binding: str) -> bool:
    """Whether this browser began it, with this institution."""
    return (
        begun is not None
        and begun.data["provider"] == provider
        and same(begun.data["binding"], digest(binding[:200]))
    )


def claims_of(
    gate: Gate, provider: str, given: ProviderSettings, code: str, begun: Begun
) -> Mapping[str, Any] | None:
    """What the institution says of the person; None: nothing that can be believed."""
    server = Server(given.issuer, development=gate.settings.development)
    about = discovered(server)
    form = {
        "grant_type": "authorization_code", "code": code[:4096], "redirect_uri": back_address(gate, provider),
        "code_verifier": begun.data["verifier"],
    }  # fmt: skip
    secret = given.client_secret.get_secret_value() if given.client_secret else None
    methods = about.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    basic = secret is not None and "client_secret_basic" in methods
    if not basic:
        form |= {"client_id": given.client_id, **({"client_secret": secret} if secret else {})}
    endpoint = text_of(server, about, "token_endpoint")
    answer = server.post(endpoint, form, (given.client_id, secret) if basic and secret else None)
    token = answer.get("id_token")
    if not isinstance(token, str):
        return None
    keys = keys_of(server.get(text_of(server, about, "jwks_uri")))
    params = {
        "nonce": begun.data["nonce"], "client_id": given.client_id, "access_token": answer.get("access_token")
    }  # fmt: skip
    options = {
        "iss": {"essential": True, "value": given.issuer},
        "aud": {"essential": True, "value": given.client_id},
    }  # fmt: skip
    try:
        signed = jwt.decode(token, keys, algorithms=SIGNED_BY)
        claims = CodeIDToken(signed.claims, signed.header, options, params)
        claims.validate(now=int(time.time()), leeway=LEEWAY_S)
    except (JoseError, ValueError, TypeError):
        return None
    subject = claims.get("sub")
    return claims if isinstance(subject, str) and 0 < len(subject) <= LONGEST_SUBJECT else None


def discovered(server: Server) -> dict[str, Any]:
    """The institution's own description (OpenID Connect Discovery, 4)."""
    about = server.get(f"{server.issuer.rstrip('/')}/.well-known/openid-configuration")
    if about.get("issuer") != server.issuer:
        raise server.unusable()
    return about


def text_of(server: Server, about: Mapping[str, Any], name: str) -> str:
    found = about.get(name)
    if not isinstance(found, str):
        raise server.unusable()
    return found


def keys_of(found: Mapping[str, Any]) -> KeySet:
    """Public keys for signatures; those of kinds that are not known here are left out."""
    given = found.get("keys")
    keys = []
    for one in given if isinstance(given, list) else ():
        if (
            isinstance(one, dict)
            and one.get("kty") in ("RSA", "EC", "OKP")
            and one.get("use", "sig") == "sig"
        ):
            with suppress(JoseError, ValueError, TypeError, KeyError):
                keys.append(import_key(one))
    return KeySet(keys)
