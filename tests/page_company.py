"""A company whose data shows what the page has to show: rankings, series, long tables, other scripts, gaps, faults.

`python tests/page_company.py` serves it at http://127.0.0.1:8099/#token=... until Ctrl-C, to look at the page.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import uvicorn
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from groundwire import Hub
from groundwire.agents.agent import REFUSAL
from groundwire.connectors.memory import MemoryConnector
from groundwire.core.config import Config
from groundwire.core.connector import Scan, ScanReport
from groundwire.core.errors import Unavailable

RANKING = "Which countries have the most revenue?"
SERIES = "How did revenue and cost develop per month?"
LONG = "List all orders."
PARTIAL = "What is the revenue with what was returned?"
ARABIC = "كم عدد الطلبات في المملكة العربية السعودية؟"
JAPANESE = "日本の注文はいくつありますか?"
MARKUP = "Who is called <script>?"
ONE = "How many orders are there?"
REFUSED = "What will the weather be?"
DOWN = "How many tickets are open?"
LATER = "What takes a while?"

SCRIPT: dict[str, list[str]] = {
    RANKING: [
        "query SELECT country, SUM(amount) AS revenue, COUNT(*) AS orders FROM orders GROUP BY 1 ORDER BY 2 DESC",
        "Germany leads with 2,430,780.00, followed by France with 850,800.00 and 日本 with 606,720.00.",
    ],
    SERIES: [
        "query SELECT month, revenue, cost FROM months ORDER BY month",
        "Revenue rose from 40,000.00 in the first month to 63,000.00 in the last.",
    ],
    LONG: ["query SELECT id, placed, customer, country, amount, note FROM orders ORDER BY id", "Here they are."],
    PARTIAL: [
        "query SELECT o.country, SUM(o.amount) AS revenue, COUNT(r.order_id) AS returned FROM shop.orders o "
        "LEFT JOIN desk.returns r ON r.order_id = o.id GROUP BY 1 ORDER BY 2 DESC LIMIT 3",
        "Germany has 2,430,780.00.",
    ],
    ARABIC: [
        "query SELECT customer, COUNT(*) AS orders FROM orders WHERE country = 'السعودية' GROUP BY 1 ORDER BY 2 DESC",
        "طلبت شركة الرياض للتجارة 60 مرة، وهي الأولى.",
    ],
    JAPANESE: [
        "query SELECT customer, COUNT(*) AS orders FROM orders WHERE country = '日本' GROUP BY 1 ORDER BY 2 DESC",
        "山田商店の注文は 60 件です。",
    ],
    MARKUP: [
        "query SELECT customer, COUNT(*) AS orders FROM orders WHERE customer LIKE '<%' GROUP BY 1",
        "<script>alert(1)</script> has 60 orders.",
    ],
    ONE: ["query SELECT COUNT(*) AS orders FROM orders", "There are 480 orders."],
    REFUSED: [REFUSAL],
    DOWN: ["query SELECT COUNT(*) AS n FROM tickets", "There are 3."],
    LATER: ["sleep 4", "query SELECT COUNT(*) AS orders FROM orders", "There are 480 orders."],
}
"""What the model says to each question, step by step; `query` and `sleep` are done."""

_CUSTOMERS = [
    ("Adler & Söhne GmbH", "Germany", 1),
    ("Müller Maschinenbau AG", "Germany", 1),
    ("Société Générale des Eaux", "France", 0.7),
    ("شركة الرياض للتجارة", "السعودية", 0.4),
    ("山田商店", "日本", 0.5),
    ("Łódź Logistyka sp. z o.o.", "Poland", 0.3),
    ("=cmd|' /C calc'!A0", "Spain", 0.2),
    ("<script>alert(1)</script>", "United States of America", 0.1),
]


class PageModel(BaseChatModel):
    """The model is not under test here: it follows the script."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        question = next(m.text for m in reversed(messages) if isinstance(m, HumanMessage))
        steps = next(steps for asked, steps in SCRIPT.items() if asked in question)
        number = sum(isinstance(m, AIMessage) for m in messages)
        if steps[0].startswith("sleep"):
            if number == 0:
                time.sleep(float(steps[0].split()[1]))
            number += 1
        what, _, rest = steps[number].partition(" ")
        message = AIMessage(content=steps[number])
        if what == "query":
            message = AIMessage(content="", tool_calls=[{"name": "query", "args": {"sql": rest}, "id": f"q{number}"}])
        message.usage_metadata = {"input_tokens": 812, "output_tokens": 31, "total_tokens": 843}
        return ChatResult(generations=[ChatGeneration(message=message)])


class _Desk(MemoryConnector):
    """A help desk: its returns are read slowly, its tickets not at all."""

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        if scan.entity.name == "tickets":
            raise Unavailable("HTTP 503: Service Unavailable", source=self.name)
        time.sleep(1.2)
        report.incomplete.append("page 3 of 9 could not be read: HTTP 504")
        return super().scan(scan, report)


def open_hub(config: Config | None = None) -> Hub:
    """The shop and the help desk."""
    orders: dict[str, list[Any]] = {n: [] for n in ("id", "placed", "customer", "country", "amount", "note")}
    for number in range(480):
        customer, country, weight = _CUSTOMERS[number % len(_CUSTOMERS)]
        row = (
            number + 1,
            dt.datetime(2026, 1, 1, 8, tzinfo=dt.UTC) + dt.timedelta(hours=17 * number),
            customer,
            country,
            Decimal(int(20_000 * weight) + number % 60 * int(9 * weight)).quantize(Decimal("0.01")),
            None if number % 3 else "delivered in two parts, the second by a forwarder whose papers came late",
        )
        for name, value in zip(orders, row, strict=True):
            orders[name].append(value)
    amount = pa.decimal128(18, 2)
    shop = {
        "orders": pa.table({**orders, "amount": pa.array(orders["amount"], amount)}),
        "months": pa.table(
            {
                "month": [dt.date(2024 + n // 12, n % 12 + 1, 1) for n in range(24)],
                "revenue": pa.array([Decimal(40_000 + 1_000 * n) for n in range(24)], amount),
                "cost": pa.array(
                    [None if n == 9 else Decimal(31_000 + 350 * n + n % 5 * 900) for n in range(24)], amount
                ),
            }
        ),
    }
    desk = {
        "returns": pa.table({"order_id": list(range(1, 30)), "reason": ["broken"] * 29}),
        "tickets": pa.table({"id": [1], "state": ["open"]}),
    }
    return Hub(
        [
            MemoryConnector.from_tables("shop", shop, primary_keys={"orders": ("id",), "months": ("month",)}),
            _Desk.from_tables("desk", desk, primary_keys={"returns": ("order_id",), "tickets": ("id",)}),
        ],
        config or Config(),
    )


if __name__ == "__main__":
    from served import TOKEN

    from groundwire.agents import serve
    from groundwire.agents.mcp_tools import Model

    app = serve.make_app(open_hub(), Model(PageModel), [(TOKEN, None)], {"127.0.0.1"})
    print(f"http://127.0.0.1:8099/#token={TOKEN}".replace(" ", "%20").replace("'", "%27"), file=sys.stderr)
    uvicorn.run(app, port=8099, log_level="warning")
