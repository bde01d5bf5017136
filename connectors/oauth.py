"""OAuth 2.0 for connectors without a person: tokens by client credentials (RFC 6749, section 4.4).

A client proves itself by a secret, or by an assertion that its private key has signed (RFC 7523).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from groundwire.connectors.http import Credentials, HTTPConnector
from groundwire.core.connector import ScanReport
from groundwire.core.errors import AuthFailed, ConfigError, Rejected

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""What a signed token that proves a client is called (RFC 7523, section 2.2)."""
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_LIFE = 300
"""Seconds for which an assertion is good."""
_MARGIN = 30.0
"""Seconds before a token's end from which it is used no more; half its life where that is shorter."""


def client_credentials(
    connector: HTTPConnector,
    token_url: str,
    client_id: str | None,
    client_secret: str | None,
    report: ScanReport,
    *,
    scope: str | None = None,
    **more: str,
) -> Credentials:
    """A bearer token for a client that acts for itself.

    Args:
        connector: whose login this is; the request goes through its client and its gate.
        token_url: from the configuration; may be on a host of its own.
        client_id, client_secret: None where `more` holds an assertion that proves the client.
        more: further parameters of the vendor, such as `resource`.

    Raises:
        AuthFailed: the client was refused.
        Rejected: the answer holds no token.
        SourceError: no answer.
    """
    form = {"grant_type": "client_credentials", **more}
    if client_id and client_secret:
        form |= {"client_id": client_id, "client_secret": client_secret}
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


def signed(
    claims: Mapping[str, Any], private_key: str, *, setting: str, key_id: str | None = None, rsa: str = "PS256"
) -> str:
    """A JSON Web Token with these claims that ends in five minutes, signed by the key.

    Args:
        private_key: in PEM; RSA, or EC over P-256, P-384 or P-521.
        setting: named where the key is none.
        key_id: by which the receiver knows the key.
        rsa: the algorithm for RSA keys.

    Raises:
        ConfigError: it is no such key, or PyJWT is not installed.
    """
    try:
        import jwt
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise ConfigError("this needs PyJWT; run: pip install 'groundwire[jwt]'", setting=setting) from None
    now = int(time.time())
    try:
        key = load_pem_private_key(private_key.encode(), password=None)
        algorithm = _CURVES[key.curve.name] if isinstance(key, EllipticCurvePrivateKey) else rsa
        headers = {"kid": key_id} if key_id else None
        return jwt.encode({**claims, "iat": now, "exp": now + _LIFE}, private_key, algorithm=algorithm, headers=headers)
    except (ValueError, TypeError, KeyError, jwt.PyJWTError):
        message = "write a private key in PEM without a pass phrase, RSA or EC"
        raise ConfigError(message, setting=setting) from None


def _expires(seconds: Any) -> float | None:
    try:
        life = float(seconds)
    except (TypeError, ValueError):
        return None
    return time.monotonic() + life - min(_MARGIN, life / 2) if life > 0 else None
