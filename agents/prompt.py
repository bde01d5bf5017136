"""What the model reads: short cards of entities, a few solved questions, and the question.

A small catalog is shown whole, so that the beginning of every prompt is the same and is evaluated
only once. From a large one the entities that fit the question are retrieved, so that a
thousand entities cost no more than ten.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from groundwire.core.catalog import Catalog, Entity, Field

WHOLE_CATALOG_CHARACTERS = 9_000
"""Catalogs whose cards are shorter than this are shown whole."""
RETRIEVED = 6
"""Entities retrieved from a larger catalog, their neighbours not counted."""
_MOST_VALUES = 8

INSTRUCTIONS = """You write one DuckDB query, FROM first, that answers the question from these tables. Rules:
- Choose the table whose rows are counted, summed or listed. Never write JOIN: follow a relation with dots. FROM orders, customer.country is the country of the order's customer.
- Return exactly the columns that the question asks for, in that order.
- Which 5, top 5, the 5 highest: ORDER BY it DESC LIMIT 5.
- Use only values listed for a column where values are listed. Today is CURRENT_DATE.
- The past 30 days: date >= CURRENT_DATE - INTERVAL '30 days'. Last month: date >= DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month' AND date < DATE_TRUNC('month', CURRENT_DATE).
- A share or rate: SUM(CASE WHEN condition THEN 1 ELSE 0 END) * 1.0 / COUNT(*).
- If no table holds what is asked, write CANNOT ANSWER: and what is missing."""

EXAMPLES = """Examples for tables orders(id, customer_id, product_id, status, total, ordered_at; customer, product), customers(id, name, country, joined_on; many orders), products(id, title, kind):
Q: Which 3 countries have the highest order totals? Return the country, number of orders and total.
FROM orders SELECT customer.country, COUNT(*) AS orders, SUM(total) AS total GROUP BY customer.country ORDER BY total DESC LIMIT 3
Q: How many customers are there per country?
FROM customers SELECT country, COUNT(*) AS customers GROUP BY country ORDER BY customers DESC
Q: What are the 2 most expensive open orders?
FROM orders SELECT id, total WHERE status = 'open' ORDER BY total DESC LIMIT 2
Q: What share of orders was cancelled per customer, for customers with at least 2 orders?
FROM orders SELECT customer.name, SUM(CASE WHEN status = 'cancelled' THEN 1 ELSE 0 END) * 1.0 / COUNT(*) AS share GROUP BY customer.name HAVING COUNT(*) >= 2
Q: Customers who never ordered a book, with id and name
FROM customers SELECT id, name WHERE NOT EXISTS (SELECT 1 FROM orders WHERE product.kind = 'book')
Q: Orders per month in 2023 by product title
FROM orders SELECT product.title, DATE_TRUNC('month', ordered_at) AS month, COUNT(*) AS orders WHERE ordered_at >= '2023-01-01' AND ordered_at < '2024-01-01' GROUP BY product.title, month
Q: Which employee packed the most orders?
CANNOT ANSWER: no table records who packed an order"""


def card(entity: Entity, catalog: Catalog, shown: set[str] | None = None) -> str:
    """An entity in a few lines: fields with types and values, then relations."""
    name = catalog.short_name(entity)
    about = entity.description or (entity.label if entity.label.lower() not in name.lower() else "")
    head = name + (f" -- {about.splitlines()[0][:100]}" if about else "")
    if entity.synonyms:
        head += f" (also: {', '.join(entity.synonyms)})"
    fields = ", ".join(_field(f) for f in entity.fields)
    lines = [head, f"  {fields}"]
    ones = [
        f"{r.name} -> {catalog.short_name(catalog.target(r))}"
        for r in entity.relations
        if not r.many and (shown is None or r.target in shown)
    ]
    if ones:
        lines.append("  relations: " + ", ".join(ones))
    many = [r.name for r in entity.relations if r.many and (shown is None or r.target in shown)]
    if many:
        lines.append("  many: " + ", ".join(many))
    if entity.measures:
        lines.append(
            "  measures: "
            + ", ".join(m.name + (f" ({m.description})" if m.description else "") for m in entity.measures)
        )
    return "\n".join(lines)


def _field(field: Field) -> str:
    text = f"{field.name} {_type(field.type)}"
    if field.values and len(field.values) <= 25 and not field.sensitive:
        values = field.values[:_MOST_VALUES]
        more = ", ..." if len(field.values) > _MOST_VALUES else ""
        text += " (" + ", ".join(repr(v) for v in values) + more + ")"
    words = [*field.synonyms, *([field.description.splitlines()[0][:60]] if field.description else [])]
    if words:
        text += f" [{'; '.join(words)}]"
    return text


def _type(type_: pa.DataType) -> str:
    if pa.types.is_integer(type_):
        return "int"
    if pa.types.is_decimal(type_) or pa.types.is_floating(type_):
        return "number"
    if pa.types.is_timestamp(type_):
        return "timestamp"
    if pa.types.is_date(type_):
        return "date"
    return "bool" if pa.types.is_boolean(type_) else "text"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The entities that a prompt shows, and how the model writes their names."""

    entities: tuple[Entity, ...]
    whole: bool

    def names(self, catalog: Catalog) -> dict[str, str]:
        """Full name to the form in which the model writes it."""
        return {e.full_name: catalog.short_name(e) for e in self.entities}


def choose(question: str, catalog: Catalog) -> Shown:
    """All entities of a small catalog, else those that fit the question, with what they relate to."""
    everything = sorted(catalog, key=lambda e: e.full_name)
    if sum(len(card(e, catalog)) for e in everything) <= WHOLE_CATALOG_CHARACTERS:
        return Shown(entities=tuple(everything), whole=True)
    ranked = Retriever(catalog).rank(question)
    chosen: dict[str, Entity] = {}
    budget = WHOLE_CATALOG_CHARACTERS // 2
    for entity in ranked[:RETRIEVED]:
        budget -= len(card(entity, catalog))
        if budget < 0 and chosen:
            break
        chosen[entity.full_name] = entity
    return Shown(entities=tuple(sorted(chosen.values(), key=lambda e: e.full_name)), whole=False)


def system_text(shown: Shown, catalog: Catalog) -> str:
    """The unchanging beginning of a prompt for these entities."""
    names = {e.full_name for e in shown.entities}
    cards = "\n".join(card(e, catalog, names) for e in shown.entities)
    return f"{INSTRUCTIONS}\n\n{EXAMPLES}\n\nTables:\n{cards}"


def question_text(question: str, hints: str = "", today: date | None = None) -> str:
    """The part that differs: the question and the asker's hints."""
    text = f"Q: {question.strip()}"
    if hints.strip():
        text += f"\nHint: {hints.strip()}"
    return text


_WORD = re.compile(r"[^\W\d_]+|\d+", re.UNICODE)


def words(text: str) -> list[str]:
    """Lower-case words with CamelCase split and plural endings dropped."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).replace("_", " ")
    found = []
    for word in _WORD.findall(spaced.lower()):
        if len(word) > 3 and word.endswith("ies"):
            word = word[:-3] + "y"
        elif len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
            word = word[:-1]
        found.append(word)
    return found


class Retriever:
    """Entities by the words of their names, fields, values and synonyms (BM25 over weighted words)."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.documents = {e.full_name: _document(e) for e in catalog}
        self.frequency: Counter[str] = Counter(w for d in self.documents.values() for w in d)
        self.average = sum(sum(d.values()) for d in self.documents.values()) / max(1, len(self.documents))

    def rank(self, question: str) -> list[Entity]:
        """Entities, best first; neighbours of good ones move up."""
        asked = set(words(question))
        scores = {name: self._score(asked, document) for name, document in self.documents.items()}
        lifted = dict(scores)
        for entity in self.catalog:
            for relation in entity.relations:
                if relation.target in scores:
                    lifted[relation.target] = max(
                        lifted[relation.target], scores[relation.target] + 0.3 * scores[entity.full_name]
                    )
        order = sorted(lifted, key=lambda n: (-lifted[n], n))
        return [self.catalog.entity(n) for n in order if lifted[n] > 0]

    def _score(self, asked: Iterable[str], document: Counter[str]) -> float:
        length = sum(document.values())
        total = 0.0
        for word in asked:
            count = document.get(word, 0)
            if not count:
                continue
            rarity = math.log(1 + (len(self.documents) - self.frequency[word] + 0.5) / (self.frequency[word] + 0.5))
            total += rarity * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / self.average))
        return total


def _document(entity: Entity) -> Counter[str]:
    document: Counter[str] = Counter()
    for text, weight in (
        (entity.name, 4),
        (entity.label, 3),
        (" ".join(entity.synonyms), 4),
        (entity.description, 2),
        (entity.source, 1),
    ):
        for word in words(text):
            document[word] += weight
    for field in entity.fields:
        for word in words(" ".join([field.name, field.label, *field.synonyms, *field.values])):
            document[word] += 1
    return document
