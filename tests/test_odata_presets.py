"""OData services that can't run here: metadata of all shapes, and products' ways, over real HTTP."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from json_server import Asked, JSONServer, Reply
from pydantic import SecretStr, ValidationError

from groundwire.connectors.odata import ODataConnector, ODataSettings
from groundwire.connectors.odata_metadata import parse
from groundwire.core.connector import Aggregate, Comparison, Scan, ScanReport
from groundwire.core.errors import AuthFailed, RateLimited, Rejected

V4 = """<?xml version="1.0"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Acme.Sales" Alias="s" xmlns="http://docs.oasis-open.org/odata/ns/edm">
 <EnumType Name="Color"><Member Name="Red" Value="0"/><Member Name="Blue" Value="1"/></EnumType>
 <TypeDefinition Name="Money" UnderlyingType="Edm.Decimal"/>
 <EntityType Name="base" Abstract="true"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Int32" Nullable="false"/></EntityType>
 <EntityType Name="account" BaseType="s.base">
  <Property Name="name" Type="Edm.String"><Annotation Term="Org.OData.Core.V1.Description" String="who pays"/></Property>
  <Property Name="color" Type="s.Color"/>
  <Property Name="statuscode" Type="Edm.Int32"/>
  <Property Name="revenue" Type="Edm.Decimal" Scale="Variable"/>
  <Property Name="credit" Type="s.Money"/>
  <Property Name="tags" Type="Collection(Edm.String)"/>
  <Property Name="photo" Type="Edm.Stream"/>
  <Property Name="modifiedon" Type="Edm.DateTimeOffset"/>
  <NavigationProperty Name="contacts" Type="Collection(Acme.Sales.contact)" Partner="parent"/>
 </EntityType>
 <EntityType Name="contact" BaseType="s.base">
  <Property Name="_parent_value" Type="Edm.Int32"/>
  <NavigationProperty Name="parent" Type="s.account" Partner="contacts">
   <ReferentialConstraint Property="_parent_value" ReferencedProperty="id"/></NavigationProperty>
 </EntityType>
 <EntityContainer Name="C">
  <EntitySet Name="accounts" EntityType="s.account"><NavigationPropertyBinding Path="contacts" Target="contacts"/>
   <Annotation Term="Org.OData.Capabilities.V1.CountRestrictions"><Record><PropertyValue Property="Countable" Bool="false"/></Record></Annotation></EntitySet>
  <EntitySet Name="contacts" EntityType="s.contact"><NavigationPropertyBinding Path="parent" Target="accounts"/></EntitySet>
 </EntityContainer>
 <Annotations Target="s.C/contacts"><Annotation Term="Org.OData.Capabilities.V1.FilterRestrictions">
  <Record><PropertyValue Property="Filterable" Bool="false"/></Record></Annotation></Annotations>
</Schema></edmx:DataServices></edmx:Edmx>"""

V2 = """<?xml version="1.0"?>
<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" xmlns:sap="http://www.sap.com/Protocols/SAPData">
<edmx:DataServices xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" m:DataServiceVersion="2.0">
<Schema Namespace="API" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">
 <EntityType Name="A_OrderType" sap:label="Sales Order"><Key><PropertyRef Name="SalesOrder"/></Key>
  <Property Name="SalesOrder" Type="Edm.String" Nullable="false" sap:label="Order" sap:quickinfo="Number of the order"/>
  <Property Name="NetAmount" Type="Edm.Decimal" Precision="16" Scale="3" sap:filterable="false"/>
  <Property Name="OrderDate" Type="Edm.DateTime" sap:display-format="Date" sap:sortable="false"/>
  <Property Name="ChangedAt" Type="Edm.DateTimeOffset"/>
  <NavigationProperty Name="to_Item" Relationship="API.assoc_items" FromRole="From" ToRole="To"/></EntityType>
 <EntityType Name="A_ItemType"><Key><PropertyRef Name="SalesOrder"/><PropertyRef Name="Item"/></Key>
  <Property Name="SalesOrder" Type="Edm.String" Nullable="false"/><Property Name="Item" Type="Edm.String" Nullable="false"/></EntityType>
 <Association Name="assoc_items"><End Type="API.A_OrderType" Multiplicity="1" Role="From"/><End Type="API.A_ItemType" Multiplicity="*" Role="To"/>
  <ReferentialConstraint><Principal Role="From"><PropertyRef Name="SalesOrder"/></Principal><Dependent Role="To"><PropertyRef Name="SalesOrder"/></Dependent></ReferentialConstraint></Association>
 <EntityContainer Name="C"><EntitySet Name="A_Order" EntityType="API.A_OrderType"/><EntitySet Name="A_Item" EntityType="API.A_ItemType"/>
  <EntitySet Name="Report" EntityType="API.A_ItemType" sap:requires-filter="true"/>
  <AssociationSet Name="assoc_items" Association="API.assoc_items"><End EntitySet="A_Order" Role="From"/><End EntitySet="A_Item" Role="To"/></AssociationSet>
 </EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""

XML = {"Content-Type": "application/xml"}


class Recorded(JSONServer):
    """Answers in the shapes that the products document; `faults` are given first."""

    def __init__(self, metadata: str, rows: list[dict[str, Any]]) -> None:
        super().__init__(self._reply)
        self.metadata = metadata
        self.rows = rows
        self.sessions: set[str] = set()
        self.faults: list[Reply] = []

    def asked(self, ending: str) -> list[Asked]:
        return [r for r in self.requests if r.path.endswith(ending)]

    def _reply(self, asked: Asked) -> Reply:
        if asked.path.endswith("/Login"):
            return self._login(asked)
        if asked.path.endswith("/token"):
            good = b"client_secret=s3cr3t-value" in asked.body
            body = {"access_token": "tok-1234", "expires_in": 3599} if good else {"error": "invalid_client"}
            return Reply(status=200 if good else 401, json=body)
        if self.faults and not asked.path.endswith("$metadata"):
            return self.faults.pop(0)
        if asked.path.endswith("$metadata"):
            return Reply(body=self.metadata.encode(), headers=XML)
        if asked.path.endswith("$batch"):
            return self.batch(asked)
        return self.page(asked)

    def _login(self, asked: Asked) -> Reply:
        if asked.json()["Password"] != "s3cr3t-value":
            error = {"code": -304, "message": {"lang": "en-us", "value": "Fail to get DB Credentials"}}
            return Reply(status=401, json={"error": error})
        session = f"sess-{len(self.asked('/Login'))}"
        self.sessions.add(session)
        return Reply(
            json={"SessionId": session, "SessionTimeout": 30}, headers={"Set-Cookie": "ROUTEID=.node1; path=/"}
        )

    def batch(self, asked: Asked) -> Reply:
        return Reply(status=501, json={"error": {"code": "501", "message": "no batches"}})

    def page(self, asked: Asked) -> Reply:
        raise NotImplementedError


def read(connector: ODataConnector, name: str, *names: str, **more: Any) -> tuple[list[tuple[Any, ...]], ScanReport]:
    found = next(e for e in connector.discover() if e.name == name)
    types = {f.name: f.type for f in found.fields}
    report = ScanReport()
    rows: list[tuple[Any, ...]] = []
    for batch in connector.scan(Scan(entity=found, fields=names, types=types, **more), report):
        rows += zip(*(c.to_pylist() for c in batch.columns), strict=True)
    return rows, report


# -- metadata --------------------------------------------------------------------------------


def test_version_4_inheritance_enumerations_definitions_aliases_and_partners() -> None:
    service = parse(V4.encode())
    accounts, contacts = service.sets["accounts"], service.sets["contacts"]
    assert accounts.keys == ("id",)
    assert list(accounts.properties) == ["id", "name", "color", "statuscode", "revenue", "credit", "modifiedon"]
    color = accounts.properties["color"]
    assert (color.type, color.values, color.enum) == (pa.string(), ("Red", "Blue"), "Acme.Sales.Color")
    assert accounts.properties["revenue"].type == accounts.properties["credit"].type == pa.decimal128(38, 10)
    assert accounts.properties["name"].description == "who pays"
    assert (contacts.navigations["parent"].target, contacts.navigations["parent"].on) == (
        "accounts",
        (("_parent_value", "id"),),
    )
    assert (accounts.navigations["contacts"].many, accounts.navigations["contacts"].on) == (
        True,
        (("id", "_parent_value"),),
    )
    assert (accounts.counts, accounts.filters, contacts.counts, contacts.filters) == (False, True, True, False)


def test_version_2_associations_and_saps_annotations() -> None:
    service = parse(V2.encode())
    order = service.sets["A_Order"]
    assert (service.version, order.label, order.keys) == (2, "Sales Order", ("SalesOrder",))
    number, amount, day = (order.properties[n] for n in ("SalesOrder", "NetAmount", "OrderDate"))
    assert (number.label, number.description) == ("Order", "Number of the order")
    assert (amount.type, amount.filterable) == (pa.decimal128(16, 3), False)
    assert (day.type, day.sortable) == (pa.date32(), False)
    way = order.navigations["to_Item"]
    assert (way.target, way.many, way.on) == ("A_Item", True, (("SalesOrder", "SalesOrder"),))
    assert service.sets["Report"].needs_filter


@pytest.mark.parametrize("document", [b"", b"<a/>", b"no", b'<!DOCTYPE x [<!ENTITY a "b">]><Edmx Version="4.0"/>'])
def test_what_is_no_metadata_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"it is not|declares"):
        parse(document)


# -- SAP Business One ------------------------------------------------------------------------


class BusinessOne(Recorded):
    """Service Layer: sessions by cookie, `B1S-PageSize`, next links relative to the service's root."""

    def page(self, asked: Asked) -> Reply:
        cookie = asked.headers.get("cookie", "")
        if not any(f"B1SESSION={s}" in cookie for s in self.sessions):
            error = {"code": 301, "message": {"lang": "en-us", "value": "Invalid session or session already timeout."}}
            return Reply(status=401, json={"error": error})
        if asked.path.endswith("/Logout"):
            self.sessions.clear()
            return Reply(status=204, body=b"")
        if "$apply" in asked.query or " in (" in asked.query.get("$filter", ""):
            return Reply(status=400, json={"error": {"code": 207, "message": {"value": "not supported"}}})
        start, size = int(asked.query.get("$skip", 0)), int(asked.headers.get("b1s-pagesize", 20))
        size = min(size, int(asked.query.get("$top", size)))
        body: dict[str, Any] = {"value": self.rows[start : start + size]}
        if asked.query.get("$count"):
            body["@odata.count"] = len(self.rows)
        if start + size < len(self.rows):
            body["@odata.nextLink"] = f"{asked.path.rpartition('/')[2]}?$skip={start + size}"
        return Reply(json=body)


@pytest.fixture
def business_one() -> Iterator[tuple[BusinessOne, ODataConnector]]:
    rows = [{"id": i, "name": f"n{i}"} for i in range(25)]
    with BusinessOne(V4, rows) as server:
        settings = ODataSettings(
            url=f"{server.url}/b1s/v2",
            preset="business-one",
            company="SBODEMO",
            username="manager",
            password=SecretStr("s3cr3t-value"),
            page_rows=10,
        )
        made = ODataConnector("b1", settings)
        yield server, made
        made.close()


def test_business_one_is_read_in_a_session_that_is_renewed_and_ended(
    business_one: tuple[BusinessOne, ODataConnector],
) -> None:
    server, b1 = business_one
    rows, report = read(b1, "accounts", "id")
    assert [r[0] for r in rows] == list(range(25))
    assert report.requests == 3
    page = server.asked("/accounts")[-1]
    assert (page.headers["b1s-pagesize"], page.headers["cookie"]) == ("10", "ROUTEID=.node1; B1SESSION=sess-1")
    server.sessions.clear()
    assert len(read(b1, "accounts", "id")[0]) == 25
    assert len(server.asked("/Login")) == 2
    b1.close()
    assert not server.sessions


def test_a_refused_login_of_business_one_is_not_sent_again(business_one: tuple[BusinessOne, ODataConnector]) -> None:
    server, b1 = business_one
    wrong = ODataConnector("b1", b1.settings.model_copy(update={"password": SecretStr("wrong-password")}))
    for _ in range(3):
        with pytest.raises(AuthFailed) as caught:
            wrong.discover()
        assert "wrong-password" not in str(caught.value)
    assert len(server.asked("/Login")) == 1
    wrong.close()


# -- Dynamics 365 ----------------------------------------------------------------------------


class Dataverse(Recorded):
    """Pages by `Prefer`, formatted values, counts that stop at 5,000, delta links, service protection limits."""

    deleted: tuple[dict[str, Any], ...] = ()

    def page(self, asked: Asked) -> Reply:
        prefer, base = asked.headers.get("prefer", ""), f"{self.url}/api/data/v9.2"
        if asked.headers.get("authorization") != "Bearer tok-1234":
            return Reply(status=401, json={"error": {"code": "0x80060891", "message": "no"}})
        if "$apply" in asked.query or " in (" in asked.query.get("$filter", ""):
            return Reply(status=400, json={"error": {"code": "0x80060888", "message": "not supported"}})
        if "$deltatoken" in asked.query:
            return Reply(json={"value": list(self.deleted), "@odata.deltaLink": f"{base}/accounts?$deltatoken=2"})
        start = int(asked.query.get("$skiptoken", 0))
        found = self.rows[start : start + 2]
        if "FormattedValue" in prefer:
            key = "statuscode@OData.Community.Display.V1.FormattedValue"
            found = [{**r, key: {1: "Active", 2: "Inactive"}[r["statuscode"]]} for r in found]
        body: dict[str, Any] = {"value": found}
        if start + 2 < len(self.rows):
            body["@odata.nextLink"] = f"{base}/accounts?$skiptoken={start + 2}"
        elif "track-changes" in prefer:
            body["@odata.deltaLink"] = f"{base}/accounts?$deltatoken=1"
        return Reply(json=body, headers={"Date": "Sun, 01 Jun 2031 10:00:00 GMT"})


@pytest.fixture
def dataverse() -> Iterator[tuple[Dataverse, ODataConnector]]:
    rows = [{"id": i, "name": f"n{i}", "statuscode": 1 + i % 2} for i in range(5)]
    with Dataverse(V4, rows) as server:
        settings = ODataSettings(
            url=f"{server.url}/api/data/v9.2",
            preset="dynamics365",
            client_id="app",
            client_secret=SecretStr("s3cr3t-value"),
            token_url=f"{server.url}/tenant/oauth2/v2.0/token",
            page_rows=2,
            delta=True,
        )
        made = ODataConnector("crm", settings)
        yield server, made
        made.close()


def test_dynamics_is_asked_with_its_scope_page_size_and_version(dataverse: tuple[Dataverse, ODataConnector]) -> None:
    server, crm = dataverse
    rows, _ = read(crm, "accounts", "id", "statuscode")
    assert [r[0] for r in rows] == [0, 1, 2, 3, 4]
    (token,) = server.asked("/token")
    assert f"scope=http%3A%2F%2F{server.url[7:].replace(':', '%3A')}%2F.default" in token.body.decode()
    page = server.asked("/accounts")[-1]
    assert page.headers["odata-maxversion"] == "4.0"
    assert "odata.maxpagesize=2" in page.headers["prefer"]
    assert not any("$count" in r.query for r in server.requests)


def test_dynamics_counts_are_not_trusted(dataverse: tuple[Dataverse, ODataConnector]) -> None:
    _, crm = dataverse
    (accounts,) = (e for e in crm.discover() if e.name == "accounts")
    assert not crm.aggregates(accounts, Aggregate(function="count", field=None, alias="n"))


def test_formatted_values_become_labels(dataverse: tuple[Dataverse, ODataConnector]) -> None:
    _, crm = dataverse
    (accounts,) = (e for e in crm.discover() if e.name == "accounts")
    status = crm.profile(accounts).field("statuscode")
    assert status.labels == {"1": "Active", "2": "Inactive"}
    assert "1 = Active" in status.description


def test_deletions_are_told_by_a_delta_link_that_came_back(dataverse: tuple[Dataverse, ODataConnector]) -> None:
    server, crm = dataverse
    (accounts,) = (e for e in crm.discover() if e.name == "accounts")
    since = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    assert crm.deleted(accounts, since) is None  # nothing was read yet
    read(crm, "accounts", "id")
    server.deleted = (
        {"@removed": {"reason": "deleted"}, "id": 3},
        {"@odata.context": "x/$metadata#accounts/$deletedEntity", "id": "accounts(4)", "reason": "deleted"},
        {"id": 1, "name": "changed"},
    )
    told = crm.deleted(accounts, since)
    assert told is not None
    assert told.keys == ((3,), (4,))
    assert crm.deleted(accounts, dt.datetime(2020, 1, 1, tzinfo=dt.UTC)) is None  # before the first read


def test_service_protection_limits_are_waited_out(dataverse: tuple[Dataverse, ODataConnector]) -> None:
    server, crm = dataverse
    body = {"error": {"code": "0x80072322", "message": "Number of requests exceeded the limit of 6000"}}
    crm.discover()
    server.faults = [Reply(status=429, json=body, headers={"Retry-After": "13"})]
    with pytest.raises(RateLimited) as caught:
        read(crm, "accounts", "id")
    assert caught.value.retry_after == 13


# -- Business Central ------------------------------------------------------------------------


class BusinessCentral(Recorded):
    """Entity sets below a company, batches in JSON."""

    def page(self, asked: Asked) -> Reply:
        if asked.path.endswith("/companies"):
            return Reply(json={"value": [{"id": "0a1b", "name": "CRONUS"}, {"id": "9f", "name": "Other"}]})
        if "/companies(0a1b)/" not in asked.path:
            return Reply(status=404, json={"error": {"code": "BadRequest_NotFound", "message": "no"}})
        return Reply(json={"value": self.rows})

    def batch(self, asked: Asked) -> Reply:
        sent = asked.json()["requests"]
        return Reply(json={"responses": [{"id": r["id"], "status": 400, "body": {}} for r in sent]})


def test_business_central_lies_below_the_company_that_is_named() -> None:
    with BusinessCentral(V4, [{"id": 1}]) as server:
        settings = ODataSettings(
            url=f"{server.url}/v2.0/production/api/v2.0",
            preset="business-central",
            client_id="app",
            client_secret=SecretStr("s3cr3t-value"),
            token_url=f"{server.url}/token",
            company="CRONUS",
        )
        erp = ODataConnector("bc", settings)
        assert read(erp, "accounts", "id")[0] == [(1,)]
        assert json.loads(server.asked("$batch")[0].body)["requests"][0]["url"].startswith("companies(0a1b)/")
        erp.close()
        lost = ODataConnector("bc", settings.model_copy(update={"company": "No such"}))
        with pytest.raises(Rejected, match="no such company"):
            lost.discover()
        lost.close()


# -- S/4HANA ---------------------------------------------------------------------------------


class S4(Recorded):
    """Version 2 that gives everything in one answer; a POST without a CSRF token is refused."""

    def batch(self, asked: Asked) -> Reply:
        return Reply(status=403, body=b"CSRF token validation failed", headers={"x-csrf-token": "Required"})

    def page(self, asked: Asked) -> Reply:
        start = int(asked.query.get("$skip", 0))
        found = self.rows[start : start + int(asked.query.get("$top", 10_000))]
        body: dict[str, Any] = {"results": found}
        if "$inlinecount" in asked.query:
            body["__count"] = str(len(self.rows))
        return Reply(json={"d": body})


def test_s4hana_is_read_in_windows_of_its_key_without_a_csrf_token() -> None:
    rows = [{"SalesOrder": f"{i:010}", "OrderDate": f"/Date({i * 86400000})/", "NetAmount": "1.500"} for i in range(25)]
    with S4(V2, rows) as server:
        settings = ODataSettings(
            url=f"{server.url}/sap/opu/odata/sap/API",
            preset="s4hana",
            username="reader",
            password=SecretStr("s3cr3t-value"),
            sap_client="100",
            page_rows=10,
        )
        s4 = ODataConnector("s4", settings)
        found, report = read(s4, "A_Order", "SalesOrder", "OrderDate")
        assert len(found) == report.total == 25
        assert found[1] == ("0000000001", dt.date(1970, 1, 2))
        asked = server.asked("/A_Order")[-3:]
        assert [r.query.get("$skip") for r in asked] == [None, "10", "20"]
        assert {(r.query["$orderby"], r.query["sap-client"]) for r in asked} == {("SalesOrder", "100")}
        assert [e.name for e in s4.discover()] == ["A_Order", "A_Item"]  # a report that wants a filter is left out
        s4.close()


# -- settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "x"},
        {"username": "x"},
        {"preset": "business-one", "username": "x", "password": "y"},
        {"preset": "business-central"},
        {"preset": "sap"},
    ],
)
def test_settings_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ODataSettings(url="https://erp.example.com/odata", **wrong)


def test_an_alias_of_the_host_is_only_what_the_operator_says_it_is() -> None:
    settings = ODataSettings(url="https://erp.example.com/odata", aliases=("erp.internal",))
    erp = ODataConnector("erp", settings)
    page = "https://erp.example.com/odata/Orders"
    assert erp.link(page, "http://erp.internal:8000/odata/Orders?$skiptoken=2") == f"{page}?$skiptoken=2"
    for elsewhere in (
        "https://other.example.com/odata/Orders",
        "//other.example.com/x",
        "https://a:b@erp.internal/x",
        5,
    ):
        with pytest.raises(Rejected, match="elsewhere"):
            erp.link(page, elsewhere)
    erp.close()


def test_an_in_list_is_written_out_where_the_service_knows_no_lists(
    business_one: tuple[BusinessOne, ODataConnector],
) -> None:
    server, b1 = business_one
    where = Comparison(field="id", op="in", value=(1, 2))
    read(b1, "accounts", "id", where=where)
    filters = [r.query["$filter"] for r in server.asked("/accounts") if "$filter" in r.query]
    assert filters[-1] == "(id eq 1 or id eq 2)"
