"""What HTTP says to every connector that speaks it: addresses, statuses, bodies, and how long to wait.

Nothing is sent from here, and no client is known: salesforce goes by it too, which has a client of its own.
Statuses and headers are those of RFC 9110.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import re
import time
from collections.abc import Mapping
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec
from pydantic import AfterValidator

from groundwire.core.connector import tag
from groundwire.core.errors import AuthFailed, RateLimited, Rejected, SourceError, Unavailable

_PORTS = {"http": 80, "https": 443}

ERRORS: Mapping[int, type[SourceError]] = {
    400: Rejected,
    401: AuthFailed,
    403: AuthFailed,
    404: Rejected,
    408: Unavailable,
    422: Rejected,
    425: Unavailable,
    429: RateLimited,
}
"""What a status means; other 5xx are Unavailable, a 503 that says how long is RateLimited, the rest is Rejected."""


# -- bodies ----------------------------------------------------------------------------------

_EXACT = msgspec.json.Decoder(float_hook=Decimal)
_BINARY = msgspec.json.Decoder()


def parsed(content: bytes, *, exact: bool = True) -> Any:
    """A body of JSON.

    Args:
        exact: numbers with a point are `Decimal`: money loses nothing on its way; else `float`.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return (_EXACT if exact else _BINARY).decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # or what Python takes all the same: byte order marks, UTF-16, half a surrogate pair
    except RecursionError:
        raise ValueError("nested too deeply") from None
    try:
        return json.loads(content, parse_float=Decimal if exact else None)
    except RecursionError:
        raise ValueError("nested too deeply") from None


# -- addresses and headers -------------------------------------------------------------------


@lru_cache(maxsize=256)
def origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an absolute address (RFC 6454, section 4); None where it has none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not host:
        return None
    return parts.scheme, host.lower(), port or _PORTS[parts.scheme]


def _address(url: str) -> str:
    """A setting's check: an http address without credentials, which would be shown wherever the address is."""
    where = origin(url)
    if where is None:
        raise ValueError("write the whole address, such as https://erp.example.com")
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address holds no user or password; there are settings for them")
    if parts.query or parts.fragment:
        raise ValueError("an address ends before ? and #")
    return url.rstrip("/")


@lru_cache(maxsize=64)
def address(url: str) -> httpx.URL:
    """An address as httpx sends it.

    Raises:
        httpx.InvalidURL: it makes no sense.
    """
    return httpx.URL(url)


_PLAIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?[/?][!-~]*|/[!-.0-~][!-~]*|[A-Za-z0-9$?][!-9;-~]*")
"""Links that httpx joins as the standard library does, but after it has parsed them twice."""


def joined(page: str, link: str) -> str:
    """The address that a link on a page means; empty where it makes no sense."""
    try:
        if _PLAIN.fullmatch(link):
            return str(address(urljoin(page, link)))
        return str(address(page).join(link))
    except (httpx.InvalidURL, ValueError):
        return ""


Address = Annotated[str, AfterValidator(_address)]
"""A setting that is the absolute address of a system, kept without a slash at its end."""


def retry_after(value: str | None) -> float | None:
    """Seconds that a `Retry-After` header asks for: a number or a date (RFC 9110, section 10.2.3).

    None where there is no header, or one that says nothing; never negative.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        seconds = (aware - dt.datetime.now(dt.UTC)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


@lru_cache(maxsize=16)
def server_time(value: str | None) -> dt.datetime | None:
    """The instant of a `Date` header (RFC 9110, section 6.6.1), in whole seconds; None where there is none."""
    try:
        moment = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def seconds_left(timeout: float, deadline: float | None, *, source: str) -> float:
    """How long one request may take: its own time-out in seconds, or less where the deadline is nearer.

    Args:
        timeout: of one request, in seconds.
        deadline: `time.monotonic()` value that ends the whole scan; None for none.
        source: named in the error.

    Raises:
        Unavailable: the deadline has passed.
    """
    if deadline is None:
        return timeout
    left = deadline - time.monotonic()
    if left <= 0:
        raise Unavailable("took longer than the time limit", source=source)
    return min(timeout, left)


def tagged() -> dict[str, str]:
    """The header by which a system's log and ours can be laid side by side, where that is wanted."""
    mine = tag()
    return {"X-Request-ID": mine} if mine else {}


def basic(user: str, password: str) -> dict[str, str]:
    """The header of HTTP's Basic scheme (RFC 7617)."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
