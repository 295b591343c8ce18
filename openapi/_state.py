"""Tables that never change: an effect gives a new state and leaves the old one as it was.

That is what makes the rest simple. To keep a state is to take a snapshot, to use one twice is to fork it, and an effect
that fails half-way has changed nothing. The maps are persistent, so that a new state shares all but the touched rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from openapi._errors import ExecutionError, TableFull
from openapi._index import ANY, EMPTY, Bucket, Filing, Index, Key, Row, came, filing_of, left, picker, raised
from openapi._versions import ABSENT, Map, Version, Writes

MOST_ROWS = 10_000_000


class Approximate(int):
    """A time that a world file states relative to now: good enough to decide by, too vague to compare a reply with."""


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
    bounds: tuple[str | None, ...] = ()
    """For each index the column that bounds its walks."""
    key_of: Callable[[Row], Key] = field(init=False, compare=False)
    """The values that identify a row."""
    filings: tuple[Filing, ...] = field(init=False, compare=False)
    """How each index files a row."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key_of", picker([self.names.index(name) for name in self.key]))
        pairs = zip(self.indexes, self.bounds, strict=True)
        object.__setattr__(self, "filings", tuple(filing_of(self.names, index, bound) for index, bound in pairs))

    def row(self, values: Mapping[str, Any]) -> Row:
        """A row with these values by column name, the others at their defaults."""
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
        """What identifies the row."""
        return self.columns.key_of(self.after or self.before or ())

    def described(self) -> dict[str, Any]:
        """The change as plain data."""
        before, after = (row and self.columns.named(row) for row in (self.before, self.after))
        return {"table": self.columns.table, "before": before, "after": after}


ROWS = 0
"""The number of the map of rows among those of a table; the indexes follow."""


class Table:
    """One table of a state."""

    __slots__ = ("columns", "version")

    def __init__(self, columns: Columns, version: Version) -> None:
        self.columns, self.version = columns, version

    @classmethod
    def empty(cls, columns: Columns) -> Table:
        """A table without rows."""
        return cls(columns, Version(1 + len(columns.indexes)))

    @property
    def rows(self) -> Map:
        """The rows by key."""
        return Map(self.version, ROWS)

    def matching(self, index: int, values: Key, after: int = ANY) -> Iterable[Row]:
        """The rows that an index has under these values, the one that came last first.

        Rows whose bound does not exceed `after` may be left out.
        """
        bucket: Bucket | None = self.version.get(index + 1, values)
        if bucket is None:
            return ()
        chain, _, length, _ = bucket
        if chain is not None and length == 1:
            return (self.version.get(ROWS, chain[0]),)
        return self._walked(index, values, bucket, after)

    def _walked(self, index: int, values: Key, bucket: Bucket, after: int) -> Iterator[Row]:
        get, filed, seen = self.version.get, self.columns.filings[index].values, set[Key]()
        chain, rows, length, highest = bucket
        if highest > after:
            after = ANY
        while chain is not None and chain[2] > after:
            key, chain, _ = chain
            row = get(ROWS, key)
            if rows < length:  # some have left, or are here twice
                if row is None or key in seen or filed(row) != values:
                    continue
                seen.add(key)
            yield row

    def inserted(self, key: Key, row: Row) -> Table:
        """The table with one more row."""
        writes: Writes = [(ROWS, key, row)]
        for number, filing in enumerate(self.columns.filings, 1):
            values = filing.values(row)
            if values is not None:
                bucket = self.version.get(number, values, EMPTY)
                writes.append((number, values, came(bucket, key, filing.bound(row))))
        return Table(self.columns, self.version.changed(writes))

    def changed(self, pairs: Sequence[tuple[Row, Row | None]], walked: int | None, touched: Set[str]) -> Table:
        """The table with rows in place of others, or of nothing, after a change of these columns.

        `walked` is the number of the index that found the rows.
        """
        key_of, writes = self.columns.key_of, Writes()
        for before, after in pairs:
            writes.append((ROWS, key_of(before), after or ABSENT))
        for number, filing in enumerate(self.columns.filings, 1):
            if touched.isdisjoint(filing.names):
                continue
            values_of = filing.values
            leaving: dict[Key, list[Key]] = {}
            coming = []
            for before, after in pairs:
                old, new = values_of(before), after and values_of(after)
                if old is not None and old != new:
                    leaving.setdefault(old, []).append(key_of(before))
                if new is not None and after is not None:
                    coming.append((new, after, raised if old == new else came))
            if leaving or coming:
                self._file(number, leaving, coming, number - 1 == walked, writes)
        return Table(self.columns, self.version.changed(writes))

    def _file(self, number: int, leaving: dict[Key, list[Key]], coming: list[Any], walked: bool, writes: Writes) -> None:
        """Adds how the buckets of an index change when rows leave them, and then others come."""
        get, filing, buckets = self.version.get, self.columns.filings[number - 1], {}
        for values, keys in leaving.items():
            buckets[values] = left(get(number, values), keys, walked, partial(self._bound_in, filing, values))
        for values, row, step in coming:
            bucket = buckets[values] if values in buckets else get(number, values, EMPTY)
            buckets[values] = step(bucket, self.columns.key_of(row), filing.bound(row))
        for values, bucket in buckets.items():
            writes.append((number, values, ABSENT if bucket is EMPTY else bucket))

    def _bound_in(self, filing: Filing, values: Key, key: Key) -> int | None:
        """The bound of the row with this key; None where it is not filed under these values."""
        row = self.version.get(ROWS, key)
        return filing.bound(row) if row is not None and filing.values(row) == values else None


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
        if target.version.get(ROWS, key) is not None:
            raise ExecutionError(f"{table} already has a row with {', '.join(target.columns.key)} {key}")
        if target.version.size(ROWS) >= self.most_rows:
            raise TableFull(f"{table} is full: it may hold {self.most_rows} rows")
        return self._with(table, target.inserted(key, row))

    def change(self, table: str, pairs: Sequence[tuple[Row, Row | None]], touched: Set[str], walked: int | None = None) -> State:
        """The state with rows in place of others, whose keys stay, or of nothing; only these columns differ.

        `walked` is the index by which the rows were found, if they are all that it found.
        """
        return self._with(table, self.tables[table].changed(pairs, walked, touched))

    def replace(self, table: str, before: Row, after: Row) -> State:
        """The state with one row changed; its key stays."""
        return self.change(table, [(before, after)], self.tables[table].columns.types.keys())

    def delete(self, table: str, row: Row) -> State:
        """The state without one row that it has."""
        return self.change(table, [(row, None)], self.tables[table].columns.types.keys())

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
