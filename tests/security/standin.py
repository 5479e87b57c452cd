"""A stand-in for the public process."""

import socket
import threading
from contextlib import closing, suppress
from pathlib import Path

from oberih.web.serving import listen_inside

__all__ = ["Public"]

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nSet-Cookie: __Host-session=evil\r\n"
    b"Set-Cookie: language=uk\r\nX-Own: 1\r\nConnection: keep-alive\r\n\r\nok"
)


class Public:
    """It answers everything alike, and writes down what comes to it, byte for byte."""

    def __init__(self, path: Path) -> None:
        self.came: list[bytes] = []
        self.listening = listen_inside(path)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        with suppress(OSError):  # it is closed at the end
            while True:
                line, _ = self.listening.accept()
                threading.Thread(target=self.answer, args=(line,), daemon=True).start()

    def answer(self, line: socket.socket) -> None:
        with closing(line):
            kept = b""
            while piece := line.recv(65536):
                kept += piece
                while b"\r\n\r\n" in kept:
                    head, _, kept = kept.partition(b"\r\n\r\n")
                    self.came.append(head)
                    line.sendall(ANSWER)

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join(10)
