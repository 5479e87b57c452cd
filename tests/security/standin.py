"""A stand-in for the public process."""

import socket
import threading
from contextlib import closing, suppress
from pathlib import Path

from oberih.web.serving import listen_inside

__all__ = ["Public"]

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nContent-Encoding: br\r\n"
    b"Set-Cookie: __Host-session=evil\r\nSet-Cookie: language=uk\r\nX-Own: 1\r\n"
    b"Connection: keep-alive\r\n\r\nok"
)


class Public:
    """It answers everything alike, and writes down what comes to it, byte for byte."""

    def __init__(self, path: Path) -> None:
        self.came: list[bytes] = []
        self.says: bytes | None = None  # instead of `ANSWER`; then it hangs up
        self.lines: list[socket.socket] = []
        self.listening = listen_inside(path)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        with suppress(OSError):  # it is closed at the end
            while True:
                line, _ = self.listening.accept()
                self.lines.append(line)
                threading.Thread(target=self.answer, args=(line,), daemon=True).start()

    def answer(self, line: socket.socket) -> None:
        with closing(line), suppress(ConnectionError):  # whoever asked may be gone
            kept = b""
            while piece := line.recv(65536):
                kept += piece
                while b"\r\n\r\n" in kept:
                    head, _, kept = kept.partition(b"\r\n\r\n")
                    self.came.append(head)
                    line.sendall(self.says or ANSWER)
                    if self.says:
                        return

    def hang_up(self) -> None:
        """Close all lines that are open."""
        while self.lines:
            with suppress(OSError):  # it was closed already
                self.lines.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join(10)
