"""By which of several figures a question ranks: `the most orders` by their number, `by total amount` by the sum."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from sqlglot import exp

from groundwire.agents import ways
from groundwire.agents.wording import stems
from groundwire.core.query import DIALECT

_AMOUNT = (
    r"(?:amounts?|values?|revenues?|sales|costs?|prices?|money|turnover|volumes?|income|spend|spending|sums?|totals?"
    r"|fees?|charges?|payments?|earnings)"
)
_HIGHEST = r"(?:highest|largest|biggest|greatest|lowest|smallest)"
_SAID = {
    "count": (r"\bby (?:the |their )?(?:total )?(?:number|count)\b",),
    "average": (r"\bby (?:the |their )?(?:average|mean)\b", rf"\b{_HIGHEST} (?:average|mean)\b"),
    "sum": (
        rf"\bby (?:the |their )?(?!average|mean|number|count)(?:\w+ ){{0,3}}?{_AMOUNT}\b",
        rf"\b(?:most|least) {_AMOUNT}\b",
        rf"\b{_HIGHEST} (?:total|sum|overall)\b",
        r"\b(?:bill|pay|spend|spent|paid|cost|earn|earned|charge|charged|owe|owed) (?:us )?(?:the )?(?:most|least)\b",
    ),
}
"""How a question says what it ranks by."""
_NUMBER_OF = re.compile(r"\bby (?:the |their )?(?:total )?(?:number|count) of (?:distinct |different )?(\w+)")
_ORDERED = re.compile(
    r"\b(?:order|sort)(?:ed)?\b(?: (?:them|it|the results?))?(?: by (?P<by>[\w ]+?))?,?(?: from| in| with)?(?: the)? "
    r"(?P<way>(?:lowest|smallest|least|fewest|earliest|oldest|shortest) to \w+"
    r"|(?:highest|largest|most|latest|newest|longest|greatest|biggest) to \w+"
    r"|ascending|descending|(?:\w+est|most|fewest|least) first)(?: order)?(?: of| by)?"
    r"(?: (?P<of>[\w ]+))?"
)
_LIMITED = re.compile(r"\b(?:top|bottom|first|last) \d+\b")
_MOST = re.compile(r"\b(?:most|fewest)\b")


def figure(question: str, first_part: str, counted: Iterable[str], ordered: Collection[str] = ()) -> str:
    """The name of the figure that a ranking goes by; empty where the words, or what is shown, leave a doubt.

    Args:
        question: in the asker's words.
        first_part: of a draft, up to and with FROM: what is shown, with names.
        counted: hints on what is counted, each beginning with the question's words.
        ordered: columns that a ranking may go by as well, in lower case: numbers and moments.
    """
    tree = ways.parsed(first_part)
    if tree is None:
        return ""
    figures = [i for i in tree.selects if ways.aggregates(i)]
    shown = {i.unalias().sql(DIALECT).lower() for i in tree.selects if i not in figures}
    if len(figures) == 1 and shown.isdisjoint(ordered):
        return ways.label_of(figures[0])
    if len(figures) < 2:
        return ""
    lower = question.lower()
    said = [kind for kind, patterns in _SAID.items() if any(re.search(p, lower) for p in patterns)]
    if not said and any(_MOST.match(hint.lower()) for hint in counted):
        said = ["count"]
    if len(said) != 1:
        return ""
    if (match := _NUMBER_OF.search(lower)) is not None:  # of bottles: what is added up may be called so
        named = [ways.label_of(i) for i in figures if stems(match[1])[0] in _words(i)]
        if len(named) == 1:
            return named[0]
    found = [ways.label_of(i) for i in figures if _kind(i.unalias()) == said[0]]
    return found[0] if len(found) == 1 else ""


def order(question: str, first_part: str) -> str:
    """` ORDER BY rate ASC` where a question asks for an order of what is shown in so many words; else empty."""
    tree, found = ways.parsed(first_part), list(_ORDERED.finditer(question.lower()))
    if tree is None or len(found) != 1 or _LIMITED.search(question.lower()):
        return ""
    said = {w for name in ("by", "of") if found[0][name] for w in stems(found[0][name])}
    shown = [(len(said & _words(i)), i.alias or i.sql(DIALECT)) for i in tree.selects]
    best = max((n for n, _ in shown), default=0)
    names = [name for n, name in shown if n == best and best > 0]
    upwards = re.match(r"(?:the )?(?:low|small|least|asc|earl|old|few|short|few)", found[0]["way"])
    return f" ORDER BY {names[0]} {'ASC' if upwards else 'DESC'}" if len(names) == 1 else ""


def _words(item: exp.Expr) -> set[str]:
    return set(stems(" ".join([item.alias, *(c.name for c in item.find_all(exp.Column))])))


def _kind(node: exp.Expr) -> str:
    if node.find(exp.Window):
        return ""
    if isinstance(node, exp.Count):
        return "count"
    if isinstance(node, exp.Avg):
        return "average"
    whole = node.find(exp.Sum) is not None and node.find(exp.Div, exp.Avg, exp.Count) is None
    return "sum" if whole else ""
