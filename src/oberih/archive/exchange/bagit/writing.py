"""Bags of our own: version 1.0 with SHA-512, the same bytes for the same files, but for the date."""

import os
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from oberih import __version__
from oberih.archive.exchange.bagit.reading import PAYLOAD, Bag, Fetch
from oberih.archive.exchange.bagit.tag_files import encoded_path
from oberih.archive.exchange.exporting import Content, Names, chunks_of, new_file, new_folder, write_file
from oberih.archive.exchange.safe_paths import shown
from oberih.archive.stores import CHUNK
from oberih.errors import InputError
from oberih.i18n import say
from oberih.progress import Tick

__all__ = ["pack_bag", "write_bag"]

DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can say


def write_bag(
    folder: Path,
    files: Iterable[tuple[str, Content]],
    *,
    info: Mapping[str, str | Sequence[str]],
    fetch: Mapping[str, tuple[str, int | None, str]] | None = None,
    bagged: date | None = None,
    tick: Tick | None = None,
) -> Bag:
    """Write ``files``, (name inside of data/, content) each, as a new bag that appears whole or not at all.

    ``info`` is bag-info.txt (External-Identifier, Source-Organization, ...) in its order; date, size and
    Payload-Oxum are added. ``fetch`` names payload files that the bag does not carry: (address, size,
    SHA-512) each. ``bagged`` is today, or what the bag is to say. ``tick`` is told the bytes written.
    """
    folder = Path(folder)
    names = Names()
    wanted = {name: Fetch(*one) for name, one in (fetch or {}).items()}
    for name, one in wanted.items():
        names.add(PAYLOAD + name)
        check_fetch(name, one)
    given = {label: list_of(values) for label, values in info.items()}
    check_labels(given)
    sums: dict[str, str] = {name: one.sha512.lower() for name, one in wanted.items()}
    sizes: dict[str, int | None] = {name: one.size for name, one in wanted.items()}
    with new_folder(folder) as work:
        (work / PAYLOAD).mkdir()
        for name, content in files:
            names.add(PAYLOAD + name)
            chunks = chunks_of(str(content) if isinstance(content, Path) else name, content)
            sizes[name], digests = write_file(work / PAYLOAD / name, chunks, ["sha512"], tick)
            sums[name] = digests["sha512"]
        said = given | {label: [value] for label, value in counted(sizes, bagged, given).items()}
        tags = {
            "bagit.txt": DECLARATION,
            "bag-info.txt": "".join(info_lines(said)),
            "manifest-sha512.txt": "".join(
                f"{sums[name]}  {encoded_path(PAYLOAD + name)}\n" for name in sorted(sums)
            ),
        }
        if wanted:
            tags["fetch.txt"] = "".join(
                f"{one.url} {'-' if one.size is None else one.size} {encoded_path(PAYLOAD + name)}\n"
                for name, one in sorted(wanted.items())
            )
        lines = []
        for name, text in sorted(tags.items()):
            _, digests = write_file(work / name, [text.encode()], ["sha512"])
            lines.append(f"{digests['sha512']}  {name}\n")
        write_file(work / "tagmanifest-sha512.txt", [line.encode() for line in lines])
    return Bag(
        folder,
        "1.0",
        {label: tuple(values) for label, values in said.items()},
        {name: {"sha512": digest} for name, digest in sorted(sums.items())},
        wanted,
    )


def list_of(values: str | Sequence[str]) -> list[str]:
    """Values as bag-info.txt can hold them: lines without space around them, none empty."""
    one_by_one = [values] if isinstance(values, str) else list(values)
    return ["\n".join(filter(None, (line.strip() for line in lines_of(one)))) for one in one_by_one]


def lines_of(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def check_labels(info: Mapping[str, list[str]]) -> None:
    for label, values in info.items():
        if not label or label != label.strip() or set(label) & set(":\r\n"):
            raise InputError(say("{label} cannot be a label in bag-info.txt.", label=repr(label)))
        for value in values:
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise InputError(say("The value of {label} is not Unicode text.", label=label)) from error


def check_fetch(name: str, one: Fetch) -> None:
    address = one.url.partition(":")[0].lower() in ("http", "https", "ftp", "ftps")
    if not address or any(letter.isspace() or not letter.isprintable() for letter in one.url):
        raise InputError(
            say("{path} cannot be fetched from {address}.", path=shown(name), address=repr(one.url)),
            say("Give an address of the web, with spaces written as %20."),
        )
    if len(one.sha512) != 128 or set(one.sha512.lower()) - set("0123456789abcdef"):
        raise InputError(say("{path} has no SHA-512 to know it by.", path=shown(name)))


def counted(
    sizes: Mapping[str, int | None], bagged: date | None, given: Mapping[str, object]
) -> dict[str, str]:
    """What we say of the bag ourselves. The date may be given; the counts may not."""
    said = {
        "Bagging-Date": (bagged or datetime.now(UTC).date()).isoformat(),
        "Bag-Software-Agent": f"Oberih {__version__}",
    }
    said = {label: value for label, value in said.items() if label not in given}
    known = [size for size in sizes.values() if size is not None]
    if len(known) == len(sizes):
        said |= {"Bag-Size": readable(sum(known)), "Payload-Oxum": f"{sum(known)}.{len(known)}"}
    return said


def readable(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.4g} TB"


def info_lines(info: Mapping[str, Sequence[str]]) -> Iterable[str]:
    """Each value on its line; its own line breaks become continued lines."""
    for label, values in info.items():
        for value in values:
            yield f"{label}: " + value.replace("\n", "\n  ") + "\n"


def pack_bag(folder: Path, file: Path, *, tick: Tick | None = None) -> None:
    """The bag ``folder`` as one new .zip or .tar file, without compression, the same bytes every time."""
    folder, file = Path(folder), Path(file)
    pack = {".zip": pack_zip, ".tar": pack_tar}.get(file.suffix.lower())
    if pack is None:
        raise InputError(
            say("{path} is neither a .zip nor a .tar file.", path=shown(str(file))),
            say("Choose a name that ends in .zip or .tar."),
        )
    paths = sorted(path for path in folder.rglob("*") if checked(path, folder))
    with new_file(file) as work:
        pack(folder, paths, work, tick)


def checked(path: Path, folder: Path) -> bool:
    """Whether ``path`` is to be packed: plain files and folders, and nothing else may be there."""
    name, mode = str(path.relative_to(folder)), path.lstat().st_mode
    if shown(name) != name or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(
            say(
                "{path} cannot be packed: it is a link or a device, or its name is not text.",
                path=shown(name),
            ),
            say("Run `oberih verify --bag` for everything that is wrong with the bag."),
        )
    return stat.S_ISREG(mode) or path == folder / PAYLOAD


def pack_zip(folder: Path, paths: Sequence[Path], work: Path, tick: Tick | None) -> None:
    with zipfile.ZipFile(work, "x", allowZip64=True, strict_timestamps=False) as pack:
        for path in paths:
            name = f"{folder.name}/{path.relative_to(folder)}"
            if path.is_dir():
                entry = zipfile.ZipInfo(f"{name}/", LONG_AGO)
                entry.external_attr = (stat.S_IFDIR | 0o755) << 16 | 0x10
                pack.writestr(entry, b"")
                continue
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, pack.open(entry, "w") as target:
                while chunk := source.read(CHUNK):
                    target.write(chunk)
                    if tick is not None:
                        tick(len(chunk))


def pack_tar(folder: Path, paths: Sequence[Path], work: Path, tick: Tick | None) -> None:
    with tarfile.open(work, "x", format=tarfile.PAX_FORMAT) as pack:
        for path in paths:
            entry = tarfile.TarInfo(f"{folder.name}/{path.relative_to(folder)}")
            if path.is_dir():
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                pack.addfile(entry)
                continue
            with path.open("rb") as source:
                entry.size = os.fstat(source.fileno()).st_size
                pack.addfile(entry, source)
            if tick is not None:
                tick(entry.size)
