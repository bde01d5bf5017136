"""Scans as OData query options, and what of a scan OData executes as SQL would.

`eq null` is true for null in OData, so `ne` and `not` match records that SQL's null leaves out: negations are pushed
down to the comparisons, and each is guarded by `ne null` where the property may be null. Text is compared as
the service's database compares it, which OData does not tell: LOOSE unless the operator says that it is exact.

Source: OData URL Conventions 4.01, sections 5.1.1 (filter) and 5.1.2 to 5.1.6; OData Data Aggregation 4.0,
section 3; OData 2.0 URI Conventions, section 4, and Overview, section 6 (primitive types).
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from groundwire.connectors.conditions import values_of, without_not
from groundwire.connectors.odata_metadata import EntitySet, Property, Service
from groundwire.core.connector import Aggregate, And, Comparison, Not, Or, Predicate, Pushdown, Scan

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_INTEGERS = {"Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64"}
_RANGES = {"Edm.Byte": (0, 255), "Edm.SByte": (-128, 127), "Edm.Int16": (-(2**15), 2**15 - 1)}
_NUMBERS = _INTEGERS | {"Edm.Decimal", "Edm.Double"}
_MOMENTS = {"Edm.DateTime", "Edm.DateTimeOffset"}
_DAYS = {"Edm.Date"}
_PYTHON: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(_INTEGERS, (int,)),
    "Edm.Decimal": (int, Decimal),
    "Edm.Double": (int, float, Decimal),
    "Edm.Date": (dt.date,),
    "Edm.DateTime": (dt.date,),
    "Edm.DateTimeOffset": (dt.datetime,),
    "Edm.TimeOfDay": (dt.time,),
    "Edm.Time": (dt.time,),
}
"""What a filter's values must be, for the types that compare as in SQL."""
_WORDS = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_FUNCTIONS = {"sum": "sum", "min": "min", "max": "max", "avg": "average", "count_distinct": "countdistinct"}
_STEP = 1000
"""Microseconds of the finest literal: services keep milliseconds, or compare no finer."""

Write = Callable[[Any, Property], str]


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """What one service was seen to execute.

    Attributes:
        version: 2 or 4.
        nulls: `eq null` and `ne null`.
        lists: the `in` operator.
        paths: filters over navigations to one record.
        apply: `$apply` with groups, aggregates and filters.
        exact_text: text is equal where its code points are.
    """

    version: int = 4
    nulls: bool = True
    lists: bool = False
    paths: bool = False
    apply: bool = False
    exact_text: bool = False


# -- what is executed as in SQL --------------------------------------------------------------


def find(service: Service, entity_set: EntitySet, path: str) -> Property | None:
    """The property at the end of a path over navigations to one record."""
    *steps, last = path.split(".")
    for step in steps:
        way = entity_set.navigations.get(step)
        if way is None or way.many or way.target not in service.sets:
            return None
        entity_set = service.sets[way.target]
    return entity_set.properties.get(last)


def filter_support(p: Property, comparison: Comparison, dialect: Dialect) -> Pushdown:
    """How faithfully a filter over this property is executed."""
    op, values, behind_path = comparison.op, values_of(comparison), "." in comparison.field
    nullable = p.nullable or behind_path
    if not p.filterable or (behind_path and not dialect.paths) or p.edm in ("Edm.Single", "Edm.Duration"):
        return Pushdown.NONE
    if op in ("is null", "is not null"):
        return Pushdown.EXACT if dialect.nulls else Pushdown.NONE
    if op in ("!=", "not in") and nullable and not dialect.nulls:
        return Pushdown.NONE
    if p.edm == "Edm.String":
        return _text_support(op, values, dialect)
    if p.edm == "Edm.Guid":
        return _guid_support(op, values)
    if p.edm == "enum":
        known = op in ("=", "!=", "in", "not in") and set(values) <= set(p.values)
        return Pushdown.EXACT if known and p.values else Pushdown.NONE
    if p.edm == "Edm.Boolean":
        return Pushdown.EXACT if op in ("=", "!=") and isinstance(comparison.value, bool) else Pushdown.NONE
    if op == "like" or not all(_comparable(v, p) for v in values):
        return Pushdown.NONE
    if not any(isinstance(v, dt.datetime | dt.time) and v.microsecond % _STEP for v in values):
        return Pushdown.EXACT
    return Pushdown.LOOSE if op in ("<", "<=", ">", ">=") and isinstance(values[0], dt.datetime) else Pushdown.NONE


def _text_support(op: str, values: Sequence[Any], dialect: Dialect) -> Pushdown:
    if not all(isinstance(v, str) and "\0" not in v for v in values):
        return Pushdown.NONE
    if op == "like":  # one without any literal text would ask for everything
        return Pushdown.LOOSE if _pieces(values[0]) else Pushdown.NONE
    if op in ("=", "in"):
        return Pushdown.EXACT if dialect.exact_text else Pushdown.LOOSE
    return Pushdown.EXACT if op in ("!=", "not in") and dialect.exact_text else Pushdown.NONE


def _guid_support(op: str, values: Sequence[Any]) -> Pushdown:
    """Values are read in small letters; others are equal to none, which only SQL knows."""
    if op not in ("=", "!=", "in", "not in") or not all(isinstance(v, str) and _GUID.fullmatch(v) for v in values):
        return Pushdown.NONE
    if all(v == v.lower() for v in values):
        return Pushdown.EXACT
    return Pushdown.LOOSE if op in ("=", "in") else Pushdown.NONE


def _comparable(value: Any, p: Property) -> bool:
    """Whether there is a literal of the property's type for this value that loses nothing."""
    if isinstance(value, bool) or not isinstance(value, _PYTHON.get(p.edm, ())):
        return False
    if p.edm in _INTEGERS:
        low, high = _RANGES.get(p.edm, (-(2**31), 2**31 - 1) if p.edm == "Edm.Int32" else (-(2**63), 2**63 - 1))
        return isinstance(value, int) and low <= value <= high
    if isinstance(value, dt.datetime):
        return (value.tzinfo is not None) == (p.edm == "Edm.DateTimeOffset") and p.edm in _MOMENTS
    return not isinstance(value, float) or math.isfinite(value)


def aggregate_support(p: Property, aggregate: Aggregate, dialect: Dialect) -> bool:
    """Whether `$apply` computes this aggregate of a property as SQL does."""
    if not dialect.apply:
        return False
    if aggregate.function == "count":
        return not p.nullable
    if aggregate.function == "count_distinct":
        return p.edm in _NUMBERS | _DAYS or p.edm == "Edm.Guid" or (p.edm == "Edm.String" and dialect.exact_text)
    if aggregate.function in ("min", "max"):
        return p.edm in _NUMBERS | _MOMENTS | _DAYS
    # sums of 64 bits lose digits in services that count in binary floats, without a word
    return p.edm in _NUMBERS - {"Edm.Int64"}


def group_support(p: Property, path: str, dialect: Dialect) -> bool:
    """Whether `$apply` groups by exact values of a property."""
    if not dialect.apply or ("." in path and not dialect.paths):
        return False
    closed = p.edm in _INTEGERS | _DAYS | {"Edm.Boolean", "Edm.Guid", "enum"}
    return closed or (p.edm == "Edm.String" and dialect.exact_text)


def order_support(p: Property, dialect: Dialect) -> bool:
    """Whether records come in SQL's order; where nulls come is for `ordered_reads` to see to."""
    ordered = p.edm in _NUMBERS | _MOMENTS | _DAYS | {"Edm.Boolean"}
    return p.sortable and ordered and (not p.nullable or (dialect.nulls and p.filterable))


def ordered_reads(scan: Scan, nullable: Callable[[str], bool]) -> list[Scan] | None:
    """The scan as reads that follow one another, so that nulls come where they are asked for.

    OData has no word for the place of nulls, and services differ: records with and without a value are
    asked for apart. None where a key after the first may be null, which this can't bring in order.
    """
    if not scan.order or not any(nullable(o.field) for o in scan.order):
        return [scan]
    first, *rest = scan.order
    if any(nullable(o.field) for o in rest):
        return None
    there, missing = Comparison(field=first.field, op="is not null"), Comparison(field=first.field, op="is null")
    valued = replace(scan, where=_both(scan.where, there))
    empty = replace(scan, where=_both(scan.where, missing), order=tuple(rest))
    return [empty, valued] if first.nulls_first else [valued, empty]


def _both(where: Predicate | None, more: Comparison) -> Predicate:
    return more if where is None else And((where, more))


def probes(service: Service, tried: EntitySet) -> dict[str, dict[str, str]]:
    """Query options by which it shows on one entity set what a service executes, by `Dialect`'s names."""
    write = literal_v4 if service.version == 4 else literal_v2
    asked = {}
    one = {"$top": "1"}
    usable = [p for p in tried.properties.values() if p.filterable] if tried.filters else []
    optional = next((p for p in usable if p.nullable), None)
    if optional is not None:
        asked["nulls"] = {"$filter": f"{optional.name} ne null", **one}
    listed = next((p for p in usable if p.edm in _PROBED), None)
    if listed is not None and service.version == 4:
        asked["lists"] = {"$filter": f"{listed.name} in ({write(_PROBED[listed.edm], listed)})", **one}
    if tried.aggregates:
        asked["apply"] = {"$apply": f"filter({tried.keys[0]} ne null)/aggregate($count as gw0)" if tried.keys else ""}
    for way in tried.navigations.values():
        there = service.sets.get(way.target)
        if there is None or way.many or not way.on or not tried.filters:
            continue
        p = next((q for q in there.properties.values() if q.filterable and q.edm in _PROBED), None)
        if p is not None:
            asked["paths"] = {
                "$filter": f"{way.name}/{p.name} eq {write(_PROBED[p.edm], p)}",
                "$expand": way.name,
                **one,
            }
            break
    return asked


_PROBED: Mapping[str, Any] = {"Edm.String": "x", "Edm.Int32": 0, "Edm.Guid": "00000000-0000-0000-0000-000000000000"}


# -- query options ---------------------------------------------------------------------------


def encoded(options: Mapping[str, str]) -> str:
    """Query options as they stand in an address: a blank is `%20`, since services read `+` as a plus."""
    return "&".join(f"{quote(k, safe='$-')}={quote(v, safe=_SAFE)}" for k, v in options.items())


_SAFE = "(),/:'$;=*@"


class Compiler:
    """One scan as query options.

    Args:
        write: how values are written; `hidden` for reports.
    """

    def __init__(self, service: Service, dialect: Dialect, scan: Scan, write: Write | None = None) -> None:
        self.service = service
        self.dialect = dialect
        self.scan = scan
        self.set = service.sets[scan.entity.name]
        self.write: Write = write or (literal_v4 if dialect.version == 4 else literal_v2)

    def options(self) -> dict[str, str]:
        """Of a plain read: `$filter`, `$select`, `$expand`, `$orderby`."""
        found = {}
        if self.scan.where is not None:
            found["$filter"] = self.condition(self.scan.where)
        found |= self._select()
        if self.scan.order:
            keys = (f"{self.path(o.field)} {'desc' if o.descending else 'asc'}" for o in self.scan.order)
            found["$orderby"] = ",".join(keys)
        return found

    def apply(self) -> dict[str, str]:
        """Of groups and aggregates: `$apply`, with the aliases `gw0`, `gw1` in place of the scan's."""
        scan = self.scan
        calls = ",".join(f"{_call(a)} as gw{i}" for i, a in enumerate(scan.aggregates))
        step = f"aggregate({calls})" if calls else ""
        if scan.group_by:
            keys = ",".join(self.path(name) for name in scan.group_by)
            step = f"groupby(({keys}){',' + step if step else ''})"
        first = f"filter({self.condition(scan.where)})/" if scan.where is not None else ""
        return {"$apply": first + step}

    def path(self, name: str) -> str:
        """A dotted path with the slashes of OData."""
        return name.replace(".", "/")

    def _select(self) -> dict[str, str]:
        """Own properties are selected; those behind navigations are expanded with only what is asked for."""
        names = self.scan.fields
        own = [n for n in names if "." not in n] or list(self.set.keys) or list(self.set.properties)[:1]
        behind = [n for n in names if "." in n]
        if self.dialect.version == 2:
            ways = dict.fromkeys(self.path(n.rpartition(".")[0]) for n in behind)
            found = {"$select": ",".join([*own, *map(self.path, behind)])}
            return found | ({"$expand": ",".join(ways)} if ways else {})
        found = {"$select": ",".join(own)}
        return found | ({"$expand": ",".join(_expanded(behind))} if behind else {})

    def _property(self, path: str) -> Property:
        found = find(self.service, self.set, path)
        if found is None:
            raise KeyError(path)
        return found

    # -- filters ---------------------------------------------------------------------------

    def condition(self, predicate: Predicate) -> str:
        """A predicate as a filter expression with SQL's meaning."""
        return self._condition(without_not(predicate))

    def _condition(self, predicate: Predicate) -> str:
        if isinstance(predicate, And | Or):
            word = " and " if isinstance(predicate, And) else " or "
            return "(" + word.join(self._condition(t) for t in predicate.terms) + ")"
        if isinstance(predicate, Not):
            return f"not {self._condition(predicate.term)}"
        return self._comparison(predicate)

    def _comparison(self, c: Comparison) -> str:
        p, name = self._property(c.field), self.path(c.field)
        guard = f" and {name} ne null" if p.nullable or "." in c.field else ""
        if c.op in ("is null", "is not null"):
            return f"{name} {'eq' if c.op == 'is null' else 'ne'} null"
        if c.op == "like":
            return self._like(name, c.value, p)
        if c.op == "in":
            return self._in(name, c.value, p)
        if c.op == "not in":
            return "(" + " and ".join(f"{name} ne {self.write(v, p)}" for v in c.value) + guard + ")"
        if c.op == "!=":
            return f"({name} ne {self.write(c.value, p)}{guard})"
        op, value = _WORDS[c.op], c.value
        if isinstance(value, dt.datetime) and value.microsecond % _STEP:
            op, value = _widened(c.op, value)
        return f"{name} {op} {self.write(value, p)}"

    def _in(self, name: str, values: Sequence[Any], p: Property) -> str:
        if self.dialect.lists:
            return f"{name} in ({','.join(self.write(v, p) for v in values)})"
        return "(" + " or ".join(f"{name} eq {self.write(v, p)}" for v in values) + ")"

    def _like(self, name: str, pattern: str, p: Property) -> str:
        """What every match has: a beginning, an end, and pieces in between."""
        tests = []
        for function, piece in _pieces(pattern):
            text = self.write(piece, p)
            if function == "eq":
                return f"{name} eq {text}"
            if function == "contains" and self.dialect.version == 2:
                tests.append(f"substringof({text},{name})")
            else:
                tests.append(f"{function}({name},{text})")
        joined = " and ".join(f"{t} eq true" if self.dialect.version == 2 else t for t in tests)
        return f"({joined})" if len(tests) > 1 else joined


def _pieces(pattern: str) -> list[tuple[str, str]]:
    """The literal parts of a LIKE pattern and where they stand."""
    if "%" not in pattern and "_" not in pattern:
        return [("eq", pattern)]
    parts = re.split("[%_]+", pattern)
    last = len(parts) - 1
    places = ["startswith" if i == 0 else "endswith" if i == last else "contains" for i in range(len(parts))]
    return [(place, part) for place, part in zip(places, parts, strict=True) if part]


def _widened(op: str, value: dt.datetime) -> tuple[str, dt.datetime]:
    """A bound on a whole millisecond that leaves out nothing."""
    down = value.replace(microsecond=value.microsecond // _STEP * _STEP)
    return ("ge", down) if op in (">", ">=") else ("le", down + dt.timedelta(microseconds=_STEP))


def _expanded(paths: Sequence[str]) -> Iterator[str]:
    """`a.b.c` and `a.d` as `a($select=d;$expand=b($select=c))`."""
    ways: dict[str, list[str]] = {}
    for path in paths:
        step, _, rest = path.partition(".")
        ways.setdefault(step, []).append(rest)
    for step, rests in ways.items():
        own, deeper = [r for r in rests if "." not in r], [r for r in rests if "." in r]
        inner = [f"$select={','.join(own)}"] if own else []
        inner += [f"$expand={','.join(_expanded(deeper))}"] if deeper else []
        yield f"{step}({';'.join(inner)})"


def _call(a: Aggregate) -> str:
    if a.field is None or a.function == "count":
        return "$count"
    return f"{a.field.replace('.', '/')} with {_FUNCTIONS[a.function]}"


# -- literals --------------------------------------------------------------------------------


def hidden(_value: Any, _property: Property) -> str:
    """For reports, which hold no values."""
    return "?"


def _text(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _number(value: Any) -> str:
    """Without a plus in the exponent, which some services take for a blank."""
    if isinstance(value, float):
        return repr(value).replace("e+", "e")
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _moment(value: dt.datetime) -> str:
    return value.replace(tzinfo=None).isoformat(timespec="milliseconds" if value.microsecond else "seconds")


def literal_v4(value: Any, p: Property) -> str:
    """A value as version 4 writes it (OData ABNF Construction Rules 4.01)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return _moment(value.astimezone(dt.UTC)) + "Z"
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dt.time):
        return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    if p.edm == "enum":
        return f"{p.enum}{_text(value)}"
    return str(value) if p.edm == "Edm.Guid" else _text(value) if isinstance(value, str) else _number(value)


_SUFFIXES = {"Edm.Int64": "L", "Edm.Decimal": "M", "Edm.Double": "d"}


def literal_v2(value: Any, p: Property) -> str:
    """A value as version 2 writes it (OData 2.0 Overview, section 6)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        if p.edm == "Edm.DateTimeOffset":
            return f"datetimeoffset'{_moment(value.astimezone(dt.UTC))}Z'"
        return f"datetime'{_moment(value)}'"
    if isinstance(value, dt.date):
        return f"datetime'{value.isoformat()}T00:00:00'"
    if isinstance(value, dt.time):
        seconds = f"{value.second:02}" + (f".{value.microsecond // _STEP:03}" if value.microsecond else "")
        return f"time'PT{value.hour:02}H{value.minute:02}M{seconds}S'"
    if p.edm == "Edm.Guid":
        return f"guid'{value}'"
    if isinstance(value, str):
        return _text(value)
    exact = Decimal(repr(value)) if isinstance(value, float) else value
    return _number(exact) + _SUFFIXES.get(p.edm, "")
