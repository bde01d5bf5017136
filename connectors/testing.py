"""The conformance kit: a connector is proved by subclassing, with two fixtures and no test code.

::

    class TestMine(ConnectorConformance):
        @pytest.fixture
        def connector(self, server): return MyConnector("mine", MySettings(url=server.url))

        @pytest.fixture
        def rows(self): return {"Account": pa.table({...})}   # what the source really holds

Everything that the connector declares is compared with DuckDB over `rows`; what it does not declare
is never sent. A difference that is known is a `Gap` with its owner and reason, and gaps are strict:
one that is closed fails the run until it is deleted. Faults of the network (a server that is down, a page that
fails) and changes are `groundwire.connectors.testing_http`'s: they need a server.

Conformance by subclassing is fsspec's idea (`fsspec/tests/abstract`), strict gaps are Ibis's.
This module needs pytest and is imported by tests only.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
import re
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Literal, TypeVar

import pyarrow as pa
import pytest

from groundwire.connectors.testing_cases import aggregates, alike, halves, never_true, picked, since, twice
from groundwire.connectors.testing_oracle import (
    HOSTILE_TEXTS,
    PATTERNS,
    Oracle,
    absent,
    call,
    combined,
    example,
    outline,
    plain,
    quoted,
    short,
    with_neighbours,
)
from groundwire.core.catalog import Entity, Field
from groundwire.core.connector import (
    Aggregate,
    Comparison,
    Connector,
    Not,
    Operator,
    Or,
    Order,
    Predicate,
    Pushdown,
    Scan,
    ScanReport,
)
from groundwire.core.errors import GroundwireError, Unavailable

_ORDERED: tuple[Operator, ...] = ("=", "!=", "<", "<=", ">", ">=")
_SAYS_NOTHING = re.compile(r"HTTP \d{3}$")


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A difference from SQL that is known and accepted for now.

    Attributes:
        check: name of the test method.
        subject: what it concerns, as the failure names it; `*` and `?` as in file names.
        owner: `ours` to mend, `theirs` (the system's or its client's), or `never` to be mended.
        reason: why.
    """

    check: str
    subject: str = "*"
    owner: Literal["ours", "theirs", "never"]
    reason: str


@dataclass
class Kit:
    """What the checks share: the connector, its entities, the oracle, and the differences found.

    Attributes:
        oracle: over the columns whose names and types are the catalog's.
        rows: by entity name, with all columns.
    """

    connector: Connector
    entities: Mapping[str, Entity]
    oracle: Oracle
    rows: Mapping[str, pa.Table] = field(default_factory=dict)
    gaps: Sequence[Gap] = ()
    sample: int = 4
    problems: list[tuple[str, str]] = field(default_factory=list)

    @contextlib.contextmanager
    def about(self, subject: str) -> Iterator[None]:
        """Note a failed assertion or an error of the connector as a difference in `subject`."""
        try:
            yield
        except (AssertionError, GroundwireError) as error:
            text = next(iter(str(error).splitlines()), "")
            if _SAYS_NOTHING.search(text):
                text += " (make `fault` tell what the system says in the answer)"
            self.problems.append((subject, f"{type(error).__name__}: {text}"))

    def settle(self, check: str) -> None:
        """Fail for every difference without a gap, and for every gap without a difference."""
        gaps = [g for g in self.gaps if g.check == check]
        lines = [f"{s}: {m}" for s, m in self.problems if not any(fnmatchcase(s, g.subject) for g in gaps)]
        lines += [
            f"the gap {g.subject!r} ({g.owner}: {g.reason}) is closed: delete it"
            for g in gaps
            if not any(fnmatchcase(s, g.subject) for s, _ in self.problems)
        ]
        if lines:
            more = f"\n... and {len(lines) - 20} more" if len(lines) > 20 else ""
            pytest.fail("\n".join(lines[:20]) + more, pytrace=False)

    def tables(self) -> Iterator[tuple[Entity, pa.Table]]:
        """Each entity that has rows to compare with."""
        for name, rows in self.oracle.rows.items():
            yield self.entities[name], rows

    def fields(self) -> Iterator[tuple[Entity, Field, list[Any]]]:
        """Each field of these, with some of its values: distinct, not null, in no order."""
        for entity, rows in self.tables():
            for name in rows.column_names:
                values = rows.column(name).unique().drop_null().to_pylist()
                yield entity, entity.field(name), [v for v in values if v == v][: self.sample]

    def names(self, entity: str) -> list[str]:
        """The names of an entity's fields."""
        return [f.name for f in self.entities[entity].fields]

    def read(self, entity: Entity, **parts: Any) -> list[tuple[Any, ...]]:
        """The rows of a scan, after checking what every scan must keep to."""
        types = parts.pop("types", None) or {f.name: f.type for f in entity.fields}
        scan = Scan(entity=entity, types=types, **parts)
        report = ScanReport()
        found: list[tuple[Any, ...]] = []
        for batch in self.connector.scan(scan, report):
            assert batch.schema.names == scan.schema.names, (
                f"a batch has the columns {batch.schema.names}, `scan.schema` has {scan.schema.names}"
            )
            got, wanted = ([str(t) for t in schema.types] for schema in (batch.schema, scan.schema))
            assert got == wanted, f"a batch has the types {got}, `scan.schema` has {wanted}"
            found += zip(*(map(plain, c.to_pylist()) for c in batch.columns), strict=True)
        assert report.native, "`report.native` does not say what the source was asked"
        assert report.requests > 0 or not found, (
            "`report.requests` is 0: give `report=report` to get, post and ask, or use `with report.request(...)`"
        )
        assert not report.incomplete, f"incomplete: {report.incomplete}"
        return found

    def support(self, entity: Entity, comparison: Comparison) -> Pushdown:
        """What the connector declares for a comparison."""
        return self.connector.supports(entity, comparison)

    def takes(self, entity: Entity, where: Predicate, *, exactly: bool = False) -> bool:
        """Whether the connector takes a whole predicate, perhaps loosely."""
        if isinstance(where, Comparison):
            support = self.support(entity, where)
            return support is Pushdown.EXACT or (support is Pushdown.LOOSE and not exactly)
        if isinstance(where, Not):
            return self.connector.capabilities.boolean and self.takes(entity, where.term, exactly=True)
        if isinstance(where, Or) and not self.connector.capabilities.boolean:
            return False
        return all(self.takes(entity, term, exactly=exactly) for term in where.terms)

    def compare(self, entity: Entity, where: Predicate, *, loose: bool = False) -> None:
        """The scan gives the oracle's rows, or with `loose` at least those."""
        names = tuple(self.oracle.rows[entity.name].column_names)
        if isinstance(where, Comparison):  # enough to tell the rows apart, and quick
            names = tuple(dict.fromkeys((names[0], where.field, names[-1])))
        got = Counter(self.read(entity, fields=names, where=where))
        wanted = Counter(self.oracle.select(entity.name, names, where))
        missing, extra = wanted - got, got - wanted
        assert not missing, f"{missing.total()} of {wanted.total()} rows are missing, such as {example(missing)}"
        assert loose or not extra, f"{extra.total()} rows too many, such as {example(extra)}"

    def exact(self, entity: Entity) -> list[Comparison]:
        """A few comparisons that the connector executes exactly, on different fields."""
        found = []
        for owner, one, values in self.fields():
            for op in ("=", "<", ">=", "is null", "in"):
                if owner is entity and values:
                    value: Any = None if op == "is null" else tuple(values[:2]) if op == "in" else values[0]
                    comparison = Comparison(field=one.name, op=op, value=value)
                    if self.support(entity, comparison) is Pushdown.EXACT:
                        found.append(comparison)
        return found


Check = TypeVar("Check", bound=Callable[..., None])

_discovered: weakref.WeakKeyDictionary[Connector, dict[str, Entity]] = weakref.WeakKeyDictionary()


def check(test: Check) -> Check:
    """A test that collects differences and settles them with the gaps at its end."""

    @functools.wraps(test)
    def run(self: Any, kit: Kit, **more: Any) -> None:
        test(self, kit, **more)
        kit.settle(test.__name__)

    return run  # type: ignore[return-value]


class ConnectorConformance:
    """Subclass, override `connector` and `rows`, and pytest runs the checks below.

    Fixtures may have any scope (class-scoped ones are class methods). The connector is not closed between the checks.
    """

    sample: ClassVar[int] = 4
    """Values of each field that are compared with, besides what lies beside them; fewer where requests are slow."""

    @pytest.fixture
    def connector(self) -> Connector:
        """The connector, ready to be asked."""
        raise NotImplementedError("override the fixture `connector`")

    @pytest.fixture
    def rows(self) -> Mapping[str, pa.Table]:
        """By entity name what the source really holds, in the types that the catalog should give.

        A few of the entity's fields are enough; a few dozen awkward rows are better than many.
        """
        raise NotImplementedError("override the fixture `rows`")

    @pytest.fixture
    def gaps(self) -> Sequence[Gap]:
        """Known differences; none unless overridden."""
        return ()

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        """Texts that must never be seen, such as the password in the settings."""
        return ()

    @pytest.fixture
    def kit(self, connector: Connector, rows: Mapping[str, pa.Table], gaps: Sequence[Gap]) -> Kit:
        """The checks' tools; not for overriding."""
        if connector not in _discovered:
            _discovered[connector] = {e.name: e for e in connector.discover()}
        entities = _discovered[connector]
        missing = [name for name in rows if name not in entities]
        assert not missing, f"discover() gives no {', '.join(missing)}, but {', '.join(entities) or 'nothing'}"
        names = {g.check for g in gaps}
        unknown = [n for n in names if not callable(getattr(self, n, None))]
        assert not unknown, f"gaps for checks that do not exist: {unknown}"
        known = {name: alike(table, entities[name]) for name, table in rows.items()}
        oracle = Oracle({name: table for name, table in known.items() if table.column_names})
        return Kit(connector=connector, entities=entities, oracle=oracle, rows=rows, gaps=gaps, sample=self.sample)

    # -- the catalog -----------------------------------------------------------------------

    @check
    def test_discovery_is_well_formed(self, kit: Kit) -> None:
        by_full_name = {e.full_name: e for e in kit.entities.values()}
        for entity in kit.entities.values():
            with kit.about(entity.name):
                names = [f.name for f in entity.fields]
                assert entity.source == kit.connector.name, f"it belongs to {entity.source!r}"
                assert names, "it has no fields"
                assert all(names) and len(set(names)) == len(names), "field names are empty or double"
                twins = entity.twins()
                assert not twins, f"SQL does not tell {' and '.join(twins)} apart: give one of them another name"
                assert set(entity.primary_key) <= set(names), f"no such key field: {entity.primary_key}"
                assert entity.cursor is None or entity.cursor in names, f"no such cursor field: {entity.cursor}"
                relations = [r.name.lower() for r in entity.relations]
                assert len(set(relations)) == len(relations), f"relation names are double: {relations}"
            for relation in entity.relations:
                with kit.about(f"{entity.name}.{relation.name}"):
                    target = by_full_name.get(relation.target)
                    assert target is not None, f"it leads to {relation.target}, which is not there"
                    assert relation.on, "it names no fields"
                    assert all(entity.find_field(a) for a, _ in relation.on), f"no such field here: {relation.on}"
                    assert all(target.find_field(b) for _, b in relation.on), f"no such field there: {relation.on}"

    @check
    def test_optional_parts_are_whole(self, kit: Kit) -> None:
        """A connector that has some methods of an optional protocol is never asked for any of them."""
        for name, there, missing in halves(kit.connector):
            with kit.about(name):
                raise AssertionError(f"{', '.join(there)} is never asked without {', '.join(missing)}")

    @check
    def test_types_are_those_of_the_rows(self, kit: Kit) -> None:
        """Fields that differ here are left out of all other checks: they would only say the same again."""
        for name, rows in kit.rows.items():
            for wanted in rows.schema:
                with kit.about(f"{name}.{wanted.name}"):
                    found = {f.name: f for f in kit.entities[name].fields}.get(wanted.name)
                    assert found is not None, f"discover() gives no such field, but {', '.join(kit.names(name))}"
                    assert found.type == wanted.type, (
                        f"discover() says {found.type}, the fixture `rows` {wanted.type}: make them agree"
                    )

    # -- plain reads -----------------------------------------------------------------------

    @check
    def test_a_full_scan_gives_every_value(self, kit: Kit) -> None:
        for entity, rows in kit.tables():
            for name in rows.column_names:
                with kit.about(f"{entity.name}.{name}"):
                    got = Counter(kit.read(entity, fields=(name,)))
                    wanted = Counter((plain(v),) for v in rows.column(name).to_pylist())
                    assert got == wanted, f"missing {example(wanted - got)}, too many {example(got - wanted)}"

    @check
    def test_columns_come_in_the_order_asked_for(self, kit: Kit) -> None:
        for entity, rows in kit.tables():
            names = tuple(rows.column_names)
            for asked in (names, names[::-1], names[len(names) // 2 :]):
                with kit.about(entity.name):
                    got = Counter(kit.read(entity, fields=asked))
                    wanted = Counter(kit.oracle.select(entity.name, asked, None))
                    assert got == wanted, (
                        f"values are wrong or in other columns: {example(got - wanted)} instead of "
                        f"{example(wanted - got)}"
                    )

    @check
    def test_a_scan_may_be_left_early(self, kit: Kit) -> None:
        for entity, rows in kit.tables():
            with kit.about(entity.name):
                names = tuple(rows.column_names)
                types = {f.name: f.type for f in entity.fields}
                for _ in range(8):
                    stream = kit.connector.scan(Scan(entity=entity, fields=names, types=types), ScanReport())
                    next(stream, None)
                    if hasattr(stream, "close"):
                        stream.close()
                assert len(kit.read(entity, fields=names)) == rows.num_rows

    @check
    def test_several_scans_at_once_do_not_mix(self, kit: Kit) -> None:
        jobs = [(e, name) for e, rows in kit.tables() for name in rows.column_names][:24]

        def same(job: tuple[Entity, str]) -> bool:
            entity, name = job
            wanted = Counter((plain(v),) for v in kit.oracle.rows[entity.name].column(name).to_pylist())
            return Counter(kit.read(entity, fields=(name,))) == wanted

        with ThreadPoolExecutor(max_workers=max(2, kit.connector.capabilities.concurrency)) as pool:
            answers = list(pool.map(same, jobs))
        for (entity, name), right in zip(jobs, answers, strict=True):
            with kit.about(f"{entity.name}.{name}"):
                assert right, "other values than alone"

    # -- filters ---------------------------------------------------------------------------

    @check
    def test_comparisons_give_the_rows_of_sql(self, kit: Kit) -> None:
        for entity, one, values in kit.fields():
            for value in with_neighbours(values, one.type):
                for op in _ORDERED:
                    self._compare(kit, entity, Comparison(field=one.name, op=op, value=value))

    @check
    def test_null_tests_give_the_rows_of_sql(self, kit: Kit) -> None:
        for entity, one, _ in kit.fields():
            for op in ("is null", "is not null"):
                self._compare(kit, entity, Comparison(field=one.name, op=op))

    @check
    def test_like_gives_the_rows_of_sql(self, kit: Kit) -> None:
        for entity, one, values in kit.fields():
            if pa.types.is_string(one.type):
                own = [p for v in values for p in (v, f"{v[:2]}%", f"%{v[-2:]}", f"{v[:1].swapcase()}%")]
                for pattern in dict.fromkeys([*PATTERNS, *own]):
                    self._compare(kit, entity, Comparison(field=one.name, op="like", value=pattern))

    @check
    def test_lists_give_the_rows_of_sql_up_to_the_declared_length(self, kit: Kit) -> None:
        longest = kit.connector.capabilities.max_in
        for entity, one, values in kit.fields():
            if not values:
                continue
            padded = [*values, *absent(one.type, values, longest - len(values))][:longest]
            for listed in {tuple(values[:1]), tuple(values[:longest]), tuple(padded)}:
                for op in ("in", "not in"):
                    self._compare(kit, entity, Comparison(field=one.name, op=op, value=listed))

    @check
    def test_hostile_text_is_only_text(self, kit: Kit) -> None:
        for entity, one, _ in kit.fields():
            if pa.types.is_string(one.type):
                for text in HOSTILE_TEXTS:
                    for op in ("=", "!=", "<", ">="):
                        self._compare(kit, entity, Comparison(field=one.name, op=op, value=text))
                longest = kit.connector.capabilities.max_in
                for start in range(0, len(HOSTILE_TEXTS), longest):
                    listed = HOSTILE_TEXTS[start : start + longest]
                    self._compare(kit, entity, Comparison(field=one.name, op="in", value=listed))
                    self._compare(kit, entity, Comparison(field=one.name, op="not in", value=listed))

    @check
    def test_conditions_combine_as_in_sql(self, kit: Kit) -> None:
        chance = random.Random(20)  # noqa: S311 - the same trees in every run
        boolean = kit.connector.capabilities.boolean
        for entity, _ in kit.tables():
            pool: list[Predicate] = [*kit.exact(entity)]
            for _ in range(40 if len(pool) > 1 else 0):
                where = combined(pool, chance, 3, boolean)
                with kit.about(f"{entity.name} {outline(where)}"):
                    kit.compare(entity, where)
            for where in twice(kit, entity):
                with kit.about(f"{entity.name} {outline(where)}"):
                    kit.compare(entity, where)

    @check
    def test_a_cursor_can_be_used(self, kit: Kit) -> None:
        """What bringing a copy up to date asks for; where a source can't give it, every sync reads everything again."""
        for entity, _ in kit.tables():
            if entity.cursor is None:
                continue
            with kit.about(f"{entity.name}.{entity.cursor}"):
                type_ = entity.field(entity.cursor).type
                kinds = (pa.types.is_timestamp, pa.types.is_date, pa.types.is_integer)
                assert any(kind(type_) for kind in kinds), f"a cursor is a time, a date or a whole number, not {type_}"
                assert entity.primary_key, "a cursor is of no use without a primary key"
                keys = picked(kit, entity)
                assert keys is None or kit.takes(entity, keys), (
                    f"the cursor is never used, as records can't be had by key: let `supports` take {outline(keys)}"
                )
                later = since(kit, entity, entity.cursor)
                assert later is None or kit.takes(entity, later), (
                    f"the cursor is never used: let `supports` take {outline(later)}"
                    + (", with `capabilities.boolean`, or say `nullable=False`" if isinstance(later, Or) else "")
                )
                for where in (keys, later):
                    if where is not None and entity.cursor in kit.oracle.rows[entity.name].column_names:
                        kit.compare(entity, where, loose=not kit.takes(entity, where, exactly=True))

    def _compare(self, kit: Kit, entity: Entity, comparison: Comparison) -> None:
        support = kit.support(entity, comparison)
        if support is not Pushdown.NONE:
            with kit.about(f"{entity.name}.{comparison.field} {comparison.op} {short(comparison.value)}"):
                kit.compare(entity, comparison, loose=support is Pushdown.LOOSE)

    # -- order and limit -------------------------------------------------------------------

    @check
    def test_order_and_the_place_of_nulls_are_those_of_sql(self, kit: Kit) -> None:
        """By each field that a scan may be ordered by, and by two, of which the first has the fewer values."""
        for entity, rows in kit.tables():
            kinds = (pa.types.is_string, pa.types.is_binary)
            names = [f.name for f in rows.schema if not any(kind(f.type) for kind in kinds)]
            able = [name for name in names if kit.connector.orders(entity, name)]
            for name in able:
                for descending, first in itertools.product((False, True), repeat=2):
                    self._ordered(kit, entity, Order(field=name, descending=descending, nulls_first=first))
            able.sort(key=lambda name: len(rows.column(name).unique()))
            for one, two in itertools.pairwise(able):
                for descending in (False, True):
                    major = Order(field=one, descending=descending, nulls_first=False)
                    self._ordered(kit, entity, major, Order(field=two, descending=not descending, nulls_first=True))

    def _ordered(self, kit: Kit, entity: Entity, *keys: Order) -> None:
        ways = [f"{'DESC' if key.descending else 'ASC'} NULLS {'FIRST' if key.nulls_first else 'LAST'}" for key in keys]
        names = tuple(key.field for key in keys)
        with kit.about(f"{entity.name}." + ", ".join(f"{n} {way}" for n, way in zip(names, ways, strict=True))):
            order = ", ".join(f"{quoted(n)} {way}" for n, way in zip(names, ways, strict=True))
            columns = ", ".join(map(quoted, names))
            wanted, _ = kit.oracle.query(f"SELECT {columns} FROM {quoted(entity.name)} ORDER BY {order}")
            assert kit.read(entity, fields=names, order=keys) == wanted, "another order"
            if kit.connector.capabilities.limit and len(wanted) > 2:
                count = len(wanted) // 2
                got = kit.read(entity, fields=names, order=keys, limit=count)
                assert got == wanted[:count], f"not the first {count} of the order"

    @check
    def test_limits_give_so_many_rows(self, kit: Kit) -> None:
        if not kit.connector.capabilities.limit:
            return
        for entity, rows in kit.tables():
            names, count = tuple(rows.column_names), rows.num_rows
            everything = Counter(kit.oracle.select(entity.name, names, None))
            for limit in sorted({0, 1, max(0, count - 1), count, count + 1}):
                with kit.about(f"{entity.name} LIMIT {limit}"):
                    got = Counter(kit.read(entity, fields=names, limit=limit))
                    assert got.total() == min(limit, count), f"{got.total()} rows"
                    assert got <= everything, f"rows that do not exist, such as {example(got - everything)}"

    # -- aggregates ------------------------------------------------------------------------

    @check
    def test_aggregates_are_those_of_sql(self, kit: Kit) -> None:
        for entity, rows in kit.tables():
            filters: list[Comparison | None] = [None, *kit.exact(entity)[:2], *never_true(kit, entity)]
            for aggregate in aggregates(kit, entity, rows):
                for where in filters:
                    self._aggregate(kit, entity, (), (aggregate,), where)

    @check
    def test_groups_are_those_of_sql(self, kit: Kit) -> None:
        if not kit.connector.capabilities.group_by:
            return
        for entity, rows in kit.tables():
            asked = tuple(aggregates(kit, entity, rows))
            groupable = [n for n in rows.column_names if kit.connector.groups(entity, n)]
            for name in groupable:
                self._aggregate(kit, entity, (name,), asked, None)
            for pair in itertools.pairwise(groupable):
                self._aggregate(kit, entity, pair, asked[:1], None)
                self._aggregate(kit, entity, pair, (), None)

    def _aggregate(
        self,
        kit: Kit,
        entity: Entity,
        keys: tuple[str, ...],
        asked: tuple[Aggregate, ...],
        where: Comparison | None,
    ) -> None:
        by = f" by {', '.join(keys)}" if keys else ""
        ending = by + (f" where {outline(where)}" if where else "")
        got: list[tuple[Any, ...]] | None = None
        with kit.about(f"{entity.name}{ending}"):
            columns = [*map(quoted, keys), *(f"{call(a)} AS {quoted(a.alias)}" for a in asked)]
            sql = f"SELECT {', '.join(columns)} FROM {quoted(entity.name)} WHERE "
            sql += kit.oracle.condition(entity.name, where)
            if keys:
                sql += f" GROUP BY {', '.join(map(quoted, keys))}"
            wanted, types = kit.oracle.query(sql)
            names = [*keys, *(a.alias for a in asked)]
            scan_types = dict(zip(names, types, strict=True))
            got = kit.read(entity, group_by=keys, aggregates=asked, where=where, types=scan_types)
            assert Counter(r[: len(keys)] for r in got) == Counter(r[: len(keys)] for r in wanted), "other groups"
        for column, aggregate in enumerate(asked, len(keys)) if got is not None else ():
            with kit.about(f"{entity.name} {aggregate.function}({aggregate.field or '*'}){ending}"):
                found = Counter((*r[: len(keys)], r[column]) for r in got)
                right = Counter((*r[: len(keys)], r[column]) for r in wanted)
                assert found == right, f"{example(found - right)} instead of {example(right - found)}"

    # -- manners ---------------------------------------------------------------------------

    @check
    def test_an_unknown_field_is_refused(self, kit: Kit) -> None:
        for entity, _ in kit.tables():
            with kit.about(entity.name), pytest.raises(GroundwireError):
                kit.read(entity, fields=("no_such_field_here",), types={"no_such_field_here": pa.string()})

    @check
    def test_a_scan_past_its_deadline_gives_up(self, kit: Kit) -> None:
        for entity, rows in kit.tables():
            if rows.num_rows:
                with kit.about(entity.name):
                    name = rows.column_names[0]
                    scan = Scan(entity=entity, fields=(name,), types={name: entity.field(name).type})
                    late = ScanReport(deadline=time.monotonic() - 1)
                    try:
                        list(kit.connector.scan(scan, late))
                    except Unavailable:
                        continue
                    raise AssertionError("it read on")

    @check
    def test_secrets_are_never_shown(self, kit: Kit, secrets: Sequence[str]) -> None:
        shown = [repr(kit.connector), str(kit.connector), repr(kit.connector.settings), kit.connector.check()]
        report = ScanReport()
        entity, rows = next(kit.tables())
        for name in (rows.column_names[0], "no_such_field_here"):
            try:
                list(kit.connector.scan(Scan(entity=entity, fields=(name,), types={name: pa.string()}), report))
            except GroundwireError as error:
                shown.append(str(error))
        shown += report.native
        for number, secret in enumerate(secrets):
            with kit.about(f"secret {number}"):
                assert not any(secret in text for text in shown), "it is in a repr, a report or an error"

    @check
    def test_closing_twice_is_harmless(self, kit: Kit) -> None:
        with kit.about(kit.connector.name):
            kit.connector.close()
            kit.connector.close()
