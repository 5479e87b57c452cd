"""People of a service: their accounts, the ways by which they come in, and the roles that they hold.

Functions over a `Database`; what stands at the door is told by a `Gate` (key, settings, address) and a
`Visit` (network, browser). Whoever came in is a `Present` with a `Who`, and what that may do says `access`.
Nothing here knows of the web, and nothing here is heritage: accounts come back from a backup.

    log in      log_in, log_in_with_passkey, begin_institution and finish_institution -> Opened (cookies)
    each time   who_is(cookie) -> Present; who_of_token(header) -> Who
    join        look_at_link, join_with_password, begin_join and join_with_passkey -> Opened
    again       confirm, confirm_with_passkey: for what is dangerous
    later       who_again(asked): for work that is done when they are gone
"""

from oberih.catalogue.accounts.codes import (
    CodesStart,
    begin_codes,
    codes_begun,
    confirm_codes,
    new_recovery_codes,
    recovery_codes_left,
    remove_codes,
)
from oberih.catalogue.accounts.events import sweep
from oberih.catalogue.accounts.gate import Gate, Visit
from oberih.catalogue.accounts.institutions import (
    IdentityRow,
    Leaving,
    back_address,
    begin_institution,
    finish_institution,
    institutions_of,
)
from oberih.catalogue.accounts.joining import Profile, begin_join, join_with_passkey, join_with_password
from oberih.catalogue.accounts.keys import Key
from oberih.catalogue.accounts.leaving import (
    before_leaving,
    erase_again,
    leave,
    own_data,
)
from oberih.catalogue.accounts.limits import TooManyTries
from oberih.catalogue.accounts.links import (
    Invited,
    LinkMade,
    LinkRow,
    accept_invitation,
    first_admin_link,
    invitations,
    invite,
    look_at_link,
    recovery_link,
    revoke_link,
)
from oberih.catalogue.accounts.login import CannotEnter, change_password, confirm, log_in
from oberih.catalogue.accounts.names import checked_name
from oberih.catalogue.accounts.passkeys import (
    Challenge,
    PasskeyRow,
    add_passkey,
    begin_confirm_with_passkey,
    begin_passkey,
    begin_passkey_login,
    confirm_with_passkey,
    log_in_with_passkey,
    passkeys_of,
    remove_passkey,
)
from oberih.catalogue.accounts.passwords import LONGEST, SHORTEST
from oberih.catalogue.accounts.people import (
    People,
    Person,
    change_profile,
    close_account,
    find_people,
    open_account,
    person,
    set_pseudonym,
)
from oberih.catalogue.accounts.roles import GrantRow, give_role, take_role
from oberih.catalogue.accounts.sessions import (
    Opened,
    Present,
    SessionRow,
    csrf_is_right,
    csrf_of,
    end_all_sessions,
    end_other_sessions,
    end_session,
    log_out,
    sessions_of,
    who_again,
    who_in,
    who_is,
    who_now,
)
from oberih.catalogue.accounts.tables import ACCOUNTS
from oberih.catalogue.accounts.tokens import (
    PREFIX,
    TokenMade,
    TokenRow,
    make_token,
    revoke_token,
    tokens_of,
    who_of_token,
)

__all__ = [
    "ACCOUNTS",
    "LONGEST",
    "PREFIX",
    "SHORTEST",
    "CannotEnter",
    "Challenge",
    "CodesStart",
    "Gate",
    "GrantRow",
    "IdentityRow",
    "Invited",
    "Key",
    "Leaving",
    "LinkMade",
    "LinkRow",
    "Opened",
    "PasskeyRow",
    "People",
    "Person",
    "Present",
    "Profile",
    "SessionRow",
    "TokenMade",
    "TokenRow",
    "TooManyTries",
    "Visit",
    "accept_invitation",
    "add_passkey",
    "back_address",
    "before_leaving",
    "begin_codes",
    "begin_confirm_with_passkey",
    "begin_institution",
    "begin_join",
    "begin_passkey",
    "begin_passkey_login",
    "change_password",
    "change_profile",
    "checked_name",
    "close_account",
    "codes_begun",
    "confirm",
    "confirm_codes",
    "confirm_with_passkey",
    "csrf_is_right",
    "csrf_of",
    "end_all_sessions",
    "end_other_sessions",
    "end_session",
    "erase_again",
    "find_people",
    "finish_institution",
    "first_admin_link",
    "give_role",
    "institutions_of",
    "invitations",
    "invite",
    "join_with_passkey",
    "join_with_password",
    "leave",
    "log_in",
    "log_in_with_passkey",
    "log_out",
    "look_at_link",
    "make_token",
    "new_recovery_codes",
    "open_account",
    "own_data",
    "passkeys_of",
    "person",
    "recovery_codes_left",
    "recovery_link",
    "remove_codes",
    "remove_passkey",
    "revoke_link",
    "revoke_token",
    "sessions_of",
    "set_pseudonym",
    "sweep",
    "take_role",
    "tokens_of",
    "who_again",
    "who_in",
    "who_is",
    "who_now",
    "who_of_token",
]
