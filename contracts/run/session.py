"""A session with a server: every request that is sent is judged and recorded, and what is found is handed on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import openapi
from contracts.generate.draw import Known
from contracts.http.target import Broken, Enough, Target
from contracts.http.wire import Reply, Request
from contracts.judge.evidence import Evidence
from contracts.judge.journal import Journal, Lost
from contracts.judge.language import other_language
from contracts.judge.oracle import UNEXPLAINED, VERIFIED, VIOLATION, Judgement, Oracle, Verdict
from contracts.judge.record import Record
from contracts.judge.situations import CERTAIN, Situations
from contracts.run.deadline import Deadline
from contracts.sequence.placeholder import Run
from contracts.sequence.sequence import Sequence, Unrepeatable
from contracts.sequence.shrink import Steps

BATCH = 16
"""Requests that are prepared at once, for each worker."""
UNKNOWN = "unknown"
"""What is sent in place of a value that an earlier reply should have minted, and did not."""


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
        deadline: Deadline | None = None,
        watch: Callable[[Record], None] = lambda record: None,
    ) -> None:
        self.oracle, self.target, self.record, self.contract = oracle, target, record, oracle.contract
        self.known = Known.of(oracle.state, oracle.clock.now(_now()))
        self.workers, self.deadline, self.watch = workers, deadline or Deadline(), watch
        self.started = time.monotonic()
        self.novel: list[Sequence] = []
        """Those that showed what no request before them had shown, in this order."""
        self.journal = Journal()
        self.evidence = Evidence(self, stop_early)
        self.situations = Situations(record.branches)

    @property
    def seeking(self) -> bool:
        """Whether a violation was found that wants a better sequence."""
        return self.evidence.seeking

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
        return self._settle(sequence, request, self._send(request))

    def undocumented(self, request: Request) -> None:
        """Sends a request that the contract does not have. Raises Enough."""
        answer = self._send(request)
        if isinstance(answer, Reply) and (verdict := self.oracle.turned_away(request, answer)) is not None:
            sequence = self.begin()
            sequence.note(request, answer, {})
            self.evidence.tell(sequence, verdict, answer.text())
            self._stop_if_enough()

    def ends(self, judged: Judgement) -> bool:
        """Whether a walk ends with this: with a violation that was not known. Others do not hide what it may still find."""
        found = self.record.findings.get(judged.verdict.key)
        return judged.verdict.kind == VIOLATION and (found is None or found.count == 1)

    def play(self, steps: Steps) -> None:
        """Sends a planned sequence, up to its first violation. Raises Enough."""
        self.restart()
        sequence = self.begin()
        for step in steps:
            if self.step(sequence, sequence.run.fill(step, UNKNOWN)).verdict.kind == VIOLATION:
                return

    def many(self, requests: Iterable[Request]) -> None:
        """Sends requests that do not depend on each other: those that change nothing at once, the others one by one."""
        if self.workers == 1:
            for request in requests:
                self.one(request)
            return
        remaining = iter(requests)
        with ThreadPoolExecutor(self.workers) as pool:
            while batch := list(islice(remaining, BATCH * self.workers)):
                self._check()
                calm = [each for each in batch if not self._may_change(each)]
                room = self.target.manners.most_requests - self.target.sent
                for request, answer in zip(calm[:room], pool.map(self._send, calm[:room]), strict=True):
                    self._settle(self.begin(), request, answer)
                for request in batch:
                    if request not in calm:
                        self.one(request)

    def _check(self) -> None:
        if self.target.exhausted or self.deadline.passed:
            raise Enough

    def _send(self, request: Request) -> Reply | Lost:
        self._check()
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
        if self.situations.suspicious(judged):
            self._insist(request)
        self._stop_if_enough()
        return judged

    def _insist(self, request: Request) -> None:
        """Sends again what has got nothing but an outcome that is permitted at any time, and in the middle what succeeds."""
        sequence, again = self.begin(), [request] * (CERTAIN // 2)
        for each in (*again, self.situations.succeeded[request.operation], *again):
            judged, text = self._judge(sequence, each, self._send(each))
            if each is request and judged.verdict.kind not in (UNEXPLAINED, VIOLATION):
                break
        if judged.verdict.kind == VIOLATION:
            self.evidence.tell(sequence, judged.verdict, text)

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
            self._note_language(request, answer, judged.verdict.got)
        judged = self.situations.judged(request, judged)
        self._note_behaviour(sequence, self.contract.operations[request.operation], judged)
        self.known.note(judged.changes)
        self.journal.note(request, answer, judged, judged.changes or self.oracle.supposed(request, judged.verdict, _now()))
        self.record.count(request.operation, judged, text, answer.received - answer.sent)
        self.record.requests, self.record.seconds = self.target.sent, time.monotonic() - self.started
        self.watch(self.record)
        return judged, text

    def _note_language(self, request: Request, reply: Reply, got: str) -> None:
        verdict = other_language(self.contract, request, reply, got)
        if verdict is not None:
            sequence = self.begin()
            sequence.note(request, reply, {})
            self.evidence.tell(sequence, verdict, reply.text())

    def _note_behaviour(self, sequence: Sequence, operation: openapi.Operation, judged: Judgement) -> None:
        """Remembers a sequence that shows what no one before it has shown: a row and its answer after a change."""
        got = judged.verdict.got
        got = got if got in operation.outcomes else judged.verdict.kind  # a server may say anything
        behaviour = f"{sequence.changed} > {operation.name} row {judged.row}: {got}"
        if judged.changes:
            sequence.changed = got
        if self.record.is_new(behaviour):
            if not sequence.shows:
                self.novel.append(sequence)
            sequence.shows.append(behaviour)
            sequence.needed = len(sequence.steps)

    def restart(self) -> bool:
        """Makes the server begin anew, where the target can; what was known of it is forgotten. Raises Unreachable."""
        if not self.target.reset():
            return False
        self.oracle.restart()
        self.known.forget()
        self.journal.clear()
        return True

    def repeat(self, steps: Steps) -> tuple[Sequence, Verdict, str]:
        """Sends a saved sequence of at least one step again, and says how it ended.

        Raises Unrepeatable where a step lacks what an earlier one should have minted, and Enough.
        """
        self.restart()
        sequence, said = self.begin(), list[str]()
        for number, step in enumerate(steps, 1):
            try:
                request = sequence.run.fill(step)
            except LookupError as error:
                raise Unrepeatable(f"step {number} cannot be sent: {error.args[0]}; {'; '.join(said)}") from None
            judged, text = self._judge(sequence, request, self._send(request))
            said.append(f"step {number} got {judged.verdict.got}")
        return sequence, judged.verdict, text

    def _may_change(self, request: Request) -> bool:
        """Whether the server may change something on this request."""
        now = _now()
        return any(seen.may_change for seen in self.oracle.views(request, now, now))


def _now() -> int:
    return time.time_ns() // 1_000_000
