"""The requests of a session that changed something, or may have, so that a failure can be traced back to them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import openapi
from contracts.http.wire import Reply, Request
from contracts.judge.oracle import Judgement
from contracts.sequence.sequence import Sequence
from contracts.sequence.shrink import Steps

MOST_CAUSES = 12
"""Requests that a sequence is made of at most, besides the one that fails."""
SHORTEST_VALUE = 4
"""Shorter values occur everywhere, and connect nothing."""
MOST_HISTORY = 300
"""Changes since the beginning that a failure may have behind it, so that they are kept with it."""
MOST_ENTRIES = 1000
"""How many of the requests that changed something last are remembered as causes of what comes later."""


class Lost:
    """A request whose reply never came."""

    def __init__(self, why: str, sent: int, received: int) -> None:
        self.why, self.sent, self.received = why, sent, received


@dataclass(frozen=True, slots=True)
class Entry:
    """A request that changed something, or may have."""

    request: Request
    reply: Reply | None
    judged: Judgement
    keys: frozenset[str]
    """What identifies the rows that it changed."""
    values: frozenset[str]
    """Everything that stands in them."""


class Journal:
    """The requests that changed something, or may have, in order."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MOST_ENTRIES)
        self._count = 0
        self.keys: set[str] = set()
        """What identifies the rows that were changed, ever."""

    @property
    def calm(self) -> bool:
        """Whether nothing was changed yet."""
        return not self._count

    def clear(self) -> None:
        """Nothing was changed."""
        self._entries.clear()
        self._count = 0
        self.keys.clear()

    def note(self, request: Request, answer: Reply | Lost, judged: Judgement, changes: Iterable[openapi.Change]) -> None:
        """Remembers a request and what it changed, or may have changed; nothing where there are no `changes`."""
        rows = [(each.key, each.after or each.before or ()) for each in changes]
        if rows:
            self._count += 1
            keys = frozenset(str(value) for key, _ in rows for value in key)
            values = frozenset(str(value) for _, row in rows for value in row)
            self.keys |= keys
            self._entries.append(Entry(request, answer if isinstance(answer, Reply) else None, judged, keys, values))

    def has(self, request: Request) -> bool:
        """Whether this very request changed something, or may have."""
        return any(each.request is request for each in self._entries)

    def history(self, history: Sequence, last: Request) -> Steps:
        """All that changed something since the world was true, and then the last request; nothing where that is too much."""
        if self._count > MOST_HISTORY:
            return []
        for each in self._entries:
            if each.request is not last:
                history.note(each.request, each.reply, each.judged.minted)
        history.note(last, None, {})
        return history.abstract()

    def causes(self, causes: Sequence, sequence: Sequence, detail: str) -> tuple[Sequence, set[Request]]:
        """What led to the last request of a sequence: the requests that changed rows which it, or the failure, speaks of.

        Gives also those of them that changed rows of the world.
        """
        last = sequence.steps[-1]
        text = last.url("") + detail
        found, seen = list[Entry](), set[Request]()
        for each in reversed(self._entries):
            spoken = sum(value in text for value in each.values if len(value) >= SHORTEST_VALUE)
            alike = each.request.map(_without_time)  # repeated to make another failure short, perhaps
            if each.request is not last and alike not in seen and (spoken > 1 or any(key in text for key in each.keys)):
                found.append(each)
                seen.add(alike)
                text += each.request.url("")
        for each in reversed(found[:MOST_CAUSES]):
            causes.note(each.request, each.reply, each.judged.minted)
        minted = set(causes.run.minted.values())
        kept = {each.request for each in found if each.values.isdisjoint(minted)}
        causes.note(last, None, {})
        return causes, kept


def _without_time(text: str) -> str:
    return "now" if len(text) == 13 and text.isdecimal() else text
