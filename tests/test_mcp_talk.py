"""A conversation over MCP: a question goes on from an earlier answer, for whoever was given that answer alone."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult
from talkative import BEGINS, ENDS, LEASES, OPEN, PAID, POLICY, Talkative, open_hub

from groundwire import Hub
from groundwire.agents.mcp import make_server
from groundwire.agents.mcp_tools import Model

MODES = pytest.mark.parametrize("mode", ["legacy", "auto"])
_T = TypeVar("_T")


@pytest.fixture
def model() -> Talkative:
    return Talkative(asked=[])


class Asker:
    """A client, connected anew for every call: what is known is not of the connection."""

    def __init__(self, server: Any, mode: str, *choices: ElicitResult) -> None:
        self._server, self._mode, self._choices = server, mode, list(choices)
        self.forms: list[Any] = []

    def ask(self, question: str, **more: Any) -> CallToolResult:
        return self._run(lambda client: client.call_tool("ask", {"question": question, **more}))

    def _run(self, call: Callable[[Client], Awaitable[_T]]) -> _T:
        async def choose(_: Any, params: ElicitRequestParams) -> ElicitResult:
            self.forms.append(params.requested_schema["properties"]["choice"]["enum"])  # type: ignore[union-attr]
            return self._choices.pop(0)

        async def run() -> _T:
            with anyio.fail_after(30):
                able = choose if self._choices else None
                async with Client(self._server, mode=self._mode, elicitation_callback=able) as client:
                    return await call(client)

        return anyio.run(run)


def _told(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


def _text(result: CallToolResult) -> str:
    return str(result.content[0].text)  # type: ignore[union-attr]


def _rows(result: CallToolResult) -> list[Any]:
    return sorted(row[0] for row in _told(result)["result"]["rows"])


@pytest.fixture
def server(model: Talkative) -> Iterator[Any]:
    with open_hub() as hub:
        yield make_server(lambda: hub, Model(lambda: model))


@MODES
def test_a_question_goes_on_from_an_answer_by_its_conversation(server: Any, mode: str, model: Talkative) -> None:
    asker = Asker(server, mode)
    first = asker.ask(OPEN)
    known = _told(first)["conversation"]
    assert _text(first).endswith(f"conversation: {known}")
    paid = asker.ask("and the paid ones?", conversation=known)
    assert f"understood as: {PAID}" in _text(paid)
    assert (_told(paid)["understood"], _told(paid)["conversation"]) == (PAID, known)
    assert _rows(asker.ask("only those over 10", conversation=known)) == [3]
    assert [kind for kind, _ in model.asked] == ["query"]


@MODES
def test_questions_without_a_conversation_begin_one_each(server: Any, mode: str) -> None:
    asker = Asker(server, mode)
    first, second = _told(asker.ask(OPEN)), _told(asker.ask(PAID, conversation=""))
    assert first["conversation"] != second["conversation"]
    assert _rows(asker.ask("only those over 10", conversation=first["conversation"])) == [4]


def test_a_conversation_that_is_not_known_is_a_wrong_call(server: Any, model: Talkative) -> None:
    refused = Asker(server, "auto").ask("and the paid ones?", conversation="0123456789abcdef")
    assert refused.is_error
    assert _text(refused).startswith("fix your call: this conversation is not known any more")
    assert model.asked == []


def test_without_elicitation_the_readings_are_said_and_one_is_asked_for(server: Any, model: Talkative) -> None:
    asker = Asker(server, "auto")
    back = asker.ask(LEASES)
    assert _text(back).startswith(f"Which date does “2023” speak of?\n1. {BEGINS}\n2. {ENDS}\n")
    assert _told(back)["options"] == [BEGINS, ENDS]
    chosen = asker.ask("2", conversation=_told(back)["conversation"])
    assert _rows(chosen) == [2] and _told(chosen)["understood"] == LEASES
    assert len(model.asked) == 1


@contextmanager
def _recorded(model: Talkative, folder: Path) -> Iterator[tuple[Hub, Any, Callable[[], list[dict[str, Any]]]]]:
    """A hub of a policy, a server that asks as whoever `who` names, and the questions on record."""
    trail = folder / "audit.jsonl"
    with open_hub({"policy": POLICY, "audit": {"path": str(trail)}}, folder) as hub:
        asking = ["ann"]
        server = make_server(lambda: hub.as_principal(asking[0]), Model(lambda: model))
        server.who = asking  # type: ignore[attr-defined]

        def questions() -> list[dict[str, Any]]:
            records = [json.loads(line) for line in trail.read_text().splitlines()]
            return [r for r in records if r["kind"] == "question"]

        yield hub, server, questions


def test_the_conversation_of_another_is_as_unknown_as_none(model: Talkative, tmp_path: Path) -> None:
    with _recorded(model, tmp_path) as (_, server, _questions):
        asker = Asker(server, "auto")
        known = _told(asker.ask(OPEN))["conversation"]
        server.who[0] = "fred"
        theirs = asker.ask("and the paid ones?", conversation=known)
        none = asker.ask("and the paid ones?", conversation="f" * 16)
        assert theirs.is_error and _text(theirs) == _text(none)
        server.who[0] = "ann"
        assert _rows(asker.ask("and the paid ones?", conversation=known)) == [2, 3]


@MODES
def test_a_choice_by_elicitation_costs_no_second_answer(model: Talkative, tmp_path: Path, mode: str) -> None:
    with _recorded(model, tmp_path) as (_, server, questions):
        asker = Asker(server, mode, ElicitResult(action="accept", content={"choice": ENDS}))
        chosen = asker.ask(LEASES)
        assert asker.forms == [[BEGINS, ENDS]]
        assert _rows(chosen) == [2]
        assert len(model.asked) == 1
        assert [r["asked"] for r in questions()] == [LEASES, ENDS]
        more = asker.ask("and in 2022?", conversation=_told(chosen)["conversation"])
        assert _told(more)["understood"] == "Which leases are there in 2022?"


@MODES
def test_who_does_not_choose_may_still_do_so_by_the_next_question(model: Talkative, tmp_path: Path, mode: str) -> None:
    with _recorded(model, tmp_path) as (_, server, questions):
        asker = Asker(server, mode, ElicitResult(action="decline"))
        back = asker.ask(LEASES)
        assert _text(back).startswith("Which date does “2023” speak of?")
        assert len(model.asked) == len(questions()) == 1
        assert _rows(asker.ask("2", conversation=_told(back)["conversation"])) == [2]
