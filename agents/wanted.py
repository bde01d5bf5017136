"""What a question wants to see, where code can tell each item of it: `Return the name, number of orders and total fee`.

Then nothing is left to the model there. A list of which one item is not understood is left to it as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from groundwire.agents.definitions import PERCENTAGE
from groundwire.agents.grammar import identifier, keys_of, kind
from groundwire.agents.linking import Words
from groundwire.core.catalog import Entity

_RETURN = re.compile(r"\breturn(?= )(?! (?:to|rates?|dates?)\b)", re.I)
_SHOW = re.compile(r"(?:(?<=[.?!;,] )|^)(?:show|list|give|display|report)(?: me)?(?= )", re.I)
_DISTINCT = re.compile(r"\s*(?:a |the )?(?:list of )?(?:distinct|unique)(?: list of)?\b(?: the)?")
_FIGURES = {
    "total": "SUM",
    "sum of": "SUM",
    "average": "AVG",
    "mean": "AVG",
    "highest": "MAX",
    "maximum": "MAX",
    "largest": "MAX",
    "lowest": "MIN",
    "minimum": "MIN",
    "smallest": "MIN",
}
_SKIPPED = re.compile(r"\s*(?:(?:the|their|its|his|her|each|respective)\s+)*")
_COUNT = re.compile(
    r"(?:(?:total )?(?:number|count)s? of|how many)\s+(?:(?P<distinct>distinct|unique|different)\s+)?", re.I
)
_FIGURE = re.compile(rf"(?P<which>{'|'.join(_FIGURES)})\s+(?:the )?", re.I)
_AND = re.compile(r"\s*(?:,\s*(?:and\s+|as well as\s+)?|and\s+(?:also\s+)?|as well as\s+|along with\s+)", re.I)
_END = re.compile(
    r"\s*(?:$|[.?!;)]|(?:of|from|who|that|which|whose|where|for)\b(?! (?:each|every|the (?:first|last|latest))\b)"
    r"(?![^.?!;]* and\b)|for (?:each|every) (?:day|week|month|quarter|year)\b"
    r"|,?\s*(?:ordered|sorted|in (?:as|des)cending|for the (?:top|bottom))\b)",
    re.I,
)
_EACH_TIME = re.compile(
    r"\b(?:(?:each|every|per|by) (?:day of the week|week ?day|(?:calendar )?(?:day|week|month|quarter|year))\b"
    r"|each of the (?:last|past) \w+ (?:day|week|month|quarter|year)s\b)",
    re.I,
)
_NEW = re.compile(r"new(?:ly \w+ed)? ", re.I)
"""Records that came about then."""
_NAME = re.compile(r" (?:names?|codes?)\b", re.I)
_HOW_MANY = re.compile(
    r"\W*(?P<what>(?:what (?:is|was) )?(?:the )?)(?=(?:total )?(?:number|count) of\b|how many\b)", re.I
)
_WHAT_ARE = re.compile(r"\W*what (?:is|was|are|were) (?:the )?", re.I)
OFTEN = re.compile(
    r"\W*what (?:is|was|are|were) the (?P<often>daily|weekly|monthly|quarterly|yearly) "
    r"(?=total|sum|average|mean|number)",
    re.I,
)
"""What is wanted for each unit of time: `What is the monthly average price?`"""
_WHAT_IS = re.compile(r"\W*what (?:is|was|are|were) the (?P<name>[A-Z]{2,})\b", re.I)
_COMMON = re.compile(
    r"\W*what (?:is|are) the (?:top )?(?:\w+ )?most (?:common|frequent|popular|(?:frequently|commonly|often) \w+) ",
    re.I,
)
_FOR = re.compile(r" (?:of|for|among|in)(?: all)?(?: the)? ", re.I)
_COUNTS = re.compile(r",? and (?:their|its)(?: respective)? counts?\s*[?.]?\s*$", re.I)
_MORE = re.compile(
    r"\b(?:per|each|every|by (?:type|kind|status|month|year|week|day)|average|mean|total|sum|how (?:many|much|long)"
    r"|number of|percentage|share|rate|ratio|most|fewest|highest|lowest|respective\w*|split|what|which (?:ones?|of))\b",
    re.I,
)
"""What more a question may ask for than one number."""
_TOTAL = re.compile(r"(?:total )?", re.I)
_COUNT_OF = re.compile(r" counts?\b", re.I)
_THE_COUNT = re.compile(r"(?:total )?count\b(?! of)", re.I)
_OWN = re.compile(r"\w+")
_SHARE = re.compile(r"(?:\w+ ){0,3}?(?:rate|percentage|share)\b", re.I)
_DONE = re.compile(r" (?:\w+ed|sent|spent|paid|sold|bought|won|lost|made|taken|given|held|written)\b", re.I)
_BARE = ("id", "name", "title", "email", "username", "status", "state", "type", "country", "city", "symbol")
"""What is named without its owner where that is known."""
_MOST = 5


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is shown, as a draft has it.

    Attributes:
        items: expressions, each with a name where it is none of a column.
        columns: columns among them, in lower case.
        distinct: whether each row is shown once.
    """

    items: tuple[str, ...]
    columns: frozenset[str]
    distinct: bool

    @property
    def text(self) -> str:
        """The draft up to FROM."""
        return f"SELECT {'DISTINCT ' if self.distinct else ''}{', '.join(self.items)}"


@dataclass(frozen=True, kw_only=True)
class Each:
    """A unit of time, for each of which something is wanted.

    Attributes:
        unit: a day, week, month, quarter, year, or weekday.
        moment: the column that tells the time, as a draft has it.
    """

    unit: str
    moment: str

    @property
    def begin(self) -> str:
        """When the unit of a record begins, or which weekday it is (0 is Sunday), as a draft has it."""
        if self.unit == "weekday":
            return f"EXTRACT(DAYOFWEEK FROM {self.moment})"
        return f"DATE_TRUNC('{self.unit}', {self.moment})"

    def shown(self, found: Wanted | None) -> Wanted | None:
        """What is wanted with the time that it is told by: that is shown, whether the question says so or not."""
        if found is None or len(found.columns) == len(found.items):
            return None  # of records nothing is added up
        item = f"{self.begin} AS {self.unit}"
        return found if item in found.items else replace(found, items=(item, *found.items))


def find(words: Words, names: Mapping[str, str], defined: Mapping[str, str], each: Each | None = None) -> Wanted | None:
    """What a question wants to see; None where code can't tell all of it.

    Args:
        words: of the question.
        names: for each full entity name the form in which the model writes it.
        defined: what names of the asker's own stand for, as a draft has it; see `Definitions.named`.
        each: the unit of time that something is asked for each of.
    """
    question = words.question
    found = list(_RETURN.finditer(question)) or list(_SHOW.finditer(question))
    reader = _List(words, names, defined if each is None else {**defined, each.unit: each.begin})
    made = reader.read(found[-1].end()) if found else None
    listed = OFTEN.match(question) or _WHAT_ARE.match(question)
    if made is None and each is not None and listed is not None:
        made = reader.read(listed.end())
    if made is None and not found:
        made = reader.one(timed=each is not None)
    return made if each is None else each.shown(made)


class _List:
    def __init__(self, words: Words, names: Mapping[str, str], defined: Mapping[str, str]) -> None:
        self.words = words
        self.defined = {name: meant for name, meant in defined.items() if "LAG(" not in meant}  # of what, is not said
        self.names = names
        self.by_name = {names[e.full_name]: e for e in words.entities}
        self.places = words.columns_at()
        self.starts = {begin: index for index, (begin, _) in enumerate(words.spans)}
        self.owner = ""  # the table of the last column, whose `name` is meant

    def read(self, at: int) -> Wanted | None:
        """What is listed from a character on."""
        text = self.words.question
        distinct = _DISTINCT.match(text, at)
        at = distinct.end() if distinct is not None else at
        at = self._opened(at)
        items: list[str] = []
        columns: list[str] = []
        while len(items) < _MOST:
            skipped = _SKIPPED.match(text, at)
            at = skipped.end() if skipped is not None else at
            made = self._item(at)
            if made is None:
                return None
            item, column, at = made
            items.append(item)
            columns += [column.lower()] if column else []
            if _END.match(text, at):
                whole = tuple(dict.fromkeys(items))
                alone = len(columns) == len(items)
                if len(whole) < len(items) or (distinct is not None and not alone):
                    return None
                return Wanted(items=whole, columns=frozenset(columns), distinct=distinct is not None)
            if (joined := _AND.match(text, at)) is None:
                return None
            at = joined.end()
        return None

    def _opened(self, at: int) -> int:
        """Where a list in parentheses begins behind whom it is about: `return users (user ID and name) who`."""
        text = self.words.question
        skipped = _SKIPPED.match(text, at)
        thing = self._thing(skipped.end()) if skipped is not None else None
        if thing is None or not text.startswith(" (", thing[1]):
            return at
        self.owner = self.names[thing[0].full_name]
        return thing[1] + len(" (")

    def one(self, *, timed: bool) -> Wanted | None:
        """The one number that a question asks for, or one per unit of time: `How many readers came?`."""
        text = self.words.question
        if (
            (own := _WHAT_IS.match(text)) is not None
            and own["name"] in self.defined
            and not _MORE.search(text, own.end())
        ):
            return self._only(f"{self.defined[own['name']]} AS {_label(own['name'])}")
        if (common := _COMMON.match(text)) is not None:
            return self._most_common(common.end())
        begin = _HOW_MANY.match(text)
        count = _COUNT.match(text, begin.end()) if begin is not None else None
        if begin is None or count is None:
            return None
        more = text[count.end() :]
        if _MORE.search(_EACH_TIME.sub(" ", more) if timed else more):
            return None
        made = self._item(begin.end("what"))
        if made is None or not made[0].startswith("COUNT("):
            return None
        return self._only(made[0])

    def _only(self, item: str) -> Wanted:
        return Wanted(items=(item,), columns=frozenset(), distinct=False)

    def _most_common(self, at: int) -> Wanted | None:
        """`What are the 3 most common order states and their counts?`"""
        text = self.words.question
        if (column := self._column(at)) is None or (table := column[0].rpartition(".")[0]) not in self.by_name:
            return None
        end = column[1]
        if (of := _FOR.match(text, end)) is not None and (thing := self._thing(of.end())) is not None:
            if self.names[thing[0].full_name] != table:
                return None
            end = thing[1]
        if _COUNTS.match(text, end) is None:
            return None
        items = (column[0], f"COUNT({table}.*) AS count")
        return Wanted(items=items, columns=frozenset({column[0].lower()}), distinct=False)

    def _item(self, at: int) -> tuple[str, str, int] | None:
        """One thing that is wanted: as a draft has it, its column where it is one, and where it ends."""
        text = self.words.question
        if (own := _OWN.match(text, at)) is not None and own[0] in self.defined:
            return f"{self.defined[own[0]]} AS {_label(own[0])}", "", own.end()
        if column := self._column(at):
            self.owner = column[0].rpartition(".")[0]
            return column[0], column[0], column[1]
        if PERCENTAGE in self.defined and (share := _SHARE.match(text, at)) is not None:
            return f"{self.defined[PERCENTAGE]} AS {_label(share[0])}", "", share.end()
        if (count := _COUNT.match(text, at)) is not None and (thing := self._counted(count.end())) is not None:
            entity, end = thing
            done = _DONE.match(text, end)
            if done is not None and (_END.match(text, done.end()) or _AND.match(text, done.end())):
                end = done.end()
            table = self.names[entity.full_name]
            label = _label(text[at:end])
            if count["distinct"]:
                if len(entity.primary_key) != 1:
                    return None
                return f"COUNT(DISTINCT {table}.{identifier(entity.primary_key[0])}) AS {label}", "", end
            return f"COUNT({table}.*) AS {label}", "", end
        if (total := _TOTAL.match(text, at)) is not None and (thing := self._counted(total.end())) is not None:
            entity, end = thing
            if (count := _COUNT_OF.match(text, end)) is not None:
                label = _label(text[at : count.end()])
                return f"COUNT({self.names[entity.full_name]}.*) AS {label}", "", count.end()
        if (count := _THE_COUNT.match(text, at)) is not None:
            counts = [meant for meant in self.defined.values() if re.fullmatch(r"COUNT\([^()]*\)", meant)]
            return (f"{counts[0]} AS {_label(count[0])}", "", count.end()) if len(counts) == 1 else None
        if (figure := _FIGURE.match(text, at)) is not None and (column := self._measured(figure.end())):
            name, end = column
            done = _DONE.match(text, end)
            end = done.end() if done is not None else end
            if self._is_measured(name):
                return f"{_FIGURES[figure['which'].lower()]}({name}) AS {_label(text[at:end])}", "", end
        return None

    def _column(self, at: int) -> tuple[str, int] | None:
        """The one column that the longest words from a character on name, and where they end."""
        start = self.starts.get(at)
        if start is None:
            return None
        end = max((end for begin, end in self.places if begin == start), default=None)
        if end is not None:
            columns = self.places[start, end]
            if len(columns) != 1:
                return None
            column = next(iter(columns))
            after = _NAME.match(self.words.question, self._end(end))
            named = after is not None and not self._is_measured(column)  # the country's name is the country
            return column, after.end() if named and after is not None else self._end(end)
        return self._of_owner(start)

    def _of_owner(self, start: int) -> tuple[str, int] | None:
        """`name` behind the ID of a customer is the customer's, and before it that of whom the question begins with."""
        wanted = self.words.words[start]
        owner = self.by_name.get(self.owner) or self._asked_of()
        if owner is None or wanted not in _BARE:
            return None
        if wanted == "id" and len(owner.primary_key) == 1:
            return f"{self.names[owner.full_name]}.{identifier(owner.primary_key[0])}", self._end(start + 1)
        fields = self.words.called_so(wanted, owner)
        if len(fields) != 1:
            return None
        return f"{self.names[owner.full_name]}.{identifier(fields[0])}", self._end(start + 1)

    def _asked_of(self) -> Entity | None:
        """The entity that a question names first."""
        at = {
            start: entity
            for entity in self.words.entities
            for phrase in self.words.called[entity.full_name]
            for start, end in self.words.find(phrase, self.words.words)
            if not self.words.describes(end, entity.full_name)
        }
        return at[min(at)] if at else None

    def _measured(self, at: int) -> tuple[str, int] | None:
        """The one number that words name, or that the question names elsewhere and these repeat: `total amount`."""
        if (found := self._column(at)) is not None or (start := self.starts.get(at)) is None:
            return found
        word = self.words.words[start]
        if (column := self._of_part(start)) is not None:
            return column
        known = {c for columns in self.places.values() if len(columns) == 1 for c in columns}
        same = {c for c in known if self._is_measured(c) and word in self.words.called_by(c)[-1:]}
        return (same.pop(), self._end(start + 1)) if len(same) == 1 else None

    def _of_part(self, start: int) -> tuple[str, int] | None:
        """`transaction amount` where one entity alone has `transaction` in its name."""
        word, after = self.words.words[start], self.words.words[start + 1 : start + 2]
        holders = [e for e in self.words.entities if any(word in p for p in self.words.called[e.full_name])]
        fields = self.words.called_so(after[0], holders[0]) if after and len(holders) == 1 else []
        if len(fields) != 1:
            return None
        return f"{self.names[holders[0].full_name]}.{identifier(fields[0])}", self._end(start + 2)

    def _counted(self, at: int) -> tuple[Entity, int] | None:
        """What is counted; of some values where the question gives them before the name, which are conditions then."""
        new = _NEW.match(self.words.question, at)
        start, values = self.starts.get(new.end() if new is not None else at), []
        while start is not None:
            after = [(begin, end) for begin, end in self.words.values_at() if begin == start]
            if not after or max(after)[1] >= len(self.words.spans):
                break
            values.append(max(after))
            start = max(after)[1]
        thing = self._thing(self.words.spans[start][0]) if start is not None else None
        if thing is None or not all(self.words.is_value_of(value, thing[0]) for value in values):
            return self._thing(at)
        return thing

    def _thing(self, at: int) -> tuple[Entity, int] | None:
        """The one entity that the words from a character on call, and where they end."""
        start = self.starts.get(at)
        found = self.words.thing_at(start) if start is not None else None
        return (found[0], self._end(found[1])) if found is not None else None

    def _end(self, word: int) -> int:
        return self.words.spans[word - 1][1]

    def _is_measured(self, column: str) -> bool:
        table, _, name = column.rpartition(".")
        entity = self.by_name.get(table)
        field = entity.find_field(name.strip('"')) if entity is not None else None
        return (
            entity is not None
            and field is not None
            and kind(field, entity) == "number"
            and field.name not in keys_of(entity)
        )


def _label(text: str) -> str:
    """A name for a column, in the asker's words."""
    said = re.sub(r"^how many\b", "number of", text.lower())
    made = "_".join(re.findall(r"[a-z0-9]+", said))[:40].strip("_")
    return made if made[:1].isalpha() else f"c_{made}"


def leaves_out(wanted: Wanted, grouped: Collection[Collection[str]]) -> bool:
    """Whether a list lacks something that the question asks for each of: then it is not all that is wanted."""
    return any(not {c.lower() for c in columns} & wanted.columns for columns in grouped)
