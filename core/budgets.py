"""What a principal may be given in an hour: queries, rows, bytes, cost. Counted in tables that all processes share.

Counted is what is given, not what is read for it: how much is hidden is nobody's to know. Cost is made of what the
asker sees as well: queries, seconds, tokens. It is known afterwards, so that a question begins while some is left. A
clock hour (UTC) is counted at a time, so that the refusal can say when asking makes sense again. What can't be counted
is not given.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from groundwire.core.config import BudgetConfig, PolicyConfig
from groundwire.core.control import METADATA, Control, now_of
from groundwire.core.errors import BudgetSpent, PolicyError, Unavailable
from groundwire.core.policy import Principal
from groundwire.core.result import Result

SPENT = sa.Table(
    "_groundwire_spent",
    METADATA,
    sa.Column("principal", sa.Text, primary_key=True),
    sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("queries", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("rows", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("bytes", sa.BigInteger, nullable=False, server_default="0"),
)

COST = sa.Table(
    "_groundwire_cost",
    METADATA,
    sa.Column("principal", sa.Text, primary_key=True),
    sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("cost", sa.Float, nullable=False, server_default="0"),
)

EVERYBODY = "*"
"""Name of the budget of those who have none of their own."""

_HOUR = 3600
_KEPT = 48
"""Hours that are remembered."""


class Budgets:
    """Who has been given how much. Safe to use from several threads and processes."""

    def __init__(self, control: Control, config: PolicyConfig) -> None:
        self.control = control
        self.config = config

    def of(self, principal: Principal) -> BudgetConfig | None:
        """The principal's budget; None where there is none."""
        return self.config.budgets.get(principal.name) or self.config.budgets.get(EVERYBODY)

    def begin(self, principal: Principal) -> None:
        """Count one query, before anything is read for it.

        Raises:
            BudgetSpent: this hour's budget does not allow another.
            PolicyError: it can't be counted.
        """
        self.check_cost(principal)
        self._spend(principal, queries=1)
        self.charge(principal, queries=1)

    def check_cost(self, principal: Principal) -> None:
        """Make sure that something is left of this hour's cost, before anything is done.

        Raises:
            BudgetSpent: nothing is.
            PolicyError: it can't be looked up.
        """
        budget = self.of(principal)
        if budget is None or budget.cost is None:
            return
        try:
            with self.control.transaction() as connection:
                hour = int(now_of(connection) // _HOUR)
                mine = (COST.c.principal == principal.name) & (COST.c.hour == hour)
                spent = connection.execute(sa.select(COST.c.cost).where(mine)).scalar() or 0.0
        except Unavailable as error:
            raise PolicyError(f"not answered, because the budget can't be counted: {error}") from None
        if spent >= budget.cost:
            free_at = _begins(hour)
            raise BudgetSpent(
                f"the cost budget of this hour is spent; the next hour begins at {free_at:%H:%M} UTC", free_at=free_at
            )

    def charge(self, principal: Principal, *, queries: int = 0, seconds: float = 0.0, tokens: int = 0) -> None:
        """Add what was done for a principal to the cost of this hour.

        Args:
            queries: begun.
            seconds: that they took.
            tokens: that a model evaluated.

        Raises:
            PolicyError: it can't be counted.
        """
        budget, prices = self.of(principal), self.config.prices
        cost = queries * prices.query + seconds * prices.second + tokens / 1000 * prices.thousand_tokens
        if budget is None or budget.cost is None or not cost:
            return
        try:
            with self.control.transaction() as connection:
                hour = int(now_of(connection) // _HOUR)
                kind = postgresql if connection.dialect.name == "postgresql" else sqlite
                added = kind.insert(COST).values(principal=principal.name, hour=hour, cost=cost)
                more = {"cost": COST.c.cost + cost}
                connection.execute(added.on_conflict_do_update(index_elements=["principal", "hour"], set_=more))
                connection.execute(sa.delete(COST).where(COST.c.hour < hour - _KEPT))
        except Unavailable as error:
            raise PolicyError(f"not answered, because the budget can't be counted: {error}") from None

    def give(self, principal: Principal, result: Result) -> None:
        """Count a result, before it is given.

        Raises:
            BudgetSpent: it is more than what is left of this hour's budget; it is not counted, and must not be given.
            PolicyError: it can't be counted.
        """
        self._spend(principal, rows=len(result), bytes=result.table.nbytes)

    def _spend(self, principal: Principal, **amounts: int) -> None:
        budget = self.of(principal)
        if budget is None:
            return
        try:
            with self.control.transaction() as connection:
                now = now_of(connection)
                hour = int(now // _HOUR)
                mine = (SPENT.c.principal == principal.name) & (SPENT.c.hour == hour)
                kind = postgresql if connection.dialect.name == "postgresql" else sqlite
                added = kind.insert(SPENT).values(principal=principal.name, hour=hour).on_conflict_do_nothing()
                if connection.execute(added).rowcount == 1:
                    connection.execute(sa.delete(SPENT).where(SPENT.c.hour < hour - _KEPT))
                spent = connection.execute(sa.select(SPENT).where(mine).with_for_update()).one()._mapping
                for what, amount in amounts.items():
                    allowed = getattr(budget, what)
                    if allowed is not None and spent[what] + amount > allowed:
                        raise _spent(what, spent[what], amount, allowed, hour)
                totals = {what: SPENT.c[what] + amount for what, amount in amounts.items()}
                connection.execute(sa.update(SPENT).where(mine).values(totals))
        except Unavailable as error:
            raise PolicyError(f"not answered, because the budget can't be counted: {error}") from None


def _spent(what: str, before: int, amount: int, allowed: int, hour: int) -> BudgetSpent:
    free_at = _begins(hour)
    asked = "" if what == "queries" else f" and this answer has {amount:,}"
    message = f"{before:,} of {allowed:,} {what} of this hour's budget are spent{asked}"
    return BudgetSpent(f"{message}; the next hour begins at {free_at:%H:%M} UTC", free_at=free_at)


def _begins(hour: int) -> datetime:
    """When the hour after this one begins."""
    return datetime.fromtimestamp(hour * _HOUR, UTC) + timedelta(seconds=_HOUR)
