"""A Model Context Protocol server over a hub: its tools, its entities as resources, and two prompts.

The official SDK's low-level server speaks the protocol, of 2025 and of 2026. Here a request becomes a call in a thread
that tells how far it is and ends when its client leaves, and every fault becomes words that a model can act on. Who
asks is decided elsewhere, by whoever gives the hub (`agents/cli_mcp`, `agents/mcp_http`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import anyio
import mcp.types as protocol
from anyio.streams.memory import MemoryObjectSendStream
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from pydantic import ValidationError

from groundwire.agents import prompt
from groundwire.agents.mcp_elicit import Chooser, Needed
from groundwire.agents.mcp_tools import ROWS, Model, described, mcp_tools, structured, text_of
from groundwire.agents.remembered import Remembered
from groundwire.core.catalog import Entity
from groundwire.core.errors import GroundwireError, QueryError, Stopped
from groundwire.core.hub import Hub
from groundwire.core.result import Result

log = logging.getLogger(__name__)

ENTITY = "groundwire://entity/"
"""What the address of an entity begins with; its full name follows."""
ENTITIES_A_PAGE = 100

MOST_COMPLETIONS = 100
"""Names that may be offered at once, by the protocol."""
MOST_QUESTIONS = 8
"""Questions that have a thread while they wait for the model; more wait without one, in the way of nothing else."""

INSTRUCTIONS = f"""The company's live systems, read-only. Find entities with search_entities, then read with query: \
dotted paths follow relations in place of joins. Every result says as of when it is true and whether it is complete: \
say so in your answer, and never call a partial sum the sum. A result has {ROWS} rows at most: aggregate, \
or page with ORDER BY, LIMIT and OFFSET."""

INTERNAL = "do not retry: something went wrong in groundwire; its log says what"

_T = TypeVar("_T")
_Context = ServerRequestContext[Any, Any]
_Tell = Callable[[str], None]

_RESULT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "columns": {"type": "array"},
        "rows": {"type": "array"},
        "complete": {"type": "boolean"},
        "truncated": {"type": "boolean"},
        "as_of": {"type": ["string", "null"]},
        "sources": {"type": "array"},
    },
    "required": ["columns", "rows", "complete", "truncated", "as_of", "sources"],
}
_RETURNS = {"query": _RESULT, "get_record": _RESULT}

_PROMPTS = {
    "answer": (
        "Answer a question from the connected systems, with its proof.",
        {"question": "in your own words"},
        """{question}

Answer from the connected systems only: search_entities, then query. Take every figure, name and date from a result,
name the source and as of when it is true, and say what is incomplete. If the data does not hold the answer, say so.""",
    ),
    "brief": (
        "Sum up one record and what belongs to it.",
        {"entity": "such as crm.Account", "key": "value of its primary key"},
        """Sum up the record {key} of {entity}: read it with get_record, find what relates to it with describe_entity,
and read that with query. Name the source and the age of each figure.""",
    ),
}


def make_server(hub: Callable[[], Hub], model: Model) -> Server[Any]:
    """The server.

    Args:
        hub: called in each request, gives the connected systems as its asker may see them.
        model: answers questions.
    """

    asks = anyio.CapacityLimiter(MOST_QUESTIONS)
    memory = Remembered()

    async def list_tools(ctx: _Context, params: Any) -> protocol.ListToolsResult:
        tools = mcp_tools(hub(), model, memory, tell=lambda text: None, stop=threading.Event())
        return protocol.ListToolsResult(tools=[_shown(tool) for tool in tools])

    async def call_tool(
        ctx: _Context, params: protocol.CallToolRequestParams
    ) -> protocol.CallToolResult | protocol.InputRequiredResult:
        mine, loop = hub(), asyncio.get_running_loop()

        def call(tell: _Tell, stop: threading.Event) -> protocol.CallToolResult | protocol.InputRequiredResult:
            choose = Chooser(ctx, params, loop, stop)
            tools = {t.name: t for t in mcp_tools(mine, model, memory, tell=tell, stop=stop, choose=choose)}
            try:
                return _called(tools, params.name, params.arguments or {})
            except Needed as choice:
                return choice.result

        return await _in_thread(ctx, call, asks if params.name == "ask" else None)

    async def list_resources(
        ctx: _Context, params: protocol.PaginatedRequestParams | None
    ) -> protocol.ListResourcesResult:
        catalog = await _read(ctx, lambda: hub().catalog)
        after = params.cursor if params is not None and params.cursor is not None else ""
        left = sorted((e for e in catalog if e.full_name > after), key=lambda e: e.full_name)
        page = left[:ENTITIES_A_PAGE]
        return protocol.ListResourcesResult(
            resources=[_resource(e) for e in page],
            next_cursor=page[-1].full_name if len(left) > len(page) else None,
        )

    async def list_templates(ctx: _Context, params: Any) -> protocol.ListResourceTemplatesResult:
        template = protocol.ResourceTemplate(
            uri_template=ENTITY + "{name}", name="entity", description="Fields and relations", mime_type="text/plain"
        )
        return protocol.ListResourceTemplatesResult(resource_templates=[template])

    async def read_resource(ctx: _Context, params: protocol.ReadResourceRequestParams) -> protocol.ReadResourceResult:
        uri = str(params.uri)

        def read() -> str:
            mine = hub()
            if not uri.startswith(ENTITY):
                raise QueryError(f"the resources of groundwire begin with {ENTITY}")
            return prompt.card(mine.catalog.entity(unquote(uri[len(ENTITY) :])), prompt.short_names(mine.catalog))

        text = await _read(ctx, read)
        contents = protocol.TextResourceContents(uri=uri, text=text, mime_type="text/plain")
        return protocol.ReadResourceResult(contents=[contents])

    async def list_prompts(ctx: _Context, params: Any) -> protocol.ListPromptsResult:
        return protocol.ListPromptsResult(
            prompts=[
                protocol.Prompt(
                    name=name,
                    description=about,
                    arguments=[
                        protocol.PromptArgument(name=n, description=d, required=True) for n, d in wanted.items()
                    ],
                )
                for name, (about, wanted, _) in _PROMPTS.items()
            ]
        )

    async def get_prompt(ctx: _Context, params: protocol.GetPromptRequestParams) -> protocol.GetPromptResult:
        if params.name not in _PROMPTS:
            raise MCPError(protocol.INVALID_PARAMS, f"no prompt {params.name!r}; there are {', '.join(_PROMPTS)}")
        about, wanted, text = _PROMPTS[params.name]
        given = params.arguments or {}
        missing = [name for name in wanted if name not in given]
        if missing:
            raise MCPError(protocol.INVALID_PARAMS, f"the prompt {params.name} needs {', '.join(missing)}")
        content = protocol.TextContent(type="text", text=text.format(**{name: given[name] for name in wanted}))
        message = protocol.PromptMessage(role="user", content=content)
        return protocol.GetPromptResult(description=about, messages=[message])

    async def complete(ctx: _Context, params: protocol.CompleteRequestParams) -> protocol.CompleteResult:
        named: list[str] = []
        if params.argument.name in ("entity", "name"):
            typed = params.argument.value.lower()
            catalog = await _read(ctx, lambda: hub().catalog)
            named = sorted(
                e.full_name
                for e in catalog
                if e.full_name.lower().startswith(typed) or e.name.lower().startswith(typed)
            )
        values = named[:MOST_COMPLETIONS]
        return protocol.CompleteResult(
            completion=protocol.Completion(values=values, total=len(named), has_more=len(named) > len(values))
        )

    return Server(
        "groundwire",
        version=version("groundwire"),
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_completion=complete,
    )


def _shown(tool: BaseTool) -> protocol.Tool:
    """A tool as clients are told of it; models pay for every word of this."""
    return protocol.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=_arguments(tool),
        output_schema=_RETURNS.get(tool.name),
        annotations=protocol.ToolAnnotations(read_only_hint=True, open_world_hint=False),
    )


def _arguments(tool: BaseTool) -> dict[str, Any]:
    """The schema of a tool's arguments, without the nulls of those that may be left out."""
    schema: dict[str, Any] = convert_to_openai_tool(tool)["function"]["parameters"]
    for shown in schema["properties"].values():
        if shown.pop("default", ...) is None:
            kinds = [kind for kind in shown.pop("anyOf") if kind != {"type": "null"}]
            shown.update(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})
    return {**schema, "additionalProperties": False}


def _called(tools: dict[str, BaseTool], name: str, arguments: dict[str, Any]) -> protocol.CallToolResult:
    """What a tool gives, or words that say what is wrong."""
    tool = tools.get(name)
    if tool is None:
        return _failed(f"fix your call: there is no tool {name!r}; there are {', '.join(tools)}")
    unknown = [a for a in arguments if a not in tool.args]
    if unknown:
        takes = ", ".join(tool.args) or "nothing"
        return _failed(f"fix your call: {name} does not take {', '.join(unknown)}; it takes {takes}")
    try:
        message = tool.invoke({"type": "tool_call", "id": name, "name": name, "args": arguments})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return _failed(f"fix your call: {first['loc'][0] if first['loc'] else name}: {first['msg']}")
    except Needed:
        raise
    except Stopped:
        return _failed("stopped")
    except GroundwireError as error:
        return _failed(f"do not retry: {error}")
    except Exception:
        log.exception("the tool %s failed", name)
        return _failed(INTERNAL)
    if message.artifact is None:
        return _failed(message.text)
    text = text_of(message.artifact) if isinstance(message.artifact, Result) else message.text
    content = protocol.TextContent(type="text", text=text)
    return protocol.CallToolResult(content=[content], structured_content=structured(message.artifact))


def _failed(text: str) -> protocol.CallToolResult:
    return protocol.CallToolResult(content=[protocol.TextContent(type="text", text=text)], is_error=True)


def _resource(entity: Entity) -> protocol.Resource:
    about = described(entity)
    return protocol.Resource(
        uri=ENTITY + quote(entity.full_name),
        name=entity.full_name,
        title=about.get("label"),
        description=about.get("description"),
        mime_type="text/plain",
    )


async def _read(ctx: _Context, read: Callable[[], _T]) -> _T:
    """What a request for no tool reads; its faults are faults of the protocol, in our words."""

    def work(tell: _Tell, stop: threading.Event) -> _T | MCPError:
        try:
            return read()
        except QueryError as error:
            return MCPError(protocol.INVALID_PARAMS, str(error))
        except GroundwireError as error:
            return MCPError(protocol.INTERNAL_ERROR, str(error))
        except Exception:
            log.exception("a request failed")
            return MCPError(protocol.INTERNAL_ERROR, INTERNAL)

    found = await _in_thread(ctx, work)
    if isinstance(found, MCPError):
        raise found
    return found


async def _in_thread(
    ctx: _Context, work: Callable[[_Tell, threading.Event], _T], limiter: anyio.CapacityLimiter | None = None
) -> _T:
    """Work in a thread, which the client hears of, and which is told to stop when the client does not wait any more.

    Args:
        ctx: of the request.
        work: takes whom to tell, and what is set when it is to stop; raises nothing.
        limiter: how many may work at a time; anyio's own without it.
    """
    stop, loop = threading.Event(), asyncio.get_running_loop()
    says, heard = anyio.create_memory_object_stream[str](100)

    def tell(sentence: str) -> None:
        with suppress(RuntimeError):  # the server has ended
            loop.call_soon_threadsafe(_offer, says, sentence)

    async def report() -> None:
        told = 0
        async for sentence in heard:
            told += 1
            await ctx.session.report_progress(told, message=sentence)

    try:
        async with heard, anyio.create_task_group() as both:
            both.start_soon(report)
            with says:
                found = await anyio.to_thread.run_sync(work, tell, stop, abandon_on_cancel=True, limiter=limiter)
    except BaseException:
        stop.set()
        raise
    return found


def _offer(says: MemoryObjectSendStream[str], sentence: str) -> None:
    """A sentence, if somebody listens and is not far behind."""
    with suppress(anyio.WouldBlock, anyio.ClosedResourceError, anyio.BrokenResourceError):
        says.send_nowait(sentence)
