"""Where other systems post that a record has changed (`core/webhooks`): the same addresses as at a worker.

Who sends proves it by a signature or by the secret in the address; there is no bearer token.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from groundwire.core.config import Config
from groundwire.core.webhooks import Receiver, Refused

router = APIRouter(include_in_schema=False)


@contextmanager
def receiving(config: Config) -> Iterator[Receiver | None]:
    """Who receives events while the server runs, and brings them into the copies; None where no source sends any."""
    wanted = any(s.webhook is not None for s in config.sources.values())
    if not wanted or not any(e.replica for s in config.sources.values() for e in s.entities.values()):
        yield None
        return
    from groundwire.core.worker import Runtime

    own = Runtime(config)
    receiver = Receiver(own, own.control)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()
        own.close()


@router.post("/events/{source}")
@router.post("/events/{source}/{secret}")
async def receive(source: str, request: Request, secret: str = "") -> Response:
    """Take an event, once it is sure not to be lost."""
    receiver: Receiver | None = request.app.state.receiver
    if receiver is None:
        raise HTTPException(404, "no events are received here")
    body, headers = await request.body(), {name.lower(): value for name, value in request.headers.items()}
    try:
        answer = await anyio.to_thread.run_sync(receiver.receive, source, secret, headers, body)
    except Refused as error:
        raise HTTPException(error.status, str(error)) from None
    return Response(answer, media_type="text/xml" if answer.startswith(b"<") else "application/json")
