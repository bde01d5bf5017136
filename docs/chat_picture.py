"""Make `docs/chat.svg` again: a true session with the demo company and the default model.

    python docs/chat_picture.py

It starts the demo company, types the lines below into a real chat, and keeps what the chat prints. What moves while an
answer is made is not in a picture.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from groundwire import Hub
from groundwire.agents.agent import Agent
from groundwire.agents.chat import Chat
from groundwire.demo.company import DemoCompany

PICTURE = Path(__file__).parent / "chat.svg"
COLUMNS = 108
LINES = (
    "/sources",
    "What is the total amount to pay on invoices per industry?",
    "How many customers in Germany are on each plan?",
    "What is the weather in Berlin today?",
)
_FONT_FILES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def typed(lines: tuple[str, ...], screen: Console) -> Callable[[], str]:
    """A reader that echoes each line as the prompt would."""
    left = iter(lines)

    def read() -> str:
        line = next(left, None)
        if line is None:
            raise EOFError
        screen.print(Text.assemble(("> ", "green"), line))
        return line

    return read


def main() -> None:
    """Hold the session and write the picture."""
    screen = Console(record=True, width=COLUMNS, file=io.StringIO(), highlight=False)
    with DemoCompany(progress=print) as company, Hub.from_config(company.config_path, company.environment) as hub:
        agent = Agent(hub)
        agent.warm()
        Chat(hub, screen, agent=agent, read=typed(LINES, screen)).run()
    svg = screen.export_svg(title="groundwire chat", theme=DIMMED_MONOKAI, unique_id="chat")
    PICTURE.write_text(_FONT_FILES.sub("", svg), encoding="utf-8")


if __name__ == "__main__":
    main()
