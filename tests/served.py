"""A server in a thread of this process, whose model says what a script holds, for tests of HTTP and of the page."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from langchain_core.language_models import BaseChatModel

from groundwire import Hub
from groundwire.agents import bearer, serve
from groundwire.agents.mcp_tools import Model
from groundwire.agents.serve_guard import known_hosts
from groundwire.core.webhooks import Receiver

TOKEN = "a token of this test's own"


@contextmanager
def served(
    hub: Hub,
    model: BaseChatModel,
    *,
    at_once: int = 1,
    tokens: bearer.Tokens | None = None,
    receiver: Receiver | None = None,
) -> Iterator[str]:
    """The address of a server over a hub, which is closed with it."""
    app = serve.make_app(
        hub,
        Model(lambda: model, at_once),
        tokens or [(TOKEN, None)],
        known_hosts("127.0.0.1", hub.config.serve.hosts),
        receiver,
    )
    listening, address = bearer.listen("127.0.0.1", 0, "--http")
    settings = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    with hub, listening:
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield address
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()
