"""Odoo on loopback: both external APIs over records in memory, as versions 14 to 19 answer.

Stored are nulls and microseconds; told are false and whole seconds. Domains are evaluated by each version's own rules
for missing values. Sources: Odoo's developer documentation, `odoo/osv/expression.py`, `odoo/orm/domains.py`.
"""

from __future__ import annotations

import datetime as dt
import operator
import re
from collections.abc import Mapping
from typing import Any

from json_server import Asked, JSONServer, Reply

from groundwire.connectors.testing_oracle import HOSTILE_TEXTS

KEY = "0doo-k3y/+=secret"
DATABASE, USER, USER_ID = "company", "reader@example.com", 7
NOW = dt.datetime(2026, 3, 1, 12, 0, 0, 250_000)
Row = dict[str, Any]

_COMPARE = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_UNSET: Mapping[str, Any] = {"integer": 0, "float": 0.0, "monetary": 0.0, "boolean": False, "char": "", "text": ""}


def _field(kind: str, label: str, **more: Any) -> Row:
    return {"type": kind, "string": label, "store": True, "required": False, "depends": [], **more}


STAMPS = {
    "id": _field("integer", "ID"),
    "create_date": _field("datetime", "Created on"),
    "write_date": _field("datetime", "Last Updated on"),
}
STATES = [["draft", "Quotation"], ["sale", "Sales Order"], ["cancel", "Cancelled"]]
FIELDS: dict[str, dict[str, Row]] = {
    "res.partner": STAMPS
    | {
        "name": _field("char", "Name", help="Who it is."),
        "active": _field("boolean", "Active"),
        "color": _field("integer", "Color"),
        "customer": _field("boolean", "Is a customer"),
        "credit": _field("monetary", "Credit", store=False, depends=["order_ids"]),
        "comment": _field("html", "Notes"),
        "barcode": _field("char", "Barcode", company_dependent=True),
        "order_ids": _field("one2many", "Orders", relation="sale.order", relation_field="partner_id"),
        "parent_id": _field("many2one", "Company", relation="res.partner"),
    },
    "sale.order": STAMPS
    | {
        "name": _field("char", "Order Reference", required=True),
        "note": _field("text", "Terms"),
        "state": _field("selection", "Status", selection=STATES),
        "partner_id": _field("many2one", "Customer", relation="res.partner"),
        "amount_total": _field("monetary", "Total", depends=["amount_untaxed"]),
        "discount": _field("float", "Discount", digits=[16, 2]),
        "weight": _field("float", "Weight"),
        "priority": _field("integer", "Priority"),
        "locked": _field("boolean", "Locked"),
        "date_order": _field("date", "Order Date"),
        "tag_ids": _field("many2many", "Tags", relation="crm.tag"),
    },
}


def orders(count: int) -> list[Row]:
    day = dt.date(2026, 1, 1)
    return [
        {
            "id": i,
            "name": HOSTILE_TEXTS[i % len(HOSTILE_TEXTS)].replace("\0", "") if i % 3 else f"S{i:05}",
            "note": (None, "", "Anna", "anna", " x ")[i % 5],
            "state": ("draft", "sale", "cancel", None)[i % 4],
            "partner_id": i % 7 + 1 if i % 6 else None,
            "amount_total": None if i % 11 == 3 else (0.0, 0.1 + 0.2)[i % 2] if i % 5 == 0 else round(i * 1.1 - 9, 2),
            "discount": None if i % 9 == 2 else i / 4,
            "weight": None if i % 8 == 1 else (i - 12) / 8,
            "priority": None if i % 7 == 2 else i % 4 - 1,
            "locked": None if i % 5 == 1 else i % 2 == 0,
            "date_order": None if i % 10 == 4 else day + dt.timedelta(days=i % 23),
            "tag_ids": [1, 2],
            "create_date": NOW - dt.timedelta(days=9, seconds=i),
            "write_date": NOW - dt.timedelta(seconds=i // 3, microseconds=i),
        }
        for i in range(1, count + 1)
    ]


def partners() -> list[Row]:
    kept = {"comment": None, "barcode": None, "credit": 12.5, "order_ids": [], "create_date": NOW, "write_date": NOW}
    return [
        {
            "id": i,
            "name": f"Partner {i}" if i != 4 else None,
            "active": i != 6,
            "color": i % 3 or None,
            "customer": (True, False, None)[i % 3],
            "parent_id": 1 if i > 1 else None,
            **kept,
        }
        for i in range(1, 8)
    ]


class Refused(Exception):
    """An error as Odoo names it, with JSON-2's status."""

    def __init__(self, name: str, message: str, status: int) -> None:
        super().__init__(message)
        self.name, self.status = name, status


class OdooSandbox(JSONServer):
    """As a context manager.

    Args:
        version: such as 17; JSON-2 is there from 19 on.
        count: orders.
        administrator: whether the user may read `ir.model`.
    """

    def __init__(self, version: int = 17, count: int = 61, *, administrator: bool = False) -> None:
        super().__init__(self._serve)
        self.version = version
        self.administrator = administrator
        self.data: dict[str, list[Row]] = {"sale.order": orders(count), "res.partner": partners()}
        self.forbidden: set[str] = set()
        self.fields = FIELDS

    # -- transports ------------------------------------------------------------------------

    def _serve(self, asked: Asked) -> Reply:
        if asked.path == "/jsonrpc":
            return self._json_rpc(asked.json())
        if self.version >= 19 and asked.path == "/web/version":
            return Reply(json={"version_info": [self.version, 0, 0, "final", 0, ""], "version": f"{self.version}.0"})
        path = re.fullmatch(r"/json/2/([\w.]+)/(\w+)", asked.path)
        if path is None or self.version < 19:
            return Reply(status=404, body=b"<!doctype html><title>404 Not Found</title>")
        try:
            if asked.headers.get("authorization") != f"bearer {KEY}":
                raise Refused("werkzeug.exceptions.Unauthorized", "Invalid apikey", 401)
            if asked.headers.get("x-odoo-database") != DATABASE:
                raise Refused("werkzeug.exceptions.NotFound", "no such database", 404)
            return Reply(json=self._call(path[1], path[2], dict(asked.json())))
        except Refused as error:
            return Reply(status=error.status, json=self._shown(error))

    def _json_rpc(self, body: Row) -> Reply:
        try:
            found: Any = self._service(**body["params"])
        except Refused as error:
            shown = {"code": 200, "message": "Odoo Server Error", "data": self._shown(error)}
            return Reply(json={"jsonrpc": "2.0", "id": body["id"], "error": shown})
        return Reply(json={"jsonrpc": "2.0", "id": body["id"], "result": found})

    def _shown(self, error: Refused) -> Row:
        trace = f"Traceback (most recent call last):\n  password = {KEY!r}\n{error}"
        return {"name": error.name, "message": str(error), "arguments": [str(error)], "context": {}, "debug": trace}

    def _service(self, service: str, method: str, args: list[Any]) -> Any:
        if service == "common" and method == "version":
            return {"server_version": f"{self.version}.0", "protocol_version": 1}
        if args[0] != DATABASE:
            raise Refused("psycopg2.OperationalError", f'FATAL:  database "{args[0]}" does not exist', 500)
        if service == "common" and method == "login":
            return USER_ID if args[1:] == [USER, KEY] else False
        if args[1:3] != [USER_ID, KEY]:
            raise Refused("odoo.exceptions.AccessDenied", "Access Denied", 403)
        _, _, _, model, called, positional, named = args
        first = {"domain": positional[0]} if positional else {}
        return self._call(model, called, {**first, **named})

    # -- methods ---------------------------------------------------------------------------

    def _call(self, model: str, method: str, given: Row) -> Any:
        context = given.pop("context", {})
        if model == "res.users":
            return [{"id": USER_ID}]
        if model == "ir.model":
            if not self.administrator:
                raise Refused("odoo.exceptions.AccessError", "You are not allowed to access 'Models' (ir.model)", 403)
            return [{"id": i, "model": m} for i, m in enumerate(self.fields, 1)]
        if model not in self.fields:
            name = "werkzeug.exceptions.NotFound" if self.version >= 19 else "builtins.KeyError"
            raise Refused(name, model, 404)
        if method == "fields_get":
            return {n: {k: v for k, v in f.items() if k in given["attributes"]} for n, f in self.fields[model].items()}
        if model in self.forbidden:
            raise Refused("odoo.exceptions.AccessError", f"You are not allowed to access {model!r} records.", 403)
        found = self._search(model, given.get("domain") or [], context)
        if method == "search_count":
            return len(found)
        if method == "search_read":
            assert given.get("order", "id asc") in ("id asc", "id")
            found = found[: given.get("limit")]
            return [{n: self._told(model, n, r) for n in dict.fromkeys(["id", *given["fields"]])} for r in found]
        if method == "read_group":
            return self._groups(model, found, **{k: v for k, v in given.items() if k != "domain"})
        raise Refused("builtins.AttributeError", f"The method {method!r} does not exist", 404)

    def _told(self, model: str, name: str, row: Row) -> Any:
        field = self.fields[model].get(name)
        if field is None:
            raise Refused("builtins.ValueError", f"Invalid field {name!r} on model {model!r}", 422)
        return self._read(field, row[name])

    def _read(self, field: Row, value: Any) -> Any:
        kind = field["type"]
        if value is None:
            return _UNSET[kind] if kind in ("integer", "float", "monetary") else False
        if kind == "many2one":
            return [value, next(r["name"] or "" for r in self.data[field["relation"]] if r["id"] == value)]
        if isinstance(value, dt.datetime):
            return value.strftime("%Y-%m-%d %H:%M:%S")
        return value.isoformat() if isinstance(value, dt.date) else value

    def _groups(self, model: str, rows: list[Row], fields: list[str], groupby: list[str], lazy: bool) -> list[Row]:
        assert not lazy
        groups: dict[tuple[Any, ...], list[Row]] = {} if groupby else {(): []}
        for row in rows:
            groups.setdefault(tuple(row[g] for g in groupby), []).append(row)
        found = []
        for key, members in groups.items():
            told = {g: self._read(self.fields[model][g], v) for g, v in zip(groupby, key, strict=True)}
            for spec in fields:
                name, _, function = spec.partition(":")
                if name != "__count":
                    assert function == "sum"
                    values = [r[name] for r in members if r[name] is not None]
                    told[name] = sum(values) if values else False
            found.append(told | {"__count": len(members), "__domain": []})
        return found

    # -- domains ---------------------------------------------------------------------------

    def _search(self, model: str, domain: list[Any], context: Row) -> list[Row]:
        named = {leaf[0] for leaf in domain if isinstance(leaf, list)}
        for name in named:
            if name not in self.fields[model]:
                raise Refused("builtins.ValueError", f"Invalid field {model}.{name} in leaf", 422)
        tested = "active" in self.fields[model] and context.get("active_test", True) and "active" not in named
        rows = [r for r in self.data[model] if not tested or r["active"]]
        return sorted((r for r in rows if self._fits(model, list(domain), r)), key=lambda r: r["id"])

    def _fits(self, model: str, domain: list[Any], row: Row) -> bool:
        """Prefix form; terms beside each other are all meant."""
        results: list[bool] = []
        for term in reversed(domain):
            if term in ("&", "|"):
                one, other = results.pop(), results.pop()
                results.append((one and other) if term == "&" else (one or other))
            elif term == "!":
                results.append(not results.pop())
            else:
                results.append(self._leaf(self.fields[model][term[0]], term[1], term[2], row[term[0]]))
        return all(results)

    def _leaf(self, field: Row, op: str, right: Any, stored: Any) -> bool:
        kind, later = field["type"], self.version >= 18
        assert field["store"], "only what is stored is searched here"
        unset = _UNSET.get(kind) if later else None
        if kind == "boolean":
            return bool(stored) is ((right is True) is (op == "="))
        if op in ("=", "!=") and right is False:
            missing = stored is None or (later and unset is not None and stored == unset)
            return missing is (op == "=")
        if op in ("in", "not in"):
            listed = [_parsed(kind, v) for v in right]
            inside = stored in listed if stored is not None else later and unset is not None and unset in listed
            if op == "in":
                return inside
            return not inside
        if op == "=like":
            return stored is not None and _like(right, stored)
        value = _parsed(kind, right)
        if op == "!=":
            if stored is None:  # up to 17 a falsy value is compared as in SQL
                return value != unset if later and unset is not None else bool(value)
            return bool(stored != value)
        if stored is None:
            return later and unset is not None and bool(_COMPARE[op](unset, value))
        if self.version >= 19 and kind == "datetime" and op in (">", "<=") and not value.microsecond:
            edge = value + dt.timedelta(seconds=1)  # the whole second is meant
            return bool(stored >= edge) if op == ">" else bool(stored < edge)
        return bool(_COMPARE[op](stored, value))


def _parsed(kind: str, value: Any) -> Any:
    if kind == "datetime":
        return dt.datetime.strptime(value, "%Y-%m-%d %H:%M:%S")
    return dt.date.fromisoformat(value) if kind == "date" else value


def _like(pattern: str, text: str) -> bool:
    """PostgreSQL's LIKE, with its escape."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    found = "".join(wild.get(p) or re.escape(p[-1] if p.startswith("\\") and len(p) > 1 else p) for p in parts)
    return re.fullmatch(found, text, re.DOTALL) is not None
