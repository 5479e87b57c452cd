"""Commands that run a service: `serve`, `worker`, and a new link for the first admin."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oberih.cli.backup import refuse_no_service
from oberih.cli.running import Decorator, data_option, how_told, tell_result, working
from oberih.errors import Conflict
from oberih.i18n import Language

if TYPE_CHECKING:
    from oberih.work.service import Service

__all__ = ["commands"]


def commands(t: Language) -> list[click.Command]:
    return [serve(t), worker(t), admin_link(t)]


def serve(t: Language) -> click.Command:
    @click.command("serve", help=t(SERVE))
    @data_option(t)
    @port_option(t)
    @how_told(t)
    def command(data: Path, port: int, progress_kind: str) -> None:
        from oberih.logs import begin_logs
        from oberih.web.serving import Supervisor, begin
        from oberih.work.backup import keep_last
        from oberih.work.publicity import refuse_unsafe
        from oberih.work.service import open_service, prepare_service

        with ExitStack() as kept:
            with working(progress_kind, t) as (progress, shown):
                service, listening = kept.enter_context(begin(data, port, progress))
                refuse_unsafe(service)
                prepare_service(service)
                tell_result(shown, *greeting(service, port, t))
                sys.stdout.flush()
            service.close()
            begin_logs("supervisor")
            service = open_service(data)
            Supervisor(service, listening).run()
            keep_last(service)

    return command


SERVE = """Run the service: pages, uploads and work, on this machine.

A new folder is made ready. The settings are in the file oberih.toml in it; `oberih settings --data FOLDER`
lists all of them, with their values and what they are for."""


def greeting(service: "Service", port: int, t: Language) -> tuple[dict[str, object], list[str]]:
    """Where the service is, and what is still to be done: for programs, and for people."""
    from oberih.work.service import RECOVERY

    address = service.settings.address(port)
    lines = [t.say("The service is at {address}", address=address)]
    record: dict[str, object] = {"address": address}
    link = first_link(service, address)
    if link:
        record["first_admin"] = link
        lines.append(t.say(
            "There is no admin yet. Whoever opens this becomes it (once, within 7 days): {link}", link=link
        ))  # fmt: skip
    if (service.folder / RECOVERY).exists():
        lines.append(t.say(
            "{path} opens everything that is sealed, should this machine be lost: keep it elsewhere, "
            "and delete it here.",
            path=service.folder / RECOVERY,
        ))  # fmt: skip
    return record, lines


def first_link(service: "Service", address: str) -> str:
    from oberih.catalogue.accounts.links import first_admin_link

    made = first_admin_link(service.database)
    return f"{address}/join/{made.token}" if made else ""


def refuse_nothing(data: Path) -> None:
    """A new folder is for a machine that joins others; else it would be a service that nobody uses."""
    from oberih.settings import FILE, load_service

    if not load_service(data / FILE).database_url:
        refuse_no_service(data)


def worker(t: Language) -> click.Command:
    @click.command("worker", help=t("Run jobs of a service whose database and archive are elsewhere too."))
    @data_option(t)
    @how_told(t)
    def command(data: Path, progress_kind: str) -> None:
        from oberih.logs import begin_logs
        from oberih.work.backup import keep_last
        from oberih.work.flow import run_worker
        from oberih.work.service import open_service, prepare_service

        refuse_nothing(data)
        with working(progress_kind, t):
            service = open_service(data)
            prepare_service(service)
            begin_logs("worker")
            run_worker(service)
            keep_last(service)

    return command


def admin_link(t: Language) -> click.Command:
    @click.command("admin-link", help=t(ADMIN_LINK))
    @data_option(t)
    @click.option("--for", "name", metavar="NAME", help=t("Who has lost every key: the name to log in with."))
    @port_option(t)
    @how_told(t)
    def command(data: Path, name: str | None, port: int, progress_kind: str) -> None:
        from oberih.catalogue.accounts.links import way_back_in
        from oberih.work.service import open_service, prepare_service

        refuse_nothing(data)
        with working(progress_kind, t) as (_, shown):
            service = open_service(data)
            prepare_service(service)
            address = service.settings.address(port)
            if name is not None:
                link = f"{address}/recover/{way_back_in(service.database, name).token}"
                tell_result(shown, {"recovery": link}, [link])
                return
            link = first_link(service, address)
            if not link:
                raise Conflict(
                    "There is an admin already.",
                    "An admin makes links for others, on the page of people. An admin who has lost every key "
                    "gets one with --for NAME.",
                )
            tell_result(shown, {"first_admin": link}, [link])

    return command


ADMIN_LINK = """A new link for the first admin, if there is none yet.

With --for NAME: a way back in for somebody who has lost every key, and whom no other admin can help. It works
once, within a day."""


def port_option(t: Language) -> Decorator:
    return click.option(
        "--port", type=click.IntRange(1, 65535), default=8000, show_default=True,
        help=t("Port of the service."),
    )  # fmt: skip
