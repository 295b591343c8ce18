"""The aimed lane: candidates that know the world, classified by the decision before they are sent, a quota for each row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import openapi
from contracts._wire import Request, request_for

QUOTA = 25
"""Requests for each row and each set of outcomes that is permitted there."""


def aimed(operation: openapi.Operation, state: openapi.State, now: int, seed: int) -> Iterator[Request]:
    """Requests for every row that this state can reach; `now` is epoch ms. The same seed gives the same requests."""
    random = Random(seed)
    counts: Counter[tuple[int, frozenset[str]]] = Counter()
    simple = openapi.witnesses(operation, state, now).values()
    candidates = list(openapi.candidates(operation, state, now))
    random.shuffle(candidates)
    for raw in (*simple, *candidates):
        seen = openapi.permitted(operation, raw, state, now)
        kind = seen.answer.number, seen.outcomes
        counts[kind] += 1
        if counts[kind] <= QUOTA:
            as_form = operation.accepts_form and random.random() < 0.2
            yield request_for(operation, _spelled(operation, raw, random), as_form=as_form)


def _spelled(operation: openapi.Operation, raw: dict[str, Any], random: Random) -> dict[str, Any]:
    """The same request, its credential with or without `Bearer `."""
    credentials = {each.name for each in operation.parameters if each.credential and each.location == "header"}
    bearer = random.random() < 0.5
    return {name: f"Bearer {value}" if bearer and name in credentials and value else value for name, value in raw.items()}
