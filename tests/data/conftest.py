"""A server on this machine that publishes data files, and can misbehave."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator

import pytest


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`; writes down what was asked for; breaks off where it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.break_off_after: dict[str, int] = {}
        self.break_off_always: int | None = None
        self.knows_ranges = True
        self.pause = 0.0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        if self.path not in self.server.files:
            self.send_error(404)
            return
        content = self.server.files[self.path]
        if self.server.pause:
            time.sleep(self.server.pause)
        begin = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.knows_ranges else 0
        if begin and begin >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        rest = content[begin:]
        limit = self.server.break_off_always
        self.wfile.write(rest[: self.server.break_off_after.pop(self.path, len(rest) if limit is None else limit)])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
