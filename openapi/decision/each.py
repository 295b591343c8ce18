"""A loop over the rows of a let or the items of an array, with lets of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openapi.decision.lookup import Let, Lookup, compile_let
from openapi.decision.source import Bind, Source, kept
from openapi.decision.table_plan import TablePlan
from openapi.document.document import Node
from openapi.expression.expression import Expression
from openapi.expression.kinds import Names
from openapi.parameters.parameter import Absence


@dataclass(frozen=True, slots=True, eq=False)
class Each:
    """A loop: what it goes through, and the lets that are looked up for each row or item."""

    source: Source
    lets: tuple[Let, ...]
    bind: Bind
    resolvers: tuple[Callable[[Any], None], ...]
    outer: tuple[str, ...]
    """Names that are looked up before the loop, because they bind rows of their own."""
    nested: bool
    """Whether it is in a loop that uses the same name."""

    def scopes(self, scope: Any, values: Sequence[Any] | None = None) -> Iterator[Any]:
        """The scope, once for each of these rows or items, or for all."""
        found = self.source.values(scope) if values is None else values
        if isinstance(found, Absence) or not found:
            return
        for name in self.outer:
            scope[name]
        before = kept(scope, self.source.name) if self.nested else None
        for each in found:
            self.bind(scope, each)
            for resolve in self.resolvers:
                resolve(scope)
                self.bind(scope, each)  # a let with an `if` has bound its own rows
            yield scope
        if before:
            scope.update(before)

    @property
    def expressions(self) -> Iterator[Expression]:
        """Every expression in it."""
        yield self.source.expression
        for let in self.lets:
            yield from let.expressions

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        """The lookups for each row or item."""
        return tuple(let.lookup for let in self.lets if let.lookup is not None)


def compile_lets(node: Node | None, names: Names, plans: dict[str, TablePlan]) -> tuple[tuple[Let, ...], dict[str, Any]]:
    """The lets of a loop, and the names with them. Raises ContractError."""
    lets: list[Let] = []
    known = dict(names)
    for child in node.children() if node is not None else ():
        let, known[child.name] = compile_let(child, known, plans)
        lets.append(let)
    return tuple(lets), known


def loop(source: Source, lets: tuple[Let, ...], used: Iterable[Expression], outer: Mapping[str, Any]) -> Each:
    """A loop whose body has the `used` expressions; `outer` are the names around it."""
    expressions = [*used, *(each for let in lets for each in let.expressions)]
    own = {let.name for let in lets} | {source.name}
    names = {str(each): each.name for one in expressions for each in one.references if each.name not in own}
    rows = tuple(
        name for name, let in names.items() if let in outer and (outer[let] == "rows" or not isinstance(outer[let], str))
    )
    resolvers = tuple(let.resolvers(expressions)[let.name] for let in lets)
    return Each(source, lets, source.binder(expressions), resolvers, rows, source.name in outer)
