"""Names, accounts, roles: who is who, and who may know and change it."""

import time
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import delete, insert, update

from oberih.catalogue.access import EVERYWHERE, OPERATOR, Action, NotAllowed, Why, allowed
from oberih.catalogue.accounts import (
    Profile,
    change_profile,
    close_account,
    find_people,
    give_role,
    join_with_password,
    log_in,
    open_account,
    person,
    set_pseudonym,
    take_role,
    who_is,
    who_now,
)
from oberih.catalogue.accounts.keys import network_of, typed_code
from oberih.catalogue.accounts.names import checked_email, checked_login, checked_name, folded, skeleton
from oberih.catalogue.accounts.tables import Account, Grant, LoginSession
from oberih.catalogue.database import Database, now
from oberih.catalogue.tables import new_id
from oberih.errors import Conflict, InputError, NotInArchive
from people import (
    GATE,
    HOME,
    PASSWORD,
    admin,
    captured,
    collections,
    confirmed_long_ago,
    events,
    gate,
    member,
    present,
    time_passes,
    with_app,
)

pytestmark = pytest.mark.usefixtures("quick_hashes")


# -- names ---


@pytest.mark.parametrize(("one", "other"), [
    ("olena", "оlеnа"), ("OLENA", "olena"), ("сосо", "coco"), ("ｏlena", "olena"), ("petrol", "petro1"),
    ("ol.ena", "olena"), ("o'lena", "olena"), ("modern", "modem"), ("Stra\u00dfe", "strasse"),
    ("o\u0301lena", "\u00f3lena"), ("ole\u200bna", "olena"), ("ole\0na", "olena"), ("pavlo0", "pavloo"),
    ("νι", "vi"),
])  # fmt: skip
def test_names_that_look_alike_are_the_same_one(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"), [("olena", "olga"), ("іван", "петро"), ("ada", "adam"), ("а1", "а2")]
)
def test_names_that_do_not_are_not(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@pytest.mark.parametrize(
    "good", ["olena", "Олена Коваль", "Мар'яна", "o.koval-2", "李小龍", "محمد علي", "Ян", "О. К."]
)
def test_a_login_name_is_of_one_alphabet(good: str) -> None:
    assert checked_login(good) == good


@pytest.mark.parametrize(
    "bad", ["", "a", "оlena", "a" * 65, ".olena", "olena ", "ole\u200bna", "ole/na", "<b>x", "___"]
)
def test_what_is_no_login_name(bad: str) -> None:
    if bad.strip() == bad:
        with pytest.raises(InputError):
            checked_login(bad)
    else:
        assert checked_login(bad) == bad.strip()


def test_a_name_is_anything_that_can_be_shown() -> None:
    assert checked_name("  Олена\u00a0 Коваль ") == "Олена Коваль"
    for bad in ("", "   ", "x" * 81, "a\u202eb", "a\0b", "\ud800"):
        with pytest.raises(InputError):
            checked_name(bad)


def test_an_address_is_one_or_none() -> None:
    assert checked_email(" olena@museum.example ") == "olena@museum.example" and checked_email("") == ""
    for bad in ("olena", "a@b", "a@@b.c", "a b@c.d", "a@b.c,d@e.f", "x" * 300 + "@b.c", "a@b.c\nBcc: d@e.f"):
        with pytest.raises(InputError):
            checked_email(bad)


def test_a_written_code_is_read_as_it_was_meant() -> None:
    assert typed_code(" GK8T 2n5x-7WQ3—m5dO ") == "gk8t-2n5x-7wq3-m5d0" and typed_code("") == ""


def test_what_a_visitor_chooses_freely_is_one_network() -> None:
    assert (
        network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::1") != network_of("2001:db8:1:3::1")
    )
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("fe80::1%eth0") == network_of("fe80::2") and network_of("testclient") == "testclient"
    first, next_day = GATE.key.address("192.0.2.1"), GATE.key.address("192.0.2.1", now() + timedelta(days=1))
    assert first != next_day and GATE.key.address("") == "" and "192" not in first


# -- accounts ---


def test_somebody_changes_what_is_known_of_them(database: Database) -> None:
    here = present(database, member(database, name="olha"))
    change_profile(
        database, here.who, name="Olha K.", public_name="O. Koval", language="uk", email="o@k.example"
    )
    told = person(database, here.who, here.who.account)
    assert (told.name, told.public_name, told.language, told.email) == (
        "Olha K.",
        "O. Koval",
        "uk",
        "o@k.example",
    )
    change_profile(database, here.who, public_name=" ")
    assert person(database, here.who, here.who.account).public_name == ""
    for wrong in ({"name": ""}, {"language": "<script>"}, {"email": "x"}):
        with pytest.raises(InputError):
            change_profile(database, here.who, **wrong)


def test_a_pseudonym_is_given_once(database: Database) -> None:
    opened = member(database, name="olha")
    assert set_pseudonym(database, opened.account, "person-a") == "person-a"
    assert set_pseudonym(database, opened.account, "person-b") == "person-a"
    assert present(database, opened).who.pseudonym == "person-a"
    with pytest.raises(NotInArchive):
        set_pseudonym(database, "nobody", "person-c")


def test_the_day_somebody_was_seen_is_kept_and_no_more(database: Database) -> None:
    opened = member(database, name="olha")
    time_passes(database, timedelta(days=3))
    assert person(database, OPERATOR, opened.account).seen == (now() - timedelta(days=3)).date()
    assert who_is(database, opened.token)
    assert person(database, OPERATOR, opened.account).seen == now().date()


def test_who_may_know_people(database: Database) -> None:
    collections(database, "chernihiv", "lviv")
    boss = admin(database).who
    leader = present(database, member(database, "coordinator", "chernihiv", name="leader")).who
    near = member(database, "contributor", "chernihiv", name="near")
    recorded, far = member(database, name="recorded"), member(database, name="far")
    captured(database, recorded.account, "chernihiv")
    change_profile(database, present(database, near).who, email="near@example.org")
    found = find_people(database, leader, collection="chernihiv").people
    assert {one.name for one in found} == {"leader", "near", "recorded"}
    assert {one.email for one in found} == {""}  # those who run the service know that
    assert person(database, boss, near.account).email == "near@example.org"
    assert person(database, leader, recorded.account).name == "recorded"
    refused = (
        lambda: find_people(database, leader), lambda: find_people(database, leader, collection="lviv"),
        lambda: person(database, leader, far.account), lambda: person(database, leader, "nobody"),
        lambda: find_people(database, present(database, far).who, collection="chernihiv"),
    )  # fmt: skip
    for ask in refused:
        with pytest.raises(NotAllowed):
            ask()


def test_fifty_thousand_people_are_found_at_once(database: Database) -> None:
    moment = now()
    rows = [
        {"id": new_id(), "name": f"Особа {number}", "login": f"person-{number}", "public_name": "",
         "login_key": skeleton(f"person-{number}"), "language": "uk", "email": "",
         "sought": folded(f"Особа {number}", f"person-{number}"),
         "created": moment - timedelta(seconds=number // 3)}
        for number in range(50_000)
    ]  # fmt: skip
    with database.writing("test", "fill") as session:
        session.execute(insert(Account), rows)
        session.execute(insert(Grant), [
            {"id": new_id(), "account": row["id"], "role": "contributor", "collection": EVERYWHERE, "by": "x",
             "why": "", "created": moment}
            for row in rows
        ])  # fmt: skip
    seen: set[str] = set()
    after, pages = None, 0
    while pages == 0 or (after and pages < 5):
        page = find_people(database, OPERATOR, after=after, most=500)
        seen |= {one.id for one in page.people}
        after, pages = page.after, pages + 1
    assert len(seen) == 2500  # none twice, none left out
    begun = time.process_time()
    (found,) = find_people(database, OPERATOR, search="ОСОБА 49321").people
    assert found.login == "person-49321" and [one.role for one in found.grants] == ["contributor"]
    assert len(find_people(database, OPERATOR, role="contributor", most=50).people) == 50
    assert find_people(database, OPERATOR, search="50%").people == ()
    last = find_people(database, OPERATOR, search="4999", most=4)
    assert len(last.people) == 4 and last.after
    assert time.process_time() - begun < 2


# -- roles ---


def test_a_role_is_given_changed_and_taken(database: Database) -> None:
    collections(database, "chernihiv")
    boss, opened = admin(database).who, member(database, name="olha")
    grant = give_role(
        database, GATE, boss, opened.account, "coordinator", "chernihiv", why="leads the students"
    )
    until = now() + timedelta(days=10)
    assert give_role(database, GATE, boss, opened.account, "coordinator", "chernihiv", until=until) == grant
    who = who_now(database, opened.account)
    assert who is not None and allowed(who, Action.SEE_ZONES, "chernihiv")
    assert [one.until for one in person(database, boss, opened.account).grants if one.id == grant] == [until]
    take_role(database, boss, grant)
    take_role(database, boss, grant)
    who = who_now(database, opened.account)
    assert who is not None and not allowed(who, Action.SEE_ZONES, "chernihiv")
    told = [(one.what, one.by) for one in events(database, opened.account)]
    assert ("role given", boss.account) in told and ("role taken", boss.account) in told


def test_a_partner_s_access_ends(database: Database) -> None:
    account, short = member(database, name="getty").account, gate(partner_days=30)
    give_role(database, short, OPERATOR, account, "partner")
    (row,) = [one for one in person(database, OPERATOR, account).grants if one.role == "partner"]
    assert row.until is not None and timedelta(days=29) < row.until - now() <= timedelta(days=30)
    for until in (now() + timedelta(days=31), now() - timedelta(days=1)):
        with pytest.raises(InputError):
            give_role(database, short, OPERATOR, account, "partner", until=until)
    time_passes(database, timedelta(days=31))
    who = who_now(database, account)
    assert who is not None and not allowed(who, Action.SEE_PLACE, "any")


def test_nobody_gives_or_takes_more_than_they_may(database: Database) -> None:
    collections(database, "chernihiv", "lviv")
    boss = admin(database).who
    keeper = present(
        database, with_app(database, member(database, "custodian", "chernihiv", name="keeper"))[0]
    )
    account = member(database, name="olha").account
    assert give_role(database, GATE, keeper.who, account, "partner", "chernihiv")
    for role, place in (("custodian", "chernihiv"), ("admin", "*"), ("partner", "lviv"), ("partner", "*")):
        with pytest.raises(NotAllowed):
            give_role(database, GATE, keeper.who, account, role, place)
        with pytest.raises(NotAllowed):  # nor to themselves
            give_role(database, GATE, keeper.who, keeper.who.account, role, place)
    theirs = give_role(database, GATE, boss, account, "partner", "lviv")
    with pytest.raises(NotAllowed):
        take_role(database, keeper.who, theirs)
    with pytest.raises(NotAllowed) as refused:
        give_role(database, GATE, confirmed_long_ago(keeper).who, account, "partner", "chernihiv")
    assert refused.value.why is Why.CONFIRM
    for wrong in (("emperor", "*"), ("partner", "nowhere")):
        with pytest.raises((InputError, NotInArchive)):
            give_role(database, GATE, boss, account, *wrong)
    with pytest.raises(NotInArchive):
        give_role(database, GATE, boss, "nobody", "partner")


def test_there_is_always_an_admin(database: Database) -> None:
    boss = admin(database).who
    (grant,) = [one.id for one in person(database, boss, boss.account).grants if one.role == "admin"]
    for leave in (
        lambda: take_role(database, boss, grant),
        lambda: close_account(database, boss, boss.account),
    ):
        with pytest.raises(Conflict, match="only admin"):
            leave()
    second = member(database, "admin", name="second").account
    close_account(database, boss, second)
    with pytest.raises(Conflict):
        take_role(database, boss, grant)  # a closed account does not count
    open_account(database, boss, second)
    take_role(database, boss, grant)


def at_once(database: Database, grants: list[str]) -> list[str]:
    """How it ends for those who take roles away in the same moment."""
    together, outcomes = Barrier(len(grants)), []

    def take(grant: str) -> None:
        together.wait()
        try:
            take_role(database, OPERATOR, grant)
            outcomes.append("taken")
        except Conflict:
            outcomes.append("kept")

    threads = [Thread(target=take, args=(grant,)) for grant in grants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def test_of_two_admins_who_take_each_other_s_role_at_once_one_stays(database: Database) -> None:
    for names in (("ada", "bohdan"), ("vira", "hryhorii"), ("daryna", "yevhen")):
        people = [member(database, "admin", name=name).account for name in names]
        grants = [person(database, OPERATOR, one).grants[0].id for one in people]
        assert at_once(database, grants) == ["kept", "taken"]
        with database.writing("test", "clear") as session:
            session.execute(delete(Grant))


def test_a_role_that_two_take_at_once_is_gone(database: Database) -> None:
    account = member(database, name="olha").account
    for _ in range(3):
        grant = give_role(database, GATE, OPERATOR, account, "coordinator")
        assert at_once(database, [grant, grant]) == ["taken", "taken"]
    assert [one.role for one in person(database, OPERATOR, account).grants] == ["contributor"]


def test_a_closed_account_is_opened_again(database: Database) -> None:
    boss, opened = admin(database).who, member(database, name="olha")
    close_account(database, boss, opened.account, "asked for it")
    assert who_is(database, opened.token) is None
    assert person(database, boss, opened.account).disabled is not None
    open_account(database, boss, opened.account)
    assert log_in(database, GATE, HOME, "olha", PASSWORD)
    plain = present(database, member(database, name="petro")).who
    for change in (close_account, open_account):
        with pytest.raises(NotAllowed):
            change(database, plain, opened.account)


def test_an_account_that_is_closed_while_somebody_is_in_is_closed_at_once(database: Database) -> None:
    opened = member(database, name="olha")
    with database.writing("test", "close") as session:
        session.execute(update(Account).where(Account.id == opened.account).values(disabled=now()))
    assert who_is(database, opened.token) is None
    with database.reading() as session:
        assert session.query(LoginSession).count() == 1


def test_an_identifier_that_no_page_makes_is_nobody_s(database: Database) -> None:
    for identifier in ("\0", "x" * 10_000, "", "ї"):
        with pytest.raises((NotInArchive, InputError)) as refused:  # PostgreSQL keeps no NUL
            person(database, OPERATOR, identifier)
        assert refused.type is NotInArchive or identifier == "\0"


def test_a_joke_as_a_name_stays_a_name(database: Database) -> None:
    name = "Robert'); DROP TABLE account;--"
    opened = join_with_password(database, GATE, HOME, PASSWORD, profile=Profile(name, login="robert"))
    assert present(database, opened).name == name
    assert len(find_people(database, OPERATOR, search="'); drop").people) == 1
    assert find_people(database, OPERATOR, search="\0").people
