"""The tables of `x-state` during compilation: their columns, and the indexes that the lookups need."""

from __future__ import annotations

from typing import Any

from openapi.document.document import Node
from openapi.document.errors import ContractError, first_line, nearest
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
        self._bounds: dict[Index, str | None] = {}
        for each in (*node.child("key").children(), *self.row.sequence("required")):
            self.check_column(each, each.value)

    @property
    def secrets(self) -> set[tuple[str, str]]:
        """(table, column) of each column with `format: password`."""
        return {(self.name, name) for name, schema in self.properties.items() if schema.get("format") == "password"}

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
