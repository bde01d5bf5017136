"""Conversations that are kept between questions: found by whoever had them alone, and bounded in every way."""

from __future__ import annotations

import pyarrow as pa
import pytest

from groundwire.agents.answers import Answer, Option
from groundwire.agents.conversation import State
from groundwire.agents.heard import Turn
from groundwire.agents.remembered import Remembered, key_of
from groundwire.core.policy import Principal

ANN = Principal(name="ann", roles=("sales",), attributes={"country": "DE"})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _answer(text: str = "There are 3.", *options: str) -> Answer:
    return Answer(question="?", text=text, options=tuple(Option(text=o, value=o) for o in options))


def _state(nbytes: int = 0) -> State:
    return State(choices=(("x", "y" * nbytes),))


def test_what_was_said_is_found_under_its_key() -> None:
    memory = Remembered()
    assert memory.keep(ANN, "a", _state(), _answer())
    found = memory.find(ANN, "a")
    assert found is not None and found.state.choices == (("x", ""),) and found.back is None
    assert memory.find(ANN, "b") is None
    assert memory.keep(ANN, "a", _state(1), _answer("Which?", "one", "two"))
    found = memory.find(ANN, "a")
    assert found is not None and found.state.choices == (("x", "y"),) and found.back is not None
    assert len(memory) == 1


@pytest.mark.parametrize(
    "other",
    [
        None,
        Principal(name="fred", roles=("sales",), attributes={"country": "DE"}),
        Principal(name="ann", roles=(), attributes={"country": "DE"}),
        Principal(name="ann", roles=("sales",), attributes={"country": "FR"}),
        Principal(name="ann", roles=("sales",), attributes={}),
    ],
)
def test_nobody_finds_what_another_said_not_even_who_was_allowed_other_things(other: Principal | None) -> None:
    memory = Remembered()
    memory.keep(ANN, "a", _state(), _answer())
    assert memory.find(other, "a") is None
    memory.keep(other, "a", _state(5), _answer())
    found = memory.find(ANN, "a")
    assert found is not None and found.state.choices == (("x", ""),)


def test_what_is_old_is_forgotten() -> None:
    clock = Clock()
    memory = Remembered(age=60, clock=clock)
    memory.keep(ANN, "a", _state(), _answer())
    clock.now = 59
    assert memory.find(ANN, "a") is not None
    memory.keep(ANN, "b", _state(), _answer())
    clock.now = 61
    assert memory.find(ANN, "a") is None and memory.find(ANN, "b") is not None
    assert len(memory) == 1


def test_of_too_many_the_oldest_go() -> None:
    memory = Remembered(most=3)
    for key in "abcd":
        memory.keep(None, key, _state(), _answer())
    assert [memory.find(None, key) is not None for key in "abcd"] == [False, True, True, True]


def test_who_says_much_does_not_cost_others_what_they_said() -> None:
    memory = Remembered(most=100, most_each=2, nbytes=100_000)
    fred = Principal(name="fred")
    memory.keep(fred, "a", _state(), _answer())
    for number in range(20):
        memory.keep(ANN, str(number), _state(20_000 if number > 9 else 0), _answer())
    assert memory.find(fred, "a") is not None
    assert len(memory) == 2  # of twenty thousand bytes, one of ann's is a quarter of all


def test_bytes_are_bounded_and_what_is_too_large_is_not_kept() -> None:
    memory = Remembered(nbytes=50_000, largest=20_000)
    assert not memory.keep(None, "huge", _state(20_001), _answer())
    for key in "abcdef":
        assert memory.keep(None, key, _state(10_000), _answer())
        assert memory.nbytes <= 50_000
    assert memory.find(None, "a") is None and memory.find(None, "f") is not None


def test_a_table_is_counted_with_what_it_takes() -> None:
    from datetime import datetime

    from groundwire import Hub
    from groundwire.agents.remark_values import Before
    from groundwire.connectors.memory import MemoryConnector

    with Hub([MemoryConnector.from_tables("shop", {"orders": pa.table({"id": list(range(1000))})})]) as hub:
        result = hub.query("SELECT id FROM orders")
    state = State(before=Before(question="?", sql="", result=result, now=datetime(2026, 1, 1)))
    assert state.nbytes >= 8_000


def test_a_key_is_of_texts_and_their_order_not_of_spaces() -> None:
    turns = [Turn("How many?", "1. one\n2. two"), Turn("and now?", "3", "How many now?", "SELECT 3")]
    assert key_of(turns) == key_of([Turn("How  many? ", "1. one 2. two\n"), Turn("and now?", "3")])
    assert len({key_of(turns), key_of(turns[:1]), key_of(turns[::-1]), key_of([Turn("How", "many?"), turns[1]])}) == 4
