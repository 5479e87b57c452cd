"""Passkeys: a browser with a (virtual) authenticator joins and logs in; webauthn's own library judges it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import webauthn
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from webauthn.helpers.structs import AuthenticatorSelectionCriteria, ResidentKeyRequirement

from oberih.web.pages import Pages, StaticPages
from oberih.web.views import JoinPage, LoginPage
from web.browser import chromium, serving

HOST = "localhost"


class House:
    """Somebody who lets people with passkeys in."""

    def __init__(self) -> None:
        pages = Pages()
        self.sent: list[dict[str, Any]] = []
        self.refusal: JSONResponse | None = None
        self.credential, self.key, self.challenge = b"", b"", b""
        self.app = Starlette(
            routes=[
                Mount("/static", StaticPages()),
                Route(
                    "/join", lambda request: pages.response(request, JoinPage("registration", shortest=10))
                ),
                Route("/login", lambda request: pages.response(request, LoginPage("/welcome"))),
                Route("/welcome", lambda _: Response("welcome")),
                Route("/confirm", lambda _: Response("show who you are")),
                Route("/join/passkey/options", self.join_options, methods=["POST"]),
                Route("/join/passkey", self.join, methods=["POST"]),
                Route("/login/passkey/options", self.login_options, methods=["POST"]),
                Route("/login/passkey", self.login, methods=["POST"]),
            ]
        )

    def told(self, options: Any) -> Response:
        self.challenge = options.challenge
        return JSONResponse({"challenge": "c1", "options": json.loads(webauthn.options_to_json(options))})

    async def join_options(self, request: Request) -> Response:
        self.sent.append(await request.json())
        wanted = AuthenticatorSelectionCriteria(resident_key=ResidentKeyRequirement.REQUIRED)
        return self.refusal or self.told(
            webauthn.generate_registration_options(
                rp_id=HOST, rp_name="Oberih", user_name=self.sent[-1]["name"], authenticator_selection=wanted
            )
        )

    async def join(self, request: Request) -> Response:
        self.sent.append(await request.json())
        made = webauthn.verify_registration_response(
            credential=self.sent[-1]["credential"],
            expected_challenge=self.challenge,
            expected_rp_id=HOST,
            expected_origin=str(request.base_url).rstrip("/"),
        )
        self.credential, self.key = made.credential_id, made.credential_public_key
        return JSONResponse({"next": "/welcome"})

    async def login_options(self, _: Request) -> Response:
        return self.told(webauthn.generate_authentication_options(rp_id=HOST))

    async def login(self, request: Request) -> Response:
        self.sent.append(await request.json())
        webauthn.verify_authentication_response(
            credential=self.sent[-1]["credential"],
            expected_challenge=self.challenge,
            expected_rp_id=HOST,
            expected_origin=str(request.base_url).rstrip("/"),
            credential_public_key=self.key,
            credential_current_sign_count=0,
        )
        return JSONResponse({"next": self.sent[-1]["next"]})


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def page(browser: Browser, house: House) -> Iterator[Page]:
    """A window with an authenticator that asks for a finger, and gets it."""
    with serving(house.app) as address:
        context = browser.new_context(base_url=address, locale="en")
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        authenticator = {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True,
        }  # fmt: skip
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": authenticator})
        yield page
        context.close()


def test_somebody_joins_with_a_passkey_and_logs_in_with_it(page: Page, house: House) -> None:
    page.goto("/join")
    page.get_by_label("Name").fill("Мальва")
    page.get_by_role("button", name="Join with a passkey").click()
    page.wait_for_url("**/welcome")
    assert house.sent[0]["name"] == "Мальва"
    assert house.sent[1]["challenge"] == "c1"
    assert house.key
    page.goto("/login")
    page.get_by_role("button", name="Log in with a passkey").click()
    page.wait_for_url("**/welcome")
    assert house.sent[-1]["credential"]["response"]["userHandle"]


def test_a_name_is_needed_before_a_passkey_is_made(page: Page, house: House) -> None:
    page.goto("/join")
    page.get_by_role("button", name="Join with a passkey").click()
    assert page.evaluate("document.activeElement.id") == "name"
    assert house.sent == []


def test_a_password_is_never_sent_along(page: Page, house: House) -> None:
    page.goto("/join")
    page.get_by_label("Name").fill("Мальва")
    page.get_by_label("Password").fill("three good words")
    page.get_by_role("button", name="Join with a passkey").click()
    page.wait_for_url("**/welcome")
    assert "three good words" not in json.dumps(house.sent)


def test_what_the_server_says_is_shown(page: Page, house: House) -> None:
    house.refusal = JSONResponse({"message": "This name is taken.", "advice": "Take another one."}, 409)
    page.goto("/join")
    page.get_by_label("Name").fill("Мальва")
    page.get_by_role("button", name="Join with a passkey").click()
    expect(page.get_by_role("alert")).to_have_text("This name is taken. Take another one.")
    expect(page.get_by_role("button", name="Join with a passkey")).to_be_enabled()


@pytest.mark.parametrize(
    ("wanted", "reached"), [("/confirm", True), ("https://evil.example/", False), ("//evil.example", False)]
)
def test_the_server_may_ask_to_show_who_one_is_but_leads_nowhere_else(
    page: Page, house: House, wanted: str, reached: bool
) -> None:
    house.refusal = JSONResponse({"message": "Show who you are.", "next": wanted}, 403)
    page.goto("/join")
    page.get_by_label("Name").fill("Мальва")
    page.get_by_role("button", name="Join with a passkey").click()
    if reached:
        page.wait_for_url("**/confirm")
    else:
        expect(page.get_by_role("alert")).to_have_text("Show who you are.")
