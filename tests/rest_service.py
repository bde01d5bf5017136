"""A small web shop's JSON API on loopback, with every usual paging and authentication; `DESCRIPTION` is its YAML."""

from __future__ import annotations

import base64
import datetime as dt
import threading
from typing import Any
from urllib.parse import urlencode

from json_server import Asked, JSONServer, Reply

from groundwire.connectors.testing_oracle import HOSTILE_TEXTS

TOKEN = "shop-t0ken/=+secret"
STATES = ("open", "paid", "shipped", None)
NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)

DESCRIPTION = """
url: https://shop.example.com
authentication: {kind: bearer}
paging: {kind: offset, offset: skip, limit: take, size: 50, total: meta.total}
rate: 1000/s
longest_list: 20
entities:
  orders:
    path: /v1/orders
    records: data
    label: Orders
    key: [id]
    cursor: changed_at
    count: meta.total
    parameters: {sort: id}
    fields:
      id: integer
      number: {type: text, label: Order number}
      status: {type: text, values: [open, paid, shipped]}
      customer_id: integer
      total: {type: decimal(2), path: amounts.total}
      weight: number
      gift: boolean
      day: date
      changed_at: {type: datetime, required: true}
      placed: {type: datetime, format: epoch}
      tags: json
    filters:
      id: {=: {parameter: id, pushdown: exact}, in: {parameter: id, join: ",", pushdown: exact}}
      status:
        =: {parameter: status, pushdown: exact}
        in: {parameter: status, join: ",", pushdown: exact}
        is null: {parameter: status, value: "-", pushdown: exact}
        "!=": not_status
      number: {=: number, like: search}
      total: {">=": {parameter: total_from, pushdown: exact}, "<": {parameter: total_below, pushdown: exact}}
      day: {">=": {parameter: day_from, pushdown: exact}}
      changed_at: {">=": {parameter: since, value: "gte:{value}", pushdown: exact}}
      placed: {">": {parameter: placed_after, pushdown: exact}}
    sort: {parameter: sort, fields: [changed_at]}
    relations:
      customer: {to: customers, on: {customer_id: id}}
  customers:
    path: /v1/customers
    records: data
    key: [id]
    fields:
      id: integer
      name: {type: text, required: true}
      city: {type: text, path: address.city}
    absent: null
    relations:
      orders: {to: orders, on: {id: customer_id}, many: true}
"""


def orders(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": i,
            "number": HOSTILE_TEXTS[i % len(HOSTILE_TEXTS)] if i % 3 else f"O-{i:04}",
            "status": STATES[i % 4],
            "customer_id": i % 7 + 1 if i % 11 else None,
            "amounts": {"total": None if i % 13 == 5 else float(i * 19) / 100},
            "weight": None if i % 5 == 0 else i / 8,
            "gift": i % 2 == 0,
            "day": (dt.date(2026, 1, 1) + dt.timedelta(days=i % 40)).isoformat(),
            "changed_at": (NOW - dt.timedelta(minutes=i // 3)).isoformat(),
            "placed": None if i % 9 == 4 else int(NOW.timestamp()) - i * 61,
            "tags": ["a", {"b": i}] if i % 2 else None,
        }
        for i in range(1, count + 1)
    ]


def customers() -> list[dict[str, Any]]:
    found = [{"id": i, "name": f"Customer {i}", "address": {"city": "Graz" if i % 2 else None}} for i in range(1, 8)]
    del found[2]["address"]
    return found


class Shop(JSONServer):
    """As a context manager.

    Args:
        count: orders.
        paging: `offset`, `page`, `cursor`, `next`, `header` or `none`.
        most: records of a page at most, whatever is asked for.
    """

    def __init__(self, count: int = 333, *, paging: str = "offset", most: int = 100) -> None:
        super().__init__(self._serve)
        self.data: dict[str, list[dict[str, Any]]] = {"orders": orders(count), "customers": customers()}
        self.paging = paging
        self.most = most
        self.tokens = {TOKEN}
        self.authentication = "bearer"
        self.logins = 0
        self._lock = threading.Lock()

    def _serve(self, asked: Asked) -> Reply:
        if asked.path == "/oauth/token":
            return self._log_in(asked)
        if not self._may(asked):
            return Reply(status=401, json={"error": "who are you?"})
        _, _, name = asked.path.rpartition("/")
        if name not in self.data or not asked.path.startswith("/v1/"):
            return Reply(status=404, json={"error": "no such thing"})
        rows = [r for r in self.data[name] if _fits(r, asked.query)]
        key = asked.query.get("sort", "id")
        rows.sort(key=lambda r: (r[key.lstrip("-")], r["id"]), reverse=key.startswith("-"))
        return self._paged(asked, rows)

    def _log_in(self, asked: Asked) -> Reply:
        if b"client_secret=" + urlencode({"x": TOKEN}).encode()[2:] not in asked.body:
            return Reply(status=401, json={"error": "invalid_client"})
        with self._lock:
            self.logins += 1
            token = f"access-{self.logins}"
            self.tokens = {token}
        return Reply(json={"access_token": token, "token_type": "bearer", "expires_in": 3600})

    def _may(self, asked: Asked) -> bool:
        sent = asked.headers.get("authorization", "")
        if self.authentication == "basic":
            return sent == "Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode()
        if self.authentication == "query":
            return asked.query.get("key") == TOKEN
        if self.authentication == "header":
            return asked.headers.get("x-shop-key") == TOKEN
        return sent.removeprefix("Bearer ") in self.tokens

    def _paged(self, asked: Asked, rows: list[dict[str, Any]]) -> Reply:
        query, total, headers = asked.query, len(rows), {}
        size = min(int(query.get("take", 50)), self.most)
        start = int(query.get("skip") or query.get("cursor") or 0)
        if self.paging == "page":
            start = (int(query["page"]) - 1) * size
        if self.paging == "none":
            start, size = 0, max(1, total)
        meta: dict[str, Any] = {"total": total, "pages": -(-total // size)}
        if start + size < total and self.paging in ("cursor", "next", "header"):
            following = dict(query) | {"cursor": str(start + size)}
            link = f"{asked.path}?{urlencode(following)}"
            meta |= {"cursor": {"after": str(start + size)}, "next": link}
            headers = {"Link": f'<{link}>; rel="next", </v1>; rel="up"'} if self.paging == "header" else {}
        return Reply(json={"data": rows[start : start + size], "meta": meta}, headers=headers)


def _fits(row: dict[str, Any], query: Any) -> bool:
    """What the API's parameters mean."""
    status = query.get("status")
    if "id" in query and str(row["id"]) not in query["id"].split(","):
        return False
    if status == "-" and row["status"] is not None:
        return False
    if status not in (None, "-") and row["status"] not in status.split(","):
        return False
    if "not_status" in query and row["status"] == query["not_status"]:
        return False
    if "number" in query and row["number"].lower() != query["number"].lower():
        return False
    if "search" in query and query["search"].lower() not in row["number"].lower():
        return False
    total = row.get("amounts", {}).get("total")
    if "total_from" in query and (total is None or total < float(query["total_from"])):
        return False
    if "total_below" in query and (total is None or total >= float(query["total_below"])):
        return False
    if "day_from" in query and row["day"] < query["day_from"]:
        return False
    since = query.get("since", "").removeprefix("gte:")
    if since and dt.datetime.fromisoformat(row["changed_at"]) < dt.datetime.fromisoformat(since):
        return False
    return not ("placed_after" in query and (row["placed"] is None or row["placed"] <= int(query["placed_after"])))
