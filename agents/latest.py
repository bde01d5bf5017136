"""Of several records of one thing only the latest: `the latest shipment of each order`.

A small model sorts them, or takes one of all. Where the asker says it, what is shown of such a record becomes the value
that it has in the latest one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from groundwire.agents import naming, ways
from groundwire.agents.wording import Wording, stems
from groundwire.agents.wording import root as base
from groundwire.core.catalog import Entity, Field
from groundwire.core.predicates import conjuncts

_WHICH = r"(?P<which>latest|last|most recent|newest|earliest|first|oldest)"
_ONE = r"(?:each|every|any|that|the|a|per|one)"
_OF_EACH = re.compile(
    rf"\b{_WHICH} (?:(?P<table>\w+) )?(?P<what>\w+)"
    rf"(?: \(by (?P<by>\w+)\)| by (?P<or_by>\w+)| (?:of|from|in) (?P<kept>\w+)(?= (?:for|per) {_ONE} )"
    rf"| (?:with|whose|that) [^.;\n]{{1,40}}?(?= (?:of|for|per) {_ONE} ))?"
    rf" (?:of|for|per) (?:{_ONE} )?(?P<whom>\w+)"
)
_WITH = re.compile(
    rf"\bthe (?P<what>\w+) with the {_WHICH} (?P<by>\w+(?: \w+)?) (?:of|for|per) (?:{_ONE} )?(?P<whom>\w+)",
)
_RECORD = ("record", "row", "entry", "one")
_ONLY = re.compile(r"\b(?:only|just)\b")
_OF_THE = re.compile(r"\b\w+ (?:of|in|from) the $")
"""What is asked for is that of one record."""


@dataclass(frozen=True, kw_only=True)
class _Said:
    """Which one is meant, of what, for each of what, and by which moment, if that is said."""

    first: bool
    what: str
    whom: str
    by: str


def of_each(select: exp.Select, root: Entity, by_name: Mapping[str, Entity], said: Wording) -> bool:
    """Show of each record that others belong to its latest one, where the asker says so; whether he does.

    Args:
        select: a draft that lists records, in place.
        root: where it starts.
        by_name: entities by the names that drafts have for them, in lower case.
        said: the question's words.
    """
    if select.args.get("distinct"):
        return False
    tests = conjuncts(select.args.get("where"))
    latest = [c for c in tests if (s := c.find(exp.Subquery)) and s.find(exp.Max, exp.Min)]
    others = (n for n in select.find_all(exp.AggFunc, exp.Window, exp.Subquery) if not _is_in(n, latest))
    if next(others, None) is not None:
        return False
    for one in _said(said.text):
        relation = next(
            (r for r in root.relations if not r.many and len(r.on) == 1 and _is_called(r.target, one.whom, by_name)),
            None,
        )
        moment = _moment(root, one.by or one.what)
        if relation is None or moment is None or not _names(root, one.what):
            continue
        if latest:  # what says the same in another way, if not for each
            rest = [c for c in tests if not any(c is node for node in latest)]
            select.set("where", exp.Where(this=exp.and_(*rest, copy=False)) if rest else None)
        start = select.args["from_"].this
        of = {r.target for r in root.relations if not r.many}
        whose = next(e for e in by_name.values() if e.full_name == relation.target)
        at = exp.column(exp.to_identifier(moment), *reversed([p.copy() for p in start.parts]))
        key = exp.column(exp.to_identifier(relation.on[0][0]), *reversed([p.copy() for p in start.parts]))
        function = exp.ArgMin if one.first else exp.ArgMax
        keys = 0
        for item in select.selects:
            inner = item.unalias()
            if _is_own(inner, relation.on[0][0], root, by_name) or _belongs(inner, whose, by_name, of):
                keys += 1
                continue
            label = item.alias or inner.name
            made = function(this=inner.copy(), expression=at.copy())
            item.replace(exp.alias_(made, label))
        if not keys:
            select.select(key, append=True, copy=False)
        select.set("order", None)
        if said.limit is None:
            select.set("limit", None)
        return True
    return False


def _is_in(node: exp.Expr, those: Iterable[exp.Expr]) -> bool:
    """Whether it is a part of one of those."""
    return any(node is inner for one in those for inner in one.walk())


def _is_own(node: exp.Expr, field: str, entity: Entity, by_name: Mapping[str, Entity]) -> bool:
    """Whether it is one field of an entity, as it stands."""
    if not isinstance(node, exp.Column) or node.name.lower() != field.lower():
        return False
    return by_name.get(ways.qualifier(node)) is entity


def _said(text: str) -> list[_Said]:
    found = []
    for match in (*_OF_EACH.finditer(text), *_WITH.finditer(text)):
        sentence = text[max(text.rfind(".", 0, match.start()), text.rfind("\n", 0, match.start())) + 1 : match.start()]
        if not _ONLY.search(sentence) and not _OF_THE.search(sentence):
            continue
        parts = match.groupdict()
        by = parts.get("by") or parts.get("or_by") or ""
        first = match["which"] in ("earliest", "first", "oldest")
        what = match["what"]
        if what in _RECORD:  # `the latest record of balances`
            what = parts.get("kept") or parts.get("table") or what
        found.append(_Said(first=first, what=what, whom=match["whom"], by=by))
    return found


def _names(entity: Entity, word: str) -> bool:
    """Whether an entity is called so, at the end of its name."""
    wanted = stems(word)[-1]
    name = entity.name.rpartition(".")[2].lower()
    return wanted in stems(entity.name) or name.endswith(wanted) or wanted in stems(entity.label)


def _is_called(full_name: str, word: str, by_name: Mapping[str, Entity]) -> bool:
    return any(e.full_name == full_name and _names(e, word) for e in by_name.values())


def _moment(entity: Entity, by: str) -> str | None:
    """The moment that tells which one is the latest."""
    moments = [f for f in entity.fields if pa.types.is_temporal(f.type)]
    told = [f for f in moments if by and (f.name.lower() == by or _says(f, entity, by))]
    meant = told or moments
    return meant[0].name if len(meant) == 1 else None


def _says(field: Field, entity: Entity, by: str) -> bool:
    spoken = {base(w) for w in stems(by) if w not in ("time", "date", "at", "on")}
    return bool(spoken & {base(w) for w in stems(naming.bare(field, entity))})


def _belongs(node: exp.Expr, whose: Entity, by_name: Mapping[str, Entity], of: set[str]) -> bool:
    """Whether it says something of what the records belong to, and not of one of them."""
    columns = list(node.find_all(exp.Column))
    places = [by_name.get(ways.qualifier(c)) for c in columns]
    reached = {r.target for r in whose.relations if not r.many} - of
    return bool(places) and all(p is not None and (p is whose or p.full_name in reached) for p in places)
