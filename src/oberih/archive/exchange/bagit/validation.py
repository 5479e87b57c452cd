"""Is this bag complete and valid (RFC 8493, section 3)? Every file is read once, for all its checksums."""

import hashlib
import os
import re
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from oberih.archive.exchange.bagit.reading import PAYLOAD, Contents, contents, open_plain
from oberih.archive.exchange.bagit.tag_files import ALGORITHMS, Entry, Report, decoded_path
from oberih.archive.exchange.safe_paths import folded, same_text, shown, trouble_elsewhere
from oberih.archive.findings import Finding
from oberih.archive.stores import CHUNK
from oberih.i18n import say
from oberih.progress import Tick

__all__ = ["bag_bytes", "validate_bag"]

LEFT_BY_SYSTEMS = {".ds_store", "thumbs.db", "desktop.ini"}  # come and go by themselves

Sums = dict[str, dict[str, dict[str, str]]]  # digest -> manifest it stands in, by algorithm, by path


def validate_bag(
    folder: Path, *, full: bool = True, holes: bool = False, tick: Tick | None = None
) -> list[Finding]:
    """All that is wrong with a bag, errors first; a valid bag has no errors.

    Without ``full`` the payload is counted, not hashed. With ``holes``, files that fetch.txt names may be
    missing. ``tick`` is told the bytes that were hashed, `bag_bytes` in all.
    """
    report = Report()
    found = contents(Path(folder), report)
    if found is not None:
        sums: Sums = defaultdict(lambda: defaultdict(dict))
        check_payload(found, sums, holes, report)
        check_tags(found, sums, report)
        check_fetch(found, report)
        check_oxum(found, report)
        check_names(found, report)
        check_sums(found, sums, full, tick, report)
    return sorted(dict.fromkeys(report.findings), key=lambda finding: finding.level == "warning")


def bag_bytes(folder: Path) -> int:
    """How many bytes a full validation reads, about."""
    return sum((Path(above) / name).lstat().st_size for above, _, names in os.walk(folder) for name in names)


def check_payload(found: Contents, sums: Sums, holes: bool, report: Report) -> None:
    """Sections 2.1.2, 2.1.3 and 3: manifests and payload agree on what there is."""
    if not (found.folder / PAYLOAD).is_dir() or (found.folder / PAYLOAD[:-1]).is_symlink():
        report.error("2.1.2", say("The folder data is missing."), PAYLOAD)
    if not any(re.fullmatch(r"manifest-.*\.txt", path, re.IGNORECASE) for path in found.files):
        report.error("2.1.3", say("There is no payload manifest."), "manifest-sha512.txt")
    payload = {path for path in found.files if path.startswith(PAYLOAD)}
    names = Names(payload)
    listed: set[str] = set()
    for algorithm, entries in found.manifests.items():
        manifest = f"manifest-{algorithm}.txt"
        here = set()
        for path, entry in entries.items():
            file = names.find(entry, found.bag.strict, manifest, report)
            if not file:
                report_missing(found, path, holes, report)
                continue
            if file in here and found.bag.strict:
                report.error("2.1.3", say("{path} is listed twice.", path=shown(file)), manifest)
            here.add(file)
            sums[file][algorithm][entry.digest] = manifest
        if found.bag.strict:
            for path in sorted(payload - here):
                report.error("3", say("The file is not listed in {manifest}.", manifest=manifest), path)
        listed |= here
    if not found.bag.strict and found.manifests:
        for path in sorted(payload - listed):
            report.error("3", say("The file is listed in no manifest."), path)


def report_missing(found: Contents, path: str, holes: bool, report: Report) -> None:
    if holes and path in found.fetch:
        report.warning("2.2.3", say("The file is still to be fetched."), path)
    elif path in found.fetch:
        report.error("3", say("The file is missing: it is still to be fetched."), path)
    elif not found.bag.strict and left_by_systems(path):
        report.warning("3", say("The file is missing, but computers make such files themselves."), path)
    else:
        report.error("3", say("The file is missing."), path)


def left_by_systems(path: str) -> bool:
    return path.rpartition("/")[2].lower() in LEFT_BY_SYSTEMS


class Names:
    """Finds the file that an entry means, although its name may have gone through other systems."""

    def __init__(self, files: set[str]) -> None:
        self.files = files
        self.same: dict[str, list[str]] = defaultdict(list)
        self.folded: dict[str, list[str]] = defaultdict(list)
        for file in files:
            self.same[same_text(file)].append(file)
            self.folded[folded(file)].append(file)

    def find(self, entry: Entry, strict: bool, manifest: str, report: Report) -> str:
        """The path of the file, "" if there is none."""
        if entry.path in self.files:
            return entry.path
        if not strict and decoded_path(entry.path) in self.files:
            return decoded_path(entry.path)
        ways = [self.same[same_text(entry.path)], self.folded[folded(entry.path)]]
        for candidates in ways[:1] if strict else ways:
            if len(candidates) == 1:
                message = say(
                    "{manifest} lists the file under a name that differs in case or Unicode normalization.",
                    manifest=manifest,
                )
                report.warning("6.1.1", message, entry.path)
                return candidates[0]
        return ""


def check_tags(found: Contents, sums: Sums, report: Report) -> None:
    """Section 2.2.1: tag manifests and tag files agree."""
    tags = {path for path in found.files if not path.startswith(PAYLOAD)}
    names = Names(tags)
    manifests = {f"manifest-{algorithm}.txt" for algorithm in found.manifests} & tags
    listed: set[str] = set()
    for algorithm, entries in found.tag_manifests.items():
        manifest = f"tagmanifest-{algorithm}.txt"
        for entry in entries.values():
            starred = Entry(entry.path.removeprefix("*"), entry.written, entry.digest)
            if starred.path != entry.path and entry.path not in tags and starred.path in tags:
                report.warning("6.1.3", say("Paths begin with *, in the way of md5sum."), manifest)
                entry = starred
            file = names.find(entry, found.bag.strict, manifest, report)
            if not file:
                report.error("3", say("The file is missing."), entry.path)
                continue
            if re.fullmatch(r"tagmanifest-[^/]+\.txt", file):
                message = say("Tag manifests must not list tag manifests.")
                report.error_if(found.bag.strict, "2.2.1", message, manifest)
            listed.add(file)
            sums[file][algorithm][entry.digest] = manifest
        for path in sorted(manifests - listed):
            message = say("The file is not listed in {manifest}.", manifest=manifest)
            report.error_if(found.bag.strict, "2.2.1", message, path)
    if found.tag_manifests:
        for path in sorted(tags - listed - manifests):
            if not path.startswith("tagmanifest-"):
                report.warning("2.2.1", say("No tag manifest vouches for the file."), path)


def check_fetch(found: Contents, report: Report) -> None:
    """Sections 2.2.3 and 5.3: what is to be fetched is listed, and as large as promised."""
    for path, wanted in found.fetch.items():
        for algorithm, entries in found.manifests.items():
            if path not in entries:
                message = say("The file is not listed in {manifest}.", manifest=f"manifest-{algorithm}.txt")
                report.error("2.2.3", message, path)
        if wanted.size is not None and found.files.get(path, wanted.size) != wanted.size:
            report.warning("5.3", say("The file is not as large as fetch.txt says."), path)


def check_oxum(found: Contents, report: Report) -> None:
    """Section 2.2.2: Payload-Oxum counts the bytes and the files."""
    sizes = [size for path, size in found.files.items() if path.startswith(PAYLOAD)]
    for path, wanted in found.fetch.items():
        if path in found.files or not any(path in entries for entries in found.manifests.values()):
            continue
        if wanted.size is None:
            return
        sizes.append(wanted.size)
    listed = {path for entries in found.manifests.values() for path in entries}
    lost = not found.bag.strict and any(left_by_systems(path) for path in listed - set(found.files))
    for label, value in found.info:
        if label.casefold() == "payload-oxum" and value != f"{sum(sizes)}.{len(sizes)}":
            message = say(
                "Payload-Oxum says {told}, but the payload is {counted}.",
                told=value[:60], counted=f"{sum(sizes)}.{len(sizes)}",
            )  # fmt: skip
            report.error_if(not lost, "2.2.2", message, "bag-info.txt")


def check_names(found: Contents, report: Report) -> None:
    """Sections 6.1.1 and 6.1.2: names that other systems would mix up or refuse."""
    alike = defaultdict(list)
    for path in found.files:
        alike[folded(path)].append(path)
        if trouble_elsewhere(path):
            report.warning("6.1.2", say("Windows cannot hold a file of this name."), path)
    for paths in alike.values():
        if len(paths) > 1:
            message = say(
                "The names of {count} files differ only in case or Unicode normalization.",
                count=len(paths),
            )
            report.warning("6.1.1", message, paths[0])


def check_sums(found: Contents, sums: Sums, full: bool, tick: Tick | None, report: Report) -> None:
    """Section 3: every checksum of every manifest."""
    wanted = {path: sums[path] for path in sorted(sums) if full or not path.startswith(PAYLOAD)}

    def check(path: str) -> list[str]:
        try:
            digests = digests_of(found.folder / path, tuple(wanted[path]), tick)
        except OSError as error:
            return [say("It cannot be read: {reason}.", reason=error.strerror or str(error))]
        return [
            say("The checksum is not the one in {manifest}.", manifest=manifest)
            for algorithm, by_digest in wanted[path].items()
            for digest, manifest in by_digest.items()
            if digest != digests[algorithm]
        ]

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for path, messages in zip(wanted, threads.map(check, wanted), strict=True):
            for message in messages:
                report.error("3", message, path)


def digests_of(path: Path, algorithms: tuple[str, ...], tick: Tick | None) -> dict[str, str]:
    """Digests of a file by the names that manifests use, every byte read once."""
    hashes = {name: hashlib.new(ALGORITHMS[name], usedforsecurity=False) for name in algorithms}
    with os.fdopen(open_plain(path), "rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            for one in hashes.values():
                one.update(chunk)
            if tick is not None:
                tick(len(chunk))
    return {name: one.hexdigest() for name, one in hashes.items()}
