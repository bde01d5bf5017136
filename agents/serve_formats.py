"""A result as JSON, as Arrow's streaming format, as CSV; and which of them a client wants.

Sources: RFC 9110, section 12.5.1 (Accept); Apache Arrow, "IPC Streaming Format"; RFC 4180 (CSV).
"""

from __future__ import annotations

import csv
import io
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import pyarrow as pa

from groundwire.core.errors import GroundwireError
from groundwire.core.result import Result, jsonable

JSON, ARROW, CSV = "application/json", "application/vnd.apache.arrow.stream", "text/csv"
_ROWS_A_PART = 8_192
MOST_WRITTEN, LARGEST_WRITTEN = 64, 1_000_000
"""How many results are kept as they were written, and bytes of one."""


class NotAcceptable(GroundwireError):
    """The client accepts nothing that there is."""


def wanted(accept: str) -> str:
    """The format that an Accept header likes best; JSON where it says nothing, or has no preference.

    Raises:
        NotAcceptable: it takes none of them.
    """
    liked: dict[str, tuple[float, int]] = {}
    for entry in accept.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        if name:
            quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
            try:
                liked[name] = (float(quality), 0)
            except ValueError:
                liked[name] = (0.0, 0)
    if not liked:
        return JSON

    def quality_of(kind: str) -> float:
        for name in (kind, kind.partition("/")[0] + "/*", "*/*"):
            if name in liked:
                return liked[name][0]
        return 0.0

    best = max((JSON, ARROW, CSV), key=quality_of)
    if quality_of(best) <= 0:
        raise NotAcceptable(f"there is {JSON}, {ARROW} and {CSV}")
    return best


def headers_of(result: Result) -> dict[str, str]:
    """What is said of a result whatever its format."""
    said = {
        "Groundwire-Complete": str(result.complete).lower(),
        "Groundwire-Truncated": str(result.truncated).lower(),
        "Groundwire-Stale": str(result.stale).lower(),
        "Groundwire-Rows": str(len(result)),
        "Vary": "Accept",
    }
    return said if result.as_of is None else {**said, "Groundwire-As-Of": result.as_of.isoformat()}


def proof_of(result: Result) -> dict[str, Any]:
    """Everything that is known of a result but its rows."""
    return {**_lasting(result), **_passing(result)}


def _lasting(result: Result) -> dict[str, Any]:
    """What stays as it is when a result is given again."""
    return {
        "columns": result.columns,
        "types": [str(field.type) for field in result.table.schema],
        "row_count": len(result),
        "complete": result.complete,
        "completeness": result.completeness,
        "incomplete": result.incomplete_reasons(),
        "truncated": result.truncated,
        "as_of": result.as_of.isoformat() if result.as_of else None,
        "stale": result.stale,
        "notes": list(result.notes),
        "query": result.query,
    }


def _passing(result: Result) -> dict[str, Any]:
    return {"sources": [s.to_dict() for s in result.sources], "seconds": round(result.seconds, 4)}


def json_of(result: Result) -> bytes:
    """One JSON object: the proof, and `rows` as lists."""

    def write() -> bytes:
        rows = [[jsonable(v) for v in row] for row in result.rows()]
        return json.dumps({**_lasting(result), "rows": rows}, ensure_ascii=False, allow_nan=False).encode()

    passing = json.dumps(_passing(result), ensure_ascii=False).encode()
    # a table that is given again has the rest of its proof too, but for what the hub says of this one time
    lasting = write() if result.notes or result.stale else _written.of(result, write)
    return b"%b, %b" % (passing[:-1], lasting[1:])


class _Written:
    """Results as they were last written, for tables that are given again and again."""

    def __init__(self) -> None:
        self._written: OrderedDict[Hashable, tuple[pa.Table, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, result: Result, write: Callable[[], bytes]) -> bytes:
        """What was written of this very result, whatever the age that it had, or what `write` gives now."""
        table = result.table
        key = id(table), result.query, result.as_of, result.complete, result.truncated
        with self._lock:
            known = self._written.get(key)
            if known is not None and known[0] is table:
                self._written.move_to_end(key)
                return known[1]
        made = write()
        if len(made) <= LARGEST_WRITTEN:
            with self._lock:
                self._written[key] = table, made
                while len(self._written) > MOST_WRITTEN:
                    self._written.popitem(last=False)
        return made


_written = _Written()


def arrow_of(result: Result) -> Iterator[bytes]:
    """The stream, part by part; the proof is in the metadata of its schema under `groundwire`."""
    metadata = {**(result.table.schema.metadata or {}), b"groundwire": json.dumps(proof_of(result)).encode()}
    table = result.table.replace_schema_metadata(metadata)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=_ROWS_A_PART):
            writer.write_batch(batch)
            yield _taken(sink)
    yield _taken(sink)


def _taken(sink: io.BytesIO) -> bytes:
    part = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return part


def csv_of(result: Result) -> Iterator[bytes]:
    """Lines of CSV, part by part; the last says if records are missing or old."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(result.columns)
    for batch in result.table.to_batches(max_chunksize=_ROWS_A_PART):
        columns = [column.to_pylist() for column in batch.columns]
        writer.writerows([_cell(v) for v in row] for row in zip(*columns, strict=True))
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    for reason in [*result.incomplete_reasons(), *result.stale_reasons()]:
        writer.writerow([f"# {'OLD' if reason.startswith('STALE') else 'INCOMPLETE'}: {reason}"])
    yield text.getvalue().encode()


def _cell(value: Any) -> Any:
    """A value as CSV has it: exact decimals, ISO times, JSON for what has parts, nothing for NULL."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    shown = jsonable(value)
    if isinstance(shown, list | dict):
        return json.dumps(shown, ensure_ascii=False)
    return shown if isinstance(shown, str) else str(value)
