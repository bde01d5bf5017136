"""How old data may be: one way to write an age, everywhere."""

from __future__ import annotations

import re
from datetime import timedelta

from groundwire.core.errors import QueryError

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_AGE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*", re.IGNORECASE)


def parse_age(value: str | float | timedelta | None) -> timedelta | None:
    """An age from seconds, a timedelta, or text such as "0", "30s", "5m", "2h", "1d"; None for None.

    Raises:
        QueryError: it is none of these, or negative.
    """
    if value is None:
        return None
    if isinstance(value, timedelta):
        age = value
    elif isinstance(value, int | float):
        age = timedelta(seconds=value)
    else:
        match = _AGE.fullmatch(value)
        if match is None:
            raise QueryError(f"{value!r} is not an age; write seconds or 30s, 5m, 2h, 1d")
        age = timedelta(seconds=float(match[1]) * _UNITS[match[2].lower()])
    if age < timedelta():
        raise QueryError("an age can't be negative")
    return age
