"""The web process of `oberih serve`. It is given a socket that listens already."""

import gc
import os
import socket
import sys
from pathlib import Path

import uvicorn

from oberih.catalogue.accounts import Gate
from oberih.catalogue.accounts.keys import Key
from oberih.logs import begin_logs
from oberih.web.inside.app import inner_app
from oberih.web.life import LAST_S, end_with
from oberih.work.service import Service, open_service

__all__ = ["gate_of"]


def gate_of(service: Service, port: int) -> Gate:
    """The service as people reach it."""
    return Gate(Key(service.secrets.derived("accounts")), service.settings, service.settings.address(port))


def main(folder: Path) -> None:
    begin_logs("web")
    listening, alive = (int(os.environ.pop(name)) for name in ("OBERIH_LISTENING", "OBERIH_ALIVE"))
    port = int(os.environ.pop("OBERIH_PORT", "0"))
    end_with(alive)
    service = open_service(folder)
    app = inner_app(service, gate_of(service, port))
    gc.collect()
    gc.freeze()  # what is here now stays, and need not be looked through again and again
    config = uvicorn.Config(
        app, access_log=False, log_config=None, server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=LAST_S, h11_max_incomplete_event_size=32 << 10,
    )  # fmt: skip
    # Given as a socket, it is closed when this process is asked to end: while it finishes what it answers,
    # another one may listen.
    uvicorn.Server(config).run([socket.socket(fileno=listening)])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
