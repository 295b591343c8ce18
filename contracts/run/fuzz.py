"""Fuzzing: the inputs of a stream, one after the other, for as long as the session allows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from contracts.generate.stream import Input, Stream
from contracts.http.target import Enough, Unreachable
from contracts.run.session import UNKNOWN, Session
from contracts.sequence.corpus import Corpus


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several equal parts of everything that is numbered."""

    number: int = 1
    """From 1."""
    of: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def has(self, number: int) -> bool:
        """Whether a number, from 0, belongs to it."""
        return number % self.of == self.number - 1


def send_stream(session: Session, stream: Stream, shard: Shard, corpus: Corpus | None = None, start: int | None = None) -> None:
    """Sends what a shard has of the corpus, and then of the stream, until the session has had enough.

    With `start` it goes on with that number of the stream, and leaves the corpus out. Raises OSError where the corpus cannot
    be written.
    """
    try:
        if corpus is not None and start is None:
            _replay(session, shard, corpus)
        for number in filter(shard.has, count(start or 0)):
            if corpus is not None:
                corpus.position.write(number)
            _send(session, stream.input(number))
            _keep(session, corpus)
    except Enough:
        _keep(session, corpus)
    except Unreachable as error:
        session.record.gone = str(error)
        _keep(session, corpus)


def _replay(session: Session, shard: Shard, corpus: Corpus) -> None:
    session.record.behaviours |= corpus.shows
    for position, steps in enumerate(corpus.entries):
        if shard.has(position):
            session.play(steps)


def _send(session: Session, found: Input) -> None:
    session.play(found.walk)
    run = session.begin().run
    session.many(run.fill(each, UNKNOWN) for each in found.singles)


def _keep(session: Session, corpus: Corpus | None) -> None:
    """Saves what showed something new."""
    for sequence in session.novel:
        if corpus is not None:
            corpus.add(sequence)
    session.novel.clear()
