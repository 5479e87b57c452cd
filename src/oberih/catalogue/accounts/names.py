"""Names: what people call themselves, and what they log in with.

Two login names that look alike are the same one. Each is reduced to a skeleton, after Unicode's technical
standard 39: letters that are drawn alike in Latin, Cyrillic and Greek become one. The table has the letters
of those alphabets; names that mix them are refused.
"""

import re
import secrets
import unicodedata

from oberih.errors import InputError
from oberih.i18n import say

__all__ = [
    "LONGEST_LOGIN", "checked_email", "checked_login", "checked_name", "folded", "plain", "skeleton",
    "with_number",
]  # fmt: skip

LONGEST = 80  # letters of a name
LONGEST_LOGIN = 64
LONGEST_EMAIL = 254  # RFC 5321
LOGIN = re.compile(r"[^\W_](?:[\w.'’ʼ-]| (?! ))*[^\W_]\.?")
EMAIL = re.compile(r"[^@\s<>,;:\"\\]{1,64}@[^@\s<>,;:\"\\.][^@\s<>,;:\"\\]*\.[^@\s<>,;:\"\\.]+")
ALPHABETS = {"LATIN", "CYRILLIC", "GREEK"}  # those that look like each other

ALIKE = str.maketrans(
    {
        # Cyrillic
        "а": "a", "в": "b", "е": "e", "є": "e", "ё": "e", "з": "3", "і": "i", "ї": "i", "ј": "j", "к": "k",
        "м": "m", "н": "h", "о": "o", "р": "p", "с": "c", "ѕ": "s", "т": "t", "у": "y", "ў": "y", "х": "x",
        "ԁ": "d", "һ": "h", "ԛ": "q", "ԝ": "w", "ӏ": "l", "ґ": "г",
        # Greek
        "α": "a", "β": "b", "γ": "y", "ε": "e", "η": "n", "ι": "i", "κ": "k", "μ": "u", "ν": "v", "ο": "o",
        "ρ": "p", "σ": "o", "τ": "t", "υ": "u", "χ": "x", "ω": "w",
        # Latin, and figures
        "ı": "i", "0": "o", "1": "l", "ß": "b", "ø": "o", "ł": "l", "đ": "d", "ħ": "h", "æ": "ae", "œ": "oe",
        # signs that are hardly seen
        " ": "", ".": "", "_": "", "-": "", "'": "", "’": "", "ʼ": "",
    }
)  # fmt: skip


def checked_name(text: str) -> str:
    """A name of a person, as it is to be shown. Raises `InputError`."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if hidden := next((letter for letter in name if unseen(letter)), ""):
        raise InputError(
            say("A name cannot have the sign {sign}, which nobody sees.", sign=called(hidden)),
            "Write the name anew instead of copying it.",
        )
    if not name or len(name) > LONGEST:
        raise InputError(
            say("A name has 1 to {most} letters.", most=LONGEST),
            "Any name will do; it need not be your real one.",
        )
    return name


def checked_login(text: str) -> str:
    """A login name in its normal form (NFKC). Raises `InputError`."""
    login = unicodedata.normalize("NFKC", " ".join(text.split()))
    if not 2 <= len(login) <= LONGEST_LOGIN or not LOGIN.fullmatch(login):
        raise InputError(
            say(
                "The name to log in with has 2 to {most} letters, figures, points or hyphens.",
                most=LONGEST_LOGIN,
            ),
            "It begins and ends with a letter or a figure; one point may follow.",
        )
    if len(alphabets(login)) > 1:
        raise InputError(
            "The name mixes letters of several alphabets that look alike.", "Write it in one alphabet."
        )
    return login


def checked_email(text: str) -> str:
    """Raises `InputError` for what is no address; whether anybody reads there is not known."""
    email = text.strip()
    if email and (len(email) > LONGEST_EMAIL or not EMAIL.fullmatch(email)):
        raise InputError("This is no e-mail address.", "Correct it, or leave it empty: it is not needed.")
    return email


def skeleton(login: str) -> str:
    """What all login names that look like this one have in common."""
    taken_apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", login).casefold())
    letters = "".join(one for one in taken_apart if not unicodedata.combining(one) and not unseen(one))
    return letters.translate(ALIKE).replace("rn", "m").replace("vv", "w")


def with_number(login: str, figures: int) -> str:
    """A login name that nobody else has, most likely, and that says nothing of who else is here."""
    least = 10 ** (figures - 1)
    return f"{login[: LONGEST_LOGIN - figures - 1].rstrip(' .-')}-{secrets.randbelow(9 * least) + least}"


def folded(*texts: str) -> str:
    """Texts as a search sees them."""
    return " ".join(unicodedata.normalize("NFKC", plain(text)).casefold() for text in texts if text)


def plain(text: str, most: int = 200) -> str:
    """A remark in one line, of letters that any database keeps."""
    return " ".join("".join(" " if unseen(one) else one for one in text).split())[:most]


def alphabets(text: str) -> set[str]:
    """Of the letters that have a double in another alphabet."""
    return {unicodedata.name(letter, "").split(" ")[0] for letter in text if letter.isalpha()} & ALPHABETS


def called(sign: str) -> str:
    """What a sign that nobody sees is called: "U+202E RIGHT-TO-LEFT OVERRIDE"."""
    return f"U+{ord(sign):04X} {unicodedata.name(sign, '')}".strip()


def unseen(letter: str) -> bool:
    """Whether it is a sign that controls others, or none at all."""
    return unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")
