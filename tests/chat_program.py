"""A chat in a process of its own: two real sources, and a chat model that says what `SCRIPT` holds.

`test_chat.py` drives it in a pseudo-terminal. Call it with the path of a SQLite database, which it makes
where there is none.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from groundwire import Hub
from groundwire.agents.agent import REFUSAL, Agent
from groundwire.agents.chat import Chat
from groundwire.agents.terminal import console
from groundwire.connectors.memory import MemoryConnector
from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.core.config import Config, LinkConfig
from groundwire.core.connector import Scan, ScanReport

PER_SEGMENT = "How many orders are there per segment?"
LARGEST = "What is the largest order?"
INVENTED = "How many unicorns are there?"
UNKNOWN = "What is the weather?"
SLOW = "Think for a minute."
BROKEN = "Break the model."
QUERY_PER_SEGMENT = "SELECT customer.account.segment, COUNT(*) AS orders FROM orders GROUP BY 1 ORDER BY 2 DESC"

SCRIPT: dict[str, list[str]] = {
    PER_SEGMENT: [f"query {QUERY_PER_SEGMENT}", "Small has 2 orders, large has 1."],
    LARGEST: [
        "query SELECT MAX(totl) AS largest FROM orders",
        "query SELECT MAX(total) AS largest FROM orders",
        "The largest is 99.5.",
    ],
    INVENTED: ["query SELECT COUNT(*) AS n FROM customers", "There are 77 unicorns."],
    UNKNOWN: [REFUSAL],
    SLOW: ["sleep 60"],
    BROKEN: ["raise"],
}
"""What the model says to each question, step by step; `query`, `sleep` and `raise` are done."""


class ScriptedModel(BaseChatModel):
    """The model is not under test here: it follows the script."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        question = next(m.text for m in reversed(messages) if isinstance(m, HumanMessage))
        unknown = ["I can't answer that from the connected systems"] * 9
        steps = next((steps for asked, steps in SCRIPT.items() if asked in question), unknown)
        said = steps[sum(isinstance(m, AIMessage) for m in messages)]
        what, _, rest = said.partition(" ")
        if what == "sleep":
            time.sleep(float(rest))
        if what == "raise":
            raise RuntimeError("the server went away")
        if what == "query":
            message = AIMessage(content="", tool_calls=[{"name": "query", "args": {"sql": rest}, "id": rest[:9]}])
        else:
            message = AIMessage(content=said)
        message.usage_metadata = {"input_tokens": 1000, "output_tokens": 12, "total_tokens": 1012}
        return ChatResult(generations=[ChatGeneration(message=message)])


class SlowConnector(MemoryConnector):
    """A source that takes its time, so that a person can see that it is being read."""

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        time.sleep(0.5)
        return super().scan(scan, report)


def open_hub(database: Path) -> Hub:
    """A shop in SQLite whose customers are accounts of a CRM in memory."""
    if not database.exists():
        with sqlite3.connect(database) as connection:
            connection.executescript(
                """CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, account_code TEXT);
                   CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers, total REAL);
                   INSERT INTO customers VALUES (1, 'Ada', 'A1'), (2, 'Bø', 'B2'), (3, '山田', 'C3');
                   INSERT INTO orders VALUES (1, 1, 5), (2, 3, 7.25), (3, 2, 99.5);"""
            )
        connection.close()
    accounts = pa.table({"code": ["A1", "B2", "C3"], "segment": ["small", "large", "small"]})
    link = LinkConfig(**{"from": "shop.customers.account_code", "to": "crm.accounts.code"}, name="account", reverse="c")
    sources = [
        SQLConnector("shop", SQLSettings(url=f"sqlite:///{database}")),
        SlowConnector.from_tables("crm", {"accounts": accounts}, primary_keys={"accounts": ("code",)}),
    ]
    return Hub(sources, Config(links=(link,)))


def chat(database: Path) -> None:
    """The chat, until whoever asks leaves it."""
    with open_hub(database) as hub:
        Chat(hub, console(), agent=Agent(hub, ScriptedModel())).run()


if __name__ == "__main__":
    chat(Path(sys.argv[1]))
