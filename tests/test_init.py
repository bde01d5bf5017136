"""`groundwire init`: a first configuration by question and answer, in a pipe and on a terminal, with real databases."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from groundwire import ConfigError, Hub
from groundwire.agents.cli import app
from groundwire.core import config, secrets

COMMAND = str(Path(sys.executable).parent / "groundwire")
NO_KEYRING = "keyring.backends.fail.Keyring"
KEYRING = """
import json, pathlib
from keyring.backend import KeyringBackend
FILE = pathlib.Path(__file__).with_name("kept.json")
class Kept(KeyringBackend):
    priority = 1
    def get_password(self, service, name):
        return json.loads(FILE.read_text()).get(service + "/" + name) if FILE.exists() else None
    def set_password(self, service, name, value):
        kept = json.loads(FILE.read_text()) if FILE.exists() else {}
        FILE.write_text(json.dumps({**kept, service + "/" + name: value}))
"""


@pytest.fixture
def company(postgres_url: str, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Addresses of a warehouse in PostgreSQL and a CRM in SQLite: customer codes are the same, regions and ids are
    decoys."""
    engine = sa.create_engine(postgres_url)
    statements = (
        *("DROP SCHEMA public CASCADE", "CREATE SCHEMA public"),
        "CREATE TABLE customers (id serial PRIMARY KEY, customer_code text, region_code text)",
        """INSERT INTO customers (customer_code, region_code)
           SELECT 'C-' || i, 'R' || (i %% 4) FROM generate_series(1, 80) i""",
    )
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()
    crm = sqlite3.connect(tmp_path / "crm.sqlite")
    crm.execute("CREATE TABLE accounts (id INTEGER PRIMARY KEY, account_number TEXT UNIQUE, region_code TEXT)")
    crm.executemany("INSERT INTO accounts VALUES (?, ?, ?)", [(i, f"C-{i}", f"R{i % 4}") for i in range(1, 101)])
    crm.commit()
    crm.close()
    yield postgres_url, f"sqlite:///{tmp_path / 'crm.sqlite'}"


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GROUNDWIRE_", "PYTHON_KEYRING"))}
    return kept | {"PYTHON_KEYRING_BACKEND": NO_KEYRING, "GROUNDWIRE_CACHE": str(folder)} | more


def run(folder: Path, *answers: str, command: tuple[str, ...] = ("init",)) -> tuple[int, str, str]:
    """The command in this process, its standard input being these lines."""
    kept = dict.fromkeys((k for k in os.environ if k.startswith("GROUNDWIRE_")), None)
    lines = "".join(f"{a}\n" for a in answers)
    with contextlib.chdir(folder):
        done = CliRunner().invoke(app, [*command], input=lines, env={**kept, "PYTHON_KEYRING_BACKEND": NO_KEYRING})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def piped(folder: Path, *answers: str, command: tuple[str, ...] = ("init",), **more: str) -> tuple[int, str, str]:
    """The same as a process of its own, with these variables."""
    done = subprocess.run(
        [COMMAND, *command],
        input="".join(f"{a}\n" for a in answers),
        cwd=folder,
        env=environment(folder, **more),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def answers(company: tuple[str, str], link: str = "y") -> tuple[str, ...]:
    warehouse, crm = company
    first = ("sql", "dwh", warehouse, "schemas", "public", "")  # type, name, url, a setting more, no further one
    return (*first, "sql", "crm", crm, "", "", link)


@pytest.mark.server
def test_two_databases_are_connected_and_linked_by_answers_in_a_pipe(company: tuple[str, str], tmp_path: Path) -> None:
    code, out, err = piped(tmp_path, *answers(company))
    assert (code, out.strip()) == (0, "groundwire.toml"), err
    assert "dwh.customers: 3 fields" in err
    assert err.count("link them?") == 1, "regions and ids are no links"
    assert "80 of 80 values are found there" in err
    text = (tmp_path / "groundwire.toml").read_text()
    written = tomllib.loads(text)
    assert written["sources"]["dwh"] == {"type": "sql", "url": "${DWH_URL}", "schemas": ["public"]}
    assert written["links"] == [
        {
            "from": "dwh.customers.customer_code",
            "to": "crm.accounts.account_number",
            "name": "account",
            "reverse": "dwh_customers",
        }
    ]
    kept = tmp_path / "groundwire.env"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert company[0] not in text + err + out, "an address with a password is shown"
    sql = "SELECT COUNT(*) FROM dwh.customers WHERE account.region_code = 'R1'"
    code, out, err = run(tmp_path, command=("query", sql, "--json"))
    assert (code, json.loads(out)["rows"]) == (0, [[20]]), err
    code, out, err = run(tmp_path, command=("suggest-links", "--json"))
    assert (code, json.loads(out)) == (0, []), "what is linked is not suggested again"


@pytest.mark.server
def test_a_link_that_is_declined_is_left_out_and_suggested_again(company: tuple[str, str], tmp_path: Path) -> None:
    assert run(tmp_path, *answers(company, link="n"))[0] == 0
    assert "links" not in tomllib.loads((tmp_path / "groundwire.toml").read_text())
    code, out, err = run(tmp_path, command=("suggest-links",))
    assert code == 0, err
    (link,) = tomllib.loads(out)["links"]
    assert link["from"] == "dwh.customers.customer_code"
    assert out.startswith("# 80 of 80 values are found there")


@pytest.mark.server
def test_on_a_terminal_secrets_are_not_shown_as_they_are_typed(company: tuple[str, str], tmp_path: Path) -> None:
    master, slave = pty.openpty()
    settings = environment(tmp_path, TERM="xterm", COLUMNS="200")
    process = subprocess.Popen(
        [COMMAND, "init"], stdin=slave, stdout=slave, stderr=slave, cwd=tmp_path, env=settings, start_new_session=True
    )
    os.close(slave)
    try:
        _converse(master, company[1])
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
    assert secrets.read_environment(tmp_path / "groundwire.toml") == {"CRM_URL": company[1]}


def _converse(terminal: int, address: str) -> None:
    """Answer what is asked; the address must never be seen."""
    questions = iter(
        [("type: ", "sql"), ("[sql]: ", "crm"), ("a secret: ", address), ("to go on: ", ""), ("go on: ", "")]
    )
    seen, (wanted, answer) = "", next(questions)
    while True:
        try:
            seen += os.read(terminal, 4096).decode(errors="replace")
        except OSError:  # the other end is closed
            return
        assert address not in seen, "the address can be read on the screen"
        while wanted and wanted in seen:
            seen = seen.partition(wanted)[2]
            os.write(terminal, f"{answer}\n".encode())
            wanted, answer = next(questions, ("", ""))


@pytest.mark.server
def test_secrets_go_into_the_keyring_where_there_is_one(company: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "kept_in_file.py").write_text(KEYRING)
    place = {"PYTHONPATH": str(tmp_path), "PYTHON_KEYRING_BACKEND": "kept_in_file.Kept"}
    code, _, err = piped(tmp_path, *answers(company), "keyring", **place)
    assert code == 0, err
    assert not (tmp_path / "groundwire.env").exists()
    assert tomllib.loads((tmp_path / "groundwire.toml").read_text())["sources"]["dwh"]["url"] == {"keyring": "DWH_URL"}
    code, _, err = piped(tmp_path, command=("check",), **place)
    assert code == 0, err
    code, _, err = run(tmp_path, command=("check",))
    assert (code, "there is no keyring here" in err) == (2, True)


# -- mistakes --------------------------------------------------------------------------------


def test_a_source_that_does_not_answer_can_be_changed_kept_or_dropped(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "there.sqlite").close()
    wrong, right = f"sqlite:///{tmp_path}/none/none.sqlite", f"sqlite:///{tmp_path}/there.sqlite"
    code, _, err = run(tmp_path, "sql", "crm", wrong, "", "change", "url", right, "")
    assert code == 0, err
    assert "unable to open database file" in err
    assert secrets.read_environment(tmp_path / "groundwire.toml") == {"CRM_URL": right}
    (tmp_path / "groundwire.toml").unlink()
    assert run(tmp_path, "sql", "crm", wrong, "", "keep", "")[0] == 0
    (tmp_path / "groundwire.toml").unlink()
    code, out, err = run(tmp_path, "sql", "crm", wrong, "", "drop", "")
    assert (code, out, "nothing to write" in err) == (0, "", True)


def test_wrong_answers_are_told_and_asked_again(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "there.sqlite").close()
    url = f"sqlite:///{tmp_path}/there.sqlite"
    typed = ("sqll", "sql", "my crm", "crm", "", url, "tiemout", "timeout", "soon", "timeout", "5", "", "")
    code, _, err = run(tmp_path, *typed[:9], "", *typed[9:])
    assert code == 0, err
    for told in (
        "did you mean sql?",
        "letters, digits and underscores",
        "this setting is required",
        "did you mean timeout",
    ):
        assert told in err
    assert "sources.crm.timeout: Input should be a valid number" in err
    assert tomllib.loads((tmp_path / "groundwire.toml").read_text())["sources"]["crm"]["timeout"] == 5


def test_input_that_ends_too_early_writes_nothing(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, "sql", "crm")
    assert (code, out) == (2, "")
    assert "the input ended at 'url, a secret'; nothing was written" in err
    assert not [f for f in tmp_path.iterdir() if f.name.startswith("groundwire")]


def test_a_configuration_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "groundwire.toml"
    file.write_text("# mine")
    code, _, err = run(tmp_path, "sql")
    assert (code, "exists already" in err, file.read_text()) == (2, True, "# mine")


# -- where secrets are kept ------------------------------------------------------------------


def test_secrets_of_any_letters_come_back_and_the_processs_own_environment_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "groundwire.toml"
    values = {"A": 'p\'w $x "q" \\ # ü', "B": "", "C": "x"}
    kept = secrets.write_environment(file, values)
    assert secrets.read_environment(file) == values
    done = subprocess.run(["sh", "-c", f'. {kept}; printf %s "$A"'], capture_output=True, text=True, check=True)
    assert done.stdout == values["A"], "a shell reads it too"
    secrets.write_environment(file, {"C": "y"})
    assert secrets.read_environment(file) == values | {"C": "y"}
    file.write_text('[sources.m]\ntype = "memory"\na = "${A}"\nb = { env = "C" }\n')
    settings = config.load(file, {"C": "mine"}).sources["m"].settings
    assert settings == {"a": values["A"], "b": "mine"}
    with pytest.raises(ConfigError, match=r"sources\.m\.a: environment variable NONE is not set"):
        config.parse({"sources": {"m": {"type": "memory", "a": {"env": "NONE"}}}}, base=tmp_path)


def test_an_environment_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "groundwire.toml"
    file.write_text("")
    secrets.write_environment(file, {"A": "s3cret"}).chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        Hub.from_config(file)


@pytest.mark.parametrize("line", ["A", "A='x", "A=b c", "9=x", "=x"])
def test_a_line_that_is_none_is_named_without_what_it_holds(tmp_path: Path, line: str) -> None:
    file = tmp_path / "groundwire.toml"
    secrets.environment_file(file).write_text(f"# words\n\nexport OK=1\n{line}\n")
    secrets.environment_file(file).chmod(0o600)
    with pytest.raises(ConfigError, match="line 4: "):
        secrets.read_environment(file)
