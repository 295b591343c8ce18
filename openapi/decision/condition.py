"""Expressions that must be of a certain type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from openapi.document.document import Node
from openapi.document.errors import ContractError, nearest
from openapi.expression.expression import Expression, compile_expression, path_to
from openapi.expression.kinds import ITEM, Names
from openapi.parameters.parameter import MISSING


def compile_condition(node: Node, names: Names) -> Expression:
    """Compiles an expression that must be a boolean. Raises ContractError for another type."""
    expression = compile_expression(node, names)
    if expression.type not in ("boolean", None):
        raise ContractError([node.problem(f"{expression} is a {expression.type}, not true or false", "write a comparison")])
    return expression


def compile_typed(node: Node, names: Names, types: tuple[str, ...], what: str) -> Expression:
    """Compiles an expression of one of these types, or of one that is not known. Raises ContractError for another type."""
    expression = compile_expression(node, names)
    if expression.type is not None and expression.type not in types:
        raise ContractError([node.problem(f"{expression} is a {expression.type}, and {what}", f"write a {' or a '.join(types)}")])
    return expression


@dataclass(frozen=True, slots=True, eq=False)
class ItemCondition:
    """The condition of one of the outcomes of an item."""

    holds: Callable[[Any], bool]
    expressions: tuple[Expression, ...]


def compile_item_condition(node: Node, names: Names) -> ItemCondition | None:
    """Compiles `missing` and `when` of one of the outcomes of an item; None for one without. Raises ContractError."""
    missing = tuple(_missing(each, names) for each in _listed(node.get("missing")))
    when = None if (found := node.get("when")) is None else compile_condition(found, names)
    if not missing and when is None:
        return None
    absent = tuple(each.path or "" for each in missing)

    def holds(scope: Any) -> bool:
        if absent and not any(scope[name] is MISSING for name in absent):
            return False
        return when is None or when.holds(scope)

    return ItemCondition(holds, (*missing, *(() if when is None else (when,))))


def _listed(node: Node | None) -> list[Node]:
    if node is None:
        return []
    return list(node.children()) if isinstance(node.value, list) else [node]


def _missing(node: Node, names: Names) -> Expression:
    """A name that may be missing: of a let, of a value, or of a part of the item."""
    name = node.value
    if name in names:
        return path_to(name)
    expression = compile_expression(node, names) if isinstance(name, str) else None
    if expression is None or expression.path is None or expression.references[0].name != ITEM:
        raise ContractError([node.problem(f"unknown name {name}", nearest(str(name), names))])
    return expression
