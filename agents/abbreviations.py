"""Short forms in names of tables and columns: whether `emp_nm` is what a question calls the employee's name.

Plain spelling, no model: usual short forms are listed, others keep the first letter and the order of the word's
letters. Cuts such as `cust` are believed only where the names around them are short forms too, because `plan` is also
how `planned` begins.
"""

from __future__ import annotations

from collections.abc import Iterable

from groundwire.agents import naming
from groundwire.agents.wording import root, stems
from groundwire.agents.words import KNOWN, ORDINARY, SAID, UNITS
from groundwire.core.catalog import Entity

_SHARE = 0.15
"""Of the words in a catalog's names, how many must be short forms for every cut to count as one."""
_LONGEST = 5


class Abbreviations:
    """Short forms in the names of some entities.

    Args:
        entities: whose names are read.
    """

    def __init__(self, entities: Iterable[Entity]) -> None:
        names = [n for e in entities for n in (e.name, *(naming.bare(f, e) for f in e.fields))]
        words = {w for n in names for w in stems(n) if len(w) > 1}
        words.discard("id")
        short = [w for w in words if w in KNOWN or _without_vowels(w)]
        self._usual = len(short) >= _SHARE * max(1, len(words)) and len(short) > 2

    def same(self, name: str, word: str) -> bool:
        """Whether a word of a name is a word of a question, or short for it. Both are stems, in lower case."""
        if name == word:
            return True
        if len(name) >= len(word) or len(word) < 4:
            return False
        if name in UNITS:
            return word in UNITS[name]
        if name in KNOWN:
            return (len(name) > 2 or self._usual) and word in KNOWN[name]
        if name[:1] != word[:1] or (len(name) > 3 and name in ORDINARY | SAID):
            return False  # `over` is a word, and not short for `overdue`
        if not 3 <= len(name) <= _LONGEST or not _in_order(name, word):
            return False
        cut = len(name) > 3 and word.startswith(name) and len(word) > len(name) + 2
        if cut and root(word) != root(name) and word not in ORDINARY | SAID:
            return True  # `spec` for `specialty`, and not `book` for `booking`
        return (_without_vowels(name) and _is_dense(name, word)) or (
            self._usual and (word.startswith(name) or _skeleton(word).startswith(name))
        )


def _without_vowels(word: str) -> bool:
    return len(word) > 1 and not set(word[1:]) & set("aeiou") and word.isalpha()


def _skeleton(word: str) -> str:
    return word[:1] + "".join(c for c in word[1:] if c not in "aeiouy")


def _is_dense(name: str, word: str) -> bool:
    """Whether letters are many of the word's consonants, or end as it does: `rsn` of `reason`, not `reimbursement`."""
    return 2 * len(name) >= len(_skeleton(word)) or name[-1] == word[-1]


def _in_order(name: str, word: str) -> bool:
    """Whether the name's letters occur in the word in this order."""
    rest = iter(word)
    return all(letter in rest for letter in name)
