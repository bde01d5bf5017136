"""What goes wrong, as statuses and bodies over HTTP: one table, in the form that OpenAI's clients read.

{"error": {"message": "...", "type": "invalid_request_error", "param": null, "code": "unknown_name"}}
"""

from __future__ import annotations

import logging
import math
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from groundwire.agents.serve_asker import TooOften, Unprivileged, Unproved
from groundwire.agents.serve_formats import NotAcceptable
from groundwire.agents.serve_guard import error_body
from groundwire.agents.serve_questions import TookTooLong
from groundwire.agents.turns import Crowded
from groundwire.core import errors
from groundwire.core.freshness import utc_now

log = logging.getLogger(__name__)

_ASKER, _LATER, _SERVER = "invalid_request_error", "rate_limit_error", "server_error"

TABLE: list[tuple[type[Exception], int, str, str]] = [
    (Unproved, 401, "authentication_error", "unproved"),
    (Unprivileged, 403, "permission_error", "unprivileged"),
    (TooOften, 429, _LATER, "too_often"),
    (Crowded, 429, _LATER, "crowded"),
    (TookTooLong, 504, _SERVER, "took_too_long"),
    (errors.UnknownName, 400, _ASKER, "unknown_name"),
    (errors.AmbiguousName, 400, _ASKER, "ambiguous_name"),
    (errors.NotAllowed, 400, _ASKER, "not_allowed"),
    (errors.QueryError, 400, _ASKER, "query"),
    (errors.BudgetSpent, 429, _LATER, "budget_spent"),
    (errors.AuditFailed, 503, _SERVER, "audit_failed"),
    (errors.PolicyError, 403, "permission_error", "policy"),
    (errors.RateLimited, 503, _SERVER, "source_rate_limited"),
    (errors.RetryableError, 503, _SERVER, "source_unavailable"),
    (errors.SourceError, 502, _SERVER, "source_failed"),
    (errors.ModelError, 503, _SERVER, "model"),
    (NotAcceptable, 406, _ASKER, "not_acceptable"),
    (errors.Stopped, 499, _SERVER, "stopped"),
    (errors.GroundwireError, 500, _SERVER, "configuration"),
]
"""The first that fits says the status, OpenAI's type, and our code."""

INTERNAL = "something went wrong in groundwire; its log says what"


class _Error(BaseModel):
    message: str
    type: str
    param: str | None
    code: str


class Failure(BaseModel):
    """The body of every answer that is none."""

    error: _Error


def row_of(error: Exception) -> tuple[int, str, str, str]:
    """Status, message, type and code of an error."""
    for kind, status, type_, code in TABLE:
        if isinstance(error, kind):
            return status, str(error), type_, code
    return 500, INTERNAL, _SERVER, "internal"


def body_of(error: Exception) -> dict[str, Any]:
    """The body of an answer about this error."""
    _, message, type_, code = row_of(error)
    return error_body(message, type_, code)


def response(error: Exception) -> JSONResponse:
    """The answer about an error, which says when to try again and whether."""
    status = row_of(error)[0]
    headers = {}
    if isinstance(error, Unproved):
        headers["WWW-Authenticate"] = "Bearer"
    if (pause := _pause(error)) is not None:
        headers["Retry-After"] = str(max(1, math.ceil(pause)))
    elif status >= 500:
        headers["X-Should-Retry"] = "false"  # OpenAI's clients would ask again at once
    return JSONResponse(body_of(error), status, headers)


def _pause(error: Exception) -> float | None:
    if isinstance(error, TooOften | errors.RateLimited):
        return error.retry_after
    if isinstance(error, errors.BudgetSpent):
        return (error.free_at - utc_now()).total_seconds()
    return 5.0 if isinstance(error, Crowded) else None


async def on_error(request: Request, error: Exception) -> JSONResponse:
    """Answers for errors of ours."""
    if isinstance(error, errors.SourceError):
        request.app.state.tally.failed(error)
    return response(error)


async def on_invalid(request: Request, error: Exception) -> JSONResponse:
    """Answers for requests that are not as the OpenAPI document says."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    message = f"{where}: {first['msg']}" if where else str(first["msg"])
    body = error_body(message, _ASKER, "invalid")
    body["error"]["param"] = where or None
    return JSONResponse(body, 422)


async def on_http(request: Request, error: Exception) -> JSONResponse:
    """Answers for addresses and methods that there are not."""
    if not isinstance(error, HTTPException):
        raise error
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http")
    return JSONResponse(error_body(str(error.detail), _ASKER, code), error.status_code, error.headers)


async def on_crash(request: Request, error: Exception) -> JSONResponse:
    """Answers for faults of ours; the server logs them."""
    return response(error)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers about errors, for the OpenAPI document."""
    return {status: {"model": Failure} for status in (401, 413, 421, 422, 429, *statuses)}
