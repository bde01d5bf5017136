"""What a small model's expressions mean where SQL would read them otherwise.

`later - earlier` is a number of days, hours or minutes, whichever is asked for; an average of ones and zeros is not
divided by their number again; what is in no list is not missed because of a NULL in the list; records that are found
through many others are listed once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyarrow as pa
from sqlglot import exp

from groundwire.agents import ways
from groundwire.agents.wording import EVERYBODY, TO_FIRST, Wording, stems
from groundwire.agents.wording import root as base
from groundwire.core.catalog import Entity

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_ASKED_UNIT = re.compile(
    r"\b(?:many|number of|in|average|median|mean|total)\s+(?:\w+\s+){0,2}?"
    r"(seconds?|minutes?|hours?|days?|nights?|weeks?|months?|years?)\b"
)
_PER = re.compile(
    r"\b(?:average|mean)\s+(?:number|quantity|count|total|amount|sum|value)\s+of\s+(?:\w+\s+){1,5}?per\s+(\w+)"
)
_ADDRESS = re.compile(r"%?(?:\S*@\S*|\.[a-z]{2,4})%?", re.IGNORECASE)
_MAIL = re.compile(r"e?mail|web|url|site|domain")
_TAKEN = re.compile(r"updat|snap|taken|record|measur|read|effective|as_?of|date|day|month")
_LATEST = re.compile(r"\b(?:latest|most recent(?:ly)?|newest|current|last (?:known|recorded)|up-to-date)\b")
_GREATEST = re.compile(r"\b(?:max\w*|highest|largest|biggest|greatest|peak|top)\b")
_OVER_BEFORE = re.compile(r"/ ?(?:[\w']+ ){0,3}?[\w_']*previous|\bdivided by (?:[\w']+ ){0,3}?[\w_']*previous")
_WHOLE = ("week", "month", "quarter", "year")


def read(select: exp.Select, root: Entity | None, by_name: Mapping[str, Entity], said: Wording) -> None:
    """Spell out one SELECT of a draft in place.

    Args:
        select: with the tables' own names before columns.
        root: where it starts.
        by_name: entities by the names that drafts have for them, in lower case.
        said: the question's words, for units of time.
    """
    for product in list(select.find_all(exp.Mul, exp.Div)):
        if isinstance(product.expression, exp.Literal) and product.expression.name in ("1", "1.0"):
            product.replace(product.this)
    for product in list(select.find_all(exp.Mul)):
        _hundredths_once(product)
    for difference in list(select.find_all(exp.Sub)):
        _one_extract(difference)
        _first_of_each(difference, root, by_name, said)
    for change in list(select.find_all(exp.Div)):
        _by_what_was_before(change, said)
    for days in list(select.find_all(exp.DateDiff)):
        _first_of_each(days, root, by_name, said)
    for difference in list(select.find_all(exp.Sub)):
        _elapsed(difference, by_name, said)
    for extract in list(select.find_all(exp.Extract)):
        _in_unit(extract, said)
    for ratio in list(select.find_all(exp.Div)):
        _average_of_shares(ratio)
    if root is not None:
        _per_record(select, root, by_name, said)
    for member in select.find_all(exp.In):
        _without_null(member)
    for like in list(select.find_all(exp.Like, exp.ILike)):
        _address(like, by_name)
    if _LATEST.search(" ".join(said.words).lower()) and not _GREATEST.search(" ".join(said.words).lower()):
        for greatest in list(select.find_all(exp.Max)):
            _latest(greatest, by_name, said)
    if root is not None and EVERYBODY.search(said.text):
        for total in list(select.find_all(exp.Sum)):
            _nothing_is_zero(total, root, by_name)
    if root is not None:
        for count in list(select.find_all(exp.Count)):
            _with_some(count, root, by_name)
        _once(select, root, by_name)
    _whole_days(select, by_name)


def _whole_days(select: exp.Select, by_name: Mapping[str, Entity]) -> None:
    """The month of a day begins on a day, and not at a time: for what is shown, and what that is sorted by."""
    for place in (*select.selects, *(select.args[k] for k in ("having", "order") if select.args.get(k))):
        for period in list(place.find_all(exp.DateTrunc, exp.TimestampTrunc)):
            if _moment(period.this, by_name) == "day" and not isinstance(period.parent, exp.Cast):
                period.replace(exp.cast(period.copy(), "date"))


def _one_extract(node: exp.Sub) -> None:
    """The seconds of one moment less those of another are the seconds between them."""
    one, other = node.this, node.expression
    if all(isinstance(e, exp.Extract) and e.name.upper() == "EPOCH" for e in (one, other)):
        between = exp.Sub(this=one.expression.copy(), expression=other.expression.copy())
        node.replace(exp.Extract(this=exp.var("EPOCH"), expression=between))


def _by_what_was_before(node: exp.Div, said: Wording) -> None:
    """`(now - before) / now` where the asker says that what was before is divided by."""
    change = node.this.unnest()
    if not isinstance(change, exp.Sub) or node.expression != change.this:
        return
    before = change.expression
    if before.find(exp.Lag) is not None and _OVER_BEFORE.search(said.text):
        node.set("expression", before.copy())


def _first_of_each(
    node: exp.Sub | exp.DateDiff, root: Entity | None, by_name: Mapping[str, Entity], said: Wording
) -> None:
    """From what each record belongs to until its first of these: `days from joining to the first order`."""
    match = TO_FIRST.search(said.text)
    if match is None or root is None or node.find(exp.AggFunc) is not None:
        return
    columns = [c for c in (node.this, node.expression) if isinstance(c, exp.Column)]
    places = [by_name.get(ways.qualifier(c)) for c in columns]
    if (
        len(columns) != 2
        or None in [_moment(c, by_name) for c in columns]
        or (places[0] is root) == (places[1] is root)
    ):
        return
    own, other = columns if places[0] is root else columns[::-1]
    if not any(w in stems(root.name) or root.name.lower().endswith(w) for w in stems(match["what"])):
        return
    found = (exp.Min if match["which"] in ("first", "earliest", "initial") else exp.Max)(this=own.copy())
    node.set("this", found)
    node.set("expression", other.copy())


def _elapsed(node: exp.Sub, by_name: Mapping[str, Entity], said: Wording) -> None:
    """A difference of two moments as a number."""
    if isinstance(node.parent, exp.Extract):
        return
    kinds = [_moment(node.this, by_name), _moment(node.expression, by_name)]
    if None in kinds:
        return
    unit = _unit(node, said) or ("day" if "day" in kinds or node.find_ancestor(exp.AggFunc) else "")
    if not unit:
        return  # a difference between two times is shown as it is
    later, earlier = node.this, node.expression
    if unit in _SECONDS:
        seconds = exp.Extract(this=exp.var("EPOCH"), expression=exp.Sub(this=_time(later), expression=_time(earlier)))
        made: exp.Expr = seconds if unit == "second" else exp.Div(this=seconds, expression=_number(_SECONDS[unit]))
        node.replace(exp.paren(made))
        return
    node.replace(exp.DateDiff(this=later.copy(), expression=earlier.copy(), unit=exp.var(unit.upper())))


def _in_unit(node: exp.Extract, said: Wording) -> None:
    """Seconds as the minutes, hours or days that they are called."""
    above = node.parent
    while isinstance(above, exp.AggFunc | exp.Paren | exp.Round | exp.Cast):
        above = above.parent
    unit = _unit(node, said)
    seconds = _SECONDS.get(unit, 86400 if unit == "day" else 1)
    if node.name.upper() == "EPOCH" and seconds > 1 and not isinstance(above, exp.Binary):
        node.replace(exp.paren(exp.Div(this=node.copy(), expression=_number(seconds))))


def _time(node: exp.Expr) -> exp.Expr:
    return exp.cast(node.copy(), "timestamp") if node.find(exp.CurrentDate) else node.copy()


def _number(value: int) -> exp.Expr:
    return exp.Literal.number(f"{value}.0")


def _unit(node: exp.Expr, said: Wording) -> str:
    """The unit in which a difference is asked for: the name that it is given goes before the question's words."""
    alias = node.find_ancestor(exp.Alias)
    words: list[str] = re.findall(r"[a-z]+", alias.alias.lower()) if alias is not None else []
    words += _ASKED_UNIT.findall(" ".join(said.words).lower())
    for word in words:
        single = word.removesuffix("s")
        if single in ("day", "night"):
            return "day"
        if single in _SECONDS or single in _WHOLE:
            return single
    return ""


def _moment(node: exp.Expr, by_name: Mapping[str, Entity]) -> str | None:
    """`day` or `time` for an expression that is a moment, else None."""
    if isinstance(node, exp.CurrentDate):
        return "day"
    if isinstance(node, exp.Min | exp.Max | exp.Paren):
        return _moment(node.this, by_name)
    if not isinstance(node, exp.Column):
        return None
    entity = by_name.get(ways.qualifier(node))
    field = entity.find_field(node.name) if entity is not None else None
    if field is None:
        return None
    return "day" if pa.types.is_date(field.type) else "time" if pa.types.is_timestamp(field.type) else None


def _average_of_shares(node: exp.Div) -> None:
    """`AVG(CASE WHEN ... THEN 1 ELSE 0 END) * 100.0 / COUNT(*)`: the average is the share already."""
    divisor = node.expression
    inner = node.this.find(exp.Avg)
    if not isinstance(divisor, exp.Count) or inner is None or not isinstance(inner.this, exp.Case):
        return
    node.replace(node.this)


def _hundredths_once(node: exp.Mul) -> None:
    """`(a * 100.0 / b) * 100`: hundredths already."""
    inner = node.this.unnest()
    if _is_hundred(node.expression) and isinstance(inner, exp.Div):
        part = inner.this.unnest()
        if isinstance(part, exp.Mul) and (_is_hundred(part.expression) or _is_hundred(part.this)):
            node.replace(node.this)


def _is_hundred(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.name in ("100", "100.0")


def _address(node: exp.Expr, by_name: Mapping[str, Entity]) -> None:
    """`.org` and `@` are parts of addresses: looked for where the only one of them is, not in any text."""
    pattern, column = node.expression, node.this.find(exp.Column)
    if column is None or not isinstance(pattern, exp.Literal) or not _ADDRESS.fullmatch(pattern.name):
        return
    if _MAIL.search(column.name.lower()):
        return
    mails = [(name, f.name) for name, e in by_name.items() for f in e.fields if _MAIL.search(f.name.lower())]
    if len(mails) == 1:
        (name, mail) = mails[0]
        column.replace(exp.column(exp.to_identifier(mail), *reversed([exp.to_identifier(p) for p in name.split(".")])))


def _latest(node: exp.Max, by_name: Mapping[str, Entity], said: Wording) -> None:
    """The greatest of a record's values is not the latest one: the value of the latest record is."""
    column = node.this
    if not isinstance(column, exp.Column) or _moment(column, by_name) is not None:
        return
    entity = by_name.get(ways.qualifier(column))
    moments = [f.name for f in entity.fields if pa.types.is_temporal(f.type)] if entity is not None else []
    told = [m for m in moments if _TAKEN.search(m.lower())]
    spoken = {base(w) for w in stems(" ".join(said.words))}
    meant = [m for m in moments if spoken & {base(w) for w in stems(m) if w not in ("at", "on", "date")}]
    when = moments if len(moments) == 1 else meant if len(meant) == 1 else told[:1]
    if when:
        at = column.copy()
        at.set("this", exp.to_identifier(when[0], quoted=True))
        node.replace(exp.ArgMax(this=column.copy(), expression=at))


def _per_record(select: exp.Select, root: Entity, by_name: Mapping[str, Entity], said: Wording) -> None:
    """`average number of parts per kit`, asked of the parts: their sum, divided by the number of kits."""
    match = _PER.search(" ".join(said.words).lower())
    of = next((e for name, e in by_name.items() if match and stems(name.split(".")[-1])[-1:] == stems(match[1])), None)
    reference = next((r for r in root.relations if of is not None and not r.many and r.target == of.full_name), None)
    if reference is None or len(reference.on) != 1:
        return
    start = select.args["from_"].this
    key = exp.column(exp.to_identifier(reference.on[0][0]), *reversed([p.copy() for p in start.parts]))
    count = exp.Count(this=exp.Distinct(expressions=[key]))
    for average in list(select.find_all(exp.Avg)):
        if isinstance(average.this, exp.Column):
            average.replace(exp.paren(exp.Div(this=exp.Sum(this=average.this.copy()), expression=count.copy())))
    for ratio in list(select.find_all(exp.Div)):
        if isinstance(ratio.expression, exp.Count) and isinstance(ratio.expression.this, exp.Star):
            ratio.set("expression", count.copy())


def _without_null(node: exp.In) -> None:
    """`NOT IN (SELECT ...)` finds nothing where a NULL is among them: it is left out."""
    query = node.args.get("query")
    inner = query.this if isinstance(query, exp.Subquery) else query
    if isinstance(inner, exp.Select) and isinstance(node.parent, exp.Not) and isinstance(inner.selects[0], exp.Column):
        inner.where(exp.Not(this=exp.Is(this=inner.selects[0].copy(), expression=exp.null())), copy=False)


def _nothing_is_zero(total: exp.Sum, root: Entity, by_name: Mapping[str, Entity]) -> None:
    """The sum over what a record has none of is shown as 0, where the asker wants those too."""
    places = {ways.qualifier(c) for c in total.find_all(exp.Column)}
    many = {r.target for r in root.relations if r.many}
    if places and all((e := by_name.get(p)) is not None and e.full_name in many for p in places):
        total.replace(exp.Coalesce(this=total.copy(), expressions=[exp.Literal.number(0)]))


def _with_some(count: exp.Count, root: Entity, by_name: Mapping[str, Entity]) -> None:
    """Beside all records, those that have some of others: `COUNT(DISTINCT claims.parcel_id)`, asked of parcels."""
    counted = count.this.expressions[0] if isinstance(count.this, exp.Distinct) else None
    test: exp.Expr | None = None
    if isinstance(counted, exp.Case) and len(counted.args["ifs"]) == 1 and counted.args.get("default") is None:
        test, counted = counted.args["ifs"][0].this, counted.args["ifs"][0].args["true"]
    if not isinstance(counted, exp.Column):
        return
    child = by_name.get(ways.qualifier(counted))
    others = {by_name.get(ways.qualifier(c)) for c in test.find_all(exp.Column)} if test is not None else {child}
    way = next((r for r in root.relations if r.many and child is not None and r.target == child.full_name), None)
    if way is None or child is None or child is root or others != {child} or len(way.on) != 1:
        return
    here, there = way.on[0]
    if counted.name.lower() != there.lower() or here not in root.primary_key or len(root.primary_key) != 1:
        return
    start = count.find_ancestor(exp.Select)
    assert start is not None
    path = [*(p.name for p in start.args["from_"].this.parts), way.name]
    inner = exp.select("1").from_(ways.related(path))
    if test is not None:
        told = exp.paren(test.copy())
        for column in list(told.find_all(exp.Column)):
            column.replace(exp.column(column.this.copy(), "its"))
        inner.where(told.this, copy=False)
    case = exp.Case().when(exp.Exists(this=inner), exp.Literal.number(1)).else_(exp.Literal.number(0))
    count.replace(exp.Sum(this=case))


def _once(select: exp.Select, root: Entity, by_name: Mapping[str, Entity]) -> None:
    """DISTINCT where records are listed that are reached from many others, and nothing of those is shown."""
    if select.args.get("distinct") or select.find(exp.AggFunc) or select.args.get("order") or select.parent is not None:
        return
    shown = {ways.qualifier(c) for item in select.selects for c in item.find_all(exp.Column)}
    entities = [by_name.get(name) for name in shown]
    if entities and all(e is not None and e is not root for e in entities):
        select.set("distinct", exp.Distinct())
