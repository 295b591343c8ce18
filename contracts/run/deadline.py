"""The deadline of a test run."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Deadline:
    """A time after which no request is sent; unset at first."""

    def __init__(self) -> None:
        self._end: float | None = None
        self._half: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the deadline has passed."""
        return self._end is not None and time.monotonic() >= self._end

    @property
    def half_passed(self) -> bool:
        """Whether half of the time has passed."""
        return self._half is not None and time.monotonic() >= self._half

    def end(self, seconds: float = 0.0) -> None:
        """Sets the deadline to so many seconds from now, unless it is already earlier."""
        end = time.monotonic() + seconds
        self._half = end - seconds / 2 if self._half is None else self._half
        self._end = end if self._end is None else min(self._end, end)

    @contextmanager
    def at_interrupt(self) -> Iterator[None]:
        """While the context is open, the first SIGINT or SIGTERM sets the deadline to now and restores the previous handlers."""
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def interrupted(number: int, frame: object) -> None:
            self.end()
            restore()

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        for number in before:
            signal.signal(number, interrupted)
        try:
            yield
        finally:
            restore()
