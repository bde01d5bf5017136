"""The chat on the command line: ask, watch, read, and see what it rests on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import platformdirs
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory
from rich.console import Console
from rich.text import Text

from groundwire.agents.agent import Agent, Answer
from groundwire.core.errors import GroundwireError
from groundwire.core.freshness import parse_age
from groundwire.core.hub import Hub

HELP = """/sources        every source, and whether it answers
/explain        how the last answer was read
/sql [SELECT]   the last query, or run one of your own
/fresh AGE      oldest acceptable data from now on: 0, 30s, 5m; off
/help           this list
/quit           leave (or Ctrl-D); Ctrl-C stops an answer"""


class Chat:
    """One conversation on one console.

    Args:
        hub: the connected systems.
        console: where to write.
        agent: who answers; made from the hub's configuration without it.
        max_age: bound on the age of data; see `Hub.query`.
        read: in place of the terminal's prompt, for scripts and tests; raises EOFError at the end.
    """

    def __init__(
        self,
        hub: Hub,
        console: Console,
        *,
        agent: Agent | None = None,
        max_age: str | None = None,
        read: Callable[[], str] | None = None,
    ) -> None:
        self.hub = hub
        self.console = console
        self.agent = agent or Agent(hub)
        self.max_age = max_age
        self.read = read or self._prompt()
        self.last: Answer | None = None
        self.commands: dict[str, Callable[[str], None]] = {
            "/sources": self._sources,
            "/explain": self._explain,
            "/sql": self._sql,
            "/fresh": self._fresh,
            "/help": lambda _: self.console.print(Text(HELP)),
        }

    def run(self) -> None:
        """Read and answer until the end of input or `/quit`."""
        self.console.print(Text("Ask a question, or /help. Ctrl-D leaves.", style="dim"))
        while True:
            try:
                line = self.read().strip()
            except EOFError:
                return
            except KeyboardInterrupt:
                continue
            if line in ("/quit", "/exit"):
                return
            if line:
                self._one(line)

    def _one(self, line: str) -> None:
        try:
            if line.startswith("/"):
                name, _, rest = line.partition(" ")
                command = self.commands.get(name)
                if command is None:
                    self.console.print(Text(f"no command {name}; /help lists them", style="yellow"))
                else:
                    command(rest.strip())
            else:
                self._ask(line)
        except GroundwireError as error:
            self.console.print(Text(f"error: {error}", style="red"))
        except KeyboardInterrupt:
            self.console.print(Text("stopped", style="dim"))

    def _ask(self, question: str) -> None:
        from groundwire.agents.cli import show_answer

        stop = threading.Event()
        result: list[Answer | BaseException] = []

        def work() -> None:
            try:
                result.append(self.agent.ask(question, max_age=self.max_age, on_event=tell, stop_event=stop))
            except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
                result.append(error)

        with self.console.status("thinking") as status:

            def tell(kind: str, text: str) -> None:
                status.update(Text(text if len(text) < 100 else text[:97] + "..."))

            worker = threading.Thread(target=work, name="answer", daemon=True)
            worker.start()
            try:
                while worker.is_alive():
                    worker.join(0.1)
            except KeyboardInterrupt:
                stop.set()
                worker.join(10)
                self.console.print(Text("stopped", style="dim"))
                return
        outcome = result[0]
        if isinstance(outcome, BaseException):
            raise outcome
        self.last = outcome
        show_answer(self.console, outcome)

    def _sources(self, _: str) -> None:
        for state in self.hub.check():
            style = "green" if state.ok else "red"
            self.console.print(Text(f"{state.source} ({state.kind}): {state.message}", style=style))

    def _explain(self, _: str) -> None:
        if self.last is None or self.last.sql is None:
            self.console.print(Text("nothing was answered yet", style="dim"))
            return
        self.console.print(Text(self.hub.plan(self.last.sql, link_values=True).explain()))
        for source in self.last.result.sources if self.last.result else ():
            for native in source.native:
                self.console.print(Text(f"{source.source} was asked: {native}", style="dim"))

    def _sql(self, sql: str) -> None:
        if sql:
            self.console.print(self.hub.query(sql, max_age=self.max_age, limit=1000))
        elif self.last is not None and self.last.sql:
            self.console.print(Text(self.last.sql))
        else:
            self.console.print(Text("nothing was answered yet", style="dim"))

    def _fresh(self, age: str) -> None:
        if age in ("", "off", "none"):
            self.max_age = None
        else:
            parse_age(age)
            self.max_age = age
        self.console.print(Text(f"oldest acceptable data: {self.max_age or 'as each source says'}", style="dim"))

    def _prompt(self) -> Callable[[], str]:
        folder = Path(platformdirs.user_state_dir("groundwire"))
        folder.mkdir(parents=True, exist_ok=True)
        session: PromptSession[str] = PromptSession(
            history=FileHistory(str(folder / "history")),
            completer=WordCompleter(["/sources", "/explain", "/sql", "/fresh", "/help", "/quit"], sentence=True),
        )
        return lambda: session.prompt("> ")
