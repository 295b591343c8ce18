"""Fuzzing: sends the inputs of a stream one after the other until the session ends."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import islice

from contracts.generate.stream import Input, Stream
from contracts.http.target import RunEnded, Unreachable
from contracts.run.races import Races
from contracts.run.schedule import interleaved, many
from contracts.run.session import UNKNOWN, Session
from contracts.sequence.corpus import Corpus

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


def send_stream(
    session: Session,
    stream: Stream,
    shard: Shard,
    corpus: Corpus | None = None,
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
            corpus.position.write(end)
    except RunEnded:
        _keep(session, corpus)
    except Unreachable as error:
        session.record.gone = str(error)
        _keep(session, corpus)
    finally:
        if races is not None:
            races.count()


def _replay(session: Session, shard: Shard, corpus: Corpus) -> None:
    session.record.behaviours |= corpus.behaviours
    own = filter(shard.has, range(len(corpus.entries)))
    interleaved(session, (session.planned(corpus.entries[position]) for position in own))


def _send(session: Session, inputs: list[Input]) -> None:
    interleaved(session, (session.planned(each.walk) for each in inputs))
    placeholders = session.new_sequence().placeholders
    many(session, (placeholders.fill(single, UNKNOWN) for each in inputs for single in each.singles))


def _keep(session: Session, corpus: Corpus | None) -> None:
    """Adds the sequences that showed a new behaviour to the corpus."""
    for sequence in session.novel:
        if corpus is not None:
            corpus.add(sequence)
    session.novel.clear()
