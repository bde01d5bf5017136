"""What each database executes with DuckDB's meaning, as data.

A node that is not listed for a dialect is not sent to it; the engine then computes it here. Adding
a line widens what is pushed down, and the conformance kit says whether it was right.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

COMMON: frozenset[type[exp.Expression]] = frozenset(
    {
        exp.Select, exp.Subquery, exp.CTE, exp.With, exp.From, exp.Join, exp.Where, exp.Group, exp.Having,
        exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct, exp.Table, exp.TableAlias, exp.Alias,
        exp.Column, exp.Identifier, exp.Star, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Case, exp.If,
        exp.Between, exp.In, exp.Exists, exp.Not, exp.Neg, exp.And, exp.Or, exp.EQ, exp.NEQ, exp.LT, exp.LTE,
        exp.GT, exp.GTE, exp.Is, exp.Add, exp.Sub, exp.Mul, exp.Count, exp.Sum, exp.Min, exp.Max, exp.Avg,
        exp.Coalesce, exp.Nullif, exp.Like, exp.Union, exp.Window, exp.WindowSpec, exp.RowNumber, exp.Rank,
        exp.DenseRank, exp.Lag, exp.Lead, exp.Var, exp.Abs, exp.Cast, exp.DataType, exp.DataTypeParam,
    }
)  # fmt: skip

_DATES: frozenset[type[exp.Expression]] = frozenset({exp.Extract, exp.Year, exp.Month, exp.Quarter})


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One family of databases.

    Attributes:
        name: of sqlglot's dialect.
        nodes: what it executes as DuckDB does.
        casts: target types of CAST that mean the same there.
        text_order: collation that makes text order binary; empty where it is already.
        text_equality: whether text must be compared under an explicit binary collation.
        exact_decimals: sums and products of decimals are exact.
        temporal_text: dates and times are kept as text, so only whole dates compare safely.
        keys: values in one IN list.
    """

    name: str
    nodes: frozenset[type[exp.Expression]]
    casts: frozenset[str] = frozenset()
    text_order: str = ""
    text_equality: bool = False
    exact_decimals: bool = True
    temporal_text: bool = False
    keys: int = 1000


POSTGRESQL = Dialect(
    name="postgres",
    nodes=COMMON
    | _DATES
    | {
        exp.Div, exp.ILike, exp.Lower, exp.Upper, exp.Length, exp.DPipe, exp.TimestampTrunc, exp.DateTrunc,
        exp.Interval, exp.Round, exp.Floor, exp.Ceil, exp.Filter, exp.Intersect, exp.Except, exp.Greatest,
        exp.Least, exp.PercentileCont, exp.WithinGroup, exp.StddevSamp, exp.Stddev, exp.Variance, exp.Trim,
    },
    casts=frozenset({"DATE", "TIMESTAMP", "TIMESTAMPTZ", "INT", "BIGINT", "DOUBLE", "DECIMAL", "TEXT", "VARCHAR"}),
    text_order="C",
    keys=5000,
)  # fmt: skip

MARIADB = Dialect(
    name="mysql",
    nodes=(COMMON | _DATES | {exp.Div, exp.Length, exp.Lower, exp.Upper}) - {exp.Cast},
    text_equality=True,
    keys=2000,
)

SQLITE = Dialect(
    name="sqlite",
    nodes=COMMON - {exp.Cast, exp.Abs},
    exact_decimals=False,
    temporal_text=True,
    keys=500,
)

OTHER = Dialect(name="", nodes=frozenset(), keys=200)
"""Any other SQLAlchemy dialect: one table at a time, filters on numbers and dates only."""

DIALECTS: dict[str, Dialect] = {
    "postgresql": POSTGRESQL,
    "mysql": MARIADB,
    "mariadb": MARIADB,
    "sqlite": SQLITE,
}
