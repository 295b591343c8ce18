"""The endless stream of inputs of one seed. Number n of it is the same wherever and whenever it is drawn.

So that this holds, nothing is asked of a server: a walk is planned over a model of one, the contract executed on the
world as it began. Its requests carry placeholders for what the server will mint.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import openapi
from contracts.generate.choices import Seeded
from contracts.generate.draw import Drawer, Known
from contracts.generate.walk import Walker
from contracts.http.wire import Request
from contracts.judge.oracle import VERIFIED, Judgement, Verdict
from contracts.judge.views import readings
from contracts.sequence.placeholder import Run
from contracts.sequence.sequence import Sequence

SINGLES = 24
"""Requests of one number that depend on no other; a walk comes before them."""


@dataclass(frozen=True, slots=True)
class Input:
    """What is sent for one number."""

    walk: list[Request]
    singles: list[Request]


class Stream:
    """The inputs of a contract, a world and a seed."""

    def __init__(self, contract: openapi.Contract, world: openapi.World, seed: int) -> None:
        self._contract, self._world, self._seed = contract, world, seed
        self._known = Known.of(world.state, world.now)
        self._drawers = [Drawer(each, world.state, world.now) for each in contract.operations.values()]

    def input(self, number: int) -> Input:
        """The input of a number."""
        choices = Seeded(f"{self._seed}/{number}")
        model = _Model(self._contract, self._world, self._known, choices)
        return Input(Walker(model, self._drawers).walk(choices).abstract(), [self._single(choices) for _ in range(SINGLES)])

    def _single(self, choices: Seeded) -> Request:
        drawer, now = choices.choose(self._drawers), self._world.now
        request = drawer.request(drawer.raw(self._known, now, choices), choices)
        return Run(now, self._world.secrets).abstract(request)


class _Model:
    """The contract in place of a server; its time stands still."""

    seeking = False

    def __init__(self, contract: openapi.Contract, world: openapi.World, known: Known, choices: Seeded) -> None:
        self._contract, self._world, self.known = contract, world, known
        self._state, self._random = world.state, Random(choices.choose(range(2**32)))

    def restart(self) -> bool:
        return False  # it has just begun

    def now(self) -> int:
        return self._world.now

    def expect(self, request: Request) -> openapi.Permitted:
        operation = self._contract.operations[request.operation]
        return openapi.permitted(operation, next(readings(operation, request)), self._state, self._world.now)

    def begin(self) -> Sequence:
        return Sequence(Run(self._world.now, self._world.secrets))

    def ends(self, judged: Judgement) -> bool:
        return False  # it keeps the contract

    def step(self, sequence: Sequence, request: Request) -> Judgement:
        seen = self.expect(request)
        operation, raw = self._contract.operations[request.operation], seen.scope.raw
        try:
            done = openapi.decide(operation, raw, self._state, self._world.now, self._random)
        except openapi.ExecutionError:  # a server refuses it in a way of its own
            sequence.note(request, None, {})
            return Judgement(Verdict(VERIFIED, seen.answer.outcome, seen.answer.outcome), seen.answer.number)
        minted = done.minted
        sequence.note(request, None, minted)
        self._state = done.state
        return Judgement(Verdict(VERIFIED, done.outcome, done.outcome), done.rule.number, minted, tuple(done.changes))
