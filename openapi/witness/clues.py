"""What tells the values that matter to an operation: rows of the tables, and what its expressions compare with a parameter."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from heapq import nsmallest
from itertools import zip_longest
from typing import Any

from openapi.decision.contract import Operation
from openapi.decision.lookup import Let
from openapi.expression.expression import NOW, ROW, Expression
from openapi.expression.kinds import ITEM
from openapi.parameters.names import REQUEST
from openapi.parameters.parameter import Parameter
from openapi.state.state import State, is_lost

MOST_ROWS_TRIED = 24
MOST_ROWS_ALIKE = 3
MOST_ROWS_READ = 10_000
MOST_TEXTS = 4
"""In conditions, that are tried for one parameter."""
MOST_LETS_DEEP = 3
"""How many `first` lets, one in another, are followed to find what an expression compares."""
YEARS = 10 * 365 * 24 * 3_600_000
"""An integer of a row is taken for a time in epoch ms if it is at most so many ms from now."""
SECOND = 1000

_TEXT = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
_JUNCTION = re.compile(r"&&|\|\||[?:]")
_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*\b(?!\())*")
"""A name, or the path of a column or a property; without a method, as in `text.contains(row.word)`."""
_UNEQUAL = re.compile(r"(?<![\w.])([A-Za-z_][\w.]*)\s*!=\s*([A-Za-z_][\w.]*)")
_DISTANCE = re.compile(r"[-+]\s*(\d{1,15})(?![\w.])")


@dataclass(frozen=True, slots=True)
class Source:
    """A table that parameters are looked up in; `columns` maps a parameter to its column. A row gives consistent values."""

    table: str
    columns: Mapping[str, str]


@dataclass(slots=True)
class Compared:
    """What expressions compare with one parameter."""

    units: set[int] = field(default_factory=set)
    """Where it is compared with `now`: the ms of one of its units, 1 or 1000."""
    distances: set[int] = field(default_factory=set)
    """The numbers that are added to `now`, or subtracted from it, in these comparisons."""
    columns: dict[tuple[str, str], None] = field(default_factory=dict)
    """Tables and columns."""
    others: set[str] = field(default_factory=set)
    """Other parameters."""


def sources(operation: Operation) -> list[Source]:
    """The tables that the parameters of an operation are looked up in; each parameter belongs to at most one source."""
    found: list[Source] = []
    covered: set[str] = set()
    for source in _all_sources(operation):
        if covered.isdisjoint(source.columns):
            covered |= set(source.columns)
            found.append(source)
    return found


def joint_sources(operation: Operation) -> list[Source]:
    """The other tables that parameters are looked up in: a row of one of them gives all the values of a look-up at once."""
    found = sources(operation)
    own = len(found)
    for source in _all_sources(operation):
        if source not in found:
            found.append(source)
    return found[own:]


def _all_sources(operation: Operation) -> Iterator[Source]:
    for let in operation.lets.values():
        columns = _columns(let, operation)
        if columns and let.lookup:
            yield Source(let.lookup.table, columns)


def _columns(let: Let, operation: Operation) -> dict[str, str]:
    """The column that each parameter is compared with in a let, directly or through a `first` let."""
    parameters = {each.name for each in operation.parameters}
    found = {}
    for column, expression in let.lookup.where if let.lookup else ():
        other = operation.lets.get(expression.source)
        named = (expression.source, *(each.source for each in other.choices)) if other else (expression.source,)
        found.update({name: column for name in named if name in parameters})
    return found


def _with_demanded(source: Source, operation: Operation, others: Container[str]) -> Source:
    """A source with the columns that other parameters must equal, such as a password, because a row refuses what differs."""
    rows = {name for name, let in operation.lets.items() if _finds(let, source, operation)}
    refusals = (rule.when.source for rule in operation.rules if rule.when is not None and rule.refuses)
    pairs = (pair for each in refusals for pair in _UNEQUAL.findall(_TEXT.sub("''", each)))
    found = {}
    for name, column in (each for one, other in pairs for each in ((one, other), (other, one))):
        let, _, part = column.partition(".")
        if name in others and let in rows and part:
            found[name] = part
    return replace(source, columns={**found, **source.columns})


def _finds(let: Let, source: Source, operation: Operation) -> bool:
    """Whether a let is the row that the parameters of a source find."""
    if let.how != "find" or let.lookup is None or let.lookup.table != source.table:
        return False
    return _columns(let, operation).items() <= source.columns.items()


def item_sources(operation: Operation, array: str) -> list[Source]:
    """The tables that effects look up by parts of the items of an array; `columns` maps a part to its column."""
    found: list[Source] = []
    for effect in (each for rule in operation.rules for each in rule.effects if each.each is not None):
        if effect.each is None or effect.each.source.expression.source != array:
            continue
        for lookup in effect.lookups:
            parts = ((each.source.partition("."), column) for column, each in lookup.where)
            columns = {part: column for (name, _, part), column in parts if name == ITEM and part.isidentifier()}
            if columns and Source(lookup.table, columns) not in found:
                found.append(Source(lookup.table, columns))
    return found


def sample(state: State, table: str, now: int) -> list[dict[str, Any]]:
    """A few rows of each kind. The kind of a row depends on its booleans, small numbers and null values, and on whether its times
    are before or after `now` (epoch ms)."""
    kinds: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in nsmallest(MOST_ROWS_READ, state.rows(table), key=repr):
        alike = kinds.setdefault(tuple(_kind(value, now) for value in row.values()), [])
        if len(alike) < MOST_ROWS_ALIKE:
            alike.append(row)
    found = [row for turn in zip_longest(*kinds.values()) for row in turn if row is not None][:MOST_ROWS_TRIED]
    return [{name: None if is_lost(value) else value for name, value in row.items()} for row in found]


def _kind(value: Any, now: int) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value if isinstance(value, bool) else type(value)
    return value if -1000 < value < 1000 else value > now


class Clues:
    """What candidate values of one operation are taken from, in one state at one time (epoch ms)."""

    def __init__(self, operation: Operation, state: State, now: int) -> None:
        self.operation, self.state, self.now = operation, state, now
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._numbers: dict[str, list[int | float]] = {}

    def at(self, now: int) -> Clues:
        """The same clues at another time."""
        found = copy(self)
        found.now = now
        return found

    def rows(self, table: str) -> list[dict[str, Any]]:
        """A few rows of each kind of a table."""
        if table not in self._rows:
            self._rows[table] = sample(self.state, table, self.now)
        return self._rows[table]

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters that a request can be given, by name; parts of objects come after the objects."""
        settable = (each for each in self.operation.parameters if each.location != REQUEST)
        return {each.name: each for each in sorted(settable, key=lambda each: each.inside is not None)}

    @cached_property
    def sources(self) -> list[Source]:
        """The tables that the parameters are looked up in; each parameter belongs to at most one.

        A row gives values of parameters that must equal one of its columns, too.
        """
        found: list[Source] = []
        free = {each.name: each for each in self.operation.parameters if not each.credential}
        own = sources(self.operation)
        for name in (name for source in own for name in source.columns):
            free.pop(name, None)
        for source in own:
            found.append(_with_demanded(source, self.operation, free))
            free = {name: each for name, each in free.items() if name not in found[-1].columns}
        return found

    @cached_property
    def joint_sources(self) -> list[Source]:
        """The other tables that they are looked up in."""
        return joint_sources(self.operation)

    def source_of(self, name: str) -> Source | None:
        """The source that a parameter belongs to; for one that belongs to none, the first other table it is looked up in."""
        return next((each for each in (*self.sources, *self.joint_sources) if name in each.columns), None)

    @cached_property
    def compared(self) -> dict[str, Compared]:
        """What the conditions of the rows and of the lets compare with each parameter."""
        found = {each.name: Compared() for each in self.operation.parameters}
        for rule in self.operation.rules:
            if rule.when is not None:
                self._note(rule.when.source, None, found)
        for let in self.operation.lets.values():
            if let.lookup is not None and let.lookup.condition is not None:
                self._note(let.lookup.condition.source, let.lookup.table, found)
            for each in let.aggregated[1:]:
                self._note(each.source, self._table_of(let.aggregated[0].source), found)
        return found

    @cached_property
    def conditions_of_rows(self) -> list[Expression]:
        """The conditions of the rows."""
        return [rule.when for rule in self.operation.rules if rule.when is not None]

    @cached_property
    def conditions(self) -> list[Expression]:
        """The conditions of the rows and of the lets."""
        return self.conditions_of_rows + [
            let.lookup.condition for let in self.operation.lets.values() if let.lookup and let.lookup.condition
        ]

    def written(self, name: str) -> list[str]:
        """The texts in the conditions that use a parameter."""
        using = (each for each in self.conditions if any(one.name == name for one in each.references))
        return list(dict.fromkeys(text for each in using for text in texts_in(each.source)))[:MOST_TEXTS]

    def _table_of(self, name: str) -> str | None:
        """The table whose rows a let is; None if it is no let of rows."""
        let = self.operation.lets.get(name)
        return let.lookup.table if let is not None and let.lookup is not None else None

    def _note(self, source: str, table: str | None, found: dict[str, Compared]) -> None:
        """Notes what each comparison of a condition compares. `table` is that of the current row."""
        for text in _JUNCTION.split(_TEXT.sub("''", source)):
            comparison = self._expanded(text)
            words = list(dict.fromkeys(_WORD.findall(comparison)))
            names = [word for word in words if word in found]
            for name in names:
                each = found[name]
                each.others.update(set(names) - {name})
                each.columns.update(dict.fromkeys(self._compared_columns(words, table)))
                if NOW in words:
                    each.units.add(_unit(comparison, name))
                    each.distances.update(int(digits) for digits in _DISTANCE.findall(comparison))

    def _expanded(self, text: str, depth: int = 0) -> str:
        """A comparison, followed by the choices of the `first` lets in it."""
        lets = [self.operation.lets[word] for word in _WORD.findall(text) if word in self.operation.lets]
        choices = [each.source for let in lets for each in let.choices if depth < MOST_LETS_DEEP]
        return " ".join([text, *(self._expanded(each, depth + 1) for each in choices)])

    def _compared_columns(self, words: list[str], table: str | None) -> Iterator[tuple[str, str]]:
        for word in words:
            name, _, column = word.partition(".")
            let = self.operation.lets.get(name)
            if column and name == ROW and table is not None:
                yield table, column
            elif column and let is not None and let.lookup is not None:
                yield let.lookup.table, column

    def unit_of_time(self, name: str) -> int | None:
        """The ms of one unit of a parameter that is a time, because it is compared with one; None for another."""
        found: set[str] = set()
        open_names = [name]
        while open_names:
            each = open_names.pop()
            if each not in found:
                found.add(each)
                compared = self.compared[each]
                if compared.units:
                    return max(compared.units)
                if any(abs(value - self.now) < YEARS for value in self._column_numbers(each)):
                    return 1
                open_names.extend(sorted(compared.others))
        return None

    def numbers(self, name: str) -> list[int | float]:
        """The numbers in the columns that a parameter is compared with, and one less and one more.

        Of times, which a server knows more exactly than the world says, only the times.
        """
        if name not in self._numbers:
            steps = (0, 1, -1) if self.unit_of_time(name) is None else (0,)
            values = self._column_numbers(name)
            self._numbers[name] = list(dict.fromkeys(value + step for value in values for step in steps))
        return self._numbers[name]

    def of_lets(self, column: str) -> list[Any]:
        """What rows of the lets have in columns of this name; then the numbers in their other columns, one less and one more."""
        tables = dict.fromkeys(let.lookup.table for let in self.operation.lets.values() if let.lookup is not None)
        rows = [row for table in tables for row in self.rows(table)]
        named = [row[column] for row in rows if row.get(column) is not None]
        numbers = {value for row in rows for value in row.values() if type(value) is int and abs(value) < YEARS}
        return [*named, *sorted(value + step for value in numbers for step in (-1, 0, 1))]

    def texts(self, name: str) -> list[str]:
        """The texts in the columns that a parameter is compared with."""
        values = (row.get(column) for table, column in self.compared[name].columns for row in self.rows(table))
        return list(dict.fromkeys(each for each in values if isinstance(each, str)))

    def _column_numbers(self, name: str) -> list[int | float]:
        """The numbers of the columns that a parameter is compared with."""
        values = (row.get(column) for table, column in self.compared[name].columns for row in self.rows(table))
        return list(dict.fromkeys(each for each in values if isinstance(each, (int, float)) and not isinstance(each, bool)))


def texts_in(source: str) -> list[str]:
    """The texts in an expression."""
    return [text[1:-1] for text in _TEXT.findall(source) if len(text) > 2 and "\\" not in text]


def _unit(comparison: str, name: str) -> int:
    """The ms of a unit of a parameter that is compared with `now`, in seconds if one of the two is scaled by 1000."""
    in_seconds = rf"\b{NOW}\s*/\s*{SECOND}\b|(?<![\w.]){re.escape(name)}\s*\*\s*{SECOND}\b"
    return SECOND if re.search(in_seconds, comparison) else 1
