"""Planted secrets are in nothing that a run leaves or shows: logs, prompts, audit, caches, copies, catalogs, proposals, repr."""

from __future__ import annotations

import logging
import os
import traceback
from pathlib import Path
from typing import Any

import planted
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from odoo_sandbox import DATABASE, KEY, USER
from odoo_writing import WritingOdoo

from groundwire import Hub
from groundwire.agents.action_tools import propose_tools
from groundwire.agents.agent import Agent
from groundwire.agents.tools import make_tools
from groundwire.core import config
from groundwire.core.doctor import examined
from groundwire.core.errors import GroundwireError
from groundwire.core.sync import Syncer
from groundwire.demo.salesforce_sandbox import SalesforceSandbox

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
PLANTED = {n: f"canary-{n}-55f1" for n in ("mask", "audit", "mcp", "broker", "model")}


class Reading(BaseChatModel):
    """Asks one query, and keeps all that it reads."""

    read: list[str] = []  # noqa: RUF012

    @property
    def _llm_type(self) -> str:
        return "reading"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        self.read.extend(f"{t.name} {t.description} {t.args}" for t in tools)
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self.read.extend(m.text for m in messages)
        message = AIMessage(content="There are 12 users.")
        if not isinstance(messages[-1], ToolMessage):
            sql = "SELECT COUNT(*) AS users FROM crm.User"
            message = AIMessage(content="", tool_calls=[{"name": "query", "args": {"sql": sql}, "id": "q"}])
        return ChatResult(generations=[ChatGeneration(message=message)])


def _told(work: Any) -> str:
    """What it gives, or the whole traceback of the error that it ends in, as a crash prints it."""
    try:
        return repr(work())
    except GroundwireError as error:
        return "".join(traceback.format_exception(error)) + repr(error)


def test_no_planted_secret_is_in_anything_that_a_run_leaves_or_shows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    for place in ("XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(place, str(tmp_path / "left"))
    monkeypatch.setattr(config, "cache_folder", lambda: tmp_path / "left" / "cache")
    with WritingOdoo(17) as odoo, SalesforceSandbox() as crm:
        settings: dict[str, Any] = {
            "sources": {
                "crm": {
                    "type": "salesforce",
                    "url": crm.url,
                    "client_id": crm.client_id,
                    "client_secret": crm.client_secret,
                    "objects": ["Account", "User"],
                    "entities": {"User": {"replica": True}},
                },
                "erp": {
                    "type": "odoo",
                    "url": odoo.url,
                    "database": DATABASE,
                    "username": USER,
                    "api_key": KEY,
                    "models": ["crm.lead", "res.partner"],
                    "actions": {"post_note": True, "update_stage": True},
                },
            },
            "policy": {
                "mask_key": PLANTED["mask"],
                "roles": {
                    "all": {"allow": ["*"], "propose": ["*"], "approve": ["*"], "masks": {"crm.User.Email": "hash"}}
                },
                "principals": {"ann": {"roles": ["all"]}},
            },
            "audit": {"path": str(tmp_path / "left" / "audit.jsonl"), "key": PLANTED["audit"]},
            "mcp": {"token": PLANTED["mcp"] + "-long-enough"},
            "worker": {"broker": f"amqp://u:{PLANTED['broker']}@127.0.0.1:1//"},
            "model": {"name": "openai:x", "options": {"api_key": PLANTED["model"]}},
        }
        shown: list[str] = []
        model = Reading(read=[])
        with Hub.from_parsed(config.parse(settings, base=tmp_path)) as whole:
            (tmp_path / "left").mkdir(exist_ok=True)
            secrets = [*PLANTED.values(), KEY, crm.client_secret]
            ann = whole.as_principal("ann")
            for sql in (
                "SELECT Name, Email FROM crm.User",
                "SELECT name FROM erp.res.partner",
                "SELECT nothing FROM crm.User",
                f"SELECT '{KEY}' AS k FROM crm.User LIMIT 1",
            ):
                told = _told(lambda s=sql: ann.query(s, max_age="1h").to_json())  # type: ignore[misc]
                shown += [] if KEY in sql else [told]
            shown.append(_told(lambda: ann.explain("SELECT Name FROM crm.User")))
            shown.append(_told(lambda: Agent(ann, model).ask("How many users are there?").to_dict()))
            shown += [f"{t.name} {t.description} {t.args}" for t in [*make_tools(ann), *propose_tools(ann)]]
            proposal = ann.actions.propose("erp.update_stage", {"lead": "1", "stage": "Won"})
            shown.append(_told(lambda: ann.actions.approve(proposal.id).to_dict()))
            shown.append(_told(lambda: Syncer(whole, whole.replicas).sync("crm.User")))
            shown += [_told(whole.check), *(repr(f) for f in examined(whole)), repr(whole.config), repr(ann)]
            shown += [repr(c) + repr(c.settings) + repr(vars(c).get("_credentials")) for c in whole.connectors.values()]
            secrets += crm.sessions
            crm.sessions.clear()
            crm.client_secret = "another"
            shown.append(_told(lambda: ann.query("SELECT Name FROM crm.Account", max_age=0)))
            cache = whole.cache
            assert cache is not None
            shown.append(whole._identity("crm") + whole._identity("erp"))
        shown += model.read
        assert len(model.read) > 3 and any("12" in text for text in shown)
    files = [f for f in tmp_path.rglob("*") if f.is_file()]
    assert {f.suffix for f in files} >= {".sqlite", ".jsonl", ".gz", ".head"}, (
        "the trail, copies, fragments and catalogs"
    )
    left = {str(f): _content(f) for f in files}
    for secret in secrets:
        for where, text in [*left.items(), ("log", caplog.text), *((f"shown {i}", t) for i, t in enumerate(shown))]:
            assert secret not in text, f"{where}: {text[max(0, text.index(secret) - 200) : text.index(secret) + 40]!r}"
        assert all(secret not in str(f) for f in files)


def _content(file: Path) -> str:
    """A file's text, unpacked where it is packed."""
    import gzip

    data = file.read_bytes()
    if file.suffix == ".gz":
        data = gzip.decompress(data)
    return data.decode("utf-8", "replace")


def test_a_secret_that_any_test_leaves_is_found(
    tmp_path: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "canary-" + "secret-1"  # not in one piece: this test's own folder is looked through too
    (tmp_path / "kept.toml").write_text(f"key = '{secret}'")
    assert planted.in_files(tmp_path) == []
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")])))
    pytester.makepyfile(
        """
        SECRET = "canary-" + "secret-1"
        def test_that_writes(tmp_path): (tmp_path / "audit.jsonl").write_text(SECRET)
        def test_that_names(tmp_path): (tmp_path / SECRET).touch()
        def test_that_prints(): print(SECRET)
        def test_that_logs(caplog):
            import logging
            logging.getLogger("x").error(SECRET)
        def test_that_keeps(tmp_path): (tmp_path / "groundwire.toml").write_text(SECRET)
        """
    )
    pytester.runpytest_subprocess("-p", "planted", "--tb=no", "-rN").assert_outcomes(passed=1, failed=4)
