"""What the query language means and what it refuses."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest

from groundwire import Hub, QueryError
from groundwire.connectors.memory import MemoryConnector
from groundwire.core.catalog import Relation
from groundwire.core.config import parse
from groundwire.core.errors import AmbiguousName, NotAllowed, UnknownName


@pytest.fixture
def hub() -> Hub:
    """Two systems with a declared link: a CRM and an ERP."""
    crm = MemoryConnector.from_tables(
        "crm",
        {
            "Account": pa.table(
                {
                    "Id": ["a1", "a2", "a3"],
                    "Name": ["Acme", "Bolt", "O'Neil"],
                    "Industry": ["Retail", "Retail", None],
                    "Number": ["C1", "C2", "C3"],
                    "OwnerId": ["u1", None, "u1"],
                }
            ),
            "User": pa.table({"Id": ["u1"], "Name": ["Una"]}),
            "Deal": pa.table(
                {
                    "Id": ["d1", "d2", "d3"],
                    "AccountId": ["a1", "a1", "a2"],
                    "Amount": [10.0, 20.0, None],
                    "Stage": ["Won", "Lost", "Won"],
                }
            ),
        },
        relations={
            "Account": (
                Relation(name="Owner", target="crm.User", on=(("OwnerId", "Id"),)),
                Relation(name="Deals", target="crm.Deal", on=(("Id", "AccountId"),), many=True),
            ),
            "Deal": (Relation(name="Account", target="crm.Account", on=(("AccountId", "Id"),)),),
        },
        primary_keys={"Account": ("Id",), "User": ("Id",), "Deal": ("Id",)},
    )
    erp = MemoryConnector.from_tables(
        "erp",
        {
            "party.party": pa.table({"id": [1, 2, 9], "code": ["C1", "C2", "C9"]}),
            "account.invoice": pa.table(
                {
                    "id": [1, 2, 3],
                    "party": [1, 1, 2],
                    "amount": pa.array([Decimal("1.50"), Decimal("2.50"), Decimal("4.00")], pa.decimal128(18, 2)),
                    "due": [date(2020, 1, 1), date(2999, 1, 1), date(2021, 1, 1)],
                }
            ),
        },
        relations={"account.invoice": (Relation(name="party", target="erp.party.party", on=(("party", "id"),)),)},
        primary_keys={"party.party": ("id",), "account.invoice": ("id",)},
    )
    link = {"from": "erp.party.party.code", "to": "crm.Account.Number", "name": "account", "reverse": "parties"}
    config = parse(
        {
            "links": [link],
            "sources": {
                "erp": {
                    "type": "memory",
                    "entities": {
                        "account.invoice": {
                            "measures": {"overdue": {"expression": "SUM(amount) FILTER (WHERE due < CURRENT_DATE)"}}
                        }
                    },
                }
            },
        },
        base=__import__("pathlib").Path(),
    )
    return Hub([crm, erp], config)


def test_a_path_joins_across_systems(hub: Hub) -> None:
    result = hub.query("SELECT party.account.Name, SUM(amount) AS total FROM erp.invoice GROUP BY 1 ORDER BY 1")
    assert result.rows() == [("Acme", Decimal("4.00")), ("Bolt", Decimal("4.00"))]
    assert result.complete
    assert {s.source for s in result.sources} == {"crm", "erp"}
    assert result.as_of is not None


def test_an_aggregate_over_many_counts_no_record_twice(hub: Hub) -> None:
    rows = hub.query("SELECT Name, SUM(Deals.Amount), COUNT(Deals) FROM crm.Account ORDER BY Name").rows()
    assert rows == [("Acme", 30.0, 2), ("Bolt", None, 1), ("O'Neil", None, 0)]


def test_exists_follows_a_path_over_two_systems(hub: Hub) -> None:
    sql = "SELECT code FROM erp.party WHERE EXISTS(SELECT 1 FROM account.Deals d WHERE d.Stage = 'Lost')"
    assert hub.query(sql).rows() == [("C1",)]
    none = "SELECT code FROM erp.party WHERE NOT EXISTS(SELECT 1 FROM account.Deals d) ORDER BY 1"
    assert hub.query(none).rows() == [("C9",)]


def test_a_measure_is_its_expression(hub: Hub) -> None:
    assert hub.query("SELECT party.code, overdue FROM erp.invoice GROUP BY 1 ORDER BY 1").rows() == [
        ("C1", Decimal("1.50")),
        ("C2", Decimal("4.00")),
    ]


def test_a_sum_of_a_measure_that_sums_is_the_measure(hub: Hub) -> None:
    plain = hub.query("SELECT party.code, overdue FROM erp.invoice GROUP BY 1 ORDER BY 1").rows()
    assert hub.query("SELECT party.code, SUM(overdue) AS x FROM erp.invoice GROUP BY 1 ORDER BY 1").rows() == plain


def test_a_bare_field_is_found_along_the_only_path_and_the_reading_is_said(hub: Hub) -> None:
    result = hub.query("SELECT Industry, COUNT(*) FROM crm.Deal GROUP BY Industry")
    assert result.rows() == [("Retail", 3)]
    assert any("Account.Industry" in note for note in result.notes)


def test_a_condition_on_many_records_keeps_those_that_have_one(hub: Hub) -> None:
    assert hub.query("SELECT Name FROM crm.Account WHERE Stage = 'Lost'").rows() == [("Acme",)]


def test_an_empty_result_is_empty_and_complete(hub: Hub) -> None:
    result = hub.query("SELECT Name FROM crm.Account WHERE Name = 'nobody'")
    assert len(result) == 0
    assert result.complete


def test_a_limit_that_cuts_is_said(hub: Hub) -> None:
    result = hub.query("SELECT Name FROM crm.Account", limit=2)
    assert len(result) == 2
    assert result.truncated
    assert not result.complete
    assert not hub.query("SELECT Name FROM crm.Account", limit=3).truncated


@pytest.mark.parametrize(
    ("sql", "near"),
    [
        ("SELECT Nam FROM crm.Account", "Name"),
        ("SELECT Name FROM crm.Acount", "crm.Account"),
        ("SELECT Owner.Nme FROM crm.Account", "Name"),
        ("SELECT Ownr.Name FROM crm.Account", "Owner"),
    ],
)
def test_an_unknown_name_lists_near_misses(hub: Hub, sql: str, near: str) -> None:
    with pytest.raises(UnknownName) as caught:
        hub.query(sql)
    assert near in caught.value.near


def test_an_ambiguous_name_lists_its_candidates(hub: Hub) -> None:
    with pytest.raises(AmbiguousName) as caught:
        hub.query("SELECT Name FROM crm.Account a JOIN crm.User u ON a.OwnerId = u.Id")
    assert set(caught.value.candidates) == {"a.Name", "u.Name"}


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM crm.Account",
        "UPDATE crm.Account SET Name = 'x'",
        "INSERT INTO crm.Account VALUES (1)",
        "DROP TABLE crm.Account",
        "CREATE TABLE t AS SELECT 1",
        "COPY crm.Account TO '/tmp/x'",
        "ATTACH 'x.db'",
        "PRAGMA database_list",
        "SET memory_limit = '1GB'",
        "INSTALL httpfs",
        "SELECT 1; SELECT 2",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "SELECT Name INTO x FROM crm.Account",
        "WITH RECURSIVE t AS (SELECT 1) SELECT * FROM t",
    ],
)
def test_what_is_not_a_harmless_select_is_refused(hub: Hub, sql: str) -> None:
    with pytest.raises(NotAllowed):
        hub.query(sql)


@pytest.mark.parametrize("call", ["getenv('HOME')", "current_setting('x')", "read_text('/etc/passwd')", "nextval('s')"])
def test_a_function_that_reaches_out_is_refused(hub: Hub, call: str) -> None:
    with pytest.raises(QueryError):
        hub.query(f"SELECT {call} FROM crm.Account")


def test_a_file_name_is_no_entity(hub: Hub) -> None:
    with pytest.raises(UnknownName):
        hub.query("SELECT * FROM '/etc/passwd'")


def test_a_query_of_a_megabyte_is_refused_at_once(hub: Hub) -> None:
    with pytest.raises(QueryError, match="bytes"):
        hub.query("SELECT Name FROM crm.Account WHERE Name IN (" + ",".join(["'x'"] * 300_000) + ")")


def test_deep_nesting_is_an_error_and_not_a_crash(hub: Hub) -> None:
    with pytest.raises(QueryError):
        hub.query("SELECT " + "(" * 20_000 + "1" + ")" * 20_000)


@pytest.mark.parametrize("text", ["O'Neil", "' OR 1=1 --", "%", "\\", "Robert'); DROP TABLE x;--", "名前", "\u0000"])
def test_a_literal_is_only_ever_a_value(hub: Hub, text: str) -> None:
    quoted = text.replace("'", "''")
    rows = hub.query(f"SELECT Name FROM crm.Account WHERE Name = '{quoted}'").rows()
    assert rows == ([("O'Neil",)] if text == "O'Neil" else [])


def test_explain_reads_nothing(hub: Hub) -> None:
    text = hub.explain("SELECT party.account.Name FROM erp.invoice WHERE amount > 2")
    assert "crm: scan Account" in text
    for connector in hub.connectors.values():
        assert isinstance(connector, MemoryConnector)
        assert connector.scans == []


def test_fields_of_two_entities_start_at_the_one_that_lies_between(hub: Hub) -> None:
    """Deals are many for an account; each has one account and, through it, one owner."""
    result = hub.query("SELECT Deal.Stage, User.Name, COUNT(*) AS n FROM crm.Account GROUP BY 1, 2 ORDER BY 1, 2")
    assert result.rows() == [("Lost", "Una", 1), ("Won", "Una", 1), ("Won", None, 1)]


def test_an_alias_is_never_read_as_the_name_of_another_entity(hub: Hub) -> None:
    result = hub.query("SELECT deal.Name FROM crm.User deal")
    assert result.rows() == [("Una",)]


def test_an_entity_that_relates_to_itself_is_itself_in_a_condition() -> None:
    staff = pa.table(
        {"id": [1, 2, 3], "name": ["Ada", "Bo", "Cy"], "boss_id": [None, 1, 1], "left": [None, None, 2020]}
    )
    upwards = Relation(name="boss", target="hr.staff", on=(("boss_id", "id"),))
    downwards = Relation(name="staff", target="hr.staff", on=(("id", "boss_id"),), many=True)
    hr = MemoryConnector.from_tables(
        "hr", {"staff": staff}, relations={"staff": (upwards, downwards)}, primary_keys={"staff": ("id",)}
    )
    with Hub([hr]) as hub:
        result = hub.query("SELECT boss.name, COUNT(*) FROM staff WHERE staff.left IS NULL GROUP BY 1 ORDER BY 1")
        assert result.rows() == [("Ada", 1), (None, 1)]


def test_an_expression_over_a_key_of_the_group_does_not_split_the_group() -> None:
    orders = pa.table({"id": [1, 2, 3], "day": [date(2024, 1, 1), date(2024, 1, 9), date(2024, 2, 1)]})
    with Hub([MemoryConnector.from_tables("shop", {"orders": orders})]) as hub:
        result = hub.query(
            "SELECT CAST(DATE_TRUNC('month', day) AS DATE) AS month, COUNT(*) FROM orders"
            " GROUP BY DATE_TRUNC('month', day) ORDER BY 1"
        )
        assert result.rows() == [(date(2024, 1, 1), 2), (date(2024, 2, 1), 1)]


def test_names_that_differ_in_case_only_are_known_apart_in_one_process() -> None:
    for name, column in (("Account", "Name"), ("account", "title"), ("Account", "Name")):
        source = MemoryConnector.from_tables("crm", {name: pa.table({column: ["x"]})})
        with Hub([source]) as opened:
            assert opened.query(f"SELECT {column} FROM crm.{name}").rows() == [("x",)]
