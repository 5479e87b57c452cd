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
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from functools import cache, partial
from os import PathLike, stat_result
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from oberih import __version__
from oberih.errors import InputError
from oberih.i18n import Language, available, language, say
from oberih.web.sketches import shapes, sketch
from oberih.web.speech import EACH, Speech
from oberih.web.views import (
    ContributionPage,
    EmbedErrorPage,
    EmbedPage,
    Frame,
    Notice,
    Progress,
    View,
    Visitor,
    deeds,
    frame_line,
    words,
)

__all__ = ["FILES_POLICY", "HEADERS", "LANGUAGE", "STATIC", "Pages", "StaticPages", "progress", "seen"]

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


def written(policy: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in policy.items())


VIEWER = {"trusted-types": "oberih-viewer"}
"""What a page with a 3D viewer needs besides: to name its worker, the one file that this policy of trusted
types vouches for (frontend/src/viewer/models.ts). WebAssembly runs in that worker alone (`SCRIPTS_POLICY`),
and pictures are decoded there: the page needs no 'wasm-unsafe-eval', and no more of blob: than others.
"""

FRAMED = {"frame-ancestors": "*"}
"""What a page that any site may show in a frame needs besides."""

SCRIPTS_POLICY = written({
    "default-src": "'none'", "script-src": "'self' 'wasm-unsafe-eval'", "connect-src": "'self'",
    "frame-ancestors": "'none'",
})  # fmt: skip
"""Of our own files. It holds in workers, which have the policy that they come with: the viewer's unpacks
models with WebAssembly."""


HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": written(POLICY),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # "no-referrer" would also hide the origin from our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(self), microphone=(), payment=(), usb=()",
}
"""What every page is sent with."""

FILES_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""Of files that people brought, or that were made from theirs: whatever is in them, it runs nowhere."""


CONSTANT = ("t", "picture")
"""Functions of which the same words always make the same text."""
CALL = ["name", "lparen", "string", "rparen"]


class Constant(Extension):
    """What a template says in the same words every time is said when it is compiled: ``t("Copy")``."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        functions: Any = self.environment.globals
        waiting = list[Token]()
        for token in stream:
            waiting.append(token)
            if CALL[: len(waiting)] != [one.type for one in waiting] or waiting[0].value not in CONSTANT:
                yield from waiting
                waiting = []
            elif len(waiting) == len(CALL):
                yield Token(token.lineno, "string", functions[waiting[0].value](waiting[2].value))
                waiting = []


class Templates(Environment):
    """With globals that are copied fast, as they are for each page: two chained mappings are not."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}


class Pages:
    """Makes pages. ``languages``: codes, the main one first; those without a catalogue are left out.
    ``address``: the service as people reach it, from which links for other sites are made.
    """

    def __init__(
        self, languages: Sequence[str] = ("uk", "en"), static: Path = STATIC,
        address: str = "http://localhost",
    ) -> None:  # fmt: skip
        self.address = address
        self.languages = [language(code) for code in languages if code in available()] or [language("en")]
        self.files = BrowserFiles(static)
        self.environments = {one.code: self.speaking(one) for one in self.languages}

    def speaking(self, spoken: Language) -> Templates:
        """The templates in one language. What they import knows nothing of a page, and is made once."""
        made = Templates(
            loader=PackageLoader("oberih.web"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True, auto_reload=False, extensions=[Constant],
        )  # fmt: skip
        speech, parts = Speech(spoken), dict[str, Markup]()

        def kept(name: str, caller: Callable[[], Markup]) -> Markup:
            """A part that is the same on every page: made once."""
            if name not in parts:
                parts[name] = caller()
            return parts[name]

        made.globals.update(
            {name: getattr(one, name) for one in (words, deeds) for name in one.__all__},
            **{name: getattr(speech, name) for name in SPOKEN},
            each=EACH, languages=self.languages, version=__version__, spoken=spoken.code, kept=kept,
            picture=self.files.address, style=cache(self.files.style), script=cache(self.files.script),
            seen=seen, sketch=sketch, shapes=shapes, frame_line=frame_line, origin=self.address,
        )  # fmt: skip
        return made

    def response(
        self, request: Request, view: View, *, visitor: Visitor | None = None, csrf: str = "",
        notice: Notice | None = None, knows_visitor: bool = True, status: int = 200,
    ) -> Response:  # fmt: skip
        """The page as an answer to ``request``, with all headers."""
        asked, chosen = request.query_params.get(LANGUAGE, ""), self.spoken(request)
        query = {key: value for key, value in request.query_params.items() if key != LANGUAGE}
        frame = Frame(chosen, request.url.path, query, visitor, csrf, notice, knows_visitor)
        answer = HTMLResponse(self.render(view, frame), status, headers_of(view))
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
        csrf = Markup('<input type="hidden" name="csrf" value="{}">').format(frame.csrf) if frame.csrf else ""
        template = self.environments[frame.language.code].get_template(view.template)
        return template.render(view=view, frame=frame, csrf=csrf, with_query=partial(with_query, frame))

    def spoken(self, request: Request) -> Language:
        """The language of a visitor."""
        return self.language_for(
            request.query_params.get(LANGUAGE, ""), request.cookies.get(LANGUAGE, ""),
            request.headers.get("Accept-Language", ""),
        )  # fmt: skip

    def language_for(self, asked: str = "", kept: str = "", accepted: str = "") -> Language:
        """What was asked for in the address, else what was chosen before, else what the browser speaks."""
        known = {one.code: one for one in self.languages}
        for code in (asked, kept, *preferred(accepted)):
            if code in known:
                return known[code]
        return self.languages[0]


def headers_of(view: View) -> dict[str, str]:
    """What the page is sent with: no more is allowed than it needs."""
    policy = POLICY
    if getattr(view, "viewer", None) is not None:
        policy = policy | VIEWER
    if isinstance(view, EmbedPage | EmbedErrorPage):
        return {
            **HEADERS, "Content-Security-Policy": written(policy | FRAMED),
            "Cross-Origin-Resource-Policy": "cross-origin",
        }  # fmt: skip
    return {**HEADERS, "Content-Security-Policy": written(policy)}


SPOKEN = ("t", "day", "month", "moment", "number", "share", "size", "time", "left", "chosen")
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

    def style(self, name: str = "style.css") -> Markup:
        return Markup('<link rel="stylesheet" href="{}">').format(self.address(name))

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
    """Serves ``/static``: names carry a hash of the contents, so files can be kept for ever. Each is sent as
    small as the browser can unpack it: the build has packed them (frontend/packing.js).
    """

    def __init__(self, folder: Path = STATIC) -> None:
        super().__init__(directory=folder)

    def file_response(
        self, full_path: "str | PathLike[str]", stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        path = Path(full_path)
        taken = encodings(Headers(scope=scope).get("Accept-Encoding", ""))
        for packed, ending in PACKED.items():
            smaller = path.with_name(path.name + ending)
            if packed in taken and smaller.is_file():
                answer = super().file_response(smaller, smaller.stat(), scope, status_code)
                answer.headers["Content-Encoding"] = packed
                break
        else:
            answer = super().file_response(path, stat_result, scope, status_code)
        if answer.status_code == 200:
            answer.headers["Content-Type"] = KINDS.get(path.suffix, "application/octet-stream")
        answer.headers["Vary"] = "Accept-Encoding"
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        answer.headers["Content-Security-Policy"] = SCRIPTS_POLICY
        return answer


PACKED = {"br": ".br", "gzip": ".gz"}
KINDS = {
    ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
    ".wasm": "application/wasm", ".json": "application/json", ".md": "text/plain; charset=utf-8",
}  # fmt: skip


def encodings(header: str) -> set[str]:
    """Those that an Accept-Encoding header takes."""
    parts = (part.strip().partition(";") for part in header[:200].split(","))
    return {name.strip().lower() for name, _, weight in parts if weight.strip() not in ("q=0", "q=0.0")}


def progress(seen: str, now: Progress | None, spoken: Language) -> dict[str, Any]:
    """What ``GET .../progress`` answers: the page's script shows it. ``seen`` changes when more than numbers
    changed.
    """
    speech = Speech(spoken)
    return {
        "seen": seen,
        "share": now.share if now else None,
        "words": spoken(now.words) if now else "",
        "left": speech.left(now.left_s) if now else "",
    }


def seen(view: ContributionPage) -> str:
    """What of a contribution stands on its page besides numbers."""
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
