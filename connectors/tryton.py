"""Tryton, by its RPC over HTTP.

Domains are Tryton's predicates; dotted fields follow many2one relations. Tryton's `!=` and `not in`
match null, so a null test is added; text is compared loosely on some databases, so text filters are
declared LOOSE. A failed login is never repeated, since Tryton slows down with every failure.

Source: `trytond/protocols` and `trytond/model` of Tryton 8; seen on running servers.
"""

from __future__ import annotations

import base64
import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic import Field as Setting

from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import (
    Aggregate,
    And,
    Capabilities,
    Comparison,
    Connector,
    Not,
    Or,
    Predicate,
    Pushdown,
    Scan,
    ScanReport,
)
from groundwire.core.errors import AuthFailed, RateLimited, Rejected, SourceError, Unavailable

PAGE_ROWS = 1000
MONEY = pa.decimal128(18, 4)
"""Tryton's numeric fields: prices and amounts with up to four decimal places."""

ERRORS: dict[str, type[SourceError]] = {
    "UserError": Rejected,
    "UserWarning": Rejected,
    "AccessError": Rejected,
    "AccessButtonError": Rejected,
    "LoginException": AuthFailed,
    "RateLimitException": RateLimited,
    "ConcurrencyException": Unavailable,
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
    "fulltext": pa.string(),
    "selection": pa.string(),
}
_EXACT = {"integer", "bigint", "many2one", "date", "boolean", "numeric"}


class TrytonSettings(BaseModel):
    """Settings of a Tryton source.

    `models` are Tryton's names, such as `account.invoice`; `company` is an id, by default the user's own;
    `active_test` false shows archived records too; `timeout` in seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
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
    timeout: float = Setting(default=30.0, gt=0)


class TrytonConnector(Connector):
    """Models of one Tryton database."""

    Settings = TrytonSettings
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
        self._client = httpx.Client(
            base_url=settings.url.rstrip("/") + f"/{settings.database}",
            timeout=httpx.Timeout(settings.timeout, connect=min(10.0, settings.timeout)),
            follow_redirects=False,
            trust_env=False,
        )
        self._token: str | None = None
        self._context: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._fields: dict[str, dict[str, Any]] = {}

    # -- RPC -------------------------------------------------------------------------------

    def _post(self, body: Mapping[str, Any], token: str | None) -> Any:
        headers = {"Authorization": f"Session {token}"} if token else {}
        try:
            response = self._client.post("/rpc/", json=body, headers=headers)
        except httpx.TimeoutException:
            raise Unavailable("did not answer in time", source=self.name) from None
        except httpx.HTTPError as error:
            raise Unavailable(f"can't be reached ({type(error).__name__})", source=self.name) from None
        status = response.status_code
        if status == 401:
            raise AuthFailed("the session is not valid", source=self.name)
        if status == 429:
            asked = response.headers.get("Retry-After", "")
            raise RateLimited("HTTP 429", source=self.name, retry_after=float(asked) if asked.isdigit() else None)
        if status >= 500:
            raise Unavailable(f"HTTP {status}", source=self.name)
        if status != 200:
            raise Rejected(f"HTTP {status}", source=self.name)
        try:
            answer = response.json()
        except ValueError:
            raise Rejected("the answer is not JSON", source=self.name) from None
        if not isinstance(answer, dict) or not ("result" in answer or "error" in answer):
            raise Rejected("the answer is no RPC answer", source=self.name)
        if "error" in answer:
            raise self._translated(answer["error"])
        return answer["result"]

    def _translated(self, error: Any) -> SourceError:
        name = str(error[0]) if isinstance(error, list) and error else "error"
        detail = error[1] if isinstance(error, list) and len(error) > 1 else ""
        message = detail[0] if isinstance(detail, list) and detail else detail
        kind = ERRORS.get(name.strip("'"), Rejected)
        return kind(f"{name}: {str(message)[:300]}", source=self.name)

    def _session(self) -> str:
        with self._lock:
            if self._token is None:
                s = self.settings
                parameters = [s.username, {"password": s.password.get_secret_value()}, s.language]
                result = self._post({"id": 1, "method": "common.db.login", "params": parameters}, None)
                if not result:
                    raise AuthFailed("user name or password were not accepted", source=self.name)
                raw = f"{s.username}:{result[0]}:{result[1]}"
                self._token = base64.b64encode(raw.encode()).decode()
            return self._token

    def _call(self, method: str, *parameters: Any) -> Any:
        """Call a method, with one new login where the session has ended."""
        for attempt in (1, 2):
            token = self._session()
            try:
                return self._post({"id": 2, "method": method, "params": list(parameters)}, token)
            except AuthFailed:
                with self._lock:
                    if self._token == token:
                        self._token = None
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def _user_context(self) -> dict[str, Any]:
        if not self._context:
            preferences = self._call("model.res.user.get_preferences", True, {})
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

    def close(self) -> None:
        self._client.close()

    # -- discovery -------------------------------------------------------------------------

    def discover(self) -> list[Entity]:
        context = self._user_context()
        with ThreadPoolExecutor(max_workers=self.capabilities.concurrency) as pool:
            found = list(pool.map(lambda m: self._call(f"model.{m}.fields_get", [], context), self.settings.models))
        self._fields = dict(zip(self.settings.models, found, strict=True))
        return [self._entity(model) for model in self.settings.models]

    def _entity(self, model: str) -> Entity:
        fields, relations = [], []
        for name, f in self._fields[model].items():
            type_ = _TYPES.get(f["type"])
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
                        nullable=not f.get("required", False),
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

    # -- what can be pushed down -----------------------------------------------------------

    def _field(self, entity: Entity, path: str) -> Mapping[str, Any] | None:
        model, parts = entity.name, path.split(".")
        for part in parts[:-1]:
            step = self._fields.get(model, {}).get(part)
            if step is None or step["type"] != "many2one":
                return None
            model = step["relation"]
        found: Mapping[str, Any] | None = self._fields.get(model, {}).get(parts[-1])
        return found

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        field = self._field(entity, comparison.field)
        if field is None or not field.get("searchable", True):
            return Pushdown.NONE
        kind, op = field["type"], comparison.op
        if "." in comparison.field and op in ("is null", "!=", "not in"):
            return Pushdown.NONE  # a domain on a path says nothing of records without the relation
        if op in ("is null", "is not null"):
            return Pushdown.EXACT if kind != "boolean" else Pushdown.NONE
        if kind in _EXACT:
            return Pushdown.EXACT if op != "like" else Pushdown.NONE
        if kind in ("char", "selection") and op in ("=", "in"):
            return Pushdown.EXACT if kind == "selection" else Pushdown.LOOSE
        return Pushdown.NONE

    def aggregates(self, entity: Entity, aggregate: Aggregate) -> bool:
        return aggregate.function == "count" and aggregate.field is None

    # -- reading ---------------------------------------------------------------------------

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        model, context = scan.entity.name, self._user_context()
        where = [] if scan.where is None else [domain(scan.where)]
        shown = [] if scan.where is None else [domain(scan.where, hide=True)]
        if scan.aggregates:
            report.native.append(f"{model}.search_count({shown})")
            report.requests += 1
            count = self._call(f"model.{model}.search_count", where, context)
            yield pa.RecordBatch.from_arrays(
                [pa.array([count], pa.int64()) for _ in scan.aggregates], schema=scan.schema
            )
            return
        report.native.append(f"{model}.search_read({shown}, {list(scan.fields)})")
        left = scan.limit
        last = 0
        while left is None or left > 0:
            if report.deadline is not None and time.monotonic() > report.deadline:
                raise Unavailable("took longer than the time limit", source=self.name)
            size = PAGE_ROWS if left is None else min(PAGE_ROWS, left)
            page = [*where, ["id", ">", last]]
            names = list(dict.fromkeys(["id", *scan.fields]))
            rows = self._call(f"model.{model}.search_read", page, 0, size, [["id", "ASC"]], names, context)
            report.requests += 1
            if not isinstance(rows, list):
                raise Rejected("the answer holds no records", source=self.name)
            if rows:
                yield self._batch(rows, scan.schema)
            if len(rows) < size:
                return
            last = rows[-1]["id"]
            left = None if left is None else left - len(rows)

    def _batch(self, rows: list[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
        columns = []
        for field in schema:
            convert = _converter(field.type)
            try:
                columns.append(pa.array([convert(_at(row, field.name)) for row in rows], field.type))
            except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, TypeError, ArithmeticError):
                raise Rejected(f"a value of {field.name} is not a {field.type}", source=self.name) from None
        return pa.RecordBatch.from_arrays(columns, schema=schema)


def _at(row: Mapping[str, Any], path: str) -> Any:
    """`party.name` stands under `party.` in an answer."""
    value: Any = row
    *steps, last = path.split(".")
    for step in steps:
        value = value.get(f"{step}.") if isinstance(value, Mapping) else None
    return value.get(last) if isinstance(value, Mapping) else None


def _converter(type_: pa.DataType) -> Callable[[Any], Any]:
    """From Tryton's JSON, where classes are marked, to what Arrow takes."""
    if pa.types.is_decimal(type_):
        step = Decimal(1).scaleb(-type_.scale)
        return lambda v: None if v is None else Decimal(v["decimal"] if isinstance(v, dict) else str(v)).quantize(step)
    if pa.types.is_date(type_):
        return lambda v: None if v is None else dt.date(v["year"], v["month"], v["day"])
    if pa.types.is_timestamp(type_):
        return lambda v: None if v is None else _moment(v)
    if pa.types.is_boolean(type_):
        return lambda v: None if v is None else bool(v)
    if pa.types.is_floating(type_):
        return lambda v: None if v is None else float(v)
    return lambda v: v


def _moment(v: Mapping[str, int]) -> dt.datetime:
    parts = (v["year"], v["month"], v["day"], v["hour"], v["minute"], v["second"], v.get("microsecond", 0))
    return dt.datetime(*parts, tzinfo=dt.UTC)


# -- domains ---------------------------------------------------------------------------------


def domain(predicate: Predicate, *, hide: bool = False) -> list[Any]:
    """A predicate as one Tryton domain clause; `hide` writes `?` for every value."""
    if isinstance(predicate, And | Or):
        word = "AND" if isinstance(predicate, And) else "OR"
        return [word, *(domain(t, hide=hide) for t in predicate.terms)]
    if isinstance(predicate, Not):
        return _negated(predicate.term, hide)
    return _clause(predicate, hide)


def _negated(predicate: Predicate, hide: bool) -> list[Any]:
    if isinstance(predicate, Not):
        return domain(predicate.term, hide=hide)
    if isinstance(predicate, And | Or):
        word = "OR" if isinstance(predicate, And) else "AND"
        return [word, *(_negated(t, hide) for t in predicate.terms)]
    opposite: dict[str, Any] = {
        "=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<",
        "in": "not in", "not in": "in", "is null": "is not null", "is not null": "is null",
    }  # fmt: skip
    return _clause(Comparison(field=predicate.field, op=opposite[predicate.op], value=predicate.value), hide)


def _clause(c: Comparison, hide: bool) -> list[Any]:
    if c.op in ("is null", "is not null"):
        return [c.field, "=" if c.op == "is null" else "!=", None]
    value: Any = "?" if hide else [_wire(v) for v in c.value] if isinstance(c.value, tuple) else _wire(c.value)
    clause = [c.field, c.op, value]
    return ["AND", clause, [c.field, "!=", None]] if c.op in ("!=", "not in") else clause


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
