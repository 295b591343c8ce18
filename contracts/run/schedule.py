"""Sends requests at the same time that do not affect one another: independent ones, and the next ones of several walks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import openapi
from contracts.generate.walk import Walk
from contracts.http.wire import Request
from contracts.judge.verdict import Judgement
from contracts.run.session import Session
from contracts.sequence.sequence import Sequence

BATCH = 4
"""The most requests of one batch, for each worker."""
LOOKAHEAD = 8
"""Requests from which a batch is chosen, for each worker."""
MOST_WALKS, WALKS_OF_AN_OPERATION = 16, 8
"""The most walks that run side by side, and for each operation: walks over few operations meet the same rows."""


@dataclass(slots=True)
class _Waiting:
    """A request that is to be sent, and what it may read and change."""

    sequence: Sequence
    request: Request
    walk: Walk | None = None
    _footprint: openapi.Footprint = field(default_factory=openapi.Footprint)
    _states: tuple[openapi.State, ...] = ()

    def meets(self, taken: openapi.Footprint, session: Session) -> bool:
        """Whether it may affect requests with these footprints, or they may affect it.

        Computes its own footprint only if the states have changed, and if the last one did not meet them.
        """
        if self._states and self._footprint.meets(taken):
            return True
        states = session.oracle.states
        if self._states != states:
            self._footprint, self._states = session.footprint(self.request), states
        return self._footprint.meets(taken)

    def add_to(self, taken: openapi.Footprint) -> None:
        """Adds what it may read and change."""
        taken.add(self._footprint)


class _Spare:
    """Independent requests that are sent beside walks."""

    def __init__(self, session: Session, requests: Iterator[Request]) -> None:
        self._session, self._requests = session, requests
        self._waiting: list[_Waiting] = []

    def take(self, most: int, taken: openapi.Footprint) -> list[_Waiting]:
        """At most so many, which do not affect the requests with these footprints."""
        session = self._session
        missing = LOOKAHEAD * session.workers - len(self._waiting) if most else 0
        self._waiting += (_Waiting(session.new_sequence(), each) for each in islice(self._requests, missing))
        chosen, self._waiting = _split(session, self._waiting, most, taken)
        return chosen

    def left(self) -> Iterator[Request]:
        """Those that were considered and not sent."""
        return (each.request for each in self._waiting)


def many(session: Session, requests: Iterable[Request]) -> None:
    """Sends independent requests, in any order. Raises RunEnded."""
    following = iter(requests)
    waiting: list[_Waiting] = []
    while True:
        more = islice(following, LOOKAHEAD * session.workers - len(waiting))
        waiting += (_Waiting(session.new_sequence(), each) for each in more)
        if not waiting:
            return
        chosen, waiting = _split(session, waiting, BATCH * session.workers, openapi.Footprint())
        session.together([(each.sequence, each.request) for each in chosen])


def interleaved(session: Session, walks: Iterable[Walk], beside: Iterable[Request] = ()) -> None:
    """Runs walks, several at a time. Where the target can be reset, they begin together, after a reset. Raises RunEnded.

    Walks over the same rows leave most workers idle: these send independent requests of `beside`, as many as there is time for.
    """
    following, spare = iter(walks), _Spare(session, iter(beside))
    most = min(session.workers, MOST_WALKS, WALKS_OF_AN_OPERATION * len(session.contract.operations))
    running: list[_Waiting] = []
    while True:
        if not running:
            session.restart()
        if not running or not session.target.resets:
            running += _begun(islice(following, most - len(running)))
        if not running:
            return many(session, spare.left())
        before, taken = session.restarts, openapi.Footprint()
        chosen, waiting = _split(session, running, session.workers, taken)
        chosen += spare.take(max(2, session.workers) - len(chosen), taken)
        judged = session.together([(each.sequence, each.request) for each in chosen])
        continued = list(_continued(zip(chosen, judged, strict=True)))
        # A reset has changed the rows that the other walks use.
        running = [*waiting, *continued] if session.restarts == before else []


def _begun(walks: Iterable[Walk]) -> Iterator[_Waiting]:
    for walk in walks:
        for sequence, request in islice(walk, 1):
            yield _Waiting(sequence, request, walk)


def _continued(judged: Iterable[tuple[_Waiting, Judgement]]) -> Iterator[_Waiting]:
    for each, judgement in judged:
        if each.walk is not None:
            try:
                sequence, request = each.walk.send(judgement)
            except StopIteration:
                continue
            yield _Waiting(sequence, request, each.walk)


def _split(
    session: Session, waiting: list[_Waiting], most: int, taken: openapi.Footprint
) -> tuple[list[_Waiting], list[_Waiting]]:
    """At most so many requests that affect neither one another nor what is taken; and the others. Adds to what is taken."""
    if session.workers == 1:
        return waiting[:most], waiting[most:]
    chosen, others = list[_Waiting](), list[_Waiting]()
    for each in waiting:
        if len(chosen) == most or each.meets(taken, session):
            others.append(each)
        else:
            each.add_to(taken)
            chosen.append(each)
    return chosen, others
