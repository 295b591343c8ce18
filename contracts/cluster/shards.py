"""The state of each shard of a run on a cluster: where it runs, how far it is, and the reports of its attempts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from contracts.cluster.job import Place
from contracts.cluster.messages import Facts, Message
from contracts.run.fuzz import Shard

WAITING, RUNNING, ENDED = "waiting", "running", "ended"


@dataclass(frozen=True, slots=True)
class Report:
    """The last report of one attempt."""

    content: bytes
    """Compressed JSON."""
    place: Place
    """The world of the attempt."""


@dataclass(slots=True)
class ShardState:
    """One shard."""

    shard: Shard
    most_requests: int
    """The most requests of all attempts together."""
    start: int | None = None
    """The number of the input to begin with; None to begin with the corpus."""
    entries: tuple[str, ...] = ()
    """The lines of the corpus that it sends first."""
    state: str = WAITING
    place: Place | None = None
    reset: bool = False
    """Whether its world must be reset before the next attempt."""
    worker: str = ""
    attempt: int = 0
    future: Any = None
    reports: list[Report] = field(default_factory=list)
    """Of earlier attempts."""
    report: Report | None = None
    """Of this attempt."""
    facts: Facts = field(default_factory=Facts)
    """Of this attempt."""
    before: Facts = field(default_factory=Facts)
    """Of the earlier attempts."""
    lost: int = 0
    """How often its worker was lost."""
    waits_since: float = field(default_factory=time.monotonic)

    @property
    def requests(self) -> int:
        """How many requests all attempts have reported."""
        return self.before.requests + self.facts.requests

    @property
    def left(self) -> int:
        """How many requests it may still send."""
        return self.most_requests - self.requests

    def take(self, message: Message) -> None:
        """Notes what a message of this attempt says."""
        self.start = self.start if message.position is None else message.position
        if message.report and self.place is not None:
            self.report = Report(message.report, self.place)
        self.facts = message.facts if message.facts.requests >= self.facts.requests else self.facts

    def close(self) -> None:
        """Ends this attempt; what it has reported is kept."""
        self.reports += [] if self.report is None else [self.report]
        answered = tuple(dict.fromkeys((*self.before.answered, *self.facts.answered)))
        violations = tuple(dict.fromkeys((*self.before.violations, *self.facts.violations)))
        self.before = Facts(self.requests, answered, violations)
        self.report, self.facts, self.future, self.worker = None, Facts(), None, ""
        self.attempt += 1
