"""Links between systems are suggested where names, types and values speak for them, and nowhere else."""

from __future__ import annotations

import sqlite3
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from groundwire import Hub
from groundwire.connectors.memory import MemoryConnector
from groundwire.connectors.sql import SQLConnector, SQLSettings
from groundwire.core.config import parse
from groundwire.core.suggest import LOOKED_UP, Suggestion, suggest_links

WAREHOUSE = [
    "CREATE TABLE customers (customer_id serial PRIMARY KEY, customer_code text, region_code text, api_token text)",
    "CREATE TABLE tickets (id serial PRIMARY KEY, requester_email text, batch_code text, account_id int)",
    """INSERT INTO customers (customer_code, region_code, api_token)
       SELECT 'C-' || lpad(i::text, 4, '0'), 'R' || (i %% 4), 'T-' || i FROM generate_series(1, 300) i""",
    """INSERT INTO tickets (requester_email, batch_code, account_id)
       SELECT 'person' || (i %% 40) || '@example.com', 'B-' || (i %% 60), i %% 50 + 1 FROM generate_series(1, 400) i""",
]
CRM = """
CREATE TABLE accounts (id INTEGER PRIMARY KEY, account_number TEXT UNIQUE, region_code TEXT, token_number TEXT);
CREATE TABLE contacts (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
CREATE TABLE batches (id INTEGER PRIMARY KEY, code TEXT UNIQUE);
"""


@pytest.fixture
def connectors(postgres_url: str, tmp_path: Path) -> Iterator[list[SQLConnector]]:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        for statement in ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", *WAREHOUSE):
            connection.exec_driver_sql(statement)
    engine.dispose()
    with sqlite3.connect(tmp_path / "crm.sqlite") as crm:
        crm.executescript(CRM)
        rows = [(i, f"C-{i:04}", f"R{i % 4}", f"T-{i}") for i in range(20, 261)]
        crm.executemany("INSERT INTO accounts VALUES (?, ?, ?, ?)", rows)
        crm.executemany("INSERT INTO contacts VALUES (?, ?)", [(i, f"person{i}@example.com") for i in range(36)])
        crm.executemany("INSERT INTO batches VALUES (?, ?)", [(i, f"B-{i}") for i in range(50, 100)])  # by chance
    urls = {"dwh": postgres_url, "crm": f"sqlite:///{tmp_path / 'crm.sqlite'}"}
    yield [SQLConnector(name, SQLSettings(url=SecretStr(url))) for name, url in urls.items()]


def _pairs(found: list[Suggestion]) -> set[tuple[str, str]]:
    return {(str(s.to_dict()["from"]), str(s.to_dict()["to"])) for s in found}


@pytest.mark.server
def test_links_of_two_databases_are_found_and_decoys_are_not(connectors: list[SQLConnector]) -> None:
    with Hub(connectors) as hub:
        found = suggest_links(hub.catalog, hub.connectors)
    assert _pairs(found) == {
        ("crm.accounts.account_number", "dwh.customers.customer_code"),
        ("dwh.tickets.requester_email", "crm.contacts.email"),
    }, "31 of 50 ticket numbers are accounts' too, 10 of 60 batches, and every region"
    by_start = {s.to_dict()["from"]: s for s in found}
    mail = by_start["dwh.tickets.requester_email"]
    assert (mail.looked_up, mail.found, mail.name, mail.reverse) == (40, 36, "contact", "dwh_tickets")
    assert mail.examples[0].startswith("person")
    assert "36 of 40 values are found there" in mail.evidence


@pytest.mark.server
def test_what_is_suggested_can_be_written_into_the_configuration_and_queried(connectors: list[SQLConnector]) -> None:
    with Hub(connectors) as hub:
        suggestions = suggest_links(hub.catalog, hub.connectors)
        text = "\n".join(s.to_toml() for s in suggestions)
    config = parse(tomllib.loads(text), base=Path())
    with Hub(connectors, config) as hub:
        asked = "SELECT COUNT(*) FROM dwh.tickets WHERE contact.id IS NOT NULL"
        assert hub.query(asked).rows() == [(360,)]
        assert suggest_links(hub.catalog, hub.connectors) == [], "what is linked is not suggested again"


def test_secrets_and_sensitive_fields_are_never_read() -> None:
    rows = [f"secret-{i}" for i in range(50)]
    one = MemoryConnector.from_tables("one", {"users": pa.table({"api_token_number": rows, "tax_number": rows})})
    other = MemoryConnector.from_tables("other", {"people": pa.table({"token_number": rows, "tax_number": rows})})
    sensitive = {"users": {"field": {"tax_number": {"sensitive": True}}}}
    config = parse({"sources": {"one": {"type": "memory", "entities": sensitive}}}, base=Path())
    with Hub([one, other], config) as hub:
        assert suggest_links(hub.catalog, hub.connectors) == []
        assert not one.scans
    with Hub([one, other]) as hub:
        assert _pairs(suggest_links(hub.catalog, hub.connectors)) == {
            ("one.users.tax_number", "other.people.tax_number")
        }
        assert {f for s in one.scans for f in s.fields} == {"tax_number"}


@pytest.mark.parametrize(
    ("there", "suggested"),
    [
        ([f"K-{i}" for i in range(100)], True),
        ([f"K-{i % 50}" for i in range(100)], False),  # no key: every value twice
        ([f"K-{i}" for i in range(30, 130)], False),  # a few are the same by chance
        ([f"Z-{i}" for i in range(100)], False),
        (["K-1", "K-2", *(f"Z-{i}" for i in range(98))], False),
    ],
)
def test_values_must_be_found_and_found_once(there: list[str], suggested: bool) -> None:
    one = MemoryConnector.from_tables("one", {"parts": pa.table({"part_code": [f"K-{i % 40}" for i in range(200)]})})
    other = MemoryConnector.from_tables("other", {"stock": pa.table({"sku": there})})
    with Hub([one, other]) as hub:
        assert bool(suggest_links(hub.catalog, hub.connectors)) is suggested


@pytest.mark.parametrize(("name", "suggested"), [("customer_id", True), ("ref", False)])
def test_numbers_need_a_name_that_says_so(name: str, suggested: bool) -> None:
    one = MemoryConnector.from_tables("one", {"orders": pa.table({name: [i % 30 for i in range(90)]})})
    other = MemoryConnector.from_tables("other", {"customers": pa.table({"id": list(range(100))})})
    with Hub([one, other]) as hub:
        found = suggest_links(hub.catalog, hub.connectors)
    assert [(s.name, s.reverse) for s in found] == ([("customer", "one_orders")] if suggested else [])


def test_values_of_large_tables_are_looked_up(tmp_path: Path) -> None:
    """The samples of both have no value in common: the first records are others."""
    connectors = []
    for name, numbers in (("one", range(50_000, 56_000)), ("other", range(60_000))):
        with sqlite3.connect(tmp_path / f"{name}.sqlite") as database:
            database.execute("CREATE TABLE items (item_code TEXT)")
            database.executemany("INSERT INTO items VALUES (?)", [(f"I-{i}",) for i in numbers])
        url = SecretStr(f"sqlite:///{tmp_path / name}.sqlite")
        connectors.append(SQLConnector(name, SQLSettings(url=url)))
    with Hub(connectors) as hub:
        (found,) = suggest_links(hub.catalog, hub.connectors)
    assert _pairs([found]) == {("one.items.item_code", "other.items.item_code")}
    assert (found.looked_up, found.found) == (LOOKED_UP, LOOKED_UP)


def test_a_source_that_fails_and_time_that_is_over_suggest_nothing() -> None:
    values = pa.table({"sku": [f"K-{i}" for i in range(50)]})
    one, other = (MemoryConnector.from_tables(n, {"parts": values}) for n in ("one", "other"))
    with Hub([one, other]) as hub:
        assert hub.catalog
        assert suggest_links(hub.catalog, hub.connectors, seconds=0) == []
        one.fail_after = 0
        assert suggest_links(hub.catalog, hub.connectors) == []
