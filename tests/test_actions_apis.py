"""Actions in Salesforce, by its own client against the sandbox, and in Odoo by both of its APIs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from odoo_sandbox import DATABASE, KEY, USER
from odoo_writing import WritingOdoo

from groundwire import Hub
from groundwire.core.config import parse
from groundwire.core.errors import ActionError, ConfigError
from groundwire.demo.salesforce_sandbox import SalesforceSandbox

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def _open(folder: Path, source: dict[str, Any]) -> Hub:
    settings = {"sources": {"crm": source}, "audit": {"path": "audit.jsonl"}, "cache": {"enabled": False}}
    return Hub.from_parsed(parse(settings, base=folder))


# -- Salesforce --------------------------------------------------------------------------------------


@pytest.fixture
def sandbox() -> Iterator[SalesforceSandbox]:
    with SalesforceSandbox(page_size=300) as running:
        yield running


def _salesforce(sandbox: SalesforceSandbox, **actions: Any) -> dict[str, Any]:
    wanted = actions or dict.fromkeys(("create_task", "update_stage", "post_note"), True)
    return {
        "type": "salesforce",
        "url": sandbox.url,
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "objects": ["Account", "Contact", "Opportunity", "Case", "Task", "User"],
        "actions": wanted,
    }


@pytest.fixture
def crm(sandbox: SalesforceSandbox, tmp_path: Path) -> Iterator[Hub]:
    with _open(tmp_path, _salesforce(sandbox)) as hub:
        yield hub


def _deal(sandbox: SalesforceSandbox) -> dict[str, Any]:
    return next(o for o in sandbox.data["Opportunity"] if o["StageName"] == "Proposal")


def test_salesforce_a_task_is_made_for_the_record_that_is_named(crm: Hub, sandbox: SalesforceSandbox) -> None:
    account, count = sandbox.data["Account"][0], len(sandbox.data["Task"])
    given = {"about": account["Name"], "subject": "Call back", "due": "2026-12-01", "comment": "Ask for Ms Ö."}
    proposal = crm.actions.propose("crm.create_task", given)
    assert proposal.arguments["about"] == f"Account/{account['Id']}"
    assert {c.field: c.after for c in proposal.changes} == {
        "Subject": "Call back",
        "WhatId": account["Id"],
        "Status": "Not Started",
        "Priority": "Normal",
        "ActivityDate": "2026-12-01",
        "Description": "Ask for Ms Ö.",
    }
    assert len(sandbox.data["Task"]) == count
    done = crm.actions.approve(proposal.id)
    made = sandbox.data["Task"][-1]
    assert (done.state, done.result_key) == ("done", {"Id": made["Id"]}) and done.url == f"{sandbox.url}/{made['Id']}"
    assert made["Subject"] == "Call back" and made["ActivityDate"] == dt.date(2026, 12, 1)
    assert made["Description"].startswith("Ask for Ms Ö.\n\n(groundwire ")
    person = sandbox.data["Contact"][3]
    proposal = crm.actions.propose("crm.create_task", {"about": person["Id"], "subject": "x"})
    assert {c.field: c.after for c in proposal.changes}["WhoId"] == person["Id"]


def test_salesforce_an_opportunity_moves_to_another_stage(crm: Hub, sandbox: SalesforceSandbox) -> None:
    deal = _deal(sandbox)
    proposal = crm.actions.propose("crm.update_stage", {"opportunity": deal["Id"], "stage": "negotiation"})
    assert [(c.field, c.before, c.after) for c in proposal.changes] == [("StageName", "Proposal", "Negotiation")]
    assert crm.actions.approve(proposal.id).state == "done" and deal["StageName"] == "Negotiation"
    with pytest.raises(ActionError, match="nothing would change"):
        crm.actions.propose("crm.update_stage", {"opportunity": deal["Id"], "stage": "Negotiation"})
    with pytest.raises(ActionError, match="no stage 'Sold'; there are Prospecting"):
        crm.actions.propose("crm.update_stage", {"opportunity": deal["Id"], "stage": "Sold"})
    with pytest.raises(ActionError, match="there is no record"):
        crm.actions.propose("crm.update_stage", {"opportunity": "006000000000000AAA", "stage": "Proposal"})


def test_salesforce_a_changed_opportunity_is_left_alone_before_and_at_the_server(
    crm: Hub, sandbox: SalesforceSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from groundwire.connectors.salesforce_actions import UpdateStage

    deal = _deal(sandbox)
    first = crm.actions.propose("crm.update_stage", {"opportunity": deal["Id"], "stage": "Closed Won"})
    drafted = deal["SystemModstamp"]
    deal["SystemModstamp"] = drafted + dt.timedelta(seconds=5)
    ended = crm.actions.approve(first.id)
    assert ended.state == "not done" and "has changed since" in ended.outcome
    second = crm.actions.propose("crm.update_stage", {"opportunity": deal["Id"], "stage": "Closed Won"})
    read = UpdateStage._now

    def and_then_changed(self: UpdateStage, *given: Any) -> dict[str, Any]:
        now = read(self, *given)
        deal["SystemModstamp"] += dt.timedelta(seconds=5)  # between the look and the write
        return now

    monkeypatch.setattr(UpdateStage, "_now", and_then_changed)
    ended = crm.actions.approve(second.id)
    assert ended.state == "not done" and "has changed since" in ended.outcome
    assert deal["StageName"] == "Proposal"
    assert sum("PATCH" in r or r.endswith(deal["Id"]) for r in sandbox.requests) >= 1


def test_salesforce_a_note_is_posted(crm: Hub, sandbox: SalesforceSandbox) -> None:
    case = sandbox.data["Case"][0]
    proposal = crm.actions.propose("crm.post_note", {"about": case["Id"], "text": "Customer called.\nIs happy."})
    assert crm.actions.approve(proposal.id).state == "done"
    (post,) = sandbox.data["FeedItem"]
    assert post["ParentId"] == case["Id"] and post["Body"].startswith("Customer called.\nIs happy.\n\n(groundwire ")


@pytest.mark.parametrize("action", ["create_task", "post_note", "update_stage"])
@pytest.mark.parametrize("done", [True, False])
def test_salesforce_an_answer_that_gets_lost_is_looked_up(
    action: str, done: bool, crm: Hub, sandbox: SalesforceSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server hangs up, after it has done what was asked or before."""
    deal = _deal(sandbox)
    given = {
        "create_task": {"about": deal["Id"], "subject": "x"},
        "post_note": {"about": deal["Id"], "text": "x"},
        "update_stage": {"opportunity": deal["Id"], "stage": "Closed Won"},
    }[action]
    proposal = crm.actions.propose(f"crm.{action}", given)
    name = "update" if action == "update_stage" else "create"
    work: Callable[..., Any] = getattr(sandbox.rows, name)
    calls: list[Any] = []

    def hang_up(*given: Any) -> Any:
        calls.append(given)
        if done:
            work(*given)
        raise ConnectionAbortedError

    monkeypatch.setattr(sandbox.rows, name, hang_up)
    monkeypatch.setattr(sandbox.server, "handle_error", lambda *_: None)
    found = crm.actions.approve(proposal.id)
    assert found.state == ("done" if done else "unknown"), found.outcome
    assert len(calls) == 1, "it is sent once"
    assert crm.actions.approve(proposal.id).state == found.state and len(calls) == 1


def test_salesforce_what_is_refused_is_not_done(crm: Hub, sandbox: SalesforceSandbox) -> None:
    deal = _deal(sandbox)
    proposal = crm.actions.propose("crm.update_stage", {"opportunity": deal["Id"], "stage": "Closed Won"})
    from groundwire.demo.crm_data import PICKLISTS

    kept = PICKLISTS["Opportunity", "StageName"]
    PICKLISTS["Opportunity", "StageName"] = ("Proposal",)
    try:
        ended = crm.actions.approve(proposal.id)
    finally:
        PICKLISTS["Opportunity", "StageName"] = kept
    assert ended.state == "not done" and "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" in ended.outcome


def test_settings_of_actions_are_checked(sandbox: SalesforceSandbox, tmp_path: Path) -> None:
    for actions, words in (({"create_tsk": True}, "no such action"), ({"post_note": {"to": "x"}}, "has no settings")):
        with (
            _open(tmp_path, _salesforce(sandbox, **actions)) as hub,
            pytest.raises(ConfigError, match=f"sources.crm.actions.*{words}"),
        ):
            _ = hub.actions


# -- Odoo --------------------------------------------------------------------------------------------

APIS: list[tuple[int, Literal["jsonrpc", "json2"]]] = [(14, "jsonrpc"), (17, "jsonrpc"), (19, "json2")]


@pytest.fixture(params=APIS, ids=lambda p: f"{p[0]} {p[1]}")
def odoo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[WritingOdoo, Hub]]:
    version, api = request.param
    with WritingOdoo(version) as sandbox:
        source = {
            "type": "odoo",
            "url": sandbox.url,
            "database": DATABASE,
            "api": api,
            "username": USER,
            "api_key": KEY,
            "models": ["crm.lead", "res.partner"],
            "actions": dict.fromkeys(("create_activity", "post_note", "update_stage"), True),
        }
        with _open(tmp_path, source) as hub:
            yield sandbox, hub


def test_odoo_an_activity_is_planned_and_found(odoo: tuple[WritingOdoo, Hub]) -> None:
    sandbox, hub = odoo
    given = {"about": "crm.lead/2", "summary": "Call <b>back</b>", "due": "2026-12-01", "comment": "a < b"}
    proposal = hub.actions.propose("crm.create_activity", given)
    assert sandbox.data["mail.activity"] == []
    done = hub.actions.approve(proposal.id)
    (made,) = sandbox.data["mail.activity"]
    assert (done.state, done.result_key) == ("done", {"id": 1})
    assert (made["res_model"], made["res_id"], made["summary"]) == ("crm.lead", 2, "Call <b>back</b>")
    assert made["note"].startswith("<p>a &lt; b</p><p>(groundwire ") and made["date_deadline"] == dt.date(2026, 12, 1)


def test_odoo_a_note_is_text_in_every_version(odoo: tuple[WritingOdoo, Hub]) -> None:
    sandbox, hub = odoo
    proposal = hub.actions.propose("crm.post_note", {"about": "Partner 3", "text": "1 < 2\nsecond line"})
    assert proposal.record == ("crm.res.partner", {"id": 3})
    assert hub.actions.approve(proposal.id).state == "done"
    (made,) = sandbox.data["mail.message"]
    wanted = "1 &lt; 2<br/>second line" if sandbox.version < 17 else "1 < 2\nsecond line"
    assert made["body"].startswith(wanted) and (made["model"], made["res_id"]) == ("res.partner", 3)


def test_odoo_a_lead_moves_to_another_stage_unless_it_has_changed(odoo: tuple[WritingOdoo, Hub]) -> None:
    sandbox, hub = odoo
    lead, other = sandbox.data["crm.lead"][:2]
    proposal = hub.actions.propose("crm.update_stage", {"lead": "Lead 1", "stage": "won"})
    assert [(c.field, c.before, c.after) for c in proposal.changes] == [("stage_id", "New", "Won")]
    assert hub.actions.approve(proposal.id).state == "done" and lead["stage_id"] == 3
    proposal = hub.actions.propose("crm.update_stage", {"lead": "2", "stage": "Won"})
    other.update(priority=2, write_date=other["write_date"] + dt.timedelta(seconds=1))
    ended = hub.actions.approve(proposal.id)
    assert ended.state == "not done" and "has changed since" in ended.outcome and other["stage_id"] == 1
    with pytest.raises(ActionError, match="no stage 'Lost'; there are New, Qualified, Won"):
        hub.actions.propose("crm.update_stage", {"lead": "2", "stage": "Lost"})


@pytest.mark.parametrize("action", ["create_activity", "post_note", "update_stage"])
def test_odoo_an_answer_that_gets_lost_is_looked_up(action: str, odoo: tuple[WritingOdoo, Hub]) -> None:
    sandbox, hub = odoo
    given = {
        "create_activity": {"about": "crm.lead/1", "summary": "x"},
        "post_note": {"about": "crm.lead/1", "text": "x"},
        "update_stage": {"lead": "1", "stage": "Won"},
    }[action]
    proposal = hub.actions.propose(f"crm.{action}", given)
    writes: list[int] = []

    def lost() -> None:
        writes.append(1)
        raise ConnectionAbortedError

    sandbox.after = lost
    sandbox._server.handle_error = lambda *_: None  # type: ignore[method-assign]
    found = hub.actions.approve(proposal.id)
    assert found.state == "done" and "found at the source afterwards" in found.outcome, found.outcome
    assert hub.actions.approve(proposal.id).state == "done" and writes == [1]


def test_no_secret_is_in_what_is_kept_of_a_proposal(odoo: tuple[WritingOdoo, Hub], tmp_path: Path) -> None:
    _, hub = odoo
    proposal = hub.actions.propose("crm.post_note", {"about": "crm.lead/1", "text": "x"})
    hub.actions.approve(proposal.id)
    assert KEY not in json.dumps(hub.actions.get(proposal.id).to_dict())
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes()
    assert KEY not in (tmp_path / "audit.jsonl").read_text()
