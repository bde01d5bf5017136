"""Questions back: an answer that offers readings to choose from, put to whoever asked, and asked again with the choice.

How somebody is asked is for the place where they are (`agents/mcp_elicit` for MCP clients). An asker is an `Agent`, or
whatever else answers questions and may answer with `options`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from groundwire.agents.agent import Answer

Choose = Callable[[str, Sequence[str]], str | None]
"""Called with a question and what can be chosen; gives one of these, or None where nobody can or will choose."""

MOST = 3
"""Times that one question is asked back."""


class Asker(Protocol):
    """Answers questions, one of which may be what was chosen of the options that it gave before."""

    def ask(
        self,
        question: str,
        *,
        hints: str = "",
        max_age: str | None = None,
        on_event: Callable[[str, str], None] | None = None,
        stop_event: threading.Event | None = None,
    ) -> Answer: ...


def settled(
    asker: Asker,
    question: str,
    choose: Choose | None,
    heard: Callable[[Answer], None] = lambda answer: None,
    **options: Any,
) -> Answer:
    """An answer, after as many choices as it takes; one that still offers some, where nobody chooses.

    Args:
        asker: made for this question alone.
        question: in the asker's words.
        choose: puts the choice to them.
        heard: told every answer, before a choice that it offers is put to anybody.
        options: for `asker.ask`.
    """
    answer = asker.ask(question, **options)
    heard(answer)
    for _ in range(MOST):
        offered = [str(getattr(one, "text", one)) for one in getattr(answer, "options", ())]
        chosen = choose(answer.text, offered) if offered and choose is not None else None
        if chosen is None:
            break
        answer = asker.ask(chosen, **options)
        heard(answer)
    return answer


__all__ = ["MOST", "Asker", "Choose", "settled"]
