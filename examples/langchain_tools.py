"""The hub's tools in anyone's agent, with any chat model that LangChain knows.

    python examples/langchain_tools.py PROVIDER:MODEL "Which region sells most?"
    python examples/langchain_tools.py qwen2.5-coder-1.5b-instruct-q4_k_m "Which region sells most?"

The second runs on this machine. Without arguments it prints the tools, and what one of them says. The answer's text is
the model's own here; `groundwire.agents.agent.Agent` is the agent that holds a model to the cells of the results.
"""

import sys

import pyarrow as pa
from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel

from groundwire import Hub
from groundwire.agents.local_model import LocalChatModel
from groundwire.connectors.memory import MemoryConnector

SALES = pa.table({"region": ["north", "south", "north"], "amount": [100.0, 80.0, 50.0]})


def open_hub() -> Hub:
    """A shop with three sales; yours is `Hub.from_config("groundwire.toml")`."""
    return Hub([MemoryConnector.from_tables("shop", {"sales": SALES})])


def answer(model: BaseChatModel, question: str) -> str:
    """What an agent with the hub's tools says."""
    with open_hub() as hub:
        agent = create_agent(model, tools=hub.tools(), system_prompt="Answer from the tools alone.")
        state = agent.invoke({"messages": [("human", question)]})
    return str(state["messages"][-1].text)


def show_tools() -> None:
    """Every tool, and the answer to one call."""
    with open_hub() as hub:
        tools = {tool.name: tool for tool in hub.tools()}
        for tool in tools.values():
            print(f"{tool.name}: {tool.description}")
        print(
            tools["query"].invoke(
                {"sql": "SELECT region, SUM(amount) AS revenue FROM shop.sales GROUP BY 1 ORDER BY 2"}
            )
        )


if __name__ == "__main__":
    if len(sys.argv) == 1:
        show_tools()
    else:
        name, question = sys.argv[1:]
        print(answer(init_chat_model(name) if ":" in name else LocalChatModel(name_or_path=name), question))
