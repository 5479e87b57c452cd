"""What templates call to speak one language: texts, numbers, sizes and times as that language has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from string import Formatter
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime
from markupsafe import Markup

from oberih.i18n import Language, say

__all__ = ["EACH", "Speech"]


class Unfilled(int):
    """A count that stands for all counts of its plural form: it is shown as its place in the text."""

    def __format__(self, spec: str) -> str:
        return "{count}"


NEARLY_S = 15  # below which nobody can tell
EACH = Unfilled(0)
"""As ``count`` of `Speech.t`: asks for all plural forms, for a script that will count."""


@dataclass(frozen=True)
class Speech:
    """One language as templates speak it. Its methods are the functions of the templates."""

    language: Language

    def t(self, text: str, plural: str | None = None, /, **parts: object) -> Any:
        """A text. With ``count=each``: {plural category: text with {count} in it}."""
        if not parts:
            return self.language(text)
        if parts.get("count") is EACH:
            kept = {name: f"{{{name}}}" for _, name, _, _ in Formatter().parse(text) if name}
            return {
                name: self.language.say(text, plural, **(kept | {"count": n}))
                for name, n in counts(self.language.code).items()
            }
        return self.language.say(text, plural, **parts)

    def day(self, value: date) -> Markup:
        """A day, marked up. 21 November 2026."""
        return marked(value.strftime("%Y-%m-%d"), format_date(value, "long", self.locale))

    def month(self, value: date) -> Markup:
        """A month, marked up: as exact as public dates may be. November 2026."""
        return marked(value.strftime("%Y-%m"), self.month_in_words(value))

    def month_in_words(self, value: date) -> str:
        return format_date(value, "LLLL y", self.locale)

    def moment(self, value: datetime) -> Markup:
        """A time in UTC, marked up; a script shows it in the reader's zone. 21 Nov 2026, 05:20 UTC."""
        told = value.astimezone(UTC)
        text = format_datetime(told, "d MMM y, HH:mm", locale=self.locale) + "\u00a0UTC"
        return marked(told.strftime("%Y-%m-%dT%H:%M:%SZ"), text, " data-moment")

    def number(self, value: float, digits: int = 0) -> str:
        return self.language.say("{x:,.{d}f}", x=value, d=digits)

    def share(self, value: float) -> str:
        return self.language.say("{x:.0f} %", x=100 * value)

    def size(self, value: float) -> str:
        """Bytes, in units of a thousand, as phones count them."""
        if value < 1e6:
            return self.language.say("{x:,.0f} kB", x=max(1, value / 1e3) if value else 0)
        if value < 1e9:
            return self.language.say("{x:,.1f} MB", x=value / 1e6)
        return self.language.say("{x:,.1f} GB", x=value / 1e9)

    def time(self, seconds: float) -> str:
        """A length of time, roughly, as one tells how long something will take."""
        if seconds < 90:
            return self.language.say("{count} second", "{count} seconds", count=max(1, round(seconds)))
        if seconds < 90 * 60:
            return self.language.say("{count} minute", "{count} minutes", count=round(seconds / 60))
        if seconds < 36 * 3600:
            return self.language.say("{count} hour", "{count} hours", count=round(seconds / 3600))
        return self.language.say("{count} day", "{count} days", count=round(seconds / 86400))

    def left(self, seconds: float | None) -> str:
        """How much longer the present part of some work takes; nothing where nobody knows."""
        if seconds is None:
            return ""
        if seconds < NEARLY_S:
            return self.language(say("this part is nearly done"))
        return self.language.say("about {time} more for this part", time=self.time(seconds))

    def chosen(self, texts: Mapping[str, str]) -> tuple[str, str]:
        """Of a text in several languages the one to show: (its language, the text)."""
        found = self.language.code if self.language.code in texts else next(iter(texts), "")
        return found, texts.get(found, "")

    @property
    def locale(self) -> Locale:
        """As dates are written: English without a country would put the month first."""
        return Locale("en", "GB") if self.language.code == "en" else Locale.parse(self.language.code)


@cache
def counts(code: str) -> dict[str, Unfilled]:
    """Plural categories of CLDR, each with the smallest count that falls into it."""
    rule = Locale.parse(code).plural_form
    found: dict[str, Unfilled] = {}
    for count in range(30):
        found.setdefault(rule(count), Unfilled(count))
    found.setdefault("other", Unfilled(5))
    return found


def marked(machine: str, text: str, more: str = "") -> Markup:
    return Markup('<time datetime="{}"' + more + ">{}</time>").format(machine, text)  # noqa: S704 - ours
