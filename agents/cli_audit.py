"""The commands around the audit trail: `audit tail`, `show`, `verify`, `export` and `replay`."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.text import Text

from groundwire.agents import cli
from groundwire.agents.cli import ConfigOption, JsonOption, err, out
from groundwire.agents.terminal import watched
from groundwire.core import config as configuration
from groundwire.core.audit import Trail
from groundwire.core.audit_record import recorder_of
from groundwire.core.errors import ConfigError, QueryError
from groundwire.core.hub import Hub

audit_app = typer.Typer(help="What was asked and answered.", no_args_is_help=True, rich_markup_mode=None)
cli.app.add_typer(audit_app, name="audit")

Number = Annotated[int, typer.Argument(help="Number of a record.", min=1)]


def _trail(config: Path | None) -> Trail:
    """The trail of a configuration.

    Raises:
        ConfigError: it keeps none.
        PolicyError: there is a policy, and this account is no operator.
    """
    settings = configuration.load(config)
    recorder = recorder_of(settings, [])
    if recorder is None:
        raise ConfigError("no trail is kept; add an [audit] section", setting="audit")
    cli.operators_only(settings)
    return recorder.trail


@audit_app.command()
def tail(
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many records.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as records are written.")] = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show the last records, a line for each."""
    trail = _trail(config)
    seen = 0
    for record in deque(trail.records(), maxlen=count):
        _line(record, json_)
        seen = record.get("n", seen)
    while follow:
        time.sleep(0.5)
        for record in trail.records():
            if record.get("n", 0) > seen:
                _line(record, json_)
                seen = record["n"]


def _line(record: Mapping[str, Any], json_: bool) -> None:
    if json_:
        cli.print_json(record)
        return
    asked = record["asked"]["sql"] if record.get("kind") == "query" else record.get("asked")
    outcome = record.get("error") or record.get("answer") or f"{record.get('rows')} rows"
    who = record.get("principal") or record.get("account")
    out.print(Text(f"{record.get('n')} {record.get('at')} {who} {record.get('kind')}: {asked} -> {outcome}"))


@audit_app.command()
def show(number: Number, config: ConfigOption = None) -> None:
    """Show all of one record."""
    print(json.dumps(_found(_trail(config), number), indent=2))


@audit_app.command()
def verify(config: ConfigOption = None, json_: JsonOption = False) -> None:
    """Check that no record was changed, moved or removed; exit code 3 if one was."""
    trail = _trail(config)
    verdict = trail.verify()
    if json_:
        cli.print_json(verdict.__dict__)
    elif verdict.problem is None:
        out.print(Text(f"{verdict.count:,} records are as they were written; the last hash is {verdict.hash}"))
    if verdict.problem is not None:
        cli.fail(f"{verdict.problem}; {verdict.count:,} records before it are as they were written", cli.EXIT_REFUSED)


@audit_app.command()
def export(
    output: Annotated[Path | None, typer.Argument(help="A file to write; standard output without it.")] = None,
    config: ConfigOption = None,
) -> None:
    """Copy the trail, line by line as it was written, after checking it."""
    trail = _trail(config)
    verdict = trail.verify()
    if verdict.problem is not None:
        cli.fail(f"{verdict.problem}; look with groundwire audit verify", cli.EXIT_REFUSED)
    if output is not None and output.exists():
        cli.fail(f"{output} exists already", cli.EXIT_CONFIG)
    sink = sys.stdout.buffer if output is None else output.open("xb")
    try:
        if verdict.count:
            with trail.path.open("rb") as lines:
                for _ in range(verdict.count):
                    sink.write(lines.readline())
        sink.flush()
    finally:
        if output is not None:
            sink.close()
    err.print(Text(f"{verdict.count:,} records; the last hash is {verdict.hash}"))


@audit_app.command()
def replay(number: Number, config: ConfigOption = None) -> None:
    """Ask a recorded query or question again, and say what changed and why; exit code 3 if something did."""
    record = _found(_trail(config), number)
    with cli.open_hub(config, operator=True) as hub:
        changes = watched(err, "asking again", lambda tell, stop: _changes(hub, record))
        for change in changes:
            out.print(Text(change))
        if changes:
            raise typer.Exit(cli.EXIT_REFUSED)
        out.print(Text("nothing changed"))


def _changes(hub: Hub, record: Mapping[str, Any]) -> list[str]:
    """What is different now; of a question also the words that a model finds."""
    from groundwire.core.audit_replay import replayed

    if record.get("kind") != "question":
        return replayed(hub, record)
    if record.get("sql") is None and not record.get("refused") and "error" not in record:
        raise QueryError(f"record {record.get('n')} was asked back, and answered nothing; its queries can be replayed")
    from groundwire.agents.agent import Agent, Understood, identity

    asker = hub.as_principal(record["principal"]) if record.get("principal") is not None else hub
    agent = Agent(asker)
    changes = []
    if identity(agent.model) != record["model"]:
        changes.append(f"the model: {identity(agent.model)} now, {record['model']} then")
    whole = Understood(question=record.get("understood") or record["asked"])
    answer = agent.ask(record["asked"], hints=record.get("hints", ""), understood=whole)
    if answer.sql != record.get("sql"):
        changes.append(f"the query: {answer.sql} now, {record.get('sql')} then")
    if answer.text != record.get("answer"):
        changes.append(f"the answer: {answer.text} now, {record.get('answer')} then")
    return changes


def _found(trail: Trail, number: int) -> dict[str, Any]:
    record = trail.record(number)
    if record is None:
        _absent(number)
    return record


def _absent(number: int) -> NoReturn:
    cli.fail(f"there is no record {number}", cli.EXIT_REFUSED)
