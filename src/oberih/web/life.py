"""Processes that belong together end together."""

import os
import signal
import threading

__all__ = ["LAST_S", "end_with"]

LAST_S = 10  # for a web process that is to end, to finish what it answers


def end_with(descriptor: int) -> None:
    """End this process, as if it were asked to, when the other end of a pipe is closed: whoever started it is
    gone, however it went.
    """

    def wait() -> None:
        while os.read(descriptor, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="life", daemon=True).start()
