"""The journal of a session: the requests that changed state, or may have, so that a failure can be traced to its causes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import openapi
from contracts.http.wire import Reply, Request
from contracts.judge.verdict import VIOLATION, Judgement
from contracts.sequence.sequence import Sequence
from contracts.sequence.shrink import Steps

MOST_CAUSES = 12
"""The most requests that a traced sequence may have, besides the failing one."""
SHORTEST_VALUE = 4
"""The least length of a value that connects two requests. Shorter values occur in unrelated requests too."""
MOST_HISTORY = 300
"""The most requests in the history that is saved with a failure; a longer history is not saved."""
MOST_ENTRIES = 1000
"""How many of the latest requests that changed state are kept as possible causes of a failure."""


class LostReply:
    """A request without a reply: `why`, and when it was sent and given up (epoch ms)."""

    def __init__(self, why: str, sent: int, received: int) -> None:
        self.why, self.sent, self.received = why, sent, received


@dataclass(frozen=True, slots=True)
class Entry:
    """A request that changed state, or may have."""

    request: Request
    reply: Reply | None
    judged: Judgement
    keys: frozenset[str]
    """The key values of the rows that it changed."""
    values: frozenset[str]
    """All values of these rows."""


class Journal:
    """The requests that changed state, or may have, in the order in which they were sent."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MOST_ENTRIES)
        self._count = 0
        self.keys: set[str] = set()
        """The key values of all rows that were changed since the last reset."""

    @property
    def empty(self) -> bool:
        """Whether no request has changed state since the last reset, but for those that failed."""
        return all(each.judged.verdict.kind == VIOLATION for each in self._entries)

    def clear(self) -> None:
        """Forgets everything, after a reset of the target."""
        self._entries.clear()
        self._count = 0
        self.keys.clear()

    def note(self, request: Request, answer: Reply | LostReply, judged: Judgement, changes: Iterable[openapi.Change]) -> None:
        """Adds a request with what it changed, or may have changed; not without `changes`."""
        rows = [(each.key, each.after or each.before or ()) for each in changes]
        if rows:
            self._count += 1
            keys = frozenset(str(value) for key, _ in rows for value in key)
            values = frozenset(str(value) for _, row in rows for value in row if not isinstance(value, openapi.Approximate))
            self.keys |= keys
            self._entries.append(Entry(request, answer if isinstance(answer, Reply) else None, judged, keys, values))

    def has(self, request: Request) -> bool:
        """Whether this request object (compared by identity) changed state, or may have."""
        return any(each.request is request for each in self._entries)

    def history(self, history: Sequence, last: Request) -> Steps:
        """All requests that changed state since the last reset, then `last`; empty where there are more than MOST_HISTORY."""
        if self._count > MOST_HISTORY:
            return []
        for each in self._entries:
            if each.request is not last:
                history.note(each.request, each.reply, each.judged.minted)
        history.note(last, None, {})
        return history.abstract()

    def causes(self, causes: Sequence, sequence: Sequence, detail: str) -> tuple[Sequence, set[Request]]:
        """The causes of a failure: the requests that changed rows which the last request or the `detail` mentions.

        Appends them and the last request to the empty sequence `causes`, and returns it together with the requests among them
        that changed rows of the world.
        """
        last = sequence.steps[-1]
        text = last.url("") + detail
        found, seen = list[Entry](), set[Request]()
        for each in reversed(self._entries):
            mentioned = sum(value in text for value in each.values if len(value) >= SHORTEST_VALUE)
            alike = each.request.map(_without_time)  # the same request may have been repeated while another failure was shrunk
            if each.request is not last and alike not in seen and (mentioned > 1 or any(key in text for key in each.keys)):
                found.append(each)
                seen.add(alike)
                text += each.request.url("")
        for each in reversed(found[:MOST_CAUSES]):
            causes.note(each.request, each.reply, each.judged.minted)
        minted = set(causes.placeholders.minted.values())
        kept = {each.request for each in found if each.values.isdisjoint(minted)}
        causes.note(last, None, {})
        return causes, kept


def _without_time(text: str) -> str:
    return "now" if len(text) == 13 and text.isdecimal() else text
