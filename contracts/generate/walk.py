"""Walks: random sequences of requests over all operations, in which later requests use the rows that earlier ones changed.

For each step several candidates are drawn. The walk sends the one whose expected row has occurred least often after the
preceding changes, so that the pairs of a change and a row are covered evenly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

import openapi
from contracts.generate.choices import Choices
from contracts.generate.draw import Drawer, KnownRows
from contracts.http.wire import Request
from contracts.judge.verdict import Judgement
from contracts.sequence.sequence import Sequence

STEPS = 24
"""Requests in one walk."""
CHANGES_REMEMBERED = 2
"""Preceding changes that count for the coverage of a candidate."""
SUCCESS_PERCENT = 70
"""In so many percent of the steps a candidate that succeeds is preferred, if one was drawn, unless it is stated."""
READ_BACK_PERCENT = 75
"""In so many percent of the cases a change is followed by a request that uses or reads the changed rows."""
MINTED_ONLY_PERCENT = 60
"""So many percent of the walks use no initial rows of tables that a server can mint rows in, only rows they mint themselves."""
CANDIDATES = 8
"""Candidates that are drawn for one step."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A request that may be sent, and what the contract permits for it."""

    request: Request
    seen: openapi.Permitted
    operation: openapi.Operation

    @property
    def succeeds(self) -> bool:
        return self.seen.answer is self.operation.success

    @property
    def options(self) -> tuple[str, ...]:
        """The values of the parameters with an `enum`."""
        return tuple(str(self.seen.scope.raw.get(each.name)) for each in self.operation.parameters if "enum" in each.schema)

    def names(self, keys: set[str]) -> bool:
        """Whether it has one of these keys as a value."""
        return not keys.isdisjoint(map(str, self.seen.scope.raw.values()))

    def shows(self, keys: set[str]) -> bool:
        """Whether the expected reply data contains one of these keys."""
        text = reply_text(self.operation, self.seen)
        return any(key in text for key in keys)

    def differs_after(self, state: openapi.State) -> bool:
        """Whether another reply is expected in this state."""
        scope = self.seen.scope
        then = openapi.permitted(self.operation, scope.raw, state, scope["now"], scope.read_values)
        return reply_text(self.operation, then) != reply_text(self.operation, self.seen)


def reply_text(operation: openapi.Operation, seen: openapi.Permitted) -> str:
    """The outcome that is expected, and its data unless they are minted."""
    answer, scope = seen.answer, seen.scope
    known = answer.shows and not answer.mint
    return (
        f"{answer.outcome} {openapi.force(operation, answer, scope.raw, scope.state, scope['now'], Random(0)) if known else ''}"
    )


class Environment(Protocol):
    """What a walk runs against: a session with a server, or a model of one."""

    @property
    def known(self) -> KnownRows:
        """The rows to draw from."""

    @property
    def needs_better_sequence(self) -> bool:
        """Whether all walks should use only rows that they mint themselves, to isolate a violation."""

    def now(self) -> int:
        """The most likely time on the server, epoch ms."""

    def expect(self, request: Request) -> openapi.Permitted:
        """What the contract permits if this request is sent now."""

    def new_sequence(self) -> Sequence:
        """An empty sequence."""

    def ends_walk(self, judged: Judgement) -> bool:
        """Whether a walk ends after this judgement: a violation that was not known before."""


Walk = Generator[tuple[Sequence, Request], Judgement, None]
"""A walk: yields its sequence with the next request, and receives the judgement on the reply."""


def run(walk: Walk, step: Callable[[Sequence, Request], Judgement]) -> None:
    """Runs a walk to its end, alone."""
    try:
        following = next(walk)
        while True:
            following = walk.send(step(*following))
    except StopIteration:
        return


class Walker:
    """Runs walks against one environment; keeps the coverage across walks."""

    def __init__(self, environment: Environment, drawers: list[Drawer], success: int = SUCCESS_PERCENT) -> None:
        """In `success` percent of the steps a candidate that succeeds is preferred."""
        self._environment, self._drawers, self._success = environment, drawers, success
        self._reads = [each for each in drawers if each.operation.success.shows and not each.operation.success.mint]
        self._minted = {table for each in drawers for table in each.operation.success.mints}
        self._seen: Counter[tuple[Any, ...]] = Counter()
        self.steps = 0
        """Requests of all walks so far."""

    def walk(self, choices: Choices, steps: int = STEPS) -> Walk:
        """One walk, deterministic for given choices and environment. Ends at a new violation."""
        sequence = self._environment.new_sequence()
        minted_only = choices.happens(MINTED_ONLY_PERCENT) or self._environment.needs_better_sequence
        known = self._environment.known.focused(choices, self._minted if minted_only else ())
        drawers = [each for each in self._drawers if choices.happens(70)] or self._drawers
        changed: tuple[str, ...] = ()
        keys: set[str] = set()
        for _ in range(steps):
            candidate = self._read_back(known, keys, changed, choices) or self._next_candidate(drawers, known, changed, choices)
            self.steps += 1
            judged = yield sequence, candidate.request
            if self._environment.ends_walk(judged):
                break
            keys = set()
            if judged.changes:
                known.note(judged.changes)
                changed = (*changed, judged.verdict.got)[-CHANGES_REMEMBERED:]
                keys = {key for each in judged.changes for key in each.key if isinstance(key, str)}

    def _read_back(self, known: KnownRows, keys: set[str], changed: tuple[str, ...], choices: Choices) -> Candidate | None:
        """After a change, a candidate that should read the changed rows or that names them; None where there is none."""
        if not keys or not choices.happens(READ_BACK_PERCENT):
            return None
        if self._reads and choices.happens(50):
            reads = self._candidates(self._reads, known, 2 * CANDIDATES, choices)
            found = [each for each in reads if each.succeeds and each.shows(keys)]
        else:
            found = [each for each in self._candidates(self._drawers, known, 2 * CANDIDATES, choices) if each.names(keys)]
        return self._least_covered(found, changed) if found else None

    def _next_candidate(self, drawers: list[Drawer], known: KnownRows, changed: tuple[str, ...], choices: Choices) -> Candidate:
        candidates = list(self._candidates(drawers, known, CANDIDATES, choices))
        successes = [each for each in candidates if each.succeeds] if choices.happens(self._success) else []
        return self._least_covered(successes or candidates, changed)

    def _candidates(self, drawers: list[Drawer], known: KnownRows, count: int, choices: Choices) -> Iterator[Candidate]:
        for last in reversed(range(count)):
            drawer = choices.choose(drawers)
            candidate = self._candidate(drawer, drawer.raw(known, self._environment.now(), choices), choices)
            if not candidate.seen.unsure or not last:
                yield candidate

    def _candidate(self, drawer: Drawer, raw: Mapping[str, Any], choices: Choices) -> Candidate:
        request = drawer.request(raw, choices)
        return Candidate(request, self._environment.expect(request), drawer.operation)

    def _least_covered(self, candidates: list[Candidate], changed: tuple[str, ...]) -> Candidate:
        """The candidate whose expected row has occurred least often after these changes with the same options."""

        def keys(candidate: Candidate) -> list[tuple[Any, ...]]:
            row = candidate.operation.name, candidate.seen.answer.number, candidate.options
            return [(*changed[-length:], *row) for length in range(1, CHANGES_REMEMBERED + 1)]

        chosen = min(candidates, key=lambda candidate: [self._seen[key] for key in keys(candidate)])
        self._seen.update(keys(chosen))
        return chosen
