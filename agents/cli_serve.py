"""The command `serve`: the connected systems for browsers, OpenAI's clients, and programs."""

from __future__ import annotations

import importlib.util
from typing import Annotated

import typer

from groundwire.agents import cli
from groundwire.agents.cli import ConfigOption, err
from groundwire.core.errors import ConfigError


@cli.app.command()
def serve(
    config: ConfigOption = None,
    http: Annotated[str, typer.Option("--http", metavar="HOST:PORT", help="Where to listen.")] = "127.0.0.1:8080",
) -> None:
    """Serve the connected systems over HTTP: a page, OpenAI's API, and data, to who has a token."""
    if importlib.util.find_spec("fastapi") is None or importlib.util.find_spec("uvicorn") is None:
        raise ConfigError("serving needs packages; run: pip install 'groundwire[serve]'")
    from groundwire.agents import bearer
    from groundwire.agents import serve as serving

    host, port = bearer.place(http, "--http")
    with cli.open_hub(config, serving=True) as whole:
        serving.serve(whole, host, port, asker=cli.asker.name, say=lambda line: err.print(line))
