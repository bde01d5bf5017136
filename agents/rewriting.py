"""What the language model is asked beside queries: a remark made a whole question, a question put into English.

Both come back in English, since that is what the reading of questions knows. What comes back is held to what was said: it has
no number and no name that was not there, and is shown to the asker.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage

from groundwire.agents import spending
from groundwire.agents.local_model import LocalChatModel

_MOST_TOKENS = 90
_REWRITE = """Rewrite the remark as one whole question in English. Keep everything of the question before that the remark does not change. Use no names or numbers that are not there. 'it', 'that one' and 'they' are replaced by what they mean.
Before: How many orders were placed in Berlin in 2023? Answer: orders 45
Remark: and returns?
Whole: How many returns were there in Berlin in 2023?
Before: Which 3 customers spent the most? Answer: name Ada, spent 900; name Bo, spent 700; name Cy, spent 500
Remark: who looks after the second one?
Whole: Who looks after the customer Bo?
Before: What is the total of open invoices per customer? Answer: name Ada, total 90; name Bo, total 20
Remark: how many orders did the largest one place last year?
Whole: How many orders did the customer Ada place last year?
Before: List the products that were never ordered. Answer: title Lamp; title Chair
Remark: only those that cost more than 50
Whole: List the products that were never ordered and cost more than 50."""

_TRANSLATE = """Translate the question into plain English. Keep names, codes and numbers as they are.
Q: Wie viele Bestellungen gab es letztes Jahr pro Land?
How many orders were there last year per country?
Q: und nur die offenen?
and only the open ones?
Q: ¿Cuáles son los 5 clientes con más facturas impagadas en marzo de 2024?
Which are the 5 customers with the most unpaid invoices in March 2024?
Q: ¿y qué pasa con Francia?
and what about France?
Q: Was ist mit den bezahlten?
what about the paid ones?
Q: 每个部门有多少员工？
How many employees are there per department?
Q: 那去年呢？
and last year?
Q: وماذا عن الشهر الماضي؟
and last month?
Q: ما هو متوسط قيمة الطلبات لكل عميل في عام 2023؟
What is the average value of orders per customer in 2023?"""

_DIGITS = re.compile(r"\d+")


def whole_question(
    model: BaseChatModel, before: str, answer: str, remark: str, stop: threading.Event | None = None
) -> str | None:
    """A remark and the question before it as one question, or None where the model makes things up.

    Args:
        model: who rewrites.
        before: the whole question before.
        answer: its first rows, as `name Ada, spent 900; ...`.
        remark: what was said now.
        stop: ends the rewriting.
    """
    told = f"Before: {before} Answer: {answer}\nRemark: {remark}"
    written = _written(model, _REWRITE, told, "Whole: ", stop)
    return written if written and not _made_up(written, [before, answer, remark]) else None


def in_english(model: BaseChatModel, question: str, stop: threading.Event | None = None) -> str | None:
    """A question in English, or None where its numbers did not survive."""
    written = _written(model, _TRANSLATE, f"Q: {question}", "", stop)
    written = re.sub(r"^(?:Q|A|Question|English): *", "", written)
    if "(" not in question:
        written = re.sub(r" ?\([^)]*\)", "", written)  # what an abbreviation stands for was not said
    if not written or set(_DIGITS.findall(_latin(question))) - set(_DIGITS.findall(written)):
        return None
    return written


def rows_told(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """The first rows of an answer for `whole_question`."""
    names = list(columns)
    told = ["; ".join(", ".join(f"{c} {v}" for c, v in zip(names, row, strict=True)) for row in list(rows)[:5])]
    return told[0][:600]


def _written(model: BaseChatModel, system: str, text: str, prefill: str, stop: threading.Event | None) -> str:
    messages = [SystemMessage(system), HumanMessage(text)]
    with spending.span(model) as seen:
        if isinstance(model, LocalChatModel):
            made = model.invoke(
                messages, prefill=prefill, max_tokens=_MOST_TOKENS, stop=["\n"], stop_event=stop, think=False
            )
        else:
            made = model.invoke(messages)
        spending.tell(seen, made)
    spending.count(made)
    return " ".join(made.text.strip().partition("\n")[0].removeprefix("Whole:").split())


def _made_up(written: str, said: Iterable[str]) -> list[str]:
    """Numbers and names that were not said."""
    known = " ".join(said).lower()
    new = [n for n in _DIGITS.findall(written) if n not in known]
    names = re.findall(r"(?<!^)(?<![.?!] )\b[A-Z]\w+", written)
    return [*new, *(n for n in names if n.lower() not in known)]


def _latin(text: str) -> str:
    """Digits of any script as ASCII."""
    return "".join(str(int(c)) if c.isdecimal() else c for c in text)
