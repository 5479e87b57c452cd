"""A page that opens anywhere: everything inside, no network, every language with a switch without scripts.

A content security policy forbids the page to load anything.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from numpy.typing import NDArray

from oberih.i18n import Language, available, language, say
from oberih.reconstruct.figures import Figure

__all__ = ["DIGITS", "PREVIEW_PX", "THUMBNAIL_PX", "Image", "Page", "Words", "inline", "thumbnail", "upright"]

Image = NDArray[np.uint8]

PREVIEW_PX, THUMBNAIL_PX = 1200, 200
DIGITS = {"px": 2, "dB": 1, "°": 1}  # decimals of figures in the table, by unit; lengths find their own


class Page:
    """What all pages have in common: style, script and words in all languages."""

    def __init__(self) -> None:
        self.languages = [language(code) for code in available()]
        self.words = Words(self.languages)
        self.environment = Environment(
            loader=PackageLoader("oberih.reconstruct"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip

    def render(self, template: str, **values: object) -> str:
        script = read(self.environment, "report.js").strip()
        style = read(self.environment, "report.css").strip() + "".join(
            f"\n#language-{one.code}:not(:checked)~* .{one.code}{{display:none}}"
            f"\n#language-{one.code}:checked~header label[for=language-{one.code}]"
            "{border-color:var(--accent)}"
            f"\n#language-{one.code}:focus-visible~header label[for=language-{one.code}]"
            "{outline:2px solid var(--accent)}"
            for one in self.languages
        )
        words = self.words
        return self.environment.get_template(template).render(
            languages=self.languages, title="3D",
            style=Markup(style), script=Markup(script),  # noqa: S704 - our own files
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            t=words.t, number=words.number, value=words.value, share=words.share,
            seconds=words.seconds, bytes=words.bytes, **values,
        )  # fmt: skip


def read(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


@dataclass(frozen=True)
class Words:
    """Texts and numbers in all languages at once; the page's style shows one of them."""

    languages: Sequence[Language]

    def each(self, said: Callable[[Language], str]) -> Markup:
        """What ``said`` says in every language; once if all say the same."""
        by_language = {one.code: said(one) for one in self.languages}
        if len(set(by_language.values())) == 1:
            return escape(next(iter(by_language.values())))
        return Markup("").join(
            Markup('<span class="{0}" lang="{0}">{1}</span>').format(code, text)
            for code, text in by_language.items()
        )

    def t(self, text: str, plural: str | None = None, /, **parts: object) -> Markup:
        said = say(text, plural, **parts) if parts else text
        return self.each(lambda one: one(said))

    def number(self, figure: Figure, digits: int = 2) -> Markup:
        """A figure as a person reads it."""
        if figure.value is None:
            return self.t("unknown")
        return self.each(lambda one: shown(figure.value or 0.0, figure.unit, digits, one))

    def value(self, value: float | None, digits: int) -> Markup:
        return (
            Markup("–") if value is None else self.each(lambda one: one.say("{x:,.{d}f}", x=value, d=digits))
        )

    def share(self, value: float | None) -> Markup:
        return Markup("–") if value is None else self.each(lambda one: one.say("{x:.0f} %", x=100 * value))

    def seconds(self, value: float) -> Markup:
        if value < 100:
            return self.t("{seconds:.1f} s", seconds=value)
        return self.t("{minutes} min {seconds} s", minutes=int(value // 60), seconds=round(value % 60))

    def bytes(self, value: float) -> Markup:
        return self.t("{gib:.2f} GiB", gib=value / 2**30)


def shown(value: float, unit: str, digits: int, one: Language) -> str:
    """``value`` with its unit, at a size that reads well."""
    if unit == "share":
        return one.say("{x:.1f} %", x=100 * value)
    if unit == "m" and value < 1:
        return one.say("{x:.{d}f} mm", x=1000 * value, d=decimals(1000 * value))
    if unit == "1:N":
        return f"1:{value:.0f}"
    units = {"unit": "units", "unit²": "square units", "": ""}
    if unit in ("m", "m²", "unit", "unit²"):
        digits = decimals(value)
    name = one(units.get(unit, unit))
    return one.say("{x:,.{d}f}", x=value, d=digits) + (f"\u00a0{name}" if name else "")


def decimals(value: float) -> int:
    """Decimals that leave about three significant digits."""
    return 0 if value == 0 else int(np.clip(2 - np.floor(np.log10(abs(value))), 0, 6))


def inline(image: Image, size: int, quality: int) -> dict[str, object]:
    """An ``<img>``'s source and size; re-encoded, so that nothing of the photo but its pixels is in it."""
    small = thumbnail(image, 1, size)
    good, data = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert good
    source = "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
    return {"src": source, "width": small.shape[1], "height": small.shape[0]}


def thumbnail(image: Image, orientation: int, size: int = THUMBNAIL_PX) -> Image:
    """``image`` upright, with its longer side at most ``size``."""
    scale = min(1.0, size / max(image.shape[:2]))
    shape = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(upright(np.asarray(small, np.uint8), orientation))


def upright(image: Image, orientation: int) -> Image:
    """``image`` in stored order as EXIF ``orientation`` says that it is to be seen."""
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return image
