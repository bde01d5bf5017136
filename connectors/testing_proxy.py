"""A loopback HTTP proxy in front of a real server, which makes go wrong what it is told to."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass(frozen=True)
class Request:
    """What a client asked: `path` decoded, with its query."""

    path: str
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to one request.

    Attributes:
        before: called before anything else, such as what makes the server forget a session.
        status: answered in the server's place, with `headers` and `body`.
        change: what becomes of the server's own body.
        hang: seconds until the answer.
        trickle: seconds between the bytes of the answer.
        cut: bytes of the body after which the connection breaks.
    """

    before: Callable[[], object] | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    change: Callable[[bytes], bytes] | None = None
    hang: float = 0.0
    trickle: float = 0.0
    cut: int | None = None


class FaultyProxy:
    """A server in this process, as a context manager; `requests` is what was asked so far.

    Args:
        upstream: `http://127.0.0.1:port` of the real server. Its address in an answer becomes the proxy's.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = urllib.parse.urlsplit(upstream).netloc
        self.requests: list[Request] = []
        self.rule: Callable[[Request], Fault | None] = lambda _: None
        self.ended = threading.Event()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def fail(self, which: Callable[[Request], bool], fault: Fault, *, times: int = 1) -> None:
        """The first so many requests of this kind meet the fault."""
        left = [times]

        def rule(request: Request) -> Fault | None:
            if left[0] and which(request):
                left[0] -= 1
                return fault
            return None

        self.rule = rule


class _Handler(BaseHTTPRequestHandler):
    owner: FaultyProxy
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        return

    def do_GET(self) -> None:
        self._relay()

    def do_POST(self) -> None:
        self._relay()

    def do_PATCH(self) -> None:
        self._relay()

    def _relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.owner.ended.is_set():  # a connection that was kept open ends with the server
            self.close_connection = True
            return
        request = Request(urllib.parse.unquote(self.path), body)
        self.owner.requests.append(request)
        fault = self.owner.rule(request) or Fault()
        if fault.before is not None:
            fault.before()
        self.owner.ended.wait(fault.hang)
        status, headers, content = fault.status, dict(fault.headers), fault.body
        if status is None:
            status, headers, content = self._ask(body)
            if fault.change is not None:
                packed = headers.pop("Content-Encoding", "") == "gzip"
                content = fault.change(gzip.decompress(content) if packed else content)
        with contextlib.suppress(OSError):  # a client that has gone
            self._answer(status, headers, content, fault)

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.owner.upstream, timeout=60)
        with contextlib.closing(connection):
            sent = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            connection.request(self.command, self.path, body, sent)
            answer = connection.getresponse()
            kept = (
                "content-type",
                "content-encoding",
                "location",
                "retry-after",
                "sforce-locator",
                "sforce-numberofrecords",
            )
            headers = {k: v for k, v in answer.getheaders() if k.lower() in kept}
            mine = urllib.parse.urlsplit(self.owner.url).netloc
            return answer.status, headers, answer.read().replace(self.owner.upstream.encode(), mine.encode())

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes, fault: Fault) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if fault.trickle:
            self.wfile.flush()
            for byte in content:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(fault.trickle)
        self.wfile.write(content[: fault.cut] if not fault.trickle else b"")
        self.wfile.flush()
        if fault.cut is not None:
            self.close_connection = True
