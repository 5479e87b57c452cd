"""Folders of old scans and the spreadsheet that describes them: rows are read, and matched with the files.

A sheet is CSV (UTF-8, UTF-16 or the Cyrillic Windows-1251; comma, semicolon or tab) or XLSX, the first sheet
of it. Its first row that is not empty names the columns, in English or Ukrainian, in any order:

    file, folder      файл, тека (папка)            what the row describes, inside of the scans' folder
    title             назва                         title_en, title_uk (назва англійською, українською)
    kind              тип (вид)                     type
    period, date      період, дата
    materials         матеріали
    description       опис
    author            автор (авторка)               creator
    rights            права (ліцензія)              license
    place             місце                         location
    identifier        інвентарний номер             inventory number

Other columns are kept in `Row.other`. Cells are data: formulas are never run (a spreadsheet program left
their values in the file), and nothing is guessed: whatever does not match exactly is told as a problem.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from oberih.archive.exchange._tables import MOST_ROWS, SHOWN, Table, csv_rows, xlsx_rows
from oberih.archive.exchange.safe_paths import folded, same_text, shown, unsafe
from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["Item", "Matched", "Problem", "Row", "compare", "match", "read_sheet"]

MOST_BYTES = 64 << 20  # of a sheet's file
MOST_COLUMNS = 400
LEFT_BY_SYSTEMS = re.compile(r"\.ds_store|thumbs\.db|desktop\.ini|\._.*|~\$.*|\.~lock\..*#", re.IGNORECASE)

COLUMNS = {
    "file": ("file", "filename", "file name", "файл", "імя файлу", "назва файлу"),
    "folder": ("folder", "directory", "папка", "тека", "каталог"),
    "title": ("title", "name", "назва"),
    "title_en": ("title en", "title (en)", "назва англійською", "назва (англ.)", "назва en"),
    "title_uk": (
        "title uk",
        "title (uk)",
        "title ukrainian",
        "назва українською",
        "назва (укр.)",
        "назва uk",
    ),
    "kind": ("kind", "type", "тип", "вид"),
    "period": ("period", "період", "епоха"),
    "materials": ("materials", "material", "матеріали", "матеріал"),
    "description": ("description", "опис"),
    "author": ("author", "creator", "автор", "авторка", "автори"),
    "rights": ("rights", "license", "licence", "права", "ліцензія"),
    "date": ("date", "дата"),
    "place": ("place", "location", "місце", "розташування"),
    "identifier": ("identifier", "id", "inventory number", "інвентарний номер", "ідентифікатор"),
}
FIELD = {name: column for column, names in COLUMNS.items() for name in names}


@dataclass(frozen=True)
class Row:
    """A row of a sheet: what it says of one file or one folder. What it does not say is ""."""

    number: int  # as spreadsheet programs count, from 1
    path: str = ""  # of the file or folder; the column folder, if both are filled, is the file's folder
    title: str = ""
    title_en: str = ""
    title_uk: str = ""
    kind: str = ""
    period: str = ""
    materials: str = ""
    description: str = ""
    author: str = ""
    rights: str = ""
    date: str = ""
    place: str = ""
    identifier: str = ""
    other: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # by the column's own name


@dataclass(frozen=True)
class Item:
    """A row and the files that it describes."""

    row: Row
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Problem:
    """Something that does not match. ``row`` is 0 where a file has none."""

    message: str
    row: int = 0
    path: str = ""


@dataclass(frozen=True)
class Matched:
    """All that matches, and all that does not."""

    items: tuple[Item, ...]
    problems: tuple[Problem, ...]


def read_sheet(path: Path) -> list[Row]:
    """The rows of a CSV or XLSX file that hold anything. Raises `InputError` with all that is wrong in it."""
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(say("{path} is too large for a spreadsheet.", path=shown(path.name)))
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            say(
                "{path} cannot be read: {reason}.", path=shown(str(path)), reason=error.strerror or str(error)
            ),
            "Check the spelling of the path, and that you may read what is there.",
        ) from error
    if data[:2] == b"PK":
        table = xlsx_rows(data, path.name)
    elif data[:4] == b"\xd0\xcf\x11\xe0":
        raise InputError(
            say("{path} is a spreadsheet of the old kind (.xls).", path=shown(path.name)),
            say("Open it in a spreadsheet program and save it as .xlsx or as CSV."),
        )
    else:
        table = csv_rows(data, path.name, lambda label: plain(label) in FIELD)
    return rows_of(table, path.name)


def rows_of(table: Table, name: str) -> list[Row]:
    header: list[tuple[str, str]] | None = None  # a field of Row or "", and the column's name
    rows: list[Row] = []
    stray: list[int] = []
    for number, cells in table:
        cells = [cell.strip() for cell in cells]
        if not any(cells):
            continue
        if header is None:
            header = header_of(cells, name)
            continue
        if len(rows) >= MOST_ROWS:
            raise InputError(say("{path} has more than {count} rows.", path=shown(name), count=MOST_ROWS))
        if any(cells[len(header) :]) or any(
            cell and not column for cell, (_, column) in zip(cells, header, strict=False)
        ):
            stray.append(number)
        rows.append(row_of(number, cells, header))
    if stray:
        raise InputError(
            say(
                "{path}: rows {rows} have cells beside the named columns.",
                path=shown(name),
                rows=", ".join(map(str, stray[:SHOWN])),
            ),
            say("Name every column that is used; in CSV, put quotes around texts that hold the separator."),
        )
    if header is None:
        raise InputError(say("{path} is empty.", path=shown(name)))
    return rows


def header_of(cells: list[str], name: str) -> list[tuple[str, str]]:
    if len(cells) > MOST_COLUMNS:
        raise InputError(say("{path} has more than {count} columns.", path=shown(name), count=MOST_COLUMNS))
    header = [(FIELD.get(plain(cell), ""), cell) for cell in cells]
    known = [field for field, _ in header if field] + [cell for field, cell in header if cell and not field]
    twice = sorted({one for one in known if known.count(one) > 1})
    if twice:
        raise InputError(
            say("{path} has two columns for {columns}.", path=shown(name), columns=", ".join(twice)),
            say("Remove or rename one of them."),
        )
    if not {"file", "folder"} & set(known):
        raise InputError(
            say("{path} has no column that names files or folders.", path=shown(name)),
            say('Its first row should have a column "file" or "folder" (in Ukrainian: "файл", "тека").'),
        )
    return header


def plain(label: str) -> str:
    """A column's name without what people vary: case, apostrophes, underscores, a colon at the end."""
    label = re.sub(r"['’ʼ`*]", "", same_text(label).casefold())
    return re.sub(r"[\s_\-]+", " ", label).strip(" :")


def row_of(number: int, cells: list[str], header: list[tuple[str, str]]) -> Row:
    said: dict[str, str] = {}
    other: dict[str, str] = {}
    for cell, (known, column) in zip(cells, header, strict=False):
        if known:
            said[known] = cell
        elif cell and column:
            other[column] = cell
    folder, file = said.pop("folder", ""), said.pop("file", "")
    path = f"{folder.rstrip('/').rstrip(chr(92))}/{file}" if folder and file else folder or file
    return Row(number, path, other=MappingProxyType(other), **said)


def match(rows: Iterable[Row], folder: Path, *, besides: Iterable[Path] = ()) -> list[Item]:
    """Every row with its files. Raises `InputError` with all problems if anything does not match."""
    found = compare(rows, folder, besides=besides)
    if found.problems:
        listed = "\n".join(f"- {problem.message}" for problem in found.problems[:SHOWN])
        raise InputError(
            say(
                "The sheet and the folder differ in {count} place:\n{problems}",
                "The sheet and the folder differ in {count} places:\n{problems}",
                count=len(found.problems),
                problems=listed + ("\n- ..." if len(found.problems) > SHOWN else ""),
            ),
            say("Put the sheet or the folder right and try again. Nothing was changed."),
        )
    return list(found.items)


def compare(rows: Iterable[Row], folder: Path, *, besides: Iterable[Path] = ()) -> Matched:
    """Rows and the files of ``folder`` side by side. ``besides`` are files that need no row (the sheet)."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(say("{path} is not a folder.", path=shown(str(folder))))
    problems: list[Problem] = []
    shelf = Shelf(folder, {path.resolve() for path in besides}, problems)
    items: list[Item] = []
    owners: dict[str, Row] = {}
    for row in rows:
        found, problem = shelf.find(row)
        if problem:
            problems.append(Problem(problem, row.number, shown(row.path)))
            continue
        taken = [path for path in found if path in owners]
        for path in found:
            owners.setdefault(path, row)
        if taken:
            problems.append(
                Problem(
                    say(
                        "Rows {first} and {second} both describe {path}.",
                        first=owners[taken[0]].number, second=row.number, path=shown(taken[0]),
                    ),
                    row.number,
                    shown(taken[0]),
                )
            )  # fmt: skip
        items.append(Item(row, tuple(folder / path for path in found)))
    for path in shelf.files:
        if path not in owners:
            problems.append(Problem(say("No row describes {path}.", path=shown(path)), path=shown(path)))
    return Matched(tuple(items), tuple(problems))


class Shelf:
    """The files of a folder, found by what a row calls them."""

    def __init__(self, folder: Path, besides: set[Path], problems: list[Problem]) -> None:
        self.files: list[str] = []
        self.folders: dict[str, list[str]] = {}  # files by folder
        self.names: dict[str, list[str]] = {}  # files and folders by what they look like
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                message = say("{path} is a link or a device, and is left alone.", path=shown(name))
                problems.append(Problem(message, path=shown(name)))
            elif path.is_dir():
                self.folders.setdefault(name, [])
            elif not LEFT_BY_SYSTEMS.fullmatch(path.name) and path.resolve() not in besides:
                self.files.append(name)
                parts = name.split("/")
                for depth in range(len(parts)):
                    self.folders.setdefault("/".join(parts[:depth]), []).append(name)
        for name in (*self.files, *self.folders):
            self.names.setdefault(same_text(name), []).append(name)
        self.known = {*self.files, *self.folders}
        self.near: dict[str, str] = {folded(name): name for name in self.names}

    def find(self, row: Row) -> tuple[list[str], str]:
        """The files that a row describes, or why there are none."""
        path, written = self.plain(row.path), shown(row.path)
        if not row.path:
            return [], say("Row {row} names no file and no folder.", row=row.number)
        reason = unsafe(path) if path else ""
        if reason:
            return [], say(
                "Row {row}: {path} is not in the folder, {reason}.",
                row=row.number,
                path=written,
                reason=reason,
            )
        found = [path] if path in self.known else self.names.get(same_text(path), [])
        if len(found) > 1:
            return [], say("Row {row}: {path} means more than one file.", row=row.number, path=written)
        if not found and folded(path) in self.near:
            near = shown(self.near[folded(path)])
            return [], say(
                "Row {row}: there is no {path}, but there is {near}.", row=row.number, path=written, near=near
            )
        if not found:
            return [], say("Row {row}: there is no {path} in the folder.", row=row.number, path=written)
        files = self.folders.get(found[0], [found[0]])
        if not files:
            return [], say("Row {row}: the folder {path} is empty.", row=row.number, path=written)
        return files, ""

    def plain(self, written: str) -> str:
        """A path as files have it here: "" is the whole folder."""
        path = written
        if same_text(path) not in self.names:
            path = path.replace("\\", "/")  # as Windows writes
        path = path.removesuffix("/")
        while path.startswith("./"):
            path = path[2:]
        return "" if path == "." else path
