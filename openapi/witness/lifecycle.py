"""The life cycle of the rows of a table: the transitions between phases, found by executing the operations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from openapi.decision.contract import Contract
from openapi.decision.decision import decide
from openapi.expression.expression import NOW, ROW
from openapi.state.index import Row
from openapi.state.state import State
from openapi.witness.witness import classified

ROUNDS = 4
MOST_REQUESTS = 800
"""Requests of each operation that are tried in each state."""


class Transition(NamedTuple):
    """A transition of a row between phases. `before` is None for an insert, `after` for a delete."""

    before: str | None
    after: str | None
    cause: str
    """The operation that changed the row, or the column whose time was reached."""


def transitions(contract: Contract, table: str, state: State, now: int) -> list[Transition]:
    """The transitions of the rows of a table that requests or the passing of time cause, starting from this state.

    `now` is epoch ms. The search is bounded, so transitions that need many requests before them may be missing.
    """
    found: dict[Transition, None] = {}
    frontier, random = [state], Random(0)
    for _ in range(ROUNDS):
        next_states = []
        for each in frontier:
            for transition, after in _transitions_from(contract, table, each, now, random):
                if transition not in found:
                    found[transition] = None
                    next_states.append(after)
        frontier = next_states
    return sorted(found, key=lambda each: _order(contract, table, each))


def _transitions_from(
    contract: Contract, table: str, state: State, now: int, random: Random
) -> Iterator[tuple[Transition, State]]:
    for row in state.table(table).values():
        yield from ((each, state) for each in _transitions_by_time(contract, table, row, now))
    for operation in contract.operations.values():
        for each in islice(classified(operation, state, now), MOST_REQUESTS):
            decision = decide(operation, each.raw, state, now, random)
            for change in decision.changes:
                if change.columns.table == table:
                    before, after = (phase(contract, table, each, now) for each in (change.before, change.after))
                    if before != after:
                        yield Transition(before, after, operation.name), decision.state


def _transitions_by_time(contract: Contract, table: str, row: Row, now: int) -> Iterator[Transition]:
    """The transitions of a row that time alone causes."""
    names = contract.tables[table].names
    for instant, name in sorted(
        (value, name)
        for name, value in zip(names, row, strict=True)
        if type(value) is not bool and isinstance(value, int) and value > now
    ):
        before, after = phase(contract, table, row, instant - 1), phase(contract, table, row, instant)
        if before != after:
            yield Transition(before, after, name)


def phase(contract: Contract, table: str, row: Row | None, now: int) -> str | None:
    """The first phase of the table whose condition holds for a row; None where none does. `now` is epoch ms."""
    if row is None:
        return None
    columns = contract.tables[table].named(row)
    scope = {NOW: now, **{f"{ROW}.{name}": value for name, value in columns.items()}}
    return next((name for name, condition in contract.phases[table] if condition.holds(scope)), None)


def _order(contract: Contract, table: str, transition: Transition) -> tuple[Any, ...]:
    names = [name for name, _ in contract.phases[table]]
    before, after = (-1 if name is None else names.index(name) for name in transition[:2])
    return before, after, transition.cause
