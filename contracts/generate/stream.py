"""The infinite, deterministic stream of inputs of one seed. Input n depends on the contract, the world and the seed alone.

A walk is therefore planned without a server: a model executes the contract on the initial state of the world. The requests
have placeholders for the values that the server will mint.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import openapi
from contracts.generate.choices import Seeded
from contracts.generate.draw import Drawer, KnownRows
from contracts.generate.walk import SUCCESS_PERCENT, Walker, run
from contracts.http.wire import Request
from contracts.judge.verdict import VERIFIED, Judgement, Verdict
from contracts.judge.views import completed, own_view
from contracts.sequence.placeholder import Placeholders
from contracts.sequence.sequence import Sequence

SINGLES = 24
"""Independent requests of one input, sent after its walk."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input: a walk, then independent requests."""

    walk: list[Request]
    singles: list[Request]


class Stream:
    """The inputs of a contract, a world and a seed."""

    def __init__(self, contract: openapi.Contract, world: openapi.World, seed: int, success: int = SUCCESS_PERCENT) -> None:
        """In `success` percent of the steps of a walk a request that succeeds is preferred."""
        self._contract, self._world, self._seed, self._success = contract, world, seed, success
        self._known = KnownRows.of(world.state, world.now)
        self._drawers = [Drawer(each, world.state, world.now) for each in contract.operations.values()]

    def input(self, number: int) -> Input:
        """The input with this number, from 0."""
        choices = self._choices(number)
        return Input(self._walk(choices), [self._single(choices) for _ in range(SINGLES)])

    def walk(self, number: int) -> list[Request]:
        """The walk of the input with this number, from 0."""
        return self._walk(self._choices(number))

    def _choices(self, number: int) -> Seeded:
        return Seeded(f"{self._seed}/{number}")

    def _walk(self, choices: Seeded) -> list[Request]:
        model = _Model(self._contract, self._world, self._known, choices)
        run(Walker(model, self._drawers, self._success).walk(choices), model.step)
        return model.sequence.abstract()

    def _single(self, choices: Seeded) -> Request:
        drawer, now = choices.choose(self._drawers), self._world.now
        request = drawer.request(drawer.raw(self._known, now, choices), choices)
        return Placeholders(now, self._world.secrets).abstract(request)


class _Model:
    """An in-process model of a server: executes the contract, with a clock that does not advance."""

    needs_better_sequence = False

    def __init__(self, contract: openapi.Contract, world: openapi.World, known: KnownRows, choices: Seeded) -> None:
        self._contract, self._world, self.known = contract, world, known
        self._state, self._random = world.state, Random(choices.choose(range(2**32)))
        self.sequence = Sequence(Placeholders(world.now, world.secrets))

    def now(self) -> int:
        return self._world.now

    def expect(self, request: Request) -> openapi.Permitted:
        operation = self._contract.operations[request.operation]
        request = completed(operation, request, self._state, self._world.now, self._random)
        return openapi.permitted(operation, own_view(operation, request).raw, self._state, self._world.now)

    def new_sequence(self) -> Sequence:
        return self.sequence  # a model is used for one walk only

    def ends_walk(self, judged: Judgement) -> bool:
        return False  # a model never violates the contract

    def step(self, sequence: Sequence, request: Request) -> Judgement:
        seen = self.expect(request)
        operation, raw = self._contract.operations[request.operation], seen.scope.raw
        try:
            done = openapi.decide(operation, raw, self._state, self._world.now, self._random)
        except openapi.ExecutionError:  # how a server refuses it is not documented
            sequence.note(request, None, {})
            return Judgement(Verdict(VERIFIED, seen.answer.outcome, seen.answer.outcome), seen.answer.number)
        minted = done.minted
        sequence.note(request, None, minted)
        self._state = done.state
        return Judgement(Verdict(VERIFIED, done.outcome, done.outcome), done.rule.number, minted, tuple(done.changes))
