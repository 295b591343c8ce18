"""When an examination ends."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Deadline:
    """A time after which nothing more is sent: so many seconds from now, or when somebody says so."""

    def __init__(self, seconds: float | None = None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return self._end is not None and time.monotonic() >= self._end

    def end(self) -> None:
        """Lets it be over now."""
        self._end = 0.0

    @contextmanager
    def at_interrupt(self) -> Iterator[None]:
        """SIGINT and SIGTERM end it; a second one does what it always does."""
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
