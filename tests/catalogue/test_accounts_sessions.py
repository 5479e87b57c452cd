"""Logins that last, tokens for programs, and work that is done when the person is gone."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from oberih.catalogue.access import SCOPES, Action, NotAllowed, allowed, looking
from oberih.catalogue.accounts import (
    PREFIX,
    Present,
    Visit,
    change_password,
    close_account,
    csrf_is_right,
    csrf_of,
    end_all_sessions,
    end_other_sessions,
    end_session,
    give_role,
    log_in,
    log_out,
    make_token,
    person,
    revoke_token,
    sessions_of,
    sweep,
    take_role,
    tokens_of,
    who_again,
    who_is,
    who_now,
    who_of_token,
)
from oberih.catalogue.accounts.tables import Attempt, Ceremony, LoginSession, SecurityEvent, Token
from oberih.catalogue.database import Database
from oberih.catalogue.ledger import entries_of
from oberih.errors import Conflict, InputError
from people import (
    GATE,
    HOME,
    PASSWORD,
    admin,
    collections,
    confirmed_long_ago,
    gate,
    member,
    present,
    time_passes,
    with_app,
)

pytestmark = pytest.mark.usefixtures("quick_hashes")


def keeper(database: Database, name: str = "kateryna") -> Present:
    return present(database, with_app(database, member(database, "custodian", "chernihiv", name=name))[0])


def test_only_the_hash_of_a_token_is_kept(database: Database) -> None:
    opened = member(database, name="olha")
    token = make_token(database, present(database, opened), "script", ["write:contributions"])
    with database.reading() as session:
        rows = [*session.scalars(select(LoginSession)), *session.scalars(select(Token))]
        kept = repr([[getattr(row, column.key) for column in row.__table__.columns] for row in rows])
    assert len(rows) == 2 and opened.token not in kept and token.token not in kept
    assert opened.token not in repr(opened) and token.token not in repr(token)


@pytest.mark.parametrize("token", ["", "x", "\0", "\ud800", "x" * 10_000, PREFIX, PREFIX + "x"])
def test_no_token_is_nobody(database: Database, token: str) -> None:
    assert who_is(database, token) is None and who_of_token(database, token) is None


def test_the_token_of_a_session_is_none_for_programs_and_the_other_way_round(database: Database) -> None:
    opened = member(database, name="olha")
    token = make_token(database, present(database, opened), "script", ["read:jobs"]).token
    assert who_is(database, token) is None and who_of_token(database, opened.token) is None


def test_sessions_end_when_nobody_uses_them_and_after_their_days(database: Database) -> None:
    opened = member(database, name="olha")
    for _ in range(3):  # used every ten days
        time_passes(database, timedelta(days=9))
        assert who_is(database, opened.token)
    time_passes(database, timedelta(days=9))
    assert who_is(database, opened.token) is None  # 36 days after the login
    idle = log_in(database, GATE, HOME, "olha", PASSWORD)
    time_passes(database, timedelta(days=15))
    assert who_is(database, idle.token) is None


def test_the_service_says_how_long_a_login_lasts(database: Database) -> None:
    member(database, name="olha")
    opened = log_in(database, gate(session_days=2), HOME, "olha", PASSWORD)
    time_passes(database, timedelta(days=3))
    assert who_is(database, opened.token) is None


def test_sessions_of_staff_end_sooner(database: Database) -> None:
    collections(database, "chernihiv")
    opened, staff = member(database, name="olha"), member(database, "custodian", "chernihiv", name="kateryna")
    row = session_of(database, staff.account)
    assert row.expires - row.created <= timedelta(days=7)
    time_passes(database, timedelta(hours=13))
    assert who_is(database, opened.token) and who_is(database, staff.token) is None


def test_a_page_that_stands_open_keeps_nobody_logged_in(database: Database) -> None:
    opened = member(database, name="olha")
    time_passes(database, timedelta(days=9))
    assert who_is(database, opened.token, by_itself=True)
    time_passes(database, timedelta(days=6))
    assert who_is(database, opened.token, by_itself=True) is None


def session_of(database: Database, account: str) -> LoginSession:
    with database.reading() as session:
        return session.scalars(select(LoginSession).where(LoginSession.account == account)).one()


def test_a_session_that_ended_meanwhile_changes_nothing(database: Database) -> None:
    opened = member(database, name="olha")
    here = present(database, opened)
    log_out(database, opened.token)
    with pytest.raises(NotAllowed):
        change_password(database, GATE, HOME, here, "another tractor sings")
    assert log_in(database, GATE, HOME, "olha", PASSWORD)


def test_every_form_carries_what_only_this_session_knows(database: Database) -> None:
    first, second = (member(database, name=name) for name in ("olha", "petro"))
    assert csrf_is_right(first.token, present(database, first).csrf)
    for wrong in (csrf_of(second.token), "", "x", "ї"):
        assert not csrf_is_right(first.token, wrong)


def test_somebody_sees_where_they_are_logged_in_and_ends_it(database: Database) -> None:
    opened = member(database, name="olha")
    here = present(database, opened)
    phone = log_in(database, GATE, Visit("198.51.100.2", "Safari on iPhone\0"), "olha", PASSWORD)
    tablet = log_in(database, GATE, HOME, "olha", PASSWORD)
    stranger = present(database, member(database, name="stranger"))
    rows = sessions_of(database, here)
    assert len(rows) == 3 and [one.browser for one in rows if one.this] == ["Firefox on Android"]
    (row,) = [one for one in rows if one.browser == "Safari on iPhone"]
    end_session(database, stranger, row.id)
    assert who_is(database, phone.token)
    end_session(database, here, row.id)
    assert who_is(database, phone.token) is None and who_is(database, tablet.token)
    end_other_sessions(database, here)
    assert who_is(database, tablet.token) is None and who_is(database, opened.token)
    end_all_sessions(database, here)
    assert who_is(database, opened.token) is None and sessions_of(database, here) == []


def test_who_logs_out_is_out(database: Database) -> None:
    opened = member(database, name="olha")
    log_out(database, opened.token)
    log_out(database, opened.token)
    assert who_is(database, opened.token) is None


def test_every_login_and_every_growth_of_rights_makes_a_new_token(database: Database) -> None:
    boss, opened = admin(database), member(database, name="olha")
    planted = opened.token
    again = log_in(database, GATE, HOME, "olha", PASSWORD)
    assert again.token != planted
    changed = change_password(database, GATE, HOME, present(database, again), "another tractor sings")
    assert len({planted, again.token, changed.token}) == 3
    assert who_is(database, planted) is None and who_is(database, again.token) is None
    give_role(database, GATE, boss.who, opened.account, "coordinator")
    assert who_is(database, changed.token) is None  # rights were given: come in again


# -- tokens ---


def test_a_program_does_a_part_of_what_its_owner_may(database: Database) -> None:
    collections(database, "chernihiv", "lviv")
    here = keeper(database)
    made = make_token(database, here, "export", ["read:originals", "read:places"], days=30)
    assert made.token.startswith(PREFIX)
    who = who_of_token(database, made.token)
    assert who is not None and who.account == here.who.account
    assert allowed(who, Action.EXPORT, "chernihiv") and allowed(who, Action.SEE_PLACE, "chernihiv")
    assert not allowed(who, Action.EXPORT, "lviv")
    for action in set(Action) - SCOPES["read:originals"] - SCOPES["read:places"]:
        assert not allowed(who, action, "chernihiv", owner=who.account)
    (row,) = tokens_of(database, here.who)
    assert (row.name, row.scopes, row.used) == (
        "export",
        ("read:originals", "read:places"),
        row.created.date(),
    )


def test_a_token_makes_no_tokens_and_changes_no_keys(database: Database) -> None:
    here = present(database, member(database, name="olha"))
    made = make_token(database, here, "all", list(SCOPES))
    who = who_of_token(database, made.token)
    assert who is not None
    program = replace(here, who=who)
    with pytest.raises(NotAllowed):
        make_token(database, program, "more", ["read:records"])
    with pytest.raises(NotAllowed):
        change_password(database, GATE, HOME, program, "another tractor sings")
    with pytest.raises(NotAllowed):
        revoke_token(database, who, made.id)


def test_a_token_has_no_more_rights_than_the_login_that_made_it(database: Database) -> None:
    collections(database, "chernihiv")
    weak = present(database, member(database, "custodian", "chernihiv", name="weak"))
    made = make_token(database, weak, "script", ["read:places"])
    who = who_of_token(database, made.token)
    assert who is not None and not allowed(who, Action.SEE_PLACE, "chernihiv")


def test_a_token_ends_with_its_days_its_account_and_its_owner_s_will(database: Database) -> None:
    boss = admin(database)
    opened = member(database, name="olha")
    here = present(database, opened)
    first, second, third = (make_token(database, here, "x", ["read:records"], days) for days in (1, 90, 90))
    time_passes(database, timedelta(days=2))
    assert who_of_token(database, first.token) is None and who_of_token(database, second.token)
    stranger = present(database, member(database, name="stranger"))
    revoke_token(database, stranger.who, second.id)
    assert who_of_token(database, second.token)
    revoke_token(database, here.who, second.id)
    assert who_of_token(database, second.token) is None and who_of_token(database, third.token)
    close_account(database, replace(boss.who, recent_until=here.who.recent_until), opened.account)
    assert who_of_token(database, third.token) is None


def test_what_a_token_may_be(database: Database) -> None:
    here = present(database, member(database, name="olha"))
    for scopes, days in (([], 90), (["everything"], 90), (["read:records"], 0), (["read:records"], 1000)):
        with pytest.raises(InputError):
            make_token(database, here, "x", scopes, days)
    for _ in range(20):
        make_token(database, here, "x", ["read:records"])
    with pytest.raises(Conflict, match="20"):
        make_token(database, here, "x", ["read:records"])
    with pytest.raises(NotAllowed):
        make_token(database, confirmed_long_ago(here), "x", ["read:records"])


# -- attack case 18: wrong role, revoked access, an export worker under another's role ---


def test_a_worker_has_the_rights_of_who_asked_as_they_are_now(database: Database) -> None:
    collections(database, "chernihiv", "lviv")
    boss = admin(database)
    partner = member(database, "partner", "chernihiv", name="partner")
    asked = json.loads(json.dumps(present(database, partner).who.asked()))
    who = who_again(database, asked)
    assert allowed(who, Action.EXPORT, "chernihiv") and not allowed(who, Action.EXPORT, "lviv")
    assert not allowed(who, Action.MAKE_TOKEN)  # what is dangerous is not done later
    take_role(database, boss.who, person(database, boss.who, partner.account).grants[0].id)
    assert not allowed(who_again(database, asked), Action.EXPORT, "chernihiv")
    give_role(database, GATE, boss.who, partner.account, "partner", "chernihiv")
    assert allowed(who_again(database, asked), Action.EXPORT, "chernihiv")
    time_passes(database, timedelta(days=91))  # partner_days
    assert not allowed(who_again(database, asked), Action.EXPORT, "chernihiv")
    give_role(database, GATE, boss.who, partner.account, "partner", "chernihiv")
    close_account(database, boss.who, partner.account)
    assert not allowed(who_again(database, asked), Action.EXPORT, "chernihiv")


def test_rights_that_grew_later_do_not_help_what_was_asked_weakly(database: Database) -> None:
    collections(database, "chernihiv")
    opened = member(database, "custodian", "chernihiv", name="kateryna")
    asked = present(database, opened).who.asked()  # with a password alone
    with_app(database, opened)
    assert not allowed(who_again(database, asked), Action.EXPORT, "chernihiv")


def test_work_that_a_program_asked_for_ends_with_its_token(database: Database) -> None:
    collections(database, "chernihiv")
    here = keeper(database)
    made = make_token(database, here, "x", ["read:originals"])
    program = who_of_token(database, made.token)
    assert program is not None
    asked = program.asked()
    who = who_again(database, asked)
    assert allowed(who, Action.EXPORT, "chernihiv") and not allowed(who, Action.SEE_PLACE, "chernihiv")
    revoke_token(database, here.who, made.id)
    assert not allowed(who_again(database, asked), Action.EXPORT, "chernihiv")


def test_nobody_and_somebody_who_left_may_nothing_later(database: Database) -> None:
    for asked in ({"account": "gone", "strong": True, "scopes": None, "token": None},):
        assert not any(allowed(who_again(database, asked), action) for action in Action)
    assert who_now(database, "gone") is None


def test_each_use_of_what_is_sealed_is_in_the_ledger_before_it_is_seen(database: Database) -> None:
    collections(database, "chernihiv")
    partner = present(database, member(database, "partner", "chernihiv", name="partner")).who
    with looking(database, partner, Action.SEE_PLACE, "chernihiv", "place", "ark:/99999/b1c"):
        pass
    with (
        pytest.raises(NotAllowed),
        looking(database, partner, Action.SEE_PLACE, "lviv", "place", "ark:/99999/b1d"),
    ):
        raise AssertionError("seen")
    with database.reading() as session:
        (entry,) = entries_of(session, "place", "ark:/99999/b1c")
        assert (entry.actor, entry.action, entry.data) == (partner.account, "see place", None)
        assert not entries_of(session, "place", "ark:/99999/b1d")


def test_what_has_ended_is_swept_away(database: Database) -> None:
    here = present(database, member(database, name="olha"))
    make_token(database, here, "x", ["read:records"], 1)
    assert sweep(database) == 0
    time_passes(database, timedelta(days=91))
    assert sweep(database) >= 5
    with database.reading() as session:
        for kind in (Attempt, Ceremony, LoginSession, Token, SecurityEvent):
            assert session.scalars(select(kind)).all() == []
