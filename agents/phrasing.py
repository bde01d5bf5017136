"""A result in a sentence that can't say more than the result.

The model chooses words and cells; values are put in afterwards. Its grammar allows the question's
words, the columns' words, a few hundred words that carry no facts, and references to cells, so no
figure, name or date can be made up.
"""

from __future__ import annotations

import json
import re

from groundwire.agents import languages
from groundwire.core.result import Result, display

ROWS = 5
"""Rows that a sentence may speak of; a longer result is a table with a sentence above it."""
_COLUMNS = 6

INSTRUCTIONS = """Answer the question in one short sentence. Write values only as references such as [r1.total]: row 1, column total.
Q: Which country has the most customers? Result: r1: country=X, customers=X
The country with the most customers is [r1.country], with [r1.customers] customers.
Q: What are the two largest orders? Result: r1: id=X, total=X; r2: id=X, total=X
The largest orders are [r1.id] with [r1.total] and [r2.id] with [r2.total].
Q: How many tickets are open? Result: r1: count=X
There are [r1.count] open tickets."""

_GLUE = """a about all also among an and are as at average based been both by count customers data each first
followed following for from had has have highest how in is it its largest last least list lowest made many
month more most much name names next number of on one only or order orders other our out over per percent
rate records result results second share smallest so sum than that the their then there these they third
this those to top total totals two under value values was week were what when where which who whose with
without year""".split()


def without_model(result: Result, language: str = languages.ENGLISH, *, always: bool = False) -> str | None:
    """The sentence where there is nothing to choose: no rows, too many, or a language that no model phrases; else None.

    With `always` there is one in any case.
    """
    if len(result) == 0:
        return languages.say("none visible" if result.limited_to else "none", language)
    if len(result) > ROWS or len(result.columns) > _COLUMNS:
        count = languages.number(f"{len(result):,}" if len(result) >= 10_000 else str(len(result)), language)
        return languages.say("row" if len(result) == 1 else "rows", language, n=count)
    if len(result) > 1:
        return "; ".join(_row(result, n) for n in range(1, len(result) + 1)) + languages.say("stop", language)
    if all(v is None for row in result.rows() for v in row):
        return languages.say("no value", language)
    if always or language != languages.ENGLISH:
        cells = [f"[r1.{c}] ({c})" for c in result.columns]
        return languages.say("one", language, cells=", ".join(cells))
    return None


def _row(result: Result, number: int) -> str:
    """A row as `first: second, third`, in references."""
    first, *rest = [f"[r{number}.{c}]" for c in result.columns]
    return f"{first}: {', '.join(rest)}" if rest else first


def answer_text(question: str, result: Result) -> str:
    """What the model reads: the question, and the shape of the result with its texts."""
    rows = []
    for number, row in enumerate(result.rows()[:ROWS], 1):
        cells = ", ".join(f"{c}={display(v)[:40]}" for c, v in zip(result.columns, row, strict=True))
        rows.append(f"r{number}: {cells}")
    return f"Q: {question} Result: {'; '.join(rows)}"


def answer_grammar(question: str, result: Result) -> str:
    """Lark for a sentence of harmless words and references to this result's cells."""
    words = set(_GLUE)
    for text in (question, " ".join(result.columns).replace("_", " ")):
        words |= set(re.findall(r"[^\W\d_]+(?:'[a-z]+)?", text))
    words |= {w.capitalize() for w in _GLUE}
    cells = [f"[r{n}.{c}]" for n in range(1, min(len(result), ROWS) + 1) for c in result.columns]
    word = " | ".join(json.dumps(w, ensure_ascii=False) for w in sorted(words))
    cell = " | ".join(json.dumps(c, ensure_ascii=False) for c in cells)
    return f'start: part (" " part){{0,44}} "."\npart: (WORD | CELL) /[,:;%]?/\nWORD: {word}\nCELL: {cell}\n'
