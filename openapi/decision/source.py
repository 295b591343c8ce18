"""What an `of` or an `each` goes through: the rows of a let, or the items of an array."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openapi.document.document import Node
from openapi.document.errors import ContractError, nearest
from openapi.expression.binding import columns_used, row_binder
from openapi.expression.expression import ROW, Expression, compile_expression, path_to
from openapi.expression.kinds import ITEM, Names, Parts, RowsOf
from openapi.parameters.parameter import MISSING, UNDETERMINED, Absence

Bind = Callable[[Any, Any], None]
"""Puts a row or an item into a scope."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The rows of a let, or the items of an array; in expressions one of them has the `name` row or item."""

    expression: Expression
    name: str
    parts: Parts
    """The types of the columns of a row, or of the parts of an item, or the type of an item."""
    paging: Any
    """How the rows are ordered and cut; None where they are not."""

    @property
    def names(self) -> dict[str, Parts]:
        """The name of a row or an item, and its type, for expressions."""
        return {self.name: self.parts}

    def values(self, scope: Any) -> Sequence[Any] | Absence:
        """The rows or the items; UNDETERMINED where they are not present."""
        path = self.expression.path
        found = scope[path] if path else self.expression.evaluate(scope)
        return UNDETERMINED if isinstance(found, Absence) or not isinstance(found, (list, tuple)) else found

    def binder(self, expressions: Iterable[Expression]) -> Bind:
        """A function that puts a row or an item into a scope, with the parts that these expressions use."""
        if self.name == ROW:
            return row_binder(ROW, columns_used(ROW, expressions))
        return _item_binder({str(each): each.column for one in expressions for each in one.references if each.name == ITEM})


def compile_source(node: Node, names: Names) -> Source:
    """Compiles the name of a let of rows, or an expression that is an array. Raises ContractError."""
    kind = names.get(node.value) if isinstance(node.value, str) else None
    if isinstance(kind, RowsOf):
        return Source(path_to(node.value), ROW, kind.columns, kind.paging)
    known = [name for name, each in names.items() if each in ("rows", "array")] if isinstance(node.value, str) else []
    if kind is not None and kind != "array":
        raise ContractError([node.problem(f"{node.value} is not a let of all rows, and no array", nearest(node.value, known))])
    try:
        expression = compile_expression(node, names)
    except ContractError:
        if str(node.value).isidentifier():
            hint = nearest(str(node.value), known) if known else "write a let with all"
            raise ContractError([node.problem(f"{node.value} is not a let of all rows, and no array", hint)]) from None
        raise
    if expression.type != "array":
        raise ContractError([node.problem(f"{expression} is not a let of all rows, and no array", "name one")])
    return Source(expression, ITEM, getattr(expression.type, "item", "string"), None)


def kept(scope: Any, name: str) -> dict[str, Any]:
    """What a scope has of a name and its parts, to be put back after a loop that uses the same name."""
    return {key: scope[key] for key in [*scope] if key == name or key.startswith(f"{name}.")}


def _item_binder(parts: Mapping[str, str | None]) -> Bind:
    named = tuple((name, part) for name, part in parts.items() if part is not None)

    def bind(scope: Any, item: Any) -> None:
        scope[ITEM] = MISSING if item is None else item
        for name, part in named:
            found = item.get(part) if isinstance(item, dict) else None
            scope[name] = MISSING if found is None else found

    return bind
