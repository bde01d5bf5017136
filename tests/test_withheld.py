"""Nothing that helps the model was made for the questions that it is measured with.

Of our own evaluation questions the tables, columns and wording are read from their files. Of the third party's that
the project was developed with, which are not a part of it, `withheld.json` has digests.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwire.agents.wording import stems
from groundwire.agents.words import ORDINARY, SAID

ROOT = Path(__file__).parent.parent
CASES = sorted((ROOT / "examples" / "evals").glob("*.json"))
SCHEMAS = sorted((ROOT / "examples" / "evals").glob("*.sql"))
CODE = sorted((ROOT / "agents").glob("*.py"))
LENGTH = 6
"""Words in a row that nobody writes twice by chance."""
COMMON = {"full_name", "first_name", "last_name", "created_at", "updated_at", "unit_price", "parent_id", "customer_id"}
COMMON |= {"valid_from", "valid_to", "started_at", "country_code", "description", "categories", "newsletter"}
COMMON |= {"model_name", "weight_kg", "company_name"}
COMMON |= {"properties", "joined_on", "is_open", "closed_at", "manufacturer", "technician"}
COMMON |= {"service_level", "shipped_at", "paid_on"}
"""Names that any schema may have."""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _names(schema: str) -> Iterator[str]:
    """Tables and columns of a file of SQL."""
    for table, columns in re.findall(r"CREATE TABLE ([\w.]+)\s*\((.*?)\n\s*\);", schema, re.DOTALL):
        yield table.lower()
        yield from (name.lower() for name in re.findall(r"^\s*(\w+)\s+\w", columns, re.MULTILINE))


def _phrases(text: str) -> set[str]:
    """Words in a row, of which at least one is not of those that any question has."""
    words = re.findall(r"[a-z0-9']+", text.lower())
    runs = (words[i : i + LENGTH] for i in range(len(words) - LENGTH + 1))
    return {" ".join(run) for run in runs if any(not _is_plain(word) for word in run)}


def _is_plain(word: str) -> bool:
    return word.isdigit() or any(s in SAID or s in ORDINARY for s in [word, *stems(word)])


@pytest.fixture(scope="module")
def withheld() -> dict[str, set[str]]:
    """Digests of names and phrases."""
    kept = json.loads((ROOT / "tests" / "withheld.json").read_text())
    own = {n for schema in SCHEMAS for n in _names(schema.read_text(encoding="utf-8"))}
    telling = {n for n in own - COMMON if "_" in n or len(n) > 9}
    cases = [case for file in CASES for case in json.loads(file.read_text(encoding="utf-8"))]
    said = {p for c in cases for p in _phrases(f"{c['question']} . {c.get('instructions') or ''}")}
    return {"names": {*kept["names"], *map(_digest, telling)}, "phrases": {*kept["phrases"], *map(_digest, said)}}


@pytest.mark.parametrize("file", CODE, ids=lambda f: f.name)
def test_no_prompt_and_no_rule_knows_a_question_or_its_database(file: Path, withheld: dict[str, set[str]]) -> None:
    text = file.read_text(encoding="utf-8")
    words = set(re.findall(r"[a-z][a-z0-9_]+", text.lower())) - COMMON
    assert [w for w in sorted(words) if _digest(w) in withheld["names"]] == []
    assert [p for p in sorted(_phrases(text)) if _digest(p) in withheld["phrases"]] == []


def test_they_would_be_noticed(withheld: dict[str, set[str]]) -> None:
    schema = (ROOT / "examples" / "evals" / "fleet.sql").read_text(encoding="utf-8")
    assert any(_digest(n) in withheld["names"] for n in _names(schema))
    assert any(_digest(p) in withheld["phrases"] for p in _phrases("What are the latest odometer reading and the KSP"))
    assert len(withheld["phrases"]) > 2000
