"""What an outcome returns: a template whose texts are expressions, rendered by a server and matched by an examiner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from openapi._document import Node
from openapi._expression import Expression, Names, compile_expression
from openapi._request import UNDETERMINED


@dataclass(slots=True)
class Match:
    """What a reply's data says: the values it gives to minted names, and where it differs from the template."""

    minted: dict[str, Any] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Template:
    """The `data` of a rule. A name that is not present renders as null."""

    render: Callable[[Any], Any]
    match: Callable[[Any, Any, Match, str], None]
    """(scope, actual, match, pointer): notes in `match` what `actual` binds and where it differs."""
    expressions: tuple[Expression, ...]


def compile_data(node: Node, names: Names, minted: frozenset[str]) -> Template:
    """Compiles a template: mappings and lists of expressions and constants. Raises ContractError."""
    if isinstance(node.value, dict):
        return _mapping({each.name: compile_data(each, names, minted) for each in node.children()})
    if isinstance(node.value, list):
        return _sequence([compile_data(each, names, minted) for each in node.children()])
    return _leaf(compile_expression(node, names), minted)


def _leaf(expression: Expression, minted: frozenset[str]) -> Template:
    evaluate = expression.evaluate

    def render(scope: Any) -> Any:
        value = evaluate(scope)
        return None if value is UNDETERMINED else value

    def bind(scope: Any, actual: Any, match: Match, pointer: str) -> None:
        match.minted[expression.source] = actual

    def compare(scope: Any, actual: Any, match: Match, pointer: str) -> None:
        expected = render(scope)
        if expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
            match.differences.append(f"{pointer} is {actual!r}, not {expected!r}")

    return Template(render, bind if expression.source in minted else compare, (expression,))


def _mapping(parts: dict[str, Template]) -> Template:
    def match(scope: Any, actual: Any, found: Match, pointer: str) -> None:
        if not isinstance(actual, dict):
            found.differences.append(f"{pointer} is {actual!r}, not an object")
            return
        for name, part in parts.items():
            if name in actual:
                part.match(scope, actual[name], found, f"{pointer}/{name}")
            elif part.render(scope) is not None:
                found.differences.append(f"{pointer} has no {name}")

    return Template(
        lambda scope: {name: part.render(scope) for name, part in parts.items()}, match, tuple(_inside(parts.values()))
    )


def _sequence(parts: list[Template]) -> Template:
    def match(scope: Any, actual: Any, found: Match, pointer: str) -> None:
        if not isinstance(actual, list) or len(actual) != len(parts):
            found.differences.append(f"{pointer} is {actual!r}, not a list of {len(parts)}")
            return
        for position, part in enumerate(parts):
            part.match(scope, actual[position], found, f"{pointer}/{position}")

    return Template(lambda scope: [part.render(scope) for part in parts], match, tuple(_inside(parts)))


def _inside(parts: Any) -> Iterator[Expression]:
    for part in parts:
        yield from part.expressions
