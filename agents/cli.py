"""The `groundwire` command.

Exit codes: 0 success, 2 configuration or usage, 3 refused or not found, 4 a source failed, 130 after Ctrl-C.
Everything works in a pipe: colours and progress go to terminals only.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
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
from typer.core import TyperGroup

from groundwire.agents import weights
from groundwire.agents.terminal import Tell, console, show_answer, watchable, watched
from groundwire.agents.waterfall import waterfall
from groundwire.core import config as configuration
from groundwire.core import telemetry_log
from groundwire.core.catalog import Catalog, near_names
from groundwire.core.config import Config, ModelConfig
from groundwire.core.errors import ActionError, ConfigError, GroundwireError, ModelError, PolicyError, QueryError
from groundwire.core.freshness import parse_age
from groundwire.core.hub import Hub
from groundwire.core.plain import json_text
from groundwire.core.policy import os_user
from groundwire.core.stopping import in_thread
from groundwire.core.telemetry import Trace, tracing

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from groundwire.agents.agent import Agent, Answer
    from groundwire.agents.conversation import Conversation

EXIT_CONFIG, EXIT_REFUSED, EXIT_SOURCE, EXIT_STOPPED = 2, 3, 4, 130

out = console()
err = console(stderr=True)


class _Commands(TyperGroup):
    """All commands, with every error that a user can cause turned into a line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except GroundwireError as error:
            fail(str(error), exit_code(error))
        except KeyboardInterrupt:
            _leave()
        except BrokenPipeError:  # the reader has what it wanted, as in `groundwire entities | head -1`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None


app = typer.Typer(
    name="groundwire",
    cls=_Commands,
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


def _age(text: str | None) -> str | None:
    """Check an age where it is written."""
    try:
        parse_age(text)
    except QueryError as error:
        raise typer.BadParameter(str(error)) from None
    return text


EffortOption = Annotated[
    Literal["high", "low"] | None,
    typer.Option(help="`low` answers sooner, in plainer words, without a second attempt."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration; else $GROUNDWIRE_CONFIG or ./groundwire.toml."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AgeOption = Annotated[
    str | None, typer.Option("--max-age", callback=_age, help="Oldest acceptable data: 0, 30s, 5m, 2h, 1d.")
]


TraceOption = Annotated[bool, typer.Option("--trace", help="Show where the seconds went.")]


def main() -> None:
    """Run the command."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr] # a name that a terminal can't show is no fault
    app()


def fail(message: str, code: int) -> NoReturn:
    """Print an error as one line and end with this exit code."""
    err.print(Text(f"error: {message}", style="red"))
    raise typer.Exit(code)


def exit_code(error: GroundwireError) -> int:
    """2 for configuration and model, 3 for what can't or may not be answered, 4 for a source."""
    if isinstance(error, ConfigError | ModelError):
        return EXIT_CONFIG
    if isinstance(error, QueryError | PolicyError | ActionError):
        return EXIT_REFUSED
    return EXIT_SOURCE


@dataclass
class Asker:
    """Who asks: a principal by name, or None for whom this account belongs to."""

    name: str | None = None


asker = Asker()
"""Set by `--as`."""


@contextmanager
def open_hub(
    config: Path | None, *, copying: bool = False, operator: bool = False, serving: bool = False
) -> Iterator[Hub]:
    """A hub for a command.

    Args:
        config: the configuration.
        copying: the command copies whole entities and shows none of them, whoever starts it.
        operator: the command is for those who decide who may see what.
        serving: the command answers many, and makes each one's own hub of this one.

    Raises:
        ConfigError: there is no valid configuration, or it names no source.
        PolicyError: there is a policy, and it does not let this account do that.
    """
    parsed = configuration.load(config)
    if parsed.telemetry.logs == "json":
        telemetry_log.begin(sys.stderr)
    hub = Hub.from_parsed(parsed)
    if not hub.connectors:
        raise ConfigError("no source is configured", setting="sources")
    try:
        if operator:
            operators_only(hub.config)
        if hub.policy is None or copying or operator or serving:
            yield hub
        else:
            with hub.as_principal(hub.policy.asker(asker.name)) as mine:
                yield mine
    except KeyboardInterrupt:
        _leave()
    finally:
        hub.close()


@contextmanager
def traced(wanted: bool) -> Iterator[Trace | None]:
    """The spans of what is done inside, if they are wanted."""
    with ExitStack() as stack:
        yield stack.enter_context(tracing()) if wanted else None


def operators_only(config: Config) -> None:
    """Let those go on who decide who may see what: everybody, where there is no policy.

    Raises:
        PolicyError: this account is not one of `policy.operators`.
    """
    if config.policy is not None and os_user() not in config.policy.operators:
        raise PolicyError("only accounts named in policy.operators may do this")


def _leave() -> NoReturn:
    """End at once after Ctrl-C: a read that is under way would otherwise keep the process for as long as it takes."""
    err.print("stopped")
    sys.stdout.flush()
    os._exit(EXIT_STOPPED)


@contextmanager
def working(text: str) -> Iterator[Callable[[str], None]]:
    """A line that moves while something is done in this thread; plain lines where nobody watches."""
    if not watchable(err):
        yield lambda message: err.print(Text(message))
        return
    with err.status(Text(text)) as status:
        yield lambda message: status.update(Text(message))


def print_json(value: Any) -> None:
    """One line of JSON on standard output."""
    print(json_text(value), flush=True)


@app.command()
def check(config: ConfigOption = None, json_: JsonOption = False) -> None:
    """Log in to every source, read its catalog, and say whether it answers."""
    with open_hub(config) as hub:
        hub.ask_for_catalog()
        states = watched(err, "asking every source", lambda tell, stop: hub.check())
        ok = all(s.ok for s in states)
        counts: dict[str, int] = {}
        if ok:
            for entity in watched(err, "reading catalogs", lambda tell, stop: hub.catalog):
                counts[entity.source] = counts.get(entity.source, 0) + 1
        if json_:
            print_json(
                [
                    {"source": s.source, "type": s.kind, "ok": s.ok, "message": s.message}
                    | ({"entities": counts.get(s.source, 0)} if ok else {})
                    for s in states
                ]
            )
        else:
            for s in states:
                mark = Text("ok  ", style="green") if s.ok else Text("FAIL", style="red")
                size = f", {counts.get(s.source, 0)} entities" if ok else ""
                out.print(mark, Text(f" {s.source} ({s.kind}): {s.message}{size}"), sep="")
        if not ok:
            raise typer.Exit(EXIT_SOURCE)


@app.command()
def entities(
    search: Annotated[str | None, typer.Argument(help="Words to look for.")] = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """List entities, or find those that fit some words."""
    from groundwire.agents import prompt
    from groundwire.agents.retrieval import retriever

    with open_hub(config) as hub:
        catalog = watched(err, "reading catalogs", lambda tell, stop: hub.catalog)
        found = retriever(catalog).rank(search) if search else sorted(catalog, key=lambda e: e.full_name)
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
            print_json(rows)
        elif search:
            names = prompt.short_names(catalog)
            for entity in found[:10]:
                out.print(Text(prompt.card(entity, names)))
        else:
            table = Table("entity", "label", "rows", "fields", "relations")
            for e in found:
                rows_text = "" if e.rows is None else f"{e.rows:,}"
                relations = ", ".join(r.name for r in e.relations if not r.many)
                table.add_row(Text(e.full_name), Text(e.label), rows_text, str(len(e.fields)), Text(relations))
            out.print(table)
        if not found:
            near = _near(search or "", catalog)
            fail("no entity matches" + (f"; did you mean {', '.join(near)}?" if near else ""), EXIT_REFUSED)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT; - reads it from standard input.")],
    config: ConfigOption = None,
    max_age: AgeOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows at most; more are said to exist.")] = 1000,
    on_error: Annotated[
        Literal["raise", "incomplete", "stale"] | None,
        typer.Option(help="What a source that fails does to the result."),
    ] = None,
    json_: JsonOption = False,
    trace: TraceOption = False,
) -> None:
    """Run a query and print the table with its sources."""
    with open_hub(config) as hub, traced(trace) as spans:
        text = _text(sql)
        result = watched(
            err,
            "reading",
            lambda tell, stop: hub.query(
                text,
                max_age=max_age,
                limit=limit,
                on_error=on_error,
                progress=lambda read: tell("source", read),
                stop=stop,
            ),
        )
        if json_:
            print_json(result.to_dict() | ({"trace": spans.to_dict()} if spans else {}))
        else:
            out.print(result)
            if spans:
                out.print(waterfall(spans.to_dict()))


@app.command()
def explain(sql: Annotated[str, typer.Argument(help="One SELECT.")], config: ConfigOption = None) -> None:
    """Show what each source would execute, and what is joined here."""
    with open_hub(config) as hub:
        text = _text(sql)
        out.print(Text(watched(err, "reading catalogs", lambda tell, stop: hub.explain(text))))


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="In your own words.")],
    config: ConfigOption = None,
    max_age: AgeOption = None,
    hints: Annotated[str, typer.Option(help="What else the model should know.")] = "",
    effort: EffortOption = None,
    json_: JsonOption = False,
    trace: TraceOption = False,
) -> None:
    """Answer one question."""
    from groundwire.agents.agent import Agent
    from groundwire.agents.conversation import Conversation
    from groundwire.agents.levers import Levers

    with open_hub(config) as hub, traced(trace) as spans:
        levers = Levers().at(effort or hub.config.model.effort)
        answer = watched(
            err,
            "reading catalogs and loading the model",
            lambda tell, stop: Conversation(Agent(hub, levers=levers), interactive=False).ask(
                question, hints=hints, max_age=max_age, on_event=tell, stop_event=stop
            ),
        )
        if json_:
            print_json(answer.to_dict() | ({"trace": spans.to_dict()} if spans else {}))
        else:
            show_answer(out, answer)
            if spans:
                out.print(waterfall(spans.to_dict()))
        if answer.refused:
            raise typer.Exit(EXIT_REFUSED)


@app.command()
def chat(
    config: ConfigOption = None,
    max_age: AgeOption = None,
    effort: EffortOption = None,
    trace: TraceOption = False,
) -> None:
    """Ask one question after another."""
    from groundwire.agents.agent import Agent
    from groundwire.agents.chat import Chat
    from groundwire.agents.levers import Levers

    with open_hub(config) as hub:
        agent = Agent(hub, levers=Levers().at(effort or hub.config.model.effort))
        watched(err, "reading catalogs and loading the model", lambda tell, stop: agent.warm())
        Chat(hub, out, agent=agent, max_age=max_age, trace=trace).run()


@app.command()
def demo(
    questions: Annotated[bool, typer.Option(help="Ask the three demo questions first.")] = True,
    chat_: Annotated[bool, typer.Option("--chat/--no-chat", help="Stay in the chat on a terminal.")] = True,
    stop: Annotated[bool, typer.Option("--stop", help="Stop a demo that is running.")] = False,
) -> None:
    """Start the demo company, ask it three questions, and stay in the chat."""
    try:
        company = importlib.import_module("groundwire.demo.company")
        if stop:
            out.print(company.stop_running())
            return
        weights.resolve(ModelConfig().name)
        with ExitStack() as open_things:
            from groundwire.agents.conversation import Conversation

            loading = in_thread("model", _demo_model)  # while the systems start
            with working("starting the demo company") as tell:
                running = open_things.enter_context(company.DemoCompany(progress=tell))
            hub = open_things.enter_context(Hub.from_config(running.config_path, {**running.environment}))
            agent = watched(
                err, "reading catalogs and loading the model", lambda tell, stop: _warm_agent(hub, loading.result)
            )
            talk = Conversation(agent)
            for question in running.questions if questions else ():
                out.print(Text(f"\n> {question}", style="bold"))
                show_answer(out, watched(err, "thinking", partial(_ask, talk, question)))
            if chat_ and sys.stdin.isatty() and out.is_terminal:
                from groundwire.agents.chat import Chat

                Chat(hub, out, agent=agent, conversation=talk).run()
    except BrokenPipeError:
        raise
    except ImportError as error:
        fail(f"{error}; run: pip install 'groundwire[demo]'", EXIT_CONFIG)
    except OSError as error:
        fail(f"the demo company can't be started: {error}", EXIT_SOURCE)


def _warm_agent(hub: Hub, model: Callable[[], BaseChatModel]) -> Agent:
    from groundwire.agents.agent import Agent

    _ = hub.catalog
    agent = Agent(hub, model())
    agent.warm()
    return agent


def _demo_model() -> BaseChatModel:
    from groundwire.agents.agent import model_from_config
    from groundwire.agents.local_model import LocalChatModel

    model = model_from_config(ModelConfig())
    return model.load() if isinstance(model, LocalChatModel) else model


def _ask(talk: Conversation, question: str, tell: Tell, stop: threading.Event) -> Answer:
    return talk.ask(question, on_event=tell, stop_event=stop)


@app.command("rest-from-openapi")
def rest_from_openapi(
    document: Annotated[str, typer.Argument(help="File or address of an OpenAPI 3 document.")],
    output: Annotated[Path | None, typer.Option(help="Write here, in place of the terminal.")] = None,
) -> None:
    """Draft the YAML description of a REST API from its OpenAPI document."""
    from groundwire.connectors.rest_openapi import draft, read_document

    text = draft(read_document(document))
    if output is None:
        sys.stdout.write(text)
        return
    if output.exists():
        fail(f"{output} exists already; a description that was worked on is not overwritten", EXIT_CONFIG)
    output.write_text(text, encoding="utf-8")
    err.print(Text(f"wrote {output}"))


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
    with Progress(*columns, console=err, disable=not watchable(err)) as bar:
        task = bar.add_task(name)
        path = weights.pull(
            name, lambda done, total, what: bar.update(task, completed=done, total=total, description=what)
        )
    out.print(Text(str(path)))


@model_app.command("list")
def model_list(json_: JsonOption = False) -> None:
    """List known weights and where they are."""
    rows = [(w, path) for w, path in weights.listing()]
    if json_:
        print_json([{"name": w.name, "bytes": w.size, "path": str(p) if p else None} for w, p in rows])
        return
    table = Table("name", "size", "licence", "here")
    for w, path in rows:
        mark = " (default)" if w.name == weights.DEFAULT else ""
        table.add_row(w.name + mark, f"{w.size / 1e9:.2f} GB", w.licence, "yes" if path else "no")
    out.print(table)


importlib.import_module("groundwire.agents.cli_sync")  # adds its commands to `app`
importlib.import_module("groundwire.agents.cli_eval")
importlib.import_module("groundwire.agents.cli_policy")
importlib.import_module("groundwire.agents.cli_audit")
importlib.import_module("groundwire.agents.cli_doctor")
importlib.import_module("groundwire.agents.cli_connectors")
importlib.import_module("groundwire.agents.cli_init")
importlib.import_module("groundwire.agents.cli_mcp")
importlib.import_module("groundwire.agents.cli_serve")
importlib.import_module("groundwire.agents.cli_actions")
importlib.import_module("groundwire.agents.cli_examples")


def _near(words: str, catalog: Catalog) -> list[str]:
    """Entities whose own name resembles one of these words."""
    names = {e.name.rpartition(".")[2]: e.full_name for e in catalog}
    return list(dict.fromkeys(names[near] for word in words.split() for near in near_names(word, names)))


def _text(sql: str) -> str:
    """The query itself, or what standard input holds."""
    if sql != "-":
        return sql
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise QueryError("standard input is not UTF-8") from None
