"""Rows of which the oracle does not know what the server holds, since a reply was lost.

A server that gave no usable reply may have carried the request out. The oracle keeps a few possible states. Where there would be
more, the rows in which the states differ become doubtful. A row whose key the server invented in a lost reply is doubtful too.
What a request gets that looks up a doubtful row shows nothing about the server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import openapi

Cells = dict[str, frozenset[Any] | None]
"""The values that each column may hold; None where it may hold any."""
MOST_ROWS = 300
"""The most doubtful rows that are kept; with more, every row is doubtful."""
RULE = "the state of the server is unsure since a reply was lost"


class Doubt:
    """The doubtful rows: what each column of them may hold."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, Any], Cells] = {}
        self._invented: dict[tuple[str, Any], Cells] = {}
        """Rows with an unknown key that a possible state has."""

    def __bool__(self) -> bool:
        return bool(self._rows or self._invented)

    def clear(self) -> None:
        """Everything is certain again, after a reset."""
        self._rows.clear()
        self._invented.clear()

    def invent(self, changes: Iterable[openapi.Change]) -> None:
        """Notes the rows of a lost reply whose key nobody knows."""
        for each in changes:
            if each.before is None and each.after is not None and any(map(_is_lost, each.key)):
                self._invented[each.columns.table, each.key] = _cells(each.columns, each.after)

    def drop(self, kept: openapi.State, dropped: Iterable[openapi.State]) -> None:
        """The rows in which states that are no longer kept differ from one that is."""
        for state in dropped:
            for table, columns in kept.tables.items():
                ours, theirs = dict(kept.table(table).items()), dict(state.table(table).items())
                for key in {key for key, _ in ours.items() ^ theirs.items()}:
                    for row in (ours.get(key), theirs.get(key)):
                        if row is not None:
                            self._add(columns, row)

    def keep(self, states: Iterable[openapi.State]) -> None:
        """Forgets the invented rows that no possible state has: a reply has shown that they do not exist."""
        states = tuple(states)
        gone = [each for each in self._invented if not any(each[1] in state.table(each[0]) for state in states)]
        for each in gone:
            del self._invented[each]

    def touched(self, seen: openapi.Permitted) -> dict[str, str]:
        """The lets of a request that look up doubtful rows, or depend on such lets, each with its `how`."""
        found: dict[str, str] = {}
        if self:
            for name, let in seen.scope.operation.lets.items():
                used = {reference.name for each in let.expressions for reference in each.references}
                if used & found.keys() or (let.lookup is not None and self._matching(let.lookup, seen.scope)):
                    found[name] = let.how
        used = _used(seen.scope.operation.lets, seen.scope.operation.rules)
        return {name: how for name, how in found.items() if how == "all" or name in used}

    def certain(self, state: openapi.State) -> openapi.State:
        """A state without its doubtful rows."""
        for table, key in (*self._rows, *self._invented):
            row = state.table(table).get(key)
            if row is not None:
                state = state.delete(table, row)
        return state

    def follow(self, seen: openapi.Permitted, rule: openapi.Rule, changes: Iterable[openapi.Change]) -> None:
        """What an outcome does to doubtful rows, and which rows become doubtful by it."""
        if not self or not rule.effects:
            return
        touched, scope = self.touched(seen).keys(), seen.scope
        for effect in rule.effects:
            unsure = any(name in touched for name in _names(effect.expressions))
            cells = {name: _possible(_value(each, scope, touched)) for name, each in effect.assignments}
            for table, key in self._matching(effect.lookup, scope) if effect.lookup is not None else ():
                for rows in (self._rows, self._invented):
                    if (table, key) in rows:
                        _merge(rows[table, key], cells)
            if unsure:
                self._spread(effect.table, cells, changes)
                if effect.lookup is not None:
                    self._spread(effect.table, cells, _unchanged(effect, scope))

    def _spread(self, table: str, cells: Cells, changes: Iterable[openapi.Change]) -> None:
        for each in changes:
            if each.columns.table == table:
                for row in (each.before, each.after):
                    if row is not None:
                        self._add(each.columns, row, cells)

    def _add(self, columns: Any, row: Any, more: Cells | None = None) -> None:
        cells = _cells(columns, row)
        known = self._rows.setdefault((columns.table, columns.key_of(row)), cells)
        _merge(known, cells)
        _merge(known, more or {})

    def _matching(self, lookup: Any, scope: Any) -> list[tuple[str, Any]]:
        """The doubtful rows that a lookup may find, whatever its `if` says."""
        values = [(name, _value(each, scope)) for name, each in lookup.where]
        if any(isinstance(value, openapi.Absence) or value is None for _, value in values):
            return []
        if len(self._rows) > MOST_ROWS:
            return [each for each in self._rows if each[0] == lookup.table]
        rows = (*self._rows.items(), *self._invented.items())
        return [row for row, cells in rows if row[0] == lookup.table and _may_be(cells, values)]


def _cells(columns: Any, row: Any) -> Cells:
    """A row as cells. Nobody asks for an invented value that no reply showed, but a number may be guessed."""
    numbers = {name for name, kind in columns.types.items() if kind != "string"}
    named = columns.named(row).items()
    return {name: None if _is_lost(value) and name in numbers else _possible(value) for name, value in named}


def _possible(value: Any) -> frozenset[Any] | None:
    return None if value is None or isinstance(value, openapi.Absence) else frozenset((value,))


def _merge(cells: Cells, more: Cells) -> None:
    for name, values in more.items():
        known = cells[name]
        cells[name] = None if known is None or values is None else known | values


def _may_be(cells: Cells, values: Iterable[tuple[str, Any]]) -> bool:
    return all(known is None or value in known for name, value in values for known in (cells[name],))


def _is_lost(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("\0")


def _names(expressions: Iterable[Any]) -> Iterator[str]:
    return (reference.name for each in expressions for reference in each.references)


def _used(lets: Mapping[str, Any], rules: Iterable[openapi.Rule]) -> set[str]:
    """The names on which the outcomes of an operation depend, but for the lists of their data."""
    used = {name for rule in rules for name in (*_names(rule.expressions), *rule.missing)}
    for name, let in reversed(list(lets.items())):
        if name in used:
            used.update(_names(let.expressions))
    return used


def _value(expression: Any, scope: Any, unsure: Iterable[str] = ()) -> Any:
    """The value of an expression; an Absence where it depends on what is not known."""
    if any(name in unsure or name == "now" for name in _names((expression,))):
        return openapi.Absence.UNDETERMINED
    try:
        return expression.evaluate(scope)
    except (LookupError, openapi.ExecutionError):
        return openapi.Absence.UNDETERMINED


def _unchanged(effect: Any, scope: Any) -> Iterator[openapi.Change]:
    """The rows that an effect would have changed, had its conditions been others."""
    columns = scope.state.tables[effect.table]
    return (openapi.Change(columns, row, None) for row in effect.lookup.rows(scope, scope.state))
