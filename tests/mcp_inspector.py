"""The official MCP Inspector, on its command line, finds in groundwire's server what there is: `make inspect`.

It is installed from npm into the user's cache directory, once, with the Node that it needs.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from groundwire.agents import weights

PACKAGE = "@modelcontextprotocol/inspector@1.0.3"
NODE = "node@22"
COMMAND = str(Path(sys.executable).parent / "groundwire")
TOKEN = "a-token-for-the-inspector"


def installed() -> Path:
    """The inspector's program."""
    folder = weights.cache_dir() / f"test-mcp-inspector-{PACKAGE.rpartition('@')[2]}"
    program = folder / "node_modules" / ".bin" / "mcp-inspector"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--silent", NODE, PACKAGE]
        subprocess.run(command, check=True)
    return program


def inspected(target: list[str], *method: str) -> dict[str, Any]:
    """What the inspector prints of one request."""
    program = installed()
    command = [str(program), "--cli", *target, "--method", *method]
    environment = os.environ | {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(method)}: {done.stderr or done.stdout}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def look(name: str, target: list[str]) -> None:
    """Everything that the server has, by the inspector's eyes."""
    tools = inspected(target, "tools/list")["tools"]
    assert [t["name"] for t in tools][:3] == ["search_entities", "describe_entity", "query"]
    assert all(t["annotations"]["readOnlyHint"] for t in tools)
    call = ("tools/call", "--tool-name", "query", "--tool-arg", "sql=SELECT COUNT(*) AS n FROM orders")
    given = inspected(target, *call)
    assert given["structuredContent"]["rows"] == [[2]] and given["structuredContent"]["complete"] is True
    assert inspected(target, "resources/list")["resources"][0]["uri"] == "groundwire://entity/shop.orders"
    assert {p["name"] for p in inspected(target, "prompts/list")["prompts"]} == {"answer", "brief"}
    print(f"{name}: {len(tools)} tools, a query, resources and prompts")


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with sqlite3.connect(folder / "shop.sqlite") as database:
            database.executescript("CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1), (2);")
        database.close()
        file = folder / "groundwire.toml"
        file.write_text(f'[sources.shop]\ntype = "sql"\nurl = "sqlite:///{folder}/shop.sqlite"\n')
        look("stdio", ["-e", f"GROUNDWIRE_CONFIG={file}", COMMAND, "mcp"])
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        environment = os.environ | {"GROUNDWIRE_MCP_TOKEN": TOKEN, "GROUNDWIRE_CONFIG": str(file)}
        server = subprocess.Popen([COMMAND, "mcp", "--http", f"127.0.0.1:{port}"], env=environment)
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            header = f"Authorization: Bearer {TOKEN}"
            look("HTTP", [f"http://127.0.0.1:{port}/mcp", "--transport", "http", "--header", header])
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
