"""Secrets are changed while a process runs, at a real server and at a sandbox, and it goes on without a restart."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from groundwire import Hub
from groundwire.core import rotation
from groundwire.core.errors import AuthFailed, SourceError
from groundwire.demo.salesforce_sandbox import SalesforceSandbox

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def _write(file: Path, text: str) -> None:
    """In one piece, as whoever rotates secrets does."""
    partial = file.with_suffix(".part")
    partial.write_text(text)
    partial.chmod(0o600)
    partial.replace(file)


@pytest.fixture
def sandbox() -> Iterator[SalesforceSandbox]:
    with SalesforceSandbox() as running:
        yield running


def _changed(sandbox: SalesforceSandbox) -> None:
    """What the vendor does when a secret is rotated: old sessions end, the old secret is refused."""
    sandbox.client_secret = uuid.uuid4().hex
    sandbox.sessions.clear()


TOML = """
[sources.crm]
type = "salesforce"
url = "{url}"
client_id = "groundwire-demo"
client_secret = {secret}
objects = ["User"]
[audit]
path = "audit.jsonl"
"""
COUNT = "SELECT COUNT(*) FROM crm.User"


@pytest.mark.parametrize("kind", ["file", "environment file"])
def test_a_new_secret_is_taken_up_when_the_old_one_is_refused(
    kind: str, sandbox: SalesforceSandbox, tmp_path: Path
) -> None:
    if kind == "file":
        told, secret = '{ file = "secret" }', tmp_path / "secret"
        form = "{}"
    else:
        told, secret = '"${GW_ROTATED}"', tmp_path / "groundwire.env"
        form = "GW_ROTATED='{}'\n"
    (tmp_path / "groundwire.toml").write_text(TOML.format(url=sandbox.url, secret=told))
    _write(secret, form.format(sandbox.client_secret))
    with Hub.from_config(tmp_path / "groundwire.toml") as hub:
        assert hub.query(COUNT).rows() == [(12,)]
        old = sandbox.client_secret
        _changed(sandbox)
        with pytest.raises(AuthFailed):
            hub.query(COUNT)
        _write(secret, form.format(sandbox.client_secret))
        assert hub.query(COUNT).rows() == [(12,)]
        assert hub.query("SELECT Name FROM crm.User WHERE Id IS NOT NULL").complete
        trail = (tmp_path / "audit.jsonl").read_text()
        hub.query(f"SELECT '{sandbox.client_secret}', '{old}'")
        assert sandbox.client_secret not in trail + (tmp_path / "audit.jsonl").read_text(), (
            "the new one is a secret too"
        )


def test_a_new_secret_is_taken_up_by_its_time_before_the_old_one_ends(
    sandbox: SalesforceSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "LOOKS", 0.0)
    (tmp_path / "groundwire.toml").write_text(TOML.format(url=sandbox.url, secret='{ file = "secret" }'))
    _write(tmp_path / "secret", sandbox.client_secret)
    with Hub.from_config(tmp_path / "groundwire.toml") as hub:
        hub.query(COUNT)
        first = hub.connectors["crm"]
        hub.query(COUNT)
        assert hub.connectors["crm"] is first, "nothing has changed"
        sandbox.client_secret = uuid.uuid4().hex
        _write(tmp_path / "secret", sandbox.client_secret)
        assert hub.query(COUNT).rows() == [(12,)]
        assert hub.connectors["crm"] is not first


def test_a_wrong_new_secret_replaces_nothing_and_is_sent_once(
    sandbox: SalesforceSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "LOOKS", 0.0)
    (tmp_path / "groundwire.toml").write_text(TOML.format(url=sandbox.url, secret='{ file = "secret" }'))
    _write(tmp_path / "secret", sandbox.client_secret)
    with Hub.from_config(tmp_path / "groundwire.toml") as hub:
        hub.query(COUNT)
        first = hub.connectors["crm"]
        _write(tmp_path / "secret", "a typing mistake")
        refused: list[float] = []
        issue = sandbox.new_session
        monkeypatch.setattr(sandbox, "new_session", lambda: refused.append(time.monotonic()) or issue())
        for _ in range(3):
            assert hub.query(COUNT).rows() == [(12,)], "the old session still holds"
        os.utime(tmp_path / "secret")
        hub.query(COUNT)
        assert hub.connectors["crm"] is first and refused == []


@pytest.mark.server
def test_the_password_of_a_database_is_changed_under_a_running_hub(mariadb_url: str, tmp_path: Path) -> None:
    user = f"gw_{uuid.uuid4().hex[:10]}"
    url = sa.make_url(mariadb_url)
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")

    def run(statement: str) -> None:
        with admin.connect() as connection:
            connection.exec_driver_sql(statement)

    run("CREATE TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY)")
    run(f"CREATE USER '{user}'@'%%' IDENTIFIED BY 'first'")
    try:
        run(f"GRANT SELECT ON {url.database}.* TO '{user}'@'%%'")
        target = (
            url.set(username=user, password=None).render_as_string().replace(f"{user}@", f"{user}:${{GW_PASSWORD}}@")
        )
        (tmp_path / "groundwire.toml").write_text(f'[sources.db]\ntype = "sql"\nurl = "{target}"\ntimeout = 5\n')
        _write(tmp_path / "groundwire.env", "GW_PASSWORD=first\n")
        with Hub.from_config(tmp_path / "groundwire.toml") as hub:
            assert hub.query("SELECT COUNT(*) FROM db.kept").rows() == [(0,)]
            run(f"ALTER USER '{user}'@'%%' IDENTIFIED BY 'second'")
            run(f"KILL USER '{user}'")
            with pytest.raises(SourceError):
                for _ in range(3):  # a lost connection first, then a refused log-in
                    hub.query("SELECT COUNT(*) FROM db.kept")
                    raise AssertionError("the old password is not accepted any more")
            _write(tmp_path / "groundwire.env", "GW_PASSWORD=second\n")
            assert hub.query("SELECT COUNT(*) FROM db.kept").rows() == [(0,)]
    finally:
        run(f"DROP USER '{user}'@'%%'")
        admin.dispose()


def test_a_hub_that_was_made_in_code_has_nothing_to_look_at(tmp_path: Path) -> None:
    with Hub([]) as hub:
        assert hub.rotate(now=True) == []
