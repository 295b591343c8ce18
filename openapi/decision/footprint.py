"""The footprint of a request: the rows that its outcome depends on, and the rows that it may change.

Two requests whose footprints do not meet have the same outcomes in either order, so they can be sent at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from openapi.decision.lookup import Lookup
from openapi.decision.permitted import Permitted
from openapi.document.errors import ExecutionError
from openapi.expression.expression import ROW
from openapi.expression.kinds import ITEM
from openapi.parameters.parameter import Absence
from openapi.state.index import Key
from openapi.state.state import Change, is_lost

_FAILURES = (TypeError, ValueError, ArithmeticError, LookupError, RuntimeError)

Read = tuple[str, dict[str, Any]]
"""A table and the values of some columns: every row with these values counts."""
Written = tuple[str, Key | None, dict[str, Any]]
"""A table, the key of a row (None for a key that the server will invent), and its values."""


@dataclass(slots=True)
class Footprint:
    """What a request may read and change."""

    reads: list[Read] = field(default_factory=list)
    writes: list[Written] = field(default_factory=list)

    def meets(self, other: Footprint) -> bool:
        """Whether one of the two may change a row that the other reads or changes."""
        return _changes(self.writes, other) or _changes(other.writes, self)

    def add(self, other: Footprint) -> None:
        """Adds what another request reads and changes."""
        self.reads += other.reads
        self.writes += other.writes


def footprint(readings: Iterable[Permitted]) -> Footprint:
    """The footprint of one request, of which a server may see one of these `readings`."""
    found, known = Footprint(), set[tuple[int, int, tuple[int, ...]]]()
    for seen in list(readings):  # a list, so that no two of them have the same id
        rules = [rule for rule in seen.rules if rule.effects]
        key = id(seen.scope.state), id(seen.scope.raw), tuple(rule.number for rule in seen.rules)
        if key in known:
            continue
        known.add(key)
        found.reads += _reads(seen)
        for rule in rules:
            changes: list[Change] = []
            try:
                seen.suppose(rule, changes)
            except ExecutionError:
                continue  # nothing is changed then
            found.writes += _writes(changes)
    return found


def _reads(seen: Permitted) -> Iterator[Read]:
    lets = (let.lookup for let in seen.scope.operation.lets.values())
    effects = (lookup for rule in seen.rules for effect in rule.effects for lookup in effect.lookups)
    for lookup in filter(None, chain(lets, effects)):
        values = dict(_values(lookup, seen))
        if not any(value is None or isinstance(value, Absence) for value in values.values()):
            yield lookup.table, values
    for rule in seen.rules:
        for template in (rule.data, rule.body):
            yield from ((table, {}) for table in (template.tables if template is not None else ()))


def _values(lookup: Lookup, seen: Permitted) -> Iterator[tuple[str, Any]]:
    for name, expression in lookup.where:
        if any(each.name in (ITEM, ROW) for each in expression.references):
            continue  # another value in each round of a loop; the scope may still have the last one
        try:
            yield name, expression.evaluate(seen.scope)
        except (ExecutionError, *_FAILURES):
            continue  # such as a minted value, which is not known yet


def _writes(changes: Iterable[Change]) -> Iterator[Written]:
    for each in changes:
        for row in (each.before, each.after):
            if row is not None:
                key = None if any(map(is_lost, each.key)) else each.key
                yield each.columns.table, key, each.columns.named(row)


def _changes(writes: Iterable[Written], other: Footprint) -> bool:
    """Whether one of these rows is one that the other request reads or changes."""
    for table, key, row in writes:
        if key is not None and any(table == where and key == changed for where, changed, _ in other.writes):
            return True
        for where, values in other.reads:
            if table == where and all(row[name] == value for name, value in values.items()):
                return True
    return False
