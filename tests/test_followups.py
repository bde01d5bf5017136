"""Remarks after an answer: what code makes of them, on sources that really answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from groundwire import Hub
from groundwire.agents import prompt
from groundwire.agents.agent import Agent, Answer
from groundwire.agents.conversation import Conversation
from groundwire.agents.followups import Remark, is_remark
from groundwire.agents.remark_values import Before
from groundwire.agents.revision import Revision
from groundwire.connectors.memory import MemoryConnector
from groundwire.core.catalog import Relation
from groundwire.core.config import parse

COUNT = "How many orders of customers in Germany were there per status in 2024?"
COUNT_SQL = (
    "SELECT orders.status, COUNT(*) AS n FROM orders WHERE customers.country = 'Germany' "
    "AND (orders.ordered_on >= '2024-01-01' AND orders.ordered_on < '2025-01-01') GROUP BY orders.status"
)
LIST = "Which orders are open?"
LIST_SQL = "SELECT orders.id, orders.total FROM orders WHERE orders.status = 'open'"
TOTAL = "What is the total of orders per customer?"
TOTAL_SQL = "SELECT customers.name, SUM(orders.total) AS total FROM orders GROUP BY customers.name"


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    shop = MemoryConnector.from_tables(
        "shop",
        {
            "customers": pa.table(
                {
                    "id": [1, 2, 3],
                    "name": ["Ada", "Bo", "Cy"],
                    "country": ["Germany", "Germany", "France"],
                    "tier": ["gold", "basic", "gold"],
                }
            ),
            "orders": pa.table(
                {
                    "id": [1, 2, 3, 4],
                    "customer_id": [1, 2, 3, 3],
                    "total": [5.0, 7.5, 100.0, 20.0],
                    "status": ["open", "paid", "paid", "open"],
                    "channel": ["web", "shop", "web", "web"],
                    "packing": ["gift", "plain", "gift", "plain"],
                    "wrapping": ["plain", "gift", "gift", "plain"],
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
        },
        relations={"orders": (Relation(name="customer", target="shop.customers", on=(("customer_id", "id"),)),)},
        primary_keys={"customers": ("id",), "orders": ("id",), "leases": ("id",)},
    )
    values: dict[str, Any] = {
        "customers": {
            "field": {"country": {"values": ["Germany", "France", "Spain"]}, "tier": {"values": ["gold", "basic"]}}
        },
        "orders": {
            "field": {
                "status": {"values": ["open", "paid"]},
                "channel": {"values": ["web", "shop"]},
                "packing": {"values": ["gift", "plain"]},
                "wrapping": {"values": ["gift", "plain"]},
            }
        },
    }
    with Hub([shop], parse({"sources": {"shop": {"type": "memory", "entities": values}}}, base=Path())) as made:
        yield made


def _remark(hub: Hub, text: str, question: str, sql: str) -> Remark:
    shown = prompt.choose("", hub.catalog)
    before = Before(question=question, sql=sql, result=hub.query(sql), now=datetime(2024, 6, 1))
    return Remark(text, before, hub.catalog, shown.entities, shown.names(hub.catalog))


@pytest.mark.parametrize(
    ("question", "sql", "remark", "whole", "rows"),
    [
        (COUNT, COUNT_SQL, "and in 2023?", "How many orders of customers in Germany were there per status in 2023?", [("paid", 1)]),
        (COUNT, COUNT_SQL, "what about France?", "How many orders of customers in France were there per status in 2024?", [("paid", 1)]),
        (COUNT, COUNT_SQL, "and by channel?", "How many orders of customers in Germany were there per channel in 2024?", [("web", 1)]),
        (COUNT, COUNT_SQL, "and the year before?", "How many orders of customers in Germany were there per status in 2024, the year before that?", [("paid", 1)]),
        (COUNT, COUNT_SQL, "of all time", "How many orders of customers in Germany were there per status?", [("open", 1), ("paid", 1)]),
        (COUNT, COUNT_SQL, "and in March?", "How many orders of customers in Germany were there per status in March 2024?", [("open", 1)]),
        (LIST, LIST_SQL, "only the French ones", "Which orders are open, only French?", [(4, 20.0)]),
        (LIST, LIST_SQL, "without the German ones", "Which orders are open, leaving out German?", [(4, 20.0)]),
        (LIST, LIST_SQL, "and the paid ones?", "Which orders are paid?", [(2, 7.5), (3, 100.0)]),
        (LIST, LIST_SQL, "only those over 10", "Which orders are open, over 10?", [(4, 20.0)]),
        (LIST, LIST_SQL, "how many are they?", "Which orders are open, and how many are there?", [(2,)]),
        (LIST, LIST_SQL, "with the customer's name", "Which orders are open, with the customer's name?", [(1, 5.0, "Ada"), (4, 20.0, "Cy")]),
        (LIST, LIST_SQL, "by country", "Which orders are open per country?", [("France", 1), ("Germany", 1)]),
        (LIST, LIST_SQL, "the largest 1", "Which orders are open, the first 1?", [(4, 20.0)]),
        (TOTAL, TOTAL_SQL, "and the average?", "What is the average of orders per customer?", [("Ada", 5.0), ("Bo", 7.5), ("Cy", 60.0)]),
        (TOTAL, TOTAL_SQL, "the top 2", "What is the total of orders per customer, the first 2?", [("Bo", 7.5), ("Cy", 120.0)]),
        (TOTAL, TOTAL_SQL, "without Ada", "What is the total of orders per customer, leaving out Ada?", [("Bo", 7.5), ("Cy", 120.0)]),
        (TOTAL, TOTAL_SQL, "only gold", "What is the total of orders per customer, only gold?", [("Ada", 5.0), ("Cy", 120.0)]),
        (LIST, LIST_SQL, "no, I meant the paid ones", "Which orders are paid?", [(2, 7.5), (3, 100.0)]),
        (LIST, LIST_SQL, "per customer", "Which orders are open per customer?", [("Ada", 1), ("Cy", 1)]),
        (TOTAL, TOTAL_SQL, "and their shoe size?", None, None),
        (TOTAL, TOTAL_SQL, "and by weather?", None, None),
    ],
)  # fmt: skip
def test_a_remark_changes_the_query_before_it(
    hub: Hub, question: str, sql: str, remark: str, whole: str | None, rows: list[tuple[Any, ...]] | None
) -> None:
    assert is_remark(remark)
    followed = _remark(hub, remark, question, sql).follow()
    if whole is None or rows is None:
        assert followed is None, "what is not understood is not guessed"
        return
    assert followed is not None
    assert followed.question == whole
    assert sorted(hub.query(followed.sql).rows()) == rows


@pytest.mark.parametrize(
    "question",
    [
        "How many customers are there per country?",
        "And how many orders are open?",
        "Which orders did Ada place in 2024?",
    ],
)
def test_a_whole_question_is_no_remark(question: str) -> None:
    assert not is_remark(question)


class Scripted(BaseChatModel):
    """Asks the queries that it was given, one a question, and then says that it is done."""

    queries: list[str]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        message = AIMessage(content="Here it is.")
        if not any(isinstance(m, AIMessage) and m.tool_calls for m in messages):
            call = {"name": "query", "args": {"sql": self.queries.pop(0)}, "id": "q"}
            message = AIMessage(content="", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=message)])


def _conversation(hub: Hub, *queries: str, interactive: bool = True) -> Conversation:
    return Conversation(Agent(hub, Scripted(queries=list(queries))), interactive=interactive)


def _rows(answer: Answer) -> list[tuple[Any, ...]]:
    assert answer.result is not None, answer.text
    return sorted(answer.result.rows())


def test_remarks_follow_remarks_without_the_model(hub: Hub) -> None:
    talk = _conversation(hub, COUNT_SQL)
    talk.ask(COUNT)
    assert _rows(talk.ask("what about France?")) == [("paid", 1)]
    again = talk.ask("and in 2023?")
    assert again.understood == "How many orders of customers in France were there per status in 2023?"
    assert _rows(again) == [("open", 1)]
    talk.forget()
    assert talk.before is None


def test_thanks_ask_nothing_and_change_nothing(hub: Hub) -> None:
    talk = _conversation(hub, COUNT_SQL)
    talk.ask(COUNT)
    before = talk.before
    assert talk.ask("thanks!").sql is None
    assert talk.before is before


def test_why_shows_the_records_behind_a_figure(hub: Hub) -> None:
    talk = _conversation(hub, TOTAL_SQL)
    talk.ask(TOTAL)
    answer = talk.ask("why is the highest one so high?")
    assert answer.text.startswith("The data gives no reason.")
    assert answer.result is not None
    assert [row[0] for row in answer.result.rows()] == [3, 4], "the largest record of Cy first"


def test_which_row_is_meant_is_asked_and_the_reply_answered(hub: Hub) -> None:
    talk = _conversation(hub, TOTAL_SQL)
    talk.ask(TOTAL)
    back = talk.ask("why?")
    assert [o.text for o in back.options] == ["Ada", "Bo", "Cy"]
    assert back.result is None
    assert [row[0] for row in talk.ask("2").result.rows()] == [2]  # type: ignore[union-attr]


def test_a_value_of_two_fields_is_asked_back_about_once(hub: Hub) -> None:
    talk = _conversation(hub, LIST_SQL)
    talk.ask(LIST)
    back = talk.ask("only gift")
    assert [o.value for o in back.options] == ["shop.orders.packing", "shop.orders.wrapping"]
    assert _rows(talk.ask("the first one")) == [(1, 5.0)]
    talk.ask("and the paid ones?")
    assert not talk.ask("only gift").options, "the choice is remembered"


def test_two_fields_with_one_result_are_no_reason_to_ask(hub: Hub) -> None:
    both = "SELECT orders.id FROM orders WHERE orders.id = 3"
    talk = _conversation(hub, both)
    talk.ask("Which order has number 3?")
    answer = talk.ask("only gift")
    assert not answer.options
    assert _rows(answer) == [(3,)]


def test_a_time_of_two_dates_is_asked_back_about(hub: Hub) -> None:
    sql = "SELECT COUNT(*) AS n FROM leases WHERE leases.begins_on >= '2023-01-01' AND leases.begins_on < '2024-01-01'"
    one = "SELECT leases.id FROM leases WHERE leases.begins_on >= '2023-01-01' AND leases.begins_on < '2024-01-01'"
    assert not _conversation(hub, sql).ask("How many leases are there in 2023?").options, "both are one lease"
    back = _conversation(hub, one).ask("Which leases are there in 2023?")
    assert [o.value for o in back.options] == ["shop.leases.begins_on", "shop.leases.ends_on"]


def test_who_can_not_be_asked_back_is_told_what_was_assumed(hub: Hub) -> None:
    one = "SELECT leases.id FROM leases WHERE leases.begins_on >= '2023-01-01' AND leases.begins_on < '2024-01-01'"
    answer = _conversation(hub, one, interactive=False).ask("Which leases are there in 2023?")
    assert not answer.options
    assert _rows(answer) == [(1,)]
    assert answer.assumptions == ("“2023” was read as shop.leases.begins_on, not as shop.leases.ends_on",)


def test_records_behind_a_figure_are_found_where_a_time_bounds_what_they_belong_to() -> None:
    tables = {
        "customers": pa.table({"id": [1, 2], "name": ["Ada", "Bo"], "joined_on": [date(2023, 1, 1), date(2024, 1, 1)]}),
        "orders": pa.table({"id": [1, 2], "customer_id": [1, 2], "ordered_on": [date(2024, 3, 1), date(2024, 3, 2)]}),
    }
    relations = {"orders": (Relation(name="customer", target="shop.customers", on=(("customer_id", "id"),)),)}
    keys = {"customers": ("id",), "orders": ("id",)}
    shop = MemoryConnector.from_tables("shop", tables, relations=relations, primary_keys=keys)
    sql = "SELECT COUNT(*) AS n FROM orders WHERE customer.joined_on >= '2024-01-01' AND customer.joined_on < '2025-01-01'"
    with Hub([shop]) as made:
        answer = Agent(made, Scripted(queries=[sql])).ask("How many orders have customers who joined in 2024?")
        assert answer.result is not None and answer.result.rows() == [(1,)]
        revision = Revision(sql, made.catalog, made.clock())
        revision.records(most=None)
        assert made.query(revision.sql).rows() == [(2, date(2024, 1, 1))]
