"""Walks over all operations: what one request changed, the next one meets.

Of several requests that the choices give, a walk sends the one whose answer has been seen least after the change before
it, so that the pairs of a change and an answer are covered evenly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

import openapi
from contracts.generate.choices import Choices
from contracts.generate.draw import Drawer, Known
from contracts.http.wire import Request
from contracts.judge.oracle import Judgement
from contracts.sequence.sequence import Sequence

STEPS = 24
"""Requests in one walk."""
MEMORY = 2
"""Changes that a walk remembers when it looks for what is unfamiliar."""
SUCCESSES = 70
"""How many of a hundred requests should succeed, where one of those that were drawn does."""
LOOKS = 75
"""In how many of a hundred cases a change is followed by a look at it."""
AFRESH = 60
"""How many of a hundred walks leave those rows alone that a server can mint, and use what they mint themselves."""
TRIES = 8
"""Requests of which the one is sent that is the least familiar."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """A request that might be sent, and what is expected of it."""

    request: Request
    seen: openapi.Permitted
    operation: openapi.Operation

    @property
    def succeeds(self) -> bool:
        return self.seen.answer is self.operation.success

    @property
    def options(self) -> tuple[str, ...]:
        """What it says where a parameter has a few values only."""
        return tuple(str(self.seen.scope.raw.get(each.name)) for each in self.operation.parameters if "enum" in each.schema)

    def names(self, keys: set[str]) -> bool:
        """Whether it speaks of rows with these keys."""
        return not keys.isdisjoint(map(str, self.seen.scope.raw.values()))

    def shows(self, keys: set[str]) -> bool:
        """Whether the reply should speak of rows with these keys."""
        answer, scope = self.seen.answer, self.seen.scope
        if answer.data is None or answer.mint:
            return False
        text = str(openapi.force(self.operation, answer, scope.raw, scope.state, scope["now"], Random(0)))
        return any(key in text for key in keys)


class Ground(Protocol):
    """What a walk goes over: a session with a server, or a model that stands for one."""

    @property
    def known(self) -> Known:
        """The rows to draw from."""

    @property
    def seeking(self) -> bool:
        """Whether walks are wanted that use what they mint themselves."""

    def restart(self) -> bool:
        """Makes everything begin anew, where that can be."""

    def now(self) -> int:
        """The likeliest time at the server, in epoch ms."""

    def expect(self, request: Request) -> openapi.Permitted:
        """What a server may answer if this request is sent now."""

    def begin(self) -> Sequence:
        """An empty sequence."""

    def ends(self, judged: Judgement) -> bool:
        """Whether a walk ends with this: with a violation that was not known."""

    def step(self, sequence: Sequence, request: Request) -> Judgement:
        """Sends the next request of a sequence. Raises Enough."""


class Walker:
    """Walks over one ground; remembers what it has seen."""

    def __init__(self, ground: Ground, drawers: list[Drawer]) -> None:
        self._ground, self._drawers = ground, drawers
        self._reads = [each for each in drawers if each.operation.success.data and not each.operation.success.mint]
        self._minted = {table for each in drawers for table in each.operation.success.mints}
        self._seen: Counter[tuple[Any, ...]] = Counter()

    def walk(self, choices: Choices, steps: int = STEPS) -> Sequence:
        """One walk; the same choices over the same ground are the same walk. Ends at a new violation. Raises Enough."""
        self._ground.restart()
        sequence = self._ground.begin()
        afresh = choices.happens(AFRESH) or self._ground.seeking
        known = self._ground.known.focused(choices, self._minted if afresh else ())
        drawers = [each for each in self._drawers if choices.happens(70)] or self._drawers
        changed: tuple[str, ...] = ()
        keys: set[str] = set()
        for _ in range(steps):
            draft = self._look(known, keys, changed, choices) or self._unfamiliar(drawers, known, changed, choices)
            judged = self._ground.step(sequence, draft.request)
            if self._ground.ends(judged):
                break
            keys = set()
            if judged.changes:
                known.note(judged.changes)
                changed = (*changed, judged.verdict.got)[-MEMORY:]
                keys = {key for each in judged.changes for key in each.key if isinstance(key, str)}
        return sequence

    def _look(self, known: Known, keys: set[str], changed: tuple[str, ...], choices: Choices) -> _Draft | None:
        """After a change, mostly: a read that should show what has changed, or a request that names it."""
        if not keys or not choices.happens(LOOKS):
            return None
        if self._reads and choices.happens(50):
            found = [each for each in self._drafts(self._reads, known, 2 * TRIES, choices) if each.succeeds and each.shows(keys)]
        else:
            found = [each for each in self._drafts(self._drawers, known, 2 * TRIES, choices) if each.names(keys)]
        return self._least_familiar(found, changed) if found else None

    def _unfamiliar(self, drawers: list[Drawer], known: Known, changed: tuple[str, ...], choices: Choices) -> _Draft:
        drafts = list(self._drafts(drawers, known, TRIES, choices))
        successes = [each for each in drafts if each.succeeds] if choices.happens(SUCCESSES) else []
        return self._least_familiar(successes or drafts, changed)

    def _drafts(self, drawers: list[Drawer], known: Known, count: int, choices: Choices) -> Iterator[_Draft]:
        for _ in range(count):
            drawer = choices.choose(drawers)
            request = drawer.request(drawer.raw(known, self._ground.now(), choices), choices)
            yield _Draft(request, self._ground.expect(request), drawer.operation)

    def _least_familiar(self, drafts: list[_Draft], changed: tuple[str, ...]) -> _Draft:
        """The one whose row of the table has answered least after these changes, with these options."""

        def keys(draft: _Draft) -> list[tuple[Any, ...]]:
            row = draft.operation.name, draft.seen.answer.number, draft.options
            return [(*changed[-length:], *row) for length in range(1, MEMORY + 1)]

        chosen = min(drafts, key=lambda draft: [self._seen[key] for key in keys(draft)])
        self._seen.update(keys(chosen))
        return chosen
