"""Short forms in names of tables and columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

from groundwire.agents import linking
from groundwire.agents.abbreviations import Abbreviations
from groundwire.core.catalog import Entity, Field


def _entity(name: str, *fields: str) -> Entity:
    return Entity(source="dwh", name=name, fields=tuple(Field(name=f, type=pa.string()) for f in fields))


SHORT = _entity("drv", "drv_id", "drv_nm", "dpt_cd", "hire_dt", "hr_rate", "plt_no")
PLAIN = _entity("driver", "driver_id", "name", "plan", "depot", "hired_on", "car")


@pytest.mark.parametrize(
    ("name", "word"), [("drv", "driver"), ("nm", "name"), ("dpt", "depot"), ("cd", "code"), ("plt", "plate")]
)
def test_short_forms_are_what_they_are_short_for(name: str, word: str) -> None:
    assert Abbreviations([SHORT]).same(name, word)


@pytest.mark.parametrize(("name", "word"), [("plan", "planned"), ("car", "carpet"), ("nm", "name"), ("name", "named")])
def test_whole_words_are_short_for_nothing(name: str, word: str) -> None:
    assert not Abbreviations([PLAIN]).same(name, word)


@pytest.mark.parametrize(("name", "word"), [("drv", "diver"), ("dpt", "date"), ("cd", "card"), ("hire", "history")])
def test_letters_in_another_order_or_another_listed_word_do_not_fit(name: str, word: str) -> None:
    assert not Abbreviations([SHORT]).same(name, word)


def test_a_question_finds_columns_by_the_long_forms() -> None:
    found = linking.find("driver's name and hourly rate per depot code", [SHORT], {"dwh.drv": "drv"})
    assert [link.columns for link in found] == [("drv.drv_nm",), ("drv.hr_rate",), ("drv.dpt_cd",)]
    assert linking.Words("number of drivers", [SHORT], {"dwh.drv": "drv"}).counts() == (
        "number of drivers is COUNT(drv.*)",
    )
