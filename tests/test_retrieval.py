"""Which entities of a large catalog a question is about; the crowd beside them is that of `groundwire eval --mode crowd`."""

from __future__ import annotations

import pyarrow as pa
import pytest

from groundwire.agents import eval_crowd
from groundwire.agents.prompt import WHOLE_CATALOG_CHARACTERS, card, choose, short_names
from groundwire.agents.retrieval import Retriever, retriever
from groundwire.core.catalog import Catalog, Entity, Field, Relation


def _entity(
    name: str, fields: str, *relations: tuple[str, str], values: dict[str, tuple[str, ...]] | None = None
) -> Entity:
    """Text fields by name; relations as field and target, of the source `library`."""
    return Entity(
        source="library",
        name=name,
        fields=tuple(Field(name=f, type=pa.string(), values=(values or {}).get(f, ())) for f in fields.split()),
        primary_key=(fields.split()[0],),
        relations=tuple(
            Relation(name=t, target=f"library.{t}", on=((f, f"{t.removeprefix('lb')}_id"),)) for f, t in relations
        ),
    )


LIBRARY = [
    _entity("lbbook", "book_id title genre", values={"genre": ("novel", "atlas")}),
    _entity("lbcopy", "copy_id book_id shelf", ("book_id", "lbbook")),
    _entity("lbmember", "member_id name town"),
    _entity("lbloan", "loan_id copy_id member_id borrowed_at", ("copy_id", "lbcopy"), ("member_id", "lbmember")),
    _entity("lbopeninghour", "openinghour_id weekday"),
]


@pytest.fixture(scope="module")
def crowded() -> Catalog:
    real = Catalog(LIBRARY)
    return Catalog([*real, *(e for c in eval_crowd.connectors(real) for e in c.discover())])


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("How many members are there per town?", {"lbmember"}),
        (
            "What is the name of the member who has returned the list of most loans in order of the month?",
            {"lbmember", "lbloan"},
        ),
        ("How many atlases were borrowed?", {"lbbook", "lbcopy", "lbloan"}),
        ("Which opening hours are there on Mondays?", {"lbopeninghour"}),
        ("Members by number of borrowings", {"lbmember", "lbloan"}),
        ("Which opening weekday hours are there?", {"lbopeninghour"}),
    ],
    ids=[
        "its name",
        "words that any question has",
        "a value, and what lies between",
        "one word in the name",
        "a form",
        "apart",
    ],
)
def test_what_a_question_is_about_is_found_in_a_crowd(crowded: Catalog, question: str, wanted: set[str]) -> None:
    shown = choose(question, crowded)
    assert wanted <= {e.name for e in shown.entities if e.source == "library"}
    names = short_names(crowded)
    assert sum(len(card(e, names)) for e in shown.entities) < WHOLE_CATALOG_CHARACTERS


def test_a_namesake_in_a_system_that_explains_less_comes_later(crowded: Catalog) -> None:
    assert any(e.name == "lbloan_draft" or e.name.startswith("lbloan_") for e in crowded), "the crowd has namesakes"
    ranked = retriever(crowded).rank("loans of each copy to members in a town")
    assert {e.source for e in ranked[:3]} == {"library"}


def test_what_nobody_has_heard_of_finds_nothing() -> None:
    assert Retriever(Catalog(LIBRARY)).choose("zebras", 6) == []


def test_a_catalog_is_read_once(crowded: Catalog) -> None:
    assert retriever(crowded) is retriever(crowded)
