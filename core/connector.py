"""Every extension point of groundwire on one screen: what a connector must and may do.

A connector says which entities a system holds (`discover`) and reads records of one entity
(`scan`). Everything else is optional and *declared*: the planner sends a connector no
filter, order, limit or aggregate that it did not declare, so nothing can be ignored silently.
Joins, residual filters, retries, caching and policy are the core's work.

Predicates follow SQL's three-valued logic: a record belongs to the result where the
predicate is true, and neither false nor NULL.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import pyarrow as pa
from sqlglot import exp

from groundwire.core.actions import Action as Action
from groundwire.core.actions import Arguments as Arguments
from groundwire.core.actions import Done as Done
from groundwire.core.actions import Draft as Draft
from groundwire.core.actions import Record as Record
from groundwire.core.actions import chosen as chosen
from groundwire.core.actions import record_of as record_of
from groundwire.core.actions import text as text
from groundwire.core.catalog import Entity
from groundwire.core.stopping import Stop as Stop
from groundwire.core.telemetry import Nothing, Span
from groundwire.core.telemetry import carried as carried
from groundwire.core.telemetry import leaf as leaf
from groundwire.core.telemetry import span as span
from groundwire.core.telemetry import tag as tag

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "not in", "is null", "is not null", "like"]
"""`like` is case-sensitive, with `%` and `_` and no escape character."""

AggregateFunction = Literal["count", "count_distinct", "sum", "min", "max", "avg"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`field op value`. `value` is a scalar, a non-empty tuple for `in` and `not in` (never holding
    None), None for the null tests. `field` may be a dotted path where `Capabilities.paths` allows it.

    Scalars are Python's, of the field's Arrow type: `Decimal` for decimals, `datetime` for timestamps (in UTC where the
    type has a zone, else naive), `date`, `time`, `str`, `bytes`, `bool`, `int`, `float`.
    """

    field: str
    op: Operator
    value: Any = None


@dataclass(frozen=True)
class And:
    """All terms are true."""

    terms: tuple[Predicate, ...]


@dataclass(frozen=True)
class Or:
    """At least one term is true."""

    terms: tuple[Predicate, ...]


@dataclass(frozen=True)
class Not:
    """The term is false (not NULL)."""

    term: Predicate


Predicate = Comparison | And | Or | Not


class Pushdown(enum.Enum):
    """How faithfully a source executes a comparison."""

    EXACT = "exact"
    """The same rows as SQL."""
    LOOSE = "loose"
    """All of SQL's rows and perhaps more (case-insensitive equality, say): the engine filters again."""
    NONE = "none"
    """Not at all: never sent."""


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """`function(field) AS alias`; `field` is None for COUNT(*)."""

    function: AggregateFunction
    field: str | None
    alias: str


@dataclass(frozen=True, kw_only=True)
class Order:
    """One key of an ORDER BY."""

    field: str
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A read of one entity, within what its connector declared.

    Attributes:
        entity: what to read.
        fields: columns to deliver, in this order. Dotted paths only within `Capabilities.paths`.
            With `aggregates` or `group_by` set, `fields` is empty and the columns are
            `group_by` followed by the aggregates' aliases.
        where: which records; None for all.
        group_by, aggregates: only within `Capabilities.aggregates`.
        order, limit: only within `Capabilities.order` and `.limit`; never both with LOOSE filters.
        types: Arrow type of every delivered column, keyed by column name.
    """

    entity: Entity
    fields: tuple[str, ...] = ()
    where: Predicate | None = None
    group_by: tuple[str, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    types: Mapping[str, pa.DataType] = field(default_factory=dict, hash=False)

    @property
    def schema(self) -> pa.Schema:
        """What every delivered batch looks like."""
        names = (*self.group_by, *(a.alias for a in self.aggregates)) or self.fields
        return pa.schema([pa.field(n, self.types[n]) for n in names])


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a source executes itself. The defaults declare nothing.

    Attributes:
        paths: to-one steps that a field name in a scan may take (`party.name` is one step).
            Only relations with `Relation.native` set are ever used.
        boolean: OR and NOT over comparisons; without it a predicate is a conjunction.
        order: ORDER BY over fields that are not text (text order depends on collation, so the
            core never asks for it), with both null placements.
        limit: at most so many rows, from the front of the order.
        aggregates: functions executed over all matching records, NULLs skipped as in SQL.
        group_by: aggregates per group. Text keys must be grouped by exact value.
        max_in: values in one IN list; longer lists arrive as several scans.
        concurrency: scans at the same time.
    """

    paths: int = 0
    boolean: bool = False
    order: bool = False
    limit: bool = False
    aggregates: frozenset[AggregateFunction] = frozenset()
    group_by: bool = False
    max_in: int = 200
    concurrency: int = 4


@dataclass(kw_only=True)
class ScanReport:
    """What a connector says about a scan while and after it runs; the engine made it.

    Attributes:
        native: the requests as the source understood them (SOQL, SQL, a domain), without values
            that were bound and without secrets.
        as_of: when the source began to answer; the data is true at this instant or later.
        incomplete: why records are missing; empty means that all were read.
        total: how many records match according to the source, None if it did not say.
        requests: round trips made.
        deadline: `time.monotonic()` value after which the scan must give up with `Unavailable`.
        patient: a long read for which nobody waits: `deadline` is its only limit, not the source's time-out.
        stop: set when nobody wants the answer any more. A source that would go on working is told so by what the
            connector gives to `stop.calls`.
    """

    native: list[str] = field(default_factory=list)
    as_of: datetime = field(default_factory=lambda: datetime.now(UTC))
    incomplete: list[str] = field(default_factory=list)
    total: int | None = None
    requests: int = 0
    deadline: float | None = None
    patient: bool = False
    stop: Stop = field(default_factory=Stop)

    def request(self, system: str, operation: str, *, address: str | None = None) -> Span | Nothing:
        """Count a round trip that begins now, and see how long it takes: to be used with `with`.

        Args:
            system: the product, as OpenTelemetry names databases, such as `postgresql`.
            operation: what is asked in one word: `SELECT`, `GET`.
            address: host and port.
        """
        self.requests += 1
        return leaf("request", system=system, operation=operation, **({"address": address} if address else {}))


class Gate(Protocol):
    """Shared by all processes that ask one source: whose turn it is, and what the source said of its limits."""

    def enter(self, deadline: float | None = None) -> None:
        """Wait for the turn of one request; `deadline` is a `time.monotonic()` value.

        Raises:
            RateLimited: the turn would come too late.
        """

    def told(self, *, retry_after: float | None = None, used: int | None = None, allowed: int | None = None) -> None:
        """Note what an answer said: seconds to leave the source alone, requests of a quota used and allowed."""


class Connector(ABC):
    """One connected system. Made once for each source, used from several threads at a time.

    Subclasses take the settings of their section of the configuration as keyword arguments of
    `__init__` (a frozen pydantic model named `Settings` validates them), connect on first use,
    and translate every fault of the system into an error of `groundwire.core.errors`.
    """

    Settings: ClassVar[type[Any]]
    """Pydantic model of the connector's settings; unknown settings are errors."""

    capabilities: Capabilities = Capabilities()

    gate: Gate | None = None
    """Asked before every request and told after every answer by connectors of systems with limits."""

    rate: str | None = None
    """What the vendor allows, such as 10/s or 100/m, where the configuration says nothing else."""

    def __init__(self, name: str, settings: Any) -> None:
        self.name = name
        self.settings = settings

    @abstractmethod
    def discover(self) -> list[Entity]:
        """All entities that the configured account may read, with fields and relations.

        Raises:
            SourceError: the system can't be asked.
        """

    @abstractmethod
    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        """Deliver the matching records in batches of `scan.schema`, never the whole table at once.

        Fills `report`. A page that fails raises; a short answer without a word is a defect.

        Raises:
            SourceError: in any batch, also after some were delivered.
        """

    def supports(self, entity: Entity, comparison: Comparison) -> Pushdown:
        """How faithfully this source executes the comparison. Must not contact the source."""
        return Pushdown.NONE

    def orders(self, entity: Entity, field: str) -> bool:
        """Whether a scan may be ordered by this field (never asked for text)."""
        return self.capabilities.order

    def aggregates(self, entity: Entity, aggregate: Aggregate) -> bool:
        """Whether the source computes this aggregate exactly."""
        return aggregate.function in self.capabilities.aggregates

    def groups(self, entity: Entity, field: str) -> bool:
        """Whether the source groups by exact values of this field."""
        return self.capabilities.group_by

    def check(self) -> str:
        """Log in and ask for something small; one line for the operator (product, version, user).

        Raises:
            SourceError: it does not work, and why.
        """
        return f"{len(self.discover())} entities"

    def record_url(self, entity: Entity, key: Mapping[str, Any]) -> str | None:
        """Where a person can look at this record, None where there is no such place."""
        return None

    @property
    def system(self) -> str:
        """What the product is called in traces, as OpenTelemetry names databases: here, as the connector's module."""
        return type(self).__module__.rpartition(".")[2]

    def place(self) -> str:
        """What decides which system is read besides the settings: here, the folder that relative paths start from.

        Processes share what they cached of a source if its settings and its place are equal.
        """
        return str(Path.cwd())

    def addresses(self) -> tuple[str, ...]:
        """URLs that may be contacted besides those in the settings, such as a vendor's place to log in."""
        return ()

    def close(self) -> None:  # noqa: B027 - nothing to let go of is the common case
        """Let go of connections. May be called twice."""


@runtime_checkable
class QueryPushdown(Protocol):
    """Optional: the source executes whole queries (any SQL database)."""

    def refuses(self, query: exp.Query) -> str | None:
        """None where the source gives the same rows as DuckDB for this query, else the reason why not."""

    def scan_query(self, query: exp.Query, schema: pa.Schema, report: ScanReport) -> Iterator[pa.RecordBatch]:
        """Execute the query and deliver batches of exactly `schema`.

        Args:
            query: a bound query in DuckDB's dialect. Every table is an `exp.Table` whose
                `meta["entity"]` is an `Entity` of this source and which carries an alias; every
                column is qualified by such an alias or by that of a derived table or CTE.
        """


@runtime_checkable
class Profiling(Protocol):
    """Optional: cheap facts about the values, for better catalogs and better prompts."""

    def profile(self, entity: Entity) -> Entity:
        """The same entity with `rows` estimated and `values` filled for text fields with few of them."""


@runtime_checkable
class Describing(Protocol):
    """Optional: one entity's description without those of all others, to notice that it changed."""

    def describe(self, name: str) -> Entity | None:
        """The entity as the source describes it now, None if it is gone.

        Raises:
            SourceError: the system can't be asked.
        """


@runtime_checkable
class Recalling(Protocol):
    """Optional: what discovery learned can be kept, and taken up by another process without asking the source."""

    def learned(self) -> Any:
        """What `discover` learned, ready for JSON; no secrets and no records. Must not contact the source."""

    def recall(self, learned: Any) -> list[Entity]:
        """What `discover` gave when it learned this, the connector as after it. Must not contact the source."""


@runtime_checkable
class SourceClock(Protocol):
    """Optional: the source tells its own time, by which it stamps what changes. `Deletions` are asked only with it."""

    def clock(self) -> datetime | None:
        """The source's present time (UTC), None where it does not tell."""

    def open_since(self) -> datetime | None:
        """When the oldest change began that is not committed yet, by the source's clock.

        None where there is none, or where the source does not say.
        """


@runtime_checkable
class ChangedSince(Protocol):
    """Optional: the source stamps changes in another way than by one field that always has a value."""

    def changed_since(self, entity: Entity, cursor: str, value: Any) -> Predicate:
        """Which records have changed since the cursor had this value; that value counts."""


@runtime_checkable
class PartlyTracked(Protocol):
    """Optional: some fields are computed by the source, and change without the record's cursor."""

    def untracked(self, entity: Entity) -> frozenset[str]:
        """Names of those fields: no copy can keep them true. Must not contact the source."""


@dataclass(frozen=True, kw_only=True)
class KeyRanges:
    """A division of an entity's records by their primary key.

    Attributes:
        count: ranges, numbered from 0.
        start, width: where the key is one integer, range n begins at `start + n * width` (what is below `start` is in
            range 0); without `start`, records are divided by a digest of their key.
    """

    count: int
    start: int | None = None
    width: int = 1


@runtime_checkable
class Checksums(Protocol):
    """Optional: the source computes checksums of records by itself, equal for equal values whatever the source."""

    def checksums_of(self, entity: Entity, fields: Sequence[str]) -> bool:
        """Whether it can for these fields, exactly. Must not contact the source."""

    def range_checksums(
        self, entity: Entity, fields: Sequence[str], ranges: KeyRanges, report: ScanReport
    ) -> Iterator[pa.RecordBatch]:
        """For every range that has records: its number, their number, and two sums of their digests.

        Raises:
            SourceError: in any batch.
        """

    def record_checksums(
        self, entity: Entity, fields: Sequence[str], ranges: KeyRanges, some: Sequence[int], report: ScanReport
    ) -> Iterator[pa.RecordBatch]:
        """For every record of the ranges with these numbers: the fields of its key, and two slices of its digest.

        Raises:
            SourceError: in any batch.
        """


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """What a source's own feed of deletions says.

    Attributes:
        keys: one tuple of primary key values for each record; it may have come back since.
        until: the feed is complete up to this instant, by the source's clock: where it tells everything at once, when
            it was asked. What is earlier makes the copy look older.
    """

    keys: tuple[tuple[Any, ...], ...]
    until: datetime


@runtime_checkable
class Deletions(Protocol):
    """Optional: the source remembers what was deleted."""

    def deleted(self, entity: Entity, since: datetime) -> Deleted | None:
        """Records deleted since then (by the source's clock); None where it does not remember that far back.

        Raises:
            SourceError: the system can't be asked.
        """


@dataclass(frozen=True, kw_only=True)
class Change:
    """Records of one entity that were written or deleted.

    Attributes:
        entity: native name.
        keys: one tuple of primary key values for each record, as text; None where they are too many to name.
    """

    entity: str
    keys: tuple[tuple[str | None, ...], ...] | None


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A mark came back: every change that was committed before it was sent has been delivered.

    Attributes:
        name: as it was sent.
        covered: native names of the entities whose changes the source was telling at that moment.
    """

    name: str
    covered: frozenset[str]


class Listening(Protocol):
    """One connection that is told of changes; for one thread."""

    def mark(self, name: str) -> None:
        """Send a mark through the source: it comes back behind all changes that were committed before.

        Raises:
            SourceError: the connection is lost; changes may have been missed.
        """

    def wait(self, seconds: float) -> list[Change | Mark]:
        """What has arrived, in order; at the latest after so many seconds, then perhaps nothing.

        Raises:
            SourceError: the connection is lost; changes may have been missed.
        """

    def close(self) -> None:
        """Let go of the connection. May be called twice."""


@runtime_checkable
class Acting(Protocol):
    """Optional: the source can be written to, by declared actions that a person has approved."""

    def actions(self, wanted: Mapping[str, Mapping[str, Any]]) -> Sequence[Action]:
        """The actions that the configuration wants, each with its own settings. Asked after `discover`, contacts
        nobody.

        Raises:
            ConfigError: there is no such action, or its settings make no sense.
        """


@runtime_checkable
class ChangeEvents(Protocol):
    """Optional: the source tells of changes as they are committed."""

    def event_statements(self, entities: Sequence[Entity], *, remove: bool = False) -> list[str]:
        """The statements by which the source begins, or stops, to tell of changes of these entities.

        Raises:
            ConfigError: this source, or one of the entities, has no such means.
        """

    def execute_statements(self, statements: Sequence[str]) -> None:
        """Execute them in one transaction, with this source's account.

        Raises:
            SourceError: the account may not, or the source does not answer.
        """

    def listen(self, entities: Sequence[Entity]) -> Listening:
        """Begin to listen.

        Raises:
            ConfigError: this source has no such means.
            SourceError: it can't be reached.
        """
