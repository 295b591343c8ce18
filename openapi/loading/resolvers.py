"""The functions that find the value of a name when a rule first uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from openapi.decision.lookup import Let
from openapi.decision.rule import Rule
from openapi.expression.expression import Expression
from openapi.parameters.parameter import Parameter


def _expressions(parts: Iterable[Let] | Iterable[Rule]) -> Iterator[Expression]:
    return (expression for part in parts for expression in part.expressions)


def names_used(lets: Iterable[Let], rules: Iterable[Rule], more: Iterable[Expression]) -> set[str]:
    """The names that lets, rules and more expressions use."""
    expressions = (*_expressions(lets), *_expressions(rules), *more)
    named = (name for rule in rules for name in (*rule.missing, *rule.malformed, *rule.unreadable))
    return {*named, *(reference.name for each in expressions for reference in each.references)}


def resolvers(lets: Iterable[Let], rules: Iterable[Rule], more: Iterable[Expression]) -> dict[str, Callable[[Any], None]]:
    """For each name that a let gives the function that looks it up and puts it into a scope."""
    expressions = [*_expressions(lets), *_expressions(rules), *more]
    return {name: bind for each in lets for name, bind in each.resolvers(expressions).items()}


def part_resolvers(parameters: Iterable[Parameter]) -> Iterator[tuple[str, Callable[[Any], None]]]:
    """For each part of a parameter the function that reads it when a rule first uses it."""
    for each in parameters:
        if each.inside is not None:
            yield each.name, _part_resolver(each)


def _part_resolver(part: Parameter) -> Callable[[Any], None]:
    def resolve(scope: Any) -> None:
        scope[part.name] = part.read(scope.raw.get(part.key))

    return resolve
