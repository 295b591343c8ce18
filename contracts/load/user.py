"""A user under load: sends the walks of its own world one after the other, and judges each reply.

Failures are not repeated while the load lasts. What an overloaded server does not answer, or answers with 429 or 503, is counted
and accuses nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gevent
from gevent.lock import Semaphore

from contracts.generate.stream import Stream
from contracts.generate.walk import run
from contracts.http.target import NO_REPLY, Target
from contracts.http.wire import Reply, Request
from contracts.judge.journal import LostReply
from contracts.judge.oracle import Oracle
from contracts.judge.record import Record
from contracts.judge.verdict import UNEXPLAINED, Judgement, Verdict
from contracts.run.backoff import SLOW_DOWN, Backoff
from contracts.run.deadline import Deadline
from contracts.run.fuzz import Shard
from contracts.run.session import Session
from contracts.sequence.sequence import Sequence

RESET_EVERY = 10
"""Walks after which a world is reset where it can be, so that its rows do not become more and more."""
NOT_DOCUMENTED = "not documented"


@dataclass(frozen=True, slots=True)
class Heard:
    """A reply, or that there was none."""

    request: Request
    name: str
    """The documented outcome that the server gave, or operation and what came in its place."""
    milliseconds: int
    size: int
    """Bytes of the body."""
    sent: int
    """Epoch ms."""
    verdict: Verdict | None = None
    """None for a reply that asks for a pause."""
    error: str = ""
    """What came in place of a usable reply: nothing, or a reply that asks for a pause. An overloaded server may do so."""


class Floor:
    """Lets one user at a time compute, because all users share one core.

    Replies that have come meanwhile are read first, so that their times are taken. Otherwise the latency of a reply would contain
    the computations of all other users.
    """

    def __init__(self) -> None:
        self._taken = Semaphore()

    def take(self) -> None:
        """Waits until no other user computes and all replies that have come are read."""
        self._taken.acquire()
        gevent.idle()

    def leave(self) -> None:
        """Lets another user compute."""
        self._taken.release()


class Stay(Deadline):
    """The time of a user: it ends with the run, or when the user shall stop."""

    def __init__(self, *ends: Deadline) -> None:
        super().__init__()
        self._ends = ends
        self.stopped: Callable[[], bool] = lambda: False
        """Whether the user shall stop."""

    @property
    def passed(self) -> bool:
        """Whether the user must not send any more."""
        return super().passed or self.stopped() or any(each.passed for each in self._ends)


class _Waiting(Backoff):
    """Pauses for one user, and says which replies asked for it."""

    def __init__(self, base: str, over: Callable[[], bool], asked: Callable[[Reply], None]) -> None:
        super().__init__(base, over)
        self._asked = asked

    def refused(self, reply: Reply, documented: frozenset[int], sent: float, number: int = 0) -> bool:
        """Whether a reply asks for a pause; if so, the pause begins."""
        asks = reply.status in SLOW_DOWN and reply.status not in documented
        if asks:
            self._asked(reply)
        return super().refused(reply, documented, sent, number)


class UserSession(Session):
    """The session of one user. Many of them run in greenlets and share a record."""

    deadline: Stay

    def __init__(
        self, oracle: Oracle, target: Target, record: Record, floor: Floor, heard: Callable[[Heard], None], **options: Any
    ) -> None:
        """Calls `heard` for each reply. `options` are those of a session."""
        super().__init__(oracle, target, record, workers=1, shrinks=False, **options)
        self.backoff = _Waiting(target.base, target.over, self._asked_to_wait)
        self.heard = heard
        self._floor, self._sending = floor, Request("", "", "")

    def send(self, request: Request) -> Reply | LostReply:
        """Sends one request; others compute meanwhile. Raises RunEnded and Unreachable."""
        self._sending = request
        self._floor.leave()
        try:
            return super().send(request)
        finally:
            self._floor.take()

    def restart(self) -> bool:
        """Resets the world; others compute meanwhile. False where it cannot be reset. Raises Unreachable."""
        self._floor.leave()
        try:
            return super().restart()
        finally:
            self._floor.take()

    def weighed(self, request: Request, answer: Reply | LostReply, judged: Judgement) -> Judgement:
        """The judgement; without an accusation where the server is overloaded.

        Nor does it accuse a server that gives, again and again, an outcome which is permitted at any time: it may be busy.
        """
        if self._is_error(request, answer):
            return replace(judged, verdict=replace(judged.verdict, kind=UNEXPLAINED, reason="the server may be overloaded"))
        return self.in_time(judged, answer.received - answer.sent)

    def note(self, sequence: Sequence, request: Request, answer: Reply | LostReply, judged: Judgement) -> str:
        """Records a judged answer to the next request of a sequence. Returns its text."""
        text = super().note(sequence, request, answer, judged)
        self.novel.clear()  # nobody keeps a corpus
        took, verdict = answer.received - answer.sent, judged.verdict
        if isinstance(answer, LostReply):
            self.heard(Heard(request, f"{request.operation}: {NO_REPLY}", took, 0, answer.sent, verdict, NO_REPLY))
        elif not self._is_error(request, answer):
            # Undocumented outcomes count as one, because a server can give any number of them.
            name = verdict.got if verdict.got in self.record.outcomes else f"{request.operation}: {NOT_DOCUMENTED}"
            self.heard(Heard(request, name, took, len(answer.body), answer.sent, verdict))
        return text

    def note_progress(self) -> None:
        """Nothing: what is in the record is that of all users."""

    def _is_error(self, request: Request, answer: Reply | LostReply) -> bool:
        """Whether an overloaded server may have answered so; a reply that asks for a pause has been heard already."""
        return isinstance(answer, LostReply) or (answer.status in SLOW_DOWN and answer.status not in self.statuses(request))

    def _asked_to_wait(self, reply: Reply) -> None:
        request, error = self._sending, f"HTTP {reply.status}"
        took = reply.received - reply.sent
        self.heard(Heard(request, f"{request.operation}: {error}", took, len(reply.body), reply.sent, error=error))


class Member:
    """A user with its part of the stream: the walks k, k + N, k + 2N … of N users."""

    def __init__(self, session: UserSession, stream: Stream, shard: Shard, floor: Floor) -> None:
        self.session, self.number = session, shard.number
        self._stream, self._shard, self._floor = stream, shard, floor
        self._walks = 0

    def walk(self) -> None:
        """Sends the next walk. Raises RunEnded and Unreachable."""
        session, number = self.session, self._shard.number - 1 + self._walks * self._shard.of
        self._floor.take()
        try:
            session.check()
            if session.target.resets and (self._walks % RESET_EVERY == 0 or session.oracle.unsure):
                session.restart()
            self._walks += 1
            run(session.planned(self._stream.walk(number)), lambda sequence, request: session.together([(sequence, request)])[0])
        finally:
            self._floor.leave()
