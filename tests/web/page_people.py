"""Sample pages of people and their keys."""

from datetime import UTC, datetime

from oberih.i18n import say
from oberih.web.views import (
    AccountPage,
    CodesPage,
    Grant,
    Invitation,
    JoinPage,
    LoginPage,
    OncePage,
    Option,
    Paging,
    Passkey,
    PeoplePage,
    PersonRow,
    Provider,
    RecoverPage,
    SessionRow,
    Token,
)
from web.page_parts import ADMIN, CUSTODIAN, EARLIER, MAY, NEWCOMER, NOW, TODAY, Sample

__all__ = ["PEOPLE"]

GRANTS = (
    Grant("g1", "custodian", "Дерев’яні храми"),
    Grant("g2", "partner", "", datetime(2027, 1, 31, tzinfo=UTC)),
)


PEOPLE: dict[str, Sample] = {
    "login": (
        LoginPage(
            name="malva",
            providers=(Provider("museum", "Музей народної архітектури"),),
            errors={"": say("This did not work. Try again.")},
        ),
        None,
        "/login",
    ),
    "login-again": (LoginPage(again=True, registration=False), CUSTODIAN, "/login"),
    "join-first": (JoinPage("first admin", "t0ken", expires=NOW, shortest=10), None, "/join"),
    "join-invited": (JoinPage("invitation", "t0ken", GRANTS, NOW, shortest=10), None, "/join"),
    "join-here": (
        JoinPage("invitation", "t0ken", GRANTS, NOW, shortest=10, here="Мальва"),
        NEWCOMER,
        "/join",
    ),
    "join-recovery": (JoinPage("recovery", "t0ken", expires=NOW, name="Мальва", shortest=10), None, "/join"),
    "join": (
        JoinPage(
            "registration",
            name="мальва",
            shortest=10,
            errors={
                "name": say("This did not work. Try again."),
                "password": say("At least {count} characters. Three or four words are good.", count=10),
            },
        ),
        None,
        "/join",
    ),
    "recover": (RecoverPage(errors={"code": say("This did not work. Try again.")}), None, "/recover"),
    "codes": (
        CodesPage(
            "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
            "otpauth://totp/Oberih:malva?secret=JBSWY3DPEHPK3PXP&issuer=Oberih",
            tuple(tuple((x * 7 + y * 5 + x * y) % 3 == 0 for x in range(29)) for y in range(29)),
        ),
        NEWCOMER,
        "/account/codes",
    ),
    "once-codes": (
        OncePage(
            "recovery codes",
            tuple(f"{n:04d}-hajr-9kqe" for n in range(10)),
            "malva",
            needs="more than a password",
        ),
        NEWCOMER,
        "/account/recovery-codes",
    ),
    "once-token": (
        OncePage("token", ("oberih_4fJ9sK2LmQ8vX7cZ1bN6hT3yR5wE0aUd",)),
        NEWCOMER,
        "/account/tokens",
    ),
    "once-invitation": (
        OncePage(
            "invitation", ("https://oberih.example/join/q8vX7cZ1bN6hT3yR",), expires=NOW, next="/people"
        ),
        ADMIN,
        "/people/invite",
    ),
    "account": (
        AccountPage(
            "Мальва",
            "p-5d1c7a",
            "Мальва",
            "malva1234",
            GRANTS,
            (Passkey("k1", "Мій телефон", TODAY, TODAY),),
            password=True,
            recovery_codes=8,
            institutions=("Музей народної архітектури",),
            sessions=(
                SessionRow("s1", "Firefox", MAY, TODAY, this=True),
                SessionRow("s2", "Chrome · Windows", MAY, TODAY),
            ),
            tokens=(
                Token("t1", "скрипт музею", ("write:contributions", "read:jobs"), TODAY, MAY, None),
                Token("t2", "скрипт музею", ("read:jobs",), MAY, TODAY, TODAY, "soon"),
                Token("t3", "скрипт музею", ("read:jobs",), MAY, TODAY, None, "over"),
            ),
            scopes=("read:records", "write:contributions"),
            shortest=10,
        ),
        NEWCOMER,
        "/account",
    ),
    "account-new": (AccountPage("Мальва", "", shortest=10), NEWCOMER, "/account"),
    "people": (
        PeoplePage(
            (
                PersonRow("1", "Ярина", GRANTS, MAY, TODAY, login="Ярина-2973"),
                PersonRow("2", "Мальва", (Grant("g3", "contributor"),), MAY, suspended=True, login="malva"),
            ),
            (Invitation("i1", GRANTS[:1], EARLIER, NOW, "для музею"),),
            (Option("c1", "Дерев’яні храми"),),
            paging=Paging(earlier="/people", count=51),
        ),
        ADMIN,
        "/people",
    ),
}
