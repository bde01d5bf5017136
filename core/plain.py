"""Text of records where people read it: nothing in it acts on a terminal, hides, or reorders what stands beside it.

Control characters move cursors and write clipboards, bidirectional ones show a text in another order than it has, and
invisible ones carry what only a machine reads. Each is shown as what it is (`␛`, `\\u202e`), so that nothing
disappears. Joiners between letters and the selectors behind an emoji stay, since scripts and emoji are written with
them. Markup is not interpreted anywhere, so that links and images of records stay the text that they are.

Source: Unicode Technical Report 36 and Annex 9; Trojan Source (CVE-2021-42574).
"""

from __future__ import annotations

import json
import re
from typing import Any

LONGEST = 2_000
"""Characters of one value that people and models are shown."""

_ACTING = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SELECTORS = re.compile("[\ufe00-\ufe0f]{2,}")
"""More than one variation selector behind one character, which writes nothing and may say something."""
_PICTURES = {"\n": "⏎", "\t": " ", "\x7f": "␡", **{chr(c): chr(0x2400 + c) for c in range(0x20) if c not in (9, 10)}}


def _shown(match: re.Match[str]) -> str:
    return "".join(
        _PICTURES.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}") for c in match[0]
    )


def plain(text: str) -> str:
    """The text on one line, with every character that acts, hides or reorders shown as what it is."""
    if text.isascii() and text.isprintable():
        return text
    return _SELECTORS.sub(_shown, _ACTING.sub(_shown, text))


def plain_lines(text: str) -> str:
    """The same, with line breaks left as they are: for texts that are made of lines."""
    if text.isascii() and text.isprintable():
        return text
    return "\n".join(map(plain, text.split("\n")))


def shortened(text: str) -> str:
    """A value as people and models are shown it: on one line, without the middle of a very long one."""
    if len(text) > LONGEST:
        return f"{plain(text[:LONGEST])}… ({len(text):,} characters)"
    return plain(text)


def json_text(value: Any) -> str:
    """A value as JSON on one line, whose text is exact and does nothing on a terminal either."""
    return _ACTING.sub(_escaped, json.dumps(value, ensure_ascii=False))


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]
