"""What the operator's page shows: systems and their faults, copies and their lag, quotas, and the last questions with
where their seconds went.
"""

from __future__ import annotations

import threading
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, HTTPException, Request, Response

from groundwire.agents.mcp_tools import state_of
from groundwire.agents.serve_asker import Asking, Operating
from groundwire.agents.serve_errors import documented
from groundwire.agents.serve_questions import Question, Questions
from groundwire.agents.serve_tally import Tally
from groundwire.agents.serve_waiting import in_thread
from groundwire.core.freshness import utc_now
from groundwire.core.hub import Hub

router = APIRouter(tags=["operation"])


@router.get("/operator/state", responses=documented(403, 500))
async def state(asker: Operating, request: Request) -> dict[str, Any]:
    """Everything that the operator's page shows."""
    hub: Hub = request.app.state.hub
    questions: Questions = request.app.state.questions
    tally: Tally = request.app.state.tally

    def gather(stop: threading.Event) -> dict[str, Any]:
        told, quotas = state_of(hub), _quotas(hub)
        cache = hub.cache
        usage = cache.usage() if cache is not None else None
        return {
            "now": utc_now().isoformat(),
            "started": tally.started.isoformat(),
            "results": tally.results,
            "sources": [
                {**s, **tally.of(str(s["source"])), "quota": quotas.get(str(s["source"]))} for s in told["sources"]
            ],
            "copies": [] if hub.replicas is None else [c.to_dict() for c in hub.replicas.status()],
            "cache": None if usage is None else vars(usage),
        }

    told = await in_thread(request, gather)
    return told | {
        "waiting": len(questions.turns),
        "queries": tally.queries(),
        "questions": [_shown(q) for q in reversed(questions.recent)],
    }


_METRICS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get("/metrics", response_class=Response, responses={**_METRICS, **documented(403, 404)})
async def metrics(asker: Operating, request: Request) -> Response:
    """What was counted and measured, for Prometheus; where `telemetry.prometheus` is set."""
    hub: Hub = request.app.state.hub
    if not (hub.config.telemetry.enabled and hub.config.telemetry.prometheus):
        raise HTTPException(404, "there are no metrics here; see telemetry.prometheus")
    from groundwire.core import telemetry_otel

    page, kind = await anyio.to_thread.run_sync(telemetry_otel.begin(hub.config).page)
    return Response(page, media_type=kind)


@router.get("/operator/may", responses=documented())
async def may(asker: Asking) -> dict[str, bool]:
    """Whether the asker may see the operator's page."""
    return {"operator": asker.is_operator}


def _quotas(hub: Hub) -> dict[str, dict[str, Any]]:
    return {n: {"left": q.left, "allowed": q.allowed, "paused": q.paused} for n, q in hub.quotas().items()}


def _shown(question: Question) -> dict[str, Any]:
    answer = question.answer
    return {
        "id": question.id,
        "who": question.who,
        "question": question.text,
        "at": question.at.isoformat(),
        "state": question.state,
        "seconds": round(question.age if question.seconds is None else question.seconds, 3),
        "spent": question.spent(),
        "error": question.error,
        "problems": [] if answer is None else list(answer.problems),
        "trace": None if question.trace is None else question.trace.to_dict(),
        "sql": None if answer is None else answer.sql,
        "sources": [] if answer is None or answer.result is None else [s.to_dict() for s in answer.result.sources],
    }
