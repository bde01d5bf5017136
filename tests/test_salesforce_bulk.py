"""Large reads of Salesforce as jobs of Bulk API 2.0: everything arrives, or an error says that it did not."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import SecretStr
from synced import Synced

from groundwire.connectors import salesforce_bulk
from groundwire.connectors.salesforce import SalesforceConnector, SalesforceSettings
from groundwire.connectors.testing_proxy import Fault, FaultyProxy, Request
from groundwire.core import config, sync_load
from groundwire.core.connector import Comparison, Scan, ScanReport
from groundwire.core.errors import Rejected, SourceError, Unavailable
from groundwire.demo.salesforce_sandbox import SalesforceSandbox

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FIELDS = (
    "Id",
    "Name",
    "Email",
    "AccountId",
    "Account.Name",
    "SystemModstamp",
    "Note__c",
    "Score__c",
    "Active__c",
    "Born__c",
)
AWKWARD = ("plain", 'say "hi"', "a,b", "two\nlines", None, "東京 🙂", " spaced ", "NULL", "'", "\\N")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salesforce_bulk, "POLL", (0.01, 0.02))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SalesforceSandbox]:
    with SalesforceSandbox(page_size=40) as running:
        for number, row in enumerate(running.data["Contact"]):
            row["Note__c"] = AWKWARD[number % len(AWKWARD)]
            row["Score__c"] = number if number % 3 else None
            row["Active__c"] = number % 2 == 0
            row["Born__c"] = dt.date(1980, 1, 1) + dt.timedelta(days=number)
        yield running


@pytest.fixture
def proxy(sandbox: SalesforceSandbox) -> Iterator[FaultyProxy]:
    sandbox.bulk.ending, sandbox.bulk.message, sandbox.bulk.refused, sandbox.bulk.looks = "JobComplete", "", "", 1
    with FaultyProxy(sandbox.url) as between:
        yield between


def _connector(proxy: FaultyProxy, sandbox: SalesforceSandbox, **more: Any) -> SalesforceConnector:
    settings = SalesforceSettings(
        url=proxy.url,
        client_id=sandbox.client_id,
        client_secret=SecretStr(sandbox.client_secret),
        objects=("Account", "Contact"),
        **{"bulk_rows": 100, "timeout": 5.0, **more},
    )
    made = SalesforceConnector("crm", settings)
    made.discover()
    return made


@pytest.fixture
def connector(proxy: FaultyProxy, sandbox: SalesforceSandbox) -> Iterator[SalesforceConnector]:
    made = _connector(proxy, sandbox)
    yield made
    made.close()


def _read(
    connector: SalesforceConnector, *, patient: bool = True, where: Any = None, fields: tuple[str, ...] = FIELDS
) -> tuple[list[dict[str, Any]], ScanReport]:
    contact = next(e for e in connector.discover() if e.name == "Contact")
    types = {f: contact.field(f).type if "." not in f else pa.string() for f in fields}
    report = ScanReport(patient=patient)
    batches = list(connector.scan(Scan(entity=contact, fields=fields, where=where, types=types), report))
    return [row for batch in batches for row in batch.to_pylist()], report


def _is_result(request: Request) -> bool:
    return "/results" in request.path


def test_a_job_delivers_what_pages_deliver(connector: SalesforceConnector, sandbox: SalesforceSandbox) -> None:
    by_pages, plain = _read(connector, patient=False)
    by_job, report = _read(connector)
    assert by_job == by_pages and len(by_job) == len(sandbox.data["Contact"]) > 200
    assert {row["Note__c"] for row in by_job} == set(AWKWARD)
    assert "as a job of Bulk API 2.0" in report.native and "as a job of Bulk API 2.0" not in plain.native
    assert report.total == len(by_job) and not report.incomplete


def test_without_addresses_of_pages_each_page_names_the_next(
    proxy: FaultyProxy, sandbox: SalesforceSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salesforce_bulk, "PAGE_ROWS", 33)
    older = _connector(proxy, sandbox, api_version="57.0")
    rows, _ = _read(older)
    assert len({row["Id"] for row in rows}) == len(rows) == len(sandbox.data["Contact"])
    assert not any("resultPages" in r.path for r in proxy.requests)
    older.close()


def test_few_records_and_questions_that_somebody_waits_for_are_read_by_pages(
    connector: SalesforceConnector, proxy: FaultyProxy
) -> None:
    _read(connector, where=Comparison(field="Born__c", op="<", value=dt.date(1980, 3, 1)))
    _read(connector, patient=False)
    assert not any("/jobs/" in r.path for r in proxy.requests)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(cut=500),
        Fault(status=503, body=b"[]"),
        Fault(change=lambda body: body[: len(body) // 2]),
        Fault(change=lambda body: body.rpartition(b'\n"')[0] + b"\n"),
    ],
    ids=["breaks off", "unavailable", "half", "a record too few"],
)
def test_a_page_that_breaks_off_is_fetched_again_and_if_it_stays_so_is_an_error(
    fault: Fault, connector: SalesforceConnector, proxy: FaultyProxy, sandbox: SalesforceSandbox
) -> None:
    proxy.fail(_is_result, fault, times=2)
    assert len(_read(connector)[0]) == len(sandbox.data["Contact"])
    proxy.fail(_is_result, fault, times=1000)
    with pytest.raises(Unavailable):
        _read(connector)


@pytest.mark.parametrize(
    ("ending", "message", "kind"),
    [
        ("Failed", "InternalServerError: retried more than fifteen times", Unavailable),
        ("Failed", "INVALID_FIELD: No such column", Rejected),
        ("Aborted", "", Unavailable),
        ("Open", "", Unavailable),
    ],
)
def test_a_job_that_does_not_complete_is_an_error(
    ending: str, message: str, kind: type[SourceError], connector: SalesforceConnector, sandbox: SalesforceSandbox
) -> None:
    sandbox.bulk.ending, sandbox.bulk.message = ending, message
    with pytest.raises(kind, match=message.partition(":")[0] or ending):
        _read(connector, fields=("Id",))


def test_a_job_that_expired_is_an_error_that_another_try_may_mend(
    connector: SalesforceConnector, proxy: FaultyProxy, sandbox: SalesforceSandbox
) -> None:
    proxy.fail(_is_result, Fault(before=sandbox.bulk.jobs.clear), times=1)
    with pytest.raises(Unavailable, match="NOT_FOUND"):
        _read(connector)
    assert len(_read(connector)[0]) == len(sandbox.data["Contact"])


def test_a_job_that_takes_too_long_is_aborted(proxy: FaultyProxy, sandbox: SalesforceSandbox) -> None:
    sandbox.bulk.looks = 1000
    hurried = _connector(proxy, sandbox, bulk_timeout=0.2)
    with pytest.raises(Unavailable, match="longer"):
        _read(hurried)
    assert list(sandbox.bulk.jobs.values())[-1].state == "Aborted"
    hurried.close()


def test_fewer_records_than_the_job_counted_are_an_error(connector: SalesforceConnector, proxy: FaultyProxy) -> None:
    def without_last(body: bytes) -> bytes:
        answer = json.loads(body)
        return json.dumps({**answer, "resultPages": answer["resultPages"][:-1]}).encode()

    proxy.fail(lambda r: "/resultPages" in r.path, Fault(change=without_last))
    with pytest.raises(Unavailable, match="counted"):
        _read(connector)


def test_a_page_of_another_host_or_with_other_columns_is_refused(
    connector: SalesforceConnector, proxy: FaultyProxy
) -> None:
    elsewhere = Fault(change=lambda body: body.replace(b'"/services', b'"http://127.0.0.1:1/services'))
    proxy.fail(lambda r: "/resultPages" in r.path, elsewhere)
    with pytest.raises(Rejected, match="elsewhere"):
        _read(connector)
    proxy.fail(_is_result, Fault(change=lambda body: body.replace(b'"Name"', b'"Other"', 1)), times=9)
    with pytest.raises(SourceError, match="other columns"):
        _read(connector)


def test_a_session_that_ends_in_the_middle_is_renewed(
    connector: SalesforceConnector, proxy: FaultyProxy, sandbox: SalesforceSandbox
) -> None:
    proxy.fail(_is_result, Fault(before=sandbox.sessions.clear), times=1)
    assert len(_read(connector)[0]) == len(sandbox.data["Contact"])


def test_where_no_job_can_be_made_pages_go_on(connector: SalesforceConnector, sandbox: SalesforceSandbox) -> None:
    sandbox.bulk.refused = "Bulk API is not enabled for this organization"
    rows, report = _read(connector)
    assert len(rows) == len(sandbox.data["Contact"])
    assert any("FEATURENOTENABLED" in note for note in report.native)


def test_a_first_load_goes_on_with_the_parts_that_are_missing(
    proxy: FaultyProxy, sandbox: SalesforceSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_load, "PART_ROWS", 150)
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for number, row in enumerate(sandbox.data["Contact"]):
        row["SystemModstamp"] = moment + dt.timedelta(seconds=number)
    source = {
        "type": "salesforce",
        "url": proxy.url,
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "objects": ["Contact"],
        "bulk_rows": 50,
        "profile": False,
        "entities": {"Contact": {"replica": {"overlap": "0s"}}},
    }
    replicas = {"url": f"sqlite:///{tmp_path / 'copies.sqlite'}"}
    opened = Synced(config.parse({"sources": {"erp": source}, "replicas": replicas}, base=Path()))
    made: list[str] = []

    def only_one_job(request: Request) -> Fault | None:
        if request.path.endswith("/jobs/query"):
            made.append(request.path)
            return Fault(status=503, body=b"[]") if len(made) > 1 else None
        return None

    monkeypatch.setattr("groundwire.core.sync_read.PATIENCE", 0.2)
    monkeypatch.setattr(sync_load, "READERS", 1)
    proxy.rule = only_one_job
    with pytest.raises(Unavailable):
        opened.sync("erp.Contact")
    proxy.rule = lambda _: None
    report = opened.sync("erp.Contact")
    assert 0 < report.read < len(sandbox.data["Contact"]) - 100, "the part that was complete is not read again"
    opened.check("erp.Contact", "Id")
    opened.close()
