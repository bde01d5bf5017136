"""Where an installation connects, and what it refuses to connect to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_cli_policy import Shell

from groundwire import Hub
from groundwire.core.config import parse
from groundwire.core.outbound import addresses

SECRET = "canary-secret-55"


def _config(folder: Path, text: str) -> Path:
    file = folder / "groundwire.toml"
    file.write_text(text)
    return file


def test_every_address_of_the_configuration_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMQP_URL", raising=False)
    monkeypatch.setenv("REDIS_URL", f"redis://:{SECRET}@queue.example:6390/0")
    settings: dict[str, Any] = {
        "sources": {
            "dwh": {"type": "sql", "url": f"postgresql+psycopg://gw:{SECRET}@db.example/x"},
            "local": {"type": "sql", "url": f"sqlite:///{tmp_path}/x.sqlite"},
            "crm": {"type": "salesforce", "username": "u", "password": SECRET},
            "sap": {
                "type": "odata",
                "url": "https://sap.example:8443/v4",
                "client_id": "c",
                "client_secret": SECRET,
                "tenant": "t1",
            },
            "hub": {"type": "hubspot", "token": SECRET},
        },
        "cache": {"url": "rediss://cache.example/1"},
        "model": {"name": "openai:x", "options": {"base_url": "http://127.0.0.1:8000/v1"}},
    }
    with Hub.from_parsed(parse(settings, base=tmp_path)) as hub:
        found = {f"{a.purpose} {a} {a.encrypted}" for a in addresses(hub.config, hub.connectors.values())}
    assert found == {
        "sources.dwh db.example:5432 None",
        "sources.crm login.salesforce.com:443 True",
        "sources.sap sap.example:8443 True",
        "sources.sap login.microsoftonline.com:443 True",
        "sources.hub api.hubapi.com:443 True",
        "cache cache.example:6379 True",
        "worker queue.example:6390 False",
        "model 127.0.0.1:8000 False",
    }


def test_offline_nothing_but_configured_addresses_is_contacted(tmp_path: Path) -> None:
    """In a process of its own: what is refused once stays refused."""
    _config(
        tmp_path,
        'offline = true\n[sources.api]\ntype = "odoo"\nurl = "http://127.0.0.1:1"\ndatabase = "d"\nusername = "u"\napi_key = "p"\n',
    )
    program = """
import socket, urllib.request, httpx
from groundwire import Hub
from groundwire.core.errors import SourceError
def tried(what):
    try: what()
    except Exception as error: return f"{type(error).__name__}: {error}"
    return "connected"
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
print(tried(lambda: socket.create_connection(("127.0.0.1", port), 1)))
hub = Hub.from_config()
print(tried(lambda: hub.catalog))
print(tried(lambda: socket.create_connection(("127.0.0.1", port), 1)))
print(tried(lambda: socket.create_connection(("localhost", port), 1)))
print(tried(lambda: httpx.get(f"http://127.0.0.1:{port}")))
print(tried(lambda: urllib.request.urlopen("http://exfiltrate.example/")))
print(tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port))))
print(tried(lambda: socket.create_connection(("127.0.0.1", 1), 1)))
"""
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    before, source, number, name, library, look_up, datagram, own = ran.stdout.splitlines()
    assert before == "connected", ran.stderr
    assert "offline" not in source and "api" in source, "its own source is only not there"
    for refused in (number, name, library, look_up, datagram):
        assert "no configured address (offline = true)" in refused
    assert own.startswith("ConnectionRefusedError")


def test_doctor_says_where_it_connects_and_who_can_read_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("AMQP_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    secret = tmp_path / "password"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    text = '[sources.api]\ntype = "odoo"\nurl = "http://erp.example"\ndatabase = "d"\nusername = "u"\napi_key = { file = "password" }\n'
    file = _config(tmp_path, text)
    file.chmod(0o644)
    shell = Shell(tmp_path)
    code, out, _ = shell.run("doctor")
    assert code == 3 and SECRET not in out
    assert f"PROBLEM files: others can read a secret: {secret} (chmod go-rwx {secret})" in out
    assert "PROBLEM outbound: sources.api: erp.example:80, not encrypted" in out
    assert "warning policy: there is no policy" in out and "warning audit: nothing is recorded" in out
    assert f"Python {sys.version.split()[0]}, groundwire " in out
    os.chmod(secret, 0o600)  # noqa: PTH101
    _config(tmp_path, 'offline = false\n[audit]\npath = "audit.jsonl"\nkey = "k"\n' + text.replace("http:", "https:"))
    code, out, _ = shell.run("doctor", "--json")
    found = json.loads(out)
    assert code == 0 and {f["level"] for f in found} == {"ok", "warning"}
    assert any(f["text"] == "sources.api: erp.example:443, encrypted" for f in found)
