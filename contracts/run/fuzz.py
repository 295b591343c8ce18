"""Fuzzing: sends the inputs of a stream one after the other until the session ends."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from contracts.generate.stream import Input, Stream
from contracts.http.target import RunEnded, Unreachable
from contracts.run.session import UNKNOWN, Session
from contracts.sequence.corpus import Corpus


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


def send_stream(session: Session, stream: Stream, shard: Shard, corpus: Corpus | None = None, start: int | None = None) -> None:
    """Sends the entries of the corpus and then the inputs of the stream that belong to a shard, until the session ends.

    With `start`, it skips the entries of the corpus and begins at this number of the stream. Raises OSError where the corpus
    cannot be written.
    """
    try:
        if corpus is not None and start is None:
            _replay(session, shard, corpus)
        for number in filter(shard.has, count(start or 0)):
            if corpus is not None:
                corpus.position.write(number)
            _send(session, stream.input(number))
            _keep(session, corpus)
    except RunEnded:
        _keep(session, corpus)
    except Unreachable as error:
        session.record.gone = str(error)
        _keep(session, corpus)


def _replay(session: Session, shard: Shard, corpus: Corpus) -> None:
    session.record.behaviours |= corpus.behaviours
    for position, steps in enumerate(corpus.entries):
        if shard.has(position):
            session.play(steps)


def _send(session: Session, found: Input) -> None:
    session.play(found.walk)
    placeholders = session.new_sequence().placeholders
    session.many(placeholders.fill(each, UNKNOWN) for each in found.singles)


def _keep(session: Session, corpus: Corpus | None) -> None:
    """Adds the sequences that showed a new behaviour to the corpus."""
    for sequence in session.novel:
        if corpus is not None:
            corpus.add(sequence)
    session.novel.clear()
