"""``oberih stores``, ``custodians``, ``people``, ``replicate``, ``settings``: who keeps what, and where."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from oberih.cli.backup import refuse_no_service
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
from oberih.cli.running import passphrase as ask
from oberih.errors import InputError, OberihError
from oberih.i18n import Language, say

__all__ = ["commands"]

EXISTING = PathType(path_type=Path)
REASONS = ("request", "guardian", "law", "mistake")


def commands(t: Language) -> list[click.Command]:
    """The commands, with help in the language ``t``."""
    return [stores(t), custodians(t), people(t), replicate(t), settings(t)]


def stores(t: Language) -> click.Group:
    @click.group(
        "stores", invoke_without_command=True, help=t("The places that keep copies, and what they hold.")
    )
    @archive_option(t, required=False)
    @how_told(t)
    @click.pass_context
    def group(context: click.Context, folder: Path | None, progress_kind: str) -> None:
        if context.invoked_subcommand:
            return
        if folder is None:
            raise click.UsageError(say("Missing option '--archive'."))
        from oberih.archive import open_archive, short_of_policy
        from oberih.archive.archive import stores_of

        with working(progress_kind, t) as (_, shown):
            archive = open_archive(folder)
            held = {name: counts for name, *counts in archive.index.held()}
            records, lines = [], []
            for name in stores_of(archive):
                given = archive.settings.stores[name]
                objects, damaged, unchecked, size = held.get(name, [0, 0, 0, 0])
                try:
                    archive.store(name)
                    trouble = ""
                except OberihError as error:
                    trouble = t(error.message)
                records.append({"name": name, "url": given.url, "threat": archive.threat(name),
                                "untrusted": given.untrusted, "append_only": given.append_only,
                                "objects": objects, "damaged": damaged, "unchecked": unchecked, "bytes": size,
                                "trouble": trouble})  # fmt: skip
                marks = [t("encrypted")] * given.untrusted + [t("append-only")] * given.append_only
                marks += [t.say("{count} damaged", count=damaged)] * bool(damaged)
                marks += [t.say("{count} not yet read", count=unchecked)] * bool(unchecked)
                marks += [trouble] * bool(trouble)
                lines.append(
                    t.say("{name:12} {objects:>7,d} objects {size:>12,.1f} MB  {place}  {marks}", name=name,
                          objects=objects, size=size / 1e6, place=given.url, marks=", ".join(marks)).rstrip()
                )  # fmt: skip
            short = short_of_policy(archive)
            if short:
                lines.append(
                    t.say("Objects with fewer good copies than the policy asks for ({copies}): {count}",
                          count=short, copies=archive.settings.copies)
                )  # fmt: skip
        tell_result(shown, {"stores": records, "short_of_policy": short}, lines)

    @group.command(
        "add", help=t("Keep copies on another store: a folder, or s3://bucket/prefix?endpoint=URL.")
    )
    @click.argument("name")
    @click.argument("url")
    @archive_option(t)
    @click.option("--untrusted", is_flag=True, help=t("Its keepers must not read it: copies are encrypted."))
    @click.option("--append-only", is_flag=True, help=t("Nothing can be changed there (object lock)."))
    @click.option(
        "--threat",
        default="",
        metavar="WORD",
        help=t("What it would die of: stores with the same word count as one copy."),
    )
    @how_told(t)
    def add(
        name: str, url: str, folder: Path, untrusted: bool, append_only: bool, threat: str, progress_kind: str
    ) -> None:
        from oberih.archive import open_archive
        from oberih.settings import StoreSettings

        with working(progress_kind, t) as (_, shown):
            archive = open_archive(folder, create=True)
            place = url if "://" in url else str(Path(url).resolve())
            given = StoreSettings.model_validate(
                {"url": place, "untrusted": untrusted, "append_only": append_only, "threat": threat}
            )
            archive.add_store(name, given)
        tell_result(shown, {"name": name, "url": place}, [
            t.say("Store {name} is there. Copy to it: oberih replicate --archive {path}",
                  name=name, path=folder)
        ])  # fmt: skip

    return group


def custodians(t: Language) -> click.Group:
    @click.group("custodians", help=t("Those whose keys open what is encrypted."))
    def group() -> None:
        pass

    @group.command("add", help=t("Name a custodian. Without --recipient, a new key is made for them."))
    @click.argument("name")
    @archive_option(t)
    @click.option("--recipient", default="", metavar="AGE1...", help=t("Their public key, if they have one."))
    @click.option(
        "-o", "--out", type=EXISTING, metavar="FILE", help=t("Where the new secret key is written.")
    )
    @click.option("--passphrase", is_flag=True, help=t("Protect the new key with a passphrase."))
    @how_told(t)
    def add(
        name: str, folder: Path, recipient: str, out: Path | None, passphrase: bool, progress_kind: str
    ) -> None:
        from oberih import settings as rules
        from oberih.archive import open_archive
        from oberih.archive.crypt import checked_recipients, new_identity, save_identity

        lines = []
        with working(progress_kind, t) as (_, shown):
            archive = open_archive(folder, create=True)
            if name in archive.settings.custodians:
                raise InputError(
                    say("There is a custodian {name} already.", name=name), "Choose another name."
                )

            def edit(table: dict[str, Any]) -> None:
                table.setdefault("custodians", {}).update({name: recipient})

            rules.check(folder / rules.FILE, edit)  # before a key is written that nobody would know
            if recipient:
                checked_recipients([recipient])
            else:
                secret, recipient = new_identity()
                out = out or Path(f"{name}.key")
                if out.exists():
                    raise InputError(say("{path} is there already.", path=out), "Give another name with -o.")
                word = None
                if passphrase:
                    word = ask(t("Passphrase"), twice=True)
                save_identity(out, secret, word)
                lines.append(
                    t.say(
                        "Secret key: {path}. Keep it away from this machine, in more than one place.",
                        path=out,
                    )
                )
            archive.change_settings(edit)
            lines.insert(0, t.say("Custodian {name}: {recipient}", name=name, recipient=recipient))
            if len(archive.settings.custodians) < 2:
                lines.append(t("Name a second custodian, so that one lost key loses nothing."))
        tell_result(shown, {"name": name, "recipient": recipient}, lines)

    return group


def people(t: Language) -> click.Group:
    @click.group("people", help=t("Those who record: known by a pseudonym, each with a key of their own."))
    def group() -> None:
        pass

    @group.command(
        "add", help=t("A new pseudonym. Their data (JSON) is kept encrypted, and can be withdrawn.")
    )
    @archive_option(t)
    @click.option(
        "--data", type=EXISTING, metavar="FILE", help=t("Name, contact, consents: a small JSON file.")
    )
    @how_told(t)
    def add(folder: Path, data: Path | None, progress_kind: str) -> None:
        from oberih.archive import open_archive
        from oberih.archive.people.records import add_person

        with working(progress_kind, t) as (_, shown):
            told = read_data(data) if data else {}
            pseudonym = add_person(open_archive(folder, create=True), told)
        tell_result(shown, {"pseudonym": pseudonym}, [pseudonym])

    @group.command("show", help=t("What is kept of a person, for a custodian."))
    @click.argument("pseudonym")
    @archive_option(t)
    @key_option(t)
    @how_told(t)
    def show(pseudonym: str, folder: Path, key_files: tuple[Path, ...], progress_kind: str) -> None:
        from oberih.archive import open_archive
        from oberih.archive.people.records import person_data

        with working(progress_kind, t):
            told = person_data(open_archive(folder), pseudonym, keys(key_files, t))
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))

    @group.command("withdraw", help=t("Make a person's data unreadable for ever, on every copy."))
    @click.argument("pseudonym")
    @archive_option(t)
    @click.option("--reason", type=click.Choice(REASONS), default="request", show_default=True)
    @how_told(t)
    def withdraw(pseudonym: str, folder: Path, reason: str, progress_kind: str) -> None:
        from oberih.archive import open_archive
        from oberih.archive.people.records import withdraw_person

        with working(progress_kind, t) as (_, shown):
            tombstone = withdraw_person(open_archive(folder), pseudonym, reason)
        lines = [t.say("{pseudonym} is withdrawn; the key is destroyed.", pseudonym=pseudonym)]
        lines += [
            t.say("Not yet on {store}: run it again when it can be reached.", store=s)
            for s in tombstone.unfinished
        ]
        tell_result(shown, {"pseudonym": pseudonym, "unfinished": list(tombstone.unfinished)}, lines)
        if tombstone.unfinished:
            sys.exit(10)

    return group


def read_data(path: Path) -> dict[str, object]:
    """What a JSON file tells of a person."""
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "JSON"
        raise InputError(
            say("{path} cannot be read: {why}", path=path, why=why or type(error).__name__),
            'Give a file such as {"name": "..."}.',
        ) from error
    if not isinstance(told, dict):
        raise InputError(
            say("{path} is not a JSON object.", path=path), 'Give a file such as {"name": "..."}.'
        )
    return told


def replicate(t: Language) -> click.Command:
    @click.command(
        "replicate", help=t("Copy what is missing to the other stores. Stop and run again as you like.")
    )
    @archive_option(t)
    @click.option("--store", "names", multiple=True, metavar="NAME", help=t("Only this store."))
    @how_told(t)
    def command(folder: Path, names: tuple[str, ...], progress_kind: str) -> None:
        from oberih.archive import open_archive
        from oberih.archive import replicate as run

        with working(progress_kind, t, folder / "error.log") as (progress, shown):
            done = run(open_archive(folder), stores=names, progress=progress)
        lines = [
            t.say("{store}: {count} objects copied.", store=s, count=len(i)) for s, i in done.copied.items()
        ]
        lines += told(done.troubles, t)
        record = {"copied": dict(done.copied), "not_done": [x.error.message for x in done.troubles]}
        tell_result(shown, record, lines or [t("Nothing was to be copied.")])
        if done.troubles:
            sys.exit(done.troubles[0].error.exit_code)

    return command


def settings(t: Language) -> click.Command:
    @click.command("settings", help=t("Every setting, its value and what it is for."))
    @archive_option(t, required=False)
    @data_option(t, required=False)
    @how_told(t)
    def command(folder: Path | None, data: Path | None, progress_kind: str) -> None:
        if data is not None:
            service_settings(data, progress_kind, t)
            return
        if folder is None:
            raise click.UsageError(say("Give --archive or --data."))
        from oberih.archive import open_archive
        from oberih.settings import Settings

        with working(progress_kind, t) as (_, shown):
            values = open_archive(folder).settings.model_dump(mode="json")  # secrets are shown as stars
        lines = [
            f"{name} = {json.dumps(values[name], ensure_ascii=False)}  # {t(field.description or '')}"
            for name, field in Settings.model_fields.items()
        ]
        tell_result(shown, {"settings": values}, lines)

    return command


def service_settings(data: Path, progress_kind: str, t: Language) -> None:
    """Settings of a service, and where each value came from."""
    from oberih import settings as rules

    with working(progress_kind, t) as (_, shown):
        if not (data / rules.FILE).is_file():  # else it may be about to be a service's
            refuse_no_service(data)
        found = rules.service_settings(data / rules.FILE)
    origins = {"default": "", "file": f" [{rules.FILE}]", "environment": t(" [the environment]")}
    lines = [
        f"{one.name} = {json.dumps(one.value, ensure_ascii=False)}{origins[one.origin]}"
        f"  # {t(one.description)}"
        for one in found
    ]
    record = {one.name: {"value": one.value, "origin": one.origin} for one in found}
    tell_result(shown, {"settings": record}, lines)
