"""Checksums of rows, computed in the database and equal for equal values whatever the product.

A row is written as text, every kind of value in one form (`_PRINTED`), and digested by MD5; a range of keys has the
number of its rows and the sums of two slices of their digests. So two databases that hold the same rows say the same
few numbers. Against an adversary this proves nothing: it finds what went wrong by itself.

Kinds without an exact form in a product (floating point in MariaDB) are refused, and the caller reads the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from groundwire.connectors.sql_compiler import Compiled, Tables
from groundwire.connectors.sql_scan import Writer
from groundwire.connectors.sql_values import Emitter, Refused, Value
from groundwire.core.catalog import Entity
from groundwire.core.connector import KeyRanges

_PRINTED: Mapping[str, Mapping[str, str]] = {
    "postgresql": {
        "bool": "(CASE WHEN {0} THEN '1' WHEN NOT {0} THEN '0' END)",
        "int": "CAST({0} AS text)",
        "decimal": "CAST(CAST({0} * {1} AS numeric(60, 0)) AS text)",
        # minus zero is zero
        "double": "ENCODE(FLOAT8SEND(CASE WHEN {0} = 0 THEN 0 ELSE {0} END), 'hex')",
        "text": "(OCTET_LENGTH(CONVERT_TO({0}, 'UTF8')) || ':' || {0})",
        "date": "TO_CHAR({0}, 'YYYY-MM-DD')",
        "timestamp": "TO_CHAR({0}, 'YYYY-MM-DD HH24:MI:SS.US')",
        "timestamptz": "TO_CHAR({0}, 'YYYY-MM-DD HH24:MI:SS.US')",
        "time": "TO_CHAR({0}, 'HH24:MI:SS.US')",
        "binary": "ENCODE({0}, 'hex')",
        "digest": "MD5(CONVERT_TO({0}, 'UTF8'))",
        "slice": "CAST(CAST('x' || SUBSTR({0}, {1}, 10) AS bit(40)) AS bigint)",
        "sum": "CAST(SUM({0}) AS bigint)",
        "all": "({0})",
        "next": " || ',' || ",
    },
    "mariadb": {
        "bool": "(CASE WHEN {0} THEN '1' WHEN NOT {0} THEN '0' END)",
        "int": "CAST({0} AS CHAR)",
        "decimal": "CAST(CAST({0} * {1} AS DECIMAL(65, 0)) AS CHAR)",
        "text": "CONCAT(LENGTH({0}), ':', {0})",
        "date": "DATE_FORMAT({0}, '%Y-%m-%d')",
        "timestamp": "DATE_FORMAT({0}, '%Y-%m-%d %H:%i:%s.%f')",
        "timestamptz": "DATE_FORMAT({0}, '%Y-%m-%d %H:%i:%s.%f')",
        "time": "TIME_FORMAT({0}, '%H:%i:%s.%f')",
        "binary": "LOWER(HEX({0}))",
        "digest": "MD5({0})",
        "slice": "CAST(CONV(SUBSTR({0}, {1}, 10), 16, 10) AS SIGNED)",
        "sum": "CAST(SUM({0}) AS SIGNED)",
        "all": "CONCAT({0})",
        "next": ", ',', ",
    },
    "sqlite": {
        "bool": "(CASE WHEN {0} THEN '1' WHEN NOT {0} THEN '0' END)",
        "int": "CAST({0} AS TEXT)",
        "decimal": "CAST({0} AS TEXT)",  # is an integer of its last place here
        "double": "GW_DOUBLE_HEX({0})",
        "text": "(LENGTH(CAST({0} AS BLOB)) || ':' || {0})",
        "date": "{0}",
        "timestamp": "{0}",
        "timestamptz": "{0}",
        "time": "{0}",
        "binary": "LOWER(HEX({0}))",
        "digest": "GW_MD5({0})",
        "slice": "GW_SLICE({0}, {1})",
        "sum": "SUM({0})",
        "all": "({0})",
        "next": " || ',' || ",
    },
}
"""A value of each kind as text (`{1}`: a decimal's power of ten), and how texts become numbers."""

_SLICES = (1, 11)
"""Where in a digest the two numbers of 40 bits begin: eight million of them add up within 63 bits."""


def can(entity: Entity, fields: Sequence[str], emitter: Emitter, tables: Tables) -> bool:
    """Whether this product prints all these fields exactly."""
    try:
        _Rows(entity, fields, KeyRanges(count=1), emitter, tables)
    except Refused:
        return False
    return True


def of_ranges(
    entity: Entity, fields: Sequence[str], ranges: KeyRanges, emitter: Emitter, tables: Tables
) -> tuple[Compiled, pa.Schema]:
    """For every range that has rows: its number, its rows, and the two sums of its digests.

    Raises:
        Refused: this product can't.
    """
    rows = _Rows(entity, fields, ranges, emitter, tables)
    sums = ", ".join(rows.say("sum", rows.say("slice", "h", str(at))) for at in _SLICES)
    sql = f"SELECT b, COUNT(*), {sums} FROM ({rows.sql}) AS s GROUP BY b"
    return _compiled(sql, emitter, [("range", pa.int64()), ("rows", pa.int64()), ("a", pa.int64()), ("b", pa.int64())])


def of_rows(
    entity: Entity, fields: Sequence[str], ranges: KeyRanges, some: Sequence[int], emitter: Emitter, tables: Tables
) -> tuple[Compiled, pa.Schema]:
    """For every row of some ranges: its key, and the two slices of its digest.

    Raises:
        Refused: this product can't.
    """
    rows = _Rows(entity, fields, ranges, emitter, tables)
    keys = [rows.writer.column(name) for name in entity.primary_key]
    names = [f"k{i}" for i in range(len(keys))]
    listed = ", ".join(emitter.bound(number, "int") for number in some)
    slices = [rows.say("slice", "h", str(at)) for at in _SLICES]
    inner = rows.selecting([f"{emitter.sql(k)} AS {n}" for k, n in zip(keys, names, strict=True)])
    sql = f"SELECT {', '.join([*names, *slices])} FROM ({inner}) AS s WHERE b IN ({listed})"
    types = [(name, entity.field(name).type) for name in entity.primary_key]
    made, schema = _compiled(sql, emitter, [*types, ("a", pa.int64()), ("b", pa.int64())])
    columns = (*keys, *made.columns[len(keys) :])
    return Compiled(sql=made.sql, parameters=made.parameters, columns=columns, small=False), schema


def _compiled(sql: str, emitter: Emitter, fields: Sequence[tuple[str, pa.DataType]]) -> tuple[Compiled, pa.Schema]:
    columns = tuple(Value(kind="int") for _ in fields)
    # a key may have the name of a sum
    schema = pa.schema([pa.field(f"{i}", type_) for i, (_, type_) in enumerate(fields)])
    return Compiled(sql=sql, parameters=emitter.parameters, columns=columns, small=False), schema


class _Rows:
    """Every row with its range `b` and its digest `h`."""

    def __init__(
        self, entity: Entity, fields: Sequence[str], ranges: KeyRanges, emitter: Emitter, tables: Tables
    ) -> None:
        self.emitter = emitter
        self.words = _PRINTED.get(emitter.dialect.name)
        if self.words is None:
            raise Refused(f"checksums in {emitter.dialect.name}")
        self.writer = Writer(entity, emitter, tables)
        self.ranges = ranges
        self.entity = entity
        self.digest = self.say("digest", self._printed(fields))
        self.sql = self.selecting([])

    def selecting(self, columns: Sequence[str]) -> str:
        """The rows with these columns too."""
        return (
            f"SELECT {', '.join([*columns, f'{self._range()} AS b', f'{self.digest} AS h'])} FROM {self.writer.table}"
        )

    def say(self, word: str, *operands: str) -> str:
        """An operation in this product's words."""
        assert self.words is not None
        if word not in self.words:
            raise Refused(f"no exact text of {word} in {self.emitter.dialect.name}")
        return self.words[word].format(*operands)

    def _printed(self, fields: Sequence[str]) -> str:
        assert self.words is not None
        texts = []
        for name in fields:
            value = self.writer.column(name)
            text = self.say(value.kind, self.emitter.sql(value), f"1{'0' * value.scale}")
            texts.append(f"COALESCE({text}, '-')")
        return self.say("all", self.words["next"].join([*texts, "''"]))

    def _range(self) -> str:
        keys = [self.writer.column(name) for name in self.entity.primary_key]
        if self.ranges.start is not None:
            start, width = (self.emitter.bound(n, "int") for n in (self.ranges.start, self.ranges.width))
            return self.emitter.text("//", f"({self.emitter.sql(keys[0])} - {start})", width)
        number = self.say("slice", self.say("digest", self._printed(self.entity.primary_key)), "1")
        return self.emitter.text("%", number, self.emitter.bound(self.ranges.count, "int"))
