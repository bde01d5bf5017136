"""What the model reads: short cards of entities, a few solved questions, and the question.

A small catalog is shown whole, so that the beginning of every prompt is the same and is evaluated
only once. From a large one the entities that fit the question are retrieved, so that a
thousand entities cost no more than ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from groundwire.agents.grammar import choices, told_relations, written_names
from groundwire.agents.retrieval import retriever
from groundwire.agents.wording import stems
from groundwire.core.catalog import Catalog, Entity, Field

WHOLE_CATALOG_CHARACTERS = 9_000
"""Catalogs whose cards are shorter than this are shown whole."""
RETRIEVED = 6
"""Entities retrieved from a larger catalog, their neighbours not counted."""
_MOST_VALUES = 8

INSTRUCTIONS = """You write one query that answers the question. Always write table.column. Never write JOIN, they are added. COUNT(table.*) counts records of a table. column DURING 'words' selects a time that the question names. Return exactly the columns asked for, in that order. Filter only by what the question says, with values listed for a column where values are listed. A hint says where a word of the question is found. If no table holds what is asked, write CANNOT ANSWER: and what is missing."""

EXAMPLES = """Example tables:
Table orders: id int, customer_id int -> customers, product_id int -> products, status text ('open', 'paid', 'cancelled'), total number, ordered_at timestamp, shipped_at timestamp
Table customers: id int, name text, email text, country text, joined_on date
Table products: id int, title text, kind text ('book', 'toy', 'tool')
Table stock_levels: product_id int -> products, level int, taken_at timestamp

Q: Which 3 countries have the highest order totals in the past 30 days? Return the country, number of orders and total.
SELECT customers.country, COUNT(orders.*) AS orders, SUM(orders.total) AS total FROM orders WHERE orders.ordered_at DURING 'past 30 days' GROUP BY customers.country ORDER BY total DESC LIMIT 3
Q: How many customers are there per country?
SELECT customers.country, COUNT(customers.*) AS customers FROM customers GROUP BY customers.country
Q: How many orders from customers in France are in each status?
Hint: France is customers.country = 'France'
SELECT orders.status, COUNT(orders.*) AS orders FROM orders WHERE customers.country = 'France' GROUP BY orders.status
Q: What is the total of orders per kind of product?
Hint: kind is products.kind
SELECT products.kind, SUM(orders.total) AS total FROM orders GROUP BY products.kind
Q: What are the 2 most expensive open orders?
SELECT orders.id, orders.total FROM orders WHERE orders.status = 'open' ORDER BY orders.total DESC LIMIT 2
Q: What percentage of orders was cancelled per customer, for customers with at least 2 orders? Sort from highest to lowest.
SELECT customers.name, SUM(CASE WHEN orders.status = 'cancelled' THEN 1 ELSE 0 END) * 100.0 / COUNT(orders.*) AS percentage FROM orders GROUP BY customers.name HAVING COUNT(orders.*) >= 2 ORDER BY percentage DESC
Q: Which customers never ordered a thing in 2024? Return id and name.
SELECT customers.id, customers.name FROM customers WHERE customers.id NOT IN (SELECT orders.customer_id FROM orders WHERE orders.ordered_at DURING '2024')
Q: Orders of books per month in the last 3 months excluding the current month. How many were placed on weekends?
SELECT DATE_TRUNC('month', orders.ordered_at) AS month, COUNT(orders.*) AS orders, SUM(CASE WHEN EXTRACT(DOW FROM orders.ordered_at) IN (0, 6) THEN 1 ELSE 0 END) AS weekend_orders FROM orders WHERE products.kind = 'book' AND orders.ordered_at DURING 'last 3 months' GROUP BY DATE_TRUNC('month', orders.ordered_at) ORDER BY month
Q: What is the average total per product and month, and its change from the previous month?
SELECT products.title, DATE_TRUNC('month', orders.ordered_at) AS month, AVG(orders.total) AS average, AVG(orders.total) - LAG(AVG(orders.total)) OVER (PARTITION BY products.title ORDER BY DATE_TRUNC('month', orders.ordered_at)) AS change FROM orders GROUP BY products.title, DATE_TRUNC('month', orders.ordered_at)
Q: What share of orders was paid? And how many days passed between the first and the last?
SELECT SUM(CASE WHEN orders.status = 'paid' THEN 1 ELSE 0 END) * 1.0 / COUNT(orders.*) AS share, MAX(orders.ordered_at) - MIN(orders.ordered_at) AS days FROM orders
Q: How many orders of known customers have not been shipped yet? Leave out cancelled ones.
SELECT COUNT(orders.*) AS orders FROM orders WHERE orders.customer_id IS NOT NULL AND orders.shipped_at IS NULL AND orders.status <> 'cancelled'
Q: Which employee packed the most orders?
CANNOT ANSWER: no table records who packed an order
Q: What is the current stock level of each product? Return the title and level.
SELECT products.title, ARG_MAX(stock_levels.level, stock_levels.taken_at) AS level FROM stock_levels GROUP BY products.title
Q: How many distinct customers whose name starts with A or B and who have a .org email bought tools, and how long did shipping take on average, in seconds?
SELECT COUNT(DISTINCT orders.customer_id) AS customers, AVG(orders.shipped_at - orders.ordered_at) AS seconds FROM orders WHERE (LOWER(customers.name) LIKE 'a%' OR LOWER(customers.name) LIKE 'b%') AND customers.email LIKE '%.org' AND products.kind = 'tool'
Q: Who ordered the most in the month in which they joined? Return name, number of orders and rank.
SELECT customers.name, COUNT(orders.*) AS orders, RANK() OVER (ORDER BY COUNT(orders.*) DESC) AS rank FROM orders WHERE DATE_TRUNC('month', orders.ordered_at) = DATE_TRUNC('month', customers.joined_on) GROUP BY customers.name ORDER BY orders DESC LIMIT 1"""


def short_names(catalog: Catalog) -> dict[str, str]:
    """Full name to the shortest form with its source, of every entity."""
    return {e.full_name: catalog.short_name(e) for e in catalog}


def card(entity: Entity, names: Mapping[str, str]) -> str:
    """An entity in a few lines: its fields with types, values and what they refer to.

    Args:
        entity: what to show.
        names: how it and the entities that may be referred to are written.
    """
    about = entity.description.splitlines()[0][:100] if entity.description else ""
    if not about and entity.label and entity.label.lower() not in entity.name.lower():
        about = entity.label
    notes = [n for n in (about, f"also: {', '.join(entity.synonyms)}" if entity.synonyms else "") if n]
    head = f"Table {names[entity.full_name]}" + (f" ({'; '.join(notes)})" if notes else "")
    items = [_field(f, entity, _reference(f, entity, names)) for f in entity.fields]
    items += [f"{m.name} = {m.description or 'measure'}" for m in entity.measures]
    return f"{head}: {', '.join(items)}"


def _reference(field: Field, entity: Entity, names: Mapping[str, str]) -> str:
    """` -> customers`, with the relation's name where that is not the entity's."""
    there = [r for r in entity.relations if not r.many and r.on[0][0] == field.name and r.target in names]
    told = {r.name for r in told_relations(entity, names)}
    texts = [names[r.target] + (f" as {r.name}" if r.name in told else "") for r in there]
    return f" -> {' or '.join(texts)}" if texts else ""


def _field(field: Field, entity: Entity, reference: str) -> str:
    text = f"{field.name} {_type(field.type)}{reference}"
    values = choices(field, entity)
    if values:
        more = ", ..." if len(values) > _MOST_VALUES else ""
        text += " (" + ", ".join(_value(v, field) for v in values[:_MOST_VALUES]) + more + ")"
    told = field.description and not any(label in field.description for label in field.labels.values())
    words = [*field.synonyms, *([field.description.splitlines()[0][:60]] if told else [])]
    if words:
        text += f" [{'; '.join(words)}]"
    return text


def _value(value: str, field: Field) -> str:
    """A value, with what people see for it where that is another word."""
    label = field.labels.get(value, "")
    return repr(value) + (f" = {label}" if label and stems(label) != stems(value) else "")


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
    """The entities that a prompt shows; `whole` where they are all of the catalog."""

    entities: tuple[Entity, ...]
    whole: bool

    def names(self, catalog: Catalog) -> dict[str, str]:
        """Full name to the form in which the model writes it."""
        return written_names(self.entities, {e.full_name: catalog.short_name(e) for e in self.entities})


def choose(question: str, catalog: Catalog) -> Shown:
    """All entities of a small catalog, else those that fit the question, with what they relate to."""
    everything = sorted(catalog, key=lambda e: e.full_name)
    names = short_names(catalog)
    if sum(len(card(e, names)) for e in everything) <= WHOLE_CATALOG_CHARACTERS:
        return Shown(entities=tuple(everything), whole=True)
    chosen: dict[str, Entity] = {}
    budget = WHOLE_CATALOG_CHARACTERS // 2
    for entity in retriever(catalog).choose(question, RETRIEVED):
        budget -= len(card(entity, names))
        if budget < 0 and chosen:
            break
        chosen[entity.full_name] = entity
    return Shown(entities=tuple(sorted(chosen.values(), key=lambda e: e.full_name)), whole=False)


def system_text(shown: Shown, catalog: Catalog, *, examples: bool = True) -> str:
    """The unchanging beginning of a prompt for these entities; `examples` are the solved questions."""
    names = shown.names(catalog)
    cards = "\n".join(card(e, names) for e in shown.entities)
    solved = f"{EXAMPLES}\n\n" if examples else ""
    return f"{INSTRUCTIONS}\n\n{solved}Tables:\n{cards}"


def question_text(
    question: str, hints: str = "", found: Iterable[str] = (), solved: Iterable[tuple[str, str]] = ()
) -> str:
    """The part that differs: the question, the asker's hints, and what code found out about it.

    Args:
        question: in the asker's words.
        hints: what else the asker says.
        found: hints of code.
        solved: questions of this house that resemble it, each with its draft.
    """
    lines = [f"Q: {' '.join(asked.split())}\n{draft}" for asked, draft in solved]
    lines.append(f"Q: {' '.join(question.split())}")
    notes = [*([" ".join(hints.split())] if hints.strip() else []), *found]
    if notes:
        lines.append(f"Hint: {'; '.join(n.rstrip('.;') for n in notes)}")
    return "\n".join(lines)
