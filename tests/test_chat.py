"""The chat as a person uses it: a process behind a pseudo-terminal, keys in and a screen out.

The model is scripted (`chat_program.py`); the chat, the agent, the sources and the terminal are real.
"""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import MODEL_THREADS
from forked import Forked
from rich.cells import cell_len
from rich.console import Console

from groundwire import Result
from groundwire.agents import weights
from groundwire.agents.agent import REFUSAL, Agent
from groundwire.agents.local_model import LocalChatModel
from groundwire.agents.terminal import Activity, Stopped, watched

sys.path.insert(0, str(Path(__file__).parent))
import chat_program as script

PROGRAM = Path(script.__file__)
CONTROL = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>()][0-9A-B]?)")
CTRL_C, CTRL_D, UP, ENTER = "\x03", "\x04", "\x1b[A", "\r"


class Terminal:
    """A chat in a pseudo-terminal of 120 columns."""

    def __init__(self, folder: Path) -> None:
        self.screen, self._there = pty.openpty()
        environment = os.environ | {
            "TERM": "xterm-256color",
            "COLUMNS": "120",
            "LINES": "50",
            "PROMPT_TOOLKIT_NO_CPR": "1",
            "XDG_STATE_HOME": str(folder / "state"),
        }
        streams = [os.ttyname(self._there)] * 3
        self.process = Forked(streams, folder, environment, script.chat, folder / "shop.sqlite")
        self.raw = ""
        self.seen = 0

    def type(self, keys: str) -> None:
        os.write(self.screen, keys.encode())

    def ask(self, line: str, until: str, seconds: float = 20) -> str:
        """Type a line and read until some text appears; what appeared."""
        self.type(line + ENTER)
        return self.wait(until, seconds)

    def wait(self, until: str, seconds: float = 20) -> str:
        """Read until a text appears; what is new up to its end, without control codes."""
        deadline = time.monotonic() + seconds
        while (end := self._shown().find(until, self.seen)) < 0:
            ready, _, _ = select.select([self.screen], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no {until!r} after {seconds} s in: {self._shown()[self.seen :]}"
            self.raw += os.read(self.screen, 65536).decode(errors="replace")
        start, self.seen = self.seen, end + len(until)
        return self._shown()[start : self.seen]

    def _shown(self) -> str:
        return CONTROL.sub("", self.raw).replace("\r", "")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.screen)
        os.close(self._there)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path)
    opened.wait("Ctrl-D leaves.")
    opened.wait(">")  # until the prompt is there, the terminal itself acts on Ctrl-C
    yield opened
    opened.close()


def test_an_answer_is_watched_and_then_shown_with_its_proof(terminal: Terminal) -> None:
    shown = terminal.ask(script.PER_SEGMENT, "answered in")
    for progress in ("waiting for the model", "using the tool query", "reading crm.accounts", "3 rows of shop.orders"):
        assert progress in shown
    answer = shown[shown.rindex("Small has 2 orders, large has 1.") :]
    assert re.search(r"small\s*│\s*2 │", answer)
    assert "2 rows · complete" in answer
    assert re.search(r"shop: shop.orders, shop.customers · live as of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", answer)
    assert re.search(r"crm: crm.accounts · live as of .* · 3 rows read", answer)
    assert "cited: row 1: orders = 2; row 2: orders = 1 (shop, crm)" in answer
    assert f"query: {script.QUERY_PER_SEGMENT}" in answer
    assert "\x1b[1m" in terminal.raw, "a terminal is given colours and weights"


def test_a_repaired_query_is_the_one_that_is_shown(terminal: Terminal) -> None:
    shown = terminal.ask(script.LARGEST, "answered in")
    assert "The largest is 99.5." in shown
    assert "query: SELECT MAX(total) AS largest FROM orders" in shown


def test_a_value_that_no_cell_holds_is_not_said(terminal: Terminal) -> None:
    shown = terminal.ask(script.INVENTED, "answered in")
    assert REFUSAL in shown
    assert "There are 77" not in shown


def test_what_the_data_does_not_hold_is_refused(terminal: Terminal) -> None:
    assert REFUSAL in terminal.ask(script.UNKNOWN, "answered in")


def test_the_commands_speak_of_the_last_answer_and_of_the_sources(terminal: Terminal) -> None:
    terminal.ask("/sql", "nothing was answered yet")
    terminal.ask(script.PER_SEGMENT, "answered in")
    assert script.QUERY_PER_SEGMENT in terminal.ask("/sql", "DESC\n")
    assert "LEFT JOIN" in terminal.ask("/explain", "crm was asked")
    assert "✓ shop (SQLConnector): sqlite" in terminal.ask("/sources", "✓ crm")
    assert "/explain" in terminal.ask("/help", "Ctrl-C stops an answer")
    terminal.ask("/nonsense", "no command /nonsense")


def test_an_own_query_is_run_and_its_fault_ends_nothing(terminal: Terminal) -> None:
    terminal.ask("/sql SELECT nam FROM customers", "did you mean name?")
    assert "山田" in terminal.ask("/sql SELECT name FROM customers", "3 rows read")


def test_the_oldest_acceptable_age_is_set_shown_and_taken_back(terminal: Terminal) -> None:
    terminal.ask("/fresh 5m", "oldest acceptable data: 5m")
    terminal.ask("/fresh soon", "'soon' is not an age")
    terminal.ask("/fresh", "oldest acceptable data: 5m")
    ada = "/sql SELECT name FROM customers WHERE id = 1"
    assert "live as of" in terminal.ask(ada, "1 row read")
    assert "at most 5 min" in terminal.ask(ada, "1 row read")
    terminal.ask("/fresh off", "oldest acceptable data: as the configuration says")
    assert "live as of" in terminal.ask(ada, "1 row read")


def test_ctrl_c_stops_the_answer_and_not_the_chat(terminal: Terminal) -> None:
    terminal.ask(script.SLOW, "waiting for the model")
    started = time.monotonic()
    terminal.type(CTRL_C)
    terminal.wait("stopped")
    assert time.monotonic() - started < 10
    assert "The largest is 99.5." in terminal.ask(script.LARGEST, "answered in")


def test_ctrl_c_in_an_empty_prompt_ends_nothing_and_ctrl_d_ends_the_chat(terminal: Terminal) -> None:
    terminal.type("half a quest")
    terminal.wait("half a quest")
    terminal.type(CTRL_C)
    terminal.wait(">")
    terminal.ask("/help", "Ctrl-C stops an answer")
    terminal.wait("\n>")
    terminal.type(CTRL_D)
    assert terminal.process.wait(10) == 0


def test_a_model_that_fails_costs_one_answer(terminal: Terminal) -> None:
    terminal.ask(script.BROKEN, "error: the model did not answer: RuntimeError: the server went away")
    assert REFUSAL in terminal.ask(script.UNKNOWN, "answered in")


def test_questions_of_an_earlier_chat_are_remembered(terminal: Terminal, tmp_path: Path) -> None:
    terminal.ask(script.UNKNOWN, "answered in")
    terminal.wait("\n>")
    terminal.type(CTRL_D)
    assert terminal.process.wait(10) == 0
    later = Terminal(tmp_path)
    try:
        later.wait("Ctrl-D leaves.")
        later.type(UP)
        later.wait(script.UNKNOWN)
        later.type(ENTER)
        assert REFUSAL in later.wait("answered in")
    finally:
        later.close()


def test_a_chat_in_a_pipe_answers_each_line_without_colours(tmp_path: Path) -> None:
    lines = f"{script.LARGEST}\n/sql\n"
    command = [sys.executable, str(PROGRAM), str(tmp_path / "shop.sqlite")]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=60, check=True)
    assert "The largest is 99.5." in done.stdout
    assert done.stdout.rstrip().endswith("SELECT MAX(total) AS largest FROM orders")
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_a_read_that_ended_takes_the_place_of_the_read_that_began() -> None:
    activity = Activity("thinking")
    for text in ("reading crm.Account", "reading erp.invoice", "read 1,200 rows of crm.Account in 0.3 s"):
        activity.tell("source", text)
    screen = Console(width=80, file=io.StringIO())
    screen.print(activity)
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "read 1,200 rows of crm.Account" in text
    assert "reading erp.invoice" in text
    assert "reading crm.Account" not in text


def test_work_that_nobody_waits_for_any_more_is_told_to_stop() -> None:
    ended = threading.Event()

    def work(tell: object, stop: threading.Event) -> None:
        assert callable(tell)
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(10)
        with pytest.raises(Stopped):
            tell("step", "one more thing")
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        watched(Console(), "working", work)
    assert ended.is_set()


@pytest.mark.weights
def test_a_local_model_is_heard_while_it_writes(tmp_path: Path, small_weights: Path) -> None:
    heard: list[tuple[str, str]] = []
    model = LocalChatModel(name_or_path=weights.SMALL, n_ctx=4096, n_threads=MODEL_THREADS)
    with script.open_hub(tmp_path / "shop.sqlite") as hub, contextlib.closing(model):
        answer = Agent(hub, model).ask("How many orders are there?", on_event=lambda *event: heard.append(event))
    drafts = [text for kind, text in heard if kind == "text" and text.startswith("SELECT")]
    assert len(drafts) >= 3, "the draft grows token by token"
    assert all(longer.startswith(draft) for draft, longer in pairwise(drafts))
    assert ("sql", answer.sql) in heard
    assert ("step", "writing the query") in heard
    assert any(kind == "source" for kind, _ in heard)


RESULT = Result(
    table=pa.table(
        {
            "name": ["Ada", "山田"],
            "remark": ["a rather long text in a cell", "x"],
            "due": [date(2026, 1, 2), None],
            "amount": [12345.678, 1.0],
        }
    ),
    sources=(),
    query="",
)


@pytest.mark.parametrize("width", [120, 45, 30])
def test_figures_and_dates_stay_whole_in_a_screen_of_any_width(width: int) -> None:
    screen = Console(width=width, file=io.StringIO())
    screen.print(RESULT)
    lines = screen.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert all(cell_len(line) <= width for line in lines)
    for whole in ("Ada", "山田", "2026-01-02", "12,345.68", "2 rows · complete"):
        assert any(whole in line for line in lines), whole


def test_where_a_table_would_break_words_rows_are_shown_one_below_the_other() -> None:
    wide, narrow = Console(width=120, file=io.StringIO()), Console(width=30, file=io.StringIO())
    for screen in (wide, narrow):
        screen.print(RESULT)
    assert "row 1" not in wide.file.getvalue()  # type: ignore[attr-defined]
    assert "row 2" in narrow.file.getvalue()  # type: ignore[attr-defined]
