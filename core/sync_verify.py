"""What differs between a copy and its source, found without moving what is equal.

Records are divided by their key. Where the source computes checksums, it says the number of records and two sums for
each range, and so does the replica database; for ranges that differ, both say the digest of every record. Else all
records are read, and each batch is compared with the copy's rows of the same keys. Either way only keys come out: what
is done about them, and whether a difference was only a change in the meantime, is the caller's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pyarrow as pa

from groundwire.core.catalog import Entity
from groundwire.core.connector import Checksums, Connector, KeyRanges, Scan, ScanReport
from groundwire.core.errors import Rejected
from groundwire.core.schema import engine_cursor
from groundwire.core.sync_read import Reader, begun, tuples

RANGE_ROWS = 10_000
"""Records of a range, about."""

MOST_RANGES = 4_096
TOGETHER = 20
"""Ranges whose records are compared at a time: so many digests are in memory."""

Key = tuple[Any, ...]
_T = TypeVar("_T")


@dataclass
class Compared:
    """What was compared, and what differs.

    Attributes:
        ranges: how many were compared; 0 where every record was read.
        unequal: how many of them differ.
        keys: of records that differ, that the copy lacks, or that only the copy has.
        by_checksum: whether the source computed them.
    """

    ranges: int = 0
    unequal: int = 0
    keys: set[Key] = field(default_factory=set)
    by_checksum: bool = False


class Comparing:
    """Compares one copy with its source.

    Args:
        reader: of the source.
        replica: the connector of the replica database.
        table: the copy, as an entity of it.
        memory: what DuckDB may take to compare.
    """

    def __init__(self, reader: Reader, replica: Connector, table: Entity, memory: str) -> None:
        self.reader = reader
        self.replica = replica
        self.table = table
        self.fields = tuple(f.name for f in table.fields)
        self.memory = memory

    def compare(self, rows: int) -> Compared:
        """Everything.

        Args:
            rows: of the copy.

        Raises:
            SourceError: not everything could be read.
        """
        if self._has_checksums():
            try:
                return self._by_checksum(self._ranges(rows))
            except Rejected:  # a damaged value, which reading one by one finds
                pass
        try:
            return self._by_reading(begun(lambda: self.reader.read(None, self.fields)))
        except Rejected:
            return self._by_reading(self.reader.read_carefully(None))

    def _by_reading(self, batches: Iterator[pa.RecordBatch]) -> Compared:
        return Compared(keys={key for batch in batches for key in self._unequal(batch)})

    def still(self, keys: Sequence[Key]) -> set[Key]:
        """Those of the keys whose records differ now too."""
        found: set[Key] = set()
        for some in _some(keys, 1_000):
            there: set[Key] = set()
            for batch in self.reader.pick(list(some)):
                found |= self._unequal(batch)
                there |= set(tuples(batch, self.table.primary_key))
            there |= set(self.reader.damaged)
            found |= set(self.reader.damaged)
            held = {k for b in self._held(list(some)) for k in tuples(b, self.table.primary_key)}
            found |= held - there
        return found

    # -- by checksums ------------------------------------------------------------------------

    def _has_checksums(self) -> bool:
        source, replica = self.reader.connector, self.replica
        return (
            isinstance(source, Checksums)
            and isinstance(replica, Checksums)
            and source.checksums_of(self.reader.entity, self.fields)
            and replica.checksums_of(self.table, self.fields)
        )

    def _ranges(self, rows: int) -> KeyRanges:
        """Ranges of an integer key where it is one and dense enough, else of its digest."""
        count = max(1, min(MOST_RANGES, math.ceil(max(rows, self.reader.count() or 0) / RANGE_ROWS)))
        key = self.table.primary_key
        if len(key) == 1 and pa.types.is_signed_integer(self.table.field(key[0]).type):
            mine = Reader(self.replica, self.table)
            ends = [r.extreme(key[0], f) for r in (self.reader, mine) for f in ("min", "max")]
            known = [e for e in ends if e is not None]
            if known and max(known) - min(known) < 2**62:
                width = (max(known) - min(known)) // count + 1
                return KeyRanges(count=count, start=min(known), width=width)
        return KeyRanges(count=count)

    def _by_checksum(self, ranges: KeyRanges) -> Compared:
        theirs, ours = (self._sums(connector, entity, ranges) for connector, entity in self._sides())
        unequal = sorted(n for n in {*theirs, *ours} if theirs.get(n) != ours.get(n))
        found = Compared(ranges=len({*theirs, *ours}), unequal=len(unequal), by_checksum=True)
        for some in _some(unequal, TOGETHER):
            source, copy = (self._digests(connector, entity, ranges, some) for connector, entity in self._sides())
            found.keys |= {key for key in {*source, *copy} if source.get(key) != copy.get(key)}
        return found

    def _sides(self) -> Iterator[tuple[Checksums, Entity]]:
        source, replica = self.reader.connector, self.replica
        assert isinstance(source, Checksums) and isinstance(replica, Checksums)
        yield source, self.reader.entity
        yield replica, self.table

    def _sums(self, connector: Checksums, entity: Entity, ranges: KeyRanges) -> dict[int, tuple[int, ...]]:
        report = ScanReport(patient=True)
        batches = self.reader.whole(connector.range_checksums(entity, self.fields, ranges, report), report)
        return {number: tuple(sums) for batch in batches for number, *sums in _rows(batch)}

    def _digests(
        self, connector: Checksums, entity: Entity, ranges: KeyRanges, some: Sequence[int]
    ) -> dict[Key, tuple[int, int]]:
        report = ScanReport(patient=True)
        batches = self.reader.whole(connector.record_checksums(entity, self.fields, ranges, some, report), report)
        return {tuple(key): (a, b) for batch in batches for *key, a, b in _rows(batch)}

    # -- by reading --------------------------------------------------------------------------

    def _unequal(self, batch: pa.RecordBatch) -> set[Key]:
        """Keys of the rows of this batch of the source that the copy holds otherwise, or not."""
        key = self.table.primary_key
        held = pa.Table.from_batches(self._held(tuples(batch, key)), schema=self._schema())
        # names of our own: DuckDB can't tell names apart that differ in case only
        names = [f"c{i}" for i in range(len(self.fields))]
        keys = ", ".join(names[self.fields.index(k)] for k in key)
        # among sets of rows NULL equals NULL, and NaN equals NaN
        query = f"SELECT {keys} FROM (SELECT * FROM theirs EXCEPT SELECT * FROM ours)"
        with closing(engine_cursor(self.memory)) as cursor:
            theirs = pa.Table.from_batches([batch.select(list(self.fields))]).cast(self._schema())
            cursor.register("theirs", theirs.rename_columns(names))
            cursor.register("ours", held.rename_columns(names))
            found = cursor.sql(query).to_arrow_table()
        return set(_rows(found))

    def _schema(self) -> pa.Schema:
        return pa.schema([(f.name, f.type) for f in self.table.fields])

    def _held(self, keys: Sequence[Key]) -> list[pa.RecordBatch]:
        """The copy's rows of these keys."""
        mine = Reader(self.replica, self.table, self.fields)
        found = []
        for some in _some(keys, self.replica.capabilities.max_in if len(self.table.primary_key) == 1 else 50):
            where = mine.picked(list(some))
            types = {n: self.table.field(n).type for n in self.fields}
            report = ScanReport(patient=True)
            scan = Scan(entity=self.table, fields=self.fields, where=where, types=types)
            found += list(mine.whole(self.replica.scan(scan, report), report))
        return found


def _rows(batch: pa.RecordBatch | pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(c.to_pylist() for c in batch.columns), strict=True)


def _some(items: Sequence[_T], most: int) -> Iterator[Sequence[_T]]:
    return (items[start : start + most] for start in range(0, len(items), most))
