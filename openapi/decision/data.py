"""The data of a reply: a template of expressions that the mock renders and the suite compares with a reply.

An object in a reply may have more keys than the template. An expression without a value (a name that is not present, a time
that the suite cannot know) renders as null and is not compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import Any

from openapi.decision.lookup import Let, compile_let
from openapi.decision.table_plan import TablePlan
from openapi.decision.unsure import depends_on_now, is_inexact
from openapi.document.document import Node
from openapi.document.errors import ContractError, nearest
from openapi.expression.expression import ROW, Expression, Names, columns_used, compile_expression, row_binder
from openapi.parameters.parameter import Absence
from openapi.state.index import Row
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
    """One item for each row of the let `each`; a server may also return items for rows of the let `maybe`."""

    each: str
    maybe: str | None
    lets: tuple[Let, ...]
    item: Template
    bind_row: Callable[[Any, Any], None]
    resolvers: tuple[Callable[[Any], None], ...]

    def certain(self, scope: Any) -> Iterator[Any]:
        """The scope, once for each row of `each`."""
        return self._scopes(scope, self._rows(scope, self.each))

    def best_known_first(self, scope: Any) -> Iterator[Any]:
        """The same; what is not known of a row fits any item, so that such rows come last."""
        return self._scopes(scope, sorted(self._rows(scope, self.each), key=_unknown_values))

    def possible(self, scope: Any) -> Iterator[Any]:
        """The scope, once for each row of `maybe` that is not in `each`."""
        certain = self._rows(scope, self.each)
        return self._scopes(scope, [row for row in self._rows(scope, self.maybe) if row not in certain])

    def _rows(self, scope: Any, name: str | None) -> Sequence[Row]:
        rows = scope[name] if name else ()
        return () if rows.__class__ is Absence else rows

    def _scopes(self, scope: Any, rows: Sequence[Row]) -> Iterator[Any]:
        for row in rows:
            self.bind_row(scope, row)
            for resolve in self.resolvers:
                resolve(scope)
                self.bind_row(scope, row)  # a let with an `if` has bound its own rows
            yield scope

    @property
    def expressions(self) -> Iterator[Expression]:
        """Every expression in it."""
        yield from self.item.expressions
        for let in self.lets:
            yield from let.expressions

    @property
    def tables(self) -> frozenset[str]:
        """The tables of its lets."""
        return self.item.tables.union(let.lookup.table for let in self.lets if let.lookup is not None)


def _unknown_values(row: Row) -> int:
    return sum(value is None or isinstance(value, Approximate) or is_lost(value) for value in row)


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
            return _sequence([self._rows(each) or self.compile(each) for each in node.children()])
        if not isinstance(node.value, dict):
            return _leaf(compile_expression(node, self.names), self.minted)
        rows = self._rows(node)
        return _sequence([rows]) if rows else _mapping({each.name: self.compile(each) for each in node.children()})

    def _rows(self, node: Node) -> _Rows | None:
        if not isinstance(node.value, dict) or "each" not in node.value or "item" not in node.value:
            return None
        for child in node.children():
            if child.name not in ("each", "maybe", "let", "item"):
                raise ContractError([child.problem(f"unknown key {child.name}", "allowed with each: item, maybe and let")])
        each, maybe = self._all(node.child("each")), node.get("maybe")
        names: dict[str, Any] = {**self.names, ROW: self.plans[each].types}
        lets = []
        for child in (node.get("let") or Node(node.document, node.pointer, None)).children():
            let, names[child.name] = compile_let(child, names, self.plans)
            lets.append(let)
        if maybe is not None and self._all(maybe) != each:
            raise ContractError([maybe.problem(f"{maybe.value} are not rows of {each}", "each and maybe name the same table")])
        item = DataCompiler(names, self.lets, self.plans).compile(node.child("item"))
        expressions = [*item.expressions, *(expression for let in lets for expression in let.expressions)]
        return _Rows(
            node.value["each"],
            None if maybe is None else maybe.value,
            tuple(lets),
            item,
            row_binder(ROW, columns_used(ROW, expressions)),
            tuple(let.resolvers(expressions)[let.name] for let in lets),
        )

    def _all(self, node: Node) -> str:
        """The table of a let that gives rows."""
        lists = {name: let.lookup.table for name, let in self.lets.items() if let.how == "all" and let.lookup}
        if node.value not in lists:
            hint = nearest(str(node.value), lists) if lists else "write a let with all"
            raise ContractError([node.problem(f"{node.value} is not a let of all rows", hint)])
        return lists[str(node.value)]


def _leaf(expression: Expression, minted: frozenset[str]) -> Template:
    evaluate = itemgetter(expression.path) if expression.path else expression.evaluate

    def render(scope: Any) -> Any:
        value = evaluate(scope)
        return None if value.__class__ is Absence else value

    def bind(scope: Any, actual: Any, match: Match, pointer: str) -> None:
        match.minted[expression.source] = actual

    def compare(scope: Any, actual: Any, match: Match, pointer: str) -> None:
        expected = render(scope)
        if expected is None and not expression.constant:
            return
        if is_inexact(expression, scope) or _is_time(expression, expected, scope):
            return
        if expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
            match.differences.append(f"{pointer} is {_short(actual)}, not {_short(expected)}")

    return Template(render, bind if expression.source in minted else compare, (expression,))


def _is_time(expression: Expression, value: Any, scope: Any) -> bool:
    """Whether a value is, or is computed from, a time of the server that the suite does not know exactly."""
    unsure = scope.moment is not None and not scope.moment.exact and not isinstance(value, bool)
    return unsure and depends_on_now(expression, scope.operation.lets)


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
    """A list. With rows in it, the order is not compared, because no contract promises one."""
    fixed = [part for part in parts if isinstance(part, Template)]

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
