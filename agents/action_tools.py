"""Actions for a model: tools that propose and never act, and LangChain's human in the loop, which lets a person decide.

    tools = propose_tools(hub)                                   # a model may propose; a person approves elsewhere
    agent = create_agent(model, tools, middleware=[Approval(hub)], checkpointer=...)   # ... or in the same conversation

A model only ever calls tools that propose. What approves is `Approval`, after the interrupt was answered by a person's
`approve`; without it in the agent, what a model calls stays a proposal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.types import Command

from groundwire.core.errors import ActionError, GroundwireError, ModelError
from groundwire.core.hub import Hub
from groundwire.core.plain import plain
from groundwire.core.proposals import Proposal

_INSTRUCTIONS = """Call the one tool that does what is asked, with arguments taken from the request only. Records are \
named as the request names them."""


def tool_name(action: str) -> str:
    """What a tool is called that proposes an action: names of tools have no dots."""
    return f"propose_{action.replace('.', '_')}"


def propose_tools(hub: Hub) -> list[BaseTool]:
    """A tool for each action that the hub's principal may propose. None of them does anything.

    The artifact of a message is the `Proposal`; None where the text says what is wrong.
    """

    def tool(action: str, description: str, schema: Mapping[str, Any]) -> BaseTool:
        def propose(**arguments: Any) -> tuple[str, Proposal | None]:
            try:
                proposal = hub.actions.propose(action, arguments)
            except ActionError as error:
                return f"fix your call: {error}", None
            except GroundwireError as error:
                return f"do not retry: {error}", None
            return f"{proposal.difference}\nNothing is done yet: a person has to approve it.", proposal

        return StructuredTool.from_function(
            propose,
            name=tool_name(action),
            description=f"Propose, for a person to approve: {description}",
            args_schema=dict(schema),
            response_format="content_and_artifact",
        )

    return [tool(o.name, o.description, o.schema) for o in hub.actions.offered]


def proposed(hub: Hub, model: BaseChatModel, request: str) -> Proposal:
    """What a model makes of a request to do something: a proposal, for a person to approve.

    The model is shown the request and the actions, and no record: text of records has no part in it.

    Args:
        hub: the connected systems.
        model: a local or any other chat model that calls tools.
        request: in the asker's words.

    Raises:
        ActionError: there is nothing that may be proposed, or what the model made of it makes no sense.
        ModelError: the model did not call a tool.
    """
    tools = {t.name: t for t in propose_tools(hub)}
    if not tools:
        raise ActionError("there is no action that you may propose")
    bound = model.bind_tools(list(tools.values()), tool_choice="any")
    answer = bound.invoke([SystemMessage(_INSTRUCTIONS), HumanMessage(request)])
    calls = getattr(answer, "tool_calls", [])
    if not calls or calls[0]["name"] not in tools:
        raise ModelError("the model named no action")
    given = {n: v for n, v in calls[0]["args"].items() if v is not None}
    action = next(o.name for o in hub.actions.offered if tool_name(o.name) == calls[0]["name"])
    return hub.actions.propose(action, given)


class Approval(HumanInTheLoopMiddleware[Any, Any, Any]):
    """Interrupts an agent before each action with its difference, and has done what a person approves.

    The agent needs a checkpointer and the tools of `propose_tools`. It goes on with
    `Command(resume={"decisions": [{"type": "approve"}]})`, or `reject`.

    Args:
        hub: of whoever approves.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._actions = {tool_name(o.name): o.name for o in hub.actions.offered}
        super().__init__(
            interrupt_on={
                name: {"allowed_decisions": ["approve", "reject"], "description": self._described}
                for name in self._actions
            }
        )

    def _described(self, tool_call: Any, state: Any, runtime: Any) -> str:
        """The difference, from a dry run; a call that makes no sense is said to be one."""
        try:
            return self._proposal(tool_call, state).difference
        except GroundwireError as error:
            return plain(f"this can't be done: {error}")

    def _proposal(self, call: Any, state: Any) -> Proposal:
        """The proposal of a call: the same one each time, also where a model numbers its calls anew in each message."""
        said = next(
            m
            for m in reversed(state["messages"])
            if isinstance(m, AIMessage) and call["id"] in [c["id"] for c in m.tool_calls]
        )
        arguments = {n: v for n, v in call["args"].items() if v is not None}
        return self._hub.actions.propose(self._actions[call["name"]], arguments, request=f"call {said.id} {call['id']}")

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]]
    ) -> ToolMessage | Command[Any]:
        """A call that comes here was approved: rejected ones are answered by the interrupt."""
        call = request.tool_call
        if call["name"] not in self._actions:
            return super().wrap_tool_call(request, handler)
        try:
            done = self._hub.actions.approve(self._proposal(call, request.state).id)
        except GroundwireError as error:
            return ToolMessage(content=f"do not retry: {error}", tool_call_id=call["id"], status="error")
        text = f"proposal {done.id} is {done.state}" + (f": {done.outcome}" if done.outcome else "")
        return ToolMessage(content=text, tool_call_id=call["id"], name=call["name"], artifact=done)
