"""Tables that never change: an effect gives a new state and leaves the old one as it was.

That is what makes the rest simple. To keep a state is to take a snapshot, to use one twice is to fork it, and an effect
that fails half-way has changed nothing. The maps are persistent, so that a new state shares all but the touched rows.

Every `where` is served by an index: a map from the values of its columns to a bucket, a chain of the keys of rows, newest
first. A row that leaves a bucket stays in the chain until the chain is more than half stale. An index holds only rows that its
`where` can find, those with its constants and without a null, so that most writes touch few indexes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from immutables import Map

from openapi._errors import ExecutionError, TableFull

MOST_ROWS = 10_000_000

Row = tuple[Any, ...]
Key = tuple[Any, ...]


class Approximate(int):
    """A time that a world file states relative to now: good enough to decide by, too vague to compare a reply with."""


@dataclass(frozen=True, slots=True)
class Index:
    """The columns that a `where` compares with values of a request, and those that it compares with constants."""

    columns: tuple[str, ...]
    constants: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """The shape of a table: what its rows hold, what identifies one, and how its rows are looked up."""

    table: str
    names: tuple[str, ...]
    key: tuple[str, ...]
    types: Mapping[str, str]
    defaults: Mapping[str, Any]
    required: frozenset[str]
    schema: Mapping[str, Any]
    indexes: tuple[Index, ...] = ()
    key_of: Callable[[Row], Key] = field(init=False, compare=False)
    """The values that identify a row."""
    entries: tuple[Callable[[Row], Key | None], ...] = field(init=False, compare=False)
    """For each index, under which values it has a row, or None where it leaves it out."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key_of", _picker(self.names, self.key))
        object.__setattr__(self, "entries", tuple(_entry(self.names, index) for index in self.indexes))

    def row(self, values: Mapping[str, Any]) -> Row:
        """A row with these values by column name, the others at their defaults."""
        return tuple(values[name] if name in values else self.defaults.get(name) for name in self.names)

    def named(self, row: Row) -> dict[str, Any]:
        """A row by column name."""
        return dict(zip(self.names, row, strict=True))


def _picker(names: tuple[str, ...], picked: tuple[str, ...]) -> Callable[[Row], Key]:
    """What takes these columns out of a row."""
    positions = [names.index(name) for name in picked]
    if len(positions) == 1:
        (position,) = positions
        return lambda row: (row[position],)
    return itemgetter(*positions) if positions else lambda row: ()


def _entry(names: tuple[str, ...], index: Index) -> Callable[[Row], Key | None]:
    pick, constants = _picker(names, index.columns), tuple(value for _, value in index.constants)
    constants_of = _picker(names, tuple(name for name, _ in index.constants))

    def entry(row: Row) -> Key | None:
        if constants_of(row) != constants:
            return None
        values = pick(row)
        return None if None in values else values

    return entry


class Change(NamedTuple):
    """One row before and after an effect; None where it did not exist."""

    columns: Columns
    before: Row | None
    after: Row | None

    @property
    def key(self) -> Key:
        """What identifies the row."""
        return self.columns.key_of(self.after or self.before or ())

    def described(self) -> dict[str, Any]:
        """The change as plain data."""
        before, after = (row and self.columns.named(row) for row in (self.before, self.after))
        return {"table": self.columns.table, "before": before, "after": after}


Bucket = tuple[Any, int, int]
"""The rows with the same values in the columns of an index: a chain of their keys, how many they are, and how long it is.

A chain is (key, rest of the chain), or None at its end."""

_EMPTY: Bucket = (None, 0, 0)


class Table:
    """One table of a state."""

    __slots__ = ("columns", "indexes", "rows")

    def __init__(self, columns: Columns, rows: Map[Key, Row], indexes: tuple[Map[Key, Bucket], ...]) -> None:
        self.columns, self.rows, self.indexes = columns, rows, indexes

    @classmethod
    def empty(cls, columns: Columns) -> Table:
        """A table without rows."""
        return cls(columns, Map(), tuple(Map() for _ in columns.indexes))

    def matching(self, index: int, values: Key) -> Iterable[Row]:
        """The rows that an index has under these values, newest first."""
        bucket = self.indexes[index].get(values)
        if bucket is None:
            return ()
        chain, live, length = bucket
        if length == 1:
            return (self.rows[chain[0]],)
        return self._chained(index, values, chain, stale=live < length)

    def _chained(self, index: int, values: Key, chain: Any, stale: bool) -> Iterator[Row]:
        rows, entry = self.rows, self.columns.entries[index]
        seen: set[Key] = set()
        while chain is not None:
            key, chain = chain
            row = rows.get(key)
            if row is None:
                continue
            if stale:
                if key in seen or entry(row) != values:
                    continue
                seen.add(key)
            yield row

    def put(self, key: Key, before: Row | None, after: Row | None) -> Table:
        """The table with `after` in place of `before`: None before an insert, and after a delete."""
        indexes = []
        for number, entry in enumerate(self.columns.entries):
            entries = self.indexes[number]
            old = None if before is None else entry(before)
            new = None if after is None else entry(after)
            if old != new:
                if old is not None:
                    entries = self._left(number, entries, old, key)
                if new is not None:
                    chain, live, length = entries.get(new, _EMPTY)
                    entries = entries.set(new, ((key, chain), live + 1, length + 1))
            indexes.append(entries)
        rows = self.rows.delete(key) if after is None else self.rows.set(key, after)
        return Table(self.columns, rows, tuple(indexes))

    def _left(self, index: int, entries: Map[Key, Bucket], values: Key, key: Key) -> Map[Key, Bucket]:
        """The index after the row with this key left a bucket."""
        if None in values:
            return entries
        chain, live, length = entries[values]
        if live == 1:
            return entries.delete(values)
        if chain[0] == key:
            return entries.set(values, (chain[1], live - 1, length - 1))
        if length <= 2 * live + 8:
            return entries.set(values, (chain, live - 1, length))
        keys = [self.columns.key_of(row) for row in self.matching(index, values)]
        chain = None
        for each in reversed([each for each in keys if each != key]):
            chain = (each, chain)
        return entries.set(values, (chain, live - 1, live - 1))


class State:
    """What is true at one moment: the rows of every table. It never changes."""

    __slots__ = ("most_rows", "tables")

    def __init__(self, tables: dict[str, Table], most_rows: int = MOST_ROWS) -> None:
        self.tables, self.most_rows = tables, most_rows

    @classmethod
    def empty(cls, tables: Iterable[Columns], most_rows: int = MOST_ROWS) -> State:
        """A state without rows; no table will ever hold more than `most_rows`."""
        return cls({columns.table: Table.empty(columns) for columns in tables}, most_rows)

    def insert(self, table: str, row: Row) -> State:
        """The state with one more row. Raises ExecutionError where its key exists, TableFull where there is no room."""
        target = self.tables[table]
        key = target.columns.key_of(row)
        if key in target.rows:
            raise ExecutionError(f"{table} already has a row with {', '.join(target.columns.key)} {key}")
        if len(target.rows) >= self.most_rows:
            raise TableFull(f"{table} is full: it may hold {self.most_rows} rows")
        return self._with(table, target.put(key, None, row))

    def replace(self, table: str, before: Row, after: Row) -> State:
        """The state with one row changed; its key stays."""
        target = self.tables[table]
        return self._with(table, target.put(target.columns.key_of(before), before, after))

    def delete(self, table: str, row: Row) -> State:
        """The state without one row that it has."""
        target = self.tables[table]
        return self._with(table, target.put(target.columns.key_of(row), row, None))

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """The rows of a table by column name, in no order."""
        target = self.tables[table]
        return map(target.columns.named, target.rows.values())

    def snapshot(self) -> dict[str, list[dict[str, Any]]]:
        """All rows as plain data, in the order of their keys: equal states give equal snapshots."""
        return {
            name: [table.columns.named(table.rows[key]) for key in sorted(table.rows, key=repr)]
            for name, table in self.tables.items()
        }

    def digest(self) -> str:
        """A short text that is equal for states with equal rows."""
        text = json.dumps(self.snapshot(), sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def _with(self, name: str, table: Table) -> State:
        return State(self.tables | {name: table}, self.most_rows)
