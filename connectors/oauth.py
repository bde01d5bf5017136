"""OAuth 2.0 for connectors without a person: tokens by client credentials (RFC 6749, section 4.4)."""

from __future__ import annotations

import time
from typing import Any

from groundwire.connectors.http import Credentials, HTTPConnector
from groundwire.core.connector import ScanReport
from groundwire.core.errors import AuthFailed, Rejected

_MARGIN = 30.0
"""Seconds before a token's end from which it is used no more; half its life where that is shorter."""


def client_credentials(
    connector: HTTPConnector,
    token_url: str,
    client_id: str,
    client_secret: str,
    report: ScanReport,
    *,
    scope: str | None = None,
    **more: str,
) -> Credentials:
    """A bearer token for a client that acts for itself.

    Args:
        connector: whose login this is; the request goes through its client and its gate.
        token_url: from the configuration; may be on a host of its own.
        more: further parameters of the vendor, such as `resource`.

    Raises:
        AuthFailed: the client was refused.
        Rejected: the answer holds no token.
        SourceError: no answer.
    """
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret, **more}
    if scope:
        form["scope"] = scope
    answer = connector.exchange("POST", token_url, credentials=None, report=report, elsewhere=True, data=form)
    if answer.status in (400, 401, 403):
        raise AuthFailed("the client credentials were not accepted", source=connector.name)
    body = connector.decoded(connector.checked(answer))
    token = body.get("access_token") if isinstance(body, dict) else None
    if not isinstance(token, str) or not token:
        raise Rejected("the login's answer holds no token", source=connector.name)
    return Credentials(headers={"Authorization": f"Bearer {token}"}, expires=_expires(body.get("expires_in")))


def _expires(seconds: Any) -> float | None:
    try:
        life = float(seconds)
    except (TypeError, ValueError):
        return None
    return time.monotonic() + life - min(_MARGIN, life / 2) if life > 0 else None
