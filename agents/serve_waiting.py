"""Waiting for something on behalf of a client that may leave, or may wonder whether anybody is there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from fastapi import Request

from groundwire.core.errors import Stopped

T = TypeVar("T")


async def answered_or_left(request: Request, events: AsyncIterator[tuple[str, Any]]) -> tuple[str, Any]:
    """The answer or error at the end of events.

    Raises:
        Stopped: the client left before.
    """

    async def last() -> tuple[str, Any]:
        event: tuple[str, Any] = ("", None)
        async for event in events:  # noqa: B007 - the last one is wanted
            pass
        return event

    return await while_there(request, last())


async def while_there(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What work gives, which is cancelled when the client leaves.

    Raises:
        Stopped: it left.
    """

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Stopped("the client left")
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def in_thread(
    request: Request, work: Callable[[threading.Event], T], limiter: anyio.CapacityLimiter | None = None
) -> T:
    """What work in a thread gives, which is told to stop when the client leaves.

    Args:
        request: of the client.
        work: is given what is set when it is to stop.
        limiter: how many may work at a time; anyio's own without it.

    Raises:
        Stopped: the client left.
    """
    stop = threading.Event()

    async def run() -> T:
        return await anyio.to_thread.run_sync(work, stop, abandon_on_cancel=True, limiter=limiter)

    try:
        return await while_there(request, run())
    finally:
        stop.set()


async def lively(
    first: tuple[str, Any], events: AsyncGenerator[tuple[str, Any]], seconds: float
) -> AsyncGenerator[tuple[str, Any]]:
    """Events, and `quiet` after each so many seconds without one."""
    yield first
    coming = asyncio.ensure_future(anext(events))
    try:
        while True:
            done, _ = await asyncio.wait([coming], timeout=seconds)
            if not done:
                yield "quiet", None
                continue
            try:
                event = coming.result()
            except StopAsyncIteration:
                return
            yield event
            coming = asyncio.ensure_future(anext(events))
    finally:
        coming.cancel()
        with suppress(asyncio.CancelledError, StopAsyncIteration, Exception):
            await coming
        await events.aclose()
