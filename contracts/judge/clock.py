"""What time it is at the server, as far as that can be known from outside.

A world with a frozen clock says it to the millisecond. Any other server's clock differs from ours: the `Date` of each
reply bounds by how much, and what is left unknown is a window in which both sides of a boundary are permitted.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import openapi
from contracts.http.wire import Reply

TOLERANCE = 1000
"""By how many ms the clocks of one deployment may differ among themselves."""
_UNKNOWN = 10**15


class Clock:
    """Follows the server's clock. All times are epoch ms."""

    def __init__(self, world: openapi.World, now: int, tolerance: int = TOLERANCE) -> None:
        self.frozen = world.now if world.frozen else None
        self.tolerance = tolerance
        self._start, self._shift = world.now, world.now - now
        self._low, self._high = -_UNKNOWN, _UNKNOWN

    def read(self, reply: Reply) -> None:
        """Learns from the `Date` of a reply, which tells whole seconds."""
        try:
            date = int(parsedate_to_datetime(reply.headers.get("date", "")).timestamp()) * 1000
        except (ValueError, OverflowError, TypeError):
            return
        if self._shift and date + 1000 < self._start:  # a server in front, whose clock is not the world's
            return
        low, high = date - reply.received, date + 1000 - reply.sent
        if low > self._high or high < self._low:  # another machine answers, or its clock was set
            self._low, self._high = min(low, self._low), max(high, self._high)
        else:
            self._low, self._high = max(low, self._low), min(high, self._high)

    @property
    def skew(self) -> tuple[int, int]:
        """By how many ms the server's clock is ahead of ours, at least and at most."""
        return (self._shift, self._shift) if self._high == _UNKNOWN else (self._low, self._high)

    def window(self, sent: int, received: int) -> tuple[int, ...]:
        """The earliest and the latest time at which the server may have looked at its clock; one where that is sure."""
        if self.frozen is not None:
            return (self.frozen,)
        low, high = self.skew
        return sent + low - self.tolerance, received + high + self.tolerance

    def now(self, ours: int) -> int:
        """The likeliest time at the server."""
        low, high = self.skew
        return self.frozen if self.frozen is not None else ours + (low + high) // 2
