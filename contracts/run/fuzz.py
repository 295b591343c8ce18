"""Fuzzing: sends the inputs of a stream one after the other until the session ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Set
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from contracts.generate.stream import Input, Stream
from contracts.http.target import RunEnded, Unreachable
from contracts.run.examination import learn
from contracts.run.races import Races
from contracts.run.schedule import interleaved, many
from contracts.run.session import UNKNOWN, Session
from contracts.sequence.sequence import Sequence
from contracts.sequence.shrink import Steps

RACES_EVERY = 8
"""Inputs after which a walk of races follows."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several equal parts of the inputs and of the corpus, to divide a fuzz run among processes."""

    number: int = 1
    """From 1."""
    of: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def has(self, number: int) -> bool:
        """Whether the input with this number, from 0, belongs to the shard."""
        return number % self.of == self.number - 1


class Store(Protocol):
    """What keeps the sequences that showed a new behaviour: the file of a corpus, or the other shards of a cluster."""

    @property
    def behaviours(self) -> Set[str]:
        """The behaviours that the stored sequences show."""

    @property
    def position(self) -> Position:
        """Keeps the number of the input to continue with."""

    def stored(self, has: Callable[[int], bool]) -> Iterable[Steps]:
        """The sequences to send first: those whose positions, from 0, belong to the shard."""

    def arrived(self) -> Iterable[Steps]:
        """Sequences of others that came since the last call, to send between two inputs."""

    def add(self, sequence: Sequence) -> None:
        """Keeps a sequence. Raises OSError."""


class Position(Protocol):
    """Keeps the number of the input to continue with."""

    def write(self, number: int) -> None:
        """Keeps a number. Raises OSError."""


def fuzz_shard(
    session: Session,
    stream: Stream,
    shard: Shard,
    corpus: Store | None = None,
    start: int | None = None,
    end: int = sys.maxsize,
    *,
    races: bool = True,
    seed: int = 0,
) -> None:
    """Learns how the server takes requests, then sends a shard as `send_stream` does; with races where the server can be reset.

    Raises OSError where the corpus cannot be written.
    """
    session.record.shard = str(shard)
    lane = None
    with suppress(RunEnded, Unreachable):  # then the stream ends too
        candidates = learn(session)
        # Without a reset more and more rows would be uncertain, because nobody knows in which order requests were handled.
        if races and session.target.resets and session.target.manners.connections > 1:
            lane = Races(session, candidates, seed)
    send_stream(session, stream, shard, corpus, start, end, lane)


def send_stream(
    session: Session,
    stream: Stream,
    shard: Shard,
    corpus: Store | None = None,
    start: int | None = None,
    end: int = sys.maxsize,
    races: Races | None = None,
) -> None:
    """Sends the entries of the corpus and then the inputs of the stream that belong to a shard, until the session ends.

    With `start`, it skips the entries of the corpus and begins at this number of the stream; it sends no input from `end` on.
    Raises OSError where the corpus cannot be read or written.
    """
    try:
        if corpus is not None and start is None:
            _replay(session, shard, corpus)
        numbers = filter(shard.has, range(start or 0, end))
        while group := list(islice(numbers, session.workers)):
            if corpus is not None:
                corpus.position.write(group[0])
            _send(session, [stream.input(number) for number in group])
            if races is not None and any(number % RACES_EVERY == 0 for number in group):
                races.run(group[0])
            _keep(session, corpus)
            if corpus is not None:
                interleaved(session, map(session.planned, corpus.arrived()))
                _keep(session, corpus)
        if corpus is not None:
            corpus.position.write(end)
    except RunEnded:
        _keep(session, corpus)
    except Unreachable as error:
        session.record.gone = str(error)
        _keep(session, corpus)
    finally:
        if races is not None:
            races.count()


def _replay(session: Session, shard: Shard, corpus: Store) -> None:
    session.record.behaviours |= corpus.behaviours
    interleaved(session, map(session.planned, corpus.stored(shard.has)))
    _keep(session, corpus)


def _send(session: Session, inputs: list[Input]) -> None:
    interleaved(session, (session.planned(each.walk) for each in inputs))
    placeholders = session.new_sequence().placeholders
    many(session, (placeholders.fill(single, UNKNOWN) for each in inputs for single in each.singles))


def _keep(session: Session, corpus: Store | None) -> None:
    """Adds the sequences that showed a new behaviour to the corpus."""
    for sequence in session.novel:
        if corpus is not None:
            corpus.add(sequence)
    session.novel.clear()
