"""NetSuite, by SuiteQL over REST.

What an account holds is read from the metadata catalog, whose records are tables of SuiteQL, or types of its one
table of transactions; fields that the catalog names and SuiteQL does not answer are left out, which is seen by
asking. Records come in order of their key, each page from the last one's key on: the 100,000 rows of one query are no
end, and a record that changes meanwhile moves none behind. Requests are signed by OAuth 1.0a (token-based
authentication), or carry a token of OAuth 2.0 for which a certificate's key has signed. Sublists but the lines of
transactions are not read, and deletions are not told.

Source: NetSuite help center, "Executing SuiteQL Queries Through REST Web Services", "Working with Resource Metadata",
"Token-based Authentication (TBA)", "REST Web Services Error Handling", "Records Catalog".
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Self
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
import pyarrow as pa
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client
from pydantic import Field as Setting
from pydantic import SecretStr, field_validator, model_validator

from groundwire.connectors.http import Answer, Credentials, HTTPConnector, HTTPSettings
from groundwire.connectors.netsuite_suiteql import KEY_ALIAS, Table
from groundwire.connectors.oauth import ASSERTION, client_credentials, signed
from groundwire.connectors.paging import GivenPaginator, Page, pages
from groundwire.connectors.records import record_batch, to_integer
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import Aggregate, Capabilities, Comparison, Pushdown, Scan, ScanReport
from groundwire.core.errors import AuthFailed, RateLimited, Rejected, SourceError, Unavailable

PAGE = 1_000
MOST_ROWS = 100_000
"""Rows of one query; what lies behind is never given."""
LINES = "transactionLine"
_QUERY, _CATALOG = "services/rest/query/v1/suiteql", "services/rest/record/v1/metadata-catalog"
_TOKEN = "services/rest/auth/oauth2/v1/token"  # noqa: S105 - a path
_MOMENT = pa.timestamp("us", tz="UTC")
_CURSORS = ("lastmodifieddate", "lastmodified")

ERRORS: Mapping[str, type[SourceError]] = {
    "INVALID_LOGIN": AuthFailed,
    "INVALID_LOGIN_ATTEMPT": AuthFailed,
    "INSUFFICIENT_PERMISSION": AuthFailed,
    "CONCURRENCY_LIMIT_EXCEEDED": RateLimited,
    "REQUEST_LIMIT_EXCEEDED": RateLimited,
    "INVALID_PARAMETER": Rejected,
    "NONEXISTENT_ID": Rejected,
    "USER_ERROR": Rejected,
    "UNEXPECTED_ERROR": Unavailable,
}
"""The vendor's `o:errorCode` as ours; what is not listed is decided by the HTTP status."""

TRANSACTIONS: Mapping[str, str] = {
    "cashsale": "CashSale",
    "creditmemo": "CustCred",
    "customerdeposit": "CustDep",
    "customerpayment": "CustPymt",
    "estimate": "Estimate",
    "expensereport": "ExpRept",
    "invoice": "CustInvc",
    "itemfulfillment": "ItemShip",
    "itemreceipt": "ItemRcpt",
    "journalentry": "Journal",
    "opportunity": "Opprtnty",
    "purchaseorder": "PurchOrd",
    "returnauthorization": "RtnAuth",
    "salesorder": "SalesOrd",
    "vendorbill": "VendBill",
    "vendorcredit": "VendCred",
    "vendorpayment": "VendPymt",
}
"""Record types that are one table in SuiteQL, by their `type` there."""

_SCALAR: Mapping[tuple[str, str], pa.DataType] = {
    ("string", ""): pa.string(),
    ("string", "date"): pa.date32(),
    ("string", "date-time"): _MOMENT,
    ("boolean", ""): pa.bool_(),
    ("integer", ""): pa.int64(),
    ("number", ""): pa.float64(),
}
_UNLISTED: Mapping[str, Mapping[str, Any]] = {
    "transaction": {
        "foreigntotal": {"type": "number", "title": "Total in the transaction's currency"},
        "foreignamountunpaid": {"type": "number", "title": "Unpaid in the transaction's currency"},
    },
    LINES: {
        "uniquekey": {"type": "integer", "title": "Key"},
        "transaction": {"type": "integer", "title": "Transaction"},
        "mainline": {"type": "boolean", "title": "Is the line of the whole transaction"},
        "taxline": {"type": "boolean", "title": "Is a tax line"},
        "item": {"type": "integer", "title": "Item"},
        "quantity": {"type": "number", "title": "Quantity"},
        "rate": {"type": "number", "title": "Rate"},
        "foreignamount": {"type": "number", "title": "Amount in the transaction's currency"},
        "netamount": {"type": "number", "title": "Net amount"},
        "memo": {"type": "string", "title": "Memo"},
    },
    "item": {
        "id": {"type": "integer", "title": "Internal ID"},
        "itemid": {"type": "string", "title": "Item name or number"},
        "displayname": {"type": "string", "title": "Display name"},
        "itemtype": {"type": "string", "title": "Type"},
        "isinactive": {"type": "boolean", "title": "Inactive"},
        "lastmodifieddate": {"type": "string", "format": "date-time", "title": "Last modified"},
    },
}
"""What SuiteQL has beside the metadata catalog, in the catalog's own form."""

logging.getLogger("oauthlib").setLevel(logging.WARNING)  # its debug log holds keys, tokens and signatures


class NetSuiteSettings(HTTPSettings):
    """Settings of a NetSuite source.

    `account` with an integration's `consumer_key`, and either its `consumer_secret` and a user's `token_id` and
    `token_secret` (token-based authentication), or `certificate_id` and the `private_key` of that certificate, in PEM
    (OAuth 2.0 client credentials); `records` by their names in the metadata catalog, `item` and `transactionLine` too;
    `fields` of a record where not all are wanted; `time_zone` that the user has set in NetSuite, in which SuiteQL
    tells the time.
    """

    account: str = Setting(pattern=r"^[A-Za-z0-9_-]+$")
    consumer_key: SecretStr
    consumer_secret: SecretStr | None = None
    token_id: SecretStr | None = None
    token_secret: SecretStr | None = None
    certificate_id: str | None = None
    private_key: SecretStr | None = None
    records: tuple[str, ...] = ("customer", "contact", "vendor", "item", "salesOrder", "invoice", LINES)
    fields: Mapping[str, tuple[str, ...]] = Setting(default_factory=dict)
    time_zone: str = "UTC"
    page_rows: int = Setting(default=PAGE, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _address(cls, given: Any) -> Any:
        """The account's own address where none is written."""
        if isinstance(given, Mapping) and "url" not in given and isinstance(given.get("account"), str):
            host = given["account"].lower().replace("_", "-")
            return {**given, "url": f"https://{host}.suitetalk.api.netsuite.com"}
        return given

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        by_token = bool(self.consumer_secret and self.token_id and self.token_secret)
        if by_token == bool(self.certificate_id and self.private_key):
            raise ValueError("set consumer_secret, token_id and token_secret, or certificate_id and private_key")
        return self

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("write a name of the IANA database, such as Europe/Berlin") from None
        return name


class NetSuiteConnector(HTTPConnector):
    """Records, items and transactions with their lines of one NetSuite account."""

    Settings = NetSuiteSettings
    settings: NetSuiteSettings
    capabilities = Capabilities(
        boolean=True,
        order=True,
        limit=True,
        aggregates=frozenset({"count", "count_distinct", "sum", "min", "max", "avg"}),
        group_by=True,
        max_in=200,
        concurrency=4,
    )
    most_rows: ClassVar[int] = MOST_ROWS

    def __init__(self, name: str, settings: NetSuiteSettings) -> None:
        super().__init__(name, settings)
        self._zone = ZoneInfo(settings.time_zone)
        self._tables: dict[str, Table] = {}
        self._learned: dict[str, Any] = {}
        self.renews = settings.certificate_id is not None

    # -- session ---------------------------------------------------------------------------

    def login(self, report: ScanReport) -> Credentials:
        s = self.settings
        if s.certificate_id is None or s.private_key is None:
            return Credentials()  # each request proves itself
        url, issuer = f"{s.url}/{_TOKEN}", s.consumer_key.get_secret_value()
        claims = {"iss": issuer, "scope": ["rest_webservices"], "aud": url}
        key = s.private_key.get_secret_value()
        proof = signed(claims, key, setting=f"sources.{self.name}.private_key", key_id=s.certificate_id)
        return client_credentials(
            self, url, None, None, report, client_assertion_type=ASSERTION, client_assertion=proof
        )

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        report: ScanReport | None = None,
        **content: Any,
    ) -> Answer:
        """As every connector's; without a certificate each request is signed by itself (RFC 5849)."""
        if self.settings.certificate_id is not None:
            return super().ask(method, path, params=params, report=report, **content)
        url = path if path.startswith(self.settings.url) else f"{self.settings.url}/{path}"
        address = str(httpx.URL(url).copy_merge_params(params) if params else httpx.URL(url))
        s = self.settings
        assert s.consumer_secret and s.token_id and s.token_secret, "the settings say so"
        client = Client(
            s.consumer_key.get_secret_value(),
            client_secret=s.consumer_secret.get_secret_value(),
            resource_owner_key=s.token_id.get_secret_value(),
            resource_owner_secret=s.token_secret.get_secret_value(),
            signature_method=SIGNATURE_HMAC_SHA256,
            realm=s.account.upper().replace("-", "_"),
        )
        _, signed, _ = client.sign(address, http_method="POST" if method == "POST" else "GET")
        headers = {**(content.pop("headers", None) or {}), "Authorization": signed["Authorization"]}
        return super().ask(method, address, report=report, headers=headers, **content)

    def fault(self, answer: Answer, body: Any) -> SourceError | None:
        if not isinstance(body, dict) or not ("title" in body or "o:errorDetails" in body):
            return None
        details = [d for d in body.get("o:errorDetails") or () if isinstance(d, dict)]
        code = next((str(d["o:errorCode"]) for d in details if d.get("o:errorCode")), "")
        said = next((str(d["detail"]) for d in details if d.get("detail")), str(body.get("title") or ""))
        return self.error(ERRORS.get(code, self.kind_of(answer)), f"HTTP {answer.status} {code}: {said}", answer)

    def check(self) -> str:
        first = self._table(self.settings.records[0], {}) if self.settings.records else None
        if first is not None:
            self._answers(first, [first.key])
        return f"NetSuite account {self.settings.account}, {', '.join(self.settings.records)}"

    # -- discovery -------------------------------------------------------------------------

    def discover(self) -> list[Entity]:
        described = {name: self._described(name) for name in self.settings.records}
        exact = self._compares_exactly()
        for name, known in described.items():
            table = self._table(name, known, exact)
            names = self._answered(table, list(table.types))
            if table.key not in names:
                raise Rejected(f"SuiteQL does not answer for {name}: is it permitted?", source=self.name)
            described[name] = {n: p for n, p in known.items() if n in names}
        return self.recall({"records": described, "exact": exact})

    def learned(self) -> Any:
        return self._learned

    def recall(self, learned: Any) -> list[Entity]:
        records, exact = learned["records"], learned["exact"]
        self._tables = {name: self._table(name, records[name], exact) for name in self.settings.records}
        self._learned = learned
        return [self._entity(name, records[name]) for name in self._tables]

    def describe(self, name: str) -> Entity | None:
        """One record type as it is now."""
        return next((e for e in self.discover() if e.name == name), None)

    def _described(self, name: str) -> dict[str, Mapping[str, Any]]:
        """Fields of a record type, as the metadata catalog has them."""
        known = dict(_UNLISTED.get(name, {}))
        if not known:
            path = f"{_CATALOG}/{quote(name.lower(), safe='')}"
            body = self.decoded(self.ask("GET", path, headers={"Accept": "application/schema+json"}))
            found = body.get("properties") if isinstance(body, dict) else None
            if not isinstance(found, dict):
                raise Rejected(f"the metadata of {name} names no fields", source=self.name)
            more = _UNLISTED["transaction"] if name.lower() in TRANSACTIONS else {}
            known = {**more, **found, "id": {"type": "integer", "title": "Internal ID"}}
        wanted = {f.lower() for f in self.settings.fields.get(name, known)} | {_key(name)}
        return {
            n: p for n, p in known.items() if isinstance(p, dict) and n.lower() in wanted and re.fullmatch(r"\w+", n)
        }

    def _table(self, name: str, known: Mapping[str, Mapping[str, Any]], exact: bool = False) -> Table:
        """A record type as a table, with every field that could be one of its columns."""
        kind = TRANSACTIONS.get(name.lower())
        types, opaque = {}, set()
        for field, p in known.items():
            target = self._target(p)
            type_ = pa.int64() if target else _type(p)
            if type_ is not None:
                types[field] = type_
                if target is None and (p.get("properties") or "$ref" in p):
                    opaque.add(field)
        return Table(
            name="transaction" if kind else name,
            types=types,
            opaque=frozenset(opaque),
            key=_key(name),
            only=f"type = '{kind}'" if kind else "",
            zone=self._zone,
            exact_text=exact,
        )

    def _target(self, p: Mapping[str, Any]) -> str | None:
        """The configured record type to which a field refers."""
        there = str(p.get("$ref") or "").rpartition("/")[2].lower()
        return next((r for r in self.settings.records if r.lower() == there), None)

    def _compares_exactly(self) -> bool:
        """Whether text is compared with case, seen by asking."""
        if not self.settings.records:
            return False
        table = self._table(self.settings.records[0], {})
        asked = f"SELECT COUNT(*) AS gw0 FROM {table.name} WHERE ROWNUM <= 1 AND 'a' = 'A'"
        (row, *_) = self._rows(self.post_query(asked, ScanReport(), limit=1)) or [{}]
        return str(row.get("gw0")) == "0"

    def _answered(self, table: Table, names: list[str]) -> set[str]:
        """Which of the fields SuiteQL has: the catalog also names what only the record service knows."""
        while names:
            refused = self._answers(table, names)
            if refused is None:
                return set(names)
            said = {w.lower() for w in re.findall(r"'(\w+)'", refused)}
            guilty = [n for n in names if n.lower() in said]
            if guilty:
                names = [n for n in names if n not in guilty]
            elif len(names) == 1:
                return set()
            else:
                half = len(names) // 2
                return self._answered(table, names[:half]) | self._answered(table, names[half:])
        return set()

    def _answers(self, table: Table, names: Sequence[str]) -> str | None:
        """None if SuiteQL answers for these fields, else why not."""
        try:
            columns = ", ".join(f"{n} AS gw{i}" for i, n in enumerate(names))
            self.post_query(f"SELECT {columns} FROM {table.name} WHERE ROWNUM <= 1", ScanReport(), limit=1)
        except Rejected as error:
            return str(error)
        return None

    def _entity(self, name: str, known: Mapping[str, Mapping[str, Any]]) -> Entity:
        table = self._tables[name]
        fields = [
            Field(
                name=n,
                type=type_,
                label=str(known[n].get("title") or ""),
                description=" ".join(re.sub(r"<[^>]*>", " ", str(known[n].get("description") or "")).split()),
                values=tuple(map(str, (known[n].get("properties") or {}).get("id", {}).get("enum") or ())),
                nullable=n != table.key,
            )
            for n, type_ in table.types.items()
        ]
        relations = []
        for n in table.types:
            target = self._target(known[n])
            if target is not None and target in self._tables:
                relations.append(Relation(name=n, target=f"{self.name}.{target}", on=((n, self._tables[target].key),)))
        if name == LINES:
            orders = [t for t in self._tables if t.lower() in TRANSACTIONS]
            relations += [Relation(name=t, target=f"{self.name}.{t}", on=(("transaction", "id"),)) for t in orders]
            if "item" in self._tables and "item" in table.types:
                relations.append(Relation(name="item", target=f"{self.name}.item", on=(("item", "id"),)))
        elif name.lower() in TRANSACTIONS and LINES in self._tables:
            lines = f"{self.name}.{LINES}"
            relations.append(Relation(name="lines", target=lines, on=(("id", "transaction"),), many=True))
        moments = {n.lower(): n for n, t in table.types.items() if pa.types.is_timestamp(t)}
        return Entity(
            source=self.name,
            name=name,
            fields=tuple(fields),
            primary_key=(table.key,),
            cursor=next((moments[c] for c in _CURSORS if c in moments), None),
            relations=tuple(relations),
        )

    # -- changes ---------------------------------------------------------------------------

    def clock(self) -> dt.datetime | None:
        """The server's time, in whole seconds."""
        self.check()
        return self.date

    def open_since(self) -> dt.datetime | None:
        """Not told."""
        return None

    # -- what can be pushed down -----------------------------------------------------------

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        table = self._tables.get(entity.name)
        return Pushdown.NONE if table is None else table.supports(comparison)

    def orders(self, entity: Entity, field: str) -> bool:
        return entity.name in self._tables and self._tables[entity.name].orders(field)

    def aggregates(self, entity: Entity, aggregate: Aggregate) -> bool:
        return entity.name in self._tables and self._tables[entity.name].aggregates(aggregate)

    def groups(self, entity: Entity, field: str) -> bool:
        return entity.name in self._tables and self._tables[entity.name].groups(field)

    # -- reading ---------------------------------------------------------------------------

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        table = self._tables.get(scan.entity.name)
        unknown = [n for n in (*scan.fields, *scan.group_by) if table is None or n not in table.types]
        if table is None or unknown:
            raise Rejected(f"no such field: {(unknown or [scan.entity.name])[0][:100]!r}", source=self.name)
        report.native.append(table.statement(scan, hidden=True))
        if scan.limit == 0:
            return
        single = not (scan.order or scan.aggregates or scan.group_by)
        read = self._by_key if single else self._by_offset
        for rows in read(table, scan, report):
            if rows:
                yield self._batch(rows, table, scan)

    def _by_key(self, table: Table, scan: Scan, report: ScanReport) -> Iterator[Sequence[Any]]:
        """Pages in order of the key, each a query of its own."""
        last, left = None, scan.limit
        while True:
            size = min(PAGE, self.settings.page_rows, left or PAGE)
            body = self.post_query(table.statement(scan, after=last), report, limit=size)
            rows = self._rows(body)
            for row in rows:
                key = self._key_of(row, table)
                if last is not None and key <= last:
                    raise Rejected("the records are not in the order asked for", source=self.name)
                last = key
            yield rows[:left]
            left = None if left is None else left - len(rows)
            if not body.get("hasMore") or (left is not None and left <= 0):
                return
            if not rows:
                raise Rejected("an empty page that is not the last", source=self.name)

    def _by_offset(self, table: Table, scan: Scan, report: ScanReport) -> Iterator[Sequence[Any]]:
        """Pages of one query by NetSuite's own links."""
        asked = table.statement(scan)
        size = min(PAGE, self.settings.page_rows, scan.limit or PAGE)

        def fetch(link: str | None) -> Page:
            body = self.post_query(asked, report, limit=size, link=link)
            return Page(rows=self._rows(body), body=body)

        read = 0
        for page in pages(GivenPaginator(partial(self._next, asked)), fetch, source=self.name):
            rows = page.rows if scan.limit is None else page.rows[: scan.limit - read]
            read += len(rows)
            yield rows
            if read == scan.limit:
                return
        if read >= self.most_rows:
            report.incomplete.append(f"NetSuite gives at most {self.most_rows:,} rows of one query that is not by key")

    def post_query(self, asked: str, report: ScanReport, *, limit: int, link: str | None = None) -> dict[str, Any]:
        """One page of a query.

        Args:
            link: address of the page, from the page before; the first one without it.
        """
        params = None if link else {"limit": str(limit), "offset": "0"}
        headers = {"Prefer": "transient"}
        answer = self.ask("POST", link or _QUERY, params=params, report=report, json={"q": asked}, headers=headers)
        body = self.decoded(answer)
        if not isinstance(body, dict) or not isinstance(body.get("items"), list):
            raise Rejected("the answer holds no items", source=self.name)
        return body

    def _next(self, asked: str, page: Page) -> str | None:
        """The next page's address, which must be NetSuite's own."""
        if not page.body.get("hasMore"):
            return None
        links = [k for k in page.body.get("links") or () if isinstance(k, dict) and k.get("rel") == "next"]
        return self.link(f"{self.settings.url}/{_QUERY}", links[0].get("href") if links else None)

    def _rows(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows, with names in small letters: NetSuite promises no case. What is null it leaves out."""
        items = body["items"]
        if not all(isinstance(row, dict) for row in items):
            raise Rejected("the answer holds no rows", source=self.name)
        return [{k.lower(): v for k, v in row.items()} for row in items]

    def _key_of(self, row: Mapping[str, Any], table: Table) -> int:
        try:
            return to_integer(row[KEY_ALIAS])
        except (KeyError, ValueError, TypeError):
            raise Rejected(f"a record of {table.name} has no key that is a number", source=self.name) from None

    def _batch(self, rows: Sequence[Any], table: Table, scan: Scan) -> pa.RecordBatch:
        place = {name: f"gw{i}" for i, name in enumerate(scan.schema.names)}
        return record_batch(
            rows,
            scan.schema,
            source=self.name,
            entity=scan.entity.name,
            at=lambda row, name: row.get(place[name]),
            converters={f.name: table.convert(f.type) for f in scan.schema},
        )


def _key(name: str) -> str:
    return "uniquekey" if name == LINES else "id"


def _type(p: Mapping[str, Any]) -> pa.DataType | None:
    """The Arrow type of a field, None for sublists and subrecords; references are their ids as text."""
    inside = p.get("properties")
    if isinstance(inside, dict):
        return pa.string() if "id" in inside and "refName" in inside else None
    if "$ref" in p:
        there = str(p["$ref"]).rpartition("/")[2]
        return None if "-" in there or there == "nsLink" else pa.string()
    kind, form = str(p.get("type")), str(p.get("format") or "")
    return _SCALAR.get((kind, form)) or _SCALAR.get((kind, ""))
