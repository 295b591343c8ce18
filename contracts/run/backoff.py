"""Slowing down: a server that answers 429 or 503 asks for it, and says that it did not carry the request out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import parsedate_to_datetime

from contracts.http.target import Unreachable
from contracts.http.wire import Reply

SLOW_DOWN = (429, 503)
"""HTTP statuses that ask for a pause."""
LONGEST_PAUSE = 30.0
"""Seconds; a longer Retry-After is cut to it."""
FIRST_PAUSE = 0.2
"""Seconds, without a Retry-After; doubled each time."""
TRIES = 5
"""How often a request is sent before its 429 or 503 is the reply."""
MOST_IN_A_ROW = 30
"""Replies of this kind and no other; then the target answers nobody."""


class Backoff:
    """Sends requests again after a pause. Threads share it, and pause together."""

    def __init__(self, base: str, over: Callable[[], bool]) -> None:
        self.pauses = 0
        """How often it has paused."""
        self._base, self._over = base, over
        self._lock, self._in_a_row = threading.Lock(), 0
        self._paused, self._until = 0.0, 0.0

    def send(self, send: Callable[[], Reply], documented: frozenset[int]) -> Reply:
        """The reply of `send`, tried again where its status asks for a pause and the contract has no such status.

        Raises Unreachable where the target answers nothing else any more.
        """
        for number in range(TRIES):
            self.wait()
            sent = time.monotonic()
            reply = send()
            if not self.refused(reply, documented, sent, number):
                return replace(reply, tries=number + 1)
        return replace(reply, tries=TRIES)

    def refused(self, reply: Reply, documented: frozenset[int], sent: float, number: int = 0) -> bool:
        """Whether a reply asks for a pause; if so, the pause begins. It is the answer to try `number`, from 0, sent at `sent`.

        `sent` is of the monotonic clock, in seconds. Raises Unreachable as `send` does.
        """
        if reply.status not in SLOW_DOWN or reply.status in documented:
            with self._lock:
                self._in_a_row = 0
            return False
        asked = retry_after(reply)
        self._pause(reply.status, sent, FIRST_PAUSE * 2**number if asked is None else asked)
        return True

    def _pause(self, status: int, sent: float, seconds: float) -> None:
        """Begins a pause; not for the reply to a request that was sent before the latest pause began."""
        with self._lock:
            if sent < self._paused:
                return
            self.pauses += 1
            self._in_a_row += 1
            self._paused = time.monotonic()
            self._until = self._paused + min(seconds, LONGEST_PAUSE)
            if self._in_a_row >= MOST_IN_A_ROW:
                raise Unreachable(
                    f"{self._base} has answered HTTP {status} to {MOST_IN_A_ROW} requests in a row; use a lower --rate"
                )

    def wait(self) -> None:
        """Waits for the end of a pause."""
        while (left := self._until - time.monotonic()) > 0 and not self._over():
            time.sleep(min(left, 0.1))


def retry_after(reply: Reply) -> float | None:
    """The seconds that a reply asks to wait; None where it does not say."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:6])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
