"""ERPNext on loopback: Frappe's REST API over records in memory, as a site of version 15 on MariaDB answers.

Filters are evaluated as `prepare_filter_condition` writes them into SQL, stand-ins for missing values included, and texts
are compared as MariaDB's `utf8mb4_unicode_ci` does. Sources: Frappe Framework documentation, "REST API";
`frappe/model/db_query.py`, `frappe/client.py`, `frappe/desk/reportview.py`, `frappe/exceptions.py`.
"""

from __future__ import annotations

import datetime as dt
import json
import operator
import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from json_server import Asked, JSONServer, Reply

KEY, SECRET = "a1b2c3d4e5f6a7b", "s3cr3t/+=0123456"
USER = "reader@example.com"
Row = dict[str, Any]

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_NUMBERS = {"Int", "Float", "Currency", "Percent", "Check"}
_STANDARD = {
    "name": "Data",
    "owner": "Link",
    "creation": "Datetime",
    "modified": "Datetime",
    "modified_by": "Link",
    "docstatus": "Int",
    "idx": "Int",
    "parent": "Data",
    "parenttype": "Data",
    "parentfield": "Data",
}


def field(name: str, kind: str, label: str = "", **more: Any) -> Row:
    return {"fieldname": name, "fieldtype": kind, "label": label, "permlevel": 0, **more}


class Refused(Exception):
    """An exception of Frappe's."""

    def __init__(self, name: str, status: int, message: str) -> None:
        super().__init__(message)
        self.name, self.status = name, status


class ERPNextSandbox(JSONServer):
    """As a context manager.

    Args:
        metas: DocTypes by name, as `getdoctype` describes them.
        records: by DocType; moments without a zone, amounts as `Decimal`.
        zone: told by the site.
        manager: whether the user may list DocTypes and read Deleted Document.
    """

    def __init__(
        self, metas: Mapping[str, Row], records: Mapping[str, list[Row]], *, zone: str = "UTC", manager: bool = True
    ) -> None:
        super().__init__(self._serve)
        self.metas = metas
        self.records = {**records, "Deleted Document": []}
        self.zone = zone
        self.manager = manager
        self.forbidden: set[str] = set()
        self.hidden: set[str] = set()
        """Names of records that user permissions hide."""

    def delete(self, doctype: str, at: dt.datetime) -> str:
        """Delete a record as Frappe does, and give its name."""
        name = str(self.records[doctype].pop(5)["name"])
        gone = {"name": f"del-{name}", "deleted_name": name, "deleted_doctype": doctype, "creation": at, "modified": at}
        self.records["Deleted Document"].append(gone)
        return name

    # -- routes ----------------------------------------------------------------------------

    def _serve(self, asked: Asked) -> Reply:
        try:
            proof = asked.headers.get("authorization", "")
            if proof != f"token {KEY}:{SECRET}":
                raise Refused("AuthenticationError", 401, "")
            return Reply(json=self._route(asked))
        except Refused as error:
            return Reply(status=error.status, json=self._shown(error))

    def _shown(self, error: Refused) -> Row:
        trace = f"Traceback (most recent call last):\n  api_secret = {SECRET!r}\n{error.name}: {error}"
        told = json.dumps({"message": f"<b>{error}</b>", "title": "Message", "indicator": "red", "raise_exception": 1})
        return {
            "exc_type": error.name,
            "exception": f"frappe.exceptions.{error.name}: {error}",
            "exc": json.dumps([trace]),
            **({"_server_messages": json.dumps([told])} if str(error) else {}),
        }

    def _route(self, asked: Asked) -> Any:
        given: Row = dict(asked.query)
        if asked.method == "POST":
            given |= asked.json()
        match asked.path.strip("/").split("/"):
            case ["api", "resource", doctype] if asked.method == "GET":
                return {"data": self._list(doctype, given)}
            case ["api", "method", "frappe.client.get_list"]:
                return {"message": self._list(given.pop("doctype"), given)}
            case ["api", "method", "frappe.desk.reportview.get_count"]:
                rows = self._found(given["doctype"], _parsed(given.get("filters") or "[]"), None)
                return {"message": len(rows)}
            case ["api", "method", "frappe.client.get_count"]:  # disregards what the user may not see
                hidden, self.hidden = self.hidden, set()
                try:
                    return {"message": len(self._found(given["doctype"], _parsed(given.get("filters") or "[]"), None))}
                finally:
                    self.hidden = hidden
            case ["api", "method", "frappe.desk.form.load.getdoctype"]:
                return self._doctype(given["doctype"])
            case ["api", "method", "frappe.auth.get_logged_user"]:
                return {"message": USER}
            case ["api", "method", "frappe.client.get_time_zone"]:
                return {"message": {"time_zone": self.zone}}
            case ["api", "method", "frappe.utils.change_log.get_versions"]:
                apps = {"frappe": ("Frappe Framework", "15.80.0"), "erpnext": ("ERPNext", "15.70.1")}
                return {"message": {k: {"title": t, "version": v} for k, (t, v) in apps.items()}}
        raise Refused("ValidationError", 417, "Failed to get method")

    def _doctype(self, name: str) -> Any:
        if name not in self.metas:
            raise Refused("DoesNotExistError", 404, f"DocType {name} not found")
        own = self.metas[name]
        children = [self.metas[f["options"]] for f in own["fields"] if f["fieldtype"].startswith("Table")]
        return {"docs": [own, *children], "user_settings": "{}"}

    # -- lists -----------------------------------------------------------------------------

    def _list(self, doctype: str, given: Row) -> list[Row]:
        names = _parsed(given.get("fields") or '["name"]')
        rows = self._found(doctype, _parsed(given.get("filters") or "[]"), given.get("parent"))
        kinds = self._fields(doctype)
        for name in names:
            if name not in kinds:
                raise Refused("DataError", 417, f"Field not permitted in query: {name}")
        for part in reversed(str(given.get("order_by") or "modified desc").split(",")):
            name, _, way = part.strip().partition(" ")
            rows.sort(key=lambda r: _sortable(r[name]), reverse=way == "desc")
        start, length = int(given.get("limit_start") or 0), int(given.get("limit_page_length", 20))
        rows = rows[start : start + length] if length else rows[start:]
        shown = {n for n in names if kinds[n].get("permlevel", 0) == 0}
        return [{n: _told(r[n]) for n in names if n in shown} for r in rows]

    def _fields(self, doctype: str) -> Mapping[str, Row]:
        standard = {n: field(n, k) for n, k in _STANDARD.items()}
        if doctype == "DocType":
            return standard | {n: field(n, "Check") for n in ("istable", "issingle", "is_virtual")}
        if doctype == "Deleted Document":
            return standard | {n: field(n, "Data") for n in ("deleted_name", "deleted_doctype")}
        return standard | {f["fieldname"]: f for f in self.metas[doctype]["fields"]}

    def _found(self, doctype: str, filters: list[list[Any]], parent: str | None) -> list[Row]:
        private = doctype in ("DocType", "Deleted Document") and not self.manager
        if doctype in self.forbidden or private:
            raise Refused("PermissionError", 403, f"User {USER} does not have access via role permission for {doctype}")
        if doctype == "DocType":
            rows = [
                {"name": n, **{k: int(m.get(k, 0)) for k in ("istable", "issingle", "is_virtual")}}
                for n, m in self.metas.items()
            ]
        elif doctype not in self.records:
            raise Refused("DoesNotExistError", 404, f"DocType {doctype} not found")
        else:
            rows = self.records[doctype]
        if self.metas.get(doctype, {}).get("istable"):
            owns = parent and any(f.get("options") == doctype for f in self.metas[parent]["fields"])
            if not owns or parent in self.forbidden:
                raise Refused("PermissionError", 403, "")
        kinds = self._fields(doctype)
        for name, *_ in filters:
            if name not in kinds:
                raise Refused("DataError", 417, f"Field not permitted in query: {name}")
        return [
            r
            for r in rows
            if r["name"] not in self.hidden and all(_fits(kinds[n]["fieldtype"], r[n], op, v) for n, op, v in filters)
        ]


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _told(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat(" ", "microseconds")
    if isinstance(value, dt.timedelta):
        return str(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def _sortable(value: Any) -> Any:
    return (value is not None, collated(value) if isinstance(value, str) else value)


def collated(text: str) -> str:
    """A text as `utf8mb4_unicode_ci` compares it: no case, no accents, no spaces at the end, one sign for all others."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return re.sub("[\U00010000-\U0010ffff]", "\ufffd", plain.casefold()).rstrip(" ")


def _fits(kind: str, stored: Any, op: str, value: Any) -> bool:
    """One filter, as the SQL that Frappe makes of it decides."""
    if op == "is":
        missing = stored is None or (isinstance(stored, str) and collated(stored) == "")
        return missing is (value == "not set")
    if op in ("in", "not in"):
        listed = [str(v).strip() for v in value]
        if kind in _NUMBERS:
            inside = float(stored or 0) in [float(v) for v in listed]
        else:
            inside = collated(str(stored or "")) in [collated(v) for v in listed]
        return inside is (op == "in")
    if op == "like":
        return stored is not None and _like(value, stored)
    if op == "=" and value and stored is None:
        return False
    if kind in _NUMBERS:
        return _COMPARE[op](Decimal(stored or 0), Decimal(repr(float(value))))
    if kind == "Date":
        return _COMPARE[op](stored or dt.date(1, 1, 1), dt.date.fromisoformat(value))
    if kind == "Datetime":
        return _COMPARE[op](stored or dt.datetime(1, 1, 1), dt.datetime.fromisoformat(value))
    return _COMPARE[op](collated(str(stored or "")), collated(str(value)))


def _like(pattern: str, text: str) -> bool:
    """MariaDB's LIKE without case; Frappe doubles its escape sign, so that it is a letter."""
    wild = {"%": ".*", "_": "."}
    fold = [re.sub("[\U00010000-\U0010ffff]", "\ufffd", t.casefold()) for t in (pattern, text)]
    return re.fullmatch("".join(wild.get(c) or re.escape(c) for c in fold[0]), fold[1], re.DOTALL) is not None
