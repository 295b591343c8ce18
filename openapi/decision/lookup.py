"""Lets: names for rows, looked up through an index when a rule first uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openapi.decision.aggregate import AGGREGATES, compile_aggregate
from openapi.decision.condition import compile_condition as compile_condition  # from here too
from openapi.decision.order import Paging, compile_paging
from openapi.decision.table_plan import TablePlan
from openapi.document.document import Node
from openapi.document.errors import ContractError, nearest
from openapi.expression.binding import columns_used, row_binder, values_of
from openapi.expression.expression import ROW, Expression, compile_expression
from openapi.expression.kinds import Names, RowsOf
from openapi.parameters.parameter import MISSING, UNDETERMINED, Absence
from openapi.state.index import ANY_BOUND, Index, Row
from openapi.state.state import ReadableState

_NULL = type(None)

Resolve = Callable[[Any], Any]
"""A function from a scope to the value of a name, or to an Absence."""


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """Equality on columns, always by key or index, and an optional condition on the rows found."""

    table: str
    where: tuple[tuple[str, Expression], ...]
    index: int | None
    """The number of the index; None for a lookup by key."""
    search_values: Callable[[Any], tuple[Any, ...]]
    """From a scope to the values of the key or of the index's columns; a name that is not present is an Absence."""
    condition: Expression | None
    bind_row: Callable[[Any, Any], None]
    """Puts a row into the scope for the condition."""
    bound: str | None
    """The name whose value the bound of the index must exceed."""

    def candidates(self, scope: Any, state: ReadableState) -> Iterable[Row] | Absence:
        """The rows that match `where`, newest first; UNDETERMINED where a value of `where` is not present.

        Rows that cannot pass the condition may be left out.
        """
        values = self.search_values(scope)
        if self.index is None:
            row = state.version.get(self.table, values)
            if row is not None:
                return (row,)
        else:
            after = ANY_BOUND if self.bound is None else scope[self.bound]
            found = state.matching(self.table, self.index, values, after if isinstance(after, int) else ANY_BOUND)
            if found != ():
                return found
        # No row matches an Absence or null, so this check is needed only where no row was found.
        kinds = [*map(type, values)]
        return UNDETERMINED if Absence in kinds or _NULL in kinds else ()

    def all(self, scope: Any, state: ReadableState) -> Sequence[Row] | Absence:
        """The rows that match, newest first; UNDETERMINED where a value of `where` is not present."""
        found = self.candidates(scope, state)
        if isinstance(found, Absence):
            return found
        if self.condition is None:
            return tuple(found)
        bind_row, holds, passed = self.bind_row, self.condition.holds, []
        for row in found:
            bind_row(scope, row)
            if holds(scope):
                passed.append(row)
        return passed

    def rows(self, scope: Any, state: ReadableState) -> Sequence[Row]:
        """The rows that match, newest first; none where a value of `where` is not present."""
        found = self.all(scope, state)
        return () if isinstance(found, Absence) else found

    def newest(self, scope: Any) -> Row | Absence:
        """The newest row that matches, or an Absence that says why there is none."""
        condition = self.condition
        if self.index is None:  # a faster path for a lookup by key
            row = scope.state.version.get(self.table, self.search_values(scope))
            if row is not None:
                if condition is not None:
                    self.bind_row(scope, row)
                return row if condition is None or condition.holds(scope) else MISSING
        found = self.candidates(scope, scope.state)
        if isinstance(found, Absence):
            return found
        for row in found:
            if condition is None:
                return row
            self.bind_row(scope, row)
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
    """A name for a row (`find`, `last`), for rows (`all`), for the first value that is present (`first`), or an aggregate."""

    name: str
    how: str
    lookup: Lookup | None
    choices: tuple[Expression, ...]
    resolve: Resolve
    line: int
    aggregated: tuple[Expression, ...] = ()
    """What it is an aggregate of, then the other expressions of the aggregate; empty for another let."""
    paging: Paging | None = None
    """How its rows are ordered and cut."""

    @property
    def expressions(self) -> Iterator[Expression]:
        """Every expression in it."""
        yield from self.choices
        yield from self.aggregated
        if self.paging is not None:
            yield from self.paging.expressions
        if self.lookup is not None:
            yield from self.lookup.expressions

    def resolvers(self, expressions: Iterable[Expression]) -> dict[str, Callable[[Any], None]]:
        """Functions that put it into a scope, by its own name and by those of its columns that these expressions use."""
        used, resolve = columns_used(self.name, expressions), self.resolve
        bind_row = row_binder(self.name, used)
        return dict.fromkeys((self.name, *used), lambda scope: bind_row(scope, resolve(scope)))


def compile_lookup(node: Node, table: str, names: Names, plans: dict[str, TablePlan]) -> Lookup:
    """Compiles the `where` and `if` beside the name of a table. Raises ContractError."""
    plan = plans[table]
    where = []
    for each in (node.get("where") or Node(node.document, node.pointer, None)).children():
        plan.check_column(each, each.name)
        expression = compile_expression(each, names)
        plan.check_type(each, each.name, expression.type)
        where.append((each.name, expression))
    by_key = {name for name, _ in where} == set(plan.key)
    if by_key:
        where.sort(key=lambda pair: plan.key.index(pair[0]))
    search_values = where if by_key else [pair for pair in where if not pair[1].constant]
    constants = tuple((name, expression.evaluate(None)) for name, expression in where if expression.constant)
    condition = node.get("if")
    passes = None if condition is None else compile_condition(condition, {**names, ROW: plan.visible})
    index = bound = None
    if not by_key:
        column, name = next(_bounds(passes), (None, None))
        index, bounded = plan.index(Index(tuple(name for name, _ in search_values), constants), column)
        bound = name if bounded else None
    return Lookup(
        table,
        tuple(where),
        index,
        values_of([expression for _, expression in search_values]),
        passes,
        row_binder(ROW, columns_used(ROW, () if passes is None else (passes,))),
        bound,
    )


def lookup_by_key(plan: TablePlan, values: dict[str, Expression]) -> Lookup:
    """A lookup of the row with the key that these values of columns have."""
    where = tuple((name, values[name]) for name in plan.key)
    search = values_of([expression for _, expression in where])
    return Lookup(plan.name, where, None, search, None, row_binder(ROW, {}), None)


def _bounds(condition: Expression | None) -> Iterator[tuple[str, str]]:
    """(column, name): the columns of a row that must be greater than the value of a name."""
    for greater, less in condition.greater_pairs if condition else ():
        if greater.name == ROW and greater.column and less.name != ROW:
            yield greater.column, str(less)


def compile_let(node: Node, names: Names, plans: dict[str, TablePlan]) -> tuple[Let, str | Mapping[str, str]]:
    """Compiles a let; also returns the type of its value or the types of its columns. Raises ContractError."""
    first = node.get("first")
    if first is not None:
        choices = tuple(compile_expression(each, names) for each in first.children())
        kind = next((each.type for each in choices if each.type), "string")
        return Let(node.name, "first", None, choices, _first(choices), node.line), kind
    if not node.value.keys().isdisjoint(AGGREGATES):
        how, expressions, resolve, kind = compile_aggregate(node, names)
        return Let(node.name, how, None, (), resolve, node.line, expressions), kind
    how = next(each for each in ("find", "last", "all") if each in node.value)
    table = known_table(node.child(how), plans)
    if how == "find" and not node.value.get("where"):
        raise ContractError([node.problem("where is missing", "name at least one column, so that one row is meant")])
    lookup = compile_lookup(node, table, names, plans)
    if how != "all":
        return Let(node.name, how, lookup, (), lookup.newest, node.line), plans[table].visible
    paging = compile_paging(node, lambda scope: lookup.all(scope, scope.state), plans[table], names)
    resolve = (lambda scope: lookup.all(scope, scope.state)) if paging is None else paging.rows
    return Let(node.name, how, lookup, (), resolve, node.line, paging=paging), RowsOf(plans[table].visible, paging)


def known_table(node: Node, plans: dict[str, TablePlan]) -> str:
    """The table that a node names. Raises ContractError for a table that `x-state` does not define."""
    if node.value not in plans:
        raise ContractError([node.problem(f"unknown table {node.value}", nearest(str(node.value), plans))])
    return str(node.value)


def _first(choices: tuple[Expression, ...]) -> Resolve:
    evaluates = tuple(each.evaluate for each in choices)

    def resolve(scope: Any) -> Any:
        for evaluate in evaluates:
            value = evaluate(scope)
            if value is not UNDETERMINED:
                return value
        return MISSING

    return resolve
