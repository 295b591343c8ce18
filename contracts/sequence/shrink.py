"""Shrinks a failing sequence. Each step makes it smaller, so shrinking ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from contracts.http.wire import Request
from contracts.sequence.sequence import needed, without

Steps = list[Request]
LONG_TEXT = 12


def shrink(steps: Steps, fails: Callable[[Steps], bool]) -> Steps:
    """The shortest sequence found for which `fails` still says yes: fewer steps, then fewer parameters, then shorter texts."""
    core = needed(steps)
    if len(core) < len(steps) and fails(core):
        steps = core
    steps = _fewer_steps(steps, fails)
    for smaller in (_fewer_parameters, _shorter_texts):
        steps = _descend(steps, smaller, fails)
    return steps


def _fewer_steps(steps: Steps, fails: Callable[[Steps], bool]) -> Steps:
    """Leaves out halves, quarters and so on, as long as it still fails; the last step stays."""
    size = len(steps) // 2
    while size:
        before = len(steps)
        for end in range(before - 1, 0, -size):
            left = _without(steps, range(max(0, end - size), end))
            if len(left) < len(steps) and fails(left):
                steps = left
        if size > 1 or len(steps) == before:
            size //= 2
    return steps


def _without(steps: Steps, positions: range) -> Steps:
    """The sequence without those of these steps that no later one needs."""
    for position in reversed(positions):
        steps = without(steps, position) or steps
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


def _shorter_texts(steps: Steps, start: int) -> Iterator[Steps]:
    *before, last = steps
    for kind in ("query", "headers", "form"):
        pairs = getattr(last, kind) or ()
        for at, (_, value) in enumerate(pairs):
            if len(value) > LONG_TEXT and "${" not in value:
                yield [*before, last.with_value(kind, at, value[: len(value) // 2])]
