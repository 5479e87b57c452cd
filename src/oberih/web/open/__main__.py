"""The public process: it shuts itself in for good, and only then learns what it serves.

It is started by `oberih.web.serving` with a socket that listens already, and with nothing in its environment
but what is listed in `GIVEN`.
"""

import gc
import logging
import os
import sys
from pathlib import Path

from oberih.trust.sandbox import only_files

log = logging.getLogger("oberih.web")
GIVEN = (
    "OBERIH_LISTENING",
    "OBERIH_ALIVE",
    "OBERIH_ADDRESS",
    "OBERIH_PUBLISHER",
    "OBERIH_CONTACT",
    "OBERIH_LANGUAGES",
    "OBERIH_RECORDS",
    "OBERIH_FILES",
    "OBERIH_KEYS",
)


def main(folder: Path) -> None:
    given = {name: os.environ.pop(name, "") for name in GIVEN}
    os.environ.clear()
    listening, alive = int(given["OBERIH_LISTENING"]), int(given["OBERIH_ALIVE"])
    static = Path(__file__).parents[1]
    outside = [port for url in (given["OBERIH_RECORDS"], given["OBERIH_FILES"]) if (port := port_of(url))]
    sandboxed = only_files([folder, static], connect=outside, keep_open=[listening, alive])

    import uvicorn  # not before: it starts nothing, but what it imports may

    from oberih.archive.stores import open_store
    from oberih.catalogue.public import open_projection, refuse_more
    from oberih.errors import OberihError
    from oberih.logs import begin_logs
    from oberih.web.life import end_with
    from oberih.web.open.app import public_app
    from oberih.web.pages import Pages

    begin_logs("public")
    end_with(alive)
    access, _, secret = given["OBERIH_KEYS"].partition(":")
    files = open_store(
        given["OBERIH_FILES"] or folder / "files", access_key=access or None, secret_key=secret or None
    )
    projection = open_projection(given["OBERIH_RECORDS"] or f"sqlite:///{folder}/public.sqlite")
    try:
        refuse_more(projection)
    except OberihError as error:
        log.error("%s %s", error.message, error.advice)
        sys.exit(error.exit_code)
    pages = Pages(given["OBERIH_LANGUAGES"].split(","), address=given["OBERIH_ADDRESS"])
    named = {"publisher": given["OBERIH_PUBLISHER"], "contact": given["OBERIH_CONTACT"]}
    app = public_app(projection, files, pages, **named)
    app.state.sandboxed = sandboxed
    gc.collect()
    gc.freeze()  # what is here now stays: to look through it again and again took an eighth of each page
    config = uvicorn.Config(
        app, fd=listening, access_log=False, log_config=None, server_header=False, proxy_headers=False
    )
    uvicorn.Server(config).run()


def port_of(url: str) -> int | None:
    """The port that has to be reached for a database or an object store."""
    from urllib.parse import parse_qs, urlsplit

    if "://" not in url or url.startswith("sqlite"):
        return None
    parts = urlsplit(url)
    if parts.scheme == "s3":
        endpoint = urlsplit(parse_qs(parts.query).get("endpoint", ["https://s3"])[0])
        return endpoint.port or (80 if endpoint.scheme == "http" else 443)
    return parts.port or 5432


if __name__ == "__main__":
    main(Path(sys.argv[1]))
