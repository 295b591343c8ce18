"""Lets: names for rows, looked up through an index when a rule first uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from openapi.decision.table_plan import TablePlan
from openapi.document.document import Node
from openapi.document.errors import ContractError, nearest
from openapi.expression.expression import ROW, Expression, Names, bringer, columns_used, compile_expression, values_of
from openapi.parameters.parameter import MISSING, UNDETERMINED, Absence
from openapi.state.index import ANY, Index, Row
from openapi.state.state import Facts

_NULL = type(None)

Resolve = Callable[[Any], Any]
"""Scope to the value of a name, or to an Absence."""


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """Equality on columns, always by key or index, and what filters the rows that are left."""

    table: str
    where: tuple[tuple[str, Expression], ...]
    index: int | None
    """The number of the index; None for the key itself."""
    sought: Callable[[Any], tuple[Any, ...]]
    """What gives the values of the key, or of the index's columns, where a name that is not present is an Absence."""
    condition: Expression | None
    bring: Callable[[Any, Any], None]
    """What puts a row into the scope for the condition."""
    bound: str | None
    """The name whose value the column that bounds the index must exceed."""

    def candidates(self, scope: Any, state: Facts) -> Iterable[Row] | Absence:
        """The rows that `where` means, newest first, or UNDETERMINED when a value that they must have is not present.

        Rows that cannot pass the condition may be left out.
        """
        values = self.sought(scope)
        if self.index is None:
            row = state.version.get(self.table, values)
            if row is not None:
                return (row,)
        else:
            after = ANY if self.bound is None else scope[self.bound]
            found = state.matching(self.table, self.index, values, after if isinstance(after, int) else ANY)
            if found != ():
                return found
        # No row is found by an Absence or null, so that only where there is none a value may be one.
        kinds = [*map(type, values)]
        return UNDETERMINED if Absence in kinds or _NULL in kinds else ()

    def all(self, scope: Any, state: Facts) -> Sequence[Row] | Absence:
        """The rows that are meant, newest first, or UNDETERMINED when a value that they must have is not present."""
        found = self.candidates(scope, state)
        if isinstance(found, Absence):
            return found
        if self.condition is None:
            return tuple(found)
        bring, holds, passed = self.bring, self.condition.holds, []
        for row in found:
            bring(scope, row)
            if holds(scope):
                passed.append(row)
        return passed

    def rows(self, scope: Any, state: Facts) -> Sequence[Row]:
        """The same, but none where a value is not present."""
        found = self.all(scope, state)
        return () if isinstance(found, Absence) else found

    def newest(self, scope: Any) -> Row | Absence:
        """The first row that is meant, or why there is none."""
        condition = self.condition
        if self.index is None:  # the same without a loop
            row = scope.state.version.get(self.table, self.sought(scope))
            if row is not None:
                if condition is not None:
                    self.bring(scope, row)
                return row if condition is None or condition.holds(scope) else MISSING
        found = self.candidates(scope, scope.state)
        if isinstance(found, Absence):
            return found
        for row in found:
            if condition is None:
                return row
            self.bring(scope, row)
            if condition.holds(scope):
                return row
        return MISSING

    @property
    def expressions(self) -> Iterator[Expression]:
        """Every expression in it."""
        yield from (expression for _, expression in self.where)
        if self.condition is not None:
            yield self.condition


@dataclass(frozen=True, slots=True, eq=False)
class Let:
    """A name for a row (`find`, `last`), for rows (`all`) or for the first value that is present (`first`)."""

    name: str
    how: str
    lookup: Lookup | None
    choices: tuple[Expression, ...]
    resolve: Resolve
    line: int

    @property
    def expressions(self) -> Iterator[Expression]:
        """Every expression in it."""
        yield from self.choices
        if self.lookup is not None:
            yield from self.lookup.expressions

    def resolvers(self, expressions: Iterable[Expression]) -> dict[str, Callable[[Any], None]]:
        """What settles it in a scope, under its own name and under those of its columns that these expressions use."""
        used, resolve = columns_used(self.name, expressions), self.resolve
        bring = bringer(self.name, used)
        return dict.fromkeys((self.name, *used), lambda scope: bring(scope, resolve(scope)))


def compile_lookup(node: Node, table: str, names: Names, plans: dict[str, TablePlan]) -> Lookup:
    """The `where` and `if` beside a table's name. Raises ContractError."""
    plan = plans[table]
    where = []
    for each in _where(node).children():
        plan.check_column(each, each.name)
        expression = compile_expression(each, names)
        plan.check_type(each, each.name, expression.type)
        where.append((each.name, expression))
    by_key = {name for name, _ in where} == set(plan.key)
    if by_key:
        where.sort(key=lambda pair: plan.key.index(pair[0]))
    sought = where if by_key else [pair for pair in where if not pair[1].constant]
    constants = tuple((name, expression.evaluate(None)) for name, expression in where if expression.constant)
    condition = node.get("if")
    passes = None if condition is None else compile_condition(condition, {**names, ROW: plan.types})
    index = bound = None
    if not by_key:
        column, exceeded = next(_exceeded(passes), (None, None))
        index, bounded = plan.index(Index(tuple(name for name, _ in sought), constants), column)
        bound = exceeded if bounded else None
    return Lookup(
        table,
        tuple(where),
        index,
        values_of([expression for _, expression in sought]),
        passes,
        bringer(ROW, columns_used(ROW, () if passes is None else (passes,))),
        bound,
    )


def _exceeded(condition: Expression | None) -> Iterator[tuple[str, str]]:
    """The columns of a row that must exceed a value, with its name."""
    for greater, less in condition.exceeding if condition else ():
        if greater.name == ROW and greater.column and less.name != ROW:
            yield greater.column, str(less)


def compile_condition(node: Node, names: Names) -> Expression:
    """An expression that must be true or false. Raises ContractError for one that is another type."""
    expression = compile_expression(node, names)
    if expression.type not in ("boolean", None):
        raise ContractError([node.problem(f"{expression} is a {expression.type}, not true or false", "write a comparison")])
    return expression


def compile_let(node: Node, names: Names, plans: dict[str, TablePlan]) -> tuple[Let, str | dict[str, str]]:
    """A let and its kind: the type of its value, or of its columns. Raises ContractError."""
    first = node.get("first")
    if first is not None:
        choices = tuple(compile_expression(each, names) for each in first.children())
        kind = next((each.type for each in choices if each.type), "string")
        return Let(node.name, "first", None, choices, _first(choices), node.line), kind
    how = next(each for each in ("find", "last", "all") if each in node.value)
    table = known_table(node.child(how), plans)
    lookup = compile_lookup(node, table, names, plans)
    resolve = (lambda scope: lookup.all(scope, scope.state)) if how == "all" else lookup.newest
    return Let(node.name, how, lookup, (), resolve, node.line), "rows" if how == "all" else plans[table].types


def known_table(node: Node, plans: dict[str, TablePlan]) -> str:
    """The table that a node names. Raises ContractError for one that `x-state` does not have."""
    if node.value not in plans:
        raise ContractError([node.problem(f"unknown table {node.value}", nearest(str(node.value), plans))])
    return str(node.value)


def _where(node: Node) -> Node:
    where = node.get("where")
    if where is None or not where.value:
        raise ContractError([node.problem("where is missing", "name at least one column, so that an index can serve it")])
    return where


def _first(choices: tuple[Expression, ...]) -> Resolve:
    evaluates = tuple(each.evaluate for each in choices)

    def resolve(scope: Any) -> Any:
        for evaluate in evaluates:
            value = evaluate(scope)
            if value is not UNDETERMINED:
                return value
        return MISSING

    return resolve
