"""A state, and the difference of two states, as plain data: what a store keeps, and what another process applies.

A state that is read again has the same rows in the same order, and each of its lookups finds them in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from openapi.document.errors import ExecutionError
from openapi.state.index import EMPTY, Bucket, CompiledIndex, Key, Row, added
from openapi.state.state import MOST_ROWS, Columns, Draft, State
from openapi.state.versions import ABSENT

SCALARS = frozenset({"string", "integer", "number", "boolean"})
TUPLE, OBJECT = "()", "{}"
"""The keys of a tuple and of an object in plain data, where a list is a list."""


class RowChange(NamedTuple):
    """One row before and after; None where it did not exist."""

    table: str
    before: Row | None
    after: Row | None


def changes_between(before: State, after: State) -> list[RowChange] | None:
    """The changes that led from a state to a later one, in order; None where that is no longer known.

    It is known while nothing else has been made of `before`, so for the last transaction always but in rare cases.
    """
    steps = before.version.steps_to(after.version)
    if steps is None:
        return None
    found, later = [], dict[tuple[str, Any], Row | None]()
    for name, key, value in reversed(steps):
        if name in after.tables:
            newer = later[name, key] if (name, key) in later else after.version.get(name, key)
            older = later[name, key] = None if value is ABSENT else value
            if older != newer:
                found.append(RowChange(name, older, newer))
    return found[::-1]


def changed(state: State, changes: Iterable[RowChange]) -> State:
    """The state after changes that `changes_between` gave. Raises ExecutionError where they do not fit."""
    draft = state.draft()
    try:
        for each in changes:
            _apply(draft, each)
    except BaseException:
        draft.undo()
        raise
    return draft.finished()


def _apply(draft: Draft, change: RowChange) -> None:
    table, before, after = change
    if before is None:
        assert after is not None
        draft.insert(table, after)
        return
    columns = draft.tables[table]
    found = draft.maps[table].get(columns.key_of(before))
    if found != before:
        raise ExecutionError(f"{table} has no such row with {', '.join(columns.key)} {columns.key_of(before)}")
    pairs = zip(columns.names, before, after or (), strict=False)
    touched = columns.types.keys() if after is None else {name for name, old, new in pairs if old != new}
    draft.change(table, [(found, after)], touched)


def plain_changes(changes: Iterable[RowChange], tables: Mapping[str, Columns]) -> list[Any]:
    """Changes as plain data."""
    return [[table, *(row and plain_row(tables[table], row) for row in rows)] for table, *rows in changes]


def read_changes(data: Iterable[Any], tables: Mapping[str, Columns]) -> list[RowChange]:
    """The changes of such data."""
    return [RowChange(table, *(row and row_of(tables[table], row) for row in rows)) for table, *rows in data]


def plain_row(columns: Columns, row: Row) -> list[Any]:
    """A row as plain data."""
    types = columns.types.values()
    return [value if kind in SCALARS else _packed(value) for kind, value in zip(types, row, strict=True)]


def row_of(columns: Columns, data: Iterable[Any]) -> Row:
    """The row of such data. Raises ValueError where it has another number of columns."""
    types = columns.types.values()
    return tuple(value if kind in SCALARS else _unpacked(value) for kind, value in zip(types, data, strict=True))


def plain_state(state: State) -> dict[str, Any]:
    """A state as plain data: the rows of each table in their order, and the order of those that a lookup finds in another one."""
    found: dict[str, Any] = {}
    for name, columns in state.tables.items():
        rows = state.table(name).items()
        places = {key: place for place, (key, _) in enumerate(rows)}
        orders = [
            [*_identity(columns, each), order] for each in columns.compiled_indexes for order in _orders(state, each, places)
        ]
        found[name] = {"rows": [plain_row(columns, row) for _, row in rows], "orders": orders}
    return found


def read_state(data: Mapping[str, Any], tables: Mapping[str, Columns], most_rows: int = MOST_ROWS) -> State:
    """The state of such data. Raises ExecutionError, TableFull, and ValueError or KeyError for data of other tables."""
    draft = State.empty(tables.values(), most_rows).draft()
    try:
        for name, columns in tables.items():
            rows = [row_of(columns, each) for each in data[name]["rows"]]
            for row in rows:
                draft.insert(name, row)
            indexes = {repr(_identity(columns, each)): each for each in columns.compiled_indexes}
            for *identity, order in data[name]["orders"]:
                if (index := indexes.get(repr(identity))) is not None:  # the rules may have changed since
                    _reorder(draft, columns, index, [rows[place] for place in order])
    except BaseException:
        draft.undo()
        raise
    return draft.finished()


def _identity(columns: Columns, index: CompiledIndex) -> list[Any]:
    """What an index is for, as plain data. Its number may be another one after a change of the rules."""
    found = columns.indexes[columns.compiled_indexes.index(index)]
    return [list(found.columns), [list(each) for each in found.constants]]


def _orders(state: State, index: CompiledIndex, places: Mapping[Key, int]) -> Iterator[list[int]]:
    """The places of rows, the oldest first, that the index has in another order than the table."""
    table = index.name.rpartition(" ")[0]
    for values, bucket in state.version.copied(index.name).items():
        if bucket[1] > 1:
            order = [places[key] for key in _keys(state, table, index, values, bucket)][::-1]
            if order != sorted(order):
                yield order


def _keys(state: State, table: str, index: CompiledIndex, values: Key, bucket: Bucket) -> Iterator[Key]:
    """The keys of the rows of a bucket, the newest first."""
    chain, seen = bucket[0], set[Key]()
    while chain is not None:
        key, chain, _ = chain
        row = state.version.get(table, key)
        if key not in seen and row is not None and index.values(row) == values:
            seen.add(key)
            yield key


def _reorder(draft: Draft, columns: Columns, index: CompiledIndex, rows: list[Row]) -> None:
    """Puts the rows that have the same values in an index into this order, the oldest first."""
    values, bucket = index.values(rows[0]), EMPTY
    if set(map(columns.key_of, rows)) != set(_all_keys(draft.maps[index.name].get(values, EMPTY))):
        raise ValueError(f"the order of {columns.table} is not that of its rows")
    for row in rows:
        bucket = added(bucket, columns.key_of(row), index.bound(row))
    draft.maps[index.name][values] = bucket


def _all_keys(bucket: Bucket) -> Iterator[Key]:
    chain = bucket[0]
    while chain is not None:
        key, chain, _ = chain
        yield key


def _packed(value: Any) -> Any:
    if isinstance(value, tuple):
        return {TUPLE: [_packed(each) for each in value]}
    if isinstance(value, list):
        return [_packed(each) for each in value]
    return {OBJECT: {name: _packed(each) for name, each in value.items()}} if isinstance(value, Mapping) else value


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(each) for each in value]
    if not isinstance(value, dict):
        return value
    if TUPLE in value:
        return tuple(_unpacked(each) for each in value[TUPLE])
    return {name: _unpacked(each) for name, each in value[OBJECT].items()}
