"""Draws single requests from random choices, for walks and for fuzzing."""

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
"""The most recently changed rows of each table that are kept."""
MOST_FRESH = 6
"""The most recently changed rows of each table that requests are drawn from."""
MOST_IN_FOCUS = 3
"""Rows of each table that a focused walk draws from."""
HOUR = 3_600_000
DAY = 24 * HOUR
MOST_AHEAD = 2 * 365 * DAY
"""An integer of a row is taken for a future time if it is at most so many ms ahead of now."""
JOINT_PERCENT, MOSTLY_JOINT_PERCENT = 15, 60
"""How often the values that a look-up needs at once are taken from one row; the latter where it needs a value of no other."""
OF_ROWS_PERCENT = 90
"""How often the items of an array that is looked up in a table are those of rows as they are now."""
SMALL_PERCENT = 50
"""How often an integer that is compared with nothing is a small one, and not a time."""
_TIME_OFFSETS = (HOUR, DAY, 30 * DAY, 365 * DAY, 30 * 365 * DAY, HOUR + 1, 60_000, -60_000, -DAY)
_SAMPLE_TEXTS = ("text", "Kitchen", "7", "设备", "Lamp \U0001f600")
"""The last one has a character that takes four bytes in UTF-8."""
Row = Mapping[str, Any]


class KnownRows:
    """The rows that requests are drawn from: a sample of the initial state, and the rows that changed last."""

    def __init__(self, first: Mapping[str, Sequence[Row]], whole: KnownRows | None = None) -> None:
        self._first = first
        self._whole = whole or self
        """Those that it is a subset of, which notes the changes of every walk."""
        self._fresh: dict[str, deque[Row]] = {table: deque(maxlen=FRESH_ROWS) for table in first}

    @classmethod
    def of(cls, state: openapi.State, now: int) -> KnownRows:
        """A sample of the rows of a state; `now` is epoch ms."""
        return cls({table: openapi.sample(state, table, now) for table in state.tables})

    def clear_changes(self) -> None:
        """Forgets the changed rows, after a reset of the target."""
        for rows in self._fresh.values():
            rows.clear()

    def focused(self, choices: Choices, without: Container[str] = ()) -> KnownRows:
        """A subset of the initial rows, so that a walk uses the same rows repeatedly; no rows of the tables `without`."""
        return KnownRows({table: () if table in without else _subset(rows, choices) for table, rows in self._first.items()}, self)

    def note(self, changes: Iterable[openapi.Change]) -> None:
        """Adds the rows that a request changed, the newest first."""
        for each in changes:
            if each.after is not None:
                named = each.columns.named(each.after).items()
                # Nobody can send a value that the server has invented and not shown.
                self._fresh[each.columns.table].appendleft(
                    {name: None if openapi.is_lost(value) else value for name, value in named}
                )

    def row(self, source: openapi.Source, choices: Choices) -> Row | None:
        """A row with the columns of a source: a changed one, one that shares a text with a changed one, or any of its table.

        None where the table has no row.
        """
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

    def current_row(self, source: openapi.Source, choices: Choices) -> Row | None:
        """A row of the table of a source, as it is since its last change. None where the table has none."""

        def key(row: Row) -> list[Any]:
            return [row.get(column) for column in source.columns.values()]

        rows = (*self._first[source.table], *self._fresh[source.table])
        chosen = choices.choose(rows) if rows else None
        changed = (each for each in self._whole._fresh[source.table] if chosen is not None and key(each) == key(chosen))
        return next(changed, chosen)

    def numbers(self, now: int) -> list[int]:
        """The future times in changed rows, which a rule may compare with a parameter. All times are epoch ms."""
        fresh = (row for rows in self._fresh.values() for row in islice(rows, MOST_FRESH))
        return [value for row in fresh for value in row.values() if type(value) is int and now < value < now + MOST_AHEAD]


def _texts(row: Row) -> Iterable[str]:
    return (value for value in row.values() if isinstance(value, str))


def _subset(rows: Sequence[Row], choices: Choices) -> Sequence[Row]:
    """At most MOST_IN_FOCUS of the rows in about 70 % of the cases, else all."""
    if len(rows) <= MOST_IN_FOCUS or choices.happens(30):
        return rows
    return [choices.choose(rows) for _ in range(MOST_IN_FOCUS)]


class Drawer:
    """Draws requests for one operation."""

    def __init__(self, operation: openapi.Operation, state: openapi.State, now: int) -> None:
        self.operation = operation
        self._clues = openapi.Clues(operation, state, now)
        self.sources = self._clues.sources
        """The tables that its parameters are looked up in."""
        self._looked_up = {name for source in self.sources for name in source.columns}
        self._joint = [each for each in self._clues.joint_sources if not self._covered(each)]
        """The look-ups that need values of several of those at once."""
        self._parameters = self._clues.parameters
        self._credentials = {each.name for each in operation.parameters if each.credential and each.location == "header"}
        arrays = [each.name for each in self._parameters.values() if each.type == "array"]
        self._items = {name: found for name in arrays if (found := openapi.item_sources(operation, name))}
        self._values = {name: list(openapi.values(each, self._clues)) for name, each in self._parameters.items()}

    def _covered(self, source: openapi.Source) -> bool:
        return any(source.columns.keys() <= each.columns.keys() for each in self.sources)

    def raw(self, known: KnownRows, now: int, choices: Choices) -> dict[str, Any]:
        """Raw values of a request: mostly valid, some replaced or left out at random. `now` is epoch ms."""
        found: dict[str, Any] = {}
        for source in self.sources:
            found |= self._from_rows(source, known, choices)
        for source in self._joint:
            if choices.happens(self._percent(source)):
                found |= self._from_rows(source, known, choices)
        clues = self._clues.at(now)
        for name, each in self._parameters.items():
            if name not in self._looked_up and name not in found and self._is_wanted(each, found, choices):
                found[name] = self._value(each, found, known, clues, choices)
        raw: dict[str, Any] = {}
        for name, each in self._parameters.items():
            if found.get(name) is not None:
                raw = each.put(raw, found[name])
        while choices.happens(20) and self._parameters:
            raw = self._mutated(raw, choices.choose(list(self._parameters.values())), choices)
        return raw

    def _percent(self, source: openapi.Source) -> int:
        """How often a look-up of several values is met: mostly where no other one gives a value that is required."""
        needed = any(self._parameters[name].required for name in source.columns.keys() - self._looked_up)
        return MOSTLY_JOINT_PERCENT if needed else JOINT_PERCENT

    def _is_wanted(self, parameter: openapi.Parameter, found: Mapping[str, Any], choices: Choices) -> bool:
        """Whether a value is drawn: for all that is required, of a part of an object only now and then, as the object has one."""
        if parameter.inside is not None:
            return found.get(parameter.inside) is not None and choices.happens(50)
        return parameter.required or not choices.happens(40)

    def request(self, raw: Mapping[str, Any], choices: Choices, *, mutated: bool = True) -> Request:
        """The request with these raw values; header prefix, form or query, and mutations are chosen at random.

        `mutated` tells whether it may be a mutation.
        """
        if choices.happens(50):
            raw = {name: f"Bearer {value}" if name in self._credentials and value else value for name, value in raw.items()}
        request = request_for(self.operation, raw, as_form=self.operation.accepts_form and choices.happens(20))
        return choices.choose(list(mutations(self.operation, request))) if mutated and choices.happens(5) else request

    def _from_rows(self, source: openapi.Source, known: KnownRows, choices: Choices) -> dict[str, Any]:
        """The values of one row; sometimes of two rows mixed; sometimes none, where all the parameters are optional."""
        parameters = [each for each in self.operation.parameters if each.name in source.columns]
        if not any(each.required for each in parameters) and choices.happens(50):
            return {}
        row = known.row(source, choices)
        other = known.row(source, choices) if len(source.columns) > 1 and choices.happens(5) else row
        found = {}
        for position, (name, column) in enumerate(source.columns.items()):
            taken = other if position else row
            if taken is not None and taken.get(column) is not None:
                (found[name],) = openapi.texts(self._parameters[name], [taken[column]])
        return found

    def _value(
        self,
        parameter: openapi.Parameter,
        found: Mapping[str, Any],
        known: KnownRows,
        clues: openapi.Clues,
        choices: Choices,
    ) -> Any:
        if parameter.name in clues.operation.computed:
            return openapi.COMPUTED
        if (
            parameter.name in self._items
            and choices.happens(OF_ROWS_PERCENT)
            and (items := self._drawn_items(parameter, known, choices))
        ):
            return items
        schema, now = parameter.schema, clues.now
        unit = clues.unit_of_time(parameter.name) if parameter.type == "integer" else None
        compared = clues.compared[parameter.name]
        limited = "enum" in schema or schema.get("maximum", now) < now // (unit or 1)
        if parameter.type != "integer" or limited or compared.distances or (unit is None and compared.columns):
            free = self._free_texts(parameter)
            likely = [value for value in openapi.likely(parameter, clues) if value is not None]
            return choices.choose([*likely, *free] or _SAMPLE_TEXTS)
        if unit is None and choices.happens(SMALL_PERCENT):
            return choices.choose([value for value in openapi.likely(parameter, clues) if value is not None])
        value = (now + choices.choose(_TIME_OFFSETS)) // (unit or 1)
        near = [int(other) for name, other in found.items() if name not in self._looked_up and str(other).isdecimal()]
        near += known.numbers(now) if unit in (None, 1) else []
        if near and choices.happens(40):
            value = choices.choose(near) + choices.choose((0, 1, -1, DAY))
        return openapi.texts(parameter, [value])[0]

    def _drawn_items(self, parameter: openapi.Parameter, known: KnownRows, choices: Choices) -> list[Any]:
        """An array of one item or two, which rows give as they are now."""
        found: list[Any] = []
        for _ in range(choices.choose((1, 1, 2))):
            source = choices.choose(self._items[parameter.name])
            row = known.current_row(source, choices)
            if row is not None and None not in map(row.get, source.columns.values()):
                found += [choices.choose(items)] if (items := [*openapi.items_of(parameter, source, row)]) else []
        return found

    def _free_texts(self, parameter: openapi.Parameter) -> Sequence[str]:
        """Texts that are valid for a parameter of no certain values."""
        if parameter.type != "string" or "enum" in parameter.schema:
            return ()
        return [text for text in _SAMPLE_TEXTS if not isinstance(parameter.read(text), openapi.Absence)]

    def _mutated(self, raw: dict[str, Any], parameter: openapi.Parameter, choices: Choices) -> dict[str, Any]:
        if choices.happens(40) and parameter.location != "path":
            return parameter.put(raw, None)
        value = choices.choose(self._values[parameter.name])
        fits = parameter.location != "path" or (value and "/" not in str(value))
        return parameter.put(raw, value) if fits else raw
