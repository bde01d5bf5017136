"""Any JSON API over HTTP, from a YAML description: `docs/connectors.md` shows one.

The description says which entities there are and how they are asked for; what it does not say is not asked. A
comparison that the API takes becomes a parameter; two comparisons of a field that share one are merged into what both
mean, and where that can't be, the looser part is left to the engine. It only reads, and only by GET.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, SecretStr, model_validator
from pydantic import Field as Setting

from groundwire.connectors.columns import instants
from groundwire.connectors.conditions import conjunction, values_of
from groundwire.connectors.http import Answer, Credentials, HTTPConnector
from groundwire.connectors.http_wire import Address, basic
from groundwire.connectors.oauth import client_credentials
from groundwire.connectors.paging import GivenPaginator, NumberPaginator, OffsetPaginator, Page, Paginator, ahead, pages
from groundwire.connectors.records import Convert, Find, columns_at, counted, record_batch, value_at
from groundwire.connectors.rest_description import (
    CursorPaging,
    EntityDescription,
    FieldDescription,
    LinkPaging,
    NoPaging,
    NumberPaging,
    OffsetPaging,
    described_entity,
    load,
)
from groundwire.connectors.wire_records import Wanted
from groundwire.core.catalog import Entity
from groundwire.core.connector import (
    Aggregate,
    Capabilities,
    Comparison,
    Pushdown,
    Scan,
    ScanReport,
)
from groundwire.core.errors import ConfigError, Rejected

_PYTHON: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float, Decimal),
    "decimal": (int, Decimal),
    "boolean": (bool,),
    "date": (dt.date,),
    "datetime": (dt.datetime,),
    "time": (dt.time,),
}
"""What a filter's values must be, by the type of the field."""


class RestSettings(BaseModel):
    """Settings of a source that a YAML file describes.

    `file` is the description; `url` is used in place of the one in it. `token`, `username` and `password`, or
    `client_id` and `client_secret` are what its authentication asks for. `timeout` of a request is in seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path
    url: Address | None = None
    token: SecretStr | None = None
    username: str | None = None
    password: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    timeout: float = Setting(default=30.0, gt=0)

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if (self.username is None) is not (self.password is None):
            raise ValueError("username and password belong together")
        if (self.client_id is None) is not (self.client_secret is None):
            raise ValueError("client_id and client_secret belong together")
        return self


class RestConnector(HTTPConnector):
    """Entities of one described API."""

    Settings = RestSettings
    settings: RestSettings  # type: ignore[assignment]

    def __init__(self, name: str, settings: RestSettings) -> None:
        self.description = load(settings.file, setting=f"sources.{name}.file")
        self._url = settings.url or self.description.url
        entities = self.description.entities.values()
        self.capabilities = Capabilities(
            order=any(e.sort for e in entities),
            limit=True,
            aggregates=frozenset({"count"} if any(e.count for e in entities) else ()),
            max_in=self.description.longest_list,
        )
        self.rate = self.description.rate
        self.renews = self.description.authentication.kind == "oauth"
        super().__init__(name, settings)
        self._demand_secrets()

    # -- session ---------------------------------------------------------------------------

    @property
    def address(self) -> str:
        return self._url

    def _demand_secrets(self) -> None:
        s, kind = self.settings, self.description.authentication.kind
        needed = {"basic": ("username", "password"), "oauth": ("client_id", "client_secret"), "none": ()}
        for setting in needed.get(kind, ("token",)):
            if getattr(s, setting) is None:
                message = f"the description's authentication ({kind}) needs this setting"
                raise ConfigError(message, setting=f"sources.{self.name}.{setting}")

    def login(self, report: ScanReport) -> Credentials:
        s, how = self.settings, self.description.authentication
        if how.kind == "oauth" and how.token_url and s.client_id and s.client_secret:
            secret = s.client_secret.get_secret_value()
            return client_credentials(self, how.token_url, s.client_id, secret, report, scope=how.scope)
        if how.kind == "basic" and s.username is not None and s.password is not None:
            return Credentials(headers=basic(s.username, s.password.get_secret_value()))
        token = s.token.get_secret_value() if s.token else ""
        if how.kind == "query":
            return Credentials(query={how.name: token})
        if how.kind == "bearer":
            return Credentials(headers={"Authorization": f"{how.prefix or 'Bearer'} {token}"})
        if how.kind == "header":
            return Credentials(headers={how.name: f"{how.prefix} {token}".strip()})
        return Credentials()

    def check(self) -> str:
        """Ask for one page, of the path that the description names for this or of its first entity."""
        name, entity = next(iter(self.description.entities.items()))
        if self.description.check is not None:
            self._ask(self.description.check, {}, ScanReport())
        else:
            self._page(name, entity.path, entity.parameters | self._first_page(1), ScanReport())
        return f"{self.address}, {len(self.description.entities)} entities"

    def place(self) -> str:
        """The description decides what is read, too."""
        return f"{super().place()} {self.description.model_dump_json()}"

    def addresses(self) -> tuple[str, ...]:
        """The description names some, too."""
        token_url = self.description.authentication.token_url
        return (str(self._url), *([str(token_url)] if token_url else []))

    # -- discovery -------------------------------------------------------------------------

    def discover(self) -> list[Entity]:
        return [self._entity(name, e) for name, e in self.description.entities.items()]

    def _entity(self, name: str, e: EntityDescription) -> Entity:
        return described_entity(
            self.name,
            name,
            e.fields,
            e.relations,
            key=e.key,
            cursor=e.cursor,
            label=e.label,
            description=e.description,
        )

    # -- what can be pushed down -----------------------------------------------------------

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        described = self.description.entities[entity.name]
        how = described.filters.get(comparison.field, {}).get(comparison.op)
        if how is None:
            return Pushdown.NONE
        field = described.fields[comparison.field]
        texts = [_written(v, field) for v in _sent(comparison)]
        if any(t is None or (how.join is not None and how.join in t) for t in texts):
            return Pushdown.NONE
        return Pushdown.EXACT if how.pushdown == "exact" else Pushdown.LOOSE

    def orders(self, entity: Entity, field: str) -> bool:
        sort = self.description.entities[entity.name].sort
        return sort is not None and field in sort.fields

    def aggregates(self, entity: Entity, aggregate: Aggregate) -> bool:
        counts = self.description.entities[entity.name].count is not None
        return counts and aggregate.function == "count" and aggregate.field is None

    # -- reading ---------------------------------------------------------------------------

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        described = self._described(scan)
        parameters = self._parameters(described, scan)
        shown = {k: v if described.parameters.get(k) == v else "?" for k, v in (parameters or {}).items()}
        report.native.append(f"GET {described.path} {shown}" if shown else f"GET {described.path}")
        if parameters is None:  # nothing can match: there is nothing to ask
            nothing: list[Any] = [0] if scan.aggregates else []
            yield pa.RecordBatch.from_arrays([pa.array(nothing, f.type) for f in scan.schema], schema=scan.schema)
        elif scan.aggregates:
            page = self._page(scan.entity.name, described.path, parameters | self._first_page(1), report)
            yield counted(self._total(page, described), scan.schema, source=self.name)
        else:
            yield from self._read(described, parameters, scan, report)

    def _read(
        self, described: EntityDescription, parameters: Mapping[str, str], scan: Scan, report: ScanReport
    ) -> Iterator[pa.RecordBatch]:
        name, left, read = scan.entity.name, scan.limit, 0
        first = self._first_page(left)

        def fetch(token: Any) -> Page:
            path, query = self._at(described, token, {**parameters, **first})
            return self._page(name, path, query, report, wanted)

        converters = {f: c for f in scan.fields if (c := _converter(described.fields[f])) is not None}
        find, tidy, wanted = _finder(described), partial(_tidied, described), self._wanted(described, scan.fields)
        found = pages(self._paginator(first), fetch, source=self.name)
        for page in ahead(found) if left is None else found:
            read += len(page.rows)
            rows = page.rows if left is None else page.rows[:left]
            if rows:
                yield record_batch(
                    rows, scan.schema, source=self.name, entity=name, find=find, tidy=tidy, converters=converters
                )
            left = None if left is None else left - len(rows)
            if left == 0:
                return
            report.total = self._total(page, described) if described.count else None
        if isinstance(report.total, int) and scan.limit is None and read < report.total:
            report.incomplete.append(f"the source counted {report.total:,} records and delivered {read:,}")

    def _wanted(self, described: EntityDescription, fields: Sequence[str]) -> Wanted:
        """What a read looks at in an answer."""
        paging = self.description.paging
        heads = [getattr(paging, name, None) for name in ("total", "last", "next")]
        counts = described.count if described.count and not described.count.startswith("header:") else None
        return Wanted(
            paths=tuple(dict.fromkeys(described.fields[f].path or f for f in fields)),
            heads=tuple(dict.fromkeys(h for h in (*heads, counts) if h)),
            absent=described.absent in (None, "null"),
        )

    def _described(self, scan: Scan) -> EntityDescription:
        described = self.description.entities.get(scan.entity.name)
        if described is None:
            raise Rejected(f"no such entity: {scan.entity.name[:100]!r}", source=self.name)
        for field in scan.fields:
            if field not in described.fields:
                raise Rejected(f"no such field: {field[:100]!r}", source=self.name)
        return described

    def _parameters(self, described: EntityDescription, scan: Scan) -> dict[str, str] | None:
        """The query's parameters; None where no record can match."""
        found = dict(described.parameters)
        asked: dict[str, list[Comparison]] = {}
        for comparison in conjunction(scan.where) or ():
            asked.setdefault(comparison.field, []).append(comparison)
        for name, several in asked.items():
            merged = merge(several)
            if merged is None:
                return None
            for comparison in merged:
                how = described.filters[name][comparison.op]
                texts = [_written(v, described.fields[name]) or "" for v in _sent(comparison)]
                if how.parameter not in found or how.parameter in described.parameters:
                    found[how.parameter] = how.value.replace("{value}", (how.join or "").join(texts))
        if scan.order and described.sort:
            sort = described.sort
            keys = [
                (sort.descending if o.descending else sort.ascending).replace("{field}", o.field) for o in scan.order
            ]
            found[sort.parameter] = sort.join.join(keys)
        return found

    # -- answers ---------------------------------------------------------------------------

    def _ask(self, path: str, params: Mapping[str, str], report: ScanReport) -> Answer:
        return self.ask("GET", path, params=params or None, report=report, headers=self.description.headers)

    def _page(
        self, name: str, path: str, params: Mapping[str, str], report: ScanReport, wanted: Wanted | None = None
    ) -> Page:
        answer, where = self._ask(path, params, report), self.description.entities[name].records
        found = wanted.read(answer.content, *(where.split(".") if where else ())) if wanted else None
        if found is not None:
            return Page(rows=found[0], body=found[1], url=answer.url, headers=answer.headers)
        body = self.decoded(answer)
        rows = _maybe(body, where) if where else body
        if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
            raise Rejected(f"the answer holds no list of records{f' at {where}' if where else ''}", source=self.name)
        return Page(rows=rows, body=body, url=answer.url, headers=answer.headers)

    def _total(self, page: Page, described: EntityDescription) -> int:
        where = described.count or ""
        kind, _, header = where.partition(":")
        try:
            return int(page.headers[header] if kind == "header" else value_at(page.body, where))
        except (KeyError, TypeError, ValueError):
            raise Rejected(f"the answer holds no count at {where}", source=self.name) from None

    # -- pages -----------------------------------------------------------------------------

    def _first_page(self, limit: int | None) -> dict[str, str]:
        """The parameters that bound a page."""
        paging = self.description.paging
        if isinstance(paging, NoPaging) or paging.limit is None:
            return {}
        # pages by number are counted in their size, which therefore stays the same
        return {paging.limit: str(paging.size if limit is None else max(1, min(paging.size, limit)))}

    def _at(self, described: EntityDescription, token: Any, query: dict[str, str]) -> tuple[str, dict[str, str]]:
        """Path and parameters of the page of a token."""
        paging = self.description.paging
        if isinstance(paging, OffsetPaging):
            query[paging.offset] = str(token)
        elif isinstance(paging, NumberPaging):
            query[paging.page] = str(token)
        elif isinstance(paging, CursorPaging) and token is not None:
            query[paging.cursor] = token
        elif isinstance(paging, LinkPaging) and token is not None:
            return token, {}
        return described.path, query

    def _paginator(self, first: Mapping[str, str]) -> Paginator[Any]:
        paging = self.description.paging
        if isinstance(paging, OffsetPaging | NumberPaging):
            asked = int(next(iter(first.values()), paging.size))
            size = asked if paging.short_page_ends else None
            told = paging.total if isinstance(paging, OffsetPaging) else paging.last
            known = None if told is None else lambda page: _whole(_maybe(page.body, told))
            if isinstance(paging, OffsetPaging):
                return OffsetPaginator(size, total=known)
            return NumberPaginator(size, start=paging.first, last=known)
        if isinstance(paging, CursorPaging):
            return GivenPaginator(lambda page: _token(_maybe(page.body, paging.next)))
        if isinstance(paging, LinkPaging):
            return GivenPaginator(lambda page: self._next_link(page, paging.next))
        return GivenPaginator(lambda page: None)

    def _next_link(self, page: Page, path: str | None) -> str | None:
        if path is not None:
            found = _token(_maybe(page.body, path))
        else:
            links = httpx.Response(200, headers={"Link": page.headers.get("Link", "")}).links
            found = links.get("next", {}).get("url")
        return self.link(page.url, found) if found else None


def _token(value: Any) -> str | None:
    return None if value is None or value is False else str(value)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# -- comparisons -----------------------------------------------------------------------------


def merge(several: Sequence[Comparison]) -> list[Comparison] | None:
    """Comparisons of one field, all of which must be true, as at most one of each operator; None if none can be.

    What is left out (a second LIKE, a second !=) is loose by the description's rules: the engine filters again.
    """
    kept: dict[str, Comparison] = {}
    for c in several:
        before = kept.get(c.op)
        if before is None:
            kept[c.op] = c
        elif c.op == "in":
            both = tuple(v for v in before.value if v in c.value)
            kept["in"] = Comparison(field=c.field, op="in", value=both)
        elif c.op == "=" and before.value != c.value:
            return None
        elif c.op in (">", ">="):
            kept[c.op] = max(before, c, key=_value)
        elif c.op in ("<", "<="):
            kept[c.op] = min(before, c, key=_value)
    if "=" in kept and "in" in kept:
        if kept["="].value not in kept["in"].value:
            return None
        del kept["in"]
    if "in" in kept and not kept["in"].value:
        return None
    if "is null" in kept and len(kept) > 1:
        return None  # what is compared with null is not true
    if "is not null" in kept and {"=", "in"} & set(kept):
        del kept["is not null"]
    return list(kept.values())


def _value(comparison: Comparison) -> Any:
    return comparison.value


def _sent(comparison: Comparison) -> tuple[Any, ...]:
    """The values that are sent; of a pattern only its longest part without wildcards, which whatever fits it holds."""
    if comparison.op == "like":
        return (max(re.split("[%_]", comparison.value), key=len),)
    return values_of(comparison)


def _written(value: Any, field: FieldDescription) -> str | None:
    """A value as it stands in an address; None where it can't be sent without changing it."""
    kind = field.type.partition("(")[0]
    if not isinstance(value, _PYTHON.get(kind, ())) or isinstance(value, bool) is not (kind == "boolean"):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if value and "\0" not in value else None  # many APIs take an empty parameter for none
    if isinstance(value, dt.datetime):
        return _moment(value, field)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else None
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _moment(value: dt.datetime, field: FieldDescription) -> str | None:
    utc = value.astimezone(dt.UTC)
    if field.format == "iso":
        return utc.isoformat().replace("+00:00", "Z")
    micros = (utc - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    unit = 1_000_000 if field.format == "epoch" else 1_000
    return str(micros // unit) if micros % unit == 0 else None


# -- values ----------------------------------------------------------------------------------


def _finder(described: EntityDescription) -> Find:
    paths = {name: f.path or name for name, f in described.fields.items()}
    if described.absent is None or described.absent == "null":
        return lambda rows, names: columns_at(rows, [paths[n] for n in names], at=_maybe)
    return lambda rows, names: columns_at(rows, [paths[n] for n in names])


def _tidied(described: EntityDescription, values: Sequence[Any], name: str) -> Sequence[Any] | pa.Array:
    """Moments that are numbers are read as a whole, where all are whole numbers, and so is JSON."""
    field = described.fields[name]
    if field.type == "json":
        return _json_texts(values)
    if field.type != "datetime" or field.format == "iso":
        return values
    array = instants(values, field.arrow, 1_000_000 if field.format == "epoch" else 1_000)
    return values if array is None else array


def _maybe(row: Any, path: str) -> Any:
    try:
        return value_at(row, path)
    except (KeyError, TypeError):
        return None


_JSON = json.JSONEncoder(ensure_ascii=False, default=float)
_NUMBERS = msgspec.json.Encoder(decimal_format="number")
_BINARY = msgspec.json.Decoder()
_TEXTS = msgspec.json.Decoder(list[msgspec.Raw])


def _json_texts(values: Sequence[Any]) -> Sequence[Any] | pa.Array:
    """Texts of JSON, numbers with a point as binary floats; the values where they are to be written one by one."""
    try:
        binary = _BINARY.decode(_NUMBERS.encode(values))
        texts = _TEXTS.decode(msgspec.json.format(_NUMBERS.encode(binary), indent=0))
        return pa.array(
            [None if v is None else str(t, "utf-8") for t, v in zip(texts, values, strict=True)], pa.string()
        )
    except (ValueError, OverflowError, RecursionError):
        return values


def _converter(field: FieldDescription) -> Convert | None:
    """How a field is read whose type does not say it all."""
    if field.type == "json":
        return _JSON.encode
    if field.type == "datetime" and field.format != "iso":
        unit = 1 if field.format == "epoch" else 1000
        return lambda v: _from_epoch(v, unit)
    return None


def _from_epoch(value: Any, unit: int) -> dt.datetime:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=int(value * 1_000_000 / unit))
