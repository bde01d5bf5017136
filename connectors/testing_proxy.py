"""A loopback HTTP proxy in front of a real server, which makes go wrong what it is told to.

Whatever it is not told to change passes as it is: methods, paths, bodies, and headers both ways but for those that are
between neighbours (RFC 9110, section 7.6.1). The server's own address becomes the proxy's in every answer, so that
links and redirects stay behind it. It speaks HTTP without TLS.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

_BETWEEN_NEIGHBOURS = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
"""Headers that are said anew on each side of a proxy."""

Headers = list[tuple[str, str]]
"""Names and values in their order: a name may come twice, as `Set-Cookie` does."""


@dataclass(frozen=True)
class Request:
    """What a client asked: `path` decoded, with its query."""

    path: str
    body: bytes
    method: str = "GET"


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
        upstream: address of the real server, with the path below which it is asked if it has one.

    Raises:
        ValueError: that is no address that starts with `http://`.
    """

    def __init__(self, upstream: str) -> None:
        parts = urllib.parse.urlsplit(upstream)
        if parts.scheme != "http" or not parts.netloc:
            raise ValueError(f"{upstream!r}: write the server's address as http://127.0.0.1:port/path, without TLS")
        self.upstream = parts.netloc
        self.path = parts.path.rstrip("/")
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
        """Where a connector asks in place of the server's own address; the path is the same."""
        return f"http://{self.address}{self.path}"

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

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

    def _relay(self) -> None:
        body = self._body()
        if self.owner.ended.is_set():  # a connection that was kept open ends with the server
            self.close_connection = True
            return
        request = Request(urllib.parse.unquote(self.path), body, self.command)
        self.owner.requests.append(request)
        fault = self.owner.rule(request) or Fault()
        if fault.before is not None:
            fault.before()
        self.owner.ended.wait(fault.hang)
        status, headers, content = fault.status, list(fault.headers.items()), fault.body
        if status is None:
            status, headers, content = self._ask(body, fault.change)
        with contextlib.suppress(OSError):  # a client that has gone
            self._answer(status, headers, content, fault)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _relay

    def _body(self) -> bytes:
        """The request's body, whose length is told, or which comes in chunks (RFC 9112, section 7.1)."""
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass
        return b"".join(parts)

    def _ask(self, body: bytes, change: Callable[[bytes], bytes] | None) -> tuple[int, Headers, bytes]:
        """What the server says to this request; its body, where it has one, as `change` makes it."""
        connection = http.client.HTTPConnection(self.owner.upstream, timeout=60)
        with contextlib.closing(connection):
            sent = {k: v for k, v in _passed(self.headers.items()) if k.lower() not in ("host", "content-length")}
            connection.request(self.command, self.path, body or None, sent)
            answer = connection.getresponse()
            headers = [(k, self._mine(v.encode("latin-1")).decode("latin-1")) for k, v in _passed(answer.getheaders())]
            content = answer.read()
        if self.command == "HEAD":
            return answer.status, headers, b""
        packed = answer.getheader("Content-Encoding", "") == "gzip"
        plain = gzip.decompress(content) if packed else content
        mine = self._mine(plain)
        changed = mine if change is None else change(mine)
        if changed != plain:
            content = gzip.compress(changed) if packed else changed
        return answer.status, [(k, v) for k, v in headers if k.lower() != "content-length"], content

    def _mine(self, content: bytes) -> bytes:
        return content.replace(self.owner.upstream.encode(), self.owner.address.encode())

    def _answer(self, status: int, headers: Headers, content: bytes, fault: Fault) -> None:
        self.send_response_only(status)
        names = {name.lower() for name, _ in headers}
        if "date" not in names:
            self.send_header("Date", self.date_time_string())
        for name, value in headers:
            self.send_header(name, value)
        bodiless = self.command == "HEAD" or status in (204, 304)  # RFC 9110, section 6.4.1
        if not bodiless:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if fault.trickle and not bodiless:
            self.wfile.flush()
            for byte in content:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(fault.trickle)
        self.wfile.write(b"" if bodiless or fault.trickle else content[: fault.cut])
        self.wfile.flush()
        if fault.cut is not None:
            self.close_connection = True


def _passed(headers: Iterable[tuple[str, str]]) -> Headers:
    """Those that a proxy passes on."""
    return [(name, value) for name, value in headers if name.lower() not in _BETWEEN_NEIGHBOURS]
