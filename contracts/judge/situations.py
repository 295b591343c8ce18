"""The situations in which an operation answers: an outcome that is permitted at any time is not permitted every time.

A situation is the row that answers, and for a success its branches: the values of enumerated parameters, which optional
parameters are there, and which lets find a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from typing import Any, cast

import openapi
from contracts.http.wire import Request
from contracts.judge.verdict import UNEXPLAINED, VIOLATION, Judgement, Verdict

SUSPICIOUS = 3
"""So many times the same outcome in one situation, and no other, and the situation is tried again."""
CERTAIN = 8
"""So many times, and it is a violation. A server that fails at random, one time in ten, does so once in 10^8."""

Situation = tuple[str, ...]


def branches(seen: openapi.Permitted) -> tuple[str, ...]:
    """The branches of an operation that a request takes, each as a sentence: `getThing with mode=2`."""
    operation = seen.scope.operation
    return tuple(f"{operation.name} {each}" for each in _branches(seen)) or (operation.name,)


def _branches(seen: openapi.Permitted) -> Iterator[str]:
    scope, operation = seen.scope, seen.scope.operation
    for each in operation.parameters:
        value = scope[each.name]
        present = not isinstance(value, openapi.Absence)
        if present and "enum" in each.schema:
            yield f"with {each.name}={value}"
        if not each.required and not each.credential:
            yield f"{'with' if each.name in scope.raw else 'without'} {each.name}"
    for name in _looked_up(cast("openapi.Operation", operation)):
        found = scope[name]
        yield f"where {name} {'finds a row' if found and not isinstance(found, openapi.Absence) else 'finds no row'}"


@lru_cache(1000)
def _looked_up(operation: openapi.Operation) -> tuple[str, ...]:
    """The lets of rows that a rule of the operation uses, directly or in another let; a common let may be of no use to it."""
    used: set[str] = set()
    waiting = [name for rule in operation.rules for name in (*rule.missing, *_names(rule.expressions))]
    while waiting:
        name = waiting.pop()
        if name in operation.lets and name not in used:
            used.add(name)
            waiting.extend(_names(operation.lets[name].expressions))
    return tuple(name for name, let in operation.lets.items() if let.lookup is not None and name in used)


def _names(expressions: Iterable[Any]) -> Iterator[str]:
    return (used.name for each in expressions for used in each.references)


@dataclass(slots=True)
class _Seen:
    """What one situation got."""

    refused: int = 0
    """How often the outcome that is permitted at any time."""
    answered: bool = False
    """Whether it ever got another one."""
    begun: int = 0
    """How often the operation had succeeded when it was refused first."""


class Situations:
    """What each situation got, and how often each operation succeeded meanwhile: a server may be unable to write for a while.

    `wanted` holds, by branch, whether an operation has succeeded in it.
    """

    def __init__(self, wanted: dict[str, bool]) -> None:
        self._wanted = wanted
        self._seen: dict[Situation, _Seen] = {}
        self._successes: Counter[str] = Counter()
        self._trusted = True
        self.succeeded: dict[str, Request] = {}
        """The last request of each operation that succeeded."""

    def judged(self, request: Request, judged: Judgement) -> Judgement:
        """The judgement of a request, as a violation where its situation has got nothing else for too long."""
        seen, verdict = judged.seen, judged.verdict
        if seen is None:
            return judged
        # After a wrong success the state of the server may differ from the one that tells situations apart.
        self._trusted &= verdict.kind != VIOLATION or verdict.got != seen.success.outcome
        found = self._of(seen)
        if verdict.kind != UNEXPLAINED:
            found.answered = True
            if verdict.got == seen.success.outcome:
                self._successes[request.operation] += 1
                self.succeeded[request.operation] = request
                self._wanted.update((each, True) for each in branches(seen) if each in self._wanted)
            return judged
        found.refused += 1
        begun = self._successes[request.operation] == found.begun
        if found.answered or found.refused < CERTAIN or begun or not self._trusted:
            return judged
        return replace(judged, verdict=self._always(seen, verdict, found.refused))

    def suspicious(self, judged: Judgement) -> bool:
        """Whether a request should be sent again, because its situation may never get another outcome."""
        if judged.verdict.kind != UNEXPLAINED or judged.seen is None:
            return False
        found, successes = self._of(judged.seen), self._successes[judged.seen.scope.operation.name]
        return self._trusted and not found.answered and found.refused == SUSPICIOUS and successes > found.begun

    def open(self, seen: openapi.Permitted) -> bool:
        """Whether this situation has had no answer yet, and may still get one."""
        found = self._of(seen)
        return not found.answered and found.refused < SUSPICIOUS

    def new(self, seen: openapi.Permitted) -> bool:
        """Whether a success takes a branch in which its operation has not succeeded yet."""
        return any(not self._wanted.get(each, True) for each in branches(seen))

    def _of(self, seen: openapi.Permitted) -> _Seen:
        return self._seen.setdefault(_situation(seen), _Seen(begun=self._successes[seen.scope.operation.name]))

    def _always(self, seen: openapi.Permitted, verdict: Verdict, times: int) -> Verdict:
        which = ", ".join(each.partition(" ")[2] for each in self._distinctive(seen)) or "in this row"
        detail = f"{verdict.got} is permitted at any time, not every time"
        reason = f"{times} of {times} requests got it {which}"
        return replace(verdict, kind=VIOLATION, rule=str(seen.answer), detail=detail, reason=reason)

    def _distinctive(self, seen: openapi.Permitted) -> tuple[str, ...]:
        """The fewest branches of a situation that are together in none which was answered."""
        number, name, *taken = _situation(seen)
        answered = [set(key[2:]) for key, found in self._seen.items() if found.answered and key[:2] == (number, name)]
        sets = (each for size in range(len(taken) + 1) for each in combinations(taken, size))
        return next((each for each in sets if not any(set(each) <= other for other in answered)), tuple(taken))


def _situation(seen: openapi.Permitted) -> Situation:
    taken = branches(seen) if seen.answer is seen.success else ()
    return str(seen.answer.number), seen.scope.operation.name, *taken
