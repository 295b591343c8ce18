"""A world that lives: a state that requests change one after the other, with its own clock and source of randomness."""

from __future__ import annotations

import time
from collections.abc import Mapping
from random import Random
from threading import Lock
from typing import Any

import openapi


class LiveWorld:
    """The current state of one world. A request is one transaction: it sees and leaves one consistent state."""

    def __init__(self, world: openapi.World) -> None:
        self.name, self.state = world.name, world.state
        self._frozen_at = world.now if world.frozen else None
        self._ahead = world.now - _wall_clock()
        self._random = Random(world.seed)
        self._lock = Lock()

    def now(self) -> int:
        """Its time, in epoch ms."""
        return _wall_clock() + self._ahead if self._frozen_at is None else self._frozen_at

    def answer(self, operation: openapi.Operation, raw: Mapping[str, Any]) -> openapi.Decision:
        """Decides on a request and keeps what it changes. Raises ExecutionError, and then nothing has changed."""
        with self._lock:
            decision = openapi.decide(operation, raw, self.state, self.now(), self._random)
            self.state = decision.state
        return decision


def _wall_clock() -> int:
    return time.time_ns() // 1_000_000
