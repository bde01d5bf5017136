"""One connection to an MCP server, for threads: the official client in an event loop of its own.

It is made at the first call, kept, and made anew after it broke. What goes wrong becomes an error of ours; nothing is
tried again here.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import CancelledError
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import anyio
import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from groundwire.connectors.http_wire import ERRORS
from groundwire.core.connector import Stop
from groundwire.core.errors import Rejected, SourceError, Stopped, Unavailable

_OF_THE_PROTOCOL = 400, 404
"""Statuses by which servers tell of other versions and of ended sessions, which is for the SDK to know."""
START_SECONDS = 60.0
"""What a program may take to start and to answer for the first time, at least."""
_LONGEST_MESSAGE = 300
_TIMED_OUT = 408, -32001
"""Codes of the SDK for a request that was not answered in time."""

_T = TypeVar("_T")


class Session:
    """A connection that is made when it is needed. Safe to use from several threads.

    Args:
        source: configured name, for errors.
        server: the program to start, or the address.
        token: sent as a bearer token over HTTP.
        secrets: texts that no error shows.
        timeout: seconds that connecting, or one request, may take.
    """

    def __init__(
        self,
        source: str,
        server: StdioServerParameters | str,
        *,
        token: str | None,
        secrets: Iterable[str],
        timeout: float,
    ) -> None:
        self.source, self.server, self.timeout = source, server, timeout
        self._token = token
        self._secrets = sorted({s for s in (*secrets, token or "") if len(s) > 3}, key=len, reverse=True)
        self._status: int | None = None
        self._lock = threading.Lock()
        self._open: tuple[BlockingPortal, Client, ExitStack] | None = None

    def ask(
        self, request: Callable[[Client], Awaitable[_T]], *, seconds: float | None = None, stop: Stop | None = None
    ) -> _T:
        """What the server answers.

        Args:
            request: made with the connected client.
            seconds: that it may take; the session's timeout without it.
            stop: ends it when set; the server is told.

        Raises:
            SourceError: it can't be reached, does not answer in time, or refuses.
            Stopped: `stop` was set.
        """
        stop, self._status = stop or Stop(), None
        portal, client = self._connected()

        async def bounded() -> _T:
            with anyio.fail_after(self.timeout if seconds is None else seconds):
                return await request(client)

        future = portal.start_task_soon(bounded)
        try:
            with stop.calls(future.cancel):
                return future.result()
        except CancelledError:
            if stop.is_set():
                raise Stopped("stopped") from None
            self.close()
            raise Unavailable("the connection ended", source=self.source) from None
        except Stopped:
            future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever its transports raise
            if not isinstance(error, MCPError | TimeoutError) or _is_end(error):
                self.close()
            raise self._error(error) from None

    def _connected(self) -> tuple[BlockingPortal, Client]:
        with self._lock:
            if self._open is None:
                stack = ExitStack()
                try:
                    portal = stack.enter_context(start_blocking_portal())
                    client = stack.enter_context(portal.wrap_async_context_manager(self._client()))
                except BaseException as error:
                    with contextlib.suppress(Exception):
                        stack.close()
                    if isinstance(error, Exception):
                        raise self._error(error) from None
                    raise
                self._open = portal, client, stack
            return self._open[:2]

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Client]:
        if isinstance(self.server, str):
            headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
            async with httpx2.AsyncClient(
                headers=headers,
                trust_env=False,
                timeout=httpx2.Timeout(self.timeout, read=None),
                event_hooks={"response": [self._note]},
            ) as http:
                with anyio.fail_after(self.timeout) as limit:
                    async with Client(streamable_http_client(self.server, http_client=http)) as client:
                        limit.deadline = float("inf")
                        yield client
            return
        with Path(os.devnull).open("w") as nowhere, anyio.fail_after(max(START_SECONDS, self.timeout)) as limit:
            async with Client(stdio_client(self.server, errlog=nowhere)) as client:
                limit.deadline = float("inf")
                yield client

    async def _note(self, response: httpx2.Response) -> None:
        """The SDK keeps to itself with which status a request was refused."""
        self._status = response.status_code

    def close(self) -> None:
        """Let go of the connection, and end the program. May be called twice."""
        with self._lock:
            known, self._open = self._open, None
        if known is not None:
            with contextlib.suppress(Exception):
                known[2].close()

    def _error(self, error: BaseException) -> SourceError:
        """What went wrong, in our words."""
        if isinstance(error, BaseExceptionGroup):
            return self._error(error.exceptions[0])
        if isinstance(error, SourceError):
            return error
        if isinstance(error, TimeoutError) or (isinstance(error, MCPError) and error.error.code in _TIMED_OUT):
            return Unavailable("did not answer in time", source=self.source)
        status = self._status
        if isinstance(error, httpx2.HTTPStatusError):
            status = error.response.status_code
        if status is not None and (status in ERRORS or status >= 500) and status not in _OF_THE_PROTOCOL:
            return (ERRORS.get(status) or Unavailable)(f"HTTP {status}", source=self.source)
        if isinstance(error, MCPError) and not _is_end(error):
            return Rejected(self.shown(error.error.message), source=self.source)
        if isinstance(error, FileNotFoundError | PermissionError):
            return Rejected(f"the program can't be started: {error.strerror}", source=self.source)
        return Unavailable(f"can't be reached ({type(error).__name__})", source=self.source)

    def shown(self, text: str) -> str:
        """A server's words, shortened and without secrets."""
        text = " ".join(text.split())
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text[:_LONGEST_MESSAGE]


def _is_end(error: BaseException) -> bool:
    """Whether this says that the connection has ended."""
    return isinstance(error, MCPError) and error.error.code == -32000
