"""The `groundwire` command.

Exit codes: 0 success, 2 configuration or usage, 3 refused or not found, 4 a source failed.
Everything works in a pipe: colours and progress go to terminals only.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from groundwire.agents import weights
from groundwire.core.errors import ConfigError, GroundwireError, ModelError, QueryError
from groundwire.core.hub import Hub

if TYPE_CHECKING:
    from groundwire.agents.agent import Answer

EXIT_CONFIG, EXIT_REFUSED, EXIT_SOURCE = 2, 3, 4

app = typer.Typer(
    name="groundwire",
    help="Ask a local language model about live CRM, ERP and SQL data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
model_app = typer.Typer(
    help="Fetch and list the weights of language models.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(model_app, name="model")

out = Console()
err = Console(stderr=True)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration; else $GROUNDWIRE_CONFIG or ./groundwire.toml."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AgeOption = Annotated[str | None, typer.Option("--max-age", help="Oldest acceptable data: 0, 30s, 5m, 2h, 1d.")]


def main() -> None:
    """Run the command and turn errors into messages and exit codes."""
    try:
        app(standalone_mode=True)
    except GroundwireError as error:
        fail(error)
    except KeyboardInterrupt:
        err.print("stopped")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)


def fail(error: GroundwireError) -> NoReturn:
    """Print an error as one line and end with its exit code."""
    err.print(Text(f"error: {error}", style="red"), soft_wrap=True)
    sys.exit(exit_code(error))


def exit_code(error: GroundwireError) -> int:
    """2 for configuration and model, 3 for a query that can't be answered, 4 for a source."""
    if isinstance(error, ConfigError | ModelError):
        return EXIT_CONFIG
    if isinstance(error, QueryError):
        return EXIT_REFUSED
    return EXIT_SOURCE


@contextmanager
def open_hub(config: Path | None) -> Iterator[Hub]:
    """A hub for a command."""
    with Hub.from_config(config) as hub:
        yield hub


@contextmanager
def working(text: str) -> Iterator[Callable[[str], None]]:
    """A line that moves while something is done; silent where nobody watches."""
    if not err.is_terminal:
        yield lambda _: None
        return
    with err.status(text) as status:
        yield lambda message: status.update(message)


@app.command()
def check(config: ConfigOption = None, json_: JsonOption = False) -> None:
    """Log in to every source and say whether it answers."""
    with open_hub(config) as hub:
        with working("asking every source"):
            states = hub.check()
        if json_:
            print(json.dumps([{"source": s.source, "type": s.kind, "ok": s.ok, "message": s.message} for s in states]))
        else:
            for s in states:
                mark = Text("ok  ", style="green") if s.ok else Text("FAIL", style="red")
                out.print(mark, Text(f" {s.source} ({s.kind}): {s.message}"), sep="", soft_wrap=True)
        if not all(s.ok for s in states):
            raise typer.Exit(EXIT_SOURCE)


@app.command()
def entities(
    search: Annotated[str | None, typer.Argument(help="Words to look for.")] = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """List entities, or find those that fit some words."""
    from groundwire.agents import prompt

    with open_hub(config) as hub:
        with working("reading catalogs"):
            catalog = hub.catalog
        found = prompt.Retriever(catalog).rank(search) if search else sorted(catalog, key=lambda e: e.full_name)
        if json_:
            rows = [
                {
                    "entity": e.full_name,
                    "label": e.label,
                    "rows": e.rows,
                    "fields": [f.name for f in e.fields],
                }
                for e in found
            ]
            print(json.dumps(rows, ensure_ascii=False))
        elif search:
            for entity in found[:10]:
                out.print(Text(prompt.card(entity, catalog)), soft_wrap=True)
        else:
            table = Table("entity", "label", "rows", "fields", "relations")
            for e in found:
                rows_text = "" if e.rows is None else f"{e.rows:,}"
                relations = ", ".join(r.name for r in e.relations if not r.many)
                table.add_row(Text(e.full_name), Text(e.label), rows_text, str(len(e.fields)), Text(relations))
            out.print(table)
        if not found:
            err.print("no entity matches")
            raise typer.Exit(EXIT_REFUSED)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT; - reads it from standard input.")],
    config: ConfigOption = None,
    max_age: AgeOption = None,
    limit: Annotated[int, typer.Option(help="Rows at most; more are said to exist.")] = 1000,
    on_error: Annotated[str, typer.Option(help="raise, or incomplete.")] = "raise",
    json_: JsonOption = False,
) -> None:
    """Run a query and print the table with its sources."""
    with open_hub(config) as hub:
        with working("reading") as tell:
            result = hub.query(_text(sql), max_age=max_age, limit=limit, on_error=on_error, progress=tell)
        if json_:
            print(result.to_json())
        else:
            out.print(result)


@app.command()
def explain(sql: Annotated[str, typer.Argument(help="One SELECT.")], config: ConfigOption = None) -> None:
    """Show what each source would execute, and what is joined here."""
    with open_hub(config) as hub:
        out.print(Text(hub.explain(_text(sql))), soft_wrap=True)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="In your own words.")],
    config: ConfigOption = None,
    max_age: AgeOption = None,
    hints: Annotated[str, typer.Option(help="What else the model should know.")] = "",
    json_: JsonOption = False,
) -> None:
    """Answer one question."""
    from groundwire.agents.agent import Agent

    with open_hub(config) as hub:
        with working("starting") as tell:
            answer = Agent(hub).ask(question, hints=hints, max_age=max_age, on_event=lambda kind, text: tell(text))
        if json_:
            print(json.dumps(answer.to_dict(), ensure_ascii=False))
        else:
            show_answer(out, answer)
        if answer.refused:
            raise typer.Exit(EXIT_REFUSED)


@app.command()
def chat(config: ConfigOption = None, max_age: AgeOption = None) -> None:
    """Ask one question after another."""
    from groundwire.agents.chat import Chat

    with open_hub(config) as hub:
        Chat(hub, out, max_age=max_age).run()


@app.command()
def demo(
    questions: Annotated[bool, typer.Option(help="Ask the three demo questions first.")] = True,
    chat_: Annotated[bool, typer.Option("--chat/--no-chat", help="Stay in the chat on a terminal.")] = True,
    stop: Annotated[bool, typer.Option("--stop", help="Stop a demo that is running.")] = False,
) -> None:
    """Start the demo company, ask it three questions, and stay in the chat."""
    company = importlib.import_module("groundwire.demo.company")
    if stop:
        out.print(company.stop_running())
        return
    from groundwire.agents.agent import Agent
    from groundwire.agents.chat import Chat

    with working("starting the demo company") as tell:
        running = company.DemoCompany(progress=lambda text: tell(text) if err.is_terminal else err.print(text))
        running.start()
    try:
        with Hub.from_config(running.config_path, {**running.environment}) as hub:
            with working("reading catalogs and loading the model"):
                agent = Agent(hub)
                agent.warm()
            for question in running.questions if questions else ():
                out.print(Text(f"\n> {question}", style="bold"))
                with working("thinking") as tell:
                    answer = agent.ask(question, on_event=lambda kind, text: tell(text))
                show_answer(out, answer)
            if chat_ and sys.stdin.isatty() and out.is_terminal:
                Chat(hub, out, agent=agent).run()
    finally:
        running.stop()


@model_app.command("pull")
def model_pull(name: Annotated[str, typer.Argument(help="Known weights.")] = weights.DEFAULT) -> None:
    """Fetch weights once into the user's cache directory."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task(name)
        path = weights.pull(
            name, lambda done, total, what: bar.update(task, completed=done, total=total, description=what)
        )
    out.print(Text(str(path)), soft_wrap=True)


@model_app.command("list")
def model_list(json_: JsonOption = False) -> None:
    """List known weights and where they are."""
    rows = [(w, path) for w, path in weights.listing()]
    if json_:
        print(json.dumps([{"name": w.name, "bytes": w.size, "path": str(p) if p else None} for w, p in rows]))
        return
    table = Table("name", "size", "licence", "here")
    for w, path in rows:
        mark = " (default)" if w.name == weights.DEFAULT else ""
        table.add_row(w.name + mark, f"{w.size / 1e9:.2f} GB", w.licence, "yes" if path else "no")
    out.print(table)


@app.command("eval")
def eval_(
    cases: Annotated[Path, typer.Argument(help="JSON list of cases: id, question, gold_sql.")],
    config: ConfigOption = None,
    json_: JsonOption = False,
    limit: Annotated[int | None, typer.Option(help="Only so many cases.")] = None,
) -> None:
    """Ask every question of a file and compare the results with its gold queries."""
    from groundwire.agents.agent import Agent
    from groundwire.agents.evals import run_cases

    with open_hub(config) as hub:
        report = run_cases(
            Agent(hub),
            json.loads(cases.read_text(encoding="utf-8"))[:limit],
            print_line=lambda s: err.print(Text(s), soft_wrap=True),
        )
        if json_:
            print(json.dumps(report.to_dict(), ensure_ascii=False))
        else:
            out.print(Text(report.summary()))


def show_answer(console: Console, answer: Answer) -> None:
    """An answer with its table, and under it how true it is and where it comes from."""
    console.print(Text(answer.text, style="yellow" if answer.refused else "bold"), soft_wrap=True)
    result = answer.result
    if result is None:
        return
    if answer.refused:
        return
    if len(result) > 1 or len(result.columns) > 3:
        console.print(result)
    else:
        for line in result.footer():
            console.print(Text(line, style="dim" if result.complete else "yellow"), soft_wrap=True)
    if answer.citations:
        cited = "; ".join(f"{c.text} = row {c.row}, {c.column} ({', '.join(c.sources)})" for c in answer.citations[:8])
        console.print(Text(f"from: {cited}", style="dim"), soft_wrap=True)
    if answer.sql:
        console.print(Text(f"query: {answer.sql}", style="dim"), soft_wrap=True)
    for note in result.notes:
        console.print(Text(f"note: {note}", style="dim"), soft_wrap=True)


def _text(sql: str) -> str:
    return sys.stdin.read() if sql == "-" else sql
