"""Faults between a connector and its server: each is the right error or a marked result, never a short answer.

The real Tryton and the Salesforce sandbox stand behind a proxy that makes go wrong what it is told to.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import SecretStr

from groundwire import Hub
from groundwire.connectors.http_wire import retry_after
from groundwire.connectors.salesforce import SalesforceConnector, SalesforceSettings
from groundwire.connectors.testing_oracle import HOSTILE_TEXTS
from groundwire.connectors.testing_proxy import Fault, FaultyProxy, Request
from groundwire.connectors.tryton import TrytonConnector, TrytonSettings
from groundwire.core.config import Config, LimitsConfig
from groundwire.core.connector import Connector, Scan, ScanReport
from groundwire.core.errors import AuthFailed, RateLimited, Rejected, SourceError, Unavailable
from groundwire.demo.salesforce_sandbox import SalesforceSandbox
from groundwire.demo.tryton_server import TrytonServer

pytestmark = [pytest.mark.timeout(420), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SECRET = "hunter2hunter2"
TIMEOUT = 0.7


@dataclass
class Wired:
    """A hub whose one source is reached through the proxy.

    Attributes:
        sql: reads every record, which takes more than three pages.
        text: a column of it that holds text.
        page: the number of the page that a request asks for, from 1; None for other requests.
        logs_in: whether a request is a login.
        forget: makes the server forget every session.
        connect: another connector, with another secret or another time-out.
    """

    hub: Hub
    proxy: FaultyProxy
    sql: str
    text: str
    page: Callable[[Request], int | None]
    logs_in: Callable[[Request], bool]
    forget: Callable[[], None]
    connect: Callable[..., Connector]

    def rows(self) -> list[tuple[Any, ...]]:
        return sorted(self.hub.query(self.sql).rows(), key=repr)

    def on_page(self, number: int) -> Callable[[Request], bool]:
        return lambda request: self.page(request) == number

    def logins(self) -> int:
        return sum(map(self.logs_in, self.proxy.requests))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SalesforceSandbox]:
    with SalesforceSandbox(page_size=100) as running:
        yield running


@pytest.fixture
def salesforce(sandbox: SalesforceSandbox) -> Iterator[Wired]:
    with FaultyProxy(sandbox.url) as proxy:

        def connect(secret: str = sandbox.client_secret, timeout: float = 20) -> SalesforceConnector:
            settings = SalesforceSettings(
                url=proxy.url,
                client_id=sandbox.client_id,
                client_secret=SecretStr(secret),
                objects=("Account", "User"),
                timeout=timeout,
            )
            return SalesforceConnector("src", settings)

        def page(request: Request) -> int | None:
            _, found, query = request.path.partition("/query/")
            if not found:
                return None
            return 1 if query.startswith("?q=") else int(query.rpartition("-")[2]) // sandbox.page_size + 1

        yield from _wired(
            connect,
            proxy=proxy,
            sql="SELECT Id, Name FROM src.Account",
            text="Name",
            page=page,
            logs_in=lambda request: "/oauth2/token" in request.path,
            forget=sandbox.sessions.clear,
        )


@pytest.fixture
def tryton(tryton_server: TrytonServer) -> Iterator[Wired]:
    with FaultyProxy(tryton_server.url) as proxy:

        def connect(secret: str = tryton_server.password, timeout: float = 20) -> TrytonConnector:
            settings = TrytonSettings(
                url=proxy.url,
                database=tryton_server.database,
                username=tryton_server.username,
                password=SecretStr(secret),
                models=("party.party",),
                timeout=timeout,
                page_rows=5,
            )
            return TrytonConnector("src", settings)

        def forget() -> None:
            with closing(_file(tryton_server)) as database, database:
                database.execute("DELETE FROM ir_session")

        with closing(_file(tryton_server)) as database:
            ids = [i for (i,) in database.execute("SELECT id FROM party_party WHERE active ORDER BY id")]

        def page(request: Request) -> int | None:
            asked = json.loads(request.body)
            if not asked["method"].endswith(".search_read"):
                return None
            last = next(clause[2] for clause in asked["params"][0] if clause[:2] == ["id", ">"])
            return sum(i <= last for i in ids) // 5 + 1

        yield from _wired(
            connect,
            proxy=proxy,
            sql="SELECT id, name FROM src.party",
            text="name",
            page=page,
            logs_in=lambda request: b"common.db.login" in request.body,
            forget=forget,
        )


def _file(server: TrytonServer) -> sqlite3.Connection:
    return sqlite3.connect(server.folder / f"{server.database}.sqlite", timeout=30)


def _wired(connect: Callable[..., Connector], **more: Any) -> Iterator[Wired]:
    with Hub([connect()], Config(limits=LimitsConfig(timeout=8))) as hub:
        _ = hub.catalog
        yield Wired(hub=hub, connect=connect, **more)


@pytest.fixture(params=["salesforce", pytest.param("tryton", marks=pytest.mark.server)])
def wired(request: pytest.FixtureRequest) -> Wired:
    found: Wired = request.getfixturevalue(request.param)
    return found


# -- servers that fail -----------------------------------------------------------------------


def test_a_page_that_fails_is_an_error_or_marked_and_never_a_short_answer(wired: Wired) -> None:
    wired.proxy.fail(wired.on_page(3), Fault(status=500), times=99)
    with pytest.raises(Unavailable, match="500"):
        wired.rows()
    marked = wired.hub.query(wired.sql, on_error="incomplete")
    assert not marked.complete
    assert "500" in " ".join(marked.incomplete_reasons())


@pytest.mark.parametrize("fault", [Fault(status=500), Fault(status=503), Fault(cut=30)])
def test_a_page_that_fails_once_is_read_again_and_no_row_is_lost_or_doubled(wired: Wired, fault: Fault) -> None:
    before = wired.rows()
    wired.proxy.fail(wired.on_page(3), fault)
    assert wired.rows() == before


def test_a_429_is_waited_out_as_long_as_it_says(wired: Wired) -> None:
    before = wired.rows()
    wired.proxy.fail(wired.on_page(2), Fault(status=429, headers={"Retry-After": "1"}))
    started = time.monotonic()
    assert wired.rows() == before
    assert time.monotonic() - started >= 1


def test_a_429_that_asks_for_more_time_than_there_is_is_told_at_once(wired: Wired) -> None:
    later = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1), usegmt=True)
    wired.proxy.fail(wired.on_page(1), Fault(status=429, headers={"Retry-After": later}), times=99)
    started = time.monotonic()
    with pytest.raises(RateLimited) as caught:
        wired.rows()
    assert time.monotonic() - started < 5
    assert caught.value.retry_after == pytest.approx(3600, abs=60)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("", None), ("soon", None), ("7", 7), ("0.5", 0.5), ("-3", 0), ("nan", None), ("inf", None)],
)
def test_a_retry_after_is_a_number_or_nothing(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


# -- catalogs --------------------------------------------------------------------------------


def _describes(wired: Wired) -> Callable[[Request], bool]:
    return lambda request: not wired.logs_in(request)


@pytest.mark.parametrize("status", [429, 503])
def test_a_catalog_that_is_refused_for_a_moment_is_asked_for_again(wired: Wired, status: int) -> None:
    wired.proxy.fail(_describes(wired), Fault(status=status, headers={"Retry-After": "0.3"}), times=2)
    with Hub([wired.connect()]) as hub:
        assert len(hub.catalog) == len(wired.hub.catalog)


def test_a_catalog_that_is_refused_for_longer_than_there_is_time_is_an_error_at_once(wired: Wired) -> None:
    wired.proxy.fail(_describes(wired), Fault(status=429, headers={"Retry-After": "600"}), times=99)
    started = time.monotonic()
    with Hub([wired.connect()]) as hub, pytest.raises(RateLimited):
        _ = hub.catalog
    assert time.monotonic() - started < 5


def test_a_catalog_that_hangs_is_an_error_in_time_and_is_asked_for_again_later(wired: Wired) -> None:
    wired.proxy.fail(_describes(wired), Fault(hang=60), times=99)
    limits = LimitsConfig(timeout=1.5)
    with Hub([wired.connect(timeout=TIMEOUT)], Config(limits=limits)) as hub:
        started = time.monotonic()
        with pytest.raises(Unavailable):
            _ = hub.catalog
        assert time.monotonic() - started < 1.5 + TIMEOUT + 3
        wired.proxy.fail(_describes(wired), Fault(), times=0)
        assert len(hub.catalog) == len(wired.hub.catalog)


# -- answers that make no sense --------------------------------------------------------------


NONSENSE = (
    *(b"<html>a gateway's page</html>", b'{"records": [', b"[]", b'"text"', b"null", b"", b"{}", b"\xff\xfe"),
    *(b'{"result": {"a": 1}, "records": {"a": 1}}', b'{"result": [1], "records": [1], "done": true}'),
)


def test_an_answer_that_makes_no_sense_is_an_error(wired: Wired) -> None:
    for body in NONSENSE:
        wired.proxy.fail(wired.on_page(2), Fault(status=200, body=body), times=99)
        with pytest.raises(Rejected, match="src"):
            wired.rows()


def test_records_without_a_field_that_was_asked_for_are_an_error(wired: Wired) -> None:
    key = f'"{wired.text}"'.encode()
    wired.proxy.fail(wired.on_page(2), Fault(change=lambda body: body.replace(key, b'"other"')), times=99)
    with pytest.raises(Rejected, match=wired.text):
        wired.rows()


def test_a_redirect_is_not_followed(wired: Wired) -> None:
    with FaultyProxy(wired.proxy.url) as elsewhere:
        wired.proxy.fail(wired.on_page(1), Fault(status=302, headers={"Location": f"{elsewhere.url}/"}), times=99)
        with pytest.raises(SourceError):
            wired.rows()
        assert not elsewhere.requests


# -- time ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault(hang=60), Fault(trickle=0.3)], ids=["hangs", "trickles"])
def test_a_server_that_hangs_is_left_after_the_timeout(wired: Wired, fault: Fault) -> None:
    with Hub([wired.connect(timeout=TIMEOUT)]) as hub:
        _ = hub.catalog
        wired.proxy.fail(wired.on_page(2), fault, times=99)
        started = time.monotonic()
        with pytest.raises(Unavailable, match="in time"):
            hub.query(wired.sql)
        assert time.monotonic() - started < 3 * TIMEOUT + 4, "three attempts and the pauses between them"


def test_a_query_ends_when_its_time_is_over_however_patient_the_source(wired: Wired) -> None:
    with Hub([wired.connect(timeout=60)], Config(limits=LimitsConfig(timeout=1.5))) as hub:
        _ = hub.catalog
        wired.proxy.fail(wired.on_page(2), Fault(hang=60), times=99)
        started = time.monotonic()
        with pytest.raises(Unavailable):
            hub.query(wired.sql)
        assert time.monotonic() - started < 4


def test_a_server_that_is_down_is_unavailable(wired: Wired) -> None:
    wired.proxy.__exit__()
    with Hub([wired.connect()]) as hub, pytest.raises(Unavailable, match="can't be reached"):
        hub.query(wired.sql)


# -- sessions and secrets --------------------------------------------------------------------


def test_a_session_that_ends_between_pages_is_renewed_once(wired: Wired) -> None:
    before = wired.rows()
    already = wired.logins()
    wired.proxy.fail(wired.on_page(3), Fault(before=wired.forget))
    assert wired.rows() == before
    assert wired.logins() == already + 1


def test_a_server_that_forgets_every_session_is_not_asked_for_ever(wired: Wired) -> None:
    already = wired.logins()
    wired.proxy.fail(wired.on_page(2), Fault(before=wired.forget), times=99)
    with pytest.raises(AuthFailed):
        wired.rows()
    assert wired.logins() == already + 1


def test_a_wrong_secret_is_sent_once_whatever_is_asked_and_never_shown(wired: Wired) -> None:
    already = wired.logins()
    with Hub([wired.connect(secret=SECRET)]) as hub:
        for _ in range(3):
            with pytest.raises(AuthFailed, match="not accepted") as caught:
                hub.query(wired.sql)
            assert SECRET not in str(caught.value) + repr(hub.connectors["src"].settings)
        assert [s.ok for s in hub.check()] == [False]
    assert wired.logins() == already + 1


def test_a_login_that_tryton_stalls_is_not_tried_again(tryton: Wired) -> None:
    tryton.proxy.fail(tryton.logs_in, Fault(status=429, headers={"Retry-After": "1"}), times=99)
    already = tryton.logins()
    with Hub([tryton.connect()]) as hub:
        for _ in range(2):
            with pytest.raises(AuthFailed, match="too many failed logins"):
                hub.query(tryton.sql)
    assert tryton.logins() == already + 1


@pytest.mark.parametrize(("status", "kind"), [(500, Unavailable), (429, RateLimited)])
def test_a_login_that_fails_for_another_reason_says_nothing_of_the_secret(
    salesforce: Wired, status: int, kind: type[SourceError]
) -> None:
    salesforce.proxy.fail(salesforce.logs_in, Fault(status=status), times=99)
    with Hub([salesforce.connect(secret=SECRET)]) as hub:
        with pytest.raises(kind) as caught:
            hub.query(salesforce.sql)
        assert SECRET not in str(caught.value)
    salesforce.proxy.fail(salesforce.logs_in, Fault(status=status))
    with Hub([salesforce.connect()]) as hub:
        assert hub.query(salesforce.sql).complete, "it is tried again"


# -- pages -----------------------------------------------------------------------------------


def test_fewer_records_than_salesforce_counted_are_marked(salesforce: Wired) -> None:
    def shortened(body: bytes) -> bytes:
        answer = json.loads(body)
        answer["records"] = answer["records"][:-1]
        return json.dumps(answer).encode()

    salesforce.proxy.fail(salesforce.on_page(2), Fault(change=shortened))
    result = salesforce.hub.query(salesforce.sql)
    assert not result.complete
    assert "delivered" in " ".join(result.incomplete_reasons())


@pytest.mark.parametrize("link", ["http://127.0.0.2:9/services/data/v59.0/query/x", "/elsewhere", "//127.0.0.2/x", ""])
def test_a_next_page_elsewhere_is_not_followed(salesforce: Wired, link: str) -> None:
    def led_astray(body: bytes) -> bytes:
        return json.dumps({**json.loads(body), "nextRecordsUrl": link}).encode()

    salesforce.proxy.fail(salesforce.on_page(1), Fault(change=led_astray), times=99)
    with pytest.raises(Rejected, match="elsewhere"):
        salesforce.rows()


def test_a_page_that_tryton_gives_twice_is_an_error(tryton: Wired) -> None:
    pages: list[bytes] = []

    def repeated(body: bytes) -> bytes:
        pages.append(body)
        return pages[0]

    tryton.proxy.fail(lambda request: tryton.page(request) is not None, Fault(change=repeated), times=99)
    with pytest.raises(Rejected, match="order"):
        tryton.rows()


# -- injection -------------------------------------------------------------------------------


def test_a_hostile_text_finds_what_equals_it(wired: Wired) -> None:
    rows = wired.rows()
    for text in (*HOSTILE_TEXTS, "' OR Name != '", "x' LIMIT 1 --", '"]] , ["id", ">", 0'):
        if "\x00" in text:  # SQL text holds no such character
            continue
        kept = [row for row in rows if row[1] == text]
        quoted = text.replace("'", "''")
        for condition in (f"= '{quoted}'", f"IN ('{quoted}', 'no such name')"):
            found = wired.hub.query(f"{wired.sql} WHERE {wired.text} {condition}")
            assert found.rows() == kept, text
            assert found.complete


def test_a_name_that_the_source_did_not_give_is_never_sent(wired: Wired) -> None:
    entity = next(iter(wired.hub.catalog))
    asked = len(wired.proxy.requests)
    for name in ("Id FROM User --", "(SELECT Id FROM Contacts)", "COUNT()", "create_uid.password", "a'b", ""):
        scan = Scan(entity=entity, fields=(name,), types={name: entity.fields[0].type})
        with pytest.raises(Rejected, match="no such field"):
            list(wired.hub.connectors["src"].scan(scan, ScanReport()))
    assert len(wired.proxy.requests) == asked
