"""A second MCP client: `langchain-mcp-adapters`, on the SDK's version 1, which speaks the protocol of 2025.

It can't be installed beside version 2, which the server is made with: it has an environment of its own in the user's
cache directory, made once, and this file is also the program that runs there.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import uuid
import venv
from pathlib import Path
from typing import Any

PACKAGE = "langchain-mcp-adapters==0.3.2"


class NoClient(Exception):
    """The client can't be installed on this machine."""


def installed() -> Path:
    """The Python of the environment that has the client.

    Raises:
        NoClient: the packages can't be had.
    """
    from groundwire.agents import weights

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    kept = weights.cache_dir() / f"test-mcp-client-{PACKAGE.partition('==')[2]}-{version}"
    if not (kept / "complete").exists():
        shutil.rmtree(kept, ignore_errors=True)
        partial = kept.with_name(f"{kept.name}-{uuid.uuid4().hex}")
        venv.create(partial, with_pip=True)
        command = [str(partial / "bin" / "python"), "-m", "pip", "install", "--quiet", PACKAGE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(partial)
            raise NoClient(f"pip install failed: {done.stderr[-300:]}")
        (partial / "complete").touch()
        try:
            partial.rename(kept)
        except OSError:  # another run was quicker
            shutil.rmtree(partial)
    return kept / "bin" / "python"


def call(connections: dict[str, dict[str, Any]], tool: str, arguments: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the client has seen of servers: their tools, and what one of them gave.

    Args:
        connections: each as `MultiServerMCPClient` takes it.
        tool: name of the one to call.
        arguments: for it.
    """
    told = json.dumps({"connections": connections, "tool": tool, "arguments": arguments})
    done = subprocess.run([str(installed()), __file__], input=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return answers


async def _main() -> None:
    from langchain_mcp_adapters.client import MultiServerMCPClient  # type: ignore[import-not-found]
    from langchain_mcp_adapters.tools import load_mcp_tools  # type: ignore[import-not-found]

    told = json.load(sys.stdin)
    client = MultiServerMCPClient(told["connections"])
    call = {"type": "tool_call", "id": "1", "name": told["tool"], "args": told["arguments"]}
    seen = {}
    for name in told["connections"]:
        async with client.session(name) as session:
            tools = {t.name: t for t in await load_mcp_tools(session)}
            message = await tools[told["tool"]].ainvoke(call)
            seen[name] = {"tools": sorted(tools), "text": message.text, "artifact": message.artifact}
    print(json.dumps(seen))


if __name__ == "__main__":
    asyncio.run(_main())
