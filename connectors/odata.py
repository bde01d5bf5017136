"""Any OData service of version 2 or 4, known from its `$metadata` alone.

What a service declares that it can't do is never asked, and what it need not be able to do (`in`, `$apply`, filters
over navigations, null tests, `$batch`) is used where a probe at discovery showed it. Pages follow the service's
own links, which may name another alias of the configured host but no other host. Text comparisons are LOOSE: OData
leaves them to the database (`case_sensitive` says that it compares exactly).

Source: OData Protocol 4.01, sections 11.2 and 11.3; OData 2.0 Operations; see `odata_query` for filters and
`odata_client` for requests.
"""

from __future__ import annotations

import base64
import datetime as dt
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import pyarrow as pa

from groundwire.connectors import odata_query as oq
from groundwire.connectors import odata_wire as wire
from groundwire.connectors.http import Answer
from groundwire.connectors.memory import sorted_indices
from groundwire.connectors.odata_client import ODataClient, ODataSettings
from groundwire.connectors.odata_metadata import EntitySet, Property, Service, parse
from groundwire.connectors.odata_presets import CURSORS, FORMATTED
from groundwire.connectors.paging import Page, Paginator, ahead, pages
from groundwire.connectors.records import Convert, columns_at, counted, record_batch
from groundwire.connectors.wire_records import Wanted
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import Aggregate, Capabilities, Comparison, Deleted, Pushdown, Scan, ScanReport
from groundwire.core.errors import AuthFailed, Rejected, SourceError, Unavailable

__all__ = ["ODataConnector", "ODataSettings"]

_TRIED = 5
"""Entity sets that probes are tried on, until the account may read one."""
_SAMPLE = 500
"""Records whose formatted values a profile looks at."""


class ODataConnector(ODataClient):
    """Entity sets of one OData service."""

    capabilities = Capabilities(
        paths=3,
        boolean=True,
        order=True,
        limit=True,
        aggregates=frozenset({"count", "count_distinct", "sum", "min", "max", "avg"}),
        group_by=True,
        max_in=100,
        concurrency=4,
    )

    def __init__(self, name: str, settings: ODataSettings) -> None:
        super().__init__(name, settings)
        self._service = Service(version=4, sets={})
        self._dialect = oq.Dialect()
        self._metadata = b""
        self._deltas: dict[str, tuple[dt.datetime, str]] = {}
        self._delta_lock = threading.Lock()

    def check(self) -> str:
        entities = self.discover()
        return f"OData v{self._service.version}, {len(entities)} entity sets"

    # -- discovery -------------------------------------------------------------------------

    def discover(self) -> list[Entity]:
        answer = self.ask("GET", "$metadata", headers={"Accept": "application/xml"})
        try:
            self._take(answer.content)
        except ValueError as error:
            if not answer.whole:
                raise Unavailable("the metadata broke off", source=self.name) from None
            raise Rejected(f"the metadata makes no sense: {error}", source=self.name) from None
        self._dialect = self._probed()
        return [self._entity(s) for s in self._service.sets.values()]

    def learned(self) -> Any:
        seen = {"dialect": asdict(self._dialect), "batches": self._batches, "below": self._below}
        return {"metadata": base64.b64encode(self._metadata).decode(), **seen}

    def recall(self, learned: Any) -> list[Entity]:
        self._take(base64.b64decode(learned["metadata"]))
        self._dialect = oq.Dialect(**learned["dialect"])
        self._batches, self._below = learned["batches"], learned["below"]
        return [self._entity(s) for s in self._service.sets.values()]

    def _take(self, metadata: bytes) -> None:
        """Know the service by its metadata.

        Raises:
            ValueError: it makes no sense.
            Rejected: a configured entity set is not in it.
        """
        service = parse(metadata)
        wanted = set(self.settings.entities or service.sets)
        kept = {n: s for n, s in service.sets.items() if n in wanted and s.properties and not s.needs_filter}
        if missing := wanted - set(service.sets):
            raise Rejected(f"there is no entity set {', '.join(sorted(missing))[:200]}", source=self.name)
        self._service, self._version = Service(version=service.version, sets=kept), service.version
        self._metadata = metadata

    def describe(self, name: str) -> Entity | None:
        """One entity set as it is now."""
        return next((e for e in self.discover() if e.name == name), None)

    def _probed(self) -> oq.Dialect:
        """What the service executes, seen on the first entity set that this account may read."""
        version, report = self._service.version, ScanReport()
        self._dialect = oq.Dialect(version=version, exact_text=self.settings.case_sensitive)
        candidates = sorted(self._service.sets.values(), key=lambda s: (not s.filters, not s.navigations))
        self._path("")  # a company that is not there is an error, not a reason to try the next
        for tried in candidates[:_TRIED]:
            try:
                self._fetch(f"{self._path(tried.name)}?$top=1", report)
            except (AuthFailed, Rejected):
                if self._refused is not None:
                    raise
                continue
            probes = {
                n: f"{self._path(tried.name)}?{oq.encoded(o)}" for n, o in oq.probes(self._service, tried).items()
            }
            seen = dict(zip(probes, self._executed(list(probes.values()), report), strict=True))
            return replace(self._dialect, **{n: seen.get(n, False) for n in ("nulls", "lists", "paths", "apply")})
        return replace(self._dialect, nulls=False)

    def _executed(self, addresses: list[str], report: ScanReport) -> list[bool]:
        """Which of the requests were answered as asked: in one batch, or one by one where there are none."""
        try:
            answers = self._batch(addresses, self._headers(), report)
            self._batches = True
        except (AuthFailed, Rejected):  # S/4HANA wants a CSRF token for every POST, and says 403
            self._batches = False
            answers = [self._tried(a, report) for a in addresses]
        for answer in answers:
            if answer.status == 429 or (answer.status >= 500 and answer.status != 501):
                self.checked(answer)
        return [
            a.status < 400 and ("$apply" not in x or b"gw0" in a.content)
            for a, x in zip(answers, addresses, strict=True)
        ]

    def _tried(self, address: str, report: ScanReport) -> Answer:
        credentials = self.session(report)
        return self.exchange("GET", address, credentials=credentials, report=report, headers=self._headers())

    def _entity(self, s: EntitySet) -> Entity:
        fields = [
            Field(
                name=p.name,
                type=p.type,
                label=p.label,
                description=p.description,
                values=p.values,
                labels=p.labels,
                nullable=p.nullable,
            )
            for p in s.properties.values()
        ]
        relations = []
        for way in s.navigations.values():
            there = self._service.sets.get(way.target)
            if there is None or not way.on or not all(a in s.properties and b in there.properties for a, b in way.on):
                continue
            followed = self._dialect.paths and not way.many and s.expands
            relations.append(
                Relation(
                    name=way.name,
                    target=f"{self.name}.{way.target}",
                    on=way.on,
                    many=way.many,
                    native=way.name if followed else None,
                )
            )
        moments = {n for n, p in s.properties.items() if pa.types.is_timestamp(p.type) and p.filterable}
        named = self.settings.cursors.get(s.name)
        return Entity(
            source=self.name,
            name=s.name,
            fields=tuple(fields),
            primary_key=s.keys,
            cursor=named if named in s.properties else next((c for c in CURSORS if c in moments), None),
            relations=tuple(relations),
            label=s.label,
            description=s.description,
        )

    def profile(self, entity: Entity) -> Entity:
        """What users see in place of numbers, where the service formats them."""
        if not self._preset.formatted:
            return entity
        names = [f.name for f in entity.fields if pa.types.is_integer(f.type)]
        address = f"{self._path(entity.name)}?{oq.encoded({'$select': ','.join(names), '$top': str(_SAMPLE)})}"
        labels: dict[str, dict[str, str]] = {n: {} for n in names}
        if not names:
            return entity
        try:
            body = self.decoded(self._fetch(address, ScanReport(), f'odata.include-annotations="{FORMATTED}"'))
        except SourceError:
            return entity  # labels are a help, not a need
        for row in wire.records(body) or ():
            for name in names:
                label = row.get(f"{name}@{FORMATTED}")
                if isinstance(label, str) and label.replace(",", "") != str(row.get(name)):
                    labels[name][str(row.get(name))] = label
        return replace(entity, fields=tuple(_labelled(f, labels.get(f.name, {})) for f in entity.fields))

    # -- changes ---------------------------------------------------------------------------

    def clock(self) -> dt.datetime | None:
        """The server's time, in whole seconds."""
        self._fetch("", ScanReport())
        return self.date

    def open_since(self) -> dt.datetime | None:
        """Not told."""
        return None

    def deleted(self, entity: Entity, since: dt.datetime) -> Deleted | None:
        """What a delta link tells, where a read of all records got one before `since`."""
        with self._delta_lock:
            known = self._deltas.get(entity.name)
        if known is None or known[0] > since or not entity.primary_key:
            return None
        until = self.clock() or dt.datetime.now(dt.UTC)
        keys: list[tuple[Any, ...]] = []
        for page in pages(_Links(self, known[1]), partial(self._page, ScanReport()), source=self.name):
            for row in page.rows:
                gone = isinstance(row, dict) and ("@removed" in row or "@odata.removed" in row or "reason" in row)
                if gone:
                    keys.append(self._deleted_key(entity, row))
        return Deleted(keys=tuple(keys), until=until)

    def _deleted_key(self, entity: Entity, row: Mapping[str, Any]) -> tuple[Any, ...]:
        by_address = "deletedEntity" in str(row.get("@odata.context") or row.get("@context"))  # version 4.0
        if not by_address and all(name in row for name in entity.primary_key):
            return tuple(row[name] for name in entity.primary_key)
        identity = str(row.get("id") or row.get("@odata.id") or row.get("@id") or "")
        inside = identity.rpartition("(")[2].rstrip(")").strip("'") or identity
        if len(entity.primary_key) != 1 or not inside:
            raise Rejected("a deleted record has no key", source=self.name)
        integer = pa.types.is_integer(entity.field(entity.primary_key[0]).type)
        return (int(inside) if integer and inside.isdigit() else inside,)

    # -- what can be pushed down -----------------------------------------------------------

    def _find(self, entity: Entity, path: str) -> Property | None:
        found = self._service.sets.get(entity.name)
        return None if found is None else oq.find(self._service, found, path)

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        p = self._find(entity, comparison.field)
        if p is None or not self._service.sets[entity.name].filters:
            return Pushdown.NONE
        return oq.filter_support(p, comparison, self._dialect)

    def orders(self, entity: Entity, field: str) -> bool:
        p = self._find(entity, field)
        return p is not None and self._service.sets[entity.name].sorts and oq.order_support(p, self._dialect)

    def aggregates(self, entity: Entity, aggregate: Aggregate) -> bool:
        if aggregate.field is None:
            known = self._service.sets.get(entity.name)
            exact = self._preset.counts and known is not None and known.counts
            return aggregate.function == "count" and (exact or self._dialect.apply)
        p = self._find(entity, aggregate.field)
        return p is not None and oq.aggregate_support(p, aggregate, self._dialect)

    def groups(self, entity: Entity, field: str) -> bool:
        p = self._find(entity, field)
        return p is not None and oq.group_support(p, field, self._dialect)

    # -- reading ---------------------------------------------------------------------------

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        for name in (*scan.fields, *scan.group_by):
            if self._find(scan.entity, name) is None:
                raise Rejected(f"no such field: {name[:100]!r}", source=self.name)
        if scan.aggregates or scan.group_by:
            yield from self._aggregated(scan, report)
            return
        reads = oq.ordered_reads(scan, lambda name: self._may_be_null(scan.entity, name))
        if reads is None:
            yield from self._sorted_here(scan, report)
            return
        left = scan.limit
        for read in reads:
            if left == 0 and scan.limit:
                return
            for batch in self._read(replace(read, limit=left), report):
                left = None if left is None else left - batch.num_rows
                yield batch

    def _may_be_null(self, entity: Entity, name: str) -> bool:
        p = self._find(entity, name)
        return p is None or p.nullable or "." in name

    def _sorted_here(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        """Several keys that may be null can't be brought in SQL's order by the service."""
        keys = tuple(dict.fromkeys(o.field for o in scan.order if o.field not in scan.fields))
        types = {**scan.types, **{o.field: p.type for o in scan.order if (p := self._find(scan.entity, o.field))}}
        whole = replace(scan, fields=scan.fields + keys, order=(), limit=None, types=types)
        table = pa.Table.from_batches(list(self._read(whole, report)), schema=whole.schema)
        found = table.take(sorted_indices(table, scan)).select(list(scan.fields))
        yield from found.slice(0, scan.limit).combine_chunks().to_batches()

    def _read(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        options = oq.Compiler(self._service, self._dialect, scan).options()
        self._tell(oq.Compiler(self._service, self._dialect, scan, oq.hidden).options(), scan, report)
        whole = scan.where is None and scan.limit is None and not scan.order
        if scan.limit is not None:
            options["$top"] = str(scan.limit)
        elif self._service.sets[scan.entity.name].counts and self._preset.counts:
            options |= {"$inlinecount": "allpages"} if self._service.version == 2 else {"$count": "true"}
        address = f"{self._path(scan.entity.name)}?{oq.encoded(options)}"
        track = ("odata.track-changes",) if whole and self.settings.delta else ()
        began = report.as_of
        read, total, batch_of = 0, None, self._batches_of(scan)
        wanted = Wanted(paths=tuple(scan.fields), heads=wire.HEADS[self._service.version])
        fetch = partial(self._page, report, *track, wanted=wanted)
        found = pages(self._paginator(scan, address), fetch, source=self.name)
        for page in ahead(found) if scan.limit is None else found:
            rows = page.rows if scan.limit is None else page.rows[: scan.limit - read]
            read += len(rows)
            total = wire.total(page.body) if total is None else total
            if rows:
                yield batch_of(rows)
            link = wire.delta_link(page.body)
            if link and whole:
                with self._delta_lock:
                    self._deltas[scan.entity.name] = (began, self.link(page.url, link))
            if scan.limit is not None and read >= scan.limit:
                return
        if total is not None and scan.limit is None:
            report.total = (report.total or 0) + total
            if read < total:
                report.incomplete.append(f"the service counted {total:,} records and delivered {read:,}")

    def _aggregated(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        compiler = oq.Compiler(self._service, self._dialect, scan)
        path = self._path(scan.entity.name)
        shown = oq.Compiler(self._service, self._dialect, scan, oq.hidden)
        if not self._dialect.apply:
            options = {} if scan.where is None else {"$filter": compiler.condition(scan.where)}
            told = {} if scan.where is None else {"$filter": shown.condition(scan.where)}
            self._tell(told, scan, report, "/$count")
            answer = self._fetch(f"{path}/$count?{oq.encoded(options)}".rstrip("?"), report)
            text = answer.content.decode("utf-8-sig", "replace").strip()
            yield counted(int(text) if text.isdigit() else None, scan.schema, source=self.name)
            return
        self._tell(shown.apply(), scan, report)
        batch_of = self._batches_of(scan, {a.alias: f"gw{i}" for i, a in enumerate(scan.aggregates)})
        address = f"{path}?{oq.encoded(compiler.apply())}"
        for page in pages(_Links(self, address), partial(self._page, report), source=self.name):
            if page.rows:
                yield batch_of(page.rows)

    def _tell(self, options: Mapping[str, str], scan: Scan, report: ScanReport, below: str = "") -> None:
        text = "&".join(f"{k}={v}" for k, v in options.items())
        report.native.append(f"GET {scan.entity.name}{below}{'?' if text else ''}{text}")

    def _paginator(self, scan: Scan, address: str) -> Paginator[str]:
        known = self._service.sets[scan.entity.name]
        if not self._preset.pages_itself or scan.limit is not None or not known.keys or not known.skips:
            return _Links(self, address)
        keys = "" if scan.order else "&" + oq.encoded({"$orderby": ",".join(known.keys)})
        return _Windows(self, address + keys, self.settings.page_rows)

    def _page(self, report: ScanReport, *preferences_and_token: str, wanted: Wanted | None = None) -> Page:
        *preferences, address = preferences_and_token
        answer = self._fetch(address, report, *preferences)
        found = wanted.read(answer.content, *wire.WHERE[self._service.version]) if wanted else None
        if found is not None and wire.RECORDS not in found[1]:
            return Page(rows=found[0], body=found[1], url=answer.url)
        body = self.decoded(answer)
        rows = wire.records(body)
        if rows is None:
            raise Rejected("the answer holds no records", source=self.name)
        return Page(rows=rows, body=body, url=answer.url)

    def _batches_of(self, scan: Scan, names: Mapping[str, str] | None = None) -> Callable[[Any], pa.RecordBatch]:
        """From the records of a page to a batch of this scan; `names` are those of columns in an answer."""
        aliases = names or {}
        converters: dict[str, Convert] = {}
        fields = {**dict(zip(scan.fields, scan.fields, strict=True)), **{g: g for g in scan.group_by}}
        fields |= {a.alias: a.field for a in scan.aggregates if a.field and a.function in ("min", "max")}
        for a in scan.aggregates:
            if a.function == "sum":
                converters[a.alias] = partial(wire.summed, type_=scan.types[a.alias])
        for column, path in fields.items():
            p = self._find(scan.entity, path)
            if p is not None and (own := wire.value_converter(p, self._service.version)) is not None:
                converters[column] = own
        return partial(
            record_batch,
            schema=scan.schema,
            source=self.name,
            entity=scan.entity.name,
            find=lambda rows, names: columns_at(rows, [aliases.get(n, n) for n in names]),
            converters=converters,
        )


class _Links(Paginator[str]):
    """Pages by the service's own links."""

    def __init__(self, connector: ODataConnector, address: str) -> None:
        super().__init__(address)
        self.connector = connector

    def after(self, page: Page, token: str) -> str | None:
        link = wire.next_link(page.body)
        return None if link is None else self.connector.link(page.url, link)


class _Windows(_Links):
    """Pages by `$top` and `$skip`, and by the service's links where it gives fewer records than a window has."""

    def __init__(self, connector: ODataConnector, address: str, rows: int) -> None:
        super().__init__(connector, f"{address}&$top={rows}")
        self.address = address
        self.rows = rows
        self.read = 0
        self.window = 0

    def after(self, page: Page, token: str) -> str | None:
        self.read += len(page.rows)
        self.window += len(page.rows)
        link = super().after(page, token)
        if link is not None:
            return link
        if self.window < self.rows:
            return None
        self.window = 0
        return f"{self.address}&$top={self.rows}&$skip={self.read}"


def _labelled(field: Field, labels: Mapping[str, str]) -> Field:
    if not labels:
        return field
    told = ", ".join(f"{value} = {label}" for value, label in list(labels.items())[:20])
    return replace(field, labels=labels, description=f"{field.description} {told}".strip())
