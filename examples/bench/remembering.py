"""A server in a process of its own that answers what it was asked before at once: what is timed is the client.

    python examples/bench/remembering.py odoo 20000 0.05   # prints its address, and serves until its input ends

The third argument is how many seconds it takes for an answer.

Behind it stands the sandbox of the tests (or SAP's own server for OData), which each request reaches once.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import json
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "tests"))

NOW = dt.datetime(2026, 3, 1, 12)


def salesforce(rows: int) -> tuple[Any, dict[str, str]]:
    from groundwire.demo.salesforce_sandbox import SalesforceSandbox

    day, moment = dt.date(2026, 1, 1), NOW.replace(tzinfo=dt.UTC)
    accounts = [
        {
            "Id": f"001{i:015}",
            "Name": f"Account {i}",
            "Industry": ("Retail", "Energy", None)[i % 3],
            "AnnualRevenue": i * 1.25,
            "NumberOfEmployees": i % 5000,
            "IsPartner": i % 2 == 0,
            "Since__c": day + dt.timedelta(days=i % 365),
            "SystemModstamp": moment - dt.timedelta(seconds=i),
        }
        for i in range(rows)
    ]
    sandbox = SalesforceSandbox({"Account": accounts})
    return sandbox, {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}


def odoo(rows: int) -> tuple[Any, dict[str, str]]:
    from odoo_sandbox import OdooSandbox

    return OdooSandbox(17, rows), {}


def erpnext(rows: int) -> tuple[Any, dict[str, str]]:
    from test_conformance_erpnext import METAS, ERPNextSandbox, invoices

    found = invoices([f"Invoice {i}" for i in range(rows)])
    for i, row in enumerate(found):
        row["grand_total"] = Decimal(i * 125) / 100
    return ERPNextSandbox(METAS, {"Sales Invoice": found, "Sales Invoice Item": [], "Customer": []}), {}


def rest(rows: int) -> tuple[Any, dict[str, str]]:
    from rest_service import Shop

    return Shop(rows, most=1000), {}


def large(models: int) -> tuple[Any, dict[str, str]]:
    """So many models of 300 fields each, without records."""
    import odoo_sandbox

    kinds = ("char", "integer", "monetary", "date", "datetime", "boolean", "selection", "many2one", "text", "float")
    odoo_sandbox.FIELDS.clear()
    for number in range(models):
        fields = dict(odoo_sandbox.STAMPS)
        for i in range(300 - len(fields)):
            more: dict[str, Any] = (
                {"help": "What people are told of this field, in a sentence or two."} if i % 3 == 0 else {}
            )
            if kinds[i % 10] == "many2one":
                more["relation"] = f"big.model{(number * 7 + i) % models}"
            fields[f"x_field_{i}"] = odoo_sandbox._field(kinds[i % 10], f"Field number {i}", **more)
        odoo_sandbox.FIELDS[f"big.model{number}"] = fields
    sandbox = odoo_sandbox.OdooSandbox(17, 1, administrator=True)
    sandbox.data = {model: [] for model in odoo_sandbox.FIELDS}
    return sandbox, {}


@contextlib.contextmanager
def odata(_: int) -> Iterator[Any]:
    from cap_server import CapServer

    with tempfile.TemporaryDirectory() as folder, CapServer(Path(folder) / "service") as running:
        running.url = f"http://127.0.0.1:{running.port}"
        yield running


class _Front(BaseHTTPRequestHandler):
    upstream = ""
    seconds = 0.0
    known: ClassVar[dict[tuple[str, str, bytes], tuple[int, dict[str, str], bytes]]] = {}
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        return

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = (self.command, self.path, body)
        if asked not in self.known:
            self.known[asked] = self._ask(body)
        status, headers, content = self.known[asked]
        time.sleep(self.seconds)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.upstream, timeout=60)
        sent = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding")}
        connection.request(self.command, self.path, body, sent)
        answer = connection.getresponse()
        dropped = ("content-length", "connection", "transfer-encoding", "keep-alive")
        headers = {k: v for k, v in answer.getheaders() if k.lower() not in dropped}
        content = answer.read().replace(self.upstream.encode(), self.headers["Host"].encode())
        connection.close()
        return answer.status, headers, content


def main(name: str, rows: int, seconds: float) -> None:
    """Serve until the input ends."""
    made = globals()[name](rows)
    sandbox, settings = made if isinstance(made, tuple) else (made, {})
    with sandbox as running:
        _Front.seconds = seconds
        _Front.upstream = urllib.parse.urlsplit(running.url).netloc
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Front)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(json.dumps({"url": f"http://127.0.0.1:{server.server_address[1]}", **settings}), flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
