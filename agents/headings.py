"""What a column that a query computes is called, where the model has given it no name: `average_total`, `orders`."""

from __future__ import annotations

from sqlglot import exp

from groundwire.agents import ways

_CALLED: dict[type[exp.Expr], str] = {
    exp.Sum: "total",
    exp.Avg: "average",
    exp.Median: "median",
    exp.Min: "lowest",
    exp.Max: "highest",
    exp.ArgMax: "latest",
    exp.ArgMin: "first",
}


def add(select: exp.Select) -> None:
    """Give a name to each figure of a draft that has none."""
    taken = {item.alias_or_name.lower() for item in select.selects}
    for item in list(select.selects):
        if isinstance(item, exp.Alias | exp.Column) or not ways.aggregates(item):
            continue
        base = name = _name(item)
        number = 1
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name)
        item.replace(exp.alias_(item.copy(), name, quoted=not name.isidentifier()))


def _name(item: exp.Expr) -> str:
    column = item.find(exp.Column)
    if isinstance(item, exp.Count):
        of = column.parts[-2].name if column is not None and len(column.parts) > 1 else "records"
        if isinstance(item.this, exp.Distinct) and column is not None:
            return f"distinct_{column.name}".lower()
        return of.lower()
    word = _CALLED.get(type(item))
    if word is not None and column is not None:
        return f"{word}_{column.name}".lower()
    if item.find(exp.Window) is not None:
        return "rank" if item.find(exp.Rank, exp.DenseRank, exp.RowNumber) is not None else "figure"
    if item.find(exp.Div) is None:
        return "figure"
    return "percentage" if any(n.name in ("100", "100.0") for n in item.find_all(exp.Literal)) else "ratio"
