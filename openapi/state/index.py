"""Indexes: map the values of some columns to a bucket, a linked list of row keys, newest first.

An index holds only rows that its `where` can find (with its constants, without nulls), so most writes touch few indexes. A
removed row is unlinked at once if it is near the head or was just found; otherwise it stays until more than half of the list
has been removed.

Most lookups want rows that have not expired: `if: row.expiresAt > now`. An index may have such a column as its bound: each link
knows the greatest value in the rest of the list. A search stops where no greater value follows, so expired rows are not visited.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

Row = tuple[Any, ...]
Key = tuple[Any, ...]

NO_BOUND, NULL_BOUND = 2**64, -(2**64)
"""Bounds that are greater and less than every value: of each row of an index without a bound, and of a row with null."""
ANY_BOUND = NULL_BOUND - 1
"""Less than every bound."""
SHORT_SEARCH = 4
"""Links at the head of a chain that are searched for a removed row before it is left in place."""

Chain = tuple[Key, Any, int] | None
"""A key, the rest of the chain, and the greatest bound in it; None at its end."""
Bucket = tuple[Chain, int, int, int]
"""The rows with the same values: a chain, the number of its rows, its length (with rows that were removed but not unlinked), and
the greatest bound that a row got by a later update."""
EMPTY: Bucket = (None, 0, 0, NULL_BOUND)

Step = Callable[[Bucket, Key, int], Bucket]
"""The change of a bucket by one row: bucket, key and bound to the new bucket."""
Pair = tuple[Row, Row | None]
"""A row before and after a change; None after a deletion."""


@dataclass(frozen=True, slots=True)
class Index:
    """The columns that a `where` compares with values of a request, and those that it compares with constants."""

    columns: tuple[str, ...]
    constants: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class CompiledIndex:
    """An index with the functions that read its values and its bound from a row."""

    name: str
    """The name of the map that holds its buckets."""
    columns: frozenset[str]
    """The columns that the index reads."""
    values: Callable[[Row], Key | None]
    """The values under which a row is indexed; None for a row that is not."""
    bound: Callable[[Row], int]
    """The bound of a row."""


def compile_index(name: str, names: tuple[str, ...], index: Index, bound: str | None) -> CompiledIndex:
    """Compiles an index of a table with columns of these names. `name` is the map of its buckets, `bound` a column."""
    constants = dict(index.constants)
    pick, pick_constants = (picker([names.index(name) for name in each]) for each in (index.columns, constants))
    columns = frozenset((*index.columns, *constants, *((bound,) if bound else ())))
    return CompiledIndex(
        name,
        columns,
        _values(pick, pick_constants, tuple(constants.values())),
        _bound(names.index(bound)) if bound else lambda row: NO_BOUND,
    )


def picker(positions: Collection[int]) -> Callable[[Row], Key]:
    """A function that returns the values at these positions of a row."""
    if len(positions) == 1:
        (position,) = positions
        return lambda row: (row[position],)
    return itemgetter(*positions) if positions else lambda row: ()


def _values(pick: Callable[[Row], Key], pick_constants: Callable[[Row], Key], constants: Key) -> Callable[[Row], Key | None]:
    def values(row: Row) -> Key | None:
        if pick_constants(row) != constants:
            return None
        found = pick(row)
        return None if None in found else found

    return values


def _bound(position: int) -> Callable[[Row], int]:
    def bound(row: Row) -> int:
        value = row[position]
        if value is None:
            return NULL_BOUND
        return value if isinstance(value, int) else NO_BOUND

    return bound


def added(bucket: Bucket, key: Key, bound: int) -> Bucket:
    """The bucket with one more row."""
    chain, rows, length, highest = bucket
    return (key, chain, bound if chain is None or chain[2] < bound else chain[2]), rows + 1, length + 1, highest


def bound_changed(bucket: Bucket, key: Key, bound: int) -> Bucket:
    """The bucket after an update gave one of its rows another bound."""
    chain, rows, length, highest = bucket
    return chain, rows, length, max(highest, bound)


def removed(bucket: Bucket, keys: Collection[Key], just_found: bool, bound_of: Callable[[Key], int | None]) -> Bucket:
    """The bucket without these rows, which a search of its chain `just_found` or not.

    `bound_of` returns the bound of a row by its key; None for a row that is not in the bucket.
    """
    chain, before, length, highest = bucket
    rows = before - len(keys)
    if not rows:
        return EMPTY
    purge = length > 2 * rows + 8
    if len(keys) == 1 and chain is not None and chain[0] in keys and not purge:
        return chain[1], rows, length - 1, highest
    to_remove, seen, kept = set(keys), set(), []
    steps = length if purge or just_found else SHORT_SEARCH
    while chain is not None and steps and (to_remove or purge):
        key, chain, _ = chain
        if key not in seen and key not in to_remove and (bound := bound_of(key)) is not None:
            kept.append((key, bound))
        seen.add(key)
        to_remove.discard(key)
        steps, length = steps - 1, length - 1
    if to_remove:
        return bucket[0], rows, bucket[2], highest
    highest = NULL_BOUND if chain is None else highest
    result: Bucket = chain, rows - len(kept), length, highest
    for key, bound in reversed(kept):
        result = added(result, key, bound)
    return result
