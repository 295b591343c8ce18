"""Ordered lets of rows, cut to a page; and which orders and which pages every server may give.

A contract states the order of some columns. Rows that are equal there may come in any order, and texts are ordered by servers
in several ways: so the order of the mock is one of many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from openapi.decision.condition import compile_typed
from openapi.decision.table_plan import TablePlan
from openapi.document.document import Node
from openapi.document.errors import ContractError, nearest
from openapi.expression.expression import ROW, Expression, Reference, compile_expression
from openapi.expression.kinds import Names
from openapi.parameters.parameter import Absence
from openapi.state.index import Row
from openapi.state.state import Approximate

SORTABLE = ("string", "integer", "number", "boolean")
_CLASSES = {bool: 0, int: 0, float: 0, Approximate: 0, str: 1, type(None): 3}

Column = tuple[int, bool]
"""The position of a column in a row, and whether its order is descending."""
By = Callable[[Any], Column | None]
"""From a scope to a column; None where the request names none."""


@dataclass(frozen=True, slots=True, eq=False)
class Paging:
    """The order of the rows of a let, and which of them it has."""

    found: Callable[[Any], Sequence[Row] | Absence]
    """All rows, in no order."""
    by: tuple[By, ...]
    columns: dict[int, str]
    """The names of the columns by their positions."""
    key: tuple[int, ...]
    """The positions of the columns of the key."""
    skip: Expression | None
    take: Expression | None
    expressions: tuple[Expression, ...]
    """Every expression in it."""
    text: str
    """As the contract writes it."""

    def rows(self, scope: Any) -> Sequence[Row] | Absence:
        """The rows of the page, as the mock orders them: ties by key."""
        found = self.found(scope)
        if isinstance(found, Absence):
            return found
        start, end = self.bounds(scope, len(found))
        return self.in_order(scope, found)[start:end]

    def in_order(self, scope: Any, found: Sequence[Row]) -> Sequence[Row]:
        """All rows as the mock orders them; without `order` the newest first."""
        if not self.by:
            return found
        rows = sorted(found, key=lambda row: [_sort_key(row[position]) for position in self.key])
        for position, descending in reversed(self.stated(scope)):
            rows.sort(key=lambda row: _sort_key(row[position]), reverse=descending)
        return rows

    def stated(self, scope: Any) -> list[Column]:
        """The columns by which this request orders, the first one first. A text that names no column ends them."""
        found = []
        for each in self.by:
            column = each(scope)
            if column == UNKNOWN:
                break
            if column is not None:
                found.append(column)
        return found

    def bounds(self, scope: Any, count: int) -> tuple[int, int]:
        """Where the page starts in so many rows, and where it ends."""
        skip, take = (_number(each, scope) for each in (self.skip, self.take))
        start = min(skip or 0, count)
        return start, count if take is None else min(start + take, count)

    def before(self, scope: Any) -> Callable[[Row, Row], bool]:
        """A test whether every server has one row before another one."""
        stated = self.stated(scope)

        def is_before(one: Row, other: Row) -> bool:
            for position, descending in stated:
                first, second = one[position], other[position]
                if certainly_equal(first, second):
                    continue
                return certainly_less(second, first) if descending else certainly_less(first, second)
            return False

        return is_before

    def is_certain(self, scope: Any) -> bool:
        """Whether every server has the same rows on the page, in the same order."""
        found = self.found(scope)
        if isinstance(found, Absence):
            return True
        start, end = self.bounds(scope, len(found))
        rows, before = self.in_order(scope, found), self.before(scope)
        if start == end or (end - start == len(rows) and not self.by):
            return True
        first, last = rows[start], rows[end - 1]
        inside = all(before(one, other) for one, other in pairwise(rows[start:end]))
        return inside and all(before(each, first) for each in rows[:start]) and all(before(last, each) for each in rows[end:])


UNKNOWN: Column = (-1, False)
"""Stands for a column that the table does not have: nobody knows the order then."""


def compile_paging(node: Node, found: Callable[[Any], Sequence[Row] | Absence], plan: TablePlan, names: Names) -> Paging | None:
    """Compiles `order`, `skip` and `take` of a let; None for a let without them. Raises ContractError."""
    if not node.value.keys() & {"order", "skip", "take"}:
        return None
    order = node.get("order")
    listed = () if order is None else (order,) if isinstance(order.value, str) else order.children()
    entries = [_entry(each, plan, names) for each in listed]
    skip, take = (
        None if (each := node.get(word)) is None else compile_typed(each, names, ("integer",), f"{word} is a number of rows")
        for word in ("skip", "take")
    )
    used = [expression for _, expressions in entries for expression in expressions]
    return Paging(
        found,
        tuple(by for by, _ in entries),
        dict(enumerate(plan.properties)),
        tuple(list(plan.properties).index(name) for name in plan.key),
        skip,
        take,
        (*used, *(each for each in (skip, take) if each is not None)),
        ", ".join(f"{word} {node.value[word]}" for word in ("order", "skip", "take") if word in node.value),
    )


def _entry(node: Node, plan: TablePlan, names: Names) -> tuple[By, tuple[Expression, ...]]:
    """An entry of `order`: a function to its column, and its expressions."""
    text = node.value
    name = text.removeprefix("-")
    if name in plan.properties:
        if plan.types[name] not in SORTABLE:
            raise ContractError([node.problem(f"{plan.name}.{name} is an {plan.types[name]}, which has no order")])
        column = list(plan.properties).index(name), text.startswith("-")
        return lambda scope: column, (_column(plan, name),)
    if name not in names or name != text:
        raise ContractError([node.problem(f"{plan.name} has no column {name}", nearest(name, [*plan.properties, *names]))])
    expression = compile_expression(node, names)
    if expression.type != "string":
        raise ContractError([node.problem(f"{name} is a {expression.type}, not the text of an order", "such as -price")])
    columns = {each: number for number, each in enumerate(plan.properties) if plan.types[each] in SORTABLE}

    def by(scope: Any) -> Column | None:
        value = expression.evaluate(scope)
        if not isinstance(value, str):
            return None
        position = columns.get(value.removeprefix("-"))
        return UNKNOWN if position is None else (position, value.startswith("-"))

    return by, (expression, *(_column(plan, each) for each in columns))


def _column(plan: TablePlan, name: str) -> Expression:
    """A column as an expression, so that everybody sees that the rows are read."""
    reference = Reference(ROW, name, list(plan.properties).index(name))
    return Expression(str(reference), (reference,), lambda scope: scope[str(reference)], constant=False, type=plan.types[name])


def _number(expression: Expression | None, scope: Any) -> int | None:
    """A number of rows; None where it is not present."""
    value = None if expression is None else expression.evaluate(scope)
    return max(0, int(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _sort_key(value: Any) -> tuple[int, Any]:
    kind = _CLASSES.get(type(value), 2)
    return kind, value if kind < 2 else "" if value is None else repr(value)


def certainly_equal(one: Any, other: Any) -> bool:
    """Whether two values tie on every server. Nobody knows that of null, nor of the time of the server."""
    if one is None or other is None or isinstance(one, Approximate) or isinstance(other, Approximate):
        return False
    return bool(one == other)


def certainly_less(one: Any, other: Any) -> bool:
    """Whether every server orders one value before another one. Texts are ordered by several rules, and null as one likes."""
    if isinstance(one, Approximate) or isinstance(other, Approximate):
        return False
    if isinstance(one, str) and isinstance(other, str):
        return one.isascii() and other.isascii() and all(rule(one) < rule(other) for rule in _RULES)
    numbers = isinstance(one, (int, float)) and isinstance(other, (int, float))
    return numbers and bool(one < other)


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


_RULES: tuple[Callable[[str], Any], ...] = (lambda text: text, str.casefold, _plain)
"""How servers order texts: by code, by letters whatever their case, and without signs."""
