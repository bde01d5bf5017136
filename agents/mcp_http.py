"""The MCP server over HTTP: where it listens, and whom a bearer token stands for.

Without a policy there is one token. With one, a token is a principal's of `[mcp.tokens]`, a signed JSON Web Token
(`[policy.tokens]`), or the token of whoever starts the server. Encryption is left to what stands in front.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl, SecretStr
from rich.text import Text

from groundwire.agents.mcp import make_server
from groundwire.agents.mcp_tools import Model
from groundwire.core.config import McpConfig
from groundwire.core.errors import ConfigError, PolicyError
from groundwire.core.hub import Hub
from groundwire.core.policy import Principal

log = logging.getLogger(__name__)

TOKEN_VARIABLE = "GROUNDWIRE_MCP_TOKEN"  # noqa: S105 - the name of one
SHORTEST_TOKEN = 16
"""Characters: a shorter one could be guessed."""
PATH = "/mcp"
_GRACE = 3
"""Seconds that requests under way are given when the server ends."""


class _Proof(AccessToken):
    """A token that was accepted, and whose it is; nobody's where there is no policy."""

    principal: Any = None


class Doorkeeper(TokenVerifier):
    """Whom a token stands for.

    Args:
        hub: of which `as_principal` makes others.
        tokens: for whom each token is; None is everybody, where there is no policy.
    """

    def __init__(self, hub: Hub, tokens: list[tuple[str, Principal | None]]) -> None:
        self._hub = hub
        self._tokens = tokens

    async def verify_token(self, token: str) -> AccessToken | None:
        """The proof of who asks; None for a token that is not accepted."""
        known = [who for text, who in self._tokens if hmac.compare_digest(text.encode(), token.encode())]
        if known:
            return _proof(token, known[0])
        policy = self._hub.policy
        if policy is None or policy.config.tokens is None:
            return None
        try:
            return _proof(token, policy.of_token(token))
        except PolicyError as error:
            log.warning("%s", error)
            return None

    def hub(self) -> Hub:
        """The connected systems as whoever sent this request may see them.

        Raises:
            PolicyError: nobody is known to have sent it.
        """
        proof = get_access_token()
        if not isinstance(proof, _Proof):
            raise PolicyError("nobody is known to ask")
        return self._hub if self._hub.policy is None else self._hub.as_principal(proof.principal)


def _proof(token: str, who: Principal | None) -> _Proof:
    name = "everybody" if who is None else who.name
    return _Proof(token=token, client_id=name, subject=name, scopes=[], principal=who)


def place(text: str) -> tuple[str, int]:
    """Where to listen.

    Args:
        text: `HOST:PORT`; the host is this machine's loopback if it is empty, and any port is free to take for 0.

    Raises:
        ConfigError: it is something else.
    """
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ConfigError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:8765", setting="--http")
    return host.strip("[]") or "127.0.0.1", int(port)


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
    door = Doorkeeper(hub, tokens)
    server = make_server(door.hub, Model.configured(hub.config.model))
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        why = os.strerror(error.errno) if isinstance(error.errno, int) and error.errno > 0 else str(error)
        raise ConfigError(f"can't listen at {host}:{port}: {why}", setting="--http") from None
    if hub.config.telemetry.enabled:
        from groundwire.core import telemetry_otel

        telemetry_otel.watch(hub)
    with listening:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}{PATH}"
        app = server.streamable_http_app(
            streamable_http_path=PATH, host=host, auth=_authentication(hub, address), token_verifier=door
        )
        say(Text(f"listening on {address}"))
        if made is not None:
            say(Text(f"token: {made}"))
        if host not in ("127.0.0.1", "localhost", "::1"):
            say(Text("reachable from other machines, and not encrypted: put a proxy with TLS in front"))
        settings = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=_GRACE)
        uvicorn.Server(settings).run(sockets=[listening])


def tokens_of(hub: Hub, asker: str | None) -> tuple[list[tuple[str, Principal | None]], str | None]:
    """For whom each configured token is, and the one that had to be made."""
    settings, policy = hub.config.mcp, hub.policy
    found: list[tuple[str, Principal | None]] = []
    for name, secret in settings.tokens.items():
        setting = f"mcp.tokens.{name}"
        if policy is None:
            raise ConfigError("tokens of principals need a policy; set mcp.token", setting=setting)
        try:
            found.append((_long_enough(secret, setting), policy.principal(name)))
        except PolicyError as error:
            raise ConfigError(str(error), setting=setting) from None
    own = _own(settings)
    made = None
    if own is None and not found and (policy is None or policy.config.tokens is None):
        own = made = secrets.token_urlsafe(32)
    if own is not None:
        found.append((own, None if policy is None else policy.asker(asker)))
    return found, made


def _own(settings: McpConfig) -> str | None:
    """The token of whoever starts the server, from the configuration or the environment."""
    if settings.token is not None:
        return _long_enough(settings.token, "mcp.token")
    told = os.environ.get(TOKEN_VARIABLE)
    return _long_enough(SecretStr(told), TOKEN_VARIABLE) if told else None


def _long_enough(secret: SecretStr, setting: str) -> str:
    text = secret.get_secret_value()
    if len(text) < SHORTEST_TOKEN:
        raise ConfigError(f"a token has {SHORTEST_TOKEN} characters or more", setting=setting)
    return text


def _authentication(hub: Hub, address: str) -> AuthSettings:
    """What unknown clients are told: where tokens come from, if an issuer with an address is configured (RFC 9728)."""
    policy = hub.policy
    issuer = policy.config.tokens.issuer if policy is not None and policy.config.tokens is not None else None
    if issuer is not None and issuer.startswith(("http://", "https://")):
        return AuthSettings(issuer_url=AnyHttpUrl(issuer), resource_server_url=AnyHttpUrl(address))
    return AuthSettings(issuer_url=AnyHttpUrl(address), resource_server_url=None)
