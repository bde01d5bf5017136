"""Actions where people and models meet: tools that only propose, LangChain's human in the loop, the chat, the command."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from rich.console import Console
from test_actions import CLOSE, TOML, _filled, _rows, _settings, _state
from test_cli_policy import Shell

from groundwire import Hub
from groundwire.agents.action_tools import Approval, propose_tools, proposed
from groundwire.agents.agent import Agent
from groundwire.agents.chat import Chat
from groundwire.core.config import parse
from groundwire.core.errors import ModelError


class Calling(BaseChatModel):
    """Calls the tool that it is told to call, and numbers its calls anew each time; `bound` is what it was offered."""

    call: str = "propose_desk_close_ticket"
    given: dict[str, Any] = {"ticket": "1", "resolution": "x"}  # noqa: RUF012
    bound: list[str] = []  # noqa: RUF012
    read: list[str] = []  # noqa: RUF012

    @property
    def _llm_type(self) -> str:
        return "calling"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        self.bound.extend(t.name for t in tools)
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self.read.extend(m.text for m in messages)
        last = messages[-1]
        if isinstance(last, ToolMessage):
            message = AIMessage(content=f"told: {last.text}")
        elif self.call:
            message = AIMessage(content="", tool_calls=[{"name": self.call, "args": self.given, "id": "call_0"}])
        else:
            message = AIMessage(content="I did it!")
        return ChatResult(generations=[ChatGeneration(message=message)])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return _filled(f"sqlite:///{tmp_path / 'desk.sqlite'}")


@pytest.fixture
def hub(desk: str, tmp_path: Path) -> Iterator[Hub]:
    with Hub.from_parsed(parse(_settings(desk), base=tmp_path)) as opened:
        yield opened


def test_a_tool_proposes_and_does_nothing(hub: Hub, desk: str) -> None:
    tools = {t.name: t for t in propose_tools(hub)}
    assert set(tools) == {"propose_desk_add_note", "propose_desk_close_ticket"}
    call = {"type": "tool_call", "id": "a", "args": {"ticket": "Printer", "resolution": "x"}}
    told = tools["propose_desk_close_ticket"].invoke(call | {"name": "propose_desk_close_ticket"})
    assert told.artifact.state == "proposed" and "Nothing is done yet" in told.text
    assert '  status: "open" -> "closed"' in told.text
    assert _state(desk)[0] == "open"
    wrong = tools["propose_desk_close_ticket"].invoke(
        {"type": "tool_call", "id": "b", "args": {"ticket": "77"}, "name": "propose_desk_close_ticket"}
    )
    assert wrong.artifact is None and wrong.text.startswith("fix your call: there is no record '77'")


def test_an_agent_that_answers_questions_has_no_tool_that_proposes(hub: Hub) -> None:
    model = Calling(bound=[])
    Agent(hub, model).ask("Close ticket 1.")
    assert model.bound and not any(name.startswith("propose") for name in model.bound)
    assert hub.actions.proposals() == []


# -- LangChain's human in the loop -------------------------------------------------------------------


def _started(hub: Hub, thread: str, **given: Any) -> tuple[Any, dict[str, Any], Any]:
    agent = create_agent(Calling(**given), propose_tools(hub), middleware=[Approval(hub)], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": thread}}
    return agent, config, agent.invoke({"messages": [HumanMessage("Close ticket 1.")]}, config)


def test_a_person_in_the_loop_sees_the_difference_and_then_it_is_done_once(hub: Hub, desk: str) -> None:
    agent, config, paused = _started(hub, "one")
    (request,) = paused["__interrupt__"][0].value["action_requests"]
    assert '  status: "open" -> "closed"' in request["description"]
    assert _state(desk)[0] == "open", "until somebody has said so"
    ended = agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), config)
    assert ended["messages"][-1].text == "told: proposal 1 is done"
    assert _state(desk)[0] == "closed"
    assert [p.id for p in hub.actions.proposals("done")] == [1] and hub.actions.proposals() == []


def test_what_a_person_in_the_loop_rejects_is_not_done(hub: Hub, desk: str) -> None:
    agent, config, _ = _started(hub, "one")
    ended = agent.invoke(Command(resume={"decisions": [{"type": "reject", "message": "no"}]}), config)
    assert "rejected" in ended["messages"][-1].text
    assert _state(desk)[0] == "open"


def test_calls_of_other_conversations_with_the_same_number_are_other_proposals(hub: Hub, desk: str) -> None:
    note = {"call": "propose_desk_add_note", "given": {"ticket_id": 1, "body": "x"}}
    for thread in ("one", "two"):
        agent, config, _ = _started(hub, thread, **note)
        agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), config)
    assert len(_rows(desk, "SELECT id FROM notes")) == 2


def test_a_person_in_the_loop_may_do_no_more_than_the_policy_lets_them(desk: str, tmp_path: Path) -> None:
    policy = {
        "roles": {"agent": {"allow": ["desk.*"], "propose": ["desk.*"]}},
        "principals": {"ann": {"roles": ["agent"]}},
    }
    with Hub.from_parsed(parse(_settings(desk, policy=policy), base=tmp_path)) as whole:
        agent, config, _ = _started(whole.as_principal("ann"), "one")
        ended = agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), config)
    assert "ann may not approve desk.close_ticket" in ended["messages"][-1].text
    assert _state(desk)[0] == "open"


# -- the chat ----------------------------------------------------------------------------------------


def _chat(hub: Hub, model: Calling, *lines: str) -> str:
    screen = Console(width=100, file=io.StringIO())
    said = iter(lines)

    def read() -> str:
        try:
            return next(said)
        except StopIteration:
            raise EOFError from None

    Chat(hub, screen, agent=Agent(hub, model), read=read).run()
    return screen.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(("said", "state"), [("yes", "closed"), ("no", "open"), ("y", "open"), ("", "open")])
def test_in_the_chat_only_a_whole_yes_has_it_done(hub: Hub, desk: str, said: str, state: str) -> None:
    shown = _chat(hub, Calling(), "/do close ticket 1", said)
    assert 'status: "open" -> "closed"' in shown and "Do it?" in shown
    assert _state(desk)[0] == state
    assert hub.actions.proposals() == [], "what was not wanted does not wait any more"


def test_at_the_end_of_input_nothing_is_done(hub: Hub, desk: str) -> None:
    _chat(hub, Calling(), "/do close ticket 1")
    assert _state(desk)[0] == "open"


def test_a_model_that_only_says_that_it_did_it_did_nothing(hub: Hub, desk: str) -> None:
    with pytest.raises(ModelError, match="named no action"):
        proposed(hub, Calling(call=""), "close ticket 1")
    assert "the model named no action" in _chat(hub, Calling(call=""), "/do close ticket 1", "yes")
    assert _state(desk)[0] == "open"


def test_a_model_that_proposes_reads_the_request_and_no_record(hub: Hub) -> None:
    model = Calling(read=[])
    proposed(hub, model, "close ticket 1")
    assert "close ticket 1" in model.read and not any("Printer" in text for text in model.read)


def test_what_is_shown_of_a_proposal_is_text(hub: Hub) -> None:
    told = hub.actions.propose("desk.add_note", {"ticket_id": 1, "body": "a\x1b[2J\nproposal 9: \u202efine"}).difference
    assert "\x1b" not in told and "\u202e" not in told and len(told.split("\n")) == 3


# -- the command -------------------------------------------------------------------------------------


@pytest.fixture
def shell(desk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "groundwire.toml").write_text(TOML.format(url=desk, close=CLOSE))
    return Shell(tmp_path)


def test_the_command_lists_proposes_shows_and_approves(shell: Shell, desk: str) -> None:
    code, out, _ = shell.run("actions", "list")
    assert code == 0 and "desk.close_ticket ticket [resolution] [cost]" in out
    code, out, _ = shell.run("actions", "propose", "desk.close_ticket", "ticket=Printer", "resolution=new toner")
    assert code == 0 and '  resolution: (empty) -> "new toner"' in out and _state(desk)[0] == "open"
    code, out, err = shell.run("actions", "approve", "1")
    assert code == 2 and "say --yes" in err and _state(desk)[0] == "open", "in a pipe nobody can be asked"
    code, out, _ = shell.run("actions", "approve", "1", "--yes", "--json")
    assert code == 0 and json.loads(out)["state"] == "done" and _state(desk)[0] == "closed"
    code, out, _ = shell.run("actions", "show", "1")
    assert code == 0 and "done, proposed by" in out
    code, out, _ = shell.run("audit", "tail")
    assert "action: desk.close_ticket" in out and out.rstrip().endswith("-> done")
    code, _, err = shell.run("audit", "replay", str(len(out.splitlines())))
    assert code == 3 and "is no query" in err, "an action is not done again to see what changes"


def test_the_command_says_what_is_wrong(shell: Shell) -> None:
    for arguments, words in (
        (("propose", "desk.nothing"), "there is no action"),
        (("propose", "desk.close_ticket", "1"), "write name=value"),
        (("propose", "desk.close_ticket", "ticket=99"), "there is no record"),
        (("show", "7"), "there is no proposal 7"),
        (("approve", "7", "--yes"), "there is no proposal 7"),
        (("reject", "7"), "there is no proposal 7"),
    ):
        code, out, err = shell.run("actions", *arguments)
        assert (code, out) == (3, "") and words in err


def test_rejected_by_command_it_is_not_done(shell: Shell, desk: str) -> None:
    shell.run("actions", "propose", "desk.close_ticket", "ticket=1")
    assert shell.run("actions", "reject", "1", "--reason", "not yet")[0] == 0
    code, _, err = shell.run("actions", "approve", "1", "--yes")
    assert code == 3 and "is rejected" in err and _state(desk)[0] == "open"
