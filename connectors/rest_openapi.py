"""A first description of a REST API, drafted from its OpenAPI 3 document for a person to finish.

What a document says of types, enumerations, parameters and authentication is taken over. What it can't say is left
out or marked: whether a filter is exact (drafts say loose), which pages come next where parameters have unusual names,
and what is beneath a path with parameters in it.

Source: OpenAPI Specification 3.0 and 3.1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from groundwire.connectors.http_wire import origin
from groundwire.core.errors import ConfigError

LARGEST = 32 * 2**20
"""Bytes of a document that is fetched, at most."""
_DEEPEST = 12
_MOST_NESTED = 2

_OFFSETS = ("offset", "skip", "start", "startindex", "limit_start")
_NUMBERS = ("page", "page_number", "pagenumber", "pageno")
_CURSORS = ("cursor", "after", "starting_after", "page_token", "pagetoken", "next_token", "continuation")
_LIMITS = ("limit", "per_page", "perpage", "page_size", "pagesize", "top", "take", "count", "size", "max_results")
_LISTS = ("data", "items", "results", "records", "value", "values", "entries", "content")
_TOTALS = ("total", "total_count", "totalcount", "count", "total_results", "totalelements", "total_items")
_NEXT_CURSORS = ("next_cursor", "nextcursor", "next_page_token", "nextpagetoken", "next_token", "cursor", "after")
_NEXT_LINKS = ("next", "next_url", "nexturl", "next_page_url", "next_link", "nextlink")
_CHANGED = ("updated_at", "updatedat", "modified_at", "modified", "last_modified", "lastmodified", "updated")
_LATER = re.compile(r"(?P<field>.+?)(?:_(?:gte|from|since|after|min)|\[gte\]|\.gte)$", re.IGNORECASE)


@dataclass
class _Found:
    """One entity as it is put together."""

    name: str
    body: dict[str, Any]
    paging: dict[str, Any] | None
    notes: list[str] = field(default_factory=list)


def read_document(source: str) -> dict[str, Any]:
    """An OpenAPI document from a file or an http address, as JSON or YAML.

    Raises:
        ConfigError: it can't be read, or is no OpenAPI 3 document.
    """
    text = _fetched(source) if origin(source) else _from_file(Path(source))
    try:
        found = json.loads(text)
    except ValueError:
        try:
            found = yaml.safe_load(text)
        except yaml.YAMLError:
            raise ConfigError(f"{source} is neither JSON nor YAML") from None
    except RecursionError:
        raise ConfigError(f"{source} is nested too deeply") from None
    try:
        json.dumps(found, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{source} holds half a character (a lone surrogate)") from None
    except (ValueError, TypeError, RecursionError):
        raise ConfigError(f"{source} refers to itself, or is nested too deeply") from None
    if not isinstance(found, dict) or not str(found.get("openapi", "")).startswith("3."):
        raise ConfigError(f"{source} is no OpenAPI 3 document")
    return found


def _from_file(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"can't read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not UTF-8") from None


def _fetched(url: str) -> str:
    parts, size = [], 0
    try:
        with httpx.stream("GET", url, timeout=30, follow_redirects=False, trust_env=False) as response:
            if response.status_code != 200:
                raise ConfigError(f"HTTP {response.status_code} in place of the document")
            for part in response.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > LARGEST:
                    raise ConfigError(f"the document is larger than {LARGEST:,} bytes")
            return b"".join(parts).decode()
    except (httpx.HTTPError, UnicodeDecodeError) as error:
        raise ConfigError(f"the document can't be fetched ({type(error).__name__})") from None


def draft(document: Mapping[str, Any]) -> str:
    """A description as YAML, with comments on what a person has to look at.

    Raises:
        ConfigError: the document describes no list of records.
    """
    resolved = _Document(document)
    try:
        found, skipped = resolved.entities()
        head = {"url": resolved.address(), "authentication": resolved.authentication()}
    except (TypeError, AttributeError, KeyError, ValueError, IndexError, RecursionError):
        raise ConfigError("the document is no valid OpenAPI 3: a part of it is of another kind") from None
    if not found:
        raise ConfigError("the document describes no path whose answer to GET is a list of records")
    pagings = [e.paging for e in found if e.paging]
    common = max(pagings, key=pagings.count) if pagings else {"kind": "none"}
    for entity in found:
        if (entity.paging or {"kind": "none"}) != common:
            entity.notes.append("its paging differs from the one above")
    body: dict[str, Any] = {**head, "paging": common}
    return _commented(body, found, skipped)


def _commented(body: dict[str, Any], found: list[_Found], skipped: list[str]) -> str:
    lines = [
        "# Drafted from an OpenAPI document. Look at: keys, cursors, paging, and which filters are exact",
        "# (they are loose until you write `pushdown: exact`: then the very rows of SQL are promised).",
        _yaml(body),
        "entities:",
    ]
    for entity in found:
        lines += [f"  # {note}" for note in entity.notes]
        lines += ["  " + line for line in _yaml({entity.name: entity.body}).splitlines()]
    if skipped:
        lines += ["# Left out, since their paths need a value:", *(f"#   {path}" for path in skipped)]
    return "\n".join(lines) + "\n"


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110).rstrip()


class _Document:
    """A document with its references resolved as they are met."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.root = document

    def address(self) -> str:
        servers = self.root.get("servers") or [{}]
        url = str(servers[0].get("url", ""))
        for name, variable in (servers[0].get("variables") or {}).items():
            url = url.replace("{" + name + "}", str(variable.get("default", "")))
        return url.rstrip("/") if origin(url) else "https://api.example.com" + url.rstrip("/")

    def authentication(self) -> dict[str, Any]:
        schemes = self.resolved((self.root.get("components") or {}).get("securitySchemes") or {})
        for scheme in map(self.resolved, schemes.values()):
            kind, how = scheme.get("type"), str(scheme.get("scheme", "")).lower()
            flows = scheme.get("flows") or {}
            if kind == "http" and how in ("bearer", "basic"):
                return {"kind": how}
            if kind == "apiKey" and scheme.get("in") in ("header", "query"):
                return {"kind": scheme["in"], "name": scheme.get("name", "X-API-Key")}
            if kind == "oauth2" and origin(str(flows.get("clientCredentials", {}).get("tokenUrl", ""))):
                return {"kind": "oauth", "token_url": flows["clientCredentials"]["tokenUrl"]}
        return {"kind": "none"}

    def entities(self) -> tuple[list[_Found], list[str]]:
        """What can be read, and the paths that need a value."""
        found: dict[str, _Found] = {}
        skipped = []
        for path, item in (self.root.get("paths") or {}).items():
            operation = self.resolved(item).get("get")
            listed = self.listed(operation) if operation else None
            if operation is None or listed is None:
                continue
            if "{" in path:
                skipped.append(path)
                continue
            name = _name(path)
            while name in found:
                name += "_"
            parameters = [*self.resolved(item).get("parameters", ()), *operation.get("parameters", ())]
            found[name] = self._entity(name, path, operation, listed, [self.resolved(p) for p in parameters])
        return list(found.values()), skipped

    def listed(self, operation: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]] | None:
        """Where the records are in an operation's answer, their schema, and the answer's; None where it has none."""
        responses = operation.get("responses") or {}
        answer = self.resolved(responses.get("200") or responses.get(200) or responses.get("2XX") or {})
        media = next((m for n, m in (answer.get("content") or {}).items() if "json" in n), None)
        if media is None:
            return None
        whole = self.schema(media.get("schema") or {})
        if whole.get("type") == "array":
            records = self.schema(whole.get("items") or {})
            return ("", records, whole) if records.get("properties") else None
        lists = {}
        for name, part in (whole.get("properties") or {}).items():
            inner = self.schema(part)
            if inner.get("type") == "array" and self.schema(inner.get("items") or {}).get("properties"):
                lists[name] = self.schema(inner["items"])
        usual = next((n for n in lists if n.lower() in _LISTS), None) or (
            next(iter(lists)) if len(lists) == 1 else None
        )
        return (usual, lists[usual], whole) if usual else None

    def _entity(
        self,
        name: str,
        path: str,
        operation: Mapping[str, Any],
        listed: tuple[str, dict[str, Any], dict[str, Any]],
        parameters: list[dict[str, Any]],
    ) -> _Found:
        records, schema, whole = listed
        fields = dict(self._fields(schema))
        body: dict[str, Any] = {"path": path}
        if records:
            body["records"] = records
        if operation.get("summary"):
            body["description"] = str(operation["summary"])
        key = next((n for n in fields if n.lower() in ("id", "uuid", "key", f"{name.rstrip('s')}_id".lower())), None)
        if key:
            body["key"] = [key]
        changed = next((n for n, f in fields.items() if n.lower() in _CHANGED and f["type"] == "datetime"), None)
        if changed:
            body["cursor"] = changed
        total = self._answer_path(whole, _TOTALS)
        if total:
            body["count"] = total
        body["fields"] = fields
        query = [p["name"] for p in parameters if p.get("in") == "query" and isinstance(p.get("name"), str)]
        if filters := _filters(query, fields):
            body["filters"] = filters
        body["absent"] = "null"
        found = _Found(name=name, body=body, paging=self._paging(query, whole))
        required = [p["name"] for p in parameters if p.get("in") == "query" and p.get("required")]
        if required:
            found.notes.append(f"needs parameters: {', '.join(required)}")
        if not key:
            found.notes.append("no key was recognised")
        return found

    def _paging(self, query: list[str], whole: Mapping[str, Any]) -> dict[str, Any] | None:
        known = {n.lower(): n for n in query}

        def first(names: tuple[str, ...]) -> str | None:
            return next((known[n] for n in names if n in known), None)

        limit = first(_LIMITS)
        if (offset := first(_OFFSETS)) and limit:
            total = self._answer_path(whole, _TOTALS)
            return {"kind": "offset", "offset": offset, "limit": limit} | ({"total": total} if total else {})
        if page := first(_NUMBERS):
            return {"kind": "page", "page": page, "limit": limit}
        more = {"limit": limit} if limit else {}
        if (cursor := first(_CURSORS)) and (token := self._answer_path(whole, _NEXT_CURSORS)):
            return {"kind": "cursor", "cursor": cursor, "next": token, **more}
        if link := self._answer_path(whole, _NEXT_LINKS):
            return {"kind": "link", "next": link, **more}
        return None

    def _answer_path(self, whole: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
        """The path of a value of one of these names, at the top of an answer or one step below."""
        properties = {n: self.schema(p) for n, p in (whole.get("properties") or {}).items()}
        for name, part in properties.items():
            if name.lower() in names and "properties" not in part and part.get("type") != "array":
                return str(name)
        for name, part in properties.items():
            for below in part.get("properties") or {}:
                if below.lower() in names:
                    return f"{name}.{below}"
        return None

    # -- schemas ---------------------------------------------------------------------------

    def _fields(
        self, schema: Mapping[str, Any], prefix: str = "", depth: int = 0
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        required = set(schema.get("required") or ())
        for name, raw in (schema.get("properties") or {}).items():
            part, path = self.schema(raw), f"{prefix}{name}"
            if part.get("properties") and depth < _MOST_NESTED:
                yield from self._fields(part, f"{path}.", depth + 1)
                continue
            described: dict[str, Any] = {"type": _type(part)}
            if "." in path or not path.isidentifier():
                described["path"] = path
            if part.get("description"):
                described["description"] = " ".join(str(part["description"]).split())[:200]
            values = [v for v in part.get("enum") or () if isinstance(v, str)]
            if values and described["type"] == "text":
                described["values"] = values
            if name in required and not depth and not _nullable(part):
                described["required"] = True
            yield re.sub(r"\W", "_", path), described

    def schema(self, raw: Any, depth: int = 0) -> dict[str, Any]:
        """A schema without references, its `allOf` merged and its nullable alternative chosen."""
        found = dict(self.resolved(raw)) if isinstance(raw, Mapping) else {}
        if depth > _DEEPEST:
            return {}
        for part in found.pop("allOf", ()):
            more = self.schema(part, depth + 1)
            found["properties"] = {**more.get("properties", {}), **found.get("properties", {})}
            found["required"] = [*more.get("required", ()), *found.get("required", ())]
            found = {**more, **found}
        for word in ("oneOf", "anyOf"):
            choices = [self.schema(c, depth + 1) for c in found.pop(word, ())]
            real = [c for c in choices if c.get("type") != "null"]
            if len(real) == 1:
                found = {**real[0], **found, "nullable": len(real) < len(choices) or bool(found.get("nullable"))}
        kinds = found.get("type")
        if isinstance(kinds, list):  # 3.1 writes null as a type
            found["nullable"] = "null" in kinds
            found["type"] = next((k for k in kinds if k != "null"), "string")
        if "properties" in found and not found["properties"]:
            del found["properties"]
        return found

    def resolved(self, part: Any) -> dict[str, Any]:
        """What a reference within the document means.

        Raises:
            ConfigError: it leads nowhere, or out of the document.
        """
        for _ in range(_DEEPEST):
            if not isinstance(part, Mapping) or "$ref" not in part:
                return dict(part) if isinstance(part, Mapping) else {}
            reference = str(part["$ref"])
            if not reference.startswith("#/"):
                raise ConfigError(f"the reference {reference[:100]!r} leads out of the document: bundle it first")
            part = self.root
            for step in reference[2:].split("/"):
                step = step.replace("~1", "/").replace("~0", "~")
                if not isinstance(part, Mapping) or step not in part:
                    raise ConfigError(f"the reference {reference[:100]!r} leads nowhere")
                part = part[step]
        raise ConfigError("references go round in a circle")


def _name(path: str) -> str:
    words = [w for w in path.split("/") if w and not re.fullmatch(r"v\d+|api", w)]
    return re.sub(r"\W", "_", words[-1].removesuffix(".json")) if words else "records"


def _type(schema: Mapping[str, Any]) -> str:
    kind, form = schema.get("type"), schema.get("format")
    if kind == "string":
        return {"date": "date", "date-time": "datetime", "time": "time"}.get(str(form), "text")
    return {"integer": "integer", "number": "number", "boolean": "boolean"}.get(str(kind), "json")


def _nullable(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("nullable"))


def _filters(query: list[str], fields: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Parameters that are named like a field, and those that are named like its beginning."""
    found: dict[str, dict[str, str]] = {}
    known = {n.lower(): n for n in fields}
    for name in query:
        if name.lower() in known and fields[known[name.lower()]]["type"] != "json":
            found.setdefault(known[name.lower()], {})["="] = name
            continue
        later = _LATER.fullmatch(name)
        about = later and next(
            (known[n] for n in (later["field"].lower(), later["field"].lower() + "_at") if n in known), None
        )
        if about and fields[about]["type"] in ("date", "datetime", "integer", "number"):
            found.setdefault(about, {})[">="] = name
    return found
