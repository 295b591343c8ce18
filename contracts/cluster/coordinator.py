"""Coordinates a run on a cluster: gives shards to workers, gathers what they report, and takes up the shards of lost workers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from contracts.cluster.crew import Cluster, ClusterGone, Crew, describe
from contracts.cluster.job import Job
from contracts.cluster.messages import DONE, ENTRY, FAILED, LEFT, Message
from contracts.cluster.shards import ENDED, RUNNING, WAITING, ShardState
from contracts.cluster.worlds import Worlds
from contracts.run.deadline import Deadline

POLL_SECONDS, LOOK_SECONDS, DELIVERY_SECONDS = 0.1, 1.0, 2.0
"""Seconds between two looks at the queue, at the workers, and two deliveries of entries."""
PATIENCE = 5.0
"""Seconds that a lost shard waits for a worker that has nothing to do; then it shares one. A used world rests as long."""
NO_WORKER_SECONDS = 60.0
"""Seconds without any worker after which the shards that wait are given up."""
MOST_LOST = 10
"""How often a shard may lose its worker; a shard that ends workers must not end all of them."""
MOST_ENTRIES, MOST_BYTES = 64, 2 * 1024 * 1024
"""The most entries, and characters, of one delivery."""
MOST_KEPT = 2000
"""The most entries that wait for a delivery; the oldest of more do not travel."""


class Coordinator:
    """One run. `job` is what every shard gets; shard, world and limits are filled in here."""

    def __init__(
        self,
        cluster: Cluster,
        job: Job,
        states: list[ShardState],
        worlds: Worlds,
        crew: Crew,
        *,
        deadline: Deadline,
        grace: float = 15.0,
        keep: Callable[[Message], bool] = lambda message: False,
        moved: Callable[[ShardState], None] = lambda state: None,
        watch: Callable[[], None] = lambda: None,
        warn: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """`keep` is told each entry and says whether the other shards shall get it; `moved` is told each new position.

        `grace` is how many seconds the shards get to end when the run is over; `job.seconds` says how long it may take.
        """
        self._cluster, self._job, self._worlds = cluster, job, worlds
        self.states, self.crew = states, crew
        self._deadline, self._grace = deadline, grace
        self._keep, self._moved, self._watch, self._warn = keep, moved, watch, warn
        self._outbox: deque[tuple[int, str]] = deque(maxlen=MOST_KEPT)
        self.gaps: list[str] = []
        """What was not tested although it should have been, as sentences."""
        self.gone = ""
        """Why the cluster cannot be used any more; empty where it can."""
        self._started = time.monotonic()
        self._stopped: float | None = None
        self._workers_seen = self._started
        self._look_at = self._deliver_at = 0.0
        self._warned: set[str] = set()

    def run(self) -> None:
        """Runs until all shards have ended, or the deadline has passed."""
        try:
            while any(each.state != ENDED for each in self.states):
                self._take_messages()
                self._look()
                self._place_all()
                self._deliver()
                self._watch()
                if self._over():
                    return
                time.sleep(POLL_SECONDS)
            self._take_messages()  # entries that came after the last end
        except ClusterGone as error:
            self.gone = str(error)

    def stop(self) -> None:
        """Tells all shards to end. Raises ClusterGone."""
        if self._stopped is None:
            self._stopped = time.monotonic()
            self._cluster.stop()
            for each in self.states:
                if each.state == WAITING:
                    each.state = ENDED

    def _over(self) -> bool:
        """Whether the time is up in which shards may end. Tells them to end when the run is over."""
        if self._deadline.passed:
            self.stop()
        if self._stopped is None or time.monotonic() < self._stopped + self._grace:
            return False
        late = [each for each in self.states if each.state == RUNNING]
        for each in late:
            self._warn(f"shard {each.shard} did not end in time; what it had reported before is in the report")
        return True

    def _take_messages(self) -> None:
        known = {each.shard.number: each for each in self.states}
        for message in self._cluster.receive():
            state = known.get(message.shard)
            if state is None:
                continue
            if message.kind == ENTRY:
                if self._keep(message):
                    self._outbox.append((message.shard, message.text))
            elif state.state == RUNNING and message.attempt == state.attempt:
                self._take(state, message)

    def _take(self, state: ShardState, message: Message) -> None:
        before = state.start
        state.take(message)
        if state.start != before:
            self._moved(state)
        if message.kind == DONE:
            self._end(state)
        elif message.kind == FAILED:
            self._fail(state, message.text)
        elif message.kind == LEFT:
            self._lose(state)
        if self._job.plan.stop_early and state.before.violations and state.state == ENDED:
            self.stop()

    def _end(self, state: ShardState) -> None:
        """A shard has ended; others may use its world."""
        state.close()
        state.state = ENDED
        if state.place is not None:
            self._worlds.give_back(state.place)

    def _look(self) -> None:
        """Looks for lost workers and new ones."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        self.crew.look()
        for address, why in self.crew.unfit.items():
            if address not in self._warned:
                self._warned.add(address)
                self._warn(f"worker {address} gets no shard: {why}")
        self._workers_seen = now if self.crew.processes else self._workers_seen
        lost = [each for each in self.states if each.state == RUNNING and self._is_lost(each)]
        if lost:
            self._take_messages()  # what they had sent before
        for each in lost:
            if each.state == RUNNING and each.future.status == "error":
                self._fail(each, describe(each.future.exception()))
            elif each.state == RUNNING:
                self._lose(each)

    def _fail(self, state: ShardState, why: str) -> None:
        """A shard could not go on, and no other worker shall try."""
        self.gaps.append(f"shard {state.shard} on {state.worker} could not go on: {why}")
        self._end(state)

    def _is_lost(self, state: ShardState) -> bool:
        """Whether the worker of a shard is not there any more, or its task has ended without a last message."""
        return state.worker not in self.crew.processes or state.future.status in ("cancelled", "lost", "error", "finished")

    def _lose(self, state: ShardState) -> None:
        """The worker of a shard is lost: another one shall go on, in another world or after a reset."""
        worker, number = state.worker, state.start
        if state.future is not None and state.future.status == "pending":
            state.future.cancel()
        state.close()
        state.lost += 1
        if self._stopped is not None:
            state.state = ENDED
            return
        if state.place is not None:
            self._worlds.give_back(state.place)
        state.state, state.place, state.waits_since = WAITING, None, time.monotonic()
        where = "before its first input" if number is None else f"at input {number}"
        self._warn(f"shard {state.shard} has lost its worker {worker} {where}")
        if state.lost > MOST_LOST:
            self._give_up(state, f"it has lost its worker {state.lost} times")
        elif (found := self._worlds.take()) is None:
            self._give_up(state, "there is no world to go on in: give the pool more worlds than shards, or reset URLs")
        else:
            state.place, state.reset = found

    def _give_up(self, state: ShardState, why: str) -> None:
        state.state = ENDED
        number = "the beginning" if state.start is None else f"input {state.start}"
        self.gaps.append(f"shard {state.shard} has not gone on from {number}: {why}")

    def _place_all(self) -> None:
        """Gives the shards that wait to workers."""
        now = time.monotonic()
        for each in self.states:
            if each.state == WAITING and each.left <= 0:
                self._end(each)
            elif each.state == WAITING and (worker := self._worker_for(each, now)) is not None:
                self._start(each, worker)
            elif each.state == WAITING and now - self._workers_seen > NO_WORKER_SECONDS:
                self._give_up(each, f"the cluster has had no worker for {NO_WORKER_SECONDS:.0f} s")

    def _worker_for(self, state: ShardState, now: float) -> str | None:
        """The worker with the fewest shards; None where the shard should wait."""
        load = dict.fromkeys(self.crew.processes, 0)
        for each in self.states:
            if each.state == RUNNING and each.worker in load:
                load[each.worker] += 1
        worker = min(load, key=lambda each: load[each], default=None)
        hurried = now - state.waits_since >= PATIENCE
        if worker is None or (state.lost and not hurried and (load[worker] or state.reset)):
            return None
        return worker

    def _start(self, state: ShardState, worker: str) -> None:
        if state.place is None:
            raise ValueError(f"shard {state.shard} has no world")
        job = replace(
            self._job,
            shard=state.shard,
            attempt=state.attempt,
            process=self.crew.processes[worker],
            place=state.place,
            most_requests=state.left,
            seconds=self._seconds_left(),
            start=state.start,
            reset=state.reset,
            entries=state.entries if state.start is None else (),
        )
        state.worker, state.state = worker, RUNNING
        state.future = self._cluster.submit(job, worker)

    def _seconds_left(self) -> float | None:
        seconds = self._job.seconds
        return None if seconds is None else max(0.0, self._started + seconds - time.monotonic())

    def _deliver(self) -> None:
        """Sends the entries that came to the other shards."""
        now = time.monotonic()
        if not self._outbox or now < self._deliver_at:
            return
        batch, size = list[tuple[int, str]](), 0
        for each in self._outbox:
            size += len(each[1])
            if len(batch) == MOST_ENTRIES or (batch and size > MOST_BYTES):
                break
            batch.append(each)
        if self._cluster.deliver(batch):
            self._deliver_at = now + DELIVERY_SECONDS
            for _ in batch:
                self._outbox.popleft()
