"""Approved examples as a fine-tuning set: the prompt that the agent would write today, and the draft wanted.

One JSON object a line with `messages`, the conversational format of TRL's SFTTrainer; Axolotl reads it as
`type: chat_template`, LLaMA-Factory as `sharegpt` with the tags of `dataset_info`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from groundwire.agents import languages, prompt
from groundwire.agents.examples import Example
from groundwire.agents.levers import Levers
from groundwire.agents.reading import Reading
from groundwire.agents.revision import Revision
from groundwire.core.errors import QueryError
from groundwire.core.hub import Hub


def draft_of(sql: str, hub: Hub, names: Mapping[str, str]) -> str:
    """A query as a small model drafts it: tables by their names before columns, in place of paths.

    A query that is more than a plain SELECT comes back as it is.

    Args:
        sql: in the query language.
        hub: whose catalog its names are of.
        names: for each full entity name the form in which the model writes it.
    """
    try:
        revision = Revision(sql, hub.catalog, hub.clock())
    except (QueryError, SqlglotError):
        return sql
    for node in list(revision.paths()):
        place = revision.place(node)
        if place is not None and place.entity.full_name in names and node.parent is not None:
            parts = [exp.to_identifier(p) for p in names[place.entity.full_name].replace('"', "").split(".")]
            node.replace(exp.column(exp.to_identifier(place.field.name), *reversed(parts)))
    for count in revision.select.find_all(exp.Count):
        if isinstance(count.this, exp.Star) and revision.root.full_name in names:
            parts = [exp.to_identifier(p) for p in names[revision.root.full_name].replace('"', "").split(".")]
            count.set("this", exp.column(exp.Star(), *reversed(parts)))
    return revision.sql


def conversation(example: Example, hub: Hub, levers: Levers | None = None) -> dict[str, Any]:
    """An example as one conversation: what the agent says to the model today, and what the model should write."""
    levers = levers or Levers()
    shown = prompt.choose(f"{example.question} {example.hints}", hub.catalog)
    names = shown.names(hub.catalog)
    notes = Reading(example.question, example.hints, shown.entities, names, levers).notes
    wanted = draft_of(example.sql, hub, names) if example.sql else _refusal(example.text)
    return {
        "messages": [
            {"role": "system", "content": prompt.system_text(shown, hub.catalog, examples=levers.examples)},
            {"role": "user", "content": prompt.question_text(example.question, example.hints, notes)},
            {"role": "assistant", "content": wanted},
        ]
    }


def _refusal(text: str) -> str:
    reason = text
    for refusal in languages.REFUSALS:
        reason = reason.removeprefix(refusal)
    return f"CANNOT ANSWER: {reason.strip(' :.') or 'no table holds it'}"


def dataset_info(file: Path) -> dict[str, Any]:
    """The entry for LLaMA-Factory's `dataset_info.json` that describes the file."""
    return {
        "groundwire": {
            "file_name": file.name,
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
                "system_tag": "system",
            },
        }
    }


def export(examples: Iterable[Example], hub: Hub, file: Path) -> int:
    """Write conversations to a file that its owner alone can read; how many."""
    count = 0
    with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        for example in examples:
            out.write(json.dumps(conversation(example, hub), ensure_ascii=False) + "\n")
            count += 1
    return count
