"""The memory connector keeps to the contract, whatever it is told to declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
import pytest
from awkward import awkward, empty

from groundwire.connectors.memory import ALL_OPERATORS, MemoryConnector
from groundwire.connectors.testing import ConnectorConformance
from groundwire.core.connector import AggregateFunction, Capabilities, Connector, Pushdown

AGGREGATES: frozenset[AggregateFunction] = frozenset({"count", "count_distinct", "sum", "min", "max", "avg"})


class _Memory(ConnectorConformance):
    capabilities: ClassVar[Capabilities] = Capabilities()
    pushdown: ClassVar[Mapping[str, Pushdown]] = {}

    @pytest.fixture
    def rows(self) -> Mapping[str, pa.Table]:
        return {"awkward": awkward(), "empty": empty()}

    @pytest.fixture
    def connector(self, rows: Mapping[str, pa.Table]) -> Connector:
        return MemoryConnector.from_tables("mem", rows, capabilities=self.capabilities, pushdown=self.pushdown)


class TestEverything(_Memory):
    capabilities = Capabilities(boolean=True, order=True, limit=True, aggregates=AGGREGATES, group_by=True, max_in=20)
    pushdown: ClassVar[Mapping[str, Pushdown]] = dict.fromkeys(ALL_OPERATORS, Pushdown.EXACT)


class TestNothing(_Memory):
    pass


class TestLoose(_Memory):
    capabilities = Capabilities(max_in=5)
    pushdown: ClassVar[Mapping[str, Pushdown]] = dict.fromkeys(ALL_OPERATORS, Pushdown.LOOSE)


class TestConjunctionsOnly(_Memory):
    pushdown: ClassVar[Mapping[str, Pushdown]] = dict.fromkeys(("=", "<", "is null", "in"), Pushdown.EXACT)
