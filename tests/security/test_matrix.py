"""Who may go where: every route for everybody, against a table that was written by hand.

Routes are read from the application: one that is not in the table fails. The letters:

    +  they may (whatever comes of what they sent)
    L  led to the login        N  refused: it is not theirs to do
    U  not there, for them     F  wants a second factor first
    C  wants to be shown again who they are      (HEAD has no words: F is N there)
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from fastapi import routing

from oberih.catalogue.rebuild import FIRST
from security.crowd import CROWD, Crowd, Person

# nobody, plain | owner, contributor | coordinator here, there | custodian, here, there, one factor |
# partner here, ended | admin, long ago | suspended | tokens: read records, write contributions, write
# records, read originals, places, jobs
TABLE = """
POST    /api/v1/contributions                                  LN ++ ++ +++F NN NN L N+NNNN
GET     /api/v1/contributions                                  LN ++ ++ +++F NN NN L N+NNNN
GET     /api/v1/contributions/{contribution}                   LN +U UU UUUF NN NN L N+NNNN
POST    /api/v1/contributions/{contribution}                   LN +U UU UUUF NN NN L N+NNNN
DELETE  /api/v1/contributions/{contribution}                   LN +U UU UUUF NN NN L N+NNNN
POST    /api/v1/contributions/{contribution}/complete          LN +U UU UUUF NN NN L N+NNNN
POST    /api/v1/contributions/{contribution}/files             LN +U UU UUUF NN NN L N+NNNN
HEAD    /api/v1/contributions/{contribution}/files/{file}      LN +U UU UUUN NN NN L N+NNNN
PATCH   /api/v1/contributions/{contribution}/files/{file}      LN +U UU UUUF NN NN L N+NNNN
DELETE  /api/v1/contributions/{contribution}/files/{file}      LN +U UU UUUF NN NN L N+NNNN
POST    /api/v1/contributions/{contribution}/files/{file}      LN +U UU UUUF NN NN L N+NNNN
OPTIONS /api/v1/contributions/{contribution}/files/{file}      ++ ++ ++ ++++ ++ ++ + ++++++
OPTIONS /api/v1/contributions/{contribution}/files             ++ ++ ++ ++++ ++ ++ + ++++++
POST    /api/v1/exports                                        LN NN NN ++NF +N NN L NNN+NN
GET     /api/v1/exports/{export}                               LN NN NN +UUF UN NN L NNN+NN
GET     /api/v1/exports/{export}/records.zip                   LN NN NN +UUF UN NN L NNN+NN
GET     /api/v1/collections                                    LN NN NN +++F NN ++ L NNNNNN
POST    /api/v1/collections                                    LN NN NN NNNN NN ++ L NNNNNN
GET     /api/v1/collections/{collection}                       LN NN NN ++UF NN ++ L NNNNNN
PUT     /api/v1/collections/{collection}                       LN NN NN ++UF NN ++ L NNNNNN
GET     /api/v1/organisations                                  LN NN NN +++F NN ++ L NNNNNN
POST    /api/v1/organisations                                  LN NN NN NNNN NN ++ L NNNNNN
PUT     /api/v1/organisations/{organisation}                   LN NN NN NNNN NN ++ L NNNNNN
GET     /api/v1/subjects/{naan}/{name}/reports                 LN NN NN ++UF +N NN L +NNNNN
POST    /api/v1/subjects/{naan}/{name}/reports                 LN NN NN ++UF NN NN L NN+NNN
GET     /api/v1/reports/{report}                               LN NN NN ++UF +N NN L +NNNNN
PUT     /api/v1/reports/{report}                               LN NN NN ++UF NN NN L NN+NNN
POST    /contribute                                            LN ++ ++ +++F NN NN L NNNNNN
GET     /contribute                                            LN ++ ++ +++F NN NN L N+NNNN
GET     /contributions                                         L+ ++ ++ ++++ ++ ++ L ++NNNN
GET     /contributions/{contribution}                          LU +U UU UUUU UU UU L ++NNNN
GET     /contributions/{contribution}/progress                 LU +U UU UUUU UU UU L ++NNNN
GET     /contributions/{contribution}/receipt                  LU +U UU UUUU UU UU L ++NNNN
POST    /contributions/{contribution}/cancel                   LU +U UU UUUU UU UU L N+NNNN
POST    /contributions/{contribution}/unnamed                  LU +U UU UUUU UU UU L NNNNNN
POST    /contributions/{contribution}/withdraw                 LU +U UU UUUU UU UU L NNNNNN
GET     /login                                                 ++ ++ ++ ++++ ++ ++ + ++++++
POST    /login                                                 ++ ++ ++ ++++ ++ ++ + ++++++
POST    /login/passkey/options                                 ++ ++ ++ ++++ ++ ++ + ++++++
POST    /login/passkey                                         ++ ++ ++ ++++ ++ ++ + ++++++
GET     /login/with/{provider}                                 UU UU UU UUUU UU UU U UUUUUU
GET     /login/with/{provider}/back                            UU UU UU UUUU UU UU U UUUUUU
GET     /recover                                               ++ ++ ++ ++++ ++ ++ + ++++++
POST    /recover                                               ++ ++ ++ ++++ ++ ++ + ++++++
GET     /recover/{token}                                       ++ ++ ++ ++++ ++ ++ + ++++++
GET     /join                                                  ++ ++ ++ ++++ ++ ++ + ++++++
POST    /join                                                  ++ ++ ++ ++++ ++ ++ + ++++++
POST    /join/passkey/options                                  ++ ++ ++ ++++ ++ ++ + ++++++
POST    /join/passkey                                          ++ ++ ++ ++++ ++ ++ + ++++++
GET     /join/{token}                                          ++ ++ ++ ++++ ++ ++ + ++++++
POST    /join/accept                                           L+ ++ ++ ++++ ++ ++ L NNNNNN
POST    /logout                                                ++ ++ ++ ++++ ++ ++ + ++++++
GET     /confirm                                               L+ ++ ++ ++++ ++ ++ L NNNNNN
POST    /confirm                                               L+ ++ ++ ++++ ++ ++ L NNNNNN
POST    /confirm/passkey/options                               L+ ++ ++ ++++ ++ ++ L NNNNNN
POST    /confirm/passkey                                       L+ ++ ++ ++++ ++ ++ L NNNNNN
GET     /account                                               L+ ++ ++ ++++ ++ ++ L NNNNNN
GET     /account/once/{token}                                  LU UU UU UUUU UU UU L NNNNNN
POST    /account/name                                          L+ ++ ++ ++++ ++ ++ L NNNNNN
POST    /account/sessions/end                                  L+ ++ ++ ++++ ++ ++ L NNNNNN
GET     /account/data                                          L+ ++ ++ ++++ ++ ++ L NNNNNN
POST    /account/leave                                         L+ ++ ++ ++++ ++ ++ L NNNNNN
POST    /account/passkeys/options                              L+ ++ ++ ++++ ++ +C L NNNNNN
POST    /account/passkeys                                      L+ ++ ++ ++++ ++ +C L NNNNNN
POST    /account/passkeys/remove                               L+ ++ ++ ++++ ++ +C L NNNNNN
POST    /account/password                                      L+ ++ ++ ++++ ++ +C L NNNNNN
GET     /account/codes                                         L+ ++ ++ ++++ ++ +C L NNNNNN
POST    /account/codes                                         L+ ++ ++ ++++ ++ +C L NNNNNN
POST    /account/codes/remove                                  L+ ++ ++ ++++ ++ +C L NNNNNN
POST    /account/recovery-codes                                L+ ++ ++ ++++ ++ +C L NNNNNN
POST    /account/tokens                                        L+ ++ ++ ++++ ++ +C L NNNNNN
POST    /account/tokens/remove                                 L+ ++ ++ ++++ ++ ++ L NNNNNN
GET     /review                                                LN NN NN +++F NN NN L +NNNNN
GET     /review/{identifier}                                   LN NN NN ++UF NN NN L NNNNNN
GET     /review/{identifier}/progress                          LN NN NN ++UF NN NN L NNNNNN
GET     /review/{identifier}/model/{draft}                     LN NN NN ++UF NN NN L NNNNNN
GET     /review/{identifier}/files/{path:path}                 LN NN NN ++UF NN NN L NNNNNN
POST    /review/{identifier}                                   LN NN NN ++UF NN NN L NNNNNN
POST    /review/{identifier}/unpublish                         LN NN NN ++UF NN NN L NNNNNN
POST    /review/{identifier}/words                             LN NN NN ++UF NN NN L NNNNNN
GET     /review/{identifier}/photos                            LN NN NN ++UF NN NN L NNNNNN
POST    /review/{identifier}/photos                            LN NN NN ++UF NN NN L NNNNNN
GET     /review/{identifier}/found/{photo}                     LN NN NN ++UF NN NN L NNNNNN
POST    /review/{capture}/deletion                             LN NN NN ++UF NN NN L NNNNNN
GET     /review/{identifier}/known                             LN NN NN ++UF NN NN L NNNNNN
POST    /review/{identifier}/known                             LN NN NN ++UF NN NN L NNNNNN
GET     /review/{identifier}/presentation                      LN NN NN UUUF NN NN L NNNNNN
POST    /review/{identifier}/presentation                      LN NN NN UUUF NN NN L NNNNNN
GET     /register/collections                                  LN NN NN +++F NN ++ L NNNNNN
POST    /register/collections                                  LN NN NN NNNN NN ++ L NNNNNN
GET     /register/collections/{collection}                     LN NN NN ++UF NN ++ L NNNNNN
POST    /register/collections/{collection}                     LN NN NN ++UF NN ++ L NNNNNN
GET     /register/organisations                                LN NN NN +++F NN ++ L NNNNNN
POST    /register/organisations                                LN NN NN NNNN NN ++ L NNNNNN
GET     /register/organisations/{organisation}                 LN NN NN NNNN NN ++ L NNNNNN
POST    /register/organisations/{organisation}                 LN NN NN NNNN NN ++ L NNNNNN
GET     /subjects/{subject}/reports                            LN NN NN ++UF +N NN L +NNNNN
POST    /subjects/{subject}/reports                            LN NN NN ++UF NN NN L NN+NNN
GET     /reports/{report}                                      LN NN NN ++UF +N NN L +NNNNN
POST    /reports/{report}                                      LN NN NN ++UF NN NN L NN+NNN
GET     /zones                                                 LN NN ++ +++F NN NN L NNNNNN
POST    /zones                                                 LN NN ++ +++F NN NN L NNNNNN
POST    /zones/{zone}/end                                      LN NN NN +NNF NN NN L NNNNNN
GET     /jobs                                                  LN NN NN +++F NN ++ L NNNNN+
POST    /jobs/{key}/cancel                                     LN NN NN ++UF NN ++ L NNNNNN
POST    /jobs/{key}/again                                      LN NN NN ++UF NN ++ L NNNNNN
POST    /jobs/{key}/priority                                   LN NN NN ++UF NN ++ L NNNNNN
GET     /people                                                LN NN ++ +++F NN ++ L NNNNNN
POST    /people/invite                                         LN NN +N ++NF NN ++ L NNNNNN
POST    /people/invitations/{link}/revoke                      LN NN +U ++UF NN ++ L NNNNNN
POST    /people/{account}/grant                                LN NN +U ++UF NN ++ L NNNNNN
POST    /people/{account}/revoke                               LN NN +U ++UF NN ++ L NNNNNN
POST    /people/{account}/recovery                             LN NN NU ++UF NN +C L NNNNNN
POST    /people/{account}/suspend                              LN NN NU NNUF NN +C L NNNNNN
POST    /people/{account}/restore                              LN NN NU NNUF NN +C L NNNNNN
GET     /audit                                                 LN NN NN +++F NN ++ L NNNNNN
GET     /healthz                                               ++ ++ ++ ++++ ++ ++ + ++++++
HEAD    /healthz                                               ++ ++ ++ ++++ ++ ++ + ++++++
GET     /metrics                                               LN NN NN +++F NN ++ L NNNNN+
GET     /api/v1/partners.json                                  ++ ++ ++ ++++ ++ ++ + ++++++
POST    /oai                                                   ++ ++ ++ ++++ ++ ++ + ++++++
GET     /{path:path}                                           ++ ++ ++ ++++ ++ ++ + ++++++
HEAD    /{path:path}                                           ++ ++ ++ ++++ ++ ++ + ++++++
"""
STRANGERS = ("/login", "/login/passkey/options", "/login/passkey", "/recover", "/join",
             "/join/passkey/options", "/join/passkey")  # fmt: skip
SCRIPTS = ("/options", "/passkey", "/passkeys")  # how paths end to which a script sends JSON
NO_MORE: Mapping[str, str] = {}
NEVER = 2**30  # a version that there is not
BODIES: Mapping[str, Any] = {  # what ends so gets this
    "/complete": {}, "/exports": {"collection": FIRST}, "/collections": {"titles": {"en": "One more"}},
    "/collections/{collection}": {"titles": {"en": "Another"}, "version": NEVER},
    "/organisations": {"names": {"en": "A museum"}},
    "/organisations/{organisation}": {"names": {"en": "Another"}, "version": NEVER},
    "/{name}/reports": {"assessed": "2026-01-01"},
    "/reports/{report}": {"assessed": "2026-01-01", "version": NEVER},
}  # fmt: skip
FIELDS = {"role": "contributor", "collection": FIRST}


def table() -> dict[str, str]:
    lines = [re.split(r" {2,}", line, maxsplit=2) for line in TABLE.strip().splitlines()]
    return {
        f"{found[0]} {found[1]}": found[2].replace(" ", "")
        for line in lines
        for found in [line if len(line) == 3 else [*line[0].split(" "), line[1]]]
    }


def routes(crowd: Crowd) -> Iterator[str]:
    for one in routing.iter_route_contexts(crowd.house.app.routes):
        for method in one.methods or ():
            yield f"{method} {one.path}"


def outcome(answer: httpx.Response) -> str:
    led = answer.headers.get("Location", "")
    if answer.text and answer.headers.get("Content-Type", "").startswith("application/json"):
        told = answer.json()
        led = told.get("next", "") if isinstance(told, dict) and answer.status_code == 403 else ""
    if answer.status_code == 401 or led.startswith("/login?next="):
        return "L"
    if led.startswith("/confirm?") or "second-factor=yes" in led:
        return "F" if "second-factor=yes" in led else "C"
    if answer.status_code == 403 and (not answer.text or "You may not do this." in answer.text):
        return "N"
    return "U" if answer.status_code == 404 else "+"


def ask(
    crowd: Crowd, who: Person, method: str, path: str, headers: Mapping[str, str] = NO_MORE
) -> httpx.Response:
    """What the route is about is there, in the first collection. What is sent is harmless, or not enough."""
    owner = who.account if who.kind.scope else crowd.people["owner"].account
    named = {
        "contribution": crowd.contributed[owner], "identifier": crowd.review, "path:path": "poster.webp",
        "zone": crowd.zone, "key": crowd.job, "account": crowd.target, "token": "none", "provider": "none",
        "photo": "0", "draft": "1", **crowd.register,
    }  # fmt: skip
    if path == "/{path:path}":
        named["path:path"] = "records/99999/none"
    if "{export}" in path:
        named["export"] = crowd.exports[who.account if who.kind.scope else crowd.people["custodian"].account]
    elif path.startswith("/api/v1/contributions/"):
        named |= crowd.arriving(owner)
    if "{link}" in path:
        named["link"] = crowd.link()
    fields = {**FIELDS, "grant": crowd.grant()} if path.startswith("/people") else FIELDS
    address = path
    for name, value in named.items():
        address = address.replace("{" + name + "}", value)
    sent: dict[str, Any] = {}
    if path.startswith("/api/"):
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "3", "Upload-Offset": "0"}
        kind = {"Content-Type": "application/offset+octet-stream"} if method == "PATCH" else {}
        override = {"X-HTTP-Method-Override": "DELETE"} if method == "POST" and "{file}" in path else {}
        sent = {"headers": {"Accept": "*/*", **tus, **kind, **override}}
        if method in ("POST", "PUT") and not path.endswith("/files") and not override:
            fitting = (body for end, body in BODIES.items() if path.endswith(end))
            sent["json"] = next(fitting, {"files": []})
    elif method == "POST":
        sent = {"json": {"name": "x"}} if path.endswith(SCRIPTS) else {"data": fields}
    sent["headers"] = {**sent.get("headers", {}), **headers}
    return who.ask(method, address, form_word=path in STRANGERS and method == "POST", **sent)


def test_every_route_is_in_the_table(crowd: Crowd) -> None:
    assert sorted(routes(crowd)) == sorted(table())
    assert {len(line) for line in table().values()} == {len(CROWD)}


def test_the_interface_for_programs_is_described_in_whole(crowd: Crowd) -> None:
    told = crowd.people["nobody"].ask("GET", "/api/v1/partners.json").json()
    described = {f"{method.upper()} {path}" for path, one in told["paths"].items() for method in one}
    assert described == {
        route for route, line in table().items() if route.split(" ")[1].startswith("/api/") and line[0] == "L"
    }
    bodies = {"ContributionOffered", "ExportWanted", "CollectionTold", "CollectionChange", "ReportTold"}
    assert bodies <= told["components"]["schemas"].keys()
    assert told["security"] == [{"token": []}]


@pytest.mark.parametrize("route", table())
def test_who_may_go_where(crowd: Crowd, route: str) -> None:
    method, path = route.split(" ")
    found = ""
    for name in CROWD:
        who = crowd.people[name]
        answer = ask(crowd, who, method, path)
        assert answer.status_code < 500, (who.name, answer.text)
        found += outcome(answer)
    if path == "/logout":
        crowd.come_in()
    assert dict(zip(CROWD, found, strict=True)) == dict(zip(CROWD, table()[route], strict=True))
