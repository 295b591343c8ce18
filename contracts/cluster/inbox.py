"""What the client of a cluster tells the shards that run in this process: to stop, and sequences of other shards.

Dask calls `stop` and `deliver` in the thread of the worker's own loop; the shards run in threads of their own.
"""

from __future__ import annotations

import threading
from collections import deque
from uuid import uuid4

PROCESS = uuid4().hex
"""Identifies this process: a worker that was started again at the same address is another one."""
MOST_WAITING = 500
"""The most sequences that wait for a shard; the oldest of more are dropped."""
AT_ONCE = 4
"""The most sequences of others that a shard sends between two inputs."""
MOST_STOPPED = 100
"""How many of the latest runs that were stopped are remembered."""


class Inbox:
    """What one shard was told."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._lines: deque[str] = deque(maxlen=MOST_WAITING)

    @property
    def stopped(self) -> bool:
        """Whether the run is over."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """The run is over."""
        self._stopped.set()

    def put(self, line: str) -> None:
        """Adds an entry of another shard."""
        self._lines.append(line)

    def take(self) -> list[str]:
        """The next entries of other shards, at most AT_ONCE."""
        return [self._lines.popleft() for _ in range(min(AT_ONCE, len(self._lines)))]


_lock = threading.Lock()
_inboxes: dict[tuple[str, int], Inbox] = {}
_begun: set[tuple[str, int, int]] = set()
_stopped: deque[str] = deque(maxlen=MOST_STOPPED)


def opened(run: str, shard: int, attempt: int) -> Inbox | None:
    """The inbox of a shard that begins; None where this attempt has begun before."""
    with _lock:
        if (run, shard, attempt) in _begun:
            return None
        _begun.add((run, shard, attempt))
        inbox = _inboxes[run, shard] = Inbox()
        if run in _stopped:
            inbox.stop()
        return inbox


def closed(run: str, shard: int) -> None:
    """Forgets the inbox of a shard that has ended."""
    with _lock:
        _inboxes.pop((run, shard), None)


def stop(run: str) -> None:
    """Stops all shards of a run, also those that begin later."""
    with _lock:
        _stopped.append(run)
        for (name, _), inbox in _inboxes.items():
            if name == run:
                inbox.stop()


def deliver(run: str, entries: list[tuple[int, str]]) -> None:
    """Gives entries, each with the number of the shard that it comes from, to the other shards of a run."""
    with _lock:
        for (name, number), inbox in _inboxes.items():
            if name == run:
                for origin, line in entries:
                    if origin != number:
                        inbox.put(line)
