"""The workers of a cluster, and which of them may run shards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from contracts.cluster.job import Job
from contracts.cluster.messages import Message

LONGEST_REASON = 300
"""The most characters of what an error of a worker says."""


class ClusterError(Exception):
    """A cluster that cannot be used, as a sentence."""


class ClusterGone(ClusterError):
    """The scheduler does not answer any more."""


class Cluster(Protocol):
    """What the coordinator needs of a cluster. Each method raises ClusterGone where the scheduler does not answer any more."""

    def workers(self) -> list[str]: ...
    def unlike(self) -> dict[str, str]: ...
    def preflight(self, workers: list[str], variables: list[str]) -> dict[str, Any]: ...
    def submit(self, job: Job, worker: str) -> Any: ...
    def receive(self) -> list[Message]: ...
    def deliver(self, entries: list[tuple[int, str]]) -> bool: ...
    def stop(self) -> None: ...


class Crew:
    """The workers that may run shards: those with our version, and with the variables of the run in their environment."""

    def __init__(self, cluster: Cluster, variables: Iterable[str]) -> None:
        self._cluster, self._variables = cluster, sorted(variables)
        self.processes: dict[str, str] = {}
        """The process of each worker that may run shards, by address."""
        self.unfit: dict[str, str] = {}
        """Why the other workers must not, by address."""

    def look(self) -> None:
        """Looks which workers there are. Raises ClusterGone."""
        there = set(self._cluster.workers())
        for known in (self.processes, self.unfit):
            for address in known.keys() - there:
                del known[address]
        if new := sorted(there - self.processes.keys() - self.unfit.keys()):
            self._examine(new)

    def _examine(self, new: list[str]) -> None:
        unlike = self._cluster.unlike()
        self.unfit |= {each: unlike[each] for each in new if each in unlike}
        for address, said in self._cluster.preflight([each for each in new if each not in unlike], self._variables).items():
            if not isinstance(said, dict):
                self.unfit[address] = f"cannot run shards ({describe(said)}); install the same version as here"
            elif said["missing"]:
                name = said["missing"][0]
                self.unfit[address] = f"${{{name}}} is not in its environment (start the worker with {name}=…)"
            else:
                self.processes[address] = said["process"]


def describe(error: object) -> str:
    """An error of a worker, in one line."""
    return f"{type(error).__name__}: {error}".partition("\n")[0][:LONGEST_REASON]
