"""Questions to a person who configures something: on a terminal, or a line of standard input for each answer.

Questions go to standard error, so that a pipe's output stays clean. On a terminal secrets are not shown while they
are typed. Where input ends before the answers do, nothing is left half done: `ConfigError`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from getpass import getpass
from typing import TypeVar

from rich.console import Console
from rich.text import Text

from groundwire.core.errors import ConfigError

T = TypeVar("T")


class Asker:
    """Asks on this console."""

    def __init__(self, screen: Console) -> None:
        self.screen = screen

    def say(self, text: str, style: str = "") -> None:
        """A line that needs no answer."""
        self.screen.print(Text(text, style=style))

    def line(self, question: str, default: str = "", *, secret: bool = False) -> str:
        """An answer without spaces around it; the default where it is empty."""
        shown = f"{question}{f' [{default}]' if default else ''}: "
        if sys.stdin.isatty():
            try:  # getpass stops the echo before it asks: what is pasted early is not seen either
                answer = getpass(shown, sys.stderr) if secret else self.screen.input(Text(shown, style="bold"))
            except EOFError:
                answer = None
        else:
            self.screen.print(Text(shown), end="")
            answer = sys.stdin.readline() or None
            self.screen.print("")
        if answer is None:
            raise ConfigError(f"the input ended at {question!r}; nothing was written")
        return answer.strip() or default

    def checked(self, question: str, check: Callable[[str], T], default: str = "", *, secret: bool = False) -> T:
        """What `check` makes of an answer; asked again, with what is wrong, where it raises `ConfigError`."""
        while True:
            try:
                return check(self.line(question, default, secret=secret))
            except ConfigError as error:
                if "the input ended" in str(error):
                    raise
                self.say(str(error), "red")

    def yes(self, question: str, *, default: bool) -> bool:
        """A decision."""

        def check(answer: str) -> bool:
            if answer.lower() not in ("y", "yes", "n", "no"):
                raise ConfigError("answer y or n")
            return answer.lower() in ("y", "yes")

        return self.checked(f"{question} (y/n)", check, "y" if default else "n")

    def choice(self, question: str, choices: Sequence[str], default: str) -> str:
        """One of several words, or of their beginnings."""

        def check(answer: str) -> str:
            fitting = [c for c in choices if c.startswith(answer.lower())]
            if answer.lower() in choices:
                return answer.lower()
            if len(fitting) != 1:
                raise ConfigError(f"answer one of {', '.join(choices)}")
            return fitting[0]

        return self.checked(f"{question} ({'/'.join(choices)})", check, default)
