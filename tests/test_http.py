"""What every connector over HTTP promises, on the base class alone and over real HTTP."""

from __future__ import annotations

import gzip
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from json_server import Asked, JSONServer, Reply
from pydantic import SecretStr, ValidationError

from groundwire.connectors.http import Answer, Credentials, HTTPConnector, HTTPSettings
from groundwire.connectors.http_wire import basic, joined
from groundwire.connectors.paging import GivenPaginator, NumberPaginator, OffsetPaginator, Page, Paginator, pages
from groundwire.core.catalog import Entity
from groundwire.core.connector import Scan, ScanReport
from groundwire.core.errors import AuthFailed, RateLimited, Rejected, SourceError, Unavailable

SECRET = "s3cr3t/with+signs"


class Settings(HTTPSettings):
    key: SecretStr = SecretStr(SECRET)
    old: tuple[SecretStr, ...] = ()


class Plain(HTTPConnector):
    """The base and a login: a token from the server, or the key in the query."""

    Settings = Settings
    settings: Settings
    renews = True
    by_query = False
    largest_answer = 100_000

    def login(self, report: ScanReport) -> Credentials:
        key = self.settings.key.get_secret_value()
        if self.by_query:
            return Credentials(query={"api_key": key})
        answer = self.checked(self.exchange("GET", "login", credentials=Credentials(headers=basic("me", key))))
        return Credentials(headers={"Authorization": f"Bearer {self.decoded(answer)}"})

    def fault(self, answer: Answer, body: Any) -> SourceError | None:
        if isinstance(body, dict) and "oops" in body:
            return self.error(Rejected, body["oops"], answer)
        return None

    def quota(self, answer: Answer) -> tuple[int, int] | None:
        used = answer.headers.get("X-Used")
        return (int(used), 100) if used else None

    def discover(self) -> list[Entity]:
        return []

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        raise NotImplementedError


class Server(JSONServer):
    """Logs in, and answers what `reply` says; tokens may be ended."""

    def __init__(self) -> None:
        super().__init__(self._serve)
        self.reply: Callable[[Asked], Reply] = lambda asked: Reply(json={"path": asked.path})
        self.tokens: set[str] = set()
        self.logins = 0
        self.login_reply: Reply | None = None

    def _serve(self, asked: Asked) -> Reply:
        if asked.path.endswith("/login"):
            self.logins += 1
            self.tokens.add(f"token-{self.logins}")
            return self.login_reply or Reply(json=f"token-{self.logins}")
        if "api_key" not in asked.query and asked.headers.get("authorization", "")[7:] not in self.tokens:
            return Reply(status=401)
        return self.reply(asked)


class Told:
    """A gate that notes what happens at it."""

    def __init__(self) -> None:
        self.notes: list[Any] = []

    def enter(self, deadline: float | None = None) -> None:
        self.notes.append("enter")

    def told(self, *, retry_after: float | None = None, used: int | None = None, allowed: int | None = None) -> None:
        self.notes.append((retry_after, used, allowed))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def source(server: Server) -> Iterator[Plain]:
    made = Plain("src", Settings(url=f"{server.url}/api/", timeout=5))
    yield made
    made.close()


# -- addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["erp", "ftp://erp/x", "http://", "http://me:pw@erp", "http://erp?key=pw", "http://a:b"]
)
def test_an_address_that_is_none_or_holds_credentials_is_no_setting(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(url=url)
    assert "pw" not in caught.value.errors(include_input=False, include_context=False)[0]["msg"]


def test_paths_are_below_the_address(source: Plain) -> None:
    assert source.get("/things") == source.get("things") == {"path": "/api/things"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_refused_and_nothing_is_sent_there(
    server: Server, source: Plain, status: int
) -> None:
    with JSONServer(lambda _: Reply(json="stolen")) as elsewhere:
        server.reply = lambda _: Reply(status=status, headers={"Location": f"{elsewhere.url}/x?t={SECRET}"})
        with pytest.raises(Rejected, match="not followed; if the system is there now, write that address") as caught:
            source.get("things")
        assert not elsewhere.requests
        assert SECRET not in str(caught.value)


def test_a_redirect_on_the_same_host_is_followed_a_few_times(server: Server, source: Plain) -> None:
    server.reply = lambda asked: (
        Reply(json=1) if asked.path == "/new" else Reply(status=301, headers={"Location": "/new"})
    )
    assert source.get("old") == 1
    with pytest.raises(Rejected, match=r"not followed$"):
        source.post("old", {})
    server.reply = lambda asked: Reply(status=302, headers={"Location": asked.path + "x"})
    with pytest.raises(Rejected, match="for ever"):
        source.get("old")


def test_links_lead_to_the_same_host_or_nowhere(server: Server, source: Plain) -> None:
    page = f"{server.url}/api/things?page=1"
    assert source.link(page, "things?page=2") == f"{server.url}/api/things?page=2"
    assert source.link(page, f"{server.url}/api/x") == f"{server.url}/api/x"
    port = server.url.rpartition(":")[2]
    for link in (
        *("http://127.0.0.2:9/x", "//127.0.0.2/x", server.url.replace("http:", "https:"), "http://127.0.0.1:1/", ""),
        *(f"http://localhost:{port}/x", f"http://me@127.0.0.1:{port}/x", "http://[", "file:///etc/passwd", None, 7),
    ):
        with pytest.raises(Rejected, match="elsewhere"):
            source.link(page, link)
    with pytest.raises(Rejected, match="another host"):
        source.get("http://127.0.0.2:9/x")


@settings(max_examples=500, deadline=None)
@given(
    st.lists(
        st.sampled_from([*"/?#:@.%&=$ []\\\té", "http://", "//", "127.0.0.1", "x.test", "%24top", "..", "a"]),
        max_size=8,
    )
)
@example(["//", "x.test", "/", "a"])
@example(["/", "\\", "x.test"])
def test_a_link_means_what_httpx_takes_it_for(parts: list[str]) -> None:
    page, link = "http://127.0.0.1:8000/odata/Things?$skip=3", "".join(parts)
    try:
        wanted = str(httpx.URL(page).join(link))
    except (httpx.InvalidURL, ValueError):
        wanted = ""
    assert joined(page, link) == wanted


# -- answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(status=400), Rejected),
        (Reply(status=403), AuthFailed),
        (Reply(status=404), Rejected),
        (Reply(status=408), Unavailable),
        (Reply(status=418), Rejected),
        (Reply(status=422), Rejected),
        (Reply(status=429), RateLimited),
        (Reply(status=500), Unavailable),
        (Reply(status=502, body=b"<html>"), Unavailable),
        (Reply(status=503), Unavailable),
        (Reply(status=503, headers={"Retry-After": "7"}), RateLimited),
        (Reply(status=204, body=b""), Rejected),
        (Reply(body=b"<html>welcome</html>"), Rejected),
        (Reply(body=b"[" * 100_000), Rejected),
        (Reply(body=b"[1, 2", sized=False), Unavailable),
        (Reply(body=b"not gzip", headers={"Content-Encoding": "gzip"}), Rejected),
        (Reply(body=b" " * 100_001), Rejected),
        (Reply(body=gzip.compress(b" " * 100_001, mtime=0), headers={"Content-Encoding": "gzip"}), Rejected),
        (Reply(status=302), Rejected),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value)[:60],
)
def test_each_fault_is_the_right_error(server: Server, source: Plain, reply: Reply, kind: type[SourceError]) -> None:
    server.reply = lambda _: reply
    with pytest.raises(SourceError) as caught:
        source.get("things")
    assert type(caught.value) is kind


def test_a_vendors_own_error_is_told_short_and_without_the_secrets_that_it_repeats(
    server: Server, source: Plain
) -> None:
    told = f"key {SECRET} and {source.get('x') and 'token-1'} are not\nallowed " + "x" * 1000
    server.reply = lambda _: Reply(status=422, json={"oops": told})
    with pytest.raises(Rejected, match=r"src: key \*\*\* and \*\*\* are not allowed x+$") as caught:
        source.get("things")
    assert len(str(caught.value)) < 400


def test_numbers_lose_nothing_on_their_way(server: Server, source: Plain) -> None:
    server.reply = lambda _: Reply(body=b'{"amount": 12345678901234567.89}')
    assert str(source.get("things")["amount"]) == "12345678901234567.89"


# -- time ------------------------------------------------------------------------------------


def test_the_deadline_bounds_a_request_and_a_patient_read_outlasts_the_timeout(server: Server) -> None:
    def slow(asked: Asked) -> Reply:
        time.sleep(0.8)
        return Reply(json="late")

    server.reply = slow
    hasty = Plain("src", Settings(url=server.url, timeout=0.3))
    with pytest.raises(Unavailable, match="in time"):
        hasty.get("things")
    assert hasty.get("things", report=ScanReport(patient=True)) == "late"
    with pytest.raises(Unavailable, match="in time"):
        hasty.get("things", report=ScanReport(patient=True, deadline=time.monotonic() + 0.3))
    asked = len(server.requests)
    with pytest.raises(Unavailable, match="time limit"):
        hasty.get("things", report=ScanReport(deadline=time.monotonic() - 1))
    assert len(server.requests) == asked
    hasty.close()


def test_the_servers_clock_is_known_and_requests_are_counted(source: Plain) -> None:
    report = ScanReport()
    source.get("things", report=report)
    assert source.date is not None
    assert report.requests == 1, "the login counts where the connector counts it"


# -- sessions and secrets --------------------------------------------------------------------


def test_a_session_that_ended_is_renewed_once(server: Server, source: Plain) -> None:
    source.get("things")
    server.tokens.clear()
    assert source.get("things") == {"path": "/api/things"}
    assert server.logins == 2
    server.reply = lambda _: Reply(status=401)
    with pytest.raises(AuthFailed):
        source.get("things")
    assert server.logins == 3


def test_refused_credentials_are_sent_once(server: Server, source: Plain) -> None:
    server.login_reply = Reply(status=401)
    for _ in range(3):
        with pytest.raises(AuthFailed):
            source.get("things")
    assert server.logins == 1


def test_a_login_that_fails_for_another_reason_is_tried_again(server: Server, source: Plain) -> None:
    server.login_reply = Reply(status=500)
    with pytest.raises(Unavailable):
        source.get("things")
    server.login_reply = None
    assert source.get("things")


def test_secrets_are_in_no_log_and_no_repr(
    server: Server, source: Plain, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Plain, "by_query", True)
    with caplog.at_level(logging.DEBUG):
        source.get("things", {"a": "b"})
    assert server.requests[-1].query == {"a": "b", "api_key": SECRET}
    assert "/api/things" in caplog.text, "addresses are written to the log"
    for shown in (caplog.text, repr(source.session(ScanReport())), repr(source.settings)):
        assert "s3cr3t" not in shown


def test_credentials_that_no_header_takes_are_told_without_them(server: Server, source: Plain) -> None:
    for token in ("täken", "to\nken"):
        server.login_reply = Reply(json=token)
        source._credentials = None
        with pytest.raises(Rejected) as caught:
            source.get("things")
        assert "ken" not in str(caught.value)


def test_cookies_are_not_kept(server: Server, source: Plain) -> None:
    server.reply = lambda _: Reply(json=1, headers={"Set-Cookie": "session=other-user; Path=/"})
    source.get("things")
    source.get("things")
    assert "cookie" not in server.requests[-1].headers


# -- limits ----------------------------------------------------------------------------------


def test_the_gate_is_entered_before_and_told_after_every_request(server: Server, source: Plain) -> None:
    source.gate = gate = Told()
    server.reply = lambda _: Reply(json=1, headers={"X-Used": "40"})
    source.get("things")
    server.reply = lambda _: Reply(status=429, headers={"Retry-After": "3"})
    with pytest.raises(RateLimited) as caught:
        source.get("things")
    assert caught.value.retry_after == 3
    assert gate.notes == ["enter", (None, None, None), "enter", (None, 40, 100), "enter", (3, None, None)]


# -- pages -----------------------------------------------------------------------------------


def _read(paginator: Paginator[Any], fetch: Callable[[Any], Page]) -> list[int]:
    return [row for page in pages(paginator, fetch, source="src") for row in page.rows]


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 13, 14, 15])
def test_paginators_give_every_record_once(count: int) -> None:
    rows = list(range(count))
    asked: list[Any] = []

    def from_offset(at: int) -> Page:
        asked.append(at)
        return Page(rows=rows[at : at + 7], body={"total": count})

    def from_token(token: str | None) -> Page:
        at = int(token or 0)
        return Page(rows=rows[at : at + 7], body=str(at + 7) if at + 7 < count else "")

    last = -(-count // 7)
    assert _read(OffsetPaginator(7), from_offset) == rows
    assert len(asked) == count // 7 + 1
    asked.clear()
    assert _read(OffsetPaginator(50, total=lambda page: page.body["total"]), from_offset) == rows, "a smaller page"
    assert len(asked) == max(1, last)
    assert _read(NumberPaginator(7), lambda number: from_offset(7 * number - 7)) == rows
    assert _read(NumberPaginator(7, last=lambda _: last), lambda number: from_offset(7 * number - 7)) == rows
    assert _read(GivenPaginator(lambda page: page.body), from_token) == rows


def test_pages_that_go_round_in_a_circle_are_an_error() -> None:
    with pytest.raises(Rejected, match="twice"):
        _read(OffsetPaginator(2), lambda at: Page(rows=[1, 2]))
    turns = iter("abcab")
    with pytest.raises(Rejected, match="circle"):
        _read(GivenPaginator(lambda page: next(turns)), lambda token: Page(rows=[token]))
