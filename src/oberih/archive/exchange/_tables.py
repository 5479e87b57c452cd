"""Tables in files: the cells of CSV and of XLSX as text, row by row, under limits."""

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from typing import Any

from oberih.archive.exchange.safe_paths import shown
from oberih.archive.exchange.unpacking import Limits, checked_zip
from oberih.archive.stores import CHUNK
from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["MOST_ROWS", "SHOWN", "Table", "csv_rows", "xlsx_rows"]

MOST_ROWS = 100_000
MOST_ROWS_WITH_EMPTY = 2 * MOST_ROWS
MOST_CELLS = 20_000_000
MOST_UNPACKED = 256 << 20  # bytes of XML in an XLSX file
SHOWN = 20  # things of a kind that an error lists
DOCTYPES = tuple("<!DOCTYPE".encode(code) for code in ("ascii", "utf-16-le", "utf-16-be"))

Table = Iterator[tuple[int, list[str]]]  # numbers as spreadsheet programs count rows, from 1, and cells


def csv_rows(data: bytes, name: str, known: Callable[[str], bool]) -> Table:
    """The rows of a CSV file. ``known`` knows the names of columns: so the separator is found."""
    text = csv_text(data, name)
    first, _, rest = text.partition("\n")
    told = re.fullmatch(r"sep=(.)\r?", first.strip("\ufeff"), re.IGNORECASE)  # a habit of Excel
    separator = told[1] if told else separator_of(text, known)
    offset = 1 if told else 0
    reader = csv.reader(io.StringIO(rest if told else text, newline=""), delimiter=separator, strict=True)
    try:
        yield from enumerate(reader, offset + 1)
    except csv.Error as error:
        raise InputError(
            say(
                "Line {line} of {path} cannot be read as CSV.",
                line=reader.line_num + offset,
                path=shown(name),
            ),
            say("Check its quotes, or save the sheet as .xlsx."),
        ) from error


def csv_text(data: bytes, name: str) -> str:
    """The text of a CSV file, in the first encoding that it can be in."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif data[1:2] == b"\0":
        encodings = ["utf-16-le"]
    elif data[:1] == b"\0":
        encodings = ["utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp1251"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not re.search(r"[\x00-\x08\x0e-\x1f]", text):
            return text
    raise InputError(
        say("{path} is no text in UTF-8, UTF-16 or Windows-1251.", path=shown(name)),
        say('Save the sheet as .xlsx or as "CSV UTF-8".'),
    )


def separator_of(text: str, known: Callable[[str], bool]) -> str:
    """What the columns' names are separated by: whatever gives the most that are known."""

    def columns(separator: str) -> tuple[int, int]:
        for cells in csv.reader(io.StringIO(text[: 1 << 16], newline=""), delimiter=separator):
            if any(cells):
                return sum(known(cell) for cell in cells), len(cells)
        return 0, 0

    try:
        return max(",;\t", key=columns)
    except csv.Error:
        return ","


def xlsx_rows(data: bytes, name: str) -> Table:
    """The rows of the first sheet. The file's parts are checked before anything parses them."""
    wrong: list[str] = []
    try:
        check_parts(data, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and the like, which we do not read
            rows = first_sheet(data, name, wrong)
    except InputError:
        raise
    except Exception as error:  # the parsers raise anything
        raise InputError(
            say("{path} is damaged, or not an .xlsx file.", path=shown(name)),
            say("Open it in a spreadsheet program and save it as .xlsx or as CSV."),
        ) from error
    if wrong:
        cells = ", ".join(wrong[:SHOWN])
        raise InputError(
            say("{path} has cells that are errors: {cells}.", path=shown(name), cells=cells),
            say("Put right what is in these cells, and save it again."),
        )
    return iter(rows)


def first_sheet(data: bytes, name: str, wrong: list[str]) -> list[tuple[int, list[str]]]:
    """The rows that hold anything; ``wrong`` is told the cells whose formulas failed."""
    import openpyxl  # type: ignore[import-untyped]

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # what it says of its size need not be so
    found, size = [], 0
    for number, cells in enumerate(sheet.iter_rows(), 1):
        size += len(cells)
        if number > MOST_ROWS_WITH_EMPTY or size > MOST_CELLS:
            raise InputError(say("{path} is too large for a spreadsheet.", path=shown(name)))
        texts = [cell_text(cell.value) for cell in cells]
        wrong += [f"{cell.coordinate} {cell.value}" for cell in cells if cell.data_type == "e"]
        if any(texts):
            found.append((number, texts))
    book.close()
    return found


def check_parts(data: bytes, name: str) -> None:
    """Refuse bombs: of zip by what the parts unpack to, of XML by their definitions of entities."""
    limits = Limits(bytes=MOST_UNPACKED, files=5_000, ratio=1_000)
    with checked_zip(io.BytesIO(data), name, limits) as pack:
        for entry in pack.infolist():
            if entry.filename.startswith("xl/media/"):
                continue  # pictures
            tail = b""
            with pack.open(entry) as part:
                while chunk := part.read(CHUNK):
                    if any(doctype in tail + chunk for doctype in DOCTYPES):
                        raise zipfile.BadZipFile
                    tail = chunk[-20:]


def cell_text(value: Any) -> str:
    """A cell as people see it in the plainest format."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return (value.date() if value.time() == time() else value).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
