"""Tryton, by its RPC over HTTP.

Domains are Tryton's predicates; dotted fields follow many2one relations. Where a domain's meaning is
not SQL's (see `supports`) it is declared LOOSE or not at all: an optional text field's null and
empty text are one to a domain, `!=` on a path matches records without the relation, and a computed
field is searched by code of its module. A boolean that was never set is false, as everywhere in Tryton.

A failed login is never repeated: Tryton slows down, and then locks out, with every failure.

Source: `trytond/protocols` and `trytond/model/fields` of Tryton 8.2; seen on running servers.
"""

from __future__ import annotations

import base64
import datetime as dt
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa
from pydantic import SecretStr

from groundwire.connectors import tryton_actions
from groundwire.connectors.conditions import without_not
from groundwire.connectors.http import Answer, Credentials, HTTPConnector, HTTPSettings
from groundwire.connectors.records import Convert, counted, record_batch, to_decimal
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import (
    Action,
    Aggregate,
    And,
    Capabilities,
    Comparison,
    Or,
    Predicate,
    Pushdown,
    Scan,
    ScanReport,
)
from groundwire.core.errors import AuthFailed, Conflict, RateLimited, Rejected, SourceError, Unavailable

MONEY = pa.decimal128(18, 4)
"""Tryton's numeric fields: prices and amounts with up to four decimal places."""

ERRORS: dict[str, type[SourceError]] = {
    "UserError": Rejected,
    "UserWarning": Rejected,
    "AccessError": Rejected,
    "AccessButtonError": Rejected,
    "LoginException": AuthFailed,
    "RateLimitException": RateLimited,
    "ConcurrencyException": Conflict,
    "TimeoutException": Unavailable,
    "nofield": Rejected,
}
"""Names that Tryton puts first in an error, as ours; what is not listed is Rejected."""

_TYPES: dict[str, pa.DataType] = {
    "integer": pa.int64(),
    "bigint": pa.int64(),
    "many2one": pa.int64(),
    "float": pa.float64(),
    "numeric": MONEY,
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "datetime": pa.timestamp("us", tz="UTC"),
    "char": pa.string(),
    "text": pa.string(),
    "selection": pa.string(),
}
_PYTHON: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "bigint": (int,),
    "many2one": (int,),
    "numeric": (int, Decimal),
    "float": (int, float),
    "date": (dt.date,),
    "timestamp": (dt.datetime,),
    "datetime": (dt.datetime,),
}
"""What a filter's values must be, for the kinds of field that compare as in SQL."""
_LONGEST_PATTERN = 1000


class TrytonSettings(HTTPSettings):
    """Settings of a Tryton source.

    `models` are Tryton's names, such as `account.invoice`; `company` is an id, by default the user's own;
    `active_test` false shows archived records too.
    """

    database: str
    username: str
    password: SecretStr
    models: tuple[str, ...] = (
        "party.party",
        "product.product",
        "sale.sale",
        "sale.line",
        "purchase.purchase",
        "account.invoice",
        "account.invoice.line",
    )
    company: int | None = None
    language: str = "en"
    active_test: bool = True


class TrytonConnector(HTTPConnector):
    """Models of one Tryton database."""

    Settings = TrytonSettings
    settings: TrytonSettings
    renews = True
    capabilities = Capabilities(
        paths=3,
        boolean=True,
        order=False,
        limit=True,
        aggregates=frozenset({"count"}),
        max_in=500,
        concurrency=2,
    )

    def __init__(self, name: str, settings: TrytonSettings) -> None:
        super().__init__(name, settings)
        self._context: dict[str, Any] = {}
        self._fields: dict[str, dict[str, Any]] = {}

    # -- RPC -------------------------------------------------------------------------------

    def login(self, report: ScanReport) -> Credentials:
        s = self.settings
        parameters = [s.username, {"password": s.password.get_secret_value()}, s.language]
        body = {"id": 1, "method": "common.db.login", "params": parameters}
        try:
            answer = self.exchange("POST", f"{s.database}/rpc/", credentials=None, report=report, json=body)
            result = None if self.expired(answer) else self._result(answer)
        except RateLimited:
            raise AuthFailed("too many failed logins, so Tryton accepts none for now", source=self.name) from None
        if not isinstance(result, list) or len(result) < 2:
            raise AuthFailed("user name or password were not accepted", source=self.name)
        token = base64.b64encode(f"{s.username}:{result[0]}:{result[1]}".encode()).decode()
        return Credentials(headers={"Authorization": f"Session {token}"})

    def _result(self, answer: Answer) -> Any:
        body = self.decoded(self.checked(answer))
        if not isinstance(body, dict) or not ("result" in body or "error" in body):
            raise Rejected("the answer is no RPC answer", source=self.name)
        if "error" in body:
            raise self._translated(body["error"])
        return body["result"]

    def _translated(self, error: Any) -> SourceError:
        name = str(error[0]) if isinstance(error, list) and error else "error"
        detail = error[1] if isinstance(error, list) and len(error) > 1 else ""
        message = detail[0] if isinstance(detail, list) and detail else detail
        return self.error(ERRORS.get(name.strip("'"), Rejected), f"{name}: {message}")

    def _call(self, method: str, *parameters: Any, report: ScanReport | None = None) -> Any:
        body = {"id": 2, "method": method, "params": list(parameters)}
        return self._result(self.ask("POST", f"{self.settings.database}/rpc/", json=body, report=report))

    def _user_context(self, report: ScanReport | None = None) -> dict[str, Any]:
        if not self._context:
            preferences = self._call("model.res.user.get_preferences", True, {}, report=report)
            if not isinstance(preferences, dict):
                raise Rejected("the answer holds no preferences", source=self.name)
            keep = ("company", "companies", "language", "employee")
            context = {k: preferences[k] for k in keep if preferences.get(k) is not None}
            if self.settings.company is not None:
                context["company"] = self.settings.company
            if not self.settings.active_test:
                context["active_test"] = False
            self._context = context
        return self._context

    def check(self) -> str:
        self._user_context()
        return f"Tryton, database {self.settings.database}, user {self.settings.username}"

    # -- discovery -------------------------------------------------------------------------

    def discover(self) -> list[Entity]:
        context = self._user_context()
        with ThreadPoolExecutor(max_workers=self.capabilities.concurrency) as pool:
            found = list(pool.map(lambda m: self._call(f"model.{m}.fields_get", [], context), self.settings.models))
        self._fields = dict(zip(self.settings.models, found, strict=True))
        return [self._entity(model) for model in self.settings.models]

    def learned(self) -> Any:
        return self._fields

    def recall(self, learned: Any) -> list[Entity]:
        self._fields = {model: learned[model] for model in self.settings.models}
        return [self._entity(model) for model in self.settings.models]

    def _entity(self, model: str) -> Entity:
        fields, relations = [], []
        for name, f in self._fields[model].items():
            type_ = _type(f)
            if type_ is not None:
                options = [o for o in f.get("selection") or () if isinstance(o, list | tuple) and o[0]]
                fields.append(
                    Field(
                        name=name,
                        type=type_,
                        label=f.get("string") or "",
                        description=(f.get("help") or "").strip(),
                        values=tuple(str(o[0]) for o in options) if f["type"] == "selection" else (),
                        labels={str(o[0]): str(o[1]) for o in options},
                        nullable=not f.get("required", False) and f["type"] != "boolean",
                    )
                )
            target = f.get("relation")
            if f["type"] == "many2one" and target in self._fields:
                native = name if f.get("searchable", True) else None
                relations.append(Relation(name=name, target=f"{self.name}.{target}", on=((name, "id"),), native=native))
            elif f["type"] == "one2many" and target in self._fields and f.get("relation_field"):
                pair = ("id", f["relation_field"])
                if self._fields[target].get(f["relation_field"], {}).get("type") == "many2one":
                    relations.append(Relation(name=name, target=f"{self.name}.{target}", on=(pair,), many=True))
        return Entity(
            source=self.name,
            name=model,
            fields=tuple(fields),
            primary_key=("id",),
            cursor="write_date",
            relations=tuple(relations),
            label=model.replace(".", " ").replace("_", " "),
        )

    def describe(self, name: str) -> Entity | None:
        """One model as it is now."""
        if name not in self.settings.models:
            return None
        self._fields[name] = self._call(f"model.{name}.fields_get", [], self._user_context())
        return self._entity(name)

    # -- changes ---------------------------------------------------------------------------

    def clock(self) -> dt.datetime | None:
        """The server's time, in whole seconds."""
        self._call("model.res.user.get_preferences", True, {})
        return self.date

    def open_since(self) -> dt.datetime | None:
        """Not told."""
        return None

    def changed_since(self, entity: Entity, cursor: str, value: Any) -> Predicate:
        """`write_date` has no value before the first change after the creation."""
        later = Comparison(field=cursor, op=">=", value=value)
        if cursor != "write_date" or entity.find_field("create_date") is None:
            return later
        created = Comparison(field="create_date", op=">=", value=value)
        return Or((later, And((Comparison(field=cursor, op="is null"), created))))

    def untracked(self, entity: Entity) -> frozenset[str]:
        """Computed and translated fields: a changed line changes its invoice's total, but not the invoice's date."""
        fields = self._fields.get(entity.name, {})
        return frozenset(n for n, f in fields.items() if f.get("loading") != "eager" and n not in ("id", "write_date"))

    # -- what may be done ------------------------------------------------------------------

    def actions(self, wanted: Mapping[str, Mapping[str, Any]]) -> Sequence[Action]:
        return tryton_actions.actions(self, wanted)

    # -- what can be pushed down -----------------------------------------------------------

    def _stored(self, entity: Entity, path: str) -> Mapping[str, Any] | None:
        """The field at the end of a path that leads over stored fields only.

        Stored fields are loaded eagerly; computed and translated ones are searched by other rules
        than those by which they are read (`rec_name` searches several fields).
        """
        model, parts = entity.name, path.split(".")
        for part in parts:
            found = self._fields.get(model, {}).get(part)
            if found is None or found.get("loading") != "eager" or not found.get("searchable", True):
                return None
            if part is not parts[-1]:
                if found["type"] != "many2one":
                    return None
                model = found["relation"]
        return found

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        field, behind_path = self._stored(entity, comparison.field), "." in comparison.field
        if field is None:
            return Pushdown.NONE
        kind, op = field["type"], comparison.op
        values = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
        if kind in ("char", "text"):
            return _text_support(field, op, values, behind_path)
        if kind == "boolean":
            told = op in ("=", "!=") and isinstance(comparison.value, bool)
            return Pushdown.EXACT if told and not behind_path else Pushdown.NONE
        if op in ("is null", "is not null"):
            # a domain on a path says nothing of records without the relation
            return Pushdown.NONE if behind_path else Pushdown.EXACT
        if behind_path and op in ("!=", "not in"):
            return Pushdown.NONE
        if kind == "selection":
            told = op in ("=", "in", "!=", "not in") and all(isinstance(v, str) and "\0" not in v for v in values)
            return Pushdown.EXACT if told else Pushdown.NONE
        if kind not in _PYTHON or op == "like" or not all(_comparable(v, kind) for v in values):
            return Pushdown.NONE
        return Pushdown.EXACT

    def aggregates(self, entity: Entity, aggregate: Aggregate) -> bool:
        return aggregate.function == "count" and aggregate.field is None

    # -- reading ---------------------------------------------------------------------------

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        self._check_names(scan)
        model, context = scan.entity.name, self._user_context(report)
        where = [] if scan.where is None else [domain(scan.where)]
        shown = [] if scan.where is None else [domain(scan.where, hide=True)]
        if context.get("active_test", True) and "active" in self._fields.get(model, {}):
            # a domain that names `active` would lift Tryton's own test, and show archived records
            where.append(["active", "=", True])
        if scan.aggregates:
            report.native.append(f"{model}.search_count({shown})")
            count = self._call(f"model.{model}.search_count", where, context, report=report)
            yield counted(count, scan.schema, source=self.name)
            return
        report.native.append(f"{model}.search_read({shown}, {list(scan.fields)})")
        names = list(dict.fromkeys(["id", *scan.fields]))
        left, last = scan.limit, 0
        while True:
            size = self.settings.page_rows if left is None else min(self.settings.page_rows, left)
            parameters = [[*where, ["id", ">", last]], 0, size, [["id", "ASC"]], names, context]
            rows = self._call(f"model.{model}.search_read", *parameters, report=report)
            ids = self._ids(rows, last)
            if rows:
                yield self._batch(rows, scan)
            left = None if left is None else left - len(rows)
            if len(rows) < size or left == 0:
                return
            last = ids[-1]

    def _check_names(self, scan: Scan) -> None:
        """Only names that Tryton gave: a path leads over many2one fields of the known models."""
        for path in scan.fields:
            model = scan.entity.name
            for part in path.split("."):
                found = self._fields.get(model, {}).get(part)
                if found is None:
                    raise Rejected(f"no such field: {path[:100]!r}", source=self.name)
                model = found.get("relation") or ""

    def _ids(self, rows: Any, last: int) -> list[int]:
        """The ids of a page, which must go up from the last one: so no record is missed or read twice."""
        if not isinstance(rows, list) or not all(isinstance(r, dict) and isinstance(r.get("id"), int) for r in rows):
            raise Rejected("the answer holds no records", source=self.name)
        ids = [r["id"] for r in rows]
        if any(b <= a for a, b in itertools.pairwise([last, *ids])):
            raise Rejected("the records are not in the order asked for", source=self.name)
        return ids

    def _batch(self, rows: list[Any], scan: Scan) -> pa.RecordBatch:
        at = partial(_at, booleans={c.name for c in scan.schema if pa.types.is_boolean(c.type)})
        marked = _converters(scan.schema)
        return record_batch(rows, scan.schema, source=self.name, entity=scan.entity.name, at=at, converters=marked)


def _at(row: Mapping[str, Any], path: str, *, booleans: set[str]) -> Any:
    """`party.name` stands under `party.` in an answer; a boolean that was never set is null there, and false here.

    Raises:
        KeyError: the answer does not hold the field.
    """
    *steps, last = path.split(".")
    for step in steps:
        below = row[f"{step}."]
        if below is None:
            return None
        row = below
    return False if row[last] is None and path in booleans else row[last]


def _type(field: Mapping[str, Any]) -> pa.DataType | None:
    """Arrow's type for a field, with more than four decimal places where the field has them; None if left out."""
    if field["type"] != "numeric":
        return _TYPES.get(field["type"])
    try:
        digits = json.loads(field.get("digits") or "null")
    except ValueError:
        digits = None
    scale = digits[1] if isinstance(digits, list) and len(digits) == 2 and isinstance(digits[1], int) else 0
    return MONEY if scale <= MONEY.scale else pa.decimal128(38, min(scale, 20))


def _text_support(field: Mapping[str, Any], op: str, values: tuple[Any, ...], behind_path: bool) -> Pushdown:
    """How faithfully a domain compares text.

    Equality is exact, but an optional field's null is compared as empty text, which NOT would bring
    to light. `like` disregards the case of ASCII letters on SQLite. Values are stripped on
    their way in where the field's are, so that one with blanks at its ends can't be asked for.
    """
    if field.get("translate"):
        return Pushdown.NONE
    if op == "is null":
        return Pushdown.NONE if behind_path or field["required"] else Pushdown.LOOSE
    if op not in ("=", "in", "like") or not all(isinstance(v, str) and _unstripped(v, field) for v in values):
        return Pushdown.NONE
    if op == "like":
        return Pushdown.LOOSE if len(values[0]) <= _LONGEST_PATTERN else Pushdown.NONE
    return Pushdown.EXACT if field["required"] and not behind_path else Pushdown.LOOSE


def _unstripped(value: str, field: Mapping[str, Any]) -> bool:
    """Whether a text reaches the database as it is."""
    return "\0" not in value and (not field.get("strip") or value == value.strip())


def _comparable(value: Any, kind: str) -> bool:
    """Whether Tryton compares this value with that kind of field without changing it."""
    if isinstance(value, bool) or not isinstance(value, _PYTHON[kind]):
        return False
    if isinstance(value, dt.datetime):
        return kind == "timestamp" or (kind == "datetime" and value.microsecond == 0)  # else whole seconds
    if isinstance(value, int):
        return abs(value) < 2**63
    return not isinstance(value, float) or math.isfinite(value)


def _converters(schema: pa.Schema) -> dict[str, Convert]:
    """Tryton marks the classes that JSON does not have; the rest is read as everywhere."""
    marked: dict[str, Convert] = {}
    for column in schema:
        if pa.types.is_decimal(column.type):
            marked[column.name] = partial(_decimal, scale=column.type.scale)
        elif pa.types.is_date(column.type):
            marked[column.name] = _date
        elif pa.types.is_timestamp(column.type):
            marked[column.name] = _moment
    return marked


def _decimal(v: Any, scale: int) -> Decimal:
    return to_decimal(v["decimal"] if isinstance(v, dict) else v, scale)


def _date(v: Mapping[str, int]) -> dt.date:
    return dt.date(v["year"], v["month"], v["day"])


def _moment(v: Mapping[str, int]) -> dt.datetime:
    parts = (v["year"], v["month"], v["day"], v["hour"], v["minute"], v["second"], v.get("microsecond", 0))
    return dt.datetime(*parts, tzinfo=dt.UTC)


# -- domains ---------------------------------------------------------------------------------


def domain(predicate: Predicate, *, hide: bool = False) -> list[Any]:
    """A predicate as one Tryton domain clause; `hide` writes `?` for every value."""
    return _domain(without_not(predicate), hide)


def _domain(predicate: Predicate, hide: bool) -> list[Any]:
    if isinstance(predicate, And | Or):
        word = "AND" if isinstance(predicate, And) else "OR"
        return [word, *(_domain(t, hide) for t in predicate.terms)]
    assert isinstance(predicate, Comparison), "LIKE is loose, and nothing loose is ever negated"
    return _clause(predicate, hide)


def _clause(c: Comparison, hide: bool) -> list[Any]:
    if c.op in ("is null", "is not null"):
        return [c.field, "=" if c.op == "is null" else "!=", None]
    if isinstance(c.value, bool):
        return [c.field, "=", "?" if hide else c.value is (c.op == "=")]
    if c.op == "like":  # a backslash is a letter in a predicate and an escape in a domain
        return [c.field, "like", "?" if hide else c.value.replace("\\", "\\\\")]
    value: Any = "?" if hide else [_wire(v) for v in c.value] if isinstance(c.value, tuple) else _wire(c.value)
    clause = [c.field, c.op, value]
    if "." in c.field and c.op in ("!=", "not in"):  # these match records without the relation
        return ["AND", clause, [c.field, "!=", None]]
    return clause


def _wire(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, dt.datetime):
        v = value.astimezone(dt.UTC)
        parts = {k: getattr(v, k) for k in ("year", "month", "day", "hour", "minute", "second", "microsecond")}
        return {"__class__": "datetime", **parts}
    if isinstance(value, dt.date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    return value
