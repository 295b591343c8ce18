"""The task as Dask runs it on a worker. Dask finds it by its name, so every worker has this version of the package."""

from __future__ import annotations

from contextlib import suppress

from distributed import Queue, Status, get_client, get_worker, secede

from contracts.cluster.job import Job
from contracts.cluster.messages import Message
from contracts.cluster.task import run_job

PATIENCE = 60
"""Seconds that a message waits for a place in the queue. Then nobody takes messages any more, and the shard ends."""
MOST_MESSAGES = 256
"""The most messages in the queue of a run; who sends more waits."""
_ALIVE = (Status.init, Status.running, Status.paused)


def run_on_worker(job: Job) -> str:
    """Runs a job; returns how it ended, in a word. Leaves the thread pool, so that a worker may run several shards."""
    secede()
    queue = Queue(queue_of(job.run), client=get_client(), maxsize=MOST_MESSAGES)
    try:
        return run_job(job, _QueueLine(queue))
    finally:
        with suppress(OSError, RuntimeError):
            queue.close()


def queue_of(run: str) -> str:
    """The name of the queue of a run."""
    return f"contracts-{run}"


class _QueueLine:
    """The line to the client, through a queue of the scheduler that bounds what waits there."""

    def __init__(self, queue: Queue) -> None:
        self._queue, self._worker, self._taken = queue, get_worker(), True

    def send(self, message: Message) -> None:
        """Sends a message, or notes that nobody takes it."""
        if self._taken:
            try:
                self._queue.put(message.as_data(), timeout=PATIENCE)
            except (OSError, RuntimeError, ValueError, TimeoutError, KeyError):
                self._taken = False

    def alive(self) -> bool:
        """Whether this worker belongs to the cluster, and the client takes its messages."""
        return self._taken and self._worker.status in _ALIVE
