"""Salesforce, by SOQL over the REST API, through `simple-salesforce`.

SOQL compares text without regard to case, so text filters are declared LOOSE and the engine filters
again. Relationship paths are followed by Salesforce itself. Pages go on where they were when a session is renewed, and
what a replica reads of a large object comes by a bulk job.

Source: SOQL and SOSL Reference; REST API Developer Guide (query, describe, error codes).
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from groundwire.connectors import salesforce_actions
from groundwire.connectors.columns import whole
from groundwire.connectors.paging import ahead
from groundwire.connectors.profiling import Distinct, open_texts
from groundwire.connectors.records import columns_at
from groundwire.connectors.salesforce_bulk import BulkQuery, NotInBulk
from groundwire.connectors.salesforce_fields import (
    CURRENCY,
    ID,
    LEFT_OUT,
    NUMBERS,
    TYPES,
    converted,
    converter,
    support,
)
from groundwire.connectors.salesforce_session import Api, SalesforceSettings
from groundwire.connectors.salesforce_soql import group_label, soql
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import (
    Action,
    Aggregate,
    And,
    Capabilities,
    Comparison,
    Connector,
    Deleted,
    Not,
    Or,
    Predicate,
    Pushdown,
    Scan,
    ScanReport,
)
from groundwire.core.errors import Rejected, SourceError

BATCH_ROWS = 10_000
SAMPLE_ROWS = 2_000
"""Records of an object that its profile looks at: one page."""
PROFILE_SECONDS = 5.0
"""What an object's profile may take; more, and it stays without values."""

_SHORTEST_FEED, _LONGEST_FEED = dt.timedelta(minutes=2), dt.timedelta(days=29)
"""Windows of the feed of deletions: REST API Developer Guide, "Get Deleted"."""


RECORD_TYPE = "RecordType"


class SalesforceConnector(Connector):
    """Objects of one Salesforce organisation."""

    Settings = SalesforceSettings
    capabilities = Capabilities(
        paths=5,
        boolean=True,
        order=True,
        limit=True,
        aggregates=frozenset({"count", "sum", "min", "max", "avg"}),
        group_by=True,
        max_in=200,
        concurrency=4,
    )

    def __init__(self, name: str, settings: SalesforceSettings) -> None:
        super().__init__(name, settings)
        self.api = Api(self, settings)
        self._kinds: dict[str, dict[str, Any]] = {}
        self._described: dict[str, Any] = {}

    def check(self) -> str:
        self.api.get("limits")
        return f"Salesforce API v{self.settings.api_version}"

    def close(self) -> None:
        self.api.close()

    # -- discovery -------------------------------------------------------------------------

    def addresses(self) -> tuple[str, ...]:
        """Where people log in with a password."""
        return () if self.settings.url else (f"https://{self.settings.domain}.salesforce.com",)

    def discover(self) -> list[Entity]:
        present = {o["name"] for o in self._part(self.api.get("sobjects"), "sobjects") if o.get("queryable", True)}
        names = [n for n in self.settings.objects if n in present]
        with ThreadPoolExecutor(max_workers=self.capabilities.concurrency) as pool:
            described = list(pool.map(lambda n: self.api.get(f"sobjects/{n}/describe"), names))
        for answer in described:
            self._part(answer, "fields")
        if RECORD_TYPE in present - set(names) and any(_has_record_types(d) for d in described):
            described.append(self.api.get(f"sobjects/{RECORD_TYPE}/describe"))
            self._part(described[-1], "fields")
        self._described = {d["name"]: d for d in described}
        return [self._entity(d, set(self._described)) for d in described]

    def learned(self) -> Any:
        return self._described

    def recall(self, learned: Any) -> list[Entity]:
        self._described = learned
        return [self._entity(d, set(learned)) for d in learned.values()]

    def describe(self, name: str) -> Entity | None:
        """One object as it is now."""
        if name not in self._described:
            self.discover()
        if name not in self._described:
            return None
        answer = self.api.get(f"sobjects/{name}/describe")
        self._part(answer, "fields")
        self._described[name] = answer
        return self._entity(answer, set(self._described))

    # -- changes ---------------------------------------------------------------------------

    def clock(self) -> dt.datetime | None:
        """The server's time, in whole seconds."""
        self.api.get("limits")
        return self.api.date()

    def open_since(self) -> dt.datetime | None:
        """Not told: records are stamped when they are committed, or little before."""
        return None

    def untracked(self, entity: Entity) -> frozenset[str]:
        """Formula fields: what they are computed from changes without the record."""
        return frozenset(n for n, f in self._kinds.get(entity.name, {}).items() if f.get("calculated"))

    def deleted(self, entity: Entity, since: dt.datetime) -> Deleted | None:
        """`sobjects/X/deleted`, which reaches back 30 days at most and wants more than a minute."""
        now = self.api.date() or dt.datetime.now(dt.UTC)
        start = min(since, now - _SHORTEST_FEED).replace(microsecond=0)
        if now - start > _LONGEST_FEED:
            return None
        parameters = {"start": start.isoformat(), "end": now.isoformat()}
        answer = self.api.get(f"sobjects/{entity.name}/deleted/", parameters)
        records = self._part(answer, "deletedRecords")
        try:
            until = dt.datetime.fromisoformat(re.sub(r"\+0000$", "+00:00", answer["latestDateCovered"]))
            first = answer.get("earliestDateAvailable")
            if first is not None and dt.datetime.fromisoformat(re.sub(r"\+0000$", "+00:00", first)) > start:
                return None
            return Deleted(keys=tuple((str(r["id"]),) for r in records), until=min(until, now))
        except (KeyError, TypeError, ValueError):
            raise Rejected("the feed of deletions makes no sense", source=self.name) from None

    def profile(self, entity: Entity) -> Entity:
        """The entity with the values of text fields that take few, from one page of its records."""
        kinds = self._kinds.get(entity.name, {})
        single = {n for n, f in kinds.items() if f["type"] != "string" or f.get("nameField") or f.get("unique")}
        wanted = open_texts(entity, single)
        if not wanted:
            return entity
        types = {n: entity.field(n).type for n in wanted}
        distinct = Distinct(wanted)
        report = ScanReport(deadline=time.monotonic() + PROFILE_SECONDS)
        try:
            for batch in self.scan(Scan(entity=entity, fields=tuple(wanted), limit=SAMPLE_ROWS, types=types), report):
                if not all(distinct.add(row) for row in batch.to_pylist()):
                    break
        except SourceError:
            return entity  # values are a help, not a need
        return distinct.described(entity)

    def _part(self, answer: Any, key: str) -> list[Any]:
        """A list in an answer, which must be there."""
        found = answer.get(key) if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise Rejected(f"the answer holds no {key}", source=self.name)
        return found

    def _entity(self, described: Mapping[str, Any], known: set[str]) -> Entity:
        name = described["name"]
        fields, relations = [], []
        kinds = self._kinds[name] = {f["name"]: f for f in described["fields"]}
        for f in described["fields"]:
            if f["type"] in LEFT_OUT:
                continue
            picks = [p for p in f.get("picklistValues") or () if p.get("active")]
            if list(f.get("referenceTo") or ()) == [RECORD_TYPE]:
                picks = _record_types(described)
            of_record = converted(f, kinds)
            told = [f.get("inlineHelpText") or "", "in the currency of its record" if of_record else ""]
            fields.append(
                Field(
                    name=f["name"],
                    type=TYPES.get(f["type"], pa.string()),
                    label=f.get("label") or "",
                    description="; ".join(t for t in told if t),
                    values=tuple(p["value"] for p in picks),
                    labels={p["value"]: p["label"] for p in picks if p["label"] != p["value"]},
                    nullable=bool(f.get("nillable", True)),
                    currency=CURRENCY if of_record else "",
                )
            )
            targets = [t for t in f.get("referenceTo") or () if t in known]
            for target in targets:
                alone = len(f["referenceTo"]) == 1
                relations.append(
                    Relation(
                        name=f["relationshipName"] if alone else f"{f['relationshipName']}_{target}",
                        target=f"{self.name}.{target}",
                        on=((f["name"], "Id"),),
                        native=f["relationshipName"] if alone else None,
                    )
                )
        for child in described.get("childRelationships") or ():
            if child["childSObject"] in known and child.get("relationshipName"):
                relations.append(
                    Relation(
                        name=child["relationshipName"],
                        target=f"{self.name}.{child['childSObject']}",
                        on=(("Id", child["field"]),),
                        many=True,
                    )
                )
        return Entity(
            source=self.name,
            name=name,
            fields=tuple(fields),
            primary_key=("Id",),
            cursor="SystemModstamp",
            relations=tuple(relations),
            label=described.get("label") or "",
        )

    # -- what may be done ------------------------------------------------------------------

    def actions(self, wanted: Mapping[str, Mapping[str, Any]]) -> Sequence[Action]:
        return salesforce_actions.actions(self, wanted)

    # -- what can be pushed down -----------------------------------------------------------

    def _describe_field(self, entity: Entity, path: str) -> Mapping[str, Any] | None:
        """The metadata of a field behind a relationship path."""
        return self._described_at(entity, path)[0]

    def _is_converted(self, entity: Entity, path: str) -> bool:
        """Whether SOQL computes with a field in another currency than its record's.

        SOQL and SOSL Reference, "Querying Currency Fields in Multi-Currency Orgs".
        """
        field, fields = self._described_at(entity, path)
        return field is not None and converted(field, fields)

    def _described_at(self, entity: Entity, path: str) -> tuple[Mapping[str, Any] | None, Mapping[str, Any]]:
        """A field's metadata, and that of all fields of its object."""
        name, parts = entity.name, path.split(".")
        for part in parts[:-1]:
            step = next((f for f in self._kinds.get(name, {}).values() if f.get("relationshipName") == part), None)
            if step is None or len(step.get("referenceTo") or ()) != 1:
                return None, {}
            name = step["referenceTo"][0]
        fields = self._kinds.get(name, {})
        return fields.get(parts[-1]), fields

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        field = self._describe_field(entity, comparison.field)
        if field is None or not field.get("filterable", True) or field["type"] in LEFT_OUT:
            return Pushdown.NONE
        if comparison.op not in ("is null", "is not null") and self._is_converted(entity, comparison.field):
            return Pushdown.NONE
        return support(field, comparison)

    def orders(self, entity: Entity, field: str) -> bool:
        found = self._describe_field(entity, field)
        return found is not None and bool(found.get("sortable", True)) and not self._is_converted(entity, field)

    def aggregates(self, entity: Entity, aggregate: Aggregate) -> bool:
        if aggregate.function not in self.capabilities.aggregates:
            return False
        if aggregate.field is None:
            return True
        found = self._describe_field(entity, aggregate.field)
        if found is None or not found.get("aggregatable", True):
            return False
        if aggregate.function != "count" and self._is_converted(entity, aggregate.field):
            return False
        ranked = found["type"] in ("date", "datetime") and aggregate.function in ("count", "min", "max")
        return found["type"] in NUMBERS or ranked

    def groups(self, entity: Entity, field: str) -> bool:
        found = self._describe_field(entity, field)
        if found is None or not found.get("groupable", True):
            return False
        closed = found["type"] == "picklist" and bool(found.get("restrictedPicklist"))
        return closed or found["type"] in ("id", "reference", "boolean", "date", "int")

    def record_url(self, entity: Entity, key: Mapping[str, Any]) -> str | None:
        return f"{self.settings.url.rstrip('/')}/{key['Id']}" if self.settings.url else None

    # -- reading ---------------------------------------------------------------------------

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        self._check_names(scan)
        query, shown = soql(self._with_real_ids(scan))
        report.native.append(shown)
        grouped = bool(scan.aggregates or scan.group_by)
        labels = [group_label(i) for i in range(len(scan.group_by))] + [a.alias for a in scan.aggregates]
        rows: list[Mapping[str, Any]] = []
        read = 0
        answer = self.api.get("query/", {"q": query}, deadline=report.deadline)
        if self._is_bulk(scan, answer, report):
            job = BulkQuery(self.api, scan.entity.name, query, report)
            try:
                yield from job.read(scan.fields, scan.schema)
                return
            except NotInBulk as reason:  # nothing was delivered: the pages go on
                report.native.append(f"not as a bulk job: {reason}")
        for records in ahead(self._pages(answer, report)):
            rows += records
            read += len(records)
            if len(rows) >= BATCH_ROWS:
                yield self._batch(rows, labels if grouped else scan.fields, scan.schema)
                rows = []
        yield self._batch(rows, labels if grouped else scan.fields, scan.schema)
        total = answer.get("totalSize")
        if not grouped:
            report.total = total
        if isinstance(total, int) and read < total:
            report.incomplete.append(f"Salesforce counted {total:,} records and delivered {read:,}")

    def _pages(self, answer: Any, report: ScanReport) -> Iterator[list[Any]]:
        """The records of an answer and of those that follow it."""
        while True:
            report.requests += 1
            yield self._part(answer, "records")
            if answer.get("done", True):
                return
            answer = self.api.get(self._next(answer), deadline=report.deadline)

    def _is_bulk(self, scan: Scan, first: Any, report: ScanReport) -> bool:
        """Whether a read whose first page this is may take its time, and is worth a job."""
        plain = not (scan.aggregates or scan.group_by or scan.order or scan.limit is not None)
        if not (plain and report.patient and self.settings.bulk_rows and isinstance(first, dict)):
            return False
        total = first.get("totalSize")
        return not first.get("done", True) and isinstance(total, int) and total >= self.settings.bulk_rows

    def _check_names(self, scan: Scan) -> None:
        """Only names that Salesforce gave can become part of a query."""
        for path in (*scan.fields, *scan.group_by):
            if self._describe_field(scan.entity, path) is None:
                raise Rejected(f"no such field: {path[:100]!r}", source=self.name)

    def _with_real_ids(self, scan: Scan) -> Scan:
        """The scan without texts that can't be ids, which Salesforce would refuse in place of finding nothing."""

        def kept(predicate: Predicate) -> Predicate:
            if isinstance(predicate, And | Or):
                return type(predicate)(tuple(kept(t) for t in predicate.terms))
            if isinstance(predicate, Not):
                return Not(kept(predicate.term))
            field = self._describe_field(scan.entity, predicate.field) or {}
            if field.get("type") not in ("id", "reference") or predicate.op not in ("=", "in"):
                return predicate
            values = predicate.value if isinstance(predicate.value, tuple) else (predicate.value,)
            return Comparison(field=predicate.field, op="in", value=tuple(v for v in values if ID.fullmatch(v)))

        return scan if scan.where is None else replace(scan, where=kept(scan.where))

    def _next(self, answer: Mapping[str, Any]) -> str:
        """The path of the next page, which must be on the same host and below the same base."""
        link = urlsplit(str(answer.get("nextRecordsUrl", "")))
        base = f"/services/data/v{self.settings.api_version}/"
        if link.netloc or not link.path.startswith(base):
            raise Rejected("the next page's address leads elsewhere", source=self.name)
        return link.path.removeprefix(base)

    def _batch(self, rows: list[Mapping[str, Any]], paths: Sequence[str], schema: pa.Schema) -> pa.RecordBatch:
        columns, found = [], columns_at(rows, paths)
        for field in schema:
            convert = converter(field.type)
            try:
                values = next(found)
                column = whole(values, field.type)
                columns.append(pa.array(map(convert, values), field.type) if column is None else column)
            except (pa.ArrowInvalid, pa.ArrowTypeError, KeyError, ValueError, TypeError, ArithmeticError):
                raise Rejected(f"a value of {field.name} is not a {field.type}", source=self.name) from None
        return pa.RecordBatch.from_arrays(columns, schema=schema)


def _has_record_types(described: Mapping[str, Any]) -> bool:
    return any(list(f.get("referenceTo") or ()) == [RECORD_TYPE] for f in described["fields"])


def _record_types(described: Mapping[str, Any]) -> list[dict[str, str]]:
    """An object's record types: ids, and the names that users see."""
    infos = described.get("recordTypeInfos") or ()
    return [
        {"value": i["recordTypeId"], "label": i.get("name") or i.get("developerName") or i["recordTypeId"]}
        for i in infos
        if i.get("active", True) and not i.get("master") and i.get("recordTypeId")
    ]
