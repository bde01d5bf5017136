"""Questions asked, and their answers held against gold queries.

Each case becomes one `Outcome`, known as soon as it is answered. This module asks and judges; what is asked is
set up in `eval_setup`, totals and files are for `eval_run`.
"""

from __future__ import annotations

import ast
import operator
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel

from groundwire.agents import grounding, prompt, scoring
from groundwire.agents.agent import Agent, Answer, model_from_config
from groundwire.agents.eval_cases import Case
from groundwire.agents.eval_setup import Setup, Target, opened
from groundwire.agents.levers import Levers
from groundwire.agents.local_model import LocalChatModel
from groundwire.agents.reading import Reading
from groundwire.core.catalog import Catalog
from groundwire.core.errors import ConfigError, GroundwireError
from groundwire.core.result import Result, display

Kind = Literal["right", "wrong", "refused", "timeout", "error", "invalid"]
"""What became of a case: `invalid` where its gold query can't be run, which says nothing about the answer."""

TIMEOUT = 120.0
"""Seconds after which an answer is not waited for."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One case, asked.

    Attributes:
        id, db, category, question, hints: of the case.
        answerable: whether the data holds the answer, and a refusal is wrong.
        golds: its gold queries.
        kind: see `Kind`.
        almost: wrong only in how moments are written: a date for the midnight that begins it, or a time zone.
        sql: our query; None without one.
        answer: what was said, or the error.
        misread: the wrong reading among the case's `misreadings` whose result is ours; None where there is none.
        difference: why the result is not the gold one, with rows; None where that was not compared.
        ungrounded: numbers and dates of the text that are neither in the result, nor said in the question, nor
            computed before the reader's eyes.
        problems: what went wrong on the way.
        seconds: from question to answer.
        tokens: `input`, `cached` and `output`, over all calls of the model.
        prompt: length of what the model reads first, in `characters` and, for a local model, `tokens`; `single` the
            same without what the mode added.
    """

    id: str
    db: str
    category: str
    question: str
    hints: str
    answerable: bool
    golds: tuple[str, ...] = ()
    kind: Kind
    almost: bool = False
    sql: str | None = None
    answer: str = ""
    misread: str | None = None
    difference: scoring.Difference | None = None
    ungrounded: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    seconds: float = 0.0
    tokens: Mapping[str, int] = field(default_factory=dict)
    prompt: Mapping[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Right, or rightly refused."""
        return self.kind == ("right" if self.answerable else "refused")


class Evaluation:
    """Cases asked one after the other, database by database.

    Args:
        target: what they are asked of.
        model: in place of what the configuration names.
        levers: what helps the model.
        timeout: seconds for one answer.
    """

    def __init__(
        self,
        target: Target,
        *,
        model: BaseChatModel | None = None,
        levers: Levers | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self.target = target
        self.levers = levers or Levers()
        self.timeout = timeout
        self.notes: dict[str, tuple[str, ...]] = {}
        self._model = model

    def run(self, cases: Iterable[Case], on_step: Callable[[str], None] = lambda _: None) -> Iterator[Outcome]:
        """The outcome of each case, as it is known; notes on each database are in `notes` by then.

        Args:
            cases: in any order; those of one database are asked together.
            on_step: told what is being done.

        Raises:
            ConfigError: the configuration is not valid.
            ModelError: the model can't be loaded.
            SourceError: a source can't be asked for its catalog.
        """
        for db, group in groupby(sorted(cases, key=lambda c: c.db), key=lambda c: c.db):
            with ExitStack() as stack:
                on_step(f"reading catalogs{f' of {db}' if db else ''}")
                setup = stack.enter_context(opened(self.target, db))
                self.notes[db] = setup.notes
                agent = self._agent(setup)
                on_step("loading the model")
                agent.warm()
                for case in group:
                    on_step(case.id)
                    yield self._ask(agent, setup, case)

    def _agent(self, setup: Setup) -> Agent:
        if self._model is None:
            self._model = model_from_config(setup.hub.config.model)
        return Agent(setup.hub, self._model, self.levers)

    def _ask(self, agent: Agent, setup: Setup, case: Case) -> Outcome:
        known: dict[str, Any] = {
            "id": case.id,
            "db": case.db,
            "category": case.category,
            "question": case.question,
            "hints": case.hints,
            "answerable": case.answerable,
            "golds": case.golds,
        }
        started = time.monotonic()
        try:
            known["prompt"] = self._prompt(agent, setup, case)
            stop = threading.Event()
            timer = threading.Timer(self.timeout, stop.set)
            timer.start()
            started = time.monotonic()
            try:
                answer = agent.ask(case.question, hints=case.hints, stop_event=stop)
            finally:
                timer.cancel()
        except ConfigError:
            raise
        except GroundwireError as error:
            return Outcome(**known, kind="error", answer=str(error), seconds=time.monotonic() - started)
        known |= {
            "sql": answer.sql,
            "answer": answer.text,
            "problems": answer.problems,
            "seconds": answer.seconds,
            "tokens": dict(answer.tokens),
        }
        if stop.is_set():
            return Outcome(**known, kind="timeout")
        if answer.refused or answer.result is None:
            return Outcome(**known, kind="refused")
        known["ungrounded"] = ungrounded(answer, f"{case.question} {case.hints}")
        if not case.answerable:
            return Outcome(**known, kind="wrong")
        return Outcome(**known, **_judged(setup, case, answer.result))

    def _prompt(self, agent: Agent, setup: Setup, case: Case) -> dict[str, int]:
        if not isinstance(agent.model, LocalChatModel):
            return {}
        found: dict[str, int] = {}
        catalogs = {"": setup.hub.catalog} | ({"single_": setup.single} if self.target.mode == "crowd" else {})
        for prefix, catalog in catalogs.items():
            text = prompt_text(case, catalog, self.levers)
            found[f"{prefix}characters"] = len(text)
            found[f"{prefix}tokens"] = len(agent.model.runtime.tokenize(text))
        return found


def prompt_text(case: Case, catalog: Catalog, levers: Levers) -> str:
    """What a local model reads before it writes a query."""
    shown = prompt.choose(f"{case.question} {case.hints}", catalog)
    reading = Reading(case.question, case.hints, shown.entities, shown.names(catalog), levers)
    system = prompt.system_text(shown, catalog, examples=levers.examples)
    return f"{system}\n{prompt.question_text(case.question, case.hints, reading.notes)}"


def _judged(setup: Setup, case: Case, result: Result) -> dict[str, Any]:
    """Kind, and difference to the first gold result where no gold result is the answer's."""
    first: scoring.Difference | None = None
    failures: list[str] = []
    almost = False
    got = result.rows()
    for query in case.golds:
        try:
            names, gold = setup.gold(case, query)
        except GroundwireError as error:
            failures.append(str(error))
            continue
        if scoring.matches(gold, got):
            return {"kind": "right"}
        almost = almost or scoring.matches(_timeless(gold), _timeless(got))
        first = first or scoring.difference(names, gold, got)
    if first is None:
        return {"kind": "invalid", "difference": scoring.Difference(reason="; ".join(failures))}
    return {"kind": "wrong", "difference": first, "almost": almost, "misread": _misread(setup, case, got)}


def _misread(setup: Setup, case: Case, got: scoring.Rows) -> str | None:
    for query in case.misreadings:
        try:
            if scoring.matches(setup.gold(case, query)[1], got):
                return query
        except GroundwireError:
            continue
    return None


def _timeless(rows: Iterable[Iterable[Any]]) -> list[list[Any]]:
    """The same rows, with moments in UTC, midnights as dates, and spans of time in seconds."""
    return [[_moment(v) for v in row] for row in rows]


def _moment(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if all(hasattr(value, part) for part in ("months", "days", "nanoseconds")) and not value.months:
        return value.days * 86_400 + value.nanoseconds / 1e9
    if isinstance(value, datetime):
        value = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo is not None else value
        return value.date() if value.time() == datetime.min.time() else value
    return value


# -- figures that nothing proves ---------------------------------------------------------------

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?")
_SUM = re.compile(r"([\d.,]+(?:\s*[-+*/×÷]\s*[\d.,]+)+)\s*=\s*([\d.,]+)")
_OPERATORS: dict[type[ast.AST], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def ungrounded(answer: Answer, question: str) -> tuple[str, ...]:
    """Numbers and dates of an answer that a reader can't trace.

    A date must be a cell's, or the question's, as a whole. A number must be a cell's (rounded as it is written), the
    question's, the number of rows, or the right side of a sum whose left side is made of such numbers.

    Args:
        answer: not refused.
        question: with the asker's hints.
    """
    if answer.result is None:
        return tuple(written for written, _ in grounding.numbers(answer.text))
    text, problems = answer.text, []
    for reason in answer.result.incomplete_reasons():
        text = text.replace(reason, " ")  # said by code, of what was not read
    for reason in answer.result.stale_reasons():
        text = text.replace(reason, " ")
    known = {display(v) for row in answer.result.rows() for v in row if isinstance(v, date | str)}
    for written in _DATE.findall(text):
        if not any(written.replace("T", " ") in k.replace("T", " ") for k in [*known, question]):
            problems.append(written)
    text = _DATE.sub(" ", text)
    unknown = list(grounding.check(text, [answer.result], question).problems)
    for left, right in _SUM.findall(text):
        parts = [written for written, _ in grounding.numbers(re.sub(r"[-+*/×÷]", " | ", left))]
        value = _computed(left)
        told = grounding.numbers(right)
        if right.rstrip(".,") in unknown and not set(parts) & set(unknown) and value is not None and told:
            places = len(told[0][0].rpartition(".")[2]) if "." in told[0][0] else 0
            if round(value, places) == told[0][1]:
                unknown.remove(right.rstrip(".,"))
    return (*problems, *unknown)


def _computed(text: str) -> Decimal | None:
    """The value of a sum of plain numbers."""
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", text).replace("×", "*").replace("÷", "/")
    try:
        return _value(ast.parse(plain.strip(), mode="eval").body, plain.strip())
    except (SyntaxError, InvalidOperation, ZeroDivisionError, ValueError):
        return None


def _value(node: ast.expr, text: str) -> Decimal:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.left, text), _value(node.right, text))
    return Decimal(ast.get_source_segment(text, node) or "")
