"""What of an operation depends on the time besides its conditions and lets."""

from __future__ import annotations

from collections.abc import Iterator

from openapi.decision.effect import Effect
from openapi.decision.rule import Operation, Rule
from openapi.expression.expression import NOW, Expression


def only_decides_by_time(operation: Operation) -> bool:
    """Whether only conditions and lets of an operation depend on the time.

    Then its reply and its changes are the same at two times at which the same rules hold and the lets have the same values, but
    for the values that it stores or mints.
    """
    expressions = (each for rule in operation.rules for each in (*_shown(rule), *_choosing(rule)))
    return not any(each.name == NOW or each.computed is not None for expression in expressions for each in expression.references)


def _shown(rule: Rule) -> Iterator[Expression]:
    """The expressions of which the reply of a rule consists."""
    for template in (rule.data, rule.body):
        yield from () if template is None else template.expressions
    yield from (each.expression for each in rule.headers)


def _choosing(rule: Rule) -> Iterator[Expression]:
    """The expressions that choose the rows which a rule changes."""
    for effect in rule.effects:
        yield from _choosing_of(effect)


def _choosing_of(effect: Effect) -> Iterator[Expression]:
    yield from (each for each in (effect.when, effect.unless) if each is not None)
    yield from () if effect.lookup is None else effect.lookup.expressions
    yield from () if effect.each is None else effect.each.expressions
