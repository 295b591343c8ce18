"""Metrics: counters per outcome, kept by each world and summed when they are read."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0)
"""Upper bounds in seconds."""


class Tally:
    """How often an outcome was given, and how long that took."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.seconds, self.buckets = 0.0, [0] * (len(BUCKETS) + 1)

    @property
    def count(self) -> int:
        """How many answers it has."""
        return sum(self.buckets)

    def add(self, seconds: float) -> None:
        """Counts one answer."""
        self.seconds += seconds
        self.buckets[bisect_left(BUCKETS, seconds)] += 1

    def merge(self, other: Tally) -> None:
        """Adds the counts of another tally."""
        self.seconds += other.seconds
        self.buckets = [one + two for one, two in zip(self.buckets, other.buckets, strict=True)]


Counted = tuple[str, str | None, int]
"""Operation, outcome (None where there was none), and the number of the row that answered (0 where none did)."""


class Tallies(dict[Counted, Tally]):
    """Tallies of what was answered."""

    def __missing__(self, key: Counted) -> Tally:
        tally = self[key] = Tally()
        return tally

    def merge(self, other: Tallies) -> None:
        """Adds the counts of others."""
        for key, tally in list(other.items()):
            self[key].merge(tally)

    def by_outcome(self) -> dict[tuple[str, str], Tally]:
        """The tallies by operation and outcome, of all rows together."""
        found: dict[tuple[str, str], Tally] = {}
        for (operation, outcome, _), tally in list(self.items()):
            found.setdefault((operation, outcome or ""), Tally()).merge(tally)
        return found

    def counts(self) -> Counter[Counted]:
        """How often each was given."""
        return Counter({key: tally.count for key, tally in list(self.items())})


class _Collector:
    def __init__(self, tallies: Tallies, worlds: int) -> None:
        self.tallies, self.worlds = tallies, worlds

    def collect(self) -> Iterator[Metric]:
        labels = ["operation", "outcome"]
        requests = CounterMetricFamily("mockserver_requests", "Requests of the contract", labels=labels)
        latency = HistogramMetricFamily("mockserver_latency_seconds", "From the arrival to the answer", labels=labels)
        for key, tally in sorted(self.tallies.by_outcome().items()):
            requests.add_metric(key, tally.count)
            latency.add_metric(key, list(_cumulative(tally.buckets)), tally.seconds)
        yield requests
        yield latency
        yield GaugeMetricFamily("mockserver_worlds", "Worlds that exist", value=self.worlds)


def exposition(tallies: Tallies, worlds: int) -> bytes:
    """The metrics in the text format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(tallies, worlds))
    return generate_latest(registry)


def _cumulative(buckets: Iterable[int]) -> Iterator[tuple[str, float]]:
    total = 0
    for bound, count in zip((*BUCKETS, "+Inf"), buckets, strict=True):
        total += count
        yield str(bound), total
