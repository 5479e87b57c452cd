"""Spreadsheets that describe folders of old scans."""

import io
import zipfile
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oberih.archive.exchange.sheets import Row, compare, match, read_sheet
from oberih.errors import InputError

TABLE = [
    ["Файл", "Назва", "Тип", "Період", "Матеріали", "Опис", "Автор", "Ліцензія", "Дата", "Місце", "Стан"],
    ["скани/a.ply", "Хрест, дубовий", "хрест", "XVIII ст.", "дуб; лак", "Опис\nу два рядки", "О. К.", "CC BY",
     "2009", "біля церкви", "добрий"],
]  # fmt: skip
ROW = Row(
    2, "скани/a.ply", title="Хрест, дубовий", kind="хрест", period="XVIII ст.", materials="дуб; лак",
    description="Опис\nу два рядки", author="О. К.", rights="CC BY", date="2009", place="біля церкви",
    other={"Стан": "добрий"},
)  # fmt: skip


def csv_of(table: list[list[str]], separator: str = ",") -> str:
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in table]
    return "".join(separator.join(row) + "\r\n" for row in quoted)


def xlsx_of(path: Path, table: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    for row in table:
        book.active.append(row)
    book.save(path)
    return path


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_in_the_encodings_and_separators_that_people_have(
    tmp_path: Path, encoding: str, separator: str
) -> None:
    assert read_sheet(written(tmp_path / "x.csv", csv_of(TABLE, separator), encoding)) == [ROW]


def test_xlsx(tmp_path: Path) -> None:
    assert read_sheet(xlsx_of(tmp_path / "x.xlsx", TABLE)) == [ROW]


def test_columns_in_english_in_any_order_and_case(tmp_path: Path) -> None:
    text = "Rights:,TITLE_EN,title-uk,File name,Inventory number,Creator\nCC0,Cross,Хрест,a.ply,7,O. K.\n"
    assert read_sheet(written(tmp_path / "x.csv", text)) == [
        Row(2, "a.ply", title_en="Cross", title_uk="Хрест", rights="CC0", identifier="7", author="O. K.")
    ]


def test_a_folder_and_a_file_in_it(tmp_path: Path) -> None:
    text = "Папка,Ім’я файлу\nскани,a.ply\nскани/,\n,b.ply\nD\\,c.ply\n"
    assert [row.path for row in read_sheet(written(tmp_path / "x.csv", text))] == [
        "скани/a.ply", "скани/", "b.ply", "D/c.ply",
    ]  # fmt: skip


def test_empty_rows_are_passed_over_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    table: list[list[Any]] = [
        [None],
        ["file", None, "date"],
        [],
        ["a", None, 1],
        ["", "", ""],
        ["b", None, 2],
    ]
    rows = read_sheet(xlsx_of(tmp_path / "x.xlsx", table))
    assert [(row.number, row.path, row.date) for row in rows] == [(4, "a", "1"), (6, "b", "2")]
    text = "sep=;\nfile;date\n\na;1\n;\nb;2\n"
    rows = read_sheet(written(tmp_path / "x.csv", text))
    assert [(row.number, row.path, row.date) for row in rows] == [(4, "a", "1"), (6, "b", "2")]


def test_cells_of_xlsx_become_plain_text(tmp_path: Path) -> None:
    values = [12, 12.0, 1.5, True, date(2009, 5, 1), datetime.fromisoformat("2009-05-01T10:30"), "  text "]
    table = [["file", "date"], *(["a", value] for value in values)]
    rows = read_sheet(xlsx_of(tmp_path / "x.xlsx", table))
    assert [row.date for row in rows] == [
        "12", "12", "1.5", "true", "2009-05-01", "2009-05-01T10:30:00", "text",
    ]  # fmt: skip


def test_cells_are_never_run(tmp_path: Path) -> None:
    text = '=HYPERLINK("http://example.org"),=1+1,@SUM(A1)'
    (row,) = read_sheet(written(tmp_path / "x.csv", f"file,title,note\n{csv_of([text.split(',')])}"))
    assert (row.path, row.title, row.other) == (
        '=HYPERLINK("http://example.org")',
        "=1+1",
        {"note": "@SUM(A1)"},
    )
    (row,) = read_sheet(xlsx_of(tmp_path / "x.xlsx", [["file", "title"], ["a", "=1+1"]]))
    assert row.title == "", "no program has worked it out"


def test_formulas_that_failed_are_told(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["file", "date"])
    book.active.append(["a", "#REF!"])
    book.active["B2"].data_type = "e"
    book.save(tmp_path / "x.xlsx")
    with pytest.raises(InputError, match="B2 #REF!"):
        read_sheet(tmp_path / "x.xlsx")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("title,date\na,b\n", "no column that names files"),
        ("file,назва,title\na,b,c\n", "two columns for title"),
        ("file,note,note\na,b,c\n", "two columns for note"),
        ("file,title\na,b,c\n", "rows 2 have cells beside"),
        ("file,,title\na,b,c\n", "rows 2 have cells beside"),
        ('file,title\na,"b\n', "cannot be read as CSV"),
        ("file\n" + "a" * 200_000, "cannot be read as CSV"),
        ("," * 500 + "file\n", "more than 400 columns"),
    ],
)
def test_sheets_that_say_too_little_or_too_much(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_sheet(written(tmp_path / "x.csv", text))


@pytest.mark.parametrize(
    "data",
    [b"\x98\xff\xfe", b"\xff\xfe\0", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", bytes(100), b"PK\x03\x04",
     b"PK" + bytes(200), b"\xd0\xcf\x11\xe0" + bytes(100)],
)  # fmt: skip
def test_files_that_are_no_sheets(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(InputError):
        read_sheet(tmp_path / "x")
    with pytest.raises(InputError, match="cannot be read"):
        read_sheet(tmp_path / "gone.csv")


def with_part(path: Path, part: str, data: bytes) -> Path:
    """An XLSX file with one of its parts replaced."""
    good = xlsx_of(path, [["file"], ["a"]]).read_bytes()
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, data if name == part else old.read(name))
    return path


SHEET = "xl/worksheets/sheet1.xml"
NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def sheet_xml(rows: str, start: str = "") -> bytes:
    body = f'<worksheet xmlns="{NAMESPACE}"><sheetData>{rows}</sheetData></worksheet>'
    return f'<?xml version="1.0"?>{start}{body}'.encode()


def test_xml_bombs_are_refused_before_they_are_parsed(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = sheet_xml(
        '<row r="1"><c r="A1" t="str"><v>&l9;</v></c></row>', f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>'
    )
    for data in (bomb, bomb.decode().replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16")):
        with pytest.raises(InputError, match="damaged"):
            read_sheet(with_part(tmp_path / "x.xlsx", SHEET, data))
    outside = sheet_xml("", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>')
    with pytest.raises(InputError, match="damaged"):
        read_sheet(with_part(tmp_path / "x.xlsx", SHEET, outside))


def test_zip_bombs_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="zip bomb"):
        read_sheet(with_part(tmp_path / "x.xlsx", "docProps/app.xml", bytes(300 << 20)))


def test_a_sheet_that_claims_to_be_endless_is_refused(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="A1" t="inlineStr"><is><t>file</t></is></c></row>'
    last = '<row r="1048576"><c r="A1048576"><v>1</v></c></row>'
    with pytest.raises(InputError, match="too large"):
        read_sheet(with_part(tmp_path / "x.xlsx", SHEET, sheet_xml(rows + last)))
    wide = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(2, 5000))
    with pytest.raises(InputError, match="too large"):
        read_sheet(with_part(tmp_path / "x.xlsx", SHEET, sheet_xml(rows + wide)))


@given(st.binary(max_size=400) | st.text(st.sampled_from('file,;\t"\n\rфайл\\/.=')).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with TemporaryDirectory() as scratch, suppress(InputError):
        path = Path(scratch) / "x.csv"
        path.write_bytes(data)
        assert all(isinstance(row, Row) for row in read_sheet(path))


# Matching


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    for name in ("cross/a.ply", "cross/photos/1.jpg", "cross/.DS_Store", "Núñez.stl", "їжак.obj"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def names(items: Any, folder: Path) -> list[tuple[int, list[str]]]:
    return [(item.row.number, [path.relative_to(folder).as_posix() for path in item.files]) for item in items]


def test_rows_meet_their_files(scans: Path) -> None:
    rows = [Row(2, "cross"), Row(3, "Nu\u0301n\u0303ez.stl"), Row(4, "їжак.obj")]
    assert names(match(rows, scans), scans) == [
        (2, ["cross/a.ply", "cross/photos/1.jpg"]),
        (3, ["Núñez.stl"]),
        (4, ["їжак.obj"]),
    ]


@pytest.mark.parametrize("path", ["cross/", "./cross", "cross\\", ".\\cross\\"])
def test_ways_to_write_a_folder(scans: Path, path: str) -> None:
    found = compare([Row(2, path)], scans)
    assert names(found.items, scans) == [(2, ["cross/a.ply", "cross/photos/1.jpg"])]


def test_a_row_may_describe_the_whole_folder(scans: Path) -> None:
    assert len(match([Row(2, ".")], scans)[0].files) == 4


def test_the_sheet_itself_needs_no_row(scans: Path) -> None:
    sheet = written(scans / "описи.csv", "тека\n.\n")
    assert len(match(read_sheet(sheet), scans, besides=[sheet])[0].files) == 4


def test_all_that_does_not_match_is_told_together(scans: Path) -> None:
    (scans / "empty").mkdir()
    (scans / "link.ply").symlink_to("/etc/passwd")
    rows = [
        Row(2, "cross/a.ply"),
        Row(3, "cross"),
        Row(4, "gone.ply"),
        Row(5, "Їжак.OBJ"),
        Row(6, "../scans/їжак.obj"),
        Row(7, "/etc/passwd"),
        Row(8, ""),
        Row(9, "empty"),
        Row(10, "cross\\..\\..\\x"),
        Row(11, "link.ply"),
        Row(12, "C:\\scans\\a.ply"),
    ]
    found = compare(rows, scans)
    assert names(found.items, scans) == [(2, ["cross/a.ply"]), (3, ["cross/a.ply", "cross/photos/1.jpg"])]
    told = {(problem.row, problem.path): problem.message for problem in found.problems}
    assert told == {
        (0, "link.ply"): "link.ply is a link or a device, and is left alone.",
        (3, "cross/a.ply"): "Rows 2 and 3 both describe cross/a.ply.",
        (4, "gone.ply"): "Row 4: there is no gone.ply in the folder.",
        (5, "Їжак.OBJ"): "Row 5: there is no Їжак.OBJ, but there is їжак.obj.",
        (6, "../scans/їжак.obj"): "Row 6: ../scans/їжак.obj is not in the folder, it leads out through ...",
        (7, "/etc/passwd"): "Row 7: /etc/passwd is not in the folder, it is absolute.",
        (8, ""): "Row 8 names no file and no folder.",
        (9, "empty"): "Row 9: the folder empty is empty.",
        (10, "cross\\..\\..\\x"): "Row 10: cross\\..\\..\\x is not in the folder, it leads out through ...",
        (11, "link.ply"): "Row 11: there is no link.ply in the folder.",
        (12, "C:\\scans\\a.ply"): "Row 12: C:\\scans\\a.ply is not in the folder, it is absolute.",
        (0, "Núñez.stl"): "No row describes Núñez.stl.",
        (0, "їжак.obj"): "No row describes їжак.obj.",
    }
    with pytest.raises(InputError) as error:
        match(rows, scans)
    assert all(message in error.value.message for message in told.values())
    assert error.value.message.startswith("The sheet and the folder differ in 13 places:")


def test_a_name_that_may_mean_two_files_is_not_guessed(scans: Path) -> None:
    (scans / "Nu\u0301n\u0303ez.stl").write_bytes(b"")
    (problem,) = [one for one in compare([Row(2, "Nu\u0301ñez.stl")], scans).problems if one.row]
    assert problem.message == "Row 2: Nu\u0301ñez.stl means more than one file."
    assert names(compare([Row(2, "Núñez.stl")], scans).items, scans) == [(2, ["Núñez.stl"])]


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        match([], tmp_path / "nowhere")
