"""Two-turn conversations: the first turn's query is given, the remark after it is asked. A part of `make eval`.

python examples/evals/followups.py                     # all of them, with the default weights
python examples/evals/followups.py --no-model          # those that code understands; the others count as wrong
python examples/evals/followups.py --only hotel-f03    # some

A remark is right when the answer's rows are those of its gold query (see `groundwire.agents.scoring`). How well a first
question is answered is measured by `run.py`, and does not count here. PostgreSQL is needed as there.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from run import SERVER, loaded

from groundwire import Hub
from groundwire.agents import scoring
from groundwire.agents.agent import Agent
from groundwire.agents.conversation import Conversation
from groundwire.agents.local_model import LocalChatModel
from groundwire.agents.remark_values import Before
from groundwire.core.config import parse
from groundwire.core.errors import GroundwireError

HERE = Path(__file__).parent


class _NoModel(LocalChatModel):
    """Phrases nothing, and fails where it is asked for words."""

    def _generate(self, messages: Any, *_: Any, **options: Any) -> Any:
        from langchain_core.messages import AIMessage
        from langchain_core.outputs import ChatGeneration, ChatResult

        if "[r1." not in str(options.get("grammar")):
            raise NotImplementedError("no model")
        return ChatResult(generations=[ChatGeneration(message=AIMessage("Here it is."))])


@contextmanager
def _opened(url: str, db: str, threads: int | None) -> Iterator[Hub]:
    sources = {db: {"type": "sql", "url": url.replace("{db}", db)}}
    with Hub.from_parsed(
        parse({"sources": sources, "model": {"threads": threads} if threads else {}}, base=HERE)
    ) as hub:
        yield hub


def _gold(url: str, case: dict[str, Any]) -> list[tuple[Any, ...]]:
    engine = sa.create_engine(url.replace("{db}", case["db"]), connect_args={"options": "-c timezone=UTC"})
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.exec_driver_sql(case["gold_sql"].replace("%", "%%"))]
    engine.dispose()
    return [tuple(v.replace(tzinfo=None) if hasattr(v, "tzinfo") and v.tzinfo else v for v in row) for row in rows]


def _asked(hub: Hub, agent: Agent, case: dict[str, Any]) -> dict[str, Any]:
    talk = Conversation(agent, interactive=False)
    talk.before = Before(question=case["question"], sql=case["sql"], result=hub.query(case["sql"]), now=hub.clock())
    started = time.monotonic()
    try:
        answer = talk.ask(case["remark"])
    except NotImplementedError:
        return {"rows": None, "understood": "(left to the model)", "seconds": 0.0, "by": "model", "sql": "", "text": ""}
    except GroundwireError as error:
        return {
            "rows": None,
            "understood": str(error),
            "seconds": time.monotonic() - started,
            "by": "model",
            "sql": "",
            "text": "",
        }
    rows = answer.result.rows() if answer.result is not None and not answer.refused else None
    by = "code" if answer.changes else "model"
    seconds = time.monotonic() - started
    return {
        "rows": rows,
        "understood": answer.understood,
        "seconds": seconds,
        "by": by,
        "sql": answer.sql,
        "text": answer.text,
    }


def main(arguments: list[str]) -> int:
    """Ask, print each remark that was not understood, and the totals; 0 whatever they are."""
    options = argparse.ArgumentParser()
    options.add_argument("--only", default="")
    options.add_argument(
        "--cases", type=Path, nargs="+", default=[HERE / "followups.jsonl", HERE / "followups_held.jsonl"]
    )
    options.add_argument("--no-model", action="store_true")
    options.add_argument("--threads", type=int, default=None)
    options.add_argument("--output", type=Path, default=None)
    told = options.parse_args(arguments)
    cases = [json.loads(line) for file in told.cases for line in file.read_text(encoding="utf-8").splitlines()]
    cases = [c for c in cases if not told.only or c["id"] in told.only.split(",")]
    outcomes: list[dict[str, Any]] = []
    model: LocalChatModel | None = _NoModel() if told.no_model else None
    with loaded(sa.make_url(SERVER)) as url:
        for db in dict.fromkeys(c["db"] for c in cases):
            with _opened(url, db, told.threads) as hub:
                agent = Agent(hub, model)
                assert isinstance(agent.model, LocalChatModel)
                model = agent.model
                for case in (c for c in cases if c["db"] == db):
                    got = _asked(hub, agent, case)
                    ok = got["rows"] is not None and scoring.matches(_gold(url, case), got["rows"])
                    outcomes.append({**{k: case.get(k) for k in ("id", "kind", "language", "remark")}, **got, "ok": ok})
                    mark = "ok   " if ok else "WRONG"
                    print(
                        f"{mark} {case['id']} [{got['by']}, {got['seconds']:.1f} s] {case['remark']} -> {got['understood']}",
                        flush=True,
                    )
                    if not ok:
                        print(f"      {got['sql'] or got['text']}", flush=True)
    _report(outcomes)
    if told.output is not None:
        told.output.write_text(json.dumps(outcomes, default=str, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0


def _report(outcomes: list[dict[str, Any]]) -> None:
    right = sum(o["ok"] for o in outcomes)
    print(f"{right} of {len(outcomes)} remarks ({100 * right / max(1, len(outcomes)):.0f} %)")
    for key in ("by", "kind", "language"):
        all_of = Counter(o[key] or "en" for o in outcomes)
        good = Counter(o[key] or "en" for o in outcomes if o["ok"])
        print(f"  {key}: " + ", ".join(f"{name} {good[name]}/{count}" for name, count in all_of.items()))
    if outcomes:
        print(f"  median {statistics.median(o['seconds'] for o in outcomes):.1f} s")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
