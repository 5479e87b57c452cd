"""Who may do what, tried out whole: every action, every role, here and elsewhere, in every condition."""

from dataclasses import replace
from datetime import timedelta
from itertools import product
from types import MappingProxyType

import pytest

from oberih.catalogue.access import (
    DANGEROUS,
    NOBODY,
    OPERATOR,
    OWN,
    ROLES,
    SCOPES,
    TABLE,
    Action,
    Held,
    NotAllowed,
    Who,
    Why,
    allowed,
    demand,
    giving,
    may,
    verdict,
)
from oberih.catalogue.database import now

# The rule in other words than the program's: who, by initial. c contributor, o coordinator, k custodian,
# p partner, a admin; "." whoever has an account. Then what it takes besides: ! shown again, = one's own.
RULE = """
see own contribution      .     =
withdraw own contribution .     =
cancel own job            .     =
see own data              .
change own account        .
change own keys           .     !
make token                .     !
leave                     .     !
contribute                cok
see zones                 ok
manage zones              ok
list queue                k
review                    k
release from quarantine   k
edit description          k
report condition          k
set sensitivity           k
correct blur              k
publish                   k
unpublish                 k
withdraw                  k
edit collection           k
see record                kp
see place                 kp
export                    kp
see people                oka
see contact               a
manage accounts           a     !
recover contributor       ka    !
give role contributor     oka
give role coordinator     ka    !
give role custodian       a     !
give role partner         ka    !
give role admin           a     !
see jobs                  ka
cancel job                ka
set priority              ka
read audit                ka
make collection           a
back up                   a     !
"""
INITIALS = {"c": "contributor", "o": "coordinator", "k": "custodian", "p": "partner", "a": "admin"}
TOKENS = {
    "read:records": {"see own contribution", "see record", "list queue"},
    "write:contributions": {"contribute", "see own contribution", "cancel own job"},
    "write:records": {"edit description", "report condition"},
    "read:originals": {"export"},
    "read:places": {"see place"},
    "read:jobs": {"see jobs"},
}
LATER, EARLIER = now() + timedelta(hours=1), now() - timedelta(seconds=1)


def rule() -> dict[str, tuple[set[str], str]]:
    lines = [line for line in RULE.splitlines() if line]
    read = {line[:26].strip(): line[26:].split() for line in lines}
    return {
        action: ({INITIALS[one] for one in words[0] if one != "."}, words[1] if len(words) > 1 else "")
        for action, words in read.items()
    }


def test_every_action_has_one_rule() -> None:
    assert {action.value for action in Action} == set(rule()) == {action.value for action in TABLE}
    assert {action for action, (_, more) in rule().items() if more == "!"} == {one.value for one in DANGEROUS}
    assert {action for action, (_, more) in rule().items() if more == "="} == {one.value for one in OWN}
    assert {scope: {one.value for one in actions} for scope, actions in SCOPES.items()} == TOKENS


@pytest.mark.parametrize("action", Action)
def test_the_whole_table(action: Action) -> None:
    """No role and 5 roles x 5 places they hold and ask for x no end, a later, an earlier one x closed or not
    x 2 factors or not x shown again lately, long ago, never x in person or each scope x whose it is: for
    each, the rule above says yes or no.
    """
    roles, more = rule()[action.value]
    tried = 0
    places = (("*", "here"), ("here", "here"), ("there", "here"), ("here", None), ("*", None))
    conditions = product(
        (None, *ROLES), places, (None, LATER, EARLIER), (False, True), (False, True), (LATER, EARLIER, None),
        (None, *TOKENS, "unknown"),
        ("", "person-me", "person-other") if more == "=" else ("",),
    )  # fmt: skip
    for role, (held, asked), until, closed, strong, recent, scope, owner in conditions:
        who = Who(
            "account-1", "person-me", (Held(role, held, until),) if role else (), closed, strong, recent,
            None if scope is None else frozenset({scope}),
        )  # fmt: skip
        right = (
            not closed
            and (not roles or (
                role in roles and until is not EARLIER
                and (held == "*" or (held == "here" and asked == "here"))
                and (strong or role not in ("custodian", "admin"))
            ))
            and (more != "=" or owner == "person-me")
            and (more != "!" or (recent is LATER and scope is None))
            and (scope is None or action.value in TOKENS.get(scope, ()))
        )  # fmt: skip
        assert allowed(who, action, asked, owner=owner) is right, (who, asked, owner)
        tried += 1
    assert tried == 6 * 5 * 3 * 2 * 2 * 3 * 8 * (3 if more == "=" else 1)


@pytest.mark.parametrize("action", Action)
def test_nobody_may_anything_and_the_operator_what_an_admin_and_custodian_may(action: Action) -> None:
    assert not allowed(NOBODY, action) and not allowed(NOBODY, action, "here", owner="")
    roles, more = rule()[action.value]
    assert allowed(OPERATOR, action) is (more != "=" and (not roles or bool(roles & {"admin", "custodian"})))


def test_an_admin_alone_sees_nothing_that_is_sealed() -> None:
    someone = Who("a", held=(Held("admin"),), strong=True, recent_until=LATER)
    sealed = (Action.SEE_PLACE, Action.EXPORT, Action.SEE_RECORD, Action.REVIEW)
    assert not any(allowed(someone, action, "here") for action in sealed)


def test_an_unknown_action_is_denied() -> None:
    assert verdict(OPERATOR, "blow up") is Why.NO  # type: ignore[arg-type]


def test_the_table_cannot_be_changed() -> None:
    assert isinstance(TABLE, MappingProxyType) and isinstance(SCOPES, MappingProxyType)
    with pytest.raises(TypeError):
        TABLE[Action.PUBLISH] = None  # type: ignore[index]


def test_what_keeps_somebody_from_it_is_said() -> None:
    custodian = Who("k", held=(Held("custodian", "here"),), strong=True)
    weak = replace(custodian, strong=False)
    assert verdict(custodian, Action.GIVE_PARTNER, "here") is Why.CONFIRM
    assert verdict(weak, Action.PUBLISH, "here") is Why.SECOND_FACTOR
    assert verdict(weak, Action.CONTRIBUTE, "here") is Why.SECOND_FACTOR  # of their right as a custodian
    assert verdict(custodian, Action.PUBLISH, "there") is Why.NO
    assert may(custodian, Action.GIVE_PARTNER, "here") and not may(custodian, Action.GIVE_ADMIN)
    for who, why in ((custodian, Why.CONFIRM), (weak, Why.SECOND_FACTOR), (NOBODY, Why.NO)):
        with pytest.raises(NotAllowed) as refused:
            demand(who, Action.GIVE_PARTNER, "here")
        assert refused.value.why is why and refused.value.message and refused.value.advice


def test_own_is_known_by_account_or_pseudonym() -> None:
    someone = Who("account-1", "person-me")
    for owner, right in (("account-1", True), ("person-me", True), ("", False), ("person-x", False)):
        assert allowed(someone, Action.SEE_OWN, owner=owner) is right
    assert not allowed(Who("account-1"), Action.SEE_OWN, owner="")


def test_giving_a_role_is_an_action_for_each() -> None:
    assert {giving(role).value for role in ROLES} == {f"give role {role}" for role in ROLES}
