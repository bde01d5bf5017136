"""The hub as LangChain tools: find entities, describe one, query, with results that prove themselves.

"Fix your call" and "do not retry" are different answers: a query that is wrong comes back as text
that says how to write it, a source that fails comes back as an error that names the source.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Annotated, Any

from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, Field

from groundwire.agents import prompt
from groundwire.agents.retrieval import retriever
from groundwire.core.catalog import Entity
from groundwire.core.errors import PolicyError, QueryError, SourceError
from groundwire.core.hub import Hub
from groundwire.core.result import Result, display

ROWS_FOR_MODELS = 50
"""Rows of a result that a model is shown; the rest is said to exist."""
ENTITIES_FOR_MODELS = 8
"""Entities that a search shows, the best first."""


class _Search(BaseModel):
    text: Annotated[str, Field(description="words of the question")]


class _Describe(BaseModel):
    entity: Annotated[str, Field(description="name of an entity, such as crm.Account")]


class _Query(BaseModel):
    sql: Annotated[
        str,
        Field(
            description="one SELECT in DuckDB's dialect. Dotted paths follow relations in place of joins: "
            "SELECT customer.country, COUNT(*) FROM orders GROUP BY 1"
        ),
    ]
    max_age: Annotated[str | None, Field(description="oldest acceptable data, such as 0, 30s, 5m")] = None


def make_tools(
    hub: Hub,
    *,
    max_age: str | None = None,
    link_values: bool = False,
    limit: int = 10_000,
    progress: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
) -> list[BaseTool]:
    """Tools over a hub: `search_entities`, `describe_entity`, `query`.

    The artifact of a message is what its text says: a list of `Entity`, an `Entity`, a `Result`; None where the text
    says what is wrong.

    Args:
        hub: the connected systems.
        max_age: bound on the age of data where a call sets none.
        link_values: see `Hub.query`.
        limit: rows of a result at most; more are said to exist.
        progress: told as reads start and end.
        stop: ends a query when set; see `Hub.query`.

    Raises:
        PolicyError: there is a policy, and nobody is known to ask.
    """
    hub.require_principal()
    default_age = max_age

    def search_entities(text: str) -> tuple[str, list[Entity]]:
        found = retriever(hub.catalog).rank(text)[:ENTITIES_FOR_MODELS]
        names = prompt.short_names(hub.catalog)
        return "\n".join(prompt.card(e, names) for e in found) or "no entity matches", found

    def describe_entity(entity: str) -> tuple[str, Entity | None]:
        try:
            found = hub.catalog.entity(entity)
        except QueryError as error:
            return f"fix your call: {error}", None
        return prompt.card(found, prompt.short_names(hub.catalog)), found

    def query(sql: str, max_age: str | None = None) -> tuple[str, Result | None]:
        return answered(
            lambda: hub.query(
                sql,
                max_age=max_age or default_age,
                limit=limit,
                link_values=link_values,
                progress=progress,
                stop=stop,
            )
        )

    return [
        StructuredTool.from_function(
            search_entities,
            name="search_entities",
            description="Find entities of the connected CRM, ERP and SQL systems by words.",
            args_schema=_Search,
            response_format="content_and_artifact",
        ),
        StructuredTool.from_function(
            describe_entity,
            name="describe_entity",
            description="Fields, values and relations of one entity.",
            args_schema=_Describe,
            response_format="content_and_artifact",
        ),
        StructuredTool.from_function(
            query,
            name="query",
            description="Read live data. The answer says as of when it is true and whether it is complete.",
            args_schema=_Query,
            response_format="content_and_artifact",
        ),
    ]


def answered(read: Callable[[], Result], *, call: str = "query") -> tuple[str, Result | None]:
    """What a model is told of a read, and its result; None where the text says what is wrong with the `call`."""
    try:
        result = read()
    except QueryError as error:
        return f"fix your {call}: {error}", None
    except (SourceError, PolicyError) as error:
        return f"do not retry: {error}", None
    return result_text(result), result


def result_text(result: Result, rows: int = ROWS_FOR_MODELS) -> str:
    """A result as a model reads it: JSON with columns, rows, completeness and age."""
    shown: dict[str, Any] = {
        "columns": result.columns,
        "rows": [[display(v) for v in row] for row in result.rows()[:rows]],
        "row_count": len(result),
        "complete": result.complete,
        "as_of": result.as_of.isoformat() if result.as_of else None,
    }
    if len(result) > rows:
        shown["rows_not_shown"] = len(result) - rows
    if result.limited_to is not None:
        shown["limited"] = f"to what {result.limited_to} may see; other records may exist"
    if result.stale:
        shown["stale"] = result.stale_reasons()
    if not result.complete:
        shown["incomplete"] = result.incomplete_reasons()
    return json.dumps(shown, ensure_ascii=False)
