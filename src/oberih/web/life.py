"""Processes that belong together end together."""

import os
import signal
import threading

__all__ = ["end_with"]


def end_with(descriptor: int) -> None:
    """End this process, as if it were asked to, when the other end of a pipe is closed: whoever started it is
    gone, however it went.
    """

    def wait() -> None:
        while os.read(descriptor, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="life", daemon=True).start()
