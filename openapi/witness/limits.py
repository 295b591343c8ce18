"""The integers at which a condition begins or ceases to hold, such as what is left of a sum.

A condition like `refunded + amount > order.amount` compares a parameter with what is looked up. Where it holds for one of two
integers and not for the other, the limit between them is found by halving.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from openapi.decision.computed import completed
from openapi.decision.rule import Scope
from openapi.document.errors import ExecutionError
from openapi.expression.expression import Expression
from openapi.parameters.parameter import Parameter
from openapi.witness.clues import Clues

LEAST, MOST = -(2**31), 2**53
"""Between which a limit is sought, unless the schema of the parameter says."""


def limits(base: Mapping[str, Any], parameter: Parameter, clues: Clues) -> Iterator[int]:
    """The integers beside each limit of a parameter in a request with these raw values; none of times, which pass."""
    if parameter.type != "integer" or "enum" in parameter.schema or clues.unit_of_time(parameter.name) is not None:
        return
    for condition in clues.conditions_of_rows:
        names = {each.name for each in condition.references}
        if parameter.name in names and len(names) > 1:
            yield from _beside_limit(condition, base, parameter, clues)


def _beside_limit(condition: Expression, base: Mapping[str, Any], parameter: Parameter, clues: Clues) -> Iterator[int]:
    def holds(value: int) -> bool | None:
        raw = parameter.put(base, value if parameter.location == "body" else str(value))
        scope = Scope(clues.operation, completed(clues.operation, raw, clues.state, clues.now), clues.state, clues.now)
        try:
            return condition.holds(scope)
        except ExecutionError:
            return None

    low, high = (parameter.schema.get(word, limit) for word, limit in (("minimum", LEAST), ("maximum", MOST)))
    before = holds(low)
    if before is holds(high):
        return
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) is before else (low, middle)
    yield from (low, high, low - 1, high + 1)
