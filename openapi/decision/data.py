"""The data of a reply: a template of expressions that the mock renders and the suite compares with a reply.

An object in a reply may have more keys than the template. An expression without a value (a name that is not present, a time
that the suite cannot know) renders as null and is not compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from math import isclose
from operator import itemgetter
from typing import Any

from openapi.decision.condition import ItemCondition, compile_item_condition
from openapi.decision.each import Each, compile_lets, loop
from openapi.decision.lookup import Let
from openapi.decision.minted import shown_value
from openapi.decision.order import Paging
from openapi.decision.page import match_page
from openapi.decision.source import Source, compile_source
from openapi.decision.table_plan import TablePlan
from openapi.decision.unsure import is_inexact, is_time
from openapi.document.document import Node
from openapi.document.errors import ContractError
from openapi.expression.expression import ROW, Expression, compile_expression
from openapi.expression.kinds import AnyOrder, Names
from openapi.parameters.parameter import Absence
from openapi.state.state import Approximate, is_lost

NOT_EXPECTED = "which is not expected"
"""The end of the sentence about an unexpected item of a list."""
LONGEST_SHOWN = 160
"""The most characters of a value in a sentence about a difference."""


@dataclass(slots=True)
class Match:
    """The result of a comparison of reply data with a template: minted values, and differences as sentences."""

    minted: dict[str, Any] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """The `data` of a rule."""

    render: Callable[[Any], Any]
    match: Callable[[Any, Any, Match, str], None]
    """(scope, actual, match, pointer): adds the minted values and the differences of `actual` to `match`."""
    expressions: tuple[Expression, ...]
    tables: frozenset[str] = frozenset()
    """The tables in which it looks up rows for the items of a list."""


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """One item for each row or item of `each`; a server may also return items for rows of the let `maybe`."""

    each: Each
    maybe: Source | None
    item: Template

    def certain(self, scope: Any) -> Iterator[Any]:
        """The scope, once for each row of `each`."""
        return self.each.scopes(scope)

    def best_known_first(self, scope: Any) -> Iterator[Any]:
        """The same; what is not known of a row fits any item, so that such rows come last."""
        found = self.each.source.values(scope)
        return self.each.scopes(scope, () if isinstance(found, Absence) else sorted(found, key=_unknown_values))

    def possible(self, scope: Any) -> Iterator[Any]:
        """The scope, once for each row of `maybe` that is not in `each`."""
        certain, found = self.each.source.values(scope), self.maybe.values(scope) if self.maybe else ()
        rows = () if isinstance(found, Absence) else found
        return self.each.scopes(scope, [row for row in rows if isinstance(certain, Absence) or row not in certain])

    @property
    def paging(self) -> Paging | None:
        """How the rows are ordered and cut."""
        found: Paging | None = self.each.source.paging
        return found

    @property
    def expressions(self) -> Iterator[Expression]:
        """Every expression in it, but for the names of the lets of rows that it lists."""
        yield from self.item.expressions
        yield from (each for each in self.each.expressions if each is not self.each.source.expression)
        if self.each.source.name != ROW:
            yield self.each.source.expression

    @property
    def tables(self) -> frozenset[str]:
        """The tables of its lets."""
        return self.item.tables.union(lookup.table for lookup in self.each.lookups)


def _unknown_values(row: Any) -> int:
    values = row if isinstance(row, tuple) else (row,)
    return sum(value is None or isinstance(value, Approximate) or is_lost(value) for value in values)


@dataclass(frozen=True, slots=True, eq=False)
class DataCompiler:
    """Compiles the `data` of the rules of one operation, from its names, its lets and the tables."""

    names: Names
    lets: Mapping[str, Let]
    plans: dict[str, TablePlan]
    minted: frozenset[str] = frozenset()

    def compile(self, node: Node) -> Template:
        """Compiles mappings, lists, rows, expressions and constants. Raises ContractError."""
        if isinstance(node.value, list):
            parts = [self._rows(each) or self.compile(each) for each in node.children()]
            if len(parts) > 1 and any(isinstance(part, _Rows) and part.paging is not None for part in parts):
                raise ContractError(
                    [node.problem("a let with order, skip or take is a list of its own", "write it without other parts")]
                )
            return _sequence(parts)
        if not isinstance(node.value, dict):
            return _leaf(compile_expression(node, self.names), self.minted)
        rows = self._rows(node)
        return _sequence([rows]) if rows else _mapping({each.name: self.compile(each) for each in node.children()})

    def _rows(self, node: Node) -> _Rows | None:
        if not isinstance(node.value, dict) or "each" not in node.value or node.value.keys().isdisjoint(("item", "outcomes")):
            return None
        for child in node.children():
            if child.name not in ("each", "maybe", "let", "item", "outcomes"):
                raise ContractError(
                    [child.problem(f"unknown key {child.name}", "allowed with each: item, outcomes, maybe and let")]
                )
        source = compile_source(node.child("each"), self.names)
        lets, names = compile_lets(node.get("let"), {**self.names, **source.names}, self.plans)
        compiler = DataCompiler(names, self.lets, self.plans)
        item = compiler.compile(node.child("item")) if "item" in node.value else compiler.outcomes(node.child("outcomes"))
        return _Rows(loop(source, lets, item.expressions, self.names), self._maybe(node, source), item)

    def _maybe(self, node: Node, source: Source) -> Source | None:
        """The let of the rows that a server may list."""
        maybe = node.get("maybe")
        if maybe is None:
            return None
        found = compile_source(maybe, self.names)
        if source.paging is not None or found.paging is not None:
            raise ContractError([maybe.problem("maybe and order, skip or take exclude each other", "nobody knows the page then")])
        if found.name != source.name or found.parts is not source.parts:
            where = self._table(source)
            what = f"{maybe.value} are not rows of {where}"
            raise ContractError([maybe.problem(what, "each and maybe name the same table")])
        return found

    def _table(self, source: Source) -> str:
        return next((name for name, plan in self.plans.items() if plan.visible is source.parts), str(source.expression))

    def outcomes(self, node: Node) -> Template:
        """Compiles a list of conditions and templates, of which the first that holds counts. Raises ContractError."""
        found = []
        for each in node.children():
            condition = compile_item_condition(each, self.names)
            found.append((condition, self.compile(each.child("item"))))
        *others, (last, _) = found
        if last is not None or any(condition is None for condition, _ in others):
            raise ContractError(
                [node.problem("only the last of these outcomes has no condition, and it has none", "as in x-outcomes")]
            )
        return _first_that_holds(found)


def _leaf(expression: Expression, minted: frozenset[str]) -> Template:
    evaluate = itemgetter(expression.path) if expression.path else expression.evaluate
    shown = shown_value(expression, minted)

    def render(scope: Any) -> Any:
        value = evaluate(scope)
        return None if value.__class__ is Absence else value

    def bind(scope: Any, actual: Any, match: Match, pointer: str) -> None:
        assert shown is not None
        if shown.is_in(actual):
            match.minted[shown.name] = shown.value(actual)
        else:
            match.differences.append(f"{pointer} is {_short(actual)}, not {shown}")

    def compare(scope: Any, actual: Any, match: Match, pointer: str) -> None:
        expected = render(scope)
        if expected is None and not expression.constant:
            return
        if not isinstance(expected, list) and _equal(expected, actual):
            return  # nearly always, and cheaper than what follows
        values = [each.value(scope) for each in expression.references]
        if is_inexact(expression, scope) or is_time(expression, expected, scope) or any(map(_has_times, values)):
            return
        in_any_order = any(isinstance(each, AnyOrder) for each in values)
        if not _equal(expected, actual, in_any_order):
            match.differences.append(f"{pointer} is {_short(actual)}, not {_short(expected)}")

    return Template(render, compare if shown is None else bind, (expression,))


def _has_times(value: Any) -> bool:
    """Whether a value is a list with a time that nobody knows exactly."""
    return isinstance(value, list) and any(isinstance(each, Approximate) for each in value)


def _equal(expected: Any, actual: Any, in_any_order: bool = False) -> bool:
    """Whether a reply has an expected value. A sum of fractions depends on their order a little."""
    if isinstance(expected, float) and type(actual) in (int, float):
        return isclose(expected, actual, rel_tol=1e-9)
    if in_any_order and isinstance(expected, list) and isinstance(actual, list):
        return sorted(map(repr, expected)) == sorted(map(repr, actual))
    return bool(expected == actual) and isinstance(expected, bool) == isinstance(actual, bool)


def _first_that_holds(choices: list[tuple[ItemCondition | None, Template]]) -> Template:
    """The template of the first condition that holds."""

    def chosen(scope: Any) -> Template:
        return next(template for condition, template in choices if condition is None or condition.holds(scope))

    def match(scope: Any, actual: Any, found: Match, pointer: str) -> None:
        chosen(scope).match(scope, actual, found, pointer)

    conditions = tuple(each for condition, _ in choices if condition is not None for each in condition.expressions)
    expressions, tables = _inside(template for _, template in choices)
    return Template(lambda scope: chosen(scope).render(scope), match, (*conditions, *expressions), tables)


def _mapping(parts: dict[str, Template]) -> Template:
    def match(scope: Any, actual: Any, found: Match, pointer: str) -> None:
        if not isinstance(actual, dict):
            found.differences.append(f"{pointer} is {_short(actual)}, not an object")
            return
        for name, part in parts.items():
            if name in actual:
                part.match(scope, actual[name], found, f"{pointer}/{name}")
            elif part.render(scope) is not None:
                found.differences.append(f"{pointer} has no {name}")

    return Template(lambda scope: {name: part.render(scope) for name, part in parts.items()}, match, *_inside(parts.values()))


def _sequence(parts: list[Template | _Rows]) -> Template:
    """A list. With rows in it, the order is not compared unless a let states it."""
    fixed = [part for part in parts if isinstance(part, Template)]
    paged = next((part for part in parts if isinstance(part, _Rows) and part.paging is not None), None)

    def render(scope: Any) -> Any:
        found: list[Any] = []
        for part in parts:
            if isinstance(part, _Rows):
                found += [part.item.render(each) for each in part.certain(scope)]
            else:
                found.append(part.render(scope))
        return found

    def match(scope: Any, actual: Any, found: Match, pointer: str) -> None:
        if not isinstance(actual, list):
            found.differences.append(f"{pointer} is {_short(actual)}, not a list")
        elif paged is not None:
            match_page(paged.each, paged.item.match, paged.item.render, scope, actual, found, pointer)
        elif len(fixed) < len(parts):
            _match_rows(parts, scope, actual, found, pointer)
        elif len(actual) != len(fixed):
            found.differences.append(f"{pointer} has {len(actual)} items, not {len(fixed)}")
        else:
            for position, part in enumerate(fixed):
                part.match(scope, actual[position], found, f"{pointer}/{position}")

    return Template(render, match, *_inside(parts))


def _match_rows(parts: list[Template | _Rows], scope: Any, actual: list[Any], found: Match, pointer: str) -> None:
    """Matches each expected item with the actual one that differs least; items left over must be of rows of `maybe`."""
    left = dict(enumerate(actual))
    rows = [part for part in parts if isinstance(part, _Rows)]
    certain = ((part.item, each) for part in rows for each in part.best_known_first(scope))
    fixed = ((part, scope) for part in parts if isinstance(part, Template))
    for template, each in chain(fixed, certain):
        position, differences = _nearest(template, each, left, pointer)
        if differences:
            expected = f"{pointer} has no item {_short(template.render(each))}"
            found.differences.append("; ".join((expected, *differences)) if position is not None else expected)
        left.pop(position, None)  # type: ignore[arg-type]
    for part in rows:
        for each in part.possible(scope):
            position, differences = _nearest(part.item, each, left, pointer)
            if not differences and position is not None:
                del left[position]
    found.differences.extend(f"{pointer}/{position} is {_short(item)}, {NOT_EXPECTED}" for position, item in left.items())


def _nearest(template: Template, scope: Any, left: dict[int, Any], pointer: str) -> tuple[int | None, list[str]]:
    """The position of the item with the fewest differences (None without items), and the differences."""
    best: tuple[int | None, list[str]] = None, [f"{pointer} has too few items"]
    for position, item in left.items():
        found = Match()
        template.match(scope, item, found, f"{pointer}/{position}")
        if not found.differences:
            return position, []
        if best[0] is None or len(found.differences) < len(best[1]):
            best = position, found.differences
    return best


def _inside(parts: Any) -> tuple[tuple[Expression, ...], frozenset[str]]:
    """The expressions and the tables of parts."""
    expressions = tuple(expression for part in parts for expression in part.expressions)
    return expressions, frozenset(table for part in parts for table in part.tables)


def _short(value: Any) -> str:
    """A value for a sentence, as JSON."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
