"""Commands around replicas: `sync`, `status`, `schedule`, `worker` and `events`."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from groundwire.agents import cli
from groundwire.agents.cli import ConfigOption, JsonOption, err, out
from groundwire.agents.terminal import watchable
from groundwire.core import config as configuration
from groundwire.core import telemetry_log
from groundwire.core.catalog import near_names
from groundwire.core.config import PATH_VARIABLE, Config
from groundwire.core.connector import ChangeEvents
from groundwire.core.errors import ConfigError, GroundwireError, SourceError, UnknownName
from groundwire.core.hub import Hub

if TYPE_CHECKING:  # replicas load SQLAlchemy and Celery, which no other command waits for
    from groundwire.core import worker as program
    from groundwire.core.control import Control
    from groundwire.core.limits import Quota
    from groundwire.core.replica import Replicas, ReplicaStatus
    from groundwire.core.schedule import Schedule
    from groundwire.core.sync import SyncReport

events_app = typer.Typer(help="Hear of changes as they are committed.", no_args_is_help=True, rich_markup_mode=None)
cli.app.add_typer(events_app, name="events")

NO_REPLICA = "no entity has a replica; set replica = true at [sources.NAME.entities.ENTITY]"


@dataclass(frozen=True, kw_only=True)
class _Copies:
    """What the commands here work with."""

    config: Config
    replicas: Replicas
    control: Control
    schedule: Schedule

    def named(self, name: str) -> str:
        """Full name of a replicated entity, from that or its unique ending.

        Raises:
            UnknownName: with the near misses.
        """
        wanted = list(self.replicas.wanted)
        found = [w for w in wanted if w.lower() == name.lower()] or [
            w for w in wanted if w.lower().endswith(f".{name.lower()}")
        ]
        if len(found) != 1:
            raise UnknownName("replica", name, found or near_names(name, wanted) or wanted)
        return found[0]


@contextmanager
def _copies(path: Path | None) -> Iterator[_Copies]:
    from groundwire.core.control import Control
    from groundwire.core.replica import Replicas
    from groundwire.core.schedule import Schedule

    config = configuration.load(path)
    replicas = Replicas.of(config)
    if replicas is None:
        raise ConfigError(NO_REPLICA, setting="sources")
    control = Control.of(config)
    try:
        yield _Copies(config=config, replicas=replicas, control=control, schedule=Schedule(control, replicas))
    finally:
        replicas.close()
        control.close()


# -- sync ----------------------------------------------------------------------------------------


@cli.app.command()
def sync(
    entities: Annotated[list[str] | None, typer.Argument(help="Replicated entities; all without.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Load everything anew.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Compare with the source, and mend what differs.")] = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Bring replicas up to date now."""
    from groundwire.core import limits
    from groundwire.core.sync import Syncer

    with _copies(config) as copies, cli.open_hub(config, copying=True) as hub:
        limits.attach(hub.connectors.values(), copies.config, copies.control, background=True)
        names = [copies.named(e) for e in entities or copies.replicas.wanted]
        syncer = Syncer(hub, copies.replicas)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[rows]}"),
            TimeElapsedColumn(),
        )
        failed: list[GroundwireError] = []
        with Progress(*columns, console=err, disable=not watchable(err), transient=True) as bar:
            for name in dict.fromkeys(names):
                task = bar.add_task(name, total=None, rows="")
                begun = copies.schedule.begin(name)
                try:
                    report = syncer.sync(name, full=full, verify=verify, progress=_Bar(bar, task, name))
                except SourceError as error:
                    copies.schedule.failed(name, error)
                    failed.append(error)
                    err.print(Text(f"{name}: {error}", style="red"))
                    continue
                finally:
                    bar.remove_task(task)
                if begun is not None:
                    copies.schedule.done(name, begun)
                if json_:
                    cli.print_json(report.to_dict())
                else:
                    out.print(Text(_outcome(report)))
        if failed:
            raise typer.Exit(cli.exit_code(failed[0]))


class _Bar:
    """Shows a sync's progress at one line of the bar."""

    def __init__(self, bar: Progress, task: Any, name: str) -> None:
        self.bar, self.task, self.name = bar, task, name

    def __call__(self, what: str, done: int, of: int | None) -> None:
        rows = f"{done:,}" + (f" of {of:,}" if of else "") + " rows"
        total = max(of, done) if of else None
        self.bar.update(self.task, description=f"{self.name}: {what}", completed=done, total=total, rows=rows)


def _outcome(report: SyncReport) -> str:
    parts = [f"{report.entity}: {report.mode}", f"{report.rows:,} rows", f"{report.read:,} read"]
    if report.deleted:
        parts.append(f"{report.deleted:,} deleted")
    if report.quarantined:
        parts.append(f"{report.quarantined:,} put aside")
    if report.differences is not None:
        parts.append(f"{report.ranges:,} ranges compared" if report.ranges else "every record compared")
        parts.append(f"{report.differences:,} differed and were mended" if report.differences else "no difference")
    return ", ".join(parts) + f" in {report.seconds:.1f} s" + "".join(f"; {c}" for c in report.changes)


# -- status --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Picture:
    """How everything is doing at one moment."""

    states: list[ReplicaStatus]
    next_runs: dict[str, datetime]
    quotas: dict[str, Quota]
    depths: dict[str, int]
    broker: str
    broker_error: str | None

    def to_dict(self) -> dict[str, Any]:
        entities = [s.to_dict() | {"next_run": self.next_runs[s.entity].isoformat()} for s in self.states]
        sources = []
        for source in dict.fromkeys(s.entity.split(".", 1)[0] for s in self.states):
            quota = self.quotas.get(source)
            sources.append(
                {
                    "source": source,
                    "queued": self.depths.get(source),
                    "quota_left": quota.left if quota else None,
                    "quota": quota.allowed if quota else None,
                    "paused": quota.paused if quota else 0.0,
                }
            )
        return {"entities": entities, "sources": sources, "broker": self.broker, "broker_error": self.broker_error}

    def __rich__(self) -> Group:
        table = Table("entity", "mode", "rows", "last sync", "lag", "next run", "queued", "quota left", "last error")
        now = datetime.now(UTC)
        for s in self.states:
            source = s.entity.split(".", 1)[0]
            quota = self.quotas.get(source)
            aside = f" ({s.quarantined:,} put aside)" if s.quarantined else ""
            running = f"by process {s.syncing} now" if s.syncing else _until(self.next_runs[s.entity] - now)
            table.add_row(
                Text(s.entity),
                s.mode,
                f"{s.rows:,}{aside}",
                "never" if s.last_sync is None else f"{_span(now - s.last_sync)} ago",
                "" if s.lag is None else _span(s.lag),
                running,
                str(self.depths[source]) if source in self.depths else "",
                "" if quota is None or quota.left is None else f"{quota.left:,}",
                Text(s.last_error or "", style="red"),
            )
        line = f"broker: {self.broker}" + (f" ({self.broker_error})" if self.broker_error else "")
        return Group(table, Text(line, style="yellow" if self.broker_error else "dim"))


@cli.app.command()
def status(
    watch: Annotated[bool, typer.Option("--watch", help="Look again every second until Ctrl-C.")] = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show how fresh each replica is, what comes next, and what went wrong."""
    with _copies(config) as copies:
        if not watch:
            _show(_picture(copies), json_)
        elif json_ or not watchable(out):
            while True:
                _show(_picture(copies), json_)
                time.sleep(1.0)
        else:
            with Live(_picture(copies), console=out, auto_refresh=False) as live:
                while True:
                    time.sleep(1.0)
                    live.update(_picture(copies), refresh=True)


def _show(picture: _Picture, json_: bool) -> None:
    if json_:
        cli.print_json(picture.to_dict())
    else:
        out.print(picture)


def _picture(copies: _Copies) -> _Picture:
    from groundwire.core import broker
    from groundwire.core.limits import Limits

    states = copies.replicas.status()
    depths: dict[str, int] = {}
    problem = None
    try:
        depths = broker.depths(copies.config, {s.entity.split(".", 1)[0] for s in states})
    except ConnectionError as error:
        problem = str(error)
    return _Picture(
        states=states,
        next_runs={s.entity: copies.schedule.next_run(s) for s in states},
        quotas=Limits(copies.control).quotas(),
        depths=depths,
        broker=broker.kind(copies.config),
        broker_error=problem,
    )


def _span(span: timedelta) -> str:
    seconds = max(0.0, span.total_seconds())
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172800 else f"{seconds / 86400:.0f} days"


def _until(span: timedelta) -> str:
    return "now" if span <= timedelta() else f"in {_span(span)}"


@cli.app.command()
def schedule(
    entity: Annotated[str, typer.Argument(help="A replicated entity.")],
    every: Annotated[str, typer.Argument(help='Pause between syncs: 30s, 5m, 2h; "default" for the configured one.')],
    config: ConfigOption = None,
) -> None:
    """Change how often a replica is synced, for every worker, from now on."""
    with _copies(config) as copies:
        name = copies.named(entity)
        copies.schedule.change(name, None if every == "default" else every)
        state = next(s for s in copies.replicas.status() if s.entity == name)
        out.print(Text(f"{name}: every {_span(state.every)}, next {_until(state.next_run - datetime.now(UTC))}"))


# -- worker --------------------------------------------------------------------------------------


@cli.app.command()
def worker(
    source: Annotated[list[str] | None, typer.Option(help="Serve only this source's queue; may be repeated.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Entities synced at a time.")] = None,
    pool: Annotated[str, typer.Option(help="Celery's kind of pool: threads, prefork, solo.")] = "threads",
    beat: Annotated[bool, typer.Option(help="Send what is due.")] = True,
    events: Annotated[bool, typer.Option(help="Listen to sources, poll them, receive webhooks.")] = True,
    log: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
    config: ConfigOption = None,
) -> None:
    """Keep replicas up to date until Ctrl-C or SIGTERM, which let running syncs end at their next batch."""
    if config is not None:
        os.environ[PATH_VARIABLE] = str(config)
    from groundwire.core import broker
    from groundwire.core import worker as program

    runtime = program.runtime()
    known = runtime.config
    if known.telemetry.logs == "json":
        telemetry_log.begin(sys.stderr)
    if known.telemetry.enabled:
        from groundwire.core import telemetry_otel

        telemetry_otel.watch(runtime.hub)
    for name in source or ():
        if name not in known.sources:
            raise UnknownName("source", name, near_names(name, known.sources))
    services: list[Callable[[program.Runtime], Any]] = []
    if events:
        services.append(lambda own: program.Events(own, source or ()))
        if known.worker.webhooks:
            services.append(lambda own: program.Webhooks(own, own.control, str(own.config.worker.webhooks)))
    err.print(Text(f"worker for {', '.join(source or known.sources)}; broker: {broker.kind(known)}"))
    code = program.run(
        sources=tuple(source or ()),
        concurrency=concurrency,
        pool=pool,
        beat=beat,
        loglevel=log.upper(),
        services=tuple(services),
    )
    raise typer.Exit(code)


# -- events --------------------------------------------------------------------------------------


@events_app.command("install")
def events_install(
    entities: Annotated[list[str] | None, typer.Argument(help="Replicated entities; all without.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Execute it, after a question.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Execute without the question.")] = False,
    config: ConfigOption = None,
) -> None:
    """Print the SQL by which PostgreSQL tells of changes; with --apply, execute it."""
    _events(entities, config, remove=False, apply=apply, yes=yes)


@events_app.command("remove")
def events_remove(
    entities: Annotated[list[str] | None, typer.Argument(help="Replicated entities; all without.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Execute it, after a question.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Execute without the question.")] = False,
    config: ConfigOption = None,
) -> None:
    """Print the SQL that removes what `install` made; with --apply, execute it."""
    _events(entities, config, remove=True, apply=apply, yes=yes)


def _events(names: list[str] | None, config: Path | None, *, remove: bool, apply: bool, yes: bool) -> None:
    with _copies(config) as copies, cli.open_hub(config, copying=True) as hub:
        by_source: dict[str, list[str]] = {}
        for name in [copies.named(n) for n in names] if names else copies.replicas.wanted:
            if names or copies.config.sources[name.split(".", 1)[0]].events == "notify":
                by_source.setdefault(name.split(".", 1)[0], []).append(name)
        if not by_source:
            raise ConfigError('no source has events = "notify"', setting="sources")
        for source, wanted in by_source.items():
            _install(hub, source, wanted, remove=remove, apply=apply or yes, yes=yes)


def _install(hub: Hub, source: str, names: list[str], *, remove: bool, apply: bool, yes: bool) -> None:
    connector = hub.connectors[source]
    if not isinstance(connector, ChangeEvents):
        raise ConfigError("this source tells nothing of its changes", setting=f"sources.{source}.events")
    statements = connector.event_statements([hub.catalog.entity(n) for n in names], remove=remove)
    out.print(Text("\n".join(["BEGIN;", *(f"{s};" for s in statements), "COMMIT;"])))
    if not apply:
        return
    if not yes and not (sys.stdin.isatty() and typer.confirm(f"Execute this in {source}?", err=True)):
        cli.fail("not executed; --yes executes without a question", cli.EXIT_REFUSED)
    connector.execute_statements(statements)
    err.print(Text(f"{source}: done"))


@events_app.command("listen")
def events_listen(
    source: Annotated[list[str] | None, typer.Option(help="Only this source; may be repeated.")] = None,
    config: ConfigOption = None,
) -> None:
    """Listen, poll and receive webhooks without syncing anything else; `worker` does this too."""
    if config is not None:
        os.environ[PATH_VARIABLE] = str(config)
    from groundwire.core import worker as program

    own = program.runtime()
    services: list[Any] = [program.Events(own, source or ())]
    if own.config.worker.webhooks:
        services.append(program.Webhooks(own, own.control, own.config.worker.webhooks))
    for service in services:
        service.start()
    err.print(Text("listening"))
    try:
        threading.Event().wait()
    finally:
        for service in services:
            service.stop()
        own.close()
