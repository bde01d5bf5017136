"""The commands `groundwire eval CASES` and `groundwire eval diff`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text
from typer.core import TyperGroup

from groundwire.agents import cli
from groundwire.agents.cli import ConfigOption, EffortOption, JsonOption, err, out
from groundwire.agents.terminal import watchable
from groundwire.core.errors import ConfigError

if TYPE_CHECKING:  # a model and its libraries, which no other command waits for
    from groundwire.agents.eval_cases import Case
    from groundwire.agents.eval_run import Run
    from groundwire.agents.evals import Evaluation, Outcome


class _Cases(TyperGroup):
    """A group in which what names no command names files: `eval CASES` is `eval run CASES`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


eval_app = typer.Typer(
    cls=_Cases,
    help="Ask the questions of a file and hold the answers against gold queries: `groundwire eval CASES`.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
cli.app.add_typer(eval_app, name="eval")


@eval_app.command()
def run(
    cases: Annotated[list[Path], typer.Argument(help="JSON lists of cases: question, gold_sql, ...")],
    config: ConfigOption = None,
    url: Annotated[
        str | None, typer.Option(help="One SQL database in place of a configuration; {db} is the case's.")
    ] = None,
    mode: Annotated[
        Literal["single", "split", "crowd"],
        typer.Option(help="As configured; half of the tables on a second server; among 1,000 other entities."),
    ] = "single",
    second_url: Annotated[str | None, typer.Option(help="For split: a server on which databases may be made.")] = None,
    model: Annotated[str | None, typer.Option(help="In place of the configured model.")] = None,
    effort: EffortOption = None,
    ablate: Annotated[str | None, typer.Option(help="Helps to switch off, by commas; see `eval levers`.")] = None,
    only: Annotated[str | None, typer.Option(help="Ids of cases, separated by commas.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many cases.")] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that an answer may take.")] = 120.0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write outcomes here, each as it is known.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the outcomes that are there.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a report with plots here.")] = None,
    json_: JsonOption = False,
) -> None:
    """Ask every question of some files and compare the results with their gold queries."""
    from groundwire.agents import eval_cases
    from groundwire.agents.eval_setup import Target
    from groundwire.agents.evals import Evaluation
    from groundwire.agents.levers import Levers

    chosen = eval_cases.chosen(eval_cases.read(cases), only)[:limit]
    target = Target(config=config, url=url, mode=mode, second_url=second_url, model=model)
    configured = target.parsed(chosen[0].db).model
    in_use = Levers.without(_names(ablate)).at(effort or configured.effort)
    conditions = {
        "mode": mode,
        "model": configured.name,
        "ablated": list(in_use.off),
        "timeout": timeout,
    }
    done = _started(output, resume, conditions, chosen)
    evaluation = Evaluation(target, levers=in_use, timeout=timeout)
    measure(evaluation, done, chosen, output=output)
    report(done, html=html, json_=json_)


@eval_app.command()
def diff(
    before: Annotated[Path, typer.Argument(help="A run, as --output wrote it.")],
    now: Annotated[Path, typer.Argument(help="Another one.")],
    json_: JsonOption = False,
) -> None:
    """Show which cases were won and lost between two runs, and whether that is more than chance."""
    from groundwire.agents.eval_run import Run, change

    changed = change(Run.read(before), Run.read(now))
    if json_:
        cli.print_json(changed.to_dict())
    else:
        out.print(Text(changed.summary()))


@eval_app.command()
def levers() -> None:
    """List what helps a local model and can be switched off by --ablate."""
    from groundwire.agents.levers import Levers

    out.print(Text(Levers.described()))


def measure(evaluation: Evaluation, done: Run, cases: list[Case], *, output: Path | None = None) -> None:
    """Ask the cases that a run does not have yet, and add their outcomes to it.

    Args:
        evaluation: asks.
        done: what is known already.
        cases: all of them.
        output: where the run is written after every outcome.
    """
    known = {o.id for o in done.outcomes}
    left = [case for case in cases if case.id not in known]
    with _watched(len(cases), len(cases) - len(left)) as (step, tell):
        try:
            for outcome in evaluation.run(left, step):
                done.outcomes.append(outcome)
                done.notes |= evaluation.notes
                if output is not None:
                    done.write(output)
                tell(outcome, done)
        except KeyboardInterrupt:
            kept = f"; go on with --resume --output {output}" if output is not None else ""
            cli.fail(f"stopped after {len(done.outcomes)} of {len(cases)} cases{kept}", cli.EXIT_STOPPED)


def report(done: Run, *, html: Path | None = None, json_: bool = False) -> None:
    """Print the totals of a run, and write it as a page."""
    from groundwire.agents.eval_report import page

    if html is not None:
        try:
            html.write_text(page(done), encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"can't write {html}: {error.strerror}", setting="html") from None
    if json_:
        cli.print_json(done.to_dict())
    else:
        out.print(Text(done.summary()))


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def begun(conditions: dict[str, Any]) -> Run:
    """A run without outcomes yet."""
    from groundwire.agents.eval_run import Run

    facts = {
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version("groundwire"),
        "cores": os.cpu_count(),
    }
    return Run(conditions=conditions, facts=facts)


def _started(output: Path | None, resume: bool, conditions: dict[str, Any], cases: list[Case]) -> Run:
    """The run so far.

    Raises:
        ConfigError: a file is in the way, or what it holds does not belong to this run.
    """
    from groundwire.agents.eval_run import Run

    if resume and output is None:
        raise ConfigError("--resume needs the --output to go on with", setting="resume")
    if output is None or not output.exists():
        return begun(conditions)
    if not resume:
        raise ConfigError(f"{output} exists: go on with it by --resume, or name another file", setting="output")
    done = Run.read(output)
    done.known(cases, conditions, output)
    return done


@contextmanager
def _watched(total: int, done: int) -> Iterator[tuple[Callable[[str], None], Callable[[Outcome, Run], None]]]:
    """Functions to tell steps and outcomes: a bar on terminals, lines in pipes."""
    if not watchable(err):

        def tell_line(outcome: Outcome, so_far: Run) -> None:
            for line in _lines(outcome):
                err.print(Text(line))

        yield (lambda step: None), tell_line
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[right]} ok"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("starting", total=total, completed=done, right="0")

        def tell(outcome: Outcome, so_far: Run) -> None:
            for line in _lines(outcome):
                bar.console.print(Text(line, style="" if outcome.ok else "yellow"))
            bar.update(task, completed=len(so_far.outcomes), right=str(sum(o.ok for o in so_far.outcomes)))

        yield (lambda step: bar.update(task, description=step[:40])), tell


def _lines(outcome: Outcome) -> list[str]:
    """An outcome as one line, and what is wrong with it as another."""
    lines = [f"{'ok  ' if outcome.ok else 'FAIL'} {outcome.id} {outcome.seconds:.1f} s {outcome.question}"]
    if not outcome.ok:
        reasons = [outcome.difference.reason] if outcome.difference else []
        reasons += ["a known misreading"] if outcome.misread is not None else []
        why = f" ({', '.join(reasons)})" if reasons else ""
        lines.append(f"     {outcome.kind}{why}: {outcome.sql or outcome.answer}")
    return lines
