"""The commands around actions: `actions list`, `propose`, `show`, `approve`, `reject`."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from groundwire.agents import cli
from groundwire.agents.cli import ConfigOption, JsonOption, err, out
from groundwire.agents.terminal import watched
from groundwire.core.errors import ActionError
from groundwire.core.hub import Hub
from groundwire.core.proposals import Proposal

actions_app = typer.Typer(
    help="Propose what is to be done in the connected systems, and approve it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
cli.app.add_typer(actions_app, name="actions")

Number = Annotated[int, typer.Argument(help="Number of a proposal.", min=1)]


@actions_app.command("list")
def list_(config: ConfigOption = None, json_: JsonOption = False) -> None:
    """List the actions that you may propose, and the proposals that wait."""
    with cli.open_hub(config) as hub:
        offered = watched(err, "reading catalogs", lambda tell, stop: hub.actions.offered)
        waiting = hub.actions.proposals()
        if json_:
            cli.print_json({"actions": [o.to_dict() for o in offered], "proposals": [p.to_dict() for p in waiting]})
            return
        for one in offered:
            names = [
                name if name in one.schema.get("required", ()) else f"[{name}]" for name in one.schema["properties"]
            ]
            out.print(Text(f"{one.name} {' '.join(names)}", style="bold"))
            out.print(Text(f"  {one.description}" + (" You may approve it." if one.approves else "")))
        if not offered:
            out.print(Text("there is no action that you may propose; see docs/actions.md"))
        for proposal in waiting:
            show_proposal(out, proposal)


@actions_app.command()
def propose(
    action: Annotated[str, typer.Argument(help="Such as crm.update_stage.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="As name=value.")] = None,
    request: Annotated[
        str | None, typer.Option(help="What tells this request from every other: it is proposed once.")
    ] = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Propose an action, and show what it would do. Nothing is done."""
    with cli.open_hub(config) as hub:
        given = _given(arguments or [])
        proposal = watched(err, "asking", lambda tell, stop: hub.actions.propose(action, given, request=request))
        _print(proposal, json_)


@actions_app.command()
def show(number: Number, config: ConfigOption = None, json_: JsonOption = False) -> None:
    """Show a proposal; what became of one that was sent and not heard of is looked up."""
    with cli.open_hub(config) as hub:
        _print(watched(err, "asking", lambda tell, stop: hub.actions.get(number)), json_)


@actions_app.command()
def approve(
    number: Number,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: you have seen what it does.")] = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show what a proposal would do, ask, and have it done; exit code 3 if it was not done."""
    with cli.open_hub(config) as hub:
        proposal = watched(err, "asking", lambda tell, stop: hub.actions.get(number))
        if proposal.state == "proposed" and not yes:
            show_proposal(err, proposal)
            if not sys.stdin.isatty():
                raise typer.BadParameter("nobody can be asked here; look at it, and say --yes")
            if not typer.confirm("Do it?", default=False, err=True):
                err.print(Text("nothing was done"))
                raise typer.Exit(cli.EXIT_REFUSED)
        ended = watched(err, "doing it", lambda tell, stop: hub.actions.approve(number))
        _print(ended, json_)
        if ended.state != "done":
            raise typer.Exit(cli.EXIT_REFUSED)


@actions_app.command()
def reject(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why, for whoever proposed it.")] = "",
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Decide that a proposal is not done, or take back your own."""
    with cli.open_hub(config) as hub:
        _print(hub.actions.reject(number, reason), json_)


def show_proposal(screen: Console, proposal: Proposal) -> None:
    """Print a proposal with its difference, and what became of it."""
    for line in proposal.difference.split("\n"):
        screen.print(Text(line))
    told = f"  {proposal.state}, proposed by {proposal.proposer} {proposal.proposed_at:%Y-%m-%d %H:%M} UTC"
    if proposal.decided_by is not None:
        told += f", decided by {proposal.decided_by}"
    screen.print(Text(told + (f": {proposal.outcome}" if proposal.outcome else ""), style="dim"))
    if proposal.url and proposal.state == "done":
        screen.print(Text(f"  {proposal.url}", style="dim"))


def ask_and_do(hub: Hub, screen: Console, proposal: Proposal, is_wanted: bool) -> None:
    """Do what a person has decided on a proposal that they were shown, and print what came of it."""
    ended = hub.actions.approve(proposal.id) if is_wanted else hub.actions.reject(proposal.id)
    told = f"proposal {ended.id} is {ended.state}" + (f": {ended.outcome}" if ended.outcome else "")
    screen.print(Text(told, style="bold" if ended.state == "done" else "yellow"))


def _print(proposal: Proposal, json_: bool) -> None:
    if json_:
        cli.print_json(proposal.to_dict())
    else:
        show_proposal(out, proposal)


def _given(arguments: list[str]) -> dict[str, Any]:
    """Arguments as they are written: `name=value`, or one JSON object."""
    if len(arguments) == 1 and arguments[0].lstrip().startswith("{"):
        try:
            found = json.loads(arguments[0])
        except ValueError:
            raise ActionError("the arguments are no JSON") from None
        return dict(found)
    given = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or not name.isidentifier():
            raise ActionError(f"write name=value, not {argument!r}")
        given[name] = value
    return given
