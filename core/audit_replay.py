"""A recorded query asked again, and what is different now: the data, its age, the policy, the catalog, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from groundwire.core.audit_record import digest_of
from groundwire.core.errors import GroundwireError, QueryError

if TYPE_CHECKING:
    from groundwire.core.hub import Hub


def replayed(hub: Hub, record: Mapping[str, Any]) -> list[str]:
    """Ask a recorded query again, as whoever asked it, and say what changed and why; empty if nothing did.

    Args:
        hub: of no principal, where there is a policy.
        record: of kind `query`.

    Raises:
        QueryError: the record is of another kind.
        PolicyError: whoever asked is no configured principal any more.
    """
    if record.get("kind") != "query":
        raise QueryError(f"record {record.get('n')} is no query")
    asker = hub.as_principal(record["principal"]) if record.get("principal") is not None else hub
    asked = dict(record["asked"])
    changes = []
    before = record.get("policy")
    rights = asker.rights
    if (before or {}).get("digest") != (None if rights is None else rights.digest):
        changes.append("the policy: what the asker may see is not what it was")
    try:
        result = asker.query(asked.pop("sql"), **asked)
    except GroundwireError as error:
        if record.get("error") != type(error).__name__:
            changes.append(f"it is not answered now: {error}")
        return changes
    if "error" in record:
        return [*changes, f"it was not answered then: {record['error']}: {record['message']}"]
    if result.query != record["bound"]:
        changes.append(f"the catalog: the query is understood as {result.query}, and was as {record['bound']}")
    if result.complete != record["complete"]:
        words = {True: "complete", False: "not complete"}
        changes.append(f"completeness: {words[result.complete]} now, {words[record['complete']]} then")
    if digest_of(result) != record["digest"]:
        then = f"{record['rows']:,} rows as of {record['as_of']}"
        now = f"{len(result):,} as of {result.as_of.isoformat() if result.as_of else None}"
        changes.append(f"the data: {then} then, {now} now" + _by_source(record, result.sources))
    return changes


def _by_source(record: Mapping[str, Any], sources: Any) -> str:
    """Which sources gave another number of records."""
    before: dict[str, int] = {}
    for s in record["sources"]:
        before[s["source"]] = before.get(s["source"], 0) + s["rows"]
    now: dict[str, int] = {}
    for s in sources:
        now[s.source] = now.get(s.source, 0) + s.rows
    told = [
        f"{n} gave {now.get(n, 0):,}, not {before.get(n, 0):,}"
        for n in {**before, **now}
        if now.get(n) != before.get(n)
    ]
    return f" ({'; '.join(told)})" if told else ""
