"""The lane of races: sends bursts of requests that compete, and keeps the shortest sequence that shows what went wrong.

Whether a race shows depends on the moment, so a sequence is repeated several times, and the report says how often it showed. What
also goes wrong one after the other is no race.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import openapi
from contracts.generate.burst import MOST_AT_ONCE, Burst, Racer
from contracts.generate.choices import Seeded
from contracts.generate.draw import Drawer
from contracts.http.wire import Request, printable, request_for
from contracts.judge.doubt import RULE
from contracts.judge.oracle import MOST_STATES as MOST_KEPT
from contracts.judge.record import ISOLATED, MOST_FINDINGS, SPORADIC, Finding
from contracts.judge.verdict import VERIFIED, VIOLATION, Judgement, Verdict
from contracts.run.session import Session
from contracts.sequence.sequence import Sequence, Unrepeatable, bursts
from contracts.sequence.shrink import Steps, shrink

MOST_RACES = 8
"""The most walks of bursts in one test run, unless it is stated; two for each operation, if that is less."""
FIRST_STATES, MOST_STATES = 2, 24
"""The most possible states before a walk, and during it, because each order of a burst may leave another one."""
TRIES = 4
"""How often a shorter sequence is tried before it counts as one that does not show the race."""
REPETITIONS = 10
"""How often the shortest sequence is repeated in the end."""
SHRINK_REQUESTS = 400
"""Requests that may be spent on shrinking one race."""


class Races:
    """The races of one session. Raises RunEnded and Unreachable."""

    def __init__(self, session: Session, candidates: Mapping[str, Iterable[openapi.Candidate]], seed: int) -> None:
        """Sends a request that changes nothing, to open the connections; it is one of the `candidates` of an operation."""
        operations, state, now = session.contract.operations.values(), session.oracle.initial, session.now()
        self._session, self._seed = session, seed
        most = min(MOST_AT_ONCE, session.target.manners.connections)
        self._racer = Racer(session, [Drawer(each, state, now) for each in operations], most)
        self._tried: Counter[str] = Counter()
        self._found: list[Finding] = []
        for operation in operations:
            for each in candidates[operation.name]:
                if not each.seen.may_change:
                    request = session.adapted(request_for(operation, each.raw))
                    session.bursts.run(session.new_sequence(), [request, *[replace(request, at_once=True)] * (most - 1)])
                    return

    def run(self, number: int) -> None:
        """Runs the walk with this number, from 0. Raises RunEnded and Unreachable."""
        self._session.restart()
        self._session.oracle.keep_states(FIRST_STATES, MOST_STATES)
        try:
            self._run(number)
        finally:
            self._session.oracle.keep_states(MOST_KEPT, MOST_KEPT)

    def _run(self, number: int) -> None:
        walk = self._racer.races(Seeded(f"{self._seed}/races/{number}"))
        short = self._session.new_sequence()
        try:
            sequence, burst = next(walk)
            while True:
                if len(burst) > 1:
                    short = self._causes(burst[0])
                sequence, burst = walk.send(self._step(sequence, short, burst))
        except StopIteration:
            return

    def _causes(self, first: Request) -> Sequence:
        """The earlier requests that changed what a burst is about."""
        alone = self._session.new_sequence()
        alone.note(first, None, {})
        causes, _ = self._session.journal.causes(self._session.new_sequence(), alone, "")
        causes.steps[:] = [replace(each, at_once=False) for each in causes.steps[:-1]]
        return causes

    def _step(self, sequence: Sequence, short: Sequence, burst: Burst) -> list[Judgement]:
        """Sends a burst or one request; returns the judgements, or none if the walk should end."""
        session = self._session
        requests = [session.adapted(each) for each in burst]
        before = len(sequence.steps)
        if len(requests) == 1:
            answer = session.send(requests[0])
            judged, said = session.bursts.follow(sequence, requests[0], answer)
            judgements, verdict = [judged], judged.verdict if judged.verdict.kind != VERIFIED else None
        else:
            judgements, verdict, said = session.bursts.run(sequence, requests)
            self._tried.update({each.operation for each in requests})
        short.append(sequence, before)
        if verdict is not None and (verdict.kind == VIOLATION or len(requests) > 1):
            self._take(sequence, short, verdict, said)
        elif verdict is not None and verdict.rule != RULE:
            session.evidence.take([(sequence, verdict, said)])
        session.stop_if_enough()
        unsure = any(each.verdict.kind == VIOLATION or each.verdict.rule == RULE for each in judgements)
        return [] if unsure else judgements

    def _take(self, sequence: Sequence, short: Sequence, verdict: Verdict, said: str) -> None:
        """Records a violation or a note of a race, unless it also comes without one."""
        record, session = self._session.record, self._session
        found = record.findings.get(verdict.key)
        if found is not None:
            found.count += 1
        elif len(record.findings) >= MOST_FINDINGS:
            record.dropped += 1
        elif not self._is_known(verdict) and not self._happens_serially(short.abstract(), verdict.kind):
            finding = self._finding(short, verdict, said)
            record.findings[verdict.key] = finding
            self._found.append(finding)
            if session.target.resets:
                self._shorten(finding, sequence)
            if verdict.kind == VIOLATION:
                session.evidence.note_violation()
            session.restart()

    def _is_known(self, verdict: Verdict) -> bool:
        """Whether single requests have shown the same difference."""
        known = (each for each in self._session.record.found(verdict.kind) if not any(step.at_once for step in each.steps))
        return any(each.verdict.rule in verdict.detail for each in known)

    def _happens_serially(self, steps: Steps, kind: str) -> bool:
        """Whether the same requests, one after the other, get such a verdict too. Then that is recorded."""
        try:
            repeated = self._session.repeat([replace(each, at_once=False) for each in steps])
        except Unrepeatable:
            return False
        if repeated[1].kind == kind:
            self._session.evidence.take([repeated])
        return repeated[1].kind == kind

    def _shorten(self, finding: Finding, sequence: Sequence) -> None:
        """Looks for the shortest sequence that shows a race, and repeats it. Raises RunEnded and Unreachable."""
        target = self._session.target
        most = target.sent + SHRINK_REQUESTS

        def fails(steps: Steps) -> bool:
            return any(target.sent + len(steps) <= most and self._shows(finding, steps) for _ in range(TRIES))

        for steps in (finding.steps, sequence.abstract()):
            if fails(steps):
                shrink(steps, fails)
                break
        shown = sum(self._shows(finding, finding.steps) for _ in range(REPETITIONS))
        finding.often = f"{shown} of {REPETITIONS} repetitions"

    def count(self) -> None:
        """Says of the races that could not be repeated how often they were seen, at the end of a run."""
        for each in self._found:
            if not each.often:
                burst = next(group for group in bursts(each.steps) if len(group) > 1)
                tried = max(self._tried[request.operation] for request in burst)
                each.often = f"{each.count} of {tried} bursts with {burst[0].operation}"

    def _shows(self, finding: Finding, steps: Steps) -> bool:
        """Whether a sequence shows a race once more; if so, the finding takes it over where it is shorter."""
        try:
            sequence, verdict, said = self._session.repeat(steps)
        except Unrepeatable:
            return False
        if verdict.key != finding.verdict.key:
            return False
        finding.take(replace(self._finding(sequence, verdict, said), rank=ISOLATED))
        return True

    def _finding(self, sequence: Sequence, verdict: Verdict, said: str) -> Finding:
        target, secrets = self._session.target, self._session.record.secrets
        curls = sequence.curls(target.base, target.manners.shown)
        return Finding(verdict, sequence.abstract(), curls, printable(said, secrets), sequence.steps[-1].size(), SPORADIC)
