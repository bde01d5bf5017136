"""What people see on a terminal: a line that moves while something runs, and an answer with its proof.

On a terminal, text is wrapped and coloured and progress is shown. In a pipe every line is whole and plain,
and nothing moves. It decides nothing: what to ask and what to run is for `cli` and `chat`.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.segment import Segment
from rich.spinner import Spinner
from rich.text import Text

from groundwire.agents import languages
from groundwire.core.errors import Stopped
from groundwire.core.plain import plain_lines
from groundwire.core.telemetry import carried

if TYPE_CHECKING:
    from groundwire.agents.agent import Answer

T = TypeVar("T")
Tell = Callable[[str, str], None]
"""Called with a kind of event (`step`, `source`, `sql`, `text`) and its text; see `Activity.tell`."""

STOP_SECONDS = 3.0
"""How long Ctrl-C waits for the work to notice; work that does not is left behind."""

_PIPE_WIDTH = 100_000
_DRAFT_CHARACTERS = 600
_READS_SHOWN = 6
_CITATIONS_SHOWN = 8


class _Output(Console):
    """A console on which no text acts, whoever wrote it, and that leaves a reader who went away to its caller.

    Colours and cursors are rich's own segments; what is text stays text. For a broken pipe rich would end the process.
    """

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        return super()._render_buffer(s if s.control else Segment(plain_lines(s.text), s.style) for s in buffer)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """A console on standard output or standard error."""
    stream = sys.stderr if stderr else sys.stdout
    return _Output(stderr=stderr, width=None if stream.isatty() else _PIPE_WIDTH, highlight=False)


def watchable(screen: Console) -> bool:
    """Whether somebody sees lines move there."""
    return screen.is_terminal and not screen.is_dumb_terminal


class Activity:
    """What is being done right now: step, time, tokens, what each source delivers, the text being written.

    Args:
        step: what is done first.
    """

    def __init__(self, step: str) -> None:
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._step = step
        self._tokens = 0
        self._reads: list[str] = []
        self._draft = ""
        self._spinner = Spinner("dots")

    def tell(self, kind: str, text: str) -> None:
        """Take note of an event.

        Args:
            kind: `step` (what is done now), `source` (a read starts or ends), `sql` (the query that was
                written), `text` (one more token was written: all the text of this step so far).
            text: a sentence, a query or a text.
        """
        with self._lock:
            if kind == "step":
                self._step, self._draft, self._tokens = text, "", 0
            elif kind == "text":
                self._draft = text
                self._tokens += 1
            elif kind == "thinking":
                self._step, self._draft = "thinking", text
                self._tokens += 1
            elif kind == "sql":
                self._draft = text
            elif kind == "source":
                going_on = [read for read in self._reads if not _same_read(read, text)]
                self._reads = [*going_on, text][-_READS_SHOWN:]

    def __rich__(self) -> RenderableType:
        with self._lock:
            line = Text(f" {self._step}", style="cyan")
            if self._tokens:
                line.append(f" · {self._tokens} token{'' if self._tokens == 1 else 's'}", style="dim")
            line.append(f" · {time.monotonic() - self._started:.1f} s", style="dim")
            self._spinner.update(text=line)
            parts: list[RenderableType] = [self._spinner]
            parts += [Text(f"  {read}", style="dim") for read in self._reads]
            if self._draft:
                parts.append(Text(self._draft[-_DRAFT_CHARACTERS:], style="dim italic"))
            return Group(*parts)


def _same_read(earlier: str, later: str) -> bool:
    """Whether "read 3 rows of shop.orders in 0.1 s" ends "reading shop.orders"."""
    start, _, names = earlier.partition(" ")
    return start == "reading" and f"rows of {names} in" in later


def watched(screen: Console, step: str, work: Callable[[Tell, threading.Event], T]) -> T:
    """Run work in a thread while this one shows what it does and listens to Ctrl-C.

    Args:
        screen: where to show it; nothing is shown where nobody watches.
        step: what is done first.
        work: called with a function to tell events, which raises `Stopped` once nobody waits, and with an event
            that is set at the same moment.

    Returns:
        What the work returns.

    Raises:
        KeyboardInterrupt: Ctrl-C; the work was told to stop and given `STOP_SECONDS`.
        BaseException: whatever the work raises.
    """
    activity = Activity(step)
    stop, ended = threading.Event(), threading.Event()
    values: list[T] = []
    failures: list[BaseException] = []

    def tell(kind: str, text: str) -> None:
        if stop.is_set() and kind not in (
            "text",
            "thinking",
        ):  # a model stops between two tokens
            raise Stopped
        activity.tell(kind, text)

    def run() -> None:
        try:
            values.append(work(tell, stop))
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            failures.append(error)
        finally:
            ended.set()

    worker = threading.Thread(target=carried(run), name="work", daemon=True)
    live = Live(activity, console=screen, transient=True, refresh_per_second=10) if watchable(screen) else None
    with live or contextlib.nullcontext():
        try:
            worker.start()
            ended.wait()  # a join that Ctrl-C interrupts takes the thread for ended (CPython issue 90882)
        except KeyboardInterrupt:
            stop.set()
            ended.wait(STOP_SECONDS)
            raise
    if failures:
        raise failures[0]
    return values[0]


def show_answer(screen: Console, answer: Answer) -> None:
    """Print an answer with its table, and under it how true it is, where it comes from and what it cost."""
    if answer.understood:
        screen.print(Text(languages.say("understood", answer.language, question=answer.understood), style="cyan"))
    screen.print(Text(answer.text, style="yellow" if answer.refused else "bold"))
    for number, option in enumerate(answer.options, 1):
        screen.print(Text(f"  {number}. {option.text}"))
    for assumption in answer.assumptions:
        screen.print(Text(languages.say("assumed", answer.language, what=assumption), style="cyan"))
    if answer.options:
        return
    result = answer.result
    if result is not None and not answer.refused:
        if len(result) > 1 or len(result.columns) > 3:
            screen.print(result)
        else:
            for line in result.footer():
                screen.print(Text(line, style="dim" if result.complete else "yellow"))
        if answer.citations:
            screen.print(Text(f"cited: {citations(answer)}", style="dim"))
    if answer.sql:
        screen.print(Text(f"query: {answer.sql}", style="dim"))
    screen.print(Text(cost(answer), style="dim"))


def citations(answer: Answer) -> str:
    """Where the values of an answer stand, as `row 1: plan = free, customers = 29; row 2: ... (dwh, crm)`."""
    shown = answer.citations[:_CITATIONS_SHOWN]
    same = len({c.sources for c in shown}) == 1
    parts = []
    for (row, sources), cells in itertools.groupby(shown, key=lambda c: (c.row, c.sources)):
        text = f"row {row}: " + ", ".join(f"{c.column} = {c.text}" for c in cells)
        parts.append(text if same else f"{text} ({', '.join(sources)})")
    left = len(answer.citations) - len(shown)
    text = "; ".join(parts) + (f" ({', '.join(shown[0].sources)})" if same else "")
    return f"{text}; and {left} more" if left else text


def cost(answer: Answer) -> str:
    """What an answer took, as `answered in 2.1 s · 1,204 tokens read (1,100 from before), 34 written`."""
    text = f"answered in {answer.seconds:.1f} s"
    read, written = answer.tokens.get("input", 0), answer.tokens.get("output", 0)
    if read or written:
        kept = answer.tokens.get("cached", 0)
        text += f" · {read:,} tokens read" + (f" ({kept:,} from before)" if kept else "") + f", {written:,} written"
    return text
