"""Sends requests at the same moment, and judges their replies together."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from threading import Barrier, BrokenBarrierError
from typing import TYPE_CHECKING

from contracts.generate.burst import MOST_AT_ONCE
from contracts.http.target import NoReply, now_ms
from contracts.http.wire import Reply, Request
from contracts.judge.journal import LostReply
from contracts.judge.reply import InvalidReply
from contracts.judge.serial import after, judge_together, unknown
from contracts.judge.verdict import VIOLATION, Judgement, Verdict
from contracts.sequence.sequence import Sequence

if TYPE_CHECKING:
    from contracts.run.session import Session

LONGEST_WAIT = 10.0
"""Seconds that a request of a burst waits for the others."""
SHORTEST_STEP = 0.001
"""Seconds between two reads of a burst, at least."""


class Bursts:
    """Sends bursts in the name of a session; has its own threads."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(MOST_AT_ONCE)

    def run(self, sequence: Sequence, requests: list[Request]) -> tuple[list[Judgement], Verdict | None, str]:
        """Sends a burst and judges it. Returns the judgements, a violation or a note if there is one, and the replies' texts.

        Without a verdict nothing is wrong, or nothing can be said of the replies. Raises RunEnded and Unreachable.
        """
        session = self._session
        session.backoff.wait()
        start = time.monotonic()
        answers = self._answers(requests)
        sent = list(zip(requests, answers, strict=True))
        try:
            together = unknown(session.oracle, sent) if self._refused(sent, start) else judge_together(session.oracle, sent)
        except InvalidReply:  # what is wrong with a reply alone is found without races
            together = unknown(session.oracle, sent)
        for (request, answer), judged in zip(sent, together.judgements, strict=True):
            session.note(sequence, request, answer, judged)
        began = min(each.sent for each in answers)
        texts = (each.why if isinstance(each, LostReply) else each.text() for each in answers)
        times = (f"{each.sent - began} to {each.received - began} ms" for each in answers)
        said = "".join(f"\n    {time}: {text}" for time, text in zip(times, texts, strict=True))
        return list(together.judgements), together.verdict, said

    def follow(self, sequence: Sequence, request: Request, answer: Reply | LostReply) -> tuple[Judgement, str]:
        """Judges the answer to one request; a violation after a burst says that no order of the burst explains it."""
        judged, said = self._session.judge(sequence, request, answer)
        if judged.verdict.kind != VIOLATION or not any(each.at_once for each in sequence.steps):
            return judged, said
        return replace(judged, verdict=after(judged.verdict)), said

    def _answers(self, requests: list[Request]) -> list[Reply | LostReply]:
        """The replies to requests that all threads send at the same moment."""
        session = self._session
        session.check()
        for _ in requests:
            session.target.take_turn()
        barrier = Barrier(len(requests))

        def answer(request: Request, delay: float) -> Reply | LostReply:
            began = now_ms()

            def ready() -> None:
                barrier.wait(LONGEST_WAIT)
                time.sleep(delay)

            try:
                return session.target.send_now(request, ready)
            except NoReply as error:
                return LostReply(str(error), began, now_ms())
            except BrokenBarrierError:
                return LostReply("no reply: it was not sent", began, now_ms())

        return list(self._pool.map(answer, requests, self._delays(requests)))

    def _delays(self, requests: list[Request]) -> list[float]:
        """Seconds that each request waits: reads are spread over the time that the others may take, or they would come first."""
        operations = self._session.contract.operations
        reads = [not operations[each.operation].success.effects for each in requests]
        step = max(SHORTEST_STEP, self._session.latency / 1000 / (sum(reads) + 1))
        return [step * sum(reads[:position]) if each else 0.0 for position, each in enumerate(reads)]

    def _refused(self, sent: list[tuple[Request, Reply | LostReply]], began: float) -> bool:
        """Whether the server has asked to slow down, so that nobody knows what it has done; then the session pauses."""
        session = self._session
        replies = [(request, answer) for request, answer in sent if isinstance(answer, Reply)]
        return any([session.backoff.refused(answer, session.statuses(request), began) for request, answer in replies])
