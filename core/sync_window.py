"""From which value of its cursor an entity has to be read again, so that no change is missed.

Pure reasoning over what earlier syncs noted. Two clocks matter and may differ by any amount: the cursor's
values are compared only with each other and with the source's own clock, ages only with ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

UNKNOWN_SKEW = timedelta(minutes=15)
"""How far a source's clock may be behind ours where the source does not tell its time."""

MOST_MARKS = 500


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """What was known when a sync began, before its first read.

    Attributes:
        ours: the instant by our clock (UTC).
        theirs: the same by the source's clock, None where it does not tell.
        open_since: when the oldest change began that was not committed yet, by the source's clock.
    """

    ours: datetime
    theirs: datetime | None = None
    open_since: datetime | None = None


def is_cursor(type_: pa.DataType) -> bool:
    """Whether values of this type can be a cursor: they grow, and a distance between them means something."""
    return bool(pa.types.is_timestamp(type_) or pa.types.is_date(type_) or pa.types.is_integer(type_))


def highest(column: pa.Array) -> Any:
    """The greatest value that can be written as a date of the years up to 9999; None without one."""
    if pa.types.is_integer(column.type):
        return pc.max(column).as_py()
    last = pa.scalar(date(9999, 12, 31)).cast(pa.timestamp("us")).cast(pa.int64())
    days = pa.types.is_date(column.type)
    values = column.cast(pa.int32()) if days else column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    limit = pa.scalar(2932896, pa.int32()) if days else last
    return pc.max(column.filter(pc.less_equal(values, limit))).as_py()


def encoded(value: Any) -> Any:
    """A cursor's or a key's value as JSON holds it."""
    return value.isoformat() if isinstance(value, date) else value


def decoded(value: Any, type_: pa.DataType) -> Any:
    """What `encoded` was given."""
    if isinstance(value, str) and pa.types.is_timestamp(type_):
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if isinstance(value, str) and pa.types.is_date(type_) else value


def since(progress: Mapping[str, Any], now: Beginning, overlap: timedelta, type_: pa.DataType) -> Any:
    """The value from which to read; None for everything.

    Args:
        progress: what `after` noted at the end of the last sync.
        now: this sync's beginning.
        overlap: how late a change may be committed, counted from its own timestamp.
        type_: of the cursor.
    """
    high = decoded(progress.get("high"), type_)
    if high is None:
        return None
    if pa.types.is_integer(type_):
        return _mark(progress, overlap)
    limits = [_moment(high), _last_beginning(progress, now)]
    if progress.get("open") is not None:
        limits.append(datetime.fromisoformat(progress["open"]))
    return as_cursor(min(limits) - overlap, type_)


def _last_beginning(progress: Mapping[str, Any], now: Beginning) -> datetime:
    """The last sync's beginning by the source's clock as it goes now: it may have been set back since."""
    ours = datetime.fromisoformat(progress["ours"])
    return ours - UNKNOWN_SKEW if now.theirs is None else now.theirs - (now.ours - ours)


def _mark(progress: Mapping[str, Any], overlap: timedelta) -> Any:
    """The number that was highest one overlap before the last sync."""
    before = datetime.fromisoformat(progress["ours"]) - overlap
    marks = [(datetime.fromisoformat(at), high) for at, high in progress.get("marks", ())]
    old = [high for at, high in marks if at <= before]
    return old[-1] if old else marks[0][1] if marks else None


def after(
    progress: Mapping[str, Any], now: Beginning, highest: Any, overlap: timedelta, type_: pa.DataType
) -> dict[str, Any]:
    """What to note at the end of a sync that read everything that it had to.

    Args:
        progress: what was noted before.
        now: this sync's beginning.
        highest: greatest value of the cursor that was seen, None if none was.
        overlap: as for `since`.
        type_: of the cursor.
    """
    high = decoded(progress.get("high"), type_)
    noted = {
        "high": encoded(high if highest is None else highest if high is None else max(high, highest)),
        "ours": now.ours.isoformat(),
        "open": None if now.open_since is None else now.open_since.isoformat(),
    }
    if pa.types.is_integer(type_):
        # numbers that were given out before this sync began are above what was highest by then
        marks = [*progress.get("marks", ()), [noted["ours"], encoded(high)]]
        old = [i for i, (at, _) in enumerate(marks) if datetime.fromisoformat(at) <= now.ours - overlap]
        noted["marks"] = marks[max(old[-1] if old else 0, len(marks) - MOST_MARKS) :]
    return noted


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def as_cursor(moment: datetime, type_: pa.DataType) -> Any:
    """The least value of a cursor that an instant may have been stamped with; None for a cursor of numbers."""
    if pa.types.is_integer(type_):
        return None
    if pa.types.is_date(type_):
        return moment.astimezone(UTC).date() - timedelta(days=1)  # their day may begin before ours
    moment = moment.astimezone(UTC)
    return moment if type_.tz else moment.replace(tzinfo=None)
