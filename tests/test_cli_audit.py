"""The commands around the audit trail, and the agent's questions in it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from test_cli import REFUSED, SUCCESS
from test_cli import Shell as Process
from test_cli import shell as shell
from test_cli_policy import POLICY, Shell

from groundwire import Hub
from groundwire.agents.agent import Agent, Answer, Option, Understood
from groundwire.agents.conversation import Conversation
from groundwire.core.errors import AuditFailed
from groundwire.core.policy import os_user


class Told(BaseChatModel):
    """Asks the query that it is told to ask, and then says what it is told to say."""

    steps: list[str]

    @property
    def _llm_type(self) -> str:
        return "told"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        said = self.steps[sum(isinstance(m, AIMessage) for m in messages)]
        message = AIMessage(content=said)
        if said.startswith("SELECT"):
            message = AIMessage(content="", tool_calls=[{"name": "query", "args": {"sql": said}, "id": "q"}])
        return ChatResult(generations=[ChatGeneration(message=message)])


@pytest.fixture
def recorded(shell: Process, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The shop with a trail and two queries in it."""
    monkeypatch.chdir(shell.folder)
    made = Shell(shell.folder)
    with (shell.folder / "groundwire.toml").open("a") as file:
        file.write('\n[audit]\npath = "audit.jsonl"\n')
    assert made.run("query", "SELECT COUNT(*) FROM customers WHERE country = 'DE'")[0] == SUCCESS
    assert made.run("query", "SELECT nothing FROM customers")[0] == REFUSED
    return made


def test_the_trail_is_listed_shown_checked_and_copied(recorded: Shell) -> None:
    code, out, _ = recorded.run("audit", "tail")
    assert code == SUCCESS
    first, second = out.splitlines()
    assert first.startswith("1 ") and "SELECT COUNT(*)" in first and first.endswith("-> 1 rows")
    assert second.startswith("2 ") and second.endswith("-> UnknownName")
    assert json.loads(recorded.run("audit", "tail", "-n", "1", "--json")[1])["n"] == 2
    shown = json.loads(recorded.run("audit", "show", "1")[1])
    assert shown["bound"].startswith("SELECT COUNT(*)") and shown["sources"][0]["native"]
    assert recorded.run("audit", "show", "9")[0] == REFUSED
    code, out, _ = recorded.run("audit", "verify")
    assert code == SUCCESS and out.startswith("2 records are as they were written")
    assert recorded.run("audit", "export", "copy.jsonl")[0] == SUCCESS
    trail = recorded.folder / "audit.jsonl"
    assert (recorded.folder / "copy.jsonl").read_bytes() == trail.read_bytes()
    trail.write_bytes(trail.read_bytes().replace(b"'DE'", b"'FR'"))
    for command in (["verify"], ["export"]):
        code, out, err = recorded.run("audit", *command)
        assert (code, out) == (REFUSED, "") and "record 1 was changed" in err


def test_replay_says_what_changed_and_why(recorded: Shell) -> None:
    assert recorded.run("audit", "replay", "1")[:2] == (SUCCESS, "nothing changed\n")
    assert recorded.run("audit", "replay", "2")[:2] == (SUCCESS, "nothing changed\n")
    with sqlite3.connect(recorded.folder / "shop.sqlite") as database:
        database.execute("DELETE FROM customers WHERE id = 2")
    database.close()
    code, out, _ = recorded.run("audit", "replay", "1")
    assert code == REFUSED and out.startswith("the data: 1 rows as of ")
    file = recorded.folder / "groundwire.toml"
    file.write_text(file.read_text() + POLICY.format(users="[]", operators=json.dumps([os_user()])))
    code, out, _ = recorded.run("audit", "replay", "1")
    assert code == REFUSED and "nobody is known to ask" in out + _


def test_under_a_policy_the_trail_is_for_operators(recorded: Shell) -> None:
    file = recorded.folder / "groundwire.toml"
    file.write_text(file.read_text() + POLICY.format(users=json.dumps([os_user()]), operators="[]"))
    for command in (["tail"], ["show", "1"], ["verify"], ["export"], ["replay", "1"]):
        code, out, err = recorded.run("audit", *command)
        assert (code, out) == (REFUSED, "") and "policy.operators" in err


def test_a_question_is_recorded_with_its_answer_cells_and_model(recorded: Shell, tmp_path: Path) -> None:
    with Hub.from_config(recorded.folder / "groundwire.toml") as hub:
        model = Told(steps=["SELECT COUNT(*) AS customers FROM customers", "There are 3 customers."])
        answer = Agent(hub, model).ask("How many customers are there?")
        assert answer.text == "There are 3 customers."
        trail = hub.recorder.trail  # type: ignore[union-attr]
        query, question = trail.record(3), trail.record(4)
        assert query is not None and question is not None
        assert (query["kind"], query["question"]) == ("query", "How many customers are there?")
        assert (question["kind"], question["asked"], question["answer"]) == ("question", query["question"], answer.text)
        assert question["queries"] == [3] and question["digest"] == query["digest"] and question["model"]["name"]
        assert question["citations"][0]["text"] == "3"
        assert trail.verify().problem is None
        trail.path.with_name("audit.jsonl").rename(tmp_path / "moved")
        trail.path.mkdir()
        with pytest.raises(AuditFailed):
            Agent(hub, Told(steps=["SELECT 1 AS one", "One is 1."])).ask("What is one?")


def test_replaying_a_question_asks_the_model_again_and_says_what_changed(
    recorded: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = ["SELECT COUNT(*) AS customers FROM customers", "There are 3 customers."]
    monkeypatch.setattr("groundwire.agents.agent.model_from_config", lambda settings: Told(steps=steps))
    with Hub.from_config(recorded.folder / "groundwire.toml") as hub:
        assert Agent(hub).ask("How many customers are there?", hints="all of them").text == "There are 3 customers."
        questions = [r["n"] for r in hub.recorder.trail.records() if r["kind"] == "question"]  # type: ignore[union-attr]
    number = str(questions[0])
    code, out, err = recorded.run("audit", "replay", number)
    assert (code, out) == (SUCCESS, "nothing changed\n"), err
    with sqlite3.connect(recorded.folder / "shop.sqlite") as database:
        database.execute("DELETE FROM customers WHERE id = 2")
    database.close()
    steps[1] = "There are 2 customers."
    code, out, _ = recorded.run("audit", "replay", number)
    assert code == REFUSED
    assert out == "the answer: There are 2 customers. now, There are 3 customers. then\n"
    steps[:] = ["SELECT COUNT(*) AS n FROM customers WHERE country = 'DE'", "There is 1."]
    code, out, _ = recorded.run("audit", "replay", number)
    assert code == REFUSED and out.startswith("the query: SELECT COUNT(*) AS n")
    asked = [r for r in Path("audit.jsonl").read_text().splitlines() if '"hints":"all of them"' in r]
    assert len(asked) == 4, "each replay is a question too, with its hints, and is recorded"


def test_a_remark_is_replayed_as_the_question_that_it_was_read_as(
    recorded: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = ["SELECT COUNT(*) AS customers FROM customers WHERE country = 'FR'", "There is 1 customer."]
    asked: list[str] = []

    class Listening(Told):
        def _generate(self, messages: list[BaseMessage], *rest: Any, **more: Any) -> ChatResult:
            asked.append(messages[1].text)
            return super()._generate(messages, *rest, **more)

    monkeypatch.setattr("groundwire.agents.agent.model_from_config", lambda settings: Listening(steps=steps))
    whole = "How many customers in France are there?"
    with Hub.from_config(recorded.folder / "groundwire.toml") as hub:
        talk = Conversation(Agent(hub))
        talk.ask("thanks, how many customers in Germany?")
        talk.agent.ask("and in France?", understood=Understood(question=whole, sql=steps[0]))
        back = Answer(question="", text="Which?", options=(Option(text="one", value="one"),))
        talk.agent.as_one("why?", "", lambda: back)
        records = [r for r in hub.recorder.trail.records() if r["kind"] == "question"]  # type: ignore[union-attr]
    asked.clear()
    assert [(r["asked"], r["understood"]) for r in records[1:]] == [("and in France?", whole), ("why?", "")]
    assert recorded.run("audit", "replay", str(records[1]["n"]))[:2] == (SUCCESS, "nothing changed\n")
    assert all(whole in text for text in asked) and asked
    code, _, err = recorded.run("audit", "replay", str(records[2]["n"]))
    assert code != SUCCESS and "asked back" in err
