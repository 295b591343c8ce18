"""Functions that take the values of expressions from a scope, or put the columns of a row into one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from openapi.expression.expression import Expression
from openapi.expression.kinds import Computed
from openapi.parameters.parameter import UNDETERMINED, Absence


def values_of(expressions: Sequence[Expression]) -> Callable[[Any], tuple[Any, ...]]:
    """A function from a scope to the values of these expressions; one that is not present is an Absence."""
    names = [each.path for each in expressions if each.path]
    if len(names) == len(expressions):
        return values_at(names)
    evaluates = tuple(itemgetter(each.path) if each.path else each.evaluate for each in expressions)
    return lambda scope: tuple([evaluate(scope) for evaluate in evaluates])


def values_at(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """A function from a scope to the values of these names; one that is not present is an Absence."""
    if len(names) == 1:
        (name,) = names
        return lambda scope: (scope[name],)
    return itemgetter(*names) if names else lambda scope: ()


def columns_used(name: str, expressions: Iterable[Expression]) -> dict[str, int | Computed]:
    """The columns of a row that these expressions use: by name in the scope, such as `caller.uid`, the position in the row.

    Instead of a position, a computed column has the way to compute it.
    """
    return {
        str(each): each.computed or each.position
        for expression in expressions
        for each in expression.references
        if each.name == name and each.column is not None
    }


def row_binder(name: str, used: Mapping[str, int | Computed]) -> Callable[[Any, Any], None]:
    """A function that puts a row (or an Absence) and its used columns into a scope."""
    computed = tuple((column, each.value) for column, each in used.items() if isinstance(each, Computed))
    columns = tuple((column, each) for column, each in used.items() if not isinstance(each, Computed))
    bind_stored = _stored_binder(name, columns)
    if not computed:
        return bind_stored

    def bind_row(scope: Any, row: Any) -> None:
        bind_stored(scope, row)
        for column, value in computed:
            scope[column] = UNDETERMINED if type(row) is Absence else value(scope, row)

    return bind_row


def _stored_binder(name: str, columns: tuple[tuple[str, int], ...]) -> Callable[[Any, Any], None]:
    """A function that puts a row (or an Absence) and some stored columns into a scope."""

    def bind_row(scope: Any, row: Any) -> None:
        scope[name] = row
        if type(row) is Absence:
            for column, _ in columns:
                scope[column] = UNDETERMINED
        else:
            for column, position in columns:
                scope[column] = row[position]

    return bind_row
