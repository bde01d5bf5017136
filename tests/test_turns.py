"""Turns: one at a time, in turn of principals, with a place that is told, and nobody's turn is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from groundwire.agents.turns import Crowded, Turns


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 10))


async def _ask(
    turns: Turns, who: str, name: str, done: list[str], places: dict[str, list[int]], seconds: float
) -> None:
    async with turns.turn(who, places.setdefault(name, []).append):
        await asyncio.sleep(seconds)
        done.append(name)


def test_who_asks_much_lets_others_in_between() -> None:
    async def work() -> None:
        turns, done, places = Turns(1, 10, 10), list[str](), dict[str, list[int]]()
        names = ["ann1", "ann2", "ann3", "ann4", "bob1", "bob2", "cy1"]
        asked = []
        for name in names:
            asked.append(asyncio.create_task(_ask(turns, name[:-1], name, done, places, 0.001)))
            await asyncio.sleep(0)
        await asyncio.gather(*asked)
        assert done == ["ann1", "bob1", "cy1", "ann2", "bob2", "ann3", "ann4"]
        assert places["ann1"] == []
        assert places["ann4"][0] == 3 and places["ann4"][-1] == 1
        assert places["bob1"] == [1]

    run(work())


def test_several_may_have_turns_at_a_time() -> None:
    async def work() -> None:
        turns, now, most = Turns(3, 100, 100), [0], [0]

        async def one(who: str) -> None:
            async with turns.turn(who, lambda place: None):
                now[0] += 1
                most[0] = max(most[0], now[0])
                await asyncio.sleep(0.001)
                now[0] -= 1

        await asyncio.gather(*(one(f"p{n % 7}") for n in range(40)))
        assert most == [3]
        assert now == [0] and len(turns) == 0

    run(work())


def test_who_leaves_the_queue_moves_the_others_up_and_loses_no_turn() -> None:
    async def work() -> None:
        turns, done, places = Turns(1, 10, 10), list[str](), dict[str, list[int]]()
        asked = {}
        for name in ("ann", "bob", "cy", "dee"):
            asked[name] = asyncio.create_task(_ask(turns, name, name, done, places, 0.01))
            await asyncio.sleep(0)
        asked["bob"].cancel()
        await asyncio.sleep(0.005)
        assert places["cy"] == [2, 1]
        asked["ann"].cancel()  # who has its turn
        await asyncio.sleep(0)
        asked["cy"].cancel()  # as its turn comes
        await asyncio.gather(*asked.values(), return_exceptions=True)
        assert done == ["dee"]
        await _ask(turns, "eve", "eve", done, places, 0)
        assert places["eve"] == []

    run(work())


@pytest.mark.parametrize(("waiting", "each"), [(2, 10), (10, 2)])
def test_too_many_are_turned_away_at_once(waiting: int, each: int) -> None:
    async def work() -> None:
        turns, done, places = Turns(1, waiting, each), list[str](), dict[str, list[int]]()
        asked = [asyncio.create_task(_ask(turns, "ann", f"a{n}", done, places, 0.001)) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Crowded):
            await _ask(turns, "ann", "a4", done, places, 0)
        await asyncio.gather(*asked)
        assert len(done) == 3

    run(work())
