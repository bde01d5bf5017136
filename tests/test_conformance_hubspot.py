"""The hubspot connector keeps to the contract, over HTTP against a sandbox that enforces HubSpot's limits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hubspot_sandbox import TOKEN, HubSpotSandbox
from json_server import Reply
from pydantic import SecretStr

from groundwire import Hub
from groundwire.connectors.hubspot import HubSpotConnector, HubSpotSettings
from groundwire.connectors.testing import ConnectorConformance
from groundwire.connectors.testing_http import HTTPConformance, Service
from groundwire.core.catalog import Entity
from groundwire.core.connector import Aggregate, And, Comparison, Or, Predicate, Pushdown, Scan, ScanReport
from groundwire.core.errors import AuthFailed, RateLimited, Rejected

MOMENT = pa.timestamp("us", tz="UTC")
NAMES = (
    *("Anna", "anna", "ANNA", None, None, "Zoë", "zoë", "東京", "O'Brien", 'say "hi"', "100%", "under_score"),
    *("back\\slash", "' OR 1=1 --", "🙂", "e\u0301", "NULL", "[1, 2]", "a", "line\nbreak", "a;b"),
)
SCHEMA = pa.schema(
    [
        ("hs_object_id", pa.int64()),
        ("firstname", pa.string()),
        ("lifecyclestage", pa.string()),
        ("score", pa.float64()),
        ("vip", pa.bool_()),
        ("birthday", pa.date32()),
        ("lastmodifieddate", MOMENT),
        ("associatedcompanyid", pa.float64()),
    ]
)
STAGES = ("lead", "customer", "Evangelist")


def _property(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "label": name.title(),
        "description": "",
        "options": [],
        "fieldType": "text",
        **more,
    }


def _contact(number: int, name: str | None) -> dict[str, Any]:
    """Values as HubSpot writes them."""
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=number, milliseconds=number)
    return {
        "id": 100 + number * 3,
        "properties": {
            "firstname": name if name is not None else (None, "")[number % 2],
            "lifecyclestage": (*STAGES, None)[number % 4],
            "score": (None, "0", "-2.5", "1000000", "0.1", "7")[number % 6],
            "vip": ("true", "false", None)[number % 3],
            "birthday": (None, "1999-12-31", "2024-02-29", "")[number % 4],
            "lastmodifieddate": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "associatedcompanyid": (None, "5", "6")[number % 3],
            "hubspot_owner_id": ("7", None)[number % 2],
            "doubled": "2",
            "interests": "golf;chess",
        },
    }


CONTACT_PROPERTIES = [
    _property("firstname", "string"),
    _property(
        "lifecyclestage",
        "enumeration",
        fieldType="radio",
        options=[{"label": s.title(), "value": s, "hidden": False} for s in STAGES],
    ),
    _property("interests", "enumeration", fieldType="checkbox"),
    _property("score", "number"),
    _property("vip", "bool", fieldType="booleancheckbox"),
    _property("birthday", "date"),
    _property("lastmodifieddate", "datetime"),
    _property("associatedcompanyid", "number"),
    _property("hubspot_owner_id", "enumeration", externalOptions=True, fieldType="select"),
    _property("doubled", "number", calculated=True),
    _property("hs_object_id", "number"),
]


def sandbox_with(contacts: list[dict[str, Any]], **more: Any) -> HubSpotSandbox:
    companies = [{"id": i, "properties": {"name": f"Company {i}"}} for i in (5, 6)]
    pairs = [(contacts[0]["id"], 5), *((contacts[1]["id"], i) for i in (5, 6))] if len(contacts) > 1 else []
    return HubSpotSandbox(
        {"contacts": CONTACT_PROPERTIES, "companies": [_property("name", "string")]},
        {"contacts": contacts, "companies": companies},
        {("contacts", "companies"): pairs},
        **more,
    )


def connect(server: HubSpotSandbox, **more: Any) -> HubSpotConnector:
    settings = {"url": server.url, "token": SecretStr(TOKEN), "objects": ("contacts", "companies"), "page_rows": 15}
    return HubSpotConnector("crm", HubSpotSettings(**settings | more))


class TestHubSpot(ConnectorConformance):
    sample = 2

    @pytest.fixture(scope="class")
    @classmethod
    def sandbox(cls) -> Iterator[HubSpotSandbox]:
        with sandbox_with([_contact(i, n) for i, n in enumerate(NAMES)]) as running:
            yield running

    @pytest.fixture(scope="class")
    @classmethod
    def connector(cls, sandbox: HubSpotSandbox) -> Iterator[HubSpotConnector]:
        made = connect(sandbox)
        yield made
        made.close()

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls, sandbox: HubSpotSandbox) -> Mapping[str, pa.Table]:
        contacts = [_typed(r) for r in sandbox.records["contacts"]]
        pairs = sandbox.pairs["contacts", "companies"]
        links = {"contacts_id": [a for a, _ in pairs], "companies_id": [b for _, b in pairs]}
        return {"contacts": pa.Table.from_pylist(contacts, schema=SCHEMA), "contacts_companies": pa.table(links)}

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return (TOKEN,)


class TestHubSpotOverHTTP(HTTPConformance):
    @pytest.fixture
    def service(self) -> Iterator[Service]:
        with sandbox_with([_contact(i, n) for i, n in enumerate(NAMES)]) as server:

            def reach(url: str, timeout: float, page_rows: int) -> HubSpotConnector:
                return connect(server, url=url, timeout=timeout, page_rows=page_rows)

            def touch() -> tuple[int]:
                row = server.records["contacts"][4]
                row["properties"]["lastmodifieddate"] = "2026-07-01T10:00:00.500Z"
                return (row["id"],)

            yield Service(
                url=server.url,
                connect=reach,
                entity="contacts",
                rows=lambda: sum("archivedAt" not in r for r in server.records["contacts"]),
                secrets=(TOKEN,),
                touch=touch,
                delete=lambda: (server.delete("contacts"),),
            )


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    p = {k: v or None for k, v in row["properties"].items()}
    return {
        **p,
        "hs_object_id": row["id"],
        "score": p["score"] and float(p["score"]),
        "vip": p["vip"] and p["vip"] == "true",
        "birthday": p["birthday"] and dt.date.fromisoformat(p["birthday"]),
        "lastmodifieddate": dt.datetime.fromisoformat(p["lastmodifieddate"]),
        "associatedcompanyid": p["associatedcompanyid"] and float(p["associatedcompanyid"]),
    }


@pytest.fixture(scope="module")
def many() -> Iterator[HubSpotSandbox]:
    """More contacts than one search gives."""
    with sandbox_with([_contact(i, f"n{i % 50}") for i in range(1_045)], most_results=400) as running:
        yield running


def read(connector: HubSpotConnector, found: Entity, *names: str, where: Predicate | None = None) -> list[Any]:
    types = {f.name: f.type for f in found.fields}
    rows: list[Any] = []
    for batch in connector.scan(Scan(entity=found, fields=names, where=where, types=types), ScanReport()):
        rows += zip(*(c.to_pylist() for c in batch.columns), strict=True)
    return rows


def test_a_search_for_more_records_than_one_gives_is_read_to_its_end(many: HubSpotSandbox) -> None:
    crm = connect(many, page_rows=200)
    (contacts, *_) = crm.discover()
    found = read(crm, contacts, "hs_object_id", where=Comparison(field="score", op="is not null"))
    wanted = [r["id"] for r in many.records["contacts"] if r["properties"]["score"] is not None]
    everything = read(crm, contacts, "hs_object_id", where=Comparison(field="lastmodifieddate", op="is not null"))
    assert [i for (i,) in found] == wanted
    assert len(everything) == len(set(everything)) == 1_045
    crm.close()


def test_a_count_is_one_request(many: HubSpotSandbox) -> None:
    crm = connect(many)
    (contacts, *_) = crm.discover()
    where = Comparison(field="vip", op="=", value=True)
    scan = Scan(
        entity=contacts,
        where=where,
        aggregates=(Aggregate(function="count", field=None, alias="n"),),
        types={"n": pa.int64()},
    )
    report = ScanReport()
    (batch,) = crm.scan(scan, report)
    assert batch.to_pydict() == {"n": [sum(r["properties"]["vip"] == "true" for r in many.records["contacts"])]}
    assert report.requests == 1
    crm.close()


def test_conditions_beyond_what_a_search_takes_are_split_or_sifted() -> None:
    contacts = [_contact(i, f"n{i}") for i in range(60)]
    with sandbox_with(contacts) as server:
        crm = connect(server)
        (found, *_) = crm.discover()
        scores = (-2.5, 0.1, 7.0, 0.0)
        stages = [Comparison(field="lifecyclestage", op="=", value=s) for s in STAGES]
        many_groups = And(tuple(Or((*stages, Comparison(field="score", op="=", value=s))) for s in scores))
        long = And(
            (
                *(Comparison(field="score", op="!=", value=v) for v in scores),
                Comparison(field="vip", op="is not null"),
                Comparison(field="birthday", op=">", value=dt.date(1990, 1, 1)),
                Comparison(field="hs_object_id", op="<", value=250),
            )
        )
        for where in (many_groups, long):
            rows = read(crm, found, "hs_object_id", where=where)
            assert len(rows) == len(set(rows))
            by_hand = [
                r["hs_object_id"]
                for r in map(_typed, contacts)
                if (
                    r["lifecyclestage"] is not None
                    if where is many_groups
                    else r["score"] is not None
                    and r["score"] not in scores
                    and r["vip"] is not None
                    and r["birthday"] is not None
                    and r["hs_object_id"] < 250
                )
            ]
            assert sorted(i for (i,) in rows) == by_hand
        crm.close()


def test_records_are_asked_for_by_id_in_batches_and_missing_ones_left_out() -> None:
    with sandbox_with([_contact(i, "n") for i in range(10)]) as server:
        crm = connect(server)
        (contacts, *_) = crm.discover()
        where = Comparison(field="hs_object_id", op="in", value=(100, 103, 999))
        assert read(crm, contacts, "hs_object_id", "firstname", where=where) == [(100, "n"), (103, "n")]
        assert not server.of("search")
        crm.close()


def test_archived_records_are_told_as_deleted() -> None:
    with sandbox_with([_contact(i, "n") for i in range(10)]) as server:
        crm = connect(server)
        (contacts, *_) = crm.discover()
        since = crm.clock()
        assert since is not None
        gone = server.delete("contacts")
        told = crm.deleted(contacts, since)
        assert told is not None
        assert told.keys == ((gone,),)
        assert (gone,) not in read(crm, contacts, "hs_object_id")
        assert crm.deleted(contacts, since - dt.timedelta(days=100)) is None
        crm.close()


def test_discovery_tells_labels_choices_calculated_properties_owners_and_links() -> None:
    with sandbox_with([_contact(i, "n") for i in range(10)]) as server:
        crm = connect(server)
        entities = {e.name: e for e in crm.discover()}
        contacts = entities["contacts"]
        stage = contacts.field("lifecyclestage")
        assert (stage.values, stage.labels["lead"]) == (STAGES, "Lead")
        assert contacts.cursor == "lastmodifieddate"
        assert crm.untracked(contacts) == {"doubled"}
        assert {r.name: (r.target, r.many) for r in contacts.relations} == {
            "contacts_companies": ("crm.contacts_companies", True),
            "company": ("crm.companies", False),
            "owner": ("crm.owners", False),
        }
        assert len(read(crm, entities["owners"], "id", "email")) == 2
        assert crm.check() == "HubSpot account 1234, contacts, companies"
        crm.close()


def test_associations_answer_questions_across_objects() -> None:
    with sandbox_with([_contact(i, f"n{i}") for i in range(10)]) as server, Hub([connect(server)]) as hub:
        sql = (
            "SELECT firstname FROM crm.contacts WHERE EXISTS "
            "(SELECT 1 FROM contacts_companies WHERE companies.name = 'Company 6')"
        )
        assert hub.query(sql).rows() == [("n1",)]
        assert hub.query("SELECT COUNT(*) FROM crm.contacts WHERE owner.email = 'o7@example.com'").rows() == [(5,)]
        named = "SELECT DISTINCT company.name FROM crm.contacts WHERE company.name IS NOT NULL ORDER BY 1"
        assert hub.query(named).rows() == [("Company 5",), ("Company 6",)]


def test_more_properties_than_a_search_takes_are_read_in_batches() -> None:
    names = [f"property_with_a_rather_long_name_{i}" for i in range(150)]
    contacts = [{"id": i, "properties": dict.fromkeys(names, str(i))} for i in range(1, 30)]
    with HubSpotSandbox({"contacts": [_property(n, "string") for n in names]}, {"contacts": contacts}) as server:
        crm = connect(server, objects=("contacts",))
        (found, *_) = crm.discover()
        where = Comparison(field=names[0], op="=", value="7")
        assert read(crm, found, *names, where=where) == [("7",) * 150]
        crm.close()


def test_text_is_loose_and_choices_are_exact() -> None:
    with sandbox_with([_contact(i, "n") for i in range(3)]) as server:
        crm = connect(server)
        (contacts, *_) = crm.discover()
        for field, value, wanted in (
            ("firstname", "Anna", Pushdown.LOOSE),
            ("lifecyclestage", "lead", Pushdown.EXACT),
            ("lifecyclestage", "no such", Pushdown.LOOSE),
            ("firstname", "", Pushdown.NONE),
            ("interests", "golf", Pushdown.NONE),  # several choices in one value
        ):
            assert crm.supports(contacts, Comparison(field=field, op="=", value=value)) is wanted
        crm.close()


def test_errors_are_told_by_their_category() -> None:
    with sandbox_with([_contact(1, "n")]) as server:
        wrong = connect(server, token=SecretStr("pat-wrong-token"))
        with pytest.raises(AuthFailed, match="INVALID_AUTHENTICATION") as caught:
            wrong.discover()
        assert "pat-wrong" not in str(caught.value)
        wrong.close()
        crm = connect(server)
        with pytest.raises(Rejected, match="too many filters"):
            filters = [{"propertyName": "score", "operator": "HAS_PROPERTY"}] * 7
            crm.post("crm/v3/objects/contacts/search", {"filterGroups": [{"filters": filters}], "limit": 1})
        told: Mapping[str, str] = {}
        server.answer = lambda _: Reply(
            status=429,
            json={
                "status": "error",
                "message": "limit",
                "category": "RATE_LIMITS",
                "policyName": "TEN_SECONDLY_ROLLING",
            },
            headers=told,
        )
        for told, seconds in (  # noqa: B007
            ({"Retry-After": "3"}, 3),
            ({"X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}, 10),
            ({}, 1),
        ):
            with pytest.raises(RateLimited) as limited:
                crm.check()
            assert limited.value.retry_after == seconds
        crm.close()
