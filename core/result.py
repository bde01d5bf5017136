"""What a query gives back: a table, and for every source the proof of where it came from.

A result never claims more than was read. `complete` is False as soon as one source left a
record out; `completeness` says what that does to the figures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from groundwire.core.plain import plain, shortened

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console, ConsoleOptions, RenderableType

Mode = Literal["live", "cache", "replica"]
Completeness = Literal["exact", "lower_bound", "unknown"]
"""`exact`: all matching records were read. `lower_bound`: every row shown is true, others may be
missing, and sums and counts may be too low. `unknown`: rows may also be wrong (an anti-join, a
ranking or an average over records of which some are missing)."""

_ROWS_SHOWN = 50
"""Rows that people are shown; the rest is said to exist."""
_ANY_WIDTH = 100_000


@dataclass(frozen=True, kw_only=True)
class SourceReport:
    """What one source contributed.

    Attributes:
        source: configured name.
        entities: full names of the entities read.
        native: requests as the source understood them, without bound values.
        mode: how it was read.
        as_of: the data is true at this instant (UTC).
        age: how old that was when the answer was given.
        max_age: the oldest age that was acceptable; zero is live, None where nobody said.
        stale: True where a copy is older than that, which only `on_error="stale"` allows.
        rows: records that the source delivered.
        total: records that match according to the source, None if it did not say.
        incomplete: why records are missing; empty if all were read.
        requests: round trips.
        seconds: wall time of the reads.
        limited_to: the principal for whom only what it may see was read or shown; None where nothing was hidden.
    """

    source: str
    entities: tuple[str, ...]
    native: tuple[str, ...] = ()
    mode: Mode = "live"
    as_of: datetime
    age: timedelta = timedelta()
    max_age: timedelta | None = None
    stale: bool = False
    rows: int = 0
    total: int | None = None
    incomplete: tuple[str, ...] = ()
    requests: int = 0
    seconds: float = 0.0
    limited_to: str | None = None

    @property
    def complete(self) -> bool:
        """Whether every matching record was read."""
        return not self.incomplete

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "source": self.source,
            "entities": list(self.entities),
            "mode": self.mode,
            "as_of": self.as_of.isoformat(),
            "age": round(self.age.total_seconds(), 3),
            "max_age": None if self.max_age is None else self.max_age.total_seconds(),
            "stale": self.stale,
            "rows": self.rows,
            "total": self.total,
            "complete": self.complete,
            "incomplete": list(self.incomplete),
            "native": list(self.native),
            "requests": self.requests,
            "seconds": round(self.seconds, 4),
            "limited_to": self.limited_to,
        }


@dataclass(frozen=True, kw_only=True)
class Result:
    """A table with its provenance.

    Attributes:
        table: the rows, as Arrow.
        sources: one report for each source that was read.
        query: the query as it was bound, with every path and name spelled out.
        truncated: True where more rows exist than the row or byte budget let through.
        completeness: what missing records do to the figures; see `Completeness`.
        notes: what the reader should know, as sentences.
        seconds: wall time from text to table.
    """

    table: pa.Table
    sources: tuple[SourceReport, ...]
    query: str
    truncated: bool = False
    completeness: Completeness = "exact"
    notes: tuple[str, ...] = field(default=())
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether the table holds everything that was asked for."""
        return not self.truncated and all(s.complete for s in self.sources)

    @property
    def stale(self) -> bool:
        """Whether a part is older than was acceptable; only ever with `on_error="stale"`."""
        return any(s.stale for s in self.sources)

    @property
    def limited_to(self) -> str | None:
        """The principal for whom something may have been left out because it may not see it; else None."""
        return next((s.limited_to for s in self.sources if s.limited_to is not None), None)

    @property
    def as_of(self) -> datetime | None:
        """The instant of the oldest part (UTC); None where no source had to be read."""
        return min((s.as_of for s in self.sources), default=None)

    @property
    def columns(self) -> list[str]:
        """Column names, in order."""
        return list(self.table.column_names)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.to_pylist())

    def to_pylist(self) -> list[dict[str, Any]]:
        """Rows as dictionaries. Columns of the same name keep the last value; see `rows`."""
        return list(self.table.to_pylist())

    def rows(self) -> list[tuple[Any, ...]]:
        """Rows as tuples in column order."""
        columns = [column.to_pylist() for column in self.table.columns]
        return list(zip(*columns, strict=True)) if columns else []

    def to_pandas(self) -> pd.DataFrame:
        """A pandas data frame (needs `pip install 'groundwire[pandas]'`)."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame

    def incomplete_reasons(self) -> list[str]:
        """Every reason why something is missing, as `source: reason`."""
        reasons = [f"{s.source}: {r}" for s in self.sources for r in s.incomplete]
        if self.truncated:
            reasons.append(f"only the first {len(self)} rows are shown; more exist")
        return reasons

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form: columns, rows, source reports, completeness, notes."""
        return {
            "columns": self.columns,
            "rows": [[jsonable(v) for v in row] for row in self.rows()],
            "complete": self.complete,
            "completeness": self.completeness,
            "truncated": self.truncated,
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "stale": self.stale,
            "sources": [s.to_dict() for s in self.sources],
            "notes": list(self.notes),
            "query": self.query,
            "seconds": round(self.seconds, 4),
        }

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The first rows as a table, or one below the other where a table would break words; then the footer."""
        from rich.measure import Measurement
        from rich.text import Text

        if self.columns:
            table = self._rich_table()
            fits = Measurement.get(console, options.update(max_width=_ANY_WIDTH), table).minimum <= options.max_width
            yield table if fits else self._rich_records()
        if len(self) > _ROWS_SHOWN:
            yield Text(f"… {len(self) - _ROWS_SHOWN} more rows", style="dim")
        for line in self.footer():
            yield Text(line, style="dim" if self.complete and not self.stale else "yellow")

    def _rich_table(self) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        table = Table(show_lines=False)
        for column in self.table.schema:
            is_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
            is_number = is_number or pa.types.is_decimal(column.type)
            whole = is_number or pa.types.is_temporal(column.type)
            table.add_column(
                Text(plain(column.name)), justify="right" if is_number else "left", overflow="fold", no_wrap=whole
            )
        for row in self.rows()[:_ROWS_SHOWN]:
            table.add_row(*(Text("null", style="dim") if v is None else Text(display(v)) for v in row))
        return table

    def _rich_records(self) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        for number, row in enumerate(self.rows()[:_ROWS_SHOWN], 1):
            grid.add_row(Text(f"row {number}", style="bold"))
            for name, value in zip(self.columns, row, strict=True):
                grid.add_row(Text(f"  {plain(name)}"), Text(display(value), overflow="fold"))
        return grid

    def footer(self) -> list[str]:
        """Lines that belong under the table: rows, completeness, and one line for each source."""
        state = "complete" if self.complete else "INCOMPLETE"
        lines = [f"{len(self)} row{'' if len(self) == 1 else 's'} · {state} · {self.seconds:.2f} s"]
        lines += [f"! {reason}" for reason in self.incomplete_reasons()]
        lines += [f"! {reason}" for reason in self.stale_reasons()]
        lines += [f"! {note}" for note in self.notes]
        for s in self.sources:
            when = s.as_of.astimezone().strftime("%Y-%m-%d %H:%M:%S")
            bound = "" if s.max_age is None else f"; at most {age_text(s.max_age)}"
            old = "" if s.mode == "live" else f" ({age_text(s.age)} old{bound})"
            rows = "1 row" if s.rows == 1 else f"{s.rows:,} rows"
            seen = "" if s.limited_to is None else f" · limited to what {s.limited_to} may see"
            lines.append(f"{s.source}: {', '.join(s.entities)} · {s.mode} as of {when}{old} · {rows} read{seen}")
        return lines

    def stale_reasons(self) -> list[str]:
        """Every part that is older than was acceptable, as a sentence."""
        return [
            f"STALE: {', '.join(s.entities)} is {age_text(s.age)} old; at most {age_text(s.max_age)} was asked for"
            for s in self.sources
            if s.stale and s.max_age is not None
        ]


def display(value: Any) -> str:
    """A cell as people read it: no trailing zeros of an average, ISO dates, empty for NULL, text that only is text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 1e15 and value != int(value) else f"{value:,.0f}"
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
        text = f"{value:,.{places}f}"
        return text.rstrip("0").ljust(text.index(".") + 3, "0") if places > 2 else text
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d" if value.time() == time() else "%Y-%m-%d %H:%M")
    if isinstance(value, Mapping | list):
        return shortened(json.dumps(jsonable(value), ensure_ascii=False))
    return shortened(str(value))


def jsonable(value: Any) -> Any:
    """The value as JSON can hold it: decimals as numbers, times as ISO 8601 text, bytes as hex."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, Mapping):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    return value


def age_text(age: timedelta) -> str:
    """An age as people say it: two units at most."""
    seconds = max(0.0, age.total_seconds())
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next(i for i, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number)
