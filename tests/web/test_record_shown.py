"""A public record as its page shows it."""

from hashlib import sha256

from oberih.catalogue.public import PublicFile, PublicPlace, PublicRights, PublicScene, PublicView, Quality
from oberih.i18n import language
from oberih.web.open.addresses import House
from oberih.web.open.shown import record_page
from oberih.web.pages import Pages
from oberih.web.views import Frame, PrintPage
from public_help import BY, plain

HERE = House("https://heritage.example")
FRONT = PublicView(eye=(0, 0, 5_000_000), target=(0, 0, 0))
SCENE = PublicScene(unit="m", size=(4_000_000, 3_000_000, 40_000), view=FRONT, field_deg=40)


def file(path: str, content: str = "") -> PublicFile:
    kind = {"glb": "model/gltf-binary", "usdz": "model/vnd.usdz+zip"}[path.rpartition(".")[2]]
    return PublicFile(path=path, media_type=kind, bytes=9, sha256=hashed(content or path), role="download")


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_a_file_that_is_light_already_is_offered_once() -> None:
    files = (file("f/v1/ar.glb", "one"), file("f/v1/downloads/model.glb", "one"))
    (shown,) = record_page(plain(files=files), HERE).downloads
    assert shown.address.endswith("/model.glb") and not shown.words.startswith("Light")


def test_files_of_the_same_format_are_told_apart() -> None:
    names = ("ar.glb", "ar.usdz", "downloads/model.glb", "downloads/model.usdz")
    shown = record_page(plain(files=tuple(file(f"f/v1/{name}") for name in names)), HERE).downloads
    assert [(one.format, one.address.rpartition("/")[2], one.words.startswith("Light")) for one in shown] == [
        ("GLB", "model.glb", False), ("USDZ", "model.usdz", False),
        ("GLB", "ar.glb", True), ("USDZ", "ar.usdz", True),
    ]  # fmt: skip


def test_the_page_says_why_there_is_nothing_to_download() -> None:
    """Not shared; or its files are being made again."""
    small = file("f/v1/small.glb").model_copy(update={"role": "small"})
    shown = {"scene": SCENE, "files": (small,)}
    for told, why in ((shown, "did not allow that"), ({}, "it is being made again")):
        page = record_page(plain(**told), HERE)
        assert why in Pages(["en"]).render(page, Frame(language("en"), "/records/1", {}))


def test_the_page_says_the_area_in_words_and_figures_in_the_reader_s_language() -> None:
    cell = "851e6227fffffff"
    told = plain(
        place=PublicPlace(precision="10 km", cell=cell, region={"en": "Chernihiv oblast"}),
        quality=Quality(triangles=1234567, error_um=4200, size_mm=(12345, 6789, 1000), photos=118),
    )
    pages = Pages(["en", "uk"])
    english, ukrainian = (
        pages.render(record_page(told, HERE), Frame(language(code), "/records/1", {}))
        for code in ("en", "uk")
    )
    assert "not named here" in english
    assert cell not in english and "Chernihiv oblast" in english and "An area some 17 km across." in english
    for figure in ("1,234,567", "4.2 mm", "12.35 × 6.79 × 1.00 m"):
        assert figure in english
    for figure in ("1\u00a0234\u00a0567", "4,2 мм", "12,35 × 6,79 × 1,00 м"):
        assert figure in ukrainian


def test_the_page_shows_photos_says_whom_to_name_and_how_much_of_them_is_in_the_model() -> None:
    taken = [file(f"f/v1/pictures/00{n}.glb").model_copy(update={"role": "picture"}) for n in (1, 2, 3)]
    sized = tuple(one.model_copy(update={"size_px": (1600, 1200)}) for one in taken[:2])
    told = plain(
        rights=PublicRights(uri=BY, holder="A museum", credit="Photos: Malva, A museum"), recorded="2026-05",
        files=(*sized, taken[2]), quality=Quality(coverage_percent=33),
    )  # fmt: skip
    shown = record_page(told, HERE)
    assert [one.address for one in shown.photos] == [f"/files/f/v1/pictures/00{n}.glb" for n in (1, 2)]
    pages = Pages(["en"])
    frame = Frame(language("en"), "/records/1", {})
    text = pages.render(shown, frame)
    assert "Show 2 photos" in text and text.count('loading="lazy"') == 2
    assert "33 %" in text and "recorded May 2026" in text
    for page in (text, pages.render(PrintPage(shown, ((True,),)), frame)):
        assert page.count("Photos: Malva, A museum") >= 2, "beside the licence, and in the citation"
