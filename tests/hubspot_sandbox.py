"""A sandbox that speaks HubSpot's CRM API on loopback: properties, lists, search with its limits, batches, associations.

Source: HubSpot developer documentation, CRM API v3 and v4, "Search the CRM" (limits), "Error handling".
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any

from json_server import Asked, JSONServer, Reply

TOKEN = "pat-eu1-5e5e5e5e-token"
Row = dict[str, Any]


class Refused(Exception):
    def __init__(self, status: int, category: str, message: str) -> None:
        self.status, self.category = status, category
        super().__init__(message)


class HubSpotSandbox(JSONServer):
    """In memory.

    Args:
        properties: by object, as the properties API gives them.
        records: by object; each `{"id": 1, "properties": {...}}` with text values, archived ones with `archivedAt`.
        pairs: associated ids by pair of objects, each with its labels.
        most_results: that a search gives.
    """

    def __init__(
        self,
        properties: Mapping[str, list[Row]],
        records: Mapping[str, list[Row]],
        pairs: Mapping[tuple[str, str], list[tuple[int, int]]] | None = None,
        *,
        most_results: int = 10_000,
    ) -> None:
        super().__init__(self._reply)
        self.properties = properties
        self.records = {name: sorted(rows, key=lambda r: int(r["id"])) for name, rows in records.items()}
        self.pairs = pairs or {}
        self.most_results = most_results

    def of(self, *parts: str) -> list[Asked]:
        """Requests whose path ends so."""
        return [r for r in self.requests if r.path.endswith("/".join(parts))]

    def delete(self, name: str) -> int:
        """Archive the last record and give its id."""
        row = next(r for r in reversed(self.records[name]) if "archivedAt" not in r)
        row["archivedAt"] = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return int(row["id"])

    def _reply(self, asked: Asked) -> Reply:
        headers = {
            "X-HubSpot-RateLimit-Daily": "250000",
            "X-HubSpot-RateLimit-Daily-Remaining": str(250_000 - len(self.requests)),
        }
        try:
            if asked.headers.get("authorization") != f"Bearer {TOKEN}":
                raise Refused(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
            return Reply(json=self._route(asked), headers=headers)
        except Refused as error:
            body = {"status": "error", "message": str(error), "correlationId": "c-1", "category": error.category}
            return Reply(status=error.status, json=body, headers=headers)

    def _route(self, asked: Asked) -> Any:
        parts = asked.path.strip("/").split("/")
        match parts:
            case ["account-info", "v3", "details"]:
                return {"portalId": 1234, "timeZone": "Europe/Berlin"}
            case ["crm", "v3", "properties", name] if name in self.properties:
                return {"results": self.properties[name]}
            case ["crm", "v3", "owners"]:
                owners = [
                    {"id": str(i), "email": f"o{i}@example.com", "firstName": "O", "lastName": None} for i in (7, 8)
                ]
                return {"results": owners}
            case ["crm", "v4", "associations", one, other, "labels"]:
                if (one, other) not in self.pairs:
                    raise Refused(400, "VALIDATION_ERROR", "these objects are not associated")
                return {"results": [{"category": "HUBSPOT_DEFINED", "typeId": 1, "label": None}]}
            case ["crm", "v4", "associations", one, other, "batch", "read"]:
                return self._associations(one, other, asked.json())
            case ["crm", "v3", "objects", name] if name in self.records:
                return self._list(name, asked.query)
            case ["crm", "v3", "objects", name, "search"] if name in self.records:
                return self._search(name, asked.body)
            case ["crm", "v3", "objects", name, "batch", "read"] if name in self.records:
                return self._batch(name, asked.json())
        raise Refused(404, "OBJECT_NOT_FOUND", "resource not found")

    def _shown(self, row: Row, names: list[str]) -> Row:
        values = {n: row["properties"].get(n) for n in names if n != "hs_object_id"}
        return {"id": str(row["id"]), "properties": {**values, "hs_object_id": str(row["id"])}} | (
            {"archivedAt": row["archivedAt"]} if "archivedAt" in row else {}
        )

    def _list(self, name: str, query: Mapping[str, str]) -> Any:
        limit = int(query.get("limit", 10))
        if limit > 100:
            raise Refused(400, "VALIDATION_ERROR", "limit must be at most 100")
        archived = query.get("archived") == "true"
        found = [
            r for r in self.records[name] if ("archivedAt" in r) == archived and r["id"] > int(query.get("after", 0))
        ]
        names = [n for n in query.get("properties", "").split(",") if n]
        body: Row = {"results": [self._shown(r, names) for r in found[:limit]]}
        if len(found) > limit:
            body["paging"] = {"next": {"after": str(found[limit - 1]["id"]), "link": "https://api.hubapi.com/other"}}
        return body

    def _batch(self, name: str, body: Any) -> Any:
        if len(body["inputs"]) > 100:
            raise Refused(400, "VALIDATION_ERROR", "at most 100 inputs")
        known = {r["id"]: r for r in self.records[name] if "archivedAt" not in r}
        ids = [int(i["id"]) for i in body["inputs"]]
        missing = [str(i) for i in ids if i not in known]
        error = {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": "Could not get some objects",
            "context": {"ids": missing},
        }
        results = [self._shown(known[i], body["properties"]) for i in ids if i in known]
        return {"status": "COMPLETE", "results": results, **({"errors": [error]} if missing else {})}

    def _associations(self, one: str, other: str, body: Any) -> Any:
        """At most three of a record on a page, to be paged even with few."""
        results = []
        for entry in body["inputs"]:
            after = int(entry.get("after", 0))
            to = [b for a, b in self.pairs[one, other] if a == int(entry["id"])]
            if not to:
                continue
            types = [{"category": "HUBSPOT_DEFINED", "typeId": 1}, {"category": "USER_DEFINED", "typeId": 9}]
            found: Row = {"from": {"id": entry["id"]}}
            found["to"] = [{"toObjectId": b, "associationTypes": types} for b in to[after : after + 3]]
            if len(to) > after + 3:
                found["paging"] = {"next": {"after": str(after + 3)}}
            results.append(found)
        return {"status": "COMPLETE", "results": results}

    # -- search ----------------------------------------------------------------------------

    def _search(self, name: str, content: bytes) -> Any:
        body = json.loads(content)
        groups = [g["filters"] for g in body.get("filterGroups", ())]
        if len(content) > 3000:
            raise Refused(400, "VALIDATION_ERROR", "the request is longer than 3000 characters")
        if len(groups) > 5 or any(len(g) > 6 for g in groups) or sum(map(len, groups)) > 18:
            raise Refused(400, "VALIDATION_ERROR", "too many filters")
        if body["limit"] > 200 or int(body.get("after", 0)) + body["limit"] > self.most_results:
            raise Refused(400, "VALIDATION_ERROR", "no more than 10,000 results")
        if len(body.get("sorts", ())) > 1:
            raise Refused(400, "VALIDATION_ERROR", "one sort at most")
        kinds = {p["name"]: p["type"] for p in self.properties[name]} | {"hs_object_id": "number"}
        live = [r for r in self.records[name] if "archivedAt" not in r]
        found = [r for r in live if not groups or any(all(_matches(r, f, kinds) for f in g) for g in groups)]
        start = int(body.get("after", 0))
        page = found[start : start + body["limit"]]
        shown: Row = {"total": len(found), "results": [self._shown(r, body["properties"]) for r in page]}
        if len(found) > start + body["limit"]:
            shown["paging"] = {"next": {"after": str(start + body["limit"])}}
        return shown


def _matches(row: Row, f: Row, kinds: Mapping[str, str]) -> bool:
    """As HubSpot compares: text without case; a record without the value differs from every value."""
    name, operator = f["propertyName"], f["operator"]
    kind = kinds[name]
    raw = str(row["id"]) if name == "hs_object_id" else row["properties"].get(name)
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return (raw not in (None, "")) == (operator == "HAS_PROPERTY")
    if raw in (None, ""):
        return operator in ("NEQ", "NOT_IN")
    if operator in ("IN", "NOT_IN"):
        if kind in ("string", "enumeration") and any(v != v.lower() for v in f["values"]):
            raise Refused(400, "VALIDATION_ERROR", "values of IN must be lowercase")
        return (_key(raw, kind) in [_key(v, kind) for v in f["values"]]) == (operator == "IN")
    return _COMPARE[operator](_key(raw, kind), _key(f["value"], kind))


def _key(raw: str, kind: str) -> Any:
    if kind == "number":
        return float(raw)
    if kind == "datetime":
        return int(raw) if raw.isdigit() else round(dt.datetime.fromisoformat(raw).timestamp() * 1000)
    return raw.lower()


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "EQ": lambda a, b: bool(a == b),
    "NEQ": lambda a, b: bool(a != b),
    "LT": lambda a, b: bool(a < b),
    "LTE": lambda a, b: bool(a <= b),
    "GT": lambda a, b: bool(a > b),
    "GTE": lambda a, b: bool(a >= b),
}
