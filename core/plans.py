"""Plans kept for the next time that the same text is asked.

Binding, type checking and splitting cost a few milliseconds, as much as a small query itself. A
plan that depends on the clock is never kept, and a new catalog forgets all of them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from groundwire.core.catalog import Catalog

if TYPE_CHECKING:
    from groundwire.core.planner import Plan

MOST = 256
"""Plans kept; the one unused for longest goes first."""

LONGEST = 10_000
"""Characters of a query whose plan is kept; a tree takes about a thousand times the memory of its text."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Everything besides the catalog that a plan depends on; see `Hub.plan`."""

    sql: str
    limit: int | None
    whole: bool
    link_values: bool
    copies: frozenset[tuple[str, str]] = frozenset()


class Plans:
    """The plans of one catalog, by what was asked. Safe to use from several threads."""

    def __init__(self) -> None:
        self._catalog: Catalog | None = None
        self._plans: OrderedDict[Asked, Plan] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, catalog: Catalog, asked: Asked) -> Plan | None:
        """The plan that was kept for this catalog, if any."""
        with self._lock:
            if self._catalog is not catalog or asked not in self._plans:
                return None
            self._plans.move_to_end(asked)
            return self._plans[asked]

    def keep(self, catalog: Catalog, asked: Asked, plan: Plan) -> None:
        """Keep a plan, unless it means something else tomorrow or is too large."""
        if plan.bound.reads_clock or len(asked.sql) > LONGEST:
            return
        with self._lock:
            if self._catalog is not catalog:
                self._catalog = catalog
                self._plans.clear()
            self._plans[asked] = plan
            while len(self._plans) > MOST:
                self._plans.popitem(last=False)
