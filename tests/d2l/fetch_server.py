"""An HTTP server on loopback that misbehaves on request.

Each path has one behaviour: a function that answers a request. ``hits``
counts the requests per path, so that a test can say what was not asked.
"""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Behaviour = Callable[["Handler"], None]


class Server(ThreadingHTTPServer):
    """Serves behaviours; forgets nothing about who asked for what."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviours: dict[str, Behaviour] = {}
        self.hits: Counter[str] = Counter()
        self.closing = threading.Event()

    def serve(self, path: str, behaviour: Behaviour) -> str:
        """Give a path a behaviour; return its address."""
        self.behaviours[path] = behaviour
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a client hangs up: some tests are about that."""


class Handler(BaseHTTPRequestHandler):
    """Answers a request as the behaviour of its path says."""

    server: Server

    def do_GET(self) -> None:
        path = self.path.lstrip("/")
        self.server.hits[path] += 1
        self.server.behaviours.get(path, page(404))(self)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def begin(self, status: int, length: int | None) -> None:
        """Send the head of an answer."""
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()


def body(content: bytes) -> Behaviour:
    """Serve the content."""

    def answer(handler: Handler) -> None:
        handler.begin(200, len(content))
        handler.wfile.write(content)

    return answer


def page(status: int) -> Behaviour:
    """Serve an error page with this status, even 200."""
    content = b"<html><body>No such file here.</body></html>"

    def answer(handler: Handler) -> None:
        handler.begin(status, len(content))
        handler.wfile.write(content)

    return answer


def truncated(content: bytes, *, declared: int | None) -> Behaviour:
    """Serve the content, having announced another length or none."""

    def answer(handler: Handler) -> None:
        handler.begin(200, declared)
        handler.wfile.write(content)
        handler.close_connection = True

    return answer


def stalling(content: bytes, *, declared: int) -> Behaviour:
    """Serve the content, then neither more bytes nor an end."""

    def answer(handler: Handler) -> None:
        if content:
            handler.begin(200, declared)
            handler.wfile.write(content)
        handler.server.closing.wait(60)

    return answer


def paced(content: bytes, *, step: int, pause: float) -> Behaviour:
    """Serve the content in steps of so many bytes, with pauses."""

    def answer(handler: Handler) -> None:
        handler.begin(200, len(content))
        with suppress(OSError):
            for start in range(0, len(content), step):
                handler.wfile.write(content[start : start + step])
                time.sleep(pause)

    return answer


def refused_url() -> str:
    """Return an address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/file"


@contextmanager
def running() -> Iterator[Server]:
    """Run a server for the length of a test."""
    with Server() as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
