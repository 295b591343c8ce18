"""Estimates the server's clock from its replies.

A frozen clock of the world gives the time exactly. Otherwise the `Date` header of each reply bounds the difference between
the server's clock and ours. The remaining uncertainty is a time window. Where a rule compares with a time inside it, the
outcomes of both sides are permitted.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import openapi
from contracts.http.wire import Reply

TOLERANCE = 1000
"""By how many ms the clocks of the machines of one deployment may differ."""
OWN_CLOCK = 60_000
"""Ms. A world whose time differs by more from ours has a clock of its own; less passes while a run begins."""
_UNKNOWN = 10**15


class Clock:
    """An estimate of the server's clock. All times are epoch ms, all differences ms."""

    def __init__(self, world: openapi.World, now: int, tolerance: int = TOLERANCE) -> None:
        self.frozen = world.now if world.frozen else None
        self.tolerance = tolerance
        self.began = now
        """When the world was read, epoch ms of our clock."""
        self._start, self._shift = world.now, world.now - now
        self._low, self._high = -_UNKNOWN, _UNKNOWN

    def read(self, reply: Reply) -> None:
        """Narrows the estimate by the `Date` header of a reply, which has a resolution of one second."""
        try:
            date = int(parsedate_to_datetime(reply.headers.get("date", "")).timestamp()) * 1000
        except (ValueError, OverflowError, TypeError):
            return
        if abs(self._shift) > OWN_CLOCK and date + 1000 < self._start:
            return  # a proxy wrote the header by its own clock, not by the clock of the world
        low, high = date - reply.received, date + 1000 - reply.sent
        if low > self._high or high < self._low:  # another machine answered, or the clock was changed
            self._low, self._high = min(low, self._low), max(high, self._high)
        else:
            self._low, self._high = max(low, self._low), min(high, self._high)

    def stop(self, time: int | None) -> None:
        """The clock was set to a time and stands still; None: it runs again, and nothing is known of it."""
        self.frozen = time
        self._low, self._high = -_UNKNOWN, _UNKNOWN

    @property
    def skew(self) -> tuple[int, int]:
        """The least and the greatest number of ms by which the server's clock may be ahead of ours."""
        return (self._shift, self._shift) if self._high == _UNKNOWN else (self._low, self._high)

    def window(self, sent: int, received: int) -> tuple[int, ...]:
        """The earliest and the latest time at which the server may have read its clock; one time where the clock is frozen."""
        if self.frozen is not None:
            return (self.frozen,)
        low, high = self.skew
        return sent + low - self.tolerance, received + high + self.tolerance

    def now(self, ours: int) -> int:
        """The most likely time on the server."""
        low, high = self.skew
        return self.frozen if self.frozen is not None else ours + (low + high) // 2
