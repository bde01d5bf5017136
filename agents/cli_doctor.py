"""The command `doctor`: what this installation is, for those who have to sign for it."""

from __future__ import annotations

import typer
from rich.text import Text

from groundwire.agents import cli
from groundwire.agents.cli import ConfigOption, JsonOption, out

_MARKS = {"ok": ("ok      ", "green"), "warning": ("warning ", "yellow"), "problem": ("PROBLEM ", "red")}


@cli.app.command()
def doctor(config: ConfigOption = None, json_: JsonOption = False) -> None:
    """Say where this installation connects, who can read its files, its versions; exit code 3 if there is a problem."""
    from groundwire.core.doctor import examined

    with cli.open_hub(config, operator=True) as hub:
        findings = examined(hub)
        if json_:
            cli.print_json([f.__dict__ for f in findings])
        else:
            for finding in findings:
                mark, style = _MARKS[finding.level]
                mend = f" ({finding.mend})" if finding.mend else ""
                out.print(Text(mark, style=style), Text(f"{finding.topic}: {finding.text}{mend}"), sep="")
        if any(f.level == "problem" for f in findings):
            raise typer.Exit(cli.EXIT_REFUSED)
