"""Where the seconds of a question went, drawn for a terminal: a line for each span, its bar where it lay in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

BAR = 40
"""Characters that the whole question takes."""
LEAST = 0.001
"""Seconds below which a span with nothing inside is left out, unless it failed or is one of `ALWAYS`."""
ALWAYS = ("scan", "request", "model")

_STYLES = {
    "model": "magenta",
    "request": "cyan",
    "wait": "yellow",
    "join": "green",
    "question": "dim",
    "query": "dim",
}


def waterfall(trace: Mapping[str, Any]) -> Table:
    """A table of spans.

    Args:
        trace: as `Trace.to_dict` gives it.
    """
    whole = max(float(trace["seconds"]), 1e-9)
    spans = trace["spans"]
    table = Table(box=None, padding=(0, 1), title_justify="left", title_style="dim", caption_justify="left")
    table.title = f"question {trace['question']}" if trace["question"] else None
    for name, justify in (("", "left"), ("", "left"), ("seconds", "right"), ("", "left")):
        table.add_column(name, justify=justify, no_wrap=True, header_style="dim")  # type: ignore[arg-type]
    left_out = 0
    for place, span in enumerate(spans):
        has_inside = place + 1 < len(spans) and spans[place + 1]["depth"] > span["depth"]
        if span["seconds"] < LEAST and not has_inside and span["error"] is None and span["name"] not in ALWAYS:
            left_out += 1
            continue
        style = "red" if span["error"] else _STYLES.get(span["name"], "")
        table.add_row(
            Text("  " * span["depth"] + span["name"], style=style),
            Text(_bar(span["start"], span["seconds"], whole), style=style),
            f"{span['seconds']:.3f}",
            Text(_about(span), style="dim", overflow="ellipsis"),
        )
    if left_out or trace["dropped"]:
        table.caption = f"{left_out + trace['dropped']} shorter than {LEAST * 1000:g} ms not shown"
    return table


def _bar(start: float, seconds: float, whole: float) -> str:
    begin = min(BAR - 1, int(start / whole * BAR))
    length = max(1, min(BAR - begin, round(seconds / whole * BAR)))
    return " " * begin + "━" * length


def _about(span: Mapping[str, Any]) -> str:
    """What else is known of a span, in a few words."""
    told = dict(span["attributes"])
    parts = [
        str(told.pop(key)) for key in ("model", "entity", "system", "operation", "address", "reason") if key in told
    ]
    if "entity" not in span["attributes"] and "source" in told:
        parts.insert(0, str(told["source"]))
    told.pop("source", None)
    if "input_tokens" in told:
        kept = told.pop("cached_tokens", 0)
        parts.append(f"{told.pop('input_tokens'):,} tokens read" + (f" ({kept:,} from before)" if kept else ""))
        parts.append(f"{told.pop('output_tokens'):,} written")
    if "first_token" in told:
        parts.append(f"first after {told.pop('first_token'):.2f} s")
    if "rows" in told:
        rows = told.pop("rows")
        parts.append(f"{rows:,} row{'' if rows == 1 else 's'}")
    if "mode" in told:
        parts.append(str(told.pop("mode")))
    for name, count in (("reads", told.pop("reads", None)), ("entities", told.pop("entities", None))):
        if count is not None:
            parts.append(f"{count} {name if count != 1 else {'reads': 'read', 'entities': 'entity'}[name]}")
    if span["error"]:
        parts.insert(0, span["error"])
    if "status" in told:
        parts.append(str(told.pop("status")))
    if "query" in told:
        parts.append(str(told.pop("query")))
    return " · ".join(parts)
