"""Links that work once: the first admin, invitations, and the way back in for who lost everything."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from oberih.catalogue.access import OPERATOR, Action, NotAllowed, Why, allowed
from oberih.catalogue.accounts import (
    CannotEnter,
    Invited,
    Opened,
    Profile,
    TooManyTries,
    Visit,
    accept_invitation,
    add_passkey,
    begin_join,
    begin_passkey,
    begin_passkey_login,
    close_account,
    first_admin_link,
    give_role,
    invitations,
    invite,
    join_with_passkey,
    join_with_password,
    log_in,
    log_in_with_passkey,
    look_at_link,
    make_token,
    person,
    recovery_link,
    revoke_link,
    take_role,
    who_is,
    who_of_token,
)
from oberih.catalogue.accounts.tables import Link
from oberih.catalogue.database import Database, now
from oberih.errors import InputError, NotInArchive
from passkey import Device
from people import (
    GATE,
    HOME,
    PASSWORD,
    admin,
    captured,
    collections,
    confirmed_long_ago,
    events,
    member,
    present,
    time_passes,
    with_app,
)

pytestmark = pytest.mark.usefixtures("quick_hashes")


def joined(database: Database, token: str, name: str = "somebody") -> Opened:
    return join_with_password(database, GATE, HOME, PASSWORD, profile=Profile(name), token=token)


def custodian(database: Database, collection: str, name: str = "kateryna") -> Opened:
    return with_app(database, member(database, "custodian", collection, name=name))[0]


def test_the_first_admin_s_link_is_made_until_there_is_one(database: Database) -> None:
    lost, link = first_admin_link(database), first_admin_link(database)
    assert lost is not None and link is not None
    assert timedelta(days=6) < link.expires - now() < timedelta(days=8)
    with pytest.raises(InputError):
        joined(database, lost.token)
    assert look_at_link(database, GATE, HOME, link.token).kind == "first admin"
    here = present(database, joined(database, link.token))
    assert {one.role for one in here.who.held} == {"admin", "custodian"}
    assert not allowed(here.who, Action.READ_AUDIT)  # before there is a second factor
    assert first_admin_link(database) is None
    with pytest.raises(InputError):
        joined(database, link.token, "another")


def test_it_is_worth_nothing_once_there_is_an_admin(database: Database) -> None:
    link = first_admin_link(database)
    assert link is not None
    member(database, "admin", name="ada")
    with pytest.raises(InputError):
        joined(database, link.token)


def test_it_ends_after_a_week_and_is_made_anew(database: Database) -> None:
    link = first_admin_link(database)
    assert link is not None
    time_passes(database, timedelta(days=8))
    with pytest.raises(InputError):
        joined(database, link.token)
    assert first_admin_link(database) is not None


def test_an_invitation_gives_a_role_in_a_collection_once(database: Database) -> None:
    collections(database, "chernihiv")
    boss = admin(database)
    until = now() + timedelta(days=30)
    link = invite(database, GATE, boss.who, "partner", "chernihiv", until=until, note="of the Getty")
    told = look_at_link(database, GATE, HOME, link.token)
    assert told == Invited("invitation", ("partner",), "chernihiv", until, link.expires)
    here = present(database, joined(database, link.token, "restorer"))
    assert allowed(here.who, Action.SEE_PLACE, "chernihiv") and not allowed(here.who, Action.SEE_PLACE)
    (grant,) = person(database, boss.who, here.who.account).grants
    assert (grant.by, grant.why, grant.until) == (boss.who.account, "of the Getty", until)
    for use in (
        lambda: joined(database, link.token, "x1x"),
        lambda: look_at_link(database, GATE, HOME, link.token),
    ):
        with pytest.raises(InputError, match="used up"):
            use()


def test_only_the_hash_of_a_link_is_kept(database: Database) -> None:
    link = invite(database, GATE, OPERATOR, "contributor")
    with database.reading() as session:
        (row,) = session.scalars(select(Link))
        assert link.token not in repr([getattr(row, column.key) for column in Link.__table__.columns])
    assert len(link.token) >= 43 and link.token not in repr(link)


def test_of_two_who_use_a_link_at_once_one_joins(database: Database) -> None:
    link, together, outcomes = invite(database, GATE, OPERATOR, "coordinator"), Barrier(2), []

    def use(name: str) -> None:
        together.wait()
        try:
            outcomes.append(joined(database, link.token, name).account)
        except InputError:
            outcomes.append("")

    threads = [Thread(target=use, args=(name,)) for name in ("petro", "olha")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 2 and outcomes.count("") == 1


def test_an_invitation_that_ended_or_was_taken_back(database: Database) -> None:
    boss = admin(database)
    late = invite(database, GATE, boss.who, "contributor", days=1)
    time_passes(database, timedelta(days=2))
    link = invite(database, GATE, boss.who, "contributor")
    assert [one.id for one in invitations(database, boss.who)] == [link.id]
    revoke_link(database, boss.who, link.id)
    assert invitations(database, boss.who) == []
    for token in (late.token, link.token, "", "x" * 1000, "\0"):
        with pytest.raises(InputError):
            joined(database, token) if token else look_at_link(database, GATE, HOME, token)


def test_an_invitation_ends_with_the_rights_of_who_made_it(database: Database) -> None:
    collections(database, "chernihiv")
    boss = admin(database)
    keeper = present(database, custodian(database, "chernihiv"))
    link = invite(database, GATE, keeper.who, "partner", "chernihiv")
    other = invite(database, GATE, keeper.who, "coordinator", "chernihiv")
    look_at_link(database, GATE, HOME, link.token)
    take_role(database, boss.who, person(database, boss.who, keeper.who.account).grants[0].id)
    with pytest.raises(InputError):
        joined(database, link.token)
    give_role(database, GATE, boss.who, keeper.who.account, "custodian", "chernihiv")
    look_at_link(database, GATE, HOME, other.token)
    close_account(database, boss.who, keeper.who.account)
    with pytest.raises(InputError):
        joined(database, other.token)


def test_nobody_invites_to_more_than_they_may_give(database: Database) -> None:
    collections(database, "chernihiv", "lviv")
    keeper = present(database, custodian(database, "chernihiv")).who
    leader = present(database, member(database, "coordinator", "chernihiv", name="leader")).who
    plain = present(database, member(database, name="plain")).who
    for who, role, place in (
        (keeper, "custodian", "chernihiv"), (keeper, "admin", "*"), (keeper, "partner", "lviv"),
        (keeper, "contributor", "*"), (leader, "coordinator", "chernihiv"), (leader, "contributor", "lviv"),
        (plain, "contributor", "chernihiv"),
    ):  # fmt: skip
        with pytest.raises(NotAllowed) as refused:
            invite(database, GATE, who, role, place)
        assert refused.value.why is Why.NO
    assert invite(database, GATE, keeper, "partner", "chernihiv")
    assert invite(database, GATE, leader, "contributor", "chernihiv")
    assert [one.role for one in invitations(database, leader)] == ["contributor"]
    assert len(invitations(database, keeper)) == 2 and invitations(database, plain) == []
    with pytest.raises(NotInArchive):
        invite(database, GATE, OPERATOR, "contributor", "nowhere")
    with pytest.raises(InputError):
        invite(database, GATE, OPERATOR, "emperor")


def test_somebody_with_an_account_takes_up_an_invitation(database: Database) -> None:
    opened = member(database, name="olha")
    here = present(database, opened)
    link = invite(database, GATE, OPERATOR, "coordinator")
    new = accept_invitation(database, GATE, HOME, here, link.token)
    assert allowed(present(database, new).who, Action.SEE_ZONES, "any")
    assert who_is(database, opened.token) is None  # rights grew: the token is a new one
    with pytest.raises(InputError):
        accept_invitation(database, GATE, HOME, present(database, new), link.token)


def test_guessing_links_is_slowed_down(database: Database) -> None:
    for number in range(60):
        with pytest.raises(InputError):
            look_at_link(database, GATE, HOME, f"guess-{number}")
    with pytest.raises(TooManyTries):
        look_at_link(database, GATE, HOME, "guess")
    with pytest.raises(InputError):
        look_at_link(database, GATE, Visit("198.51.100.1"), "guess")


def test_who_lost_everything_is_let_in_again_in_person(database: Database) -> None:
    opened, _ = with_app(database, member(database, name="olha"))
    here, device = present(database, opened), Device()
    key = begin_passkey(database, GATE, here)
    opened = add_passkey(database, GATE, HOME, here, key.token, device.create(key.options), "phone")
    here = present(database, opened)
    token = make_token(database, here, "script", ["write:contributions"])
    boss = admin(database)
    link = recovery_link(database, boss.who, opened.account)
    told = look_at_link(database, GATE, HOME, link.token)
    assert (told.kind, told.name, told.roles) == ("recovery", "olha", ())
    assert who_is(database, opened.token)  # nothing is lost before it is used
    back = join_with_password(database, GATE, HOME, "another tractor sings", token=link.token)
    assert back.account == opened.account and back.login == "olha" and len(back.recovery_codes) == 10
    assert who_is(database, opened.token) is None and who_of_token(database, token.token) is None
    for password in (PASSWORD, "wrong"):
        with pytest.raises(CannotEnter):
            log_in(database, GATE, HOME, "olha", password)
    login = begin_passkey_login(database, GATE, HOME)
    with pytest.raises(CannotEnter):
        log_in_with_passkey(database, GATE, HOME, login.token, device.get(login.options))
    assert log_in(database, GATE, HOME, "olha", "another tractor sings")  # no code is asked for
    told = {one.what: one.by for one in events(database, back.account)}
    assert told["recovery link made"] == boss.who.account and "recovered" in told
    with pytest.raises(InputError):
        join_with_password(database, GATE, HOME, "another tractor sings", token=link.token)


def test_back_in_with_a_passkey(database: Database) -> None:
    opened, device, other = member(database, name="olha"), Device(), Device()
    link = recovery_link(database, OPERATOR, opened.account)
    begun = begin_join(database, GATE, HOME, token=link.token)
    back = join_with_passkey(
        database, GATE, HOME, begun.token, device.create(begun.options), token=link.token
    )
    assert back.account == opened.account and back.login == "olha"
    with pytest.raises(CannotEnter):
        log_in(database, GATE, HOME, "olha", PASSWORD)
    stranger = member(database, name="stranger")  # one's own link does not open somebody else's account
    mine, theirs = (recovery_link(database, OPERATOR, one.account) for one in (stranger, opened))
    begun = begin_join(database, GATE, HOME, token=mine.token)
    with pytest.raises(InputError):
        join_with_passkey(database, GATE, HOME, begun.token, other.create(begun.options), token=theirs.token)


def test_a_passkey_only_account_comes_back_with_a_password(database: Database) -> None:
    begun, device = begin_join(database, GATE, HOME, profile=Profile("Olha")), Device()
    opened = join_with_passkey(database, GATE, HOME, begun.token, device.create(begun.options))
    link = recovery_link(database, OPERATOR, opened.account)
    back = join_with_password(database, GATE, HOME, PASSWORD, token=link.token)
    assert back.login and log_in(database, GATE, HOME, back.login, PASSWORD).account == opened.account


def test_a_custodian_recovers_contributors_of_their_collection_only(database: Database) -> None:
    collections(database, "chernihiv", "lviv")
    keeper = present(database, custodian(database, "chernihiv")).who
    invited = member(database, "contributor", "chernihiv", name="invited").account
    recorded, elsewhere = (member(database, name=name).account for name in ("recorded", "elsewhere"))
    captured(database, recorded, "chernihiv")
    captured(database, elsewhere, "lviv", "ark:/99999/b1d")
    partner = member(database, "partner", "chernihiv", name="partner").account
    for account in (invited, recorded):
        assert recovery_link(database, keeper, account)
    for account in (elsewhere, partner, keeper.account, admin(database).who.account):
        with pytest.raises(NotAllowed):
            recovery_link(database, keeper, account)
    with pytest.raises(NotAllowed):
        recovery_link(database, present(database, member(database, name="plain")).who, recorded)
    with pytest.raises(NotInArchive):
        recovery_link(database, OPERATOR, "nobody")


def test_a_recovery_link_takes_somebody_who_just_showed_who_they_are(database: Database) -> None:
    account = member(database, name="olha").account
    with pytest.raises(NotAllowed) as refused:
        recovery_link(database, confirmed_long_ago(admin(database)).who, account)
    assert refused.value.why is Why.CONFIRM


def test_a_recovery_link_lasts_a_day_and_the_next_takes_its_place(database: Database) -> None:
    account = member(database, name="olha").account
    first, second = (recovery_link(database, OPERATOR, account) for _ in range(2))
    with pytest.raises(InputError):
        look_at_link(database, GATE, HOME, first.token)
    time_passes(database, timedelta(hours=25))
    with pytest.raises(InputError):
        join_with_password(database, GATE, HOME, PASSWORD, token=second.token)


def test_a_closed_account_is_not_opened_by_a_link(database: Database) -> None:
    account = member(database, name="olha").account
    link = recovery_link(database, OPERATOR, account)
    close_account(database, admin(database).who, account)
    with pytest.raises(CannotEnter):
        join_with_password(database, GATE, HOME, PASSWORD, token=link.token)
