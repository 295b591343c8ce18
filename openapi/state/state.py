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
from openapi.state.index import ANY, EMPTY, Bucket, Filing, Index, Key, Pair, Row, Step, came, filing_of, left, picker, raised
from openapi.state.versions import ABSENT, Map, Version

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
        filings = (filing_of(f"{self.table} {number}", self.names, *each) for number, each in enumerate(pairs))
        object.__setattr__(self, "filings", tuple(filings))

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


class Facts:
    """The rows of every table."""

    __slots__ = ("most_rows", "tables", "version")

    def __init__(self, tables: Mapping[str, Columns], version: Version, most_rows: int) -> None:
        self.tables, self.version, self.most_rows = tables, version, most_rows

    def matching(self, table: str, index: int, values: Key, after: int = ANY) -> Iterable[Row]:
        """The rows that an index has under these values, the one that came last first.

        Rows whose bound does not exceed `after` may be left out.
        """
        filing = self.tables[table].filings[index]
        bucket: Bucket | None = self.version.get(filing.name, values)
        if bucket is None:
            return ()
        chain, _, length, _ = bucket
        if chain is not None and length == 1:
            return (self.version.get(table, chain[0]),)
        return self._walked(table, filing, values, bucket, after)

    def _walked(self, table: str, filing: Filing, values: Key, bucket: Bucket, after: int) -> Iterator[Row]:
        get, filed, seen = self.version.get, filing.values, set[Key]()
        chain, rows, length, highest = bucket
        if highest > after:
            after = ANY
        while chain is not None and chain[2] > after:
            key, chain, _ = chain
            row = get(table, key)
            if rows < length:  # some have left, or are here twice
                if row is None or key in seen or filed(row) != values:
                    continue
                seen.add(key)
            yield row


class Draft(Facts):
    """A state while it comes into being. Whoever made it ends it with `finished` or `undo`, and soon: others wait."""

    __slots__ = ("maps", "taken")

    def __init__(self, before: State) -> None:
        self.tables, self.most_rows = before.tables, before.most_rows
        self.version, self.maps, self.taken = before.version.begin()

    def finished(self) -> State:
        """The state that it has become."""
        self.version.end()
        return State(self.tables, self.version, self.most_rows)

    def undo(self) -> None:
        """Takes everything back."""
        self.version.undo()

    def insert(self, table: str, row: Row) -> None:
        """Adds a row. Raises ExecutionError where its key exists, TableFull where there is no room."""
        columns, maps, taken = self.tables[table], self.maps, self.taken
        key, rows = columns.key_of(row), maps[table]
        if key in rows:
            raise ExecutionError(f"{table} already has a row with {', '.join(columns.key)} {key}")
        if len(rows) >= self.most_rows:
            raise TableFull(f"{table} is full: it may hold {self.most_rows} rows")
        taken.append((table, key, ABSENT))
        rows[key] = row
        for filing in columns.filings:
            values = filing.values(row)
            if values is not None:
                buckets = maps[filing.name]
                bucket = buckets.get(values, ABSENT)
                taken.append((filing.name, values, bucket))
                buckets[values] = came(EMPTY if bucket is ABSENT else bucket, key, filing.bound(row))

    def change(self, table: str, pairs: Sequence[Pair], touched: Set[str], walked: int | None = None) -> None:
        """Puts rows in place of others, whose keys stay, or of nothing; only these columns differ.

        `walked` is the index by which the rows were found, if they are all that it found.
        """
        columns, rows, taken = self.tables[table], self.maps[table], self.taken
        for number, filing in enumerate(columns.filings):
            if not touched.isdisjoint(filing.columns):
                self._file(columns, filing, pairs, number == walked)
        for before, after in pairs:
            key = columns.key_of(before)
            taken.append((table, key, before))
            if after is None:
                del rows[key]
            else:
                rows[key] = after

    def _file(self, columns: Columns, filing: Filing, pairs: Sequence[Pair], walked: bool) -> None:
        """Changes the buckets of an index: first rows leave, then others come."""
        key_of, values_of, name = columns.key_of, filing.values, filing.name
        leaving: dict[Key, list[Key]] = {}
        coming: list[tuple[Key, Row, Step]] = []
        for before, after in pairs:
            old, new = values_of(before), None if after is None else values_of(after)
            if old is not None and old != new:
                leaving.setdefault(old, []).append(key_of(before))
            if new is not None and after is not None:
                coming.append((new, after, raised if old == new else came))
        buckets = self.maps[name]
        for values, keys in leaving.items():
            bucket = buckets[values]
            self.taken.append((name, values, bucket))
            bucket = left(bucket, keys, walked, partial(self._bound_in, columns.table, filing, values))
            if bucket is EMPTY:
                del buckets[values]
            else:
                buckets[values] = bucket
        for values, row, step in coming:
            bucket = buckets.get(values, ABSENT)
            self.taken.append((name, values, bucket))
            buckets[values] = step(EMPTY if bucket is ABSENT else bucket, key_of(row), filing.bound(row))

    def _bound_in(self, table: str, filing: Filing, values: Key, key: Key) -> int | None:
        """The bound of the row with this key; None where it is not filed under these values."""
        row = self.maps[table].get(key)
        return filing.bound(row) if row is not None and filing.values(row) == values else None


class State(Facts):
    """The rows of every table at one moment. Immutable."""

    __slots__ = ()

    @classmethod
    def empty(cls, tables: Iterable[Columns], most_rows: int = MOST_ROWS) -> State:
        """A state without rows; no table will ever hold more than `most_rows`."""
        shapes = {each.table: each for each in tables}
        names = [name for each in shapes.values() for name in (each.table, *(filing.name for filing in each.filings))]
        return cls(shapes, Version.empty(names), most_rows)

    def draft(self) -> Draft:
        """What becomes the next state."""
        return Draft(self)

    def table(self, name: str) -> Map:
        """The rows of a table by key."""
        return Map(self.version, name)

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """The rows of a table by column name, in no order."""
        return map(self.tables[table].named, self.table(table).values())

    def since(self, table: str, seen: set[Version]) -> list[Row]:
        """The rows of a table, and all that it had in later states, but for those that were seen before; `seen` grows."""
        return self.version.since(table, seen)

    def insert(self, table: str, row: Row) -> State:
        """The state with one more row. Raises ExecutionError where its key exists, TableFull where there is no room."""
        return self._drafted(lambda draft: draft.insert(table, row))

    def change(self, table: str, pairs: Sequence[Pair], touched: Set[str], walked: int | None = None) -> State:
        """The state after such a change of a draft."""
        return self._drafted(lambda draft: draft.change(table, pairs, touched, walked))

    def replace(self, table: str, before: Row, after: Row) -> State:
        """The state with one row changed; its key stays."""
        return self.change(table, [(before, after)], self.tables[table].types.keys())

    def delete(self, table: str, row: Row) -> State:
        """The state without one row that it has."""
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
