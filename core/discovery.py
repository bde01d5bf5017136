"""What the connected sources hold, as one catalog: asked for, described as the operator does, and kept true.

A source is asked at first use, or an earlier process has kept what it said (`groundwire.core.kept_catalogs`). What a
description promises and a source refuses is a reason to look again. A source that is asked anew is asked over a
connection of its own, so that questions go on with what is known, and only a whole description takes its place.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from groundwire.core import telemetry
from groundwire.core.catalog import Catalog, Entity, Link, Measure
from groundwire.core.config import Config, EntityConfig, LinkConfig, MeasureConfig, SourceConfig
from groundwire.core.connector import Connector, Describing, Profiling, Recalling
from groundwire.core.errors import ConfigError, UnknownName
from groundwire.core.freshness import parse_age
from groundwire.core.labels import with_labels
from groundwire.core.retry import retrying

if TYPE_CHECKING:
    from groundwire.core.kept_catalogs import KeptCatalog

_T = TypeVar("_T")
_R = TypeVar("_R")

LONGEST = 3600.0
"""Seconds after which a running process asks anew, where `[cache] catalogs` does not say."""
PAUSE = 60.0
"""Seconds between two attempts to ask a source anew, and between two looks at what it refused."""


def in_parallel(function: Callable[[_T], _R], items: Iterable[_T], *, at_most: int = 32) -> list[_R]:
    """What the function gives for each, in threads."""
    items = list(items)
    with ThreadPoolExecutor(max_workers=max(1, min(at_most, len(items)))) as pool:
        return list(pool.map(telemetry.carried(function), items))


class Discovery:
    """The catalog of these connectors. Safe to use from several threads.

    Args:
        connectors: by the names of their sources.
        config: descriptions, links, and how old a description may become.
        kept: where the description of a source is kept; None where none is.
    """

    def __init__(
        self, connectors: Mapping[str, Connector], config: Config, kept: Callable[[str], KeptCatalog | None]
    ) -> None:
        self.connectors = connectors
        self.config = config
        self._kept = kept
        self._found: dict[str, list[Entity]] = {}
        self._learned: dict[str, float] = {}
        self._tried: dict[str, float] = {}
        self._looked: dict[str, float] = {}
        self._turn = threading.Lock()

    @property
    def longest(self) -> float:
        """Seconds after which a source is asked anew behind the answers."""
        age = parse_age(self.config.cache.catalogs)
        return age.total_seconds() * self.config.cache.refresh_at if age else LONGEST

    def catalog(self, *, kept: bool) -> Catalog:
        """Everything, discovered now.

        Args:
            kept: whether what an earlier process has kept will do.

        Raises:
            SourceError: a source can't be asked.
            ConfigError: the configuration names an entity or field that does not exist.
        """
        with self._turn, _undisturbed():
            self._found = self._discovered(self.connectors, lambda c, end: self._first(c, end, kept))
            return self._composed(self._found)

    def due(self) -> list[str]:
        """Sources whose description has grown old."""
        now = time.time()
        return [
            name
            for name, at in list(self._learned.items())
            if now - at > self.longest and now - self._tried.get(name, 0.0) > PAUSE
        ]

    def again(self, names: Iterable[str]) -> Catalog:
        """Everything, these sources asked anew. Where that fails, what is known stays.

        Raises:
            SourceError: a source can't be asked.
            ConfigError: the configuration names an entity or field that is gone.
        """
        with self._turn, _undisturbed():
            wanted = {n: self.connectors[n] for n in names}
            self._tried.update(dict.fromkeys(wanted, time.time()))
            found = {**self._found, **self._discovered(wanted, self._anew)}
            if missing := {n: c for n, c in self.connectors.items() if n not in found}:
                found |= self._discovered(missing, lambda c, end: self._first(c, end, True))
            catalog = self._composed(found)
            self._found = found
            return catalog

    def outdated(self, source: str, entities: Iterable[Entity]) -> bool:
        """Whether the source describes one of these otherwise than is known; looked at once a minute at most.

        Raises:
            SourceError: it can't be asked.
        """
        connector, now = self.connectors[source], time.time()
        if not isinstance(connector, Describing) or now - self._looked.get(source, 0.0) < PAUSE:
            return False
        self._looked[source] = now
        known = {e.name: e for e in self._found.get(source, ())}
        for entity in entities:
            before, after = known.get(entity.name), connector.describe(entity.name)
            if before is None or after is None or _columns(before) != _columns(after):
                return True
        return False

    # -- one source ------------------------------------------------------------------------

    def _discovered(
        self, connectors: Mapping[str, Connector], ask: Callable[[Connector, float], list[Entity]]
    ) -> dict[str, list[Entity]]:
        found = in_parallel(lambda c: self._of_source(c, ask), connectors.values())
        return dict(zip(connectors, found, strict=True))

    def _of_source(self, connector: Connector, ask: Callable[[Connector, float], list[Entity]]) -> list[Entity]:
        deadline = time.monotonic() + self.config.limits.timeout
        with telemetry.span("discover", source=connector.name):
            entities = ask(connector, deadline)
        source = self.config.sources.get(connector.name)
        if source is None or source.infer_relations:
            from groundwire.core.relations import with_inferred_relations

            linked = [link.from_ for link in self.config.links]
            entities = with_inferred_relations(entities, connector, deadline, linked)
        _check_entity_names(connector.name, entities, source)
        if isinstance(connector, Profiling) and (source is None or source.profile):
            marked = [_marked_sensitive(e, self._entity_config(e)) for e in entities]
            profiled = in_parallel(connector.profile, marked, at_most=connector.capabilities.concurrency)
            entities = [_marked_sampled(p, m) for p, m in zip(profiled, marked, strict=True)]
        return with_labels(entities)

    def _first(self, connector: Connector, deadline: float, may_be_kept: bool) -> list[Entity]:
        """From the source, or as a process that asked it a while ago has kept them."""
        kept, now = self._kept(connector.name), time.time()
        found = kept.entities(connector) if kept and may_be_kept else None
        self._learned[connector.name] = kept.learned_at() or now if kept and found is not None else now
        if found is None:
            found = retrying(connector.discover, deadline=deadline)
            if kept:
                kept.keep(connector)
        return found

    def _anew(self, connector: Connector, deadline: float) -> list[Entity]:
        """From the source, by a connection of its own where the connector can take over what that learned."""
        now, kept = time.time(), self._kept(connector.name)
        if not isinstance(connector, Recalling):
            found = retrying(connector.discover, deadline=deadline)
        else:
            other = type(connector)(connector.name, connector.settings)
            other.gate = connector.gate
            try:
                retrying(other.discover, deadline=deadline)
                if kept:
                    kept.keep(other)
                found = connector.recall(other.learned())
            finally:
                other.close()
        self._learned[connector.name] = now
        return found

    def _entity_config(self, entity: Entity) -> EntityConfig | None:
        source = self.config.sources.get(entity.source)
        return source.entities.get(entity.name) if source else None

    # -- all of them -----------------------------------------------------------------------

    def _composed(self, found: Mapping[str, list[Entity]]) -> Catalog:
        links = [_Endpoints.of(link, i) for i, link in enumerate(self.config.links)]
        catalog = Catalog([entity for name in self.connectors for entity in found[name]])
        resolved = [end.resolve(catalog) for end in links]
        keep: dict[str, set[str]] = {}
        for link in resolved:
            keep.setdefault(link.source, set()).update(here for here, _ in link.on)
            keep.setdefault(link.target, set()).update(there for _, there in link.on)
        described = [_described(e, self._entity_config(e), keep.get(e.full_name, set())) for e in catalog]
        return _without_lost_relations(Catalog(described)).linked(resolved)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Without the collector of cycles, which would go through hundreds of thousands of fields again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _columns(entity: Entity) -> dict[str, str]:
    return {f.name: str(f.type) for f in entity.fields}


def _check_entity_names(name: str, entities: list[Entity], source: SourceConfig | None) -> None:
    names = {e.name for e in entities}
    for wanted in source.entities if source else ():
        if wanted not in names:
            near = Catalog(entities)._near(wanted)
            raise ConfigError(
                "no such entity" + (f"; did you mean {', '.join(near)}?" if near else ""),
                setting=f"sources.{name}.entities.{wanted}",
            )


def _marked_sensitive(entity: Entity, config: EntityConfig | None) -> Entity:
    if config is None:
        return entity
    fields = tuple(
        replace(f, sensitive=f.sensitive or config.field[f.name].sensitive) if f.name in config.field else f
        for f in entity.fields
    )
    return replace(entity, fields=fields)


def _marked_sampled(profiled: Entity, before: Entity) -> Entity:
    """The profiled entity, in which values that nobody listed before are known to come from records."""
    listed = {f.name for f in before.fields if f.values}
    fields = tuple(replace(f, sampled=bool(f.values) and f.name not in listed) for f in profiled.fields)
    return replace(profiled, fields=fields)


def _described(entity: Entity, config: EntityConfig | None, keep: set[str]) -> Entity:
    """The entity as the operator describes it, without fields that the operator left out."""
    if config is None:
        return entity
    where = f"sources.{entity.source}.entities.{entity.name}"
    known = {f.name for f in entity.fields}
    for list_name, names in (("fields", config.fields), ("hide", config.hide), ("field", config.field)):
        for name in names:
            if name not in known:
                near = entity.near(name)
                raise ConfigError(
                    f"no such field {name!r}" + (f"; did you mean {', '.join(near)}?" if near else ""),
                    setting=f"{where}.{list_name}",
                )
    wanted = (set(config.fields) or known) | set(entity.primary_key) | keep
    fields = []
    for f in entity.fields:
        if f.name not in wanted or (f.name in config.hide and f.name not in keep):
            continue
        if f.name in config.field:
            extra = config.field[f.name]
            f = replace(
                f,
                description=extra.description or f.description,
                synonyms=(*f.synonyms, *extra.synonyms),
                values=extra.values or f.values,
                sampled=f.sampled and not extra.values,
                sensitive=f.sensitive or extra.sensitive,
            )
        fields.append(f)
    measures = tuple(_measure(n, m, f"{where}.measures.{n}.expression") for n, m in config.measures.items())
    return replace(
        entity,
        fields=tuple(fields),
        label=config.label or entity.label,
        description=config.description or entity.description,
        synonyms=(*entity.synonyms, *config.synonyms),
        measures=(*entity.measures, *measures),
    )


def _measure(name: str, config: MeasureConfig, setting: str) -> Measure:
    import sqlglot

    try:
        sqlglot.parse_one(config.expression, dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        raise ConfigError("not an expression in DuckDB's dialect", setting=setting) from None
    return Measure(name=name, expression=config.expression, description=config.description, synonyms=config.synonyms)


def _without_lost_relations(catalog: Catalog) -> Catalog:
    """Drop relations whose entity or fields are not in the catalog any more."""

    def kept(entity: Entity) -> Entity:
        relations = []
        for relation in entity.relations:
            if relation.target not in catalog:
                continue
            there = catalog.entity(relation.target)
            if all(entity.find_field(a) and there.find_field(b) for a, b in relation.on):
                relations.append(relation)
        return replace(entity, relations=tuple(relations))

    return Catalog(kept(e) for e in catalog)


@dataclass(frozen=True)
class _Endpoints:
    """A link as it is written, waiting for a catalog that says where entity names end."""

    config: LinkConfig
    setting: str

    @classmethod
    def of(cls, link: LinkConfig, index: int) -> _Endpoints:
        return cls(link, f"links[{index}]")

    def resolve(self, catalog: Catalog) -> Link:
        source, here = self._end(catalog, self.config.from_, "from")
        target, there = self._end(catalog, self.config.to, "to")
        return Link(
            source=source.full_name,
            target=target.full_name,
            on=((here, there),),
            name=self.config.name,
            reverse=self.config.reverse,
        )

    def _end(self, catalog: Catalog, text: str, key: str) -> tuple[Entity, str]:
        entity_name, _, field_name = text.rpartition(".")
        try:
            entity = catalog.entity(entity_name)
            return entity, entity.field(field_name).name
        except UnknownName as error:
            raise ConfigError(str(error), setting=f"{self.setting}.{key}") from None
