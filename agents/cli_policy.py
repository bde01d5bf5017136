"""Who asks, and commands for those who decide who may see what: `--as`, `policy explain`, `policy test`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from groundwire.agents import cli
from groundwire.agents.cli import ConfigOption, err, out
from groundwire.agents.terminal import watched
from groundwire.core.errors import ConfigError

policy_app = typer.Typer(help="Explain and test who may see what.", no_args_is_help=True, rich_markup_mode=None)
cli.app.add_typer(policy_app, name="policy")


@cli.app.callback()
def ask_as(
    principal: Annotated[
        str | None, typer.Option("--as", metavar="PRINCIPAL", help="Ask as another; for policy.operators only.")
    ] = None,
) -> None:
    """Ask a local language model about live CRM, ERP and SQL data."""
    cli.asker.name = principal


@policy_app.command()
def explain(
    principal: Annotated[str, typer.Argument(help="Name of a principal.")],
    entity: Annotated[str, typer.Argument(help="Name of an entity.")],
    config: ConfigOption = None,
) -> None:
    """Show what a principal sees of an entity, by which role, under which condition, behind which mask."""
    from groundwire.core.policy_report import explained

    with cli.open_hub(config, operator=True) as hub:
        if hub.policy is None:
            raise ConfigError("there is no policy to explain", setting="policy")
        catalog = watched(err, "reading catalogs", lambda tell, stop: hub.catalog)
        sees, lines = explained(hub.policy, hub.policy.principal(principal), entity, catalog)
        for line in lines:
            out.print(Text(line))
        if not sees:
            raise typer.Exit(cli.EXIT_REFUSED)


@policy_app.command()
def test(
    file: Annotated[Path, typer.Argument(help="TOML file of cases; see docs/security.md.")], config: ConfigOption = None
) -> None:
    """Hold the policy to your own table of who may see what; exit code 3 if it does not hold."""
    from groundwire.core.policy_report import check

    with cli.open_hub(config, operator=True) as hub:
        count, wrong = watched(err, "asking", lambda tell, stop: check(hub, file))
        for line in wrong:
            err.print(Text(line, style="red"))
        out.print(Text(f"{count - len(wrong)} of {count} are as they should be"))
        if wrong:
            raise typer.Exit(cli.EXIT_REFUSED)
