"""A sandbox that speaks Salesforce's REST API on loopback, for the demo and the tests.

No Salesforce can be had offline. This one is reached by the real `simple-salesforce` client: OAuth
client credentials, `describe`, SOQL with relationship paths and aggregates, `queryMore` locators, query jobs of
Bulk API 2.0, `deleted`/`updated`, single records that are read, made and changed under a condition, limits, and the
vendor's error bodies.

Source: Salesforce REST API Developer Guide (query, describe, sObject Rows, conditional requests, error bodies, limits).
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import json
import secrets
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from groundwire.demo import soql
from groundwire.demo.bulk_jobs import BulkJobs, JobError
from groundwire.demo.crm_data import PICKLISTS, REFERENCES, Record, records
from groundwire.demo.salesforce_rows import RowError, Rows

LABELS = {"Segment__c": "Segment", "Renewal_Date__c": "Renewal Date", "OwnerId": "Owner ID", "StageName": "Stage"}


class SalesforceSandbox:
    """A server in this process; use it as a context manager.

    Args:
        data: records by object; the demo company's without it.
        page_size: records in one page of a query.
        port: 0 takes a free one.
    """

    def __init__(self, data: dict[str, list[Record]] | None = None, *, page_size: int = 2000, port: int = 0) -> None:
        self.data = data if data is not None else records(dt.date.today())
        self.page_size = page_size
        self.client_id, self.client_secret = "groundwire-demo", secrets.token_hex(8)
        self.certificate, self.username = "", "reader@example.com"
        self.sessions: set[str] = set()
        self.cursors: dict[str, tuple[list[Record], str]] = {}
        self.requests: list[str] = []
        self.deletions: dict[str, list[tuple[str, dt.datetime]]] = {}
        self.bulk = BulkJobs(page_size)
        self.rows = Rows(self.data)
        sandbox = self

        class Handler(_Handler):
            owner = sandbox

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), name="salesforce", daemon=True)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def bearer(self, grant: str, assertion: str) -> bool:
        """Whether a token is signed by the key of the certificate that the app knows (`certificate`, in PEM)."""
        import jwt

        if grant != "urn:ietf:params:oauth:grant-type:jwt-bearer" or not self.certificate:
            return False
        try:
            said = jwt.decode(
                assertion, self.certificate, algorithms=["RS256"], audience="https://login.salesforce.com"
            )
        except jwt.PyJWTError:
            return False
        return said["iss"] == self.client_id and said.get("sub") == self.username

    def new_session(self) -> str:
        """A session id that requests may carry."""
        token = "00D" + secrets.token_hex(16)
        self.sessions.add(token)
        return token

    def delete(self, name: str, identity: str) -> Record:
        """Move a record to the recycle bin, from where the feed of deletions tells of it for a month."""
        record = next(r for r in self.data[name] if r["Id"] == identity)
        self.data[name] = [r for r in self.data[name] if r is not record]
        self.deletions.setdefault(name, []).append((identity, dt.datetime.now(dt.UTC)))
        return record

    def describe(self, name: str) -> dict[str, Any]:
        """An object's metadata as the API gives it."""
        sample = self.data[name]
        fields = []
        for field in sample[0] if sample else {"Id": ""}:
            fields.append(self._describe_field(name, field))
        children = [
            {"childSObject": o, "field": f, "relationshipName": "Opportunities" if o == "Opportunity" else f"{o}s"}
            for (o, f), (_, targets) in REFERENCES.items()
            if name in targets and (o, f) in {(o2, "AccountId") for o2 in self.data}
        ]
        return {
            "name": name,
            "label": name,
            "custom": False,
            "queryable": True,
            "fields": fields,
            "childRelationships": children,
            "recordTypeInfos": [
                {
                    "recordTypeId": r["Id"],
                    "name": r["Name"],
                    "developerName": r["DeveloperName"],
                    "active": r["IsActive"],
                    "master": False,
                }
                for r in self.data.get("RecordType", ())
                if r["SobjectType"] == name
            ],
        }

    def _describe_field(self, name: str, field: str) -> dict[str, Any]:
        values = [r[field] for r in self.data[name] if r.get(field) is not None]
        reference = REFERENCES.get((name, field))
        picks = PICKLISTS.get((name, field), ())
        kind = "id" if field == "Id" else "reference" if reference else "picklist" if picks else _kind(values)
        return {
            "name": field,
            "label": LABELS.get(field, field),
            "type": kind,
            "nillable": any(r.get(field) is None for r in self.data[name]),
            "custom": field.endswith("__c"),
            "filterable": True,
            "sortable": True,
            "groupable": kind not in ("double", "currency", "datetime"),
            "aggregatable": True,
            "restrictedPicklist": bool(picks),
            "picklistValues": [{"value": p, "label": p, "active": True} for p in picks],
            "referenceTo": list(reference[1]) if reference else [],
            "relationshipName": reference[0] if reference else None,
            "inlineHelpText": None,
            "scale": 2 if kind == "currency" else 0,
            "precision": 18,
        }


def _kind(values: list[Any]) -> str:
    first = values[0] if values else ""
    if isinstance(first, bool):
        return "boolean"
    if isinstance(first, int):
        return "int"
    if isinstance(first, float):
        return "currency"
    if isinstance(first, dt.datetime):
        return "datetime"
    return "date" if isinstance(first, dt.date) else "string"


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code = status, code
        super().__init__(message)


class _Handler(BaseHTTPRequestHandler):
    owner: SalesforceSandbox
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet, or the client's delayed ACK holds each answer up for 40 ms
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        return

    def do_POST(self) -> None:
        body = self._body()
        if not self.path.startswith("/services/oauth2/token"):
            self._answer(lambda: self._changed(body))
            return
        form = urllib.parse.parse_qs(body.decode())
        by_secret = (form.get("client_id"), form.get("client_secret"))
        known = by_secret == ([self.owner.client_id], [self.owner.client_secret])
        if not known and not self.owner.bearer(form.get("grant_type", [""])[0], form.get("assertion", [""])[0]):
            self._send(400, {"error": "invalid_client", "error_description": "invalid client credentials"})
        else:
            self._send(
                200, {"access_token": self.owner.new_session(), "instance_url": self.owner.url, "token_type": "Bearer"}
            )

    def do_PATCH(self) -> None:
        body = self._body()
        self._answer(lambda: self._changed(body))

    def do_GET(self) -> None:
        split = urllib.parse.urlsplit(self.path)
        parts, query = split.path.rstrip("/").split("/")[3:], urllib.parse.parse_qs(split.query)
        self._answer(lambda: self._route(parts, query))

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, answer: Callable[[], None]) -> None:
        """Answer whoever has a session, or say what is wrong."""
        self.owner.requests.append(urllib.parse.unquote(self.path))
        try:
            if self.headers.get("Authorization", "").removeprefix("Bearer ") not in self.owner.sessions:
                raise _Refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
            answer()
        except (_Refused, JobError, RowError) as error:
            self._send(error.status, [{"errorCode": error.code, "message": str(error)}])
        except soql.SoqlError as error:
            self._send(400, [{"errorCode": error.code, "message": str(error)}])

    def _changed(self, body: bytes) -> None:
        """Query jobs are made and aborted, records made and changed; everything else is read-only here."""
        owner = self.owner
        match [self.command, *self.path.rstrip("/").split("/")[4:]]:
            case ["POST", "jobs", "query"]:
                made = owner.bulk.make(json.loads(body), lambda q: soql.run(q, owner.data, REFERENCES))
                self._send(200, made)
            case ["PATCH", "jobs", "query", job] if json.loads(body) == {"state": "Aborted"}:
                self._send(200, owner.bulk.abort(job))
            case ["POST", "sobjects", name]:
                made = owner.rows.create(name, json.loads(body))
                self._send(201, {"id": made["Id"], "success": True, "errors": []})
            case ["PATCH", "sobjects", name, identity]:
                owner.rows.update(name, identity, json.loads(body), self.headers.get("If-Unmodified-Since"))
                self._send_bytes(204, b"", {})
            case _:
                raise _Refused(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{self.command}' not allowed.")

    def _route(self, parts: list[str], query: dict[str, list[str]]) -> None:
        owner = self.owner
        match parts[1:]:
            case []:
                self._send(200, {"sobjects": f"/services/data/{parts[0]}/sobjects"})
            case ["sobjects"]:
                self._send(200, {"sobjects": [{"name": n, "label": n, "queryable": True} for n in owner.data]})
            case ["sobjects", name, "describe"] if name in owner.data:
                self._send(200, owner.describe(name))
            case ["sobjects", name, ("deleted" | "updated") as what] if name in owner.data:
                body = self._deleted(name, query) if what == "deleted" else {"ids": [r["Id"] for r in owner.data[name]]}
                self._send(200, {**body, "latestDateCovered": _wire(dt.datetime.now(dt.UTC))})
            case ["sobjects", name, identity]:
                fields = query.get("fields", [""])[0]
                self._send(200, owner.rows.read(name, identity, [f for f in fields.split(",") if f]))
            case ["jobs", "query", job]:
                self._send(200, owner.bulk.look(job))
            case ["jobs", "query", job, "results"]:
                text, headers = owner.bulk.results(job, query)
                self._send_bytes(
                    200, gzip.compress(text), {"Content-Type": "text/csv", "Content-Encoding": "gzip"} | headers
                )
            case ["jobs", "query", job, "resultPages"]:
                self._send(200, owner.bulk.pages(job, query, f"/services/data/{parts[0]}"))
            case ["limits"]:
                self._send(200, {"DailyApiRequests": {"Max": 15000, "Remaining": 15000 - len(owner.requests)}})
            case ["query"]:
                selected, _, rest = query.get("q", [""])[0].partition(" FROM ")
                owner.rows.complete(rest.split(" ")[0], selected)
                rows = soql.run(query.get("q", [""])[0], owner.data, REFERENCES)
                locator = "0r8" + secrets.token_hex(6)
                name = query["q"][0].upper().split(" FROM ")[1].split()[0]
                real = next(n for n in owner.data if n.upper() == name)
                grouped = bool(rows) and any("." not in k and k not in owner.data[real][0] for k in rows[0])
                owner.cursors[locator] = (rows, "AggregateResult" if grouped else real)
                self._page(parts[0], locator, 0)
            case ["query", cursor]:
                locator, _, start = cursor.rpartition("-")
                if locator not in owner.cursors:
                    raise _Refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
                self._page(parts[0], locator, int(start))
            case _:
                raise _Refused(404, "NOT_FOUND", "The requested resource does not exist")

    def _deleted(self, name: str, query: dict[str, list[str]]) -> dict[str, Any]:
        """REST API Developer Guide, "Get Deleted": a window of more than a minute within the last 30 days."""
        try:
            start, end = (dt.datetime.fromisoformat(query[k][0].replace("Z", "+00:00")) for k in ("start", "end"))
        except (KeyError, ValueError):
            raise _Refused(400, "INVALID_REPLICATION_DATE", "start and end must be dates with times") from None
        if end - start <= dt.timedelta(minutes=1) or dt.datetime.now(dt.UTC) - start > dt.timedelta(days=30):
            raise _Refused(400, "INVALID_REPLICATION_DATE", "the window is too short, or begins too long ago")
        found = [{"id": i, "deletedDate": _wire(at)} for i, at in self.owner.deletions.get(name, ()) if at >= start]
        return {"deletedRecords": found, "earliestDateAvailable": _wire(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))}

    def _page(self, version: str, locator: str, start: int) -> None:
        owner = self.owner
        rows, name = owner.cursors[locator]
        end = start + owner.page_size
        body: dict[str, Any] = {
            "totalSize": len(rows),
            "done": end >= len(rows),
            "records": [_nested(row, name) for row in rows[start:end]],
        }
        if end < len(rows):
            body["nextRecordsUrl"] = f"/services/data/{version}/query/{locator}-{end}"
        self._send(200, body)

    def _send(self, status: int, body: Any) -> None:
        content = json.dumps(body, default=_wire).encode()
        self._send_bytes(status, content, {"Content-Type": "application/json;charset=UTF-8"})

    def _send_bytes(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Sforce-Limit-Info", f"api-usage={len(self.owner.requests)}/15000")
        self.end_headers()
        self.wfile.write(content)


def _wire(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return str(value.isoformat()) if isinstance(value, dt.date) else str(value)


def _nested(row: Record, name: str) -> Record:
    """`{"Owner.Name": x}` as the API nests it, with `attributes`."""
    made: Record = {"attributes": {"type": name}}
    if name == "AggregateResult":
        return made | {path.rpartition(".")[2]: value for path, value in row.items()}
    for path, value in row.items():
        at, parts = made, path.split(".")
        if isinstance(value, soql.Absent):
            parts, value = parts[: value.steps], None
        for part in parts[:-1]:
            at = at.setdefault(part, {"attributes": {"type": part}})
        at[parts[-1]] = value
    return made


def main() -> None:
    """Serve until the process is stopped; writes address and credentials to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready-file", type=Path, required=True)
    arguments = parser.parse_args()
    with SalesforceSandbox(port=arguments.port) as sandbox:
        partial = arguments.ready_file.with_suffix(".part")
        partial.touch(mode=0o600)
        note = {"url": sandbox.url, "client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
        partial.write_text(json.dumps(note))
        partial.replace(arguments.ready_file)
        threading.Event().wait()


if __name__ == "__main__":
    main()
