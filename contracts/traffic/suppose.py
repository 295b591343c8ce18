"""Supposes rows that the world file does not have: the simplest ones with which the contract permits a reply that was seen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

import openapi

MOST_TRIED = 300
"""The most combinations of values that are tried for one reply."""
DAY = 86_400_000

Row = tuple[str, dict[str, Any]]
"""A table and a row by column name."""


@dataclass(slots=True)
class Supposer:
    """Supposes rows; numbers the values that nobody knows."""

    known: int = 0

    def rows(self, seen: openapi.Permitted, got: str, unknown: Collection[str]) -> list[Row]:
        """Rows to add to the state so that a server gives an outcome; empty where there are none."""
        scope = seen.scope
        wanted = [
            (name, let.lookup)
            for name, let in scope.operation.lets.items()
            if name in unknown and let.how == "find" and let.lookup is not None and isinstance(scope[name], openapi.Absence)
        ]
        for count in range(1, len(wanted) + 1):
            for rows in islice(self._choices(scope, wanted[:count]), MOST_TRIED):
                if self._gives(seen, got, rows):
                    self.known += 1
                    return rows
        return []

    def _gives(self, seen: openapi.Permitted, got: str, rows: list[Row]) -> bool:
        scope = seen.scope
        try:
            state = with_rows(scope.state, rows)
            found = openapi.permitted(scope.operation, scope.raw, state, scope["now"], scope.read_values)
        except openapi.ExecutionError:
            return False
        return found.answer.outcome == got

    def _choices(self, scope: Any, wanted: list[tuple[str, Any]]) -> Iterator[list[Row]]:
        """Rows for some lets, the likely ones first. A value that is equal to one of another row is likely."""
        columns: list[tuple[int, str, list[Any]]] = []
        fixed: list[Row] = []
        texts: list[str] = []
        for position, (name, lookup) in enumerate(wanted):
            table = scope.state.tables[lookup.table]
            row = {column: _value(expression, scope, fixed, wanted) for column, expression in lookup.where}
            if any(value is None or isinstance(value, openapi.Absence) for value in row.values()):
                return
            fixed.append((lookup.table, row))
            for column in table.names:
                if column not in row and column in table.required:
                    own = f"supposed-{name}-{column}-{self.known + 1}"
                    columns.append((position, column, _values(table, column, own, texts, scope)))
                    if table.types[column] == "string":
                        texts.append(own)
        for chosen in product(*(values for *_, values in columns)):
            rows = [(table, dict(row)) for table, row in fixed]
            for (position, column, _), value in zip(columns, chosen, strict=True):
                rows[position][1][column] = value
            yield rows


def with_rows(state: openapi.State, rows: list[Row]) -> openapi.State:
    """A state with more rows. Raises ExecutionError for a row whose key exists."""
    for table, row in rows:
        state = state.insert(table, state.tables[table].row(row))
    return state


def _value(expression: Any, scope: Any, fixed: list[Row], wanted: list[tuple[str, Any]]) -> Any:
    """The value of a column in a `where`; of a let that is supposed too, that of its row."""
    for reference in expression.references:
        for (name, _), (_, row) in zip(wanted, fixed, strict=False):
            if reference.name == name:
                return row.get(reference.column)
    try:
        return expression.evaluate(scope)
    except (LookupError, openapi.ExecutionError):
        return openapi.Absence.UNDETERMINED


def _values(table: Any, column: str, own: str, texts: list[str], scope: Any) -> list[Any]:
    match table.types[column]:
        case "boolean":
            return [True, False]
        case "integer" | "number":
            now = scope["now"]
            return [openapi.Approximate(now + 365 * DAY), 0, 1, openapi.Approximate(now - DAY)]
        case "string":
            return [own, *texts, *_texts_of(scope)]
    return [None]


def _texts_of(scope: Any) -> Iterator[str]:
    """The texts in the rows that the request finds."""
    for name, let in scope.operation.lets.items():
        row = scope[name] if let.how == "find" else None
        if let.lookup is not None and isinstance(row, tuple):
            yield from (each for each in row if isinstance(each, str))
