"""Answers to `/query` that need no work, because the very same was asked before: given ahead of the rest of the app.

Most askers of a dashboard ask what others have just asked. What is known of such a result (`Hub.remembered`) is then
given without a thread, a database or a router. Everything else, and every request with a fault in it, goes on to the
app, which is also what describes the address (`agents/serve_data`).
"""

from __future__ import annotations

import time

from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from groundwire.agents import serve_formats as formats
from groundwire.agents.serve_asker import Door
from groundwire.agents.serve_data import Queried
from groundwire.agents.serve_tally import Tally
from groundwire.core.errors import GroundwireError


class Again:
    """Middleware: answers what is known, and leaves the rest.

    Args:
        app: answers the rest.
        door: lets in who may ask.
        tally: counts what is given.
        rows: of a result at most.
    """

    def __init__(self, app: ASGIApp, *, door: Door, tally: Tally, rows: int) -> None:
        self._app, self._door, self._tally, self._rows = app, door, tally, rows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/query" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        whole = await receive()  # the guard has waited for all of it
        known = self._known(scope, whole.get("body", b""))
        if known is None:
            await self._app(scope, _again(whole, receive), send)
            return
        body, headers = known
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        raw += [(b"content-type", formats.JSON.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    def _known(self, scope: Scope, body: bytes) -> tuple[bytes, dict[str, str]] | None:
        """An answer's body and headers; None for the app to answer."""
        began = time.monotonic()
        headers = Headers(scope=scope)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scheme.lower() != "bearer" or kind != formats.JSON:
            return None
        try:
            if formats.wanted(headers.get("accept", "")) != formats.JSON:
                return None
            asked = Queried.model_validate_json(body)
            asker = self._door.let_in(token)
            scope.setdefault("state", {})["asker"] = asker
            limit = min(asked.limit, self._rows)
            result = asker.hub.remembered(asked.sql, max_age=asked.max_age, limit=limit, on_error=asked.on_error)
        except (ValidationError, GroundwireError):
            return None  # the app says what is wrong
        if result is None:
            return None
        self._tally.queried(asker.name, asked.sql, time.monotonic() - began, result)
        return formats.json_of(result), formats.headers_of(result)


def _again(message: Message, receive: Receive) -> Receive:
    """The request as it was before its body was looked at."""
    messages = [message]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed
