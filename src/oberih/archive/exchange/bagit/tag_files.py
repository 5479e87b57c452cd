"""The text files of a bag (RFC 8493, section 2): parsed from bytes, with a finding for all that is wrong."""

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from oberih.archive.exchange.safe_paths import shown, unsafe
from oberih.archive.findings import Finding
from oberih.i18n import say

__all__ = [
    "ALGORITHMS",
    "INFO_FILES",
    "Declaration",
    "Entry",
    "Report",
    "Wanted",
    "declaration",
    "decoded",
    "decoded_path",
    "duplicates",
    "encoded_path",
    "fetch_entries",
    "info_entries",
    "manifest_entries",
    "plain_path",
]

VERSIONS = ("0.93", "0.94", "0.95", "0.96", "0.97", "1.0")
INFO_FILES = dict.fromkeys(("0.93", "0.94", "0.95"), "package-info.txt")  # else bag-info.txt
ALGORITHMS = {  # as in the names of manifests -> as hashlib calls them
    "md5": "md5",
    "sha1": "sha1",
    "sha224": "sha224",
    "sha256": "sha256",
    "sha384": "sha384",
    "sha512": "sha512",
    "sha3224": "sha3_224",
    "sha3256": "sha3_256",
    "sha3384": "sha3_384",
    "sha3512": "sha3_512",
    "blake2b512": "blake2b",
    "blake2s256": "blake2s",
}
BITS = {"md5": 128, "sha1": 160}  # the other names end in their number of bits
NOT_TEXT = {"idna", "mbcs", "oem", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "utf-7"}
OXUM = "payload-oxum"
ONCE = {"bagging-date", "bag-size", "bag-group-identifier", "bag-count", OXUM}  # should not be repeated
MOST_OF_KIND = 10_000  # findings of one level and section
BREAK = re.compile(r"\r\n|\r|\n")
ENCODED = {"%0A": "\n", "%0D": "\r", "%25": "%"}


@dataclass
class Report:
    """Collects findings, as many as memory may hold: a hostile manifest can have millions of bad lines."""

    findings: list[Finding] = field(default_factory=list)
    _of_kind: Counter[tuple[str, str]] = field(default_factory=Counter)

    def error(self, section: str, message: str, path: str = "") -> None:
        self._add("error", section, message, path)

    def warning(self, section: str, message: str, path: str = "") -> None:
        self._add("warning", section, message, path)

    def error_if(self, strict: bool, section: str, message: str, path: str = "") -> None:
        """An error if ``strict``, else a warning."""
        self._add("error" if strict else "warning", section, message, path)

    def _add(self, level: Literal["error", "warning"], section: str, message: str, path: str) -> None:
        self._of_kind[level, section] += 1
        if self._of_kind[level, section] == MOST_OF_KIND:
            message, path = say("There is more of this kind, which is not listed."), ""
        if self._of_kind[level, section] <= MOST_OF_KIND:
            self.findings.append(Finding(f"RFC8493-{section}", level, message, shown(path)))


@dataclass(frozen=True)
class Declaration:
    """What bagit.txt says."""

    version: str
    encoding: str

    @property
    def strict(self) -> bool:
        """Version 1.0 forbids much that was allowed before."""
        return self.version == "1.0"


@dataclass(frozen=True)
class Entry:
    """A line of a manifest: one path as it was meant, and as it stands there."""

    path: str
    written: str
    digest: str  # lower case


@dataclass(frozen=True)
class Wanted:
    """A line of fetch.txt."""

    url: str
    size: int | None  # bytes
    path: str


def lines(text: str) -> list[str]:
    """Only CR, LF and CRLF end a line; other separators of Unicode are parts of names."""
    found = BREAK.split(text)
    return found[:-1] if found[-1] == "" else found


def declaration(data: bytes, report: Report) -> Declaration | None:
    """bagit.txt (section 2.1.1). None if nothing more can be said of the bag."""
    name = "bagit.txt"
    if data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        report.error("2.1.1", say("bagit.txt begins with a byte-order mark."), name)
        return None
    try:
        rows = lines(data.decode())
    except UnicodeDecodeError:
        report.error("2.1.1", say("bagit.txt is not UTF-8."), name)
        return None
    first = re.fullmatch(r"BagIt-Version[ \t]*:[ \t]*(\d+\.\d+)[ \t]*", "".join(rows[:1]), re.IGNORECASE)
    if first is None or first[1] not in VERSIONS:
        report.error(
            "2.1.1",
            say("The first line of bagit.txt does not name a version of BagIt that exists."),
            name,
        )
        return None
    version = first[1]
    second = re.fullmatch(
        r"Tag-File-Character-Encoding[ \t]*:[ \t]*(\S+)[ \t]*", "".join(rows[1:2]), re.IGNORECASE
    )
    codec = known_encoding(second[1]) if second is not None else ""
    if second is None or not codec:
        report.error(
            "2.1.1", say("The second line of bagit.txt does not name an encoding that is known."), name
        )
        return None
    wanted = [f"BagIt-Version: {version}", f"Tag-File-Character-Encoding: {second[1]}"]
    if [row.casefold() for row in rows] != [row.casefold() for row in wanted]:
        message = say("bagit.txt has more than its two lines, or spaces where none belong.")
        report.error_if(version == "1.0", "2.1.1", message, name)
    elif rows != wanted:
        report.warning("2.1.1", say("Labels in bagit.txt are written in another case."), name)
    return Declaration(version, codec)


def known_encoding(name: str) -> str:
    try:
        codec = codecs.lookup(name).name
        b"x".decode(codec)
    except UnicodeDecodeError:
        pass
    except (LookupError, ValueError):
        return ""
    return "" if codec in NOT_TEXT else codec


def decoded(data: bytes, name: str, bag: Declaration, report: Report) -> str:
    """The text of a tag file (section 2.3); "" if it is no text."""
    if bag.encoding == "utf-8" and data.startswith(codecs.BOM_UTF8):
        report.error_if(bag.strict, "2.3", say("The file begins with a byte-order mark."), name)
        data = data[len(codecs.BOM_UTF8) :]
    try:
        return data.decode(bag.encoding)
    except (UnicodeError, ValueError):
        report.error("2.3", say("The file is not in the encoding {name}.", name=bag.encoding), name)
        return ""


def info_entries(text: str, name: str, strict: bool, report: Report) -> list[tuple[str, str]]:
    """Labels and values of bag-info.txt (section 2.2.2), in order. Line breaks in values are kept."""
    found: list[tuple[str, list[str]]] = []
    for row in lines(text):
        label, colon, value = row.partition(":")
        if not row.strip():
            continue
        if row[0] in " \t" and found:
            found[-1][1].append(row.strip())
        elif not colon or not label.strip():
            message = say("A line has no label and colon: {line}", line=row[:80])
            report.error_if(strict, "2.2.2", message, name)
        else:
            if label != label.strip() or (value and value[0] not in " \t"):
                message = say(
                    "There must be no space before the colon and one after it: {line}", line=row[:80]
                )
                report.error_if(strict and label != label.strip(), "2.2.2", message, name)
            found.append((label.strip(), [value.strip()]))
    labels = Counter(label.casefold() for label, _ in found)
    for label in sorted(ONCE):
        if labels[label] > 1:
            message = say("{label} should stand there once.", label=label.title())
            report.error_if(strict and label == OXUM, "2.2.2", message, name)
    return [(label, "\n".join(values)) for label, values in found]


def manifest_entries(text: str, name: str, algorithm: str, strict: bool, report: Report) -> Iterator[Entry]:
    """The lines of a payload or tag manifest (sections 2.1.3 and 2.2.1), unsafe paths left out."""
    section = "2.2.1" if name.startswith("tag") else "2.1.3"
    length = BITS.get(algorithm) or int(re.sub(r"^(sha3|sha|blake2[bs])", "", algorithm))
    for number, row in enumerate(lines(text), 1):
        match = re.fullmatch(r"([0-9A-Fa-f]+)([ \t]+)(.+)", row, re.DOTALL)
        if match is None or len(match[1]) != length // 4:
            message = say(
                "Line {number} is not a checksum and a path: {line}", number=number, line=shown(row[:120])
            )
            report.error(section, message, name) if row.strip() else report.warning(section, message, name)
            continue
        written = match[3]
        if written.startswith("*") and section == "2.1.3":
            report.warning("6.1.3", say("Paths begin with *, in the way of md5sum."), name)
            written = written[1:]
        path = plain_path(written, name, strict, report)
        if path:
            yield Entry(path, written, match[1].lower())


def fetch_entries(text: str, strict: bool, report: Report) -> Iterator[Wanted]:
    """The lines of fetch.txt (section 2.2.3), unsafe paths left out."""
    for number, row in enumerate(lines(text), 1):
        match = re.fullmatch(r"(\S+)[ \t]+(\d{1,18}|-)[ \t]+(.+)", row, re.DOTALL)
        if match is None or not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", match[1]):
            message = say(
                "Line {number} is not an address, a size and a path: {line}",
                number=number,
                line=shown(row[:120]),
            )
            report.error("2.2.3", message, "fetch.txt")
            continue
        if not re.match(r"(https?|ftps?):", match[1], re.IGNORECASE):
            message = say(
                "Line {number} is not an address of the web: {line}", number=number, line=match[1][:120]
            )
            report.warning("5.2", message, "fetch.txt")
        path = plain_path(match[3], "fetch.txt", strict, report)
        if path and not path.startswith("data/"):
            message = say("{path} is not a file of the payload.", path=shown(path))
            report.error("2.2.3", message, "fetch.txt")
        elif path:
            yield Wanted(match[1], None if match[2] == "-" else int(match[2]), path)


def plain_path(written: str, name: str, strict: bool, report: Report) -> str:
    """The path that a line means; "" (and an error) if it leads out of the bag."""
    path = written
    while path.startswith("./"):
        path = path[2:]
    if path != written:
        section = "2.2.1" if name.startswith("tag") else "2.2.3" if name == "fetch.txt" else "2.1.3"
        report.warning(section, say("{path} need not begin with a dot.", path=shown(written)), name)
    if strict:
        if re.search(r"%(?!0[AaDd]|25)", path):
            report.warning(
                "2.1.3", say("{path} has a percent sign that is not written %25.", path=shown(path)), name
            )
        path = decoded_path(path, r"%(?:0A|0D|25)")
    reason = unsafe(path)
    if not reason:
        return path
    message = say("{path} is not a path inside of the bag: {reason}.", path=shown(written), reason=reason)
    report.error("5.1", message, name)
    return ""


def decoded_path(path: str, pattern: str = r"%(?:0A|0D)") -> str:
    """``path`` without the encoding of line breaks."""
    return re.sub(pattern, lambda match: ENCODED[match[0].upper()], path, flags=re.IGNORECASE)


def encoded_path(path: str) -> str:
    """``path`` as version 1.0 writes it: only line breaks and percent signs are encoded."""
    return path.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def duplicates(entries: Iterable[Entry], name: str, strict: bool, report: Report) -> dict[str, Entry]:
    """The entries by path; a path may not be there twice."""
    found: dict[str, Entry] = {}
    for entry in entries:
        before = found.setdefault(entry.path, entry)
        if before is entry:
            continue
        section = "2.2.1" if name.startswith("tag") else "2.1.3"
        if before.digest != entry.digest:
            message = say("{path} is listed twice, with different checksums.", path=shown(entry.path))
            report.error(section, message, name)
        else:
            message = say("{path} is listed twice.", path=shown(entry.path))
            report.error_if(strict, section, message, name)
    return found
