"""Exchanges that overlap in time: nobody knows in which order the server has handled them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    """What has a beginning and an end, both epoch ms."""

    @property
    def sent(self) -> int: ...
    @property
    def received(self) -> int: ...


Each = TypeVar("Each", bound=Timed)


class Groups(Generic[Each]):
    """Sorts exchanges into groups, of which each was over before the next one began."""

    def __init__(self) -> None:
        self._group: list[Each] = []
        self._end = 0

    def add(self, exchange: Each) -> list[Each]:
        """Adds an exchange. Returns the group before it, if that was over when it was sent; else nothing."""
        done = self.take() if self._group and exchange.sent > self._end else []
        self._group.append(exchange)
        self._end = max(self._end, exchange.received)
        return done

    def over(self, earliest: int | None) -> bool:
        """Whether the group is over, if of the exchanges to come the earliest was sent at a time, epoch ms; None for none."""
        return bool(self._group) and (earliest is None or earliest > self._end)

    def take(self) -> list[Each]:
        """The group, which begins again without any."""
        group, self._group = self._group, []
        return group

    def __len__(self) -> int:
        return len(self._group)


def overlapping(exchanges: Iterable[Each]) -> Iterator[list[Each]]:
    """The groups of exchanges that come sorted by the time at which they were sent."""
    groups = Groups[Each]()
    for each in exchanges:
        if done := groups.add(each):
            yield done
    if len(groups):
        yield groups.take()
