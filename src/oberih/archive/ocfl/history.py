"""Whether the inventories of an object's earlier versions tell the same history as its newest."""

from collections.abc import Sequence

from oberih.archive.ocfl.check import Checked
from oberih.archive.ocfl.findings import Findings, shown
from oberih.i18n import say

__all__ = ["check_history"]


def check_history(root: Checked, earlier: Sequence[Checked], findings: Findings) -> None:
    """``earlier``: inventories of versions, in their order, where they are not the same file as ``root``."""
    spec, first = "", True
    for checked in earlier:
        version = checked.path.split("/")[0]
        if checked.spec < spec:
            findings.add("E103", "It is of an earlier version of OCFL than the version before.", checked.path)
        spec = max(spec, checked.spec)
        if version != root.versions[-1]:
            one_inventory(root, checked, version, findings)
            content_directory(root, checked, first, findings)
        first = False
    if earlier and root.spec < spec:
        findings.add("E103", "It is of an earlier version of OCFL than the version before.", root.path)


def one_inventory(root: Checked, checked: Checked, version: str, findings: Findings) -> None:
    path = checked.path
    if checked.id != root.id:
        findings.add("E037", say("The identifier is {id} here, and {other} in the object's inventory.",
                                 id=shown(checked.id), other=shown(root.id)), path)  # fmt: skip
    if checked.versions and checked.versions[-1] != version:
        findings.add("E040", say("`head` is {value}, not {version}.",
                                 value=checked.versions[-1], version=version), path)  # fmt: skip
    upto = root.versions[: root.versions.index(version) + 1]
    starts = tuple(f"{name}/" for name in upto)
    for content in root.manifest.keys() - checked.manifest.keys():
        if content.startswith(starts):
            findings.add("E023", say("Its manifest does not know {path}.", path=shown(content)), path)
    for content in checked.manifest.keys() - root.manifest.keys():
        findings.add("E066", say("The object's manifest does not know {path}.", path=shown(content)), path)
    for name in checked.versions:
        if name not in root.versions:
            findings.add("E066", say("The object's inventory has no version {version}.", version=name), path)
        elif checked.block(name) != root.block(name):
            if not same_state(root, checked, name):
                findings.add("E066", say("{version} holds other files here than in the object's inventory.",
                                         version=name), path)  # fmt: skip
            a, b = checked.block(name), root.block(name)
            if any(a.get(key) != b.get(key) for key in ("created", "message", "user")):
                findings.add("W011", say("{version} is described otherwise than in the object's inventory.",
                                         version=name), path)  # fmt: skip


def same_state(root: Checked, checked: Checked, version: str) -> bool:
    """Whether a version has the same files and content in both; digests may be of two algorithms."""
    ours, theirs = root.state(version), checked.state(version)
    if ours.keys() != theirs.keys():
        return False
    if root.algorithm == checked.algorithm:
        return ours == theirs
    content = by_digest(root.manifest)
    other = by_digest(checked.manifest)
    return all(
        other.get(digest, set()) <= content.get(ours[path], set()) and other.get(digest)
        for path, digest in theirs.items()
    )


def by_digest(manifest: dict[str, str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path, digest in manifest.items():
        found.setdefault(digest, set()).add(path)
    return found


def content_directory(root: Checked, checked: Checked, first: bool, findings: Findings) -> None:
    if checked.content_directory != root.content_directory:
        findings.add("E020", "`contentDirectory` is another than in the object's inventory.", checked.path)
    same = checked.content_directory == root.content_directory and checked.content_directory_set
    if first and root.content_directory_set and not same:
        findings.add("E019", "`contentDirectory` was not set so in the first version.", root.path)
