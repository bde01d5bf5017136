"""Links between systems, suggested with their evidence: names, types, and values that are found at both ends.

A link leads from a field whose values are found in a field of another system that holds none twice: customer
numbers, addresses of people, codes of items. Values are read from a sample here and looked up over there, so two large
tables need not show the same records first. What a value proves depends on what it is: codes that are the same in two
systems are hardly the same by chance, small numbers always are, so numbers need a name that says so too. Nothing is
linked by this: people accept what they know to be true.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from groundwire.core.catalog import Catalog, Entity, Field, names_a_secret
from groundwire.core.connector import Comparison, Connector, Predicate, Pushdown, Scan, ScanReport
from groundwire.core.errors import SourceError
from groundwire.core.relations import KEY_ENDING, SAMPLE_ROWS, looks_like_key, same_kind, singular

LOOKED_UP = 100
"""Values of a field that are looked up in another system."""
READ_AT_MOST = 20_000
"""Records that are read of a field in which nothing can be looked up."""
LEAST_VALUES = 3
"""Different values that must be found at both ends."""
LEAST_SHARE = 0.5
"""Share of the values that must be found, for names to decide; without them, nearly all must be."""
NEARLY_ALL = 0.9
_IDENTIFIES = re.compile(
    r"e?mail|phone|code|number|\bno\b|\bnr\b|\bref\b|reference|sku|ean|gtin|isbn|vat|tax_?id|duns|serial|uuid|guid|handle"
    r"|domain|website|plate|\bvin\b|external",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_EMPTY_WORDS = {"id", "no", "nr", "number", "code", "key", "ref", "reference", "the", "of"}
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A link that the values speak for.

    Attributes:
        source, field: where it begins: many records here belong to one there.
        target, key: where it ends.
        name, reverse: what its relations would be called.
        looked_up, found: different values of the sample, and those of them that the other end has.
        names: how alike the names are, from 0 to 1.
        examples: some of the values that both ends have.
    """

    source: Entity
    field: Field
    target: Entity
    key: Field
    name: str
    reverse: str
    looked_up: int
    found: int
    names: float
    examples: tuple[str, ...]

    @property
    def share(self) -> float:
        """Of the values looked up, those that were found."""
        return self.found / self.looked_up

    @property
    def evidence(self) -> str:
        """Why, in one line."""
        alike = "names agree" if self.names >= 0.5 else "names are related" if self.names > 0 else "names differ"
        shown = ", ".join(json.dumps(e, ensure_ascii=False) for e in self.examples)
        return f"{self.found} of {self.looked_up} values are found there ({shown}), {alike}, both {self.key.type}"

    def to_dict(self) -> dict[str, Any]:
        """For scripts."""
        ends = {"from": f"{self.source.full_name}.{self.field.name}", "to": f"{self.target.full_name}.{self.key.name}"}
        proof = {"looked_up": self.looked_up, "found": self.found, "names": round(self.names, 2)}
        return {**ends, "name": self.name, "reverse": self.reverse, **proof, "examples": [*self.examples]}

    def to_toml(self) -> str:
        """As it stands in a configuration, the evidence before it."""
        shown = self.to_dict()
        lines = [f"{key} = {json.dumps(shown[key], ensure_ascii=False)}" for key in ("from", "to", "name", "reverse")]
        return "\n".join([f"# {self.evidence}", "[[links]]", *lines, ""])


def suggest_links(
    catalog: Catalog,
    connectors: Mapping[str, Connector],
    *,
    seconds: float = 60.0,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Suggestion]:
    """What could link entities of different sources, best first; what is linked already is left out.

    Args:
        catalog: of all sources, with sensitive fields marked: those are never read.
        connectors: by source, asked for samples.
        seconds: after which no more is read.
        tell: called with a line as entities are read.
    """
    reader = _Reader(connectors, time.monotonic() + seconds, tell)
    samples = reader.samples(catalog)
    keys = [end for end in samples if end.could_be_key]
    found: list[Suggestion] = []
    for here in samples:
        told = [t for t in keys if _comparable(here, t, catalog)]
        suggested = [s for t in told if (s := _suggestion(here, t, reader, catalog)) is not None]
        best = max((_rank(s) for s in suggested), default=0.0)
        found += [s for s in suggested if _rank(s) >= best - 0.1]
    return sorted(_one_way(found), key=_rank, reverse=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class _End:
    """A field with a sample of its values.

    Attributes:
        values: how often each occurred.
        whole: whether these are all that there are.
    """

    entity: Entity
    field: Field
    values: Counter[Any]
    whole: bool

    @property
    def could_be_key(self) -> bool:
        """No value of the sample occurs twice."""
        return max(self.values.values()) == 1

    @property
    def says_little(self) -> bool:
        """Whether its values are such as every system has: numbers, and texts of a sign or two."""
        return not pa.types.is_string(self.field.type) or sum(len(v) < 3 or v.isdigit() for v in self.values) * 2 > len(
            self.values
        )


class _Reader:
    """Reads samples and looks up values, until its time is over."""

    def __init__(self, connectors: Mapping[str, Connector], deadline: float, tell: Callable[[str], None]) -> None:
        self.connectors = connectors
        self.deadline = deadline
        self.tell = tell

    def samples(self, catalog: Catalog) -> list[_End]:
        """Fields that could be an end of a link, with values."""

        def one(entity: Entity) -> list[_End]:
            fields = [f for f in entity.fields if _identifies(f, entity)]
            if not fields or time.monotonic() > self.deadline:
                return []
            self.tell(f"reading {entity.full_name}")
            columns, whole = self._read(entity, [f.name for f in fields], SAMPLE_ROWS)
            ends = [
                _End(
                    entity=entity,
                    field=f,
                    values=Counter(v for v in columns[f.name] if v not in (None, "")),
                    whole=whole,
                )
                for f in fields
            ]
            return [end for end in ends if len(end.values) >= LEAST_VALUES]

        by_source = [[e for e in catalog if e.source == name] for name in catalog.sources]
        entities = [e for row in itertools.zip_longest(*by_source) for e in row if e is not None]
        with ThreadPoolExecutor(max_workers=8) as pool:
            return [end for ends in pool.map(one, entities) for end in ends]

    def look_up(self, values: Sequence[Any], there: _End) -> Counter[Any] | None:
        """How often these values occur at the other end; None where it can't be said."""
        known = Counter({v: there.values[v] for v in values if v in there.values})
        if there.whole:
            return known
        connector = self.connectors[there.entity.source]
        asked = Comparison(field=there.field.name, op="in", value=tuple(values))
        if connector.supports(there.entity, asked) is Pushdown.NONE:
            columns, whole = self._read(there.entity, [there.field.name], READ_AT_MOST)
            everything = Counter(columns[there.field.name])
            return Counter({v: everything[v] for v in values if v in everything}) if whole or known else None
        found, wanted = Counter[Any](), set(values)
        size = connector.capabilities.max_in
        for start in range(0, len(values), size):
            part = Comparison(field=there.field.name, op="in", value=tuple(values[start : start + size]))
            columns, _ = self._read(there.entity, [there.field.name], READ_AT_MOST, part)
            found.update(v for v in columns[there.field.name] if v in wanted)
        return found

    def _read(
        self, entity: Entity, names: Sequence[str], rows: int, where: Predicate | None = None
    ) -> tuple[dict[str, list[Any]], bool]:
        """Columns of some records, and whether these are all; what can't be read has none."""
        connector, columns = self.connectors[entity.source], {n: list[Any]() for n in names}
        types = {n: entity.field(n).type for n in names}
        limit = rows if connector.capabilities.limit and where is None else None
        scan = Scan(entity=entity, fields=tuple(names), where=where, limit=limit, types=types)
        stream: Iterator[pa.RecordBatch] = iter(connector.scan(scan, ScanReport(deadline=self.deadline)))
        count = 0
        try:
            for batch in stream:
                for name, column in zip(names, batch.columns, strict=True):
                    columns[name] += column.to_pylist()
                count += batch.num_rows
                if count >= rows:
                    break
        except SourceError:
            return {n: [] for n in names}, False
        finally:
            if close := getattr(stream, "close", None):
                close()
        return columns, count < rows


def _identifies(field: Field, entity: Entity) -> bool:
    """Whether a field may tell records apart, by its name, and may be looked at."""
    if field.sensitive or names_a_secret(field.name) or "." in field.name:
        return False
    if not (pa.types.is_string(field.type) or pa.types.is_integer(field.type)):
        return False
    words = f"{field.name} {field.label}"
    key = entity.primary_key == (field.name,) or field.name.lower() == "id"
    return key or looks_like_key(field) or bool(_IDENTIFIES.search(words))


def _comparable(here: _End, there: _End, catalog: Catalog) -> bool:
    if here.entity.source == there.entity.source or not same_kind(here.field.type, there.field.type):
        return False
    linked = ((r.target, pair) for r in here.entity.relations for pair in r.on)
    return (there.entity.full_name, (here.field.name, there.field.name)) not in linked


def _suggestion(here: _End, there: _End, reader: _Reader, catalog: Catalog) -> Suggestion | None:
    """The link from one end to another, if names and values speak for it."""
    names = _likeness(here, there)
    if names < 0.5 and (here.says_little or there.says_little):
        return None
    values = list(here.values)[:LOOKED_UP]
    if names == 0 and not any(v in there.values for v in here.values):
        return None
    counts = reader.look_up(values, there)
    if not counts or max(counts.values()) > 1 or len(counts) < LEAST_VALUES:
        return None
    share = len(counts) / len(values)
    if share < LEAST_SHARE or (share < NEARLY_ALL and (names == 0 or here.says_little)):
        return None
    name, reverse = _relation_names(here, there)
    return Suggestion(
        source=here.entity,
        field=here.field,
        target=there.entity,
        key=there.field,
        name=name,
        reverse=reverse,
        looked_up=len(values),
        found=len(counts),
        names=names,
        examples=tuple(str(v) for v in list(counts)[:_SHOWN]),
    )


def _rank(suggestion: Suggestion) -> float:
    return suggestion.share + suggestion.names / 2


def _one_way(found: Iterable[Suggestion]) -> list[Suggestion]:
    """Of two ends that are keys of each other, the one whose values are found more often begins the link."""
    best: dict[frozenset[str], Suggestion] = {}
    for s in found:
        ends = frozenset((f"{s.source.full_name}.{s.field.name}", f"{s.target.full_name}.{s.key.name}"))
        if ends not in best or _rank(s) > _rank(best[ends]):
            best[ends] = s
    return list(best.values())


# -- names -----------------------------------------------------------------------------------


def _likeness(here: _End, there: _End) -> float:
    """How alike the names of two fields are, from 0 to 1, the names of their entities minded."""
    one, other = _words(here.field), _words(there.field)
    entity = {singular(w) for w in _words_of(there.entity.name.rpartition(".")[2])}
    named_after = (one - _EMPTY_WORDS) & entity
    common = (one & other) - _EMPTY_WORDS
    if here.field.name.lower() == there.field.name.lower() and one - _EMPTY_WORDS:
        return 1.0
    if named_after and (one | entity) >= other - _EMPTY_WORDS:
        return 1.0
    smaller = min(len(one - _EMPTY_WORDS), len(other - _EMPTY_WORDS)) or 1
    share = len(common) / smaller
    return max(share * 0.75, 0.5 if named_after else 0.0, 0.25 if one & other else 0.0)


def _words(field: Field) -> set[str]:
    return {singular(w) for w in _words_of(field.name)}


def _words_of(name: str) -> set[str]:
    return {w.lower() for w in _WORDS.findall(name)}


def _relation_names(here: _End, there: _End) -> tuple[str, str]:
    """What the link may be called in both directions, free of clashes."""
    target = singular(there.entity.name.rpartition(".")[2])
    stem = KEY_ENDING.sub("", here.field.name).rstrip("_") or target
    natural = stem if stem.lower() in target.lower() and stem != here.field.name else target
    back = f"{here.entity.source}_{here.entity.name.rpartition('.')[2]}"
    return _free(re.sub(r"\W", "_", natural), here.entity), _free(re.sub(r"\W", "_", back), there.entity)


def _free(name: str, entity: Entity) -> str:
    taken = {r.name.lower() for r in entity.relations} | {f.name.lower() for f in entity.fields}
    return next(
        n for n in itertools.chain([name], (f"{name}_{i}" for i in itertools.count(2))) if n.lower() not in taken
    )
