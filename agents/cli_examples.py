"""The commands `examples ...`: questions that were kept, reviewed, corrected and exported."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from groundwire.agents import cli
from groundwire.agents.cli import ConfigOption, JsonOption, err, out
from groundwire.agents.examples import Example, Examples, State, opened
from groundwire.agents.terminal import watched
from groundwire.core.errors import ConfigError, GroundwireError
from groundwire.core.hub import Hub

examples_app = typer.Typer(
    help="Review kept questions; approved ones help with the next and train adapters.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
cli.app.add_typer(examples_app, name="examples")
Ids = Annotated[list[int], typer.Argument(help="Numbers of kept questions.")]
Chosen = Literal["new", "approved", "rejected"] | None
Id = Annotated[int, typer.Argument(help="Number of a kept question.")]


def _kept(hub: Hub) -> Examples:
    kept = opened(hub.config)
    if kept is None:
        raise ConfigError(
            "no questions are kept; keep = true in [examples] keeps them from now on", setting="examples.keep"
        )
    return kept


@examples_app.command("list")
def list_(
    state: Annotated[
        Literal["new", "approved", "rejected"] | None, typer.Option(help="Only those of one state.")
    ] = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """List kept questions with what became of them."""
    with cli.open_hub(config, operator=True) as hub:
        found = _kept(hub).all(state)
        if json_:
            cli.print_json([e.__dict__ | {"entities": list(e.entities)} for e in found])
            return
        table = Table("id", "state", "outcome", "who", "question", "query")
        for e in found:
            cells = (str(e.id), e.state, e.outcome, e.principal, e.question, e.sql or e.text)
            table.add_row(*map(Text, cells))
        out.print(table)


@examples_app.command()
def review(config: ConfigOption = None) -> None:
    """Go through what is new: approve, reject, correct the query, or leave it for later."""
    with cli.open_hub(config, operator=True) as hub:
        kept = _kept(hub)
        found = kept.all("new")
        watched(err, "reading catalogs", lambda tell, stop: hub.catalog)
        for number, example in enumerate(found, 1):
            out.print(Text(f"\n{number} of {len(found)}", style="dim"))
            _show(example)
            if not _judged(kept, hub, example):
                break
        out.print(Text(f"{len(kept.all('new'))} left to review"))


def _judged(kept: Examples, hub: Hub, example: Example) -> bool:
    """One example's verdict; False to stop."""
    while True:
        out.print(Text("[a]pprove, [r]eject, [e]dit, [s]kip, [q]uit? ", style="bold"), end="")
        reply = sys.stdin.readline().strip().lower()[:1]
        if reply in ("", "q"):
            return False
        if reply == "s":
            return True
        if reply in ("a", "r"):
            kept.judge(example.id, "approved" if reply == "a" else "rejected")
            return True
        if reply == "e":
            out.print(Text("query: ", style="bold"), end="")
            try:
                example = kept.edit(example.id, hub, sql=sys.stdin.readline().strip())
                _show(example)
            except GroundwireError as error:
                out.print(Text(f"error: {error}", style="red"))


def _show(example: Example) -> None:
    out.print(Text(example.question, style="bold"))
    if example.hints:
        out.print(Text(f"hints: {example.hints}"))
    out.print(Text(f"{example.outcome}: {example.text}"))
    if example.sql:
        out.print(Text(f"query: {example.sql}", style="dim"))


@examples_app.command()
def approve(ids: Ids, config: ConfigOption = None) -> None:
    """Let examples stand beside questions that resemble them, and train."""
    _judge(ids, "approved", config)


@examples_app.command()
def reject(ids: Ids, config: ConfigOption = None) -> None:
    """Say that examples are wrong."""
    _judge(ids, "rejected", config)


def _judge(ids: list[int], state: State, config: Path | None) -> None:
    with cli.open_hub(config, operator=True) as hub:
        kept = _kept(hub)
        for id_ in ids:
            kept.judge(id_, state)
        out.print(Text(f"{state}: {', '.join(map(str, ids))}"))


@examples_app.command()
def edit(
    id_: Id,
    sql: Annotated[str | None, typer.Option(help="The right query, in the query language.")] = None,
    question: Annotated[str | None, typer.Option(help="The question in other words.")] = None,
    config: ConfigOption = None,
) -> None:
    """Correct a query or a question; the query is checked against the connected systems."""
    with cli.open_hub(config, operator=True) as hub:
        _show(_kept(hub).edit(id_, hub, sql=sql, question=question))


@examples_app.command()
def remove(id_: Id, config: ConfigOption = None) -> None:
    """Forget a kept question."""
    with cli.open_hub(config, operator=True) as hub:
        _kept(hub).remove(id_)


@examples_app.command()
def export(
    file: Annotated[Path, typer.Argument(help="JSON lines to write; replaced if it is there.")],
    config: ConfigOption = None,
) -> None:
    """Write approved examples as conversations to train a LoRA adapter with."""
    from groundwire.agents import training

    with cli.open_hub(config, operator=True) as hub:
        approved = _kept(hub).all("approved")
        count = watched(err, "reading catalogs", lambda tell, stop: training.export(approved, hub, file))
        out.print(Text(f"{count} conversations in {file}"))
        err.print(Text("LLaMA-Factory reads it with this entry in dataset_info.json:", style="dim"))
        err.print(Text(json.dumps(training.dataset_info(file)), style="dim"))
