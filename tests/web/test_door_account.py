"""One's own account: passkeys, password, codes, tokens, logins, showing again who one is, leaving."""

import re
from datetime import timedelta

import cv2
import numpy as np
import pyotp
import pytest
from sqlalchemy import select, update

from oberih.catalogue.accounts.tables import LoginSession
from oberih.catalogue.database import now
from web.visitors import PASSWORD, House, Visitor, codes_of


@pytest.fixture
def visitor(visitor: Visitor) -> Visitor:
    """Somebody who has joined with a password, and looks at their account."""
    visitor.join("Мальва")
    visitor.name = visitor.login
    visitor.go("/account")
    return visitor


def time_passes(house: House) -> None:
    """Everybody showed an hour ago who they are."""
    with house.service.database.writing("service", "test") as session:
        session.execute(update(LoginSession).values(confirmed=now() - timedelta(hours=1)))


def test_somebody_joins_with_a_passkey_and_comes_back_with_it(house: House) -> None:
    visitor = house.visitor()
    visitor.go("/join")
    answer = visitor.with_passkey("/join/passkey", "create", name="Мальва")
    assert answer.status_code == 200, answer.text
    codes = codes_of(visitor.go(answer.json()["next"]).text)
    (name,) = re.findall(r"You log in with the name <b>(Мальва-\d+)</b>", visitor.text)
    visitor.go("/account")
    assert "Firefox on Android" in visitor.text
    lost = house.visitor()
    lost.go("/recover")
    assert lost.send("/recover", name=name, recovery=codes[0]).headers["Location"] == "/account"
    visitor.send("/logout")
    visitor.go("/login?next=/contributions")
    answer = visitor.with_passkey("/login/passkey", "get")
    assert answer.json() == {"next": "/contributions"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert visitor.go("/account").status_code == 200


def test_a_passkeys_answer_works_once(house: House) -> None:
    visitor = house.visitor()
    visitor.go("/join")
    visitor.with_passkey("/join/passkey", "create", name="Мальва")
    other = house.visitor()
    other.go("/login")
    begun = other.script("/login/passkey/options", {}).json()
    sent = {"challenge": begun["challenge"], "credential": visitor.device.get(begun["options"])}
    assert other.script("/login/passkey", sent).status_code == 200
    late = house.visitor()
    late.go("/login")
    answer = late.script("/login/passkey", sent)
    assert answer.status_code == 403
    assert answer.json()["message"] == "This passkey is not known here, or its answer came too late."
    assert not late.session


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"X-CSRF-Token": "0"}, {"Content-Type": "text/plain"}],
)
def test_scripts_of_other_sites_begin_nothing(house: House, headers: dict[str, str]) -> None:
    visitor = house.visitor()
    visitor.go("/login")
    assert visitor.script("/login/passkey/options", {}, **headers).status_code == 403


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b'{"challenge": 1, "credential": []}'])
def test_no_answer_of_a_script_breaks_anything(house: House, body: bytes) -> None:
    visitor = house.visitor()
    visitor.go("/login")
    word = re.findall(r'name="csrf" content="(\w+)"', visitor.text)[0]
    headers = {"X-CSRF-Token": word, "Content-Type": "application/json", "Accept": "*/*"}
    answer = visitor.client.post("/login/passkey", content=body, headers=headers)
    assert answer.status_code in (403, 422)
    assert answer.json()["message"]


def test_a_passkey_is_added_and_removed_and_the_last_way_in_stays(visitor: Visitor) -> None:
    assert visitor.with_passkey("/account/passkeys", "create", passkey_name="red key").status_code == 200
    assert "red key" in visitor.go("/account").text
    (key,) = re.findall(r'/passkeys/remove".*?name="id" value="([^"]+)"', visitor.text)
    visitor.send("/account/passkeys/remove", id=key)
    assert "red key" not in visitor.follow().text


def test_who_has_only_a_passkey_keeps_it(house: House) -> None:
    visitor = house.visitor()
    visitor.go("/join")
    visitor.with_passkey("/join/passkey", "create", name="Мальва")
    visitor.go("/account")
    (key,) = re.findall(r'/passkeys/remove".*?name="id" value="([^"]+)"', visitor.text)
    assert visitor.send("/account/passkeys/remove", id=key).status_code == 422
    assert "This is the only way into the account." in visitor.text


def test_something_dangerous_asks_again_who_it_is_and_leads_back(house: House, visitor: Visitor) -> None:
    time_passes(house)
    before = visitor.session
    visitor.send("/account/recovery-codes", id="")
    assert visitor.page.headers["Location"] == "/confirm?next=/account"
    assert "Show once more that it is you." in visitor.follow().text
    assert visitor.send("/confirm", password="wrong").status_code == 403
    assert visitor.send("/confirm", password=PASSWORD).headers["Location"] == "/account"
    assert visitor.session != before
    visitor.follow()
    visitor.send("/account/recovery-codes", id="")
    assert len(codes_of(visitor.follow().text)) == 10


def test_a_script_is_told_where_to_show_who_it_is(house: House, visitor: Visitor) -> None:
    time_passes(house)
    answer = visitor.with_passkey("/account/passkeys", "create", passkey_name="red key")
    assert answer.status_code == 403
    assert answer.json()["next"] == "/confirm?next=/account"
    assert visitor.client.get("/account/codes").headers["Location"] == "/confirm?next=/account/codes"


def test_a_passkey_shows_again_who_it_is(house: House, visitor: Visitor) -> None:
    visitor.with_passkey("/account/passkeys", "create", passkey_name="red key")
    time_passes(house)
    visitor.go("/account/codes")
    answer = visitor.with_passkey("/confirm/passkey", "get")
    assert answer.json() == {"next": "/account/codes"}
    assert "Set up codes" in visitor.go("/account/codes").text


def test_a_password_is_changed_and_all_other_logins_end(house: House, visitor: Visitor) -> None:
    other = house.visitor()
    other.log_in(visitor.name)
    new = "seven storks above the weir"
    assert visitor.send("/account/password", password="wrong", new_password=new).status_code == 403
    assert visitor.send("/account/password", password=PASSWORD, new_password="short").status_code == 422
    answer = visitor.send("/account/password", password=PASSWORD, new_password=new)
    assert answer.status_code == 303, answer.text
    assert other.client.get("/account").status_code == 303
    assert visitor.go("/account").status_code == 200
    assert house.visitor().log_in(visitor.name).status_code == 403
    assert house.visitor().log_in(visitor.name, new).status_code == 303


def test_codes_are_set_up_and_asked_for_at_the_next_login(house: House, visitor: Visitor) -> None:
    visitor.go("/account/codes")
    secret = "".join(re.findall(r'class="secret">([A-Z2-7 ]+)<', visitor.text)[0].split())
    assert qr_code(visitor.text).startswith("otpauth://totp/Oberih:")
    assert visitor.send("/account/codes", code="000000").status_code == 422
    assert "This code is wrong." in visitor.text
    assert secret[:4] in visitor.text, "the app need not be set up again"
    assert visitor.send("/account/codes", code=pyotp.TOTP(secret).now()).status_code == 303
    assert "On. You are asked for a code" in visitor.follow().text
    other = house.visitor()
    assert other.log_in(visitor.name).status_code == 403
    assert "A code from your app is needed." in other.text
    later = pyotp.TOTP(secret).at(now() + timedelta(seconds=30))
    assert other.send("/login", name=visitor.name, password=PASSWORD, code=later).status_code == 303


def qr_code(html: str) -> str:
    """What a camera reads."""
    size = int(re.findall(r'class="qr" viewBox="0 0 (\d+) \1"', html)[0])
    picture = np.full((size, size), 255, np.uint8)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", html):
        picture[int(y), int(x)] = 0
    big = cv2.resize(picture, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    return str(cv2.QRCodeDetectorAruco().detectAndDecode(big)[0])


def test_a_token_is_shown_once_works_and_is_removed(visitor: Visitor) -> None:
    visitor.send("/account/tokens", token_name="my script", scope=["read:records"], days="30")
    (token,) = re.findall(r">(oberih_[\w-]+)<", visitor.follow().text)
    as_program = {"Authorization": f"Bearer {token}"}
    visitor.go("/account")
    assert "my script" in visitor.text
    assert token not in visitor.text
    assert visitor.client.get("/account", headers=as_program).status_code == 403, "not with a token"
    (identifier,) = re.findall(r'/tokens/remove".*?name="id" value="([^"]+)"', visitor.text)
    visitor.send("/account/tokens/remove", id=identifier)
    assert "my script" not in visitor.follow().text


@pytest.mark.parametrize("given", [{"days": "0"}, {"days": "-1"}, {"days": "9" * 5000}, {"scope": []},
                                   {"scope": ["everything"]}, {"token_name": ""}])  # fmt: skip
def test_tokens_have_bounds(visitor: Visitor, given: dict[str, object]) -> None:
    asked = {"token_name": "my script", "scope": ["read:records"], "days": "30"} | given
    assert visitor.send("/account/tokens", **asked).status_code == 422
    assert 'role="alert"' in visitor.text


def test_logins_are_listed_and_ended(house: House, visitor: Visitor) -> None:
    other, third = house.visitor(), house.visitor()
    other.log_in(visitor.name)
    third.log_in(visitor.name)
    visitor.go("/account")
    ids = set(re.findall(r'/sessions/end".*?name="id" value="([^"]+)"', visitor.text)) - {"others", "all"}
    assert len(ids) == 2
    visitor.send("/account/sessions/end", id=ids.pop())
    assert sorted(one.client.get("/account").status_code for one in (other, third)) == [200, 303]
    visitor.follow()
    visitor.send("/account/sessions/end", id="others")
    assert [one.client.get("/account").status_code for one in (visitor, other, third)] == [200, 303, 303]


def test_logging_out_everywhere_ends_this_login_too(house: House, visitor: Visitor) -> None:
    other = house.visitor()
    other.log_in(visitor.name)
    assert visitor.send("/account/sessions/end", id="all").headers["Location"] == "/login"
    assert [one.client.get("/account").status_code for one in (visitor, other)] == [303, 303]
    assert visitor.session == ""


def test_nobody_ends_somebody_elses_login(house: House, visitor: Visitor) -> None:
    other = house.visitor()
    other.join("Інша")
    with house.service.database.reading() as session:
        newest = select(LoginSession.id).order_by(LoginSession.created.desc()).limit(1)
        login = session.scalars(newest).one()
    visitor.send("/account/sessions/end", id=login)
    assert other.client.get("/account").status_code == 200


def test_names_are_shown_as_they_are_written(visitor: Visitor) -> None:
    nasty = '<script>alert("1")</script>'
    visitor.send("/account/name", name=nasty, public_name='"><img src=x>')
    assert visitor.follow().status_code == 200
    assert nasty not in visitor.text
    assert "<img src=x>" not in visitor.text
    assert "&lt;script&gt;alert(" in visitor.text
    assert visitor.send("/account/name", name="", public_name="").status_code == 422


def test_what_is_wrong_with_a_name_is_said_beside_it(visitor: Visitor) -> None:
    hidden = {"name": "Мальва", "public_name": "Olha\u202eP."}
    assert visitor.send("/account/name", **hidden).status_code == 422
    assert 'href="#public-name"' in visitor.text and "U+202E RIGHT-TO-LEFT OVERRIDE" in visitor.text


def test_it_is_said_beside_the_public_name_what_a_new_one_means(visitor: Visitor) -> None:
    means = "what is public names you no more"
    assert means not in visitor.go("/account").text
    assert visitor.send("/account/name", name="Мальва", public_name="Olha P.").status_code == 303
    assert means in visitor.follow().text
    assert visitor.send("/account/name", name="Мальва", public_name="").status_code == 303


def test_everybody_gets_a_copy_of_their_data_without_secrets(visitor: Visitor) -> None:
    answer = visitor.client.get("/account/data")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.json()
    assert told["account"]["name"] == "Мальва"
    assert "argon2" not in answer.text
    assert visitor.session not in answer.text


def test_who_leaves_is_gone(house: House, visitor: Visitor) -> None:
    assert visitor.send("/account/leave").status_code == 422
    visitor.go("/account")
    assert visitor.send("/account/leave", sure="yes").headers["Location"].startswith("/login")
    assert "You have left" in visitor.follow().text
    assert visitor.session == ""
    assert house.visitor().log_in(visitor.name).status_code == 403


def test_the_only_admin_cannot_leave(new_house: House) -> None:
    admin = new_house.visitor()
    admin.join("Олена", path=new_house.first_link())
    admin.go("/account")
    assert admin.send("/account/leave", sure="yes").status_code == 409
    assert admin.go("/account").status_code == 200
