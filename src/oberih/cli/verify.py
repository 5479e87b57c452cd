"""``oberih verify``, ``rebuild``, ``drill``: is everything there, and could it be brought back?"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oberih.cli.backup import service_again
from oberih.cli.running import (
    PathType,
    archive_option,
    data_option,
    how_told,
    key_option,
    keys,
    tell_result,
    told,
    working,
)
from oberih.errors import Damaged, InputError, OutputError, StoreError
from oberih.i18n import Language, say

if TYPE_CHECKING:
    from oberih.archive import Trouble, Verified
    from oberih.archive.findings import Finding

__all__ = ["commands"]

EXISTING = PathType(path_type=Path)


def commands(t: Language) -> list[click.Command]:
    """The commands, with help in the language ``t``."""
    return [verify(t), rebuild(t), drill(t)]


def verify(t: Language) -> click.Command:
    @click.command("verify", help=t(VERIFY))
    @archive_option(t, required=False)
    @click.option("--quick", is_flag=True, help=t("Inventories and what is there, not every byte."))
    @click.option("--due", is_flag=True, help=t("Only what was not read for as long as the settings say."))
    @click.option("--heal", is_flag=True, help=t("Restore what is damaged from good copies."))
    @click.option("--store", "names", multiple=True, metavar="NAME", help=t("Only this store."))
    @click.option("--id", "objects", multiple=True, metavar="ID", help=t("Only this object."))
    @click.option(
        "--rate", type=click.FloatRange(min=0, min_open=True), metavar="MB/S", help=t("Read no faster.")
    )
    @click.option("--report", type=EXISTING, metavar="FILE", help=t("Write what was found as JSON."))
    @click.option(
        "--object",
        "one_object",
        type=EXISTING,
        metavar="FOLDER",
        help=t("Check one OCFL object of anybody's."),
    )
    @click.option("--bag", type=EXISTING, metavar="FOLDER", help=t("Check one BagIt bag of anybody's."))
    @key_option(t)
    @how_told(t)
    def command(
        folder: Path | None, quick: bool, due: bool, heal: bool, names: tuple[str, ...],
        objects: tuple[str, ...], rate: float | None, report: Path | None, one_object: Path | None,
        bag: Path | None, key_files: tuple[Path, ...], progress_kind: str,
    ) -> None:  # fmt: skip
        if one_object or bag:
            check_foreign(one_object, bag, quick, progress_kind, t)
            return
        if folder is None:
            raise click.UsageError(say("Give --archive, --object or --bag."))
        from oberih.archive import open_archive
        from oberih.archive import verify as run

        with working(progress_kind, t, folder / "error.log") as (progress, shown):
            done = run(
                open_archive(folder), full=not quick, due=due, mend=heal, stores=names, objects=objects,
                rate=rate, identities=keys(key_files, t), progress=progress,
            )  # fmt: skip
            record = as_record(done)
        tell_result(shown, record, found_lines(done, t))
        if report:
            write_report(report, record)
        failed = [*done.unhealed, *done.troubles]
        if done.lost:  # whatever kept the good copies away: it is the worst
            sys.exit(Damaged.exit_code)
        if not done.whole:
            sys.exit(failed[0].error.exit_code if failed else 1)

    return command


def write_report(path: Path, record: dict[str, object]) -> None:
    try:
        path.write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise OutputError(
            say("{path} cannot be written: {why}", path=path, why=why),
            "Choose a folder that you may write to, on a disk with room.",
        ) from error


VERIFY = """Is every byte still what was deposited?

Checks the copies of an archive (those first that were not read for longest), or with --object or --bag
anybody's. Ends with 0 if all is well, with 1 if not."""


def as_record(done: "Verified") -> dict[str, object]:
    def one(damage: object) -> dict[str, object]:
        from oberih.archive import Damage

        assert isinstance(damage, Damage)
        return {"store": damage.store, "id": damage.id, "findings": [vars(f) for f in damage.findings]}

    def not_done(troubles: "list[Trouble]") -> list[dict[str, str]]:
        return [{"store": x.store, "id": x.id, "why": x.error.message} for x in troubles]

    return {
        "whole": done.whole, "copies_checked": done.checked, "bytes_read": done.bytes,
        "seconds": round(done.seconds, 3), "damaged": [one(d) for d in done.damages],
        "healed": [one(d) for d in done.healed], "no_good_copy": not_done(done.lost),
        "not_healed": not_done(done.unhealed), "not_checked": not_done(done.troubles),
        "swept": [{"store": store, "key": key} for store, key in done.swept],
        "unknown": [{"store": store, "key": key} for store, key in done.strangers],
    }  # fmt: skip


def found_lines(done: "Verified", t: Language) -> list[str]:
    lines = []
    healed = {(damage.store, damage.id) for damage in done.healed}
    for damage in done.damages:
        first = damage.findings[0]
        state = t("healed") if (damage.store, damage.id) in healed else t("DAMAGED")
        lines.append(f"{state}: {damage.store} {damage.id} {first.code} {first.path}: {t(first.message)}")
    lines += [
        t.say("UNKNOWN on {store}: {key} is not in the index.", store=s, key=k) for s, k in done.strangers
    ]
    for store in sorted({store for store, _ in done.strangers}):
        lines.append(t.say("Take it in: oberih rebuild --from {store}", store=store))
    lines += [t.say("LOST: {what}", what=line) for line in told(done.lost, t)]
    lines += [t.say("NOT HEALED: {what}", what=line) for line in told(done.unhealed, t)]
    lines += [t.say("NOT CHECKED: {what}", what=line) for line in told(done.troubles, t)]
    lines.append(
        t.say("{count} copies checked, {size:.1f} MB read in {seconds:.1f} s: "
              "{damaged} damaged, {healed} healed.",
              count=done.checked, size=done.bytes / 1e6, seconds=done.seconds, damaged=len(done.damages),
              healed=len(done.healed))
    )  # fmt: skip
    return lines


def check_foreign(one: Path | None, bag: Path | None, quick: bool, progress_kind: str, t: Language) -> None:
    """Check one OCFL object or one bag, and leave with 0 or 1."""
    from oberih.archive.exchange.bagit import bag_bytes, validate_bag
    from oberih.archive.ocfl import validate_object
    from oberih.archive.stores.folder import FolderStore

    findings: list[Finding] = []
    folder = one or bag
    assert folder is not None
    if not folder.is_dir():
        raise InputError(say("There is no folder {path}.", path=folder), "Check the spelling of the path.")
    with working(progress_kind, t) as (progress, shown):
        if one:
            with progress.stage("verifying", 0):
                findings += validate_object(FolderStore(str(one)), "", full=not quick)
        if bag:
            with progress.stage("verifying", bag_bytes(bag)) as stage:
                findings += validate_bag(bag, full=not quick, tick=stage.tick)
    valid = not any(finding.level == "error" for finding in findings)
    lines = [f"{f.level} {f.code} {f.path}: {t(f.message)}" for f in findings]
    lines.append(t("valid") if valid else t("INVALID"))
    tell_result(shown, {"valid": valid, "findings": [vars(f) for f in findings]}, lines)
    if not valid:
        sys.exit(1)


def rebuild(t: Language) -> click.Command:
    @click.command("rebuild", help=t(REBUILD))
    @archive_option(t, required=False)
    @data_option(t, required=False)
    @click.option(
        "--from",
        "source",
        default="",
        metavar="STORE",
        help=t("The store that survived: its name, its path or its URL."),
    )
    @click.option(
        "--backup", type=EXISTING, metavar="FILE", help=t("A backup of the service: accounts and secrets.")
    )
    @key_option(t)
    @how_told(t)
    def command(
        folder: Path | None, data: Path | None, source: str, backup: Path | None,
        key_files: tuple[Path, ...], progress_kind: str,
    ) -> None:  # fmt: skip
        if data is not None:
            service_again(data, key_files, source, backup, progress_kind, t)
            return
        if folder is None or backup is not None:
            raise click.UsageError(say("Give --archive, or --data for a service."))
        from oberih.archive import rebuild as run

        with working(progress_kind, t, None) as (progress, shown):
            done = run(folder, source=source, identities=keys(key_files, t), progress=progress)
        lines = [
            t.say("{restored} objects restored, {indexed} in the index, {seconds:.1f} s.",
                  restored=done.restored, indexed=done.indexed, seconds=done.seconds),
            *told(done.troubles, t),
        ]  # fmt: skip
        if done.stores or done.custodians:
            lines.append(
                t.say("The settings came back too. Stores: {stores}. Custodians: {custodians}. "
                      "See that you know them all.",
                      stores=", ".join(done.stores) or "–", custodians=", ".join(done.custodians) or "–")
            )  # fmt: skip
        if done.no_settings:
            lines.append(
                t("THE SETTINGS DID NOT COME BACK: none of the objects holds them. Name the stores, the "
                  "custodians and the policy again: oberih stores add, oberih custodians add, oberih.toml.")
            )  # fmt: skip
        record = {"restored": done.restored, "indexed": done.indexed, "seconds": round(done.seconds, 3),
                  "stores": done.stores, "custodians": done.custodians,
                  "no_settings": done.no_settings,
                  "not_done": [x.error.message for x in done.troubles]}  # fmt: skip
        tell_result(shown, record, lines)
        failed = [x for x in done.troubles if x.id or not isinstance(x.error, StoreError)]
        if failed:  # a store that did not survive is no failure of the others
            sys.exit(failed[0].error.exit_code)

    return command


REBUILD = """Bring everything back from what survived.

Without --from: the index again, from the objects in the archive's first store. With it: the archive itself,
in FOLDER, from any one store; run `oberih replicate` afterwards to have all copies again.

With --data: a whole service, from the archive in its folder and a custodian's key."""


def drill(t: Language) -> click.Command:
    @click.command(
        "drill", help=t("Rehearse the worst: restore everything from one store, compare every byte.")
    )
    @archive_option(t)
    @click.option(
        "--store", "name", default="", metavar="NAME", help=t("The store to restore from (default: each).")
    )
    @click.option(
        "--scratch", type=EXISTING, metavar="FOLDER", help=t("Where there is room for a whole copy.")
    )
    @key_option(t)
    @how_told(t)
    def command(
        folder: Path, name: str, scratch: Path | None, key_files: tuple[Path, ...], progress_kind: str
    ) -> None:
        from oberih.archive import drill as run
        from oberih.archive import open_archive
        from oberih.archive.archive import stores_of

        lines, records, failed = [], [], False
        with working(progress_kind, t, folder / "error.log") as (progress, shown):
            archive, identities = open_archive(folder), keys(key_files, t)
            for one in stores_of(archive, [name] if name else []):
                done = run(archive, one, scratch=scratch, identities=identities, progress=progress)
                good = not (done.troubles or done.missing)
                failed |= not good
                records.append({"store": one, "objects": done.objects, "files": done.files,
                                "bytes": done.bytes, "seconds": round(done.seconds, 3),
                                "missing": done.missing, "good": good})  # fmt: skip
                lines.append(
                    t.say("{store}: {objects} objects, {files} files, {size:.1f} MB restored and compared "
                          "byte by byte in {seconds:.1f} s; {failed} failed, {missing} missing.",
                          store=one, objects=done.objects, files=done.files, size=done.bytes / 1e6,
                          seconds=done.seconds, failed=len(done.troubles), missing=done.missing)
                )  # fmt: skip
                lines += told(done.troubles, t)
        tell_result(shown, {"drills": records}, lines)
        if failed:
            sys.exit(1)

    return command
