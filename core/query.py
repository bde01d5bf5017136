"""From text to a checked tree: one SELECT, and nothing that writes, reaches out or runs on.

The language is DuckDB's SELECT with one addition, dotted paths over relations; names are
resolved in `binder`. What is allowed is listed here, and everything else is refused: a statement
that writes, a second statement, a table function, a function that is not in the list.
"""

from __future__ import annotations

from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from groundwire.core.catalog import near_names
from groundwire.core.errors import NotAllowed, QueryError, UnknownName

DIALECT = "duckdb"

MAX_PARTS = 20_000
"""Names, values and operators in one query, so that any text is answered or refused within seconds."""

MAX_DIGITS = 60
"""Digits of one number."""

MAX_TEXT = 10_000
"""Characters that REPEAT, LPAD or RPAD may be told to make; DuckDB can't be stopped while it does."""

MAX_COLUMNS = 2_000
"""Columns of one SELECT, after stars."""

_FUNCTION_NAMES = """
    abs acos age any_value approx_count_distinct arg_max arg_min array_agg ascii asin atan atan2 avg bool_and
    bool_or ceil ceiling chr coalesce concat concat_ws contains corr cos count count_if countif covar_pop
    covar_samp cume_dist date date_add date_diff date_part date_sub date_trunc datediff datepart datesub
    datetrunc day dayname dayofmonth dayofweek dayofyear decade degrees dense_rank ends_with epoch epoch_ms
    exp extract first first_value floor format greatest group_concat hour if ifnull initcap instr isodow
    isoyear julian lag last last_day last_value lcase lead least left len length levenshtein like listagg ln
    log log10 log2 lower lpad ltrim make_date max max_by md5 mean median microsecond millisecond min min_by
    minute mod mode month monthname now nth_value ntile nullif nvl percent_rank percentile_cont
    percentile_disc pi position pow power prefix product quantile quantile_cont quantile_disc quarter radians
    rank regexp_extract regexp_full_match regexp_matches regexp_replace repeat replace reverse right round
    round_even row_number rpad rtrim second sign sin split_part sqrt starts_with stddev stddev_pop
    stddev_samp strftime string_agg strip_accents strlen strpos strptime substr substring suffix sum
    tan timestamp to_days to_hours to_minutes to_months to_seconds to_timestamp to_weeks to_years today
    translate trim trunc try_cast try_strptime ucase unicode upper var_pop var_samp variance week weekday
    weekofyear year yearweek
""".split()
FUNCTIONS: frozenset[str] = frozenset(_FUNCTION_NAMES)
"""Functions by the names DuckDB gives them; none reads files, settings, the network or the clock."""

_PLAIN_NODES: tuple[type[exp.Expr], ...] = (
    exp.Select,
    exp.SetOperation,
    exp.Subquery,
    exp.With,
    exp.CTE,
    exp.From,
    exp.Join,
    exp.Where,
    exp.Group,
    exp.Having,
    exp.Qualify,
    exp.Order,
    exp.Ordered,
    exp.Limit,
    exp.Offset,
    exp.Distinct,
    exp.Table,
    exp.TableAlias,
    exp.Alias,
    exp.Column,
    exp.Identifier,
    exp.Dot,
    exp.Star,
    exp.Literal,
    exp.Boolean,
    exp.Null,
    exp.Paren,
    exp.Tuple,
    exp.Interval,
    exp.IntervalSpan,
    exp.Var,
    exp.DataType,
    exp.DataTypeParam,
    exp.Case,
    exp.If,
    exp.Between,
    exp.In,
    exp.Exists,
    exp.All,
    exp.Any,
    exp.Not,
    exp.Neg,
    exp.Filter,
    exp.Window,
    exp.WindowSpec,
    exp.WithinGroup,
    exp.Escape,
    exp.Cast,
    exp.TryCast,
    exp.CurrentDate,
    exp.CurrentTimestamp,
    exp.CurrentTime,
    exp.Localtimestamp,
    exp.And,
    exp.Or,
    exp.EQ,
    exp.NEQ,
    exp.LT,
    exp.LTE,
    exp.GT,
    exp.GTE,
    exp.Is,
    exp.NullSafeEQ,
    exp.NullSafeNEQ,
    exp.Like,
    exp.ILike,
    exp.SimilarTo,
    exp.RegexpLike,
    exp.RegexpFullMatch,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.IntDiv,
    exp.Mod,
    exp.DPipe,
    exp.Pow,
    exp.Bracket,
    exp.IgnoreNulls,
    exp.RespectNulls,
    exp.Collate,
)

_FUNCTION_NODES: tuple[type[exp.Expr], ...] = (
    exp.TimestampTrunc,
    exp.DateTrunc,
    exp.TsOrDsToDate,
    exp.TsOrDsAdd,
    exp.TsOrDsDiff,
    exp.TimeToStr,
    exp.StrToTime,
    exp.StrPosition,
    exp.TimeToUnix,
    exp.UnixToTime,
    exp.DateAdd,
    exp.DateSub,
    exp.DateDiff,
    exp.DateFromParts,
    exp.Extract,
    exp.GroupConcat,
    exp.CountIf,
    exp.LogicalAnd,
    exp.LogicalOr,
    exp.Stddev,
    exp.ApproxDistinct,
    exp.RegexpReplace,
    exp.RegexpExtract,
    exp.ArgMax,
    exp.ArgMin,
    exp.Unicode,
    exp.Chr,
    exp.ConcatWs,
    exp.Substring,
    exp.DayOfWeek,
    exp.DayOfWeekIso,
    exp.DayOfYear,
    exp.DayOfMonth,
    exp.WeekOfYear,
    exp.Trunc,
    exp.Quantile,
    exp.Split,
    exp.SplitPart,
    exp.StartsWith,
    exp.EndsWith,
    exp.Contains,
    exp.Pad,
    exp.Date,
    exp.Timestamp,
)


def parse(text: str, *, max_bytes: int = 100_000) -> exp.Query:
    """One SELECT as a tree, of which every part is known to be harmless.

    Args:
        text: the query.
        max_bytes: longest accepted query.

    Raises:
        QueryError: it is empty, too long, or not valid SQL.
        NotAllowed: it writes, holds several statements, or uses something that is not allowed.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > max_bytes:
        raise QueryError(f"the query has {size} bytes; at most {max_bytes} are accepted")
    try:
        statements = [s for s in sqlglot.parse(text, dialect=DIALECT) if s is not None]
    except (SqlglotError, RecursionError) as error:
        raise QueryError(f"not valid SQL: {_short(error)}") from None
    if not statements:
        raise QueryError("the query is empty")
    if len(statements) > 1:
        raise NotAllowed("one statement at a time: the query holds several")
    tree = statements[0]
    if isinstance(tree, exp.Subquery):
        tree = tree.unnest()
    if not isinstance(tree, exp.Query):
        raise NotAllowed(f"only SELECT is allowed, not {_kind(tree)}")
    for count, node in enumerate(tree.walk()):
        if count >= MAX_PARTS:
            raise QueryError(f"the query has more than {MAX_PARTS:,} names, values and operators")
        _check(node)
    return tree


def _check(node: exp.Expr) -> None:
    if isinstance(node, exp.Table):
        inner = node.this
        if not isinstance(inner, exp.Identifier | exp.Dot):
            raise NotAllowed(f"only entities can stand after FROM, not {_kind(inner)}")
        extra = {"pivots", "version", "sample", "hints", "changes", "rows_from", "only", "joins", "laterals"}
        for name in extra:
            if node.args.get(name):
                raise NotAllowed(f"{name.upper()} is not allowed on an entity")
        return
    if isinstance(node, exp.Select):
        check_width(node)
        for name in ("into", "laterals", "connect", "pivots", "sample", "hint", "kind", "locks", "match"):
            if node.args.get(name):
                raise NotAllowed(f"{name.upper()} is not allowed in a query")
        return
    if isinstance(node, exp.Literal) and not node.is_string and len(node.this) > MAX_DIGITS:
        raise QueryError(f"a number of {len(node.this):,} digits; at most {MAX_DIGITS} are accepted")
    if isinstance(node, exp.Repeat | exp.Pad):
        count = node.args["times" if isinstance(node, exp.Repeat) else "expression"]
        if any(n.is_string or float(n.this) > MAX_TEXT for n in count.find_all(exp.Literal)):
            raise NotAllowed(f"texts are made of at most {MAX_TEXT:,} characters")
    if isinstance(node, exp.CTE) and not isinstance(node.this, exp.Query):
        raise NotAllowed("only a SELECT can stand in WITH")
    if isinstance(node, exp.With) and node.args.get("recursive"):
        raise NotAllowed("WITH RECURSIVE is not allowed")
    if isinstance(node, _PLAIN_NODES):
        return
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        name = str(node.this).lower()
        if name in FUNCTIONS:
            return
        raise UnknownName("function", name, near_names(name, FUNCTIONS))
    if isinstance(node, exp.Func):
        names = {n.lower() for n in node.sql_names()}
        if isinstance(node, _FUNCTION_NODES) or names & FUNCTIONS:
            return
        raise NotAllowed(f"the function {min(names, default=_kind(node))} is not allowed")
    raise NotAllowed(f"{_kind(node)} is not allowed in a query")


def check_width(select: exp.Select) -> None:
    """Refuse a SELECT of too many columns.

    Raises:
        QueryError: it has more than `MAX_COLUMNS`.
    """
    if len(select.expressions) > MAX_COLUMNS:
        raise QueryError(f"{len(select.expressions):,} columns; at most {MAX_COLUMNS:,} are accepted")


def _kind(node: exp.Expr) -> str:
    if isinstance(node, exp.Command):
        return str(node.this).upper()
    return node.key.upper()


def _short(error: Exception) -> str:
    """The parser's first line without terminal colours."""
    details = getattr(error, "errors", None)
    if details:
        first = details[0]
        near = f" near {first['highlight']!r}" if first.get("highlight") else ""
        return f"{first['description']} (line {first['line']}, column {first['col']}){near}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


@lru_cache(maxsize=10_000)
def is_keyword(name: str) -> bool:
    """Whether a name needs quotes where a column or an entity is named."""
    try:
        tree = sqlglot.parse_one(f"SELECT {name}, t.{name} FROM {name}", dialect=DIALECT)
    except SqlglotError:
        return True
    columns = [c for c in tree.expressions if isinstance(c, exp.Column) and c.name == name]
    return len(columns) != 2 or not isinstance(tree.args["from_"].this, exp.Table)
