"""Searching public records, as people do; the same on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from oberih.catalogue.public import (
    Projection,
    PublicAnnotation,
    PublicIdentifier,
    PublicPeriod,
    PublicPerson,
    PublicPlace,
    PublicRecord,
    PublicRights,
    PublicTerm,
    Quality,
    Query,
    load,
    meant,
    query_of,
    search,
    suggest,
)
from oberih.catalogue.public import searching as searching_module
from oberih.catalogue.public.collation import sort_key
from oberih.catalogue.public.cursors import MAC_BYTES
from oberih.errors import InputError
from oberih.trust.cells import cell_of
from public_help import BY, ark, empty_store, file, ids, made, plain

RECORDS = {
    "church": plain(
        1,
        titles={"uk": "Дерев'яна церква Святого Миколая, Чернігів", "en": "Wooden church of Saint Nicholas"},
        summary={"uk": "Церкву збудовано у XVII столітті. Стоїть у Чернігові.", "en": "Built in 1654."},
        materials=(PublicTerm(labels={"uk": "дерево", "en": "wood"}),),
        periods=(PublicPeriod(earliest=1654, latest=1654),),
        files=(file("full", "model/gltf-binary"),),
        quality=Quality(triangles=10, error_um=5000),
    ),
    "gate": plain(
        2,
        titles={"uk": "Золоті ворота", "en": "Golden Gate"},
        summary={"en": "The main gate of medieval Kyiv; golden it was."},
        kind="monument",
        periods=(PublicPeriod(label={"uk": "часи Ярослава"}, earliest=1017, latest=1024),),
        identifiers=(PublicIdentifier(value="КВ-1234/5", authority="Museum"),),
        files=(file("full", "model/gltf-binary"), file("download", "application/zip")),
        quality=Quality(triangles=10, error_um=900),
    ),
    "gates": plain(
        3,
        titles={"uk": "Ворота, що звуться золоті ворота Львова", "en": "Gate called golden gate"},
        published="2026-04",
    ),
    "toy": plain(
        4,
        titles={"uk": "Іграшка: жовтий їжак"},
        people=(PublicPerson(name="Марія Примаченко", role="creator"),),
        published="2026-02",
        rights=PublicRights(uri=BY, credit="Photos: Fedorchuk"),
        place=PublicPlace(precision="exact", cell=cell_of(50.45, 30.52, "exact")),
        annotations=(
            PublicAnnotation(id="a", at=(0, 0, 0), titles={"uk": "Лапа"}, texts={"uk": "Подряпана цвяхом."}),
        ),
    ),
}  # fmt: skip
NAMES = {record.id: name for name, record in RECORDS.items()}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projection]:
    with empty_store(request.param, tmp_path_factory.mktemp("public")) as (writer, reading):
        load(writer, RECORDS.values())
        yield reading


def found(reader: Projection, text: str, **more: object) -> set[str]:
    return {NAMES[one] for one in ids(search(reader, Query(text=text, **more)))}


@pytest.mark.parametrize(
    "text",
    [
        "церкви", "ЦЕРКВА", "у Чернігові", "Chernihiv", "chernigov", "деревяна церква", "дерев’яну",
        "wooden churches", "Nicholas's wooden", "1654", "17 століття", "XVII", '"святого миколая"',
        "миколая чернігів", "чер", "церква -ворота", "wood", "церква “святого миколая”", '"церква святого',
    ],
)  # fmt: skip
def test_the_church_is_found(reader: Projection, text: str) -> None:
    assert found(reader, text) == {"church"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ворота", {"gate", "gates"}),
        ("Kiev", {"gate"}),
        ("Lemberg", {"gates"}),
        ("київ золоті", {"gate"}),
        ('"золоті ворота"', {"gate", "gates"}),
        ('"ворота золоті"', set()),
        ("ворота -Львів", {"gate"}),
        ("gate-kyiv", {"gate"}),  # parts of a word are words
        ("main gate of medieval Kyiv", {"gate"}),
        ("gate " + " ".join(f"x{n}" for n in range(60)), set()),
        ("-ворота", {"church", "toy"}),
        ("゙", set()),  # signs of Japanese that are no letters by themselves
        ("゙ ворота", {"gate", "gates"}),
        ("-ﾞ ворота", {"gate", "gates"}),
        ('-"gate called"', {"church", "gate", "toy"}),
        ("КВ-1234/5", {"gate"}),
        ("кв 1234", {"gate"}),
        ("KV1234", {"gate"}),
        ("КВ-1234/6", set()),
        ("Примаченко", {"toy"}),
        ("Prymachenko", {"toy"}),
        ("їжаки", {"toy"}),
        ("yizhak", {"toy"}),
        ("Ярослав", {"gate"}),
        ("Федорчук", {"toy"}),  # who is to be named, as everybody may know where it is
        ("лапи", {"toy"}),  # what is said of a part of it
        ("цвях", {"toy"}),
        ("the", {"gate"}),  # a small word alone is looked for
        ("the gate", {"gate", "gates"}),  # and left out beside others
        ("gate zebra", set()),
        ("", {"church", "gate", "gates", "toy"}),
        ("   ", {"church", "gate", "gates", "toy"}),
    ],
)
def test_searches(reader: Projection, text: str, names: set[str]) -> None:
    assert found(reader, text) == names


def test_a_phrase_does_not_go_on_in_the_next_text(reader: Projection) -> None:
    assert found(reader, '"ворота golden"') == set()


def test_the_last_word_may_be_unfinished(reader: Projection) -> None:
    assert found(reader, "золоті воро") == {"gate", "gates"}
    assert found(reader, "золоті воро ") == set()  # a space: it is finished
    assert found(reader, "золоті воро", unfinished=False) == set()
    assert found(reader, "воро золоті") == set()


def test_the_most_relevant_comes_first(reader: Projection) -> None:
    """A title that is just this, before titles with it, before texts with it; "gates" is newer."""
    for text in ("Golden gate", "золоті ворота", "Zoloti vorota", '"golden gate"'):
        assert [NAMES[one] for one in ids(search(reader, Query(text=text)))] == ["gate", "gates"]
    newest = search(reader, Query(text="golden gate", sort="newest"))
    assert [NAMES[one] for one in ids(newest)] == ["gates", "gate"]


HOSTILE = [
    '"', '"""', "-", "- -", '-"', "*", "a*", "^", "NEAR(a b)", "a AND", "OR OR OR", "NOT", "title:x", "(",
    "{keys}: a", ")))", "a:*", "!a", "& | !", "<->", "'; DROP TABLE words; --", "\\", "%", "_", "_a", "_f1",
    "a\x00b", "\x1b[31m", "🙂", "🙂🙂 🏛️", "\u202eabc", "\ud800", "\uffff", "a" * 500, "а " * 250,
    '" ' * 250, "-а " * 160, "'" * 400, "x́" * 200, "١٢٣", "\t\n\r", "--церква", "«", "„“", "ﷺ" * 50,
    "{{7*7}}", "../../etc", "<script>alert(1)</script>", "-".join(f"{n:x}z" for n in range(16, 130)),
    '"' + "a b " * 120, "1" * 500,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_is_typed_has_an_answer(reader: Projection, text: str) -> None:
    suggest(reader, text)
    for unfinished in (True, False):
        try:
            query = query_of(text=text, unfinished=unfinished)
        except InputError:
            assert text == "\ud800"  # no text at all
            continue
        assert len(search(reader, query).records) <= 4


def test_what_has_no_word_finds_nothing(reader: Projection) -> None:
    for text in ("🙂", '"', "-", "& | !"):
        answer = search(reader, Query(text=text))
        assert (answer.records, answer.count, answer.next) == ((), 0, None)


@pytest.mark.parametrize(
    "given",
    [
        {"text": "x" * 501},
        {"text": "x" * 10_000},
        {"text": "\ud800"},
        {"sort": "rowid"},
        {"language": "xx"},
        {"size": 0},
        {"size": 101},
        {"cell": "8z"},
        {"filters": {"place": ("x",)}},
        {"filters": {"kind": ("x",) * 21}},
        {"filters": {"material": ("a\x00",)}},
        {"filters": {"material": ("\ud800",)}},
        {"cursor": "x" * 1001},
        {"latitude": 51.5},
    ],
)
def test_what_cannot_be_asked_is_said(given: dict[str, object]) -> None:
    with pytest.raises(InputError, match="cannot be searched for") as caught:
        query_of(**given)
    assert "500" in caught.value.advice


def test_filters(reader: Projection) -> None:
    assert found(reader, "", filters={"kind": ("monument",)}) == {"gate"}
    assert found(reader, "", filters={"kind": ("monument", "other")}) == set(RECORDS)
    assert found(reader, "", filters={"century": ("17",), "material": ("wood",)}) == {"church"}
    assert found(reader, "ворота", filters={"available": ("download",)}) == {"gate"}
    assert found(reader, "", filters={"language": ("en",)}) == {"church", "gate", "gates"}
    assert found(reader, "", filters={"material": ("stone",)}) == set()
    assert found(reader, "", filters={"material": ()}) == set(RECORDS)


def test_facets_count_what_was_found(reader: Projection) -> None:
    facets = search(reader, Query(text="ворота")).facets
    assert facets is not None
    assert [(one.value, one.count) for one in facets["kind"]] == [("monument", 1), ("other", 1)]
    assert [(one.value, one.count) for one in facets["century"]] == [("11", 1)]
    assert [(one.value, one.count) for one in facets["available"]] == [("download", 1), ("model", 1)]
    assert facets["material"] == ()
    whole = search(reader, Query()).facets
    assert whole is not None
    assert [(one.value, one.labels["uk"], one.count) for one in whole["material"]] == [("wood", "дерево", 1)]


def test_orders(reader: Projection) -> None:
    def listed(**more: object) -> list[str]:
        return [NAMES[one] for one in ids(search(reader, Query(**more)))]

    assert listed(sort="title", language="uk") == ["gates", "church", "gate", "toy"]
    assert listed(sort="title", language="en") == ["gates", "gate", "church", "toy"]
    assert listed(sort="quality")[:2] == ["gate", "church"]
    assert listed()[0] == "gates"
    assert listed()[-1] == "toy"
    assert listed(sort="relevance") == listed(sort="newest") == listed()


def test_more_than_can_be_counted(reader: Projection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer says that there are more; lists by relevance and date go on."""
    monkeypatch.setattr(searching_module, "MOST", 2)
    reader = Projection(reader.engine)  # that remembers nothing
    answer = search(reader, Query(text="-zebra", sort="newest"))
    assert (answer.count, answer.more, answer.counted, len(answer.records)) == (2, True, 2, 4)
    assert len(search(reader, Query(text="-zebra", sort="title")).records) == 2
    whole = search(reader, Query(sort="title"))
    assert (whole.count, whole.more, whole.counted, len(whole.records)) == (2, True, 4, 4)
    assert search(reader, Query(text="ворота")).more is False


@pytest.mark.parametrize("sort", ["newest", "title", "quality", "relevance"])
def test_pages(reader: Projection, sort: str) -> None:
    seen, cursor = [], None
    for _ in range(4):
        page = search(reader, Query(text="-zebra", sort=sort, size=1, cursor=cursor))
        assert page.count == 4
        seen += ids(page)
        cursor = page.next
    assert cursor is None
    assert set(seen) == {record.id for record in RECORDS.values()}
    assert seen == ids(search(reader, Query(text="-zebra", sort=sort)))


def test_a_cursor_is_of_its_query_only(reader: Projection) -> None:
    cursor = search(reader, Query(text="ворота", size=1)).next
    assert cursor is not None
    assert search(reader, Query(text="ворота", size=3, cursor=cursor)).records
    flipped = [
        cursor[:n] + ("A" if cursor[n] != "A" else "B") + cursor[n + 1 :] for n in range(len(cursor) - 1)
    ]
    forged = "A" * (MAC_BYTES * 2)
    others = [
        ("ворота", one) for one in ("", "!", "я", "A", "AAAA", cursor[:-4], cursor + "AAAA", forged, *flipped)
    ]
    for text, one in [("золоті", cursor), *others]:
        with pytest.raises(InputError, match="not a page of this search"):
            search(reader, Query(text=text, size=1, cursor=one))


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("Чирнігів", "Чернігів"),  # another letter
        ("Черігів", "Чернігів"),  # too few
        ("Чрнігв", None),  # two slips
        ("Жернігів", "Чернігів"),  # one letter, which is two in Latin
        ("Чершігів", "Чернігів"),
        ("hcurch", "church"),  # changed places
        ("Zoolota", None),  # doubled letters are no slip: it is found
        ("golden gale", "golden gate"),
        ("деревяна церкав", "деревяна церква"),
        ("у Чернігові hcurch", "у Чернігові church"),  # a known word in another form
        ("дерев’яна це́ркав", "дерев’яна церква"),  # with a stress mark
        ("Lwów gaet", "Lwów gate"),
        ("church", None),
        ("чернігова", None),  # known, in another form
        ("hcurch gaet dwoor", None),  # too much that nobody knows
        ("zq", None),
        ("", None),
    ],
)
def test_what_may_have_been_meant(reader: Projection, text: str, instead: str | None) -> None:
    assert meant(reader, text) == instead
    if instead:
        assert not search(reader, Query(text=text, unfinished=False)).records
        assert search(reader, Query(text=instead, unfinished=False)).records


def test_suggestions(reader: Projection) -> None:
    assert [one.text for one in suggest(reader, "воро")] == ["ворота"]
    assert [one.text for one in suggest(reader, "золоті вор")] == ["ворота"]
    assert suggest(reader, "золоті вор ") == ()
    assert suggest(reader, "в") == suggest(reader, "") == suggest(reader, "zebra") == ()
    assert [(one.text, one.count) for one in suggest(reader, "церк")] == [("церква", 1)]
    assert [one.text for one in suggest(reader, "tserk")] == ["церква"]
    assert [one.text for one in suggest(reader, "gat")] == ["gate"]


def test_titles_in_the_order_of_their_alphabets() -> None:
    ukrainian = ["1654", "Абетка", "Ґанок", "Єва", "Жук", "Зима", "Ива", "Іва", "Їжак", "Йод", "Лис", "Ліс",
                 "Миша", "Щука", "Юрта", "Яр", "Apple"]  # fmt: skip
    assert sorted(set(ukrainian), key=lambda title: sort_key(title, "uk")) == ukrainian
    english = [
        "1654",
        "Apple",
        "“Apples”",
        "Church, old",
        "Church of A",
        "churches",
        "Éclair",
        "Łódź",
        "Абетка",
    ]
    assert sorted(set(english), key=lambda title: sort_key(title, "en"))[:3] == english[:3]
    assert sort_key("Éclair", "en") < sort_key("Edam", "en")
    assert sort_key("Church of A", "en") < sort_key("Churches", "en")
    assert sort_key("Кам’янець", "uk") == sort_key("КАМ'ЯНЕЦЬ", "uk")
    assert sort_key("Івано-Франківськ", "uk") == sort_key("Івано Франківськ", "uk")
    assert sort_key("гора", "uk") < sort_key("ґанок", "uk") < sort_key("дім", "uk")
    assert sort_key("", "uk") < sort_key("东", "uk").encode("ascii").decode()


def test_very_long_records_are_the_same_on_both(tmp_path_factory: pytest.TempPathFactory) -> None:
    """More words, and more often the same one, than an index of PostgreSQL could hold."""
    long = plain(1, summary={"en": "tower " * 3000, "uk": " ".join(f"слово{n}" for n in range(1200))})
    kept = [made(n) for n in range(2, 5)]
    answers = []
    for kind in ("sqlite", "postgresql"):
        with empty_store(kind, tmp_path_factory.mktemp("long")) as (writer, reader):
            load(writer, [long, *kept])
            texts = ("tower", '"tower tower"', "слово 17", "слово 1199", "thing", ark(1))
            answers.append([ids(search(reader, Query(text=text))) for text in texts])
    assert answers[0] == answers[1]
    assert answers[0][0] == [long.id]


def test_records_come_whole(reader: Projection) -> None:
    assert search(reader, Query(text="їжак")).records == (RECORDS["toy"],)
    assert isinstance(search(reader, Query()).records[0], PublicRecord)


def test_folders_of_the_store_hold_one_file(tmp_path: Path) -> None:
    with empty_store("sqlite", tmp_path) as (writer, reading):
        load(writer, RECORDS.values())
        assert search(reading, Query()).count == 4
        assert [path.name for path in tmp_path.iterdir()] == ["public.sqlite"]
