"""An OCFL inventory: what an object holds, in every version, and the digest of every byte of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from oberih.archive.ocfl.check import check_inventory, instant
from oberih.archive.ocfl.findings import Findings
from oberih.errors import InputError, NotInArchive
from oberih.i18n import say

__all__ = ["FileEntry", "Inventory", "Version", "dump", "number_of", "parse", "version_name"]

Paths = tuple[str, ...]


@dataclass(frozen=True)
class FileEntry:
    """A file in a version: its digest, and where its bytes lie, relative to the object's key."""

    digest: str
    path: str


@dataclass(frozen=True)
class Version:
    """One version of an object."""

    created_text: str  # RFC 3339, as it is written
    state: Mapping[str, Paths]  # digest -> logical paths
    message: str | None = None
    user: str | None = None
    address: str | None = None  # of the user: a URI

    @property
    def created(self) -> datetime:
        when = instant(self.created_text)
        assert when is not None
        return when


@dataclass(frozen=True)
class Inventory:
    """A whole inventory. Digests are as they are written; compare them in lower case."""

    id: str
    head: str
    manifest: Mapping[str, Paths]  # digest -> content paths, relative to the object's key
    versions: Mapping[str, Version]  # in their order
    algorithm: str = "sha512"
    spec: str = "1.1"
    content_directory: str | None = None  # None: not said, "content"
    fixity: Mapping[str, Mapping[str, Paths]] | None = field(default=None)

    def files(self, version: str | None = None) -> dict[str, FileEntry]:
        """Logical path -> file, in a version (the newest if none is given). Raises `NotInArchive`."""
        found = self.versions.get(version or self.head)
        if found is None:
            raise NotInArchive(
                say("{id} has no version {version}.", id=self.id, version=version),
                say("Its newest version is {version}.", version=self.head),
            )
        return {
            path: FileEntry(digest, self.manifest[digest][0])
            for digest, paths in found.state.items()
            for path in paths
        }

    @cached_property
    def content(self) -> dict[str, str]:
        """Content path -> digest, of every file that the object keeps."""
        return {path: digest for digest, paths in self.manifest.items() for path in paths}

    def added(self, version: str) -> dict[str, str]:
        """Content path -> digest, of the files that came with ``version``."""
        return {path: digest for path, digest in self.content.items() if path.startswith(version + "/")}

    def next_version(self) -> str:
        """The name of the version after the newest."""
        return version_name(number_of(self.head) + 1, like=self.head)


def number_of(version: str) -> int:
    """1 of "v1" and of "v001"."""
    return int(version[1:])


def version_name(number: int, *, like: str = "v1") -> str:
    """The name of a version, with as many zeros as its sister ``like`` has."""
    name = f"v{number:0{len(like) - 1}d}" if like.startswith("v0") else f"v{number}"
    if like.startswith("v0") and not name.startswith("v0"):
        raise InputError(
            say("After {version} there can be no further version.", version=like),
            "Deposit it as a new object.",
        )
    return name


def parse(data: bytes) -> Inventory:
    """Read an inventory. Raises `InputError` for one that OCFL does not allow; warnings do not count."""
    findings = Findings()
    checked = check_inventory(data, "", findings)
    errors = [finding for finding in findings.found if finding.level == "error"]
    if checked is None or errors:
        raise InputError(
            say("The inventory is not valid: {why}", why=errors[0].message),
            "Restore it from a good copy, or from the program that wrote it.",
        )
    document = checked.document
    fixity = document.get("fixity")
    return Inventory(
        id=checked.id,
        head=document["head"],
        manifest=with_tuples(document["manifest"]),
        versions={name: version_of(document["versions"][name]) for name in checked.versions},
        algorithm=checked.algorithm,
        spec=checked.spec,
        content_directory=document.get("contentDirectory"),
        fixity=None if fixity is None else {name: with_tuples(block) for name, block in fixity.items()},
    )


def version_of(block: Mapping[str, Any]) -> Version:
    user = block.get("user") or {}
    return Version(
        created_text=block["created"],
        state=with_tuples(block["state"]),
        message=block.get("message"),
        user=user.get("name"),
        address=user.get("address"),
    )


def with_tuples(block: Mapping[str, list[str]]) -> dict[str, Paths]:
    return {digest: tuple(paths) for digest, paths in block.items()}


def dump(inventory: Inventory) -> bytes:
    """The inventory as JSON, a line for each digest. The same inventory always gives the same bytes."""
    parts = [
        ("id", quoted(inventory.id)),
        ("type", quoted(f"https://ocfl.io/{inventory.spec}/spec/#inventory")),
        ("digestAlgorithm", quoted(inventory.algorithm)),
        ("head", quoted(inventory.head)),
    ]
    if inventory.content_directory is not None:
        parts.append(("contentDirectory", quoted(inventory.content_directory)))
    parts.append(("manifest", digest_block(inventory.manifest, "  ")))
    versions = [(name, version_block(version)) for name, version in inventory.versions.items()]
    parts.append(("versions", block(versions, "  ")))
    if inventory.fixity is not None:
        algorithms = [(name, digest_block(b, "    ")) for name, b in sorted(inventory.fixity.items())]
        parts.append(("fixity", block(algorithms, "  ")))
    return f"{block(parts, '')}\n".encode()


def version_block(version: Version) -> str:
    parts = [("created", quoted(version.created_text)), ("state", digest_block(version.state, "      "))]
    if version.message is not None:
        parts.append(("message", quoted(version.message)))
    if version.user is not None:
        user = {"name": version.user, "address": version.address}
        parts.append(("user", quoted({name: said for name, said in user.items() if said is not None})))
    return block(parts, "    ")


def digest_block(digests: Mapping[str, Paths], indent: str) -> str:
    return block([(digest, quoted(sorted(paths))) for digest, paths in sorted(digests.items())], indent)


def block(parts: list[tuple[str, str]], indent: str) -> str:
    inner = ",\n".join(f"{indent}  {quoted(name)}: {value}" for name, value in parts)
    return f"{{\n{inner}\n{indent}}}" if parts else "{}"


def quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
