"""The files in examples/deploy are what they claim: checked by the tools that read them, where these are installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from groundwire.core import config

DEPLOY = Path(__file__).parent.parent / "examples" / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
ENVIRONMENT = {
    "CRM_URL": "postgresql://crm.example/crm",
    "REPLICAS_URL": "postgresql+psycopg://groundwire:secret@replicas:5432/groundwire",
    "CACHE_URL": "redis://redis:6379/0",
    "BROKER_URL": "redis://redis:6379/1",
    "MODEL_URL": "http://model:8000/v1",
    "MODEL_NAME": "default",
    "MODEL_KEY": "none",
    "SERVE_TOKEN": "a-token-of-many-letters",
    "SERVE_HOST": "groundwire.example.com",
    "METRICS": "127.0.0.1:9464",
}


def test_the_configuration_is_valid_and_every_variable_is_given_by_the_compose_file() -> None:
    found = config.load(DEPLOY / "groundwire.toml", ENVIRONMENT)
    assert found.telemetry.enabled and found.serve.questions == 8
    used = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "groundwire.toml").read_text()))
    given = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["x-groundwire"]["environment"]
    assert used == set(given) == set(ENVIRONMENT)


def test_compose_reads_its_file() -> None:
    tool = shutil.which("docker-compose")
    if tool is None:
        pytest.skip("docker-compose is not installed")
    given = {"PATH": os.environ["PATH"], "CRM_URL": "x", "SERVE_TOKEN": "y", "POSTGRES_PASSWORD": "z"}
    command = [tool, "-f", str(DEPLOY / "compose.yaml"), "config", "-q"]
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    del given["SERVE_TOKEN"]
    assert subprocess.run(command, env=given, capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_systemd_reads_its_units(unit: Path, tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    text = unit.read_text()
    program = re.search(r"^ExecStart=(\S+)", text, re.MULTILINE)
    assert program is not None
    file = tmp_path / unit.name.replace("@", "@8081")
    file.write_text(text.replace(program[1], sys.executable))  # what it starts is not on this machine
    done = subprocess.run([tool, "verify", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_the_proxy_reads_its_file(tmp_path: Path) -> None:
    tool = shutil.which("nginx")
    if tool is None:
        pytest.skip("nginx is not installed")
    text = (DEPLOY / "nginx.conf").read_text().replace("server serve:", "server 127.0.0.1:")
    file = tmp_path / "nginx.conf"
    file.write_text(text.replace("/tmp/nginx.pid", str(tmp_path / "pid")))
    done = subprocess.run(
        [tool, "-t", "-c", str(file), "-p", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_units_and_containers_start_commands_that_exist() -> None:
    from typer.main import get_command

    from groundwire.agents.cli import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    started = {services[name]["command"][0] for name in ("serve", "worker")}
    for unit in UNITS:
        started |= set(re.findall(r"^ExecStart=\S+/groundwire (\w+)", unit.read_text(), re.MULTILINE))
    assert started == {"serve", "worker"} <= set(commands)
