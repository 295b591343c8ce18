"""A session with a server: sends requests, judges and records the replies, and passes failures to the evidence."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import openapi
from contracts.generate.draw import KnownRows
from contracts.generate.transport import Transport
from contracts.http.target import NoReply, RunEnded, Target
from contracts.http.wire import Reply, Request
from contracts.judge.evidence import Evidence
from contracts.judge.journal import Journal, LostReply
from contracts.judge.language import other_language
from contracts.judge.oracle import NOTE, UNEXPLAINED, VERIFIED, VIOLATION, Judgement, Oracle, Verdict
from contracts.judge.record import Record
from contracts.judge.situations import CERTAIN, Situations
from contracts.judge.views import Choice
from contracts.run.backoff import Backoff
from contracts.run.deadline import Deadline
from contracts.sequence.placeholder import Placeholders
from contracts.sequence.sequence import Sequence, Unrepeatable
from contracts.sequence.shrink import Steps

BATCH = 16
"""Requests of one batch, for each worker."""
UNKNOWN = "unknown"
"""Sent in place of a value that an earlier reply should have minted, and did not."""


class Session:
    """The state of one test run against one server. Not thread-safe; it has its own worker threads."""

    def __init__(
        self,
        oracle: Oracle,
        target: Target,
        record: Record,
        *,
        workers: int = 1,
        stop_early: bool = False,
        deadline: Deadline | None = None,
        transport: Transport | None = None,
        watch: Callable[[Record], None] = lambda record: None,
    ) -> None:
        self.oracle, self.target, self.record, self.contract = oracle, target, record, oracle.contract
        self.known = KnownRows.of(oracle.state, oracle.clock.now(_now()))
        self.workers, self.deadline, self.watch = workers, deadline or Deadline(), watch
        self.transport = transport or Transport()
        self.transport.demand(oracle.readings)
        self.started = time.monotonic()
        target.over = lambda: self.deadline.passed
        self._backoff = Backoff(target.base, target.over)
        self.novel: list[Sequence] = []
        """The sequences that showed a new behaviour, in the order in which they were sent."""
        self.journal = Journal()
        self.evidence = Evidence(self, stop_early)
        self.situations = Situations(record.branches)

    @property
    def needs_better_sequence(self) -> bool:
        """Whether a violation has no short isolated sequence yet."""
        return self.evidence.needs_better_sequence

    def now(self) -> int:
        """The most likely time on the server, epoch ms."""
        return self.oracle.clock.now(_now())

    def expect(self, request: Request) -> openapi.Permitted:
        """What the contract permits if this request is sent now."""
        return self.oracle.expect(self._adapted(request), _now())

    def new_sequence(self) -> Sequence:
        """An empty sequence."""
        return Sequence(Placeholders(self.now(), self.record.secrets))

    def tells(self, request: Request, kind: str) -> bool:
        """Whether a reply to this request, sent now, tells the readings of a kind apart."""
        return self.oracle.tells(request, kind, _now())

    def _adapted(self, request: Request) -> Request:
        return self.transport.adapted(self.contract.operations[request.operation], request, self.oracle.readings)

    def one(self, request: Request) -> Judgement:
        """Sends one independent request. Raises RunEnded."""
        return self.step(self.new_sequence(), request)

    def step(self, sequence: Sequence, request: Request) -> Judgement:
        """Sends the next request of a sequence. Raises RunEnded."""
        request = self._adapted(request)
        return self._record_answer(sequence, request, self._send(request))

    def probe(self, candidates: Mapping[str, Iterable[openapi.Candidate]]) -> None:
        """Learns how the server takes parameters and credentials, from candidates of each operation. Raises RunEnded."""
        for name, found in candidates.items():
            for request in self.transport.probes(self.contract.operations[name], found, self.oracle.readings, self.tells):
                self._record_answer(self.new_sequence(), request, self._send(request))

    def undocumented(self, request: Request) -> None:
        """Sends an undocumented request, and records a violation if it succeeds. Raises RunEnded."""
        answer = self._send(request)
        if isinstance(answer, Reply) and (verdict := self.oracle.judge_undocumented(request, answer)) is not None:
            sequence = self.new_sequence()
            sequence.note(request, answer, {})
            self.evidence.take_single(sequence, verdict, answer.text())
            self._stop_if_enough()

    def ends_walk(self, judged: Judgement) -> bool:
        """Whether a walk ends after this judgement: a violation that was not known before. Known ones do not end it."""
        found = self.record.findings.get(judged.verdict.key)
        return judged.verdict.kind == VIOLATION and (found is None or found.count == 1)

    def play(self, steps: Steps) -> None:
        """Sends a planned sequence up to its first violation. Raises RunEnded."""
        self.restart()
        sequence = self.new_sequence()
        for step in steps:
            if self.step(sequence, sequence.placeholders.fill(step, UNKNOWN)).verdict.kind == VIOLATION:
                return

    def many(self, requests: Iterable[Request]) -> None:
        """Sends independent requests: those that change nothing concurrently, the others one by one. Raises RunEnded."""
        if self.workers == 1:
            for request in requests:
                self.one(request)
            return
        remaining = map(self._adapted, requests)
        with ThreadPoolExecutor(self.workers) as pool:
            while batch := list(islice(remaining, BATCH * self.workers)):
                self._check()
                read_only = [each for each in batch if not self._may_change(each)]
                room = self.target.manners.most_requests - self.target.sent
                for request, answer in zip(read_only[:room], pool.map(self._send, read_only[:room]), strict=True):
                    self._record_answer(self.new_sequence(), request, answer)
                for request in batch:
                    if request not in read_only:
                        self.one(request)

    def _check(self) -> None:
        if self.target.exhausted or self.deadline.passed:
            raise RunEnded

    def _send(self, request: Request) -> Reply | LostReply:
        self._check()
        sent = _now()
        documented = frozenset(rule.status for rule in self.contract.operations[request.operation].rules)
        try:
            return self._backoff.send(lambda: self.target.send(request), documented)
        except NoReply as error:
            return LostReply(str(error), sent, _now())

    def _record_answer(self, sequence: Sequence, request: Request, answer: Reply | LostReply) -> Judgement:
        """Judges and records an answer; passes everything but a verified one to the evidence. Raises RunEnded."""
        judged, text = self._judge(sequence, request, answer)
        if judged.verdict.kind != VERIFIED:
            self.evidence.take(sequence, judged.verdict, text)
        if self.situations.suspicious(judged):
            self._insist(request)
        self._stop_if_enough()
        return judged

    def _insist(self, request: Request) -> None:
        """Sends again what has got nothing but an outcome that is permitted at any time, and in the middle what succeeds."""
        sequence, again = self.new_sequence(), [request] * (CERTAIN // 2)
        for each in (*again, self.situations.succeeded[request.operation], *again):
            judged, text = self._judge(sequence, each, self._send(each))
            if each is request and judged.verdict.kind not in (UNEXPLAINED, VIOLATION):
                break
        if judged.verdict.kind == VIOLATION:
            self.evidence.take_single(sequence, judged.verdict, text)

    def _stop_if_enough(self) -> None:
        if self.evidence.enough:
            raise RunEnded

    def _judge(self, sequence: Sequence, request: Request, answer: Reply | LostReply) -> tuple[Judgement, str]:
        if isinstance(answer, LostReply):
            judged, text = self.oracle.judge_lost_reply(request, answer.sent, answer.received, answer.why), answer.why
            sequence.note(request, None, {})
        else:
            judged, text = self.oracle.judge(request, answer), answer.text()
            sequence.note(request, answer, judged.minted)
            self._note_language(request, answer, judged.verdict.got)
        judged = self.situations.judged(request, judged)
        for choice in judged.readings:
            self._note_reading(sequence.steps[-1], answer, judged, choice)
        self._note_behaviour(sequence, self.contract.operations[request.operation], judged)
        self.known.note(judged.changes)
        self.journal.note(request, answer, judged, judged.changes or self.oracle.supposed(request, judged.verdict, _now()))
        self.record.count(request.operation, judged, text, answer.received - answer.sent)
        self.record.pauses = self._backoff.pauses
        self.record.requests, self.record.seconds = self.target.sent, time.monotonic() - self.started
        self.watch(self.record)
        return judged, text

    def _note_reading(self, request: Request, answer: Reply | LostReply, judged: Judgement, choice: Choice) -> None:
        sentence, where = self.oracle.readings.sentence(choice)
        verdict = Verdict(NOTE, judged.verdict.outcome, f"{choice[0]}: {choice[-1]}", sentence, reason=where)
        sequence = self.new_sequence()
        sequence.note(request, None, {})
        self.evidence.take_single(sequence, verdict, answer.text() if isinstance(answer, Reply) else "")

    def _note_language(self, request: Request, reply: Reply, got: str) -> None:
        verdict = other_language(self.contract, request, reply, got)
        if verdict is not None:
            sequence = self.new_sequence()
            sequence.note(request, reply, {})
            self.evidence.take_single(sequence, verdict, reply.text())

    def _note_behaviour(self, sequence: Sequence, operation: openapi.Operation, judged: Judgement) -> None:
        """Adds the sequence to `novel` if it shows a new behaviour: a row and its outcome after a change."""
        got = judged.verdict.got
        # Undocumented outcomes count as one, because a server can give any number of them.
        got = got if got in operation.outcomes else judged.verdict.kind
        behaviour = f"{sequence.last_change} > {operation.name} row {judged.row}: {got}"
        if judged.changes:
            sequence.last_change = got
        if self.record.is_new(behaviour):
            if not sequence.new_behaviours:
                self.novel.append(sequence)
            sequence.new_behaviours.append(behaviour)
            sequence.needed_length = len(sequence.steps)

    def restart(self) -> bool:
        """Resets the server and all tracked state; False where the target cannot be reset. Raises Unreachable."""
        if not self.target.reset():
            return False
        self.oracle.restart()
        self.known.clear_changes()
        self.journal.clear()
        return True

    def repeat(self, steps: Steps) -> tuple[Sequence, Verdict, str]:
        """Sends a saved sequence of at least one step again. Returns it with the last verdict and the last reply text.

        Raises Unrepeatable where a step needs a value that no earlier step minted, and RunEnded.
        """
        self.restart()
        sequence, said = self.new_sequence(), list[str]()
        for number, step in enumerate(steps, 1):
            try:
                request = sequence.placeholders.fill(step)
            except LookupError as error:
                raise Unrepeatable(f"step {number} cannot be sent: {error.args[0]}; {'; '.join(said)}") from None
            judged, text = self._judge(sequence, request, self._send(request))
            said.append(f"step {number} got {judged.verdict.got}")
        return sequence, judged.verdict, text

    def _may_change(self, request: Request) -> bool:
        """Whether this request may change state."""
        now = _now()
        return any(seen.may_change for seen in self.oracle.views(request, now, now))


def _now() -> int:
    return time.time_ns() // 1_000_000
