"""A run of questions: its totals, its file, and what changed from one run to another.

The file is JSON, whole after every outcome: a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import json
import math
import os
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from groundwire.agents.eval_cases import Case
from groundwire.agents.evals import Outcome
from groundwire.agents.scoring import Difference
from groundwire.core.errors import ConfigError

FORMAT = 1
CHANCE = 0.05
"""Above this probability, a difference between two runs is told as one that chance makes as well."""


@dataclass(kw_only=True)
class Run:
    """Outcomes, and under which conditions they came about.

    Attributes:
        conditions: what must be the same for outcomes to belong together: mode, model, what was switched off.
        facts: what else is worth knowing, such as when it began.
        notes: what the mode did, by database.
        outcomes: in the order in which they were asked.
    """

    conditions: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)

    def totals(self) -> dict[str, Any]:
        """Counts, seconds, tokens and prompt lengths; see `docs/evaluation.md`."""
        asked = [o for o in self.outcomes if o.kind != "invalid"]
        able, rest = [o for o in asked if o.answerable], [o for o in asked if not o.answerable]
        kinds = Counter(o.kind for o in able)
        prompts = [o.prompt for o in asked if o.prompt]
        return {
            "correct": sum(o.ok for o in able),
            "of": len(able),
            "almost": sum(o.almost for o in able),
            "wrong": kinds["wrong"],
            "refused_wrongly": kinds["refused"],
            "refused_rightly": sum(o.ok for o in rest),
            "unanswerable": len(rest),
            "timeouts": sum(o.kind == "timeout" for o in asked),
            "errors": sum(o.kind == "error" for o in asked),
            "invalid": len(self.outcomes) - len(asked),
            "ungrounded": sum(len(o.ungrounded) for o in asked),
            "seconds": {
                "median": round(quantile([o.seconds for o in asked], 0.5), 2),
                "p95": round(quantile([o.seconds for o in asked], 0.95), 2),
                "total": round(sum(o.seconds for o in asked), 1),
            },
            "tokens": {
                name: round(quantile([o.tokens.get(name, 0) for o in asked], 0.5))
                for name in ("input", "cached", "output")
            },
            "prompt": {
                name: round(quantile([p.get(name, 0) for p in prompts], 0.5))
                for name in dict.fromkeys(name for p in prompts for name in p)
            },
            "categories": {
                category: {"correct": sum(o.ok for o in part), "of": len(part)}
                for category, part in by_category(asked).items()
            },
        }

    def summary(self) -> str:
        """Totals for people."""
        t = self.totals()
        share = f" ({100 * t['correct'] / t['of']:.0f} %)" if t["of"] else ""
        lines = [f"{t['correct']} of {t['of']} right{share}, {t['refused_wrongly']} refused"]
        if t["almost"]:
            lines.append(f"{t['almost']} more would be right but for how a date is written")
        if t["unanswerable"]:
            lines.append(f"{t['refused_rightly']} of {t['unanswerable']} unanswerable ones refused")
        lines.append(f"{t['ungrounded']} figures in answers that nothing proves")
        for name, text in (("timeouts", "timed out"), ("errors", "failed"), ("invalid", "have no working gold query")):
            if t[name]:
                lines.append(f"{t[name]} {text}")
        lines += [f"  {name or 'all'}: {c['correct']} of {c['of']}" for name, c in t["categories"].items()]
        seconds, tokens, prompt = t["seconds"], t["tokens"], t["prompt"]
        lines.append(f"seconds: median {seconds['median']}, p95 {seconds['p95']}")
        lines.append(
            f"tokens: median {tokens['input']} read ({tokens['cached']} from before), {tokens['output']} written"
        )
        if prompt:
            single = prompt.get("single_tokens")
            beside = f", {prompt['tokens'] / single:.2f} times that of single ({single})" if single else ""
            lines.append(f"prompt: median {prompt['tokens']} tokens{beside}")
        lines += [f"{db}: {note}" if db else note for db, notes in self.notes.items() for note in notes]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "format": FORMAT,
            "conditions": self.conditions,
            "facts": self.facts,
            "notes": {db: list(notes) for db, notes in self.notes.items()},
            "totals": self.totals(),
            "cases": [{**asdict(o), "ok": o.ok} for o in self.outcomes],
        }

    def write(self, file: Path) -> None:
        """Put the whole run into a file, at once."""
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            partial.write_text(json.dumps(self.to_dict(), ensure_ascii=False, indent=1), encoding="utf-8")
            partial.replace(file)
        except OSError as error:
            raise ConfigError(f"can't write {file}: {error.strerror}", setting="output") from None

    @classmethod
    def read(cls, file: Path) -> Self:
        """A run that was written.

        Raises:
            ConfigError: the file holds none.
        """
        try:
            raw = json.loads(file.read_text(encoding="utf-8"))
            if raw["format"] != FORMAT:
                raise ConfigError(f"{file} has the format {raw['format']}; this version reads {FORMAT}")
            return cls(
                conditions=raw["conditions"],
                facts=raw["facts"],
                notes={db: tuple(notes) for db, notes in raw["notes"].items()},
                outcomes=[_outcome(case) for case in raw["cases"]],
            )
        except OSError as error:
            raise ConfigError(f"can't read {file}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{file} holds no run: {type(error).__name__} {error}") from None

    def known(self, cases: Iterable[Case], conditions: Mapping[str, Any], file: Path) -> set[str]:
        """Ids of the cases that need not be asked again.

        Raises:
            ConfigError: the run was made under other conditions, or a case was another one then.
        """
        for name, value in conditions.items():
            if self.conditions.get(name) != value:
                raise ConfigError(
                    f"{file} was made with {name} {self.conditions.get(name)!r}, not {value!r}", setting="resume"
                )
        asked = {o.id: o for o in self.outcomes}
        for case in cases:
            before = asked.get(case.id)
            if before is not None and (before.question, before.hints, before.golds) != (
                case.question,
                case.hints,
                case.golds,
            ):
                raise ConfigError(f"{case.id} was another question when {file} was made", setting="resume")
        return set(asked)


def _outcome(raw: Mapping[str, Any]) -> Outcome:
    known = {f.name for f in fields(Outcome)}
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items() if k in known}
    if values.get("difference"):
        difference = values["difference"]
        rows = {k: tuple(tuple(r) for r in difference[k]) for k in ("missing", "extra")}
        values["difference"] = Difference(**{**difference, **rows})
    return Outcome(**values)


def by_category(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes by category, in the order of their first."""
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.category, []).append(outcome)
    return found


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share lies, between neighbours where it falls between; 0 of nothing."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]


# -- two runs ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Change:
    """What differs between two runs, over the cases that both have.

    Attributes:
        common: how many cases both have.
        right: how many of these were right before, and are now; refusals that are right count.
        won, lost: ids that became right, or wrong.
        alone: how many only the first, and only the second has.
        median: seconds, before and now.
        quicker: cases answered in less time now, and in more.
        categories: won and lost, where there are any.
    """

    common: int
    right: tuple[int, int]
    won: tuple[Outcome, ...]
    lost: tuple[Outcome, ...]
    alone: tuple[int, int]
    median: tuple[float, float]
    quicker: tuple[int, int]
    categories: Mapping[str, tuple[int, int]]
    conditions: tuple[str, ...]

    @property
    def p_value(self) -> float:
        """McNemar's exact test: how likely chance alone makes so uneven a split of the cases that changed."""
        return sign_test(len(self.won), len(self.lost))

    @property
    def p_value_seconds(self) -> float:
        """The same of seconds: a sign test over all cases."""
        return sign_test(*self.quicker)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "common": self.common,
            "right": list(self.right),
            "won": [o.id for o in self.won],
            "lost": [o.id for o in self.lost],
            "p_value": round(self.p_value, 4),
            "alone": list(self.alone),
            "median_seconds": [round(s, 2) for s in self.median],
            "p_value_seconds": round(self.p_value_seconds, 4),
            "categories": {name: {"won": w, "lost": x} for name, (w, x) in self.categories.items()},
            "conditions": list(self.conditions),
        }

    def summary(self) -> str:
        """For people."""
        lines = list(self.conditions)
        before, now = self.right
        lines.append(f"{before} of {self.common} right before, {now} now: {len(self.won)} won, {len(self.lost)} lost")
        if self.won or self.lost:
            verdict = "chance alone does that as well" if self.p_value > CHANCE else "more than chance explains"
            lines.append(f"p = {self.p_value:.3f} (McNemar, exact): {verdict}")
        for title, outcomes in (("won", self.won), ("lost", self.lost)):
            lines += [f"  {title}  {o.id}: {o.question}" for o in outcomes]
        lines += [f"  {name}: {w} won, {x} lost" for name, (w, x) in self.categories.items() if name]
        seconds = self.p_value_seconds
        verdict = "no difference that can be told" if seconds > CHANCE else "a difference"
        lines.append(
            f"seconds: median {self.median[0]:.2f} before, {self.median[1]:.2f} now; "
            f"{self.quicker[0]} quicker, {self.quicker[1]} slower, p = {seconds:.3f} (sign test): {verdict}"
        )
        if any(self.alone):
            lines.append(f"not compared: {self.alone[0]} only in the first run, {self.alone[1]} only in the second")
        return "\n".join(lines)


def change(before: Run, now: Run) -> Change:
    """What became of the cases that both runs have; those with a broken gold query in either are left out."""
    first = {o.id: o for o in before.outcomes if o.kind != "invalid"}
    second = {o.id: o for o in now.outcomes if o.kind != "invalid"}
    both = [(first[i], second[i]) for i in first if i in second and first[i].question == second[i].question]
    won = tuple(b for a, b in both if b.ok and not a.ok)
    lost = tuple(b for a, b in both if a.ok and not b.ok)
    names = {name: None for outcome in (*won, *lost) for name in [outcome.category]}
    conditions = [
        f"{name}: {before.conditions.get(name)!r} before, {now.conditions.get(name)!r} now"
        for name in dict.fromkeys([*before.conditions, *now.conditions])
        if before.conditions.get(name) != now.conditions.get(name)
    ]

    def count(outcomes: Iterable[Outcome], name: str) -> int:
        return sum(o.category == name for o in outcomes)

    return Change(
        common=len(both),
        right=(sum(a.ok for a, _ in both), sum(b.ok for _, b in both)),
        won=won,
        lost=lost,
        alone=(len(first) - len(both), len(second) - len(both)),
        median=(quantile([a.seconds for a, _ in both], 0.5), quantile([b.seconds for _, b in both], 0.5)),
        quicker=(sum(b.seconds < a.seconds for a, b in both), sum(b.seconds > a.seconds for a, b in both)),
        categories={name: (count(won, name), count(lost, name)) for name in names},
        conditions=tuple(conditions),
    )


def sign_test(ups: int, downs: int) -> float:
    """Two-sided exact probability that fair coins fall at least as unevenly as `ups` to `downs`."""
    total = ups + downs
    tail = sum(math.comb(total, k) for k in range(min(ups, downs) + 1))
    return min(1.0, float(2 * tail / (1 << total)))
