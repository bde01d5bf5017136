"""HubSpot's CRM objects, by the REST API.

Whole objects are read by the list endpoint, filtered ones by the search endpoint, records by their ids by batches. A
search ends at 10,000 records, so every page of one asks for ids above the last one's: no record is left out. What
search can't say in its few filters is asked for more loosely, and sifted here. Associations are entities of their
own, with a pair of ids in each record. HubSpot has no empty text: what is empty is null. Text is compared without
case, so LOOSE.

Search answers from an index that follows changes within seconds; the list and the batches answer from the records.

Source: HubSpot developer documentation, CRM API v3 (objects, properties, search, owners) and v4 (associations),
"Usage guidelines" (limits), "Error handling".
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

import pyarrow as pa
from pydantic import Field as Setting
from pydantic import SecretStr

from groundwire.connectors.http import Answer, Credentials, HTTPConnector, HTTPSettings
from groundwire.connectors.http_wire import Address
from groundwire.connectors.hubspot_search import (
    LONGEST_TEXTS,
    PAGE,
    Search,
    comparable,
    is_true,
    searches,
)
from groundwire.connectors.paging import GivenPaginator, Page, pages
from groundwire.connectors.records import Convert, converter, counted, record_batch
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import Aggregate, Capabilities, Comparison, Deleted, Pushdown, Scan, ScanReport
from groundwire.core.errors import AuthFailed, RateLimited, Rejected, SourceError, Unavailable

KEY = "hs_object_id"
OWNERS = "owners"
BATCH = 100
"""Records in one batch or one page of the list endpoint at most."""
MOMENT = pa.timestamp("us", tz="UTC")
_LONGEST_ADDRESS = 6_000

ERRORS: Mapping[str, type[SourceError]] = {
    "INVALID_AUTHENTICATION": AuthFailed,
    "EXPIRED_AUTHENTICATION": AuthFailed,
    "MISSING_SCOPES": AuthFailed,
    "RATE_LIMITS": RateLimited,
    "VALIDATION_ERROR": Rejected,
    "OBJECT_NOT_FOUND": Rejected,
    "INTERNAL_ERROR": Unavailable,
}
"""The vendor's error categories as ours; what is not listed is decided by the HTTP status."""

_TYPES: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "enumeration": pa.string(),
    "phone_number": pa.string(),
    "json": pa.string(),
    "object_coordinates": pa.string(),
    "number": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "datetime": MOMENT,
}
_ONE_CHOICE = {"select", "radio", "booleancheckbox"}
_PARENTS = {
    ("contacts", "associatedcompanyid"): "companies",
    ("deals", "hs_primary_associated_company"): "companies",
    ("tickets", "hs_primary_company_id"): "companies",
}
"""Properties that hold the id of the one record of another object."""


class HubSpotSettings(HTTPSettings):
    """Settings of a HubSpot source: `token` of a private app; `objects` by their names in the API, custom ones too."""

    url: Address = "https://api.hubapi.com"
    token: SecretStr
    objects: tuple[str, ...] = ("contacts", "companies", "deals", "tickets")
    page_rows: int = Setting(default=PAGE, ge=1)


class HubSpotConnector(HTTPConnector):
    """Objects of one HubSpot account, their owners and their associations."""

    Settings = HubSpotSettings
    settings: HubSpotSettings
    capabilities = Capabilities(boolean=True, limit=True, aggregates=frozenset({"count"}), max_in=BATCH, concurrency=4)

    def __init__(self, name: str, settings: HubSpotSettings) -> None:
        super().__init__(name, settings)
        self._properties: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._links: dict[str, tuple[str, str]] = {}

    # -- session ---------------------------------------------------------------------------

    def login(self, report: ScanReport) -> Credentials:
        return Credentials(headers={"Authorization": f"Bearer {self.settings.token.get_secret_value()}"})

    def fault(self, answer: Answer, body: Any) -> SourceError | None:
        if not isinstance(body, dict) or "message" not in body:
            return None
        category = str(body.get("category") or "")
        kind = ERRORS.get(category, self.kind_of(answer))
        return self.error(kind, f"HTTP {answer.status} {category}: {body['message']}", answer)

    def pause(self, answer: Answer) -> float | None:
        """Seconds: the interval of the limit that was met; searches, which name none, are counted by the second."""
        asked = super().pause(answer)
        if asked is not None or answer.status != 429:
            return asked
        interval = str(answer.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds") or "")
        return int(interval) / 1000 if interval.isdigit() else 1.0

    def quota(self, answer: Answer) -> tuple[int, int] | None:
        try:
            allowed = int(answer.headers["X-HubSpot-RateLimit-Daily"])
            return allowed - int(answer.headers["X-HubSpot-RateLimit-Daily-Remaining"]), allowed
        except (KeyError, ValueError):
            return None

    def check(self) -> str:
        details = self.get("account-info/v3/details")
        portal = details.get("portalId") if isinstance(details, dict) else None
        return f"HubSpot account {portal}, {', '.join(self.settings.objects)}"

    # -- discovery -------------------------------------------------------------------------

    def discover(self) -> list[Entity]:
        self._properties = {name: self._described(name) for name in self.settings.objects}
        self._links = {
            f"{one}_{other}": (one, other)
            for one, other in itertools.combinations(self.settings.objects, 2)
            if self._associated(one, other)
        }
        return self._entities()

    def learned(self) -> Any:
        return {"properties": self._properties, "links": self._links}

    def recall(self, learned: Any) -> list[Entity]:
        self._properties = {n: learned["properties"][n] for n in self.settings.objects}
        self._links = {n: (one, other) for n, (one, other) in learned["links"].items()}
        return self._entities()

    def _entities(self) -> list[Entity]:
        entities = [self._entity(name) for name in self.settings.objects]
        return [*entities, *(self._link_entity(name) for name in self._links), self._owners()]

    def describe(self, name: str) -> Entity | None:
        """One object as it is now."""
        if name not in self._properties:
            return next((e for e in self.discover() if e.name == name), None)
        self._properties[name] = self._described(name)
        return self._entity(name)

    def _described(self, name: str) -> dict[str, Mapping[str, Any]]:
        found = self._results(self.get(f"crm/v3/properties/{quote(name)}"))
        return {p["name"]: p for p in found if isinstance(p, dict) and p.get("type") in _TYPES and p.get("name")}

    def _associated(self, one: str, other: str) -> bool:
        """Whether records of both may be associated."""
        try:
            return bool(self._results(self.get(f"crm/v4/associations/{quote(one)}/{quote(other)}/labels")))
        except Rejected:
            return False

    def _entity(self, name: str) -> Entity:
        known = self._properties[name]
        fields = [Field(name=KEY, type=pa.int64(), label="Record ID", nullable=False)]
        for p in known.values():
            if p["name"] != KEY:
                options = [o for o in p.get("options") or () if isinstance(o, dict) and o.get("value")]
                single = p.get("fieldType") in _ONE_CHOICE and p["type"] == "enumeration"
                fields.append(
                    Field(
                        name=p["name"],
                        type=_TYPES[p["type"]],
                        label=p.get("label") or "",
                        description=p.get("description") or "",
                        values=tuple(str(o["value"]) for o in options) if single else (),
                        labels={str(o["value"]): str(o["label"]) for o in options if o.get("label") != o["value"]},
                    )
                )
        relations = [
            Relation(name=link, target=f"{self.name}.{link}", on=((KEY, f"{name}_id"),), many=True)
            for link, pair in self._links.items()
            if name in pair
        ]
        for (owner, field), parent in _PARENTS.items():
            if owner == name and field in known and parent in self._properties:
                relations.append(Relation(name="company", target=f"{self.name}.{parent}", on=((field, KEY),)))
        if "hubspot_owner_id" in known:
            relations.append(Relation(name="owner", target=f"{self.name}.{OWNERS}", on=(("hubspot_owner_id", "id"),)))
        changed = ("lastmodifieddate", "hs_lastmodifieddate") if name == "contacts" else ("hs_lastmodifieddate",)
        return Entity(
            source=self.name,
            name=name,
            fields=tuple(fields),
            primary_key=(KEY,),
            cursor=next((c for c in changed if c in known), None),
            relations=tuple(relations),
            label=name.replace("_", " "),
        )

    def _link_entity(self, name: str) -> Entity:
        """The associations between two objects."""
        pair = self._links[name]
        return Entity(
            source=self.name,
            name=name,
            fields=tuple(Field(name=f"{o}_id", type=pa.int64(), nullable=False) for o in pair),
            primary_key=tuple(f"{o}_id" for o in pair),
            relations=tuple(Relation(name=o, target=f"{self.name}.{o}", on=((f"{o}_id", KEY),)) for o in pair),
            label=f"associations of {pair[0]} and {pair[1]}",
        )

    def _owners(self) -> Entity:
        names = ("id", "email", "firstName", "lastName")
        fields = tuple(Field(name=n, type=pa.string(), nullable=n != "id") for n in names)
        return Entity(source=self.name, name=OWNERS, fields=fields, primary_key=("id",), label="owners")

    # -- changes ---------------------------------------------------------------------------

    def clock(self) -> dt.datetime | None:
        """The server's time, in whole seconds."""
        self.get("account-info/v3/details")
        return self.date

    def open_since(self) -> dt.datetime | None:
        """Not told; the search index follows within seconds."""
        return None

    def untracked(self, entity: Entity) -> frozenset[str]:
        """Calculated properties: what they are computed from changes without the record."""
        return frozenset(n for n, p in self._properties.get(entity.name, {}).items() if p.get("calculated"))

    def deleted(self, entity: Entity, since: dt.datetime) -> Deleted | None:
        """Archived records, which HubSpot keeps for 90 days."""
        until = self.clock() or dt.datetime.now(dt.UTC)
        if entity.name not in self._properties or until - since > dt.timedelta(days=89):
            return None
        keys = []
        for page in self._list(entity.name, {"properties": KEY, "archived": "true"}, ScanReport()):
            for row in page.rows:
                at = dt.datetime.fromisoformat(str(row.get("archivedAt") or until.isoformat()))
                if at >= since:
                    keys.append((_id_of(row),))
        return Deleted(keys=tuple(keys), until=until)

    # -- what can be pushed down -----------------------------------------------------------

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        if entity.name not in self._properties:
            return Pushdown.NONE
        name, op, value = comparison.field, comparison.op, comparison.value
        values = value if isinstance(value, tuple) else (value,)
        known = self._properties[entity.name].get(name)
        kind = "number" if name == KEY else known["type"] if known else ""
        if not kind or op == "like" or (known and known.get("hidden")):
            return Pushdown.NONE
        if op in ("is null", "is not null"):
            return Pushdown.EXACT
        if kind in ("number", "bool", "date", "datetime"):
            told = all(comparable(v, kind) for v in values)
            return Pushdown.EXACT if told and (kind != "bool" or op in ("=", "!=")) else Pushdown.NONE
        if not all(isinstance(v, str) and v and v == v.strip() and "\0" not in v for v in values):
            return Pushdown.NONE
        if op not in ("=", "in") or sum(map(len, values)) > LONGEST_TEXTS:
            return Pushdown.NONE
        if kind == "enumeration" and known and known.get("fieldType") not in _ONE_CHOICE:
            return Pushdown.NONE
        closed = kind == "enumeration" and set(values) <= set(entity.field(name).values)
        return Pushdown.EXACT if closed else Pushdown.LOOSE

    def aggregates(self, entity: Entity, aggregate: Aggregate) -> bool:
        return aggregate.function == "count" and aggregate.field is None and entity.name in self._properties

    # -- reading ---------------------------------------------------------------------------

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        known = {f.name for f in scan.entity.fields}
        if unknown := [n for n in scan.fields if n not in known]:
            raise Rejected(f"no such field: {unknown[0][:100]!r}", source=self.name)
        if scan.aggregates:
            yield self._counted(scan, report)
            return
        left = scan.limit
        for rows in self._rows(scan, report):
            rows = list(rows)[:left]
            if rows:
                yield self._batch(rows, scan)
            left = None if left is None else left - len(rows)
            if left == 0:
                return

    def _rows(self, scan: Scan, report: ScanReport) -> Iterator[Sequence[Any]]:
        """Records of a scan, page by page."""
        name = scan.entity.name
        if name == OWNERS:
            report.native.append("GET crm/v3/owners")
            yield from (page.rows for page in self._given("crm/v3/owners", {"limit": str(BATCH)}, report))
        elif name in self._links:
            yield from self._pairs(*self._links[name], report)
        elif (ids := _only_ids(scan)) is not None:
            report.native.append(f"POST crm/v3/objects/{name}/batch/read")
            yield from self._read_batches(name, ids, scan.fields, report)
        elif scan.where is None:
            report.native.append(f"GET crm/v3/objects/{name}")
            yield from self._whole(name, scan.fields, report)
        else:
            yield from self._searched(scan, report)

    def _whole(self, name: str, names: Sequence[str], report: ScanReport) -> Iterator[Sequence[Any]]:
        wanted = ",".join(names)
        short = len(wanted) <= _LONGEST_ADDRESS
        for page in self._list(name, {"properties": wanted if short else KEY}, report):
            if short:
                yield page.rows
            else:
                yield from self._read_batches(name, [_id_of(r) for r in page.rows], names, report)

    def _list(self, name: str, params: Mapping[str, str], report: ScanReport) -> Iterator[Page]:
        limit = str(min(BATCH, self.settings.page_rows))
        return self._given(f"crm/v3/objects/{quote(name)}", {"limit": limit, **params}, report)

    def _given(self, path: str, params: Mapping[str, str], report: ScanReport) -> Iterator[Page]:
        """Pages by the token that each gives for the next."""

        def fetch(after: str | None) -> Page:
            body = self.get(path, {**params, **({"after": after} if after else {})}, report=report)
            return Page(rows=self._results(body), body=body)

        return pages(GivenPaginator(_after), fetch, source=self.name)

    def _read_batches(
        self, name: str, ids: Sequence[int], names: Sequence[str], report: ScanReport
    ) -> Iterator[Sequence[Any]]:
        """Records by their ids; those that are gone are left out (HTTP 207 tells which)."""
        for start in range(0, len(ids), BATCH):
            part = ids[start : start + BATCH]
            body = {"properties": [n for n in names if n != KEY], "inputs": [{"id": str(i)} for i in part]}
            answer = self.post(f"crm/v3/objects/{quote(name)}/batch/read", body, report=report)
            for error in answer.get("errors") or () if isinstance(answer, dict) else ():
                if error.get("category") != "OBJECT_NOT_FOUND":
                    raise self.error(Rejected, f"{error.get('category')}: {error.get('message')}")
            yield self._results(answer)

    def _searched(self, scan: Scan, report: ScanReport) -> Iterator[Sequence[Any]]:
        """Records by search, each once, in order of their ids."""
        name, where = scan.entity.name, scan.where
        assert where is not None
        asked = searches(where, self._kinds(name))
        seen: set[int] = set()
        names = scan.fields if all(s.exact for s in asked) else (*scan.fields, *asked[0].fields)
        for search in asked:
            report.native.append(f"POST crm/v3/objects/{name}/search {search.shown}")
            for rows in self._search(name, search, names, report):
                fresh = [r for r in rows if len(asked) == 1 or _id_of(r) not in seen]
                seen.update(_id_of(r) for r in fresh if len(asked) > 1)
                yield [r for r in fresh if search.exact or is_true(where, partial(self._value, r, scan.entity))]

    def _search(self, name: str, search: Search, names: Sequence[str], report: ScanReport) -> Iterator[Sequence[Any]]:
        """Pages of one search by keys: each asks for ids above the last one's, so 10,000 is no end."""
        size, last = min(PAGE, self.settings.page_rows), 0
        while True:
            body, whole = search.body(names, size, last)
            answer = self.post(f"crm/v3/objects/{quote(name)}/search", body, report=report)
            rows = self._results(answer)
            ids = [_id_of(r) for r in rows]
            if any(b <= a for a, b in itertools.pairwise([last, *ids])):
                raise Rejected("the records are not in the order asked for", source=self.name)
            if whole:
                yield rows
            else:  # too many properties for one search
                yield from self._read_batches(name, ids, names, report)
            total = answer.get("total")
            if not isinstance(total, int) or (total > 0 and not rows):
                raise Rejected("the search stopped before its end", source=self.name)
            if len(rows) >= total:
                return
            last = ids[-1]

    def _counted(self, scan: Scan, report: ScanReport) -> pa.RecordBatch:
        """The search's own total, or the number of records where one search can't say what is asked."""
        name = scan.entity.name
        asked = [Search(groups=())] if scan.where is None else searches(scan.where, self._kinds(name))
        if len(asked) == 1 and asked[0].exact:
            report.native.append(f"POST crm/v3/objects/{name}/search {asked[0].shown}")
            body, _ = asked[0].body((KEY,), 1, 0)
            total = self.post(f"crm/v3/objects/{quote(name)}/search", body, report=report).get("total")
            return counted(total, scan.schema, source=self.name)
        return counted(sum(len(rows) for rows in self._rows(scan, report)), scan.schema, source=self.name)

    def _pairs(self, one: str, other: str, report: ScanReport) -> Iterator[Sequence[Any]]:
        """Associations of each record, once for each pair whatever their labels."""
        report.native.append(f"POST crm/v4/associations/{one}/{other}/batch/read")
        for page in self._list(one, {"properties": KEY}, report):
            inputs = [{"id": str(_id_of(r))} for r in page.rows]
            while inputs:
                path = f"crm/v4/associations/{quote(one)}/{quote(other)}/batch/read"
                found = self._results(self.post(path, {"inputs": inputs}, report=report))
                inputs, rows = [], []
                for entry in found:
                    here = entry["from"]["id"]
                    rows += [{f"{one}_id": here, f"{other}_id": t["toObjectId"]} for t in entry.get("to") or ()]
                    if after := _after(Page(rows=(), body=entry)):
                        inputs.append({"id": here, "after": after})
                yield rows

    def _kinds(self, name: str) -> Mapping[str, str]:
        return {KEY: "number", **{n: p["type"] for n, p in self._properties[name].items() if n != KEY}}

    def _results(self, body: Any) -> list[Any]:
        found = body.get("results") if isinstance(body, dict) else None
        if not isinstance(found, list):
            raise Rejected("the answer holds no results", source=self.name)
        return found

    def _value(self, row: Any, entity: Entity, name: str) -> Any:
        raw = _property(row, name)
        return None if raw is None else _convert(entity.field(name).type)(raw)

    def _batch(self, rows: Sequence[Any], scan: Scan) -> pa.RecordBatch:
        flat = scan.entity.name not in self._properties
        return record_batch(
            rows,
            scan.schema,
            source=self.name,
            entity=scan.entity.name,
            at=(lambda row, name: row.get(name) if flat else _property(row, name)),
            converters={f.name: _convert(f.type) for f in scan.schema},
        )


def _convert(type_: pa.DataType) -> Convert:
    """HubSpot writes every value as text."""
    if pa.types.is_boolean(type_):
        return lambda v: {"true": True, "false": False}[str(v).lower()]
    if pa.types.is_date(type_):
        return lambda v: dt.date.fromisoformat(v[:10])
    return (lambda v: str(v)) if pa.types.is_string(type_) else converter(type_)


def _property(row: Any, name: str) -> Any:
    """A property's text, None where it is empty.

    Raises:
        KeyError: the record does not hold it.
    """
    if name == KEY:
        return row["id"]
    value = row["properties"][name]
    return None if value == "" else value


def _id_of(row: Any) -> int:
    return int(row["id"])


def _after(page: Page) -> str | None:
    following = ((page.body.get("paging") or {}).get("next") or {}).get("after")
    return None if following is None else str(following)


def _only_ids(scan: Scan) -> list[int] | None:
    """The ids of a scan that asks for records by their ids alone."""
    where = scan.where
    if not isinstance(where, Comparison) or where.field != KEY or where.op not in ("=", "in"):
        return None
    values = where.value if isinstance(where.value, tuple) else (where.value,)
    return [int(v) for v in dict.fromkeys(values)]
