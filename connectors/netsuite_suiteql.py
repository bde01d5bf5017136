"""Scans as SuiteQL, NetSuite's part of Oracle's SQL.

Its dialect decides what is pushed down: an empty text is null there, so nothing is compared with one; days and
moments are written by TO_DATE and read by TO_CHAR, in the time zone of the account's user; booleans are 'T' and 'F';
text has no order that SQL shares. Names come from NetSuite's metadata and were seen to be answered; values can't end
their quotes.

Source: NetSuite help center, "SuiteQL Syntax and Examples", "SuiteQL Supported and Unsupported Functions"; Oracle
Database SQL Language Reference, "Nulls" and "Format Models".
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa

from groundwire.connectors.conditions import values_of, without_not
from groundwire.connectors.records import Convert, converter
from groundwire.core.connector import Aggregate, And, Comparison, Not, Operator, Or, Predicate, Pushdown, Scan

KEY_ALIAS = "gwkey"
_DAY, _MOMENT = "YYYY-MM-DD", "YYYY-MM-DD HH24:MI:SS"
_LONGEST_TEXT = 1_000
"""Characters of one text literal; Oracle takes 4,000 bytes."""
_WITHOUT_FRACTION: Mapping[Operator, Operator] = {">=": ">", ">": ">", "<": "<=", "<=": "<="}
"""How whole seconds are compared with a moment between two of them, by the second before it."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """One entity in SuiteQL.

    Attributes:
        name: of the table.
        types: Arrow type of every field.
        opaque: fields whose values are shown as text but may be kept as numbers, so that no text is compared with them.
        key: field that is one integer for each record.
        only: condition that every record of the entity fulfils; empty where it has the table for itself.
        zone: of the moments.
        exact_text: whether text is compared character by character.
    """

    name: str
    types: Mapping[str, pa.DataType]
    opaque: frozenset[str] = frozenset()
    key: str = "id"
    only: str = ""
    zone: ZoneInfo
    exact_text: bool

    # -- what can be pushed down -----------------------------------------------------------

    def supports(self, c: Comparison) -> Pushdown:
        """How faithfully SuiteQL executes the comparison."""
        type_ = self.types.get(c.field)
        if type_ is None:
            return Pushdown.NONE
        if c.op in ("is null", "is not null"):
            return Pushdown.EXACT
        if not all(self._comparable(v, type_, c.op) for v in values_of(c)):
            return Pushdown.NONE
        if pa.types.is_boolean(type_):
            return Pushdown.EXACT if c.op in ("=", "!=") else Pushdown.NONE
        if not pa.types.is_string(type_):
            return Pushdown.NONE if c.op == "like" else Pushdown.EXACT
        if c.field in self.opaque or c.op in ("<", "<=", ">", ">="):
            return Pushdown.NONE
        if self.exact_text:
            return Pushdown.EXACT
        return Pushdown.LOOSE if c.op in ("=", "in", "like") else Pushdown.NONE

    def _comparable(self, value: object, type_: pa.DataType, op: Operator) -> bool:
        if pa.types.is_string(type_):
            return isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT and "\0" not in value
        if pa.types.is_boolean(type_):
            return isinstance(value, bool)
        if pa.types.is_timestamp(type_):
            if not isinstance(value, dt.datetime) or value.tzinfo is None or value.astimezone(self.zone).fold:
                return False  # the clock shows this hour twice
            return value.microsecond == 0 or op in _WITHOUT_FRACTION
        if pa.types.is_date(type_):
            return isinstance(value, dt.date) and not isinstance(value, dt.datetime)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return False
        return bool(math.isfinite(value))

    def aggregates(self, aggregate: Aggregate) -> bool:
        """Whether SuiteQL computes it as SQL does."""
        if aggregate.field is None:
            return aggregate.function == "count"
        type_ = self.types.get(aggregate.field)
        if type_ is None or aggregate.function == "count":
            return type_ is not None
        if pa.types.is_string(type_):
            return aggregate.function == "count_distinct" and self.exact_text
        if aggregate.function in ("sum", "avg"):
            return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_))
        return aggregate.function == "count_distinct" or not pa.types.is_boolean(type_)

    def groups(self, name: str) -> bool:
        """Whether it groups by exact values of the field."""
        type_ = self.types.get(name)
        return type_ is not None and (self.exact_text or not pa.types.is_string(type_))

    def orders(self, name: str) -> bool:
        """Whether it orders by the field as SQL does."""
        type_ = self.types.get(name)
        return type_ is not None and not pa.types.is_string(type_) and not pa.types.is_boolean(type_)

    # -- statements ------------------------------------------------------------------------

    def statement(self, scan: Scan, *, after: int | None = None, hidden: bool = False) -> str:
        """A scan as SuiteQL, whose columns are gw0, gw1, ... and, of single records, their key.

        Args:
            after: only records with a key above this one.
            hidden: with `?` for every value.
        """
        write = (lambda _value, _type: "?") if hidden else self.literal
        if scan.aggregates or scan.group_by:
            columns = [self._shown(g) for g in scan.group_by] + [self._called(a) for a in scan.aggregates]
            order = list(scan.group_by)
        else:
            columns = [self._shown(f) for f in scan.fields]
            order = [
                f"{o.field} {'DESC' if o.descending else 'ASC'} NULLS {'FIRST' if o.nulls_first else 'LAST'}"
                for o in scan.order
            ]
            order.append(self.key)
        items = [f"{c} AS gw{i}" for i, c in enumerate(columns)]
        if not scan.aggregates and not scan.group_by:
            items.append(f"{self.key} AS {KEY_ALIAS}")
        where = [self.only] if self.only else []
        if scan.where is not None:
            where.append(self._condition(without_not(scan.where), write))
        if after is not None:
            where.append(f"{self.key} > {'?' if hidden else after}")
        text = f"SELECT {', '.join(items)} FROM {self.name}"
        text += f" WHERE {' AND '.join(where)}" if where else ""
        text += f" GROUP BY {', '.join(scan.group_by)}" if scan.group_by else ""
        return text + (f" ORDER BY {', '.join(order)}" if order else "")

    def _shown(self, name: str) -> str:
        return self._as_text(name, self.types[name])

    def _called(self, a: Aggregate) -> str:
        if a.field is None:
            return "COUNT(*)"
        if a.function == "count_distinct":
            return f"COUNT(DISTINCT {a.field})"
        call = f"{a.function.upper()}({a.field})"
        return self._as_text(call, self.types[a.field]) if a.function in ("min", "max") else call

    def _as_text(self, expression: str, type_: pa.DataType) -> str:
        if pa.types.is_timestamp(type_):
            return f"TO_CHAR({expression}, '{_MOMENT}')"
        return f"TO_CHAR({expression}, '{_DAY}')" if pa.types.is_date(type_) else expression

    def _condition(self, predicate: Predicate, write: Callable[[object, pa.DataType], str]) -> str:
        if isinstance(predicate, And | Or):
            word = " AND " if isinstance(predicate, And) else " OR "
            return "(" + word.join(self._condition(t, write) for t in predicate.terms) + ")"
        if isinstance(predicate, Not):
            return f"(NOT {self._condition(predicate.term, write)})"
        name, op, type_ = predicate.field, predicate.op, self.types[predicate.field]
        if op in ("is null", "is not null"):
            return f"{name} {op.upper()}"
        if isinstance(predicate.value, tuple):
            return f"{name} {op.upper()} ({', '.join(write(v, type_) for v in predicate.value)})"
        if isinstance(predicate.value, dt.datetime) and predicate.value.microsecond:
            op = _WITHOUT_FRACTION[op]
        return f"{name} {op.upper()} {write(predicate.value, type_)}"

    def literal(self, value: object, type_: pa.DataType) -> str:
        """A value as SuiteQL; text can't end its quotes."""
        if isinstance(value, bool):
            return "'T'" if value else "'F'"
        if isinstance(value, dt.datetime):
            local = value.astimezone(self.zone).replace(tzinfo=None, microsecond=0)
            return f"TO_DATE('{local.isoformat(' ')}', '{_MOMENT}')"
        if isinstance(value, dt.date):
            return f"TO_DATE('{value.isoformat()}', '{_DAY}')"
        if isinstance(value, int | float | Decimal):
            return format(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), "f")
        return "'" + str(value).replace("'", "''") + "'"

    # -- answers ---------------------------------------------------------------------------

    def convert(self, type_: pa.DataType) -> Convert:
        """How an answer's value is read: numbers may be written as text."""
        if pa.types.is_boolean(type_):
            return lambda v: {"T": True, "F": False}[v]
        if pa.types.is_timestamp(type_):
            return lambda v: dt.datetime.fromisoformat(v).replace(tzinfo=self.zone).astimezone(dt.UTC)
        return str if pa.types.is_string(type_) else converter(type_)
