"""A session with a server: every request that is sent is judged and recorded, and each new failure is made short."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

import openapi
from contracts._deadline import Deadline
from contracts._draw import Known
from contracts._journal import Journal, Lost
from contracts._oracle import UNEXPLAINED, VERIFIED, VIOLATION, Judgement, Oracle, Verdict
from contracts._placeholder import Run
from contracts._record import MOST_FINDINGS, Finding, Record
from contracts._sequence import Sequence
from contracts._shrink import Steps, shrink
from contracts._target import NO_REPLY, Broken, Enough, Target
from contracts._wire import Reply, Request, redact

SHRINK_REQUESTS = 150
"""How many requests may be spent to make one failure short."""
BATCH = 16
"""Requests that are prepared at once, for each worker."""
UNKNOWN = "unknown"
"""What is sent in place of a value that an earlier reply should have minted, and did not."""


class Unrepeatable(LookupError):
    """A step of a saved sequence needs a value that nothing has given."""


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
        self.workers, self.stop_early, self.deadline, self.watch = workers, stop_early, deadline or Deadline(), watch
        self.started = time.monotonic()
        self.novel: list[Sequence] = []
        """Those that showed what no request before them had shown, in this order."""
        self._journal = Journal()

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
        judged, _ = self._settle(sequence, request, self._send(request))
        return judged

    def play(self, steps: Steps) -> None:
        """Sends a planned sequence, up to its first violation. Raises Enough."""
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

    def _settle(self, sequence: Sequence, request: Request, answer: Reply | Lost) -> tuple[Judgement, str]:
        """Judges and records an answer; makes it short where it is a new violation."""
        judged, text = self._judge(sequence, request, answer)
        if judged.verdict.kind != VERIFIED:
            self._find(sequence, judged.verdict, text)
        return judged, text

    def _judge(self, sequence: Sequence, request: Request, answer: Reply | Lost) -> tuple[Judgement, str]:
        if isinstance(answer, Lost):
            judged, text = self.oracle.lost(request, answer.sent, answer.received, answer.why), answer.why
            sequence.note(request, None, {})
        else:
            judged, text = self.oracle.judge(request, answer), answer.text()
            sequence.note(request, answer, judged.minted)
        self._note_behaviour(sequence, self.contract.operations[request.operation], judged)
        self.known.note(judged.changes)
        self._journal.note(request, answer, judged)
        self.record.count(request.operation, judged, text, answer.received - answer.sent)
        self.record.requests, self.record.seconds = self.target.sent, time.monotonic() - self.started
        self.watch(self.record)
        return judged, text

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

    def _find(self, sequence: Sequence, verdict: Verdict, reply: str) -> None:
        finding = self.record.findings.get(verdict.key)
        if finding is None and len(self.record.findings) >= MOST_FINDINGS:
            self.record.unkept += 1
        elif finding is None:
            finding = self.record.findings[verdict.key] = self._finding(sequence, verdict, reply)
            if verdict.kind == VIOLATION:
                finding.history = self._journal.history(self.begin(), sequence.steps[-1])
                self._shorten(finding, sequence)
                if self.stop_early and finding.verdict.kind == VIOLATION:
                    raise Enough
        else:
            finding.count += 1
            if len(sequence.steps) == 1 and finding.size > (1, sequence.steps[0].size()):
                finding.take(self._finding(sequence, verdict, reply))

    def _finding(self, sequence: Sequence, verdict: Verdict, reply: str) -> Finding:
        size = len(sequence.steps), sequence.steps[-1].size()
        curls = sequence.curls(self.target.base, self.target.manners.shown)
        return Finding(verdict, sequence.abstract(), curls, redact(reply, self.record.secrets), size)

    def _shorten(self, finding: Finding, sequence: Sequence) -> None:
        """Repeats a failure and makes it short, from whatever state the server is in by now.

        What an earlier request changed stays changed: a sequence that mints rows of its own is the better witness, and
        requests that changed rows of the world are kept.
        """
        most = self.target.sent + SHRINK_REQUESTS
        own = False

        def fails(steps: Steps) -> bool:
            nonlocal own
            if not steps or self.target.sent + len(steps) > most:
                return False
            try:
                repeated = self.repeat(steps)
            except Unrepeatable:
                return False
            if repeated[1].key != finding.verdict.key:
                return False
            ours = repeated[0].mentions(repeated[1].detail)
            if own and not ours:
                return False
            own = ours
            finding.take(self._finding(*repeated))
            finding.again = True
            return True

        causes, changing = self._journal.causes(self.begin(), sequence, finding.verdict.detail)
        steps = causes.abstract()
        kept = {
            step
            for each in (causes, sequence)
            for step, sent in zip(each.abstract(), each.steps, strict=True)
            if sent in changing
        }
        if fails(steps) or fails(steps := sequence.abstract()):
            shrink(steps, fails, kept)
        elif len(causes.steps) > 1:
            finding.take(self._finding(causes, finding.verdict, finding.reply))
        if finding.verdict.got.startswith(NO_REPLY) and not finding.again:  # a connection may break for many a reason
            finding.verdict = replace(finding.verdict, kind=UNEXPLAINED)

    def repeat(self, steps: Steps) -> tuple[Sequence, Verdict, str]:
        """Sends a saved sequence of at least one step again, and says how it ended.

        Raises Unrepeatable where a step lacks what an earlier one should have minted, and Enough.
        """
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
        return any(rule.effects for seen in self.oracle.views(request, now, now) for rule in seen.rules)


def _now() -> int:
    return time.time_ns() // 1_000_000
