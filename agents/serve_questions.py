"""Questions that are answered for many: each waits for its turn at the model, is told of while it is worked on, and
ends when nobody waits for it any more.

A question is worked on in a thread, which is told to stop when the asker leaves; its turn lasts until it has. What
became of the last ones, and where their seconds went, is kept for the operator.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import anyio
import anyio.to_thread

from groundwire.agents.agent import Answer
from groundwire.agents.mcp_tools import Model
from groundwire.agents.remembered import Talk
from groundwire.agents.serve_asker import Asker
from groundwire.agents.serve_tally import Tally
from groundwire.agents.turns import Turns
from groundwire.core import telemetry
from groundwire.core.config import ServeConfig
from groundwire.core.errors import GroundwireError, Stopped
from groundwire.core.freshness import utc_now

log = logging.getLogger(__name__)

RECENT = 200
"""Questions that are remembered."""
AT_ONCE_ELSEWHERE = 8
"""Questions that are answered at a time by a model that runs somewhere else."""

PHASES = {"phrasing": "phrasing", "using the tool": "sources", "loading": "question", "somebody else": "waiting"}
"""Which phase a step of the agent is of, by a word in it; all others are the model's."""

Event = tuple[str, Any]
"""What is told of a question: `waiting` with its place in the queue, then `step`, `entities`, `source`, `sql` and
`text` as the agent tells them (`agents.agent.Event`), and at last `answer` with an `Answer`, or `error` with an
exception."""


class TookTooLong(GroundwireError):
    """A question was not answered within `serve.timeout`."""


@dataclass(kw_only=True)
class Question:
    """A question, and what became of it so far.

    Attributes:
        id: as clients, the log, the trail and traces know it.
        who: the asker's name.
        text: the question.
        at: when it was put (UTC).
        state: `waiting`, `running`, `answered`, `refused`, `failed`, `stopped`.
        steps: what was done, of which `PHASES`, and the seconds from the question to its beginning.
        seconds: from the question to its end; None before it.
        error: what went wrong.
        answer: what was answered.
        trace: where the time went, in detail; None before it is worked on.
    """

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    who: str
    text: str
    at: datetime = field(default_factory=utc_now)
    state: str = "waiting"
    steps: list[tuple[str, str, float]] = field(default_factory=list)
    seconds: float | None = None
    error: str = ""
    answer: Answer | None = None
    trace: telemetry.Trace | None = None
    stop: threading.Event = field(default_factory=threading.Event, repr=False)
    _began: float = field(default_factory=time.monotonic, repr=False)

    @property
    def age(self) -> float:
        """Seconds since it was put."""
        return time.monotonic() - self._began

    def begin(self, step: str, phase: str) -> None:
        """Note what is done from now on."""
        self.steps.append((step, phase, self.age))

    def end(self, state: str, error: str = "") -> None:
        """Note what became of it."""
        self.state, self.error, self.seconds = state, error, self.age

    def spent(self) -> list[dict[str, Any]]:
        """Where the time went, as JSON has it: what was done, of which phase, from and for how many seconds."""
        end = self.age if self.seconds is None else self.seconds
        ends = [start for _, _, start in self.steps[1:]] + [end]
        return [
            {"step": step, "phase": phase, "from": round(start, 3), "seconds": round(max(0.0, until - start), 3)}
            for (step, phase, start), until in zip(self.steps, ends, strict=True)
        ]


class Questions:
    """Answers questions, some at a time.

    Args:
        model: answers them.
        settings: how many, and how long.
        tally: counts what is read for them.
    """

    def __init__(self, model: Model, settings: ServeConfig, tally: Tally) -> None:
        self.tally = tally
        self._model = model
        self._timeout = settings.timeout
        self.turns = Turns(model.at_once, settings.waiting, settings.waiting_each)
        self._threads = anyio.CapacityLimiter(model.at_once + 1)
        self._tasks: dict[asyncio.Task[None], Question] = {}
        self.recent: deque[Question] = deque(maxlen=RECENT)

    async def ask(
        self,
        asker: Asker,
        question: Question,
        *,
        hints: str = "",
        max_age: str | None = None,
        talk: Talk | None = None,
    ) -> AsyncGenerator[Event]:
        """What happens with a question, until its answer or error. Leaving the iteration ends the question.

        Args:
            asker: who asks.
            question: what is asked.
            hints, max_age, talk: as for `Model.ask`.

        Raises:
            Crowded: at once, where too many wait already.
        """
        events: asyncio.Queue[Event] = asyncio.Queue()
        self.recent.append(question)
        question.begin("waiting for a turn", "waiting")

        def answer(tell: Callable[[str, str], None]) -> Answer:
            return self._model.ask(asker.hub, question.text, max_age, tell, question.stop, hints, talk=talk)

        task = asyncio.create_task(self._work(question, answer, events.put_nowait))
        self._tasks[task] = question
        task.add_done_callback(lambda done: self._tasks.pop(done, None) and None)
        try:
            while True:
                kind, told = await events.get()
                yield kind, told
                if kind in ("answer", "error"):
                    return
        finally:
            question.stop.set()
            if question.state == "waiting":  # nobody has begun: nothing has to be ended
                task.cancel()

    async def _work(
        self,
        question: Question,
        ask: Callable[[Callable[[str, str], None]], Answer],
        put: Callable[[Event], None],
    ) -> None:
        loop = asyncio.get_running_loop()

        def tell(kind: str, text: str) -> None:
            if question.stop.is_set() and kind != "text":
                raise Stopped("stopped")
            with suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(self._told, question, kind, text, put)

        def work() -> Answer:
            with telemetry.question(question.id), telemetry.tracing() as question.trace:
                return ask(tell)

        limit = loop.call_later(self._timeout, question.stop.set)
        telemetry.begin_question(question.id)
        waiting = telemetry.leaf("wait", reason="model")
        try:
            async with self.turns.turn(question.who, lambda place: put(("waiting", place))):
                waiting.end()
                question.state = "running"
                question.begin("reading the question", "question")
                put(("step", "reading the question"))
                answer = await anyio.to_thread.run_sync(work, limiter=self._threads)
            if question.stop.is_set():
                raise Stopped("stopped")
            question.answer = answer
            if answer.result is not None:
                self.tally.add(answer.result)
            question.end("refused" if answer.refused else "answered")
            put(("answer", answer))
        except asyncio.CancelledError:
            question.end("stopped")
            raise
        except Stopped as error:
            late = question.age >= self._timeout
            question.end("failed" if late else "stopped", "took too long" if late else "")
            put(("error", TookTooLong(f"no answer within {self._timeout:.0f} seconds") if late else error))
        except Exception as error:
            if not isinstance(error, GroundwireError):
                log.exception("a question failed")
            question.end("failed", str(error) if isinstance(error, GroundwireError) else type(error).__name__)
            put(("error", error))
        finally:
            waiting.end()
            limit.cancel()
            if question.trace is not None:
                self.tally.watched(question.trace)

    def _told(self, question: Question, kind: str, text: str, put: Callable[[Event], None]) -> None:
        if kind == "step":
            question.begin(text, next((phase for word, phase in PHASES.items() if word in text), "model"))
        elif kind == "source" and text.startswith("reading"):
            question.begin(text, "sources")
        put((kind, text))

    async def end(self, seconds: float) -> None:
        """Tell every question to stop, and wait for so many seconds until they have."""
        for task, question in list(self._tasks.items()):
            question.stop.set()
            if question.state == "waiting":
                task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=seconds)
