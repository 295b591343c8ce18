"""What a transaction has changed in a world, apart from the entries of the journal, as plain data; and applying it elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import openapi
from mockserver.store.plain import Randomness, plain_clock, plain_fault, plain_random
from mockserver.worlds.clock import Clock
from mockserver.worlds.faults import Fault
from mockserver.worlds.metrics import Counted


@dataclass(frozen=True, slots=True)
class Content:
    """All that a transaction may change, to compare it before and after."""

    state: openapi.State
    clock: Clock
    random: Randomness
    faults: tuple[Fault, ...]
    last_fault: int
    count: int
    """Of the entries of the journal ever written."""
    cleared_at: int
    counted_before: Mapping[Counted, int]
    snapshots: tuple[str, ...]
    last_snapshot: int
    secrets: Mapping[str, str]


def plain_change(before: Content, after: Content, rows: Sequence[openapi.RowChange]) -> dict[str, Any]:
    """What differs. `rows` lead from one state to the other."""
    change: dict[str, Any] = {}
    if rows:
        change["rows"] = openapi.plain_changes(rows, after.state.tables)
    if before.clock != after.clock:
        change["clock"] = plain_clock(after.clock)
    if before.random != after.random:
        change["random"] = plain_random(after.random, before.random)
    if (before.faults, before.last_fault) != (after.faults, after.last_fault):
        change["faults"] = [[plain_fault(each) for each in after.faults], after.last_fault]
    if before.cleared_at != after.cleared_at:
        change["cleared"] = after.cleared_at
    if before.counted_before is not after.counted_before:
        change["begun"] = True
    if (before.snapshots, before.last_snapshot) != (after.snapshots, after.last_snapshot):
        change["snapshots"] = [after.snapshots, after.last_snapshot]
    return change


def removed_secrets(rows: Iterable[openapi.RowChange], contract: openapi.Contract) -> Iterator[str]:
    """The secrets of rows that they no longer have."""
    for table, column in contract.secret_columns:
        place = contract.tables[table].names.index(column)
        for before, after in ((each.before, each.after) for each in rows if each.table == table):
            old, new = (None if row is None else row[place] for row in (before, after))
            if old is not None and old != new:
                yield str(old)


def all_secrets(state: openapi.State, contract: openapi.Contract) -> set[str]:
    """The secrets of all rows."""
    found: set[str] = set()
    for table, column in contract.secret_columns:
        place = contract.tables[table].names.index(column)
        found |= {str(row[place]) for row in state.table(table).values() if row[place] is not None}
    return found
