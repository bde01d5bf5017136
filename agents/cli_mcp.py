"""The command `mcp`: the connected systems for MCP clients."""

from __future__ import annotations

import importlib.util
from typing import Annotated

import typer

from groundwire.agents import cli
from groundwire.agents.cli import ConfigOption, err
from groundwire.core.errors import ConfigError


@cli.app.command()
def mcp(
    config: ConfigOption = None,
    http: Annotated[
        str | None, typer.Option("--http", metavar="HOST:PORT", help="Serve over HTTP there, to who has a token.")
    ] = None,
) -> None:
    """Serve the connected systems to MCP clients, over standard input and output or over HTTP."""
    if importlib.util.find_spec("mcp") is None:
        raise ConfigError("MCP needs a package; run: pip install 'groundwire[mcp]'")
    import anyio
    from mcp.server.stdio import stdio_server

    from groundwire.agents.mcp import make_server
    from groundwire.agents.mcp_tools import Model

    if http is not None:
        from groundwire.agents import mcp_http

        host, port = mcp_http.place(http)
        with cli.open_hub(config, serving=True) as whole:
            mcp_http.serve(whole, host, port, asker=cli.asker.name, say=lambda line: err.print(line))
        return

    with cli.open_hub(config) as hub:
        server = make_server(lambda: hub, Model.configured(hub.config.model))

        async def run() -> None:
            async with stdio_server() as (read, write):
                await server.run(read, write, server.create_initialization_options())

        anyio.run(run)
