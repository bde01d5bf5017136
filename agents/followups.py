"""A short remark after an answer, read by code: "and last year?", "only the German ones", "and by country?".

What it changes is found by the field that it stands on, in the query that was answered. A remark is taken only where
every one of its words is understood; what is left over is for the language model. English; others come translated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from sqlglot import exp

from groundwire.agents import linking, periods, wording
from groundwire.agents import remark_words as say
from groundwire.agents.moments import likely_moments
from groundwire.agents.remark_values import Followed, Words, without_preamble
from groundwire.core.catalog import Entity
from groundwire.core.errors import QueryError


def is_remark(text: str) -> bool:
    """Whether a text, said after an answer, can't be meant to be read by itself."""
    said, text = text, without_preamble(text)
    words = re.findall(r"\w+", text)
    if not words or len(words) > 3 * say.MOST_WORDS:
        return False
    anaphora = bool(
        say.ANAPHORA.search(
            re.sub(r"\b(?:this|that) (?:day|week|month|quarter|year)\b", " ", text, flags=re.IGNORECASE)
        )
    )
    if say.WHOLE.search(text) and not say.ABOUT.search(text):
        return anaphora and len(words) <= say.MOST_WORDS
    if say.OPENERS.search(text) or say.ABOUT.search(text):
        return True
    return anaphora or len(words) <= 3 or (text != said and len(words) <= say.MOST_WORDS)


def may_be_remark(text: str, entities: Sequence[Entity], names: Mapping[str, str]) -> bool:
    """Whether a text that is no sure remark may be one: short, and naming no records; code must understand it all."""
    words = re.findall(r"\w+", text)
    return 0 < len(words) <= say.MOST_WORDS and not linking.Words(text, entities, names).mentioned()


class Remark(Words):
    """A remark after an answer, word by word; see `Words` for its arguments."""

    def follow(self) -> Followed | None:
        """The remark made whole, or None where code does not understand all of it.

        Raises:
            Ambiguous: a word of it may mean several fields.
        """
        try:
            self._instead()
            self._list_records()
            self._limits()
            self._times()
            self._links = [x for x in self._found() if not self._is_done(x.end - len(x.phrase), x.end)]
            steps = (
                self._groups,
                self._listed,
                self._values,
                self._cells,
                self._thresholds,
                self._directions,
                self._figures,
                self._shows,
            )
            if not all(step() for step in steps):
                return None
        except QueryError:
            return None
        if not self.changes or self._left():
            return None
        return Followed(question=self.retold.text, sql=self.revision.sql, changes=tuple(self.changes))

    # -- what a remark may say ----------------------------------------------------------------

    def _instead(self) -> None:
        """`... instead of by channel` says what goes, which is clear without it; and how rows are sorted."""
        if match := say.INSTEAD.search(self.text):
            self._take(*match.span())
        if match := say.ONE_TO_OTHER.search(self.text):
            descending = bool(match[1])
            figure = self._figure()
            if figure is not None:
                self.revision.sort(figure, descending=descending)
            elif not self.revision.turn(descending=descending):
                raise QueryError("nothing is sorted")
            self.retold.also(match[0])
            self.changes.append(f"sorted {match[0]}")
            self._take(*match.span())

    def _figure(self) -> exp.Expr | None:
        """The first figure of groups that are shown."""
        keys = self.revision.keys
        items = self.revision.select.selects if self.revision.aggregated else []
        return next((i for i in items if i not in keys), None)

    def _list_records(self) -> None:
        """`list them with ...`: the records that were counted."""
        match = say.LIST_THEM.search(self.text)
        if match is None or not self.revision.aggregated or self.revision.keys:
            return
        self.revision.records(most=None)
        self.retold.also("each of them")
        self.changes.append("the records")
        self._take(*match.span())

    def _limits(self) -> None:
        if say.OF_THEM.search(self.text) and self.revision.ranked and not self.revision.aggregated:
            keys = self._shown_keys()
            if not self.revision.among_shown(keys):
                raise QueryError("the rows shown can't be told apart")
        if match := say.NO_LIMIT.search(self.text):
            old = self._limit()
            self.revision.limit(None)
            self.retold.limit(old, None)
            self.changes.append("all rows")
            self._take(*match.span())
            return
        if match := say.FIRST.search(self.text):
            self.retold.limit(self._limit(), 1)
            self.revision.limit(1)
            self.changes.append("the first one")
            self._take(*match.span())
            return
        match = say.LIMIT.search(self.text)
        if (
            match is None
            or self._is_done(*match.span())
            or periods.find(match[0])
            or re.match(r"\s*(?:day|week|month|quarter|year|hour)", self.text[match.end() :])
        ):
            return
        count = wording.read(f"top {match[1] or match[2] or match[3]}").limit
        if count is None and (match[3] or "").lower() == "one":
            count = 1
        if count is None:
            return
        old = self._limit()
        if self.revision.aggregated and not self.revision.keys:
            self.revision.records(most=None)  # the largest ones of what was counted or summed
            self.retold.also("each of them")
        amount = self._amount()
        ranked = re.search(r"largest|biggest|highest|top|lowest|smallest|worst|bottom", match[0], re.IGNORECASE)
        if ranked and not self.revision.select.args.get("order") and amount is not None:
            self.revision.sort(amount, descending=True)
        elif ranked and not self.revision.select.args.get("order") and not self.revision.aggregated:
            return
        self.revision.limit(count)
        if ranked:
            self.revision.turn(descending=not re.search(r"lowest|smallest|worst|bottom", match[0], re.IGNORECASE))
        self.retold.limit(old, count)
        if ranked:
            self.retold.extreme(match[0])
        self.changes.append(f"the first {count}" + (f" in place of {old}" if old else ""))
        self._take(*match.span())

    def _limit(self) -> int | None:
        limit = self.revision.select.args.get("limit")
        number = limit.expression if limit is not None else None
        return int(str(number.this)) if isinstance(number, exp.Literal) else None

    def _shown_keys(self) -> list[Any]:
        key = self.revision.root.primary_key
        columns = [c.lower() for c in self.before.result.columns]
        if len(key) != 1 or key[0].lower() not in columns:
            return []
        at = columns.index(key[0].lower())
        return [row[at] for row in self.before.result.rows()]

    def _times(self) -> None:
        if match := say.EVER.search(self.text):
            if self.revision.without_period():
                self.retold.period("")
                self.changes.append("all times")
                self._take(*match.span())
            return
        if (match := say.SHIFT.search(self.text)) and self.revision.period()[0]:
            self._shift(match)
            return
        text = self.text
        if (match := say.MONTH_ALONE.search(text)) and not re.search(r"\b(?:19|20)\d\d\b", text):
            if match[0].lower() == "may" and match[0] != "May":
                return
            year = self._year(match[0])
            text = f"{text[: match.end()]} {year}{text[match.end() :]}"
        spans = periods.find(text)
        if len(spans) != 1:
            return
        at = text.lower().find(spans[0].text)
        end = min(at + len(spans[0].text), len(self.text))
        said = re.search(
            r"\b(?:since|before|after|until|till|from|through|by|starting)\s+(?:the\s+)?$", text[:at], re.IGNORECASE
        )
        replaced = self.revision.within(spans[0].conditions, self._moment_said() or self._moment())
        if replaced is None:
            raise QueryError("no moment is known that the time is said of")
        told = say.MONTHS.sub(
            lambda m: m[0].capitalize(), f"{said[0].lower()}{spans[0].text}" if said else spans[0].text
        )
        self.retold.period(told)
        _, place = self.revision.period()
        self.changes.append(f"{place.field.name if place else 'time'}: {told}")
        self._take(said.start() if said else at, end)

    def _year(self, month: str) -> int:
        """The year that a month without one is of: that of the period before, else its latest one."""
        tests, _ = self.revision.period()
        text = " ".join(t.sql() for t in tests)
        years = set(re.findall(r"\b((?:19|20)\d\d)-", text))
        starts = sorted(years)
        if starts:
            return int(starts[0])
        now = self.before.now
        if "CURRENT_DATE" in text.upper() and "'1' YEAR" in text.upper():
            return now.year - 1
        span = periods.find(f"{month} {now.year}")
        later = bool(span) and bool(span[0].days) and span[0].days[0] > now.date().isoformat()
        return now.year - later

    def _shift(self, match: re.Match[str]) -> None:
        """The same span, a unit of time earlier or later."""
        unit = next(g for g in (match[1], match[4], match[5]) if g).lower()
        which = next(g for g in (match[2], match[3], match[6]) if g).lower()
        sign = "-" if which in ("before", "previous", "preceding", "earlier") else "+"
        step = f"INTERVAL '{3 if unit == 'quarter' else 1} {'month' if unit == 'quarter' else unit}'"
        tests, place = self.revision.period()
        for test in tests:
            operands = (
                [test.expression] if isinstance(test, exp.Binary) else [test.args.get("low"), test.args.get("high")]
            )
            for operand in operands:
                if operand is None or operand.find(exp.Column):
                    raise QueryError("the time can't be moved")
                moved = exp.Paren(this=operand.copy()) if isinstance(operand, exp.Binary) else operand.copy()
                if isinstance(moved, exp.Literal):
                    moved = exp.cast(moved, "date")
                parsed: exp.Expr = exp.maybe_parse(f"x {sign} {step}", dialect="duckdb")
                parsed.this.replace(moved)
                operand.replace(parsed)
        assert place is not None
        told = f"the {unit} {'before' if sign == '-' else 'after'} that"
        self.retold.also(told)
        self.changes.append(f"{place.field.name}: {told}")
        self._take(*match.span())

    def _moment_said(self) -> tuple[Entity, str] | None:
        """The moment that a remark names by what happened then: `issued this year`."""
        for link in self._found():
            if link.moment and link.told and (place := self.chosen(link)) is not None:
                self._take(link.end - len(link.phrase), link.end)
                return place
        return None

    def _moment(self) -> tuple[Entity, str] | None:
        """The moment of the records that a time is said of, where one is likelier than the others."""
        found = likely_moments(self.revision.root)
        return (self.revision.root, found[0]) if len(found) == 1 else None

    def _groups(self) -> bool:
        columns: list[exp.Expr] = []
        words: list[str] = []
        added = bool(say.ADD.search(self.text)) or bool(
            re.search(r"\bsplit|break|broken|further\b", self.text, re.IGNORECASE)
        )
        if match := say.UNIT.search(self.text):
            unit = say.UNITS.get((match[3] or "").lower()) or (match[1] or match[2] or "").lower()
            place = self.revision.period()[1]
            moment = (place.entity, place.field.name) if place else self._moment()
            column = self.revision.column(*moment) if moment else None
            if column is None:
                return False
            columns.append(exp.alias_(exp.TimestampTrunc(this=column, unit=exp.var(unit.upper())), unit))
            words.append(unit)
            self._take(*match.span())
        for link in list(self._links):
            begin = link.end - len(link.phrase)
            ahead = self._before_at(begin)
            stands = say.BY.search(ahead) or say.BY.search(ahead.rstrip().rpartition(" ")[0] + " ")
            if link.values or link.told or link.flag or not (link.grouped or stands):
                continue
            chosen = self.chosen(link)
            if chosen is None or say.SORTED.search(self._before_at(begin)):
                continue
            made = self.revision.column(*chosen)
            if made is None:
                return False
            columns.append(made)
            words.append(link.phrase)
            self._links.remove(link)
            self._take(stands.start() if stands else begin, link.end)
        for match in say.BY_WORDS.finditer(self.text):
            for count in range(len(match[1].split()), 0, -1):
                name = " ".join(match[1].split()[:count])
                end = match.start(1) + len(name)
                if self._is_done(match.start(), end) or say.SORTED.search(self._before_at(match.start(1))):
                    continue
                chosen = self.field_called(name) or self.field_called(name.rpartition(" ")[2])
                found = self.revision.column(*chosen) if chosen else None
                if found is not None:
                    columns.append(found)
                    words.append(name)
                    self._take(match.start(), end)
                    break
        if not columns:
            return True
        olds = [self._spoken(k) for k in self.revision.keys]
        self.revision.group_by(columns, added=added)
        self.retold.group([o for old in olds for o in old], " and ".join(words), added=added)
        if match := say.ADD.search(self.text):
            self._take(*match.span())
        self.changes.append(f"{'also ' if added else ''}per {' and '.join(words)}")
        return True

    def _spoken(self, key: exp.Expr) -> list[str]:
        """How the question before may name what it groups by."""
        place = self.revision.place(key.unalias())
        if place is None:
            return [key.alias] if key.alias else []
        links = linking.find(self.before.question, self.entities, self.names)
        columns = [
            x.phrase
            for x in links
            if self._places(x)
            and (place.entity.full_name, place.field.name) in [(e.full_name, f) for e, f in self._places(x)]
        ]
        return [
            *columns,
            place.field.name,
            " ".join(wording.stems(place.field.name)),
            place.field.name.rpartition("_")[2],
        ]

    def _thresholds(self) -> bool:
        match = say.THRESHOLD.search(self.text)
        if match is None or self._is_done(*match.span()):
            return True
        word, number = match[1].lower(), match[2].replace(",", "")
        above = word in ("more than", "over", "above", "greater than", "exceeding", "at least")
        inclusive = word.startswith("at ")
        if not self.revision.threshold(number, above=above, inclusive=inclusive):
            amount = self._amount()
            if amount is None:
                return False
            sign = (">=" if inclusive else ">") if above else ("<=" if inclusive else "<")
            self.revision.require(exp.condition(f"{amount.sql('duckdb')} {sign} {number}", dialect="duckdb"))
        self.retold.also(f"{word} {match[2]}")
        self.changes.append(f"{word} {match[2]}")
        self._take(*match.span())
        return True

    def _amount(self) -> exp.Expr | None:
        """The one number that is shown of records."""
        if self.revision.aggregated:
            return None
        found = []
        for item in self.revision.select.selects:
            place = self.revision.place(item.unalias())
            if place is not None and place.field.name not in place.entity.primary_key and _is_amount(place.field.type):
                found.append(item.unalias())
        return found[0] if len(found) == 1 else None

    def _directions(self) -> bool:
        for pattern, descending in ((say.TURN, None), (say.UP, False), (say.DOWN, True)):
            match = pattern.search(self.text)
            if match is None or self._is_done(*match.span()):
                continue
            figure = next(
                (i for i in self.revision.select.selects if self.revision.aggregated and i not in self.revision.keys),
                None,
            )
            if not self.revision.turn(descending=descending):
                if figure is None:
                    return False
                self.revision.sort(figure, descending=bool(descending))
            if descending is None or not self.retold.extreme(match[0]):
                self.retold.also(f"{match[0].lower()} first" if descending is not None else "the other way round")
            self.changes.append(f"sorted {match[0].lower()}")
            self._take(*match.span())
            return True
        return True

    def _figures(self) -> bool:
        match = say.FIGURE.search(self.text)
        if match is None or self._is_done(*match.span()):
            return True
        name = next(n for n, g in zip(say.NAMES, match.groups(), strict=True) if g)
        named = self.columns_named()
        if say.SHOWN.search(self._before_at(match.start())) and any(a <= match.start() < b for _, _, a, b in named):
            return True  # `with the total` names a column
        of = [n for n in named if 0 <= n[2] - match.start() <= len(match[0]) + 5 and self._is_summed(n)]
        if of and self.revision.aggregated:
            entity, field, begin, end = of[0]
            column = self.revision.column(entity, field)
            if column is None or not self.revision.measure(name, column):
                return False
            self.retold.also(f"the {name} {self.text[begin:end]}")
            self.changes.append(f"the {name} of {field}")
            self._take(match.start(), end)
            return True
        if name == "count" and self.changes and self.revision.aggregated:
            figures = [i for i in self.revision.select.selects if i.find(exp.Count)]
            if figures:
                return True  # `how many of them are open?` after a count: the count stays
        if not self.revision.measure(name):
            return False
        self.retold.figure(name)
        self.changes.append(f"the {name}")
        self._take(*match.span())
        return True

    @staticmethod
    def _is_summed(named: tuple[Entity, str, int, int]) -> bool:
        return _is_amount(named[0].field(named[1]).type)

    def _shows(self) -> bool:
        for link in self._links:
            begin = link.end - len(link.phrase)
            if self._is_done(begin, link.end) or link.values or link.told or link.flag:
                continue
            place = self.chosen(link)
            column = self.revision.column(*place) if place else None
            if place is None or column is None:
                return False
            ahead = self._before_at(begin)
            if say.SORTED.search(ahead):
                descending = bool(
                    re.search(r"\bdescending\b|\bhighest\b|\blargest\b|\blatest\b", self.text, re.IGNORECASE)
                )
                self.revision.sort(column, descending=descending)
                self.retold.also(f"sorted by {link.phrase}")
                self.changes.append(f"sorted by {place[1]}")
            elif say.SHOWN.search(ahead) and self.revision.show(column):
                self.retold.also(f"with the {link.phrase}")
                self.changes.append(f"with {place[1]}")
            else:
                return False
            self._take(begin, link.end)
        for entity, name, begin, end in self.columns_named():
            column = self.revision.column(entity, name) if say.SHOWN.search(self._before_at(begin)) else None
            if column is not None and not self._is_done(begin, end) and self.revision.show(column):
                self.retold.also(f"with the {self.text[begin:end]}")
                self.changes.append(f"with {name}")
                self._take(begin, end)
        return True


def _is_amount(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
