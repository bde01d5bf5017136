"""Odoo 14 to 19, by its external API: JSON-RPC, or JSON-2 where there is one (19).

Both transports call the same methods of models. Domains are Odoo's predicates; what they mean differs between its
versions where values are missing, so every clause sent here is one that means the same in all of them (see
`groundwire.connectors.odoo_domain`). Odoo reads a number or boolean that was never set as 0 or false, and so does this.
Paths are not followed there: `search_read` gives fields of one model.

Source: "External RPC API" and "External JSON-2 API" of Odoo's developer documentation; `odoo/fields.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, Self

import pyarrow as pa
from pydantic import SecretStr, model_validator

from groundwire.connectors import odoo_actions
from groundwire.connectors.columns import whole
from groundwire.connectors.http import Answer, Credentials, HTTPConnector, HTTPSettings
from groundwire.connectors.odoo_domain import domain, support
from groundwire.connectors.paging import ahead
from groundwire.connectors.records import counted, record_batch, values_at
from groundwire.connectors.wire_records import Records, Wanted
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import Action, Aggregate, Capabilities, Comparison, Pushdown, Scan, ScanReport
from groundwire.core.errors import AuthFailed, RateLimited, Rejected, SourceError, Unavailable

MONEY = pa.decimal128(18, 4)
"""Amounts, which Odoo sends as binary floats: their noise is rounded away, more decimal places are an error."""

ERRORS: dict[str, type[SourceError]] = {
    "odoo.exceptions.AccessDenied": AuthFailed,
    "odoo.exceptions.AccessError": Rejected,
    "odoo.exceptions.MissingError": Rejected,
    "odoo.exceptions.UserError": Rejected,
    "odoo.exceptions.ValidationError": Rejected,
    "builtins.KeyError": Rejected,
    "builtins.ValueError": Rejected,
    "werkzeug.exceptions.Unauthorized": AuthFailed,
    "werkzeug.exceptions.Forbidden": Rejected,
    "werkzeug.exceptions.NotFound": Rejected,
    "werkzeug.exceptions.UnprocessableEntity": Rejected,
    "werkzeug.exceptions.TooManyRequests": RateLimited,
    "psycopg2.OperationalError": Unavailable,
    "psycopg2.errors.QueryCanceled": Unavailable,
    "psycopg2.errors.SerializationFailure": Unavailable,
    "psycopg2.errors.LockNotAvailable": Unavailable,
}
"""Names of Odoo's errors as ours; what is not listed is decided by the HTTP status, or Rejected."""

_TYPES: dict[str, pa.DataType] = {
    "integer": pa.int64(),
    "many2one": pa.int64(),
    "many2one_reference": pa.int64(),
    "float": pa.float64(),
    "monetary": MONEY,
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
    "char": pa.string(),
    "text": pa.string(),
    "html": pa.string(),
    "selection": pa.string(),
    "reference": pa.string(),
}
_NEVER_NULL = ("integer", "float", "monetary", "boolean", "many2one_reference")
_ATTRIBUTES = [
    *("string", "help", "type", "store", "required", "selection", "relation", "relation_field", "digits"),
    *("translate", "company_dependent", "depends"),
]


class OdooSettings(HTTPSettings):
    """Settings of an Odoo source.

    `api` is `jsonrpc` (14 to 19, with `username`) or `json2` (from 19). `models` are Odoo's names; empty for all that
    `ir.model` lists, which only administrators may read. `companies` are ids, the first of them the current one;
    `archived` shows archived records too.
    """

    database: str
    api: Literal["jsonrpc", "json2"] = "jsonrpc"
    username: str | None = None
    api_key: SecretStr
    models: tuple[str, ...] = (
        "res.partner",
        "product.product",
        "crm.lead",
        "sale.order",
        "sale.order.line",
        "purchase.order",
        "account.move",
        "account.move.line",
    )
    language: str = "en_US"
    companies: tuple[int, ...] = ()
    archived: bool = False

    @model_validator(mode="after")
    def _names_a_user(self) -> Self:
        if self.api == "jsonrpc" and not self.username:
            raise ValueError("username is needed with api = 'jsonrpc'")
        return self


class OdooConnector(HTTPConnector):
    """Models of one Odoo database."""

    Settings = OdooSettings
    settings: OdooSettings
    capabilities = Capabilities(
        boolean=True,
        limit=True,
        aggregates=frozenset({"count", "sum"}),
        group_by=True,
        max_in=500,
    )

    def __init__(self, name: str, settings: OdooSettings) -> None:
        super().__init__(name, settings)
        self._user = 0
        self._fields: dict[str, dict[str, Any]] = {}
        self._context: dict[str, Any] = {"lang": settings.language}
        if settings.companies:
            self._context["allowed_company_ids"] = list(settings.companies)
        if settings.archived:
            self._context["active_test"] = False

    # -- calls -----------------------------------------------------------------------------

    def login(self, report: ScanReport) -> Credentials:
        s, key = self.settings, self.settings.api_key.get_secret_value()
        if s.api == "json2":
            return Credentials(headers={"Authorization": f"bearer {key}", "X-Odoo-Database": s.database})
        body = _envelope("common", "login", [s.database, s.username, key])
        answer = self.exchange("POST", "jsonrpc", credentials=None, report=report, json=body)
        user = self._result(answer)
        if not isinstance(user, int) or isinstance(user, bool):
            raise AuthFailed("database, user name or key were not accepted", source=self.name)
        self._user = user
        return Credentials()

    def _call(
        self,
        model: str,
        method: str,
        domain: Any = None,
        *,
        report: ScanReport | None = None,
        wanted: Wanted | None = None,
        **named: Any,
    ) -> Any:
        """What a method of a model gives; the domain is its first argument, whose name differs between versions.

        Args:
            wanted: fields of records, where the method gives some.
        """
        s, named = self.settings, {**named, "context": self._context}
        if s.api == "json2":
            body = named if domain is None else {"domain": domain, **named}
            answer = self.ask("POST", f"json/2/{model}/{method}", json=body, report=report)
            read = wanted.read(answer.content) if wanted else None
            return self.decoded(answer) if read is None else read[0]
        self.session(report or ScanReport())
        first = [] if domain is None else [domain]
        proof = [s.database, self._user, s.api_key.get_secret_value()]
        body = _envelope("object", "execute_kw", [*proof, model, method, first, named])
        answer = self.ask("POST", "jsonrpc", json=body, report=report)
        read = wanted.read(answer.content, "result") if wanted else None
        return self._result(answer) if read is None or read[1] else read[0]

    def _method(self, model: str, method: str, key: int, **named: Any) -> Any:
        """What a method gives that is called on one record."""
        s, named = self.settings, {**named, "context": self._context}
        if s.api == "json2":
            return self.post(f"json/2/{model}/{method}", {"ids": [key], **named})
        self.session(ScanReport())
        proof = [s.database, self._user, s.api_key.get_secret_value()]
        body = _envelope("object", "execute_kw", [*proof, model, method, [[key]], named])
        return self._result(self.ask("POST", "jsonrpc", json=body))

    def _result(self, answer: Answer) -> Any:
        body = self.decoded(self.checked(answer))
        if not isinstance(body, dict) or not ("result" in body or "error" in body):
            raise Rejected("the answer is no RPC answer", source=self.name)
        if "error" in body:
            error = body["error"] if isinstance(body["error"], dict) else {}
            raise self._translated(error.get("data") or error, Rejected)
        return body["result"]

    def fault(self, answer: Answer, body: Any) -> SourceError | None:
        named = isinstance(body, dict) and isinstance(body.get("name"), str)
        return self._translated(body, self.kind_of(answer)) if named else None

    def _translated(self, error: Mapping[str, Any], otherwise: type[SourceError]) -> SourceError:
        """Name and message only: beside them stands a traceback, which holds whatever the server held."""
        name = str(error.get("name") or "error")
        return self.error(ERRORS.get(name, otherwise), f"{name.rpartition('.')[2]}: {error.get('message') or ''}")

    def _version(self) -> str:
        """Asked without a login."""
        if self.settings.api == "json2":
            found, key = self.get("web/version"), "version"
        else:
            body = _envelope("common", "version", [])
            found, key = self._result(self.exchange("POST", "jsonrpc", credentials=None, json=body)), "server_version"
        if not isinstance(found, dict) or not isinstance(found.get(key), str):
            raise Rejected("the answer holds no version", source=self.name)
        return str(found[key])

    def _major(self) -> int:
        """The version's first number."""
        first = self._version().removeprefix("saas~").partition(".")[0]
        return int(first) if first.isdigit() else 0

    def check(self) -> str:
        version = self._version()
        self._call("res.users", "search_read", [], fields=["id"], limit=1)
        return f"Odoo {version}, database {self.settings.database}, {self.settings.username or 'the user of the key'}"

    # -- discovery -------------------------------------------------------------------------

    def discover(self) -> list[Entity]:
        models = self.settings.models or self._all_models()
        with ThreadPoolExecutor(max_workers=self.capabilities.concurrency) as pool:
            found = list(pool.map(self._described, models))
        self._fields = {m: f for m, f in zip(models, found, strict=True) if f is not None}
        if not self._fields:
            raise Rejected("this account may read none of the models", source=self.name)
        return [self._entity(model) for model in self._fields]

    def learned(self) -> Any:
        return self._fields

    def recall(self, learned: Any) -> list[Entity]:
        self._fields = learned
        return [self._entity(model) for model in self._fields]

    def _all_models(self) -> tuple[str, ...]:
        """Only administrators may read `ir.model`."""
        try:
            rows = self._call("ir.model", "search_read", [["transient", "=", False]], fields=["model"], order="id")
        except Rejected:
            message = "this account may not list models: name them in `models`"
            raise Rejected(message, source=self.name) from None
        return tuple(str(r["model"]) for r in self._records(rows, ("model",)))

    def _described(self, model: str) -> dict[str, Any] | None:
        """A model's fields; None where it is not installed or may not be read, unless it was asked for by name.

        Fields are told to everybody, so a record is asked for as well.
        """
        try:
            found = self._call(model, "fields_get", attributes=_ATTRIBUTES)
            self._call(model, "search_read", [], fields=["id"], limit=1)
        except Rejected:
            if self.settings.models and "models" in self.settings.model_fields_set:
                raise
            return None
        if not isinstance(found, dict) or not all(isinstance(f, dict) and "type" in f for f in found.values()):
            raise Rejected(f"the answer holds no fields of {model[:100]!r}", source=self.name)
        return found

    def _entity(self, model: str) -> Entity:
        fields, relations = [], []
        for name, f in self._fields[model].items():
            type_, target = _type(f), f.get("relation")
            if type_ is not None:
                options = [o for o in f.get("selection") or () if isinstance(o, list | tuple) and len(o) == 2]
                fields.append(
                    Field(
                        name=name,
                        type=type_,
                        label=f.get("string") or "",
                        description=(f.get("help") or "").strip(),
                        values=tuple(str(o[0]) for o in options) if f["type"] == "selection" else (),
                        labels={str(o[0]): str(o[1]) for o in options},
                        nullable=name != "id" and f["type"] not in _NEVER_NULL and not f.get("required"),
                    )
                )
            if f["type"] == "many2one" and target in self._fields:
                relations.append(Relation(name=name, target=f"{self.name}.{target}", on=((name, "id"),)))
            elif f["type"] == "one2many" and target in self._fields:
                back = self._fields[target].get(f.get("relation_field") or "", {})
                if back.get("type") == "many2one":
                    pair = ("id", f["relation_field"])
                    relations.append(Relation(name=name, target=f"{self.name}.{target}", on=(pair,), many=True))
        return Entity(
            source=self.name,
            name=model,
            fields=tuple(fields),
            primary_key=("id",),
            cursor="write_date" if "write_date" in self._fields[model] else None,
            relations=tuple(relations),
            label=model.replace(".", " ").replace("_", " "),
        )

    def describe(self, name: str) -> Entity | None:
        """One model as it is now."""
        if self.settings.models and name not in self.settings.models:
            return None
        found = self._described(name)
        if found is None:
            return None
        self._fields[name] = found
        return self._entity(name)

    # -- changes ---------------------------------------------------------------------------

    def clock(self) -> dt.datetime | None:
        """The server's time, in whole seconds."""
        self._version()
        return self.date

    def open_since(self) -> dt.datetime | None:
        """Not told."""
        return None

    def untracked(self, entity: Entity) -> frozenset[str]:
        """What is computed, or kept for each company or language: it changes without the record's date."""
        marks = ("depends", "company_dependent", "translate")
        fields = self._fields.get(entity.name, {})
        found = (n for n, f in fields.items() if not f.get("store", True) or any(f.get(m) for m in marks))
        return frozenset(found) - {"id", "write_date"}

    # -- what may be done ------------------------------------------------------------------

    def actions(self, wanted: Mapping[str, Mapping[str, Any]]) -> Sequence[Action]:
        return odoo_actions.actions(self, wanted)

    # -- what can be pushed down -----------------------------------------------------------

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        return support(self._fields.get(entity.name, {}).get(comparison.field), comparison)

    def aggregates(self, entity: Entity, aggregate: Aggregate) -> bool:
        """Sums of whole numbers: those of amounts are sent as binary floats."""
        if aggregate.field is None:
            return aggregate.function == "count"
        return aggregate.function == "sum" and self._stored(entity, aggregate.field, "integer")

    def groups(self, entity: Entity, field: str) -> bool:
        """Others have values that Odoo puts into groups of their own, or into one with another: empty text, say."""
        return self._stored(entity, field, "selection", "many2one")

    def _stored(self, entity: Entity, field: str, *kinds: str) -> bool:
        f = self._fields.get(entity.name, {}).get(field, {})
        return f.get("type") in kinds and f.get("store", True) and not f.get("company_dependent") and field != "id"

    # -- reading ---------------------------------------------------------------------------

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        model, known = scan.entity.name, self._fields.get(scan.entity.name, {})
        for name in scan.fields:
            if _type(known.get(name) or {}) is None:
                raise Rejected(f"no such field: {name[:100]!r}", source=self.name)
        where = [] if scan.where is None else domain(scan.where, known)
        shown = [] if scan.where is None else domain(scan.where, known, hide=True)
        if not self.settings.archived and "active" in known:
            # a domain that names `active` would lift Odoo's own test, and show archived records
            where = [*where, ["active", "=", True]]
        if scan.group_by or any(a.field for a in scan.aggregates):
            yield self._grouped(scan, where, shown, report)
        elif scan.aggregates:
            report.native.append(f"{model}.search_count({shown})")
            count = self._call(model, "search_count", where, report=report)
            yield counted(count, scan.schema, source=self.name)
        else:
            report.native.append(f"{model}.search_read({shown}, {list(scan.fields)})")
            read = self._read(scan, where, report)
            for rows in ahead(read) if scan.limit is None else read:
                yield self._batch(rows, scan)

    def _read(self, scan: Scan, where: list[Any], report: ScanReport) -> Iterator[Sequence[Any]]:
        """Pages by key: what is written or deleted meanwhile moves no record from one page to another."""
        names, left, last = list(dict.fromkeys(["id", *scan.fields])), scan.limit, 0
        wanted = Wanted(paths=tuple(names), heads=("error",))
        while left is None or left > 0:
            size = self.settings.page_rows if left is None else min(self.settings.page_rows, left)
            after = [*where, ["id", ">", last]]
            asked = {"fields": names, "limit": size, "order": "id asc"}
            found = self._call(scan.entity.name, "search_read", after, report=report, wanted=wanted, **asked)
            rows = found if isinstance(found, Records) else self._records(found, ("id",))
            ids = list(values_at(rows, "id"))
            if set(map(type, ids)) - {int} or [last, *ids] != sorted({last, *ids}):
                raise Rejected("the records are not in the order asked for", source=self.name)
            if rows:
                yield rows
            left = None if left is None else left - len(rows)
            if len(rows) < size:
                return
            last = ids[-1]

    def _grouped(self, scan: Scan, where: list[Any], shown: list[Any], report: ScanReport) -> pa.RecordBatch:
        asked = [f"{a.field}:sum" for a in scan.aggregates if a.field is not None]
        keys = list(scan.group_by)
        report.native.append(f"{scan.entity.name}.read_group({shown}, {asked}, {keys})")
        found = self._call(
            scan.entity.name,
            "read_group",
            where,
            fields=list(dict.fromkeys(asked)) or ["__count"],
            groupby=keys,
            lazy=False,
            report=report,
        )
        rows = self._records(found, ("__count", *keys, *(a.field for a in scan.aggregates if a.field is not None)))
        if not keys and len(rows) != 1:
            raise Rejected("the answer holds no totals", source=self.name)
        sums = {a.alias: a.field for a in scan.aggregates if a.field is not None}
        counts = {a.alias for a in scan.aggregates} - set(sums)
        return self._batch([_totals(r, keys, sums, counts) for r in rows], scan)

    def _records(self, rows: Any, names: tuple[str, ...]) -> list[Any]:
        if not isinstance(rows, list) or not set(map(type, rows)) <= {dict}:
            raise Rejected("the answer holds no records", source=self.name)
        if not all(n in r for n in names for r in rows):
            raise Rejected("the answer holds no records", source=self.name)
        return rows

    def _batch(self, rows: Sequence[Any], scan: Scan) -> pa.RecordBatch:
        types = dict(zip(scan.schema.names, scan.schema.types, strict=True))
        links = {n for n, f in self._fields.get(scan.entity.name, {}).items() if f["type"] == "many2one"}

        def tidy(values: Sequence[Any], name: str) -> Sequence[Any] | pa.Array:
            """Null is false in Odoo; a many2one is its id and a name."""
            if pa.types.is_boolean(types[name]):
                return values
            if name in links:
                values = [v[0] if isinstance(v, list) and len(v) == 2 else v for v in values]
            array = whole(values, types[name])  # none where one is false
            return [None if v is False else v for v in values] if array is None else array

        return record_batch(rows, scan.schema, source=self.name, entity=scan.entity.name, tidy=tidy)


def _totals(row: Mapping[str, Any], keys: list[str], sums: Mapping[str, str], counts: set[str]) -> dict[str, Any]:
    """One group: a sum over no record is null, one over numbers that were never set is 0."""
    some = row["__count"] != 0
    found = {k: row[k] for k in keys} | dict.fromkeys(counts, row["__count"])
    return found | {alias: (row[field] or 0) if some else None for alias, field in sums.items()}


def _envelope(service: str, method: str, arguments: list[Any]) -> dict[str, Any]:
    parameters = {"service": service, "method": method, "args": arguments}
    return {"jsonrpc": "2.0", "method": "call", "id": 1, "params": parameters}


def _type(field: Mapping[str, Any]) -> pa.DataType | None:
    """Arrow's type for a field; None if left out. A float with so many decimal places is a decimal."""
    digits = field.get("digits")
    if field.get("type") == "float" and isinstance(digits, list | tuple) and len(digits) == 2:
        scale = int(digits[1])
        return MONEY if scale <= MONEY.scale else pa.decimal128(38, min(scale, 20))
    return _TYPES.get(field.get("type") or "")
