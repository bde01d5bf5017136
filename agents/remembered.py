"""What was said in conversations, kept in this process between their questions, for servers that ask for many.

What is kept is found by whoever asked alone: the principal with its roles and attributes is a part of every key. It is
bounded in number, age and bytes, of all and of each principal; what is not here any more, or was said in another
process, is taken from the turns where a client sends them (`heard`), and else has to be said anew.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groundwire.agents.answers import Answer
    from groundwire.agents.conversation import State
    from groundwire.agents.heard import Turn
    from groundwire.core.policy import Principal

AGE = 3600.0
"""Seconds for which what was said is known."""
MOST = 2_000
"""Conversations at one of their turns each, of all principals."""
MOST_EACH = 200
"""Of them, one principal's; the oldest go first."""
BYTES = 64_000_000
"""Of all of them; what begins to be too much are a principal's own, as soon as they are a quarter."""
LARGEST = 4_000_000
"""Bytes of one that is kept."""
_OVERHEAD = 2_000
"""Bytes of what is not counted: objects around texts and tables."""


@dataclass(frozen=True)
class Kept:
    """A conversation after one of its turns.

    Attributes:
        state: what was said.
        back: the question back that it ends with, if it does.
        at: when it was kept, in seconds of the clock.
        nbytes: about how many bytes it takes.
    """

    state: State
    back: Answer | None
    at: float
    nbytes: int


class Remembered:
    """Conversations by who has them and a key. Safe to use from several threads.

    Args:
        age, most, most_each, nbytes, largest: the bounds.
        clock: gives seconds.
    """

    def __init__(
        self,
        *,
        age: float = AGE,
        most: int = MOST,
        most_each: int = MOST_EACH,
        nbytes: int = BYTES,
        largest: int = LARGEST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._age, self._most, self._most_each, self._bytes, self._largest = age, most, most_each, nbytes, largest
        self._clock = clock
        self._kept: OrderedDict[tuple[bytes, bytes], Kept] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    @property
    def nbytes(self) -> int:
        """About how many bytes they take."""
        return sum(k.nbytes for k in self._kept.values())

    def find(self, who: Principal | None, key: str) -> Kept | None:
        """The conversation that this principal has under this key; None where there is none."""
        with self._lock:
            self._forget_old()
            return self._kept.get(_key(who, key))

    def keep(self, who: Principal | None, key: str, state: State, answer: Answer) -> bool:
        """Keep a conversation, in place of what this principal has under the same key; False where it is too large."""
        back = answer if answer.options else None
        kept = Kept(state, back, self._clock(), state.nbytes + len(answer.told.encode()) + _OVERHEAD)
        mine = _key(who, key)
        with self._lock:
            self._kept.pop(mine, None)
            if kept.nbytes > self._largest:
                return False
            self._kept[mine] = kept
            self._forget_old()
            own = [k for k in self._kept if k[0] == mine[0]]
            share = self._bytes if who is None else self._bytes // 4
            size = sum(self._kept[k].nbytes for k in own)
            most = self._most if who is None else self._most_each
            while len(own) > most or size > share:
                size -= self._kept.pop(own.pop(0)).nbytes
            total = self.nbytes
            while len(self._kept) > self._most or total > self._bytes:
                total -= self._kept.popitem(last=False)[1].nbytes
            return mine in self._kept

    def _forget_old(self) -> None:
        """Drop what is too old: whatever is kept is in the order of its time."""
        until = self._clock() - self._age
        while self._kept and next(iter(self._kept.values())).at < until:
            self._kept.popitem(last=False)


class Talk:
    """Where in a conversation a question is asked.

    Args:
        memory: what is known of conversations.
        before: under which key what was said so far is kept; empty where nothing was said.
        after: the key for what is said then, given the answer.
        heard: the turns so far as the client tells them, for where nothing is kept.
        asks_back: whether the asker may be asked which reading is meant; else the likelier one is taken, and said.
    """

    def __init__(
        self,
        memory: Remembered,
        before: str,
        after: Callable[[Answer], str],
        *,
        heard: Sequence[Turn] = (),
        asks_back: bool = True,
    ) -> None:
        self._memory, self._before, self._after = memory, before, after
        self._heard, self._asks_back = tuple(heard), asks_back
        self.kept = False

    def begin(self, asker: Any, who: Principal | None) -> None:
        """Tell who answers what was said so far; nobody who answers single questions only."""
        from groundwire.agents.conversation import Conversation, State

        if not isinstance(asker, Conversation):
            return
        asker.interactive = self._asks_back
        kept = self._memory.find(who, self._before) if self._before else None
        asker.state = kept.state if kept is not None else State(heard=self._heard)

    def end(self, asker: Any, who: Principal | None, answer: Answer) -> None:
        """Keep what is known after an answer, for what is said next."""
        from groundwire.agents.conversation import Conversation

        if not isinstance(asker, Conversation):
            return
        state = asker.state
        if state.before is None and state.pending is None and state.heard:
            return  # the texts of the turns say more
        self.kept = self._memory.keep(who, self._after(answer), state, answer)


def key_of(turns: Sequence[Turn]) -> str:
    """One key for the same texts in the same order, whatever the spaces around words."""
    told = [[" ".join(text.split()) for text in (turn.asked, turn.said)] for turn in turns]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _key(who: Principal | None, key: str) -> tuple[bytes, bytes]:
    """Whose a conversation is, down to what the principal's token said of it; and which of theirs it is."""
    told = None if who is None else [who.name, list(who.roles), repr(sorted(who.attributes.items()))]
    mine = hashlib.sha256(json.dumps(told).encode()).digest()
    return mine, hashlib.sha256(mine + key.encode(errors="surrogateescape")).digest()


__all__ = ["AGE", "BYTES", "LARGEST", "MOST", "MOST_EACH", "Kept", "Remembered", "Talk", "key_of"]
