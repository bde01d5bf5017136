"""The hub's data over HTTP: `/query` as JSON, Arrow or CSV, `/entities`, `/status`.

Every answer says in its headers whether it is complete, whether it was cut off, and as of when it is true; and says it
again where it has a place for it: in JSON, in the metadata of Arrow's schema, and in a last line of CSV that no reader
takes for a record.
"""

from __future__ import annotations

import threading
import time
from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from groundwire.agents import serve_formats as formats
from groundwire.agents.mcp_tools import described, state_of
from groundwire.agents.retrieval import retriever
from groundwire.agents.serve_asker import Asker, Asking
from groundwire.agents.serve_errors import documented
from groundwire.agents.serve_tally import Tally
from groundwire.agents.serve_waiting import in_thread
from groundwire.core.catalog import Entity
from groundwire.core.errors import GroundwireError, UnknownName
from groundwire.core.result import Result

router = APIRouter(tags=["data"])

ROWS = 1_000
"""Rows of a result where the request says nothing."""
ENTITIES = 100


class Queried(BaseModel):
    """What is asked of `/query`."""

    model_config = ConfigDict(extra="forbid")

    sql: Annotated[str, Field(description="one SELECT; see docs/query-language.md")]
    max_age: Annotated[str | float | None, Field(description="oldest acceptable data: seconds, 30s, 5m, 2h, 1d")] = None
    limit: Annotated[int, Field(ge=0, description="rows at most; more are said to exist")] = ROWS
    on_error: Annotated[
        Literal["raise", "incomplete", "stale"] | None, Field(description="what becomes of a source that fails")
    ] = None
    timeout: Annotated[float | None, Field(gt=0, le=3600, description="seconds")] = None


_RESULTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The rows with their proof",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            formats.ARROW: {"schema": {"type": "string", "format": "binary"}},
            formats.CSV: {"schema": {"type": "string"}},
        },
        "headers": {
            "Groundwire-Complete": {"schema": {"type": "string", "enum": ["true", "false"]}},
            "Groundwire-Truncated": {"schema": {"type": "string", "enum": ["true", "false"]}},
            "Groundwire-Stale": {"schema": {"type": "string", "enum": ["true", "false"]}},
            "Groundwire-Rows": {"schema": {"type": "integer"}},
            "Groundwire-As-Of": {"schema": {"type": "string", "format": "date-time"}},
        },
    }
}


@router.post("/query", response_class=Response, responses={**_RESULTS, **documented(400, 403, 406, 500, 502, 503)})
async def query(asked: Queried, asker: Asking, request: Request) -> Response:
    """The answer to one SELECT: JSON, Arrow's stream or CSV, as the Accept header wants it."""
    kind = formats.wanted(request.headers.get("accept", ""))
    most = request.app.state.settings.rows
    tally: Tally = request.app.state.tally
    began = time.monotonic()
    try:
        result = await in_thread(request, lambda stop: read(asker, asked, min(asked.limit, most), stop))
    except GroundwireError as error:
        tally.queried(asker.name, asked.sql, time.monotonic() - began, error)
        raise
    tally.queried(asker.name, asked.sql, time.monotonic() - began, result)
    return _response(result, kind)


def read(asker: Asker, asked: Queried, limit: int, stop: threading.Event) -> Result:
    """The result of a query."""
    longest = asker.hub.config.limits.timeout
    return asker.hub.query(
        asked.sql,
        max_age=asked.max_age,
        limit=limit,
        on_error=asked.on_error,
        timeout=None if asked.timeout is None else min(asked.timeout, longest),
        stop=stop,
    )


def _response(result: Result, kind: str) -> Response:
    headers = formats.headers_of(result)
    if kind == formats.JSON:
        return Response(formats.json_of(result), media_type=kind, headers=headers)
    parts = formats.arrow_of(result) if kind == formats.ARROW else formats.csv_of(result)
    if kind == formats.CSV:
        headers["Content-Disposition"] = 'attachment; filename="result.csv"'
        kind += "; charset=utf-8"
    return StreamingResponse(parts, media_type=kind, headers=headers)


class _Sql(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sql: str


class _Plan(BaseModel):
    plan: Annotated[str, Field(description="what each source executes itself, and what is joined here")]


@router.post("/explain", responses=documented(400, 403, 500, 502, 503))
async def explain(asked: _Sql, asker: Asking, request: Request) -> _Plan:
    """The plan of a query, which reads no data."""
    return _Plan(plan=await in_thread(request, lambda stop: asker.hub.explain(asked.sql)))


class _Entities(BaseModel):
    entities: list[dict[str, Any]]
    next: Annotated[str | None, Field(description="where the next page begins: `after` of the next request")]


@router.get("/entities", responses=documented(400, 403, 500, 502, 503))
async def entities(
    asker: Asking,
    request: Request,
    search: Annotated[str, Query(max_length=1000, description="words; the entities that fit best come first")] = "",
    after: Annotated[str, Query(max_length=1000, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = ENTITIES,
) -> _Entities:
    """What can be asked for, by name or by words, without fields."""

    def find(stop: threading.Event) -> _Entities:
        catalog = asker.hub.catalog
        if search:
            return _Entities(entities=[_short(e) for e in retriever(catalog).rank(search)[:limit]], next=None)
        left = sorted((e for e in catalog if e.full_name > after), key=lambda e: e.full_name)
        page = left[:limit]
        return _Entities(entities=[_short(e) for e in page], next=page[-1].full_name if len(left) > len(page) else None)

    return await in_thread(request, find)


@router.get("/entities/{name}", responses=documented(400, 403, 404, 500, 502, 503))
async def entity(name: str, asker: Asking, request: Request) -> dict[str, Any]:
    """One entity: its fields, values and relations."""

    def describe(stop: threading.Event) -> dict[str, Any]:
        try:
            return described(asker.hub.catalog.entity(name))
        except UnknownName as error:
            raise HTTPException(404, str(error)) from None

    return await in_thread(request, describe)


@router.get("/status", responses=documented(403, 500, 502, 503))
async def status(asker: Asking, request: Request) -> dict[str, Any]:
    """Which systems answer, and of when local copies are."""
    return await in_thread(request, lambda stop: state_of(asker.hub), _CHECKS)


_CHECKS = anyio.CapacityLimiter(4)


def _short(entity: Entity) -> dict[str, Any]:
    return {
        "entity": entity.full_name,
        "label": entity.label,
        "description": entity.description,
        "fields": len(entity.fields),
        "rows": entity.rows,
    }
