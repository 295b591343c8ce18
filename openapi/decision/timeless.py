"""What of an operation depends on the time besides its conditions and lets."""

from __future__ import annotations

from itertools import chain

from openapi.decision.rule import Operation
from openapi.expression.expression import NOW


def only_decides_by_time(operation: Operation) -> bool:
    """Whether only conditions and lets of an operation depend on the time.

    Then its reply and its changes are the same at two times at which the same rules hold and the lets have the same values, but
    for the values that it stores or mints.
    """
    showing = (each for rule in operation.rules for each in rule.showing)
    choosing = (each for rule in operation.rules for effect in rule.effects for each in effect.choosing)
    references = (each for expression in chain(showing, choosing) for each in expression.references)
    return not any(each.name == NOW or each.computed is not None for each in references)
