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

FOREVER, NEVER = 2**64, -(2**64)
"""Bounds later and earlier than every value: of an index without a bound, and of a row with null."""
ANY = NEVER - 1
"""What every bound exceeds."""
AT_HAND = 4
"""Links of a chain that are walked to find a row that leaves."""

Chain = tuple[Key, Any, int] | None
"""A key, the rest of the chain, and the greatest bound in it; None at its end."""
Bucket = tuple[Chain, int, int, int]
"""The rows with the same values: a chain, how many rows stand in it, how long it is, and the greatest bound that a row got
after it came."""
EMPTY: Bucket = (None, 0, 0, NEVER)

Step = Callable[[Bucket, Key, int], Bucket]
"""What a row does to a bucket by its key and its bound."""
Pair = tuple[Row, Row | None]
"""A row before and after a change; None where it goes."""


@dataclass(frozen=True, slots=True)
class Index:
    """The columns that a `where` compares with values of a request, and those that it compares with constants."""

    columns: tuple[str, ...]
    constants: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Filing:
    """How an index files the rows of a table."""

    name: str
    """Of the map that holds its buckets."""
    columns: frozenset[str]
    """The columns that the index looks at."""
    values: Callable[[Row], Key | None]
    """Under which values it has a row, or None where it leaves it out."""
    bound: Callable[[Row], int]
    """What the index knows of its bound."""


def filing_of(name: str, names: tuple[str, ...], index: Index, bound: str | None) -> Filing:
    """The filing, under a name of its own, of a table with columns of these names."""
    constants = dict(index.constants)
    pick, fixed = (picker([names.index(name) for name in each]) for each in (index.columns, constants))
    seen = frozenset((*index.columns, *constants, *((bound,) if bound else ())))
    return Filing(
        name,
        seen,
        _values(pick, fixed, tuple(constants.values())),
        _bound(names.index(bound)) if bound else lambda row: FOREVER,
    )


def picker(positions: Collection[int]) -> Callable[[Row], Key]:
    """What takes the values at these positions out of a row."""
    if len(positions) == 1:
        (position,) = positions
        return lambda row: (row[position],)
    return itemgetter(*positions) if positions else lambda row: ()


def _values(pick: Callable[[Row], Key], fixed: Callable[[Row], Key], constants: Key) -> Callable[[Row], Key | None]:
    def values(row: Row) -> Key | None:
        if fixed(row) != constants:
            return None
        found = pick(row)
        return None if None in found else found

    return values


def _bound(position: int) -> Callable[[Row], int]:
    def bound(row: Row) -> int:
        value = row[position]
        if value is None:
            return NEVER
        return value if isinstance(value, int) else FOREVER

    return bound


def came(bucket: Bucket, key: Key, bound: int) -> Bucket:
    """The bucket with one more row."""
    chain, rows, length, highest = bucket
    return (key, chain, bound if chain is None or chain[2] < bound else chain[2]), rows + 1, length + 1, highest


def raised(bucket: Bucket, key: Key, bound: int) -> Bucket:
    """The bucket after a row in it got another bound."""
    chain, rows, length, highest = bucket
    return chain, rows, length, max(highest, bound)


def left(bucket: Bucket, keys: Collection[Key], found_by_walking: bool, bound_in: Callable[[Key], int | None]) -> Bucket:
    """The bucket after rows left. `bound_in` gives the bound of a row that was in it until now."""
    chain, before, length, highest = bucket
    rows = before - len(keys)
    if not rows:
        return EMPTY
    purge = length > 2 * rows + 8
    if len(keys) == 1 and chain is not None and chain[0] in keys and not purge:
        return chain[1], rows, length - 1, highest
    sought, seen, stay = set(keys), set(), []
    steps = length if purge or found_by_walking else AT_HAND
    while chain is not None and steps and (sought or purge):
        key, chain, _ = chain
        if key not in seen and key not in sought and (bound := bound_in(key)) is not None:
            stay.append((key, bound))
        seen.add(key)
        sought.discard(key)
        steps, length = steps - 1, length - 1
    if sought:
        return bucket[0], rows, bucket[2], highest
    highest = NEVER if chain is None else highest
    found: Bucket = chain, rows - len(stay), length, highest
    for key, bound in reversed(stay):
        found = came(found, key, bound)
    return found
