"""A job: what a task gets to run one shard, as data. It has no value of an environment variable: `${NAME}` is looked up there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from contracts.cluster.texts import ContractText, WorldText
from contracts.http.variables import names
from contracts.run.examination import Plan
from contracts.run.fuzz import Shard


@dataclass(frozen=True, slots=True)
class Place:
    """A world of the pool: a server, and what exists on it. Texts may contain `${NAME}`."""

    target: str
    """The base URL."""
    world: WorldText
    reset: str | None = None
    """A POST to this URL resets the world; None where it cannot be reset."""
    headers: tuple[tuple[str, str], ...] = ()
    """Of every request: name and value."""
    differences: tuple[tuple[str, str], ...] = ()
    """Texts of the first world of the pool that stand elsewhere in this one: the text there and here."""

    def variables(self) -> set[str]:
        """The names of the environment variables that it needs. Raises InvalidDocument."""
        texts = [self.target, self.reset or "", *(text for _, text in self.headers), *_texts(self.world.document().data)]
        return {name for text in texts for name in names(text)}

    def __repr__(self) -> str:
        return "Place(…)"


@dataclass(frozen=True, slots=True)
class Sending:
    """How requests are sent, as the options of a run say it; the limits are those of one shard."""

    rate: float | None
    """Requests per second."""
    timeout: float
    """Seconds."""
    retries: int
    certificates: bytes | None
    """PEM certificates to trust instead of the system's."""
    proxy: str | None
    connections: int


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at one shard. Dask prints the arguments of a task in logs, so its text names the shard only."""

    run: str
    """Names the run, and its queue."""
    shard: Shard
    attempt: int
    """From 0; one more each time that its worker was lost."""
    process: str
    """The process that runs it, so that no other one does after a worker was lost."""
    contract: ContractText
    operations: tuple[str, ...]
    """The operations to test; all where there is none."""
    place: Place
    plan: Plan
    sending: Sending
    now: int
    """The time at which the run began, epoch ms: inputs are computed for it, the same ones by each worker."""
    most_requests: int
    seconds: float | None
    """How long it may take."""
    start: int | None
    """The number of the input to begin with; None to begin with the sequences of the corpus."""
    end: int
    """No input from this number on is sent."""
    reset: bool
    """Whether to reset the world first, because another attempt has used it."""
    entries: tuple[str, ...] = ()
    """The lines of the corpus that belong to this shard."""
    behaviours: frozenset[str] = frozenset()
    """The behaviours that the corpus shows."""

    def __repr__(self) -> str:
        return f"Job(shard {self.shard}, attempt {self.attempt})"


def _texts(value: Any) -> Iterator[str]:
    """The texts in the data of a document."""
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(each)
