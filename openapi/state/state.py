"""Immutable tables: an effect returns a new state and leaves the old one unchanged.

So keeping a state is a snapshot, using it twice is a fork, and an effect that fails half-way has changed nothing. The maps are
persistent: a new state shares all rows but the changed ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from openapi.document.errors import ExecutionError, TableFull
from openapi.state.index import (
    ANY_BOUND,
    EMPTY,
    Bucket,
    CompiledIndex,
    Index,
    Key,
    Pair,
    Row,
    Step,
    added,
    bound_changed,
    compile_index,
    picker,
    removed,
)
from openapi.state.versions import ABSENT, Map, Version

MOST_ROWS = 10_000_000


LOST = "\0"
"""The first character of a text that the server has invented, or would, and that nobody knows."""


class Approximate(int):
    """A time that is not exactly known: a world file states it relative to now, or a server has stored its time.

    Rules use it; the data of a reply is not compared with it.
    """


class Unknown(Approximate):
    """A number that stands for one that the server has invented, and that nobody knows."""


def is_lost(value: object) -> bool:
    """Whether a value stands for one that the server has invented, and that nobody knows."""
    return isinstance(value, Unknown) or (isinstance(value, str) and value.startswith(LOST))


@dataclass(frozen=True, slots=True)
class Columns:
    """The definition of a table: columns, key, defaults, JSON Schema of a row, and indexes."""

    table: str
    names: tuple[str, ...]
    key: tuple[str, ...]
    types: Mapping[str, str]
    defaults: Mapping[str, Any]
    required: frozenset[str]
    schema: Mapping[str, Any]
    indexes: tuple[Index, ...] = ()
    bounds: tuple[str | None, ...] = ()
    """For each index its bound: the column by which a search stops early."""
    key_of: Callable[[Row], Key] = field(init=False, compare=False)
    """The values that identify a row."""
    compiled_indexes: tuple[CompiledIndex, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key_of", picker([self.names.index(name) for name in self.key]))
        pairs = zip(self.indexes, self.bounds, strict=True)
        compiled = (compile_index(f"{self.table} {number}", self.names, *each) for number, each in enumerate(pairs))
        object.__setattr__(self, "compiled_indexes", tuple(compiled))

    def row(self, values: Mapping[str, Any]) -> Row:
        """A row with these values by column name, and defaults in the other columns."""
        return tuple(values[name] if name in values else self.defaults.get(name) for name in self.names)

    def named(self, row: Row) -> dict[str, Any]:
        """A row by column name."""
        return dict(zip(self.names, row, strict=True))


class Change(NamedTuple):
    """One row before and after an effect; None where it did not exist."""

    columns: Columns
    before: Row | None
    after: Row | None

    @property
    def key(self) -> Key:
        """The key of the row."""
        return self.columns.key_of(self.after or self.before or ())

    def described(self) -> dict[str, Any]:
        """The change as plain data."""
        before, after = (row and self.columns.named(row) for row in (self.before, self.after))
        return {"table": self.columns.table, "before": before, "after": after}


class ReadableState:
    """The rows of every table, with lookups; the common base of a draft and a state."""

    __slots__ = ("most_rows", "tables", "version")

    def __init__(self, tables: Mapping[str, Columns], version: Version, most_rows: int) -> None:
        self.tables, self.version, self.most_rows = tables, version, most_rows

    def matching(self, table: str, index: int, values: Key, after: int = ANY_BOUND) -> Iterable[Row]:
        """The rows that an index has under these values, newest first.

        Rows whose bound does not exceed `after` may be left out.
        """
        compiled = self.tables[table].compiled_indexes[index]
        bucket: Bucket | None = self.version.get(compiled.name, values)
        if bucket is None:
            return ()
        chain, _, length, _ = bucket
        if chain is not None and length == 1:
            return (self.version.get(table, chain[0]),)
        return self._search(table, compiled, values, bucket, after)

    def _search(self, table: str, index: CompiledIndex, values: Key, bucket: Bucket, after: int) -> Iterator[Row]:
        get, values_of, seen = self.version.get, index.values, set[Key]()
        chain, rows, length, highest = bucket
        if highest > after:
            after = ANY_BOUND
        while chain is not None and chain[2] > after:
            key, chain, _ = chain
            row = get(table, key)
            if rows < length:  # some rows were removed, or are in the chain twice
                if row is None or key in seen or values_of(row) != values:
                    continue
                seen.add(key)
            yield row


class Draft(ReadableState):
    """The next state while it is being written. Its creator calls `finished` or `undo` soon: until then a lock is held."""

    __slots__ = ("maps", "undo_log")

    def __init__(self, before: State) -> None:
        self.tables, self.most_rows = before.tables, before.most_rows
        self.version, self.maps, self.undo_log = before.version.begin()

    def finished(self) -> State:
        """The new state."""
        self.version.end()
        return State(self.tables, self.version, self.most_rows)

    def undo(self) -> None:
        """Discards all changes."""
        self.version.undo()

    def insert(self, table: str, row: Row) -> None:
        """Adds a row. Raises ExecutionError where its key exists, TableFull where the table has `most_rows`."""
        columns, maps, undo_log = self.tables[table], self.maps, self.undo_log
        key, rows = columns.key_of(row), maps[table]
        if key in rows:
            raise ExecutionError(f"{table} already has a row with {', '.join(columns.key)} {key}")
        if len(rows) >= self.most_rows:
            raise TableFull(f"{table} is full: it may hold {self.most_rows} rows")
        undo_log.append((table, key, ABSENT))
        rows[key] = row
        for index in columns.compiled_indexes:
            values = index.values(row)
            if values is not None:
                buckets = maps[index.name]
                bucket = buckets.get(values, ABSENT)
                undo_log.append((index.name, values, bucket))
                buckets[values] = added(EMPTY if bucket is ABSENT else bucket, key, index.bound(row))

    def change(self, table: str, pairs: Sequence[Pair], touched: Set[str], found_by: int | None = None) -> None:
        """Updates or deletes rows, whose keys stay; only the `touched` columns differ.

        `found_by` is the number of the index whose search has just returned these rows.
        """
        columns, rows, undo_log = self.tables[table], self.maps[table], self.undo_log
        for number, index in enumerate(columns.compiled_indexes):
            # An index of all rows reads no column; only a deletion changes it.
            if not touched.isdisjoint(index.columns) or (not index.columns and pairs and pairs[0][1] is None):
                self._update_index(columns, index, pairs, number == found_by)
        for before, after in pairs:
            key = columns.key_of(before)
            undo_log.append((table, key, before))
            if after is None:
                del rows[key]
            else:
                rows[key] = after

    def _update_index(self, columns: Columns, index: CompiledIndex, pairs: Sequence[Pair], just_found: bool) -> None:
        """Changes the buckets of an index: removals first, then additions."""
        key_of, values_of, name = columns.key_of, index.values, index.name
        removals: dict[Key, list[Key]] = {}
        additions: list[tuple[Key, Row, Step]] = []
        for before, after in pairs:
            old, new = values_of(before), None if after is None else values_of(after)
            if old is not None and old != new:
                removals.setdefault(old, []).append(key_of(before))
            if new is not None and after is not None:
                additions.append((new, after, bound_changed if old == new else added))
        buckets = self.maps[name]
        for values, keys in removals.items():
            bucket = buckets[values]
            self.undo_log.append((name, values, bucket))
            bucket = removed(bucket, keys, just_found, partial(self._bound_of, columns.table, index, values))
            if bucket is EMPTY:
                del buckets[values]
            else:
                buckets[values] = bucket
        for values, row, step in additions:
            bucket = buckets.get(values, ABSENT)
            self.undo_log.append((name, values, bucket))
            buckets[values] = step(EMPTY if bucket is ABSENT else bucket, key_of(row), index.bound(row))

    def _bound_of(self, table: str, index: CompiledIndex, values: Key, key: Key) -> int | None:
        """The bound of the row with this key; None where it is not indexed under these values."""
        row = self.maps[table].get(key)
        return index.bound(row) if row is not None and index.values(row) == values else None


class State(ReadableState):
    """The rows of every table at one moment. Immutable."""

    __slots__ = ()

    @classmethod
    def empty(cls, tables: Iterable[Columns], most_rows: int = MOST_ROWS) -> State:
        """A state without rows. No table may ever hold more than `most_rows`."""
        by_name = {each.table: each for each in tables}
        names = [name for each in by_name.values() for name in (each.table, *(index.name for index in each.compiled_indexes))]
        return cls(by_name, Version.empty(names), most_rows)

    def draft(self) -> Draft:
        """A draft of the next state."""
        return Draft(self)

    def table(self, name: str) -> Map:
        """The rows of a table by key."""
        return Map(self.version, name)

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """The rows of a table by column name, in no order."""
        return map(self.tables[table].named, self.table(table).values())

    def since(self, table: str, seen: set[Version]) -> list[Row]:
        """The rows of a table in this state and all later ones, without the versions in `seen`, which grows."""
        return self.version.since(table, seen)

    def insert(self, table: str, row: Row) -> State:
        """The state with one more row. Raises ExecutionError where its key exists, TableFull where the table has `most_rows`."""
        return self._drafted(lambda draft: draft.insert(table, row))

    def change(self, table: str, pairs: Sequence[Pair], touched: Set[str], found_by: int | None = None) -> State:
        """The state after `Draft.change` with the same arguments."""
        return self._drafted(lambda draft: draft.change(table, pairs, touched, found_by))

    def replace(self, table: str, before: Row, after: Row) -> State:
        """The state with one row changed; its key stays."""
        return self.change(table, [(before, after)], self.tables[table].types.keys())

    def delete(self, table: str, row: Row) -> State:
        """The state without this row, which must exist."""
        return self.change(table, [(row, None)], self.tables[table].types.keys())

    def snapshot(self) -> dict[str, list[dict[str, Any]]]:
        """All rows as plain data, in the order of their keys: equal states give equal snapshots."""
        found = {name: (columns, self.table(name).items()) for name, columns in self.tables.items()}
        return {
            name: [columns.named(row) for _, row in sorted(items, key=lambda item: repr(item[0]))]
            for name, (columns, items) in found.items()
        }

    def _drafted(self, action: Callable[[Draft], None]) -> State:
        draft = self.draft()
        try:
            action(draft)
        except BaseException:
            draft.undo()
            raise
        return draft.finished()
