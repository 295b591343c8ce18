"""Checks that the copies of a template are disjoint, so that runs over them do not disturb one another.

- No two copies have the same credential.
- No two copies have the same key of a row. A row of a table that no operation changes may be in all copies: it is reference data.
- Where the copies are on one server, no operation for one copy finds rows of another one: each lookup in a table whose rows
  differ, or are changed, compares a column of which the copies have no value in common. A lookup that compares none is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import openapi
from contracts.run.template import Cell, TemplateRow

MOST_ROWS = 1_000_000
"""The most rows of all copies."""
_Values = tuple[str, ...]


def problems(contract: openapi.Contract, rows: Sequence[TemplateRow], count: int, *, one_server: bool) -> list[openapi.Problem]:
    """Why so many copies of these rows are not disjoint, sorted by place; empty where they are."""
    check = _Check(contract, rows, count)
    found = set(check.same_values())
    if one_server and not found:
        found = set(check.open_lookups())
    return sorted(found)


class _Check:
    """The check of one template."""

    def __init__(self, contract: openapi.Contract, rows: Sequence[TemplateRow], count: int) -> None:
        self._contract, self._rows, self._count = contract, rows, count
        rules = [rule for each in contract.operations.values() for rule in each.rules]
        self._changed = {effect.table for rule in rules for effect in rule.effects}
        """The tables that an operation changes."""

    def same_values(self) -> Iterator[openapi.Problem]:
        """The rows whose keys or credentials are those of another copy."""
        if len(self._rows) * self._count > MOST_ROWS:
            what = f"{self._count:,} copies have {len(self._rows) * self._count:,} rows; at most {MOST_ROWS:,} are checked"
            yield self._rows[0].node.problem(what, "make fewer copies, or fewer rows")
            return
        for table, columns in self._contract.tables.items():
            own = [each for each in self._rows if each.table == table and (each.varies or table in self._changed)]
            yield from self._shared(own, columns.key)
        for table, column in sorted(self._contract.secret_columns):
            yield from self._shared([each for each in self._rows if each.table == table and column in each.cells], (column,))

    def _shared(self, rows: Sequence[TemplateRow], names: Sequence[str]) -> Iterator[openapi.Problem]:
        """The rows whose values in these columns are those of a row of another copy."""
        label, known = ", ".join(names), dict[_Values, tuple[int, TemplateRow]]()
        varying = []
        for each in rows:
            if any(each.cells[name].varies for name in names if name in each.cells):
                varying.append(each)
            elif self._count > 1:
                yield each.node.problem(f"{each.table}: {label} is the same in all copies", "write {n} in it")
        for number in range(1, self._count + 1):
            for each in varying:
                found = known.setdefault(self._values(each, names, number), (number, each))
                if found[0] != number:
                    hint = f"write {{n:0{len(str(self._count))}}}, or a sign after the number"
                    what = f"{each.table}: {label} of copy {number} is that of line {found[1].node.line} of copy {found[0]}"
                    yield each.node.problem(what, hint)
                    return

    def _values(self, row: TemplateRow, names: Sequence[str], number: int) -> _Values:
        """The values of these columns in a copy, as they are compared."""
        columns = self._contract.tables[row.table]
        return tuple(self._value(row, name, columns, number) for name in names)

    def _value(self, row: TemplateRow, name: str, columns: openapi.Columns, number: int) -> str:
        text = row.cells.get(name, Cell(columns.defaults.get(name))).of(number)
        if (row.table, name) in self._contract.secret_columns:
            return text.strip().rpartition(" ")[2]  # without `Bearer `
        digits = text.strip().removeprefix("-")
        return str(int(text)) if columns.types[name] == "integer" and digits.isascii() and digits.isdecimal() else text

    def open_lookups(self) -> Iterator[openapi.Problem]:
        """The lookups for one copy that may find rows of another one, each kind of them once."""
        differ = {each.table for each in self._rows if each.varies} | self._changed
        known: set[tuple[str, ...]] = set()
        for operation in self._contract.operations.values():
            lets = (each.lookup for each in operation.lets.values())
            effects = (lookup for rule in operation.rules for effect in rule.effects for lookup in effect.lookups)
            for lookup in filter(None, chain(lets, effects)):
                names = [name for name, _ in lookup.where]
                rows = [each for each in self._rows if each.table == lookup.table]
                if lookup.table not in differ or (lookup.table, *names) in known or not rows or self._count == 1:
                    continue
                known.add((lookup.table, *names))
                if not any(self._separates(rows, name) for name in names):
                    yield _open(operation.name, rows[0], names)

    def _separates(self, rows: Sequence[TemplateRow], name: str) -> bool:
        """Whether the copies have no value of a column in common; a row without a value in it is not found by it."""
        default = self._contract.tables[rows[0].table].defaults.get(name)
        present = [each for each in rows if each.cells.get(name, Cell(default)).value is not None]
        return not any(self._shared(present, (name,)))


def _open(operation: str, row: TemplateRow, names: Sequence[str]) -> openapi.Problem:
    """The problem of a lookup in the table of a row that compares these columns."""
    by = f"by {', '.join(names)}" if names else "whatever they have"
    write = f"write {{n}} in {'one of these columns' if len(names) > 1 else 'it'}, or " if names else ""
    what = f"{operation} looks up rows of {row.table} {by}, so it finds those of other copies"
    return row.node.problem(what, f"{write}give each copy a server of its own: {{n}} in --target")
