"""A session with a server: sends requests, judges and records the replies, and passes failures to the evidence."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from statistics import median

import openapi
from contracts.generate.aim import Feature, features
from contracts.generate.draw import KnownRows
from contracts.generate.transport import Transport
from contracts.generate.walk import Walk, reply_text
from contracts.http.target import MOST_CONNECTIONS, NoReply, RunEnded, Target, Unreachable, now_ms
from contracts.http.wire import Reply, Request
from contracts.judge.evidence import Evidence
from contracts.judge.journal import Journal, LostReply
from contracts.judge.language import other_language
from contracts.judge.oracle import Oracle
from contracts.judge.record import Record
from contracts.judge.situations import CERTAIN, Situations
from contracts.judge.verdict import KINDS, NOTE, UNEXPLAINED, VERIFIED, VIOLATION, Judgement, Verdict
from contracts.judge.views import Choice, own_view
from contracts.run.backoff import Backoff
from contracts.run.burst import Bursts
from contracts.run.deadline import Deadline
from contracts.sequence.placeholder import Placeholders
from contracts.sequence.sequence import Sequence, Unrepeatable, bursts
from contracts.sequence.shrink import Steps

WORTHWHILE, LATENCY_OF_A_WORKER = 3, 2
"""Milliseconds: from which latency requests are sent in parallel, and how much of it makes one worker more."""
REMEMBERED = 50
"""How many of the latest latencies are remembered."""
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
        workers: int | None = 1,
        stop_early: bool = False,
        deadline: Deadline | None = None,
        transport: Transport | None = None,
        slower_than: int | None = None,
        watch: Callable[[Record], None] = lambda record: None,
        shrinks: bool = True,
    ) -> None:
        self.oracle, self.target, self.record, self.contract = oracle, target, record, oracle.contract
        self.known = KnownRows.of(oracle.state, oracle.clock.now(now_ms()))
        self.workers = workers or 0
        """How many requests may be sent in parallel; 0 until it is chosen by the latency."""
        self.deadline, self.watch = deadline or Deadline(), watch
        self.transport = transport or Transport()
        self.slower_than = slower_than
        self.transport.demand(oracle.readings)
        self.started = time.monotonic()
        target.over = lambda: self.deadline.passed
        self.backoff = Backoff(target.base, target.over)
        self.novel: list[Sequence] = []
        """The sequences that showed a new behaviour, in the order in which they were sent."""
        self.journal = Journal()
        self.evidence = Evidence(self, stop_early, shrinks)
        self.bursts = Bursts(self)
        self.situations = Situations(record.branches)
        self.shown: set[Feature] | None = None
        """The features of the requests that were answered as expected and may have changed something; None: not noted.

        Every new time or text is one more, so a run without end must not note them.
        """
        self._stopped_at: int | None = None
        """The time at which the clock of the server stands still."""
        self.restarts = 0
        """How often everything was reset, or would have been if the target could be reset."""
        self.latencies: deque[int] = deque(maxlen=REMEMBERED)
        """Of the latest replies, ms."""

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.workers)

    @property
    def needs_better_sequence(self) -> bool:
        """Whether a violation has no short isolated sequence yet."""
        return self.evidence.needs_better_sequence

    @property
    def half_spent(self) -> bool:
        """Whether half of the requests or of the time of the run is spent."""
        return self.target.sent > self.target.manners.most_requests // 2 or self.deadline.half_passed

    def now(self) -> int:
        """The most likely time on the server, epoch ms."""
        return self.oracle.clock.now(now_ms())

    def stop_clock(self, time: int) -> None:
        """Sets the clock of the server to a time, epoch ms, and stops it. Raises Unreachable."""
        self.target.set_clock(time, frozen=True)
        self.oracle.clock.stop(time)
        self._stopped_at = time

    def release_clock(self) -> None:
        """Sets the clock of the server to our time, and lets it run. Raises Unreachable."""
        self._stopped_at = None
        self.target.set_clock(now_ms(), frozen=False)
        self.oracle.clock.stop(None)

    def expect(self, request: Request) -> openapi.Permitted:
        """What the contract permits if this request is sent now."""
        return self.oracle.expect(self.adapted(request), now_ms())

    def new_sequence(self) -> Sequence:
        """An empty sequence."""
        return Sequence(Placeholders(self.now(), self.record.secrets))

    def tells(self, request: Request, kind: str) -> bool:
        """Whether a reply to this request, sent now, tells the readings of a kind apart."""
        return self.oracle.tells(self.oracle.completed(request, now_ms()), kind, now_ms())

    def differs(self, request: Request) -> bool:
        """Whether the replies that are expected to this request, sent now, differ between the possible states of the server."""
        operation, now = self.contract.operations[request.operation], now_ms()
        found = self.oracle.expect_in_each_state(self.adapted(request), now)
        return len({reply_text(operation, each) for each in found}) > 1

    def adapted(self, request: Request) -> Request:
        """The request as it is sent to this server."""
        adapted = self.transport.adapted(self.contract.operations[request.operation], request, self.oracle.readings)
        return self.oracle.completed(adapted, now_ms())

    def together(self, steps: list[tuple[Sequence, Request]]) -> list[Judgement]:
        """Sends the next requests of several sequences at once; they must not affect one another. Judges the replies in order.

        Raises RunEnded and Unreachable, after the replies that came.
        """
        steps = [(sequence, self.adapted(request)) for sequence, request in steps]
        return self._judge_all(steps, self._answers([request for _, request in steps]))

    def probe(self, candidates: Mapping[str, Iterable[openapi.Candidate]]) -> None:
        """Learns how the server takes parameters and credentials, from candidates of each operation. Raises RunEnded."""
        for name, found in candidates.items():
            for request in self.transport.probes(self.contract.operations[name], found, self.oracle.readings, self.tells):
                request = self.oracle.completed(request, now_ms())
                self._judge_all([(self.new_sequence(), request)], self._answers([request]))

    def undocumented(self, request: Request) -> None:
        """Sends an undocumented request, and records a violation if it succeeds. Raises RunEnded."""
        request = self.oracle.completed(request, now_ms())
        answer = self.send(request)
        if isinstance(answer, Reply) and (verdict := self.oracle.judge_undocumented(request, answer)) is not None:
            sequence = self.new_sequence()
            sequence.note(request, answer, {})
            self.evidence.take_single(sequence, verdict, answer.text())
            self.stop_if_enough()

    def ends_walk(self, judged: Judgement) -> bool:
        """Whether a walk ends after this judgement: a violation that was not known before. Known ones do not end it."""
        found = self.record.findings.get(judged.verdict.key)
        return judged.verdict.kind == VIOLATION and (found is None or found.count == 1)

    def planned(self, steps: Steps) -> Walk:
        """A planned sequence as a walk. It ends at its first violation."""
        sequence = self.new_sequence()
        for step in steps:
            judged = yield sequence, sequence.placeholders.fill(step, UNKNOWN)
            if judged.verdict.kind == VIOLATION:
                return

    def footprint(self, request: Request) -> openapi.Footprint:
        """What this request may read and change, in every state in which the server may be."""
        now = now_ms()
        return openapi.footprint(self.oracle.views(self.adapted(request), now, now))

    @property
    def latency(self) -> float:
        """The median of the latest latencies, ms."""
        return median(self.latencies) if self.latencies else 0.0

    def choose_workers(self) -> None:
        """Chooses the number of parallel requests by the latency so far, unless it is given."""
        if not self.workers:
            latency = self.latency
            self.workers = 1 if latency < WORTHWHILE else min(MOST_CONNECTIONS, int(latency // LATENCY_OF_A_WORKER))

    def check(self) -> None:
        """Raises RunEnded where the run has no request or no time left."""
        if self.target.exhausted or self.deadline.passed:
            raise RunEnded

    def statuses(self, request: Request) -> frozenset[int]:
        """The HTTP statuses that the contract has for a request."""
        return frozenset(rule.status for rule in self.contract.operations[request.operation].rules)

    def send(self, request: Request) -> Reply | LostReply:
        """Sends one request. Raises RunEnded and Unreachable."""
        self.check()
        sent = now_ms()
        try:
            return self.backoff.send(lambda: self.target.send(request), self.statuses(request))
        except NoReply as error:
            return LostReply(str(error), sent, now_ms())

    def _answers(self, requests: list[Request]) -> list[Reply | LostReply | RunEnded | Unreachable]:
        """Sends requests at once. Gives the reply to each, or why there is none."""
        if len(requests) == 1:
            return [self._answer(requests[0])]
        answers = list(self._pool.map(self._answer, requests))
        if any(isinstance(each, Reply) and each.tries > 1 for each in answers):
            self.workers = max(1, self.workers // 2)  # the server has asked to slow down
        return answers

    def _answer(self, request: Request) -> Reply | LostReply | RunEnded | Unreachable:
        try:
            return self.send(request)
        except (RunEnded, Unreachable) as ended:
            return ended

    def _judge_all(
        self, steps: list[tuple[Sequence, Request]], answers: list[Reply | LostReply | RunEnded | Unreachable]
    ) -> list[Judgement]:
        """Judges and records answers; passes everything but verified ones to the evidence. Raises RunEnded, Unreachable."""
        judgements: list[Judgement] = []
        failures: list[tuple[Sequence, Verdict, str]] = []
        ended: RunEnded | Unreachable | None = None
        for (sequence, request), answer in zip(steps, answers, strict=True):
            if isinstance(answer, (RunEnded, Unreachable)):
                ended = answer
                continue
            judged, text = self.judge(sequence, request, answer)
            judgements.append(judged)
            self._count_cause(request, answer, judged)
            if judged.verdict.kind != VERIFIED:
                failures.append((sequence, judged.verdict, text))
        self.evidence.take(failures)
        for (_, request), judged in zip(steps, judgements, strict=False) if ended is None else ():
            if self.situations.suspicious(judged):
                self._insist(request)
        if ended is not None:
            raise ended
        self.stop_if_enough()
        return judgements

    def _count_cause(self, request: Request, answer: Reply | LostReply, judged: Judgement) -> None:
        if judged.verdict.kind not in (VERIFIED, VIOLATION):
            return  # what is only permitted tells nothing
        operation, causes = self.contract.operations[request.operation], self.record.causes
        raw = own_view(operation, request).raw if judged.seen is None else judged.seen.scope.raw
        counted = causes.count(request, operation, raw, judged.row, answer.status if isinstance(answer, Reply) else None)
        if judged.verdict.kind == VIOLATION:
            causes.fail(counted, judged.verdict.key, self.record.seconds)

    def _insist(self, request: Request) -> None:
        """Sends again what has got nothing but an outcome that is permitted at any time, and in the middle what succeeds."""
        sequence, again = self.new_sequence(), [request] * (CERTAIN // 2)
        for each in (*again, self.situations.succeeded[request.operation], *again):
            judged, text = self.judge(sequence, each, self.send(each))
            if each is request and judged.verdict.kind not in (UNEXPLAINED, VIOLATION):
                break
        if judged.verdict.kind == VIOLATION:
            self.evidence.take_single(sequence, judged.verdict, text)

    def stop_if_enough(self) -> None:
        """Raises RunEnded where the first violation ends the run, and is shown well enough."""
        if self.evidence.enough:
            raise RunEnded

    def judge(self, sequence: Sequence, request: Request, answer: Reply | LostReply) -> tuple[Judgement, str]:
        """Judges and records the answer to the next request of a sequence. Returns the judgement and the text of the answer."""
        if isinstance(answer, LostReply):
            judged = self.oracle.judge_lost_reply(request, answer.sent, answer.received, answer.why)
        else:
            judged = self.oracle.judge(request, answer)
            self._note_language(request, answer, judged.verdict.got)
        judged = self.weighed(request, answer, judged)
        for choice in judged.readings:
            self._note_reading(request, answer, judged, choice)
        return judged, self.note(sequence, request, answer, judged)

    def weighed(self, request: Request, answer: Reply | LostReply, judged: Judgement) -> Judgement:
        """The judgement in the light of earlier replies, and of the time that this one took."""
        return self.in_time(self.situations.judged(request, judged), answer.received - answer.sent)

    def note(self, sequence: Sequence, request: Request, answer: Reply | LostReply, judged: Judgement) -> str:
        """Records a judged answer to the next request of a sequence. Returns its text."""
        text = answer.why if isinstance(answer, LostReply) else answer.text()
        sequence.note(request, None if isinstance(answer, LostReply) else answer, judged.minted)
        self._note_behaviour(sequence, self.contract.operations[request.operation], judged)
        if self.shown is not None and judged.verdict.kind == VERIFIED and judged.seen is not None and judged.seen.may_change:
            self.shown |= features(judged.seen)
        self.known.note(judged.changes)
        self.journal.note(request, answer, judged, judged.changes or self.oracle.supposed(request, judged.verdict, now_ms()))
        self.latencies.append(answer.received - answer.sent)
        self.record.count(request.operation, judged, text, answer.received - answer.sent)
        self.note_progress()
        self.watch(self.record)
        return text

    def note_progress(self) -> None:
        """Notes in the record how much has been sent, and for how long."""
        self.record.pauses = self.backoff.pauses
        self.record.requests, self.record.seconds = self.target.sent, time.monotonic() - self.started

    def in_time(self, judged: Judgement, took: int) -> Judgement:
        """The judgement on a reply that took so many ms, as a violation where that is too long."""
        if self.slower_than is None or took <= self.slower_than or judged.verdict.kind == VIOLATION:
            return judged
        rule = f"every reply comes within {self.slower_than} ms (--slower-than)"
        return replace(judged, verdict=replace(judged.verdict, kind=VIOLATION, rule=rule, detail=f"it took {took} ms", reason=""))

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
        self.restarts += 1
        if not self.target.reset():
            return False
        self.oracle.restart(now_ms())
        self.known.clear_changes()
        self.journal.clear()
        if self._stopped_at is not None:  # the reset may have set the clock too
            self.stop_clock(self._stopped_at)
        return True

    def repeat(self, steps: Steps) -> tuple[Sequence, Verdict, str]:
        """Sends a saved sequence of at least one step again. Returns it with the last verdict and the last reply text.

        Raises Unrepeatable where a step needs a value that no earlier step minted, and RunEnded.
        """
        self.restart()
        sequence, said = self.new_sequence(), list[str]()
        for group in bursts(steps):
            number = len(sequence.steps) + 1
            try:
                requests = [self.oracle.completed(sequence.placeholders.fill(each), now_ms()) for each in group]
            except LookupError as error:
                raise Unrepeatable(f"step {number} cannot be sent: {error.args[0]}; {'; '.join(said)}") from None
            if len(requests) == 1:
                judged, text = self.bursts.follow(sequence, requests[0], self.send(requests[0]))
                verdict = judged.verdict
            else:
                judgements, found, text = self.bursts.run(sequence, requests)
                if found is not None:
                    return sequence, found, text
                verdict = max((each.verdict for each in judgements), key=lambda each: KINDS.index(each.kind))
            said.append(f"step {number} got {verdict.got}")
        return sequence, verdict, text
