"""Whether an OCFL object is what the specification (1.0 or 1.1, as the object declares) says it must be.

Checks everybody's objects, also broken and hostile ones: it never follows a link, reads no more of an
inventory than `LARGEST`, and tells each fault by the specification's own code.
"""

import unicodedata
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import NamedTuple

from oberih.archive.findings import Finding
from oberih.archive.ocfl import digests
from oberih.archive.ocfl.check import LARGEST, SPECS, VERSION, Checked, check_inventory
from oberih.archive.ocfl.extensions import REGISTERED
from oberih.archive.ocfl.findings import Findings, shown
from oberih.archive.ocfl.history import check_history
from oberih.archive.ocfl.objects import INVENTORY, SIDECAR, SIDECAR_SIZE, digest_of, read_file, sidecar
from oberih.archive.ocfl.root import OBJECT_DECLARATION
from oberih.archive.stores import NOT_A_FILE, Stat, Store, Unreadable
from oberih.archive.stores.folder import FolderStore
from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["validate_object"]

Tick = Callable[[float], None]


class Expected(NamedTuple):
    """What an inventory says of a file."""

    algorithm: str
    digest: str  # lower case
    code: str  # of the finding if it is not so
    path: str  # of the inventory


def validate_object(
    store: Store,
    key: str = "",
    *,
    full: bool = True,
    strict: bool = False,
    sizes: Mapping[str, int] | None = None,
    grace: timedelta | None = None,
    threads: int = 2,
    tick: Tick | None = None,
) -> list[Finding]:
    """Check the object at ``key``; valid if no finding is an error.

    ``full``: read every byte, once; otherwise the inventories, and which files are there. ``strict``: find
    every byte changed in an object that Oberih wrote, where the specification leaves other programs freedom
    (every version has its inventory; sidecars). ``sizes``: content path -> bytes, where they are known.
    ``grace``: files that no inventory names and that are younger may belong to a commit that is going on, and
    are not looked at. ``tick`` is told the bytes read.
    """
    check = ObjectCheck(store, key, strict)
    try:
        check.look(grace)
    except ValueError:  # names or paths that no key can have
        check.findings.add("E001", "There are names in it that are too long, or not Unicode.")
        return check.findings.done()
    except Unreadable as error:
        check.findings.add("E001", error.message)
        return check.findings.done()
    check.structure()
    check.content(sizes or {})
    if full:
        check.bytes(max(1, threads), tick)
    return check.findings.done()


class ObjectCheck:
    """The checks of one object. Paths are relative to its key."""

    def __init__(self, store: Store, key: str, strict: bool = False) -> None:
        self.store, self.start = store, key + "/" if key else ""
        self.key, self.strict = key, strict
        self.findings = Findings()
        self.files: dict[str, Stat] = {}
        self.folders: set[str] = set()
        self.spec = SPECS[-1]
        self.root: Checked | None = None
        self.inventories: list[Checked] = []  # of the versions, where they are others than the root's

    # -- what is there -----------------------------------------------------------------------------------

    def look(self, grace: timedelta | None) -> None:
        young = self.store.now() - grace if grace is not None else None
        named = self.named() if young is not None else set()
        for stat in self.store.list(self.key):
            path = stat.key[len(self.start) :]
            if young is not None and stat.modified > young and path not in named:
                continue
            if stat.tag == NOT_A_FILE:
                self.findings.add("E090", "It is a link, or a device, and not a file.", path)
            self.files[path] = stat
            folder = path.rpartition("/")[0]
            while folder and folder not in self.folders:
                self.folders.add(folder)
                folder = folder.rpartition("/")[0]
        if isinstance(self.store, FolderStore) and young is None:
            self.look_for_empty_folders(self.key)

    def look_for_empty_folders(self, key: str) -> None:
        waiting = [key]
        while waiting:
            for folder in self.store.folders(waiting.pop()):
                path = folder[len(self.start) :]
                if path not in self.folders:
                    self.folders.add(path)
                    parts = path.split("/")
                    if VERSION.fullmatch(parts[0]) and len(parts) > 2:
                        self.findings.add("E024", "The folder is empty.", path)
                waiting.append(folder)

    def named(self) -> set[str]:
        """What belongs to the object as it is now, commits that are going on apart."""
        names = {INVENTORY, *(f"{INVENTORY}.{algorithm}" for algorithm in digests.CONTENT)}
        data = self.read(INVENTORY, LARGEST)
        checked = check_inventory(data, INVENTORY, Findings()) if data is not None else None
        if checked is None:
            return names
        names |= {f"{version}/{name}" for version in checked.versions for name in names}
        return names | checked.manifest.keys() | {f"0=ocfl_object_{spec}" for spec in SPECS}

    def read(self, path: str, limit: int) -> bytes | None:
        """A file, or None if there is none, or none that can be read; that is then found fault with."""
        try:
            return read_file(self.store, self.start + path, limit)
        except KeyError:
            return None
        except (InputError, Unreadable) as error:
            self.findings.add("E033", error.message, path)
            return None

    def inside(self, folder: str) -> tuple[list[str], list[str]]:
        """Names of the files and folders directly in a folder."""
        start = folder + "/" if folder else ""
        files = [path for path in self.files if path.startswith(start) and "/" not in path[len(start) :]]
        folders = [path for path in self.folders if path.startswith(start) and "/" not in path[len(start) :]]
        return sorted(files), sorted(folders)

    # -- structure ---------------------------------------------------------------------------------------

    def structure(self) -> None:
        self.declaration()
        data = self.inventory(INVENTORY, self.spec)
        if data is None and INVENTORY not in self.files:
            self.findings.add("E063", "The object has no inventory.", INVENTORY)
        self.top()
        if self.root is None or data is None:
            return
        if self.root.document.get("type") and self.root.spec != self.spec:
            self.findings.add(
                "E038",
                say("`type` is of OCFL {spec}; the object declares {declared}.",
                    spec=self.root.spec, declared=self.spec),
                INVENTORY,
            )  # fmt: skip
        there = [version for version in self.root.versions if version in self.folders]
        for version in self.root.versions:
            if version not in there:
                self.findings.add("E046", "The folder of the version is missing.", version)
        if there != self.root.versions[: len(there)]:
            self.findings.add("E010", "Numbers of versions are missing.")
        for version in there:
            self.version(version, data)
        check_history(self.root, self.inventories, self.findings)

    def declaration(self) -> None:
        names = [name for name in self.inside("")[0] if name.startswith("0=")]
        found = []
        for name in names:
            match = OBJECT_DECLARATION.fullmatch(name)
            if match is None:
                self.findings.add("E006", "It is no declaration of an OCFL object.", name)
            elif match.group(1) not in SPECS:
                self.findings.add("E004", "The declaration names a version of OCFL that is not known.", name)
            else:
                found.append(match.group(1))
                if self.read(name, SIDECAR_SIZE) != f"{name[2:]}\n".encode():
                    self.findings.add("E007", "The declaration does not say what its name says.", name)
        if not found:
            self.findings.add("E003", "The object has no declaration of its version of OCFL.")
        elif len(names) > 1:
            self.findings.add("E003", "The object has several declarations.")
        self.spec = max(found, default=self.spec)

    def inventory(self, path: str, spec: str) -> bytes | None:
        """Read and check an inventory and its sidecar; the root's is kept."""
        data = self.read(path, LARGEST) if path in self.files else None
        if data is None:
            return None
        checked = check_inventory(data, path, self.findings, spec=spec, known=self.root)
        if path == INVENTORY:
            self.root = checked
        elif checked is not None:
            self.inventories.append(checked)
        self.sidecar(path, data, checked.algorithm if checked is not None else "")
        return data

    def sidecar(self, path: str, data: bytes, algorithm: str) -> None:
        names = [f"{path}.{name}" for name in ([algorithm] if algorithm else digests.CONTENT)]
        there = [name for name in names if name in self.files]
        if not there:
            self.findings.add("E058", "The inventory has no sidecar with its digest.", path)
        for name in there:
            said, algorithm = self.read(name, SIDECAR_SIZE) or b"", name.rpartition(".")[2]
            match = SIDECAR.fullmatch(said)
            if match is None:
                self.findings.add("E061", "The sidecar is not a digest and `inventory.json`.", name)
            elif match.group(1).decode().lower() != digest_of(data, algorithm):
                self.findings.add("E060", "The digest in the sidecar is not that of the inventory.", name)
            elif self.strict and said != sidecar(data, algorithm):
                self.findings.add("E061", "The sidecar is not as Oberih writes it.", name)

    def top(self) -> None:
        """What lies directly in the object."""
        root = self.root
        algorithms = [root.algorithm] if root is not None and root.algorithm else digests.CONTENT
        expected = {INVENTORY, *(f"{INVENTORY}.{algorithm}" for algorithm in algorithms)}
        files, folders = self.inside("")
        for name in files:
            if name not in expected and not name.startswith("0="):
                self.findings.add("E001", "The file does not belong there.", name)
        for name in folders:
            if name == "extensions":
                self.extensions()
            elif name == "logs" or (root is not None and name in root.versions):
                continue
            elif VERSION.fullmatch(name):
                self.findings.add("E046", "The inventory knows no such version.", name)
            else:
                self.findings.add("E001", "The folder does not belong there.", name)

    def extensions(self) -> None:
        files, folders = self.inside("extensions")
        for path in files:
            self.findings.add("E067", "The file does not belong there.", path)
        for path in folders:
            if path.removeprefix("extensions/") not in REGISTERED:
                self.findings.add("W013", "The extension is not registered.", path)

    def version(self, version: str, root_data: bytes) -> None:
        """What lies directly in a version's folder, and its inventory."""
        assert self.root is not None
        path = f"{version}/{INVENTORY}"
        algorithm = self.root.algorithm
        if path not in self.files:
            code = "E063" if self.strict else "W010"
            self.findings.add(code, "The version has no inventory.", version)
        elif version == self.root.versions[-1] and self.read(path, LARGEST) == root_data:
            self.sidecar(path, root_data, algorithm)
        else:
            if version == self.root.versions[-1]:
                self.findings.add("E064", "It is not the same as the inventory of the object.", path)
            before = len(self.inventories)
            self.inventory(path, SPECS[0])
            if len(self.inventories) > before:
                algorithm = self.inventories[-1].algorithm
        algorithms = [algorithm] if algorithm else digests.CONTENT
        expected = {path, *(f"{path}.{name}" for name in algorithms)} if path in self.files else set()
        files, folders = self.inside(version)
        for name in files:
            if name not in expected:
                self.findings.add("E015", "The file does not belong there.", name)
        content = f"{version}/{self.root.content_directory}"
        for name in folders:
            if name != content:
                self.findings.add("W002", "The folder does not belong there.", name)
            elif not any(file.startswith(content + "/") for file in self.files):
                self.findings.add("W003", "The folder is empty.", name)

    # -- content -----------------------------------------------------------------------------------------

    def content(self, sizes: Mapping[str, int]) -> None:
        """Whether the files that inventories name are there, and no others."""
        root = self.root
        if root is None:
            return
        starts = tuple(f"{version}/{root.content_directory}/" for version in root.versions)
        there = {path for path in self.files if path.startswith(starts)} if starts else set()
        forms = {unicodedata.normalize("NFC", path): path for path in there - root.manifest.keys()}
        for path in sorted(root.manifest.keys() - there):
            message = "The file is missing."
            if unicodedata.normalize("NFC", path) in forms:
                message = "A file whose name looks the same is there, in other Unicode."
            self.findings.add("E092", message, path)
        for path in sorted(there - root.manifest.keys()):
            self.findings.add("E023", "The manifest does not know the file.", path)
        for algorithm, block in root.fixity.items():
            for path in block.keys() - there:
                if path in root.manifest:
                    self.findings.add("E093", say("The file is missing that `fixity` names ({algorithm}).",
                                                  algorithm=algorithm), path)  # fmt: skip
        for path, size in sizes.items():
            if path in there and self.files[path].size != size:
                self.findings.add(
                    "E092",
                    say("The file has {size} bytes instead of {expected}.",
                        size=self.files[path].size, expected=size),
                    path,
                )  # fmt: skip

    def expected(self) -> dict[str, set[Expected]]:
        """Content path -> everything that any inventory says of its digests."""
        found: dict[str, set[Expected]] = {}
        for checked in ([self.root] if self.root else []) + self.inventories:
            blocks = [(algorithm, block, "E093") for algorithm, block in checked.fixity.items()]
            if checked.algorithm:
                blocks.append((checked.algorithm, checked.manifest, "E092"))
            for algorithm, block, code in blocks:
                for path, digest in block.items():
                    found.setdefault(path, set()).add(Expected(algorithm, digest, code, checked.path))
        return found

    def bytes(self, threads: int, tick: Tick | None) -> None:
        """Hash every file once, the largest first, so that the threads end together."""
        expected = self.expected()
        files = [self.files[path] for path in expected if path in self.files]
        files = [stat for stat in files if stat.tag != NOT_A_FILE]
        files.sort(key=lambda stat: stat.size, reverse=True)

        def hashed(stat: Stat) -> list[tuple[str, str]]:
            path = stat.key[len(self.start) :]
            return self.differences(path, expected[path], tick)

        pool = ThreadPoolExecutor(threads, thread_name_prefix="hash")
        try:
            for stat, differences in zip(files, pool.map(hashed, files), strict=True):
                for code, message in differences:
                    self.findings.add(code, message, stat.key[len(self.start) :])
        finally:
            pool.shutdown(cancel_futures=True)

    def differences(self, path: str, expected: set[Expected], tick: Tick | None) -> list[tuple[str, str]]:
        made = {name: digests.new(name) for name in {one.algorithm for one in expected}}
        try:
            for chunk in self.store.stream(self.start + path):
                for one in made.values():
                    one.update(chunk)
                if tick is not None:
                    tick(len(chunk))
        except KeyError:
            return [("E092", "The file is missing.")]
        except Unreadable as error:
            return [("E092", error.message)]
        return [
            (one.code, say("Its {algorithm} is not the one that {path} gives.",
                           algorithm=one.algorithm, path=shown(one.path)))
            for one in sorted(expected)
            if made[one.algorithm].hexdigest() != one.digest
        ]  # fmt: skip
