"""The worlds of a run that no shard uses: those that nobody has used yet, and used ones that can be reset."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from contracts.cluster.job import Place


class Worlds:
    """Worlds to take. One that was used comes after all others, because what used it may still be running for a moment."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._fresh, self._used = deque(places), deque[Place]()

    def take(self) -> tuple[Place, bool] | None:
        """A world, and whether it must be reset first; None where there is none."""
        if self._fresh:
            return self._fresh.popleft(), False
        return (self._used.popleft(), True) if self._used else None

    def give_back(self, place: Place) -> None:
        """A shard does not use this world any more. Without a reset nobody can."""
        if place.reset is not None:
            self._used.append(place)
