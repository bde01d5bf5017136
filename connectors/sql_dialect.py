"""What a product of SQL does as DuckDB does, or otherwise: the form of the tables in `sql_dialects`.

Kinds are coarser than types: `bool int decimal double text date timestamp timestamptz time binary`, and `opaque text`
and `opaque binary` for large objects, which are read and looked at for NULL, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Table = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RawRule:
    """How a column may be compared as it is stored, so that an index serves.

    Attributes:
        operators: comparisons for which the stored form gives at least the rows of the exact form.
        exact: the stored form gives exactly those rows: the exact form need not be added.
        literal: template of a bound value in the stored form.
        pattern: values that the stored form accepts, as a regular expression; others are compared
            in the exact form only.
    """

    operators: frozenset[str]
    exact: bool = False
    literal: str = "{0}"
    pattern: str | None = None


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One product.

    Attributes:
        name: SQLAlchemy's name of it.
        quote: opens and closes an identifier; doubled inside.
        parameters: template around a placeholder, by the kind of the bound value.
        leaves: template around a column, by how the column is stored (`sql_reflection` says which).
        operations: template of every operation, by its name or `name:kind`; an empty one refuses that kind.
        raw: rules for stored forms, by the part of `native` before a colon.
        formats: `strftime` directives in this product's words.
        scaled_decimals: decimals are integers, scaled by a power of ten.
        nulls: `clause` where ORDER BY takes NULLS FIRST and LAST, `low` where NULL sorts lowest.
        absent: texts that no column can hold, as a regular expression.
        unbound: texts of which it is not sure that they arrive as they were sent, as a regular expression.
        scalar_checked: a scalar subquery of two rows is an error (as in DuckDB), not its first row.
        in_limit: LIMIT is allowed inside an IN subquery.
        full_join: FULL JOIN exists.
        no_limit: LIMIT that lets all rows pass, needed before an OFFSET; None where it is not.
        except_all: EXCEPT ALL and INTERSECT ALL exist.
        except_word: EXCEPT.
        truth: a condition is a value, which may be selected, compared and grouped; elsewhere booleans are 1 and 0.
        alias: what stands between a table and its alias.
        from_nothing: FROM of a SELECT that has none.
        limit: how rows are limited: `limit`, `fetch` (OFFSET and FETCH), or `top` (TOP, and those after ORDER BY).
        inner_order: ORDER BY is allowed in a subquery without a limit.
        inner_with: WITH is allowed in a subquery.
        window_order: ranks, shifts and frames need an ORDER BY.
        as_text: kinds whose values are bound as text in ISO form.
        literal_integers: integers are written and not bound.
        bound_groups: a parameter in GROUP BY is the same as that in SELECT.
        inner_queries: groups and arguments of aggregates may hold subqueries.
        any_character: `_` of LIKE stands for one code point, and patterns need not be constant.
        product_scale: decimal places up to which products are exact.
        mixed_scales: sums and comparisons of decimals with different places are exact.
        max_in: values that a scan may be given in one IN.
        longest_in: values that one IN may hold at all; None for any number.
        max_parameters: values that one statement may bind; None for any number.
    """

    name: str
    quote: str
    parameters: Table
    leaves: Table
    operations: Table
    raw: Mapping[str, RawRule] = field(default_factory=dict)
    formats: Table = field(default_factory=dict)
    scaled_decimals: bool = False
    nulls: str = "clause"
    absent: str = ""
    unbound: str = ""
    scalar_checked: bool = True
    in_limit: bool = True
    full_join: bool = True
    no_limit: str | None = None
    except_all: bool = True
    except_word: str = "EXCEPT"
    truth: bool = True
    alias: str = " AS "
    from_nothing: str = ""
    limit: str = "limit"
    inner_order: bool = True
    inner_with: bool = True
    window_order: bool = False
    as_text: frozenset[str] = frozenset()
    literal_integers: bool = False
    bound_groups: bool = True
    inner_queries: bool = True
    any_character: bool = True
    product_scale: int = 18
    mixed_scales: bool = True
    max_in: int = 1000
    longest_in: int | None = None
    max_parameters: int | None = None


EVERYWHERE: Table = {
    "and": "({0} AND {1})",
    "or": "({0} OR {1})",
    "not": "(NOT {0})",
    "=": "({0} = {1})",
    "!=": "({0} <> {1})",
    "<": "({0} < {1})",
    "<=": "({0} <= {1})",
    ">": "({0} > {1})",
    ">=": "({0} >= {1})",
    "in": "({0} IN ({rest}))",
    "is null": "({0} IS NULL)",
    "is not null": "({0} IS NOT NULL)",
    "is true": "({0} IS TRUE)",
    "is false": "({0} IS FALSE)",
    "never": "(CASE WHEN {0} IS NULL THEN NULL ELSE FALSE END)",
    "always": "(CASE WHEN {0} IS NULL THEN NULL ELSE TRUE END)",
    "+": "({0} + {1})",
    "-": "({0} - {1})",
    "*": "({0} * {1})",
    "neg": "(- {0})",
    "%": "({0} % {1})",
    "abs": "ABS({0})",
    "coalesce": "COALESCE({all})",
    "nullif": "NULLIF({0}, {1})",
    "count": "COUNT({0})",
    "sum": "SUM({0})",
    "min": "MIN({0})",
    "max": "MAX({0})",
    "row_number": "ROW_NUMBER()",
    "rank": "RANK()",
    "dense_rank": "DENSE_RANK()",
    "lag": "LAG({all})",
    "lead": "LEAD({all})",
    "first_value": "FIRST_VALUE({0})",
    "last_value": "LAST_VALUE({0})",
    "ntile": "NTILE({0})",
    "order": "{0}",
    "nulls": "({0} IS NULL)",
    "group": "{0}",
    "distinct": "{0}",
    "distinct of": "{0}",
    **{f"{name}:opaque {kind}": "" for name in ("group", "distinct", "distinct of") for kind in ("text", "binary")},
    "count rows": "SELECT COUNT(*) FROM (SELECT 1 AS one FROM {0} LIMIT 1000000) AS t",
    "replace": "REPLACE({0}, {1}, {2})",
    "cast:bool>int": "(CASE WHEN {0} THEN 1 WHEN NOT {0} THEN 0 END)",
    "cast:bool>text": "(CASE WHEN {0} THEN 'true' WHEN NOT {0} THEN 'false' END)",
}
"""What all products say alike unless their own table says otherwise."""
