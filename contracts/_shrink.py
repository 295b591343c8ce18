"""Makes a failing sequence short. Each step of this is to something smaller, so that it ends."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

from contracts._sequence import needed, without
from contracts._wire import Request

Steps = list[Request]
LONG_TEXT = 12


def shrink(steps: Steps, fails: Callable[[Steps], bool], kept: Container[Request] = ()) -> Steps:
    """The shortest sequence found for which `fails` still says yes: fewer steps, then fewer parameters, then shorter texts.

    `kept` are steps to leave as they are: what they changed is changed, so that it would still fail without them.
    """

    def fewer_steps(steps: Steps, start: int) -> Iterator[Steps]:
        for position in range(len(steps) - 2 - start, -1, -1):
            left = None if steps[position] in kept else without(steps, position)
            yield left or []

    def fewer_parameters(steps: Steps, start: int) -> Iterator[Steps]:
        places = [
            (position, kind, at)
            for position in range(len(steps) - 1, -1, -1)
            if steps[position] not in kept
            for kind in ("headers", "query", "form", "body")
            if isinstance(parts := getattr(steps[position], kind), (tuple, dict))
            for at in range(len(parts) - 1, -1, -1)
        ]
        for position, kind, at in places[start:]:
            yield [*steps[:position], steps[position].without(kind, at), *steps[position + 1 :]]

    core = needed(steps, kept)
    if len(core) < len(steps) and fails(core):
        steps = core
    for smaller in (fewer_steps, fewer_parameters, _shorter_texts):
        steps = _descend(steps, smaller, fails)
    return steps


def _descend(steps: Steps, smaller: Callable[[Steps, int], Iterator[Steps]], fails: Callable[[Steps], bool]) -> Steps:
    """Takes each smaller sequence that fails too, until none is left."""
    start = 0
    while True:
        for tried, candidate in enumerate(smaller(steps, start)):
            if fails(candidate):
                steps, start = candidate, start + tried
                break
        else:
            return steps


def _shorter_texts(steps: Steps, start: int) -> Iterator[Steps]:
    *before, last = steps
    for kind in ("query", "headers", "form"):
        pairs = getattr(last, kind) or ()
        for at, (_, value) in enumerate(pairs):
            if len(value) > LONG_TEXT and "${" not in value:
                yield [*before, last.with_value(kind, at, value[: len(value) // 2])]
