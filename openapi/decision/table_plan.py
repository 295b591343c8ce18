"""The tables of `x-state` during compilation: their columns, and the indexes that the lookups need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from openapi.decision.condition import compile_condition
from openapi.document.document import Node
from openapi.document.errors import ContractError, Problem, first_line, nearest
from openapi.expression.binding import columns_used, row_binder
from openapi.expression.expression import NOW, ROW, Expression
from openapi.expression.kinds import MOVES, PHASE, AnyOrder, ArrayOf, Computed, RowTypes
from openapi.parameters.parameter import json_type
from openapi.schemas.validator import validator
from openapi.state.index import Index
from openapi.state.state import Columns


class TablePlan:
    """A table during compilation: lookups still add indexes. Raises ContractError for a key that is not a column."""

    def __init__(self, node: Node) -> None:
        self.node, self.name = node, node.name
        self.row = node.child("row")
        try:
            validator(self.row.value)
        except ValueError as error:
            raise ContractError([self.row.problem(f"the schema of a row is invalid: {first_line(error)}")]) from None
        properties = self.row.child("properties")
        self.properties: dict[str, Any] = {each.name: each.value for each in properties.children()}
        self.types = {name: json_type(schema) for name, schema in self.properties.items()}
        self.key: tuple[str, ...] = tuple(node.value["key"])
        self.required = frozenset(self.row.value.get("required", ())) | set(self.key)
        self.phases = _phases(node.get("phases"), self.types)
        """The names and the conditions of the phases of a row."""
        self.visible: Mapping[str, str] = self._visible()
        """The types of the columns that expressions can read: also of those that the phases make."""
        self._bounds: dict[Index, str | None] = {}
        for each in (*node.child("key").children(), *self.row.sequence("required")):
            self.check_column(each, each.value)

    @property
    def secrets(self) -> set[tuple[str, str]]:
        """(table, column) of each column with `format: password`."""
        return {(self.name, name) for name, schema in self.properties.items() if schema.get("format") == "password"}

    def _visible(self) -> Mapping[str, str]:
        """The types of the columns, with `phase` and `moves` where the table states them and has no such columns."""
        names = tuple(name for name, _ in self.phases)
        moves = _moves(self.node, names)
        if not names:
            return self.types
        used = columns_used(ROW, [condition for _, condition in self.phases])
        phase_of, reads = _phase_of(self.phases, used), tuple(name.removeprefix(f"{ROW}.") for name in used)
        computed = {PHASE: Computed(phase_of, reads)}
        if moves is not None:
            computed[MOVES] = Computed(lambda scope, row: AnyOrder(moves.get(phase_of(scope, row), ())), reads)
        kinds = {PHASE: "string", MOVES: ArrayOf("string")}
        own = {name: each for name, each in computed.items() if name not in self.types}
        return RowTypes({**self.types, **{name: kinds[name] for name in own}}, own, names)

    def index(self, index: Index, bound: str | None) -> tuple[int, bool]:
        """Adds this index if it is new; returns its number, and whether this column is its bound."""
        if self._bounds.get(index) is None:
            self._bounds[index] = bound
        return list(self._bounds).index(index), bound is not None and self._bounds[index] == bound

    def check_column(self, node: Node, name: str) -> None:
        """Raises ContractError for a column that does not exist."""
        if name not in self.properties:
            raise ContractError([node.problem(f"{self.name} has no column {name}", nearest(name, self.properties))])

    def check_type(self, node: Node, name: str, found: str | None) -> None:
        """Raises ContractError for a value that the column cannot hold."""
        expected = self.types[name]
        if found is not None and found != expected and not (expected == "number" and found == "integer"):
            raise ContractError([node.problem(f"{self.name}.{name} is a {expected}, and this is a {found}")])

    def columns(self) -> Columns:
        """The definition of the table, with the indexes so far."""
        return Columns(
            table=self.name,
            names=tuple(self.properties),
            key=self.key,
            types=self.types,
            defaults={name: schema.get("default") for name, schema in self.properties.items()},
            required=frozenset(name for name in self.required if "default" not in self.properties[name]),
            schema={"type": "object", **self.row.value},
            indexes=tuple(self._bounds),
            bounds=tuple(self._bounds.values()),
        )


Phases = tuple[tuple[str, Expression], ...]


class _Scope(dict[str, Any]):
    """The names that the condition of a phase may use."""

    random = None


def _phases(node: Node | None, types: Mapping[str, str]) -> Phases:
    """The names and the conditions of the phases of a table. Raises ContractError with all problems."""
    found: list[tuple[str, Expression]] = []
    problems: list[Problem] = []
    for each in node.children() if node is not None else ():
        try:
            found.append((each.name, compile_condition(each, {ROW: types, NOW: "integer"})))
        except ContractError as error:
            problems.extend(error.problems)
    if problems:
        raise ContractError(problems)
    return tuple(found)


def _phase_of(phases: Phases, used: Mapping[str, Any]) -> Callable[[Any, Any], str | None]:
    """A function from a scope and a row to the phase of the row: the first whose condition holds, or none."""
    bind_row = row_binder(ROW, used)

    def phase_of(scope: Any, row: Any) -> str | None:
        inner = _Scope({NOW: scope[NOW]})
        bind_row(inner, row)
        return next((name for name, condition in phases if condition.holds(inner)), None)

    return phase_of


def _moves(node: Node, phases: tuple[str, ...]) -> dict[str | None, tuple[str, ...]] | None:
    """The phases into which a row of each phase may go; None for a table that does not state them. Raises ContractError."""
    moves = node.get("moves")
    if moves is None:
        return None
    if not phases:
        raise ContractError([moves.problem("moves are between phases", "write phases: beside it, with a condition for each")])
    named = [(each, each.name) for each in moves.children()]
    named += [(each, each.value) for start in moves.children() for each in start.children()]
    if problems := [
        each.problem(f"unknown phase {name}", nearest(str(name), phases)) for each, name in named if name not in phases
    ]:
        raise ContractError(problems)
    return {each.name: tuple(each.value) for each in moves.children()}
