"""Whether an OCFL storage root is what the specification says it must be; not the objects in it."""

from contextlib import suppress

from oberih.archive.findings import Finding
from oberih.archive.ocfl.check import SPECS, load
from oberih.archive.ocfl.extensions import REGISTERED
from oberih.archive.ocfl.findings import Findings
from oberih.archive.ocfl.objects import read_file
from oberih.archive.ocfl.root import LAYOUT, OBJECT_DECLARATION, ROOT_DECLARATION, SMALL
from oberih.archive.stores import NOT_A_FILE, Stat, Store
from oberih.archive.stores.folder import FolderStore
from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["validate_root"]


def validate_root(store: Store) -> list[Finding]:
    """Check the root and the folders between it and the objects. Reads no inventories."""
    check = RootCheck(store)
    try:
        for stat in store.list():
            check.file(stat)
        check.whole()
        if isinstance(store, FolderStore):
            check.empty_folders("")
    except ValueError:
        check.findings.add("E072", "There are names in it that are too long, or not Unicode.")
    return check.findings.done()


class RootCheck:
    """Looks at the files in the order of their keys; of an object, the declaration comes first."""

    def __init__(self, store: Store) -> None:
        self.store, self.findings = store, Findings()
        self.declared: list[str] = []  # names of declarations of the root
        self.spec = SPECS[-1]
        self.object = ""  # that the files now belong to
        self.objects: set[str] = set()
        self.folders: set[str] = set()  # that hold an object somewhere
        self.strange: set[str] = set()  # that hold files and are no objects

    def file(self, stat: Stat) -> None:
        folder, _, name = stat.key.rpartition("/")
        if self.object and stat.key.startswith(self.object + "/"):
            if folder == self.object and name.startswith("0="):
                self.findings.add("E003", "The object has several declarations.", folder)
            return
        if stat.tag == NOT_A_FILE:
            self.findings.add("E090", "It is a link, or a device, and not a file.", stat.key)
        elif not folder:
            if name.startswith("0="):
                self.declared.append(name)
        elif stat.key.startswith("extensions/"):
            self.extension(stat.key)
        elif OBJECT_DECLARATION.fullmatch(name):
            self.begin_object(folder, name)
        elif name.startswith("0="):
            self.findings.add("E004", "It is no declaration of an OCFL object.", stat.key)
            self.object = folder
            self.objects.add(folder)
        elif folder not in self.strange:
            self.findings.add("E072", "The folder has files in it and is no object.", folder)
            self.strange.add(folder)

    def begin_object(self, folder: str, name: str) -> None:
        self.object = folder
        self.objects.add(folder)
        while folder and folder not in self.folders:
            self.folders.add(folder)
            folder = folder.rpartition("/")[0]
        match = OBJECT_DECLARATION.fullmatch(name)
        spec = match.group(1) if match else ""
        if spec not in SPECS:
            self.findings.add(
                "E004", "The declaration names a version of OCFL that is not known.", f"{self.object}/{name}"
            )
        elif self.known_declarations() and spec > self.spec:
            self.findings.add("E081", "The object is of a later version of OCFL than the root.", self.object)

    def known_declarations(self) -> list[str]:
        found = [match.group(1) for name in self.declared if (match := ROOT_DECLARATION.fullmatch(name))]
        known = [spec for spec in found if spec in SPECS]
        self.spec = max(known, default=self.spec)
        return known

    def extension(self, key: str) -> None:
        parts = key.split("/")
        if len(parts) == 2:
            self.findings.add(
                "E086" if self.spec == "1.0" else "E112", "The file does not belong there.", key
            )
        elif parts[1] not in REGISTERED and parts[1] not in self.folders:
            self.findings.add("W016", "The extension is not registered.", f"extensions/{parts[1]}")
            self.folders.add(parts[1])

    def whole(self) -> None:
        known = self.known_declarations()
        if not self.declared:
            self.findings.add("E069", "The root has no declaration.")
        elif len(self.declared) > 1:
            self.findings.add("E076", "The root has several declarations.")
        for name in self.declared:
            match = ROOT_DECLARATION.fullmatch(name)
            if match is None or match.group(1) not in SPECS:
                self.findings.add("E079", "The declaration names a version of OCFL that is not known.", name)
            elif self.small(name) != f"{name[2:]}\n".encode():
                self.findings.add("E080", "The declaration does not say what its name says.", name)
        if self.declared and not known:
            self.findings.add("E069", "The root has no declaration.")
        with suppress(KeyError):
            self.layout(read_file(self.store, LAYOUT, SMALL))

    def small(self, key: str) -> bytes | None:
        try:
            return read_file(self.store, key, SMALL)
        except InputError:
            return None

    def layout(self, data: bytes) -> None:
        try:
            value = load(data)
        except InputError as error:
            self.findings.add("E070", error.message, LAYOUT)
            return
        if not isinstance(value, dict) or not all(
            isinstance(value.get(name), str) for name in ("extension", "description")
        ):
            self.findings.add("E070", "It does not name an extension and describe it.", LAYOUT)
        elif value["extension"] not in REGISTERED:
            message = say("The layout {name} is not registered.", name=value["extension"])
            self.findings.add("E071", message, LAYOUT)

    def empty_folders(self, prefix: str) -> bool:
        """Find folders without anything in them; whether there was one folder or more in ``prefix``."""
        any_folder = False
        for folder in self.store.folders(prefix):
            any_folder = True
            if folder in self.objects or folder in self.strange or folder == "extensions":
                continue
            if not self.empty_folders(folder) and folder not in self.folders:
                self.findings.add("E073", "The folder is empty.", folder)
        return any_folder
