"""Effects: the changes of an outcome. They are applied in order; either all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from openapi.decision.each import Each, compile_lets, loop
from openapi.decision.lookup import Lookup, compile_condition, compile_lookup, known_table, lookup_by_key
from openapi.decision.source import compile_source
from openapi.decision.table_plan import TablePlan
from openapi.decision.unsure import stored_value
from openapi.document.document import Node
from openapi.document.errors import ContractError, ExecutionError
from openapi.expression.binding import columns_used, row_binder
from openapi.expression.expression import ROW, Expression, compile_expression
from openapi.expression.kinds import Names
from openapi.parameters.parameter import Absence
from openapi.state.index import Pair, Row
from openapi.state.state import Change, Draft

VERBS = ("insert", "upsert", "update", "delete")
Apply = Callable[[Any, Draft, list[Change]], None]


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """One insert, upsert, update or delete. `apply(scope, draft, changes)` executes it and appends to `changes`."""

    verb: str
    table: str
    lookup: Lookup | None
    """The rows that it changes; of an upsert the row with its key, and None for an insert."""
    assignments: tuple[tuple[str, Expression], ...]
    when: Expression | None
    unless: Expression | None
    apply: Apply
    each: Each | None = None
    """The loop in which it is executed."""

    def scopes(self, scope: Any) -> Iterator[Any]:
        """The scopes in which it is executed: one for each item of its loop."""
        return iter((scope,)) if self.each is None else self.each.scopes(scope)

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        """Its lookup, and those of the lets of its loop."""
        own = () if self.lookup is None else (self.lookup,)
        return own if self.each is None else (*own, *self.each.lookups)

    @property
    def unconditional(self) -> bool:
        """Whether it changes the row with a certain key, whatever else the row has."""
        by_key = self.lookup is not None and self.lookup.index is None and self.lookup.condition is None
        return by_key and self.when is None and self.unless is None

    @property
    def expressions(self) -> Iterator[Expression]:
        """Every expression in it."""
        yield from (expression for _, expression in self.assignments)
        yield from self.choosing

    @property
    def choosing(self) -> Iterator[Expression]:
        """The expressions that choose the rows which it changes."""
        yield from (each for each in (self.when, self.unless) if each is not None)
        if self.lookup is not None:
            yield from self.lookup.expressions
        if self.each is not None:
            yield from self.each.expressions


def compile_effect(node: Node, names: Names, plans: dict[str, TablePlan]) -> Effect:
    """Compiles an entry of `then`. Raises ContractError."""
    source = None if (each := node.get("each")) is None else compile_source(each, names)
    if source is None and "let" in node.value:
        raise ContractError([node.child("let").problem("let is for an effect with each", "write it in x-let")])
    lets, inner = compile_lets(node.get("let"), names if source is None else {**names, **source.names}, plans)
    for let in node.get("let").children() if lets else ():  # type: ignore[union-attr]
        if let.name in names:
            raise ContractError([let.problem(f"{let.name} is another name already", "choose another one")])
    effect = _compile_once(node, inner, plans)
    if source is None:
        return effect
    looped = loop(source, lets, effect.expressions, names)
    return replace(effect, apply=_for_each(looped, effect.apply), each=looped)


def _compile_once(node: Node, names: Names, plans: dict[str, TablePlan]) -> Effect:
    verb = next(each for each in VERBS if each in node.value)
    table = known_table(node.child(verb), plans)
    plan = plans[table]
    lookup = compile_lookup(node, table, names, plans) if verb in ("update", "delete") else None
    assignments = _assignments(node, verb, plan, names)
    if verb == "upsert":
        lookup = lookup_by_key(plan, dict(assignments))
    when, unless = (None if each is None else compile_condition(each, names) for each in (node.get("when"), node.get("unless")))
    apply = _guarded(_apply(verb, plan, lookup, assignments), when, unless)
    return Effect(verb, table, lookup, assignments, when, unless, apply)


def _for_each(each: Each, apply: Apply) -> Apply:
    def apply_to_all(scope: Any, draft: Draft, changes: list[Change]) -> None:
        for one in each.scopes(scope):
            apply(one, draft, changes)

    return apply_to_all


def _assignments(node: Node, verb: str, plan: TablePlan, names: Names) -> tuple[tuple[str, Expression], ...]:
    """Compiles the values of `row` of an insert or `set` of an update, and checks them against the columns."""
    values = node.get("set" if verb == "update" else "row")
    if values is None:
        return ()
    visible = {**names, ROW: plan.visible} if verb == "update" else names
    assignments = []
    for each in values.children():
        plan.check_column(each, each.name)
        expression = compile_expression(each, visible)
        plan.check_type(each, each.name, expression.type)
        assignments.append((each.name, expression))
    given = {name for name, _ in assignments}
    if verb != "update" and (absent := plan.columns().required - given):
        raise ContractError([values.problem(f"the row has no {', '.join(sorted(absent))}", f"{plan.name} requires it")])
    if verb == "update" and (keys := given & set(plan.key)):
        raise ContractError(
            [values.problem(f"{', '.join(sorted(keys))} is the key of {plan.name}", "an update cannot change a key")]
        )
    return tuple(assignments)


def _apply(verb: str, plan: TablePlan, lookup: Lookup | None, assignments: tuple[tuple[str, Expression], ...]) -> Apply:
    if verb in ("insert", "upsert"):
        return _insert(plan, dict(assignments)) if lookup is None else _upsert(plan, dict(assignments))
    assert lookup is not None
    return _update(plan, lookup, dict(assignments)) if verb == "update" else _delete(plan, lookup)


def _guarded(apply: Apply, when: Expression | None, unless: Expression | None) -> Apply:
    if when is None and unless is None:
        return apply

    def guarded(scope: Any, draft: Draft, changes: list[Change]) -> None:
        if (when is None or when.holds(scope)) and not (unless is not None and unless.holds(scope)):
            apply(scope, draft, changes)

    return guarded


def _insert(plan: TablePlan, assignments: dict[str, Expression]) -> Apply:
    table, defaults = plan.name, plan.columns().defaults
    blank = tuple(defaults[name] for name in plan.properties)
    fill = _filler(plan, assignments)

    def insert(scope: Any, draft: Draft, changes: list[Change]) -> None:
        row = fill(scope, blank)
        draft.insert(table, row)
        changes.append(Change(draft.tables[table], None, row))

    return insert


def _upsert(plan: TablePlan, assignments: dict[str, Expression]) -> Apply:
    table, columns, touched = plan.name, plan.columns(), assignments.keys() - set(plan.key)
    blank, key_of = tuple(columns.defaults[name] for name in plan.properties), columns.key_of
    fill, positions = _filler(plan, assignments), [list(plan.properties).index(name) for name in touched]

    def upsert(scope: Any, draft: Draft, changes: list[Change]) -> None:
        row = fill(scope, blank)
        key = key_of(row)
        if None in key:
            absent = ", ".join(name for name, value in zip(plan.key, key, strict=True) if value is None)
            raise ExecutionError(f"{table}: a row without {absent} cannot be upserted, because that is its key")
        before = draft.version.get(table, key)
        if before is None:
            draft.insert(table, row)
            changes.append(Change(draft.tables[table], None, row))
            return
        after = [*before]
        for position in positions:
            after[position] = row[position]
        _change(draft, table, [(before, tuple(after))], touched, None, changes)

    return upsert


def _update(plan: TablePlan, lookup: Lookup, assignments: dict[str, Expression]) -> Apply:
    table, touched, fill = plan.name, assignments.keys(), _filler(plan, assignments)
    used = columns_used(ROW, assignments.values())
    bind_row = row_binder(ROW, used)

    def update(scope: Any, draft: Draft, changes: list[Change]) -> None:
        pairs: list[Pair] = []
        for row in lookup.rows(scope, draft):
            if used:
                bind_row(scope, row)
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


def _filler(plan: TablePlan, assignments: dict[str, Expression]) -> Callable[[Any, Row], Row]:
    """A function that sets these columns of a row; a value that is not present becomes null.

    In a scope of the suite a value that it does not know exactly becomes an approximate time, a placeholder or null.
    """
    exact, unsure = _filler_of(plan, assignments), _unsure_filler(plan, assignments)
    return lambda scope, row: (exact if scope.moment is None else unsure)(scope, row)


def _unsure_filler(plan: TablePlan, assignments: dict[str, Expression]) -> Callable[[Any, Row], Row]:
    by_position = [(list(plan.properties).index(name), name, each) for name, each in assignments.items()]

    def fill(scope: Any, row: Row) -> Row:
        filled = [*row]
        for position, name, each in by_position:
            filled[position] = each.evaluate(None) if each.constant else stored_value(name, each, scope)
        return tuple(filled)

    return fill


def _filler_of(plan: TablePlan, assignments: dict[str, Expression]) -> Callable[[Any, Row], Row]:
    by_position = [(list(plan.properties).index(name), each) for name, each in assignments.items()]
    constants = tuple((position, each.evaluate(None)) for position, each in by_position if each.constant)
    names = tuple((position, each.path) for position, each in by_position if each.path)
    others = tuple((position, each.evaluate) for position, each in by_position if not (each.constant or each.path))

    def fill(scope: Any, row: Row) -> Row:
        filled = [*row]
        for position, value in constants:
            filled[position] = value
        for position, name in names:
            value = scope[name]
            filled[position] = None if type(value) is Absence else value
        for position, evaluate in others:
            value = evaluate(scope)
            filled[position] = None if type(value) is Absence else value
        return tuple(filled)

    return fill
