"""Questions kept with their query and outcome, if the operator wants it: to be reviewed, and to learn from.

Nothing is kept without `[examples] keep = true`, and nothing leaves this machine. What is approved stands beside the
next question that resembles it. An example is for whoever asked it, and for those who may see all of what it is about
as it is: its words and values are records, too.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import platformdirs

from groundwire.agents.wording import stems
from groundwire.agents.words import EMPTY
from groundwire.core.binder import bind
from groundwire.core.config import Config
from groundwire.core.errors import ConfigError, QueryError
from groundwire.core.hub import Hub

Outcome = Literal["answered", "refused", "corrected"]
State = Literal["new", "approved", "rejected"]
SHOWN = 2
"""Approved examples that stand beside a question."""
_ALIKE = 0.34
"""Share of two questions' words that both have, from which on one is shown beside the other."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS examples (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    principal TEXT NOT NULL,
    question TEXT NOT NULL,
    hints TEXT NOT NULL,
    sql TEXT NOT NULL,
    text TEXT NOT NULL,
    outcome TEXT NOT NULL,
    state TEXT NOT NULL,
    entities TEXT NOT NULL,
    UNIQUE (principal, question, hints, sql)
)
"""
_COLUMNS = "id, at, principal, question, hints, sql, text, outcome, state, entities"


@dataclass(frozen=True, kw_only=True)
class Example:
    """A question with what became of it.

    Attributes:
        id: tells it from all others of the file.
        at: when it was asked, ISO, UTC.
        principal: who asked; empty where there is no policy.
        question: the whole question, in English where it was put into English.
        hints: what else the asker said.
        sql: the query that answered it, in the query language; empty for a refusal.
        text: the answer, or the refusal.
        outcome: what became of it.
        state: what its reviewer said.
        entities: full names of what the query reads.
    """

    id: int
    at: str
    principal: str
    question: str
    hints: str
    sql: str
    text: str
    outcome: Outcome
    state: State
    entities: tuple[str, ...]


class Examples:
    """The file of kept questions, readable by its owner only.

    Args:
        file: a SQLite database; made when the first question is kept.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.file, os.O_CREAT | os.O_RDWR, 0o600))
            connection = sqlite3.connect(self.file, timeout=10)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"{self.file} can't be opened: {error}", setting="examples.file") from None
        try:
            with connection:
                connection.execute(_SCHEMA)
                yield connection
        except sqlite3.DatabaseError as error:
            raise ConfigError(f"{self.file} holds no kept questions: {error}", setting="examples.file") from None
        finally:
            connection.close()

    def keep(
        self,
        *,
        at: datetime,
        principal: str,
        question: str,
        hints: str,
        sql: str,
        text: str,
        outcome: Outcome,
        entities: Sequence[str],
        state: State = "new",
    ) -> int:
        """Keep a question; the same question with the same query is kept once. Its id."""
        row = (at.isoformat(), principal, question, hints, sql, text, outcome, state, json.dumps(list(entities)))
        with self._open() as db:
            db.execute(
                "INSERT INTO examples (at, principal, question, hints, sql, text, outcome, state, entities) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at, text = excluded.text, "
                "state = CASE excluded.state WHEN 'new' THEN state ELSE excluded.state END",
                row,
            )
            found = db.execute(
                "SELECT id FROM examples WHERE principal = ? AND question = ? AND hints = ? AND sql = ?",
                (principal, question, hints, sql),
            ).fetchone()
        return int(found[0])

    def all(self, state: State | None = None) -> list[Example]:
        """Everything that is kept, the oldest first; of one state only, if it is given."""
        if not self.file.exists():
            return []
        with self._open() as db:
            rows = db.execute(f"SELECT {_COLUMNS} FROM examples ORDER BY id").fetchall()
        made = [_example(row) for row in rows]
        return [e for e in made if state is None or e.state == state]

    def one(self, id_: int) -> Example:
        """The example of that id.

        Raises:
            ConfigError: there is none.
        """
        found = next((e for e in self.all() if e.id == id_), None)
        if found is None:
            raise ConfigError(f"no kept question has the id {id_}; groundwire examples list shows them")
        return found

    def judge(self, id_: int, state: State) -> None:
        """Approve or reject one."""
        self.one(id_)
        with self._open() as db:
            db.execute("UPDATE examples SET state = ? WHERE id = ?", (state, id_))

    def edit(self, id_: int, hub: Hub, *, sql: str | None = None, question: str | None = None) -> Example:
        """Correct the query or the question of one; the query must be one over what the hub holds.

        Raises:
            QueryError: the query is not valid, or its names mean nothing here.
        """
        old = self.one(id_)
        text = sql if sql is not None else old.sql
        entities = entities_of(hub, text) if text else ()
        outcome = "corrected" if sql is not None and sql != old.sql else old.outcome
        with self._open() as db:
            db.execute(
                "UPDATE examples SET sql = ?, question = ?, outcome = ?, entities = ? WHERE id = ?",
                (text, question or old.question, outcome, json.dumps(entities), id_),
            )
        return self.one(id_)

    def remove(self, id_: int) -> None:
        """Forget one."""
        self.one(id_)
        with self._open() as db:
            db.execute("DELETE FROM examples WHERE id = ?", (id_,))

    def like(self, question: str, hub: Hub, *, most: int = SHOWN) -> list[Example]:
        """Approved examples that resemble a question and that its asker may know of, the likest first."""
        asked = _words(question)
        ranked = []
        for example in self.all("approved"):
            known = _words(example.question)
            share = len(asked & known) / len(asked | known) if asked | known else 0.0
            if example.sql and share >= _ALIKE and may_know(hub, example):
                ranked.append((share, example.id, example))
        return [e for _, _, e in sorted(ranked, key=lambda r: (-r[0], r[1]))[:most]]


def opened(config: Config) -> Examples | None:
    """The kept questions that a configuration names; None where nothing is to be kept."""
    if not config.examples.keep:
        return None
    file = config.examples.file or Path(platformdirs.user_state_dir("groundwire")) / "examples.sqlite"
    return Examples(file.expanduser())


def entities_of(hub: Hub, sql: str) -> tuple[str, ...]:
    """Full names of what a query reads.

    Raises:
        QueryError: it is not valid, or its names mean nothing to the hub's principal.
    """
    return tuple(e.full_name for e in bind(sql, hub.catalog, now=hub.clock()).entities)


def may_know(hub: Hub, example: Example) -> bool:
    """Whether the hub's principal may be shown an example: its own, or of what it sees whole and as it is."""
    try:
        names = entities_of(hub, example.sql) if example.sql else example.entities
    except QueryError:
        return False
    rights = hub.rights
    if rights is None or rights.principal.name == example.principal:
        return True
    return bool(names) and all(n in rights.entities and not rights.entities[n].is_limited for n in names)


def _words(text: str) -> set[str]:
    return {w for w in stems(text) if w not in EMPTY}


def _example(row: tuple[object, ...]) -> Example:
    id_, at, principal, question, hints, sql, text, outcome, state, entities = row
    return Example(
        id=int(str(id_)),
        at=str(at),
        principal=str(principal),
        question=str(question),
        hints=str(hints),
        sql=str(sql),
        text=str(text),
        outcome=outcome,  # type: ignore[arg-type] # as it was written by `keep`
        state=state,  # type: ignore[arg-type]
        entities=tuple(json.loads(str(entities))),
    )
