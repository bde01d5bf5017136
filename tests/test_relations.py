"""Relations that a database does not declare: inferred from names, from values, and never against the configuration."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from groundwire import Hub
from groundwire.core.config import parse

Relations = set[tuple[str, str, str]]


def _relations(folder: Path, ddl: str, links: list[dict[str, str]] | None = None) -> Relations:
    """The to-one relations of a SQLite database as field, entity, key."""
    path = folder / "data.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript(ddl)
    database.close()
    sources = {name: {"type": "sql", "url": f"sqlite:///{path}"} for name in ("db", "other")[: 2 if links else 1]}
    with Hub.from_parsed(parse({"sources": sources, "links": links or []}, base=folder)) as hub:
        return {
            (f"{e.name}.{r.on[0][0]}", r.target, r.on[0][1])
            for e in hub.catalog
            if e.source == "db"
            for r in e.relations
            if not r.many
        }


@pytest.mark.parametrize(
    ("ddl", "expected"),
    [
        (
            "CREATE TABLE users (id INTEGER PRIMARY KEY); CREATE TABLE logins (id INTEGER PRIMARY KEY, user_id INT);",
            {("logins.user_id", "db.users", "id")},
        ),
        (
            "CREATE TABLE drv (drv_id INTEGER PRIMARY KEY); CREATE TABLE trp (trp_id INTEGER PRIMARY KEY, sub_drv_id INT);",
            {("trp.sub_drv_id", "db.drv", "drv_id")},
        ),
        (
            "CREATE TABLE users (id INTEGER PRIMARY KEY); CREATE TABLE logins (id INTEGER PRIMARY KEY, user_id TEXT);",
            set(),
        ),
    ],
    ids=["by its table", "by its key", "not where the types differ"],
)
def test_a_field_refers_to_what_it_is_named_after(tmp_path: Path, ddl: str, expected: Relations) -> None:
    assert _relations(tmp_path, ddl) == expected


PEOPLE = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO people VALUES (101, 'a'), (102, 'b'), (103, 'c');
CREATE TABLE notes (note_no INTEGER PRIMARY KEY, author_id INT);
"""


def test_a_field_that_is_named_like_a_key_refers_to_the_keys_that_it_holds(tmp_path: Path) -> None:
    held = PEOPLE + "INSERT INTO notes VALUES (1, 101), (2, 103);"
    assert _relations(tmp_path, held) == {("notes.author_id", "db.people", "id")}


def test_one_value_that_is_no_key_is_enough_to_refer_to_nothing(tmp_path: Path) -> None:
    assert _relations(tmp_path, PEOPLE + "INSERT INTO notes VALUES (1, 101), (2, 104);") == set()


def test_small_numbers_are_not_taken_for_keys_of_whatever_is_numbered(tmp_path: Path) -> None:
    numbers = ", ".join(f"({n})" for n in range(1, 101))
    many = f"CREATE TABLE events (id INTEGER PRIMARY KEY); INSERT INTO events VALUES {numbers};"
    kinds = (
        "CREATE TABLE kinds (id INTEGER PRIMARY KEY, origin_code INT); INSERT INTO kinds VALUES (1, 2), (2, 3), (3, 9);"
    )
    assert _relations(tmp_path, many + kinds) == set()


def test_a_parent_is_one_of_the_same_kind(tmp_path: Path) -> None:
    kinds = "CREATE TABLE kinds (id INTEGER PRIMARY KEY, parent_id INT);"
    others = "CREATE TABLE shelves (id INTEGER PRIMARY KEY); INSERT INTO shelves VALUES (1), (2), (3);"
    held = kinds + others + "INSERT INTO kinds VALUES (1, NULL), (2, 1), (3, 2);"
    assert _relations(tmp_path, held) == {("kinds.parent_id", "db.kinds", "id")}


def test_a_field_that_the_configuration_links_refers_to_that_only(tmp_path: Path) -> None:
    link = {"from": "db.notes.author_id", "to": "other.people.id", "name": "writer", "reverse": "notes"}
    held = PEOPLE + "INSERT INTO notes VALUES (1, 101), (2, 103);"
    assert _relations(tmp_path, held, [link]) == {("notes.author_id", "other.people", "id")}


KINDS = """
CREATE TABLE firms (firm_key INTEGER PRIMARY KEY, name TEXT);
INSERT INTO firms SELECT value, 'f' FROM generate_series(1, 8);
CREATE TABLE people (person_key INTEGER PRIMARY KEY, name TEXT);
INSERT INTO people SELECT value, 'p' FROM generate_series(1, 20);
CREATE TABLE gifts (gift_no INTEGER PRIMARY KEY, giver_id INT, giver_type INT, amount REAL);
INSERT INTO gifts VALUES (500, 1, 0, 1), (501, 8, 0, 1), (502, 2, 0, 1), (503, 19, 1, 1), (504, 20, 1, 1), (505, 3, 1, 1);
"""


def test_a_reference_to_several_kinds_is_a_relation_to_each(tmp_path: Path) -> None:
    ddl = re.sub(r"SELECT value, '(\w)' FROM generate_series\(1, (\d+)\)", _rows, KINDS)
    assert _relations(tmp_path, ddl) == {
        ("gifts.giver_id", "db.firms", "firm_key"),
        ("gifts.giver_id", "db.people", "person_key"),
    }


def test_without_what_says_the_kind_a_reference_is_to_what_holds_all(tmp_path: Path) -> None:
    ddl = re.sub(r"SELECT value, '(\w)' FROM generate_series\(1, (\d+)\)", _rows, KINDS)
    ddl = ddl.replace("giver_type", "weight")
    assert _relations(tmp_path, ddl) == {("gifts.giver_id", "db.people", "person_key")}


def _rows(match: re.Match[str]) -> str:
    return "VALUES " + ", ".join(f"({n}, '{match[1]}')" for n in range(1, int(match[2]) + 1))


def test_keys_in_names_of_one_word_are_looked_for_by_their_values(tmp_path: Path) -> None:
    ddl = """
    CREATE TABLE xxpatron (xxptno TEXT PRIMARY KEY, xxptname TEXT, xxptcity TEXT);
    INSERT INTO xxpatron VALUES ('P-1', 'a', 'x'), ('P-2', 'b', 'x'), ('P-3', 'c', 'y');
    CREATE TABLE xxcopy (xxcpbarcode TEXT PRIMARY KEY, xxcptitle TEXT);
    INSERT INTO xxcopy VALUES ('C-1', 'a'), ('C-2', 'b'), ('C-3', 'c');
    CREATE TABLE xxloan (xxlnid TEXT PRIMARY KEY, xxlnptno TEXT, xxlnbarcode TEXT, xxlnguar TEXT, xxlnnote TEXT);
    INSERT INTO xxloan VALUES ('L-1', 'P-1', 'C-2', 'P-3', 'P-1'), ('L-2', 'P-2', 'C-2', 'P-1', 'late'),
      ('L-3', 'P-2', 'C-3', NULL, NULL);
    """
    assert _relations(tmp_path, ddl) == {
        ("xxloan.xxlnptno", "db.xxpatron", "xxptno"),
        ("xxloan.xxlnbarcode", "db.xxcopy", "xxcpbarcode"),
        ("xxloan.xxlnguar", "db.xxpatron", "xxptno"),
    }
