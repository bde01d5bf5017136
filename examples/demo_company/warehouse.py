"""The demo company's warehouse: support tickets and product usage, in SQLite or any SQL database."""

from __future__ import annotations

import datetime as dt
import random

import sqlalchemy as sa

from groundwire.demo.data import SEED, customers

PLANS = ("free", "team", "business")
CATEGORIES = ("billing", "hardware", "software", "delivery")
STATUSES = ("open", "waiting", "solved")
PRIORITIES = ("low", "normal", "urgent")


def _tables(metadata: sa.MetaData) -> tuple[sa.Table, sa.Table, sa.Table, sa.Table]:
    def among(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
        return sa.CheckConstraint(f"{column} IN ({', '.join(repr(v) for v in values)})")

    buyers = sa.Table(
        "customers",
        metadata,
        sa.Column("customer_code", sa.String(10), primary_key=True),
        sa.Column("company", sa.String(200), nullable=False),
        sa.Column("plan", sa.String(20), nullable=False),
        sa.Column("signed_up", sa.Date, nullable=False),
        among("plan", PLANS),
    )
    agents = sa.Table(
        "agents",
        metadata,
        sa.Column("agent_id", sa.Integer, primary_key=True),
        sa.Column("agent_name", sa.String(80), nullable=False),
        sa.Column("team", sa.String(20), nullable=False),
    )
    tickets = sa.Table(
        "tickets",
        metadata,
        sa.Column("ticket_id", sa.Integer, primary_key=True),
        sa.Column("customer_code", sa.ForeignKey("customers.customer_code"), nullable=False),
        sa.Column("agent_id", sa.ForeignKey("agents.agent_id")),
        sa.Column("opened_on", sa.Date, nullable=False),
        sa.Column("solved_on", sa.Date),
        sa.Column("category", sa.String(20), nullable=False),
        sa.Column("priority", sa.String(10), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("satisfaction", sa.Integer),
        among("category", CATEGORIES),
        among("priority", PRIORITIES),
        among("status", STATUSES),
    )
    usage = sa.Table(
        "usage_daily",
        metadata,
        sa.Column("customer_code", sa.ForeignKey("customers.customer_code"), primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("logins", sa.Integer, nullable=False),
        sa.Column("api_calls", sa.Integer, nullable=False),
        sa.Column("errors", sa.Integer, nullable=False),
    )
    return buyers, agents, tickets, usage


def fill(url: str, today: dt.date, *, days: int = 90) -> None:
    """Make the tables anew and fill them.

    Args:
        url: SQLAlchemy URL of a database that may be written.
        today: the day that everything is relative to.
        days: of daily usage.
    """
    rng = random.Random(SEED)
    metadata = sa.MetaData()
    buyers, agents, tickets, usage = _tables(metadata)
    known = [c for c in customers() if c.in_warehouse]

    def ago(most: int) -> dt.date:
        return today - dt.timedelta(days=rng.randint(0, most))

    names = ("Aylin Kaya", "Ben Vogt", "Chen Wei", "Dora Pohl", "Emil Lund", "Fatma Nour", "Gil Perez", "Hana Sato")
    people = [
        {"agent_id": i, "agent_name": n, "team": ("first line", "second line")[i % 2]} for i, n in enumerate(names, 1)
    ]
    rows = []
    for number in range(1, 3001):
        opened = ago(400)
        status = rng.choices(STATUSES, weights=(10, 8, 82))[0]
        solved = min(today, opened + dt.timedelta(days=rng.randint(0, 14))) if status == "solved" else None
        rows.append(
            {
                "ticket_id": number,
                "customer_code": rng.choice(known).number,
                "agent_id": rng.randint(1, len(names)) if rng.random() > 0.05 else None,
                "opened_on": opened,
                "solved_on": solved,
                "category": rng.choice(CATEGORIES),
                "priority": rng.choices(PRIORITIES, weights=(30, 55, 15))[0],
                "status": status,
                "satisfaction": rng.choice((1, 2, 3, 4, 4, 5, 5)) if solved and rng.random() < 0.6 else None,
            }
        )
    daily = [
        {
            "customer_code": c.number,
            "day": today - dt.timedelta(days=d),
            "logins": rng.randint(0, 40),
            "api_calls": rng.randint(0, 5000),
            "errors": rng.choice((0, 0, 0, 1, 2, 9)),
        }
        for c in known
        for d in range(days)
    ]
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
        signed = [
            {"customer_code": c.number, "company": c.name, "plan": rng.choice(PLANS), "signed_up": ago(1500)}
            for c in known
        ]
        for table, values in ((buyers, signed), (agents, people), (tickets, rows), (usage, daily)):
            connection.execute(table.insert(), values)
    engine.dispose()
