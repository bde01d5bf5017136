"""Connectors of others: found by their entry point, listed, checked, and begun by `groundwire new-connector`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from groundwire import ConfigError, Hub
from groundwire.agents.cli import app
from groundwire.agents.new_connector import write_package
from groundwire.core import config

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "examples" / "groundwire-mailbox"
BIN = Path(sys.executable).parent


class Place:
    """A folder in which packages are installed, and processes that find them there beside this environment's."""

    def __init__(self, folder: Path) -> None:
        self.site = folder / "site"
        self.folder = folder
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GROUNDWIRE_")},
            "PYTHONPATH": str(self.site),
            "GROUNDWIRE_CACHE": str(folder / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def install(self, package: Path) -> None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
        copy = self.folder / "sources" / package.name  # setuptools builds in the folder itself
        shutil.copytree(package, copy)
        done = subprocess.run(
            [*command, "--target", str(self.site), str(copy)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def run(self, *command: str, at: Path | None = None) -> tuple[int, str, str]:
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            cwd=at or self.folder,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            timeout=100,
            check=False,
        )
        assert command[0] != "groundwire" or "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    def kit(self, tests: Path) -> str:
        """What a package's own tests say; they must pass."""
        code, out, _ = self.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests))
        assert code == 0, out
        return out


class Site:
    """Where this process finds packages that nobody published."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def offer(self, package: str, points: str, code: str = "") -> None:
        """Metadata as an installer writes it."""
        info = self.folder / f"{package}-0.7.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.7\n")
        (info / "entry_points.txt").write_text(f"[groundwire.connectors]\n{points}\n")
        if code:
            (self.folder / f"{package}.py").write_text(code)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(tmp_path)
    yield Site(tmp_path)
    sys.modules.pop("made", None)


def listed() -> dict[str, dict[str, Any]]:
    done = CliRunner().invoke(app, ["connectors", "--json"])
    assert done.exit_code == 0, done.output
    return {one["type"]: one for one in json.loads(done.stdout)}


def refusal(settings: dict[str, Any]) -> str:
    """What is said of a source with these settings."""
    with pytest.raises(ConfigError) as caught:
        Hub.from_parsed(config.parse({"sources": {"it": settings}}, base=Path())).close()
    return str(caught.value)


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place with the sample package installed."""
    made = Place(tmp_path_factory.mktemp("mail"))
    made.install(SAMPLE)
    yield made


def test_the_sample_package_is_found_by_its_entry_point_and_answers(mail: Place) -> None:
    code, out, err = mail.run("groundwire", "connectors", "mailbox", "--json")
    assert code == 0, err
    (one,) = json.loads(out)
    assert (one["package"], one["version"], one["ok"]) == ("groundwire-mailbox", "0.1.0", True)
    assert one["summary"].startswith("Mail archives")
    assert one["settings"][0] == {"name": "path", "type": "path", "required": True}
    sql = "SELECT sender, COUNT(*) AS mails FROM mail.messages GROUP BY 1 ORDER BY 2 DESC"
    code, out, err = mail.run("groundwire", "query", sql, "--json", at=SAMPLE)
    assert code == 0, err
    assert json.loads(out)["rows"] == [["anna@example.com", 2], ["bo@example.org", 1]]


def test_the_sample_package_passes_the_kit_as_it_is_installed(mail: Place) -> None:
    assert "24 passed" in mail.kit(SAMPLE / "tests")


def test_settings_of_anothers_connector_are_told_as_ones_own(mail: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(mail.site)
    told = refusal({"type": "mailbox", "pth": "x"})
    assert told == "sources.it.pth: unknown setting; did you mean path? Valid settings: charset, path"
    assert refusal({"type": "mailbox"}) == "sources.it.path: this setting is required"
    told = refusal({"type": "mailbx", "path": "x"})
    assert told.startswith("sources.it.type: unknown connector type 'mailbx'; known: mailbox.")


# -- packages that are not whole -------------------------------------------------------------

LAX = """
from pydantic import BaseModel
from groundwire.core.connector import Connector
class Lax(Connector):
    class Settings(BaseModel):
        host: str = ""
    def discover(self): return []
    def scan(self, scan, report): return iter(())
class Bare(Connector):
    def discover(self): return []
    def scan(self, scan, report): return iter(())
class Half(Lax):
    scan = Connector.scan
"""


@pytest.mark.parametrize(
    ("point", "told"),
    [
        ("made:Lax", "it.hots: unknown setting; did you mean host? Valid settings: host"),
        ("made:Bare", "connector 'it' of made has no pydantic model named Settings"),
        ("made:Half", "connector 'it' of made lacks scan"),
        ("made:Missing", "connector 'it' of made can't be loaded: AttributeError"),
        ("made:BaseModel", "names made:BaseModel, which is no groundwire connector"),
        ("no_such_module:It [sdk]", "No module named 'no_such_module'; run: pip install 'made[sdk]'"),
        ("no_such_module:It", "No module named 'no_such_module'; run: pip install --upgrade made"),
        ("not a reference", "connector 'it' of made can't be loaded"),
    ],
)
def test_what_is_wrong_with_anothers_package_is_one_sentence(site: Site, point: str, told: str) -> None:
    site.offer("made", f"it = {point}", LAX)
    assert told in refusal({"type": "it", "hots": "x"})
    one = listed()["it"]
    assert one["ok"] is (point == "made:Lax")
    assert one["ok"] or one["problem"]


def test_a_built_in_type_can_not_be_replaced_and_a_disputed_one_not_be_used(site: Site) -> None:
    site.offer("made", "sql = made:Lax\nit = made:Lax", LAX)
    site.offer("other", "it = made:Lax")
    assert listed()["sql"]["package"] == "groundwire"
    done = CliRunner().invoke(app, ["connectors"])
    assert "made offer 'sql', which is built in" in done.stderr
    assert refusal({"type": "it"}) == "sources.it.type: connector type 'it' is offered by made and other: keep one"


def test_a_driver_that_is_missing_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    monkeypatch.setitem(sys.modules, "oauthlib", None)
    for module in [m for m in sys.modules if m.startswith(("oauthlib.", "groundwire.connectors.netsuite"))]:
        monkeypatch.delitem(sys.modules, module)
    found = listed()
    assert (found["sql"]["ok"], found["sql"]["install"]) == (True, "pip install 'groundwire[mariadb]'")
    assert (found["netsuite"]["ok"], found["netsuite"]["install"]) == (False, "pip install 'groundwire[netsuite]'")
    assert "run: pip install 'groundwire[netsuite]'" in found["netsuite"]["problem"]
    assert found["salesforce"]["install"] is None


# -- a connector of one's own ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["zz", "a_rather_long_name_of_it"])
def test_what_is_written_is_in_form_whatever_its_name(tmp_path: Path, name: str) -> None:
    files = write_package(name, tmp_path / "made")
    assert len(files) == 5
    assert not [f for f in files if "acme" in f.read_text().lower()]
    for lint in (("check",), ("format", "--check")):
        done = subprocess.run([BIN / "ruff", *lint, "--no-cache", "."], cwd=tmp_path / "made", capture_output=True)
        assert done.returncode == 0, done.stdout


def test_a_new_connector_is_installed_and_passes_its_kit(tmp_path: Path) -> None:
    place = Place(tmp_path)
    code, out, err = place.run("groundwire", "new-connector", "my_crm")
    assert code == 0, err
    assert f"groundwire-my-crm{os.sep}groundwire_my_crm.py" in out.splitlines()
    folder = tmp_path / "groundwire-my-crm"
    place.install(folder)
    assert " passed" in place.kit(folder / "tests")
    code, out, err = place.run("groundwire", "connectors", "my_crm")
    assert (code, "required" in out) == (0, True), err
    assert (folder / "tests" / "test_groundwire_my_crm.py").read_text().rstrip().endswith("pass")


@pytest.mark.parametrize(
    ("name", "told"), [("sql", "already"), ("My-CRM", "no name"), ("class", "no name"), ("../x", "no name")]
)
def test_a_name_that_can_not_be_is_refused_and_nothing_written(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        write_package(name, tmp_path / "made")
    assert not list(tmp_path.iterdir())


def test_work_that_was_begun_is_never_overwritten(tmp_path: Path) -> None:
    write_package("my_crm", tmp_path)
    file = tmp_path / "groundwire_my_crm.py"
    file.write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        write_package("my_crm", tmp_path)
    assert file.read_text() == "mine"
