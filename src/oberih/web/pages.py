"""HTML pages: a view and its template become a page in the visitor's language, under a strict policy.

A route says what a page shows, and nothing of how:

    pages = Pages(settings.languages)

    @app.get("/contributions/{id}")
    def contribution(request: Request, id: str) -> Response:
        return pages.response(request, ContributionPage(...), visitor=..., csrf=...)

The policy allows what comes from our own origin, as a file, and nothing inline. So pages need no nonce, which
would make each of them different and keep public ones from being cached.
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from oberih import __version__
from oberih.errors import InputError
from oberih.i18n import Language, available, language, say
from oberih.web.sketches import shapes, sketch
from oberih.web.speech import EACH, Speech
from oberih.web.views import ContributionPage, Frame, Notice, View, Visitor, deeds, words

__all__ = ["FILES_POLICY", "HEADERS", "LANGUAGE", "STATIC", "Pages", "StaticPages", "progress"]

STATIC = Path(__file__).parent / "static"
LANGUAGE = "language"
"""The parameter, and the cookie, that choose a language."""

PLACES = ("after", "before")
"""Parameters that say where in a list a page begins."""

POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' blob:",
    "media-src": "'self' blob:", "connect-src": "'self'", "manifest-src": "'self'", "base-uri": "'none'",
    "form-action": "'self'", "frame-ancestors": "'none'", "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}  # fmt: skip

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # "no-referrer" would also hide the origin from our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(self), microphone=(), payment=(), usb=()",
}
"""What every page is sent with."""

FILES_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""Of files that people brought, or that were made from theirs: whatever is in them, it runs nowhere."""


class Pages:
    """Makes pages. ``languages``: codes, the main one first; those without a catalogue are left out."""

    def __init__(self, languages: Sequence[str] = ("uk", "en"), static: Path = STATIC) -> None:
        self.languages = [language(code) for code in languages if code in available()] or [language("en")]
        self.files = BrowserFiles(static)
        self.environment = Environment(
            loader=PackageLoader("oberih.web"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self.environment.globals.update(
            {name: getattr(one, name) for one in (words, deeds) for name in one.__all__},
            each=EACH, languages=self.languages, version=__version__,
            picture=self.files.address, style=self.files.style, script=self.files.script,
            seen=seen, sketch=sketch, shapes=shapes,
        )  # fmt: skip

    def response(
        self, request: Request, view: View, *, visitor: Visitor | None = None, csrf: str = "",
        notice: Notice | None = None, knows_visitor: bool = True, status: int = 200,
    ) -> Response:  # fmt: skip
        """The page as an answer to ``request``, with all headers."""
        asked = request.query_params.get(LANGUAGE, "")
        chosen = self.language_for(
            asked, request.cookies.get(LANGUAGE, ""), request.headers.get("Accept-Language", "")
        )
        query = {key: value for key, value in request.query_params.items() if key != LANGUAGE}
        frame = Frame(chosen, request.url.path, query, visitor, csrf, notice, knows_visitor)
        answer = HTMLResponse(self.render(view, frame), status, dict(HEADERS))
        answer.headers["Content-Language"] = chosen.code
        answer.headers["Vary"] = "Accept-Language, Cookie"
        if asked == chosen.code:
            answer.set_cookie(
                LANGUAGE, asked, max_age=365 * 86400, httponly=True, samesite="lax",
                secure=request.url.scheme == "https",
            )  # fmt: skip
        return answer

    def render(self, view: View, frame: Frame) -> str:
        """The page as HTML."""
        speech = Speech(frame.language)
        said = {name: getattr(speech, name) for name in SPOKEN}
        return self.environment.get_template(view.template).render(
            view=view, frame=frame, with_query=partial(with_query, frame), **said
        )

    def language_for(self, asked: str = "", kept: str = "", accepted: str = "") -> Language:
        """What was asked for in the address, else what was chosen before, else what the browser speaks."""
        known = {one.code: one for one in self.languages}
        for code in (asked, kept, *preferred(accepted)):
            if code in known:
                return known[code]
        return self.languages[0]


SPOKEN = ("t", "day", "month", "moment", "number", "share", "size", "time", "chosen")
"""What templates call of `Speech`."""


class BrowserFiles:
    """The files that were built from frontend/, by the names that they have there."""

    def __init__(self, folder: Path) -> None:
        manifest = folder / "manifest.json"
        if not manifest.is_file():
            raise InputError(
                say("The files for browsers are missing: {file} is not there.", file=manifest.name),
                say("Install Oberih again: pip install . (or, in a checkout, python hatch_build.py)"),
            )
        self.manifest: dict[str, Any] = json.loads(manifest.read_text())

    def address(self, name: str) -> str:
        return f"/static/{self.manifest[name]['file']}"

    def style(self) -> Markup:
        return Markup('<link rel="stylesheet" href="{}">').format(self.address("style.css"))

    def script(self, name: str) -> Markup:
        """The tags that load a script, and what it imports at once."""
        entry = self.manifest[f"src/{name}.ts"]
        tags = [
            Markup('<link rel="modulepreload" href="{}">').format(self.address(one))
            for one in entry.get("imports", ())
        ]
        tags.append(Markup('<script type="module" src="/static/{}"></script>').format(entry["file"]))
        return Markup("\n").join(tags)


class StaticPages(StaticFiles):
    """Serves ``/static``. Names carry a hash of the contents: they can be kept for ever."""

    def __init__(self, folder: Path = STATIC) -> None:
        super().__init__(directory=folder)

    def file_response(self, *arguments: Any, **more: Any) -> Response:
        answer = super().file_response(*arguments, **more)
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return answer


def progress(view: ContributionPage, spoken: Language) -> dict[str, Any]:
    """What ``GET /contributions/<id>/progress`` answers: the page's script shows it.

    ``seen`` changes when more than numbers changed: then the script asks for the page again.
    """
    speech, now = Speech(spoken), view.progress
    left = now.left_s if now else None
    return {
        "seen": seen(view),
        "share": now.share if now else None,
        "words": spoken(now.words) if now else "",
        "left": speech.t("{time} left", time=speech.time(left)) if left is not None else "",
    }


def seen(view: ContributionPage) -> str:
    return "/".join((view.state, *(f"{step.key}:{step.state}" for step in view.steps)))


def with_query(frame: Frame, name: str, value: str) -> str:
    """The address of this page with one parameter changed, or taken away; then lists begin again."""
    gone = {name} if name == LANGUAGE else {name, *PLACES}
    changed = {key: one for key, one in frame.query.items() if key not in gone}
    return f"{frame.path}?{urlencode({**changed, name: value} if value else changed)}"


def preferred(header: str) -> list[str]:
    """Languages of an Accept-Language header without their countries, the best first."""
    found: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            found.append((-float(weight or 1), tag.split("-")[0].lower()))
        except ValueError:
            continue
    return [tag for _, tag in sorted(found, key=lambda one: one[0])]
