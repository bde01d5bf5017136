"""Right answers and seconds beside the two usual ways, with the same weights, questions and databases, in one run.

One shot: the whole schema and the question in one prompt, "write one SELECT", temperature 0, no retry. LangChain's agent:
`create_agent` with the tools of `SQLDatabaseToolkit` on `ChatLlamaCpp`; right is what its last query found. Twenty
questions, four of each of five databases in examples/evals; an answer is right when it holds the rows
of a gold query.

    python examples/bench/bench_baselines.py            # prints markdown; takes some ten minutes
    python examples/bench/bench_baselines.py 1          # one question of each database
"""

from __future__ import annotations

import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "evals"))
import run as evals

from groundwire.agents import eval_cases, scoring, weights
from groundwire.agents.eval_cases import Case
from groundwire.agents.eval_setup import Setup, Target, opened
from groundwire.agents.evals import Evaluation
from groundwire.core.errors import GroundwireError

CONTEXT, WRITTEN = 8192, 350
"""Tokens of context, and the most that one reply has."""
STEPS = 12
"""Steps that LangChain's agent may take: model and tools are one each."""
DEADLINE = 120.0
ASKED = ("clinic", "fleet", "hotel", "insurance", "market")
"""Databases that are asked, so that there are twenty questions."""

ONE_SHOT = """Write one PostgreSQL SELECT that answers the question. Reply with SQL only.

{schema}

{question}"""

AGENT = """You answer questions about a PostgreSQL database with the tools given. List the tables, look at the schema of \
those that matter, write one SELECT, check it, run it, and answer from its result. Never write to the database."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question asked in one way."""

    id: str
    right: bool
    seconds: float


def questions(each: int) -> dict[str, list[Case]]:
    """As many questions of each database, spread over its list, English ones."""
    chosen: dict[str, list[Case]] = {}
    for file in sorted(evals.HERE.glob("*.json")):
        cases = [c for c in eval_cases.read([file]) if c.answerable and re.fullmatch(r"[a-z]+-\d+", c.id)]
        if cases and cases[0].db in ASKED:
            chosen[cases[0].db] = [cases[n * len(cases) // each] for n in range(each)]
    return chosen


def schema_of(url: str) -> str:
    """All tables with columns, types and foreign keys."""
    engine = sa.create_engine(url)
    found = sa.inspect(engine)
    lines = []
    for table in sorted(found.get_table_names()):
        columns = ", ".join(f"{c['name']} {c['type']}" for c in found.get_columns(table))
        keys = "".join(
            f"; {', '.join(k['constrained_columns'])} references {k['referred_table']}({', '.join(k['referred_columns'])})"
            for k in found.get_foreign_keys(table)
        )
        lines.append(f"{table}({columns}{keys})")
    engine.dispose()
    return "\n".join(lines)


def asked_text(case: Case) -> str:
    """The question with what its asker says besides."""
    return f"{case.question}\n{case.hints}".strip()


def is_right(setup: Setup, case: Case, sql: str) -> bool:
    """Whether a query finds the rows of a gold query."""
    try:
        found = setup.gold(case, sql)[1]
    except GroundwireError:
        return False
    return any(scoring.matches(setup.gold(case, gold)[1], found) for gold in case.golds)


def timed(setup: Setup, cases: Sequence[Case], ask: Callable[[Case], str]) -> list[Asked]:
    """Each question once; `ask` gives a query, empty without one."""
    made = []
    for case in cases:
        started = time.perf_counter()
        sql = ask(case)
        seconds = time.perf_counter() - started
        made.append(Asked(id=case.id, right=bool(sql) and is_right(setup, case, sql), seconds=seconds))
    return made


def by_groundwire(url: str, chosen: dict[str, list[Case]]) -> list[Asked]:
    """As `groundwire eval` asks."""
    evaluation = Evaluation(Target(url=url), timeout=DEADLINE)
    found = evaluation.run(case for cases in chosen.values() for case in cases)
    return [Asked(id=o.id, right=o.ok, seconds=o.seconds) for o in found]


def by_one_shot(url: str, chosen: dict[str, list[Case]], path: Path) -> list[Asked]:
    """One prompt, one reply; the beginning of a prompt that is the last one's is not evaluated again."""
    from llama_cpp import Llama

    model = Llama(str(path), n_ctx=CONTEXT, verbose=False)
    made = []
    for db, cases in chosen.items():
        schema = schema_of(url.replace("{db}", db))

        def ask(case: Case, schema: str = schema) -> str:
            text = ONE_SHOT.format(schema=schema, question=asked_text(case))
            messages: Any = [{"role": "user", "content": text}]
            reply: Any = model.create_chat_completion(messages, temperature=0, max_tokens=WRITTEN)
            return sql_in(reply["choices"][0]["message"]["content"])

        with opened(Target(url=url), db) as setup:
            ask(cases[0])  # warm, as groundwire is
            made += timed(setup, cases, ask)
    model.close()
    return made


def sql_in(reply: str) -> str:
    """The first statement of a reply, without the fence that models put around it."""
    fenced = re.search(r"```(?:sql)?\s*(.+?)(?:```|$)", reply, re.DOTALL | re.IGNORECASE)
    return (fenced[1] if fenced else reply).strip().split(";")[0]


def by_agent(url: str, chosen: dict[str, list[Case]], path: Path) -> list[Asked]:
    """LangChain's agent and its tools for SQL."""
    from langchain.agents import create_agent
    from langchain_community.agent_toolkits import SQLDatabaseToolkit
    from langchain_community.chat_models import ChatLlamaCpp
    from langchain_community.utilities import SQLDatabase

    model: Any = ChatLlamaCpp(
        model_path=str(path),
        n_ctx=CONTEXT,
        temperature=0,
        max_tokens=WRITTEN,
        verbose=False,
        model_kwargs={"chat_format": "chatml-function-calling"},
    )
    made = []
    for db, cases in chosen.items():
        database = SQLDatabase.from_uri(url.replace("{db}", db))
        agent: Any = create_agent(model, SQLDatabaseToolkit(db=database, llm=model).get_tools(), system_prompt=AGENT)

        def ask(case: Case, agent: Any = agent) -> str:
            try:
                told = {"messages": [("user", asked_text(case))]}
                messages = agent.invoke(told, {"recursion_limit": STEPS})["messages"]
            except Exception:  # noqa: BLE001 - whatever ends its loop, it has given no answer
                return ""
            calls = [c for m in messages for c in getattr(m, "tool_calls", []) if c["name"] == "sql_db_query"]
            return str(calls[-1]["args"].get("query", "")).strip().rstrip(";") if calls else ""

        with opened(Target(url=url), db) as setup:
            made += timed(setup, cases, ask)
    return made


def _row(name: str, found: Sequence[Asked]) -> str:
    seconds = sorted(a.seconds for a in found)
    return f"| {name} | {sum(a.right for a in found)} of {len(found)} | {statistics.median(seconds):.1f} | {seconds[-1]:.1f} |"


def report(each: int = 4) -> str:
    """The table as markdown."""
    path = weights.resolve(weights.DEFAULT)
    with evals.loaded(sa.make_url(evals.SERVER)) as url:
        chosen = questions(each)
        ways = {
            "groundwire": by_groundwire(url, chosen),
            "one shot": by_one_shot(url, chosen, path),
            "LangChain's SQL agent": by_agent(url, chosen, path),
        }
    ours, plain = ways["groundwire"], ways["one shot"]
    right = [sum(a.right for a in found) for found in (ours, plain)]
    median = [statistics.median(a.seconds for a in found) for found in (ours, plain)]
    more = f"{right[0] / right[1]:.1f} times" if right[1] else f"{right[0]} more than"
    return "\n".join(
        [
            f"### The usual ways: {len(ours)} questions, {weights.DEFAULT}",
            "",
            "| way | right | median s | slowest s |",
            "|---|---:|---:|---:|",
            *(_row(name, found) for name, found in ways.items()),
            "",
            f"groundwire has {more} the right answers of one shot (2 wanted), in {median[0] / median[1]:.2f} of its time.",
        ]
    )


if __name__ == "__main__":
    print(report(int(sys.argv[1]) if len(sys.argv) > 1 else 4))
