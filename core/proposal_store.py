"""Where proposed actions are kept from the moment of their proposal to their end: one table that outlives every
process.

Each change of state is one UPDATE that names the state it starts from, so that of several processes one succeeds. What
is committed here is on the disk: an action is sent after that, never before.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from groundwire.core.control import Control, now_of

State = Literal["proposed", "sending", "done", "not done", "unknown", "rejected", "expired"]
"""`sending`: a person has approved, and what was sent has not been heard of yet. `unknown`: nor can it be told."""

METADATA = sa.MetaData()
PROPOSALS = sa.Table(
    "_groundwire_proposals",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("token", sa.Text, nullable=False, unique=True),
    sa.Column("request", sa.Text, unique=True),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("arguments", sa.Text, nullable=False),
    sa.Column("draft", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("proposer", sa.Text),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("proposed_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Column("decided_by", sa.Text),
    sa.Column("decided_at", sa.Float),
    sa.Column("sender", sa.Text),
    sa.Column("outcome", sa.Text, nullable=False, server_default=""),
    sa.Column("result_key", sa.Text),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One proposal as it is kept; times are seconds since 1970, texts of JSON are decoded."""

    id: int
    token: str
    request: str | None
    action: str
    arguments: Mapping[str, Any]
    draft: Mapping[str, Any]
    state: State
    proposer: str | None
    account: str
    proposed_at: float
    expires_at: float
    decided_by: str | None
    decided_at: float | None
    sender: str | None
    outcome: str
    result_key: Mapping[str, Any] | None


class ProposalStore:
    """The table. Safe to use from several threads and processes."""

    def __init__(self, control: Control) -> None:
        self.control = control

    def now(self) -> float:
        """Seconds since 1970, by the clock that all users of the table share."""
        with self.control.transaction() as connection:
            return now_of(connection)

    def add(self, values: Mapping[str, Any], lasts: float) -> Row:
        """Keep a proposal that ends by itself after so many seconds; the one that is there where its request is known.

        Args:
            values: `token`, `request`, `action`, `arguments`, `draft`, `proposer`, `account`.
            lasts: seconds.
        """
        with self.control.transaction() as connection:
            if values["request"] is not None:
                known = connection.execute(
                    sa.select(PROPOSALS).where(PROPOSALS.c.request == values["request"])
                ).one_or_none()
                if known is not None:
                    return _row(known)
            now = now_of(connection)
            made = {
                **values,
                "arguments": json.dumps(values["arguments"], ensure_ascii=False),
                "draft": json.dumps(values["draft"], ensure_ascii=False),
                "state": "proposed",
                "proposed_at": now,
                "expires_at": now + lasts,
            }
            connection.execute(sa.insert(PROPOSALS).values(made))
            found = connection.execute(sa.select(PROPOSALS).where(PROPOSALS.c.token == values["token"])).one()
            return _row(found)

    def get(self, number: int) -> Row | None:
        """The proposal of that number; None where there is none."""
        with self.control.transaction() as connection:
            found = connection.execute(sa.select(PROPOSALS).where(PROPOSALS.c.id == number)).one_or_none()
            return None if found is None else _row(found)

    def all(self, *states: State) -> list[Row]:
        """Every proposal in one of these states, the latest last."""
        with self.control.transaction() as connection:
            wanted = sa.select(PROPOSALS).where(PROPOSALS.c.state.in_(states)).order_by(PROPOSALS.c.id)
            return [_row(r) for r in connection.execute(wanted)]

    def move(self, number: int, before: State, after: State, **values: Any) -> bool:
        """Change a proposal's state; False where it is not in the state that it should be changed from."""
        if isinstance(values.get("result_key"), Mapping):
            values["result_key"] = json.dumps(dict(values["result_key"]))
        with self.control.transaction() as connection:
            mine = (PROPOSALS.c.id == number) & (PROPOSALS.c.state == before)
            changed = connection.execute(sa.update(PROPOSALS).where(mine).values(state=after, **values))
            return bool(changed.rowcount == 1)

    def close(self) -> None:
        """Let go of connections. May be called twice."""
        self.control.close()


def _row(found: Any) -> Row:
    told = dict(found._mapping)
    key = told["result_key"]
    return Row(
        **{
            **told,
            "arguments": json.loads(told["arguments"]),
            "draft": json.loads(told["draft"]),
            "result_key": None if key is None else json.loads(key),
        }
    )


# -- who sends -----------------------------------------------------------------------------------


def this_process() -> str:
    """A name for this process that no other has, nor will have on this machine."""
    return f"{socket.gethostname()} {os.getpid()} {_started(os.getpid())}"


def may_be_alive(sender: str | None) -> bool:
    """Whether the process of that name may still be at work: it is, or it is on another machine."""
    host, pid, started = (sender or "? 0 ?").rsplit(" ", 2)
    if host != socket.gethostname():
        return sender is not None
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError):
        pass
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """When a process began, in the kernel's own units; `ended` of a zombie, `?` where that is not told."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "ended" if told[0] in "ZX" else told[19]
    except (OSError, IndexError):
        return "?"
