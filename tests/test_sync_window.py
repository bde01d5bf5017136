"""From where a sync reads again: whatever the two clocks do, no change falls between two windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
from conftest import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwire.core.sync_window import Beginning, after, since

START = datetime(2024, 1, 1, tzinfo=UTC)
MOMENTS = pa.timestamp("us", tz="UTC")
SECONDS = st.integers(1, 400)


@settings(max_examples=examples(200), deadline=None)
@given(
    steps=st.lists(st.tuples(SECONDS, st.integers(-300, 300), st.booleans()), min_size=2, max_size=12),
    skew=st.integers(-300, 300),
    told=st.booleans(),
    lateness=st.integers(0, 60),
)
def test_every_change_is_in_the_window_of_the_first_sync_after_its_commit(
    steps: list[tuple[int, int, bool]], skew: int, told: bool, lateness: int
) -> None:
    """Changes are committed up to `lateness` after their stamp; the source's clock is off, and is set anew between syncs."""
    overlap = timedelta(seconds=60)
    now, offset = START, timedelta(seconds=skew)
    progress = after({}, Beginning(ours=now, theirs=now + offset if told else None), now + offset, overlap, MOMENTS)
    for seconds, step, steps_clock in steps:
        # a change in the middle of the pause, stamped by the source's clock before or after it was set anew
        middle = now + timedelta(seconds=seconds / 2)
        if steps_clock and told:
            offset += timedelta(seconds=step)
        stamp = middle - timedelta(seconds=min(lateness, seconds / 2)) + offset
        now += timedelta(seconds=seconds)
        beginning = Beginning(ours=now, theirs=now + offset if told else None)
        window = since(progress, beginning, overlap, MOMENTS)
        assert window <= stamp
        progress = after(progress, beginning, stamp, overlap, MOMENTS)


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.tuples(st.integers(1, 100), st.integers(0, 50)), min_size=3, max_size=30))
def test_numbers_given_out_before_a_late_commit_are_read_again(runs: list[tuple[int, int]]) -> None:
    """A number is given out at one time and committed up to an overlap later, behind higher ones."""
    overlap, kind = timedelta(seconds=50), pa.int64()
    now, number = START, 0
    given: list[tuple[datetime, int]] = []
    progress = after({}, Beginning(ours=now), 0, overlap, kind)
    progress["marks"] = [[progress["ours"], 0]]
    before = now
    for pause, late in runs:
        now += timedelta(seconds=pause)
        for _ in range(3):
            number += 1
            given.append((now - timedelta(seconds=pause / 2), number))
        window = since(progress, Beginning(ours=now), overlap, kind)
        # what was given out up to `late` before the last sync may have been committed after it
        missed = [n for at, n in given if at > before - timedelta(seconds=late)]
        assert window is None or all(window <= n for n in missed)
        progress = after(progress, Beginning(ours=now), number, overlap, kind)
        before = now


def test_a_transaction_that_was_open_is_waited_for_however_long_it_takes() -> None:
    began = START - timedelta(hours=3)
    progress = after({}, Beginning(ours=START, theirs=START, open_since=began), START, timedelta(), MOMENTS)
    now = START + timedelta(hours=1)
    assert since(progress, Beginning(ours=now, theirs=now), timedelta(), MOMENTS) == began
