"""How long the demo company's questions take from question to answer, on the default model, warm.

Warm: the weights are loaded, the catalog is known and the beginning of the prompt has been evaluated,
as in a chat after its first seconds. The same model is asked the same questions again with the prefix cache off:
every prompt is evaluated from its first token, whatever memory or a file holds of it.

    python examples/bench/bench_ask.py            # prints markdown; takes minutes
    python examples/bench/bench_ask.py 5          # only the first five questions
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

from groundwire import Hub
from groundwire.agents.agent import Agent, model_from_config
from groundwire.agents.levers import Levers
from groundwire.demo.company import DemoCompany
from groundwire.demo.questions import CASES

ALLOWED_SECONDS, ALLOWED_FIRST = 8.0, 0.3


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question: seconds to the answer, to the first event and to the first written token; tokens."""

    question: str
    seconds: float
    first_event: float
    first_text: float
    read: int
    cached: int
    written: int
    refused: bool


def asked(agent: Agent, question: str) -> Asked:
    """Ask, and look at the clock at every event."""
    seen: dict[str, float] = {}
    started = time.perf_counter()

    def on_event(kind: str, _: str) -> None:
        now = time.perf_counter() - started
        seen.setdefault("event", now)
        seen.setdefault(kind, now)

    answer = agent.ask(question, on_event=on_event)
    seconds = time.perf_counter() - started
    return Asked(
        question=question,
        seconds=seconds,
        first_event=seen.get("event", seconds),
        first_text=seen.get("text", seconds),
        read=answer.tokens.get("input", 0),
        cached=answer.tokens.get("cached", 0),
        written=answer.tokens.get("output", 0),
        refused=answer.refused,
    )


def measured(hub: Hub, model: BaseChatModel, questions: list[str], *, prefix_cache: bool) -> list[Asked]:
    """Each question once, on a model that is loaded first."""
    agent = Agent(hub, model, Levers(prefix_cache=prefix_cache))
    agent.warm()
    found = [asked(agent, question) for question in questions]
    assert prefix_cache or not any(f.cached for f in found), "a prompt was not evaluated from its beginning"
    return found


def _row(name: str, found: list[Asked]) -> str:
    def middle(values: list[float]) -> str:
        return f"{statistics.median(values):.2f}"

    cached = sum(f.cached for f in found) / max(1, sum(f.read for f in found))
    cells = [
        middle([f.seconds for f in found]),
        f"{max(f.seconds for f in found):.2f}",
        middle([f.first_event for f in found]),
        middle([f.first_text for f in found]),
        f"{statistics.median(f.read for f in found):.0f}",
        f"{cached:.0%}",
        f"{statistics.median(f.written for f in found):.0f}",
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def report(most: int | None = None) -> str:
    """The table as markdown."""
    questions = [case["question"] for case in CASES][:most]
    with DemoCompany() as company, Hub.from_config(company.config_path, {**os.environ, **company.environment}) as hub:
        name = hub.config.model.name
        model = model_from_config(hub.config.model)
        with_cache = measured(hub, model, questions, prefix_cache=True)
        without = measured(hub, model, questions, prefix_cache=False)
    median, plain = (statistics.median(f.seconds for f in found) for found in (with_cache, without))
    first = statistics.median(f.first_event for f in with_cache)
    lines = [
        f"### Question to answer: {len(questions)} questions, {name}",
        "",
        "| prefix cache | median s | slowest s | first progress s | first word s | tokens read | of them cached | written |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        _row("on", with_cache),
        _row("off", without),
        "",
        f"Median {median:.2f} s where {ALLOWED_SECONDS:g} are allowed, first progress after {first:.2f} s where "
        f"{ALLOWED_FIRST:g} are. With every prompt evaluated from its first token the median is {plain / median:.1f} times that.",
        "",
        "| question | s | s, cache off | answered |",
        "|---|---:|---:|---|",
        *(
            f"| {a.question} | {a.seconds:.2f} | {b.seconds:.2f} | {'refused' if a.refused else 'yes'} |"
            for a, b in zip(with_cache, without, strict=True)
        ),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(int(sys.argv[1]) if len(sys.argv) > 1 else None))
