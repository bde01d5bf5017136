"""A free text's claims, each held to the cells: amounts with their units, dates, comparisons, extremes, absence, names.

For models that are not decoded under a grammar. What can be traced becomes a citation with its cell and, where there is any,
its arithmetic; what can't is a problem, and the answer is not given. English words; numbers and dates in any of our languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from groundwire.agents import claim_words, languages
from groundwire.agents.grounding import Citation, Grounded, is_prose, number_value, numbers
from groundwire.agents.wording import stems
from groundwire.core.result import Result, display

_SCALES = {
    "k": 3, "thousand": 3, "tausend": 3, "mil": 3, "ألف": 3, "千": 3, "万": 4, "m": 6, "mn": 6, "mio": 6, "million": 6, "millions": 6,
    "millionen": 6, "millón": 6, "millones": 6, "مليون": 6, "亿": 8, "b": 9, "bn": 9, "billion": 9, "billions": 9, "mrd": 9,
    "milliarden": 9, "مليار": 9,
}  # fmt: skip
_CURRENCIES = {"€": "eur", "$": "usd", "£": "gbp", "¥": "jpy", "₹": "inr", "eur": "eur", "euro": "eur", "euros": "eur", "usd": "usd",
    "dollar": "usd", "dollars": "usd", "gbp": "gbp", "pounds": "gbp", "chf": "chf", "francs": "chf", "jpy": "jpy", "yen": "jpy",
    "cny": "cny", "yuan": "cny", "sar": "sar", "aed": "aed"}  # fmt: skip
_UNITS = {
    **dict.fromkeys(("second", "minute", "hour", "day", "week", "month", "year"), "time"),
    **dict.fromkeys(("gram", "kg", "kilogram", "tonne", "ton", "lb"), "mass"),
    **dict.fromkeys(("metre", "meter", "km", "kilometre", "kilometer", "mile", "cm", "mm"), "length"),
}
_SHORT_UNITS = {
    "sec": "second",
    "secs": "second",
    "min": "minute",
    "mins": "minute",
    "hrs": "hour",
    "hr": "hour",
    "h": "hour",
    "kgs": "kg",
    "kms": "km",
}
_MONTHS = {m: n for n, names in enumerate((
    "january jan januar enero", "february feb februar febrero", "march mar märz marzo", "april apr abril", "may mai mayo",
    "june jun juni junio", "july jul juli julio", "august aug agosto", "september sep sept septiembre", "october oct oktober okt octubre",
    "november nov noviembre", "december dec dezember dez diciembre"), 1) for m in names.split()}  # fmt: skip
_MONTH = "(?P<month>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\.?"
_DATES = tuple(
    re.compile(p, re.IGNORECASE)
    for p in (
        r"\b(?P<year>\d{4})-(?P<m>\d\d)(?:-(?P<day>\d\d))?(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?)?",
        r"(?P<year>\d{4})年(?:(?P<m>\d{1,2})月(?:(?P<day>\d{1,2})日)?)?",
        rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})\b",
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+|de\s+)?{_MONTH}(?:,?\s+(?:de\s+)?(?P<year>\d{{4}}))?\b",
        rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\s*,?\s*\d)",
        rf"\b{_MONTH},?\s+(?:of\s+|de\s+)?(?P<year>\d{{4}})\b",
        r"\b(?P<day>\d{1,2})\.(?P<m>\d{1,2})\.(?P<year>\d{4})\b",
        r"\b(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<year>\d{4})\b",
    )
)
_AMOUNT = re.compile(
    r"(?P<cur>[€$£¥₹]|\b(?:EUR|USD|GBP|CHF|JPY|CNY)\b)?\s?"
    r"(?P<number>(?<![\w.])[-+−]?(?:\d{1,3}(?:(?:[ \u00a0\u202f'’٬]\d{3})+|(?:,\d{3})+|(?:\.\d{3})+)(?!\d)|\d+)(?:[.,٫]\d+)?)"
    r"(?P<pct>\s?(?:%|٪|percent\b|per cent\b|Prozent\b|por ciento\b))?"
    r"(?:\s?(?P<scale>[kKMBb]|mn|bn|Mio|Mrd|Tausend|thousand|millions?|billions?|Millionen|Milliarden|mil(?=\s)|mill[oó]n(?:es)?|万|亿|千|مليون|ألف|مليار)(?![\w]))?"
    r"(?:\s?(?P<unit>[€$£¥]|[A-Za-z]+))?"
)
_APPROXIMATE = re.compile(
    r"\b(?:about|around|roughly|approximately|approx\.?|nearly|almost|some|circa|ca\.|close to|etwa|rund|unos|unas|cerca de)\s+(?:[€$£]\s?)?$",
    re.IGNORECASE,
)
_ABOVE = re.compile(
    r"\b(?:more than|over|above|at least|exceed\w*|upwards of|mehr als|über|más de)\s+(?:[€$£]\s?)?$", re.IGNORECASE
)
_BELOW = re.compile(
    r"\b(?:less than|under|below|fewer than|at most|up to|weniger als|unter|menos de)\s+(?:[€$£]\s?)?$", re.IGNORECASE
)
_WORD_NUMBERS = {
    w: n for n, w in enumerate("two three four five six seven eight nine ten eleven twelve".split(), 2)
} | {"dozen": 12}
_MOST_DERIVED = 60
"""Rows of results whose cells arithmetic is tried on: among more, some pair would fit any number."""


@dataclass(frozen=True)
class Cell:
    """A number in a result."""

    value: Decimal
    result: int
    row: int
    column: str


class Checked:
    """A text that is read once; `grounded` is what came of it.

    Args:
        text: an answer.
        results: everything that was read for it.
        question: what the asker wrote may be repeated.
        language: in which the answer writes numbers.
    """

    def __init__(self, text: str, results: Sequence[Result], question: str, language: str) -> None:
        self.text = text
        self.results = list(results)
        self.question = question
        self.language = language
        self.citations: list[Citation] = []
        self.problems: list[str] = []
        self.cells = list(_cells(self.results))
        self.asked = {v for _, v in numbers(question, language)}
        self.masked = text
        self._dates()
        self._quotes()
        self._amounts()
        self._words()
        self.citations += claim_words.read(self)
        self.citations.sort(key=lambda c: c.begin)

    @property
    def grounded(self) -> Grounded:
        """The text with its proofs and problems."""
        problems = tuple(dict.fromkeys(self.problems))
        return Grounded(text=self.text, citations=tuple(self.citations), problems=problems)

    def cite(self, begin: int, end: int, cell: Cell | None, kind: str = "cell", arithmetic: str = "") -> None:
        """Note that a part of the text rests on a cell."""
        if cell is None:
            return
        sources = tuple(s.source for s in self.results[cell.result].sources)
        self.citations.append(
            Citation(
                text=self.text[begin:end].strip(),
                row=cell.row,
                column=cell.column,
                sources=sources,
                begin=begin,
                end=end,
                kind=kind,
                arithmetic=arithmetic,
                result=cell.result,
            )
        )

    def mask(self, begin: int, end: int) -> None:
        """Take a part of the text as done."""
        self.masked = self.masked[:begin] + "\0" * (end - begin) + self.masked[end:]

    # -- dates ----------------------------------------------------------------------------------

    def _dates(self) -> None:
        for pattern in _DATES:
            for match in pattern.finditer(self.masked):
                if "\0" in match[0] or not (said := _dates_said(match.groupdict())):
                    continue
                begin, end = match.span()
                self.mask(begin, end)
                cell = next((c for c in _moments(self.results) if any(_is_date(c[0], s) for s in said)), None)
                if cell is not None:
                    self.cite(begin, end, Cell(Decimal(0), *cell[1:]))
                elif not self._is_asked_date(match[0], said):
                    self.problems.append(match[0].strip())

    def _is_asked_date(self, written: str, said: Sequence[tuple[int | None, int | None, int | None]]) -> bool:
        """Whether the asker wrote the date, or a part of the answer's proof is of that day."""
        if written.lower() in self.question.lower():
            return True
        for pattern in _DATES:
            for match in pattern.finditer(self.question):
                if set(_dates_said(match.groupdict())) & set(said):
                    return True
        days = [s.as_of.date() for r in self.results for s in r.sources]
        return any(_is_date(day, s) for day in days for s in said if s[2] is not None)

    # -- texts of cells --------------------------------------------------------------------------

    def _quotes(self) -> None:
        """Texts of cells that are repeated: the numbers in them are theirs."""
        for index, result in enumerate(self.results):
            for number, row in enumerate(result.rows(), 1):
                for column, value in zip(result.columns, row, strict=True):
                    if not isinstance(value, str) or len(value) < 2 or not re.search(r"\d", value):
                        continue
                    for match in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", self.masked):
                        self.mask(*match.span())
                        self.cite(*match.span(), Cell(Decimal(0), index, number, column))

    # -- amounts ---------------------------------------------------------------------------------

    def _amounts(self) -> None:
        for match in _AMOUNT.finditer(self.masked):
            written = match["number"].strip()
            value = number_value(written, self.language)
            if value is None:
                continue
            begin, end = match.start("number"), match.end("number")
            scale = _SCALES.get((match["scale"] or "").lower().rstrip("."), 0)
            places = _places(written, self.language)
            step = Decimal(1).scaleb(scale - places)
            amount = value.scaleb(scale)
            if self._amount(match, begin, end, amount, step, percent=bool(match["pct"])):
                self._unit(match, begin, end)

    def _amount(
        self, match: re.Match[str], begin: int, end: int, value: Decimal, step: Decimal, *, percent: bool
    ) -> bool:
        """Find what a number rests on; False where it is the asker's or nothing's."""
        ahead = self.text[max(0, match.start() - 24) : begin]
        end = match.end("scale") if match["scale"] else end
        if (cell := next((c for c in self.cells if abs(c.value - value) * 2 <= step), None)) is not None:
            self.cite(begin, end, cell)
            return True
        loose = Decimal(1).scaleb(_zeros(value)) if value == value.to_integral_value() else step
        if _APPROXIMATE.search(ahead):
            cell = next((c for c in self.cells if abs(c.value - value) * 2 <= loose), None)
            if cell is not None:
                self.cite(begin, end, cell, "rounded", f"{display(cell.value)} ≈ {match['number'].strip()}")
                return True
        above, below = _ABOVE.search(ahead), _BELOW.search(ahead)
        if above or below:
            near = [
                c for c in self.cells if (value <= c.value <= 2 * value if above else value / 2 <= c.value <= value)
            ]
            if near:
                closest = min(near, key=lambda c: abs(c.value - value))
                self.cite(
                    begin,
                    end,
                    closest,
                    "compared",
                    f"{display(closest.value)} {'≥' if above else '≤'} {display(value)}",
                )
                return True
        if percent and (found := self._percent(value, step, self.sentence(begin))):
            self.cite(begin, end, found[0], "derived", found[1])
            return True
        if not percent and (found := self._derived(value, step, self.sentence(begin))):
            self.cite(begin, end, found[0], "derived", found[1])
            return True
        if value in self.asked or value in {Decimal(len(r)) for r in self.results}:
            return False
        self.problems.append(match[0].strip() if percent or match["cur"] else self.text[begin:end].strip())
        return False

    def _percent(self, value: Decimal, step: Decimal, sentence: str) -> tuple[Cell, str] | None:
        """A share: a cell between 0 and 1, or one cell of another or of the column's sum."""

        def fits(ratio: Decimal) -> bool:
            return abs(ratio * 100 - value) * 2 <= step

        for cell in self.cells:
            if abs(cell.value) <= 1 and fits(cell.value):
                return cell, f"{cell.value} × 100"
        for group, spoken in self.groups(sentence):
            total = sum((c.value for c in group), Decimal(0))
            for a in spoken:
                if len(group) > 1 and total and fits(a.value / total):
                    return a, f"{display(a.value)} ÷ {display(total)}"
                for b in spoken if len(spoken) > 1 else group:
                    if b is not a and b.value and fits(a.value / b.value):
                        return a, f"{display(a.value)} ÷ {display(b.value)}"
                    if b is not a and b.value and fits(abs(a.value - b.value) / abs(b.value)):
                        return a, f"({display(a.value)} − {display(b.value)}) ÷ {display(b.value)}"
        return None

    def _derived(self, value: Decimal, step: Decimal, sentence: str) -> tuple[Cell, str] | None:
        """A sum, an average, a difference or a multiple of cells, where the sentence says that it is one."""
        lower = sentence.lower()
        for group, spoken in self.groups(sentence):
            values = [c.value for c in group]
            total = sum(values, Decimal(0))
            summed = len(group) > 1 and re.search(
                r"\b(?:total|sum|together|altogether|combined|in all|overall)\b", lower
            )
            if summed and abs(total - value) * 2 <= step:
                return group[0], " + ".join(map(display, values))
            if (
                len(group) > 1
                and re.search(r"\b(?:average|mean)\b", lower)
                and abs(total / len(values) - value) * 2 <= step
            ):
                return group[0], f"({' + '.join(map(display, values))}) ÷ {len(values)}"
            for a in spoken:
                for b in spoken if len(spoken) > 1 else group:
                    if a is b:
                        continue
                    apart = re.search(
                        r"\b(?:difference|more|less|fewer|higher|lower|gap|ahead|behind|apart|grew|fell|rose|increase|decrease|drop|change|up|down)\b",
                        lower,
                    )
                    if apart and abs(a.value - b.value - value) * 2 <= step:
                        return a, f"{display(a.value)} − {display(b.value)}"
                    if (
                        re.search(r"\b(?:times|fold)\b|\dx\b", lower)
                        and b.value
                        and abs(a.value / b.value - value) * 2 <= step
                    ):
                        return a, f"{display(a.value)} ÷ {display(b.value)}"
        return None

    def groups(self, sentence: str) -> Iterator[tuple[list[Cell], list[Cell]]]:
        """Cells of one column, and of one row, of results that are small; and those of them that a sentence speaks of.

        It speaks of the columns that it names, of all where it names none, and likewise of rows.
        """
        said = set(stems(sentence))
        for index, result in enumerate(self.results):
            if len(result) > _MOST_DERIVED:
                continue
            mine = [c for c in self.cells if c.result == index]
            named = {c.column for c in mine if set(stems(c.column)) <= said}
            rows = set(claim_words.named_rows(result, sentence))
            mine = [c for c in mine if not named or c.column in named]
            for key in ("column", "row"):
                for name in dict.fromkeys(getattr(c, key) for c in mine):
                    group = [c for c in mine if getattr(c, key) == name]
                    spoken = [c for c in group if not rows or c.row in rows]
                    if spoken:
                        yield group, spoken

    def sentence(self, at: int) -> str:
        """The sentence around a character."""
        begin = max(self.text.rfind(mark, 0, at) for mark in (". ", "? ", "! ", "\n", "。")) + 1
        ends = [e for mark in (". ", "? ", "! ", "\n", "。") if (e := self.text.find(mark, at)) >= 0]
        return self.text[begin : min(ends, default=len(self.text))]

    # -- units -----------------------------------------------------------------------------------

    def _unit(self, match: re.Match[str], begin: int, end: int) -> None:
        """A currency or a unit beside a number that rests on a cell: the data or the asker must have said it."""
        last = self.citations[-1]
        around = f"{last.column} {self.question}".lower()
        cells = {
            str(v).lower() for r in self.results for row in r.rows() for v in row if isinstance(v, str) and len(v) <= 4
        }
        for said in (match["cur"], match["unit"]):
            word = (said or "").lower()
            if currency := _CURRENCIES.get(word):
                spoken = {w for w, c in _CURRENCIES.items() if c == currency}
                known = any(re.search(rf"(?<![a-z]){re.escape(w)}(?![a-z])", around.replace("_", " ")) for w in spoken)
                if not known and not spoken & cells and not any(w in around for w in spoken if len(w) == 1):
                    self.problems.append(f"the currency of {self.text[begin:end].strip()}")
                continue
            unit = _SHORT_UNITS.get(word, word.rstrip("s") if len(word) > 3 else word)
            kind = _UNITS.get(unit)
            stems = {_SHORT_UNITS.get(w, w.rstrip("s")) for w in re.findall(r"[a-z]+", last.column.lower())}
            other = {w for w in stems if _UNITS.get(w) == kind} if kind else set()
            if other and unit not in other:
                self.problems.append(f"{self.text[begin:end].strip()} {said}, which the data has in {other.pop()}s")

    def _words(self) -> None:
        """Numbers in words."""
        counts = {Decimal(len(r)) for r in self.results}
        for match in re.finditer(r"\b(" + "|".join(_WORD_NUMBERS) + r")\b", self.masked, re.IGNORECASE):
            value = Decimal(_WORD_NUMBERS[match[1].lower()])
            cell = next((c for c in self.cells if c.value == value), None)
            asked = value in self.asked or re.search(rf"\b{match[1]}\b", self.question, re.IGNORECASE)
            if cell is not None:
                self.cite(*match.span(), cell)
            elif (
                not asked and value not in counts and not self._derived(value, Decimal(1), self.sentence(match.start()))
            ):
                self.problems.append(match[0])


def check(text: str, results: Sequence[Result], question: str = "", language: str = languages.ENGLISH) -> Grounded:
    """Hold every claim of a free text to the results.

    Args:
        text: an answer.
        results: everything that was read for it.
        question: what the asker wrote may be repeated.
        language: in which the answer writes numbers.
    """
    return Checked(text, results, question, language).grounded


def contradictions(results: Sequence[Result]) -> list[str]:
    """What two results say differently of one record: the same name in both, and another number in a column of one name."""
    said: dict[tuple[str, str], tuple[Any, str]] = {}
    found: list[str] = []
    for result in results:
        source = ", ".join(dict.fromkeys(s.source for s in result.sources))
        for row in result.rows():
            named = [v for v in row if isinstance(v, str)]
            for column, value in zip(result.columns, row, strict=True):
                if not named or isinstance(value, bool | str) or not isinstance(value, int | float | Decimal):
                    continue
                key = (named[0].lower(), re.sub(r"[^a-z]", "", column.lower()))
                earlier = said.setdefault(key, (value, source))
                if earlier[1] != source and Decimal(str(earlier[0])) != Decimal(str(value)):
                    found.append(
                        f"{column} of {named[0]} is {display(earlier[0])} in {earlier[1]} and {display(value)} in {source}"
                    )
    return list(dict.fromkeys(found))


def _cells(results: Sequence[Result]) -> Iterator[Cell]:
    for index, result in enumerate(results):
        for number, row in enumerate(result.rows(), 1):
            for column, value in zip(result.columns, row, strict=True):
                if isinstance(value, bool) or value is None:
                    continue
                if isinstance(value, datetime | date):
                    yield Cell(Decimal(value.year), index, number, column)
                elif isinstance(value, int | Decimal):
                    yield Cell(Decimal(value), index, number, column)
                elif isinstance(value, float) and value == value and abs(value) != float("inf"):
                    yield Cell(Decimal(repr(value)), index, number, column)
                elif isinstance(value, str) and not is_prose(value):
                    for _, told in numbers(value):
                        yield Cell(told, index, number, column)


def _moments(results: Sequence[Result]) -> Iterator[tuple[date, int, int, str]]:
    for index, result in enumerate(results):
        for number, row in enumerate(result.rows(), 1):
            for column, value in zip(result.columns, row, strict=True):
                if isinstance(value, date):
                    yield value, index, number, column
                elif isinstance(value, str) and (match := re.fullmatch(r"(\d{4})-(\d\d)-(\d\d).*", value)):
                    try:
                        yield date(int(match[1]), int(match[2]), int(match[3])), index, number, column
                    except ValueError:
                        continue


def _dates_said(parts: dict[str, str | None]) -> list[tuple[int | None, int | None, int | None]]:
    """What a written date may be, as year, month, day; None where it has no such part."""
    year, day = (int(parts.get(name) or 0) or None for name in ("year", "day"))
    if parts.get("a") and parts.get("b"):
        a, b = int(parts["a"] or 0), int(parts["b"] or 0)
        return [(year, m, d) for m, d in dict.fromkeys([(a, b), (b, a)]) if m <= 12 and d <= 31]
    month = _MONTHS.get((parts.get("month") or "").lower()) or (int(parts["m"] or 0) if parts.get("m") else None)
    if month is not None and not 1 <= month <= 12:
        return []
    return [(year, month, day)]


def _is_date(value: date, said: tuple[int | None, int | None, int | None]) -> bool:
    parts = (value.year, value.month, value.day)
    return all(wanted is None or wanted == part for wanted, part in zip(said, parts, strict=True))


def _places(written: str, language: str) -> int:
    mark = "," if language in ("de", "es") else "."
    tail = written.rpartition(mark)[2] if mark in written else written.rpartition("٫")[2] if "٫" in written else ""
    return len(tail)


def _zeros(value: Decimal) -> int:
    text = str(int(abs(value)))
    return len(text) - len(text.rstrip("0")) if value else 0
