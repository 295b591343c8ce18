"""What the world file does not say: lookups that may find rows on the server that are not in it, and what follows from that.

A world file for traffic rarely lists every row of a deployment. A row that is in it is known. A row that is not in it may be
there or not, unless its table is complete. So each rule is true, false, or *open*; an outcome is possible if one of its rules
is true or open. Only an outcome that is impossible is a violation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import openapi

DOCUMENTED = "documented"

Key = tuple[str, tuple[object, ...]]
"""A table and the key of a row."""


class Knowledge:
    """What is known of the rows on a server."""

    def __init__(self, complete: Collection[str] = ()) -> None:
        """`complete` names the tables of which the world file has every row."""
        self._complete = frozenset(complete)
        self._supposed: set[Key] = set()

    def suppose(self, state: openapi.State, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Notes rows that are in no world file: without them a reply would not have been possible."""
        self._supposed |= {(table, state.tables[table].key_of(state.tables[table].row(row))) for table, row in rows}

    def lose(self, tables: Iterable[str]) -> None:
        """Notes tables that may have rows now which nobody knows."""
        self._complete -= set(tables)

    def depend(self, rows: Iterable[Key]) -> None:
        """Notes rows, by table and key, whose values depend on rows that are in no world file."""
        self._supposed |= set(rows)

    def open_lets(self, seen: openapi.Permitted) -> dict[str, str]:
        """The lets of a request of which nobody knows what they find, each with a sentence."""
        found: dict[str, str] = {}
        for name, let in seen.scope.operation.lets.items():
            used = [each for each in names_of(let.expressions) if each in found]
            if used:
                found[name] = f"{name} depends on {used[0]}"
            elif let.lookup is not None and (why := self._unknown(seen, let.lookup, let.how)):
                found[name] = f"{name}: {why}"
        return found

    def _unknown(self, seen: openapi.Permitted, lookup: Any, how: str) -> str:
        """Why nobody knows what a lookup finds; empty where it is known."""
        rows = lookup.candidates(seen.scope, seen.scope.state)
        if isinstance(rows, openapi.Absence) or lookup.table in self._complete:
            return ""
        if how != "find":
            return f"the world file may not have every row of {lookup.table}"
        columns = seen.scope.state.tables[lookup.table]
        for row in rows:
            supposed = (lookup.table, columns.key_of(row)) in self._supposed
            return f"the row of {lookup.table} is supposed" if supposed else ""
        return f"the world file has no such row of {lookup.table}"


def possible(seen: openapi.Permitted, got: str, unknown: Collection[str]) -> list[openapi.Rule]:
    """The rules by which a server may give an outcome, if nobody knows what some lets find."""
    *others, success = seen.scope.operation.rules
    truths = {rule.number: _truth(rule, seen.scope, unknown) for rule in others}
    refused = any(rule.kind == DOCUMENTED and truths[rule.number] is True for rule in others)
    found = [rule for rule in others if rule.outcome == got and truths[rule.number] is not False]
    return [*found, success] if success.outcome == got and not refused else found


def depends(rule: openapi.Rule, seen: openapi.Permitted, unknown: Collection[str]) -> bool:
    """Whether the data of a rule depend on what unknown lets find."""
    if rule.data is None:
        return False
    lets = seen.scope.operation.lets
    lists = any(lets[each].how == "all" for each in unknown)
    return lists or bool(rule.data.tables) or any(each in unknown for each in names_of(rule.data.expressions))


def names_of(expressions: Iterable[Any]) -> Iterator[str]:
    """The names that expressions use."""
    return (each.name for expression in expressions for each in expression.references)


def _truth(rule: openapi.Rule, scope: Any, unknown: Collection[str]) -> bool | None:
    """Whether a rule holds; None where that depends on unknown lets."""
    parts: list[bool | None] = []
    if rule.missing:
        parts.append(_is_any(rule.missing, scope, unknown, (openapi.Absence.MISSING,)))
    if rule.malformed:
        parts.append(_is_any(rule.malformed, scope, unknown, (openapi.Absence.MALFORMED, openapi.Absence.UNREADABLE)))
    if rule.unreadable:
        parts.append(_is_any(rule.unreadable, scope, unknown, (openapi.Absence.UNREADABLE,)))
    if rule.when is not None:
        parts.append(_condition(rule.when, scope, unknown))
    return False if False in parts else None if None in parts else True


def _is_any(names: Iterable[str], scope: Any, unknown: Collection[str], absences: Collection[openapi.Absence]) -> bool | None:
    found = [None if each in unknown else scope[each] in absences for each in names]
    return True if True in found else None if None in found else False


def _condition(when: Any, scope: Any, unknown: Collection[str]) -> bool | None:
    """A condition needs every name in it to be present."""
    names = set(names_of((when,)))
    if any(isinstance(scope[each], openapi.Absence) for each in names - set(unknown)):
        return False
    return None if names & set(unknown) else when.holds(scope)
