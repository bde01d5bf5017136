"""An MCP server of a helpdesk, for tests, with everything that tools do: run it, with `--http PORT` or on standard input."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field

server = MCPServer("helpdesk", version="1.2.3")
READS = ToolAnnotations(read_only_hint=True)


class Ticket(BaseModel):
    id: int
    subject: Annotated[str, Field(description="what it is about")]
    customer: str
    hours: float | None = None
    day: str | None = None


class Tickets(BaseModel):
    tickets: list[Ticket]
    total: int
    next: str | None = None


TICKETS = [
    Ticket(id=n, subject=f"Ticket {n} ☎", customer="ABC"[n % 3], hours=None if n % 5 == 0 else n / 4) for n in range(25)
]


@server.tool(annotations=READS, title="Tickets of a customer")
def tickets_of(customer: Annotated[str, Field(description="code of the customer")]) -> Tickets:
    """All tickets of one customer."""
    found = [t for t in TICKETS if t.customer == customer]
    return Tickets(tickets=found, total=len(found))


@server.tool(annotations=READS)
def notes(ticket: int) -> list[dict[str, Any]]:
    """Notes of a ticket, which don't say whose they are."""
    return [{"text": f"note {n} of {ticket}", "by": "ann"} for n in range(ticket % 4)]


@server.tool(annotations=READS)
def search(text: str = "", page_token: str | None = None, limit: int = 10) -> Tickets:
    """Search tickets, page by page."""
    found = [t for t in TICKETS if text.lower() in t.subject.lower()]
    start = int(page_token or 0)
    page = found[start : start + limit]
    more = start + limit < len(found)
    return Tickets(tickets=page, total=len(found), next=str(start + limit) if more else None)


@server.tool(annotations=READS)
def text_only() -> str:
    """Records as text, as many servers give them."""
    return '[{"id": 1, "name": "Ada"}, {"id": 2, "name": null}]'


@server.tool(annotations=READS)
def fails(code: str) -> Tickets:
    """Goes wrong."""
    raise ToolError(f"no such code {code}; the key is key-12345")


@server.tool(annotations=READS)
def slow() -> Tickets:
    """Takes its time."""
    time.sleep(20)
    return Tickets(tickets=[], total=0)


@server.tool(annotations=READS)
def dies() -> Tickets:
    """Ends the server."""
    import os

    os._exit(3)


@server.tool()
def close_ticket(id: int) -> Tickets:
    """Writes: must never become an entity by itself."""
    return Tickets(tickets=[TICKETS[id]], total=1)


@server.tool(annotations=READS)
def raw() -> CallToolResult:
    """Gives neither JSON nor structure."""
    return CallToolResult(content=[TextContent(type="text", text="hello")])


if __name__ == "__main__":
    if "--http" in sys.argv:
        server.run("streamable-http", port=int(sys.argv[sys.argv.index("--http") + 1]))
    else:
        server.run("stdio")
