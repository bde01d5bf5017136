"""The one object that a user holds: connected sources, their catalog, and questions to them.

    with Hub.from_config("groundwire.toml") as hub:
        result = hub.query("SELECT Name FROM crm.Account WHERE Industry = 'Retail'")

A hub is safe to use from several threads. It connects on first use and closes with `close`.
"""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from groundwire.core import config as configuration
from groundwire.core import registry, telemetry
from groundwire.core.catalog import Catalog, Entity, near_names
from groundwire.core.config import Config, LimitsConfig, SourceConfig
from groundwire.core.connector import Connector
from groundwire.core.discovery import Discovery, in_parallel
from groundwire.core.errors import (
    AuthFailed,
    ConfigError,
    GroundwireError,
    PolicyError,
    QueryError,
    Rejected,
    SourceError,
    Unavailable,
    UnknownName,
)
from groundwire.core.freshness import Bounds, Clock, Freshness, parse_age, utc_now
from groundwire.core.plans import LONGEST, Asked, Plans

log = logging.getLogger(__name__)

MOST_VIEWS = 64
"""Principals whose rights and plans a hub remembers; the one that has not asked for longest goes first."""

UNRECORDED = "this answer is not in the audit trail, which can't be written"

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from groundwire.core.actions import Action
    from groundwire.core.answers import Answers
    from groundwire.core.audit_record import Recorder
    from groundwire.core.binder import Bound
    from groundwire.core.budgets import Budgets
    from groundwire.core.cache import Cache
    from groundwire.core.control import Control
    from groundwire.core.engine import Progress
    from groundwire.core.kept_catalogs import KeptCatalog
    from groundwire.core.limits import Quota
    from groundwire.core.planner import Plan
    from groundwire.core.policy import Policy, Principal, Rights
    from groundwire.core.proposal_store import ProposalStore
    from groundwire.core.proposals import Actions
    from groundwire.core.refresh import Refresher
    from groundwire.core.replica import Offers, Replicas
    from groundwire.core.result import Result
    from groundwire.core.rotation import Rotation


@dataclass(frozen=True, kw_only=True)
class SourceStatus:
    """Whether a source answers: `message` is the product and the user, or the error."""

    source: str
    kind: str
    ok: bool
    message: str
    error: SourceError | None = None


@dataclass(frozen=True, kw_only=True)
class _Question:
    """What was asked of `Hub.query`, with every default filled in."""

    sql: str
    bounds: Bounds
    asked_at: datetime
    limit: int | None
    on_error: str
    limits: LimitsConfig
    link_values: bool = False
    progress: Progress | None = None
    keep: bool = False
    stop: threading.Event | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What was asked, as the audit trail keeps it and `replay` asks it again."""
        bound = self.bounds.asked
        return {
            "sql": self.sql,
            "max_age": None if bound is None else bound.total_seconds(),
            "limit": self.limit,
            "on_error": self.on_error,
            "link_values": self.link_values,
        }


@dataclass
class _View:
    """What one principal sees of a hub, or everybody where there is no policy, as far as it was worked out."""

    plans: Plans = field(default_factory=Plans)
    rights: Rights | None = None
    key: str = ""


class Hub:
    """Connected sources under one catalog and one query language.

    Args:
        connectors: one for each source; their names become the sources' names.
        config: descriptions, links, limits; defaults without it.
        clock: the present instant, from which the age of data counts; this machine's without it.

    Attributes:
        principal: who asks; None where everybody sees everything, and for a hub of which `as_principal` makes others.
    """

    def __init__(
        self, connectors: Iterable[Connector], config: Config | None = None, *, clock: Clock = utc_now
    ) -> None:
        self.config = config or Config()
        self.clock = clock
        self.connectors: dict[str, Connector] = {c.name: c for c in connectors}
        self._kinds = {name: s.type for name, s in self.config.sources.items()}
        self._catalog: Catalog | None = None
        self._fresh_catalog = False
        self._renewing = False
        self._discovery = Discovery(self.connectors, self.config, self._kept_catalog)
        self._replicas: Replicas | None = None
        self._control: Control | None = None
        self._cache: Cache | None = None
        self._configured = False
        self._refresher: Refresher | None = None
        self._lock = threading.RLock()
        self.principal: Principal | None = None
        self._view = _View()
        self._views: OrderedDict[str, _View] = OrderedDict()
        self._answers: Answers | None = None
        self._whole: Hub = self
        self._owns = True

    @classmethod
    def from_config(
        cls,
        path: str | Path | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        principal: str | Principal | None = None,
    ) -> Self:
        """A hub as a configuration file describes it.

        Args:
            path: the file; without it `$GROUNDWIRE_CONFIG`, then `groundwire.toml` in this directory.
            environment: in place of the process's own.
            principal: who asks, where there is a `[policy]`; without it, whoever this process's account belongs to.

        Raises:
            ConfigError: naming the setting.
            PolicyError: nobody is known to ask.
        """
        hub = cls.from_parsed(configuration.load(path, environment))
        if hub.policy is None:
            return hub
        mine = hub.as_principal(principal if principal is not None else hub.policy.of_user())
        mine._owns = True
        return mine

    @classmethod
    def from_parsed(cls, config: Config) -> Self:
        """A hub for a configuration that is already checked; connects to nothing yet.

        Where there is a `[policy]`, it answers nothing itself: `as_principal` makes hubs that do.
        """
        connectors = []
        for name, source in config.sources.items():
            kind = registry.load(source.type, setting=f"sources.{name}.type")
            settings = configuration.settings_of(kind.Settings, source.settings, setting=f"sources.{name}")
            connectors.append(kind(name, settings))
        hub = cls(connectors, config)
        hub._configured = True
        _ = hub._rotation  # which files there are is noted before anything changes
        if config.telemetry.enabled:
            from groundwire.core import telemetry_otel

            telemetry_otel.begin(config)
        if config.offline:
            from groundwire.core import outbound

            outbound.enforce(outbound.addresses(config, connectors))
        if any(s.rate for s in config.sources.values()) or any(c.rate for c in connectors):
            from groundwire.core import limits
            from groundwire.core.control import Control

            hub._control = Control.of(config)
            limits.attach(connectors, config, hub._control, background=False)
        return hub

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def policy(self) -> Policy | None:
        """Who may see what; None where everybody sees everything.

        Raises:
            ConfigError: naming the setting.
        """
        if self.config.policy is None:
            return None
        from groundwire.core.policy import Policy

        return Policy(self.config.policy)

    @cached_property
    def budgets(self) -> Budgets | None:
        """What principals may be given in an hour; None without `[policy.budgets]`."""
        if self._whole is not self:
            return self._whole.budgets
        if self.config.policy is None or not self.config.policy.budgets:
            return None
        from groundwire.core.budgets import Budgets
        from groundwire.core.control import Control

        self._control = self._control or Control.of(self.config)
        return Budgets(self._control, self.config.policy)

    @cached_property
    def recorder(self) -> Recorder | None:
        """Writes the audit trail; None where there is none.

        Raises:
            ConfigError: naming the setting.
        """
        if self._whole is not self:
            return self._whole.recorder
        from groundwire.core.audit_record import recorder_of, wanted

        if not wanted(self.config):
            return None
        return recorder_of(self.config, [c.settings for c in self.connectors.values()])

    @property
    def actions(self) -> Actions:
        """What the principal may have done to records; see `core/proposals`. None but what the configuration wants.

        Raises:
            ConfigError: a source has no such action, or its settings make no sense.
            SourceError: a source can't be asked what it holds.
            PolicyError: there is a policy, and nobody is known to ask.
        """
        from groundwire.core.proposals import Actions

        self.require_principal()
        store, known = self._whole._acting
        return Actions(self, store, known)

    @cached_property
    def _acting(self) -> tuple[ProposalStore, dict[str, Action]]:
        """Where proposals are kept, and every configured action. Of the whole hub."""
        from groundwire.core.control import Control
        from groundwire.core.proposal_store import METADATA, ProposalStore
        from groundwire.core.proposals import declared

        return ProposalStore(Control.of(self.config, "actions", metadata=METADATA, durable=True)), declared(self)

    def as_principal(self, principal: str | Principal) -> Self:
        """A hub over the same connections that answers what this principal may see, and knows of nothing else.

        It is closed with the hub that it was made of.

        Args:
            principal: a configured name, or what `Policy.of_user` or `Policy.of_token` gave.

        Raises:
            PolicyError: no principal has that name.
            ConfigError: there is no `[policy]`.
        """
        policy = self._whole.policy
        if policy is None:
            raise ConfigError("principals need a policy", setting="policy")
        mine = copy(self)
        for shared in ("cache", "replicas", "budgets", "recorder"):  # shared with the whole hub: see there
            mine.__dict__.pop(shared, None)
        mine.principal = policy.principal(principal) if isinstance(principal, str) else principal
        mine._view, mine._refresher, mine._owns = self._whole._view_of(mine.principal), None, False
        return mine

    def _view_of(self, principal: Principal) -> _View:
        """What is known of a principal already: the same one asks again and again."""
        key = f"{principal.name!r} {principal.roles!r} {sorted(principal.attributes.items())!r}"
        with self._lock:
            view = self._views.setdefault(key, _View(key=key))
            self._views.move_to_end(key)
            while len(self._views) > MOST_VIEWS:
                self._views.popitem(last=False)
            return view

    def require_principal(self) -> None:
        """Make sure that somebody is known to ask, where there is a policy.

        Raises:
            PolicyError: there is, and nobody is.
        """
        if self.config.policy is not None and self.principal is None:
            raise PolicyError("there is a [policy], and nobody is known to ask; use Hub.as_principal")

    @property
    def rights(self) -> Rights | None:
        """What the principal may see; None where everybody sees everything.

        Raises:
            PolicyError: there is a policy, and nobody is known to ask.
            ConfigError: a setting of the policy does not fit the catalog.
        """
        self.require_principal()
        policy = self._whole.policy
        if policy is None or self.principal is None:
            return None
        with self._lock:
            try:
                whole = self._whole.catalog
            except SourceError as error:
                if policy.may_know(self.principal, error.source):
                    raise
                log.warning("%s, so %s is not answered", error, self.principal.name)
                raise Unavailable("one of them does not answer", source="the connected systems") from None
            if self._view.rights is None or self._view.rights.whole is not whole:
                self._view.rights = policy.rights(self.principal, whole)
            return self._view.rights

    @property
    def catalog(self) -> Catalog:
        """Every entity of every source that the principal may see, discovered at first use.

        Raises:
            SourceError: a source can't be asked.
            ConfigError: the configuration names an entity or field that does not exist.
        """
        if self.principal is not None and (rights := self.rights) is not None:
            return rights.catalog
        with self._lock:
            if self._catalog is None:
                with telemetry.span("catalog"):
                    try:
                        self._catalog = self._discovery.catalog(kept=not self._fresh_catalog)
                    except AuthFailed:
                        if not self.rotate(now=True):
                            raise
                        self._catalog = self._discovery.catalog(kept=not self._fresh_catalog)
            elif not self._renewing and (due := self._discovery.due()):
                self._renewing = True
                threading.Thread(target=self._renew, args=(due,), name="catalog", daemon=True).start()
            return self._catalog

    def rotate(self, *, now: bool = False) -> list[str]:
        """Take up secrets that were changed since; the sources that have new ones. See `core/rotation`.

        Args:
            now: look also where nothing seems to have changed, since a source refuses what it has.
        """
        rotation = self._whole._rotation
        return [] if rotation is None else rotation.look(now=now)

    @cached_property
    def _rotation(self) -> Rotation | None:
        """Of the whole hub; None where it was not made from a configuration file."""
        if not self._configured or self.config.place is None or not self.config.place.is_file():
            return None
        from groundwire.core.rotation import Rotation

        return Rotation(self)

    def replace_connector(self, connector: Connector, source: SourceConfig) -> None:
        """Have a source asked by another connector; what is being read is read to its end by the old one."""
        with self._lock:
            self.config = self.config.model_copy(update={"sources": {**self.config.sources, connector.name: source}})
            self.connectors[connector.name] = connector
            self._discovery.config = self.config
            self._identities.pop(connector.name, None)
            if self.recorder is not None:
                self.recorder.hide(connector.settings)
            if "_acting" in self.__dict__:
                from groundwire.core.proposals import declared

                self._acting[1].update(declared(self))

    def refresh_catalog(self, source: str | None = None) -> None:
        """Ask for the catalog anew, for this process and those that share what it keeps; plans and rights follow.

        It happens by itself, behind the answers, where a description has grown old (`[cache] catalogs`), and where a
        source refuses what its description promised.

        Args:
            source: configured name of one source; all without it.

        Raises:
            UnknownName: there is no such source.
            SourceError: a source can't be asked; what was known stays.
            ConfigError: the configuration names an entity or field that is gone; what was known stays.
        """
        if source is not None and source not in self.sources:
            raise UnknownName("source", source, near_names(source, self.sources))
        self._whole._renew_now(self.connectors if source is None else [source])

    def _renew_now(self, names: Iterable[str]) -> None:
        known = self._catalog
        found = self._discovery.again(names)
        with self._lock:
            if known is None or list(found) != list(known):
                self._catalog = found

    def _renew(self, names: Iterable[str]) -> None:
        """Behind the answers: what goes wrong is told to the operator, and what was known stays."""
        try:
            self._renew_now(names)
        except GroundwireError as error:
            log.warning("the catalog stays as it was: %s", error)
        finally:
            self._renewing = False

    def _renewed(self, source: str, plan: Plan) -> bool:
        """Whether what a source refused is no longer what its description said; the catalog is then up to date."""
        entities = {e.full_name: e for f in plan.fragments for e in f.entities if e.source == source}
        try:
            if not self._discovery.outdated(source, entities.values()):
                return False
            self._renew_now([source])
        except GroundwireError:
            return False
        return True

    @property
    def sources(self) -> list[str]:
        """Names of the connected sources, as far as the principal may know of them.

        Raises:
            SourceError: there is a policy, and a source can't be asked.
        """
        return list(self.connectors) if self.principal is None else self.catalog.sources

    @cached_property
    def replicas(self) -> Replicas | None:
        """The local copies that the configuration wants; None if it wants none.

        Raises:
            ConfigError: they can't be kept where it says.
        """
        if self._whole is not self:
            return self._whole.replicas
        if not any(e.replica for s in self.config.sources.values() for e in s.entities.values()):
            return None
        from groundwire.core.replica import Replicas

        self._replicas = Replicas(self.config, self.clock)
        return self._replicas

    @cached_property
    def cache(self) -> Cache | None:
        """Earlier reads that may be used again; None if the configuration wants none.

        Sources that a configuration describes share a store with every process that connects to the same ones with
        the same account; what connectors were made by hand for is known to this hub alone.

        Raises:
            ConfigError: they can't be kept where it says.
        """
        settings = self.config.cache
        if self._whole is not self:
            return self._whole.cache
        if not settings.enabled:
            return None
        from groundwire.core.cache import Cache
        from groundwire.core.store import EmbeddedStore, Store, open_store

        store: Store = EmbeddedStore(None, settings.max_bytes)
        if self._configured:
            url = settings.url.get_secret_value() if settings.url else None
            store = open_store(url, configuration.cache_folder(), settings.max_bytes)
        self._cache = Cache(store, self._identity, max_fragment=settings.max_fragment, memory=self.config.limits.memory)
        return self._cache

    def _identity(self, source: str) -> str:
        """What tells a source, and the account that reads it, from all others that share a store."""
        if source not in self._identities:
            from groundwire.core.cache import identity

            settings, connector = self.config.sources.get(source), self.connectors[source]
            if not self._configured or settings is None:
                return source
            place = connector.place()
            self._identities[source] = identity(settings.type, settings.settings, place)
        return self._identities[source]

    @cached_property
    def _identities(self) -> dict[str, str]:
        return {}

    def query(
        self,
        sql: str,
        *,
        max_age: str | float | timedelta | None = None,
        limit: int | None = None,
        on_error: str | None = None,
        timeout: float | None = None,
        link_values: bool = False,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> Result:
        """Answer one SELECT, with implicit joins over dotted paths.

        Args:
            sql: a single SELECT in DuckDB's dialect; see `docs/query-language.md`.
            max_age: oldest acceptable data: seconds, "30s", "5m", "2h", "1d", or a timedelta; 0 is live. It takes
                precedence over the `max_age` of the entity, of the source, and of `[freshness]`.
            limit: at most so many rows, marked as truncated if there are more.
            on_error: what becomes of a source that fails: `raise` (default); `incomplete`: the result is
                marked incomplete; `stale`: copies of any age take its place, if there are, and the result
                says how old they are. Copies get as much time again as the source had.
            timeout: seconds from text to table, in place of `limits.timeout`.
            link_values: read a text that is no value of an enumerated field as the value it resembles.
            progress: called with a sentence as scans start and end.
            stop: ends the query when set, as Ctrl-C does in the main thread; databases are told to stop as well.

        Raises:
            QueryError: the query can't be answered as it is written.
            SourceError: a source did not deliver.
            PolicyError: nobody is known to ask, the asker's budget is spent, or what is asked can't be recorded.
            Stopped: `stop` was set.
        """
        self.require_principal()
        asked = _Question(
            sql=sql,
            bounds=Bounds(self.config, parse_age(max_age)),
            asked_at=self.clock(),
            limit=limit,
            on_error=on_error or self.config.on_error,
            limits=self.config.limits
            if timeout is None
            else self.config.limits.model_copy(update={"timeout": timeout}),
            link_values=link_values,
            progress=progress,
            stop=stop,
        )
        if asked.on_error not in ("raise", "incomplete", "stale"):
            raise QueryError(f"on_error is raise, incomplete or stale, not {asked.on_error!r}")
        with telemetry.question(), telemetry.span("query") as seen:
            seen.reveal(query=sql)
            result = self._recorded(asked)
            seen.set(rows=len(result), complete=result.complete)
            return result

    def remember(self) -> None:
        """From now on, give results again that were given before, where `core/answers` allows it: for processes that
        answer many."""
        cache = self._whole.cache
        if cache is not None:
            from groundwire.core.answers import Answers

            self._whole._answers = Answers(cache.floor, self.config.cache.refresh_at)

    def remembered(
        self,
        sql: str,
        *,
        max_age: str | float | timedelta | None = None,
        limit: int | None = None,
        on_error: str | None = None,
    ) -> Result | None:
        """What `query` would give without asking or waiting for anything; None where it would have to, or where every
        query is counted or recorded.

        Args:
            sql, max_age, limit, on_error: as for `query`.

        Raises:
            QueryError: the age is none.
            PolicyError: nobody is known to ask.
        """
        self.require_principal()
        answers = self._whole._answers
        if answers is None or self.recorder is not None or self.budgets is not None:
            return None
        rights = self._view.rights
        catalog = self._whole._catalog if self.principal is None else rights.catalog if rights is not None else None
        if catalog is None:
            return None
        key = self._answer_key(sql, parse_age(max_age), limit, on_error or self.config.on_error, False)
        result = answers.find(key, catalog, self.clock(), look=False)
        return result if result is None or self.principal is None else _told(result)

    def _answer_key(self, *asked: object) -> tuple[object, ...]:
        return self._view.key, self.principal is None, *asked

    def _recorded(self, asked: _Question) -> Result:
        """The answer, once it is in the audit trail; with what its asker may know of how it was found."""
        try:
            result = self._allowed(asked)
        except GroundwireError as error:
            self._record(asked, error)
            if isinstance(error, Rejected) and self.principal is not None:
                # a vendor's own words may name what is hidden
                log.warning("%s, asked by %s", error, self.principal.name)
                raise Rejected("refused the request", source=error.source) from None
            raise
        if not self._record(asked, result):
            result = replace(result, notes=(*result.notes, UNRECORDED))
        return result if self.principal is None else _told(result)

    def _allowed(self, asked: _Question) -> Result:
        """The answer within its asker's budget."""
        if self.budgets is None or self.principal is None:
            return self._answered(asked)
        self.budgets.begin(self.principal)
        started = time.monotonic()
        try:
            result = self._answered(asked)
        finally:
            self.budgets.charge(self.principal, seconds=time.monotonic() - started)
        self.budgets.give(self.principal, result)
        return result

    def _record(self, asked: _Question, outcome: Result | GroundwireError) -> bool:
        """Write a query to the audit trail, if there is one; False where that failed and need not be done."""
        if self.recorder is None:
            return True
        policy = None
        rights = self._view.rights
        if rights is not None:
            policy = {"digest": rights.digest, "roles": rights.principal.roles}
        with telemetry.span("record"):
            return self.recorder.query(self.principal, asked.options, asked.asked_at, outcome, policy)

    def _answered(self, asked: _Question) -> Result:
        """The answer, which may be one that was given before."""
        answers = self._whole._answers
        if answers is None or not asked.bounds.allow_copies or len(asked.sql) > LONGEST:
            return self._found(asked)
        key = self._answer_key(asked.sql, asked.bounds.asked, asked.limit, asked.on_error, asked.link_values)
        catalog = self.catalog
        known = answers.find(key, catalog, self.clock())
        if known is not None:
            return known
        result = self._found(asked)
        plain = Asked(sql=asked.sql, limit=asked.limit, whole=True, link_values=asked.link_values)
        if self._view.plans.find(catalog, plain) is not None:  # plans that read the clock are not kept either
            answers.keep(key, catalog, result)
        return result

    def _found(self, asked: _Question) -> Result:
        """The answer with everything that is known of how it was found."""
        failed: dict[str, SourceError] = {}
        started, live, rotated = time.monotonic(), False, False
        self.rotate()
        while True:
            try:
                result = self._answer(asked, failed, live=live, started=started)
            except SourceError as error:
                if isinstance(error, AuthFailed) and not rotated and self.rotate(now=True):
                    rotated = True
                    continue
                if asked.on_error != "stale" or error.source in failed or error.source not in self.connectors:
                    raise
                failed[error.source] = error
                started = time.monotonic()
                continue
            if live or not any(s.stale and s.source not in failed for s in result.sources):
                break
            live = True  # a copy aged past its bound while other parts were read
        known = self.principal is None
        notes = [f"{name} can't be read" + (f": {error}" if known else "") for name, error in failed.items()]
        return replace(result, notes=(*result.notes, *notes)) if notes else result

    def refresh(self, sql: str, *, limit: int | None = None, link_values: bool = False) -> None:
        """Read anew what a question reads, and keep it for those who ask it next.

        Args:
            sql, limit, link_values: as for `query`.

        Raises:
            QueryError: the query can't be answered as it is written.
            SourceError: a source did not deliver.
        """
        asked = _Question(
            sql=sql,
            bounds=Bounds(self.config),
            asked_at=self.clock(),
            limit=limit,
            on_error="raise",
            limits=self.config.limits,
            link_values=link_values,
            keep=True,
        )
        with telemetry.question(), telemetry.span("refresh"):
            self._answer(asked, {}, live=True, started=time.monotonic())

    def _answer(self, asked: _Question, failed: Mapping[str, SourceError], *, live: bool, started: float) -> Result:
        """One attempt at an answer; `live` takes no copies but those of failed sources."""
        from groundwire.core import engine

        cache = self.cache if asked.bounds.allow_copies or asked.keep or failed else None
        fresh = Freshness(
            bounds=asked.bounds,
            asked_at=asked.asked_at,
            clock=self.clock,
            cache=cache,
            live=live or asked.keep,
            keep=asked.keep,
            failed=failed,
            refresh_at=self.config.cache.refresh_at,
        )

        def run(plan: Plan) -> Result:
            return engine.execute(
                plan,
                self._connectors_for(plan.copies),
                asked.limits,
                on_error="incomplete" if asked.on_error == "incomplete" else "raise",
                progress=asked.progress,
                started=started,
                freshness=fresh,
                stop=asked.stop,
            )

        with telemetry.span("plan") as seen:
            offers, notes = self._offers(fresh)
            plan = self.plan(asked.sql, limit=asked.limit, link_values=asked.link_values, offers=offers)
            seen.set(reads=len(plan.fragments), copies=len(plan.copies))
        try:
            result = run(plan)
        except SourceError as error:
            if error.source not in self.connectors:
                # a copy that can't be read costs speed, never an answer
                notes.append(f"read from the sources, because the replicas failed: {error}")
                result = run(self.plan(asked.sql, limit=asked.limit, link_values=asked.link_values))
            elif isinstance(error, Rejected) and self._whole._renewed(error.source, plan):
                result = run(self.plan(asked.sql, limit=asked.limit, link_values=asked.link_values, offers=offers))
            elif isinstance(error, Rejected) and error.source not in failed and any(f.query for f in plan.fragments):
                # a database may refuse a query that its dialect table thought it would take
                notes.append(f"joined here, because {error.source} refused the whole query")
                whole = self.plan(
                    asked.sql, limit=asked.limit, whole=False, link_values=asked.link_values, offers=offers
                )
                result = run(whole)
            else:
                raise
        if fresh.due and not failed:
            self._refresh(asked, fresh.due)
        return replace(result, notes=(*result.notes, *notes)) if notes else result

    def _offers(self, fresh: Freshness) -> tuple[Offers | None, list[str]]:
        """The replicas that are fresh enough for a question, and why there are none."""
        replicas = self.replicas
        if replicas is None:
            return None, []

        def bound(entity: Entity) -> timedelta | None:
            if entity.source in fresh.failed:
                return None
            return timedelta() if fresh.live else fresh.bounds.of(entity)

        try:
            return replicas.offers(self._whole.catalog, bound, replicas.clock()), []
        except SourceError as error:
            return None, [f"read from the sources, because the replicas failed: {error}"]

    def _refresh(self, asked: _Question, due: set[str]) -> None:
        """Have the question's data read again behind the answer, once for all who ask."""
        if self.config.cache.refresh == "off" or self.cache is None:
            return
        from groundwire.core.refresh import Refresher

        with self._lock:
            if self._refresher is None:
                self._refresher = Refresher(self)
        self._refresher.want(asked.sql, asked.limit, asked.link_values, due)

    def _connectors_for(self, copies: Collection[object]) -> Mapping[str, Connector]:
        replicas = self.replicas
        if not copies or replicas is None:
            return self.connectors
        return {**self.connectors, replicas.connector.name: replicas.connector}

    def plan(
        self,
        sql: str,
        *,
        limit: int | None = None,
        whole: bool = True,
        link_values: bool = False,
        offers: Offers | None = None,
    ) -> Plan:
        """What `query` would do: bound query, scans, joins. Reads no data.

        Args:
            sql: as for `query`.
            limit: as for `query`; 0 or more.
            whole: whether databases may be given whole queries; else one table at a time.
            link_values: as for `query`.
            offers: copies that may stand in for their originals.

        Raises:
            QueryError: the query can't be answered as it is written.
        """
        from groundwire.core import binder, planner
        from groundwire.core.visible import restricted

        if limit is not None and limit < 0:
            raise QueryError("a limit can't be negative")
        catalog, rights = self.catalog, self.rights
        copies = offers.key if offers else frozenset()
        asked = Asked(sql=sql, limit=limit, whole=whole, link_values=link_values, copies=copies)
        plan = self._view.plans.find(catalog, asked)
        if plan is None:
            try:
                bound = binder.bind(sql, catalog, max_bytes=self.config.limits.query_bytes, link_values=link_values)
                connectors = self._connectors_for(copies)
                over = offers.substituted if offers else _itself
                if rights is None:
                    plan = planner.plan(over(bound), connectors, limit=limit, whole=whole)
                else:
                    visible = restricted(bound, rights, partial(self._readers, offers))
                    plan = planner.plan_visible(visible, connectors, limit=limit, whole=whole, over=over)
                    bound.reads_clock |= visible.bound.reads_clock
            except RecursionError:
                raise QueryError("the query is nested too deeply") from None
            if plan.bound is not bound:
                plan.bound, plan.query = bound, bound.sql()
            self._view.plans.keep(catalog, asked, plan)
        if offers:
            plan = copy(plan)  # a plan that is kept outlives the instant for which a copy is true
            plan.copies = offers.used(e for f in plan.fragments for e in f.entities)
        return plan

    def _readers(self, offers: Offers | None, entity: Entity) -> Iterator[tuple[Connector, Entity]]:
        """Who may come to read an entity in a plan, and under which description."""
        yield self.connectors[entity.source], entity
        replicas = self.replicas
        if offers and replicas is not None and entity.full_name in offers.copies:
            yield replicas.connector, offers.copies[entity.full_name].copy

    def explain(self, sql: str) -> str:
        """The plan as text: what each source executes itself, and what is joined here."""
        return self.plan(sql).explain()

    def check(self) -> list[SourceStatus]:
        """Log in to every source and say whether it answers; in parallel, never raises for a source."""

        def one(item: tuple[str, Connector]) -> SourceStatus:
            name, connector = item
            kind = self._kinds.get(name, type(connector).__name__)
            try:
                return SourceStatus(source=name, kind=kind, ok=True, message=connector.check())
            except SourceError as error:
                return SourceStatus(source=name, kind=kind, ok=False, message=str(error), error=error)

        if self.principal is not None:
            return in_parallel(one, [(name, self.connectors[name]) for name in self.sources])
        return in_parallel(one, self.connectors.items())

    def quotas(self) -> dict[str, Quota]:
        """What sources last said of their quotas, to any process; empty where no source's rate is bounded."""
        from groundwire.core.limits import Limits

        control = self._whole._control
        return {} if control is None else Limits(control).quotas()

    def tools(self) -> list[BaseTool]:
        """LangChain tools over this hub, for anyone's agent."""
        tools: list[BaseTool] = importlib.import_module("groundwire.agents.tools").make_tools(self)
        return tools

    def close(self) -> None:
        """Let go of all connections. May be called twice."""
        if self._refresher is not None:
            self._refresher.close()
        if self._whole is not self:
            if self._owns:
                self._whole.close()
            return
        for connector in self.connectors.values():
            connector.close()
        if self._replicas is not None:
            self._replicas.close()
        if self._control is not None:
            self._control.close()
        if "_acting" in self.__dict__:
            self._acting[0].close()
        if "_rotation" in self.__dict__ and self._rotation is not None:
            self._rotation.close()
        if self._cache is not None:
            self._cache.close()

    def ask_for_catalog(self) -> None:
        """Have every source asked for its catalog, whatever an earlier process has kept of it."""
        self._whole._fresh_catalog = True

    def _kept_catalog(self, source: str) -> KeptCatalog | None:
        """Where the description of a source is kept; None where none is."""
        settings, longest = self.config.cache, parse_age(self.config.cache.catalogs)
        if not (self._configured and settings.enabled and source in self.config.sources and longest):
            return None
        from groundwire.core.kept_catalogs import KeptCatalog

        file = configuration.cache_folder() / "catalogs" / f"{self._identity(source)}.json.gz"
        return KeptCatalog(file, longest.total_seconds())


def _told(result: Result) -> Result:
    """The result without the requests that name what is hidden from its asker."""
    return replace(result, sources=tuple(replace(s, native=()) if s.limited_to else s for s in result.sources))


def _itself(bound: Bound) -> Bound:
    return bound
