"""Coming in: the first admin's link, joining, logging in and out, getting back in."""

from pathlib import Path

import pytest

from oberih.catalogue.accounts import SHORTEST
from oberih.i18n import language, say
from web.visitors import PASSWORD, House, Visitor


def logged_in(visitor: Visitor) -> bool:
    return visitor.client.get("/account").status_code == 200


def test_the_first_admin_comes_by_a_link_that_is_dead_afterwards(new_house: House) -> None:
    link, visitor = new_house.first_link(), new_house.visitor()
    assert len(visitor.join("Олена", path=link)) == 10
    assert "Олена" in visitor.go("/account").text
    assert "Admin" in visitor.text
    assert "Custodian" in visitor.text
    other = new_house.visitor()
    assert other.go(link).status_code == 422
    assert "This link is used up" in other.text and 'href="/login">Log in</a>' in other.text


def test_a_password_alone_is_not_enough_for_an_admin_and_the_page_of_codes_says_so(new_house: House) -> None:
    visitor = new_house.visitor()
    visitor.join("Олена", path=new_house.first_link())
    assert "a password alone is not enough" in visitor.text and 'href="/account#keys"' in visitor.text
    contributor = new_house.visitor()
    contributor.join("Мальва")
    assert "a password alone" not in contributor.text


def test_an_admin_with_one_passkey_alone_hears_that_a_lost_phone_locks_them_out(new_house: House) -> None:
    visitor, link = new_house.visitor(), new_house.first_link()
    visitor.go(link)
    token = link.rpartition("/")[2]
    made = visitor.with_passkey("/join/passkey", "create", name="Ян", token=token).json()
    assert "A code alone lets no custodian or admin in" in visitor.go(made["next"]).text
    assert "This is your only way in" in visitor.go("/account").text
    assert visitor.send("/account/password", new_password="three words here").status_code == 303
    assert "This is your only way in" not in visitor.go("/account").text


def test_a_used_link_lets_nobody_in_whose_page_was_open_before(new_house: House) -> None:
    link, visitor, late = new_house.first_link(), new_house.visitor(), new_house.visitor()
    late.go(link)
    visitor.join("Олена", path=link)
    assert late.send("/join", name="Mallory", password=PASSWORD).status_code == 422
    assert not logged_in(late)


def test_somebody_joins_logs_out_and_logs_in(visitor: Visitor) -> None:
    assert len(visitor.join("Мальва")) == 10
    name = visitor.login
    visitor.go("/account")
    assert visitor.send("/logout").headers["Location"] == "/"
    assert visitor.session == ""
    assert not logged_in(visitor)
    answer = visitor.log_in(name, path="/login?next=/account?language=en")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account?language=en")
    assert logged_in(visitor)


def test_recovery_codes_are_shown_once(visitor: Visitor) -> None:
    visitor.join("Мальва")
    shown = str(visitor.page.url.path)
    assert shown.startswith("/account/once/")
    again = visitor.go(shown)
    assert again.status_code == 404
    assert "This page is shown only once" in again.text
    assert 'href="/account"' in again.text


def test_a_session_ends_at_logout_for_whoever_has_its_cookie(visitor: Visitor) -> None:
    visitor.join("Мальва")
    stolen = visitor.session
    visitor.go("/account")
    visitor.send("/logout")
    visitor.client.cookies.set("__Host-session", stolen, domain="heritage.example")
    assert not logged_in(visitor)


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(house: House, visitor: Visitor) -> None:
    visitor.join("Мальва")
    name = visitor.login
    told = []
    for given in (name, "nobody-1234"):
        stranger = house.visitor()
        answer = stranger.log_in(given, "not the password")
        assert answer.status_code == 403
        assert "The name, the password or the code is wrong." in answer.text
        assert not stranger.session
        told.append(answer.text.replace(given, "NAME").replace(stranger.client.cookies["__Host-form"], ""))
    assert strip_words(told[0]) == strip_words(told[1])


def strip_words(html: str) -> str:
    """Without the words against forged forms, which differ in each browser."""
    return "\n".join(line for line in html.splitlines() if "csrf" not in line)


def test_guessing_is_slowed_down(visitor: Visitor) -> None:
    answers = [visitor.log_in("Мальва", "not the password").status_code for _ in range(6)]
    assert answers[0] == 403
    assert answers[-1] == 429
    assert "There were too many tries." in visitor.text


def test_a_token_that_somebody_planted_is_never_logged_in(house: House, visitor: Visitor) -> None:
    visitor.join("Мальва")
    name = visitor.login
    victim = house.visitor()
    victim.client.cookies.set("__Host-session", "planted", domain="heritage.example")
    victim.log_in(name)
    assert victim.client.cookies.get("__Host-session", path="/") != "planted"
    thief = house.visitor()
    thief.client.cookies.set("__Host-session", "planted", domain="heritage.example")
    assert not logged_in(thief)


def test_who_logs_in_anew_ends_the_login_that_was_there(house: House, visitor: Visitor) -> None:
    visitor.join("Мальва")
    name, before = visitor.login, visitor.session
    visitor.client.cookies.delete("__Host-session")
    visitor.go("/login")
    visitor.client.cookies.set("__Host-session", before, domain="heritage.example")
    visitor.send("/login", name=name, password=PASSWORD)
    thief = house.visitor()
    thief.client.cookies.set("__Host-session", before, domain="heritage.example")
    assert not logged_in(thief)


def test_cookies_are_out_of_reach(visitor: Visitor) -> None:
    visitor.go("/join")
    answer = visitor.send("/join", name="Мальва", password=PASSWORD)
    given = answer.headers.get_list("set-cookie")
    for name in ("__Host-session", "__Host-device"):
        (cookie,) = [one for one in given if one.startswith(f"{name}=")]
        for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
            assert part in cookie
        assert "Domain" not in cookie
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
     "/\t/evil.example", "/%0d%0aSet-Cookie:x\r\n", "/" + "a" * 1001, ""],
)  # fmt: skip
def test_a_login_leads_nowhere_else(house: House, visitor: Visitor, wanted: str) -> None:
    visitor.join("Мальва")
    name = visitor.login
    other = house.visitor()
    other.go("/login")
    assert other.send("/login", name=name, password=PASSWORD, next=wanted).headers["Location"] == "/"
    assert other.client.get("/login", params={"next": wanted}).headers["Location"] == "/"


@pytest.mark.parametrize("action", ["/login", "/join", "/recover"])
@pytest.mark.parametrize("forgery", ["no word", "wrong word", "no cookie", "another site", "another origin"])
def test_forged_forms_are_refused(visitor: Visitor, action: str, forgery: str) -> None:
    visitor.go(action)
    headers = {"Origin": "https://heritage.example", "Sec-Fetch-Site": "same-origin"}
    word = visitor.text.split('name="csrf" content="')[1].split('"')[0]
    given = {"csrf": word, "name": "Мальва", "password": PASSWORD, "recovery": "x"}
    if forgery == "no word":
        del given["csrf"]
    if forgery == "wrong word":
        given["csrf"] = "0" * len(word)
    if forgery == "no cookie":
        visitor.client.cookies.clear()
    if forgery == "another site":
        headers["Sec-Fetch-Site"] = "cross-site"
    if forgery == "another origin":
        headers = {"Origin": "https://evil.example"}
    answer = visitor.client.post(action, data=given, headers=headers)
    assert answer.status_code == 403
    assert "This page is too old" in answer.text
    assert not visitor.session


def test_forged_forms_of_those_who_are_in_are_refused(house: House, visitor: Visitor) -> None:
    visitor.join("Мальва")
    other = house.visitor()
    other.go("/login")
    word = other.text.split('name="csrf" content="')[1].split('"')[0]
    for path in ("/logout", "/account/name", "/account/leave", "/account/tokens", "/confirm"):
        for given in ({}, {"csrf": word}):
            answer = visitor.client.post(path, data={"sure": "yes", "name": "x", **given})
            assert answer.status_code == 403, path
    assert logged_in(visitor)


def test_too_much_is_not_read(visitor: Visitor) -> None:
    visitor.go("/login")
    assert visitor.send("/login", name="x" * 300_000, password="x").status_code == 422
    assert "What was sent is too long." in visitor.text


def test_a_recovery_code_lets_in_once(house: House, visitor: Visitor) -> None:
    code, *_ = visitor.join("Мальва")
    name = visitor.login
    lost = house.visitor()
    lost.go("/recover")
    answer = lost.send("/recover", name=name, recovery=code)
    assert answer.headers["Location"] == "/account"
    assert "9 are left" in lost.follow().text
    again = house.visitor()
    again.go("/recover")
    assert again.send("/recover", name=name, recovery=code).status_code == 403
    assert not again.session


def test_by_invitation_only_nobody_joins_without(tmp_path: Path) -> None:
    house = House(tmp_path, registration="invitation")
    visitor = house.visitor()
    assert visitor.go("/join").status_code == 422
    assert "One joins by invitation here." in visitor.text
    assert '"/join"' not in visitor.go("/login").text
    visitor.join("Олена", path=house.first_link())
    assert logged_in(visitor)
    house.close()


def test_what_is_wrong_is_said_on_the_page_in_the_visitors_language(house: House) -> None:
    wrong = say("A password has at least {least} letters.", least=SHORTEST)
    for code in ("en", "uk"):
        visitor = house.visitor(code)
        visitor.go("/join")
        answer = visitor.send("/join", name="Мальва <b>", password="short")
        assert answer.status_code == 422
        assert answer.headers["Content-Language"] == code
        assert language(code)(wrong) in answer.text
        assert 'value="Мальва &lt;b&gt;"' in answer.text


def test_pages_for_those_who_are_in_lead_to_the_login(visitor: Visitor) -> None:
    answer = visitor.client.get("/account")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=/account")


def test_an_institutions_answer_that_nobody_asked_for_lets_nobody_in(tmp_path: Path) -> None:
    providers = {
        "museum": {"issuer": "https://id.museum.example", "client_id": "oberih", "title": "The museum"}
    }
    house = House(tmp_path, providers=providers)
    visitor = house.visitor()
    assert 'href="/login/with/museum?next=/account"' in visitor.go("/login?next=/account").text
    answer = visitor.go("/login/with/museum/back?state=x&code=y")
    assert answer.status_code == 403
    assert "The institution did not confirm who you are" in answer.text
    assert not visitor.session
    assert visitor.go("/login/with/nobody").status_code == 404
    house.close()
