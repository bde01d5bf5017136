"""What codes mean, read from the comments of columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

from groundwire.core.catalog import Entity, Field
from groundwire.core.labels import with_labels

CODES = ("B", "G", "S")


def _entity(name: str, *fields: Field) -> Entity:
    return Entity(source="dwh", name=name, fields=fields)


def _tier(description: str, values: tuple[str, ...] = CODES) -> Field:
    return Field(name="tier", type=pa.string(), description=description, values=values)


@pytest.mark.parametrize(
    "comment",
    [
        "B = bronze, S = silver, G = gold",
        "B: bronze; S: silver; G: gold",
        "Loyalty tier: B bronze, S silver, G gold",
        "'B' means bronze, 'S' means silver, 'G' means gold",
        "bronze (B), silver (S), gold (G)",
        "B=bronze\nS=silver\nG=gold",
    ],
)
def test_a_comment_that_explains_codes_labels_them(comment: str) -> None:
    (entity,) = with_labels([_entity("guests", _tier(comment))])
    assert entity.field("tier").labels == {"B": "bronze", "S": "silver", "G": "gold"}


@pytest.mark.parametrize(
    "comment", ["the tier, see the handbook", "G = given by hand", "", "open = not closed yet, which is why S is rare"]
)
def test_a_comment_that_explains_little_labels_nothing(comment: str) -> None:
    (entity,) = with_labels([_entity("guests", _tier(comment))])
    assert entity.field("tier").labels == {}


def test_a_field_of_the_same_name_and_codes_means_the_same() -> None:
    told = _entity("guests", _tier("B = bronze, S = silver, G = gold"))
    silent = _entity("offers", _tier("", ("B", "G")))
    other = _entity("steel", _tier("", ("B", "X")))
    _, offers, steel = with_labels([told, silent, other])
    assert offers.field("tier").labels == {"B": "bronze", "G": "gold"}
    assert steel.field("tier").labels == {}


def test_labels_that_a_system_gives_are_kept() -> None:
    given = Field(name="tier", type=pa.string(), description="B = bad, S = so so", values=CODES, labels={"B": "Best"})
    (entity,) = with_labels([_entity("guests", given)])
    assert entity.field("tier").labels == {"B": "Best"}
