"""Questions with the queries that answer them, read from JSON files.

A file is a list of cases: `question`; `gold_sql`, one or more accepted queries separated by `;`, and none where
the data does not hold the answer; optionally `id`, `category`, `db` (which database is asked), `instructions` (hints
that the asker gives), `misreadings` (queries that answer what was not asked), and `source` (where the gold query runs,
if several sources are connected).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot.errors import SqlglotError

from groundwire.core.catalog import near_names
from groundwire.core.errors import ConfigError

_KEYS = ("id", "db", "category", "question", "instructions", "gold_sql", "answerable", "misreadings", "source")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question.

    Attributes:
        id: tells it from all others of a run.
        db: which database it is about; empty where there is one only.
        category: whatever its author sorts by.
        question: in the asker's words.
        hints: what the asker says besides.
        golds: accepted queries; none where a refusal is right.
        misreadings: queries of plausible but wrong readings, to tell how an answer is wrong.
        source: where these run; None where there is no choice.
    """

    id: str
    db: str
    category: str
    question: str
    hints: str
    golds: tuple[str, ...]
    misreadings: tuple[str, ...] = ()
    source: str | None = None

    @property
    def answerable(self) -> bool:
        """Whether the data holds the answer."""
        return bool(self.golds)


def read(files: Iterable[Path]) -> list[Case]:
    """The cases of some files, in their order.

    Raises:
        ConfigError: a file can't be read, or what it holds are no cases.
    """
    cases: list[Case] = []
    for file in files:
        try:
            raw = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"can't read cases from {file}: {error}") from None
        if not isinstance(raw, list) or not raw:
            raise ConfigError(f"{file} is not a list of cases")
        cases += [parse(item, f"{file.stem}-{number}", f"{file}, case {number}") for number, item in enumerate(raw, 1)]
    return unique(cases)


def unique(cases: list[Case]) -> list[Case]:
    """The same cases.

    Raises:
        ConfigError: two have the same id.
    """
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise ConfigError(f"two cases have the id {case.id!r}")
        seen.add(case.id)
    return cases


def parse(raw: Any, name: str, where: str) -> Case:
    """One decoded case.

    Args:
        raw: as JSON has it.
        name: its id, if it has none of its own.
        where: how an error speaks of it.

    Raises:
        ConfigError: something is missing, or resembles a key without being one.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("question"), str) or not raw["question"].strip():
        raise ConfigError(f"{where}: a case is an object with a question")
    for key in raw:
        near = near_names(key, _KEYS, 1) if key not in _KEYS else []
        if near:
            raise ConfigError(f"{where}: unknown key {key!r}; did you mean {near[0]}?")
    golds = _statements(raw.get("gold_sql") or "")
    if raw.get("answerable") is True and not golds:
        raise ConfigError(f"{where}: it can be answered, but has no gold_sql")
    if raw.get("answerable") is False:
        golds = ()
    source = raw.get("source")
    return Case(
        id=str(raw.get("id") or name),
        db=str(raw.get("db") or ""),
        category=str(raw.get("category") or ("" if golds else "unanswerable")),
        question=raw["question"],
        hints=str(raw.get("instructions") or ""),
        golds=golds,
        misreadings=tuple(str(m) for m in raw.get("misreadings") or ()) if golds else (),
        source=str(source) if source else None,
    )


def _statements(text: str) -> tuple[str, ...]:
    """The queries of a text; a semicolon inside a literal ends none."""
    try:
        tokens = sqlglot.tokenize(text, dialect="duckdb")
    except SqlglotError:
        tokens = []
    ends = [t.start for t in tokens if t.token_type == sqlglot.TokenType.SEMICOLON]
    starts = [0, *(end + 1 for end in ends)]
    parts = [text[a:b] for a, b in zip(starts, [*ends, len(text)], strict=True)]
    return tuple(part.strip() for part in parts if part.strip())


def chosen(cases: Sequence[Case], only: str | None) -> list[Case]:
    """Those whose ids are named, separated by commas; all without names.

    Raises:
        ConfigError: no case has this id.
    """
    if only is None:
        return list(cases)
    wanted = [name.strip() for name in only.split(",") if name.strip()]
    known = {case.id for case in cases}
    for name in wanted:
        if name not in known:
            near = near_names(name, known, 3)
            raise ConfigError(f"no case {name!r}" + (f"; did you mean {', '.join(near)}?" if near else ""))
    return [case for case in cases if case.id in wanted]
