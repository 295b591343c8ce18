"""Evidence: for each way in which a server differs, the shortest sequence of requests that shows it.

What a server has done wrong once stays in it, so that a request may fail because of what came long before. A sequence shows
a failure *alone* where a person can repeat it on a server to which nothing else has happened: the target began anew before
it, nothing had changed before it, or the failure speaks only of rows that the sequence itself minted. Of two sequences the
one that shows it alone is the better one, then one that showed it again when it was repeated, then the shorter one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from contracts.http.target import NO_REPLY, Target
from contracts.http.wire import Request, redact
from contracts.judge.journal import Journal
from contracts.judge.oracle import UNEXPLAINED, VIOLATION, Verdict
from contracts.judge.record import AGAIN, ALONE, MOST_FINDINGS, ONCE, Finding, Record
from contracts.sequence.sequence import Sequence, Unrepeatable, needed
from contracts.sequence.shrink import Steps, shrink

SHRINK_REQUESTS = 400
"""How many requests may be spent to make one finding short."""
SHORT = 3
"""Steps of a sequence that is not made shorter once more."""
LAST_REQUESTS = 1500
"""How many requests may still be sent for a better sequence, where the first violation ends an examination."""


class Server(Protocol):
    """What evidence is taken from."""

    target: Target
    record: Record
    journal: Journal

    def begin(self) -> Sequence: ...
    def restart(self) -> bool: ...
    def repeat(self, steps: Steps) -> tuple[Sequence, Verdict, str]: ...


class Evidence:
    """Takes what an examination finds, and makes it short."""

    def __init__(self, server: Server, stop_early: bool) -> None:
        self._server, self._record, self._stop_early = server, server.record, stop_early
        self._stop_at: int | None = None
        self._spent: Counter[tuple[str, ...]] = Counter()

    @property
    def seeking(self) -> bool:
        """Whether a violation was found that wants a better sequence."""
        return any(not _good(each) for each in self._record.found(VIOLATION))

    @property
    def enough(self) -> bool:
        """Whether one violation was all that was asked for, and there is no better sequence to hope for."""
        if self._stop_at is None:
            return False
        return self._server.target.sent >= self._stop_at or any(map(_good, self._record.found(VIOLATION)))

    def keep_the_best(self) -> None:
        """Leaves one violation, where one was all that was asked for."""
        if self._stop_early:
            best = self._record.found(VIOLATION)[:1]
            kept = {key: each for key, each in self._record.findings.items() if each.verdict.kind != VIOLATION or each in best}
            self._record.findings.clear()
            self._record.findings.update(kept)

    def take(self, sequence: Sequence, verdict: Verdict, reply: str) -> None:
        """Records what the last reply of a sequence showed. Raises Enough."""
        finding = self._record.findings.get(verdict.key)
        if finding is not None:
            self._take_again(finding, sequence, verdict, reply)
        elif len(self._record.findings) >= MOST_FINDINGS:
            self._record.unkept += 1
        else:
            traced, _ = self._traced(sequence, verdict)
            finding = self._record.findings[verdict.key] = self._finding(traced, verdict, reply, ONCE)
            if verdict.kind == VIOLATION:
                finding.history = self._server.journal.history(self._server.begin(), sequence.steps[-1])
                self._settle(finding, sequence, verdict)

    def tell(self, sequence: Sequence, verdict: Verdict, reply: str) -> None:
        """Records a failure that is as short as it can be."""
        shown = self._finding(sequence, verdict, reply, ALONE)
        self._record.findings.setdefault(verdict.key, shown).take(shown)
        if verdict.kind == VIOLATION:
            self._found_one()

    def _take_again(self, finding: Finding, sequence: Sequence, verdict: Verdict, reply: str) -> None:
        finding.count += 1
        if verdict.kind == VIOLATION:
            if not _good(finding) and self._is_about_its_own(sequence, verdict, reply):
                self._shorten(finding, sequence, verdict)
        elif len(finding.steps) > 1:
            finding.take(self._finding(self._traced(sequence, verdict)[0], verdict, reply, ONCE))

    def _settle(self, finding: Finding, sequence: Sequence, verdict: Verdict) -> None:
        """Makes a new violation short."""
        self._shorten(finding, sequence, verdict)
        if finding.verdict.got.startswith(NO_REPLY) and finding.rank == ONCE:  # a connection may break for many a reason
            finding.verdict = replace(finding.verdict, kind=UNEXPLAINED)
        else:
            self._found_one()
        self._server.restart()

    def _found_one(self) -> None:
        if self._stop_early and self._stop_at is None:
            self._stop_at = self._server.target.sent + LAST_REQUESTS

    def _shorten(self, finding: Finding, sequence: Sequence, verdict: Verdict) -> None:
        """Repeats a failure and makes it short, from whatever state the server is in by now."""
        target, key = self._server.target, verdict.key
        started, most = target.sent, target.sent + SHRINK_REQUESTS - self._spent[key]
        best, kept = finding.rank, Steps()

        def fails(steps: Steps) -> bool:
            nonlocal best
            if not steps or target.sent + len(steps) > most:
                return False
            fresh = self._server.target.resets or self._server.journal.calm
            try:
                repeated = self._server.repeat(steps)
            except Unrepeatable:
                return False
            if repeated[1].key != key:
                return False
            rank = ALONE if fresh or self._is_about_its_own(*repeated) else AGAIN
            if rank > best or (rank != ALONE and any(each not in steps for each in kept)):
                return False
            best = rank
            finding.take(self._finding(*repeated, rank))
            return True

        for steps, kept in self._tries(sequence, verdict):  # noqa: B007 what `fails` sees
            if fails(steps):
                shrink(steps, fails)
            if _good(finding):
                break
        self._spent[key] += target.sent - started

    def _tries(self, sequence: Sequence, verdict: Verdict) -> list[tuple[Steps, Steps]]:
        """Sequences that may show it, each with the steps that must stay because they changed rows of the world."""
        causes, worldly = self._traced(sequence, verdict)
        traced, whole = causes.abstract(), sequence.abstract()
        worldly = set() if self._server.target.resets else worldly
        kept = [step for step, sent in zip(traced, causes.steps, strict=True) if sent in worldly]
        changing = [step for step, sent in zip(whole, sequence.steps, strict=True) if self._server.journal.has(sent)]
        return [(traced, kept), (needed(whole, changing), []), (whole, [])]

    def _traced(self, sequence: Sequence, verdict: Verdict) -> tuple[Sequence, set[Request]]:
        """The requests that changed what a failure speaks of, and those of them that changed rows of the world."""
        return self._server.journal.causes(self._server.begin(), sequence, verdict.detail)

    def _is_about_its_own(self, sequence: Sequence, verdict: Verdict, reply: str) -> bool:
        """Whether a failure is about a row that its sequence minted, and not about one that others have changed.

        What is said first of the reply tells; where nothing is said, the request tells, as long as the reply names no other row.
        """
        minted = set(sequence.run.minted.values())
        if _names(verdict.detail.partition("; ")[0], minted):
            return True
        return _names(sequence.steps[-1].size()[2], minted) and not _names(reply, self._server.journal.keys - minted)

    def _finding(self, sequence: Sequence, verdict: Verdict, reply: str, rank: int) -> Finding:
        target, last = self._server.target, sequence.steps[-1]
        curls = sequence.curls(target.base, target.manners.shown)
        return Finding(verdict, sequence.abstract(), curls, redact(reply, self._record.secrets), last.size(), rank)


def _names(text: str, values: Iterable[str]) -> bool:
    return any(value in text for value in values if value)


def _good(finding: Finding) -> bool:
    """Whether there is no need to look for a better sequence."""
    return finding.rank == ALONE and len(finding.steps) <= SHORT
