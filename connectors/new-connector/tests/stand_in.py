"""A small server that speaks the API on loopback: make it say what Acme's documentation says."""

from __future__ import annotations

import datetime as dt
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "acme-token-0123456789"
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def records() -> dict[str, list[dict[str, Any]]]:
    """What it holds: awkward values on purpose."""
    names = ("Ada", "ada", None, "", "O'Brien", "100%", "東京", "nul", "' OR 1=1 --", "line\nbreak", "x", "y", "z")
    return {
        "customers": [
            {
                "id": i,
                "name": name,
                "changed_at": START + dt.timedelta(hours=i, microseconds=i),
            }
            for i, name in enumerate(names, 1)
        ],
        "orders": [
            {
                "id": i,
                "customer_id": i % 5 + 1 if i % 7 else None,
                "total": f"{i}.{i:02}" if i % 4 else None,
                "due": dt.date(2026, 2, i) if i % 3 else None,
                "paid": (True, False, None)[i % 3],
                "changed_at": START + dt.timedelta(minutes=i),
            }
            for i in range(1, 22)
        ],
    }


class StandIn:
    """The server, as a context manager; `data` is what it holds."""

    def __init__(self) -> None:
        self.data = records()
        owner = self

        class Handler(_Handler):
            server_of = owner

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> StandIn:
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def touch(self) -> tuple[int]:
        """Change an order and give its key."""
        row = self.data["orders"][3]
        row["changed_at"] = START + dt.timedelta(days=1)
        return (row["id"],)

    def delete(self) -> tuple[int]:
        """Delete an order and give its key."""
        return (self.data["orders"].pop(5)["id"],)

    def answer(self, path: str, token: str | None) -> tuple[int, Any]:
        """Status and body."""
        parts = urlsplit(path)
        name, query = parts.path.strip("/"), dict(parse_qsl(parts.query, keep_blank_values=True))
        if token != f"Bearer {TOKEN}":
            return 401, {"error": "unauthorized"}
        if name not in self.data:
            return 404, {"error": "not found"}
        rows = [r for r in self.data[name] if r["id"] > int(query.get("after", 0))]
        if "ids" in query:
            rows = [r for r in rows if str(r["id"]) in query["ids"].split(",")]
        if "changed_since" in query:
            since = dt.datetime.fromisoformat(query["changed_since"])
            rows = [r for r in rows if r["changed_at"] >= since]
        page = rows[: int(query.get("limit", 100))]
        more = {"next": str(page[-1]["id"])} if len(rows) > len(page) else {}
        return 200, {"records": page, **more}


class _Handler(BaseHTTPRequestHandler):
    server_of: StandIn
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def log_message(self, format: str, *args: object) -> None:
        return

    def do_GET(self) -> None:
        status, body = self.server_of.answer(self.path, self.headers.get("Authorization"))
        content = json.dumps(body, default=lambda v: v.isoformat()).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
