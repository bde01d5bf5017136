"""Many rows at a time: an entity read in parts by several threads, written by one.

Parts are ranges of an integer key, else of the cursor. Each is finished in the transaction of its last rows,
so that a load that was killed goes on with the parts that are missing. At most a few batches are in memory.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, Full, Queue
from typing import Any

import pyarrow as pa

from groundwire.core.connector import And, Comparison, Predicate
from groundwire.core.errors import Rejected
from groundwire.core.sync_read import Reader, begun, sample
from groundwire.core.sync_window import decoded, encoded, is_cursor

PART_ROWS = 250_000
MOST_PARTS = 1_000
READERS = 2
"""Threads that read; one writes. More only wait for it."""


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """Rows of a part; `last` says that the part is complete."""

    part: int
    batch: pa.RecordBatch | None
    last: bool


def bounds(reader: Reader, cursor: str | None) -> list[Any]:
    """How to divide an entity: for each part its field and half-open range as JSON, None for everything."""
    if cursor is None:
        return [None]
    rows = reader.count() or 0
    parts = min(MOST_PARTS, math.ceil(rows / PART_ROWS))
    if parts < 2:
        return [None]
    key = reader.entity.primary_key
    names = [key[0]] if len(key) == 1 and pa.types.is_integer(reader.entity.field(key[0]).type) else []
    for name in [*names, cursor]:
        type_ = reader.entity.field(name).type
        if not is_cursor(type_) or not reader.takes(Comparison(field=name, op="<", value=sample(type_))):
            continue
        least, most = reader.extreme(name, "min"), reader.extreme(name, "max")
        if least is None or most is None or least == most:
            continue
        return _divided(name, least, most, parts, nullable=reader.entity.field(name).nullable)
    return [None]


def _divided(name: str, least: Any, most: Any, parts: int, *, nullable: bool) -> list[Any]:
    cuts: list[Any] = []
    for i in range(1, parts):
        cut = _between(least, most, i, parts)
        if not cuts or cut > cuts[-1]:
            cuts.append(cut)
    if not cuts:
        return [None]
    edges = [None, *(encoded(c) for c in cuts), None]
    made: list[Any] = [[name, a, b] for a, b in itertools.pairwise(edges)]
    return [*made, [name, None, None]] if nullable else made


def _between(least: Any, most: Any, part: int, parts: int) -> Any:
    if isinstance(least, int):
        return least + (most - least) * part // parts
    if isinstance(least, datetime):
        return least + (most - least) * part / parts
    return least + timedelta(days=(most - least).days * part // parts)


def predicate(reader: Reader, part: Any) -> Predicate | None:
    """Which records belong to a part."""
    if part is None:
        return None
    name, lower, upper = part
    type_ = reader.entity.field(name).type
    terms: list[Predicate] = []
    if lower is not None:
        terms.append(Comparison(field=name, op=">=", value=decoded(lower, type_)))
    if upper is not None:
        terms.append(Comparison(field=name, op="<", value=decoded(upper, type_)))
    if not terms:
        return Comparison(field=name, op="is null")
    return terms[0] if len(terms) == 1 else And(tuple(terms))


def load(reader: Reader, parts: Sequence[tuple[int, Any]], write: Callable[[Arrived], None]) -> None:
    """Read all parts and hand their rows to `write`, from this thread.

    Raises:
        SourceError: a part can't be read; those that were complete stay so.
    """
    queue: Queue[Arrived | BaseException] = Queue(maxsize=READERS + 1)
    stop = threading.Event()

    def put(item: Arrived | BaseException) -> None:
        while not stop.is_set():
            try:
                return queue.put(item, timeout=0.2)
            except Full:
                continue
        raise _Stopped

    def read(number: int, part: Any) -> None:
        where = predicate(reader, part)
        try:
            try:
                for batch in begun(lambda: reader.read(where)):
                    put(Arrived(part=number, batch=batch, last=False))
            except Rejected:
                if not reader.has_keys():
                    raise
                for batch in reader.read_carefully(where):
                    put(Arrived(part=number, batch=batch, last=False))
            put(Arrived(part=number, batch=None, last=True))
        except _Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for it
            put(error)

    workers = max(1, min(READERS, reader.connector.capabilities.concurrency, len(parts)))
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="load") as pool:
        for number, part in parts:
            pool.submit(read, number, part)
        left = len(parts)
        try:
            while left:
                try:
                    item = queue.get(timeout=1.0)
                except Empty:
                    continue
                if isinstance(item, BaseException):
                    raise item
                write(item)
                left -= item.last
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


class _Stopped(Exception):
    """The writer wants no more."""
