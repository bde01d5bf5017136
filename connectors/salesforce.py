"""Salesforce, by SOQL over the REST API, through `simple-salesforce`.

SOQL compares text without regard to case, so text filters are declared LOOSE and the engine filters
again; `!=` and `NOT` match null there, so a null test is added. Relationship paths are followed
by Salesforce itself. Sessions are renewed once in the middle of a read, and pages go on where they were.
Refused credentials are not sent again, since Salesforce locks users out.

Source: SOQL and SOSL Reference; REST API Developer Guide (query, describe, error codes).
"""

from __future__ import annotations

import datetime as dt
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any, Self, cast
from urllib.parse import urlsplit

import pyarrow as pa
import requests
import urllib3
from pydantic import BaseModel, ConfigDict, SecretStr, model_validator
from pydantic import Field as Setting
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceError

from groundwire.connectors.http import retry_after, seconds_left, server_time
from groundwire.connectors.profiling import Distinct, open_texts
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import (
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
from groundwire.core.errors import AuthFailed, RateLimited, Rejected, SourceError, Unavailable

BATCH_ROWS = 10_000
SAMPLE_ROWS = 2_000
"""Records of an object that its profile looks at: one page."""
PROFILE_SECONDS = 5.0
"""What an object's profile may take; more, and it stays without values."""

ERRORS: dict[str, type[SourceError]] = {
    "INVALID_SESSION_ID": AuthFailed,
    "INVALID_LOGIN": AuthFailed,
    "INVALID_AUTH_HEADER": AuthFailed,
    "API_DISABLED_FOR_ORG": AuthFailed,
    "REQUEST_LIMIT_EXCEEDED": RateLimited,
    "SERVER_UNAVAILABLE": Unavailable,
    "QUERY_TIMEOUT": Unavailable,
    "UNABLE_TO_LOCK_ROW": Unavailable,
    "MALFORMED_QUERY": Rejected,
    "INVALID_FIELD": Rejected,
    "INVALID_TYPE": Rejected,
    "INVALID_QUERY_FILTER_OPERATOR": Rejected,
    "INVALID_QUERY_LOCATOR": Rejected,
    "INSUFFICIENT_ACCESS": Rejected,
    "NOT_FOUND": Rejected,
}
"""The vendor's error codes as ours; what is not listed is decided by the HTTP status."""

_TYPES: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "int": pa.int64(),
    "long": pa.int64(),
    "double": pa.float64(),
    "currency": pa.float64(),
    "percent": pa.float64(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
}
_LEFT_OUT = {"address", "location", "base64", "complexvalue", "anyType"}
_NUMBERS = {"int", "long", "double", "currency", "percent"}
_TEXTS = {"string", "picklist", "email", "phone", "url", "combobox"}
"""Kinds of text that SOQL filters as text: not long or encrypted text, sets of picks, and times of day."""
_PYTHON: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "long": (int,),
    "double": (int, float, Decimal),
    "currency": (int, float, Decimal),
    "percent": (int, float, Decimal),
    "date": (dt.date,),
    "datetime": (dt.datetime,),
}
"""What a filter's values must be, for the kinds of field that compare as in SQL."""
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_SHORTEST_FEED, _LONGEST_FEED = dt.timedelta(minutes=2), dt.timedelta(days=29)
"""Windows of the feed of deletions: REST API Developer Guide, "Get Deleted"."""

_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")
_LONGEST_LIST = 8_000
"""Characters of text in one IN list: a query travels in the address, which holds 16 KB."""


class SalesforceSettings(BaseModel):
    """Settings of a Salesforce source.

    Either `url` (My Domain) with `client_id` and `client_secret` (OAuth client credentials), or `username`,
    `password` and `security_token`, or `url` with `session_id`. `objects` are API names; `timeout` in seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    username: str | None = None
    password: SecretStr | None = None
    security_token: SecretStr = SecretStr("")
    domain: str = "login"
    session_id: SecretStr | None = None
    objects: tuple[str, ...] = (
        "Account",
        "Contact",
        "Opportunity",
        "Case",
        "Task",
        "User",
        "Lead",
        "Product2",
        "Contract",
    )
    timeout: float = Setting(default=30.0, gt=0)
    api_version: str = "59.0"

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        by_url = self.url and (self.session_id or (self.client_id and self.client_secret))
        if not by_url and not (self.username and self.password):
            raise ValueError("set url, client_id and client_secret, or username and password")
        return self


class _Session(requests.Session):
    """A session with a time limit on everything, which follows no redirect.

    `local.deadline` (`time.monotonic()`, or None) bounds what the present thread asks, and
    `local.retry_after` is what its last answer asked for, `local.date` when that was by the server's clock.
    """

    def __init__(self, connector: Connector, timeout: float) -> None:
        super().__init__()
        self.connector = connector
        self.source = connector.name
        self.timeout = timeout
        self.local = threading.local()

    def request(self, method: Any, url: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        deadline = getattr(self.local, "deadline", None)
        if self.connector.gate is not None:
            self.connector.gate.enter(deadline)
        seconds = seconds_left(self.timeout, deadline, source=self.source)
        kwargs |= {"timeout": (min(seconds, 10.0), seconds), "allow_redirects": False, "stream": True}
        end = time.monotonic() + seconds
        response = super().request(method, url, **kwargs)
        self.local.retry_after = retry_after(response.headers.get("Retry-After"))
        self.local.date = server_time(response.headers.get("Date"))
        self._tell(response)
        parts = []
        try:
            # a body that trickles in would pass every time-out of a single read
            while part := response.raw.read1(1 << 16, decode_content=True):
                parts.append(part)
                if time.monotonic() > end:
                    raise requests.ReadTimeout("the answer took too long")
        except urllib3.exceptions.ReadTimeoutError:
            raise requests.ReadTimeout("the answer took too long") from None
        except urllib3.exceptions.HTTPError:
            raise requests.ConnectionError("the answer broke off") from None
        finally:
            response.close()
        response._content = b"".join(parts)
        response._content_consumed = True  # type: ignore[attr-defined]
        return response

    def _tell(self, response: requests.Response) -> None:
        """Hand on what the answer says of limits (REST API Developer Guide, "Limit Info Header")."""
        gate = self.connector.gate
        if gate is None:
            return
        usage = _USAGE.search(response.headers.get("Sforce-Limit-Info", ""))
        busy = response.status_code in (429, 503)
        gate.told(
            retry_after=self.local.retry_after if busy else None,
            used=int(usage[1]) if usage else None,
            allowed=int(usage[2]) if usage else None,
        )


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
        self._client: Salesforce | None = None
        self._refused: str | None = None
        self._lock = threading.Lock()
        self._kinds: dict[str, dict[str, Any]] = {}
        self._described: dict[str, Any] = {}

    # -- session ---------------------------------------------------------------------------

    def _connect(self, deadline: float | None) -> Salesforce:
        with self._lock:
            if self._refused is not None:
                raise AuthFailed(self._refused, source=self.name)
            if self._client is None:
                try:
                    self._client = self._login(deadline)
                except AuthFailed as error:
                    self._refused = str(error).removeprefix(f"{self.name}: ")
                    raise
            return self._client

    def _login(self, deadline: float | None) -> Salesforce:
        s = self.settings
        session = _Session(self, s.timeout)
        session.local.deadline = deadline
        try:
            if s.url and s.client_id and s.client_secret:
                return self._login_with_client(s.url, s.client_id, s.client_secret.get_secret_value(), session)
            if s.url and s.session_id:
                return self._client_for(s.url, s.session_id.get_secret_value(), session)
            if s.username and s.password:
                return Salesforce(
                    username=s.username,
                    password=s.password.get_secret_value(),
                    security_token=s.security_token.get_secret_value(),
                    domain=s.domain,
                    version=s.api_version,
                    session=session,
                )
        except SalesforceAuthenticationFailed:
            raise AuthFailed("user name, password or security token were not accepted", source=self.name) from None
        except requests.RequestException as error:
            raise self._transport(error) from None
        raise AuthFailed("set url, client_id and client_secret, or username and password", source=self.name)

    def _login_with_client(self, url: str, client_id: str, secret: str, session: _Session) -> Salesforce:
        """OAuth client credentials (RFC 6749, section 4.4)."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        answer = session.post(f"{url.rstrip('/')}/services/oauth2/token", data=form)
        status = answer.status_code
        if status == 429:
            raise RateLimited("HTTP 429 at login", source=self.name, retry_after=session.local.retry_after)
        if status >= 500:
            raise Unavailable(f"HTTP {status} at login", source=self.name)
        if status in (400, 401, 403):
            raise AuthFailed("the client credentials were not accepted", source=self.name)
        try:
            token = answer.json()
            instance, access = token.get("instance_url") or url, token["access_token"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Rejected(f"HTTP {status}: the login's answer makes no sense", source=self.name) from None
        return self._client_for(instance, access, session)

    def _client_for(self, url: str, token: str, session: _Session) -> Salesforce:
        client = Salesforce(instance_url=url, session_id=token, version=self.settings.api_version, session=session)
        if url.startswith("http://"):  # simple-salesforce always writes https
            for attribute in ("base_url", "apex_url", "bulk_url", "tooling_url"):
                old = getattr(client, attribute, None)
                if isinstance(old, str):
                    setattr(client, attribute, f"http://{urlsplit(url).netloc}{urlsplit(old).path}")
        return client

    def _transport(self, error: requests.RequestException) -> SourceError:
        if isinstance(error, requests.exceptions.JSONDecodeError):
            return Rejected("the answer is not JSON", source=self.name)
        kind = "did not answer in time" if isinstance(error, requests.Timeout) else "can't be reached"
        return Unavailable(kind, source=self.name)

    def _call(self, path: str, params: Mapping[str, str] | None = None, *, deadline: float | None = None) -> Any:
        """GET a path below the version's base, with one new login where the session has ended."""
        for attempt in (1, 2):
            client = self._connect(deadline)
            session = cast(_Session, client.session)
            session.local.deadline = deadline
            try:
                return client.restful(path, params=dict(params) if params else None)
            except requests.RequestException as error:
                raise self._transport(error) from None
            except SalesforceError as error:
                translated = self._translated(error, session)
                if isinstance(translated, AuthFailed) and attempt == 1 and not self.settings.session_id:
                    with self._lock:
                        if self._client is client:
                            self._client = None
                    continue
                raise translated from None
            except (ValueError, TypeError):
                raise Rejected("the answer is not JSON, or no answer of this API", source=self.name) from None
        raise AssertionError("unreachable")

    def _translated(self, error: SalesforceError, session: _Session) -> SourceError:
        content: Any = error.content
        first: Any = content[0] if isinstance(content, list) and content and isinstance(content[0], dict) else {}
        code, message = str(first.get("errorCode", "")), str(first.get("message", ""))[:300]
        status = int(error.status or 0)
        text = f"{code or 'HTTP'} {status}: {message}" if message else f"HTTP {status}"
        kind = ERRORS.get(code)
        if status == 429 or kind is RateLimited:
            return RateLimited(text, source=self.name, retry_after=session.local.retry_after)
        if kind is None:
            kind = Unavailable if status >= 500 else AuthFailed if status == 401 else Rejected
        return kind(text, source=self.name)

    def check(self) -> str:
        self._call("limits")
        return f"Salesforce API v{self.settings.api_version}"

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.session.close()
                self._client = None

    # -- discovery -------------------------------------------------------------------------

    def discover(self) -> list[Entity]:
        present = {o["name"] for o in self._part(self._call("sobjects"), "sobjects") if o.get("queryable", True)}
        names = [n for n in self.settings.objects if n in present]
        with ThreadPoolExecutor(max_workers=self.capabilities.concurrency) as pool:
            described = list(pool.map(lambda n: self._call(f"sobjects/{n}/describe"), names))
        for answer in described:
            self._part(answer, "fields")
        self._described = {d["name"]: d for d in described}
        return [self._entity(d, set(names)) for d in described]

    def describe(self, name: str) -> Entity | None:
        """One object as it is now."""
        if name not in self._described:
            self.discover()
        if name not in self._described:
            return None
        answer = self._call(f"sobjects/{name}/describe")
        self._part(answer, "fields")
        self._described[name] = answer
        return self._entity(answer, set(self._described))

    # -- changes ---------------------------------------------------------------------------

    def clock(self) -> dt.datetime | None:
        """The server's time, in whole seconds."""
        self._call("limits")
        return self._date()

    def open_since(self) -> dt.datetime | None:
        """Not told: records are stamped when they are committed, or little before."""
        return None

    def untracked(self, entity: Entity) -> frozenset[str]:
        """Formula fields: what they are computed from changes without the record."""
        return frozenset(n for n, f in self._kinds.get(entity.name, {}).items() if f.get("calculated"))

    def deleted(self, entity: Entity, since: dt.datetime) -> Deleted | None:
        """`sobjects/X/deleted`, which reaches back 30 days at most and wants more than a minute."""
        now = self._date() or dt.datetime.now(dt.UTC)
        start = min(since, now - _SHORTEST_FEED).replace(microsecond=0)
        if now - start > _LONGEST_FEED:
            return None
        parameters = {"start": start.isoformat(), "end": now.isoformat()}
        answer = self._call(f"sobjects/{entity.name}/deleted/", parameters)
        records = self._part(answer, "deletedRecords")
        try:
            until = dt.datetime.fromisoformat(re.sub(r"\+0000$", "+00:00", answer["latestDateCovered"]))
            first = answer.get("earliestDateAvailable")
            if first is not None and dt.datetime.fromisoformat(re.sub(r"\+0000$", "+00:00", first)) > start:
                return None
            return Deleted(keys=tuple((str(r["id"]),) for r in records), until=min(until, now))
        except (KeyError, TypeError, ValueError):
            raise Rejected("the feed of deletions makes no sense", source=self.name) from None

    def _date(self) -> dt.datetime | None:
        """When the last answer to this thread was given, by the server's clock."""
        client = self._client
        return None if client is None else getattr(cast(_Session, client.session).local, "date", None)

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
        self._kinds[name] = {f["name"]: f for f in described["fields"]}
        for f in described["fields"]:
            if f["type"] in _LEFT_OUT:
                continue
            picks = [p for p in f.get("picklistValues") or () if p.get("active")]
            fields.append(
                Field(
                    name=f["name"],
                    type=_TYPES.get(f["type"], pa.string()),
                    label=f.get("label") or "",
                    description=f.get("inlineHelpText") or "",
                    values=tuple(p["value"] for p in picks),
                    labels={p["value"]: p["label"] for p in picks if p["label"] != p["value"]},
                    nullable=bool(f.get("nillable", True)),
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

    # -- what can be pushed down -----------------------------------------------------------

    def _describe_field(self, entity: Entity, path: str) -> Mapping[str, Any] | None:
        """The metadata of a field behind a relationship path."""
        name, parts = entity.name, path.split(".")
        for part in parts[:-1]:
            step = next((f for f in self._kinds.get(name, {}).values() if f.get("relationshipName") == part), None)
            if step is None or len(step.get("referenceTo") or ()) != 1:
                return None
            name = step["referenceTo"][0]
        found: Mapping[str, Any] | None = self._kinds.get(name, {}).get(parts[-1])
        return found

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        field = self._describe_field(entity, comparison.field)
        if field is None or not field.get("filterable", True) or field["type"] in _LEFT_OUT:
            return Pushdown.NONE
        kind, op = field["type"], comparison.op
        values = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
        if kind == "boolean":  # never null there, but where a path ends before it
            behind_path = "." in comparison.field
            told = isinstance(comparison.value, bool) and op in (("=",) if behind_path else ("=", "!="))
            return (Pushdown.LOOSE if behind_path else Pushdown.EXACT) if told else Pushdown.NONE
        if op in ("is null", "is not null"):
            return Pushdown.EXACT if kind in _TYPES or kind in _TEXTS or kind in ("id", "reference") else Pushdown.NONE
        if kind in ("id", "reference"):
            return Pushdown.LOOSE if op in ("=", "in") else Pushdown.NONE
        if kind in _PYTHON:
            told = op != "like" and all(_comparable(v, kind) for v in values)
            return Pushdown.EXACT if told else Pushdown.NONE
        return _text_support(field, op, values) if kind in _TEXTS else Pushdown.NONE

    def orders(self, entity: Entity, field: str) -> bool:
        found = self._describe_field(entity, field)
        return found is not None and bool(found.get("sortable", True))

    def aggregates(self, entity: Entity, aggregate: Aggregate) -> bool:
        if aggregate.function not in self.capabilities.aggregates:
            return False
        if aggregate.field is None:
            return True
        found = self._describe_field(entity, aggregate.field)
        if found is None or not found.get("aggregatable", True):
            return False
        ranked = found["type"] in ("date", "datetime") and aggregate.function in ("count", "min", "max")
        return found["type"] in _NUMBERS or ranked

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
        labels = [_group_label(i) for i in range(len(scan.group_by))] + [a.alias for a in scan.aggregates]
        rows: list[Mapping[str, Any]] = []
        read = 0
        answer = self._call("query/", {"q": query}, deadline=report.deadline)
        while True:
            report.requests += 1
            records = self._part(answer, "records")
            rows += records
            read += len(records)
            if len(rows) >= BATCH_ROWS:
                yield self._batch(rows, labels if grouped else scan.fields, scan.schema)
                rows = []
            if answer.get("done", True):
                break
            answer = self._call(self._next(answer), deadline=report.deadline)
        yield self._batch(rows, labels if grouped else scan.fields, scan.schema)
        total = answer.get("totalSize")
        if not grouped:
            report.total = total
        if isinstance(total, int) and read < total:
            report.incomplete.append(f"Salesforce counted {total:,} records and delivered {read:,}")

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
            return Comparison(field=predicate.field, op="in", value=tuple(v for v in values if _ID.fullmatch(v)))

        return scan if scan.where is None else replace(scan, where=kept(scan.where))

    def _next(self, answer: Mapping[str, Any]) -> str:
        """The path of the next page, which must be on the same host and below the same base."""
        link = urlsplit(str(answer.get("nextRecordsUrl", "")))
        base = f"/services/data/v{self.settings.api_version}/"
        if link.netloc or not link.path.startswith(base):
            raise Rejected("the next page's address leads elsewhere", source=self.name)
        return link.path.removeprefix(base)

    def _batch(self, rows: list[Mapping[str, Any]], paths: Sequence[str], schema: pa.Schema) -> pa.RecordBatch:
        columns = []
        for path, field in zip(paths, schema, strict=True):
            convert = _converter(field.type)
            try:
                columns.append(pa.array([convert(_at(row, path)) for row in rows], field.type))
            except (pa.ArrowInvalid, pa.ArrowTypeError, KeyError, ValueError, TypeError, ArithmeticError):
                raise Rejected(f"a value of {field.name} is not a {field.type}", source=self.name) from None
        return pa.RecordBatch.from_arrays(columns, schema=schema)


def _at(row: Mapping[str, Any], path: str) -> Any:
    """A value by its path; None where the path ends at a record without the relation.

    Raises:
        KeyError: the answer does not hold the field.
    """
    *steps, last = path.split(".")
    for step in steps:
        below = row[step]
        if below is None:
            return None
        row = below
    return row[last]


def _comparable(value: Any, kind: str) -> bool:
    """Whether SOQL has a literal for this value that loses nothing."""
    if isinstance(value, bool) or not isinstance(value, _PYTHON[kind]):
        return False
    if isinstance(value, dt.datetime):
        return bool(kind == "datetime" and value.tzinfo is not None and value.microsecond % 1000 == 0)
    if isinstance(value, int):
        return abs(value) < 2**63
    return not isinstance(value, float) or math.isfinite(value)


def _text_support(field: Mapping[str, Any], op: str, values: tuple[Any, ...]) -> Pushdown:
    """How faithfully SOQL compares text: it knows no cases, and no empty text beside null."""
    if not all(isinstance(v, str) and v and "\0" not in v for v in values) or sum(map(len, values)) > _LONGEST_LIST:
        return Pushdown.NONE
    if op in ("=", "in"):
        active = {p["value"] for p in field.get("picklistValues") or () if p.get("active")}
        closed = field["type"] == "picklist" and field.get("restrictedPicklist") and set(values) <= active
        return Pushdown.EXACT if closed else Pushdown.LOOSE
    return Pushdown.LOOSE if op == "like" and "\\" not in values[0] else Pushdown.NONE


def _converter(type_: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_timestamp(type_):
        return lambda v: None if v is None else dt.datetime.fromisoformat(re.sub(r"\+0000$", "+00:00", v))
    if pa.types.is_date(type_):
        return lambda v: None if v is None else dt.date.fromisoformat(v[:10])
    if pa.types.is_integer(type_):
        return lambda v: None if v is None else int(v)
    if pa.types.is_floating(type_):
        return lambda v: None if v is None else float(v)
    if pa.types.is_decimal(type_):
        return lambda v: None if v is None else Decimal(str(v)).quantize(Decimal(1).scaleb(-type_.scale))
    return lambda v: v


# -- SOQL ------------------------------------------------------------------------------------


def soql(scan: Scan) -> tuple[str, str]:
    """A scan as SOQL, and the same with `?` for every value."""
    return _statement(scan, literal), _statement(scan, lambda _: "?")


def _statement(scan: Scan, write: Callable[[Any], str]) -> str:
    if scan.aggregates or scan.group_by:
        # two paths may end in the same name, so every key gets a name of its own
        items = [f"{path} {_group_label(i)}" for i, path in enumerate(scan.group_by)]
        items += [_aggregate(a) for a in scan.aggregates]
    else:
        items = list(scan.fields)
    text = f"SELECT {', '.join(items)} FROM {scan.entity.name}"
    if scan.where is not None:
        text += f" WHERE {condition(scan.where, write)}"
    if scan.group_by:
        text += f" GROUP BY {', '.join(scan.group_by)}"
    if scan.order:
        keys = (
            f"{o.field} {'DESC' if o.descending else 'ASC'} NULLS {'FIRST' if o.nulls_first else 'LAST'}"
            for o in scan.order
        )
        text += f" ORDER BY {', '.join(keys)}"
    if scan.limit is not None:
        text += f" LIMIT {scan.limit}"
    return text


def _group_label(index: int) -> str:
    return f"gw_key{index}"


def _aggregate(aggregate: Aggregate) -> str:
    return f"{aggregate.function.upper()}({aggregate.field or 'Id'}) {aggregate.alias}"


def condition(predicate: Predicate, write: Callable[[Any], str]) -> str:
    """A predicate as SOQL with SQL's meaning."""
    if isinstance(predicate, And | Or):
        word = " AND " if isinstance(predicate, And) else " OR "
        return "(" + word.join(condition(t, write) for t in predicate.terms) + ")"
    if isinstance(predicate, Not):
        return f"({_negated(predicate.term, write)})"
    return _comparison(predicate, write)


def _negated(predicate: Predicate, write: Callable[[Any], str]) -> str:
    """NOT pushed down to the comparisons, where null can be excluded: SOQL's own NOT matches null."""
    if isinstance(predicate, Not):
        return condition(predicate.term, write)
    if isinstance(predicate, And | Or):
        word = " OR " if isinstance(predicate, And) else " AND "
        return "(" + word.join(_negated(t, write) for t in predicate.terms) + ")"
    opposite = {
        "=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<",
        "in": "not in", "not in": "in", "is null": "is not null", "is not null": "is null",
    }  # fmt: skip
    if predicate.op == "like":
        return f"((NOT {_comparison(predicate, write)}) AND {predicate.field} != null)"
    flipped: Any = opposite[predicate.op]
    return _comparison(Comparison(field=predicate.field, op=flipped, value=predicate.value), write)


def _comparison(c: Comparison, write: Callable[[Any], str]) -> str:
    if c.op in ("is null", "is not null"):
        return f"{c.field} {'=' if c.op == 'is null' else '!='} null"
    if isinstance(c.value, bool):
        return f"{c.field} = {write(c.value is (c.op == '='))}"
    if c.op == "in" and not c.value:
        return f"({c.field} = null AND {c.field} != null)"
    if c.op in ("in", "not in"):
        text = f"{c.field} {c.op.upper()} ({', '.join(write(v) for v in c.value)})"
        return text if c.op == "in" else f"({text} AND {c.field} != null)"
    if c.op == "like":
        return f"{c.field} LIKE {write(c.value)}"
    text = f"{c.field} {c.op} {write(c.value)}"
    return f"({text} AND {c.field} != null)" if c.op in ("!=", "<", "<=") else text


_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", '"': '\\"'}


def literal(value: Any) -> str:
    """A value as a SOQL literal; text can't end its quotes."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    if isinstance(value, dt.date):
        return value.isoformat()
    return "'" + "".join(_ESCAPES.get(c, c) for c in str(value)) + "'"
