"""The kit's proxy: what it is not told to change passes as it is, whatever the real server speaks."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from groundwire.connectors.testing_proxy import Fault, FaultyProxy


class _Echo(BaseHTTPRequestHandler):
    """Says what it was asked, and where the next page is: in headers and in the body, by the host that it was asked at."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        return

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        there = f"http://{self.headers['Host']}/v1/things?page=2"
        asked: dict[str, Any] = {"method": self.command, "path": self.path, "body": body, "next": there}
        content = json.dumps({**asked, "headers": {k.lower(): v for k, v in self.headers.items()}}).encode()
        packed = "packed" in self.path
        content = gzip.compress(content) if packed else content
        self.send_response(204 if self.command == "DELETE" else 200)
        self.send_header("Content-Type", "application/json")
        if packed:
            self.send_header("Content-Encoding", "gzip")
        for name, value in (("Next-Page", there), ("Link", f'<{there}>; rel="next"'), ("Total-Records", "7")):
            self.send_header(name, value)
        for value in ("a=1", "b=2"):
            self.send_header("Set-Cookie", value)
        if self.command != "DELETE":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command not in ("HEAD", "DELETE"):
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer


@dataclass
class Between:
    """A client whose requests go to the echo through the proxy."""

    proxy: FaultyProxy
    client: httpx.Client

    def ask(self, method: str, path: str = "/things", **more: Any) -> httpx.Response:
        return self.client.request(method, self.proxy.url + path, **more)


@pytest.fixture
def between() -> Iterator[Between]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    with FaultyProxy(f"http://127.0.0.1:{server.server_address[1]}/v1/") as proxy, httpx.Client(timeout=5) as client:
        yield Between(proxy, client)
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH"])
def test_a_request_reaches_the_server_below_its_path_with_its_headers_and_body(between: Between, method: str) -> None:
    headers = {"Authorization": "Basic eA==", "If-None-Match": '"7"', "X-Tenant": "acme"}
    sent = {} if method == "GET" else {"content": '{"a": 1}'}
    said = between.ask(method, "/things/a%20b?_sort=-x&in_id=%221%22", headers=headers, **sent).json()
    assert (said["method"], said["path"]) == (method, "/v1/things/a%20b?_sort=-x&in_id=%221%22")
    assert said["body"] == ("" if method == "GET" else '{"a": 1}')
    assert {k: v for k, v in said["headers"].items() if k in {h.lower() for h in headers}} == {
        k.lower(): v for k, v in headers.items()
    }
    assert [(r.method, r.path) for r in between.proxy.requests] == [(method, '/v1/things/a b?_sort=-x&in_id="1"')]


def test_a_body_in_chunks_arrives_whole(between: Between) -> None:
    parts = [b"one ", b"two ", b"three" * 1000]
    assert between.ask("POST", content=iter(parts)).json()["body"] == b"".join(parts).decode()


@pytest.mark.parametrize("path", ["/things", "/packed"])
def test_links_in_headers_and_bodies_lead_through_the_proxy(between: Between, path: str) -> None:
    answer = between.ask("GET", path)
    there = f"{between.proxy.url}/things?page=2"
    assert answer.headers["Next-Page"] == there
    assert answer.headers["Link"] == f'<{there}>; rel="next"'
    assert answer.json()["next"] == there
    assert answer.headers.get("Content-Encoding") == ("gzip" if path == "/packed" else None)


def test_every_header_of_an_answer_comes_through_also_where_a_name_comes_twice(between: Between) -> None:
    answer = between.ask("GET")
    assert answer.headers["Total-Records"] == "7"
    assert answer.headers.get_list("Set-Cookie") == ["a=1", "b=2"]
    assert len(answer.headers.get_list("Date")) == len(answer.headers.get_list("Content-Length")) == 1


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("DELETE", 204)])
def test_an_answer_without_a_body_is_its_headers_and_leaves_the_connection_usable(
    between: Between, method: str, status: int
) -> None:
    for _ in range(2):
        answer = between.ask(method)
        assert (answer.status_code, answer.headers["Total-Records"], answer.content) == (status, "7", b"")
        assert between.ask("GET").status_code == 200
    between.proxy.fail(lambda request: request.method == method, Fault(status=500, body=b"broken"))
    assert between.ask("GET").status_code == 200
    assert between.ask(method).status_code == 500


def test_an_answer_that_is_changed_stays_packed(between: Between) -> None:
    between.proxy.fail(lambda _: True, Fault(change=lambda body: body.replace(b"/v1/packed", b"/changed")))
    answer = between.ask("GET", "/packed")
    assert (answer.headers["Content-Encoding"], answer.json()["path"]) == ("gzip", "/changed")


@pytest.mark.parametrize("address", ["127.0.0.1:80", "https://127.0.0.1:80", "localhost"])
def test_an_address_that_it_can_not_stand_before_is_refused_with_what_to_write(address: str) -> None:
    with pytest.raises(ValueError, match="write the server's address as http://127"):
        FaultyProxy(address)
