""" "That one", "the second", "they": which row of the last answer is meant, and questions about it.

"Why is that one so high?" has no answer in any system: what can be shown are the records that the figure is made of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from groundwire.agents import linking, naming, wording
from groundwire.agents import remark_words as say
from groundwire.agents.followups import Remark
from groundwire.agents.remark_values import Followed
from groundwire.agents.revision import Revision
from groundwire.core.errors import QueryError
from groundwire.core.result import Result, display

RECORDS = 10
"""Records behind a figure that are shown."""

_WHY = re.compile(
    r"^\W*(?:and |but |so |ok |okay )?(?:why\b|how come\b|what(?:'s| is)? (?:makes|behind|drives|causes)\b|where does)",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"\b(?:which ones?(?: are (?:they|those|these))?|(?:which|who|what) are (?:they|those)"
    r"|(?:list|show)(?: me)? (?:them|those|these|it)|(?:the )?(?:records|rows|details) (?:behind|of|for)\b.*"
    r"|drill (?:down|into)\b.*"
    r"|show (?:me )?(?:the )?details)\W*$",
    re.IGNORECASE,
)
_ORDINALS = {
    "first": 0,
    "1st": 0,
    "top": 0,
    "second": 1,
    "2nd": 1,
    "third": 2,
    "3rd": 2,
    "fourth": 3,
    "4th": 3,
    "fifth": 4,
    "last": -1,
}
_ORDINAL = re.compile(
    r"\b(?:the )?(" + "|".join(_ORDINALS) + r")(?: (?:one|row|result|of them|of these|of those))?\b", re.IGNORECASE
)
_HIGH = re.compile(r"\b(?:high\w*|large\w*|big\w*|much|many|most|great\w*|best|top|up)\b", re.IGNORECASE)
_LOW = re.compile(r"\b(?:low\w*|small\w*|little|few\w*|least|worst|down|poor\w*)\b", re.IGNORECASE)
_EXTREME = re.compile(
    r"\b(?:the )?(?:highest|largest|biggest|most|best|greatest|lowest|smallest|fewest|least|worst)(?: one)?\b",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"\b(?:the|that|this) (?:first|second|third|fourth|fifth|last|highest|largest|biggest|best|lowest|smallest|worst|top)? ?one\b"
    r"|\b(?:that|this)(?=\W*$)|\b(?:it|he|she)\b",
    re.IGNORECASE,
)
_THAT = re.compile(r"\b(?:that|this|it|its|he|she|his|her|their)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Behind:
    """What is shown in answer to a question about one row.

    Attributes:
        followed: the whole question and its query.
        lead: a key of `languages` for the sentence before it.
        figure: the cell that was asked about, as people read it; empty for none.
        unclear: the rows that may be meant, by what each is called, where several are.
    """

    followed: Followed | None
    lead: str = ""
    figure: str = ""
    unclear: tuple[str, ...] = ()


def row_meant(text: str, result: Result) -> int | None:
    """The row that a text means, from 0; None where several may be meant, or none."""
    rows = result.rows()
    if not rows:
        return None
    named = [
        n
        for n, row in enumerate(rows)
        if any(
            isinstance(v, str) and len(v) > 1 and re.search(rf"(?<!\w){re.escape(v)}(?!\w)", text, re.IGNORECASE)
            for v in row
        )
    ]
    if len(named) == 1:
        return named[0]
    if len(rows) == 1:
        return 0
    if (match := _ORDINAL.search(text)) and not re.search(
        r"\blast (?:year|month|week|quarter|day)", text, re.IGNORECASE
    ):
        at = _ORDINALS[match[1].lower()]
        return at % len(rows) if -len(rows) <= at < len(rows) else None
    high, low = bool(_HIGH.search(text)), bool(_LOW.search(text))
    figures = figure_column(result)
    if high != low and figures is not None:
        amounts = [(row[figures], n) for n, row in enumerate(rows) if row[figures] is not None]
        if amounts:
            return (max if high else min)(amounts, key=lambda a: a[0])[1]
    return None


def ordinal(text: str) -> int | None:
    """The row that `the second one` names, from 0; None where a text names none, or the last."""
    match = _ORDINAL.search(text)
    at = _ORDINALS[match[1].lower()] if match is not None else -1
    return at if at >= 0 else None


def figure_column(result: Result) -> int | None:
    """The last column of numbers; None without one."""
    rows = result.rows()
    numbers = [
        n
        for n in range(len(result.columns))
        if any(isinstance(r[n], int | float | Decimal) and not isinstance(r[n], bool) for r in rows)
    ]
    return numbers[-1] if numbers else None


def called(result: Result, row: int) -> str:
    """What people call a row by: its texts and dates, else its first cell."""
    values = result.rows()[row]
    texts = [display(v) for v in values if isinstance(v, str)]
    return ", ".join(texts[:2]) or (display(values[0]) if values else "")


def about_row(remark: Remark) -> Behind | None:
    """What answers a question about one row of the answer before; None where it is about none, or not understood."""
    result = remark.before.result
    why = bool(_WHY.search(remark.text))
    behind = bool(_BEHIND.search(remark.text))
    if not result.rows() or not (
        why or behind or _THAT.search(remark.text) or _ORDINAL.search(remark.text) or _EXTREME.search(remark.text)
    ):
        return None
    row = row_meant(remark.text, result)
    try:
        if why or behind:
            return _records(remark, row, why=why)
        return _column(remark, row)
    except QueryError:
        return None


def spelled_out(text: str, result: Result) -> str | None:
    """A whole question out of one that points to a row, as `which deals did Ada win?` of `... did the first one win?`."""
    pointing = _POINTS.search(text)
    row = row_meant(text, result)
    if pointing is None or row is None or not say.WHOLE.search(text):
        return None
    whole = f"{text[: pointing.start()]}{called(result, row)}{text[pointing.end() :]}"
    whole = re.sub(r"^\W*(?:and|but|so|now|then|ok|okay)\b\W*", "", whole, flags=re.IGNORECASE)
    return None if _POINTS.search(whole) else whole[:1].upper() + whole[1:]


def other_thing(remark: Remark) -> str | None:
    """The question before of another kind of record: `the same for suppliers`, `and invoices?`."""
    shared = naming.common_prefix([e.name.split(".")[-1] for e in remark.entities])
    words = [m for m in re.finditer(r"[^\W_]+", remark.text) if m[0].lower() not in say.FILLER | {"same"}]
    if not words:
        return None
    asked = [wording.stems(m[0])[-1] for m in words]
    named = [e for e in remark.entities if asked in naming.called(e, shared)]
    if len(named) != 1 or named[0] is remark.revision.root:
        return None
    said = remark.text[words[0].start() : words[-1].end()]
    question = list(re.finditer(r"[^\W_]+", remark.before.question))
    stems = [(wording.stems(m[0]) or [""])[-1] for m in question]
    for old in sorted(naming.called(remark.revision.root, shared), key=len, reverse=True):
        for at in range(len(stems) - len(old) + 1):
            if old and stems[at : at + len(old)] == old:
                before = remark.before.question
                return before[: question[at].start()] + said + before[question[at + len(old) - 1].end() :]
    return None


def _records(remark: Remark, row: int | None, *, why: bool) -> Behind | None:
    result, revision = remark.before.result, remark.revision
    if row is None and why:
        return Behind(followed=None, unclear=tuple(called(result, n) for n in range(min(len(result), 5))))
    if not revision.aggregated and not why:
        return None
    figure = ""
    name = ""
    if row is not None and (why or len(result) > 1 or not revision.aggregated):
        if not revision.keep_row(dict(zip(result.columns, result.rows()[row], strict=True))):
            return None
        name = called(result, row)
    at = figure_column(result)
    if row is not None and at is not None:
        figure = display(result.rows()[row][at])
    thing = _thing(revision)
    grouped = revision.aggregated
    if grouped:
        revision.records(most=RECORDS if why else None)
        question = f"Which {thing} is {figure} made of" if figure else f"Which {thing} are these"
        lead = "behind" if figure else ""
    else:
        revision.whole_record()
        question = f"What does the record of {name} hold"
        lead = "record"
    question += f" ({name})?" if name and figure and grouped and name != figure else "?"
    return Behind(
        followed=Followed(question=question, sql=revision.sql, changes=("the records behind it",)),
        lead=lead if why else "",
        figure=figure,
    )


def _column(remark: Remark, row: int | None) -> Behind | None:
    """`who owns that one?`: one more column of a row, where the words name just a column."""
    if say.BY.search(remark.text) or say.BY_WORDS.search(remark.text):
        return None
    links = [x for x in linking.find(remark.text, remark.entities, remark.names) if not x.values and not x.flag]
    places = [(x, p) for x in links if (p := remark.chosen(x)) is not None]
    if len(places) != 1 or len(links) != 1 or remark.unknown_beside(links, (_ORDINAL, _EXTREME, _THAT)):
        return None
    if row is None:
        return None
    result, revision = remark.before.result, remark.revision
    column = revision.column(*places[0][1])
    if column is None or not revision.keep_row(dict(zip(result.columns, result.rows()[row], strict=True))):
        return None
    revision.of_row(column)
    name = called(result, row)
    question = f"What is the {links[0].phrase} of {name}?"
    return Behind(followed=Followed(question=question, sql=revision.sql, changes=(f"of {name}",)))


def _thing(revision: Revision) -> str:
    """What the rows of a query are, in words."""
    words: Sequence[str] = re.findall(r"[A-Za-z]+", revision.root.label or revision.root.name.split(".")[-1])
    return " ".join(words).lower() or "records"
