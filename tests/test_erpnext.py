"""ERPNext, against a sandbox of Frappe's REST API: what is asked, what is told, and the traps of the framework."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing

import pytest
from erpnext_sandbox import KEY, SECRET, ERPNextSandbox
from json_server import Reply
from pydantic import SecretStr, ValidationError
from test_conformance_erpnext import METAS, NOW, connected, invoices, sandbox_with

from groundwire import Hub
from groundwire.connectors.erpnext import ERPNextSettings
from groundwire.core.connector import Comparison, Pushdown
from groundwire.core.errors import AuthFailed, RateLimited, Rejected, SourceError, Unavailable


@pytest.fixture
def sandbox() -> Iterator[ERPNextSandbox]:
    with sandbox_with(invoices()) as running:
        yield running


@pytest.fixture
def hub(sandbox: ERPNextSandbox) -> Iterator[Hub]:
    with Hub([connected(sandbox.url, page_rows=100)]) as made:
        yield made


def _asked(sandbox: ERPNextSandbox, ending: str) -> int:
    return sum(r.path.endswith(ending) for r in sandbox.requests)


def test_it_says_what_it_is_and_who_asks(hub: Hub) -> None:
    (status,) = hub.check()
    assert status.ok, status.message
    assert status.message == "Frappe Framework 15.80.0, ERPNext 15.70.1, user reader@example.com"


def test_labels_choices_links_and_child_tables_are_those_of_the_doctypes(hub: Hub) -> None:
    assert {e.name for e in hub.catalog} == {"customer", "sales_invoice", "sales_invoice.items"}
    invoice, items = hub.catalog.entity("erp.sales_invoice"), hub.catalog.entity("erp.sales_invoice.items")
    assert invoice.field("status").values == ("Draft", "Unpaid", "Paid")
    assert invoice.field("due_date").label == "Payment Due Date"
    assert invoice.field("title").description == "What it is about."
    assert invoice.field("docstatus").description == "0 = draft, 1 = submitted, 2 = cancelled"
    assert (invoice.label, items.label, invoice.cursor) == ("Sales Invoice", "Sales Invoice Items", "modified")
    assert hub.catalog.entity("erp.customer").find_field("docstatus") is None, "customers are not submitted"
    assert {(r.name, r.target, r.many) for r in invoice.relations} == {
        ("customer", "erp.customer", False),
        ("items", "erp.sales_invoice.items", True),
    }
    asked = "SELECT COUNT(*) FROM erp.sales_invoice WHERE customer.customer_name = 'Anna & Co'"
    assert hub.query(asked).rows() == [(6,)]
    assert hub.query("SELECT COUNT(*) FROM erp.customer WHERE EXISTS (SELECT 1 FROM sales_invoice)").rows() == [(2,)]
    total = "SELECT SUM(items.qty) FROM erp.sales_invoice WHERE name = 'ACC-SINV-2026-00003'"
    assert hub.query(total).rows()[0][0] == (3 + 28) / 4


def test_virtual_fields_and_those_that_no_role_reads_are_left_out(hub: Hub) -> None:
    names = {f.name for f in hub.catalog.entity("erp.sales_invoice").fields}
    assert "grand_total" in names
    assert not names & {"margin", "qr", "section"}


def test_a_count_leaves_out_what_the_user_may_not_see(sandbox: ERPNextSandbox, hub: Hub) -> None:
    sandbox.hidden = {"ACC-SINV-2026-00001", "ACC-SINV-2026-00002"}
    count = hub.query("SELECT COUNT(*) FROM erp.sales_invoice").rows()
    assert count == [(len(sandbox.records["Sales Invoice"]) - 2,)]
    assert _asked(sandbox, "reportview.get_count") == 1
    assert _asked(sandbox, "client.get_count") == 0


def test_moments_are_those_of_the_sites_time_zone() -> None:
    with sandbox_with(invoices(), zone="Asia/Kolkata") as sandbox, Hub([connected(sandbox.url)]) as hub:
        told = hub.query("SELECT modified FROM erp.sales_invoice WHERE name = 'ACC-SINV-2026-00000'").rows()
        assert told == [(NOW.replace(tzinfo=dt.UTC) - dt.timedelta(hours=5, minutes=30),)]
        since = "TIMESTAMPTZ '2026-03-01 06:30:00.25+00'"
        assert hub.query(f"SELECT name FROM erp.sales_invoice WHERE modified >= {since}").rows() == [
            ("ACC-SINV-2026-00000",)
        ]


def test_an_hour_that_comes_twice_is_compared_here(sandbox: ERPNextSandbox) -> None:
    with closing(connected(sandbox.url, time_zone="Europe/Berlin")) as source:
        (invoice,) = (e for e in source.discover() if e.name == "sales_invoice")

        def told(hour: int) -> Pushdown:
            moment = dt.datetime(2026, 10, 25, hour, 30, tzinfo=dt.UTC)
            return source.supports(invoice, Comparison(field="modified", op=">=", value=moment))

        assert [told(h) for h in (0, 1, 2)] == [Pushdown.EXACT, Pushdown.NONE, Pushdown.EXACT]


def test_the_newest_come_first_in_one_request(sandbox: ERPNextSandbox, hub: Hub) -> None:
    assert hub.catalog
    sandbox.requests.clear()
    newest = hub.query("SELECT name FROM erp.sales_invoice ORDER BY modified DESC LIMIT 3").rows()
    assert newest == [(f"ACC-SINV-2026-{i:05}",) for i in range(3)]
    (asked,) = sandbox.requests
    assert (asked.query["order_by"], asked.query["limit_page_length"]) == ("modified desc", "3")


def test_conditions_too_long_for_an_address_are_posted(sandbox: ERPNextSandbox, hub: Hub) -> None:
    names = [f"'{'x' * 60}{i}'" for i in range(150)]
    listed = ", ".join([*names, "'ACC-SINV-2026-00004'"])
    assert hub.query(f"SELECT docstatus FROM erp.sales_invoice WHERE name IN ({listed})").rows() == [(1,)]
    assert _asked(sandbox, "frappe.client.get_list") == 1


# -- changes ---------------------------------------------------------------------------------


def test_deletions_are_those_of_deleted_document_and_renamed_records_are_compared(sandbox: ERPNextSandbox) -> None:
    with closing(connected(sandbox.url)) as source:
        found = {e.name: e for e in source.discover()}
        since = source.clock()
        assert since is not None
        early = sandbox.delete("Sales Invoice", since.replace(tzinfo=None) - dt.timedelta(days=2))
        gone = sandbox.delete("Sales Invoice", since.replace(tzinfo=None) + dt.timedelta(seconds=1))
        told = source.deleted(found["sales_invoice"], since)
        assert told is not None
        assert told.keys == ((gone,),)
        assert early != gone
        assert source.deleted(found["sales_invoice"], since - dt.timedelta(days=100)) is None
        assert source.deleted(found["customer"], since) is None, "a customer may have got another name"
        assert source.deleted(found["sales_invoice.items"], since) is None, "rows leave no trace"
        sandbox.manager = False
        assert source.deleted(found["sales_invoice"], since) is None, "only System Managers may read them"


# -- who asks, and what goes wrong -----------------------------------------------------------


def test_doctypes_that_may_not_be_read_or_listed_are_told(sandbox: ERPNextSandbox) -> None:
    with closing(connected(sandbox.url, doctypes=())) as everything:
        assert {e.name for e in everything.discover()} == {"customer", "sales_invoice", "sales_invoice.items"}
        sandbox.manager = False
        with pytest.raises(Rejected, match="name them in `doctypes`"):
            everything.discover()
    sandbox.forbidden = {"Sales Invoice"}
    with closing(connected(sandbox.url)) as named, pytest.raises(Rejected, match="role permission for Sales Invoice"):
        named.discover()
    usual = ERPNextSettings(url=sandbox.url, api_key=SecretStr(KEY), api_secret=SecretStr(SECRET))
    with closing(type(named)("erp", usual)) as by_default:
        assert [e.name for e in by_default.discover()] == ["customer"], "what is there and may be read"
    single = connected(sandbox.url, doctypes=("Accounts Settings",))
    with closing(single), pytest.raises(Rejected, match="no records of its own"):
        single.discover()


def test_a_key_that_is_not_accepted_is_told_without_it(sandbox: ERPNextSandbox) -> None:
    wrong = connected(sandbox.url, api_secret=SecretStr("wr0ng-s3cret"))
    with closing(wrong), pytest.raises(AuthFailed, match="AuthenticationError") as caught:
        wrong.discover()
    assert "wr0ng" not in str(caught.value)


def test_errors_are_told_in_frappes_words_and_without_its_traceback(sandbox: ERPNextSandbox, hub: Hub) -> None:
    assert hub.catalog
    sandbox.forbidden = {"Sales Invoice"}
    with pytest.raises(Rejected) as caught:
        hub.query("SELECT name FROM erp.sales_invoice")
    assert "PermissionError: User reader@example.com does not have access" in str(caught.value)
    assert "<b>" not in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (429, "RateLimitExceededError", RateLimited),
        (500, "QueryDeadlockError", Unavailable),
        (503, "SessionStopped", Unavailable),
        (417, "ValidationError", Rejected),
        (500, "NameError", Unavailable),
    ],
)
def test_each_exception_is_the_right_error(
    sandbox: ERPNextSandbox, status: int, name: str, kind: type[SourceError]
) -> None:
    body = {"exc_type": name, "exception": f"frappe.exceptions.{name}: it went wrong"}
    sandbox.answer = lambda _: Reply(status=status, json=body)
    with closing(connected(sandbox.url)) as source, pytest.raises(kind, match=f"{name}: it went wrong"):
        source.discover()


def test_a_time_zone_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="Europe/Berlin"):
        ERPNextSettings(url="http://x", api_key=SecretStr("k"), api_secret=SecretStr("s"), time_zone="Berlin")


def test_a_site_that_does_not_tell_its_time_zone_needs_the_setting() -> None:
    with sandbox_with(invoices(), zone="") as sandbox:
        with closing(connected(sandbox.url)) as source, pytest.raises(Rejected, match="write `time_zone`"):
            source.discover()
        with closing(connected(sandbox.url, time_zone="UTC")) as source:
            assert len(source.discover()) == 3


def test_doctypes_of_one_short_name_keep_apart() -> None:
    metas = {n: {**METAS["Customer"], "name": n, "fields": []} for n in ("Sales-Person", "Sales Person")}
    rows = {n: [] for n in metas}
    with ERPNextSandbox(metas, rows) as sandbox, closing(connected(sandbox.url, doctypes=tuple(metas))) as source:
        assert [e.name for e in source.discover()] == ["sales_person", "Sales Person"]
