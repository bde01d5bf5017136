"""OData on SAP's own server: what servers do that a client must know, each fact held by a test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from cap_server import PASSWORD, READINGS, USER, CapServer, readings, stored
from pydantic import SecretStr

from groundwire import Hub
from groundwire.connectors.odata import ODataConnector, ODataSettings
from groundwire.connectors.testing_proxy import Fault, FaultyProxy
from groundwire.core.catalog import Entity
from groundwire.core.connector import And, Comparison, Not, Order, Pushdown, Scan, ScanReport
from groundwire.core.errors import AuthFailed, Rejected

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]


def connect(url: str, **more: Any) -> ODataConnector:
    settings = {"username": USER, "password": SecretStr(PASSWORD), "case_sensitive": True} | more
    return ODataConnector("erp", ODataSettings(url=url, **settings))


def entity(connector: ODataConnector, name: str) -> Entity:
    return next(e for e in connector.discover() if e.name == name)


def read(
    connector: ODataConnector, found: Entity, *names: str, **more: Any
) -> tuple[list[tuple[Any, ...]], ScanReport]:
    types = {f.name: f.type for f in found.fields}
    types |= {n: pa.string() for n in names if "." in n}
    report = ScanReport()
    rows: list[tuple[Any, ...]] = []
    for batch in connector.scan(Scan(entity=found, fields=names, types=types, **more), report):
        rows += zip(*(c.to_pylist() for c in batch.columns), strict=True)
    return rows, report


@pytest.fixture(scope="module", params=["v4", "v2"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def erp(cap_server: CapServer, version: str) -> Iterator[ODataConnector]:
    made = connect(getattr(cap_server, version))
    made.discover()
    yield made
    made.close()


@pytest.fixture(scope="module")
def hub(cap_server: CapServer) -> Iterator[Hub]:
    with Hub([connect(cap_server.v4)]) as made:
        yield made


@pytest.fixture
def proxied(cap_server: CapServer) -> Iterator[Callable[..., tuple[ODataConnector, FaultyProxy]]]:
    with FaultyProxy(cap_server.v4.partition("/odata")[0]) as proxy:
        yield lambda version="v4", **more: (connect(f"{proxy.url}/odata/{version}/sales", **more), proxy)


# -- metadata --------------------------------------------------------------------------------


def test_labels_descriptions_values_and_relations_come_from_the_metadata(erp: ODataConnector, version: str) -> None:
    customers, orders = entity(erp, "Customers"), entity(erp, "Orders")
    name, grade = customers.field("name"), customers.field("grade")
    assert (name.label, name.description) == ("Customer Name", "as it stands on invoices")
    assert (grade.values, grade.labels["G"]) == (("G", "S", "B"), "Gold")
    assert (customers.primary_key, customers.cursor) == (("ID",), "modifiedAt")
    assert entity(erp, "OrderLines").primary_key == ("order_ID", "pos")
    ways = {r.name: (r.target, r.on, r.many, r.native) for r in (*customers.relations, *orders.relations)}
    assert ways["country"] == ("erp.Countries", (("country_code", "code"),), False, "country")
    assert ways["orders"] == ("erp.Orders", (("ID", "customer_ID"),), True, None)
    assert ways["customer"] == ("erp.Customers", (("customer_ID", "ID"),), False, "customer")


def test_what_the_service_declares_that_it_cannot_do_is_not_asked(cap_server: CapServer) -> None:
    erp = connect(cap_server.v4)
    customers = entity(erp, "Customers")
    assert erp.supports(customers, Comparison(field="remark", op="=", value="x")) is Pushdown.NONE
    assert erp.supports(customers, Comparison(field="name", op="=", value="x")) is Pushdown.EXACT
    assert not erp.orders(customers, "called")
    assert erp.orders(customers, "seen")
    erp.close()


def test_text_is_loose_unless_the_operator_says_that_case_counts(cap_server: CapServer) -> None:
    erp = connect(cap_server.v4, case_sensitive=False)
    customers = entity(erp, "Customers")
    assert erp.supports(customers, Comparison(field="name", op="=", value="Anna")) is Pushdown.LOOSE
    assert erp.supports(customers, Comparison(field="name", op="!=", value="Anna")) is Pushdown.NONE
    assert not erp.groups(customers, "name")
    erp.close()


# -- pages -----------------------------------------------------------------------------------


def test_a_page_is_capped_whatever_is_asked_for_and_every_record_arrives(erp: ODataConnector) -> None:
    body = erp.get("Readings?$top=9999")
    page = body["value"] if "value" in body else body["d"]["results"]
    assert len(page) == 500  # the server's most, of 9,999 asked for
    rows, report = read(erp, entity(erp, "Readings"), "ID", "value")
    assert rows == [(r["ID"], r["value"]) for r in readings()]
    assert (report.total, report.incomplete) == (READINGS, [])
    assert report.requests > READINGS // 500


def test_a_limit_beyond_a_page_is_kept_exactly(erp: ODataConnector) -> None:
    rows, _ = read(erp, entity(erp, "Readings"), "ID", limit=733)
    assert len(rows) == 733


def test_the_next_page_is_relative_in_version_4_and_names_an_alias_of_the_host_in_version_2(
    cap_server: CapServer,
) -> None:
    v4, v2 = connect(cap_server.v4), connect(cap_server.v2)
    assert v4.get("Readings?$count=true")["@odata.nextLink"].startswith("Readings?")
    assert v2.get("Readings")["d"]["__next"].startswith(f"http://localhost:{cap_server.port}/")
    v4.close()
    v2.close()


@pytest.mark.parametrize("version", ["v4", "v2"])
def test_a_next_page_on_another_host_is_refused_and_not_asked_for(
    proxied: Callable[..., tuple[ODataConnector, FaultyProxy]], version: str
) -> None:
    erp, proxy = proxied(version)
    found = entity(erp, "Readings")
    with FaultyProxy("http://127.0.0.1:9") as elsewhere:
        there = elsewhere.url.replace("127.0.0.1", "127.0.0.2")

        def lead_away(content: bytes) -> bytes:
            body = json.loads(content)
            if version == "v4":
                body["@odata.nextLink"] = f"{there}/Readings?$skiptoken=100"
            else:
                body["d"]["__next"] = f"{there}/Readings?$skiptoken=100"
            return json.dumps(body).encode()

        proxy.fail(lambda r: "/Readings" in r.path, Fault(change=lead_away))
        with pytest.raises(Rejected, match="elsewhere"):
            read(erp, found, "ID")
        assert not elsewhere.requests
    erp.close()


def test_a_service_that_delivers_fewer_records_than_it_counts_is_incomplete(
    proxied: Callable[..., tuple[ODataConnector, FaultyProxy]],
) -> None:
    erp, proxy = proxied()
    found = entity(erp, "Readings")

    def cut(content: bytes) -> bytes:
        return json.dumps({k: v for k, v in json.loads(content).items() if k != "@odata.nextLink"}).encode()

    proxy.fail(lambda r: "/Readings" in r.path, Fault(change=cut))
    rows, report = read(erp, found, "ID")
    assert len(rows) == 100
    assert "3,210" in report.incomplete[0]
    erp.close()


# -- values ----------------------------------------------------------------------------------


def test_version_2_writes_moments_as_milliseconds_and_numbers_as_text(cap_server: CapServer) -> None:
    erp = connect(cap_server.v2)
    (row,) = erp.get("Customers?$filter=ID eq 2&$inlinecount=allpages".replace(" ", "%20"))["d"]["results"]
    assert row["seen"] == "/Date(1709168523456+0000)/"
    assert row["balance"] == "0.00"
    assert erp.get("Customers?$top=1&$inlinecount=allpages")["d"]["__count"] == str(len(stored("Customers")))
    erp.close()


def test_a_number_that_json_may_have_rounded_is_refused(
    proxied: Callable[..., tuple[ODataConnector, FaultyProxy]],
) -> None:
    """A server that disregards `IEEE754Compatible` sends 2^53 + 1 as a JSON number."""
    erp, proxy = proxied()
    customers = entity(erp, "Customers")
    rows, _ = read(erp, customers, "credit", where=Comparison(field="credit", op="=", value=9007199254740991))
    assert rows

    def unquoted(content: bytes) -> bytes:
        return content.replace(b'"9007199254740991"', b"9007199254740993")

    proxy.fail(lambda r: "/Customers" in r.path, Fault(change=unquoted))
    with pytest.raises(Rejected, match=r"Customers\.credit"):
        read(erp, customers, "credit")
    erp.close()


def test_a_blank_in_an_address_is_not_written_as_a_plus(cap_server: CapServer) -> None:
    erp = connect(cap_server.v4)
    with pytest.raises(Rejected):
        erp.get("Customers?$filter=ID+eq+1")
    assert len(erp.get("Customers?$filter=ID%20eq%201")["value"]) == 1
    erp.close()


def test_records_hidden_by_the_service_are_404_alone_and_missing_from_lists(erp: ODataConnector) -> None:
    rows, report = read(erp, entity(erp, "Letters"), "ID")
    assert (rows, report.incomplete) == ([(1,), (3,)], [])
    with pytest.raises(Rejected, match="404"):
        erp.get("Letters(2)")


# -- errors and sessions ---------------------------------------------------------------------


def test_the_services_own_words_are_in_the_error(erp: ODataConnector) -> None:
    with pytest.raises(Rejected, match=r"bad.*does not exist"):
        erp.get("Customers?$filter=bad%20eq%201")


def test_a_refused_password_is_sent_once(proxied: Callable[..., tuple[ODataConnector, FaultyProxy]]) -> None:
    erp, proxy = proxied(password=SecretStr("wrong-password"))
    for _ in range(3):
        with pytest.raises(AuthFailed, match="not accepted"):
            erp.discover()
    assert len(proxy.requests) == 1
    erp.close()


def test_a_long_list_travels_in_a_batch(
    proxied: Callable[..., tuple[ODataConnector, FaultyProxy]], version: str
) -> None:
    erp, proxy = proxied(version)
    customers = entity(erp, "Customers")
    proxy.requests.clear()
    listed = ("Anna", *(f"no such customer {i} of a long name" for i in range(90)))
    rows, report = read(erp, customers, "name", where=Comparison(field="name", op="in", value=listed))
    assert rows == [("Anna",)]
    assert [r.path.rpartition("/")[2] for r in proxy.requests] == ["$batch"]
    assert report.requests == 1
    erp.close()


def test_probes_take_one_round_trip(proxied: Callable[..., tuple[ODataConnector, FaultyProxy]]) -> None:
    erp, proxy = proxied()
    erp.discover()
    assert len(proxy.requests) == 3  # the metadata, one record, and a batch of probes
    erp.close()


def test_a_service_without_batches_is_probed_one_by_one(
    proxied: Callable[..., tuple[ODataConnector, FaultyProxy]],
) -> None:
    erp, proxy = proxied()
    proxy.fail(lambda r: r.path.endswith("$batch"), Fault(status=403))
    customers = entity(erp, "Customers")
    assert erp.supports(customers, Comparison(field="country.name", op="=", value="x")) is Pushdown.EXACT
    erp.close()


def test_tracking_changes_is_asked_for_in_vain(cap_server: CapServer) -> None:
    """CAP disregards `odata.track-changes` with 200: without a delta link there is no feed of deletions."""
    erp = connect(cap_server.v4, delta=True)
    found = entity(erp, "Countries")
    read(erp, found, "code")
    since = erp.clock()
    assert since is not None
    assert erp.deleted(found, since) is None
    erp.close()


# -- what the source computes ----------------------------------------------------------------


def test_groups_over_a_navigation_are_computed_by_the_service(hub: Hub) -> None:
    result = hub.query(
        "SELECT customer.country.code, COUNT(*) AS n, SUM(amount) AS total FROM erp.Orders WHERE amount > 0 GROUP BY 1"
    )
    countries = {c["ID"]: c["country_code"] for c in stored("Customers")}
    wanted: dict[str | None, list[Decimal]] = {}
    for order in stored("Orders"):
        amount, customer = Decimal(order["amount"]), order["customer_ID"]
        if amount > 0:
            wanted.setdefault(countries[int(customer)] if customer else None, []).append(amount)
    assert {(c, n, t) for c, n, t in result.rows()} == {(c, len(a), sum(a)) for c, a in wanted.items()}
    (native,) = [n for s in result.sources for n in s.native]
    assert "$apply=filter(amount gt ?)/groupby((customer/country/code)" in native


def test_a_path_is_read_by_expand_and_filtered_at_the_service(erp: ODataConnector) -> None:
    orders = entity(erp, "Orders")
    where = And(
        (
            Comparison(field="customer.country.name", op="=", value="Germany"),
            Not(Comparison(field="customer.name", op="=", value="Anna")),
        )
    )
    rows, report = read(erp, orders, "ID", "customer.country.name", "customer.name", where=where)
    germans = {c["ID"] for c in stored("Customers") if c["country_code"] == "DE" and c["name"] not in (None, "Anna")}
    wanted = {o["ID"] for o in stored("Orders") if o["customer_ID"] and int(o["customer_ID"]) in germans}
    assert {r[0] for r in rows} == wanted
    assert {r[1] for r in rows} == {"Germany"}
    assert "ne null" in report.native[0]


def test_an_order_by_two_fields_that_may_be_null_is_sqls(erp: ODataConnector) -> None:
    customers = entity(erp, "Customers")
    order = (Order(field="active", descending=True), Order(field="balance", nulls_first=True))
    rows, _ = read(erp, customers, "ID", order=order, limit=9)
    placed = sorted(
        stored("Customers"),
        key=lambda c: (c["active"] is None, not c["active"], c["balance"] is not None, c["balance"] or 0),
    )
    assert [{c["ID"]: (c["active"], c["balance"]) for c in placed}[i] for (i,) in rows] == [
        (c["active"], c["balance"]) for c in placed[:9]
    ]
