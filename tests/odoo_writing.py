"""The Odoo sandbox with leads, their stages, activities and messages, which can be made and changed."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from odoo_sandbox import FIELDS, STAMPS, OdooSandbox, Refused, Row, _field

WRITTEN: dict[str, dict[str, Row]] = {
    "crm.stage": STAMPS | {"name": _field("char", "Name")},
    "crm.lead": STAMPS
    | {
        "name": _field("char", "Opportunity", required=True),
        "stage_id": _field("many2one", "Stage", relation="crm.stage"),
        "priority": _field("integer", "Priority"),
    },
    "mail.activity": STAMPS
    | {
        "res_model": _field("char", "Model"),
        "res_id": _field("integer", "Record"),
        "summary": _field("char", "Summary"),
        "note": _field("html", "Note"),
        "date_deadline": _field("date", "Due"),
    },
    "mail.message": STAMPS
    | {
        "model": _field("char", "Model"),
        "res_id": _field("integer", "Record"),
        "body": _field("html", "Contents"),
    },
}
START = dt.datetime(2026, 3, 1, 9, 0, 0)


class WritingOdoo(OdooSandbox):
    """As a context manager. `after` is called when a write has been done and before it is answered."""

    def __init__(self, version: int = 17) -> None:
        super().__init__(version, count=5)
        self.fields = FIELDS | WRITTEN
        self.after: Any = lambda: None
        stamps = {"create_date": START, "write_date": START}
        self.data |= {
            "crm.stage": [{"id": i, "name": n, **stamps} for i, n in enumerate(("New", "Qualified", "Won"), 1)],
            "crm.lead": [{"id": i, "name": f"Lead {i}", "stage_id": 1, "priority": 0, **stamps} for i in range(1, 4)],
            "mail.activity": [],
            "mail.message": [],
        }

    def _service(self, service: str, method: str, args: list[Any]) -> Any:
        """Methods of records come with their ids where others have a domain."""
        if service == "object" and args[4] in ("write", "message_post", "activity_schedule"):
            *_, model, called, positional, named = args
            return self._written(model, called, positional[0], named)
        return super()._service(service, method, args)

    def _call(self, model: str, method: str, given: Row) -> Any:
        if method in ("write", "message_post", "activity_schedule"):
            ids = given.pop("ids")
            return self._written(model, method, ids, given)
        return super()._call(model, method, given)

    def _written(self, model: str, method: str, ids: list[int], given: Row) -> Any:
        given.pop("context", None)
        rows = [r for r in self.data[model] if r["id"] in ids]
        if len(rows) != len(ids):
            raise Refused("odoo.exceptions.MissingError", "Record does not exist or has been deleted.", 404)
        now = START + dt.timedelta(hours=1, seconds=len(self.requests))
        if method == "write":
            for row in rows:
                row.update(given["vals"], write_date=now)
            found: Any = True
        else:
            kind = "mail.message" if method == "message_post" else "mail.activity"
            reference = "model" if method == "message_post" else "res_model"
            made = {n: given[n] for n in ("summary", "note", "body") if n in given}
            if "date_deadline" in given:
                made["date_deadline"] = dt.date.fromisoformat(given["date_deadline"])
            number = len(self.data[kind]) + 1
            empty = dict.fromkeys(WRITTEN[kind])
            stamps = {"create_date": now, "write_date": now}
            self.data[kind].append({**empty, **stamps, **made, "id": number, reference: model, "res_id": ids[0]})
            found = number if method == "message_post" else f"mail.activity({number},)"
        self.after()
        return found

    def _leaf(self, field: Row, op: str, right: Any, stored: Any) -> bool:
        if op == "ilike":
            return stored is not None and re.search(re.escape(right), stored, re.IGNORECASE) is not None
        return super()._leaf(field, op, right, stored)
