"""What every request has to pass before anything reads it, and what every answer carries.

The Host header must name this server, so that no page of another site can reach it through a name that it made point
here (DNS rebinding). Nothing allows another origin to read answers (CORS). Bodies have a largest size. Who asks is
decided later, by `agents/serve_asker`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from groundwire.agents.bearer import LOOPBACK

_NOTHING = "default-src 'none'; frame-ancestors 'none'"
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ]
)
"""Of the pages: scripts and styles from files of this server alone, nothing inline, requests to nobody else."""

_EVERYWHERE = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
_OF_DATA = [(n.encode(), v.encode()) for n, v in {**_EVERYWHERE, "content-security-policy": _NOTHING}.items()]
_OF_PAGES = [
    (name.encode(), value.encode())
    for name, value in {
        **_EVERYWHERE,
        "content-security-policy": POLICY,
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "referrer-policy": "no-referrer",
        "x-frame-options": "DENY",
    }.items()
]


_DATA = (b"application/json", b"text/event-stream", b"text/csv", b"application/vnd.apache")
"""Beginnings of types that browsers don't show as pages."""

SECONDS = 20.0
"""How long a request may take to arrive."""


class Guard:
    """Middleware: checks requests, and adds headers to answers.

    Args:
        app: what is guarded.
        hosts: names and addresses, without ports, by which this server is reached.
        body: bytes of a request at most.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], body: int) -> None:
        self._app = app
        self._hosts = frozenset(h.lower() for h in hosts)
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", [])
                names = {name for name, _ in given}
                data = any(name == b"content-type" and value.startswith(_DATA) for name, value in given)
                more = [item for item in (_OF_DATA if data else _OF_PAGES) if item[0] not in names]
                message = {**message, "headers": [*given, *more]}
            await send(message)

        headers = Headers(scope=scope)
        if host_of(headers.get("host", "")) not in self._hosts:
            why = "this server is not known by that name; names are set by serve.hosts"
            await refuse(guarded, 421, why, "invalid_request_error", "unknown_host")
            return
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._body:
            await self._too_large(guarded)
            return
        try:
            async with asyncio.timeout(SECONDS):
                body = await self._read(receive)
        except TimeoutError:
            why = f"a request has to arrive within {SECONDS:.0f} seconds"
            await refuse(guarded, 408, why, "invalid_request_error", "too_slow")
            return
        if body is None:
            await self._too_large(guarded)
            return
        read = False

        async def replayed() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replayed, guarded)

    async def _read(self, receive: Receive) -> bytes | None:
        """The whole body; None if it is too large."""
        parts, size = [], 0
        while True:
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._body:
                return None
            if not message.get("more_body", False):
                return b"".join(parts)

    async def _too_large(self, send: Send) -> None:
        why = f"a request has at most {self._body:,} bytes"
        await refuse(send, 413, why, "invalid_request_error", "too_large")


def known_hosts(host: str, more: Collection[str]) -> set[str]:
    """Names by which a server is reached that listens at this host, and by others that its operator names."""
    return {*LOOPBACK, host, *more}


def host_of(header: str) -> str:
    """The host in a Host header, without its port and brackets, in lower case."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


async def refuse(send: Send, status: int, message: str, kind: str, code: str) -> None:
    """Answer with an error, in the form of all errors."""
    body = json.dumps(error_body(message, kind, code)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def error_body(message: str, kind: str, code: str) -> dict[str, Any]:
    """An error as OpenAI's clients read it, which is how all of ours are written.

    Args:
        message: a sentence.
        kind: one of OpenAI's types.
        code: ours, for programs.
    """
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
