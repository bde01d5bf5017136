"""The part of the conformance kit that needs a server over HTTP: pages at their edges, faults, secrets, changes.

::

    class TestMineOverHTTP(HTTPConformance):
        @pytest.fixture
        def service(self, server):
            return Service(
                url=server.url,
                connect=lambda url, timeout, page_rows: MyConnector("mine", MySettings(url=url, timeout=timeout, ...)),
                entity="Account", rows=333, secrets=(server.password,),
                touch=server.touch, delete=server.delete,
            )

The server is reached through a proxy that makes go wrong what it is told to. Each fault has one right error; what
differs is a `Gap`, as everywhere in the kit. This module needs pytest and is imported by tests only.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from groundwire.connectors.testing import Gap, Kit, check
from groundwire.connectors.testing_oracle import Oracle
from groundwire.connectors.testing_proxy import Fault, FaultyProxy, Request
from groundwire.core.catalog import Entity
from groundwire.core.connector import (
    ChangedSince,
    Comparison,
    Connector,
    Deletions,
    Predicate,
    Pushdown,
    Scan,
    ScanReport,
    SourceClock,
)
from groundwire.core.errors import AuthFailed, GroundwireError, RateLimited, Rejected, SourceError, Unavailable

TIMEOUT = 0.5
"""Seconds that a connector under test waits where waiting is what is tested."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A server to test against.

    Attributes:
        url: of the server itself, as a source's settings would give it: `http://127.0.0.1:port/path`, without TLS.
        connect: a new connector that reaches the server at the given address (the proxy's), with a time-out in
            seconds and records on a page; where page sizes can't be set, the last is disregarded.
        entity: one with at least ten records.
        rows: how many records it holds, at the moment of asking.
        secrets: texts that must never be seen.
        touch: changes one record of it on the server and gives its key; None where nothing can be changed.
        delete: deletes one on the server and gives its key.
        sessions: what makes the server end every session; None where there are none.
    """

    url: str
    connect: Callable[[str, float, int], Connector]
    entity: str
    rows: Callable[[], int]
    secrets: Sequence[str] = ()
    touch: Callable[[], tuple[Any, ...]] | None = None
    delete: Callable[[], tuple[Any, ...]] | None = None
    sessions: Callable[[], object] | None = None


def _any(request: Request) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class _Case:
    """A fault and the errors that are right for it."""

    name: str
    fault: Fault
    right: tuple[type[SourceError], ...]


def _cases(elsewhere: str) -> list[_Case]:
    page = b"<html><title>Welcome</title></html>"
    return [
        _Case(name="401", fault=Fault(status=401), right=(AuthFailed,)),
        _Case(name="403", fault=Fault(status=403), right=(AuthFailed, Rejected)),
        _Case(name="404", fault=Fault(status=404, body=page), right=(Rejected,)),
        _Case(name="429", fault=Fault(status=429, headers={"Retry-After": "7"}), right=(RateLimited,)),
        _Case(name="500", fault=Fault(status=500, body=page), right=(Unavailable,)),
        _Case(name="503", fault=Fault(status=503), right=(Unavailable, RateLimited)),
        _Case(name="garbage", fault=Fault(status=200, body=page), right=(Rejected,)),
        _Case(name="another answer", fault=Fault(status=200, body=b'{"a": [{"b": 1}]}'), right=(Rejected,)),
        _Case(name="nothing", fault=Fault(status=200, body=b""), right=(Rejected, Unavailable)),
        _Case(name="truncated", fault=Fault(cut=20), right=(Unavailable,)),
        _Case(name="time-out", fault=Fault(hang=30), right=(Unavailable,)),
        _Case(name="trickle", fault=Fault(trickle=0.2), right=(Unavailable,)),
        *(
            _Case(
                name=f"redirect {status}",
                fault=Fault(status=status, headers={"Location": elsewhere}),
                right=(SourceError,),
            )
            for status in (301, 307)
        ),
    ]


class _Wired:
    """A connector behind the proxy, its entity known."""

    def __init__(self, service: Service, proxy: FaultyProxy, timeout: float = 20, page_rows: int = 100) -> None:
        self.proxy = proxy
        self.connector = service.connect(proxy.url, timeout, page_rows)
        found = {e.name: e for e in self.connector.discover()}
        assert service.entity in found, f"discover() gives no {service.entity!r}, but {', '.join(found) or 'nothing'}"
        self.entity = found[service.entity]

    def read(self, where: Predicate | None = None, *, deadline: float | None = None) -> tuple[list[Any], ScanReport]:
        """The keys of all records that fit."""
        names = self.entity.primary_key
        types = {n: self.entity.field(n).type for n in names}
        report = ScanReport(deadline=deadline)
        found: list[Any] = []
        for batch in self.connector.scan(Scan(entity=self.entity, fields=names, where=where, types=types), report):
            found += zip(*(c.to_pylist() for c in batch.columns), strict=True)
        return found, report


class HTTPConformance:
    """Subclass, override `service`, and pytest runs the checks below. Each makes connectors of its own."""

    @pytest.fixture
    def service(self) -> Service:
        """The server and how it is reached."""
        raise NotImplementedError("override the fixture `service`")

    @pytest.fixture
    def gaps(self) -> Sequence[Gap]:
        """Known differences; none unless overridden."""
        return ()

    @pytest.fixture
    def proxy(self, service: Service) -> Iterator[FaultyProxy]:
        """Between connector and server; not for overriding."""
        with FaultyProxy(service.url) as running:
            yield running

    @pytest.fixture
    def kit(self, service: Service, proxy: FaultyProxy, gaps: Sequence[Gap]) -> Iterator[Kit]:
        """The checks' tools; not for overriding."""
        unknown = [g.check for g in gaps if not callable(getattr(self, g.check, None))]
        assert not unknown, f"gaps for checks that do not exist: {unknown}"
        wired = _Wired(service, proxy)
        yield Kit(connector=wired.connector, entities={wired.entity.name: wired.entity}, oracle=Oracle({}), gaps=gaps)
        wired.connector.close()

    # -- pages -----------------------------------------------------------------------------

    @check
    def test_pages_of_every_size_give_every_record_once(self, kit: Kit, service: Service, proxy: FaultyProxy) -> None:
        """A page that holds all records, all but one, one more, exactly all, half of them, and a few."""
        count = service.rows()
        assert count >= 10, f"{service.entity} holds too few records to be paged"
        for size in sorted({count - 1, count, count + 1, count // 2, max(2, count // 7)}):
            with kit.about(f"{count} records, {size} on a page"):
                wired = _Wired(service, proxy, page_rows=size)
                found, report = wired.read()
                assert len(found) == len(set(found)), f"{len(found) - len(set(found))} records came twice"
                assert len(found) == count, f"{len(found)} records of {count}"
                assert not report.incomplete, f"incomplete: {report.incomplete}"
                wired.connector.close()

    @check
    def test_no_record_and_one_record_are_read(self, kit: Kit, service: Service, proxy: FaultyProxy) -> None:
        wired = _Wired(service, proxy, page_rows=2)
        some, _ = wired.read()
        (name, *more) = wired.entity.primary_key
        if more:
            return
        for subject, wanted in (("one record", some[:1]), ("two, a full page", some[:2]), ("three", some[:3])):
            where = Comparison(field=name, op="in", value=tuple(k[0] for k in wanted))
            if wired.connector.supports(wired.entity, where).value == "none":
                return
            with kit.about(subject):
                found, _ = wired.read(where)
                assert sorted(set(found)) == sorted(wanted), f"{len(found)} records"
        wired.connector.close()

    # -- faults ----------------------------------------------------------------------------

    @check
    def test_each_fault_is_the_right_error_and_shows_no_secret(
        self, kit: Kit, service: Service, proxy: FaultyProxy, caplog: pytest.LogCaptureFixture
    ) -> None:
        shown = []
        with FaultyProxy(service.url) as elsewhere, caplog.at_level(logging.DEBUG):
            for case in _cases(f"{elsewhere.url}/x"):
                waits = case.fault.hang or case.fault.trickle
                wired = _Wired(service, proxy, timeout=TIMEOUT if waits else 20)
                proxy.fail(_any, case.fault, times=10_000)
                started = time.monotonic()
                with kit.about(case.name):
                    try:
                        found, _ = wired.read()
                    except SourceError as error:
                        shown.append(f"{error}\n{error!r}")
                        assert isinstance(error, case.right), f"{type(error).__name__}: {error}"
                        if isinstance(error, RateLimited) and case.name == "429":
                            assert error.retry_after == 7, f"it waits {error.retry_after} s in place of 7"
                    else:
                        raise AssertionError(f"it read {len(found)} records as if nothing had happened")
                    assert not waits or time.monotonic() - started < 8 * TIMEOUT, "it waited on"
                proxy.rule = lambda _: None
                wired.connector.close()
            with kit.about("redirect"):
                assert not elsewhere.requests, "a request followed to another host"
        for number, secret in enumerate(service.secrets):
            with kit.about(f"secret {number}"):
                assert secret not in caplog.text, "it is in a log"
                assert not any(secret in text for text in shown), "it is in an error"

    @check
    def test_a_fault_between_pages_is_never_a_short_answer(
        self, kit: Kit, service: Service, proxy: FaultyProxy
    ) -> None:
        wired = _Wired(service, proxy, page_rows=max(2, service.rows() // 4))
        proxy.requests.clear()
        wired.read()
        asked = len(proxy.requests)
        for number in range(1, asked):
            for status in (500, 404):
                with kit.about(f"HTTP {status} at request {number + 1} of {asked}"):
                    seen = [0]

                    def later(request: Request, seen: list[int] = seen, number: int = number) -> bool:
                        seen[0] += 1
                        return seen[0] > number

                    proxy.fail(later, Fault(status=status), times=10_000)
                    with contextlib.suppress(SourceError):
                        _, report = wired.read()
                        assert report.incomplete, "a short answer without a word"
        proxy.rule = lambda _: None
        wired.connector.close()

    @check
    def test_it_works_again_when_the_fault_is_over(self, kit: Kit, service: Service, proxy: FaultyProxy) -> None:
        wired = _Wired(service, proxy)
        for fault in (Fault(status=500), Fault(status=200, body=b"garbage"), Fault(cut=10)):
            with kit.about(str(fault.status or "truncated")):
                proxy.fail(_any, fault, times=10_000)
                with contextlib.suppress(SourceError):
                    wired.read()
                proxy.rule = lambda _: None
                assert len(wired.read()[0]) == service.rows()
        wired.connector.close()

    @check
    def test_a_server_that_is_down_is_unavailable(self, kit: Kit, service: Service) -> None:
        with FaultyProxy(service.url) as other:
            wired = _Wired(service, other)
        with kit.about("down"):
            try:
                wired.read()
            except Unavailable as error:
                assert not any(s in str(error) for s in service.secrets), "the error shows a secret"
            else:
                raise AssertionError("it read on")
        wired.connector.close()

    @check
    def test_a_deadline_ends_a_read_that_hangs(self, kit: Kit, service: Service, proxy: FaultyProxy) -> None:
        wired = _Wired(service, proxy, timeout=30)
        proxy.fail(_any, Fault(hang=30), times=10_000)
        started = time.monotonic()
        with kit.about("deadline"):
            try:
                wired.read(deadline=started + TIMEOUT)
            except Unavailable:
                assert time.monotonic() - started < 6 * TIMEOUT, "it waited on"
            else:
                raise AssertionError("it read on")
        proxy.rule = lambda _: None
        wired.connector.close()

    @check
    def test_a_session_that_ends_is_renewed(self, kit: Kit, service: Service, proxy: FaultyProxy) -> None:
        if service.sessions is None:
            return
        wired = _Wired(service, proxy)
        service.sessions()
        with kit.about("between reads"):
            assert len(wired.read()[0]) == service.rows()
        wired.connector.close()

    # -- changes: last, since they change what the server holds -----------------------------------

    @check
    def test_a_change_moves_the_cursor(self, kit: Kit, service: Service, proxy: FaultyProxy) -> None:
        """What changed since the cursor was read is found again, and nothing older where the filter is exact."""
        wired = _Wired(service, proxy)
        entity, connector = wired.entity, wired.connector
        if service.touch is None or entity.cursor is None:
            return
        before = _newest(connector, entity, entity.cursor)
        key = service.touch()
        with kit.about(entity.cursor):
            since: Predicate = Comparison(field=entity.cursor, op=">=", value=before)
            if isinstance(connector, ChangedSince):
                since = connector.changed_since(entity, entity.cursor, before)
            found, _ = wired.read(since)
            assert key in found, f"{key} changed and is not among {len(found)} changed records"
            if isinstance(since, Comparison) and connector.supports(entity, since) is Pushdown.EXACT:
                old = _older(wired, entity.cursor, before) & set(found)
                assert not old, f"{len(old)} records came that had not changed since, such as {min(old)}"
            again = _newest(connector, entity, entity.cursor)
            assert again >= before, f"the newest cursor went back from {before} to {again}"
        connector.close()

    @check
    def test_a_deletion_is_seen(self, kit: Kit, service: Service, proxy: FaultyProxy) -> None:
        """A deleted record is read no more; a source with a feed of deletions tells of it."""
        if service.delete is None:
            return
        wired = _Wired(service, proxy)
        connector = wired.connector
        since = connector.clock() if isinstance(connector, SourceClock) else None
        if isinstance(connector, Deletions):
            with kit.about("clock"):
                assert since is not None, (
                    "`deleted` is never asked where the source does not tell its time: add `clock`"
                )
        key = service.delete()
        with kit.about("read"):
            assert key not in wired.read()[0], f"{key} is deleted and still read"
        if isinstance(connector, Deletions) and since is not None:
            with kit.about("feed"):
                told = connector.deleted(wired.entity, since)
                assert told is None or key in told.keys, f"{key} is not in the feed"
                assert told is None or told.until >= since, (
                    f"`until` is {told.until}, before {since}, when it was asked"
                )
        connector.close()

    @check
    def test_a_closed_connector_says_so_or_connects_again(self, kit: Kit, service: Service, proxy: FaultyProxy) -> None:
        wired = _Wired(service, proxy)
        wired.connector.close()
        wired.connector.close()
        with kit.about("after close"), contextlib.suppress(GroundwireError):
            wired.read()


def _older(wired: _Wired, cursor: str, before: Any) -> set[Any]:
    """The keys of records whose cursor is below this value."""
    names = (*wired.entity.primary_key, cursor)
    types = {n: wired.entity.field(n).type for n in names}
    rows: list[Any] = []
    for batch in wired.connector.scan(Scan(entity=wired.entity, fields=names, types=types), ScanReport()):
        rows += zip(*(c.to_pylist() for c in batch.columns), strict=True)
    return {row[:-1] for row in rows if row[-1] is not None and row[-1] < before}


def _newest(connector: Connector, entity: Entity, cursor: str) -> Any:
    """The greatest value of the cursor."""
    types = {cursor: entity.field(cursor).type}
    values: list[Any] = []
    for batch in connector.scan(Scan(entity=entity, fields=(cursor,), types=types), ScanReport()):
        values += [v for v in batch.column(0).to_pylist() if v is not None]
    return max(values)
