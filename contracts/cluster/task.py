"""The task: runs one shard on a worker of a cluster, and sends the client what it has found while it runs.

A task never raises: what goes wrong is a message. It looks up `${NAME}` in the environment of its worker, and nothing that it
sends contains a value of it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import openapi
from contracts.cluster import inbox as inboxes
from contracts.cluster.entries import LONGEST_LINE, entry_of, read_entry
from contracts.cluster.inbox import PROCESS, Inbox
from contracts.cluster.job import Job
from contracts.cluster.messages import DONE, ENTRY, FAILED, LEFT, REPORT, Message, facts_of, packed
from contracts.cluster.names import Names
from contracts.generate.stream import Stream
from contracts.http.target import Manners, RunEnded, Target, Unreachable
from contracts.http.variables import SHORTEST_SECRET, filled, names, shown_as
from contracts.http.wire import printable
from contracts.judge.record import Record
from contracts.run.deadline import Deadline
from contracts.run.examination import open_session
from contracts.run.fuzz import fuzz_shard
from contracts.run.session import Session
from contracts.sequence.sequence import Sequence
from contracts.sequence.shrink import Steps

REPORT_SECONDS = 2.0
"""Seconds between two reports, at least."""
REPORT_SHARE = 0.02
"""The largest part of its time that a shard spends on reports: a large report is sent less often."""


class Line(Protocol):
    """The line to the client of the cluster."""

    def send(self, message: Message) -> None:
        """Sends a message, or notes that nobody takes it."""

    def alive(self) -> bool:
        """Whether this worker belongs to the cluster, and the client takes its messages."""


def preflight(variables: list[str]) -> dict[str, Any]:
    """What the client asks a worker before it gets a shard: its process, and which of these variables its environment lacks."""
    return {"process": PROCESS, "missing": [each for each in variables if not os.environ.get(each)]}


def run_job(job: Job, line: Line) -> str:
    """Runs a job; returns how it ended, in a word."""
    inbox = inboxes.opened(job.run, job.shard.number, job.attempt) if job.process == PROCESS else None
    if inbox is None:
        return "stale"  # Dask has repeated the task after its worker was lost; the client has given the shard to another task
    shard = _Shard(job, line, inbox)
    try:
        shard.run()
    except (openapi.InvalidDocument, openapi.ExecutionError, LookupError, OSError, ValueError) as error:
        shard.fail(str(error.args[0]) if isinstance(error, LookupError) else str(error))
    except Exception as error:  # nothing may be lost in the log of a worker
        shard.fail(f"{type(error).__name__}: {error}")
    finally:
        inboxes.closed(job.run, job.shard.number)
    return "ended"


class _Ended(Deadline):
    """The deadline of a shard, which also passes where it is told to stop, or where nobody listens any more."""

    def __init__(self, inbox: Inbox, line: Line) -> None:
        super().__init__()
        self._inbox, self._line = inbox, line

    @property
    def passed(self) -> bool:
        return super().passed or self._inbox.stopped or not self._line.alive()


class _Shard:
    """One attempt at a shard."""

    def __init__(self, job: Job, line: Line, inbox: Inbox) -> None:
        self._job, self._line, self._inbox = job, line, inbox
        self._position = job.start
        self._record: Record | None = None
        self._secrets: dict[str, str] = {}
        self._next = time.monotonic() + REPORT_SECONDS

    def run(self) -> None:
        """Sends the inputs of the shard, reports, and the last message. Raises InvalidDocument, LookupError and OSError."""
        job, deadline = self._job, _Ended(self._inbox, self._line)
        if job.seconds is not None:
            deadline.end(job.seconds)
        contract = job.contract.load()
        contract = contract.only(*job.operations) if job.operations else contract
        with self._connected() as target:
            document, now = job.place.world.document(), time.time_ns() // 1_000_000
            world = self._with_secrets(openapi.read_world(document, contract, now, os.environ))
            session = open_session(contract, world, target, job.plan, deadline=deadline, watch=self._watch)
            self._record = session.record
            then = replace(openapi.read_world(document, contract, job.now, os.environ), secrets=world.secrets)
            try:
                target.check()
                if job.reset:
                    session.restart()
            except RunEnded:
                pass
            except Unreachable as error:
                session.record.gone = str(error)
            else:
                self._fuzz(session, Stream(contract, then, job.plan.seed))
        self._end()

    def fail(self, why: str) -> None:
        """Says why the shard could not go on."""
        self._send(FAILED, self._record, printable(why, self._secrets))

    def _fuzz(self, session: Session, stream: Stream) -> None:
        job = self._job
        store = _Shared(self, job, session, self._inbox)
        races = job.plan.races != 0
        fuzz_shard(session, stream, job.shard, store, job.start, job.end, races=races, seed=job.plan.seed)

    @contextmanager
    def _connected(self) -> Iterator[Target]:
        """The server of the shard. Raises LookupError for a variable that is not in the environment."""
        job, place, sending = self._job, self._job.place, self._job.sending
        headers = {name: self._filled(text) for name, text in place.headers}
        shown = {name: text if names(text) else shown_as(name) for name, text in place.headers}
        literal = {name: text for name, text in headers.items() if not names(dict(place.headers)[name])}
        self._secrets |= {text: shown[name] for name, text in literal.items() if len(text) >= SHORTEST_SECRET}
        with TemporaryDirectory() as folder:
            certificates = None
            if sending.certificates is not None:
                certificates = str(Path(folder, "ca.pem"))
                Path(certificates).write_bytes(sending.certificates)
            manners = Manners(
                rate=sending.rate,
                most_requests=job.most_requests,
                timeout=sending.timeout,
                retries=sending.retries,
                certificates=certificates,
                proxy=None if sending.proxy is None else self._filled(sending.proxy),
                headers=headers,
                shown=shown,
                reset=None if place.reset is None else self._filled(place.reset),
                connections=sending.connections,
            )
            yield Target(self._filled(place.target), manners)

    def _filled(self, text: str) -> str:
        value, found = filled(text, os.environ)
        self._secrets |= found
        return value

    def _with_secrets(self, world: openapi.World) -> openapi.World:
        self._secrets = {**world.secrets, **self._secrets}
        return replace(world, secrets=self._secrets)

    def moved(self, position: int) -> None:
        """The shard is about to send the input with this number."""
        self._position = position

    def tell(self, line: str) -> None:
        """Sends an entry of the corpus to the client."""
        if len(line) <= LONGEST_LINE:
            self._line.send(self._message(ENTRY, None, line))

    def _watch(self, record: Record) -> None:
        """Reports, if the last report is long enough ago."""
        started = time.monotonic()
        if started >= self._next:
            self._send(REPORT, record)
            self._next = started + max(REPORT_SECONDS, (time.monotonic() - started) / REPORT_SHARE)

    def _end(self) -> None:
        if not self._line.alive() and not self._inbox.stopped:
            self._send(LEFT, self._record)
        else:
            self._send(DONE, self._record)

    def _send(self, kind: str, record: Record | None, text: str = "") -> None:
        self._line.send(self._message(kind, record, text))

    def _message(self, kind: str, record: Record | None, text: str) -> Message:
        job = self._job
        message = Message(kind, job.shard.number, job.attempt, self._position, text=text)
        return message if record is None else replace(message, facts=facts_of(record), report=packed(record))


class _Shared:
    """The corpus of a run on a cluster: what this shard adds goes to the client, and by it to the other shards."""

    def __init__(self, shard: _Shard, job: Job, session: Session, inbox: Inbox) -> None:
        self._shard, self._job, self._session, self._inbox = shard, job, session, inbox
        self._names = Names(job.place.differences)
        self.position = _Position(shard.moved)

    @property
    def behaviours(self) -> Set[str]:
        """The behaviours that the corpus shows."""
        return self._job.behaviours

    def stored(self, has: Callable[[int], bool]) -> Iterator[Steps]:
        """The sequences of the corpus that belong to this shard. Raises ValueError."""
        return (self._read(line)[1] for line in self._job.entries)

    def arrived(self) -> Iterator[Steps]:
        """Sequences of other shards. What they show is known now. Raises ValueError."""
        for line in self._inbox.take():
            shows, steps = self._read(line)
            self._session.record.behaviours.update(shows)
            yield steps

    def add(self, sequence: Sequence) -> None:
        """Sends a sequence to the client."""
        self._shard.tell(entry_of(sequence, self._names.back).line())

    def _read(self, line: str) -> tuple[tuple[str, ...], Steps]:
        entry = read_entry(line, self._session.contract, self._session.record.secrets, self._names.there)
        return entry.shows, entry.steps


class _Position:
    def __init__(self, moved: Callable[[int], None]) -> None:
        self._moved = moved

    def write(self, number: int) -> None:
        """Notes the number of the input to continue with."""
        self._moved(min(number, 2**53))
