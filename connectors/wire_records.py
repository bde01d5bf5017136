"""The records of an answer, of which only the wanted fields are decoded, column by column.

A page of JSON becomes objects of a class that was made for its wanted fields, and these become columns at once: most
of what plain decoding takes is dictionaries that nobody looks at. Numbers with a point are binary floats here. Where
that may not do, `exactly` decodes the same bytes again as `groundwire.connectors.http_wire` does, and what is not as
it was expected (a field that is missing, or of another form) is left to that altogether. Both give the same batches
and the same errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, overload

import msgspec

from groundwire.connectors.http_wire import parsed

_Column = tuple[str, Sequence[Any]]
_KNOWN_SHAPES = 256
_ABSENT = msgspec.UNSET
_TRIED = 3
"""Pages in a row that were not as expected, after which a read goes on without trying."""


class Records(Sequence[Any]):
    """The records of one answer, as columns of the wanted fields.

    As a sequence they are what an exact reading of the whole answer gives, which takes its time.

    Attributes:
        exact: whether numbers with a point are `Decimal`.
        wanted: what was asked for; it is told where binary floats did not do.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[Any]],
        count: int,
        content: bytes,
        where: tuple[str, ...],
        wanted: Wanted,
        *,
        exact: bool,
    ) -> None:
        self.exact = exact
        self.wanted = wanted
        self._where = where
        self._columns = columns
        self._count = count
        self._content = content
        self._exactly: list[Any] | None = None

    def column(self, path: str) -> Sequence[Any]:
        """The values at a wanted path, one for each record.

        Raises:
            KeyError: it is none of the wanted ones.
        """
        return self._columns[path]

    def exactly(self) -> list[Any]:
        """The same records whole and exact: objects as dictionaries, numbers with a point as `Decimal`."""
        if self._exactly is None:
            body = parsed(self._content)
            for step in self._where:
                body = body[step]
            self._exactly = body[: self._count]
        return self._exactly

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice) and index.start is None and index.step is None:
            columns = {p: values[index] for p, values in self._columns.items()}
            count = len(range(self._count)[index])
            return Records(columns, count, self._content, self._where, self.wanted, exact=self.exact)
        return self.exactly()[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.exactly())

    def __eq__(self, other: object) -> bool:
        """Records of the same wanted fields may differ in others."""
        if isinstance(other, Records):
            return self._columns == other._columns and self.exactly() == other.exactly()
        return isinstance(other, Sequence) and len(other) == len(self) and self.exactly() == other

    __hash__ = None  # type: ignore[assignment]


@dataclass(kw_only=True)
class Wanted:
    """What a read wants of its pages. One for each read: it gives up where pages are not as expected.

    Attributes:
        paths: of fields in a record, as `groundwire.connectors.records.value_at` takes them.
        heads: paths in the body that are looked at beside the records.
        absent: whether a field that a record lacks is null; otherwise the record is not as expected.
    """

    paths: tuple[str, ...]
    heads: tuple[str, ...] = ()
    absent: bool = False
    exact: bool = field(default=False, init=False)
    _failed: int = field(default=0, init=False)

    def read(self, content: bytes, *where: str) -> tuple[Records, Any] | None:
        """The records of an answer, and of its body what stands at `heads`; None where it is not as expected.

        Args:
            where: the steps from the body to its list of records; none where the body is the list.
        """
        if self._failed >= _TRIED:
            return None
        shape = _shape(self.paths, where, self.heads, self.absent)
        found = None if shape is None else shape.read(content, where, self)
        self._failed = self._failed + 1 if found is None else 0
        return found


# -- classes for answers ---------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Field:
    """An attribute of a class that was made for JSON's objects.

    Attributes:
        attribute, name: as Python and as JSON has it.
        refused: whether an object that has it is not as expected: a name with points in it would stand for a path.
        below: the fields of the object that it is; none where it is a value.
    """

    attribute: str
    name: str
    refused: bool = False
    below: tuple[_Field, ...] = ()

    def body(self, top: Any) -> Iterator[tuple[str, Any]]:
        """Name and exact value, where the object has it.

        Raises:
            LookupError, ValueError: it has what is refused, or no JSON.
        """
        value = getattr(top, self.attribute)
        if self.below:
            yield self.name, dict(pair for one in self.below for pair in one.body(value))
        elif value is not _ABSENT:
            if self.refused:
                raise LookupError(self.name)
            yield self.name, parsed(bytes(value))


def _columns(fields: Sequence[_Field], objects: Sequence[Any], before: str = "") -> Iterator[_Column]:
    """Path and values of each wanted field of these objects, and of the objects below them.

    Raises:
        LookupError: an object has what is refused.
    """
    for one in fields:
        values, path = _reader(one.attribute)(objects), before + one.name
        if one.refused:
            if values.count(_ABSENT) != len(values):
                raise LookupError(path)
        elif not one.below:
            yield path, values
        else:
            there = [v for v in values if v is not None]
            for inner, column in _columns(one.below, there, f"{path}."):
                yield inner, column if len(there) == len(values) else _filled(values, column)


@lru_cache(maxsize=_KNOWN_SHAPES)
def _reader(attribute: str) -> Callable[[Sequence[Any]], list[Any]]:
    """The attribute of each of some objects, in half the time that it takes where its name is no part of the code.

    It is made as `collections.namedtuple` makes classes; the name is one of ours.
    """
    made: Callable[[Sequence[Any]], list[Any]] = eval(f"lambda objects: [o.{attribute} for o in objects]")  # noqa: S307
    return made


def _filled(objects: Sequence[Any], column: Sequence[Any]) -> list[Any]:
    """The column with a null wherever there is no object."""
    values = iter(column)
    return [None if o is None else next(values) for o in objects]


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """How answers of one shape are decoded.

    Attributes:
        binary, exact: decoders, with binary floats and with `Decimal`.
        fields: of a record.
        steps: attributes that lead from the body to the list of records.
        heads: what is looked at in the body; none where it is the list.
    """

    binary: Any
    exact: Any
    fields: tuple[_Field, ...]
    steps: tuple[str, ...]
    heads: tuple[_Field, ...]

    def read(self, content: bytes, where: tuple[str, ...], wanted: Wanted) -> tuple[Records, Any] | None:
        exact = wanted.exact
        try:
            if not content.isascii():
                content.decode()  # what is skipped is not looked at otherwise
            rows = top = (self.exact if exact else self.binary).decode(content)
            for step in self.steps:
                rows = getattr(rows, step)
            body = dict(pair for one in self.heads for pair in one.body(top)) if self.steps else []
            columns = dict(_columns(self.fields, rows))
        except (msgspec.DecodeError, ValueError, LookupError, RecursionError):
            return None
        return Records(columns, len(rows), content, where, wanted, exact=exact), body


@lru_cache(maxsize=_KNOWN_SHAPES)
def _shape(paths: tuple[str, ...], where: tuple[str, ...], heads: tuple[str, ...], absent: bool) -> _Shape | None:
    """How answers with these fields are decoded; None where no class can have them."""
    try:
        record, fields = _record(paths, absent=absent)
        kind, steps, read = _enclosed(_list_of(record), where, heads)
    except ValueError:
        return None
    binary, exact = msgspec.json.Decoder(kind), msgspec.json.Decoder(kind, float_hook=Decimal)
    return _Shape(binary=binary, exact=exact, fields=fields, steps=steps, heads=read)


def _list_of(kind: Any) -> Any:
    return list[kind]


def _record(paths: Sequence[str], *, absent: bool, top: bool = True) -> tuple[Any, tuple[_Field, ...]]:
    """A class for objects with values at these paths, and its fields.

    Raises:
        ValueError: a path leads through what is a value itself, or a name can't be one.
    """
    below: dict[str, list[str]] = {}
    for path in paths:
        name, dot, rest = path.partition(".")
        below.setdefault(name, []).append(rest if dot else "")
    made: list[tuple[str, Any, Any]] = []
    fields, default = [], {"default": None} if absent else {}
    for name, rests in below.items():
        attribute = f"f{len(made)}"
        if rests == [""]:
            fields.append(_Field(attribute=attribute, name=name))
            made.append((attribute, Any, msgspec.field(name=name, **default)))
        elif "" in rests:
            raise ValueError(name)
        else:
            kind, inner = _record(rests, absent=absent, top=False)
            fields.append(_Field(attribute=attribute, name=name, below=inner))
            made.append((attribute, kind | None, msgspec.field(name=name, **default)))
    for path in {p for p in paths if top and "." in p}:
        fields.append(_Field(attribute=f"f{len(made)}", name=path, refused=True))
        made.append((f"f{len(made)}", Any, msgspec.field(name=path, default=_ABSENT)))
    return _made("Record", made), tuple(fields)


def _enclosed(
    inner: Any, where: Sequence[str], heads: Sequence[str], *, top: bool = True
) -> tuple[Any, tuple[str, ...], tuple[_Field, ...]]:
    """A type for bodies that hold this one at `where`, the attributes that lead to it, and the fields beside it."""
    if not where:
        return inner, (), ()
    way, *further = where
    inside = [h.removeprefix(f"{way}.") for h in heads if h.startswith(f"{way}.")]
    kind, steps, fields = _enclosed(inner, further, inside, top=False)
    made: list[tuple[str, Any, Any]] = [("way", kind, msgspec.field(name=way))]
    found = [_Field(attribute="way", name=way, below=fields)] if fields else []
    beside = {h.partition(".")[0]: False for h in heads} | {h: False for h in heads if top}
    if top and further:
        beside[".".join(where)] = True
    for number, (name, refused) in enumerate(beside.items()):
        if name != way:
            found.append(_Field(attribute=f"f{number}", name=name, refused=refused))
            made.append((f"f{number}", msgspec.Raw, msgspec.field(name=name, default=_ABSENT)))
    return _made("Body", made), ("way", *steps), tuple(found)


def _made(name: str, fields: list[Any]) -> Any:
    return msgspec.defstruct(name, fields, gc=False, kw_only=True)
