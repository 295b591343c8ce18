"""In which order a server checks: what its answers to requests that break several checks at once say about it. Pure.

A check is a row that refuses, together with the permitted rows directly below it, which say what it may answer instead.
Who names one of several broken checks has come to it first. Two assumed rows say nothing about each other, since a server
may do without them, and an assumed row that no answer has named is left where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import combinations, pairwise

import openapi
from contracts.http.wire import Request


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """A row that refuses, and what it may answer instead."""

    position: int
    """In the table of its operation, from 0."""
    rule: openapi.Rule
    alternatives: tuple[openapi.Rule, ...] = ()

    @property
    def firm(self) -> bool:
        """Whether a server is expected to check it: a row that is merely permitted is none."""
        return self.rule.kind != "permitted"

    @property
    def documented(self) -> bool:
        """Whether every server checks it."""
        return self.rule.kind == "documented"

    @property
    def rows(self) -> tuple[openapi.Rule, ...]:
        """Its rows, which stay together."""
        return self.rule, *self.alternatives

    def __str__(self) -> str:
        return f"{self.rule.outcome.partition('/')[2]} {self.rule.condition}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A request that breaks several checks at once, and which of them the server named, by their positions."""

    request: Request
    broken: frozenset[int]
    first: int | None
    """None where the reply says nothing sure."""
    got: str


@dataclass(frozen=True, slots=True)
class Order:
    """What is known of an operation."""

    checks: tuple[Check, ...]
    sequence: tuple[Check, ...]
    """The checks in the order of the server; that of the table where nothing is known, or where it contradicts itself."""
    before: Mapping[tuple[int, int], Answer]
    """The answer that shows it, for each check that comes before another one, by their positions."""
    circle: tuple[Answer, ...]
    """Answers that cannot all come from one order."""
    open: tuple[tuple[Check, Check], ...]
    """Pairs of which no answer tells, directly or by others, which one comes first."""
    unseen: tuple[Check, ...]
    """Assumed checks that were broken, and never named."""

    @property
    def differs(self) -> bool:
        """Whether it is another order than that of the table."""
        return self.sequence != self.checks

    @property
    def across(self) -> tuple[Check, Check] | None:
        """The first check of the operation itself that comes before one of the whole document, and that one."""
        own = next((at for at, each in enumerate(self.sequence) if not each.rule.common), len(self.sequence))
        later = next((each for each in self.sequence[own:] if each.rule.common), None)
        return None if later is None else (self.sequence[own], later)


def checks_of(operation: openapi.Operation) -> tuple[Check, ...]:
    """The checks of an operation, in the order of the table."""
    found: list[list[openapi.Rule]] = []
    for rule in operation.rules[:-1]:
        above = found[-1][0] if found else None
        if above and above.kind != "permitted" == rule.kind and not rule.always and above.common == rule.common:
            found[-1].append(rule)
        else:
            found.append([rule])
    return tuple(Check(at, rules[0], tuple(rules[1:])) for at, rules in enumerate(found))


def broken(checks: Iterable[Check], seen: openapi.Permitted) -> frozenset[int]:
    """The positions of the checks that a request breaks."""
    numbers = {rule.number for rule in seen.rules}
    return frozenset(each.position for each in checks if each.firm and each.rule.number in numbers)


def named(checks: Sequence[Check], seen: openapi.Permitted, got: str) -> int | None:
    """The position of the one broken check that answers so; None where there is none, or several."""
    numbers = {rule.number for rule in seen.rules}
    rows = [(at, row.outcome) for at in sorted(broken(checks, seen)) for row in checks[at].rows if row.number in numbers]
    for outcome in (got, f"{got.partition('/')[0]}/*"):
        found = {at for at, given in rows if given == outcome}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def tells(one: Check, two: Check) -> bool:
    """Whether the order of two checks can be seen, and is demanded of a server."""
    firm = one.firm and two.firm and (one.documented or two.documented)
    return firm and one.rule.outcome != two.rule.outcome


def infer(checks: tuple[Check, ...], answers: Sequence[Answer]) -> Order:
    """The order that explains the answers and keeps to the table wherever they leave a choice."""
    before = _before(checks, answers)
    circle = _circle(before)
    after = _after(len(checks), {*before, *_pinned(checks)})
    shown = {each.first for each in answers}
    tried = {position for each in answers for position in each.broken}
    unseen = tuple(each for each in checks if each.firm and not each.documented and each.position in tried - shown)
    pairs = combinations((each for each in checks if each not in unseen), 2)
    return Order(
        checks,
        checks if circle else tuple(checks[position] for position in _stable(after)),
        before,
        circle,
        tuple(pair for pair in pairs if tells(*pair) and not _decided(after, *pair)),
        unseen,
    )


def _before(checks: tuple[Check, ...], answers: Sequence[Answer]) -> dict[tuple[int, int], Answer]:
    """Which check comes before which, each with the first answer that shows it."""
    shown = {each.first for each in answers}
    found: dict[tuple[int, int], Answer] = {}
    for answer in answers:
        if answer.first is not None:
            for other in answer.broken - {answer.first}:
                if checks[other].documented or other in shown:
                    found.setdefault((answer.first, other), answer)
    return found


def _pinned(checks: tuple[Check, ...]) -> set[tuple[int, int]]:
    """A row that always holds checks nothing: it stays below what is above it."""
    return {(above, each.position) for each in checks if each.rule.always for above in range(each.position)}


def _circle(before: Mapping[tuple[int, int], Answer]) -> tuple[Answer, ...]:
    """Answers that contradict each other; none where they come from an order."""
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for one, two in before:
        sorter.add(two, one)
    try:
        sorter.prepare()
    except CycleError as error:
        return tuple(before[pair] for pair in pairwise(error.args[1]))
    return ()


def _after(count: int, edges: Iterable[tuple[int, int]]) -> list[set[int]]:
    """What comes after each position, directly or not."""
    after: list[set[int]] = [set() for _ in range(count)]
    for one, two in edges:
        after[one].add(two)
    for middle in range(count):
        for found in after:
            if middle in found:
                found |= after[middle]
    return after


def _stable(after: Sequence[set[int]]) -> list[int]:
    """The positions in a possible order: each stays below what was above it, unless it must come before some of that."""
    found: list[int] = []
    for position, later in enumerate(after):
        found.insert(next((at for at, each in enumerate(found) if each in later), len(found)), position)
    return found


def _decided(after: Sequence[set[int]], one: Check, two: Check) -> bool:
    return two.position in after[one.position] or one.position in after[two.position]
