"""A shop with words that mean two things, and a model that answers whole questions only, for tests of conversations."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from groundwire import Hub
from groundwire.connectors.memory import MemoryConnector
from groundwire.core.catalog import Relation
from groundwire.core.config import parse

OPEN = "Which orders are open?"
OPEN_SQL = "SELECT orders.id, orders.total FROM orders WHERE orders.status = 'open'"
PAID = "Which orders are paid?"
LEASES = "Which leases are there in 2023?"
LEASES_SQL = "SELECT leases.id FROM leases WHERE leases.begins_on >= '2023-01-01' AND leases.begins_on < '2024-01-01'"
BEGINS, ENDS = "shop.leases.begins_on", "shop.leases.ends_on"
GIFT, WRAPPED = "shop.orders.packing = gift", "shop.orders.wrapping = gift"
WEATHER = "and by weather?"
PER_DAY = "Which orders are open per day?"

QUERIES = {
    PER_DAY: "SELECT orders.ordered_on, COUNT(*) AS n FROM orders WHERE orders.status = 'open' GROUP BY 1 ORDER BY 1",
    OPEN: OPEN_SQL,
    PAID: OPEN_SQL.replace("open", "paid"),
    LEASES: LEASES_SQL,
}
"""What the model asks for each whole question."""
WHOLE = {
    "and the paid ones?": PAID,
    f"only gift ({WRAPPED})": PAID,
    WEATHER: PER_DAY,
}
"""What the model makes of a remark, where it is asked to."""

POLICY: dict[str, Any] = {
    "roles": {"all": {"allow": ["shop.*"]}, "german": {"allow": ["shop.*"], "rows": {"shop.orders": "country = 'DE'"}}},
    "principals": {"ann": {"roles": ["all"]}, "fred": {"roles": ["german"]}},
}


class Talkative(BaseChatModel):
    """Knows the query for each whole question; `asked` is all that it was asked, as a kind and a text."""

    asked: list[tuple[str, str]]

    @property
    def _llm_type(self) -> str:
        return "talkative"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        text = next(m.text for m in reversed(messages) if isinstance(m, HumanMessage))
        if isinstance(messages[0], SystemMessage) and messages[0].text.startswith("Rewrite the remark"):
            self.asked.append(("whole", text))
            said = AIMessage(content=WHOLE[text.rpartition("Remark: ")[2]])
        elif any(isinstance(m, AIMessage) for m in messages):
            said = AIMessage(content="Here it is.")
        else:
            self.asked.append(("query", text))
            query = next(sql for question, sql in QUERIES.items() if question in text)
            said = AIMessage(content="", tool_calls=[{"name": "query", "args": {"sql": query}, "id": "q"}])
        said.usage_metadata = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
        return ChatResult(generations=[ChatGeneration(message=said)])


def open_hub(more: dict[str, Any] | None = None, base: Path | None = None) -> Hub:
    """The shop; `more` are sections of its configuration."""
    tables = {
        "orders": pa.table(
            {
                "id": [1, 2, 3, 4],
                "total": [5.0, 7.5, 100.0, 20.0],
                "status": ["open", "paid", "paid", "open"],
                "packing": ["gift", "plain", "gift", "plain"],
                "wrapping": ["plain", "gift", "gift", "gift"],
                "country": ["DE", "DE", "FR", "FR"],
                "ordered_on": [date(2024, 3, 1), date(2023, 3, 2), date(2024, 4, 1), date(2023, 5, 1)],
            }
        ),
        "leases": pa.table(
            {
                "id": [1, 2],
                "begins_on": [date(2023, 1, 1), date(2022, 1, 1)],
                "ends_on": [date(2025, 1, 1), date(2023, 6, 1)],
            }
        ),
    }
    values: dict[str, Any] = {
        "orders": {
            "field": {
                "status": {"values": ["open", "paid"]},
                "packing": {"values": ["gift", "plain"]},
                "wrapping": {"values": ["gift", "plain"]},
                "country": {"values": ["DE", "FR"]},
            }
        },
    }
    keys = {"orders": ("id",), "leases": ("id",)}
    relations: dict[str, tuple[Relation, ...]] = {}
    config = parse({"sources": {"shop": {"type": "memory", "entities": values}}, **(more or {})}, base=base or Path())
    return Hub([MemoryConnector.from_tables("shop", tables, relations=relations, primary_keys=keys)], config)
