"""Shrinks a failing sequence. Each candidate is smaller than the current sequence, so shrinking terminates."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from contracts.http.wire import Request
from contracts.sequence.sequence import needed_steps, without_step

Steps = list[Request]
LONG_VALUE = 12
"""Characters. Only longer values are shortened."""


def shrink(steps: Steps, fails: Callable[[Steps], bool]) -> Steps:
    """The shortest sequence found for which `fails` returns true. Removes steps, then parameters, then shortens values."""
    core = needed_steps(steps)
    if len(core) < len(steps) and fails(core):
        steps = core
    steps = _fewer_steps(steps, fails)
    for smaller in (_fewer_parameters, _shorter_values):
        steps = _shrink_by(steps, smaller, fails)
    return steps


def _fewer_steps(steps: Steps, fails: Callable[[Steps], bool]) -> Steps:
    """Removes halves, quarters and so on of the steps while the sequence still fails. The last step is never removed."""
    size = len(steps) // 2
    while size:
        before = len(steps)
        for end in range(before - 1, 0, -size):
            left = _without_steps(steps, range(max(0, end - size), end))
            if len(left) < len(steps) and fails(left):
                steps = left
        if size > 1 or len(steps) == before:
            size //= 2
    return steps


def _without_steps(steps: Steps, positions: range) -> Steps:
    """The sequence without the steps at these positions, except steps whose minted values a later step needs."""
    for position in reversed(positions):
        steps = without_step(steps, position) or steps
    return steps


def _shrink_by(steps: Steps, smaller: Callable[[Steps, int], Iterator[Steps]], fails: Callable[[Steps], bool]) -> Steps:
    """Replaces the sequence by the first smaller candidate that also fails, until no candidate fails."""
    start = 0
    while True:
        for tried, candidate in enumerate(smaller(steps, start)):
            if fails(candidate):
                steps, start = candidate, start + tried
                break
        else:
            return steps


def _fewer_parameters(steps: Steps, start: int) -> Iterator[Steps]:
    places = [
        (position, kind, at)
        for position in range(len(steps) - 1, -1, -1)
        for kind in ("headers", "query", "form", "body")
        if isinstance(parts := getattr(steps[position], kind), (tuple, dict))
        for at in range(len(parts) - 1, -1, -1)
    ]
    for position, kind, at in places[start:]:
        yield [*steps[:position], steps[position].without(kind, at), *steps[position + 1 :]]


def _shorter_values(steps: Steps, start: int) -> Iterator[Steps]:
    *before, last = steps
    for kind in ("query", "headers", "form"):
        pairs = getattr(last, kind) or ()
        for at, (_, value) in enumerate(pairs):
            if len(value) > LONG_VALUE and "${" not in value:
                yield [*before, last.with_value(kind, at, value[: len(value) // 2])]
