"""Trying again, only where it may help and only while there is time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from groundwire.core.errors import RateLimited, RetryableError

T = TypeVar("T")


def retrying(call: Callable[[], T], *, deadline: float, attempts: int = 3, base: float = 0.2) -> T:
    """Call until it succeeds, fails for good, or time or attempts run out.

    Waits as long as the source asked for (`RateLimited.retry_after`), else `base` seconds doubled at
    each attempt with full jitter.

    Args:
        call: what to do; must be safe to repeat.
        deadline: `time.monotonic()` value after which no new attempt starts.
        attempts: calls at most.
        base: first pause in seconds.

    Raises:
        RetryableError: the last one.
    """
    for attempt in range(1, attempts + 1):
        try:
            return call()
        except RetryableError as error:
            asked = error.retry_after if isinstance(error, RateLimited) else None
            pause = asked if asked is not None else random.uniform(0, base * 2**attempt)  # noqa: S311
            if attempt == attempts or time.monotonic() + pause >= deadline:
                raise
            time.sleep(pause)
    raise AssertionError("attempts must be at least 1")
