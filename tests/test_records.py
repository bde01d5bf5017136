"""JSON's values become Arrow's exactly, or are refused by name."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from groundwire.connectors.records import converter, counted, record_batch
from groundwire.core.errors import Rejected

MONEY = pa.decimal128(18, 2)
MOMENT = pa.timestamp("us", tz="UTC")


def _one(value: Any, type_: pa.DataType) -> Any:
    schema = pa.schema([("f", type_)])
    return record_batch([{"f": value}], schema, source="src", entity="things").column(0).to_pylist()[0]


@pytest.mark.parametrize(
    ("value", "type_", "wanted"),
    [
        (None, MONEY, None),
        (4697.28, MONEY, Decimal("4697.28")),
        ("4697.280", MONEY, Decimal("4697.28")),
        (0.1 + 0.2, MONEY, Decimal("0.30")),
        (Decimal("0.30000000000000004"), MONEY, Decimal("0.30")),
        (Decimal("1234567890123456.78"), MONEY, Decimal("1234567890123456.78")),
        (-7, MONEY, Decimal("-7.00")),
        (3, pa.int64(), 3),
        (Decimal("3.0"), pa.int64(), 3),
        ("-12", pa.int64(), -12),
        (2**63 - 1, pa.int64(), 2**63 - 1),
        (3, pa.float64(), 3.0),
        (Decimal("0.1"), pa.float64(), 0.1),
        (True, pa.bool_(), True),
        (0, pa.bool_(), False),
        ("", pa.string(), ""),
        ("2026-02-03", pa.date32(), dt.date(2026, 2, 3)),
        ("2026-02-03T00:00:00Z", pa.date32(), dt.date(2026, 2, 3)),
        ("2026-02-03 04:05:06", MOMENT, dt.datetime(2026, 2, 3, 4, 5, 6, tzinfo=dt.UTC)),
        ("2026-02-03T04:05:06.123456+02:00", MOMENT, dt.datetime(2026, 2, 3, 2, 5, 6, 123456, dt.UTC)),
        ("2026-02-03 04:05:06", pa.timestamp("us"), dt.datetime(2026, 2, 3, 4, 5, 6)),
        ("04:05:06", pa.time64("us"), dt.time(4, 5, 6)),
    ],
)
def test_a_value_keeps_its_meaning(value: Any, type_: pa.DataType, wanted: Any) -> None:
    assert _one(value, type_) == wanted


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("Jane's salary", MONEY),
        ("1.005", MONEY),
        (Decimal("1.005"), MONEY),
        ("NaN", MONEY),
        (True, MONEY),
        (10**17, MONEY),
        (1.5, pa.int64()),
        ("1.5", pa.int64()),
        (True, pa.int64()),
        (2**63, pa.int64()),
        (False, pa.float64()),
        ({}, pa.float64()),
        (2, pa.bool_()),
        ("true", pa.bool_()),
        (7, pa.string()),
        (False, pa.string()),
        (["a"], pa.string()),
        ("3 February", pa.date32()),
        ("2026-02-03T04:05:06", pa.date32()),
        (20260203, pa.date32()),
        ("", MOMENT),
        (1767225600, MOMENT),
        ("2026-02-03T04:05:06Z", pa.timestamp("us")),
        ("04:05:06Z", pa.time64("us")),
    ],
)
def test_a_value_of_another_kind_is_refused_by_name_and_never_shown(value: Any, type_: pa.DataType) -> None:
    with pytest.raises(Rejected) as caught:
        _one(value, type_)
    assert str(caught.value) == f"src: a value of things.f is not a {type_}"


def test_a_path_ends_at_null_and_a_missing_field_is_refused() -> None:
    schema = pa.schema([("owner.name", pa.string())])
    rows = [{"owner": {"name": "Ann"}}, {"owner": None}, {"owner.name": "Bo"}]
    batch = record_batch(rows, schema, source="src", entity="things")
    assert batch.column(0).to_pylist() == ["Ann", None, "Bo"]
    for row in ({}, {"owner": {}}, {"owner": "Ann"}, [], "owner.name"):
        with pytest.raises(Rejected, match=r"things holds no owner\.name"):
            record_batch([row], schema, source="src", entity="things")


def test_a_count_is_a_whole_number() -> None:
    schema = pa.schema([("n", pa.int64())])
    assert counted(0, schema, source="src").to_pylist() == [{"n": 0}]
    for value in (None, True, -1, 1.0, "1"):
        with pytest.raises(Rejected, match="no count"):
            counted(value, schema, source="src")


# -- whole columns -----------------------------------------------------------------------------

VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -7,
        2**53 + 1,
        2**63 - 1,
        2**63,
        10**17,
        1.5,
        float("nan"),
        Decimal("0.1"),
        Decimal("1.005"),
    ),
    *(
        Decimal("0.30000000000000004"),
        Decimal("1E+3"),
        Decimal("12345678901234567890"),
        "",
        " ",
        "x",
        "NaN",
        "1.5",
        " 1.5",
    ),
    *("1e3", "-12", "2026-02-03", "0000-01-01", "0001-01-01", "9999-12-31", "2026-02-30", "20260203", "2026-02-03T04"),
    *("2026-02-03T04:05:06", "2026-02-03 04:05:06.5", "2026-02-03T04:05:06.123456Z", "2026-02-03T04:05:06+02:00"),
    *(
        "2026-02-03T04:05:06.1234567Z",
        "2024-09-27T10:39:01.000+0000",
        "0001-01-01T00:00:00+02:00",
        "24:00:00",
        "04:05:06",
    ),
    *([1], {}, "\ud800", "e\u0301", "🙂"),
]
TYPES = [MONEY, pa.decimal128(38, 9), pa.int64(), pa.int32(), pa.float64(), pa.bool_(), pa.string(), pa.date32()]


@pytest.mark.parametrize("type_", [*TYPES, MOMENT, pa.timestamp("us"), pa.time64("us")], ids=str)
def test_a_column_as_a_whole_is_read_as_each_of_its_values(type_: pa.DataType) -> None:
    """With a converter of one's own values are read one by one: the same comes out, or the same is refused."""

    def read(values: list[Any], converters: dict[str, Any]) -> Any:
        try:
            batch = record_batch(
                [{"f": v} for v in values], pa.schema([("f", type_)]), source="s", entity="e", converters=converters
            )
        except Rejected:
            return "refused"
        return [str(v) for v in batch.column(0).to_pylist()]

    single = converter(type_)
    for one in VALUES:
        for other in VALUES:
            together = [one, None, other]
            assert read(together, {}) == read(together, {"f": single}), together
