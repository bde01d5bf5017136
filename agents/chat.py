"""The chat on the command line: ask, watch, read, and see what it rests on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs
from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from rich.console import Console
from rich.table import Table
from rich.text import Text

from groundwire.agents import proofs
from groundwire.agents.agent import Agent, Answer
from groundwire.agents.conversation import Conversation
from groundwire.agents.examples import Examples
from groundwire.agents.terminal import show_answer, watched
from groundwire.agents.waterfall import waterfall
from groundwire.core.errors import GroundwireError
from groundwire.core.freshness import parse_age
from groundwire.core.hub import Hub
from groundwire.core.telemetry import Trace, tracing

HELP = {
    "/sources": "every source, and whether it answers",
    "/explain": "how the last answer was read, and what each source was asked",
    "/sql [SELECT ...]": "the last query, or the result of one of your own",
    "/do WHAT": "have an action proposed, see what it would change, and say whether it is done",
    "/actions": "the actions that you may propose, and proposals that wait",
    "/fresh [AGE]": "the oldest data that you accept: 0, 30s, 5m, 2h, 1d; off",
    "/trace": "where the seconds of the last answer went",
    "/right": "the last answer is right: keep it as an example",
    "/wrong [SELECT ...]": "the last answer is wrong; with the right query, that is kept",
    "/proof": "every claim of the last answer with its cell, its records and its source",
    "/new": "forget what was said before: the next question stands by itself",
    "/help": "this list",
    "/quit": "leave, as does Ctrl-D; Ctrl-C stops an answer",
}
_ROWS = 1000


class Chat:
    """One conversation on one console.

    Args:
        hub: the connected systems.
        console: where to write.
        agent: who answers; made from the hub's configuration without it.
        max_age: bound on the age of data; see `Hub.query`.
        conversation: what was said already.
        read: in place of the terminal's prompt, for scripts; raises EOFError at the end.
        trace: whether to show after every answer where its seconds went.
    """

    def __init__(
        self,
        hub: Hub,
        console: Console,
        *,
        agent: Agent | None = None,
        max_age: str | None = None,
        conversation: Conversation | None = None,
        read: Callable[[], str] | None = None,
        trace: bool = False,
    ) -> None:
        self.hub = hub
        self.console = console
        self.agent = agent or Agent(hub)
        self.conversation = conversation or Conversation(self.agent)
        self.max_age = max_age
        self.read = read or (_terminal_prompt() if sys.stdin.isatty() else _next_line)
        self.trace = trace
        self.last: Answer | None = None
        self.spans: Trace | None = None
        self.commands: dict[str, Callable[[str], None]] = {
            "/sources": self._sources,
            "/explain": self._explain,
            "/sql": self._sql,
            "/do": self._do,
            "/actions": self._actions,
            "/fresh": self._fresh,
            "/trace": self._trace,
            "/right": self._right,
            "/wrong": self._wrong,
            "/proof": self._proof,
            "/new": self._new,
            "/help": self._help,
        }

    def run(self) -> None:
        """Read and answer until the end of input or `/quit`."""
        self._say(f"Connected: {', '.join(self.hub.sources)}. Ask a question, or /help. Ctrl-D leaves.")
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
                self.console.print()

    def _one(self, line: str) -> None:
        """Do what one line asks; whatever goes wrong ends the answer and not the chat."""
        try:
            if not line.startswith("/"):
                self._ask(line)
                return
            name, _, rest = line.partition(" ")
            if name in self.commands:
                self.commands[name](rest.strip())
            else:
                self._say(f"no command {name}; /help lists them", "yellow")
        except GroundwireError as error:
            self._say(f"error: {error}", "red")
        except KeyboardInterrupt:
            self._say("stopped")
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - one question's fault must not cost the conversation
            self._say(f"unexpected {type(error).__name__}: {error}", "red")

    def _say(self, text: str, style: str = "dim") -> None:
        self.console.print(Text(text, style=style))

    def _ask(self, question: str) -> None:
        with tracing() as self.spans:
            answer = watched(
                self.console,
                "thinking",
                lambda tell, stop: self.conversation.ask(
                    question, max_age=self.max_age, on_event=tell, stop_event=stop
                ),
            )
        if not answer.options:
            self.last = answer
        show_answer(self.console, answer)
        if self.trace:
            self._trace("")

    def _sources(self, _: str) -> None:
        for state in watched(self.console, "asking every source", lambda tell, stop: self.hub.check()):
            mark = Text("✓ ", style="green") if state.ok else Text("✗ ", style="red")
            self.console.print(mark, Text(f"{state.source} ({state.kind}): {state.message}"), sep="")

    def _explain(self, _: str) -> None:
        if self.last is None or self.last.sql is None:
            self._say("nothing was answered yet")
            return
        self.console.print(Text(self.hub.plan(self.last.sql, link_values=True).explain()))
        for source in self.last.result.sources if self.last.result else ():
            for native in source.native:
                self._say(f"{source.source} was asked: {native}")

    def _sql(self, sql: str) -> None:
        if sql:
            result = watched(
                self.console,
                "reading",
                lambda tell, stop: self.hub.query(
                    sql, max_age=self.max_age, limit=_ROWS, progress=lambda text: tell("source", text), stop=stop
                ),
            )
            self.console.print(result)
        elif self.last is not None and self.last.sql:
            self.console.print(Text(self.last.sql))
        else:
            self._say("nothing was answered yet")

    def _trace(self, _: str) -> None:
        if self.spans is None:
            self._say("nothing was answered yet")
        else:
            self.console.print(waterfall(self.spans.to_dict()))

    def _do(self, request: str) -> None:
        """Propose what is asked, and have it done if the person at the prompt says so, in so many words."""
        from groundwire.agents.action_tools import proposed
        from groundwire.agents.cli_actions import ask_and_do, show_proposal

        if not request:
            self._say("write what is to be done: /do create a task for Acme: call back")
            return
        proposal = watched(self.console, "proposing", lambda tell, stop: proposed(self.hub, self.agent.model, request))
        show_proposal(self.console, proposal)
        self._say("Do it? Type yes; anything else is no.")
        try:
            said = self.read().strip().lower()
        except (EOFError, KeyboardInterrupt):
            said = ""
        ask_and_do(self.hub, self.console, proposal, said == "yes")

    def _actions(self, _: str) -> None:
        from groundwire.agents.cli_actions import show_proposal

        offered = self.hub.actions.offered
        for one in offered:
            self.console.print(Text(f"{one.name}: {one.description}"))
        if not offered:
            self._say("there is no action that you may propose")
        for proposal in self.hub.actions.proposals():
            show_proposal(self.console, proposal)

    def _fresh(self, age: str) -> None:
        if age in ("off", "none"):
            self.max_age = None
        elif age:
            parse_age(age)
            self.max_age = age
        self._say(f"oldest acceptable data: {self.max_age or 'as the configuration says'}")

    def _proof(self, _: str) -> None:
        if self.last is None or self.last.result is None:
            self._say("nothing was answered yet")
            return
        for line in proofs.told(self.last):
            self._say(line)

    def _right(self, _: str) -> None:
        if (kept := self._example()) is not None:
            kept[0].judge(kept[1], "approved")
            self._say("kept as right")

    def _wrong(self, sql: str) -> None:
        if (kept := self._example()) is None:
            return
        if sql:
            kept[0].edit(kept[1], self.hub, sql=sql)
            kept[0].judge(kept[1], "approved")
            self._say("kept with this query")
        else:
            kept[0].judge(kept[1], "rejected")
            self._say("kept as wrong")

    def _example(self) -> tuple[Examples, int] | None:
        """Where the last answer was kept."""
        if self.agent.examples is None:
            self._say("no questions are kept; keep = true in [examples] keeps them")
        elif self.last is None or self.last.example is None:
            self._say("nothing was answered yet")
        else:
            return self.agent.examples, self.last.example
        return None

    def _new(self, _: str) -> None:
        self.conversation.forget()
        self._say("nothing before this counts")

    def _help(self, _: str) -> None:
        table = Table.grid(padding=(0, 2))
        for name, text in HELP.items():
            table.add_row(Text(name, style="bold"), Text(text))
        self.console.print(table)


def _next_line() -> str:
    """The next line of a standard input that is no terminal."""
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def _terminal_prompt() -> Callable[[], str]:
    names = [name.split()[0] for name in HELP]
    session: PromptSession[str] = PromptSession(
        history=_history(),
        completer=WordCompleter(names, sentence=True),
        auto_suggest=AutoSuggestFromHistory(),
    )
    return lambda: session.prompt("> ")


def _history() -> History:
    """Earlier questions from the user's state directory; of this chat alone where that can't be written."""
    file = Path(platformdirs.user_state_dir("groundwire")) / "history"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(file))
