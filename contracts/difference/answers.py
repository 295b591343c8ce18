"""The same requests by both contracts: which answers each permits, in the same world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import openapi
from contracts.difference.change import NOBODY, OF_CLIENTS, OF_SERVERS, Breaks, Example

SUCCESS = "success"


@dataclass(frozen=True, slots=True, eq=False)
class Worlds:
    """The state in which requests are compared, as each contract has it. `given` is false for an empty one."""

    old: openapi.State
    new: openapi.State
    now: int
    """Epoch ms."""
    given: bool


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One request, and what both contracts permit. Rows are given by number."""

    raw: Mapping[str, Any]
    """The parameters, by their names in NEW."""
    held_before: frozenset[int]
    held_after: frozenset[int]
    before: tuple[str, ...]
    """The codes that OLD permits, the first is that of its mock."""
    after: tuple[str, ...]
    breaks: Breaks
    cost: tuple[int, int]

    @property
    def differs(self) -> bool:
        """Whether another code is permitted, or the mock answers another one."""
        return self.before[0] != self.after[0] or set(self.before) != set(self.after)


class Answers:
    """The requests for one operation."""

    def __init__(
        self, one: openapi.Operation, two: openapi.Operation, worlds: Worlds, renamed: Mapping[str, str], most: int
    ) -> None:
        """`renamed` are the new names of parameters and credentials by the old ones; `most` bounds the requests of each side."""
        self.operation, self.worlds = two, worlds
        self._arguments = one, two, worlds, renamed, most

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """The requests, which are made when a change first asks for them."""
        return tuple(_cases(*self._arguments))

    @cached_property
    def _rows(self) -> dict[tuple[bool, int], set[int]]:
        """The positions of the cases that fall under each row; true is for the rows of NEW."""
        found: dict[tuple[bool, int], set[int]] = {}
        for position, case in enumerate(self.cases):
            for is_new, numbers in ((False, case.held_before), (True, case.held_after)):
                for number in numbers:
                    found.setdefault((is_new, number), set()).add(position)
        return found

    def under(self, row: int | None, is_new: bool) -> set[int]:
        """The positions of the cases that fall under a row; none for no row."""
        return set() if row is None else self._rows.get((is_new, row), set())

    def at(self, positions: Iterable[int]) -> list[Case]:
        """The cases at these positions, the simplest first."""
        return sorted((self.cases[each] for each in positions), key=lambda each: each.cost)

    def example(self, cases: Iterable[Case]) -> Example | None:
        """The first case that shows a difference."""
        found = sorted((each for each in cases if each.differs), key=lambda each: each.before[0] == each.after[0])
        return Example(self.operation, found[0].raw, found[0].before, found[0].after) if found else None


def _cases(
    one: openapi.Operation, two: openapi.Operation, worlds: Worlds, renamed: Mapping[str, str], most: int
) -> Iterator[Case]:
    earlier = {new: old for old, new in renamed.items()}
    seen: set[str] = set()
    for raw in _requests(two, worlds.new, worlds.now, most):
        yield from _case(one, two, _named(raw, earlier, one), raw, worlds, seen)
    for raw in _requests(one, worlds.old, worlds.now, most):
        yield from _case(one, two, raw, _named(raw, renamed, two), worlds, seen)


def _named(raw: Mapping[str, Any], names: Mapping[str, str], operation: openapi.Operation) -> dict[str, Any]:
    known = {each.name for each in operation.parameters}
    return {name: value for key, value in raw.items() if (name := names.get(key, key)) in known}


def _requests(operation: openapi.Operation, state: openapi.State, now: int, most: int) -> Iterator[Mapping[str, Any]]:
    try:
        yield from (each.raw for each in islice(openapi.classified(operation, state, now), most))
    except openapi.ExecutionError:
        return  # an expression fails for a value: there are no more requests to try


def _case(
    one: openapi.Operation,
    two: openapi.Operation,
    raw_before: Mapping[str, Any],
    raw_after: Mapping[str, Any],
    worlds: Worlds,
    seen: set[str],
) -> Iterator[Case]:
    text = repr(sorted(raw_after.items()))
    if text in seen:
        return
    seen.add(text)
    raw_before = openapi.completed(one, raw_before, worlds.old, worlds.now)
    raw_after = openapi.completed(two, raw_after, worlds.new, worlds.now)
    before = openapi.permitted(one, raw_before, worlds.old, worlds.now)
    after = openapi.permitted(two, raw_after, worlds.new, worlds.now)
    if before.unsure or after.unsure:
        return
    old, new = _codes(before), _codes(after)
    gained = set() if openapi.ANY_CODE in old else set(new) - set(old) - {SUCCESS}
    lost = set() if openapi.ANY_CODE in new else set(old) - set(new)
    breaks = (OF_CLIENTS if gained else NOBODY) | (OF_SERVERS if lost else NOBODY)
    rows = [frozenset(rule.number for rule in seen.rules) for seen in (before, after)]
    yield Case(raw_after, rows[0], rows[1], _shown(old, before), _shown(new, after), breaks, (len(raw_after), len(text)))


def _codes(seen: openapi.Permitted) -> tuple[str, ...]:
    rules = sorted(seen.rules, key=lambda rule: rule is not seen.answer)
    return tuple(dict.fromkeys(SUCCESS if rule is seen.success else code_of(rule) for rule in rules))


def _shown(codes: tuple[str, ...], seen: openapi.Permitted) -> tuple[str, ...]:
    return tuple(code_of(seen.success) if each == SUCCESS else each for each in codes)


def code_of(rule: openapi.Rule) -> str:
    """The code of a row, with its HTTP status where that is not 200."""
    return rule.outcome.rpartition("/")[2]
