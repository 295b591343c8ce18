"""The client's side of a Dask cluster: its workers, tasks on them, and the queue of a run."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import Any

from distributed import Client, LocalCluster, Queue

from contracts.cluster import inbox
from contracts.cluster.crew import ClusterError, ClusterGone
from contracts.cluster.dask_task import MOST_MESSAGES, queue_of, run_on_worker
from contracts.cluster.job import Job
from contracts.cluster.messages import Message, read_message
from contracts.cluster.task import preflight

LOCAL = "local"
"""The address that stands for a cluster on the cores of this machine."""
PACKAGE = "contract-mock"
CONNECT_SECONDS, CLOSE_SECONDS = 15, 3
_LOST = (OSError, TimeoutError, RuntimeError, KeyError)
"""What Dask raises where the scheduler does not answer; KeyError where it was started again and has lost the queue."""


class DaskCluster:
    """A connection to a cluster for one run. Close it after use."""

    def __init__(self, address: str, run: str, workers: int) -> None:
        """Connects to the scheduler at an address, or starts so many processes for LOCAL. Raises ClusterError."""
        self.address, self._run = address, run
        self._local = _local(workers) if address == LOCAL else None
        try:
            where = address if self._local is None else self._local
            self._client = Client(where, timeout=CONNECT_SECONDS, set_as_default=False, name="contracts")
        except (OSError, ValueError, TypeError) as error:
            why = str(error).partition("\n")[0]
            raise ClusterError(f"--cluster {address}: no scheduler answers ({why}); write tcp://HOST:8786, or local") from None
        _quiet()
        self._queue = Queue(queue_of(run), client=self._client, maxsize=MOST_MESSAGES)
        self._delivery: threading.Thread | None = None

    def workers(self) -> list[str]:
        """The addresses of the workers. Raises ClusterGone."""
        return sorted(self._asked(self._client.nthreads))

    def unlike(self) -> dict[str, str]:
        """The workers whose versions differ from ours, each with a sentence. Raises ClusterGone."""
        found = self._asked(lambda: self._client.get_versions(packages=[PACKAGE]))
        theirs = {address: each["packages"] for address, each in found["workers"].items()}
        return {address: why for address, each in theirs.items() if (why := difference(own_versions(), each))}

    def preflight(self, workers: list[str], variables: list[str]) -> dict[str, Any]:
        """What each of these workers says before it gets a shard; an exception for one that cannot say it. Raises ClusterGone."""
        asked = self._asked(lambda: self._client.run(preflight, variables, workers=workers, on_error="return"))
        return dict(asked)

    def submit(self, job: Job, worker: str) -> Any:
        """Starts a job on a worker. Raises ClusterGone."""
        key = f"contracts-fuzz-{self._run}-shard-{job.shard.number}-attempt-{job.attempt}"
        options = {"key": key, "workers": [worker], "allow_other_workers": False, "pure": False, "retries": 0}
        return self._asked(lambda: self._client.submit(run_on_worker, job, **options))

    def receive(self) -> list[Message]:
        """The messages that have come. Raises ClusterGone."""
        return [each for data in self._asked(lambda: self._queue.get(batch=True)) if (each := read_message(data)) is not None]

    def deliver(self, entries: list[tuple[int, str]]) -> bool:
        """Begins to send entries to all workers; False while an earlier delivery is not finished."""
        if self._delivery is not None and self._delivery.is_alive():
            return False
        self._delivery = self._told(inbox.deliver, self._run, entries)
        return True

    def stop(self) -> None:
        """Begins to tell all workers that the run is over."""
        self._told(inbox.stop, self._run)

    def _told(self, function: Callable[..., None], *arguments: Any) -> threading.Thread:
        """Begins to call a function in the process of each worker. A worker that hangs holds up nothing else."""

        def call() -> None:
            with suppress(*_LOST):
                self._client.run(function, *arguments, on_error="ignore")

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Ends the connection, and the cluster if it is LOCAL."""
        with suppress(*_LOST):
            self._queue.close()
        with suppress(*_LOST):
            self._client.close(timeout=CLOSE_SECONDS)
        if self._local is not None:
            with suppress(*_LOST):
                self._local.close(timeout=CLOSE_SECONDS)

    def _asked(self, call: Callable[[], Any]) -> Any:
        """The answer to a call of the scheduler. Raises ClusterGone."""
        try:
            if self._client.status == "running":
                return call()
        except _LOST:
            pass
        raise ClusterGone(f"the scheduler {self.address} does not answer any more")


def own_versions() -> dict[str, str]:
    """The versions that must be the same on each worker."""
    return {"python": ".".join(map(str, sys.version_info[:2])), PACKAGE: version(PACKAGE), "distributed": version("distributed")}


def difference(ours: dict[str, str], theirs: dict[str, str | None]) -> str:
    """How the versions of a worker differ from ours, as a sentence; empty where they do not."""
    python = str(theirs.get("python") or "")
    found = {**theirs, "python": ".".join(python.split(".")[:2])}
    for name, wanted in ours.items():
        if found.get(name) != wanted:
            has = f"has {name} {found[name]}" if found.get(name) else f"has no {name}"
            return f"{has}, and this machine has {wanted}; install the same on both"
    return ""


def _local(workers: int) -> LocalCluster:
    """Processes on this machine, without a dashboard. They ignore Ctrl-C, which reaches the whole group of processes."""
    with _ignored_interrupts():
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        )


@contextmanager
def _ignored_interrupts() -> Iterator[None]:
    """Child processes inherit that SIGINT is ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _quiet() -> None:
    """What goes wrong with a cluster is told by this package, not by the log of Dask."""
    for name in ("distributed", *(each for each in logging.root.manager.loggerDict if each.startswith("distributed."))):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
