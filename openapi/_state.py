"""Tables that never change: an effect gives a new state and leaves the old one as it was.

That is what makes the rest simple. To keep a state is to take a snapshot, to use one twice is to fork it, and an effect
that fails half-way has changed nothing. The maps are persistent, so that a new state shares all but the touched rows.

Every `where` is served by an index: a map from the values of its columns to a bucket, a chain of the keys of rows, newest
first. A row that leaves a bucket stays in the chain until the chain is more than half stale. A row with null in a column of
an index is not in that index: null is never looked up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from immutables import Map

from openapi._errors import ExecutionError, TableFull

MOST_ROWS = 10_000_000

Row = tuple[Any, ...]
Key = tuple[Any, ...]


class Approximate(int):
    """A time that a world file states relative to now: good enough to decide by, too vague to compare a reply with."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The shape of a table: what its rows hold, what identifies one, and which columns are looked up together."""

    table: str
    names: tuple[str, ...]
    key: tuple[str, ...]
    types: Mapping[str, str]
    defaults: Mapping[str, Any]
    required: frozenset[str]
    schema: Mapping[str, Any]
    indexes: tuple[tuple[str, ...], ...] = ()
    key_positions: tuple[int, ...] = field(init=False)
    index_positions: tuple[tuple[int, ...], ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key_positions", tuple(map(self.names.index, self.key)))
        object.__setattr__(self, "index_positions", tuple(tuple(map(self.names.index, each)) for each in self.indexes))

    def row(self, values: Mapping[str, Any]) -> Row:
        """A row with these values by column name, the others at their defaults."""
        return tuple(values[name] if name in values else self.defaults.get(name) for name in self.names)

    def named(self, row: Row) -> dict[str, Any]:
        """A row by column name."""
        return dict(zip(self.names, row, strict=True))

    def key_of(self, row: Row) -> Key:
        """The values that identify a row."""
        return tuple([row[position] for position in self.key_positions])


class Change(NamedTuple):
    """One row before and after an effect; None where it did not exist."""

    columns: Columns
    before: Row | None
    after: Row | None

    def described(self) -> dict[str, Any]:
        """The change as plain data."""
        before, after = (row and self.columns.named(row) for row in (self.before, self.after))
        return {"table": self.columns.table, "before": before, "after": after}


Chain = Any
"""(key, rest of the chain), or None at its end."""


class Bucket(NamedTuple):
    """The keys of the rows with the same values in the columns of an index."""

    chain: Chain
    live: int
    length: int


_EMPTY = Bucket(None, 0, 0)


class Table:
    """One table of a state."""

    __slots__ = ("columns", "indexes", "rows")

    def __init__(self, columns: Columns, rows: Map[Key, Row], indexes: tuple[Map[Key, Bucket], ...]) -> None:
        self.columns, self.rows, self.indexes = columns, rows, indexes

    @classmethod
    def empty(cls, columns: Columns) -> Table:
        """A table without rows."""
        return cls(columns, Map(), tuple(Map() for _ in columns.indexes))

    def matching(self, index: int, values: Key) -> Iterator[Row]:
        """The rows whose indexed columns have these values, newest first."""
        bucket = self.indexes[index].get(values)
        if bucket is None:
            return
        rows, positions = self.rows, self.columns.index_positions[index]
        seen: set[Key] | None = set() if bucket.live < bucket.length else None
        chain = bucket.chain
        while chain is not None:
            key, chain = chain
            row = rows.get(key)
            if row is None:
                continue
            if seen is not None:
                if key in seen or tuple([row[position] for position in positions]) != values:
                    continue
                seen.add(key)
            yield row

    def put(self, key: Key, before: Row | None, after: Row) -> Table:
        """The table with `after` in place of `before` (None to insert)."""
        columns = self.columns
        indexes = []
        for index, (entries, positions) in enumerate(zip(self.indexes, columns.index_positions, strict=True)):
            values = tuple([after[position] for position in positions])
            if before is not None:
                old = tuple([before[position] for position in positions])
                if old == values:
                    indexes.append(entries)
                    continue
                entries = self._left(index, entries, old, key)
            if None in values:
                indexes.append(entries)
                continue
            chain, live, length = entries.get(values, _EMPTY)
            indexes.append(entries.set(values, Bucket((key, chain), live + 1, length + 1)))
        return Table(columns, self.rows.set(key, after), tuple(indexes))

    def remove(self, key: Key, before: Row) -> Table:
        """The table without a row that it has."""
        indexes = tuple(
            self._left(index, entries, tuple([before[position] for position in positions]), key)
            for index, (entries, positions) in enumerate(zip(self.indexes, self.columns.index_positions, strict=True))
        )
        return Table(self.columns, self.rows.delete(key), indexes)

    def _left(self, index: int, entries: Map[Key, Bucket], values: Key, key: Key) -> Map[Key, Bucket]:
        """The index after the row with this key left a bucket."""
        if None in values:
            return entries
        chain, live, length = entries[values]
        if live == 1:
            return entries.delete(values)
        if length <= 2 * live + 8:
            return entries.set(values, Bucket(chain, live - 1, length))
        keys = [self.columns.key_of(row) for row in self.matching(index, values)]
        chain = None
        for each in reversed([each for each in keys if each != key]):
            chain = (each, chain)
        return entries.set(values, Bucket(chain, live - 1, live - 1))


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
        return self._with(table, target.remove(target.columns.key_of(row), row))

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
