"""Who may see what: principals, roles, masks, and what every way to the data makes of them."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jwt
import pyarrow as pa
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from groundwire import Hub
from groundwire.agents import phrasing
from groundwire.agents.prompt import choose, system_text
from groundwire.agents.reading import Reading
from groundwire.connectors.memory import ALL_OPERATORS, MemoryConnector
from groundwire.core.catalog import Entity, Relation
from groundwire.core.config import parse
from groundwire.core.connector import Capabilities, Pushdown, Scan
from groundwire.core.errors import (
    BudgetSpent,
    ConfigError,
    GroundwireError,
    PolicyError,
    Rejected,
    SourceError,
    UnknownName,
)
from groundwire.core.masks import Mask, partial
from groundwire.core.policy import Policy, os_user
from groundwire.core.sync import Syncer

SECRET = "canary-7f3a"
"""Stands in every record that nobody in these tests may see."""


def _company(folder: Path) -> str:
    """A database of two regions, in which one region and the salaries are somebody's secret."""
    file = folder / "company.sqlite"
    with sqlite3.connect(file) as database:
        database.executescript(
            f"""
            CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT NOT NULL, region TEXT NOT NULL);
            CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL, team_id INTEGER NOT NULL REFERENCES team,
                                 grade TEXT NOT NULL, email TEXT, salary INTEGER);
            CREATE TABLE payment (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES person, amount INTEGER);
            INSERT INTO team VALUES (1, 'north', 'de'), (2, 'south', 'de'), (3, '{SECRET} team', 'fr');
            INSERT INTO person VALUES
                (1, 'Ada', 1, '12', 'ada.lovelace@example.com', 5100), (2, 'Bo', 2, '13', 'bo@example.com', 4200),
                (3, '{SECRET}', 3, '{SECRET} grade', '{SECRET}@example.com', 9900), (4, 'Cy', 1, '13', NULL, NULL);
            INSERT INTO payment VALUES (1, 1, 100), (2, 1, 50), (3, 3, 7000), (4, 2, 10);
            """
        )
    return f"sqlite:///{file}"


def _settings(url: str, **policy: Any) -> dict[str, Any]:
    role = {
        "allow": ["hr.team", "hr.person"],
        "deny": ["hr.team.region"],
        "rows": {"hr.team": "region = principal.region", "hr.person": "team.region = principal.region"},
        "masks": {"hr.person.email": "partial", "hr.person.salary": "round 1000"},
    }
    policy = {
        "roles": {"staff": role, "boss": {"allow": ["*"]}},
        "principals": {
            "alice": {"roles": ["staff"], "attributes": {"region": "de"}},
            "root": {"roles": ["boss"]},
            "nobody": {},
        },
        **policy,
    }
    return {"sources": {"hr": {"type": "sql", "url": url}}, "policy": policy, "audit": {"enabled": False}}


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Hub]:
    """A hub of which tests make those of principals."""
    with Hub.from_parsed(parse(_settings(_company(tmp_path)), base=tmp_path)) as hub:
        yield hub


def _rows(hub: Hub, sql: str, **options: Any) -> list[tuple[Any, ...]]:
    return sorted(hub.query(sql, **options).rows(), key=repr)


# -- what is seen ------------------------------------------------------------------------------


def test_rows_fields_and_masks_hold_wherever_an_entity_stands(whole: Hub) -> None:
    alice = whole.as_principal("alice")
    assert _rows(alice, "SELECT name FROM team") == [("north",), ("south",)]
    assert _rows(alice, "SELECT name, email, salary FROM person") == [
        ("Ada", "ad***om", 5000),
        ("Bo", "b***m", 4000),
        ("Cy", None, None),
    ]
    assert _rows(alice, "SELECT COUNT(*), SUM(salary) FROM person WHERE team.name LIKE 'n%'") == [(2, 5000)]
    assert _rows(alice, "SELECT COUNT(*) FROM person WHERE email LIKE '%lovelace%' OR salary = 5100") == [(0,)]
    assert _rows(alice, "SELECT t.id FROM team t WHERE NOT EXISTS(SELECT 1 FROM person p WHERE p.team_id = t.id)") == []
    assert len(_rows(whole.as_principal("root"), "SELECT * FROM person")) == 4


def test_what_is_hidden_has_no_name_for_its_asker(whole: Hub) -> None:
    alice = whole.as_principal("alice")
    for sql in (
        "SELECT * FROM payment",
        "SELECT * FROM hr.paymnt",
        "SELECT region FROM team",
        "SELECT payments FROM person",
    ):
        with pytest.raises(UnknownName) as caught:
            alice.query(sql)
        asked = sql.split()[1 if "FROM team" in sql or "FROM person" in sql else 3]
        assert not {"payment", "region", "amount"} & {*caught.value.near} and asked.split(".")[-1] in str(caught.value)
    assert [e.full_name for e in alice.catalog] == ["hr.person", "hr.team"]
    assert {r.name for e in alice.catalog for r in e.relations} == {"team", "person"}
    assert alice.catalog.entity("team").rows is None, "how many there are is hidden too"
    assert alice.catalog.entity("person").field("grade").values == (), "values may be those of hidden records"


def test_a_conversion_that_fails_over_hidden_records_does_not_fail(whole: Hub) -> None:
    alice = whole.as_principal("alice")
    assert _rows(alice, "SELECT name FROM person WHERE CAST(grade AS INTEGER) = 13") == [("Bo",), ("Cy",)]
    assert _rows(alice, "SELECT n FROM (SELECT CAST(grade AS INTEGER) AS n FROM person) t WHERE n < 13") == [(12,)]
    with pytest.raises(GroundwireError, match=r"Conversion|refused"):
        whole.as_principal("root").query("SELECT name FROM person WHERE CAST(grade AS INTEGER) = 13")


@pytest.mark.server
def test_a_database_that_checks_the_askers_condition_first_tells_nothing_either(postgres_url: str) -> None:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE lead (id int PRIMARY KEY, region text NOT NULL, code text, size int)")
        connection.exec_driver_sql(
            f"INSERT INTO lead VALUES (1, 'de', '7', 1), (2, 'fr', '{SECRET}', 0), (3, 'de', '8', 2)"
        )
    engine.dispose()
    role = {"allow": ["crm.*"], "rows": {"crm.*lead": "region = 'de'"}}
    settings = {
        "sources": {"crm": {"type": "sql", "url": postgres_url}},
        "policy": {
            "roles": {"one": role, "all": {"allow": ["*"]}},
            "principals": {"asker": {"roles": ["one"]}, "root": {"roles": ["all"]}},
        },
    }
    with Hub.from_parsed(parse(settings, base=Path())) as hub:
        asker, root = hub.as_principal("asker"), hub.as_principal("root")
        for sql in ("SELECT id FROM lead WHERE CAST(code AS INTEGER) = 8", "SELECT id FROM lead WHERE 6 // size = 3"):
            assert asker.query(sql).rows() == [(3,)]
            with pytest.raises(GroundwireError):
                root.query(sql)
        assert asker.plan("SELECT COUNT(*) FROM lead WHERE code = '8'").residual is None, "what can't fail stays there"


def test_a_result_says_that_it_is_limited_and_never_by_how_much(whole: Hub) -> None:
    alice = whole.as_principal("alice")
    told: list[str] = []
    result = alice.query("SELECT COUNT(*) AS n FROM person WHERE CAST(grade AS INTEGER) > 0", progress=told.append)
    (report,) = result.sources
    assert (report.limited_to, report.rows, report.total, report.native) == ("alice", 3, None, ())
    assert result.complete and any("limited to what alice may see" in line for line in result.footer())
    seen = f"{result.to_json()} {told} {alice.explain('SELECT name FROM person')}"
    assert "region" not in seen and "4 rows" not in seen and SECRET not in seen
    none = alice.query("SELECT name FROM person WHERE name = 'Dora'")
    assert phrasing.without_model(none) == "No matching records are visible to you."
    assert whole.as_principal("root").query("SELECT name FROM person").limited_to is None


def test_the_condition_is_executed_by_the_database(whole: Hub) -> None:
    alice = whole.as_principal("alice")
    (fragment,) = alice.plan("SELECT COUNT(*) FROM team WHERE name LIKE 'n%'").fragments
    assert fragment.query is not None and "region" in fragment.query.sql() and "COUNT" in fragment.query.sql()
    plan = alice.plan("SELECT COUNT(*) FROM person WHERE grade = '13'")
    (fragment,) = plan.fragments
    assert fragment.query is not None and "region" in fragment.query.sql() and "'13'" in fragment.query.sql()
    unlimited = whole.as_principal("root").plan("SELECT SUM(amount) FROM payment WHERE person.team.name = 'north'")
    assert unlimited.residual is None, "who sees everything loses nothing"


def test_a_condition_that_a_source_checks_loosely_is_checked_here_before_anything_else() -> None:
    table = pa.table({"id": [1, 2, 3], "region": ["de", "DE", "fr"], "code": ["1", "x", "y"]})
    crm = MemoryConnector.from_tables(
        "crm",
        {"account": table},
        capabilities=Capabilities(boolean=True, aggregates=frozenset({"count"})),
        pushdown=dict.fromkeys(ALL_OPERATORS, Pushdown.NONE),
        primary_keys={"account": ("id",)},
    )
    with _memory(crm, {"allow": ["crm.account"], "rows": {"crm.account": "region = 'de'"}}) as asker:
        result = asker.query("SELECT COUNT(*) FROM account WHERE CAST(code AS INTEGER) = 1")
        assert result.rows() == [(1,)] and result.sources[0].rows == 1


def test_a_source_that_follows_paths_itself_does_not_follow_them_past_a_condition() -> None:
    crm = MemoryConnector.from_tables(
        "crm",
        {
            "account": pa.table({"id": [1, 2], "owner_id": [1, 2]}),
            "owner": pa.table({"id": [1, 2], "name": ["Ada", SECRET]}),
        },
        capabilities=Capabilities(paths=2, boolean=True),
        pushdown=dict.fromkeys(ALL_OPERATORS, Pushdown.EXACT),
        relations={"account": (Relation(name="owner", target="crm.owner", on=(("owner_id", "id"),), native="owner"),)},
        primary_keys={"account": ("id",), "owner": ("id",)},
    )
    with _memory(crm, {"allow": ["crm.*"], "rows": {"crm.owner": "id = 1"}}) as asker:
        assert _rows(asker, "SELECT id, owner.name FROM account") == [(1, "Ada"), (2, None)]
        assert all(isinstance(s, Scan) and "owner.name" not in s.fields for s in crm.scans)


def _memory(connector: MemoryConnector, role: dict[str, Any], **policy: Any) -> Hub:
    policy = {"roles": {"one": role}, "principals": {"asker": {"roles": ["one"]}}, **policy}
    config = {"policy": policy, "audit": {"enabled": False}}
    return Hub([connector], parse(config, base=Path())).as_principal("asker")


def test_roles_add_up_record_by_record(tmp_path: Path) -> None:
    roles = {
        "everyone": {"allow": ["hr.person.id", "hr.person.name"]},
        "lead": {"allow": ["hr.person"], "rows": {"hr.person": "team_id = principal.team"}},
        "discreet": {"masks": {"hr.person.email": "null"}},
    }
    principals = {"lea": {"roles": list(roles), "attributes": {"team": 1}}, "eve": {"roles": ["everyone"]}}
    settings = _settings(_company(tmp_path), roles=roles, principals=principals)
    with Hub.from_parsed(parse(settings, base=tmp_path)) as hub:
        assert _rows(hub.as_principal("lea"), "SELECT id, salary, email FROM person") == [
            (1, 5100, None),
            (2, None, None),
            (3, None, None),
            (4, None, None),
        ]
        assert _rows(hub.as_principal("lea"), "SELECT COUNT(*) FROM person WHERE salary > 9000") == [(0,)]
        assert _rows(hub.as_principal("eve"), "SELECT * FROM person WHERE id = 2") == [(2, "Bo")]


# -- copies ------------------------------------------------------------------------------------


def test_a_cached_read_of_one_principal_serves_no_other(tmp_path: Path) -> None:
    principals = {
        n: {"roles": ["staff"], "attributes": {"region": r}} for n, r in (("ann", "de"), ("bob", "de"), ("zoe", "fr"))
    }
    with Hub.from_parsed(parse(_settings(_company(tmp_path), principals=principals), base=tmp_path)) as hub:

        def read(name: str) -> tuple[str, list[tuple[Any, ...]]]:
            got = hub.as_principal(name).query("SELECT name FROM team", max_age="1h")
            return got.sources[0].mode, sorted(got.rows())

        assert read("ann") == ("live", [("north",), ("south",)])
        assert read("zoe") == ("live", [(f"{SECRET} team",)])
        assert read("bob") == ("cache", [("north",), ("south",)]), "who sees the same may share"
        assert read("zoe")[0] == "cache"


def test_a_replica_is_whole_and_read_as_its_source(tmp_path: Path) -> None:
    settings = _settings(_company(tmp_path))
    settings["sources"]["hr"]["entities"] = {"person": {"replica": True}, "team": {"replica": True}}
    settings["replicas"] = {"url": f"sqlite:///{tmp_path / 'copies.sqlite'}"}
    with Hub.from_parsed(parse(settings, base=tmp_path)) as hub:
        assert hub.replicas is not None
        syncer = Syncer(hub, hub.replicas)
        assert [syncer.sync(f"hr.{name}").rows for name in ("person", "team")] == [4, 3]
        alice = hub.as_principal("alice")
        for sql in (
            "SELECT name, email FROM person",
            "SELECT COUNT(*) FROM team",
            "SELECT CAST(grade AS INTEGER) FROM person",
        ):
            copied, live = alice.query(sql, max_age="1h"), alice.query(sql, max_age=0)
            assert {s.mode for s in copied.sources} == {"replica"} and {s.mode for s in live.sources} == {"live"}
            assert sorted(copied.rows(), key=repr) == sorted(live.rows(), key=repr)
            assert copied.limited_to == "alice" and SECRET not in copied.to_json()


# -- who asks ----------------------------------------------------------------------------------


def test_without_a_known_asker_nothing_is_answered(whole: Hub, tmp_path: Path) -> None:
    for ask in (lambda: whole.query("SELECT 1"), whole.tools, lambda: whole.explain("SELECT name FROM team")):
        with pytest.raises(PolicyError, match="nobody is known to ask"):
            ask()
    with pytest.raises(PolicyError, match="no principal 'mallory'"):
        whole.as_principal("mallory")
    with pytest.raises(UnknownName):
        whole.as_principal("nobody").query("SELECT name FROM team")
    assert list(whole.as_principal("nobody").catalog) == []


def test_the_account_of_the_operating_system_says_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "mallory")
    monkeypatch.setenv("LOGNAME", "mallory")
    mapped = {"alice": {"roles": ["staff"], "attributes": {"region": "de"}, "os_users": [os_user()]}}
    file = tmp_path / "groundwire.toml"
    file.write_text(_toml(_settings(_company(tmp_path), principals=mapped)))
    with Hub.from_config(file) as hub:
        assert hub.principal is not None and hub.principal.name == "alice"
        assert _rows(hub, "SELECT name FROM team") == [("north",), ("south",)]
    file.write_text(file.read_text().replace(f'"{os_user()}"', '"somebody-else"'))
    with pytest.raises(PolicyError, match="is no principal"):
        Hub.from_config(file)


def _toml(value: Any) -> str:
    """A configuration as TOML: its JSON is that, but for the top."""
    import json

    def inline(v: Any) -> str:
        return (
            "{" + ", ".join(f"{json.dumps(k)} = {inline(x)}" for k, x in v.items()) + "}"
            if isinstance(v, dict)
            else json.dumps(v)
        )

    return "\n".join(f"{k} = {inline(v)}" for k, v in value.items())


def _token(key: Any, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode(
        {"sub": "tess", "exp": time.time() + 60, "roles": ["staff", "admin"], "region": "de", **claims}, key, algorithm
    )


def test_a_signed_token_says_who_asks(tmp_path: Path) -> None:
    key = "k" * 40
    tokens = {
        "algorithm": "HS256",
        "key": key,
        "roles": "roles",
        "attributes": ["region"],
        "audience": "gw",
        "issuer": "idp",
    }
    with Hub.from_parsed(parse(_settings(_company(tmp_path), tokens=tokens), base=tmp_path)) as hub:
        assert hub.policy is not None
        good = {"aud": "gw", "iss": "idp"}
        tess = hub.policy.of_token(_token(key, **good))
        assert (tess.name, tess.roles, tess.attributes) == ("tess", ("staff",), {"region": "de"})
        assert _rows(hub.as_principal(tess), "SELECT name FROM team") == [("north",), ("south",)]
        bad = [
            _token("x" * 40, **good),
            _token(key, **good, exp=time.time() - 1),
            _token(key, aud="other", iss="idp"),
            _token(key, aud="gw", iss="other"),
            _token(key, **good, sub=""),
            jwt.encode({"sub": "root", **good}, key, "HS256"),
            jwt.encode({"sub": "root", "exp": time.time() + 60, **good}, None, "none"),
            "no token at all",
        ]
        for token in bad:
            with pytest.raises(PolicyError, match="the token is not accepted"):
                hub.policy.of_token(token)


def test_a_token_may_be_signed_with_a_private_key(tmp_path: Path) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    policy = Policy(parse({"policy": {"tokens": {"algorithm": "RS256", "key": public}}}, base=tmp_path).policy)  # type: ignore[arg-type]
    assert policy.of_token(_token(private, "RS256")).name == "tess"
    with pytest.raises(PolicyError):  # the public key is no shared secret
        policy.of_token(_forged(public))


def _forged(public: str) -> str:
    import base64
    import hashlib
    import hmac
    import json

    def part(value: dict[str, Any]) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signed = part({"alg": "HS256", "typ": "JWT"}) + b"." + part({"sub": "root", "exp": time.time() + 60})
    return (
        signed
        + b"."
        + base64.urlsafe_b64encode(hmac.new(public.encode(), signed, hashlib.sha256).digest()).rstrip(b"=")
    ).decode()


# -- budgets -----------------------------------------------------------------------------------


def test_a_budget_is_shared_by_all_processes_and_says_when_it_is_free_again(tmp_path: Path) -> None:
    settings = _settings(_company(tmp_path), budgets={"alice": {"queries": 4, "rows": 5}, "*": {"queries": 1}})
    settings["replicas"] = {"url": f"sqlite:///{tmp_path / 'copies.sqlite'}"}
    config = parse(settings, base=tmp_path)
    with Hub.from_parsed(config) as one, Hub.from_parsed(config) as two:
        one.as_principal("alice").query("SELECT name FROM team")  # two rows
        with pytest.raises(BudgetSpent, match=r"2 of 5 rows .* this answer has 4; the next hour begins at") as caught:
            two.as_principal("alice").query("SELECT name FROM person UNION ALL SELECT name FROM team WHERE id = 1")
        assert timedelta() < caught.value.free_at - datetime.now(UTC) <= timedelta(hours=1)
        assert "not retry" in str(
            two.as_principal("alice")
            .tools()[2]
            .invoke({"sql": "SELECT name FROM person UNION ALL SELECT name FROM team"})
        )
        two.as_principal("alice").query("SELECT name FROM person")
        with pytest.raises(BudgetSpent, match="4 of 4 queries"):
            one.as_principal("alice").query("SELECT COUNT(*) FROM person")
        assert len(one.as_principal("root").query("SELECT name FROM person")) == 4, "a budget of their own"
        with pytest.raises(BudgetSpent):
            one.as_principal("root").query("SELECT name FROM person")


def test_what_can_not_be_counted_is_not_given(tmp_path: Path) -> None:
    settings = _settings(_company(tmp_path), budgets={"*": {"queries": 100}})
    settings["replicas"] = {"url": f"sqlite:///{tmp_path / 'copies.sqlite'}"}
    (tmp_path / "copies-control.sqlite").write_bytes(b"no database" * 1000)
    with Hub.from_parsed(parse(settings, base=tmp_path)) as hub, pytest.raises(PolicyError, match="can't be counted"):
        hub.as_principal("alice").query("SELECT name FROM team")


# -- the model ---------------------------------------------------------------------------------


def test_the_model_never_hears_of_what_its_asker_may_not_see(whole: Hub) -> None:
    alice = whole.as_principal("alice")
    question = "What is the total of payments per region and salary?"
    shown = choose(question, alice.catalog)
    reading = Reading(question, "", shown.entities, shown.names(alice.catalog))
    notes = [n.removeprefix("no column is called payments or region") for n in reading.notes]  # the asker's own words
    assert "" in notes  # as if there were none
    said = system_text(shown, alice.catalog, examples=False) + reading.first_part() + "".join(notes)
    assert "payment" not in said.replace("payments per region", "") and "region text" not in said and SECRET not in said
    assert "salary" in said
    search, describe, query = alice.tools()
    told = search.invoke({"text": "payment amount region"}) + describe.invoke({"entity": "hr.payment"})
    assert "person_id" not in told and "amount" not in told and "unknown entity" in told
    assert SECRET not in str(query.invoke({"sql": "SELECT * FROM person"}))
    assert "limited" in str(query.invoke({"sql": "SELECT * FROM person"}))


# -- mistakes of operators -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"deny": ["hr.person.salry"]}, r"policy.roles.one.deny: 'hr.person.salry' fits nothing.*hr.person.salary"),
        ({"rows": {"hr.persons": "id = 1"}}, "policy.roles.one.rows: 'hr.persons' fits nothing"),
        (
            {"rows": {"hr.person": "regin = 1"}},
            "policy.roles.one.rows.hr.person: can't be applied to hr.person: unknown field 'regin'",
        ),
        ({"rows": {"hr.person": "id = "}}, "policy.roles.one.rows.hr.person: not a condition"),
        ({"rows": {"hr.person": "id = 1; DROP TABLE person"}}, "policy.roles.one.rows.hr.person: "),
        ({"masks": {"hr.person.name": "blur"}}, "policy.roles.one.masks.hr.person.name: 'blur' is no mask"),
        (
            {"masks": {"hr.person.name": "round 10"}},
            "policy.roles.one.masks.hr.person.name: hr.person.name: round 10 does not fit",
        ),
        ({"masks": {"hr.person.name": "hash"}}, "policy.mask_key: a hash without a secret can be guessed"),
    ],
)
def test_a_policy_that_would_not_hold_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    settings = _settings(
        _company(tmp_path), roles={"one": {"allow": ["hr.*"], **change}}, principals={"a": {"roles": ["one"]}}
    )
    with Hub.from_parsed(parse(settings, base=tmp_path)) as hub, pytest.raises(ConfigError, match=words):
        _ = hub.as_principal("a").catalog


def test_a_role_that_is_not_there_is_refused(tmp_path: Path) -> None:
    settings = _settings(_company(tmp_path), principals={"a": {"roles": ["staf"]}})
    with (
        Hub.from_parsed(parse(settings, base=tmp_path)) as hub,
        pytest.raises(ConfigError, match="no such role 'staf'; did you mean staff"),
    ):
        hub.as_principal("a")


def test_a_vendors_words_about_a_refused_request_are_not_passed_on() -> None:
    crm = MemoryConnector.from_tables("crm", {"account": pa.table({"id": [1]})}, fail_after=0)
    crm.failure = Rejected(f"no column {SECRET}", source="crm")
    with _memory(crm, {"allow": ["crm.account"], "rows": {"crm.account": "id > 0"}}) as asker:
        with pytest.raises(Rejected) as caught:
            asker.query("SELECT id FROM account")
        assert str(caught.value) == "crm: refused the request"
        for way in ("incomplete", "stale"):
            with contextlib.suppress(Rejected):
                result = asker.query("SELECT id FROM account", on_error=way)
                assert not result.complete and SECRET not in result.to_json()


def test_a_source_that_is_down_is_named_to_those_only_who_may_know_of_it() -> None:
    class Down(MemoryConnector):
        def discover(self) -> list[Entity]:
            raise Rejected("no", source=self.name)

    up = MemoryConnector.from_tables("crm", {"account": pa.table({"id": [1]})})
    roles = {"one": {"allow": ["crm.*"]}, "two": {"allow": ["*.account", "payroll.*"]}}
    principals = {name: {"roles": [name]} for name in roles}
    config = parse({"policy": {"roles": roles, "principals": principals}, "audit": {"enabled": False}}, base=Path())
    with Hub([up, Down.from_tables("payroll", {})], config) as hub:
        with pytest.raises(SourceError) as caught:
            hub.as_principal("one").query("SELECT id FROM account")
        assert str(caught.value) == "the connected systems: one of them does not answer"
        with pytest.raises(Rejected, match="payroll: no"):
            _ = hub.as_principal("two").catalog


# -- masks ---------------------------------------------------------------------------------------


@given(st.text())
def test_a_partial_text_shows_a_quarter_at_most_and_not_how_long_it_is(text: str) -> None:
    shown = partial(text)
    assert len(shown) - 3 <= len(text) / 4 and "***" in shown
    assert len(shown) <= 7


@pytest.mark.parametrize(
    ("mask", "values", "type_", "shown"),
    [
        ("round 1000", [1234, -1999, None, 0], pa.int64(), [1000, -1000, None, 0]),
        ("round 50", [127, -128], pa.int8(), [100, -100]),
        ("round 0.5", [1.74, float("inf"), 1e300], pa.float64(), [1.5, float("inf"), 1e300]),
        ("round 10", [Decimal("19.99")], pa.decimal128(38, 2), [Decimal("10.00")]),
        ("round month", [date(2024, 2, 29), None], pa.date32(), [date(2024, 2, 1), None]),
        (
            "round year",
            [datetime(2024, 5, 6, 7, tzinfo=UTC)],
            pa.timestamp("us", tz="UTC"),
            [datetime(2024, 1, 1, tzinfo=UTC)],
        ),
        ("null", ["x", None], pa.string(), [None, None]),
    ],
)
def test_masks_show(mask: str, values: list[Any], type_: pa.DataType, shown: list[Any]) -> None:
    column = pa.chunked_array([pa.array(values, type_)])
    assert Mask.parse(mask).apply(column, b"").to_pylist() == shown


def test_hashes_are_equal_for_equal_values_and_different_for_each_key() -> None:
    numbers, texts = pa.chunked_array([[7, 7, 8, None]]), pa.chunked_array([["7", "x", None, "8"]])
    one, two = (Mask.parse("hash").apply(numbers, key).to_pylist() for key in (b"a", b"b"))
    assert one[0] == one[1] != one[2] and one[3] is None and one[0] != two[0]
    assert Mask.parse("hash").apply(texts, b"a").to_pylist()[0] == one[0], "keys that are kept as texts still meet"
