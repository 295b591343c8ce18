"""Lets that say one thing of many rows, or of the items of an array: their sum, the least, whether there is one, their values.

They are evaluated in Python, row by row, because a macro of CEL would have every row converted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from openapi.decision.condition import compile_condition, compile_typed
from openapi.decision.order import certainly_less
from openapi.decision.source import Source, compile_source, kept
from openapi.document.document import Node
from openapi.document.errors import ExecutionError
from openapi.expression import budget
from openapi.expression.expression import ROW, Expression, compile_expression
from openapi.expression.kinds import ITEM, AnyOrder, ArrayOf, Names
from openapi.parameters.parameter import MISSING, UNDETERMINED, Absence
from openapi.state.state import Approximate

AGGREGATES = ("sum", "min", "max", "exists", "list")
_LONG = ("array", "rows", "object")

Resolve = Callable[[Any], Any]


def compile_aggregate(node: Node, names: Names) -> tuple[str, tuple[Expression, ...], Resolve, str]:
    """Compiles a let with one of AGGREGATES: that word, every expression in it, its value by scope, its type.

    Raises ContractError.
    """
    word = next(each for each in AGGREGATES if each in node.value)
    source = compile_source(node.child("of"), names)
    inner: Names = {**names, **source.names}
    value = _value(word, node.child(word), inner)
    condition = None if (found := node.get("if")) is None else compile_condition(found, inner)
    own = (value,) if condition is None else (value, condition)
    each_value = _values(source, value, condition, _check_work(node, own, inner))
    return word, (source.expression, *own), _resolve(word, source, value, each_value), _type(word, value)


def _value(word: str, node: Node, names: Names) -> Expression:
    match word:
        case "exists":
            return compile_condition(node, names)
        case "sum":
            return compile_typed(node, names, ("integer", "number"), "a sum is of numbers")
        case "list":
            return compile_expression(node, names)
    return compile_typed(node, names, ("integer", "number", "string"), f"{word} compares numbers or texts")


def _type(word: str, value: Expression) -> str:
    match word:
        case "exists":
            return "boolean"
        case "list":
            return ArrayOf(value.type or "string")
    return value.type or "number"


def _values(
    source: Source, value: Expression, condition: Expression | None, check: Callable[[Any, int], None]
) -> Callable[[Any, Sequence[Any]], list[Any]]:
    """A function from a scope and rows to the value of each row for which the condition holds."""
    bind = source.binder([value] if condition is None else [value, condition])

    def values(scope: Any, rows: Sequence[Any]) -> list[Any]:
        check(scope, len(rows))
        found = []
        for row in rows:
            bind(scope, row)
            if condition is None or condition.holds(scope):
                found.append(value.evaluate(scope))
        return found

    return values


def _check_work(node: Node, expressions: tuple[Expression, ...], names: Names) -> Callable[[Any, int], None]:
    """A function that raises ExecutionError where long lists in an expression, once for each row, are too much work."""
    used = {str(each): names[each.name] for one in expressions for each in one.references if each.name not in (ROW, ITEM)}
    long = tuple(name for name, kind in used.items() if kind in _LONG)
    degree = max(1, *(budget.degree(budget.tokens(each.source)) for each in expressions))
    where = f"{node.file}:{node.line}"

    def check(scope: Any, rows: int) -> None:
        steps = rows * sum(budget.parts(scope[name]) for name in long) ** degree
        if steps > budget.MOST_STEPS:
            raise ExecutionError(f"{where}: it may take {steps} steps, more than {budget.MOST_STEPS} ({budget.RIGHT})")

    return check if long else lambda scope, rows: None


def _resolve(word: str, source: Source, value: Expression, values: Callable[[Any, Sequence[Any]], list[Any]]) -> Resolve:
    settle = _SETTLE[word]
    nulls_are_known = value.type in ("integer", "boolean") or word == "exists"

    def resolve(scope: Any) -> Any:
        before = kept(scope, source.name)
        rows = source.values(scope)
        if isinstance(rows, Absence):
            return UNDETERMINED
        in_order = source.paging is None or scope.moment is None or source.paging.is_certain(scope)
        found = values(scope, rows)
        scope.update(before)
        present = [each for each in found if not isinstance(each, Absence) and each is not None]
        if scope.moment is not None and word != "exists":
            # The suite does not know a null that may be the time of the server, nor which of the rows that tie are on a page.
            if not in_order or (len(present) < len(found) and not nulls_are_known):
                return UNDETERMINED
            if word in ("min", "max") and not _is_certain(present):
                return UNDETERMINED
        if word == "list" and source.name == ROW and not (source.paging is not None and in_order and source.paging.by):
            return AnyOrder(present)
        return settle(present)

    return resolve


def _sum(values: list[Any]) -> Any:
    return _approximate(sum(values), values)


def _least(values: list[Any]) -> Any:
    return _approximate(min(values), values) if values else MISSING


def _greatest(values: list[Any]) -> Any:
    return _approximate(max(values), values) if values else MISSING


def _exists(values: list[Any]) -> bool:
    return True in values


_SETTLE: dict[str, Callable[[list[Any]], Any]] = {
    **{"sum": _sum, "min": _least, "max": _greatest, "exists": _exists, "list": lambda values: values},
}


def _approximate(value: Any, values: list[Any]) -> Any:
    """A value, as an approximate time where one that it is made of is one."""
    return Approximate(value) if any(isinstance(each, Approximate) for each in values) and isinstance(value, int) else value


def _is_certain(values: list[Any]) -> bool:
    """Whether every server agrees which of these values is the least: texts may be ordered in several ways."""
    texts = [each for each in dict.fromkeys(values) if isinstance(each, str)]
    if len(texts) < 2:
        return True
    ends = reduce(min, texts), reduce(max, texts)
    return all(certainly_less(ends[0], each) for each in texts if each != ends[0]) and all(
        certainly_less(each, ends[1]) for each in texts if each != ends[1]
    )
