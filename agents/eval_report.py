"""A run as one page of HTML: totals, plots, and every case that was not right with what to look at.

The page stands alone: no script, no font, no request to anywhere, and a policy in it that forbids them. Its
colours follow the reader's system, light or dark, and differ in lightness too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from groundwire.agents.eval_run import Run, by_category, quantile
from groundwire.agents.evals import Outcome

_KINDS = {
    "right": "right",
    "refused": "refused",
    "wrong": "wrong",
    "timeout": "timed out",
    "error": "failed",
    "invalid": "gold query fails",
}
_WIDTH, _BAR, _LABEL = 760, 18, 270
"""Of plots, in pixels: the whole, the height of a bar, the room for its name."""
_BINS = 24

_STYLE = """
:root { color-scheme: light dark; --page: #fff; --ink: #1b1f24; --dim: #59636e; --line: #d5dbe1; --box: #f5f7f9;
  --right: #2a7d4f; --refused: #8a94a0; --wrong: #c8472f; --timeout: #8b5bb0; --error: #7a3d00; --invalid: #c9b458;
  --mark: #1f5fa8; --on: #fff }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --ink: #e4e8ec; --dim: #98a2ad; --line: #343b43;
  --box: #1d2227; --right: #55b581; --refused: #717c88; --wrong: #ee7a62; --timeout: #b58ad6; --error: #d79a5b;
  --invalid: #d8c778; --mark: #7db2ee; --on: #101316 } }
body { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 60rem; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem }
p.dim, .dim { color: var(--dim) } p { margin: .3rem 0 }
.totals { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .7rem; margin: 1.2rem 0 }
.totals div { background: var(--box); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem }
.totals b { display: block; font-size: 1.35rem; font-weight: 600 } .totals span { color: var(--dim); font-size: .85rem }
svg { display: block; max-width: 100%; height: auto } svg text { fill: var(--ink); font: 12px system-ui, sans-serif }
svg text.dim { fill: var(--dim) } svg text.on { fill: var(--on); font-weight: 600 }
.right { fill: var(--right) } .refused { fill: var(--refused) } .wrong { fill: var(--wrong) }
.timeout { fill: var(--timeout) } .error { fill: var(--error) } .invalid { fill: var(--invalid) }
.axis { stroke: var(--line) } .mark { stroke: var(--mark); stroke-width: 2; stroke-dasharray: 4 3 }
.bin { fill: var(--mark); fill-opacity: .75 }
.legend { display: flex; flex-wrap: wrap; gap: 1rem; font-size: .85rem; color: var(--dim); margin: .4rem 0 }
.legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin-right: .35rem;
  vertical-align: -1px }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; background: var(--box) }
summary { cursor: pointer; padding: .5rem .8rem } details > div { padding: 0 .8rem .8rem }
summary b { font-weight: 600 }
.tag { border-radius: 4px; padding: 0 .4rem; font-size: .8rem; color: var(--on); margin-right: .4rem }
pre { background: var(--page); border: 1px solid var(--line); border-radius: 4px; padding: .5rem;
  margin: .25rem 0 .7rem; white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.45 ui-monospace, monospace }
table { border-collapse: collapse; margin: .25rem 0 .7rem; font-size: .9rem } .scroll { overflow-x: auto }
td { border: 1px solid var(--line); padding: .15rem .5rem; background: var(--page) }
h3 { font-size: .85rem; font-weight: 600; color: var(--dim); margin: .6rem 0 0 }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 0 1rem }
"""


def page(run: Run) -> str:
    """The whole page."""
    asked = [o for o in run.outcomes if o.kind != "invalid"]
    body = [
        f"<h1>{escape(_title(run))}</h1>",
        f'<p class="dim">{escape(_conditions(run))}</p>',
        *(f'<p class="dim">{escape(f"{db}: {n}" if db else n)}</p>' for db, notes in run.notes.items() for n in notes),
        _totals(run),
        "<h2>By category</h2>",
        _legend(o.kind if o.answerable or o.kind != "refused" else "right" for o in asked),
        _categories(asked),
        "<h2>Seconds from question to answer</h2>",
        _histogram([o.seconds for o in asked]),
        "<h2>Seconds and tokens read anew</h2>",
        _scatter(asked),
        *_prompts(asked),
        *_cases(run.outcomes),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(_title(run))}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _title(run: Run) -> str:
    t = run.totals()
    return f"{t['correct']} of {t['of']} questions answered right" if t["of"] else f"{t['refused_rightly']} refused"


def _conditions(run: Run) -> str:
    parts = [
        f"{name} {', '.join(map(str, v)) if isinstance(v, list) else v}" for name, v in run.conditions.items() if v
    ]
    return " · ".join([*parts, *(f"{name} {value}" for name, value in run.facts.items())])


def _totals(run: Run) -> str:
    t = run.totals()
    share = f"{100 * t['correct'] / t['of']:.0f} %" if t["of"] else "–"
    boxes = [
        (share, f"right: {t['correct']} of {t['of']}"),
        (f"{t['refused_rightly']} of {t['unanswerable']}", "unanswerable ones refused"),
        (t["refused_wrongly"], "refused wrongly"),
        (t["ungrounded"], "figures that nothing proves"),
        (f"{t['seconds']['median']} s", f"median; p95 {t['seconds']['p95']} s"),
        (f"{t['tokens']['input']:,}", f"tokens read, {t['tokens']['cached']:,} from before (median)"),
        (t["tokens"]["output"], "tokens written (median)"),
    ]
    if "tokens" in t["prompt"]:
        single = t["prompt"].get("single_tokens")
        beside = f"; {t['prompt']['tokens'] / single:.2f} × single's {single:,}" if single else ""
        boxes.append((f"{t['prompt']['tokens']:,}", f"tokens of prompt (median){beside}"))
    for name, text in (
        ("almost", "right but for how a date is written"),
        ("timeouts", "timed out"),
        ("errors", "failed"),
        ("invalid", "gold queries fail"),
    ):
        if t[name]:
            boxes.append((t[name], text))
    cells = "".join(f"<div><b>{escape(str(v))}</b><span>{escape(text)}</span></div>" for v, text in boxes)
    return f'<div class="totals">{cells}</div>'


def _legend(kinds: Iterable[str]) -> str:
    there = set(kinds)
    items = "".join(
        f'<span><i style="background: var(--{kind})"></i>{escape(text)}</span>'
        for kind, text in _KINDS.items()
        if kind in there
    )
    return f'<div class="legend">{items}</div>'


# -- plots -------------------------------------------------------------------------------------


def _svg(height: float, parts: Iterable[str], about: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" height="{height:.0f}" role="img" '
        f'aria-label="{escape(about)}">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> str:
    class_ = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{class_}>{escape(text)}</text>'


def _categories(outcomes: Sequence[Outcome]) -> str:
    """A bar for each category, divided by what became of its cases."""
    groups = by_category(outcomes)
    most = max(map(len, groups.values()), default=1)
    unit = (_WIDTH - _LABEL - 60) / most
    parts = []
    for number, (category, part) in enumerate(groups.items()):
        y = number * (_BAR + 8)
        name = category or "all"
        parts.append(_text(_LABEL - 8, y + 13, name if len(name) < 42 else f"{name[:40]}…", anchor="end"))
        x = float(_LABEL)
        for kind in _KINDS:
            count = sum(("right" if o.ok else o.kind) == kind if not o.answerable else o.kind == kind for o in part)
            if count:
                width = count * unit
                parts.append(
                    f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{width - 1:.1f}" height="{_BAR}" rx="2"/>'
                )
                if width > 14:
                    parts.append(_text(x + width / 2, y + 13, str(count), anchor="middle", kind="on"))
                x += width
        parts.append(_text(x + 6, y + 13, f"{sum(o.ok for o in part)} of {len(part)}", kind="dim"))
    return _svg(len(groups) * (_BAR + 8), parts, "answers by category")


def _histogram(seconds: Sequence[float]) -> str:
    """How many answers took how long, with the median and the 95th percentile."""
    if not seconds:
        return ""
    step = _nice(max(*seconds, 0.1) / _BINS)
    counts = [0] * (int(max(seconds) / step) + 1)
    for value in seconds:
        counts[int(value / step)] += 1
    left, bottom, high = 30, 150, 110
    width = (_WIDTH - 2 * left) / len(counts)
    parts = []
    for number, count in enumerate(counts):
        height = high * count / max(counts)
        x = left + number * width
        parts.append(
            f'<rect class="bin" x="{x:.1f}" y="{bottom - height:.1f}" width="{max(1.0, width - 1.5):.1f}" '
            f'height="{height:.1f}"><title>{count} took {number * step:g} to {(number + 1) * step:g} s</title></rect>'
        )
    scale = width / step
    parts += _axis(left, bottom, len(counts) * step, scale, "seconds")
    for share, name in ((0.5, "median"), (0.95, "p95")):
        value = quantile(seconds, share)
        x = left + value * scale
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom - high - 14}" y2="{bottom}"/>')
        end = x > _WIDTH - 120
        y = bottom - high - 18 if share < 0.9 else bottom - high - 4
        parts.append(_text(x + (-5 if end else 5), y, f"{name} {value:.1f} s", anchor="end" if end else "start"))
    return _svg(bottom + 42, parts, "how long answers took")


def _scatter(outcomes: Sequence[Outcome]) -> str:
    """Seconds over tokens that had to be evaluated, a dot for each case."""
    points = [(o.tokens.get("input", 0) - o.tokens.get("cached", 0), o.seconds, o) for o in outcomes if o.tokens]
    if not points:
        return '<p class="dim">The model reported no tokens.</p>'
    left, bottom, high = 44, 210, 190
    across = (_WIDTH - left - 20) / max(1, *(p[0] for p in points))
    up = high / max(0.1, *(p[1] for p in points))
    parts = _axis(left, bottom, max(1, *(p[0] for p in points)), across, "tokens read anew")
    step = _nice(max(p[1] for p in points) / 4 or 0.1)
    for number in range(1, int(max(p[1] for p in points) / step) + 1):
        y = bottom - number * step * up
        parts.append(f'<line class="axis" x1="{left}" x2="{_WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 6, y + 4, f"{number * step:g} s", anchor="end", kind="dim"))
    for tokens, seconds, outcome in points:
        kind = "right" if outcome.ok else outcome.kind
        parts.append(
            f'<circle class="{kind}" cx="{left + tokens * across:.1f}" cy="{bottom - seconds * up:.1f}" r="4.5" '
            f'fill-opacity=".8"><title>{escape(outcome.id)}: {seconds:.1f} s, {tokens} tokens</title></circle>'
        )
    return _svg(bottom + 42, parts, "seconds over tokens read anew")


def _axis(left: float, bottom: float, most: float, scale: float, unit: str) -> list[str]:
    parts = [f'<line class="axis" x1="{left}" x2="{_WIDTH - 20}" y1="{bottom}" y2="{bottom}"/>']
    step = _nice(most / 8)
    for number in range(int(most / step) + 1):
        x = left + number * step * scale
        parts.append(_text(x, bottom + 18, f"{number * step:g}", anchor="middle", kind="dim"))
    return [*parts, _text(_WIDTH - 20, bottom + 36, unit, anchor="end", kind="dim")]


def _nice(value: float) -> float:
    """The next of 1, 2, 5, 10 ... above a value."""
    power: float = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= value * 0.999)


def _prompts(outcomes: Sequence[Outcome]) -> list[str]:
    """Prompt lengths beside those of single, where a mode made them differ."""
    pairs = [(o.prompt["tokens"], o.prompt["single_tokens"], o) for o in outcomes if "single_tokens" in o.prompt]
    if not pairs:
        return []
    left, bottom, high = 44, 190, 170
    most = max(max(a, b) for a, b, _ in pairs)
    width = (_WIDTH - left - 20) / len(pairs)
    parts = _axis(left, bottom, len(pairs), width, "cases, by length")
    for number, (tokens, single, outcome) in enumerate(sorted(pairs, key=lambda p: p[0])):
        x = left + number * width
        y = bottom - high * tokens / most
        parts.append(
            f'<rect class="bin" x="{x:.1f}" y="{y:.1f}" width="{max(1.0, width - 1.5):.1f}" height="{bottom - y:.1f}">'
            f"<title>{escape(outcome.id)}: {tokens} tokens, {single} in single</title></rect>"
        )
        y = bottom - high * single / most
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x + width - 1.5:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
    parts.append(_text(left, 12, f"{most:,} tokens", kind="dim"))
    note = '<p class="dim">Bars: tokens among the other entities. Dashes: of the same question in single.</p>'
    return ["<h2>Length of prompts</h2>", note, _svg(bottom + 42, parts, "length of prompts")]


# -- cases -------------------------------------------------------------------------------------


def _cases(outcomes: Sequence[Outcome]) -> list[str]:
    wrong = [o for o in outcomes if not o.ok]
    proofless = [o for o in outcomes if o.ungrounded and o.ok]
    right = [o for o in outcomes if o.ok and not o.ungrounded]
    parts = [f"<h2>Not right ({len(wrong)})</h2>", *(_case(o) for o in wrong)]
    if proofless:
        parts += [
            f"<h2>Right, with figures that nothing proves ({len(proofless)})</h2>",
            *(_case(o) for o in proofless),
        ]
    return [*parts, f"<h2>Right ({len(right)})</h2>", *(_case(o) for o in right)]


def _case(o: Outcome) -> str:
    kind = "right" if o.ok else o.kind
    name = "refused rightly" if o.ok and not o.answerable else _KINDS[kind]
    head = (
        f'<summary><span class="tag" style="background: var(--{kind})">{escape(name)}</span>'
        f'<b>{escape(o.question)}</b> <span class="dim">{escape(o.id)} · {o.seconds:.1f} s</span></summary>'
    )
    parts = [f"<h3>hints</h3><pre>{escape(o.hints)}</pre>"] if o.hints else []
    queries = [("gold query", gold) for gold in o.golds[:1]] + ([("our query", o.sql)] if o.sql else [])
    parts += ['<div class="pair">', *(f"<div><h3>{n}</h3><pre>{escape(q)}</pre></div>" for n, q in queries), "</div>"]
    if len(o.golds) > 1:
        parts.append(
            f'<p class="dim">{len(o.golds) - 1} more gold quer{"y" if len(o.golds) == 2 else "ies"} accepted</p>'
        )
    if o.difference is not None:
        if o.misread is not None:
            parts.append(f"<h3>read as if the answer were</h3><pre>{escape(o.misread)}</pre>")
        almost = "; it differs only in how a date is written" if o.almost else ""
        parts.append(f"<h3>difference</h3><p>{escape(o.difference.reason + almost)}</p>")
        tables = (("gold rows that did not come", o.difference.missing), ("rows that came instead", o.difference.extra))
        parts += ['<div class="pair">', *(_rows(n, rows) for n, rows in tables if rows), "</div>"]
    parts.append(f"<h3>answer</h3><pre>{escape(o.answer[:2000])}</pre>")
    if o.ungrounded:
        parts.append(f"<h3>figures that nothing proves</h3><pre>{escape(', '.join(o.ungrounded))}</pre>")
    if o.problems:
        parts.append(f"<h3>on the way</h3><pre>{escape(chr(10).join(o.problems))}</pre>")
    return f"<details>{head}<div>{''.join(parts)}</div></details>"


def _rows(name: str, rows: Sequence[Sequence[Any]]) -> str:
    cells = "".join("<tr>" + "".join(f"<td>{escape(str(v))}</td>" for v in row) + "</tr>" for row in rows)
    return f'<div><h3>{escape(name)}</h3><div class="scroll"><table>{cells}</table></div></div>'
