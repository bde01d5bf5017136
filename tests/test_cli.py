"""The `groundwire` command as people and scripts run it: a process, its streams and its exit code."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import forked
import pytest

from groundwire.agents import weights

COMMAND = str(Path(sys.executable).parent / "groundwire")
SUCCESS, CONFIGURATION, REFUSED, SOURCE, STOPPED = 0, 2, 3, 4, 130


class Shell:
    """Runs the command in a folder and holds every run to what all runs promise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("GROUNDWIRE_", "FORCE_COLOR"))}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, *arguments: str, stdin: str = "", fresh: bool = False) -> tuple[int, str, str]:
        """Exit code, standard output, standard error; of a fresh interpreter, or of one that has imported everything."""
        if fresh:
            with self.start(*arguments) as process:
                out, err = process.communicate(stdin, timeout=60)
                code = process.wait()
        else:
            code, out, err = forked.run(arguments, self.folder, self.environment, stdin)
        assert "\x1b" not in out + err, "a colour code in a pipe"
        assert "Traceback" not in err, err
        return code, out, err

    def configure(self, text: str) -> None:
        (self.folder / "groundwire.toml").write_text(text)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A folder with a database of three customers and their orders, and its configuration."""
    with sqlite3.connect(tmp_path / "shop.sqlite") as database:
        database.executescript(
            """CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT);
               CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers, total NUMERIC);
               INSERT INTO customers VALUES (1, 'Ada', 'DE'), (2, 'Bø', 'DE'), (3, '山田', NULL);
               INSERT INTO orders VALUES (1, 1, 5), (2, 1, 7.5), (3, 3, 100);"""
        )
    database.close()
    made = Shell(tmp_path)
    made.configure(f'[sources.shop]\ntype = "sql"\nurl = "sqlite:///{tmp_path}/shop.sqlite"\n')
    return made


def test_a_query_prints_its_table_and_where_it_comes_from(shell: Shell) -> None:
    query = "SELECT customer.name, SUM(total) FROM orders GROUP BY 1 ORDER BY 2"
    code, out, err = shell.run("query", query, fresh=True)
    assert (code, err) == (SUCCESS, "")
    assert out.index("Ada") < out.index("山田")
    assert "2 rows · complete" in out
    assert "shop: shop.orders, shop.customers · live as of" in out


def test_json_holds_the_rows_and_the_report_of_each_source(shell: Shell) -> None:
    code, out, _ = shell.run("query", "--json", "-", stdin="SELECT name, country FROM customers ORDER BY id")
    result = json.loads(out)
    assert code == SUCCESS
    assert result["rows"] == [["Ada", "DE"], ["Bø", "DE"], ["山田", None]]
    assert result["complete"] is True
    assert [s["source"] for s in result["sources"]] == ["shop"]


def test_a_row_in_a_pipe_is_one_line_however_long_it_is(shell: Shell) -> None:
    _, out, _ = shell.run("query", f"SELECT '{'x' * 500}' AS long, name FROM customers WHERE id = 1")
    assert any("x" * 500 in line and "Ada" in line for line in out.splitlines())


def test_more_rows_than_the_limit_are_said_to_exist(shell: Shell) -> None:
    code, out, _ = shell.run("query", "SELECT name FROM customers", "--limit", "2")
    assert code == SUCCESS
    assert "2 rows · INCOMPLETE" in out
    assert "more exist" in out


def test_explain_shows_what_the_source_would_execute(shell: Shell) -> None:
    code, out, _ = shell.run("explain", "SELECT customer.name FROM orders")
    assert code == SUCCESS
    assert "shop: query SELECT" in out
    assert "LEFT JOIN" in out


def test_entities_lists_all_or_those_that_fit(shell: Shell) -> None:
    code, out, _ = shell.run("entities")
    assert code == SUCCESS
    assert "shop.customers" in out
    assert "shop.orders" in out
    code, out, _ = shell.run("entities", "orders", "--json")
    assert code == SUCCESS
    assert json.loads(out)[0]["entity"] == "shop.orders"


def test_a_search_without_a_hit_lists_near_misses(shell: Shell) -> None:
    code, out, err = shell.run("entities", "custmers")
    assert (code, out) == (REFUSED, "")
    assert "did you mean shop.customers?" in err


def test_check_says_who_answers_and_how_much_it_holds(shell: Shell) -> None:
    code, out, _ = shell.run("check")
    assert code == SUCCESS
    assert out.startswith("ok   shop (sql): sqlite")
    assert "2 entities" in out


def test_model_list_names_the_default(shell: Shell) -> None:
    shell.environment["GROUNDWIRE_CACHE"] = str(shell.folder / "cache")
    code, out, _ = shell.run("model", "list", "--json")
    assert code == SUCCESS
    assert {w["name"]: w["path"] for w in json.loads(out)}[weights.DEFAULT] is None


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT name FROM custmers", "unknown entity 'custmers'; did you mean shop.customers?"),
        ("SELECT nam FROM customers", "unknown field 'nam' in shop.customers; did you mean name?"),
        ("DELETE FROM customers", "only SELECT is allowed, not DELETE"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("", "the query is empty"),
        ("SELECT 1" + " + 1" * 20_000, "more than 20,000 names, values and operators"),
        ("SELECT 1" + " + 1" * 5_000, "nested too deeply"),
        ("SELECT '" + "x" * 1_000_000 + "'", "at most 100000 are accepted"),
        ("SELECT * FROM read_csv('/etc/hosts')", "only entities can stand after FROM"),
    ],
    ids=["entity", "field", "write", "several", "empty", "long", "deep", "megabyte", "file"],
)
def test_a_query_that_cannot_be_answered_is_refused_with_the_way_out(shell: Shell, sql: str, message: str) -> None:
    code, out, err = shell.run("query", "-", stdin=sql)
    assert (code, out) == (REFUSED, "")
    assert message in err
    assert len(err) < 300


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ('[sources.shop]\nurl = "sqlite://"', "sources.shop.type"),
        ('[sources.shop]\ntype = "sqll"', "sources.shop.type"),
        ('[sources.shop]\ntype = "sql"\nurl = "not a url"', "sources.shop.url"),
        ('[sources.shop]\ntype = "sql"\nurl = "${GROUNDWIRE_TEST_NOT_SET}"', "sources.shop.url"),
        ('[sources.shop]\ntype = "sql"\nurl = { file = "absent" }', "sources.shop.url"),
        ('[sources.shop]\ntype = "sql"\nurl = "sqlite://"\nulr = 1', "sources.shop.ulr"),
        ('[sources.crm]\ntype = "salesforce"\nurl = "http://127.0.0.1:9"', "sources.crm"),
        ("[limits]\nrows = 0", "limits.rows"),
        ("[model]\nnam = 1", "model.nam"),
        ("", "sources"),
    ],
)
def test_an_error_of_the_configuration_names_the_setting(shell: Shell, text: str, setting: str) -> None:
    shell.configure(text)
    code, out, err = shell.run("check")
    assert (code, out) == (CONFIGURATION, "")
    assert err.startswith(f"error: {setting}: ")


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("[sources.shop.entities.customrs]", "sources.shop.entities.customrs"),
        ('[sources.shop.entities.orders]\nhide = ["totl"]', "sources.shop.entities.orders.hide"),
        (
            '[sources.shop.entities.orders.measures.m]\nexpression = "SUM("',
            "sources.shop.entities.orders.measures.m.expression",
        ),
        ('[[links]]\nfrom = "orders.id"\nto = "nobody.id"\nname = "a"\nreverse = "b"', "links[0].to"),
    ],
)
def test_check_finds_what_the_configuration_says_of_entities_that_do_not_exist(
    shell: Shell, text: str, setting: str
) -> None:
    shell.configure((shell.folder / "groundwire.toml").read_text() + text)
    code, _, err = shell.run("check")
    assert code == CONFIGURATION
    assert err.startswith(f"error: {setting}: ")


def test_a_configuration_that_is_absent_or_no_text_is_named(shell: Shell) -> None:
    code, _, err = shell.run("check", "--config", "absent.toml")
    assert code == CONFIGURATION
    assert "absent.toml" in err
    (shell.folder / "binary.toml").write_bytes(b"\xff\xfe\x00")
    code, _, err = shell.run("check", "--config", "binary.toml")
    assert code == CONFIGURATION
    assert "binary.toml is not UTF-8" in err


def test_wrong_usage_is_2_and_says_what_is_accepted(shell: Shell) -> None:
    for arguments, accepted in (
        (("query", "SELECT 1", "--max-age", "yesterday"), "30s, 5m, 2h, 1d"),
        (("query", "SELECT 1", "--on-error", "ignore"), "incomplete"),
        (("model", "pull", "gpt-99"), weights.DEFAULT),
        (("eval", "absent.json"), "absent.json"),
    ):
        code, out, err = shell.run(*arguments)
        assert (code, out) == (CONFIGURATION, ""), arguments
        assert accepted in err


def test_a_source_that_is_down_is_4_and_named_without_its_password(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers here
        port = taken.getsockname()[1]
        shell.configure(
            '[sources.shop]\ntype = "tryton"\n'
            f'url = "http://127.0.0.1:{port}"\ndatabase = "x"\nusername = "u"\npassword = "s3cret"\n'
        )
        code, out, _ = shell.run("check")
        assert code == SOURCE
        assert out.startswith("FAIL shop (tryton): shop: can't be reached")
        code, out, err = shell.run("query", "SELECT * FROM shop.party")
        assert (code, out) == (SOURCE, "")
        assert err.startswith("error: shop: can't be reached")
        assert "s3cret" not in out + err


def test_a_database_file_that_is_none_is_4(shell: Shell) -> None:
    (shell.folder / "shop.sqlite").write_text("this is no database " * 100)
    code, out, err = shell.run("check")
    assert code == SOURCE
    assert "shop" in out + err


def test_weights_that_are_missing_are_named_with_the_command_that_fetches_them(shell: Shell) -> None:
    shell.environment["GROUNDWIRE_CACHE"] = str(shell.folder / "cache")
    code, out, err = shell.run("ask", "How many customers are there?")
    assert (code, out) == (CONFIGURATION, "")
    assert f"run: groundwire model pull {weights.DEFAULT}" in err


@pytest.mark.parametrize("name", ["nobody:gpt", "openai:gpt-x"])
def test_a_model_that_langchain_cannot_make_is_an_error_of_its_setting(shell: Shell, name: str) -> None:
    shell.configure((shell.folder / "groundwire.toml").read_text() + f'[model]\nname = "{name}"\n')
    code, out, err = shell.run("ask", "How many customers are there?")
    assert (code, out) == (CONFIGURATION, "")
    assert err.startswith("error: model.name: ")


@pytest.mark.weights
def test_ask_answers_in_json_with_query_result_and_tokens(shell: Shell, small_weights: Path) -> None:
    shell.configure(
        (shell.folder / "groundwire.toml").read_text() + f'[model]\nname = "{weights.SMALL}"\nthreads = 1\n'
    )
    code, out, err = shell.run("ask", "--json", "How many customers are there per country?")
    answer = json.loads(out)
    assert (code, answer["refused"]) == (SUCCESS, False), err
    assert "FROM customers" in answer["sql"]
    assert answer["result"]["complete"] is True
    assert answer["tokens"]["output"] > 0


@pytest.mark.weights
def test_a_question_that_the_data_cannot_answer_is_refused_with_3(shell: Shell, small_weights: Path) -> None:
    shell.configure(
        (shell.folder / "groundwire.toml").read_text() + f'[model]\nname = "{weights.SMALL}"\nthreads = 1\n'
    )
    code, out, err = shell.run("ask", "--json", "Which penguin won the chess tournament in Antarctica?")
    answer = json.loads(out)
    assert (code, answer["refused"], answer["result"]) == (REFUSED, True, None), err
    assert answer["answer"].startswith("I can't answer that from the connected systems")


def test_a_reader_who_leaves_early_ends_the_command_quietly(shell: Shell) -> None:
    everything = "SELECT * FROM orders a, orders b, orders c, orders d, orders e, orders f, orders g, orders h"
    for form in ((), ("--json",)):
        with shell.start("query", everything, "--limit", "6000", *form) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.read(1)
            process.stdout.close()
            assert process.wait(60) == SUCCESS
            assert process.stderr.read() == ""


def test_ctrl_c_ends_a_read_that_hangs(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        shell.configure(
            f'[sources.erp]\ntype = "tryton"\nurl = "http://127.0.0.1:{silent.getsockname()[1]}"\n'
            'database = "x"\nusername = "u"\npassword = "p"\n'
        )
        with shell.start("query", "SELECT * FROM erp.party") as process:
            silent.settimeout(30)
            connection, _ = silent.accept()  # the command waits for an answer now
            with connection:
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (STOPPED, "", "stopped\n")


@pytest.fixture
def demo_folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home" / "demo"
    folder.mkdir(parents=True)
    yield folder


def test_stopping_a_demo_that_does_not_run_says_so(shell: Shell, demo_folder: Path) -> None:
    shell.environment["GROUNDWIRE_HOME"] = str(demo_folder.parent)
    assert shell.run("demo", "--stop") == (SUCCESS, "no demo is running\n", "")


def test_a_demo_without_weights_starts_nothing_and_names_the_command(shell: Shell, demo_folder: Path) -> None:
    shell.environment |= {"GROUNDWIRE_HOME": str(demo_folder.parent), "GROUNDWIRE_CACHE": str(shell.folder / "cache")}
    code, out, err = shell.run("demo", "--no-chat")
    assert (code, out) == (CONFIGURATION, "")
    assert f"run: groundwire model pull {weights.DEFAULT}" in err
    assert list(demo_folder.iterdir()) == []


def test_a_name_that_the_terminal_cannot_write_is_no_error(shell: Shell) -> None:
    shell.environment["PYTHONIOENCODING"] = "ascii"
    code, out, _ = shell.run("query", "SELECT name FROM customers WHERE id = 3", fresh=True)
    assert code == SUCCESS
    assert "??" in out


def test_the_oldest_acceptable_age_is_kept_to_across_runs_and_said(shell: Shell) -> None:
    shell.environment["XDG_CACHE_HOME"] = str(shell.folder / "cache")
    query = ("query", "SELECT name FROM customers WHERE id = 3")
    _, first, _ = shell.run(*query, "--max-age", "1h")
    _, second, _ = shell.run(*query, "--max-age", "1h")
    assert "· live as of" in first and "· cache as of" in second and "old; at most 1 h)" in second
    _, live, _ = shell.run(*query, "--max-age", "0")
    assert "· live as of" in live
    (shell.folder / "shop.sqlite").unlink()
    code, _, err = shell.run(*query, "--max-age", "0")
    assert code == SOURCE and "shop" in err
