"""The aimed lane: candidates built from the rows of the world, classified by the expected row; a quota for each row."""

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
"""Requests for each combination of distances between two integer parameters (equal, one apart), per row and outcomes."""
QUOTA = 25
"""Requests for each row and set of permitted outcomes."""


def aimed(operation: openapi.Operation, found: Iterable[openapi.Candidate], seed: int) -> Iterator[Request]:
    """Requests for every row that the candidates reach, with every value at least once; mutations of the simplest ones.

    The requests depend only on the arguments: the same seed gives the same requests.
    """
    random = Random(seed)
    candidates = list(found)
    for each in _selected(operation, candidates, random):
        as_form = operation.accepts_form and random.random() < 0.2
        yield request_for(operation, _vary_bearer(operation, each.raw, random), as_form=as_form)
    for each in openapi.simplest(operation, candidates).values():
        yield from mutations(operation, request_for(operation, each.raw))


def _selected(operation: openapi.Operation, candidates: list[openapi.Candidate], random: Random) -> Iterator[openapi.Candidate]:
    """For each value of each parameter the simplest candidate with it, then candidates up to the quotas."""
    seen: set[tuple[str, str]] = set()
    for each in sorted(candidates, key=lambda each: each.cost):
        values = {(name, str(value)) for name, value in each.raw.items()}
        if values - seen:
            seen |= values
            yield each
    counts: Counter[tuple[Any, ...]] = Counter()
    for each in random.sample(candidates, len(candidates)):
        kind = each.seen.answer.number, each.seen.outcomes
        boundary = kind, _distances(operation.parameters, each.seen.scope)
        counts.update((kind, boundary))
        if counts[kind] <= QUOTA or counts[boundary] <= BOUNDARY_QUOTA:
            yield each


Feature = tuple[object, ...]
"""Operation, row, and a value of a parameter or the distances of the integers."""


def features(seen: openapi.Permitted) -> set[Feature]:
    """What a request has that another one for the same row may not have: values, and distances of integers."""
    operation, scope = seen.scope.operation, seen.scope
    row = operation.name, seen.answer.number
    values = {(*row, name, str(value)) for name, value in scope.raw.items() if name != openapi.REQUEST}
    return {*values, (*row, _distances(operation.parameters, scope))}


def _distances(parameters: Iterable[openapi.Parameter], scope: Mapping[str, Any]) -> tuple[int, ...]:
    """The pairwise distances of the integer parameters, clipped to -2..2; 2 where one has no value."""
    values = [scope[each.name] for each in parameters if each.type == "integer"]
    numbers = [value if isinstance(value, int) else None for value in values]
    return tuple(2 if one is None or two is None else max(-2, min(2, one - two)) for one, two in combinations(numbers, 2))


def _vary_bearer(operation: openapi.Operation, raw: dict[str, Any], random: Random) -> dict[str, Any]:
    """The same raw values; half of the time the credentials in headers have the prefix `Bearer `."""
    credentials = {each.name for each in operation.parameters if each.credential and each.location == "header"}
    bearer = random.random() < 0.5
    return {name: f"Bearer {value}" if bearer and name in credentials and value else value for name, value in raw.items()}
