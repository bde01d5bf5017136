"""SOQL over records in memory, with Salesforce's meaning where it differs from SQL.

Text is compared without regard to case, `!=` and `NOT` match null, relationship paths pass through
null, and conditions that mix AND with OR need parentheses. Where records have a `CurrencyIsoCode`, their amounts are
compared, sorted and aggregated in the organisation's own currency. The sandbox uses it; the product does not.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

Record = dict[str, Any]

RATES = {"EUR": 1.0, "USD": 1.25, "GBP": 0.8}
"""What one euro, the organisation's own currency, is in others."""

_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")

_DATES = re.compile(r"(?<![\w'])(\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2}))?)(?![\w'])")
_PARTS = re.compile(r"('(?:[^'\\]|\\.)*')")
_MARK = "\u0002"


class Absent:
    """The value of a path that ends at a record without the relation, after so many steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps


class SoqlError(Exception):
    """A query that Salesforce would refuse, with its error code."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def run(
    text: str, objects: dict[str, list[Record]], references: dict[tuple[str, str], tuple[str, tuple[str, ...]]]
) -> list[Record]:
    """The records that a query selects, as flat dictionaries by path or alias.

    Raises:
        SoqlError: malformed, or an unknown object or field.
    """
    marked = "".join(p if p.startswith("'") else _DATES.sub(rf"'{_MARK}\1'", p) for p in _PARTS.split(text))
    try:
        tree = sqlglot.parse_one(marked, dialect="mysql")
    except SqlglotError as error:
        raise SoqlError("MALFORMED_QUERY", str(error).splitlines()[0]) from None
    if not isinstance(tree, exp.Select) or tree.args.get("joins") or tree.find(exp.Join, exp.Subquery):
        raise SoqlError("MALFORMED_QUERY", "unexpected token")
    return _Query(tree, objects, references).rows()


class _Query:
    def __init__(
        self,
        tree: exp.Select,
        objects: dict[str, list[Record]],
        references: dict[tuple[str, str], tuple[str, tuple[str, ...]]],
    ) -> None:
        self.tree = tree
        self.objects = objects
        self.references = references
        table = tree.find(exp.Table)
        self.name = table.name if table is not None else ""
        if self.name not in objects:
            raise SoqlError("INVALID_TYPE", f"sObject type '{self.name}' is not supported.")
        self.by_id = {n: {r["Id"]: r for r in rows} for n, rows in objects.items()}
        for column in tree.find_all(exp.Column):
            if not column.find_ancestor(exp.Order, exp.Having) or column.table:
                self._check(column)

    def rows(self) -> list[Record]:
        tree = self.tree
        where = tree.args.get("where")
        kept = [r for r in self.objects[self.name] if where is None or self._true(where.this, r)]
        aggregates = list(tree.find_all(exp.AggFunc))
        group = tree.args.get("group")
        if aggregates or group:
            out = self._grouped(kept, group)
        else:
            out = [{self._path(e): self._shown(e, r) for e in tree.expressions} | {_MARK: r} for r in kept]
        order = tree.args.get("order")
        for key in reversed(order.expressions if order else []):
            first = bool(key.args.get("nulls_first"))
            desc = bool(key.args.get("desc"))
            pick = self._order_key(key.this)
            out = _sorted(out, pick, desc, first)
        offset, limit = tree.args.get("offset"), tree.args.get("limit")
        start = int(offset.expression.this) if offset else 0
        end = start + int(limit.expression.this) if limit else None
        return [{k: v for k, v in r.items() if k != _MARK} for r in out[start:end]]

    def _order_key(self, node: exp.Expr) -> Callable[[Record], Any]:
        path = self._path(node)
        return lambda row: self._computed(node, row[_MARK]) if _MARK in row else row[path]

    def _grouped(self, kept: list[Record], group: exp.Expr | None) -> list[Record]:
        keys = group.expressions if group else []
        groups: dict[tuple[Any, ...], list[Record]] = {}
        shown: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        for record in kept:
            values = tuple(self._value(k, record) for k in keys)
            folded = tuple(v.lower() if isinstance(v, str) else v for v in values)
            shown.setdefault(folded, values)
            groups.setdefault(folded, []).append(record)
        if not keys:
            groups.setdefault((), [])
            shown.setdefault((), ())
        out = []
        paths = [self._path(k) for k in keys]
        for folded, members in groups.items():
            row = dict(zip(paths, shown[folded], strict=True))
            count = 0
            for item in self.tree.expressions:
                inner = item.unalias()
                if isinstance(inner, exp.AggFunc):
                    label = item.alias or f"expr{count}"
                    count += 0 if item.alias else 1
                    row[label] = self._aggregate(inner, members)
                elif item.alias:
                    row[item.alias] = row.pop(self._path(inner))
            out.append(row)
        return out

    def _aggregate(self, node: exp.AggFunc, members: list[Record]) -> Any:
        if isinstance(node.this, exp.Star) or node.this is None:
            return len(members)
        distinct = isinstance(node, exp.ApproxDistinct) or isinstance(node.this, exp.Distinct)
        values = [v for v in (self._computed(node.this, m) for m in members) if v is not None]
        if isinstance(node, exp.Count):
            return len({v.lower() if isinstance(v, str) else v for v in values}) if distinct else len(values)
        if not values:
            return None
        if isinstance(node, exp.Sum):
            return sum(values)
        if isinstance(node, exp.Avg):
            return sum(values) / len(values)
        return min(values) if isinstance(node, exp.Min) else max(values)

    def _path(self, node: exp.Expr) -> str:
        node = node.unalias()
        if isinstance(node, exp.Dot):
            return f"{self._path(node.this)}.{node.expression.name}"
        return ".".join(p.name for p in node.parts) if isinstance(node, exp.Column) else node.sql()

    def _check(self, column: exp.Column) -> None:
        try:
            self._type_of(self.name, self._path(column).split("."))
        except KeyError:
            message = f"No such column '{column.name}' on entity '{self.name}'."
            raise SoqlError("INVALID_FIELD", message) from None

    def _type_of(self, name: str, parts: list[str]) -> None:
        for part in parts[:-1]:
            targets = [t for (o, _), (relation, t) in self.references.items() if o == name and relation == part]
            if not targets:
                raise KeyError(part)
            name = targets[0][0]
        if self.objects[name] and parts[-1] not in self.objects[name][0]:
            raise KeyError(parts[-1])

    def _value(self, node: exp.Expr, record: Record) -> Any:
        value = self._shown(node, record)
        return None if isinstance(value, Absent) else value

    def _computed(self, node: exp.Expr, record: Record) -> Any:
        """A value with which Salesforce computes: amounts of the record in its own currency."""
        value, code = self._value(node, record), record.get("CurrencyIsoCode")
        mine = isinstance(value, float) and "." not in self._path(node)
        return value / RATES[str(code)] if mine and code is not None else value

    def _shown(self, node: exp.Expr, record: Record) -> Any:
        node = node.unalias()
        if isinstance(node, exp.Paren):
            return self._shown(node.this, record)
        name, current = self.name, record
        parts = self._path(node).split(".")
        for step, part in enumerate(parts[:-1], 1):
            field, (_, targets) = next((f, r) for (o, f), r in self.references.items() if o == name and r[0] == part)
            key = current.get(field)
            name = next((t for t in targets if key in self.by_id[t]), targets[0])
            found = self.by_id[name].get(key)
            if found is None:
                return Absent(step)
            current = found
        return current.get(parts[-1])

    def _operand(self, column: exp.Expr, node: exp.Expr, like: Any) -> Any:
        """A literal, which must be of the field's type; ids must look like ids."""
        value = self._literal(node, like)
        name = self._path(column)
        if value is not None and like is not None:
            kinds = [next(k for k in _KINDS if isinstance(v, k)) for v in (like, value)]
            if kinds[0] is not kinds[1]:
                raise SoqlError("INVALID_FIELD", f"value of filter criterion for field '{name}' must be of its type")
        if isinstance(value, str) and name.rpartition(".")[2].endswith("Id") and not _ID.fullmatch(value):
            raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value}")
        return value

    def _literal(self, node: exp.Expr, like: Any) -> Any:
        if isinstance(node, exp.Null):
            return None
        if isinstance(node, exp.Boolean):
            return bool(node.this)
        if isinstance(node, exp.Neg):
            return -self._literal(node.this, like)
        if isinstance(node, exp.Literal) and not node.is_string:
            return float(node.this)
        if not isinstance(node, exp.Literal):
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: {node.sql()}")
        text = node.this
        if text.startswith(_MARK):
            text = text[1:]
            return (
                dt.date.fromisoformat(text)
                if len(text) == 10
                else dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
            )
        return text

    def _true(self, node: exp.Expr, record: Record) -> bool:
        if isinstance(node, exp.Paren):
            return self._true(node.this, record)
        if isinstance(node, exp.And | exp.Or):
            if any(isinstance(c, exp.And | exp.Or) and type(c) is not type(node) for c in (node.left, node.right)):
                raise SoqlError("MALFORMED_QUERY", "AND and OR need parentheses")
            test = all if isinstance(node, exp.And) else any
            return test(self._true(c, record) for c in (node.left, node.right))
        if isinstance(node, exp.Not):
            return not self._true(node.this, record)
        if isinstance(node, exp.In):
            value = _fold(self._computed(node.this, record))
            return value in {_fold(self._operand(node.this, e, value)) for e in node.expressions}
        if isinstance(node, exp.Like):
            value = self._value(node.this, record)
            pattern = "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in node.expression.this)
            return value is not None and re.fullmatch(pattern, value, re.IGNORECASE | re.DOTALL) is not None
        left = _fold(self._computed(node.this, record))
        right = _fold(self._operand(node.this, node.expression, left))
        if isinstance(node, exp.EQ):
            return bool(left == right)
        if isinstance(node, exp.NEQ):
            return bool(left != right)
        if isinstance(right, bool):
            raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", "a boolean is equal or not, and nothing else")
        if left is None or right is None:
            return False
        tests: dict[type[exp.Expr], Callable[[], bool]] = {
            exp.LT: lambda: left < right,
            exp.LTE: lambda: left <= right,
            exp.GT: lambda: left > right,
            exp.GTE: lambda: left >= right,
        }
        if type(node) not in tests:
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: {node.sql()}")
        return tests[type(node)]()


_KINDS: tuple[type | tuple[type, ...], ...] = (bool, (int, float), dt.datetime, dt.date, str)
"""Types that compare with one another, the special before the general."""


def _fold(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _sorted(rows: list[Record], pick: Callable[[Record], Any], desc: bool, nulls_first: bool) -> list[Record]:
    empty = [r for r in rows if pick(r) is None]
    full = sorted((r for r in rows if pick(r) is not None), key=lambda r: _fold(pick(r)), reverse=desc)
    return empty + full if nulls_first else full + empty
