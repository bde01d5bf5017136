"""A question back with readings to choose from reaches whoever asked over MCP, in both ways of the protocol."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pyarrow as pa
import pytest
from mcp import Client
from mcp.types import ElicitRequestParams, ElicitResult

from groundwire import Hub
from groundwire.agents.answers import Answer, Option
from groundwire.agents.choosing import MOST
from groundwire.agents.mcp import make_server
from groundwire.agents.mcp_tools import Model
from groundwire.connectors.memory import MemoryConnector

MODES = pytest.mark.parametrize("mode", ["legacy", "auto"])


def _back(question: str, text: str, *readings: str) -> Answer:
    """An answer that offers readings, as a conversation gives it."""
    return Answer(question=question, text=text, options=tuple(Option(text=r, value=r) for r in readings))


class Scripted:
    """Asks back twice, and then says what was chosen; `asked` is what it was asked, by every one of its kind."""

    asked: list[str]

    def __init__(self, asked: list[str]) -> None:
        self.asked, self._said = asked, 0

    def ask(self, question: str, /, **_: Any) -> Answer:
        self.asked.append(question)
        self._said += 1
        if question == "again and again":
            return _back(question, "Which?", "again and again")
        if self._said == 1 and question != "plain":
            return _back(question, "Revenue of which year?", "2025", "2026")
        if self._said == 2 and question == "2026":
            return _back(question, "Net or gross?", "net", "gross")
        return Answer(question=question, text=f"answered {question}")


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def server(asked: list[str]) -> Iterator[Any]:
    with Hub([MemoryConnector.from_tables("shop", {"orders": pa.table({"id": [1]})})]) as hub:
        yield make_server(lambda: hub, Model(lambda: None, asker=lambda *_: Scripted(asked)))  # type: ignore[arg-type,return-value]


def _ask(server: Any, mode: str, question: str, *choices: ElicitResult | None) -> tuple[str, list[dict[str, Any]]]:
    """What the tool says in the end, and what the client was asked."""
    forms: list[dict[str, Any]] = []
    left = iter(choices)

    async def choose(_: Any, params: ElicitRequestParams) -> ElicitResult:
        forms.append({"message": params.message, **params.requested_schema["properties"]["choice"]})
        picked = next(left)
        assert picked is not None
        return picked

    async def run() -> str:
        with anyio.fail_after(30):
            async with Client(server, mode=mode, elicitation_callback=choose if choices else None) as client:
                result = await client.call_tool("ask", {"question": question})
                return str(result.content[0].text)  # type: ignore[union-attr]

    return anyio.run(run), forms


def _chosen(text: str) -> ElicitResult:
    return ElicitResult(action="accept", content={"choice": text})


@MODES
def test_choices_are_put_one_after_the_other_and_lead_to_the_answer(server: Any, mode: str, asked: list[str]) -> None:
    text, forms = _ask(server, mode, "revenue?", _chosen("2026"), _chosen("net"))
    assert text.startswith("answered net")
    assert [(f["message"], f["enum"]) for f in forms] == [
        ("Revenue of which year?", ["2025", "2026"]),
        ("Net or gross?", ["net", "gross"]),
    ]
    assert asked[-3:] == ["revenue?", "2026", "net"]


@MODES
@pytest.mark.parametrize("action", ["decline", "cancel"])
def test_who_does_not_choose_gets_the_question_back_as_the_answer(server: Any, mode: str, action: Any) -> None:
    text, forms = _ask(server, mode, "revenue?", ElicitResult(action=action))
    assert text.startswith("Revenue of which year?") and len(forms) == 1


@MODES
def test_a_choice_that_was_not_offered_is_none(server: Any, mode: str, asked: list[str]) -> None:
    text, _ = _ask(server, mode, "revenue?", _chosen("DROP TABLE"))
    assert text.startswith("Revenue of which year?") and "DROP TABLE" not in asked


@MODES
def test_a_client_that_can_ask_nobody_gets_the_question_back_at_once(server: Any, mode: str, asked: list[str]) -> None:
    assert _ask(server, mode, "revenue?")[0].startswith("Revenue of which year?")
    assert asked == ["revenue?"]
    assert _ask(server, mode, "plain", _chosen("2026"))[1] == []


@MODES
def test_nobody_is_asked_for_ever(server: Any, mode: str) -> None:
    text, forms = _ask(server, mode, "again and again", *[_chosen("again and again")] * (MOST + 3))
    assert text.startswith("Which?") and len(forms) == MOST


def test_a_call_that_is_cancelled_while_somebody_chooses_ends(server: Any) -> None:
    waiting = threading.Event()

    async def never(_: Any, params: ElicitRequestParams) -> ElicitResult:
        waiting.set()
        await anyio.sleep(60)
        raise AssertionError

    async def run() -> None:
        with anyio.fail_after(20):
            async with Client(server, mode="legacy", elicitation_callback=never) as client:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(client.call_tool, "ask", {"question": "revenue?"})
                    await anyio.to_thread.run_sync(waiting.wait)
                    tasks.cancel_scope.cancel()
                # the model is free again for the next
                assert (await client.call_tool("ask", {"question": "plain"})).content

    anyio.run(run)
