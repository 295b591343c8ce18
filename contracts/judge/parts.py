"""The test runs of which a merged record consists."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

MOST_NAMED = 10
"""The most shards that are named."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the test runs of which a merged record consists."""

    target: str
    """The base URL of its server."""
    seed: int
    shard: str
    """Which part of the inputs of its seed it sent, such as `3/16`; empty where inputs are not divided."""
    requests: int
    seconds: float


def repeated(parts: Iterable[Part]) -> list[Part]:
    """The runs that sent the same inputs as an earlier one, each once. Without a shard, only those with the same target count."""
    inputs = Counter(replace(each, requests=0, seconds=0.0, target="" if each.shard else each.target) for each in parts)
    return [each for each, times in inputs.items() if times > 1]


def missing_shards(parts: Iterable[Part]) -> list[str]:
    """The shards of which there is no run although there is one of another shard of the same seed, as sentences."""
    found: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for each in parts:
        number, _, of = each.shard.partition("/")
        if of:
            found[each.seed, int(of)].add(int(number))
    return [
        f"no run of {_numbers(left)} of {of} of seed {seed}"
        for (seed, of), numbers in found.items()
        if (left := [number for number in range(1, of + 1) if number not in numbers])
    ]


def _numbers(left: list[int]) -> str:
    """Shards in words."""
    more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
    return f"{'shard' if len(left) == 1 else 'shards'} {', '.join(map(str, left[:MOST_NAMED]))}{more}"
