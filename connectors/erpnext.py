"""ERPNext, and any other application on the Frappe framework from version 13 on, by its REST API.

Every DocType is an entity under Frappe's own short form of its name (`Sales Invoice` is `sales_invoice`), and so are
the rows of its child tables (`sales_invoice.items`). Records are read page by page in order of their names, so what is
written meanwhile moves none from one page to another. Numbers that were never entered are 0, and a text that is
empty is null, as Frappe has it.

Counts are those of the list view: `frappe.client.get_count` counts records that the user may not see.

Source: Frappe Framework documentation, "REST API"; `frappe/client.py`, `frappe/desk/reportview.py`,
`frappe/desk/form/load.py`, `frappe/exceptions.py`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
from pydantic import SecretStr, field_validator

from groundwire.connectors.columns import times, whole, zoned
from groundwire.connectors.conditions import conjunction
from groundwire.connectors.erpnext_filters import (
    AMOUNTS,
    NEVER_NULL,
    TEXTS,
    WHOLE,
    Filter,
    choices,
    filters,
    support,
    wire,
)
from groundwire.connectors.http import Answer, Credentials, HTTPConnector, HTTPSettings
from groundwire.connectors.paging import ahead
from groundwire.connectors.records import Convert, counted, record_batch, to_text, values_at
from groundwire.connectors.wire_records import Wanted
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import Aggregate, Capabilities, Comparison, Deleted, Pushdown, Scan, ScanReport
from groundwire.core.errors import AuthFailed, RateLimited, Rejected, SourceError, Unavailable

KEY = "name"
MOMENT = pa.timestamp("us", tz="UTC")
AMOUNT = pa.decimal128(21, 9)
"""As Frappe's columns of amounts; they are sent as binary floats, whose noise is rounded away."""
_LONGEST_ADDRESS = 4_000
_REMEMBERED = dt.timedelta(days=89)

ERRORS: Mapping[str, type[SourceError]] = {
    "AuthenticationError": AuthFailed,
    "SessionExpired": AuthFailed,
    "InvalidAuthorizationHeader": AuthFailed,
    "InvalidAuthorizationPrefix": AuthFailed,
    "InvalidAuthorizationToken": AuthFailed,
    "PermissionError": Rejected,
    "DoesNotExistError": Rejected,
    "ImportError": Rejected,
    "ValidationError": Rejected,
    "DataError": Rejected,
    "RateLimitExceededError": RateLimited,
    "TooManyRequestsError": RateLimited,
    "QueryTimeoutError": Unavailable,
    "QueryDeadlockError": Unavailable,
    "SessionStopped": Unavailable,
    "InReadOnlyMode": Unavailable,
}
"""Frappe's exceptions as ours; what is not listed is decided by the HTTP status."""

_TYPES: Mapping[str, pa.DataType] = {
    **dict.fromkeys(TEXTS, pa.string()),
    **dict.fromkeys(WHOLE, pa.int64()),
    **dict.fromkeys(AMOUNTS | {"Duration", "Rating"}, AMOUNT),
    "Check": pa.bool_(),
    "Date": pa.date32(),
    "Datetime": MOMENT,
    "Time": pa.time64("us"),
}
_TABLES = ("Table", "Table MultiSelect")


def _standard(name: str, kind: str, label: str, **more: Any) -> Mapping[str, Any]:
    return {"fieldname": name, "fieldtype": kind, "label": label, **more}


_ALWAYS = (
    _standard(KEY, "Data", "ID", reqd=1),
    _standard("owner", "Link", "Created By", options="User"),
    _standard("creation", "Datetime", "Created On", reqd=1),
    _standard("modified", "Datetime", "Last Updated On", reqd=1),
    _standard("modified_by", "Link", "Last Updated By", options="User"),
)
_ALWAYS_SET = {KEY, "creation", "modified"}
_DOCSTATUS = _standard("docstatus", "Int", "Document Status", description="0 = draft, 1 = submitted, 2 = cancelled")


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """A DocType, or one of its child tables.

    Attributes:
        doctype: whose records they are.
        fields: by name, as the DocType describes them.
        parent: DocType and field of which they are the rows; None for records of their own.
        renames: whether records may be given another name, which no feed tells of.
        label: for people.
    """

    doctype: str
    fields: Mapping[str, Mapping[str, Any]]
    parent: tuple[str, str] | None = None
    renames: bool = False
    label: str = ""

    @property
    def only(self) -> list[Filter]:
        """What every read of it asks for."""
        if self.parent is None:
            return []
        return [["parenttype", "=", self.parent[0]], ["parentfield", "=", self.parent[1]]]


class ERPNextSettings(HTTPSettings):
    """Settings of an ERPNext source: `api_key` and `api_secret` of a user.

    `doctypes` by their names; empty for all, which only System Managers may list. `tables` are names of fields whose
    child tables are shown. `time_zone` is the site's, where it does not tell.
    """

    api_key: SecretStr
    api_secret: SecretStr
    doctypes: tuple[str, ...] = (
        *("Customer", "Supplier", "Item", "Lead", "Opportunity", "Quotation", "Sales Order", "Delivery Note"),
        *("Sales Invoice", "Purchase Order", "Purchase Invoice", "Payment Entry"),
    )
    tables: tuple[str, ...] = ("items",)
    time_zone: str | None = None

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        try:
            ZoneInfo(name or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("write a name of the IANA database, such as Europe/Berlin") from None
        return name


class ERPNextConnector(HTTPConnector):
    """DocTypes of one ERPNext site, and the rows of their child tables."""

    Settings = ERPNextSettings
    settings: ERPNextSettings
    capabilities = Capabilities(order=True, limit=True, aggregates=frozenset({"count"}), max_in=200, concurrency=4)

    def __init__(self, name: str, settings: ERPNextSettings) -> None:
        super().__init__(name, settings)
        self._kinds: dict[str, _Kind] = {}
        self._zone = ZoneInfo(settings.time_zone or "UTC")

    # -- session ---------------------------------------------------------------------------

    def login(self, report: ScanReport) -> Credentials:
        s = self.settings
        token = f"{s.api_key.get_secret_value()}:{s.api_secret.get_secret_value()}"
        return Credentials(headers={"Authorization": f"token {token}"})

    def fault(self, answer: Answer, body: Any) -> SourceError | None:
        """The exception's name and what people are told; beside them stands a traceback."""
        if not isinstance(body, dict) or not ("exc_type" in body or "exception" in body):
            return None
        name = str(body.get("exc_type") or str(body["exception"]).partition(":")[0].rpartition(".")[2])
        kind = ERRORS.get(name, self.kind_of(answer))
        return self.error(kind, f"HTTP {answer.status} {name}: {_told(body)}", answer)

    def check(self) -> str:
        user = self._method("frappe.auth.get_logged_user", {})
        try:
            found = self._method("frappe.utils.change_log.get_versions", {})
        except SourceError:
            found = {}
        apps = {str(a.get("title")): a.get("version") for a in found.values()} if isinstance(found, dict) else {}
        product = ", ".join(f"{a} {v}" for a, v in apps.items()) or "Frappe"
        return f"{product}, user {user}"

    def _method(self, name: str, params: Mapping[str, Any], report: ScanReport | None = None) -> Any:
        """What a method of the server returns."""
        body = self.get(f"api/method/{name}", params, report=report)
        if not isinstance(body, dict) or "message" not in body:
            raise Rejected("the answer holds no message", source=self.name)
        return body["message"]

    def _list(
        self, kind: _Kind, asked: Mapping[str, Any], report: ScanReport | None = None, wanted: Wanted | None = None
    ) -> Sequence[Any]:
        """Records as `frappe.client.get_list` gives them, by POST where an address would be too long."""
        given = {**asked, **({"parent": kind.parent[0]} if kind.parent else {})}
        shown = {n: v if isinstance(v, str) else json.dumps(v) for n, v in given.items()}
        if sum(map(len, shown.values())) <= _LONGEST_ADDRESS:
            path, key = f"api/resource/{quote(kind.doctype, safe='')}", "data"
            answer = self.ask("GET", path, params=shown, report=report)
        else:
            named = {"doctype": kind.doctype, **given}
            path, key = "api/method/frappe.client.get_list", "message"
            answer = self.ask("POST", path, json=named, report=report)
        found = wanted.read(answer.content, key) if wanted else None
        if found is not None:
            return found[0]
        body = self.decoded(answer)
        rows = body.get(key) if isinstance(body, dict) else None
        if not isinstance(rows, list) or not all(isinstance(r, dict) and KEY in r for r in rows):
            raise Rejected("the answer holds no records", source=self.name)
        return rows

    # -- discovery -------------------------------------------------------------------------

    def discover(self) -> list[Entity]:
        self._zone = self._site_zone()
        names = self.settings.doctypes or self._all_doctypes()
        with ThreadPoolExecutor(max_workers=self.capabilities.concurrency) as pool:
            found = [kind for kinds in pool.map(self._described, names) for kind in kinds]
        if not found:
            raise Rejected("this user may read none of the DocTypes", source=self.name)
        self._kinds = {}
        for kind in found:
            name = _scrubbed(kind)
            self._kinds[name if name not in self._kinds else kind.doctype] = kind
        return _with_relations_back([self._entity(name) for name in self._kinds])

    def learned(self) -> Any:
        return {"zone": self._zone.key, "kinds": {name: asdict(kind) for name, kind in self._kinds.items()}}

    def recall(self, learned: Any) -> list[Entity]:
        self._zone = ZoneInfo(learned["zone"])
        self._kinds = {
            n: _Kind(**k | {"parent": k["parent"] and tuple(k["parent"])}) for n, k in learned["kinds"].items()
        }
        return _with_relations_back([self._entity(name) for name in self._kinds])

    def describe(self, name: str) -> Entity | None:
        """One DocType as it is now."""
        return next((e for e in self.discover() if e.name == name), None)

    def _site_zone(self) -> ZoneInfo:
        """In which the site keeps its moments."""
        if self.settings.time_zone is not None:
            return ZoneInfo(self.settings.time_zone)
        found = self._method("frappe.client.get_time_zone", {})
        try:
            return ZoneInfo(found["time_zone"])
        except (TypeError, KeyError, ValueError, ZoneInfoNotFoundError):
            raise Rejected("the site does not tell its time zone: write `time_zone`", source=self.name) from None

    def _all_doctypes(self) -> tuple[str, ...]:
        """Only System Managers may list DocTypes."""
        own = [["istable", "=", 0], ["issingle", "=", 0], ["is_virtual", "=", 0]]
        kind = _Kind(doctype="DocType", fields={})
        try:
            rows = self._list(kind, {"fields": [KEY], "filters": own, "limit_page_length": 0, "order_by": KEY})
        except Rejected:
            raise Rejected("this user may not list DocTypes: name them in `doctypes`", source=self.name) from None
        return tuple(str(r[KEY]) for r in rows)

    def _described(self, doctype: str) -> list[_Kind]:
        """A DocType and its child tables; nothing where it is not installed or may not be read, unless it was
        asked for by name."""
        try:
            body = self.get("api/method/frappe.desk.form.load.getdoctype", {"doctype": doctype})
            docs = body.get("docs") if isinstance(body, dict) else None
            if not isinstance(docs, list) or not all(isinstance(d, dict) and "fields" in d for d in docs):
                raise Rejected(f"the answer does not describe {doctype}", source=self.name)
            metas = {str(d.get(KEY)): d for d in docs}
            own = metas.get(doctype)
            if own is None or own.get("issingle") or own.get("is_virtual") or own.get("istable"):
                raise Rejected(f"{doctype} has no records of its own", source=self.name)
            kinds = [self._readable(_kind(own))]
            for table in own["fields"]:
                child = metas.get(str(table.get("options")))
                if table.get("fieldtype") in _TABLES and table["fieldname"] in self.settings.tables and child:
                    kinds.append(self._readable(_kind(child, (own, table))))
        except Rejected:
            if "doctypes" in self.settings.model_fields_set and self.settings.doctypes:
                raise
            return []
        return kinds

    def _readable(self, kind: _Kind) -> _Kind:
        """Without fields that are left out of this user's records: those of a level that no role of theirs reads."""
        asked = {"fields": list(kind.fields), "filters": kind.only, "limit_page_length": 1}
        rows = self._list(kind, asked)
        return replace(kind, fields={n: f for n, f in kind.fields.items() if n in rows[0]}) if rows else kind

    def _entity(self, name: str) -> Entity:
        kind = self._kinds[name]
        fields, relations = [], []
        for f in kind.fields.values():
            options = choices(f)
            fields.append(
                Field(
                    name=f["fieldname"],
                    type=_TYPES[f["fieldtype"]],
                    label=f.get("label") or "",
                    description=" ".join(str(f.get("description") or "").split()),
                    values=options,
                    nullable=f["fieldname"] not in _ALWAYS_SET and f["fieldtype"] not in NEVER_NULL,
                )
            )
            target = next((n for n, k in self._kinds.items() if k.doctype == f.get("options") and not k.parent), None)
            if f["fieldtype"] == "Link" and target:
                pair = (f["fieldname"], KEY)
                relations.append(Relation(name=f["fieldname"], target=f"{self.name}.{target}", on=(pair,)))
        return Entity(
            source=self.name,
            name=name,
            fields=tuple(fields),
            primary_key=(KEY,),
            cursor="modified",
            relations=tuple(relations),
            label=kind.label,
        )

    # -- changes ---------------------------------------------------------------------------

    def clock(self) -> dt.datetime | None:
        """The server's time, in whole seconds."""
        self._method("frappe.auth.get_logged_user", {})
        return self.date

    def open_since(self) -> dt.datetime | None:
        """Not told."""
        return None

    def deleted(self, entity: Entity, since: dt.datetime) -> Deleted | None:
        """What Deleted Document remembers, if this user may read it.

        None for rows of child tables, which leave no trace, and for DocTypes whose records may be renamed, since no
        record of that is kept with them.
        """
        kind, until = self._kinds.get(entity.name), self.clock() or dt.datetime.now(dt.UTC)
        if kind is None or kind.parent or kind.renames or until - since > _REMEMBERED:
            return None
        gone = _Kind(doctype="Deleted Document", fields={})
        meant = [["deleted_doctype", "=", kind.doctype], ["creation", ">=", wire(since, self._zone)]]
        asked = {"fields": [KEY, "deleted_name"], "filters": meant, "limit_page_length": 0, "order_by": "creation asc"}
        try:
            rows = self._list(gone, asked)
        except Rejected:
            return None
        return Deleted(keys=tuple({(str(r["deleted_name"]),) for r in rows}), until=until)

    # -- what can be pushed down -----------------------------------------------------------

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        kind = self._kinds.get(entity.name)
        return support(kind.fields.get(comparison.field) if kind else None, comparison, self._zone)

    def orders(self, entity: Entity, field: str) -> bool:
        """Fields that always have a value: where the others come is the database's affair."""
        kind = self._kinds.get(entity.name)
        known = kind.fields.get(field) if kind else None
        return known is not None and (known["fieldtype"] in NEVER_NULL or field in _ALWAYS_SET)

    def aggregates(self, entity: Entity, aggregate: Aggregate) -> bool:
        """Counts of records; the list view has none for rows of child tables."""
        kind = self._kinds.get(entity.name)
        return kind is not None and not kind.parent and aggregate.function == "count" and aggregate.field is None

    # -- reading ---------------------------------------------------------------------------

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        kind = self._kinds[scan.entity.name]
        for name in scan.fields:
            if name not in kind.fields:
                raise Rejected(f"no such field: {name[:100]!r}", source=self.name)
        terms = conjunction(scan.where) or []
        where = [*kind.only, *filters(terms, kind.fields, self._zone)]
        shown = ", ".join([" ".join(map(str, f)) for f in kind.only] + [f"{t.field} {t.op} ?" for t in terms])
        if scan.aggregates:
            report.native.append(f"count {kind.doctype} [{shown}]")
            yield self._counted(kind, where, scan, report)
            return
        report.native.append(f"GET api/resource/{kind.doctype} [{shown}] {list(scan.fields)}")
        if scan.order:
            yield from self._ordered(kind, where, scan, report)
        else:
            read = self._read(kind, where, scan, report)
            for rows in ahead(read) if scan.limit is None else read:
                yield self._batch(rows, scan)

    def _read(self, kind: _Kind, where: list[Filter], scan: Scan, report: ScanReport) -> Iterator[Sequence[Any]]:
        """Pages by name, as the database orders names."""
        names, left, seen = list(dict.fromkeys([KEY, *scan.fields])), scan.limit, set[str]()
        after: list[Filter] = []
        wanted = Wanted(paths=tuple(names))
        while left is None or left > 0:
            size = self.settings.page_rows if left is None else min(self.settings.page_rows, left)
            asked = {"fields": names, "filters": [*where, *after], "order_by": f"{KEY} asc", "limit_page_length": size}
            rows = self._list(kind, asked, report, wanted)
            keys = values_at(rows, KEY)
            fresh = set(map(str, keys))
            if len(fresh) < len(rows) or fresh & seen or len(rows) > size:
                raise Rejected("records came twice: the source does not page as was expected", source=self.name)
            if rows:
                yield rows
            left = None if left is None else left - len(rows)
            if len(rows) < size:
                return
            seen, after = fresh, [[KEY, ">", keys[-1]]]

    def _ordered(self, kind: _Kind, where: list[Filter], scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        """In one request: pages by number could leave records out."""
        order = ", ".join(f"{o.field} {'desc' if o.descending else 'asc'}" for o in scan.order)
        names = list(dict.fromkeys([KEY, *scan.fields]))
        if scan.limit != 0:
            asked = {"fields": names, "filters": where, "order_by": order, "limit_page_length": scan.limit or 0}
            rows = self._list(kind, asked, report, Wanted(paths=tuple(names)))
            if rows:
                yield self._batch(rows, scan)

    def _counted(self, kind: _Kind, where: list[Filter], scan: Scan, report: ScanReport) -> pa.RecordBatch:
        asked = {"doctype": kind.doctype, "filters": json.dumps(where), "fields": "[]", "distinct": "false"}
        method = "frappe.desk.reportview.get_count"
        if len(asked["filters"]) <= _LONGEST_ADDRESS:
            found = self._method(method, asked, report)
        else:
            body = self.post(f"api/method/{method}", {**asked, "filters": where, "fields": []}, report=report)
            found = body.get("message") if isinstance(body, dict) else None
        return counted(found, scan.schema, source=self.name)

    def _batch(self, rows: Sequence[Any], scan: Scan) -> pa.RecordBatch:
        kinds = {n: f["fieldtype"] for n, f in self._kinds[scan.entity.name].fields.items()}
        types = dict(zip(scan.schema.names, scan.schema.types, strict=True))

        def tidy(values: Sequence[Any], name: str) -> Sequence[Any] | pa.Array:
            """What is empty is 0 or null; what is a text, a moment or a time is read as a whole where it can be."""
            kind = kinds[name]
            if kind in NEVER_NULL:
                array = whole(values, types[name])
                some = array is None or array.null_count
                return [0 if v is None or v == "" else v for v in values] if some else array
            if "" in values:
                values = [None if v == "" else v for v in values]
            array = None
            if kind == "Datetime":
                array = zoned(values, types[name], self._zone.key)
            elif kind in TEXTS:
                array = whole(values, types[name])
            elif kind == "Time":
                array = times(values, types[name])
            return values if array is None else array

        converters = {c.name: f for c in scan.schema if (f := self._converter(kinds[c.name])) is not None}
        return record_batch(
            rows, scan.schema, source=self.name, entity=scan.entity.name, tidy=tidy, converters=converters
        )

    def _converter(self, kind: str) -> Convert | None:
        """How values are read that Frappe writes in a way of its own."""
        if kind == "Datetime":
            return lambda v: dt.datetime.fromisoformat(to_text(v)).replace(tzinfo=self._zone).astimezone(dt.UTC)
        if kind in TEXTS:  # names may be numbers, JSON may be an object
            return lambda v: v if isinstance(v, str) else json.dumps(v, default=str)
        return _time if kind == "Time" else None


def _kind(meta: Mapping[str, Any], within: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None) -> _Kind:
    """A DocType as it is described, with the fields that every one has."""
    fields = {f["fieldname"]: f for f in _ALWAYS}
    if within is not None:
        parent = _standard("parent", "Link", within[0][KEY], options=within[0][KEY])
        fields |= {"parent": parent, "idx": _standard("idx", "Int", "Row")}
    if meta.get("is_submittable") or within is not None:
        fields["docstatus"] = _DOCSTATUS
    for f in meta["fields"]:
        if f.get("fieldtype") in _TYPES and f.get("fieldname") and not f.get("is_virtual"):
            fields.setdefault(f["fieldname"], f)
    name = str(meta[KEY])
    if within is None:
        return _Kind(doctype=name, fields=fields, renames=bool(meta.get("allow_rename")), label=name)
    owner, table = within
    label = f"{owner[KEY]} {table.get('label') or table['fieldname']}"
    return _Kind(doctype=name, fields=fields, parent=(str(owner[KEY]), str(table["fieldname"])), label=label)


def _scrubbed(kind: _Kind) -> str:
    """Frappe's own short form of a name; a child table's is below its DocType's."""
    doctype, *field = kind.parent or (kind.doctype,)
    return ".".join([re.sub(r"[\s-]", "_", doctype).lower(), *field])


def _with_relations_back(entities: list[Entity]) -> list[Entity]:
    """The same entities, with a relation to those that refer to them: a child table's under the name of its field."""
    taken = {e.full_name: {r.name for r in e.relations} for e in entities}
    added: dict[str, list[Relation]] = {e.full_name: [] for e in entities}
    for entity in entities:
        for relation in entity.relations:
            (here, there), *_ = relation.on
            short = entity.name.rpartition(".")[2] if here == "parent" else entity.name.replace(".", "_")
            names = taken[relation.target]
            name = short if short not in names else f"{entity.name.replace('.', '_')}_{here}"
            names.add(name)
            back = Relation(name=name, target=entity.full_name, on=((there, here),), many=True)
            added[relation.target].append(back)
    return [replace(e, relations=(*e.relations, *added[e.full_name])) for e in entities]


def _told(body: Mapping[str, Any]) -> str:
    """What Frappe shows to people: messages in JSON in JSON, in HTML."""
    try:
        messages = [json.loads(m) if isinstance(m, str) else m for m in json.loads(body["_server_messages"])]
        text = " ".join(str(m.get("message") if isinstance(m, dict) else m) for m in messages)
    except (KeyError, TypeError, ValueError):
        text = str(body.get("exception") or "").partition(":")[2]
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def _time(value: Any) -> dt.time:
    """A time of day, whose hour may have one digit."""
    text = to_text(value)
    return dt.time.fromisoformat(text if text[1:2] != ":" else f"0{text}")
