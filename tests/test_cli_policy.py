"""The command under a policy: who may ask as whom, and what an operator is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli import CONFIGURATION, REFUSED, SUCCESS
from test_cli import Shell as Process
from test_cli import shell as shell
from typer.testing import CliRunner

from groundwire.agents import cli
from groundwire.core.policy import os_user


class Shell:
    """Runs the command in this process, where starting it twenty times costs nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        result = CliRunner().invoke(cli.app, list(arguments))
        return result.exit_code, result.stdout, result.stderr


POLICY = """
[policy]
operators = {operators}
[policy.roles.sales]
allow = ["shop.*"]
deny = ["shop.orders.total"]
rows = {{ "shop.customers" = "country = principal.country" }}
masks = {{ "shop.customers.name" = "partial" }}
[policy.principals.ann]
roles = ["sales"]
os_users = {users}
attributes = {{ country = "DE" }}
[policy.principals.fred]
roles = ["sales"]
attributes = {{ country = "FR" }}
"""


@pytest.fixture
def limited(shell: Process, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The shop, asked by an account that belongs to ann."""
    monkeypatch.chdir(shell.folder)
    made = Shell(shell.folder)
    _policy(made, users=[os_user()])
    return made


def _policy(shell: Shell, *, users: list[str], operators: tuple[str, ...] = ()) -> None:
    file = shell.folder / "groundwire.toml"
    before = file.read_text().partition("\n[policy]")[0]
    file.write_text(before + POLICY.format(users=json.dumps(users), operators=json.dumps(list(operators))))


def test_the_account_that_runs_the_command_sees_what_it_may(limited: Shell) -> None:
    code, out, _ = limited.run("query", "--json", "SELECT id, name FROM customers ORDER BY id")
    result = json.loads(out)
    assert (code, result["rows"]) == (SUCCESS, [[1, "***"], [2, "***"]])
    assert result["sources"][0]["limited_to"] == "ann" and result["sources"][0]["native"] == []
    code, _, err = limited.run("query", "SELECT total FROM orders")
    assert code == REFUSED and "unknown field 'total'" in err
    code, out, _ = limited.run("entities", "--json")
    assert "total" not in out and {e["entity"]: e["rows"] for e in json.loads(out)}["shop.customers"] is None


def test_nobody_asks_as_another_but_operators(limited: Shell) -> None:
    code, out, err = limited.run("--as", "fred", "query", "SELECT COUNT(*) FROM customers")
    assert (code, out) == (REFUSED, "") and "may not ask as another" in err
    for command in (["explain", "fred", "customers"], ["test", "cases.toml"]):
        code, out, err = limited.run("policy", *command)
        assert (code, out) == (REFUSED, "") and "policy.operators" in err
    _policy(limited, users=[os_user()], operators=(os_user(),))
    code, out, _ = limited.run("--as", "fred", "query", "--json", "SELECT COUNT(*) FROM customers")
    assert (code, json.loads(out)["rows"]) == (SUCCESS, [[0]])


def test_an_account_that_is_nobody_is_refused(limited: Shell) -> None:
    _policy(limited, users=["somebody-else"])
    for command in (["query", "SELECT 1"], ["entities"], ["ask", "How many?"], ["explain", "SELECT 1"], ["check"]):
        code, out, err = limited.run(*command)
        assert (code, out) == (REFUSED, "") and "is no principal" in err, command


def test_policy_explain_says_why(limited: Shell) -> None:
    _policy(limited, users=[], operators=(os_user(),))
    code, out, _ = limited.run("policy", "explain", "ann", "customers")
    assert code == SUCCESS
    assert "allowed by role sales: shop.*" in out and "country = 'DE'" in out and "name: masked by partial" in out
    code, out, _ = limited.run("policy", "explain", "ann", "orders")
    assert code == SUCCESS and "total: hidden, role sales denies shop.orders.total" in out
    code, _, err = limited.run("policy", "explain", "ann", "ordrs")
    assert code == REFUSED and "did you mean shop.orders" in err


def test_policy_test_holds_the_policy_to_the_operators_table(limited: Shell, tmp_path: Path) -> None:
    _policy(limited, users=[], operators=(os_user(),))
    table = """
        [[case]]
        principal = "ann"
        sees = ["customers", "shop.customers.country"]
        hidden = ["shop.orders.total"]
        masked = { "shop.customers.name" = "partial" }
        [[case]]
        principal = "fred"
        query = "SELECT COUNT(*) FROM customers WHERE country = 'DE'"
        gives = [[0]]
    """
    file = limited.folder / "cases.toml"
    file.write_text(table)
    assert limited.run("policy", "test", "cases.toml")[:2] == (SUCCESS, "5 of 5 are as they should be\n")
    file.write_text(
        table.replace('principal = "fred"', 'principal = "ann"').replace('hidden = ["', 'hidden = ["shop.orders.id", "')
    )
    code, out, err = limited.run("policy", "test", "cases.toml")
    assert (code, out) == (REFUSED, "4 of 6 are as they should be\n")
    assert "ann sees shop.orders.id" in err and "ann is given [[2]], not [[0]]" in err
    file.write_text(table.replace("shop.orders.total", "shop.orders.totl"))
    assert limited.run("policy", "test", "cases.toml")[0] == REFUSED
    file.write_text(table.replace("gives", "give"))
    code, _, err = limited.run("policy", "test", "cases.toml")
    assert code == CONFIGURATION and "case.1" in err
