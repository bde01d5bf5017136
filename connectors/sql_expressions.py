"""Bound expressions of DuckDB's dialect as typed SQL of another dialect.

What is not listed here is refused, and so is every known node with an argument that is not known:
a query goes to the database only where the rows are the same as DuckDB's. Constants are always bound.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

from sqlglot import exp

from groundwire.connectors.sql_dialect import RawRule
from groundwire.connectors.sql_values import (
    MAX_SCALE,
    NUMERIC,
    Emitter,
    Refused,
    Value,
    constant,
    converted_constant,
    shifted,
    truth,
)

COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

_PARTS: dict[type[exp.Expr], str] = {
    exp.Year: "year",
    exp.Quarter: "quarter",
    exp.Month: "month",
    exp.Week: "week",
    exp.WeekOfYear: "week",
    exp.Day: "day",
    exp.DayOfMonth: "day",
    exp.DayOfWeek: "dow",
    exp.DayOfWeekIso: "isodow",
    exp.DayOfYear: "doy",
    exp.Hour: "hour",
    exp.Minute: "minute",
    exp.Second: "second",
}
_PART_NAMES = {
    "dayofweek": "dow",
    "weekday": "dow",
    "dayofmonth": "day",
    "dayofyear": "doy",
    "weekofyear": "week",
}
_TIME_PARTS = frozenset({"hour", "minute", "second"})
_UNITS = frozenset({"year", "quarter", "month", "week", "day", "hour", "minute", "second"})

_INTERVALS = {
    "year": (12, 0, 0),
    "quarter": (3, 0, 0),
    "month": (1, 0, 0),
    "week": (0, 7, 0),
    "day": (0, 1, 0),
    "hour": (0, 0, 3_600_000_000),
    "minute": (0, 0, 60_000_000),
    "second": (0, 0, 1_000_000),
    "millisecond": (0, 0, 1_000),
    "microsecond": (0, 0, 1),
}

_CASTS = {
    "BOOLEAN": "bool",
    "TINYINT": "int",
    "SMALLINT": "int",
    "INT": "int",
    "BIGINT": "int",
    "INT128": "int",
    "DECIMAL": "decimal",
    "DOUBLE": "double",
    "TEXT": "text",
    "VARCHAR": "text",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMPNTZ": "timestamp",
    "TIMESTAMPTZ": "timestamptz",
    "TIME": "time",
}

_HARMLESS = frozenset({"typed", "safe", "big_int", "coalesce", "ignore_nulls", "nested", "over", "unit", "zone"})
"""Arguments that the parser sets and that say nothing beyond DuckDB's own meaning."""


def expect(node: exp.Expr, *names: str) -> None:
    """Refuse a node that carries anything but these arguments."""
    for name, argument in node.args.items():
        if argument and name not in names and name not in _HARMLESS:
            raise Refused(f"{node.key.upper()} with {name.upper()}")


class Expressions:
    """One query's expressions; `sql_compiler.Compiler` adds queries, columns and aggregates."""

    def __init__(self, emitter: Emitter) -> None:
        self.emitter = emitter

    def value(self, node: exp.Expr, *, positive: bool = False) -> Value:
        """An expression in the target's dialect.

        Args:
            node: of a bound query.
            positive: it is a condition of which only truth matters, so that a conjunct which is
                implied by it may be added for the sake of an index.

        Raises:
            Refused: the target has nothing that gives DuckDB's values.
        """
        method = self._methods.get(type(node))
        if method is None:
            raise Refused(_name(node))
        return method(self, node, positive)

    def condition(self, node: exp.Expr, *, positive: bool = True) -> str:
        """A condition as text."""
        return self._truth(self.value(node, positive=positive))

    def _truth(self, value: Value) -> str:
        if value.kind not in ("bool", "null"):
            raise Refused(f"{value.kind} as a condition")
        return self.emitter.truth(value)

    # -- constants and structure -----------------------------------------------------------

    def _literal(self, node: exp.Literal, _: bool) -> Value:
        text = str(node.this)
        if node.is_string:
            return constant(text)
        if re.fullmatch(r"\d+", text):
            return constant(int(text))
        if re.fullmatch(r"\d*\.\d*", text) and len(text) <= 38:
            return constant(Decimal(text))
        return constant(float(text))

    def _boolean(self, node: exp.Boolean, _: bool) -> Value:
        return constant(bool(node.this))

    def _null(self, node: exp.Expr, _: bool) -> Value:
        return constant(None)

    def _paren(self, node: exp.Paren, positive: bool) -> Value:
        expect(node, "this")
        return self.value(node.this, positive=positive)

    def _logic(self, node: exp.Expr, positive: bool) -> Value:
        """AND and OR, flat, so that a thousand terms are not a thousand levels."""
        expect(node, "this", "expression")
        word = " AND " if isinstance(node, exp.And) else " OR "
        parts = [self.condition(n, positive=positive) for n in _flat(node, type(node))]
        return truth(f"({word.join(parts)})")

    def _not(self, node: exp.Not, _: bool) -> Value:
        return truth(self.emitter.text("not", self.condition(node.this, positive=False)))

    # -- comparisons -----------------------------------------------------------------------

    def _comparison(self, node: exp.Expr, positive: bool) -> Value:
        expect(node, "this", "expression")
        left, right = self.value(node.args["this"]), self.value(node.args["expression"])
        return self.compare(COMPARISONS[type(node)], left, right, positive)

    def compare(self, operator: str, left: Value, right: Value, positive: bool = False) -> Value:
        """`left operator right`, where it helps together with the comparison of what is stored."""
        emitter = self.emitter
        if left.constant and not right.constant:
            left, right, operator = right, left, _MIRRORED[operator]
        if emitter.lacks(right):
            if operator not in ("=", "!="):
                raise Refused("order of text that no column can hold")
            return truth(emitter.op("never" if operator == "=" else "always", left))
        right = _narrowed(left, right)
        stored, exact = self._stored(operator, left, right)
        if stored and exact:
            return truth(stored)
        sql = emitter.op(operator, *emitter.unified((left, right)))
        if stored and positive:
            sql = f"({stored} AND {sql})"
        return truth(sql)

    def _stored(self, operator: str, left: Value, right: Value) -> tuple[str, bool]:
        """The comparison in stored form, and whether it is exact; empty where there is none."""
        rule = self._rule(operator, left)
        if rule is None:
            return "", False
        if right.constant:
            bound = self._stored_constant(rule, left, right)
            return (self.emitter.text(operator, left.raw, bound), rule.exact) if bound else ("", False)
        if operator == "=" and right.raw and left.native == right.native:
            return self.emitter.text("=", left.raw, right.raw), rule.exact
        return "", False

    def _rule(self, operator: str, value: Value) -> RawRule | None:
        rule = self.emitter.dialect.raw.get(value.native.partition(":")[0]) if value.raw else None
        return rule if rule is not None and operator in rule.operators else None

    def _stored_constant(self, rule: RawRule, column: Value, item: Value) -> str:
        if column.kind != item.kind:
            if column.kind in NUMERIC:
                return ""  # 1.5 is no integer: only the exact form can say so
            item = converted_constant(item, column.kind, column.scale)
        if rule.pattern is not None and not re.fullmatch(rule.pattern, str(item.value)):
            return ""
        return self.emitter.bound(item.value, item.kind, rule.literal)

    def _null_safe(self, node: exp.Expr, _: bool) -> Value:
        expect(node, "this", "expression")
        pair = self.emitter.unified((self.value(node.args["this"]), self.value(node.args["expression"])))
        sql = self.emitter.op("null safe =", *pair)
        if isinstance(node, exp.NullSafeNEQ):
            sql = self.emitter.text("not", sql)
        return truth(sql, nullable=False)

    def _is(self, node: exp.Is, _: bool) -> Value:
        expect(node, "this", "expression")
        value = self.value(node.this)
        if isinstance(node.expression, exp.Null):
            return truth(self.emitter.op("is null", value), nullable=False)
        if isinstance(node.expression, exp.Boolean) and value.kind == "bool":
            name = "is true" if node.expression.this else "is false"
            return truth(self.emitter.op(name, value), nullable=False)
        raise Refused(_name(node))

    def _between(self, node: exp.Between, positive: bool) -> Value:
        expect(node, "this", "low", "high")
        value = self.value(node.this)
        low = self.compare(">=", value, self.value(node.args["low"]), positive)
        high = self.compare("<=", value, self.value(node.args["high"]), positive)
        return truth(self.emitter.text("and", self.emitter.truth(low), self.emitter.truth(high)))

    def _in(self, node: exp.In, positive: bool) -> Value:
        expect(node, "this", "expressions", "query")
        value = self.value(node.this)
        if node.args.get("query"):
            return self.in_query(value, node.args["query"])
        return self.in_list(value, [self.value(item) for item in node.expressions], positive)

    def in_list(self, value: Value, items: list[Value], positive: bool = False) -> Value:
        """`value IN (items)`, where it helps together with the stored form."""
        emitter = self.emitter
        possible = [i for i in items if not emitter.lacks(i)]
        if items and not possible:
            return truth(emitter.op("never", value))
        longest = emitter.dialect.longest_in
        if longest is not None and len(possible) > longest:
            raise Refused(f"IN over more than {longest} values")
        items = possible
        items = [_narrowed(value, item) for item in items]
        rule, raw = self._rule("=", value), ""
        if rule is not None and all(item.constant for item in items):
            bound = [self._stored_constant(rule, value, item) for item in items]
            if all(bound):
                raw = emitter.text("in", value.raw, *bound)
        if raw and rule is not None and rule.exact:
            return truth(raw)
        value, *items = emitter.unified([value, *items])
        if emitter.knows("in", value.kind):
            sql = emitter.op("in", value, *items)
        else:
            sql = f"({' OR '.join(emitter.op('=', value, item) for item in items)})"
        return truth(f"({raw} AND {sql})" if raw and positive else sql)

    def in_query(self, value: Value, query: exp.Expr) -> Value:
        """`value IN (SELECT ...)`."""
        raise NotImplementedError

    def _like(self, node: exp.Expr, _: bool) -> Value:
        expect(node, "this", "expression", "negate")
        return self._matched(node, None)

    def _escape(self, node: exp.Escape, _: bool) -> Value:
        expect(node, "this", "expression")
        mark = self.value(node.expression)
        if not (mark.constant and isinstance(mark.value, str) and len(mark.value) == 1 and mark.value not in "%_"):
            raise Refused("an ESCAPE that is not one character")
        return self._matched(node.this, mark)

    def _matched(self, node: exp.Expr, mark: Value | None) -> Value:
        if not isinstance(node, exp.Like | exp.ILike):
            raise Refused(_name(node))
        text, pattern = self.value(node.args["this"]), self.value(node.args["expression"])
        if {text.kind, pattern.kind} - {"text", "null"}:
            raise Refused("LIKE over something that is not text")
        if pattern.constant and "\x00" in pattern.value:
            raise Refused("a pattern with U+0000")
        if not self.emitter.dialect.any_character and not (pattern.constant and "_" not in pattern.value):
            raise Refused("a pattern that is not constant, or with an underscore")
        operands = [text, pattern]
        if isinstance(node, exp.ILike):
            operands = [self._cased("lower", v) for v in operands]
        sql = self.emitter.op("like", *operands) if mark is None else self.emitter.op("like escape", *operands, mark)
        if node.args.get("negate"):
            sql = self.emitter.text("not", sql)
        return truth(sql)

    # -- arithmetic ------------------------------------------------------------------------

    def _plus(self, node: exp.Expr, _: bool) -> Value:
        expect(node, "this", "expression")
        sign = -1 if isinstance(node, exp.Sub) else 1
        left = self.value(node.args["this"])
        if isinstance(node.args["expression"].unnest(), exp.Interval):
            return self._shifted(left, *_interval(node.args["expression"].unnest(), sign))
        right = self.value(node.args["expression"])
        if left.kind in NUMERIC and right.kind in NUMERIC:
            left, right = self.emitter.unified((left, right))
            sql = self.emitter.op("+" if sign > 0 else "-", left, right)
            return Value(sql=sql, kind=left.kind, scale=left.scale)
        if left.kind == "date" and right.kind == "int":
            days = self.emitter.sql(right) if sign > 0 else self.emitter.op("neg", right)
            return Value(sql=self.emitter.text("add days", self.emitter.sql(left), days), kind="date")
        if left.kind == "date" and right.kind == "date" and sign < 0:
            return Value(sql=self.emitter.op("days between", left, right), kind="int")
        raise Refused(f"{left.kind} {'+' if sign > 0 else '-'} {right.kind}")

    def _date_add(self, node: exp.Expr, _: bool) -> Value:
        expect(node, "this", "expression")
        interval = node.args["expression"].unnest()
        if not isinstance(interval, exp.Interval):
            raise Refused(_name(node))
        sign = -1 if isinstance(node, exp.DateSub) else 1
        return self._shifted(self.value(node.args["this"]), *_interval(interval, sign))

    def _shifted(self, value: Value, months: int, days: int, microseconds: int) -> Value:
        if value.kind == "date":
            value = self.emitter.convert(value, "timestamp")
        if value.kind not in ("timestamp", "timestamptz"):
            raise Refused(f"an interval added to {value.kind}")
        if value.constant:
            return constant(shifted(value.value, months, days, microseconds))
        bound = [self.emitter.bound(months, "int32"), self.emitter.bound(days, "int32")]
        bound.append(self.emitter.bound(microseconds, "int"))
        if months and not self.emitter.has("add interval"):
            raise Refused(f"months added in {self.emitter.dialect.name}")
        if not self.emitter.has("add interval"):
            return Value(sql=self.emitter.text("add time", value.sql, *bound[1:]), kind=value.kind)
        return Value(sql=self.emitter.text("add interval", value.sql, *bound), kind=value.kind)

    def _times(self, node: exp.Mul, _: bool) -> Value:
        expect(node, "this", "expression")
        left, right = self._numbers(node)
        if "double" in (left.kind, right.kind):
            left, right = self.emitter.unified((left, right))
            return Value(sql=self.emitter.op("*", left, right), kind="double")
        scale = left.scale + right.scale
        if scale > (self.emitter.dialect.product_scale if (left.kind, right.kind) != ("int", "int") else MAX_SCALE):
            raise Refused(f"a product of {scale} decimal places")
        kind = "int" if left.kind == right.kind == "int" else "decimal"
        return Value(sql=self.emitter.op("*", left, right), kind=kind, scale=scale)

    def _divide(self, node: exp.Div, _: bool) -> Value:
        """DuckDB divides as doubles, and by zero to infinity."""
        expect(node, "this", "expression")
        left, right = (self.emitter.convert(v, "double") for v in self._numbers(node))
        operation = "/" if _never_zero(node.expression) or _counts_rows(node) else "/ any"
        return Value(sql=self.emitter.op(operation, left, right), kind="double")

    def _divide_whole(self, node: exp.Expr, _: bool) -> Value:
        expect(node, "this", "expression")
        left, right = self._numbers(node)
        if left.kind != "int" or right.kind != "int" or not _never_zero(node.args["expression"]):
            raise Refused("integer division by what may be zero or is no integer")
        operation = "//" if isinstance(node, exp.IntDiv) else "%"
        return Value(sql=self.emitter.op(operation, left, right), kind="int")

    def _negative(self, node: exp.Neg, _: bool) -> Value:
        value = self.value(node.this)
        if value.kind not in NUMERIC:
            raise Refused(f"minus {value.kind}")
        if value.constant:
            return replace(value, value=-value.value)
        return Value(sql=self.emitter.op("neg", value), kind=value.kind, scale=value.scale)

    def _numbers(self, node: exp.Expr) -> tuple[Value, Value]:
        left, right = self.value(node.args["this"]), self.value(node.args["expression"])
        for value in (left, right):
            if value.kind not in NUMERIC:
                raise Refused(f"arithmetic with {value.kind}")
        return left, right

    def _abs(self, node: exp.Abs, _: bool) -> Value:
        value = self._numeric(node)
        return Value(sql=self.emitter.op("abs", value), kind=value.kind, scale=value.scale)

    def _round(self, node: exp.Round, _: bool) -> Value:
        expect(node, "this", "decimals")
        places = self._whole(node.args.get("decimals"), 0)
        if not 0 <= places <= 15:
            raise Refused("ROUND to these places")
        return self.emitter.rounded(self._numeric(node), places)

    def _floor(self, node: exp.Expr, _: bool) -> Value:
        expect(node, "this")
        value = self._numeric(node)
        if value.kind == "int":
            raise Refused("FLOOR or CEIL of an integer")
        return Value(sql=self.emitter.op("floor" if isinstance(node, exp.Floor) else "ceil", value), kind=value.kind)

    def _numeric(self, node: exp.Expr) -> Value:
        value = self.value(node.this)
        if value.kind not in NUMERIC:
            raise Refused(f"{_name(node)} of {value.kind}")
        return value

    def _whole(self, node: exp.Expr | None, default: int) -> int:
        if node is None:
            return default
        value = self.value(node)
        if not (value.constant and value.kind == "int" and abs(value.value) < 2**31):
            raise Refused("a position that is not a number")
        return int(value.value)

    # -- choices ---------------------------------------------------------------------------

    def _case(self, node: exp.Case, _: bool) -> Value:
        expect(node, "this", "ifs", "default")
        subject = self.value(node.this) if node.this else None
        conditions = []
        for branch in node.args["ifs"]:
            if subject is None:
                conditions.append(self.condition(branch.this, positive=False))
            else:
                conditions.append(self.compare("=", subject, self.value(branch.this)).sql)
        default = node.args.get("default")
        results = [self.value(branch.args["true"]) for branch in node.args["ifs"]]
        return self._chosen(conditions, [*results, self.value(default) if default is not None else constant(None)])

    def _if(self, node: exp.If, _: bool) -> Value:
        expect(node, "this", "true", "false")
        default = node.args.get("false")
        results = [
            self.value(node.args["true"]),
            self.value(default) if default is not None else constant(None),
        ]
        return self._chosen([self.condition(node.this, positive=False)], results)

    def _chosen(self, conditions: list[str], results: list[Value]) -> Value:
        results = self.emitter.unified(results)
        if results[0].kind == "null" and not self.emitter.dialect.truth:
            raise Refused("a choice between NULLs")
        texts = [self.emitter.sql(r) for r in results]
        whens = " ".join(f"WHEN {c} THEN {r}" for c, r in zip(conditions, texts, strict=False))
        return Value(sql=f"(CASE {whens} ELSE {texts[-1]} END)", kind=results[0].kind, scale=results[0].scale)

    def _variadic(self, node: exp.Expr, _: bool) -> Value:
        expect(node, "this", "expressions")
        names: dict[type[exp.Expr], str] = {
            exp.Coalesce: "coalesce",
            exp.Greatest: "greatest",
            exp.Least: "least",
        }
        name = names[type(node)]
        values = self.emitter.unified([self.value(n) for n in (node.args["this"], *node.expressions)])
        kind = next((v.kind for v in values if v.kind != "null"), "null")
        if name != "coalesce" and kind == "text":
            raise Refused(f"{name} of text")
        return Value(sql=self.emitter.op(name, *values), kind=kind, scale=max(v.scale for v in values))

    def _nullif(self, node: exp.Nullif, _: bool) -> Value:
        expect(node, "this", "expression")
        left, right = self.value(node.this), self.value(node.expression)
        if left.kind == "null" or right.kind == "null":
            raise Refused("NULLIF of NULL")
        first, second = self.emitter.unified((left, right))
        if first.kind != left.kind or first.scale != left.scale:
            raise Refused("NULLIF over different types")
        return Value(sql=self.emitter.op("nullif", first, second), kind=first.kind, scale=first.scale)

    def _cast(self, node: exp.Cast, _: bool) -> Value:
        expect(node, "this", "to", "_type")
        wanted: exp.DataType = node.args["to"]
        name = wanted.this.value if isinstance(wanted.this, exp.DataType.Type) else str(wanted.this)
        kind = _CASTS.get(name)
        if kind is None:
            raise Refused(f"CAST to {name}")
        scale = 0
        if kind == "decimal":
            sizes = [int(p.this.this) for p in wanted.expressions]
            scale = sizes[1] if len(sizes) > 1 else 0 if sizes else 3
            if scale > MAX_SCALE:
                raise Refused(f"{scale} decimal places")
        return self.emitter.convert(self.value(node.this), kind, scale)

    # -- text ------------------------------------------------------------------------------

    def _text(self, node: exp.Expr) -> Value:
        value = self.value(node)
        if value.kind not in ("text", "null"):
            raise Refused(f"a text function over {value.kind}")
        return value

    def _case_function(self, node: exp.Expr, _: bool) -> Value:
        expect(node, "this")
        return self._cased("lower" if isinstance(node, exp.Lower) else "upper", self._text(node.this))

    def _cased(self, name: str, value: Value) -> Value:
        if value.constant and isinstance(value.value, str) and value.value.isascii():
            return constant(value.value.lower() if name == "lower" else value.value.upper())
        return Value(sql=self.emitter.op(name, value), kind="text")

    def _length(self, node: exp.Length, _: bool) -> Value:
        expect(node, "this")
        return Value(sql=self.emitter.op("length", self._text(node.this)), kind="int")

    def _substring(self, node: exp.Substring, _: bool) -> Value:
        expect(node, "this", "start", "length")
        start = self._whole(node.args.get("start"), 1)
        bound = [self.emitter.bound(start, "int32")]
        if node.args.get("length") is not None:
            length = self._whole(node.args["length"], 0)
            bound.append(self.emitter.bound(length, "int32"))
            if length < 0:
                raise Refused("SUBSTRING of negative length")
        if start < 1:
            raise Refused("SUBSTRING that starts before the text")
        text = self.emitter.sql(self._text(node.this))
        return Value(
            sql=self.emitter.text("substring to" if len(bound) > 1 else "substring", text, *bound),
            kind="text",
        )

    def _end(self, node: exp.Expr, _: bool) -> Value:
        expect(node, "this", "expression")
        count = self._whole(node.args["expression"], 0)
        if count < 1:
            raise Refused("LEFT or RIGHT of no or negative length")
        text = self.emitter.sql(self._text(node.args["this"]))
        name = "left" if isinstance(node, exp.Left) else "right"
        return Value(sql=self.emitter.text(name, text, self.emitter.bound(count, "int32")), kind="text")

    def _concat_operator(self, node: exp.DPipe, _: bool) -> Value:
        expect(node, "this", "expression")
        left, right = self._text(node.this), self._text(node.expression)
        return Value(sql=self.emitter.op("concat", left, right), kind="text")

    def _concat(self, node: exp.Concat, _: bool) -> Value:
        """CONCAT skips NULLs."""
        expect(node, "expressions")
        empty = self.emitter.sql(constant(""))
        parts = [self.emitter.text("coalesce", self.emitter.sql(self._text(n)), empty) for n in node.expressions]
        sql = parts[0]
        for part in parts[1:]:
            sql = self.emitter.text("concat", sql, part)
        return Value(sql=sql, kind="text", nullable=False)

    def _replace(self, node: exp.Replace, _: bool) -> Value:
        expect(node, "this", "expression", "replacement")
        values = [self._text(node.args[a]) for a in ("this", "expression", "replacement")]
        if not (values[1].constant and values[1].value):
            raise Refused("REPLACE of what is not a constant")
        return Value(sql=self.emitter.op("replace", *values), kind="text")

    def _search(self, node: exp.Expr, _: bool) -> Value:
        expect(node, "this", "substr", "expression")
        sought = self._text(node.args.get("substr") or node.args["expression"])
        if not (sought.constant and sought.value):
            raise Refused("a search for what is not a constant")
        text = self._text(node.args["this"])
        if isinstance(node, exp.StartsWith | exp.EndsWith):
            name = "starts with" if isinstance(node, exp.StartsWith) else "ends with"
            return truth(self.emitter.op(name, text, sought))
        if isinstance(node, exp.Contains):
            name = "contains" if self.emitter.has("contains") else "position"
            return truth(f"({self.emitter.op(name, text, sought)} > 0)")
        sql = self.emitter.op("position", text, sought)
        return Value(sql=sql, kind="int")

    # -- time ------------------------------------------------------------------------------

    def _temporal(self, node: exp.Expr) -> Value:
        value = self.value(node)
        if value.kind not in ("date", "timestamp", "timestamptz"):
            raise Refused(f"a date function over {value.kind}")
        return value

    def _trunc(self, node: exp.Expr, _: bool) -> Value:
        expect(node, "this", "unit")
        unit = node.args["unit"].name.lower()
        value = self._temporal(node.args["this"])
        if unit not in _UNITS:
            raise Refused(f"DATE_TRUNC to {unit}")
        if value.kind == "date":
            value = self.emitter.convert(value, "timestamp")
        return Value(sql=self.emitter.op(f"trunc {unit}", value), kind=value.kind)

    def _part(self, node: exp.Expr, _: bool) -> Value:
        expect(node, "this")
        return self._extracted(_PARTS[type(node)], node.args["this"])

    def _extract(self, node: exp.Extract, _: bool) -> Value:
        expect(node, "this", "expression")
        return self._extracted(node.this.name.lower(), node.expression)

    def _extracted(self, unit: str, operand: exp.Expr) -> Value:
        unit = _PART_NAMES.get(unit, unit)
        value = self._temporal(operand)
        if value.kind == "date" and unit in _TIME_PARTS:
            raise Refused(f"the {unit} of a date")
        return Value(sql=self.emitter.op(f"extract {unit}", value), kind="int")

    def _date_diff(self, node: exp.DateDiff, _: bool) -> Value:
        expect(node, "this", "expression", "unit", "date_part_boundary")
        unit = node.args["unit"].name.lower() if node.args.get("unit") else "day"
        ends = [self.emitter.convert(self._temporal(node.args[a]), "date") for a in ("this", "expression")]
        if unit == "day":
            return Value(sql=self.emitter.op("days between", *ends), kind="int")
        per_year = {"month": 12, "quarter": 4, "year": 1}.get(unit)
        if per_year is None:
            raise Refused(f"DATE_DIFF in {unit}")
        counts = []
        for end in ends:
            count = f"({self.emitter.op('extract year', end)} * {per_year}"
            counts.append(f"{count} + {self.emitter.op(f'extract {unit}', end)})" if per_year > 1 else f"{count})")
        return Value(sql=self.emitter.text("-", *counts), kind="int")

    def _strftime(self, node: exp.TimeToStr, _: bool) -> Value:
        expect(node, "this", "format")
        value, pattern = self.value(node.this), self.value(node.args["format"])
        if value.kind == "text":
            value, pattern = pattern, value
        if value.kind not in ("date", "timestamp") or not pattern.constant or pattern.kind != "text":
            raise Refused("STRFTIME of this")
        words = re.findall(r"%.|[^%]", pattern.value)
        formats = self.emitter.dialect.formats
        if "".join(words) != pattern.value or any(w not in formats and w not in "-/:. " for w in words):
            raise Refused(f"STRFTIME with {pattern.value!r}")
        if value.kind == "date":
            value = self.emitter.convert(value, "timestamp")
        text = "".join(formats.get(w, w) for w in words)
        bound = self.emitter.dialect.bound_groups  # elsewhere a format is written, so that it may be grouped by
        translated = constant(text) if bound else Value(sql=f"'{text}'", kind="text")
        return Value(sql=self.emitter.op("strftime", value, translated), kind="text")

    def _anonymous(self, node: exp.Anonymous, positive: bool) -> Value:
        """Functions that the parser has no class for."""
        name, arguments = str(node.this).lower(), node.expressions
        if name in ("date_part", "datepart") and len(arguments) == 2 and isinstance(arguments[0], exp.Literal):
            return self._extracted(str(arguments[0].this).lower(), arguments[1])
        if name in ("prefix", "suffix") and len(arguments) == 2:
            kind = exp.StartsWith if name == "prefix" else exp.EndsWith
            return self._search(kind(this=arguments[0], expression=arguments[1]), positive)
        raise Refused(name.upper())

    _methods: ClassVar[dict[type[exp.Expr], Callable[[Any, Any, bool], Value]]] = {
        exp.Literal: _literal,
        exp.Boolean: _boolean,
        exp.Null: _null,
        exp.Paren: _paren,
        exp.And: _logic,
        exp.Or: _logic,
        exp.Not: _not,
        **dict.fromkeys(COMPARISONS, _comparison),
        exp.NullSafeEQ: _null_safe,
        exp.NullSafeNEQ: _null_safe,
        exp.Is: _is,
        exp.Between: _between,
        exp.In: _in,
        exp.Like: _like,
        exp.ILike: _like,
        exp.Escape: _escape,
        exp.Add: _plus,
        exp.Sub: _plus,
        exp.DateAdd: _date_add,
        exp.DateSub: _date_add,
        exp.Mul: _times,
        exp.Div: _divide,
        exp.IntDiv: _divide_whole,
        exp.Mod: _divide_whole,
        exp.Neg: _negative,
        exp.Abs: _abs,
        exp.Round: _round,
        exp.Floor: _floor,
        exp.Ceil: _floor,
        exp.Case: _case,
        exp.If: _if,
        exp.Coalesce: _variadic,
        exp.Greatest: _variadic,
        exp.Least: _variadic,
        exp.Nullif: _nullif,
        exp.Cast: _cast,
        exp.Lower: _case_function,
        exp.Upper: _case_function,
        exp.Length: _length,
        exp.Substring: _substring,
        exp.Left: _end,
        exp.Right: _end,
        exp.DPipe: _concat_operator,
        exp.Concat: _concat,
        exp.Replace: _replace,
        exp.StrPosition: _search,
        exp.Contains: _search,
        exp.StartsWith: _search,
        exp.EndsWith: _search,
        exp.TimestampTrunc: _trunc,
        exp.DateTrunc: _trunc,
        **dict.fromkeys(_PARTS, _part),
        exp.Extract: _extract,
        exp.DateDiff: _date_diff,
        exp.TimeToStr: _strftime,
        exp.Anonymous: _anonymous,
    }


def _flat(node: exp.Expr, kind: type[exp.Expr]) -> Iterable[exp.Expr]:
    """The operands of a chain of one logical operator, from left to right."""
    stack, found = [node], []
    while stack:
        one = stack.pop()
        if type(one) is kind:
            stack += [one.args["expression"], one.args["this"]]
        else:
            found.append(one)
    return found


def _interval(node: exp.Interval, sign: int) -> tuple[int, int, int]:
    """Months, days and microseconds of a constant interval."""
    unit = node.args["unit"].name.lower().rstrip("s") if node.args.get("unit") else ""
    amount = node.this.unnest() if node.this is not None else None
    if isinstance(amount, exp.Neg):
        sign, amount = -sign, amount.this
    if (
        unit not in _INTERVALS
        or not isinstance(amount, exp.Literal)
        or not re.fullmatch(r"-?\d{1,6}", str(amount.this))
    ):
        raise Refused("an interval that is not a constant")
    months, days, microseconds = _INTERVALS[unit]
    count = sign * int(amount.this)
    return months * count, days * count, microseconds * count


def _never_zero(node: exp.Expr) -> bool:
    node = node.unnest()
    if isinstance(node, exp.Nullif):
        zero = node.expression.unnest()
        return isinstance(zero, exp.Literal) and not zero.is_string and float(zero.this) == 0
    return isinstance(node, exp.Literal) and not node.is_string and float(node.this) != 0


def _counts_rows(node: exp.Div) -> bool:
    """The divisor is a COUNT(*) that is not 0, or only where the dividend is NULL: no rows, no sum."""
    divisor = node.expression.unnest()
    if not (isinstance(divisor, exp.Count) and isinstance(divisor.this, exp.Star)):
        return False
    select = node.find_ancestor(exp.Select)
    if select is not None and select.args.get("group"):
        return True
    dividend = node.this.unnest()
    while isinstance(dividend, exp.Mul):  # 100.0 * SUM(x), SUM(x) * 100.0
        left, right = dividend.this.unnest(), dividend.expression.unnest()
        dividend = right if isinstance(left, exp.Literal) else left
    return isinstance(dividend, exp.Sum | exp.Avg | exp.Min | exp.Max)


def _name(node: exp.Expr) -> str:
    return node.key.upper()


def _narrowed(column: Value, item: Value) -> Value:
    """A moment at midnight as a date, where it is compared with a date: the column stays as it is."""
    if column.kind == "date" and item.constant and item.kind == "timestamp" and item.value.time() == dt.time():
        return constant(item.value.date())
    return item
