"""Effects: what an outcome changes. They are applied in order, and all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from openapi._document import Node
from openapi._errors import ContractError
from openapi._expression import NOW, ROW, Expression, Names, bringer, columns_used, compile_expression, values_of
from openapi._lookup import Lookup, compile_condition, compile_lookup, known_table
from openapi._request import Absence
from openapi._state import Change, Row, State
from openapi._table import TablePlan

Apply = Callable[[Any, State, list[Change]], State]


@dataclass(frozen=True, slots=True)
class Effect:
    """One insert, update or delete. `apply(scope, state, changes)` gives the next state and notes what changed."""

    verb: str
    table: str
    lookup: Lookup | None
    cells: tuple[tuple[str, Expression], ...]
    when: Expression | None
    unless: Expression | None
    apply: Apply

    @property
    def expressions(self) -> Iterator[Expression]:
        """Every expression in it."""
        yield from (expression for _, expression in self.cells)
        yield from (each for each in (self.when, self.unless) if each is not None)
        if self.lookup is not None:
            yield from self.lookup.expressions


def compile_effect(node: Node, names: Names, plans: dict[str, TablePlan]) -> Effect:
    """An entry of `then`. Raises ContractError."""
    verb = next(each for each in ("insert", "update", "delete") if each in node.value)
    table = known_table(node.child(verb), plans)
    plan = plans[table]
    lookup = None if verb == "insert" else compile_lookup(node, table, names, plans)
    cells = _cells(node, verb, plan, names)
    when, unless = (None if each is None else compile_condition(each, names) for each in (node.get("when"), node.get("unless")))
    apply = _guarded(_make(verb, plan, lookup, cells), when, unless)
    return Effect(verb, table, lookup, cells, when, unless, apply)


def _cells(node: Node, verb: str, plan: TablePlan, names: Names) -> tuple[tuple[str, Expression], ...]:
    """The values of an `insert`'s row or of an `update`'s set, checked against the columns."""
    values = {"insert": node.get("row"), "update": node.get("set")}.get(verb)
    if values is None:
        return ()
    seen = names if verb == "insert" else {**names, ROW: plan.types}
    cells = []
    for each in values.children():
        plan.check_column(each, each.name)
        expression = compile_expression(each, seen)
        plan.check_type(each, each.name, expression.type)
        cells.append((each.name, expression))
    given = {name for name, _ in cells}
    if verb == "insert" and (left := plan.columns().required - given):
        raise ContractError([values.problem(f"the row has no {', '.join(sorted(left))}", f"{plan.name} requires it")])
    if verb == "update" and (keys := given & set(plan.key)):
        raise ContractError([values.problem(f"{', '.join(sorted(keys))} is the key of {plan.name}", "a key never changes")])
    return tuple(cells)


def _make(verb: str, plan: TablePlan, lookup: Lookup | None, cells: tuple[tuple[str, Expression], ...]) -> Apply:
    if lookup is None:
        return _insert(plan, dict(cells))
    return _update(plan, lookup, dict(cells)) if verb == "update" else _delete(plan.name, lookup)


def _guarded(apply: Apply, when: Expression | None, unless: Expression | None) -> Apply:
    if when is None and unless is None:
        return apply

    def guarded(scope: Any, state: State, changes: list[Change]) -> State:
        if when is not None and not when.holds(scope):
            return state
        if unless is not None and unless.holds(scope):
            return state
        return apply(scope, state, changes)

    return guarded


def _insert(plan: TablePlan, cells: dict[str, Expression]) -> Apply:
    table, defaults = plan.name, plan.columns().defaults
    blank = [defaults[name] for name in plan.properties]
    fill = _filler(plan, cells)

    def insert(scope: Any, state: State, changes: list[Change]) -> State:
        row = fill(scope, blank)
        changes.append(Change(state.tables[table].columns, None, row))
        return state.insert(table, row)

    return insert


def _update(plan: TablePlan, lookup: Lookup, cells: dict[str, Expression]) -> Apply:
    table, fill, bring = plan.name, _filler(plan, cells), bringer(ROW, columns_used(ROW, cells.values()))

    def update(scope: Any, state: State, changes: list[Change]) -> State:
        found = []
        for row in lookup.rows(scope, state):
            bring(scope, row)
            found.append((row, fill(scope, row)))
        return _carried_out(state, table, found, lookup.index, changes)

    return update


def _delete(table: str, lookup: Lookup) -> Apply:
    def delete(scope: Any, state: State, changes: list[Change]) -> State:
        found = [(row, None) for row in lookup.rows(scope, state)]
        return _carried_out(state, table, found, lookup.index, changes)

    return delete


def _carried_out(
    state: State, table: str, found: Sequence[tuple[Row, Row | None]], index: int | None, changes: list[Change]
) -> State:
    if not found:
        return state
    columns = state.tables[table].columns
    changes.extend([Change(columns, before, after) for before, after in found])
    return state.change(table, found, index)


def _filler(plan: TablePlan, cells: dict[str, Expression]) -> Callable[[Any, Iterable[Any]], Row]:
    """What fills these columns of a row; a value that is not present becomes null.

    So does to an examiner what depends on `now`, for a server's clock is another one.
    """
    order = list(plan.properties)
    positions, values_in = tuple(order.index(name) for name in cells), values_of(list(cells.values()))
    timed = [order.index(name) for name, each in cells.items() if any(reference.name == NOW for reference in each.references)]

    def fill(scope: Any, row: Iterable[Any]) -> Row:
        values = list(row)
        for position, value in zip(positions, values_in(scope), strict=True):
            values[position] = None if type(value) is Absence else value
        if scope.follows:
            for position in timed:
                values[position] = None
        return tuple(values)

    return fill
