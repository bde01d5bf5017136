"""Choices put to MCP clients by elicitation, in both ways that the protocol has had.

Clients of 2025 are asked while their call waits. For clients of 2026 the call ends with what is to be asked, and comes
again with the answer, with the choices that were made already, and with the name of the conversation in which it was
asked. Where that is still known (`remembered`), the call goes on from there; else it is done anew. Choices are taken
only if they are among what is offered.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from concurrent.futures import TimeoutError as NotYet
from typing import Any

import mcp.types as protocol
from mcp import MCPError
from mcp.server import ServerRequestContext

from groundwire.agents.choosing import MOST
from groundwire.core.errors import Stopped

FIRST_STATELESS = "2026-07-28"
"""The version of the protocol from which on a server asks nothing of its own."""
_KEY = "choice"
_LOOK = 0.1


class Needed(Exception):
    """A choice has to be made before the call can end; `result` asks for it."""

    def __init__(self, result: protocol.InputRequiredResult) -> None:
        super().__init__("a choice is needed")
        self.result = result


class Chooser:
    """Puts choices to the client of one call; called in a thread.

    Args:
        ctx: of the call.
        params: of the call, with what was chosen before.
        loop: in which the client is spoken to.
        stop: set when nobody waits any more.
    """

    def __init__(
        self,
        ctx: ServerRequestContext[Any, Any],
        params: protocol.CallToolRequestParams,
        loop: asyncio.AbstractEventLoop,
        stop: threading.Event,
    ) -> None:
        self._session, self._request, self._loop, self._stop = ctx.session, ctx.request_id, loop, stop
        self._is_stateless = ctx.protocol_version >= FIRST_STATELESS
        self._made, self.asked_in = _made(params) if self._is_stateless else ([], "")
        self._asked = 0

    @property
    def possible(self) -> bool:
        """Whether the client can put a form to somebody."""
        told = self._session.client_capabilities
        can = told.elicitation if told is not None else None
        return can is not None and (can.form is not None or can.url is None)

    def __call__(self, question: str, options: Sequence[str]) -> str | None:
        """What is chosen; None where nothing is.

        Raises:
            Needed: the client must be asked, and call again.
            Stopped: nobody waits any more.
        """
        if not self.possible or self._asked >= MOST:
            return None
        form = protocol.ElicitRequestFormParams(message=question, requested_schema=_schema(options))
        if not self._is_stateless:
            return _chosen(self._ask(form), options)
        if self._asked < len(self._made):
            made = self._made[self._asked]
            self._asked += 1
            return made if made in options else None
        request = protocol.ElicitRequest(params=form)
        state = json.dumps({"made": self._made, "asked_in": self.asked_in})
        raise Needed(protocol.InputRequiredResult(input_requests={_KEY: request}, request_state=state))

    def again(self, question: str, options: Sequence[str]) -> str | None:
        """What was chosen last, in answer to the question back that the call before ended with."""
        self._asked = max(len(self._made) - 1, 0)
        return self(question, options)

    def _ask(self, form: protocol.ElicitRequestFormParams) -> protocol.ElicitResult | None:
        """Ask while the call waits."""
        asked = self._session.elicit_form(form.message, form.requested_schema, self._request)
        future = asyncio.run_coroutine_threadsafe(asked, self._loop)
        while True:
            try:
                return future.result(timeout=_LOOK)
            except NotYet:
                if self._stop.is_set():
                    future.cancel()
                    raise Stopped("stopped") from None
            except MCPError:
                return None


def _schema(options: Sequence[str]) -> dict[str, Any]:
    choice = {"type": "string", "title": "Which one?", "enum": list(options)}
    return {"type": "object", "properties": {_KEY: choice}, "required": [_KEY]}


def _chosen(result: protocol.ElicitResult | None, options: Sequence[str]) -> str | None:
    if result is None or result.action != "accept":
        return None
    picked = (result.content or {}).get(_KEY)
    return picked if isinstance(picked, str) and picked in options else None


def _made(params: protocol.CallToolRequestParams) -> tuple[list[str | None], str]:
    """What was chosen in the calls before and in answer to the last of them; in which conversation that was asked."""
    try:
        found = json.loads(params.request_state or "{}")
    except ValueError:
        found = {}
    told = found if isinstance(found, dict) else {}
    before, asked_in = told.get("made"), told.get("asked_in")
    made: list[str | None] = [c if isinstance(c, str) else None for c in before] if isinstance(before, list) else []
    answer = (params.input_responses or {}).get(_KEY)
    if isinstance(answer, protocol.ElicitResult):
        picked = (answer.content or {}).get(_KEY) if answer.action == "accept" else None
        made.append(picked if isinstance(picked, str) else None)
    return made, asked_in if isinstance(asked_in, str) else ""
