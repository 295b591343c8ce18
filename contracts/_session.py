"""A session with a server: every request that is sent is judged and recorded, and what is found is handed on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import openapi
from contracts._draw import Known
from contracts._evidence import Evidence
from contracts._ledger import Ledger, Lost
from contracts._oracle import VERIFIED, Judgement, Oracle, Verdict
from contracts._placeholder import Run
from contracts._record import Record
from contracts._sequence import Sequence
from contracts._target import Broken, Target
from contracts._wire import Reply, Request

BATCH = 16
"""Requests that are prepared at once, for each worker."""


class Enough(Exception):
    """The bound on requests or on time is reached, or one violation was all that was asked for."""


class Session:
    """One examination of one server. Not for several threads; it has workers of its own."""

    def __init__(
        self,
        oracle: Oracle,
        target: Target,
        record: Record,
        *,
        workers: int = 1,
        stop_early: bool = False,
        deadline: float | None = None,
        watch: Callable[[Record], None] = lambda record: None,
    ) -> None:
        self.oracle, self.target, self.record, self.contract = oracle, target, record, oracle.contract
        self.known = Known.of(oracle.state, oracle.clock.now(_now()))
        self.workers, self.deadline, self.watch = workers, deadline, watch
        self.started = time.monotonic()
        self.ledger = Ledger()
        self.evidence = Evidence(self, stop_early)

    def now(self) -> int:
        """The likeliest time at the server, in epoch ms."""
        return self.oracle.clock.now(_now())

    def expect(self, request: Request) -> openapi.Permitted:
        """What a server may answer if this request is sent now."""
        return self.oracle.expect(request, _now())

    def begin(self) -> Sequence:
        """An empty sequence."""
        return Sequence(Run(self.now(), self.record.secrets))

    def one(self, request: Request) -> Judgement:
        """Sends one request that depends on no other."""
        return self.step(self.begin(), request)

    def step(self, sequence: Sequence, request: Request) -> Judgement:
        """Sends the next request of a sequence. Raises Enough."""
        self.check()
        return self._settle(sequence, request, self._send(request))

    def stranger(self, request: Request) -> None:
        """Sends a request that the contract does not have. Raises Enough."""
        self.check()
        answer = self._send(request)
        if isinstance(answer, Reply) and (verdict := self.oracle.turned_away(request, answer)) is not None:
            sequence = self.begin()
            sequence.note(request, answer, {})
            self.evidence.tell(sequence, verdict, answer.text())
            self._stop_if_enough()

    def many(self, requests: Iterable[Request]) -> None:
        """Sends requests that do not depend on each other: those that change nothing at once, the others one by one."""
        if self.workers == 1:
            for request in requests:
                self.one(request)
            return
        remaining = iter(requests)
        with ThreadPoolExecutor(self.workers) as pool:
            while batch := list(islice(remaining, BATCH * self.workers)):
                self.check()
                calm = [each for each in batch if not self._may_change(each)]
                room = self.target.manners.most_requests - self.target.sent
                for request, answer in zip(calm[:room], pool.map(self._send, calm[:room]), strict=True):
                    self._settle(self.begin(), request, answer)
                for request in batch:
                    if request not in calm:
                        self.one(request)

    def check(self) -> None:
        """Raises Enough where nothing more may be sent."""
        if self.target.exhausted or (self.deadline is not None and time.monotonic() >= self.deadline):
            raise Enough

    def _send(self, request: Request) -> Reply | Lost:
        sent = _now()
        try:
            return self.target.send(request)
        except Broken as error:
            return Lost(str(error), sent, _now())

    def _settle(self, sequence: Sequence, request: Request, answer: Reply | Lost) -> Judgement:
        """Judges and records an answer; makes it short where it is a new violation."""
        judged, text = self._judge(sequence, request, answer)
        if judged.verdict.kind != VERIFIED:
            self.evidence.take(sequence, judged.verdict, text)
        self._stop_if_enough()
        return judged

    def _stop_if_enough(self) -> None:
        if self.evidence.enough:
            raise Enough

    def _judge(self, sequence: Sequence, request: Request, answer: Reply | Lost) -> tuple[Judgement, str]:
        if isinstance(answer, Lost):
            judged, text = self.oracle.lost(request, answer.sent, answer.received, answer.why), answer.why
            sequence.note(request, None, {})
        else:
            judged, text = self.oracle.judge(request, answer), answer.text()
            sequence.note(request, answer, judged.minted)
        self.known.note(judged.changes)
        self.ledger.note(request, answer, judged)
        self.record.count(request.operation, judged, answer.received - answer.sent)
        self.record.requests, self.record.seconds = self.target.sent, time.monotonic() - self.started
        self.watch(self.record)
        return judged, text

    def restart(self) -> bool:
        """Makes the server begin anew, where the target can; what was known of it is forgotten. Raises Unreachable."""
        if not self.target.reset():
            return False
        self.oracle.restart()
        self.known.forget()
        self.ledger.clear()
        return True

    def repeat(self, steps: list[Request]) -> tuple[Sequence, Verdict, str] | None:
        """Sends a saved sequence again, and says how it ended; None where a step lacks what an earlier one should have minted.

        Raises Enough.
        """
        self.restart()
        sequence = self.begin()
        judged, text = None, ""
        for step in steps:
            self.check()
            try:
                request = sequence.run.fill(step)
            except LookupError:
                return None
            judged, text = self._judge(sequence, request, self._send(request))
        return None if judged is None else (sequence, judged.verdict, text)

    def _may_change(self, request: Request) -> bool:
        """Whether the server may change something on this request."""
        now = _now()
        return any(seen.may_change for seen in self.oracle.views(request, now, now))


def _now() -> int:
    return time.time_ns() // 1_000_000
