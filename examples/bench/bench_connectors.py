"""Rows per second of each connector beside the thinnest client that asks for the same pages of the same server.

The client gives dictionaries as the server wrote them, the connector Arrow batches in which every value has been read
as its type (money exact, moments in UTC) and every page has been checked. The server is a process of its own and has
all answers ready, so that what is timed is the client; then the same with a server that takes 50 ms for an answer, as
real ones take at least for a thousand records.

    python examples/bench/bench_connectors.py          # prints markdown
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
from pydantic import SecretStr
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

from groundwire import Hub
from groundwire.connectors.erpnext import ERPNextConnector, ERPNextSettings
from groundwire.connectors.odata import ODataConnector, ODataSettings
from groundwire.connectors.odoo import OdooConnector, OdooSettings
from groundwire.connectors.rest import RestConnector, RestSettings
from groundwire.connectors.salesforce import SalesforceConnector, SalesforceSettings
from groundwire.core import config
from groundwire.core.connector import Connector, Scan, ScanReport

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "tests"))

ROWS, PAGE, ROUNDS = 20_000, 1_000, 7
Client = Callable[[], int]
"""Reads everything and gives the number of records."""
Prepare = Callable[[Mapping[str, str]], tuple[Client, Connector, str, str]]
"""From a server's address and settings: the client, the connector, the entity, and what the client is."""


@contextmanager
def _server(name: str, rows: int = ROWS, seconds: float = 0.0) -> Iterator[Mapping[str, str]]:
    command = [sys.executable, str(HERE / "remembering.py"), name, str(rows), str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.communicate()


# -- each system: the client, the connector, the entity --------------------------------------------


class _Plain(HTTPAdapter):
    """simple-salesforce speaks TLS only; the server here does not."""

    def send(self, request: PreparedRequest, *args: object, **more: object) -> Response:
        request.url = (request.url or "").replace("https://", "http://", 1)
        return super().send(request, *args, **more)


def salesforce(given: Mapping[str, str]) -> tuple[Client, Connector, str, str]:
    names = "Id, Name, Industry, AnnualRevenue, NumberOfEmployees, IsPartner, Since__c, SystemModstamp"
    secret = SecretStr(given["client_secret"])
    settings = SalesforceSettings(
        url=given["url"], client_id=given["client_id"], client_secret=secret, objects=("Account",)
    )
    form = {
        "grant_type": "client_credentials",
        "client_id": given["client_id"],
        "client_secret": given["client_secret"],
    }
    session = httpx.post(f"{given['url']}/services/oauth2/token", data=form).json()
    client = Salesforce(instance_url=given["url"], session_id=session["access_token"], version="59.0")
    client.session.mount("https://", _Plain())

    def read() -> int:
        return len(client.query_all(f"SELECT {names} FROM Account")["records"])

    return read, SalesforceConnector("crm", settings), "Account", "simple-salesforce, query_all"


def odoo(given: Mapping[str, str]) -> tuple[Client, Connector, str, str]:
    from odoo_sandbox import DATABASE, FIELDS, KEY, USER, USER_ID

    url, names = f"{given['url']}/jsonrpc", [n for n, f in FIELDS["sale.order"].items() if f["type"] != "many2many"]
    settings = OdooSettings(
        url=given["url"],
        database=DATABASE,
        username=USER,
        api_key=SecretStr(KEY),
        models=("sale.order",),
        page_rows=PAGE,
    )
    client = httpx.Client()

    def read() -> int:
        count, last = 0, 0
        while True:
            named = {"fields": names, "limit": PAGE, "order": "id asc"}
            args = [DATABASE, USER_ID, KEY, "sale.order", "search_read", [[["id", ">", last]]], named]
            body = {"service": "object", "method": "execute_kw", "args": args}
            rows = client.post(url, json={"jsonrpc": "2.0", "method": "call", "id": 1, "params": body}).json()["result"]
            count += len(rows)
            if len(rows) < PAGE:
                return count
            last = rows[-1]["id"]

    return read, OdooConnector("erp", settings), "sale.order", "httpx, search_read"


def erpnext(given: Mapping[str, str]) -> tuple[Client, Connector, str, str]:
    from erpnext_sandbox import KEY, SECRET

    settings = ERPNextSettings(
        url=given["url"],
        api_key=SecretStr(KEY),
        api_secret=SecretStr(SECRET),
        doctypes=("Sales Invoice",),
        page_rows=PAGE,
    )
    connector = ERPNextConnector("erp", settings)
    names = [f.name for e in connector.discover() if e.name == "sales_invoice" for f in e.fields]
    client = httpx.Client(headers={"Authorization": f"token {KEY}:{SECRET}"})

    def read() -> int:
        count, after = 0, []
        while True:
            asked = {"fields": names, "filters": after, "limit_page_length": PAGE, "order_by": "name asc"}
            params = {n: v if isinstance(v, str) else json.dumps(v) for n, v in asked.items()}
            rows = client.get(f"{given['url']}/api/resource/Sales Invoice", params=params).json()["data"]
            count += len(rows)
            if len(rows) < PAGE:
                return count
            after = [["name", ">", rows[-1]["name"]]]

    return read, connector, "sales_invoice", "httpx, /api/resource"


def rest(given: Mapping[str, str]) -> tuple[Client, Connector, str, str]:
    from rest_service import DESCRIPTION, TOKEN

    file = Path(tempfile.mkdtemp()) / "shop.yaml"
    file.write_text(DESCRIPTION.replace("size: 50", f"size: {PAGE}").replace("rate: 1000/s\n", ""))
    client = httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"})

    def read() -> int:
        count = 0
        while True:
            page = {"sort": "id", "skip": count, "take": PAGE}
            body = client.get(f"{given['url']}/v1/orders", params=page).json()
            count += len(body["data"])
            if count >= body["meta"]["total"]:
                return count

    return (
        read,
        RestConnector("shop", RestSettings(file=file, url=given["url"], token=SecretStr(TOKEN))),
        "orders",
        "httpx",
    )


def odata(given: Mapping[str, str]) -> tuple[Client, Connector, str, str]:
    from cap_server import PASSWORD, USER

    url = f"{given['url']}/odata/v4/sales"
    settings = ODataSettings(
        url=url, username=USER, password=SecretStr(PASSWORD), entities=("Readings",), page_rows=500
    )
    client = httpx.Client(auth=(USER, PASSWORD))

    def read() -> int:
        count, link = 0, "Readings?$select=ID,sensor,value&$orderby=ID"
        while link:
            body = client.get(f"{url}/{link}").json()
            count, link = count + len(body["value"]), body.get("@odata.nextLink", "")
        return count

    return read, ODataConnector("erp", settings), "Readings", "httpx, next links"


# -- measuring -------------------------------------------------------------------------------------


def _read(connector: Connector, name: str) -> Client:
    entity = next(e for e in connector.discover() if e.name == name)
    types = {f.name: f.type for f in entity.fields}

    def read() -> int:
        scan = Scan(entity=entity, fields=tuple(types), types=types)
        return sum(batch.num_rows for batch in connector.scan(scan, ScanReport()))

    return read


def _seconds(read: Client, rows: int) -> float:
    started = time.perf_counter()
    assert read() == rows
    return time.perf_counter() - started


def _counted(connector: Connector, name: str) -> float:
    """What the question how many there are takes, asked of a hub whose catalog is known."""
    with Hub([connector]) as hub:
        sql = f"SELECT COUNT(*) FROM {connector.name}.{name}"
        hub.query(sql, max_age=0)
        times = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            hub.query(sql, max_age=0)
            times.append(time.perf_counter() - started)
        return statistics.median(times)


def _both(prepare: Prepare, seconds: float, rounds: int) -> tuple[str, int, int, float, float, float]:
    """Way, fields, rows, and the least seconds of the client, of the connector, and of a count."""
    with _server(prepare.__name__, seconds=seconds) as given:
        client, connector, name, way = prepare(given)
        ours, rows = _read(connector, name), client()
        assert ours() == rows
        fields = sum(len(e.fields) for e in connector.discover() if e.name == name)
        times = [(_seconds(client, rows), _seconds(ours, rows)) for _ in range(rounds)]
        theirs, mine = (min(t) for t in zip(*times, strict=True))  # the rest is what else the machine did
        return way, fields, rows, theirs, mine, _counted(connector, name)


def _large_schema(models: int) -> None:
    """A hub as a process opens it: the first that asks, and the next one."""
    with _server("large", models) as given, tempfile.TemporaryDirectory() as folder:
        from odoo_sandbox import DATABASE, KEY, USER

        os.environ["GROUNDWIRE_CACHE"] = folder
        source = {
            "type": "odoo",
            "url": given["url"],
            "database": DATABASE,
            "username": USER,
            "api_key": KEY,
            "models": [],
        }
        parsed = config.parse({"sources": {"erp": source}}, base=Path(folder))
        known, query, fields = [], [], 0
        for _ in range(2):
            started = time.perf_counter()
            with Hub.from_parsed(parsed) as hub:
                fields = sum(len(e.fields) for e in hub.catalog)
                known.append(time.perf_counter() - started)
                hub.query("SELECT COUNT(*) FROM big.model7", max_age=0)
                query.append(time.perf_counter() - started - known[-1])
    print(
        f"\n### A schema of {models:,} models with {fields:,} fields\n\nOdoo, every model described. Allowed: 60 s.\n"
    )
    print("| | first process s | next process s |\n|---|---:|---:|")
    print(f"| until the catalog is known | {known[0]:.1f} | {known[1]:.1f} |")
    print(f"| the first query after that | {query[0]:.2f} | {query[1]:.2f} |")


def main() -> None:
    """Measure and print."""
    print(
        "A plain read of everything, the quickest of several. Allowed: 0.9 of the client. Counts are asked of the"
        " system by the hub, and read by the client.\n"
    )
    print(
        "| connector | fields | client | rows/s: client | connector | ratio | at 50 ms an answer | count: client s | hub s |"
    )
    print("|---|---:|---|---:|---:|---:|---:|---:|---:|")
    for prepare in (salesforce, odoo, odata, rest, erpnext):
        way, fields, rows, theirs, mine, count = _both(prepare, 0.0, ROUNDS)
        *_, slow_theirs, slow_mine, _ = _both(prepare, 0.05, 4)
        speeds = f"{rows / theirs:,.0f} | {rows / mine:,.0f} | {theirs / mine:.2f} | {slow_theirs / slow_mine:.2f}"
        print(f"| {prepare.__name__} | {fields} | {way} | {speeds} | {theirs:.2f} | {count:.3f} |", flush=True)
    _large_schema(1_500)


if __name__ == "__main__":
    main()
