"""`oberih serve`: the processes of a service on one machine, started, watched and ended together.

    supervisor              holds the sockets, starts the others again when they die
    ├── web                 accounts, uploads, reviews; sends what is public on to
    ├── public, ...         pages and files for everybody; can open nothing else (`web.open`)
    ├── keeper              what arrived here goes into the archive, if there is no worker
    └── worker, ...         jobs

The sockets belong to the supervisor: while a process starts again, visitors wait, and are not turned away.
"""

import errno
import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from oberih.errors import Conflict, OutputError
from oberih.i18n import say
from oberih.progress import Progress
from oberih.settings import FILE, load_service
from oberih.web.life import LAST_S
from oberih.work.service import Service, open_service

__all__ = ["Supervisor", "begin", "listen", "socket_of"]

log = logging.getLogger("oberih.web")
SHORT_S = 5.0  # a process that lives no longer is started again later and later
LONGEST_S = 30.0
WORKER: Sequence[str] = ("-m", "oberih.web.working")
GRACE_S = 25.0  # for processes to end by themselves
LOOK_S = 0.2


@contextmanager
def begin(folder: Path, port: int, progress: Progress) -> Iterator[tuple[Service, socket.socket]]:
    """The service in ``folder``, which nobody else can serve meanwhile, and its listening socket.

    Nothing is made before the port is there. Where a service was before, one of its processes may still
    finish what it answers: then the port is waited for.

    Raises `Conflict` if another supervisor has it, `OutputError` if the port is taken.
    """
    known = (folder / "private").is_dir()
    with ExitStack() as kept:
        if known:
            kept.callback(os.close, alone(folder))
        host = load_service(folder / FILE).host
        wait_s = LAST_S + 2 if known else 0
        listening = kept.enter_context(listen(host, port, wait_s=wait_s, progress=progress))
        service = open_service(folder)
        if not known:
            kept.callback(os.close, alone(folder))
        yield service, listening


def listen(host: str, port: int, *, wait_s: float = 0, progress: Progress | None = None) -> socket.socket:
    """A listening socket. Raises `OutputError` if the port is still taken after ``wait_s`` seconds."""
    until, told = time.monotonic() + wait_s, False
    while True:
        try:
            return bound(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise cannot_listen(host, port, error) from error
        progress = progress or Progress()
        progress.check()
        if not told:
            told = True
            progress.note("serving", say("Port {port} is taken. It is tried for {seconds:.0f} s.",
                                         port=port, seconds=wait_s))  # fmt: skip
        time.sleep(LOOK_S)


def bound(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    made = socket.socket(found[0], socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(found[4])
        made.listen(1024)
    except OSError:
        made.close()
        raise
    return made


def cannot_listen(host: str, port: int, error: OSError) -> OutputError:
    why = error.strerror or str(error)
    return OutputError(
        say("The service cannot listen on {host}, port {port}: {why}", host=host, port=port, why=why),
        "Choose another port with --port, or end what listens there.",
    )


def socket_of(service: Service) -> Path:
    """Where the public process listens, for the web process alone."""
    return service.private / "public.socket"


def alone(folder: Path) -> int:
    """Hold the data folder until what is returned is closed. Raises `Conflict` if somebody else has it."""
    held = os.open(folder / "private" / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(held)
        raise Conflict(
            say("A service runs on {path} already.", path=folder),
            "Stop that one first, or choose another folder.",
        ) from error
    return held


def listen_inside(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    here = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:  # its whole path may be longer than a socket's name can be
        made.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)
    path.chmod(0o600)
    made.listen(1024)
    return made


@dataclass
class Child:
    """A process that is to live."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    descriptors: Sequence[int]
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    wait_s: float = 0.0

    def start(self) -> None:
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            env=dict(self.environment),
            pass_fds=tuple(self.descriptors),
            stdin=subprocess.DEVNULL,
        )

    def tend(self) -> None:
        """Start it again if it has died."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return
            log.warning("%s ended with %s, and is started again", self.name, code)
            short = time.monotonic() - self.began < SHORT_S
            self.wait_s = min(LONGEST_S, max(1.0, 2 * self.wait_s)) if short else 0.0
            self.process, self.began = None, time.monotonic()
        if time.monotonic() - self.began >= self.wait_s:
            self.start()


@dataclass
class Supervisor:
    """The processes of one service."""

    service: Service
    listening: socket.socket
    children: list[Child] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until the process is asked to end (SIGTERM, SIGINT), or `stopping` is set."""
        with ExitStack() as kept:
            inside = kept.enter_context(listen_inside(socket_of(self.service)))
            ours, theirs = os.pipe()
            os.set_inheritable(ours, True)
            kept.callback(os.close, theirs)
            self.children = self.plan(inside.fileno(), ours)
            for child in self.children:
                child.start()
            with suppress(ValueError):  # in a thread of a test
                for one in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(one, lambda *_: self.stopping.set())
            while not self.stopping.wait(0.2):
                for child in self.children:
                    child.tend()
            self.end()

    def plan(self, inside: int, alive: int) -> list[Child]:
        data, settings = str(self.service.folder.absolute()), self.service.settings
        python = [sys.executable, "-m"]
        life = {"OBERIH_ALIVE": str(alive)}
        port = str(self.listening.getsockname()[1])
        web = {**os.environ, **life, "OBERIH_LISTENING": str(self.listening.fileno()), "OBERIH_PORT": port}
        open_to_all = [*python, "oberih.web.open", str(self.service.public.absolute())]
        told = {
            **public_environment(self.service, settings.address(int(port))), **life,
            "OBERIH_LISTENING": str(inside),
        }  # fmt: skip
        children = [Child("web", [*python, "oberih.web.inside", data], web, [self.listening.fileno(), alive])]
        children += [  # they share a socket: whoever is free answers
            Child(f"public {n}", open_to_all, told, [inside, alive])
            for n in range(1, settings.public_processes + 1)
        ]
        work = [sys.executable, *WORKER, data]
        if not settings.workers:  # others take the jobs, but only this machine has what arrives here
            children.append(Child("keeper", [*work, "ingest"], {**os.environ, **life}, [alive]))
        children += [
            Child(f"worker {n}", work, {**os.environ, **life}, [alive])
            for n in range(1, settings.workers + 1)
        ]
        return children

    def end(self) -> None:
        """Ask all to end, and see to it that they do."""
        alive = [child.process for child in self.children if child.process is not None]
        for process in alive:
            process.terminate()
        until = time.monotonic() + GRACE_S
        for process in alive:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def public_environment(service: Service, address: str) -> dict[str, str]:
    """All that the public process is told. It has no key of ours, and no address of what is not public but
    ``address``, under which people reach the service.
    """
    given = service.settings
    pair = (given.public_files_access_key, given.public_files_secret_key)
    keys = [key.get_secret_value() if key else "" for key in pair]
    return {
        "OBERIH_ADDRESS": address,
        "OBERIH_PUBLISHER": service.publisher,
        "OBERIH_CONTACT": given.contact,
        "OBERIH_LANGUAGES": ",".join(given.languages),
        "OBERIH_RECORDS": given.public_database_url,
        "OBERIH_FILES": given.files_url,
        "OBERIH_KEYS": ":".join(keys) if any(keys) else "",
        "PATH": os.environ.get("PATH", ""),
        "LANG": "C.UTF-8",
        **({"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}),
    }
