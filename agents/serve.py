"""The hub over HTTP: an app that puts together what the siblings `serve_*` hold, and the server that runs it.

A request passes the guard (`serve_guard`), says who asks (`serve_asker`), and is answered at once where the answer is
known (`serve_again`), else by a router: the chat model
(`serve_chat`), data (`serve_data`), the pages (`serve_page`) and what they show to operators (`serve_operator`).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from types import FrameType
from typing import Annotated

import anyio.to_thread
import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from rich.text import Text
from starlette.exceptions import HTTPException

from groundwire.agents import bearer, serve_chat, serve_data, serve_errors, serve_events, serve_operator, serve_page
from groundwire.agents.bearer import Bearers, Tokens
from groundwire.agents.mcp_tools import Model
from groundwire.agents.remembered import Remembered
from groundwire.agents.serve_again import Again
from groundwire.agents.serve_asker import Door
from groundwire.agents.serve_guard import Guard, error_body, known_hosts
from groundwire.agents.serve_questions import AT_ONCE_ELSEWHERE, Questions
from groundwire.agents.serve_tally import Tally
from groundwire.core.config import Config
from groundwire.core.errors import GroundwireError
from groundwire.core.hub import Hub
from groundwire.core.webhooks import Receiver

log = logging.getLogger(__name__)

TOKEN_VARIABLE = "GROUNDWIRE_SERVE_TOKEN"  # noqa: S105 - the name of one
_AGAIN = 5.0
"""Seconds after which catalogs that could not be read are asked for again."""
_STOPPING = 2.0
"""Seconds that questions are given to end when they are told to."""

ABOUT = """The company's connected systems. Send the token that `groundwire serve` prints as a bearer token.
Every result says as of when it is true and whether it is complete."""

_health = APIRouter(tags=["operation"])


class _Alive(BaseModel):
    status: Annotated[str, Field(description="ok")]


@_health.get("/health")
async def health() -> _Alive:
    """Whether this process answers."""
    return _Alive(status="ok")


@_health.get("/ready", responses={503: {"model": serve_errors.Failure}})
async def ready(request: Request) -> JSONResponse:
    """Whether this process can be asked: the systems' catalogs are known, and it is not ending."""
    if not request.app.state.ready:
        return JSONResponse(error_body("the connected systems are not known yet", "server_error", "not_ready"), 503)
    return JSONResponse({"status": "ok"})


async def _read_catalog(app: FastAPI, hub: Hub) -> None:
    """Have the first asker not wait for the catalogs; tried again while a system does not answer."""
    while not app.state.ready:
        try:
            await anyio.to_thread.run_sync(lambda: hub.catalog, abandon_on_cancel=True)
            app.state.ready = True
        except GroundwireError as error:
            log.warning("not ready: %s", error)
            await asyncio.sleep(_AGAIN)


def make_app(hub: Hub, model: Model, tokens: Tokens, hosts: Collection[str], receiver: Receiver | None = None) -> Guard:
    """The app, which is given no request before it has passed the guard.

    Args:
        hub: the connected systems; with a policy the whole ones, of which each asker sees a part.
        model: answers questions.
        tokens: for whom each token is.
        hosts: by which this server is reached.
        receiver: takes events of other systems; None where none are received.
    """
    settings = hub.config.serve
    hub.remember()
    questions = Questions(model, settings, Tally())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        reading = asyncio.create_task(_read_catalog(app, hub))
        yield
        reading.cancel()
        app.state.ready = False
        await questions.end(_STOPPING)

    app = FastAPI(
        title="groundwire",
        version=version("groundwire"),
        description=ABOUT,
        lifespan=lifespan,
        docs_url=None,  # the pages that FastAPI has for these ask other hosts for their scripts
        redoc_url=None,
    )
    app.state.hub, app.state.settings, app.state.questions, app.state.tally = hub, settings, questions, questions.tally
    app.state.door = Door(hub, Bearers(hub, tokens))
    app.state.remembered = Remembered()
    app.state.receiver = receiver
    app.state.started, app.state.ready = int(time.time()), False
    app.add_exception_handler(GroundwireError, serve_errors.on_error)
    app.add_exception_handler(RequestValidationError, serve_errors.on_invalid)
    app.add_exception_handler(HTTPException, serve_errors.on_http)
    app.add_exception_handler(Exception, serve_errors.on_crash)
    for router in (
        _health,
        serve_chat.router,
        serve_data.router,
        serve_operator.router,
        serve_page.router,
        serve_events.router,
    ):
        app.include_router(router)
    again = Again(app, door=app.state.door, tally=questions.tally, rows=settings.rows)
    return Guard(again, hosts=hosts, body=settings.body)


class Server(uvicorn.Server):
    """Uvicorn's, which ends on SIGTERM by returning, so that whoever runs it can close what it holds."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take note of signals while it serves.

        Raises:
            KeyboardInterrupt: it was ended by Ctrl-C.
        """
        interrupted = []

        def note(number: int, frame: FrameType | None) -> None:
            interrupted.append(number)
            self.handle_exit(number, frame)

        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if signal.SIGINT in interrupted:
            raise KeyboardInterrupt


def at_once(config: Config) -> int:
    """How many questions are answered at a time."""
    own = ":" not in config.model.name or config.model.name.endswith(".gguf")
    return config.serve.questions or (1 if own else AT_ONCE_ELSEWHERE)


def serve(hub: Hub, host: str, port: int, *, asker: str | None, say: Callable[[Text], None]) -> None:
    """Serve until the process is told to end.

    Args:
        hub: the connected systems; with a policy the whole ones, of which each asker sees a part.
        host: where to listen.
        port: 0 takes a free one.
        asker: as whom the one who starts it asks, for operators; see `Policy.asker`.
        say: told where it listens, and the token if one was made.

    Raises:
        ConfigError: a token is too short or nobody's, or nothing can listen there.
        PolicyError: there is a policy, no token, and the account that starts it is no principal.
    """
    tokens, made = bearer.tokens_of(
        hub,
        hub.config.serve,
        section="serve",
        variable=TOKEN_VARIABLE,
        asker=asker,
        kept=bearer.token_file(hub.config, "serve"),
    )
    model = Model.configured(hub.config.model, at_once(hub.config))
    if hub.config.telemetry.enabled:
        from groundwire.core import telemetry_otel

        telemetry_otel.watch(hub)
    listening, origin = bearer.listen(host, port, "--http")
    with listening, serve_events.receiving(hub.config) as receiver:
        app = make_app(hub, model, tokens, known_hosts(host, hub.config.serve.hosts), receiver)
        say(Text(f"listening on {origin}"))
        if made is not None:
            say(Text(f"token: {made}"))
            say(Text(f"open {origin}/#token={made}"))
        if bearer.is_open([host]):
            say(Text("reachable from other machines, and not encrypted: put a proxy with TLS in front"))
        settings = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(hub.config.serve.grace) or 1,
        )
        Server(settings).run(sockets=[listening])
