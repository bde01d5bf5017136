"""Pages of which only the wanted fields are decoded give what pages give that are decoded whole and exactly."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from groundwire.connectors.columns import times, whole, zoned
from groundwire.connectors.http_wire import parsed
from groundwire.connectors.paging import OffsetPaginator, Page, pages
from groundwire.connectors.records import columns_at, record_batch, to_decimal, value_at
from groundwire.connectors.wire_records import Records, Wanted
from groundwire.core.errors import Rejected

MONEY, FINE = pa.decimal128(18, 2), pa.decimal128(21, 9)
TYPES = {
    "a": MONEY,
    "b": FINE,
    "c": pa.string(),
    "n.d": MONEY,
    "n.m.e": pa.int64(),
    "f": pa.float64(),
    "g": pa.bool_(),
    "h": pa.date32(),
    "i": pa.timestamp("us", tz="UTC"),
    "j": pa.int64(),
    "k": pa.time64("us"),
}

# -- JSON as no encoder writes it -------------------------------------------------------------

_DIGITS = st.text("0123456789", min_size=1, max_size=24)


def _number(sign: str, digits: str, places: str, power: str) -> str:
    return f"{sign}{digits.lstrip('0') or '0'}{places and '.' + places}{power}"


NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e7, 1e7).map(repr),
    st.decimals(-(10**12), 10**12, places=2).map(str),
    st.decimals(-(10**7), 10**7, places=10).map(str),
    st.builds("{}.{}{:0{}}1".format, st.integers(0, 10**6), st.integers(0, 99), st.just(0), st.integers(1, 14)),
    st.builds(
        _number,
        st.sampled_from(("", "-")),
        _DIGITS,
        st.one_of(st.just(""), _DIGITS),
        st.sampled_from(("", "", "", "e2", "E-3", "e-400", "e400", "E+5", "e-0310")),
    ),
    st.sampled_from(("0.0", "-0.0", "0e0", "1e-400", "0." + "0" * 330 + "1", str(2**63), str(2**64), "0.1", "5e-324")),
)
TEXTS = st.sampled_from(
    (
        *('""', '"x"', '"2026-02-03"', '"2026-02-03 04:05:06"', '"2026-02-03T04:05:06Z"', '"04:05:06.5"', '"12"'),
        *('"1.50"', '"1.005"', '"\\ud83d\\ude00"', '"\\ud800"', '"ä"', '"0001-01-01"', '"9:05:00"', '"NaN"', '"24:00"'),
    )
)
OTHERS = st.sampled_from(("null", "null", "true", "false", "[]", "{}", "[1.50]", '{"x": 0.10}', "NaN"))
VALUES = st.one_of(NUMBERS, NUMBERS, TEXTS, OTHERS)
FIT = {
    "a": st.decimals(-(10**12), 10**12, places=2).map(str),
    "b": st.decimals(-(10**8), 10**8, places=9).map("{:f}".format),
    "c": TEXTS,
    "f": NUMBERS,
    "g": st.sampled_from(("true", "false", "0", "1", "null")),
    "h": st.sampled_from(('"2026-02-03"', "null")),
    "i": st.sampled_from(('"2026-02-03 04:05:06"', "null")),
    "j": st.integers(-(2**63), 2**63 - 1).map(str),
    "k": st.sampled_from(('"04:05:06.5"', "null")),
}


@st.composite
def objects(draw: st.DrawFn) -> str:
    """A record: mostly as its fields want it, sometimes not."""
    odd = draw(st.integers(0, 9)) == 0
    found = {n: draw(VALUES if odd and draw(st.booleans()) else fit) for n, fit in FIT.items()}
    inner = {"d": draw(FIT["a"]), "m": draw(st.sampled_from(('{"e": 1}', '{"e": null, "x": 2.5}', "null")))}
    if odd:
        inner["m"] = draw(st.sampled_from((inner["m"], "{}", "7", '{"e": 1.0}')))
        for name in draw(st.sets(st.sampled_from(sorted(found)), max_size=2)):
            del found[name]
    found["n"] = draw(st.sampled_from(("null", _object(inner), _object(inner), _object(inner))))
    if odd and draw(st.booleans()):
        found |= draw(st.sampled_from(({"n.d": "3"}, {"n": "[1]"}, {"n": "{}"}, {"n.m.e": "null"}, {"m.e": "4"})))
    found["z"] = draw(VALUES)
    return _object(found)


def _object(found: dict[str, str]) -> str:
    return "{" + ", ".join(f'"{n}": {v}' for n, v in found.items()) + "}"


Outcome = pa.RecordBatch | str


def _outcome(rows: Sequence[Any], schema: pa.Schema, at: Callable[..., Any] | None) -> Outcome:
    find = partial(columns_at, at=at) if at else None
    try:
        return record_batch(rows, schema, source="src", entity="things", find=find)
    except Rejected as error:
        return str(error)


def _maybe(row: Any, path: str) -> Any:
    try:
        return value_at(row, path)
    except (KeyError, TypeError):
        return None


@settings(max_examples=600, deadline=None)
@given(st.lists(objects(), min_size=1, max_size=6), st.sets(st.sampled_from(sorted(TYPES)), min_size=1), st.booleans())
@example(['{"a": 0.0}', '{"a": 1e-400}'], {"a"}, False)
@example(['{"b": 1.0000000000001}'], {"b"}, False)
@example(['{"b": 5000000.1000000007}'], {"b"}, False)
@example(['{"a": 0.30000000000000004}'], {"a"}, False)
@example(['{"j": 9007199254740993.0}'], {"j"}, False)
@example(['{"n": {"d": 1}, "n.d": 2}'], {"n.d"}, False)
@example(['{"n": {"d": 1}, "n.d": null}', '{"n": null}'], {"n.d"}, True)
@example(['{"g": 1.0}', '{"g": true}'], {"g"}, False)
@example(['{"f": 1.5}', '{"f": true}'], {"f"}, False)
def test_both_ways_give_the_same_batch_or_the_same_error(rows: list[str], wanted: set[str], absent: bool) -> None:
    content = ('{"head": 1.50, "data": [' + ", ".join(rows) + "]}").encode("utf-8", "surrogatepass")
    schema, at = pa.schema([(n, TYPES[n]) for n in sorted(wanted)]), _maybe if absent else None
    asked = Wanted(paths=tuple(schema.names), heads=("head",), absent=absent)
    for _ in range(2):  # the second time with exact numbers, where the first has shown that they are needed
        found = asked.read(content, "data")
        whole_body = parsed(content)
        if found is None:
            continue
        assert found[1] == {"head": Decimal("1.50")}
        assert str(found[1]["head"]) == "1.50"
        typed = _outcome(found[0], schema, at)
        generic = _outcome(whole_body["data"], schema, at)
        if isinstance(typed, str) or isinstance(generic, str):
            assert typed == generic
        else:
            assert typed.equals(generic)


@settings(max_examples=400, deadline=None)
@example(["1.0000000000001"], FINE)
@example(["5000000.1000000007"], FINE)
@given(st.lists(NUMBERS, min_size=1, max_size=5), st.sampled_from((MONEY, FINE, pa.decimal128(38, 20))))
def test_a_column_of_binary_floats_is_what_their_texts_are(texts: list[str], type_: pa.DataType) -> None:
    """But where one was nearer to zero than any binary float."""
    values = [float(t) for t in texts]
    texts = ["0" if v == 0 else t for v, t in zip(values, texts, strict=True)]
    found = whole(values, type_)
    if found is not None:
        assert found.to_pylist() == [to_decimal(Decimal(t), type_.scale) for t in texts]


def test_usual_amounts_need_no_second_reading() -> None:
    amounts = [Decimal(i * 7919) / 100 for i in range(-2000, 2000)] + [Decimal("1234567.89"), Decimal("0.0")]
    content = json.dumps([{"a": float(a), "b": float(a)} for a in amounts]).encode()
    asked = Wanted(paths=("a", "b"))
    read = asked.read(content)
    assert read is not None
    batch = record_batch(read[0], pa.schema([("a", MONEY), ("b", FINE)]), source="src", entity="things")
    assert batch.column(0).to_pylist() == batch.column(1).to_pylist() == amounts
    assert not asked.exact, "it was read again"


# -- what is not as expected ------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b'{"data": [{"a": 1}, {}]}',
        b'{"data": [{"a": {"b": 1}}], "data": [7]}',
        b'{"data": {"a": 1}}',
        b'{"data": null}',
        b'{"rows": []}',
        b'[{"a": 1}]',
        b'{"data": [{"a": 1, "text": "\xff"}]}',
        b'\xef\xbb\xbf{"data": [{"a": 1}]}',
        '{"data": [{"a": 1}]}'.encode("utf-16"),
        b'{"data": [{"a": "\\ud800"}]}',
        b'{"data": [{"a": 1}]',
        b'{"data": [{"a": 1}], "head": {"x": "\xff"}}',
        b'{"data": [{"a": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
    ],
)
def test_what_is_not_as_expected_is_left_to_an_exact_reading(content: bytes) -> None:
    assert Wanted(paths=("a",), heads=("head",)).read(content, "data") is None


def test_a_way_whose_name_is_written_out_is_none() -> None:
    content = b'{"x": {"rows": [{"a": 1}]}, "x.rows": [{"a": 2}]}'
    assert Wanted(paths=("a",)).read(content, "x", "rows") is None


def test_fields_that_no_class_can_have_are_left_to_an_exact_reading() -> None:
    assert Wanted(paths=('a"b',)).read(b"[]") is None
    assert Wanted(paths=("a", "a.b")).read(b"[]") is None


def test_a_read_gives_up_where_no_page_is_as_expected() -> None:
    asked = Wanted(paths=("a",))
    assert [asked.read(b"[{}]") for _ in range(3)] == [None] * 3
    assert asked.read(b'[{"a": 1}]') is None
    again = Wanted(paths=("a",))
    for content in (b"[{}]", b"[{}]", b'[{"a": 1}]', b"[{}]", b"[{}]"):
        again.read(content)
    assert again.read(b'[{"a": 1}]') is not None, "one good page, and it goes on trying"


def test_the_body_has_what_stands_beside_the_records() -> None:
    content = b'{"d": {"results": [{"a": 1.5}], "next": "x", "odd": 1}, "meta": {"total": 7}, "p.q": 3, "more": 0}'
    asked = Wanted(paths=("a",), heads=("d.next", "meta.total", "p.q", "none.at.all"))
    read = asked.read(content, "d", "results")
    assert read is not None
    assert read[1] == {"d": {"next": "x"}, "meta": {"total": 7}, "p.q": 3}
    assert value_at(read[1], "meta.total") == 7


# -- records as a sequence --------------------------------------------------------------------


def _records(content: bytes, *paths: str) -> Records:
    read = Wanted(paths=paths).read(content)
    assert read is not None
    return read[0]


def test_as_a_sequence_they_are_exact_and_whole() -> None:
    rows = _records(b'[{"a": 1.50, "b": 2}, {"a": 2.5, "b": 3}]', "a")
    assert list(rows.column("a")) == [1.5, 2.5]
    assert rows[0] == {"a": Decimal("1.50"), "b": 2}
    assert len(rows) == 2
    assert [r["b"] for r in rows] == [2, 3]
    first = rows[:1]
    assert isinstance(first, Records)
    assert (len(first), list(first.column("a")), first.exactly()) == (1, [1.5], [rows[0]])
    with pytest.raises(KeyError):
        rows.column("b")


def test_pages_that_differ_in_other_fields_only_are_not_the_same() -> None:
    one, two = b'[{"a": "x", "b": 1}]', b'[{"a": "x", "b": 2}]'
    assert _records(one, "a") != _records(two, "a")
    assert _records(one, "a") == _records(one, "a")
    assert _records(one, "a") == [{"a": "x", "b": 1}]
    assert _records(one, "a") != [{"a": "x"}]
    assert _records(one, "a") != ()
    turns = [_records(one, "a"), _records(two, "a"), ()]
    read = pages(OffsetPaginator(None), lambda at: Page(rows=turns[at]), source="src")
    assert [len(p.rows) for p in read] == [1, 1, 0]
    stuck = pages(OffsetPaginator(None), lambda at: Page(rows=_records(one, "a")), source="src")
    with pytest.raises(Rejected, match="same page"):
        list(stuck)


# -- whole columns ----------------------------------------------------------------------------

ODD = st.text("0123456789:.TZ +-", max_size=18)
CLOCK = st.times().map(lambda t: t.isoformat().removeprefix("0"))


@settings(max_examples=500, deadline=None)
@given(st.one_of(CLOCK, ODD))
def test_a_time_that_is_read_as_a_whole_is_what_python_reads(text: str) -> None:
    found = times([text], pa.time64("us"))
    if found is not None:
        assert found.to_pylist() == [dt.time.fromisoformat(text if text[1:2] != ":" else f"0{text}")]
    strict = whole([text], pa.time64("us"))
    if strict is not None:
        assert strict.to_pylist() == [dt.time.fromisoformat(text)]


def test_times_with_one_digit_are_read_as_a_whole() -> None:
    found = times(["9:05:00", None, "19:05:00.000001"], pa.time64("us"))
    assert found is not None
    assert found.to_pylist() == [dt.time(9, 5), None, dt.time(19, 5, 0, 1)]
    assert times([9], pa.time64("us")) is times([""], pa.time64("us")) is None


@settings(max_examples=200, deadline=None)
@given(st.datetimes(dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29)))
def test_moments_of_a_zone_are_instants(moment: dt.datetime) -> None:
    type_ = pa.timestamp("us", tz="UTC")
    for text in (str(moment), moment.isoformat()):
        found = zoned([text, None], type_, "UTC")
        assert found is not None
        assert found.to_pylist() == [moment.replace(tzinfo=dt.UTC), None]
        assert found.equals(whole([text, None], type_))
