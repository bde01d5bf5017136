"""Days and spans of time that a question names, as conditions that a query can hold.

"in March 2023", "between Jan 1 and Mar 31, 2023", "past 30 days", "last 3 weeks excluding the current
week": counting days is the work of a calendar, not of a language model. English and ISO dates only.
Spans are half-open, so that the last day is whole for timestamps too.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_MONTHS = {name.lower(): n for n, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.lower(): n for n, name in enumerate(calendar.month_abbr) if name} | {"sept": 9}
_MONTH = "(?P<month>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\.?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_ORDINALS = {"1st": 1, "first": 1, "2nd": 2, "second": 2, "3rd": 3, "third": 3, "4th": 4, "fourth": 4, "last": 4}
_ORDINALS |= {"q1": 1, "q2": 2, "q3": 3, "q4": 4}
_HALVES = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "last": 2, "latter": 2}
_COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_COUNTS |= {"eleven": 11, "twelve": 12}
_UNIT = r"(?P<unit>day|week|month|quarter|year|hour)"

_DATES = tuple(
    re.compile(p)
    for p in (
        r"\b(?P<year>(?:19|20)\d\d)-(?P<month>[01]?\d)-(?P<day>[0-3]?\d)\b",
        rf"\b{_MONTH}\s+{_DAY}(?:\s*,\s*|\s+){_YEAR}\b",
        rf"\b{_DAY}\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}\b",
        rf"\b{_MONTH}\s+{_DAY}\b(?!\s*,?\s*\d)",
        rf"\b(?P<half>(?:{'|'.join(_HALVES)})\s+half|h[12])(?:\s+(?:of|in))?\s+{_YEAR}\b",
        rf"\b(?P<quarter>{'|'.join(_ORDINALS)})(?:\s+quarter)?(?:\s+(?:of|in))?\s+{_YEAR}\b",
        rf"\b{_MONTH}(?:,?\s+(?:of\s+)?){_YEAR}\b",
        rf"\b{_YEAR}\b",
    )
)
_RELATIVE = re.compile(
    r"\b(?P<which>past|last|previous|prior|preceding|this|current|next|coming)\s+"
    rf"(?:(?P<count>\d{{1,4}}|{'|'.join(_COUNTS)})\s+)?(?P<full>(?:(?:calendar|full|whole|complete)\s+)*){_UNIT}s?\b"
)
_NAMED = re.compile(r"\b(?:today|yesterday|tomorrow)\b")
_BETWEEN = re.compile(r"^\s*(?:\([^)]*\)|inclusive|exclusive|,)*\s*(?:and|to|until|till|through|thru|-|–)\s*$")
LEFT_OUT = (
    r"(?:exclu\w*|not\s+(?:including|counting)|without(?:\s+counting)?|except(?:ing)?|leaving\s+out|ignoring|but\s+not)"
)
RUNNING = (
    r"(?:(?:current|this|ongoing|running|unfinished|incomplete)\b"
    r"|(?:day|week|month|quarter|year|one)\s+(?:that\s+)?(?:we\s+are|is\s+(?:still\s+)?(?:running|on))\b)"
)
"""How a question says that the unit of time that is not over yet does not count."""
_WHOLE_ONLY = re.compile(
    rf"{LEFT_OUT}\s+(?:of\s+)?(?:the\s+)?{RUNNING}"
    rf"|{RUNNING}(?:\s+(?:day|week|month|quarter|year|one))?\s+(?:is\s+)?(?:excluded|not\s+included|left\s+out|aside|not\s+counted)"
)
_WITH_TODAY = re.compile(r"^\W*(?:and\s+)?inclu\w+\s+(?:of\s+)?today")


@dataclass(frozen=True, kw_only=True)
class Span:
    """A span of time.

    Attributes:
        text: how the question says it.
        conditions: what a moment in it fulfils, each as an operator and an operand, in DuckDB's dialect.
        days: the days that its conditions name, ISO.
        steps: the intervals in its conditions, such as `30 days`.
    """

    text: str
    conditions: tuple[str, ...]
    days: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()


def find(text: str) -> tuple[Span, ...]:
    """The spans that a text names, in its order."""
    lower = text.lower()
    return tuple(span for _, span in sorted([*_calendar_spans(lower), *_relative_spans(lower)], key=lambda s: s[0]))


def without(text: str, spans: Iterable[Span]) -> str:
    """A text in lower case without spans of time that it names."""
    for span in sorted(spans, key=lambda s: -len(s.text)):
        text = text.replace(span.text, " ")
    return text


@dataclass(frozen=True)
class _Named:
    """A day, month, quarter, half-year or year as it stands in the text."""

    start: int
    end: int
    first: date
    after: date


def _calendar_spans(text: str) -> Iterator[tuple[int, Span]]:
    named = _named(text)
    index = 0
    while index < len(named):
        here = named[index]
        before = text[: here.start]
        following = named[index + 1] if index + 1 < len(named) else None
        if following is not None and _BETWEEN.match(text[here.end : following.start]):
            tail = text[following.end : following.end + 14]
            end = following.first if re.match(r"\W*exclusive", tail) else following.after
            yield here.start, _span(text[here.start : following.end], here.first, end)
            index += 2
            continue
        said = text[here.start : here.end]
        if re.search(r"\b(?:on or after|since|from|starting(?: on| from)?|beginning(?: on)?)\s+(?:the\s+)?$", before):
            yield here.start, _span(said, here.first, None)
        elif re.search(r"\bafter\s+(?:the\s+)?$", before):
            yield here.start, _span(said, here.after, None)
        elif re.search(r"\b(?:on or before|up to|until|till|through|by|by the end of)\s+(?:the\s+)?$", before):
            yield here.start, _span(said, None, here.after)
        elif re.search(r"\bbefore\s+(?:the\s+)?$", before):
            yield here.start, _span(said, None, here.first)
        else:
            yield here.start, _span(said, here.first, here.after)
        index += 1


def _span(text: str, first: date | None, after: date | None) -> Span:
    parts = [(">=", first), ("<", after)]
    return Span(
        text=text.strip(),
        conditions=tuple(f"{op} '{day}'" for op, day in parts if day is not None),
        days=tuple(str(day) for _, day in parts if day is not None),
    )


def _named(text: str) -> list[_Named]:
    years = [int(y) for y in re.findall(r"\b((?:19|20)\d\d)\b", text)]
    found: list[_Named] = []
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if any(n.start < match.end() and match.start() < n.end for n in found):
                continue
            made = _made(match, years)
            if made is not None:
                found.append(made)
    return sorted(found, key=lambda n: n.start)


def _made(match: re.Match[str], years: list[int]) -> _Named | None:
    parts = match.groupdict()
    if parts.get("year") is None and len(set(years)) != 1:
        return None  # a day without a year means nothing certain
    year = int(parts["year"]) if parts.get("year") else years[0]
    try:
        if half := parts.get("half"):
            month = 6 * (_HALVES.get(half.split()[0]) or int(half[1])) - 5
            first, after = date(year, month, 1), _next_month(year, month + 5)
        elif parts.get("quarter"):
            month = 3 * _ORDINALS[parts["quarter"]] - 2
            first, after = date(year, month, 1), _next_month(year, month + 2)
        elif parts.get("month"):
            month = int(parts["month"]) if parts["month"].isdigit() else _MONTHS[parts["month"]]
            first = date(year, month, int(parts["day"]) if parts.get("day") else 1)
            after = first + timedelta(days=1) if parts.get("day") else _next_month(year, month)
        else:
            first, after = date(year, 1, 1), date(year + 1, 1, 1)
    except (ValueError, OverflowError):
        return None
    return _Named(match.start(), match.end(), first, after)


def _next_month(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1)


def _relative_spans(text: str) -> Iterator[tuple[int, Span]]:
    for match in _NAMED.finditer(text):
        shift = {"today": 0, "yesterday": -1, "tomorrow": 1}[match[0]]
        if shift == 0 and re.search(r"(?:inclu|exclu)\w*\s+(?:of\s+)?$", text[: match.start()]):
            continue  # says where another span ends
        yield match.start(), _around_today(match[0], shift)
    for match in _RELATIVE.finditer(text):
        which, unit = match["which"], match["unit"]
        count = _COUNTS.get(match["count"] or "one") or int(match["count"])
        if re.search(rf"(?:inclu\w*|{LEFT_OUT})\s+(?:of\s+)?(?:the\s+)?$", text[: match.start()]):
            continue
        if which in ("next", "coming"):
            yield match.start(), _ahead(match[0], count, unit)
        elif which in ("this", "current"):
            yield match.start(), Span(text=match[0], conditions=(f">= {_trunc(unit)}",))
        else:
            tail = text[match.end() : match.end() + 60]
            whole = bool(_WHOLE_ONLY.search(tail)) or which in ("previous", "prior", "preceding") or bool(match["full"])
            calendar_unit = which == "last" and match["count"] is None and not re.match(r"\W*inclu", tail)
            if unit != "hour" and (whole or (calendar_unit and unit != "day")):
                yield match.start(), _whole_units(match[0], count, unit)
            else:
                with_today = unit == "day" and count > 1 and bool(_WITH_TODAY.match(tail))
                yield match.start(), _back(match[0], count - with_today, unit)


def _around_today(text: str, shift: int) -> Span:
    step = "1 day"
    if shift == 0:
        return Span(text=text, conditions=(">= CURRENT_DATE", f"< CURRENT_DATE + INTERVAL '{step}'"), steps=(step,))
    if shift < 0:
        return Span(text=text, conditions=(f">= CURRENT_DATE - INTERVAL '{step}'", "< CURRENT_DATE"), steps=(step,))
    steps = (step, "2 days")
    return Span(
        text=text,
        conditions=tuple(f"{op} CURRENT_DATE + INTERVAL '{s}'" for op, s in zip((">=", "<"), steps, strict=True)),
        steps=steps,
    )


def _ahead(text: str, count: int, unit: str) -> Span:
    step = _step(count, unit)
    start = "CURRENT_TIMESTAMP" if unit == "hour" else "CURRENT_DATE"
    return Span(text=text, conditions=(f">= {start}", f"< {start} + INTERVAL '{step}'"), steps=(step,))


def _back(text: str, count: int, unit: str) -> Span:
    step = _step(count, unit)
    start = "CURRENT_TIMESTAMP" if unit == "hour" else "CURRENT_DATE"
    # what has been planned for later is not past
    end = "<= CURRENT_TIMESTAMP" if unit == "hour" else "< CURRENT_DATE + INTERVAL '1 day'"
    return Span(text=text, conditions=(f">= {start} - INTERVAL '{step}'", end), steps=(step, "1 day"))


def _whole_units(text: str, count: int, unit: str) -> Span:
    step = _step(count, unit)
    return Span(text=text, conditions=(f">= {_trunc(unit)} - INTERVAL '{step}'", f"< {_trunc(unit)}"), steps=(step,))


def _step(count: int, unit: str) -> str:
    if unit == "quarter":
        count, unit = 3 * count, "month"
    return f"{count} {unit}" + ("s" if count != 1 else "")


def _trunc(unit: str) -> str:
    return "CURRENT_DATE" if unit == "day" else f"DATE_TRUNC('{unit}', CURRENT_DATE)"
