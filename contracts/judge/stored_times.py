"""Times that the server stored, and that the suite knows only approximately.

A column that an effect sets from `now` is one. Near a limit of an operation that reads it, both answers are permitted: its rules
are also evaluated at times that are earlier and later by the uncertainty of the stored times. Where a request finds other rows at
two times, times between them are tried too: of five rows two may have expired.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import openapi

MOST_TIMES = 16
"""The most times at which a request is evaluated."""
LEAST_SPAN = 100
"""Numbers in expressions that are at least so great may be spans of time, ms."""
_NUMBER = re.compile(r"(?<![\w.])\d{3,15}(?![\w.])")
Column = tuple[str, str]
"""A table and a column."""
Used = tuple[openapi.Operation, Any, dict[str, str]]
"""An operation, an expression of it, and the tables of the names in it that are rows."""
_Look = tuple[tuple[Any, ...], openapi.Permitted]
"""What a request finds at a time, and what the contract permits then."""


class StoredTimes:
    """The stored times of a contract, and how uncertain they are in a test run."""

    def __init__(self, contract: openapi.Contract) -> None:
        self.uncertainty = 0
        """By how many ms the server may have stored an earlier or a later time than the suite has."""
        self.columns = _columns(contract)
        """The columns that hold them."""
        used = [each for operation in contract.operations.values() for each in _used(operation)] if self.columns else []
        reading = [each for each in used if _times(each, self.columns)]
        self.readers = {operation.name for operation, _, _ in reading}
        """The operations whose outcomes depend on them."""
        self.alike = {each.name for each in contract.operations.values() if openapi.only_decides_by_time(each)}
        """The operations whose replies and changes are the same at all times at which the same rules hold for the same rows."""
        self.writers = {operation.name for operation, _ in _writing(contract, self.columns)}
        """The operations that store them."""
        self.undecidable = {each[0].name for each in reading if _compares_otherwise(each, self.columns, contract)}
        """The operations that compare one with another, or with a number of the request: nobody knows which is greater."""
        self.spans = sorted({int(number) for _, each, _ in reading for number in _NUMBER.findall(each.source)})
        """The numbers in expressions with them that may be a span of time, such as that of a rate limit."""
        self.spans = [each for each in self.spans if each >= LEAST_SPAN]

    def clear(self) -> None:
        """No request has stored a time yet, after a reset."""
        self.uncertainty = 0

    def store(self, operation: str, window: tuple[int, ...]) -> None:
        """An operation was executed at a time in this window."""
        if operation in self.writers:
            self.uncertainty = max(self.uncertainty, (window[-1] - window[0] + 1) // 2)

    def are_unsure(self, operation: str, window: tuple[int, ...]) -> bool:
        """Whether nobody knows what an operation does that may have been executed at a time in this window."""
        return operation in self.undecidable and bool(self.uncertainty or len(window) > 1)

    def seen(self, operation: str, window: tuple[int, ...], look: Callable[[int], openapi.Permitted]) -> list[openapi.Permitted]:
        """What the contract permits at each time of a window, with `look` at a time; more where stored times make it unsure.

        Of several times at which a request finds the same and is answered alike, the first is enough.
        """

        def at(time: int) -> _Look:
            permitted = look(time)
            return _signature(permitted), permitted

        if len(window) == 1 and not self.uncertainty:
            return [look(window[0])]
        found = {time: at(time) for time in window}
        if operation in self.readers:
            for time in (window[0] - self.uncertainty, window[-1] + self.uncertainty):
                found[time] = found.get(time) or at(time)
            _look_between(found, at)
        looks = list(found.values())
        first = dict(reversed(looks)) if operation in self.alike else {}
        return [each for signature, each in looks if first.get(signature, each) is each]


def _look_between(found: dict[int, _Look], at: Callable[[int], _Look]) -> None:
    """Looks at times between those at which a request finds other rows."""
    gaps = [(min(found), max(found))]
    while gaps and len(found) < MOST_TIMES:
        early, late = gaps.pop(0)
        middle = (early + late) // 2
        if found[early][0] != found[late][0] and early < middle:
            found[middle] = at(middle)
            gaps += [(early, middle), (middle, late)]


def _signature(seen: openapi.Permitted) -> tuple[Any, ...]:
    """What tells apart what a request finds at two times: the rules that hold, and the rows."""
    scope, found = seen.scope, []
    for name, let in scope.operation.lets.items():
        try:
            value = scope[name]
        except openapi.ExecutionError:
            value = None
        found.append(tuple(map(id, value)) if let.how == "all" and isinstance(value, (list, tuple)) else value)
    return seen.unsure, tuple(rule.number for rule in seen.rules), repr(found)


def _columns(contract: openapi.Contract) -> frozenset[Column]:
    """The columns that an effect sets from `now`, or from another such column."""
    found: frozenset[Column] = frozenset()
    while (more := frozenset(column for _, column in _writing(contract, found))) != found:
        found = more
    return found


def _writing(contract: openapi.Contract, known: frozenset[Column]) -> Iterator[tuple[openapi.Operation, Column]]:
    """Each operation with a column that it sets from `now` or from one of the known columns."""
    for operation in contract.operations.values():
        lets = dict(operation.lets)
        tables = {name: let.lookup.table for name, let in lets.items() if let.lookup is not None}
        for rule in operation.rules:
            minted = {name for name, each in rule.mint if openapi.depends_on_now(each, lets)}
            for effect in rule.effects:
                for name, each in effect.assignments:
                    from_minted = any(reference.name in minted for reference in each.references)
                    from_column = _times((operation, each, {**tables, "row": effect.table}), known)
                    if openapi.depends_on_now(each, lets) or from_minted or from_column:
                        yield operation, (effect.table, name)


def _used(operation: openapi.Operation) -> Iterator[Used]:
    """The expressions on which the outcomes of an operation, and what it changes, depend."""
    tables = {name: let.lookup.table for name, let in operation.lets.items() if let.lookup is not None}
    effects = [each for rule in operation.rules for each in rule.effects]
    for expression in (rule.when for rule in operation.rules if rule.when is not None):
        yield operation, expression, tables
    for let in operation.lets.values():
        rows = {**tables, "row": let.lookup.table} if let.lookup is not None else tables
        yield from ((operation, expression, rows) for expression in let.expressions)
    for effect in effects:
        rows = {**tables, "row": effect.table}
        conditions = [each for each in (effect.when, effect.unless) if each is not None]
        conditions += () if effect.lookup is None else effect.lookup.expressions
        yield from ((operation, expression, rows) for expression in conditions)


def _times(used: Used, columns: Iterable[Column]) -> set[str]:
    """The names in an expression that are stored times."""
    _, expression, tables = used
    return {str(each) for each in expression.references if (tables.get(each.name, ""), each.column or "") in columns}


def _compares_otherwise(used: Used, columns: Iterable[Column], contract: openapi.Contract) -> bool:
    """Whether an expression may compare a stored time with another one, or with a number that is not related to now."""
    operation, expression, tables = used
    times = _times(used, columns)
    others = [each for each in expression.references if str(each) not in times and each.name != "now"]
    types = {each.name: each.type for each in operation.parameters}
    numbers = [each for each in others if _type(each, types, tables, contract) in ("integer", "number")]
    return len(times) > 1 or (bool(numbers) and not openapi.depends_on_now(expression, operation.lets))


def _type(reference: Any, types: dict[str, str], tables: dict[str, str], contract: openapi.Contract) -> str | None:
    if reference.name in tables and reference.column is not None:
        return contract.tables[tables[reference.name]].types.get(reference.column)
    return types.get(reference.name)
