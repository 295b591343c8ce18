"""Kinds of names that have parts: the rows of a let, and the items of an array."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from openapi.parameters.parameter import json_type
from openapi.schemas.flat import flat

PHASE, MOVES = "phase", "moves"
"""The columns that the phases of a table make."""
ITEM = "item"
"""The name of the current item of an array."""

Parts = str | Mapping[str, str]
"""The JSON type of a value, or the types of the parts of an object or a row."""
Names = Mapping[str, Parts]
"""The names that an expression may use: of a value, with its JSON type, or of a row, with the types of its columns."""


class AnyOrder(list[Any]):
    """A list whose order no contract promises."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A column that no row has."""

    value: Callable[[Any, tuple[Any, ...]], Any]
    """From a scope and a row to the value of the column."""
    reads: tuple[str, ...]
    """The columns that it depends on."""


class RowTypes(dict[str, str]):
    """The types of the columns of a row, of which some are computed."""

    def __init__(self, types: Mapping[str, str], computed: Mapping[str, Computed], phases: tuple[str, ...]) -> None:
        super().__init__(types)
        self.computed, self.phases = computed, phases


class RowsOf(str):
    """The type of a let of rows."""

    __slots__ = ("columns", "paging")
    columns: Mapping[str, str]
    """The types of the columns of a row."""
    paging: Any
    """How the rows are ordered and cut; None where they are not."""

    def __new__(cls, columns: Mapping[str, str], paging: Any = None) -> RowsOf:
        found = super().__new__(cls, "rows")
        found.columns, found.paging = columns, paging
        return found


class ArrayOf(str):
    """The type of an array whose items are known."""

    __slots__ = ("item",)
    item: Parts

    def __new__(cls, item: Parts) -> ArrayOf:
        found = super().__new__(cls, "array")
        found.item = item
        return found


def kind_of(schema: Mapping[str, Any]) -> str:
    """The JSON type of a schema; of an array with the type of its items, and their parts."""
    kind = json_type(schema)
    return ArrayOf(_item(schema.get("items"), schema.get("$defs", {}))) if kind == "array" else kind


def _item(schema: Any, definitions: Mapping[str, Any]) -> Parts:
    if not isinstance(schema, dict):
        return "string"
    whole = flat(schema, dict(definitions))
    properties = whole.get("properties")
    if not properties:
        return json_type(whole)
    return {name: json_type(flat(each, dict(definitions)) if isinstance(each, dict) else {}) for name, each in properties.items()}
