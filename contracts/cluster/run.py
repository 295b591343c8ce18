"""A fuzz run on a cluster, from its options to its record."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import openapi
from contracts.cluster.coordinator import Coordinator
from contracts.cluster.crew import ClusterError, Crew
from contracts.cluster.dask_cluster import LOCAL, DaskCluster
from contracts.cluster.gathered import Entries, Watch, record_of
from contracts.cluster.job import Job, Place
from contracts.cluster.shards import ShardState
from contracts.cluster.worlds import Worlds
from contracts.judge.record import Record
from contracts.report.progress import Progress
from contracts.run.deadline import Deadline
from contracts.run.fuzz import Shard
from contracts.sequence.corpus import Corpus, Position, read_lines, stream_name

WORKER_SECONDS = 10.0
"""Seconds that a run waits for a first worker."""
GRACE_SECONDS = 5.0
"""Seconds that the shards get to end, besides the longest time that a request may take."""


@dataclass(frozen=True, slots=True)
class ClusterRun:
    """A run on a cluster."""

    address: str
    """Of the scheduler, or LOCAL."""
    contract: openapi.Contract
    places: Sequence[Place]
    """The worlds of the pool."""
    job: Job
    """What each shard gets; its limits are those of the whole run."""
    shards: int | None = None
    """The number of shards; None for one on each worker, as far as there are worlds."""
    corpus: Corpus | None = None
    resume: bool = False
    """Whether each shard continues where the last run with this corpus stopped."""

    def run(self, deadline: Deadline, progress: Progress, warn: Callable[[str], None]) -> Record:
        """Runs it until the deadline or its limits, and returns what all shards have found. Raises ClusterError.

        Raises InvalidDocument for a file with the position of a shard, or a corpus, that cannot be read.
        """
        self._check()
        cluster = DaskCluster(self.address, self.job.run, self._processes())
        try:
            return self._run(cluster, deadline, progress, warn)
        finally:
            cluster.close()

    def _run(self, cluster: DaskCluster, deadline: Deadline, progress: Progress, warn: Callable[[str], None]) -> Record:
        variables = sorted({name for each in self.places for name in each.variables()})
        crew = Crew(cluster, variables)
        _meet(crew, self.address, deadline)
        started, count = time.monotonic(), self.shards or max(1, min(len(self.places), len(crew.processes)))
        states = self._states(count)
        entries = Entries(self.contract, {f"${{{name}}}": f"${{{name}}}" for name in variables}, self.corpus, warn)
        planned = 0 if self.job.most_requests == sys.maxsize else self.job.most_requests
        empty = self._empty()
        coordinator = Coordinator(
            cluster,
            self._for_each(count),
            states,
            Worlds(self.places[count:]),
            crew,
            deadline=deadline,
            grace=self.job.sending.timeout + GRACE_SECONDS,
            keep=entries.keep,
            moved=lambda state: self._moved(state, warn),
            watch=Watch(progress, states, entries, len(empty.outcomes), planned),
            warn=warn,
        )
        coordinator.run()
        return record_of(states, empty, time.monotonic() - started, coordinator.gaps, coordinator.gone)

    def _check(self) -> None:
        """Raises ClusterError for more shards than worlds."""
        if self.shards is not None and self.shards > len(self.places):
            worlds = f"{len(self.places)} {'world' if len(self.places) == 1 else 'worlds'}"
            how = "make more of them with `contracts worlds --template`"
            raise ClusterError(f"{self.shards} shards need as many worlds, and the pool has {worlds}; {how}")

    def _processes(self) -> int:
        """How many processes a local cluster gets."""
        return min(self.shards or len(self.places), len(self.places), os.cpu_count() or 1) if self.address == LOCAL else 0

    def _states(self, count: int) -> list[ShardState]:
        """The shards. Raises ClusterError for fewer requests than shards, and InvalidDocument."""
        total = self.job.most_requests
        if total < count:
            raise ClusterError(f"--max-requests {total} is less than the number of shards, {count}")
        states = []
        for number in range(1, count + 1):
            most = total if total == sys.maxsize else total * number // count - total * (number - 1) // count
            state = ShardState(Shard(number, count), most, place=self.places[number - 1])
            if self.corpus is not None and self.resume:
                state.start = self._position(state.shard).read()
            states.append(state)
        if self.corpus is not None:
            own: list[list[str]] = [[] for _ in states]
            for at, (_, _, line) in enumerate(read_lines(self.corpus.file)):
                own[at % count].append(line.decode().strip())
            for state, lines in zip(states, own, strict=True):
                state.entries = tuple(lines)
        return states

    def _for_each(self, count: int) -> Job:
        """The job of each shard: the rate of the run is divided."""
        rate = self.job.sending.rate
        sending = replace(self.job.sending, rate=None if rate is None else rate / count)
        behaviours = frozenset() if self.corpus is None else frozenset(self.corpus.behaviours)
        return replace(self.job, sending=sending, behaviours=behaviours)

    def _position(self, shard: Shard) -> Position:
        if self.corpus is None:
            raise ValueError("positions are stored beside a corpus")
        return self.corpus.position_of(stream_name(self.job.plan.seed, shard.number, shard.of))

    def _moved(self, state: ShardState, warn: Callable[[str], None]) -> None:
        """Stores how far a shard is, for --resume."""
        if self.corpus is not None and state.start is not None:
            try:
                self._position(state.shard).write(state.start)
            except OSError as error:
                warn(f"the position of shard {state.shard} cannot be written: {error}")

    def _empty(self) -> Record:
        operations = self.contract.operations.values()
        return Record(
            tuple(outcome for each in operations for outcome in each.outcomes),
            {},
            self.address,
            successes=frozenset(each.success.outcome for each in operations),
            required=self.job.plan.required,
            seed=self.job.plan.seed,
            thorough=False,
        )


def _meet(crew: Crew, address: str, deadline: Deadline) -> None:
    """Waits for the first worker. Raises ClusterError without one, and where a worker must not run shards."""
    end = time.monotonic() + WORKER_SECONDS
    while True:
        crew.look()
        for worker, why in crew.unfit.items():
            raise ClusterError(f"worker {worker} {why}")
        if crew.processes or deadline.passed:
            return
        if time.monotonic() > end:
            raise ClusterError(f"the cluster has no worker; start one on each machine: dask worker {address}")
        time.sleep(0.2)
