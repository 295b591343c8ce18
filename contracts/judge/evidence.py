"""Finds, for each failure, the shortest sequence of requests that reproduces it.

A wrong change stays in the state of the server, so a request may fail because of a much earlier request. A sequence is
*isolated* if it should reproduce the failure on a server in its initial state: the target was reset before it, no earlier
request had changed anything, or the failure concerns only rows that the sequence itself minted. An isolated sequence is
preferred to one that reproduced the failure when it was repeated, that one to a sequence seen once, and then a shorter one to
a longer one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from contracts.http.target import NO_REPLY, Target
from contracts.http.wire import Request, printable
from contracts.judge.journal import Journal
from contracts.judge.record import ISOLATED, MOST_FINDINGS, REPRODUCED, SPORADIC, Finding, Record
from contracts.judge.verdict import UNEXPLAINED, VIOLATION, Verdict
from contracts.sequence.sequence import Sequence, Unrepeatable, needed_steps
from contracts.sequence.shrink import Steps, shrink

SHRINK_REQUESTS = 400
"""Requests that may be spent on shrinking one finding."""
NOTE_REQUESTS, NOTES_REQUESTS = 40, 200
"""Requests that may be spent on shrinking one note, and all notes."""
SHORT = 3
"""An isolated sequence of at most so many steps is not shrunk again when the failure recurs."""
CONFIRMATIONS = 2
"""How often a sequence must fail once more, after it has been shrunk, to count as isolated: three times in all."""
LAST_REQUESTS = 800
"""Requests that may still be sent to find a better sequence, where the first violation ends the test run."""


class Server(Protocol):
    """What `Evidence` needs of a session."""

    target: Target
    record: Record
    journal: Journal

    def new_sequence(self) -> Sequence: ...
    def restart(self) -> bool: ...
    def repeat(self, steps: Steps) -> tuple[Sequence, Verdict, str]: ...


@dataclass(frozen=True, slots=True)
class _Traced:
    """Where a failure may come from."""

    causes: Sequence
    """The requests that changed rows which the failure mentions, then the request that failed."""
    starting_points: list[tuple[Steps, Steps]] = field(default_factory=list)
    """Sequences to shrink, each with the steps that must stay."""
    history: Steps = field(default_factory=list)


class Evidence:
    """Records the failures of a test run and shrinks their sequences, at once unless told otherwise."""

    def __init__(self, server: Server, stop_early: bool, shrinks: bool = True) -> None:
        self._server, self._record, self._stop_early = server, server.record, stop_early
        self._stop_at: int | None = None
        self._spent: Counter[tuple[str, ...]] = Counter()
        self._shrinks = shrinks
        self._later: dict[tuple[str, ...], _Traced] = {}
        """Where violations may come from that have not been shrunk yet."""

    @property
    def needs_better_sequence(self) -> bool:
        """Whether a violation has no short isolated sequence yet."""
        return any(not _is_conclusive(each) for each in self._record.found(VIOLATION))

    @property
    def enough(self) -> bool:
        """Whether the first violation ends the test run, and its sequence is conclusive or no requests are left to improve it."""
        if self._stop_at is None:
            return False
        return self._server.target.sent >= self._stop_at or any(map(_is_conclusive, self._record.found(VIOLATION)))

    def keep_the_best(self) -> None:
        """Drops all violations but the best one, where the first violation ends the test run."""
        if self._stop_early:
            best = self._record.found(VIOLATION)[:1]
            kept = {key: each for key, each in self._record.findings.items() if each.verdict.kind != VIOLATION or each in best}
            self._record.findings.clear()
            self._record.findings.update(kept)

    def shrink_notes(self) -> None:
        """Shrinks the notes that need several requests, at the end of a test run. Raises RunEnded."""
        end = self._server.target.sent + NOTES_REQUESTS
        for finding in list(self._record.findings.values()):
            if finding.verdict.kind != VIOLATION and len(finding.steps) > 1:
                self._shorten(finding, finding.verdict, [(finding.steps, [])], min(NOTE_REQUESTS, end - self._server.target.sent))

    def shrink_later(self, key: tuple[str, ...], requests: int) -> bool:
        """Shrinks a violation that came while nothing was shrunk, with so many requests; False where it did not come here.

        Raises RunEnded.
        """
        traced = self._later.pop(key, None)
        if traced is not None:
            finding = self._record.findings[key]
            self._shorten(finding, finding.verdict, traced.starting_points, requests)
        return traced is not None

    def take(self, failures: Iterable[tuple[Sequence, Verdict, str]]) -> None:
        """Records verdicts on the last reply of sequences, each with the text of the reply. Shrinks violations. Raises RunEnded.

        All are traced first, because shrinking one of them sends requests and may reset the target.
        """
        found, keys = [], set()
        for sequence, verdict, reply in failures:
            traced = None if verdict.key in keys else self._trace(sequence, verdict, reply)
            found.append((sequence, verdict, reply, traced))
            keys.add(verdict.key)
        for each in found:
            self._take(*each)

    def _take(self, sequence: Sequence, verdict: Verdict, reply: str, traced: _Traced | None) -> None:
        finding = self._record.findings.get(verdict.key)
        if finding is not None:
            finding.count += 1
            finding.also.add(verdict.outcome)
            if traced is not None and verdict.kind == VIOLATION and not _is_conclusive(finding):
                self._shorten(finding, verdict, traced.starting_points)
            elif traced is not None and verdict.kind != VIOLATION:
                finding.take(self._finding(traced.causes, verdict, reply, SPORADIC))
        elif len(self._record.findings) >= MOST_FINDINGS:
            self._record.dropped += 1
        elif traced is not None:
            finding = self._record.findings[verdict.key] = self._finding(traced.causes, verdict, reply, SPORADIC)
            if verdict.kind == VIOLATION:
                finding.history = traced.history
                if self._shrinks:
                    self._shorten_new(finding, verdict, traced)
                else:
                    self._later[verdict.key] = traced

    def _trace(self, sequence: Sequence, verdict: Verdict, reply: str) -> _Traced | None:
        """Where a failure may come from; None where nothing better is sought than what is known of it."""
        finding = self._record.findings.get(verdict.key)
        if finding is None:
            wanted = len(self._record.findings) < MOST_FINDINGS
        elif verdict.kind == VIOLATION:
            wanted = self._shrinks and not _is_conclusive(finding) and self._concerns_minted_rows(sequence, verdict, reply)
        else:
            wanted = self._shrinks and len(finding.steps) > 1
        if not wanted:
            return None
        causes, from_world = self._causes(sequence, verdict)
        if verdict.kind != VIOLATION:
            return _Traced(causes)
        history = self._server.journal.history(self._server.new_sequence(), sequence.steps[-1])
        return _Traced(causes, self._starting_points(sequence, causes, from_world), history)

    def take_single(self, sequence: Sequence, verdict: Verdict, reply: str) -> None:
        """Records a finding whose sequence needs no shrinking."""
        shown = self._finding(sequence, verdict, reply, ISOLATED)
        self._record.findings.setdefault(verdict.key, shown).take(shown)
        if verdict.kind == VIOLATION:
            self.note_violation()

    def _shorten_new(self, finding: Finding, verdict: Verdict, traced: _Traced) -> None:
        """Shrinks a new violation, then resets the target where it can be reset."""
        self._shorten(finding, verdict, traced.starting_points)
        if finding.verdict.got.startswith(NO_REPLY) and finding.rank == SPORADIC:  # the network may have failed
            finding.verdict = replace(finding.verdict, kind=UNEXPLAINED)
        else:
            self.note_violation()
        self._server.restart()

    def note_violation(self) -> None:
        """Notes that there is a violation: it may end the test run."""
        if self._stop_early and self._stop_at is None:
            self._stop_at = self._server.target.sent + LAST_REQUESTS

    def _shorten(
        self, finding: Finding, verdict: Verdict, starting_points: list[tuple[Steps, Steps]], requests: int = SHRINK_REQUESTS
    ) -> None:
        """Repeats a failure and shrinks its sequence, with so many requests. The server need not be in its initial state."""
        target, key = self._server.target, verdict.key
        started, most = target.sent, target.sent + requests - self._spent[key]
        best, kept = finding.rank, Steps()

        def fails(steps: Steps) -> bool:
            nonlocal best
            if not steps or target.sent + len(steps) > most:
                return False
            fresh = self._server.target.resets or self._server.journal.empty
            try:
                repeated = self._server.repeat(steps)
            except Unrepeatable:
                return False
            if repeated[1].key != key:
                return False
            rank = ISOLATED if fresh or self._concerns_minted_rows(*repeated) else REPRODUCED
            if rank > best or (rank != ISOLATED and any(each not in steps for each in kept)):
                return False
            best = rank
            finding.take(self._finding(*repeated, rank))
            return True

        for steps, kept in starting_points:  # noqa: B007 what `fails` sees
            if fails(steps):
                shrink(steps, fails)
            if _is_conclusive(finding):
                break
        if finding.rank == ISOLATED and not all(self._fails_again(finding) for _ in range(CONFIRMATIONS)):
            finding.rank = REPRODUCED
        self._spent[key] += target.sent - started

    def _fails_again(self, finding: Finding) -> bool:
        try:
            return self._server.repeat(finding.steps)[1].key == finding.verdict.key
        except Unrepeatable:
            return False

    def _starting_points(self, sequence: Sequence, causes: Sequence, from_world: set[Request]) -> list[tuple[Steps, Steps]]:
        """Sequences to shrink, the most promising first, each with the steps that must stay: they changed rows of the world."""
        traced, whole = causes.abstract(), sequence.abstract()
        from_world = set() if self._server.target.resets else from_world
        kept = [step for step, sent in zip(traced, causes.steps, strict=True) if sent in from_world]
        changing = [step for step, sent in zip(whole, sequence.steps, strict=True) if self._server.journal.has(sent)]
        return [(traced, kept), (needed_steps(whole, changing), []), (whole, [])]

    def _causes(self, sequence: Sequence, verdict: Verdict) -> tuple[Sequence, set[Request]]:
        """The requests that changed rows which the failure mentions, and those of them that changed rows of the world."""
        return self._server.journal.causes(self._server.new_sequence(), sequence, verdict.detail)

    def _concerns_minted_rows(self, sequence: Sequence, verdict: Verdict, reply: str) -> bool:
        """Whether a failure concerns a row that its own sequence minted, and no row that other requests changed.

        It does if the first difference in the verdict mentions a minted value. Otherwise it does if the last request mentions
        one and the reply mentions no key of another changed row.
        """
        minted = set(sequence.placeholders.minted.values())
        if _mentions(verdict.detail.partition("; ")[0], minted):
            return True
        return _mentions(sequence.steps[-1].size()[2], minted) and not _mentions(reply, self._server.journal.keys - minted)

    def _finding(self, sequence: Sequence, verdict: Verdict, reply: str, rank: int) -> Finding:
        target, last = self._server.target, sequence.steps[-1]
        curls = sequence.curls(target.base, target.manners.shown)
        return Finding(verdict, sequence.abstract(), curls, printable(reply, self._record.secrets), last.size(), rank)


def _mentions(text: str, values: Iterable[str]) -> bool:
    return any(value in text for value in values if value)


def _is_conclusive(finding: Finding) -> bool:
    """Whether the sequence is isolated and short, so that no better one is needed. A race is not shrunk here."""
    raced = any(each.at_once for each in finding.steps)
    return raced or (finding.rank == ISOLATED and len(finding.steps) <= SHORT)
