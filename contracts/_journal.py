"""The requests of a session that changed something, so that a failure can be traced back to them."""

from __future__ import annotations

from collections import deque

from contracts._oracle import Judgement
from contracts._sequence import Sequence
from contracts._shrink import Steps
from contracts._wire import Reply, Request

MOST_CAUSES = 12
"""Requests that a sequence is made of at most, besides the one that fails."""
SHORTEST_VALUE = 4
"""Shorter values occur everywhere, and connect nothing."""
MOST_HISTORY = 300
"""Changes since the beginning that a failure may have behind it, so that they are kept with it."""
JOURNAL = 1000
"""How many of the requests that changed something last are remembered as causes of what comes later."""


class Lost:
    """A request whose reply never came."""

    def __init__(self, why: str, sent: int, received: int) -> None:
        self.why, self.sent, self.received = why, sent, received


class Journal:
    """The requests that changed something, so that a failure can be traced back to them."""

    def __init__(self) -> None:
        self._entries: deque[tuple[Request, Reply | Lost, Judgement, frozenset[str]]] = deque(maxlen=JOURNAL)
        self._count = 0

    def note(self, request: Request, answer: Reply | Lost, judged: Judgement) -> None:
        """Remembers a request that changed something, with what stands in the rows that it changed."""
        if judged.changes:
            self._count += 1
            keys = frozenset(str(value) for each in judged.changes for value in (each.after or each.before or ()))
            self._entries.append((request, answer, judged, keys))

    def history(self, history: Sequence, last: Request) -> Steps:
        """All that changed something since the world was true, and then the last request; nothing where that is too much."""
        if self._count > MOST_HISTORY:
            return []
        for request, answer, judged, _ in self._entries:
            if request is not last:
                history.note(request, answer if isinstance(answer, Reply) else None, judged.minted)
        history.note(last, None, {})
        return history.abstract()

    def causes(self, causes: Sequence, sequence: Sequence, detail: str) -> tuple[Sequence, set[Request]]:
        """What led to the last request of a sequence: the requests that changed rows which it, or the failure, speaks of.

        Gives also those of them that changed rows of the world.
        """
        last = sequence.steps[-1]
        text = last.url("") + detail
        found, seen = [], set[Request]()
        for entry in reversed(self._entries):
            request, _, judged, values = entry
            keys = {str(value) for each in judged.changes for value in each.key}
            spoken = sum(value in text for value in values if len(value) >= SHORTEST_VALUE)
            alike = request.map(_without_time)  # repeated to make another failure short, perhaps
            if request is not last and alike not in seen and (spoken > 1 or any(key in text for key in keys)):
                found.append(entry)
                seen.add(alike)
                text += request.url("")
        for request, answer, judged, _ in reversed(found[:MOST_CAUSES]):
            causes.note(request, answer if isinstance(answer, Reply) else None, judged.minted)
        minted = set(causes.run.minted.values())
        kept = {request for request, _, _, values in found if values.isdisjoint(minted)}
        causes.note(last, None, {})
        return causes, kept


def _without_time(text: str) -> str:
    return "now" if len(text) == 13 and text.isdecimal() else text
