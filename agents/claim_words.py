"""Claims in words: half, doubled, the largest, none, rising, and names. Each is held to cells like a number. English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from groundwire.agents.grounding import Citation
from groundwire.core.result import Result, display

if TYPE_CHECKING:
    from groundwire.agents.claims import Cell, Checked

_RATIOS = (
    (
        re.compile(
            r"\b(?:(about|around|roughly|nearly|almost)\s+)?(?:half|halved|50-50)\b(?! (?:an?|the) (?:hour|day|year))",
            re.IGNORECASE,
        ),
        Decimal("0.5"),
    ),
    (re.compile(r"\b(?:(about|around|roughly|nearly|almost)\s+)?(?:a|one) third\b", re.IGNORECASE), Decimal(1) / 3),
    (re.compile(r"\b(?:(about|around|roughly|nearly|almost)\s+)?two thirds\b", re.IGNORECASE), Decimal(2) / 3),
    (
        re.compile(r"\b(?:(about|around|roughly|nearly|almost)\s+)?(?:a|one) quarter of\b", re.IGNORECASE),
        Decimal("0.25"),
    ),
    (re.compile(r"\b(?:(about|around|roughly|nearly|almost)\s+)?three quarters of\b", re.IGNORECASE), Decimal("0.75")),
    (
        re.compile(r"\b(?:(about|around|roughly|nearly|almost)\s+)?(?:doubled|double|twice)\b", re.IGNORECASE),
        Decimal(2),
    ),
    (
        re.compile(r"\b(?:(about|around|roughly|nearly|almost)\s+)?(?:tripled|triple|three times)\b", re.IGNORECASE),
        Decimal(3),
    ),
)
_MAJORITY = re.compile(r"\b(?:the majority|more than half|most of (?:the|all|our|these|those|them))\b", re.IGNORECASE)
_GREATEST = re.compile(
    r"\b(?:largest|biggest|highest|greatest|most (?!of\b|recent)|top|longest|latest|newest|most recent|best|maximum)\b",
    re.IGNORECASE,
)
_LEAST = re.compile(
    r"\b(?:smallest|lowest|fewest|least|shortest|earliest|oldest|worst|minimum|cheapest)\b(?<!at least)", re.IGNORECASE
)
_TIMED = frozenset({"latest", "newest", "most recent", "earliest", "oldest"})
_EITHER = frozenset({"top", "best", "worst", "longest", "shortest"})
_NONE = re.compile(
    r"\b(?:there (?:are|is|were|was) (?:no|none|not any|nothing)\b(?! (?:doubt|need|way|longer))|none of (?:the|them|these|those|our)\b|no \w+(?: \w+)? (?:were|was|are|is) found"
    r"|no (?:matching )?(?:records|results|data|rows)\b|nobody\b|(?:has|have|had) no\b)",
    re.IGNORECASE,
)
_RISING = re.compile(
    r"\b(?:increased|increasing|rose|risen|grew|grown|went up|climbed|growing|rising|upward)\b", re.IGNORECASE
)
_FALLING = re.compile(
    r"\b(?:decreased|decreasing|fell|fallen|dropped|declined|declining|went down|shrank|falling|downward)\b",
    re.IGNORECASE,
)
_URL = re.compile(
    r"(?:https?|ftp|file|data|javascript):[^\s)>\]]+|\bwww\.[^\s)>\]]+|!?\[[^\]]*\]\([^)]*\)", re.IGNORECASE
)
_QUOTED = re.compile(r"[\"“«„]([^\"”»“]{2,80})[\"”»“]")
_NAME = re.compile(
    r"(?<![.?!:\n*#\-] )(?<![\"“«])\b(?<!^)(?:[A-Z][\w'’&.-]*[a-z][\w'’&-]*)(?: (?:of |de |und |and |& )?[A-Z][\w'’&.-]*)*"
)
_KNOWN = frozenset(
    """I It The This That These Those In On At By For From With As Of To And Or But Here There Their Its All Both Each Total Sum Average
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August September October
    November December Q1 Q2 Q3 Q4 CRM ERP SQL Note Yes No According Based Data Source Sources Answer Result Results""".split()
)


def read(checked: Checked) -> Iterator[Citation]:
    """Hold the claims in words to the cells; what can't be traced is added to the problems."""
    _ratios(checked)
    _extremes(checked)
    _absence(checked)
    _trends(checked)
    _names(checked)
    yield from ()


def _ratios(checked: Checked) -> None:
    for pattern, ratio in _RATIOS:
        for match in pattern.finditer(checked.masked):
            if match[0].lower() in checked.question.lower():
                continue
            slack = ratio * (Decimal("0.1") if match[1] else Decimal("0.02"))
            found = _pair(checked, ratio, slack, checked.sentence(match.start()))
            if found is None:
                checked.problems.append(match[0])
            else:
                checked.cite(*match.span(), found[0], "derived", found[1])
            checked.mask(*match.span())
    for match in _MAJORITY.finditer(checked.masked):
        share = next(
            (
                c
                for c in checked.cells
                if Decimal("0.5") < c.value <= 1 or (50 < c.value <= 100 and "perc" in c.column.lower())
            ),
            None,
        )
        sentence = checked.sentence(match.start())
        part = share or next(
            (
                a
                for group, spoken in checked.groups(sentence)
                for a in spoken
                if len(group) > 1 and a.value * 2 > sum(c.value for c in group) > 0
            ),
            None,
        )
        if part is None:
            checked.problems.append(match[0])
        else:
            checked.cite(*match.span(), part, "derived", f"{display(part.value)} is more than half")
        checked.mask(*match.span())


def _pair(checked: Checked, ratio: Decimal, slack: Decimal, sentence: str) -> tuple[Cell, str] | None:
    """Two cells of one column or row, or a cell and its column's sum, of which one is that much of the other."""
    for group, spoken in checked.groups(sentence):
        total = sum((c.value for c in group), Decimal(0))
        for a in spoken:
            if len(group) > 1 and total and ratio < 1 and abs(a.value / total - ratio) <= slack:
                return a, f"{display(a.value)} ÷ {display(total)}"
            for b in spoken if len(spoken) > 1 else group:
                if b is not a and b.value and abs(a.value / b.value - ratio) <= slack:
                    return a, f"{display(a.value)} ÷ {display(b.value)}"
    share = next((c for c in checked.cells if abs(c.value - ratio) <= slack and abs(c.value) <= 1 and ratio < 1), None)
    if share is not None:
        return share, f"{share.value}"
    hundred = next(
        (c for c in checked.cells if "perc" in c.column.lower() and abs(c.value / 100 - ratio) <= slack), None
    )
    return (hundred, f"{hundred.value} %") if hundred is not None else None


def _extremes(checked: Checked) -> None:
    """`the largest is Acme`: the row that the sentence names must be first or last in some column of numbers or dates."""
    for pattern, greatest in ((_GREATEST, True), (_LEAST, False)):
        for match in pattern.finditer(checked.masked):
            sentence = checked.sentence(match.start())
            found = None
            any_row = False
            word = match[0].strip().lower()
            timed = None if word in _EITHER else word in _TIMED
            for index, result in enumerate(checked.results):
                for row in named_rows(result, sentence):
                    any_row = True
                    found = found or _extreme(checked, index, result, row, greatest=greatest, timed=timed)
            if found is not None:
                checked.cite(
                    *match.span(), found, "extreme", f"{'greatest' if greatest else 'least'} of {found.column}"
                )
            elif any_row or not re.search(rf"\b{re.escape(match[0].strip())}\b", checked.question, re.IGNORECASE):
                if any(len(r) == 1 and _was_ranked(r) for r in checked.results):
                    continue
                checked.problems.append(match[0].strip())


def _was_ranked(result: Result) -> bool:
    """Whether the query itself kept the first of more rows, or took a greatest or least value."""
    return bool(
        re.search(r"\bORDER BY\b.*\bLIMIT\b|\b(?:MAX|MIN|ARG_MAX|ARG_MIN)\(", result.query, re.IGNORECASE | re.DOTALL)
    )


def named_rows(result: Result, sentence: str) -> Iterator[int]:
    """The rows, from 1, of which a sentence has a cell."""
    for number, row in enumerate(result.rows(), 1):
        texts = [display(v) for v in row if v is not None and not isinstance(v, bool)]
        if any(len(t) > 1 and re.search(rf"(?<![\w.,]){re.escape(t)}(?![\w]|[.,]\d)", sentence) for t in texts):
            yield number


def _extreme(
    checked: Checked, index: int, result: Result, row: int, *, greatest: bool, timed: bool | None
) -> Cell | None:
    """The cell of a row that is the greatest or least of its column; of one row only where the query ranked it."""
    from groundwire.agents.claims import Cell

    rows = result.rows()
    if len(rows) == 1 and not _was_ranked(result):
        return None
    for at, column in enumerate(result.columns):
        values = [r[at] for r in rows if r[at] is not None]
        if timed is not None and any(isinstance(v, date) for v in values) != timed:
            continue
        mine = rows[row - 1][at]
        if mine is None or isinstance(mine, str | bool) or (len(values) < 2 and len(rows) > 1):
            continue
        try:
            if mine == (max(values) if greatest else min(values)) and result.complete:
                value = Decimal(str(mine)) if isinstance(mine, int | float | Decimal) else Decimal(0)
                return Cell(value, index, row, column)
        except TypeError:
            continue
    return None


def _absence(checked: Checked) -> None:
    for match in _NONE.finditer(checked.masked):
        empty = next((i for i, r in enumerate(checked.results) if len(r) == 0 and r.complete), None)
        zero = next((c for c in checked.cells if c.value == 0), None)
        sentence = checked.sentence(match.start())
        missing = any(
            row[at] is None
            for r in checked.results
            for n in named_rows(r, sentence)
            for row in [r.rows()[n - 1]]
            for at in range(len(row))
        ) or any(len(r) == 1 and all(v is None for v in r.rows()[0]) for r in checked.results)
        if zero is not None:
            checked.cite(*match.span(), zero, "absence", "0")
        elif empty is None and not missing:
            checked.problems.append(match[0])


def _trends(checked: Checked) -> None:
    """`sales rose`: from the first to the last row of a result that has a time, or between two figures of a row."""
    for pattern, sign in ((_RISING, 1), (_FALLING, -1)):
        for match in pattern.finditer(checked.masked):
            found = None
            for index, result in enumerate(checked.results):
                found = found or _trend(checked, index, result, sign)
            if found is None:
                checked.problems.append(match[0])
            else:
                checked.cite(*match.span(), found[0], "derived", found[1])


def _trend(checked: Checked, index: int, result: Result, sign: int) -> tuple[Cell, str] | None:
    rows = result.rows()
    times = [i for i in range(len(result.columns)) if rows and all(isinstance(r[i], date) for r in rows)]
    mine = [c for c in checked.cells if c.result == index]
    if times and len(rows) > 1:
        order = sorted(range(len(rows)), key=lambda n: rows[n][times[0]])
        for at, column in enumerate(result.columns):
            if at in times:
                continue
            ends = [
                next((c for c in mine if c.row == n + 1 and c.column == column), None) for n in (order[0], order[-1])
            ]
            first, last = ends
            if first is not None and last is not None and (last.value - first.value) * sign > 0:
                return last, f"{display(first.value)} → {display(last.value)}"
        return None
    changes = [c for c in mine if re.search(r"chang|diff|growth|delta|trend", c.column.lower()) and c.value * sign > 0]
    if changes:
        return changes[0], display(changes[0].value)
    for n in range(1, len(rows) + 1):
        row = [c for c in mine if c.row == n]
        if len(row) == 2 and (row[1].value - row[0].value) * sign > 0:
            return row[1], f"{display(row[0].value)} → {display(row[1].value)}"
    return None


def _names(checked: Checked) -> None:
    """Links, quoted texts and names that no result and not the asker said."""
    said = " ".join(
        [
            checked.question,
            *(c for r in checked.results for c in r.columns),
            *(display(v) for r in checked.results for row in r.rows() for v in row),
        ]
        + [s.source for r in checked.results for s in r.sources]
        + [e for r in checked.results for s in r.sources for e in s.entities]
    )
    lower = said.lower()
    for match in _URL.finditer(checked.text):
        if match[0].lower() not in checked.question.lower():
            checked.problems.append(f"the link {match[0]}")
    for match in _QUOTED.finditer(checked.text):
        if match[1].strip(" .,").lower() not in lower:
            checked.problems.append(f"“{match[1]}”")
    if checked.language not in ("en", "es"):
        return  # other languages write other words with capitals, or none
    words = set(re.findall(r"[^\W_]+", lower.replace("_", " ")))
    for match in _NAME.finditer(checked.text):
        unknown = [
            w
            for w in re.findall(r"[A-Z][\w]*", match[0])
            if w not in _KNOWN and w.lower() not in words and w.lower().rstrip("s") not in words
        ]
        if unknown:
            checked.problems.append(match[0])
