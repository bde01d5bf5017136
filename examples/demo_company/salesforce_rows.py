"""Single records of the Salesforce sandbox: read, made, and changed under a condition.

Source: REST API Developer Guide ("sObject Rows", "Conditional Request Headers", error codes); Object Reference (Task,
FeedItem).
"""

from __future__ import annotations

import datetime as dt
import threading
from email.utils import parsedate_to_datetime
from typing import Any

from groundwire.demo.crm_data import PICKLISTS

Record = dict[str, Any]

_NEW = {
    "Task": ("00T", ("Subject", "Status", "Priority", "ActivityDate", "WhoId", "WhatId", "OwnerId", "Description")),
    "FeedItem": ("0D5", ("ParentId", "Body")),
}
"""What can be made: the first letters of its ids, and its fields."""
_REQUIRED = {"FeedItem": ("ParentId", "Body"), "Task": ()}
_SYSTEM = ("Id", "CreatedDate", "SystemModstamp")


class RowError(Exception):
    """A request that Salesforce would refuse, with status and error code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code = status, code
        super().__init__(message)


class Rows:
    """The records of a sandbox, one at a time.

    Args:
        data: records by object; objects that can be made and are not in it are kept beside it.
    """

    def __init__(self, data: dict[str, list[Record]]) -> None:
        self.data = data
        self.data.setdefault("FeedItem", [])
        self._lock = threading.Lock()

    def read(self, name: str, identity: str, fields: list[str]) -> Record:
        """A record, with these of its fields or all."""
        record = self._record(name, identity)
        for field in fields:
            if field not in record:
                raise RowError(400, "INVALID_FIELD", f"No such column '{field}' on sobject of type {name}")
        shown = {f: record[f] for f in fields or record} | {"Id": record["Id"]}
        return {"attributes": {"type": name}, **shown}

    def complete(self, name: str, query: str) -> None:
        """Give every record of an object those of its usual fields that a query names and none has had so far."""
        for field in _NEW[name][1] if name in _NEW else ():
            if field in query:
                for row in self.data[name]:
                    row.setdefault(field, None)

    def create(self, name: str, values: Record) -> Record:
        """Make a record.

        Raises:
            RowError: an object or a field that there is not, or one that is missing.
        """
        if name not in _NEW:
            raise RowError(404, "NOT_FOUND", "The requested resource does not exist")
        prefix, known = _NEW[name]
        for field in values:
            if field not in known:
                raise RowError(400, "INVALID_FIELD", f"No such column '{field}' on sobject of type {name}")
        for field in _REQUIRED[name]:
            if not values.get(field):
                raise RowError(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{field}]")
        now = _now()
        with self._lock:
            rows = self.data.setdefault(name, [])
            template = dict.fromkeys([*(rows[0] if rows else ()), *known])
            made = {
                **template,
                **{f: _typed(template_of(rows, f), v) for f, v in values.items()},
                "Id": f"{prefix}{900_000 + len(rows):012d}AAA",
                "CreatedDate": now,
                "SystemModstamp": now,
            }
            for row in rows:
                for field in made:
                    row.setdefault(field, None)
            rows.append(made)
        return made

    def update(self, name: str, identity: str, values: Record, unmodified_since: str | None = None) -> None:
        """Change a record, unless it was modified after that moment.

        Raises:
            RowError: 412 where it was; a field that there is not, or a value that is not among those of a list.
        """
        record = self._record(name, identity)
        with self._lock:
            if unmodified_since is not None:
                modified = record["SystemModstamp"].replace(microsecond=0)
                if modified > parsedate_to_datetime(unmodified_since):
                    raise RowError(412, "PRECONDITION_FAILED", "The record was modified since")
            for field, value in values.items():
                if field not in record or field in _SYSTEM:
                    raise RowError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", f"Unable to change the field {field}")
                picks = PICKLISTS.get((name, field))
                if picks and value not in picks:
                    raise RowError(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", f"{field}: bad value: {value}")
            record.update({f: _typed(record[f], v) for f, v in values.items()})
            record["SystemModstamp"] = _now()

    def _record(self, name: str, identity: str) -> Record:
        found = next((r for r in self.data.get(name, ()) if r["Id"] == identity), None)
        if found is None:
            raise RowError(404, "NOT_FOUND", "The requested resource does not exist")
        return found


def template_of(rows: list[Record], field: str) -> Any:
    """A value of this field, None where no record has one."""
    return next((r[field] for r in rows if r.get(field) is not None), None)


def _typed(like: Any, value: Any) -> Any:
    """JSON's text as a date, where the field holds dates."""
    if isinstance(like, dt.date) and not isinstance(like, dt.datetime) and isinstance(value, str):
        return dt.date.fromisoformat(value)
    return value


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)
