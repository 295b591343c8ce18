"""The users of a load test: what they have in common, and who is there."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress

import openapi
from contracts.generate.stream import Stream
from contracts.http.target import NO_REPLY, RunEnded, Target, Turns, Unreachable
from contracts.judge.record import SPORADIC
from contracts.judge.verdict import VIOLATION
from contracts.load.place import Place
from contracts.load.user import Floor, Heard, Member, Stay, UserSession
from contracts.run.deadline import Deadline
from contracts.run.examination import Plan, learn, oracle_and_record
from contracts.run.fuzz import Shard

SUCCESS_PERCENT = 100
"""In so many percent of the steps of a walk a request that succeeds is preferred."""
MOST_REPEATED, REPEAT_REQUESTS, REPEAT_SECONDS = 10, 100, 60
"""After the load: how many violations are repeated, with how many requests each, and for how many seconds in all."""


class Crew:
    """The users of a load test. They share a record, and what is learnt of how the server reads requests."""

    def __init__(
        self, contract: openapi.Contract, places: Sequence[Place], plan: Plan, turns: Turns, deadline: Deadline, stop: Deadline
    ) -> None:
        """`turns` are those of the targets. The load ends at the `deadline`; at `stop` everything ends."""
        self.record = oracle_and_record(contract, places[0].world, places[0].target, plan)[1]
        self.record.secrets = {value: name for each in places for value, name in each.world.secrets.items()}
        self.record.base = _named([each.target.base for each in places])
        self.errors: Counter[str] = Counter()
        """How many requests had no reply, or one that asks for a pause, by what came."""
        self.violations = 0
        """How many replies violated the contract."""
        self.heard: Callable[[int, Heard], None] = lambda number, heard: None
        """Called for each reply, with the number of the user, from 1."""
        self.most_users = 0
        """The most users at the same time."""
        self.gave_up: list[str] = []
        """Why users ended before the load did, as sentences."""
        self.failure: Exception | None = None
        """What must not happen: an error of this program."""
        self._contract, self._places, self._plan, self._turns = contract, places, plan, turns
        self._deadline, self._stop = deadline, stop
        self._floor, self._started = Floor(), time.monotonic()
        self._members: dict[int, Member] = {}
        self._free = deque(range(1, len(places) + 1))
        self._unanswered: Target | None = None
        """The target of the latest request, if it had no reply."""

    def learn(self) -> None:
        """Sends a few requests of the first user that tell how the server reads requests. Raises RunEnded and Unreachable."""
        first = self._member(1)
        self._floor.take()
        try:
            first.session.restart()
            learn(first.session)
        finally:
            self._floor.leave()

    def take(self) -> Member | None:
        """A user who is not there yet; None where all are, or the load has ended."""
        if not self._free or self._deadline.passed or self._stop.passed:
            return None
        number = self._free.popleft()
        self.most_users = max(self.most_users, len(self._places) - len(self._free))
        return self._member(number)

    def give_back(self, member: Member) -> None:
        """A user has stopped; where Locust starts another one, that one goes on with its world."""
        self._free.append(member.number)

    def note_progress(self) -> None:
        """Notes in the record how much has been sent, and for how long."""
        self.record.requests, self.record.seconds = self._turns.taken, time.monotonic() - self._started
        self.record.pauses = sum(each.session.backoff.pauses for each in self._members.values())

    def finish(self) -> None:
        """After the load: repeats violations, and completes the record."""
        self.note_progress()
        requests = self.record.requests
        if len(self.gave_up) == len(self._members):
            self.record.gone = self.gave_up[0]
        elif self._unanswered is not None and not self._stop.passed:
            with suppress(RunEnded):
                try:
                    self._unanswered.check()
                except Unreachable as error:
                    self.record.gone = str(error)
        repeated = [] if self.record.gone else self._repeat()
        self.note_progress()
        for key, finding in self.record.findings.items():
            if finding.rank == SPORADIC:
                again = ", and not when it was repeated after it" if key in repeated else ""
                finding.often = f"{finding.count} of {requests} requests under load{again}"

    def _repeat(self) -> list[tuple[str, ...]]:
        """Repeats violations one after the other on the server without load; gives the keys of those that were repeated."""
        end, repeated = Deadline(), list[tuple[str, ...]]()
        end.end(REPEAT_SECONDS)
        self._floor.take()
        try:
            for finding in self.record.found(VIOLATION)[:MOST_REPEATED]:
                key = finding.verdict.key
                for each in self._members.values():
                    each.session.deadline, each.session.heard = Stay(end, self._stop), lambda heard: None
                    if each.session.evidence.shrink_later(key, REPEAT_REQUESTS):
                        repeated.append(key)
                        break
        except RunEnded:
            pass
        except Unreachable as error:
            self.record.gone = str(error)
        finally:
            self._floor.leave()
        return repeated

    def _member(self, number: int) -> Member:
        """The user with this number, from 1; made when it is needed first."""
        if number not in self._members:
            place, plan = self._places[number - 1], self._plan
            oracle, _ = oracle_and_record(self._contract, place.world, place.target, plan)
            if self._members:
                oracle.expectations.readings = self._members[1].session.oracle.readings
            session = UserSession(
                oracle,
                place.target,
                self.record,
                self._floor,
                lambda heard: self._hear(number, place.target, heard),
                deadline=Stay(self._deadline, self._stop),
                transport=plan.transport,
                slower_than=plan.slower_than,
            )
            stream = Stream(self._contract, place.world, plan.seed, SUCCESS_PERCENT)
            self._members[number] = Member(session, stream, Shard(number, len(self._places)), self._floor)
        return self._members[number]

    def _hear(self, number: int, target: Target, heard: Heard) -> None:
        """Counts a reply."""
        if heard.error:
            self.errors[heard.error] += 1
        elif heard.verdict is not None and heard.verdict.kind == VIOLATION:
            self.violations += 1
        self._unanswered = target if heard.error == NO_REPLY else None
        self.heard(number, heard)


def _named(bases: Sequence[str]) -> str:
    """Targets in words."""
    first, *others = dict.fromkeys(bases)
    return f"{first} and {len(others)} more" if others else first
