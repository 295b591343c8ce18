"""Walks over all operations: what one request changed, the next one meets.

Of several requests that the choices give, a walk sends the one whose answer has been seen least after the change before
it, so that the pairs of a change and an answer are covered evenly.
"""

from __future__ import annotations

from collections import Counter

from contracts._choice import Choices, Seeded
from contracts._draw import Drawer
from contracts._oracle import VIOLATION
from contracts._session import Session
from contracts._wire import Request

STEPS = 24
"""Requests in one walk."""
TRIES = 6
"""Requests of which the one is sent that is the least familiar."""


class Walker:
    """Walks with one session; remembers what it has seen."""

    def __init__(self, session: Session) -> None:
        self._session = session
        state, now = session.oracle.state, session.now()
        self._drawers = [Drawer(each, state, now) for each in session.contract.operations.values()]
        self._seen: Counter[tuple[str, str, int]] = Counter()

    def walk(self, seed: int, number: int, steps: int = STEPS) -> None:
        """One walk; the same seed and number give the same choices. Ends at a violation. Raises Enough."""
        choices = Seeded(f"{seed}/{number}")
        sequence = self._session.begin()
        changed = ""
        for _ in range(steps):
            request = self._unfamiliar(changed, choices)
            judged = self._session.step(sequence, request)
            if judged.verdict.kind == VIOLATION:
                return
            if judged.changes:
                changed = judged.verdict.got

    def _unfamiliar(self, changed: str, choices: Choices) -> Request:
        """The request whose row of the table has answered least after this change."""
        best: tuple[int, tuple[str, str, int], Request] | None = None
        for _ in range(TRIES):
            drawer = choices.choose(self._drawers)
            now = self._session.now()
            raw = drawer.raw(self._session.known, now, choices)
            request = drawer.request(raw, choices)
            seen = self._session.expect(request)
            key = changed, drawer.operation.name, seen.answer.number
            if best is None or self._seen[key] < best[0]:
                best = self._seen[key], key, request
        assert best is not None
        self._seen[best[1]] += 1
        return best[2]
