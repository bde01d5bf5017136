"""Whom a bearer token stands for, and where a server listens: what all servers over HTTP have in common.

Without a policy there is one token. With one, a token is a principal's of `[SECTION.tokens]`, a signed JSON Web Token
(`[policy.tokens]`), or the token of whoever starts the server. Encryption is left to what stands in front.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import platformdirs
from pydantic import SecretStr

from groundwire.core.config import Config
from groundwire.core.errors import ConfigError, PolicyError
from groundwire.core.hub import Hub
from groundwire.core.policy import Principal
from groundwire.core.replica import own_name

log = logging.getLogger(__name__)

SHORTEST = 16
"""Characters of a token: a shorter one could be guessed."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")

Tokens = list[tuple[str, Principal | None]]
"""For whom each token is; None is everybody, where there is no policy."""


class Settings(Protocol):
    """A section of the configuration that says who may ask over HTTP."""

    @property
    def token(self) -> SecretStr | None: ...

    @property
    def tokens(self) -> dict[str, SecretStr]: ...


class Bearers:
    """Who may ask, by token.

    Args:
        hub: of which `as_principal` makes others.
        tokens: for whom each token is.
    """

    def __init__(self, hub: Hub, tokens: Tokens) -> None:
        self._hub = hub
        self._tokens = tokens

    def of(self, token: str) -> Principal | None:
        """Whose a token is; None is everybody's, where there is no policy.

        Raises:
            PolicyError: it is not accepted.
        """
        given = token.encode(errors="surrogateescape")
        known = [who for text, who in self._tokens if hmac.compare_digest(text.encode(), given)]
        if known:
            return known[0]
        policy = self._hub.policy
        if policy is None or policy.config.tokens is None:
            raise PolicyError("the token is not accepted")
        return policy.of_token(token)

    def hub(self, who: Principal | None) -> Hub:
        """The connected systems as this asker may see them."""
        return self._hub if who is None and self._hub.policy is None else self._hub.as_principal(_known(who))


def _known(who: Principal | None) -> Principal:
    if who is None:
        raise PolicyError("nobody is known to ask")
    return who


def tokens_of(
    hub: Hub, settings: Settings, *, section: str, variable: str, asker: str | None, kept: Path | None = None
) -> tuple[Tokens, str | None]:
    """For whom each configured token is, and the one that had to be made.

    Args:
        hub: the connected systems.
        settings: who may ask.
        section: what the settings are called in the configuration.
        variable: of the environment, which may hold the token of whoever starts the server.
        asker: as whom the one who starts the server asks, for operators; see `Policy.asker`.
        kept: where a token that was made is kept for the next start, for this account alone; None for nowhere.

    Raises:
        ConfigError: a token is too short or nobody's.
        PolicyError: there is a policy, no token, and the account that starts the server is no principal.
    """
    policy = hub.policy
    found: Tokens = []
    for name, secret in settings.tokens.items():
        setting = f"{section}.tokens.{name}"
        if policy is None:
            raise ConfigError(f"tokens of principals need a policy; set {section}.token", setting=setting)
        try:
            found.append((_long_enough(secret, setting), policy.principal(name)))
        except PolicyError as error:
            raise ConfigError(str(error), setting=setting) from None
    own = _own(settings, section, variable)
    made = None
    if own is None and not found and (policy is None or policy.config.tokens is None):
        own = made = secrets.token_urlsafe(32) if kept is None else _kept(kept)
    if own is not None:
        found.append((own, None if policy is None else policy.asker(asker)))
    return found, made


def token_file(config: Config, name: str) -> Path:
    """Where a server keeps the token that it made, one for each configuration."""
    return Path(platformdirs.user_state_dir("groundwire", appauthor=False)) / f"{name}-token-{own_name(config)}"


def _kept(file: Path) -> str:
    """The token in a file that nobody else may read, which is written if it is not there."""
    with suppress(OSError):
        if file.stat().st_mode & 0o077 == 0 and len(text := file.read_text(encoding="utf-8").strip()) >= SHORTEST:
            return text
        file.unlink()  # others could have read it
    made = secrets.token_urlsafe(32)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(made + "\n")
    except OSError as error:
        log.warning("the token can't be kept for the next start: %s", error)
    return made


def _own(settings: Settings, section: str, variable: str) -> str | None:
    """The token of whoever starts the server, from the configuration or the environment."""
    if settings.token is not None:
        return _long_enough(settings.token, f"{section}.token")
    told = os.environ.get(variable)
    return _long_enough(SecretStr(told), variable) if told else None


def _long_enough(secret: SecretStr, setting: str) -> str:
    text = secret.get_secret_value()
    if len(text) < SHORTEST:
        raise ConfigError(f"a token has {SHORTEST} characters or more", setting=setting)
    return text


def place(text: str, setting: str) -> tuple[str, int]:
    """Where to listen.

    Args:
        text: `HOST:PORT`; the host is this machine's loopback if it is empty, and any port is free to take for 0.
        setting: what the text is called where it was written.

    Raises:
        ConfigError: it is something else.
    """
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ConfigError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:8765", setting=setting)
    return host.strip("[]") or "127.0.0.1", int(port)


def listen(host: str, port: int, setting: str) -> tuple[socket.socket, str]:
    """A socket that listens, and its address as `http://HOST:PORT`.

    Raises:
        ConfigError: nothing can listen there.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        why = os.strerror(error.errno) if isinstance(error.errno, int) and error.errno > 0 else str(error)
        raise ConfigError(f"can't listen at {host}:{port}: {why}", setting=setting) from None
    shown = f"[{host}]" if ":" in host else host
    return listening, f"http://{shown}:{listening.getsockname()[1]}"


def is_open(hosts: Iterable[str]) -> bool:
    """Whether other machines can reach one of these hosts."""
    return any(host not in LOOPBACK for host in hosts)
