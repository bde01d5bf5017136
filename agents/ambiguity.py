"""Two readings of a question that are equally likely: a word that is a value of two fields, a time said of two dates.

Found in the query that was written, by exchanging the field. Whether it matters is decided by the answers: readings
with the same result are no reason to ask back.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from groundwire.agents import linking, periods
from groundwire.agents.moments import likely_moments
from groundwire.agents.revision import Revision
from groundwire.core.catalog import Entity
from groundwire.core.errors import GroundwireError, QueryError, Stopped
from groundwire.core.hub import Hub

_MOST_ROWS = 1000


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One reading: what people are shown, the field it takes, and the query."""

    text: str
    value: str
    sql: str


@dataclass(frozen=True, kw_only=True)
class Unclear:
    """Words with several readings; the one that was taken is the first.

    Attributes:
        phrase: the words.
        key: of `languages`, for the question back.
        owner: the entity whose field is in question.
        readings: all of them.
    """

    phrase: str
    key: str
    owner: str
    readings: tuple[Reading, ...]


def other_reading(
    hub: Hub, question: str, sql: str, entities: Sequence[Entity], names: Mapping[str, str]
) -> Unclear | None:
    """What of a question can as well be read in another way; None where nothing can.

    Args:
        hub: whose catalog the names are of.
        question: a whole question.
        sql: the query that answered it.
        entities: what was shown to the model; `names` how it writes each.
    """
    try:
        revision = Revision(sql, hub.catalog, hub.clock())
    except QueryError:
        return None
    return _value_of_two(question, revision, entities, names) or _time_of_two(question, revision, entities, names)


def _value_of_two(
    question: str, revision: Revision, entities: Sequence[Entity], names: Mapping[str, str]
) -> Unclear | None:
    by_name = {names[e.full_name].replace('"', ""): e for e in entities}
    for link in linking.find(question, entities, names):
        if not link.values or len(link.columns) < 2:
            continue
        places = []
        for column in link.columns:
            name, _, field = column.replace('"', "").rpartition(".")
            if name in by_name:
                places.append((by_name[name], field))
        used = [p for p in places if set(link.values) & set(revision.values_at(p[0].full_name, p[1]))]
        if len(used) != 1 or len(places) < 2:
            continue
        others = [p for p in places if p != used[0] and (p[0] is revision.root) == (used[0][0] is revision.root)]
        readings = [_read(used[0], link.values, revision.sql)]
        for other in others:
            changed = revision.copy()
            if changed.exchange(used[0], other, link.values):
                readings.append(_read(other, link.values, changed.sql))
        if len(readings) > 1:
            return Unclear(
                phrase=link.phrase.lower(), key="which reading", owner=used[0][0].full_name, readings=tuple(readings)
            )
    return None


def _read(place: tuple[Entity, str], values: Sequence[str], sql: str) -> Reading:
    name = f"{place[0].full_name}.{place[1]}"
    return Reading(text=f"{name} = {', '.join(values)}", value=name, sql=sql)


def _time_of_two(
    question: str, revision: Revision, entities: Sequence[Entity], names: Mapping[str, str]
) -> Unclear | None:
    """A time that is said of records which have several dates, none of them likelier."""
    spans = periods.find(question)
    _, place = revision.period()
    if len(spans) != 1 or place is None or place.entity is not revision.root:
        return None
    if any(link.moment for link in linking.find(question, entities, names)):
        return None  # the question says which
    likely = likely_moments(place.entity)
    if len(likely) < 2 or place.field.name not in likely:
        return None
    readings = []
    for name in dict.fromkeys([place.field.name, *likely]):
        changed = revision.copy()
        if name != place.field.name:
            changed.rename(place, name)
        full = f"{place.entity.full_name}.{name}"
        readings.append(Reading(text=full, value=full, sql=changed.sql))
    return Unclear(phrase=spans[0].text, key="which moment", owner=place.entity.full_name, readings=tuple(readings))


def differ(hub: Hub, queries: Sequence[str], max_age: str | None, stop: threading.Event | None) -> bool:
    """Whether queries have different results, or one can't be answered."""
    seen = []
    for sql in queries:
        try:
            result = hub.query(sql, max_age=max_age, limit=_MOST_ROWS, stop=stop)
        except Stopped:
            raise
        except GroundwireError:
            continue  # no reading that could be shown
        seen.append(sorted(map(repr, result.rows())))
    return len(seen) > 1 and any(rows != seen[0] for rows in seen[1:])
