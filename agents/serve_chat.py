"""The hub as a chat model of OpenAI's API: `/v1/chat/completions` and `/v1/models`.

The last message of the user is the question, and the turns before it are the conversation that it is asked in: what was
answered then is remembered for a while (`remembered`), and else taken from them (`heard`). The answer carries its proof
in one more field, `groundwire`, which clients that don't know it leave alone: the figures' cells, the sources, as of
when it is true and whether it is complete. While an answer is made, a stream tells of the place in the queue and of
each step in comments, and in chunks without choices to who asks for them. The words are sent when they are proved, not
before.

Source: OpenAI, API reference, "Chat completions".
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from itertools import pairwise
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from groundwire.agents.agent import Answer
from groundwire.agents.heard import Turn
from groundwire.agents.remembered import Remembered, Talk, key_of
from groundwire.agents.serve_asker import Asking
from groundwire.agents.serve_errors import body_of, documented, response
from groundwire.agents.serve_questions import Event, Question, Questions
from groundwire.agents.serve_waiting import answered_or_left, lively
from groundwire.core.errors import QueryError
from groundwire.core.freshness import parse_age

router = APIRouter(tags=["OpenAI-compatible"])

MODEL = "groundwire"
"""What the model is called; any other name is taken for it."""
ROWS = 200
"""Rows of its result that an answer carries."""
QUIET = 10.0
"""Seconds of silence after which a stream says that it lives."""
_PIECES = re.compile(r"\S+\s*|\s+")


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Part(_Loose):
    type: str
    text: str = ""


class _Ground(_Loose):
    """What an answer rested on, as it was given with it."""

    question: Annotated[str, Field(max_length=10_000, description="the whole question")] = ""
    sql: Annotated[str, Field(max_length=100_000, description="the query that answered it")] = ""


class _Message(_Loose):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[_Part] | None = None
    groundwire: Annotated[_Ground | None, Field(description="as the answer's message had it; may be left out")] = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or () if part.type == "text")


class _StreamOptions(_Loose):
    include_usage: bool = False


class _Extension(BaseModel):
    """What only groundwire understands."""

    model_config = ConfigDict(extra="forbid")

    max_age: Annotated[str | None, Field(description="oldest acceptable data: 0, 30s, 5m, 2h, 1d")] = None
    hints: Annotated[str, Field(max_length=10_000, description="what else the model should know")] = ""
    progress: Annotated[bool, Field(description="tell of steps in chunks without choices")] = False
    asks_back: Annotated[
        bool, Field(description="answer with a question where readings differ; else take the likelier one, and say so")
    ] = True


class _Request(_Loose):
    model: str = MODEL
    messages: Annotated[list[_Message], Field(min_length=1, max_length=1000)]
    stream: bool | None = False
    stream_options: _StreamOptions | None = None
    n: Annotated[int | None, Field(description="1: there is one answer")] = 1
    tools: Annotated[list[dict[str, Any]] | None, Field(description="none: tools of clients are not called")] = None
    groundwire: _Extension = _Extension()

    @property
    def question(self) -> str:
        """What is asked.

        Raises:
            QueryError: nothing is, or something that can't be given.
        """
        if self.n not in (None, 1):
            raise QueryError("there is one answer: leave n out")
        if self.tools:
            raise QueryError("tools of clients are not called here; groundwire mcp offers its own")
        parse_age(self.groundwire.max_age)
        text = next((m.text for m in reversed(self.messages) if m.role == "user"), "").strip()
        if not text:
            raise QueryError("the last message of the user holds no question")
        return text

    @property
    def turns(self) -> list[Turn]:
        """The questions before this one that were answered, and what was said to each."""
        said = [m for m in self.messages if m.role in ("user", "assistant")]
        last = max((n for n, m in enumerate(said) if m.role == "user"), default=0)
        found = []
        for asked, told in pairwise(said[:last]):
            if (asked.role, told.role) == ("user", "assistant") and asked.text.strip() and told.text.strip():
                ground = told.groundwire or _Ground()
                found.append(Turn(asked.text.strip(), told.text.strip(), ground.question, ground.sql))
        return found


@router.get("/v1/models", responses=documented())
async def models(asker: Asking, request: Request) -> dict[str, Any]:
    """The one model that there is."""
    shown = {"id": MODEL, "object": "model", "created": request.app.state.started, "owned_by": MODEL}
    return {"object": "list", "data": [shown]}


@router.get("/v1/models/{name}", responses=documented(404))
async def model(name: str, asker: Asking, request: Request) -> dict[str, Any]:
    """The model of that name: whatever it is called, it is this one."""
    return {"id": name, "object": "model", "created": request.app.state.started, "owned_by": MODEL}


@router.post("/v1/chat/completions", responses=documented(400, 403, 500, 502, 503, 504))
async def chat_completions(asked: _Request, asker: Asking, request: Request) -> Response:
    """An answer with its proof, whole or as a stream of server-sent events."""
    questions: Questions = request.app.state.questions
    question = Question(who=asker.name, text=asked.question)
    extension = asked.groundwire
    talk = _talk(request.app.state.remembered, asked)
    events = questions.ask(asker, question, hints=extension.hints, max_age=extension.max_age, talk=talk)
    first = await anext(events)
    if first[0] == "error":
        return response(first[1])
    if not asked.stream:
        async with aclosing(events):
            kind, told = await answered_or_left(request, events)
        return JSONResponse(_whole(question, asked.model, told)) if kind == "answer" else response(told)
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(_streamed(asked, question, first, events), media_type="text/event-stream", headers=headers)


def _talk(memory: Remembered, asked: _Request) -> Talk:
    """The conversation that a question is asked in."""
    turns = asked.turns

    def after(answer: Answer) -> str:
        return key_of([*turns, Turn(asked.question, answer.told)])

    return Talk(memory, key_of(turns) if turns else "", after, heard=turns, asks_back=asked.groundwire.asks_back)


async def _streamed(
    asked: _Request, question: Question, first: Event, events: AsyncGenerator[Event]
) -> AsyncIterator[bytes]:
    """The answer as server-sent events."""
    base = {"id": _id(question), "object": "chat.completion.chunk", "created": _second(question), "model": asked.model}

    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event({**base, "choices": [choice], **more})

    yield chunk({"role": "assistant", "content": ""})
    async with aclosing(lively(first, events, QUIET)) as heard:
        async for kind, told in heard:
            if kind == "quiet":
                yield b": working\n\n"
            elif kind == "error":
                yield _event(body_of(told))
                return
            elif kind == "answer":
                for piece in _PIECES.findall(told.told):
                    yield chunk({"content": piece})
                yield chunk({}, "stop", groundwire=proof(question, told))
                if asked.stream_options is not None and asked.stream_options.include_usage:
                    yield _event({**base, "choices": [], "usage": _usage(told)})
                yield b"data: [DONE]\n\n"
            elif asked.groundwire.progress:
                yield _event({**base, "choices": [], "groundwire": {"event": kind, "told": told}})
            elif kind != "text":
                yield b": " + f"{kind}: {told}".replace("\r", " ").replace("\n", " ").encode() + b"\n\n"


def _whole(question: Question, model: str, answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.told, "refusal": None}
    if answer.sql is not None and not answer.refused:
        message["groundwire"] = {"question": answer.understood or answer.question, "sql": answer.sql}
    return {
        "id": _id(question),
        "object": "chat.completion",
        "created": _second(question),
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _usage(answer),
        "groundwire": proof(question, answer),
    }


def proof(question: Question, answer: Answer) -> dict[str, Any]:
    """What an answer rests on, as clients are given it; `docs/serve.md` says what each part is."""
    told = answer.to_dict()
    result = answer.result
    shown = None
    if result is not None:
        shown = told["result"] | {"row_count": len(result), "rows": told["result"]["rows"][:ROWS]}
        shown["types"] = [str(field.type) for field in result.table.schema]
        shown["incomplete"] = result.incomplete_reasons()
        shown["old"] = result.stale_reasons()
    return {
        "question": question.id,
        "understood": answer.read_as(question.text),
        "changes": told["changes"],
        "assumptions": told["assumptions"],
        "options": told["options"],
        "refused": answer.refused,
        "complete": None if result is None else result.complete,
        "as_of": None if result is None or result.as_of is None else result.as_of.isoformat(),
        "stale": result is not None and result.stale,
        "citations": told["citations"],
        "sql": answer.sql,
        "result": shown,
        "problems": told["problems"],
        "seconds": told["seconds"],
        "spent": question.spent(),
        "tokens": answer.tokens,
    }


def _usage(answer: Answer) -> dict[str, Any]:
    read, written = answer.tokens.get("input", 0), answer.tokens.get("output", 0)
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": answer.tokens.get("cached", 0)},
    }


def _event(shown: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(shown, ensure_ascii=False).encode() + b"\n\n"


def _id(question: Question) -> str:
    return f"chatcmpl-{question.id}"


def _second(question: Question) -> int:
    return int(question.at.timestamp()) or int(time.time())
