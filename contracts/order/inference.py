"""Infers the order of a server's checks from its replies to requests that break several checks at once. Does no I/O.

A check is a row that refuses, together with the permitted rows directly below it, which give other outcomes for the same case.
If a request breaks several checks, the one that the reply names is performed first. The order of two assumed rows is not
inferred, because a server need not have them. An assumed row that no reply has named keeps its place.
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
    """A row that refuses, with the permitted rows that give other outcomes for the same case."""

    position: int
    """In the table of its operation, from 0."""
    rule: openapi.Rule
    alternatives: tuple[openapi.Rule, ...] = ()

    @property
    def expected(self) -> bool:
        """Whether a server is expected to perform it: its row is documented or assumed, not merely permitted."""
        return self.rule.kind != "permitted"

    @property
    def documented(self) -> bool:
        """Whether every server must perform it."""
        return self.rule.kind == "documented"

    @property
    def rows(self) -> tuple[openapi.Rule, ...]:
        """Its rows, which are moved together."""
        return self.rule, *self.alternatives

    def __str__(self) -> str:
        return f"{self.rule.outcome.partition('/')[2]} {self.rule.condition}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to a request that breaks several checks at once. Checks are given by position."""

    request: Request
    broken: frozenset[int]
    first: int | None
    """The check that the reply names; None where the reply is ambiguous."""
    got: str


@dataclass(frozen=True, slots=True)
class Order:
    """The inferred order of the checks of one operation."""

    checks: tuple[Check, ...]
    sequence: tuple[Check, ...]
    """The checks in the order of the server. The order of the table where nothing is known or the answers are contradictory."""
    before: Mapping[tuple[int, int], Answer]
    """For each pair of positions (earlier, later), the first answer that shows it."""
    cycle: tuple[Answer, ...]
    """Contradictory answers: no single order explains all of them. Empty where there is no contradiction."""
    undetermined: tuple[tuple[Check, Check], ...]
    """Pairs whose order does not follow from the answers, neither directly nor transitively."""
    never_named: tuple[Check, ...]
    """Assumed checks that requests broke and no reply named."""

    @property
    def differs(self) -> bool:
        """Whether the order differs from the order of the table."""
        return self.sequence != self.checks

    @property
    def own_before_common(self) -> tuple[Check, Check] | None:
        """The first check of the operation itself that precedes a check of the whole document, and that check, if any."""
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
    return frozenset(each.position for each in checks if each.expected and each.rule.number in numbers)


def named(checks: Sequence[Check], seen: openapi.Permitted, got: str) -> int | None:
    """The position of the broken check that has this outcome; None where no check has it or several have it."""
    numbers = {rule.number for rule in seen.rules}
    rows = [(at, row.outcome) for at in sorted(broken(checks, seen)) for row in checks[at].rows if row.number in numbers]
    for outcome in (got, f"{got.partition('/')[0]}/*"):
        found = {at for at, given in rows if given == outcome}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def is_observable(one: Check, two: Check) -> bool:
    """Whether the order of two checks shows in the replies, and at least one of the two is documented."""
    expected = one.expected and two.expected and (one.documented or two.documented)
    return expected and one.rule.outcome != two.rule.outcome


def infer(checks: tuple[Check, ...], answers: Sequence[Answer]) -> Order:
    """The order that explains the answers; where they leave a choice, the order of the table."""
    before = _before(checks, answers)
    cycle = _cycle(before)
    after = _after(len(checks), {*before, *_pinned(checks)})
    shown = {each.first for each in answers}
    tried = {position for each in answers for position in each.broken}
    never_named = tuple(each for each in checks if each.expected and not each.documented and each.position in tried - shown)
    pairs = combinations((each for each in checks if each not in never_named), 2)
    return Order(
        checks,
        checks if cycle else tuple(checks[position] for position in _stable(after)),
        before,
        cycle,
        tuple(pair for pair in pairs if is_observable(*pair) and not _decided(after, *pair)),
        never_named,
    )


def _before(checks: tuple[Check, ...], answers: Sequence[Answer]) -> dict[tuple[int, int], Answer]:
    """Pairs of positions (earlier, later), each with the first answer that shows it."""
    shown = {each.first for each in answers}
    found: dict[tuple[int, int], Answer] = {}
    for answer in answers:
        if answer.first is not None:
            for other in answer.broken - {answer.first}:
                if checks[other].documented or other in shown:
                    found.setdefault((answer.first, other), answer)
    return found


def _pinned(checks: tuple[Check, ...]) -> set[tuple[int, int]]:
    """Pairs that keep a row without a condition below all rows above it: it always applies, so it cannot move up."""
    return {(above, each.position) for each in checks if each.rule.always for above in range(each.position)}


def _cycle(before: Mapping[tuple[int, int], Answer]) -> tuple[Answer, ...]:
    """Answers that contradict each other; empty where an order explains all answers."""
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for one, two in before:
        sorter.add(two, one)
    try:
        sorter.prepare()
    except CycleError as error:
        return tuple(before[pair] for pair in pairwise(error.args[1]))
    return ()


def _after(count: int, edges: Iterable[tuple[int, int]]) -> list[set[int]]:
    """For each position, all later positions: the transitive closure of the edges."""
    after: list[set[int]] = [set() for _ in range(count)]
    for one, two in edges:
        after[one].add(two)
    for middle in range(count):
        for found in after:
            if middle in found:
                found |= after[middle]
    return after


def _stable(after: Sequence[set[int]]) -> list[int]:
    """The positions in a topological order that keeps the order of the table where the edges allow it."""
    found: list[int] = []
    for position, later in enumerate(after):
        found.insert(next((at for at, each in enumerate(found) if each in later), len(found)), position)
    return found


def _decided(after: Sequence[set[int]], one: Check, two: Check) -> bool:
    return two.position in after[one.position] or one.position in after[two.position]
