"""The MCP server over HTTP: what `agents/bearer` knows of tokens, told to the official SDK."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import uvicorn
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl
from rich.text import Text

from groundwire.agents import bearer
from groundwire.agents.bearer import Bearers, Tokens
from groundwire.agents.mcp import make_server
from groundwire.agents.mcp_tools import Model
from groundwire.core.errors import PolicyError
from groundwire.core.hub import Hub

log = logging.getLogger(__name__)

TOKEN_VARIABLE = "GROUNDWIRE_MCP_TOKEN"  # noqa: S105 - the name of one
PATH = "/mcp"
_GRACE = 3
"""Seconds that requests under way are given when the server ends."""


class _Proof(AccessToken):
    """A token that was accepted, and whose it is; nobody's where there is no policy."""

    principal: Any = None


class Doorkeeper(TokenVerifier):
    """Whom a token stands for.

    Args:
        bearers: who may ask.
    """

    def __init__(self, bearers: Bearers) -> None:
        self._bearers = bearers

    async def verify_token(self, token: str) -> AccessToken | None:
        """The proof of who asks; None for a token that is not accepted."""
        try:
            who = self._bearers.of(token)
        except PolicyError as error:
            log.warning("%s", error)
            return None
        name = "everybody" if who is None else who.name
        return _Proof(token=token, client_id=name, subject=name, scopes=[], principal=who)

    def hub(self) -> Hub:
        """The connected systems as whoever sent this request may see them.

        Raises:
            PolicyError: nobody is known to have sent it.
        """
        proof = get_access_token()
        if not isinstance(proof, _Proof):
            raise PolicyError("nobody is known to ask")
        return self._bearers.hub(proof.principal)


def place(text: str) -> tuple[str, int]:
    """Where `--http` says to listen; see `bearer.place`."""
    return bearer.place(text, "--http")


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
    tokens, made = tokens_of(hub, asker)
    door = Doorkeeper(Bearers(hub, tokens))
    server = make_server(door.hub, Model.configured(hub.config.model))
    if hub.config.telemetry.enabled:
        from groundwire.core import telemetry_otel

        telemetry_otel.watch(hub)
    listening, origin = bearer.listen(host, port, "--http")
    with listening:
        address = origin + PATH
        app = server.streamable_http_app(
            streamable_http_path=PATH, host=host, auth=_authentication(hub, address), token_verifier=door
        )
        say(Text(f"listening on {address}"))
        if made is not None:
            say(Text(f"token: {made}"))
        if bearer.is_open([host]):
            say(Text("reachable from other machines, and not encrypted: put a proxy with TLS in front"))
        settings = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=_GRACE)
        uvicorn.Server(settings).run(sockets=[listening])


def tokens_of(hub: Hub, asker: str | None) -> tuple[Tokens, str | None]:
    """For whom each token of `[mcp]` is; see `bearer.tokens_of`."""
    return bearer.tokens_of(hub, hub.config.mcp, section="mcp", variable=TOKEN_VARIABLE, asker=asker)


def _authentication(hub: Hub, address: str) -> AuthSettings:
    """What unknown clients are told: where tokens come from, if an issuer with an address is configured (RFC 9728)."""
    policy = hub.policy
    issuer = policy.config.tokens.issuer if policy is not None and policy.config.tokens is not None else None
    if issuer is not None and issuer.startswith(("http://", "https://")):
        return AuthSettings(issuer_url=AnyHttpUrl(issuer), resource_server_url=AnyHttpUrl(address))
    return AuthSettings(issuer_url=AnyHttpUrl(address), resource_server_url=None)
