"""The clock of a world: real time, shifted, or frozen. All times are epoch ms."""

from __future__ import annotations

import time
from dataclasses import dataclass


def wall_clock() -> int:
    """The time of this machine."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """Immutable: setting the clock of a world replaces it."""

    ahead: int = 0
    """By how many ms it is ahead of real time."""
    frozen_at: int | None = None

    @property
    def mode(self) -> str:
        """real, shifted or frozen."""
        return "frozen" if self.frozen_at is not None else "shifted" if self.ahead else "real"

    def now(self) -> int:
        """Its time."""
        return time.time_ns() // 1_000_000 + self.ahead if self.frozen_at is None else self.frozen_at

    def at(self, now: int) -> Clock:
        """The same kind of clock, showing `now` at this moment."""
        return Clock(now - wall_clock()) if self.frozen_at is None else Clock(frozen_at=now)

    def advanced(self, by: int) -> Clock:
        """The clock `by` ms later."""
        return Clock(self.ahead + by) if self.frozen_at is None else Clock(frozen_at=self.frozen_at + by)

    def stopped(self) -> Clock:
        """A clock frozen at this time."""
        return Clock(frozen_at=self.now())

    def running(self) -> Clock:
        """A clock that runs from this time."""
        return Clock().at(self.now())
