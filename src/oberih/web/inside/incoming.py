"""A form with files, taken apart while it comes: files go to the disk, one after the other into one file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from oberih.errors import InputError
from oberih.i18n import say
from oberih.web.uploads.body import PIECE, arriving
from oberih.web.uploads.tus import media_type
from oberih.work.arrivals import Limits, Offered
from oberih.work.arrivals.refusals import no_room, too_many_files, too_much
from oberih.work.arrivals.taking import free_bytes

__all__ = ["Incoming", "Part", "is_form"]

MULTIPART = b"multipart/form-data"
LONGEST_BOUNDARY = 70  # RFC 2046
MOST_FIELDS, MOST_BYTES = 50, 64 << 10  # of what is no file
BROKEN = ("The form did not come in whole.", "Go back, and send it again.")
ONE_FILE = say("one file")


def is_form(request: Request) -> bytes:
    """The boundary of a form with files; empty: it is something else."""
    kind, told = parse_options_header(request.headers.get("Content-Type"))
    boundary = told.get(b"boundary", b"") if kind == MULTIPART else b""
    return boundary if len(boundary) <= LONGEST_BOUNDARY else b""


@dataclass
class Part:
    """A file of the form, and where in the one file its bytes begin."""

    name: str
    type: str
    at: int
    size: int = 0

    @property
    def offered(self) -> Offered:
        return Offered(self.name, self.size, self.type)


class Incoming:
    """What has come of a form. ``trusted`` gets the form's word before the first byte of a file is taken, and
    raises if it is not right.
    """

    def __init__(
        self, boundary: bytes, into: IO[bytes], limits: Limits, keep_free: int, trusted: Callable[[str], None]
    ) -> None:
        self.into, self.limits, self.keep_free, self.trusted = into, limits, keep_free, trusted
        self.files: list[Part] = []
        self.fields: dict[str, list[str]] = {}
        self.bytes = 0  # of fields
        self.checked = False
        self.headers: dict[bytes, bytes] = {}
        self.header = self.value = b""
        self.name, self.text = "", bytearray()
        self.file: Part | None = None
        self.whole = False
        self.parser = MultipartParser(boundary or b"-", {
            "on_part_begin": self.part_begins, "on_header_field": self.header_name,
            "on_header_value": self.header_value, "on_header_end": self.header_ends,
            "on_headers_finished": self.headers_end, "on_part_data": self.data,
            "on_part_end": self.part_ends, "on_end": self.ends,
        })  # fmt: skip

    async def read(self, request: Request) -> None:
        """Take all of the body. Raises `Refused`, `InputError`, and what ``trusted`` raises."""
        waiting = bytearray()
        async for piece in arriving(request):
            waiting += piece
            if len(waiting) >= PIECE:
                await run_in_threadpool(self.take, bytes(waiting))
                waiting.clear()
        await run_in_threadpool(self.take, bytes(waiting))
        if not self.whole:
            raise InputError(*BROKEN)
        self.check()

    def take(self, data: bytes) -> None:
        if len(data) > free_bytes(self.into.fileno()) - self.keep_free:
            raise no_room()
        try:
            self.parser.write(data)
        except FormParserError as error:
            raise InputError(*BROKEN) from error

    def first(self, name: str) -> str:
        return self.fields.get(name, [""])[0]

    def check(self) -> None:
        if not self.checked:
            self.trusted(self.first("csrf"))
            self.checked = True

    # -- what the parser calls ---

    def part_begins(self) -> None:
        self.headers, self.header, self.value = {}, b"", b""
        self.file, self.text = None, bytearray()

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def header_ends(self) -> None:
        self.headers[self.header.lower()] = self.value
        self.header = self.value = b""

    def headers_end(self) -> None:
        told = parse_options_header(self.headers.get(b"content-disposition"))[1]
        self.name = told.get(b"name", b"").decode(errors="replace")
        if b"filename" not in told:
            return
        self.check()
        if len(self.files) >= self.limits.files:
            raise too_many_files(self.limits.files)
        kind = media_type(self.headers.get(b"content-type", b"").decode("latin-1"))
        self.file = Part(told[b"filename"].decode(errors="replace"), kind, self.into.tell())

    def data(self, data: bytes, start: int, end: int) -> None:
        if self.file is None:
            self.bytes += end - start
            if self.bytes > MOST_BYTES:
                raise InputError("What was filled in is too long.", "Write less.")
            self.text += data[start:end]
            return
        self.file.size += end - start
        if self.file.size > self.limits.file_bytes:
            raise too_much(self.file.size, ONE_FILE, self.limits.file_bytes)
        self.into.write(memoryview(data)[start:end])

    def part_ends(self) -> None:
        if self.file is not None:
            if self.file.name or self.file.size:  # else none was chosen
                self.files.append(self.file)
            return
        if sum(map(len, self.fields.values())) >= MOST_FIELDS:
            raise InputError(*BROKEN)
        text = self.text.decode(errors="replace").replace("\r\n", "\n")
        text = "".join(one for one in text if one.isprintable() or one in "\n\t")
        self.fields.setdefault(self.name, []).append(text)

    def ends(self) -> None:
        self.whole = True
