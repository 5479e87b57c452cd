"""The pages for everybody, as a browser without scripts gets them."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import cv2
import h3
import httpx
import numpy as np
import pytest

from oberih.archive.identifiers import mint
from oberih.archive.stores import open_store
from oberih.catalogue.public import PublicPerson, PublicPlace, map_view, publish, totals, withdraw
from oberih.catalogue.public.maps import Box
from oberih.i18n import language
from oberih.trust.cells import cell_of
from oberih.web.charts import View
from oberih.web.open.app import public_app
from oberih.web.pages import Pages
from public_help import ark, empty_store
from web.browser import serving
from web.site_records import ADDRESS, CELLS, Site, path_of, site_of, told
from web.test_pages import validated

PAGES = (
    "/", "/search", "/search?q=mill&kind=monument", "/map", "/map?zoom=9&lat=51.5&lon=31.3&q=млин",
    "/collections", "/collections/c1", "/thanks", "/statistics", "/about", "/guide", path_of(1), path_of(5),
    f"{path_of(1)}/print",
)  # fmt: skip
MOST_BYTES = 100_000  # of a record's page before the viewer


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_of(tmp_path_factory.mktemp("site")) as made:
        yield made


def page(site: Site, path: str, code: str = "en", **headers: str) -> str:
    answer = httpx.get(f"{site.url}{path}", headers={"Accept-Language": code, **headers}, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.text


def titles(text: str) -> list[str]:
    return [html.unescape(one) for one in re.findall(r'<h2 lang="\w+"><a href="[^"]+">([^<]+)</a>', text)]


def test_every_page_is_valid_in_both_languages(site: Site, tmp_path: Path) -> None:
    for number, path in enumerate(PAGES):
        for code in ("uk", "en"):
            text = page(site, path, code)
            assert f'<html lang="{code}">' in text
            (tmp_path / f"{number}-{code}.html").write_text(text)
    assert validated(tmp_path) == ""


def test_the_home_page_shows_what_is_new_and_how_much_there_is(site: Site) -> None:
    text = page(site, "/")
    assert re.findall(r"<dt>(\w+)[^<]*</dt><dd>([^<]+)", text) == [
        ("records", "30"), ("photos", "3,000"), ("triangles", "30,000"), ("people", "4"),
    ]  # fmt: skip
    for way in ("/search", "/contribute", "/guide", "/map"):
        assert f'href="{way}"' in text


def test_who_finds_nothing_hears_what_may_have_been_meant(site: Site) -> None:
    found = page(site, "/search?q=mlil&sort=title")
    assert 'Did you mean: <a href="/search?sort=title&amp;q=mill"><b>mill</b></a>' in found
    assert "Did you mean" not in page(site, "/search?q=mlil&kind=home")  # there are none either


def test_a_search_is_narrowed_by_links_and_ordered_as_the_reader_s_language_orders(site: Site) -> None:
    assert len(titles(page(site, "/search?kind=monument"))) == 10
    first = [one[0] for one in titles(page(site, "/search?sort=title", "uk"))]
    assert first == sorted(first, key="АБВГҐДЕЄЖЗИІЇЙКЛМНОПРСТУФХЦЧШЩЬЮЯ".index) and len(set(first)) > 3
    both = [len(titles(page(site, f"/search?language={one}"))) for one in ("uk", "en")]
    assert both[0] == both[1], "the language of the page is none of the search"
    assert 'href="/search?written=uk"' in page(site, "/search")
    narrowed = page(site, "/search?q=mill")
    assert 'href="/search?q=mill&amp;century=17"' in narrowed and "17th century" in narrowed


def test_a_collection_is_a_search_of_its_own(site: Site) -> None:
    assert titles(page(site, "/collections", "uk")) == ["Млини", "Скрині"]
    text = page(site, "/collections/c1?q=mill")
    assert "<h1" in text and "Mills" in text and 'action="/collections/c1"' in text
    assert len(titles(text)) == 15, "its own title is a word of each"
    assert httpx.get(f"{site.url}/collections/nothing").status_code == 404


def test_the_map_is_there_without_scripts_and_moves_by_links(site: Site) -> None:
    text = page(site, "/map")
    cells = re.findall(r'<a href="/search\?cell=(8[0-9a-f]{14})"[^>]*><title>([\d,]+) record', text)
    box = View(48.3, 31.4, 6).box
    assert {cell: int(count) for cell, count in cells} == {
        one.cell: one.count for one in map_view(site.reader, box, 7).cells
    }
    assert "24 of 30 records lie on the map" in text
    assert "Чернігів" in page(site, "/map", "uk")
    closer = html.unescape(re.findall(r'data-way="in" href="([^"]+)"', text)[0])
    assert 'data-zoom="7"' in page(site, closer)
    cell, count = cells[0]
    assert f"{count} record" in page(site, f"/search?cell={cell}")
    assert httpx.get(f"{site.url}/map?lat=here").status_code == 422
    assert httpx.get(f"{site.url}/map?lat=nan&lon=inf&zoom=1e9").status_code == 200


@pytest.mark.parametrize("zoom", [3, 8, 12, 24])
def test_cells_are_drawn_as_large_as_may_be_known(site: Site, zoom: int) -> None:
    """Every outline is that of a public cell, or of one above it."""
    asked = f"/api/v1/map.geojson?south=44&west=20&north=53&east=41&zoom={zoom}"
    answer = httpx.get(f"{site.url}{asked}").json()
    known = {h3.cell_to_parent(one, n) for one in CELLS for n in range(h3.get_resolution(one) + 1)}
    assert answer["features"] and {one["id"] for one in answer["features"]} <= known
    for one in answer["features"]:
        (ring,) = one["geometry"]["coordinates"]
        assert ring[0] == ring[-1]
        corners = [(lat, lon) for lon, lat in ring[:-1]]
        assert np.allclose(corners, h3.cell_to_boundary(one["id"]), atol=1e-5)
    assert sum(one["properties"]["records"] for one in answer["features"]) == 24


def test_a_record_says_what_each_file_is_good_for_and_how_to_name_it(site: Site) -> None:
    text = page(site, path_of(1))
    for name, words in (("GLB", "For the web"), ("STL", "For 3D printing"), ("LAZ", "A cloud of points")):
        assert re.search(rf"<b>{name}</b> <span[^>]*>4\.2 MB</span><span[^>]*>{words}", text), name
    assert "19 of 20 distances" in text and "3.21 × 2.48 × 1.19 m" in text
    assert f"{ADDRESS}/{ark(1)}" in text and f"{ADDRESS}/data/" in text
    assert f"&lt;iframe src=&#34;{ADDRESS}/embed/" in text
    assert "Тріщина" in text and "Вона нова." in text, "the story is there without 3D"
    assert path_of(2) in text.split("Its parts")[1], "related"
    assert "In the same part of the map" in text
    assert "<circle" in text and str(told(1).place.cell) not in text, "the cell is drawn, not told"


def test_of_what_is_sealed_the_page_shows_no_map(site: Site) -> None:
    text = page(site, path_of(5))
    assert "nobody knows it, or it is protected" in text and 'class="chart' not in text


def test_links_for_other_sites_come_from_the_settings(site: Site) -> None:
    """Whatever host somebody asks with."""
    text = page(site, path_of(1), Host="evil.example")
    assert "evil.example" not in text
    assert f'<meta property="og:image" content="{ADDRESS}/files/r1/v1/social.jpg">' in text
    assert f'<meta property="og:url" content="{ADDRESS}{path_of(1)}">' in text
    assert f'<link rel="canonical" href="{ADDRESS}{path_of(1)}">' in text
    linked = json.loads(re.findall(r'<script type="application/ld\+json">(.+?)</script>', text)[0])
    assert linked["@context"]


def ask(site: Site, path: str) -> httpx.Response:
    return httpx.get(f"{site.url}{path}", headers={"Accept-Language": "en"}, timeout=30)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("/records", "/search"),
        ("/records?q=mill", "/search?q=mill"),
        (f"{path_of(1)}/", path_of(1)),
        (f"/records/99999/{path_of(1).rpartition('/')[2].upper()}", path_of(1)),
    ],
)
def test_what_is_typed_nearly_right_leads_to_the_right_address(site: Site, typed: str, meant: str) -> None:
    answer = ask(site, typed)
    assert (answer.status_code, answer.headers["location"]) == (308, meant)


def test_an_identifier_leads_to_its_record_however_it_is_written(site: Site) -> None:
    page = path_of(1)
    name = page.removeprefix("/records/")
    for form in (f"/ark:/{name}/", f"/ark:{name}/", f"/ark:/99999/{name.partition('/')[2].upper()}"):
        assert (ask(site, form).status_code, ask(site, form).headers["location"]) == (303, page), form


def test_whoever_searches_for_an_identifier_is_led_to_its_record(tmp_path: Path) -> None:
    named = mint()
    name = named.removeprefix("ark:/")
    with site_of(tmp_path, 0) as site:
        publish(site.writer, told(1).model_copy(update={"id": named, "relations": ()}))
        for text in (named, f" {named.upper()} ", f"ark:{name}", name, name.partition("/")[2],
                     f"{ADDRESS}/records/{name}", f"{ADDRESS}/{named}"):  # fmt: skip
            answer = ask(site, f"/search?{urlencode({'q': text})}")
            assert (answer.status_code, answer.headers.get("location")) == (303, f"/records/{name}"), text
        for text in (mint(), mint().partition("/b")[2], "https://elsewhere.example/records/1", "b1"):
            assert ask(site, f"/search?{urlencode({'q': text})}").status_code == 200, text


def test_in_a_frame_of_another_site_what_is_gone_has_nothing_around_it(tmp_path: Path) -> None:
    with site_of(tmp_path / "site") as site:
        withdraw(site.writer, ark(3), "2026-11")
        for number, status in ((3, 410), (1, 404), (999, 404)):  # gone; without a model; never there
            answer = ask(site, path_of(number).replace("/records/", "/embed/"))
            assert answer.status_code == status
            assert "frame-ancestors *" in answer.headers["content-security-policy"]
            assert not any(f"<{part}" in answer.text for part in ("header", "nav", "footer", "form"))
            (tmp_path / f"{number}.html").write_text(answer.text)
        for path in (path_of(3), f"{path_of(3)}/print"):
            assert "This was public once, and is no more." in ask(site, path).text
            assert ask(site, path).status_code == 410
    assert validated(tmp_path) == ""


@pytest.mark.parametrize(
    ("asked", "message", "advice"),
    [
        ("records?size=99999", "size", "At most 100."),
        ("records?size=0", "size", "At least 1."),
        ("map?south=99&west=1&north=2&east=2", "south", "At most 90."),
        (f"suggest?text={'a' * 201}", "text", "At most 200 letters."),
        (f"records?{'&filter=kind:x' * 61}", "filter", "At most 60 of them."),
        ("records?size=x", "size", "What it has to be is described at /api."),
        ("records?filter=foo:bar", "filter", "Fields: kind, "),
    ],
)
def test_a_wrong_question_is_told_what_would_be_right(
    site: Site, asked: str, message: str, advice: str
) -> None:
    answer = ask(site, f"/api/v1/{asked}")
    assert answer.status_code == 422
    assert answer.json()["message"] == f"This is not as it has to be: {message}."
    assert answer.json()["advice"].startswith(advice)


def test_the_sheet_has_a_code_that_leads_to_the_address_that_stays(site: Site) -> None:
    text = page(site, f"{path_of(1)}/print", "uk")
    side = int(re.findall(r'class="qr" viewBox="0 0 (\d+)', text)[0])
    code = np.full((side, side), 255, np.uint8)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", text):
        code[int(y), int(x)] = 0
    large = cv2.resize(code, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    assert cv2.QRCodeDetector().detectAndDecode(large)[0] == f"{ADDRESS}/{ark(1)}"


def test_those_who_want_to_be_named_are_thanked_in_the_order_of_the_alphabet(site: Site) -> None:
    names = re.findall(r'<li><a href="/search\?q=[^"]+">([^<]+)</a>', page(site, "/thanks", "uk"))
    assert names == ["Гончар", "Ґалаґан", "Євген", "Ярина"]
    assert len(titles(page(site, "/search?q=%22Ґалаґан%22"))) == 8


def test_figures_follow_what_is_public(tmp_path: Path) -> None:
    with site_of(tmp_path, 6) as site:
        before = totals(site.reader)
        assert (before.records, before.contributors, before.triangles) == (6, 4, 6_000)
        renamed = told(0).model_copy(
            update={"version": 2, "people": (PublicPerson(name="Нова", role="contributor"),)}
        )
        publish(site.writer, renamed)
        withdraw(site.writer, ark(3), "2026-11")
        after = totals(site.reader)
        assert (after.records, after.triangles) == (5, 5_000)
        assert sum(after.months.values()) == 5
        assert sum(one.count for one in after.facets["kind"]) == 5
        text = page(site, "/statistics", "uk")
        assert "XVII ст." in text and language("uk")("Building") in text
        assert "Нова" in page(site, "/thanks") and "Ярина" not in page(site, "/thanks")


def test_a_site_with_one_record_shows_it_once_and_begins_its_map_there(tmp_path: Path) -> None:
    cell = cell_of(45.2, 5.8, "region")
    one = told(1).model_copy(update={"place": PublicPlace(precision="region", cell=cell), "relations": ()})
    with site_of(tmp_path, 0) as site:
        publish(site.writer, one)
        home = page(site, "/")
        assert home.count(f'href="{path_of(1)}"') == 1 and "Newest" not in home
        assert "1 record in view" in page(site, "/map")
        assert "0 records in view" in page(site, "/map?lat=48.3&lon=31.4&zoom=6"), "as it was asked for"
        text = page(site, "/statistics")
        assert "February 2026</time>: 1 record" in text and "As a table" not in text
        assert len(titles(page(site, "/search?text=mill"))) == len(titles(page(site, "/search?q=mill"))) == 1
        assert f"/api/v1/records/{path_of(1).removeprefix('/records/')}" in page(site, "/api")


def test_whom_to_write_to_is_told_if_there_is_somebody(tmp_path: Path, site: Site) -> None:
    assert "mailto:" not in page(site, "/about") and "made up" not in page(site, "/api")
    with empty_store("sqlite", tmp_path) as (_, reader):
        files = open_store(tmp_path / "files", create=True)
        named = {"publisher": "The museum", "contact": "we@museum.example"}
        with serving(public_app(reader, files, Pages(["en"], address=ADDRESS), **named)) as url:
            empty = Site(url, reader, reader)
            assert 'href="mailto:we@museum.example"' in page(empty, "/about")
            assert "The museum" in page(empty, "/oai?verb=Identify")
            assert "made up" in page(empty, "/api")


def test_a_record_s_page_is_light(site: Site) -> None:
    """HTML, style sheets and the page's own scripts, as they are sent."""
    text = page(site, path_of(1))
    own = re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', text)
    assert len(own) >= 3
    with httpx.Client(base_url=site.url, headers={"Accept-Encoding": "br, gzip"}) as browser:
        sent = 0
        for address in {path_of(1), *own}:
            with browser.stream("GET", address) as answer:
                sent += sum(map(len, answer.iter_raw()))
    assert 15_000 < sent < MOST_BYTES


def test_the_map_s_box_is_what_it_draws() -> None:
    view = View(48.3, 31.4, 6)
    assert view.pixel(48.3, 31.4) == (480, 310)
    box: Box = view.box
    assert view.pixel(box.north, box.west) == (0, 0)
    assert view.pixel(box.south, box.east) == (960, 620)


def test_a_download_that_broke_off_goes_on_where_it_was(site: Site) -> None:
    poster = f"{site.url}/files/{told(1).files_for('poster')[0].path}"
    whole = httpx.get(poster)
    size, tag = len(whole.content), whole.headers["ETag"]
    assert httpx.head(poster).headers["Accept-Ranges"] == "bytes"
    for known in (tag, f'"other", {tag}', "*"):
        assert httpx.get(poster, headers={"If-None-Match": known}).status_code == 304

    def part(asked: str, tag: str = tag) -> tuple[int, bytes, str]:
        answer = httpx.get(poster, headers={"Range": asked, "If-Range": tag})
        assert int(answer.headers.get("Content-Length", 0)) == len(answer.content)
        return answer.status_code, answer.content, answer.headers.get("Content-Range", "")

    data = whole.content
    assert part("bytes=100-") == (206, data[100:], f"bytes 100-{size - 1}/{size}")
    assert part("bytes=0-9") == (206, data[:10], f"bytes 0-9/{size}")
    assert part("bytes=-5") == (206, data[-5:], f"bytes {size - 5}-{size - 1}/{size}")
    assert part(f"bytes=5-{10**17}") == (206, data[5:], f"bytes 5-{size - 1}/{size}")
    assert part(f"bytes={size}-") == (416, b"", f"bytes */{size}")
    assert part("bytes=100-", '"another"') == (200, data, "")  # it was made anew since
    for odd in ("bytes=9-5", "bytes=0-1,5-9", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=" + "9" * 40 + "-"):
        assert part(odd) == (200, data, ""), odd
