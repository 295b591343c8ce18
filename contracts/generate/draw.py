"""One request at a time, out of choices: what a fuzzer and a walk send."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import openapi
from contracts.generate.choices import Choices
from contracts.generate.mutations import mutations
from contracts.http.wire import Request, request_for

FRESH_ROWS = 24
"""How many of the rows that changed last are remembered, for each table."""
MOST_FRESH = 6
"""Fresh rows of each table that are drawn from."""
MOST_IN_FOCUS = 3
"""Rows of each table that a focused walk meets."""
HOUR = 3_600_000
DAY = 24 * HOUR
FURTHEST = 2 * 365 * DAY
"""How far ahead, in ms, a time still is one that a request may be compared with."""
_DISTANCES = (HOUR, DAY, 30 * DAY, 365 * DAY, 30 * 365 * DAY, HOUR + 1, 60_000, -60_000, -DAY)
_PLAIN = ("text", "Kitchen", "7", "设备", "Lamp \U0001f600")
"""The last one has a character outside the plane that some databases can store."""
Row = Mapping[str, Any]


class Known:
    """The rows that a generator draws from: a sample of what was true at first, and what changed last."""

    def __init__(self, first: Mapping[str, Sequence[Row]]) -> None:
        self._first = first
        self._fresh: dict[str, deque[Row]] = {table: deque(maxlen=FRESH_ROWS) for table in first}

    @classmethod
    def of(cls, state: openapi.State, now: int) -> Known:
        """What is true in a state; `now` is epoch ms."""
        return cls({table: openapi.sample(state, table, now) for table in state.tables})

    def forget(self) -> None:
        """Nothing has changed since the beginning."""
        for rows in self._fresh.values():
            rows.clear()

    def focused(self, choices: Choices, without: Container[str] = ()) -> Known:
        """A few of the rows, so that what follows meets the same ones again and again; none of the tables `without`."""
        return Known({table: () if table in without else _some(rows, choices) for table, rows in self._first.items()})

    def note(self, changes: Iterable[openapi.Change]) -> None:
        """Remembers the rows that a request changed, the newest first."""
        for each in changes:
            if each.after is not None:
                self._fresh[each.columns.table].appendleft(each.columns.named(each.after))

    def row(self, source: openapi.Source, choices: Choices) -> Row | None:
        """A row that has the columns of a source: a fresh one, one that has to do with a fresh one, or any of its table."""
        fresh = [row for rows in self._fresh.values() for row in islice(rows, MOST_FRESH)]
        if fresh and choices.happens(60):
            columns = set(source.columns.values())
            fitting = [row for row in fresh if columns <= row.keys()]
            if not fitting and choices.happens(50):
                texts = set(_texts(choices.choose(fresh)))
                fitting = [row for row in self._first[source.table] if not texts.isdisjoint(_texts(row))]
            if fitting:
                return choices.choose(fitting)
        rows = self._first[source.table] or tuple(self._fresh[source.table])
        return choices.choose(rows) if rows else None

    def numbers(self, now: int) -> list[int]:
        """The times to come in fresh rows: what a request may be compared with. `now` is epoch ms."""
        fresh = (row for rows in self._fresh.values() for row in islice(rows, MOST_FRESH))
        return [value for row in fresh for value in row.values() if type(value) is int and now < value < now + FURTHEST]


def _texts(row: Row) -> Iterable[str]:
    return (value for value in row.values() if isinstance(value, str))


def _some(rows: Sequence[Row], choices: Choices) -> Sequence[Row]:
    """Some of the rows, twice as likely few as many."""
    if len(rows) <= MOST_IN_FOCUS or choices.happens(30):
        return rows
    return [choices.choose(rows) for _ in range(MOST_IN_FOCUS)]


class Drawer:
    """Draws requests for one operation."""

    def __init__(self, operation: openapi.Operation, state: openapi.State, now: int) -> None:
        self.operation = operation
        self._sources = openapi.sources(operation)
        self._looked_up = {name for source in self._sources for name in source.columns}
        self._credentials = {each.name for each in operation.parameters if each.credential and each.location == "header"}
        self._values = {each.name: list(openapi.values(each, operation, state, now)) for each in operation.parameters}

    def raw(self, known: Known, now: int, choices: Choices) -> dict[str, Any]:
        """Raw values: mostly welcome ones, now and then one that is not. `now` is epoch ms."""
        raw: dict[str, Any] = {}
        for source in self._sources:
            raw |= self._from_rows(source, known, choices)
        for each in self.operation.parameters:
            if each.name not in self._looked_up:
                value = self._plain(each, raw, known, now, choices)
                if value is not None:
                    raw[each.name] = value
        while choices.happens(20) and self.operation.parameters:
            self._deviate(raw, choices.choose(self.operation.parameters), choices)
        return raw

    def request(self, raw: Mapping[str, Any], choices: Choices) -> Request:
        """The request that carries raw values, in one of the ways in which clients write it."""
        if choices.happens(50):
            raw = {name: f"Bearer {value}" if name in self._credentials and value else value for name, value in raw.items()}
        request = request_for(self.operation, raw, as_form=self.operation.accepts_form and choices.happens(20))
        return choices.choose(list(mutations(request))) if choices.happens(5) else request

    def _from_rows(self, source: openapi.Source, known: Known, choices: Choices) -> dict[str, Any]:
        """The values of one row, of two that are crossed, or none where all are optional."""
        parameters = [each for each in self.operation.parameters if each.name in source.columns]
        if not any(each.required for each in parameters) and choices.happens(50):
            return {}
        row = known.row(source, choices)
        other = known.row(source, choices) if len(source.columns) > 1 and choices.happens(5) else row
        found = {}
        for position, (name, column) in enumerate(source.columns.items()):
            taken = other if position else row
            if taken is not None and taken.get(column) is not None:
                found[name] = str(taken[column])
        return found

    def _plain(self, parameter: openapi.Parameter, raw: Mapping[str, Any], known: Known, now: int, choices: Choices) -> Any:
        if not parameter.required and choices.happens(40):
            return None
        if parameter.type != "integer" or "enum" in parameter.schema or parameter.schema.get("maximum", now) < now:
            free = _PLAIN if parameter.type == "string" and "enum" not in parameter.schema else ()
            likely = [value for value in openapi.likely(parameter, now) if value is not None]
            return choices.choose([*likely, *free] or _PLAIN)
        value = now + choices.choose(_DISTANCES)
        near = [int(other) for name, other in raw.items() if name not in self._looked_up and str(other).isdecimal()]
        near += known.numbers(now)
        if near and choices.happens(40):
            value = choices.choose(near) + choices.choose((0, 1, -1, DAY))
        return value if parameter.location == "body" else str(value)

    def _deviate(self, raw: dict[str, Any], parameter: openapi.Parameter, choices: Choices) -> None:
        if choices.happens(40) and parameter.location != "path":
            raw.pop(parameter.name, None)
            return
        value = choices.choose(self._values[parameter.name])
        if parameter.location != "path" or (value and "/" not in str(value)):
            raw[parameter.name] = value
