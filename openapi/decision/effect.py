"""Effects: the changes of an outcome. They are applied in order; either all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

from openapi.decision.lookup import Lookup, compile_condition, compile_lookup, known_table
from openapi.decision.table_plan import TablePlan
from openapi.document.document import Node
from openapi.document.errors import ContractError
from openapi.expression.expression import NOW, ROW, Expression, Names, bringer, columns_used, compile_expression
from openapi.parameters.parameter import Absence
from openapi.state.index import Pair, Row
from openapi.state.state import Change, Draft

Apply = Callable[[Any, Draft, list[Change]], None]


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """One insert, update or delete. `apply(scope, draft, changes)` does it and notes what changed."""

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
    return _update(plan, lookup, dict(cells)) if verb == "update" else _delete(plan, lookup)


def _guarded(apply: Apply, when: Expression | None, unless: Expression | None) -> Apply:
    if when is None and unless is None:
        return apply

    def guarded(scope: Any, draft: Draft, changes: list[Change]) -> None:
        if (when is None or when.holds(scope)) and not (unless is not None and unless.holds(scope)):
            apply(scope, draft, changes)

    return guarded


def _insert(plan: TablePlan, cells: dict[str, Expression]) -> Apply:
    table, defaults = plan.name, plan.columns().defaults
    blank = tuple(defaults[name] for name in plan.properties)
    fill = _filler(plan, cells)

    def insert(scope: Any, draft: Draft, changes: list[Change]) -> None:
        row = fill(scope, blank)
        draft.insert(table, row)
        changes.append(Change(draft.tables[table], None, row))

    return insert


def _update(plan: TablePlan, lookup: Lookup, cells: dict[str, Expression]) -> Apply:
    table, touched, fill, used = plan.name, cells.keys(), _filler(plan, cells), columns_used(ROW, cells.values())
    bring = bringer(ROW, used)

    def update(scope: Any, draft: Draft, changes: list[Change]) -> None:
        pairs: list[Pair] = []
        for row in lookup.rows(scope, draft):
            if used:
                bring(scope, row)
            pairs.append((row, fill(scope, row)))
        if pairs:
            _change(draft, table, pairs, touched, lookup.index, changes)

    return update


def _delete(plan: TablePlan, lookup: Lookup) -> Apply:
    def delete(scope: Any, draft: Draft, changes: list[Change]) -> None:
        pairs: list[Pair] = [(row, None) for row in lookup.rows(scope, draft)]
        _change(draft, plan.name, pairs, plan.types.keys(), lookup.index, changes)

    return delete


def _change(draft: Draft, table: str, pairs: Sequence[Pair], touched: Set[str], index: int | None, changes: list[Change]) -> None:
    draft.change(table, pairs, touched, index)
    columns = draft.tables[table]
    for before, after in pairs:
        changes.append(Change(columns, before, after))


def _filler(plan: TablePlan, cells: dict[str, Expression]) -> Callable[[Any, Row], Row]:
    """What fills these columns of a row; a value that is not present becomes null.

    So does to an examiner what depends on `now`, for a server's clock is another one.
    """
    known = {name: _UNKNOWN if NOW in map(str, each.references) else each for name, each in cells.items()}
    ours, theirs = _filling(plan, cells), _filling(plan, known)
    return lambda scope, row: (theirs if scope.follows else ours)(scope, row)


def _filling(plan: TablePlan, cells: dict[str, Expression]) -> Callable[[Any, Row], Row]:
    placed = [(list(plan.properties).index(name), each) for name, each in cells.items()]
    constants = tuple((place, each.evaluate(None)) for place, each in placed if each.constant)
    names = tuple((place, each.path) for place, each in placed if each.path)
    others = tuple((place, each.evaluate) for place, each in placed if not (each.constant or each.path))

    def fill(scope: Any, row: Row) -> Row:
        filled = [*row]
        for place, value in constants:
            filled[place] = value
        for place, name in names:
            value = scope[name]
            filled[place] = None if type(value) is Absence else value
        for place, evaluate in others:
            value = evaluate(scope)
            filled[place] = None if type(value) is Absence else value
        return tuple(filled)

    return fill


_UNKNOWN = Expression("null", (), lambda scope: None, constant=True, type=None)
