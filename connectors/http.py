"""What connectors that speak HTTP share: how long to wait, and how long to wait no more.

It knows no client: a connector hands in header values and gets seconds. What status means what is
each connector's own table, since the vendors differ.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from email.utils import parsedate_to_datetime

from groundwire.core.errors import Unavailable


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
