"""Actions in Tryton, on a real server: its own lock, its buttons, and notes that are found again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundwire import Hub
from groundwire.connectors.tryton import TrytonConnector
from groundwire.core.config import parse
from groundwire.core.errors import ActionError, Unavailable
from groundwire.demo.tryton_server import TrytonServer

pytestmark = [pytest.mark.server, pytest.mark.timeout(420)]


@pytest.fixture
def erp(tryton_server: TrytonServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    source = {
        "type": "tryton",
        "url": tryton_server.url,
        "database": tryton_server.database,
        "username": tryton_server.username,
        "password": tryton_server.password,
        "models": ["party.party", "sale.sale", "sale.line"],
        "actions": dict.fromkeys(("advance_sale", "set_reference", "post_note"), True),
    }
    settings = {"sources": {"erp": source}, "audit": {"path": "audit.jsonl"}, "cache": {"enabled": False}}
    with Hub.from_parsed(parse(settings, base=tmp_path)) as hub:
        yield hub


def _call(hub: Hub, method: str, *parameters: Any) -> Any:
    connector = hub.connectors["erp"]
    assert isinstance(connector, TrytonConnector)
    return connector._call(method, *parameters, connector._user_context())


def _copy(hub: Hub) -> int:
    """A draft of this test's own, made of a sale that has lines."""
    (sale,) = hub.query("SELECT MAX(sale) FROM erp.sale.line").rows()[0]
    (made,) = _call(hub, "model.sale.sale.copy", [sale], {})
    return int(made)


def _sale(hub: Hub, number: int) -> dict[str, Any]:
    (found,) = _call(hub, "model.sale.sale.read", [number], ["state", "reference", "_timestamp"])
    return dict(found)


def test_a_draft_becomes_a_quotation(erp: Hub) -> None:
    number = _copy(erp)
    proposal = erp.actions.propose("erp.advance_sale", {"sale": str(number), "to": "quotation"})
    assert [(c.field, c.before, c.after) for c in proposal.changes] == [("state", "draft", "quotation")]
    assert _sale(erp, number)["state"] == "draft"
    done = erp.actions.approve(proposal.id)
    assert done.state == "done", done.outcome
    assert _sale(erp, number)["state"] == "quotation"
    with pytest.raises(ActionError, match="only one that is draft can become cancelled"):
        erp.actions.propose("erp.advance_sale", {"sale": str(number), "to": "cancelled"})


@pytest.mark.parametrize("action", ["advance_sale", "set_reference"])
def test_tryton_itself_refuses_to_change_a_sale_that_has_changed(erp: Hub, action: str) -> None:
    number = _copy(erp)
    given = {"advance_sale": {"to": "quotation"}, "set_reference": {"reference": "PO-1"}}[action]
    proposal = erp.actions.propose(f"erp.{action}", {"sale": str(number), **given})
    _call(erp, "model.sale.sale.write", [number], {"reference": "by somebody else"})
    ended = erp.actions.approve(proposal.id)
    assert ended.state == "not done", ended.outcome
    now = _sale(erp, number)
    assert (now["state"], now["reference"]) == ("draft", "by somebody else")


def test_a_note_is_attached_to_the_record_that_is_named(erp: Hub) -> None:
    ((name, number),) = erp.query("SELECT name, id FROM erp.party.party ORDER BY id LIMIT 1").rows()
    proposal = erp.actions.propose("erp.post_note", {"about": f"party.party/{number}", "text": "Called.\nIs happy."})
    assert proposal.record == ("erp.party.party", {"id": number}) and name
    done = erp.actions.approve(proposal.id)
    assert done.state == "done", done.outcome
    assert done.result_key is not None
    (note,) = _call(erp, "model.ir.note.read", [done.result_key["id"]], ["message", "resource"])
    assert note["resource"] == f"party.party,{number}"
    assert note["message"].startswith("Called.\nIs happy.\n\n(groundwire ")


@pytest.mark.parametrize("action", ["advance_sale", "set_reference", "post_note"])
def test_an_answer_that_gets_lost_is_looked_up_and_nothing_is_sent_again(
    erp: Hub, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = _copy(erp)
    given = {
        "advance_sale": {"sale": str(number), "to": "quotation"},
        "set_reference": {"sale": str(number), "reference": "PO-2"},
        "post_note": {"about": f"sale.sale/{number}", "text": "once"},
    }[action]
    proposal = erp.actions.propose(f"erp.{action}", given)
    kind = type(erp._whole._acting[1][f"erp.{action}"])
    perform, sent = kind.perform, []

    def lost(self: Any, *what: Any) -> Any:
        sent.append(perform(self, *what))
        raise Unavailable("the answer broke off", source="erp")

    monkeypatch.setattr(kind, "perform", lost)
    found = erp.actions.approve(proposal.id)
    assert found.state == "done" and "found at the source afterwards" in found.outcome, found.outcome
    assert erp.actions.approve(proposal.id).state == "done" and len(sent) == 1
