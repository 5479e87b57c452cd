"""Whether an inventory is what OCFL 1.0 or 1.1 says it must be. Looks at nothing but the inventory."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from oberih.archive.ocfl import digests
from oberih.archive.ocfl.findings import Findings, shown
from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["LARGEST", "SPECS", "Checked", "check_inventory", "conflicts", "instant", "load"]

LARGEST = 64 << 20  # bytes of an inventory: 300,000 files in one version, or 3,000 in a hundred
SPECS = ("1.0", "1.1")

KEYS = {"id", "type", "digestAlgorithm", "head", "contentDirectory", "manifest", "versions", "fixity"}
VERSION_KEYS = {"created", "state", "message", "user"}
TYPE = re.compile(r"https://ocfl\.io/(\d+\.\d+)/spec/#inventory")
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
VERSION = re.compile(r"v(0*)([1-9]\d{0,8})")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
BAD_ELEMENT = re.compile(r"(?:^|/)\.{0,2}(?:/|$)|\0")  # empty, ".", "..", or no name at all
SURROGATE = re.compile(rb"\\u[dD][89abcdefABCDEF]")


@dataclass
class Checked:
    """What could be read of an inventory, whatever else is wrong with it."""

    path: str  # of the inventory in the object
    document: dict[str, Any]
    id: str = ""
    spec: str = ""
    algorithm: str = ""  # "": not one that OCFL allows
    content_directory: str = "content"
    content_directory_set: bool = False
    versions: list[str] = field(default_factory=list)  # in their order, as far as it is unbroken
    manifest: dict[str, str] = field(default_factory=dict)  # content path -> digest in lower case
    fixity: dict[str, dict[str, str]] = field(default_factory=dict)  # algorithm -> the same

    def state(self, version: str) -> dict[str, str]:
        """Logical path -> digest in lower case, of what is well formed."""
        state = self.block(version).get("state")
        found = state.items() if isinstance(state, dict) else ()
        return {
            path: digest.lower()
            for digest, paths in found
            if isinstance(paths, list)
            for path in paths
            if isinstance(path, str)
        }

    def block(self, version: str) -> dict[str, Any]:
        versions = self.document.get("versions")
        block = versions.get(version) if isinstance(versions, dict) else None
        return block if isinstance(block, dict) else {}


def load(data: bytes) -> Any:
    """JSON of a foreign file. Raises `InputError` for anything but plain, small, unambiguous JSON."""
    if len(data) > LARGEST:
        raise InputError(say("It is larger than {count} MiB.", count=LARGEST >> 20))
    try:
        value = json.loads(data.decode(), object_pairs_hook=without_duplicates, parse_constant=no_constant)
        if SURROGATE.search(data):  # half a character: cannot be written down again
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise InputError("It is nested too deeply.") from error
    except UnicodeError as error:
        raise InputError("It is not UTF-8 text.") from error
    except ValueError as error:
        raise InputError(say("It is not JSON: {why}", why=shown(str(error)))) from error
    return value


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(say("The name {name} is there twice in one place.", name=shown(twice)))
    return found


def no_constant(name: str) -> Any:
    raise ValueError(name)


def instant(text: str) -> datetime | None:
    """A point in time in the form of RFC 3339, or None. A leap second counts as the second before it."""
    match = RFC3339.fullmatch(text)
    if not match:
        return None
    if match.group(1) == "60":
        text = text[:17] + "59" + text[19:]
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None


def conflicts(paths: Iterable[str]) -> set[str]:
    """The paths that are a file and a folder at once."""
    files = set(paths)
    folders: set[str] = set()
    for path in files:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return files & folders


def check_inventory(
    data: bytes, path: str, findings: Findings, *, spec: str = "1.1", known: Checked | None = None
) -> Checked | None:
    """Check an inventory that lies at ``path`` in its object; None if nothing can be made of it.

    ``spec``: the version of OCFL if the inventory does not say. ``known``: a later inventory that is checked
    already: version blocks that are the same in both are not looked at again.
    """
    try:
        document = load(data)
    except InputError as error:
        findings.add("E033", error.message, path)
        return None
    if not isinstance(document, dict):
        findings.add("E033", "It is not a JSON object.", path)
        return None
    check = InventoryCheck(Checked(path, document, spec=spec), findings)
    check.whole(known)
    return check.checked


class InventoryCheck:
    """The checks of one inventory, in the order of its keys in the specification."""

    def __init__(self, checked: Checked, findings: Findings) -> None:
        self.checked, self.document, self.findings = checked, checked.document, findings
        self.raw_digests: set[str] = set()  # keys of the manifest, as they are written
        self.used: set[str] = set()  # digests in states, in lower case

    def bad(self, code: str, message: str) -> None:
        self.findings.add(code, message, self.checked.path)

    def whole(self, known: Checked | None) -> None:
        self.keys()
        self.content_directory()
        self.version_names()
        self.manifest()
        if isinstance(self.document.get("versions"), dict):
            for version, block in self.document["versions"].items():
                self.version(version, block, known)
        elif "versions" in self.document:
            self.bad("E044", "`versions` is not a JSON object.")
        self.head()
        unused = set(self.checked.manifest.values()) - self.used
        if unused and self.checked.spec != "1.0" and self.checked.versions:
            for path, digest in self.checked.manifest.items():
                if digest in unused:
                    self.bad("E107", say("No version has the file {path} in it.", path=shown(path)))
        if "fixity" in self.document:
            self.fixity(self.document["fixity"])

    def keys(self) -> None:
        checked, document = self.checked, self.document
        for name in ("id", "type", "digestAlgorithm", "head"):
            if name not in document:
                self.bad("E036", say("`{name}` is missing.", name=name))
        for name in ("manifest", "versions"):
            if name not in document:
                self.bad("E041", say("`{name}` is missing.", name=name))
        for name in document.keys() - KEYS:
            self.bad("E102", say("`{name}` is no name that the specification knows.", name=shown(name)))
        self.type_and_algorithm()
        if "id" in document:
            if not isinstance(document["id"], str) or not document["id"]:
                self.bad("E037", "`id` is not a text, or empty.")
            else:
                checked.id = document["id"]
                if not URI.fullmatch(checked.id):
                    self.bad("W005", say("The identifier {id} is not a URI.", id=shown(checked.id)))

    def type_and_algorithm(self) -> None:
        checked, document = self.checked, self.document
        if "type" in document:
            match = TYPE.fullmatch(document["type"]) if isinstance(document["type"], str) else None
            if match and match.group(1) in SPECS:
                checked.spec = match.group(1)
            else:
                self.bad("E038", say("`type` is {value}, which is not known.", value=shown(document["type"])))
        if "digestAlgorithm" in document:
            if document["digestAlgorithm"] in digests.CONTENT:
                checked.algorithm = document["digestAlgorithm"]
            else:
                value = shown(document["digestAlgorithm"])
                self.bad("E025", say("`digestAlgorithm` is {value}, not sha512 or sha256.", value=value))
        if checked.algorithm == "sha256":
            self.bad("W004", "The digests are sha256; sha512 is better.")

    def content_directory(self) -> None:
        if "contentDirectory" not in self.document:
            return
        name = self.document["contentDirectory"]
        if not isinstance(name, str) or not name or "/" in name or "\0" in name:
            self.bad("E017", say("`contentDirectory` is {value}, no name of a folder.", value=shown(name)))
        elif name in (".", ".."):
            self.bad("E018", say("`contentDirectory` is {value}, no name of a folder.", value=shown(name)))
        else:
            self.checked.content_directory, self.checked.content_directory_set = name, True

    def version_names(self) -> None:
        """The sequence v1, v2, ... or v01, v02, ...: what is unbroken of it."""
        versions = self.document.get("versions")
        if not isinstance(versions, dict):
            return
        if not versions:
            self.bad("E008", "There is no version.")
            return
        numbers: dict[int, str] = {}
        paddings = set()
        for name in versions:
            match = VERSION.fullmatch(name)
            if not match:
                code = "E046" if self.checked.spec == "1.0" else "E104"
                self.bad(code, say("{version} is not a name for a version.", version=shown(name)))
                continue
            numbers.setdefault(int(match.group(2)), name)
            paddings.add(len(name) if match.group(1) else 0)
        if 1 not in numbers:
            self.bad("E009", "There is no version 1.")
            return
        first = numbers[1]
        if first != "v1":
            self.bad("W001", "The names of versions have zeros before their numbers.")
        if len(paddings) > 1:  # v09, v10, or v1, v02, or v01, v002
            code = "E011" if 0 in paddings and first != "v1" else "E012"
            self.bad(code, "The names of versions are not made alike.")
            self.bad("E013", "The names of versions are not made alike.")
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            self.bad("E010", "Numbers of versions are missing.")
        for number in range(1, len(numbers) + 1):
            if number not in numbers:
                break
            self.checked.versions.append(numbers[number])

    def head(self) -> None:
        if "head" in self.document and self.checked.versions:
            head, last = self.document["head"], self.checked.versions[-1]
            if head != last:
                self.bad("E040", say("`head` is {value}, not {version}.", value=shown(head), version=last))

    def manifest(self) -> None:
        manifest, checked = self.document.get("manifest"), self.checked
        if not isinstance(manifest, dict):
            if "manifest" in self.document:
                self.bad("E041" if checked.spec == "1.0" else "E106", "`manifest` is not a JSON object.")
            return
        self.raw_digests = set(manifest)
        if len({digest.lower() for digest in manifest}) != len(manifest):
            self.bad("E096", "One digest is there twice, in large and in small letters.")
        start = {f"{version}/{checked.content_directory}/" for version in checked.versions}
        seen: set[str] = set()
        for digest, paths in manifest.items():
            if checked.algorithm and not digests.well_formed(checked.algorithm, digest):
                self.bad("E025", say("{digest} is not a digest of {algorithm}.",
                                     digest=shown(digest), algorithm=checked.algorithm))  # fmt: skip
            for path in self.content_paths(paths, "E092", digest):
                if path in seen:
                    self.bad("E101", say("The file {path} is there twice.", path=shown(path)))
                seen.add(path)
                if checked.versions and "/".join(path.split("/")[:2]) + "/" not in start:
                    self.bad("E042", say("{path} lies outside the content folders of the versions.",
                                         path=shown(path)))  # fmt: skip
                checked.manifest[path] = digest.lower()
        for path in conflicts(checked.manifest):
            self.bad("E101", say("{path} is a file and a folder at once.", path=shown(path)))

    def content_paths(self, paths: Any, code: str, digest: str) -> list[str]:
        """Those of ``paths`` that can be paths of content; the others are found fault with."""
        empty = paths == [] and code == "E092"  # a digest in the manifest stands for a file at least
        if empty or not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            self.bad(code, say("The files of the digest {digest} are not a list of texts.",
                               digest=shown(digest)))  # fmt: skip
            return []
        good = []
        for path in paths:
            if not BAD_ELEMENT.search(path):
                good.append(path)
            elif path[:1] == "/" or path[-1:] == "/":
                self.bad("E100", say("The path {path} begins or ends with a slash.", path=shown(path)))
            else:
                self.bad("E099", say("The path {path} has an element that is no name.", path=shown(path)))
        return good

    def version(self, version: str, block: Any, known: Checked | None) -> None:
        if not isinstance(block, dict):
            self.bad("E047", say("{version} is not a JSON object.", version=shown(version)))
            return
        state = block.get("state")
        same = known is not None and known.block(version) == block
        if same and isinstance(state, dict) and self.raw_digests.issuperset(state):
            self.used.update(digest.lower() for digest in state)
            return
        for name in block.keys() - VERSION_KEYS:
            self.bad("E102", say("`{name}` is no name that the specification knows.", name=shown(name)))
        for name in ("created", "state"):
            if name not in block:
                self.bad("E048", say("{version}: `{name}` is missing.", version=version, name=name))
        created = block.get("created", "2000-01-01T00:00:00Z")
        if not isinstance(created, str) or instant(created) is None:
            self.bad("E049", say("{version}: {value} is not a time with seconds and a time zone (RFC 3339).",
                                 version=version, value=shown(created)))  # fmt: skip
        if "state" in block:
            self.state(version, block["state"])
        if "message" not in block:
            self.bad("W007", say("{version}: `{name}` is missing.", version=version, name="message"))
        elif not isinstance(block["message"], str):
            self.bad("E094", say("{version}: `message` is not a text.", version=version))
        self.user(version, block)

    def user(self, version: str, block: Mapping[str, Any]) -> None:
        user = block.get("user")
        if "user" not in block:
            self.bad("W007", say("{version}: `{name}` is missing.", version=version, name="user"))
        elif not isinstance(user, dict) or not isinstance(user.get("name"), str) or not user["name"]:
            self.bad("E054", say("{version}: `user` has no name.", version=version))
        elif "address" not in user:
            self.bad("W008", say("{version}: `user` has no address.", version=version))
        elif not isinstance(user["address"], str):
            self.bad("E054", say("{version}: the address of `user` is not a text.", version=version))
        elif not URI.fullmatch(user["address"]):
            self.bad("W009", say("{version}: the address of `user` is not a URI.", version=version))

    def state(self, version: str, state: Any) -> None:
        if not isinstance(state, dict):
            self.bad("E050", say("{version}: `state` is not a JSON object.", version=version))
            return
        seen: set[str] = set()
        for digest, paths in state.items():
            self.used.add(digest.lower())
            if digest not in self.raw_digests:
                self.bad("E050", say("{version}: the manifest has no digest {digest}.",
                                     version=version, digest=shown(digest)))  # fmt: skip
            if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
                self.bad("E050", say("The files of the digest {digest} are not a list of texts.",
                                     digest=shown(digest)))  # fmt: skip
                continue
            for path in paths:
                if BAD_ELEMENT.search(path):
                    self.bad_logical(path)
                elif path in seen:
                    self.bad("E095", say("{version}: {path} is there twice.",
                                         version=version, path=shown(path)))  # fmt: skip
                else:
                    seen.add(path)
        for path in conflicts(seen):
            self.bad("E095", say("{path} is a file and a folder at once.", path=shown(path)))

    def bad_logical(self, path: str) -> None:
        if path[:1] == "/" or path[-1:] == "/":
            self.bad("E053", say("The path {path} begins or ends with a slash.", path=shown(path)))
        else:
            self.bad("E052", say("The path {path} has an element that is no name.", path=shown(path)))

    def fixity(self, fixity: Any) -> None:
        checked = self.checked
        if not isinstance(fixity, dict):
            self.bad("E056" if checked.spec == "1.0" else "E111", "`fixity` is not a JSON object.")
            return
        for algorithm, block in fixity.items():
            if not isinstance(block, dict):
                self.bad("E057", say("`fixity` of {algorithm} is not a JSON object.",
                                     algorithm=shown(algorithm)))  # fmt: skip
                continue
            if algorithm not in digests.FIXITY:
                if algorithm not in ("size", "crc32"):  # registered, and of no use for preservation
                    self.bad("E056", say("The digest algorithm {algorithm} is not known.",
                                         algorithm=shown(algorithm)))  # fmt: skip
                continue
            if len({digest.lower() for digest in block}) != len(block):
                self.bad("E097", "One digest is there twice, in large and in small letters.")
            expected = checked.fixity.setdefault(algorithm, {})
            for digest, paths in block.items():
                if not digests.well_formed(algorithm, digest):
                    self.bad("E057", say("{digest} is not a digest of {algorithm}.",
                                         digest=shown(digest), algorithm=algorithm))  # fmt: skip
                    continue
                for path in self.content_paths(paths, "E057", digest):
                    expected[path] = digest.lower()
                    if path not in checked.manifest:
                        self.bad("E057", say("`fixity` has the file {path}, which is not in the manifest.",
                                             path=shown(path)))  # fmt: skip
