"""Acme's customers and orders, by its REST API.

As it was written by `groundwire new-connector` it reads the API that `tests/stand_in.py` speaks, and passes the
conformance kit. Make it yours in this order, and run the tests after each: `login` and `check`, the entities of
`discover`, the pages of `scan`, and last what `supports` declares.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from groundwire.connectors.conditions import conjunction, values_of
from groundwire.connectors.http import Answer, Credentials, HTTPConnector, HTTPSettings
from groundwire.connectors.paging import GivenPaginator, Page, pages
from groundwire.connectors.records import record_batch
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import Capabilities, Comparison, Pushdown, Scan, ScanReport
from groundwire.core.errors import Rejected, SourceError
from pydantic import SecretStr

MOMENT = pa.timestamp("us", tz="UTC")
FIELDS: dict[str, dict[str, pa.DataType]] = {
    "customers": {
        "id": pa.int64(),
        "name": pa.string(),
        "changed_at": MOMENT,
    },
    "orders": {
        "id": pa.int64(),
        "customer_id": pa.int64(),
        "total": pa.decimal128(12, 2),
        "due": pa.date32(),
        "paid": pa.bool_(),
        "changed_at": MOMENT,
    },
}
"""A system that describes itself is asked in `discover`; here the documentation of its API is written down."""
ALWAYS_SET = {"id", "changed_at"}
"""Fields that are null in no record: a cursor that may be null is asked for with OR, which few APIs take."""


class AcmeSettings(HTTPSettings):
    """Settings of a source of type `acme`: `token` of an account that may read."""

    token: SecretStr


class AcmeConnector(HTTPConnector):
    """Acme's customers and orders, by its REST API."""

    Settings = AcmeSettings
    settings: AcmeSettings
    capabilities = Capabilities(max_in=100)

    def login(self, report: ScanReport) -> Credentials:
        token = self.settings.token.get_secret_value()
        return Credentials(headers={"Authorization": f"Bearer {token}"})

    def fault(self, answer: Answer, body: Any) -> SourceError | None:
        """What Acme says of a request that failed; its status says which kind of error that is."""
        said = body.get("error") if isinstance(body, dict) else None
        if not isinstance(said, str):
            return None
        return self.error(self.kind_of(answer), f"HTTP {answer.status}: {said}", answer)

    def check(self) -> str:
        self.get("customers", {"limit": 1})
        return "Acme"

    def discover(self) -> list[Entity]:
        customer = Relation(
            name="customer",
            target=f"{self.name}.customers",
            on=(("customer_id", "id"),),
        )
        orders = Relation(
            name="orders",
            target=f"{self.name}.orders",
            on=(("id", "customer_id"),),
            many=True,
        )
        return [self._entity("customers", orders), self._entity("orders", customer)]

    def _entity(self, name: str, *relations: Relation) -> Entity:
        return Entity(
            source=self.name,
            name=name,
            fields=tuple(Field(name=n, type=t, nullable=n not in ALWAYS_SET) for n, t in FIELDS[name].items()),
            primary_key=("id",),
            cursor="changed_at",
            relations=relations,
        )

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        """Records by their ids, and those that changed since a moment: what is not declared here is never sent."""
        one = (comparison.field, comparison.op)
        exact = one in {("id", "="), ("id", "in"), ("changed_at", ">=")}
        return Pushdown.EXACT if exact else Pushdown.NONE

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        name = scan.entity.name
        for field in scan.fields:
            if field not in FIELDS[name]:
                raise Rejected(f"no such field: {field[:100]!r}", source=self.name)
        asked = {"limit": str(self.settings.page_rows), **parameters(scan)}
        report.native.append(f"GET {name} {' '.join(sorted(asked))}")

        def fetch(after: str | None) -> Page:
            more = {} if after is None else {"after": after}
            body = self.get(name, {**asked, **more}, report=report)
            rows = body.get("records") if isinstance(body, dict) else None
            if not isinstance(rows, list):
                raise Rejected("the answer holds no records", source=self.name)
            return Page(rows=rows, body=body)

        following = GivenPaginator(lambda page: page.body.get("next"))
        for page in pages(following, fetch, source=self.name):
            if page.rows:
                yield record_batch(page.rows, scan.schema, source=self.name, entity=name)


def parameters(scan: Scan) -> dict[str, str]:
    """A scan's conditions as the API takes them; all of them hold, and each may occur more than once."""
    given: dict[str, str] = {}
    ids: set[int] | None = None
    since: dt.datetime | None = None
    for comparison in conjunction(scan.where) or ():
        if comparison.field == "id":
            values = set(values_of(comparison))
            ids = values if ids is None else ids & values
        else:
            since = comparison.value if since is None else max(since, comparison.value)
    if ids is not None:
        given["ids"] = ",".join(map(str, sorted(ids)))
    if since is not None:
        given["changed_since"] = since.astimezone(dt.UTC).isoformat()
    return given
