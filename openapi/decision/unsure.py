"""Values that the suite does not know exactly: times that a server stored, and values that it invented and did not show.

The suite stores such a time as `Approximate`: the middle of the time in which the server may have handled the request, whatever
time its rules were tried with. For an invented value it stores a placeholder, unless no random generator is needed to compute it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from random import Random
from typing import Any, NamedTuple

from openapi.decision.lookup import Let
from openapi.document.errors import ExecutionError
from openapi.expression.expression import NOW, Expression
from openapi.parameters.parameter import Absence
from openapi.state.state import LOST, Approximate, Unknown, is_lost

_FAILURES = (TypeError, ValueError, ArithmeticError, LookupError, RuntimeError)
_ROWS = ("find", "last", "all")
_GREATEST = 2**62


class Moment(NamedTuple):
    """When a server handled a request, as far as the suite knows."""

    time: int
    """Epoch ms; the time that is stored for a time of the server."""
    request: int = 0
    """The number of the request in the test run, so that placeholders of two requests differ."""
    exact: bool = True
    """Whether the server's clock stands still at that time."""


class Draws(Random):
    """A generator that counts what is drawn from it, and how many placeholders were needed."""

    def __init__(self) -> None:
        super().__init__(0)
        self.drawn = self.placeholders = 0

    def getrandbits(self, k: int, /) -> int:
        """Random bits."""
        self.drawn += 1
        return super().getrandbits(k)

    def random(self) -> float:
        """A random number."""
        self.drawn += 1
        return super().random()


def stored_value(name: str, expression: Expression, scope: Any, *, minted: bool = False) -> Any:
    """The value that the suite stores for an expression in an effect or, if `minted`, for a value that the server mints."""
    draws = scope.random
    before, timed = draws.drawn, _is_timed(expression, scope.operation)
    try:
        value = _at(scope, expression, scope.moment.time) if timed else _value(expression, scope)
    except ExecutionError:
        if draws.drawn == before and not timed:
            raise
        value = None
    if type(value) is Absence or value is None:
        return None
    if draws.drawn > before:
        return _placeholder(name, value, scope)
    if timed:
        return _approximate(value) if isinstance(value, int) or not minted else _placeholder(name, value, scope)
    if isinstance(value, Approximate) or is_lost(value):
        return value
    if any(is_lost(each) for each in _values(expression, scope)):
        return f"{LOST}{value}" if isinstance(value, str) else None
    return _approximate(value) if is_inexact(expression, scope) else value


def is_time(expression: Expression, value: Any, scope: Any) -> bool:
    """Whether a value is, or is computed from, a time of the server that the suite does not know exactly."""
    unsure = scope.moment is not None and not scope.moment.exact and not isinstance(value, bool)
    return unsure and _is_timed(expression, scope.operation)


def is_inexact(expression: Expression, scope: Any) -> bool:
    """Whether the suite does not know the exact value: a name in it stands for a stored time or an invented value."""
    return any(isinstance(each, Approximate) or is_lost(each) for each in _values(expression, scope))


def depends_on_now(expression: Expression, lets: Mapping[str, Let]) -> bool:
    """Whether the time is a part of the value, itself or through lets."""
    return any(each.name == NOW or _computed_from_now(each.name, lets) for each in expression.references)


@lru_cache(10_000)
def _is_timed(expression: Expression, operation: Any) -> bool:
    return depends_on_now(expression, operation.lets)


@lru_cache(1000)
def _timed_lets(operation: Any) -> frozenset[str]:
    """The lets that are computed from the time."""
    return frozenset(name for name in operation.lets if _computed_from_now(name, operation.lets))


def _computed_from_now(name: str, lets: Mapping[str, Let]) -> bool:
    let = lets.get(name)
    return let is not None and let.how not in _ROWS and any(depends_on_now(each, lets) for each in let.expressions)


def _values(expression: Expression, scope: Any) -> list[Any]:
    """The values of the names in an expression, and of those from which its lets are computed."""
    found: list[Any] = []
    for each in expression.references:
        let = scope.operation.lets.get(each.name)
        if let is not None and let.how not in _ROWS:
            found.append(dict.get(scope, each.name))
            found += [value for choice in let.expressions for value in _values(choice, scope)]
        elif str(each) in scope or each.name in scope.operation.lets:
            found.append(each.value(scope))
    return found


def _at(scope: Any, expression: Expression, time: int) -> Any:
    """The value of an expression at another time. What was looked up stays."""
    before = dict(scope)
    for name in _timed_lets(scope.operation) & scope.keys():
        del scope[name]
    scope[NOW] = time
    try:
        return _value(expression, scope)
    finally:
        scope.clear()
        scope.update(before)


def _value(expression: Expression, scope: Any) -> Any:
    try:
        return scope[expression.path] if expression.path else expression.evaluate(scope)
    except _FAILURES as error:
        raise ExecutionError(f"{expression}: {error}") from error


def _approximate(value: Any) -> Approximate | None:
    return Approximate(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _placeholder(name: str, value: Any, scope: Any) -> Any:
    """What stands for a value that nobody knows, but that is of the same type as this one."""
    draws, moment = scope.random, scope.moment
    draws.placeholders += 1
    if isinstance(value, str):
        return f"{LOST}{name} {draws.placeholders} of request {moment.request} at {moment.time}"
    if isinstance(value, int) and not isinstance(value, bool):
        return Unknown(-_GREATEST - moment.request * 1000 - draws.placeholders)
    return None
