"""The aimed lane: candidates that know the world, classified by the decision before they are sent, a quota for each row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from random import Random
from typing import Any

import openapi
from contracts.generate.mutations import mutations
from contracts.http.wire import Request, request_for

BOUNDARY_QUOTA = 2
"""Requests for each way in which two numbers of a request can be equal or one apart, in the same place."""
QUOTA = 25
"""Requests for each row and each set of outcomes that is permitted there."""


def aimed(operation: openapi.Operation, found: Iterable[openapi.Candidate], seed: int) -> Iterator[Request]:
    """Requests for every row that the candidates reach, with every value at least once; mutations of the simplest.

    The same seed gives the same requests.
    """
    random = Random(seed)
    candidates = list(found)
    for each in _wanted(operation, candidates, random):
        as_form = operation.accepts_form and random.random() < 0.2
        yield request_for(operation, _spelled(operation, each.raw, random), as_form=as_form)
    for each in openapi.simplest(operation, candidates).values():
        yield from mutations(request_for(operation, each.raw))


def _wanted(operation: openapi.Operation, candidates: list[openapi.Candidate], random: Random) -> Iterator[openapi.Candidate]:
    """The simplest candidate with each value of each parameter, and then the quotas."""
    seen: set[tuple[str, str]] = set()
    for each in sorted(candidates, key=lambda each: each.cost):
        values = {(name, str(value)) for name, value in each.raw.items()}
        if values - seen:
            seen |= values
            yield each
    counts: Counter[tuple[Any, ...]] = Counter()
    for each in random.sample(candidates, len(candidates)):
        kind = each.seen.answer.number, each.seen.outcomes
        boundary = kind, _distances(operation, each.seen.scope)
        counts.update((kind, boundary))
        if counts[kind] <= QUOTA or counts[boundary] <= BOUNDARY_QUOTA:
            yield each


def _distances(operation: openapi.Operation, scope: Mapping[str, Any]) -> tuple[int, ...]:
    """How far apart the numbers of a request are, up to two."""
    values = [scope[each.name] for each in operation.parameters if each.type == "integer"]
    numbers = [value if isinstance(value, int) else None for value in values]
    return tuple(2 if one is None or two is None else max(-2, min(2, one - two)) for one, two in combinations(numbers, 2))


def _spelled(operation: openapi.Operation, raw: dict[str, Any], random: Random) -> dict[str, Any]:
    """The same request, its credential with or without `Bearer `."""
    credentials = {each.name for each in operation.parameters if each.credential and each.location == "header"}
    bearer = random.random() < 0.5
    return {name: f"Bearer {value}" if bearer and name in credentials and value else value for name, value in raw.items()}
