"""Cases per second of our suite and of `schemathesis run` against the local mock, with a profile of our suite.

Processor time is measured for a few functions of the suite: each is wrapped in a timer that stops while an inner one runs. The
rest of the elapsed time is waiting for the server or for other processes.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread
from typing import Any
from unittest.mock import patch

import click

from bench.catches import CONTRACT, ROOT, WORLD, schemathesis, suite
from contracts import Oracle, Plan, Record, Target
from contracts.run.session import Journal
from contracts.sequence.sequence import Sequence

SEAMS: tuple[tuple[type, str, str], ...] = (
    (Target, "send", "HTTP client"),
    (Oracle, "judge", "judging"),
    (Record, "count", "recording"),
    (Sequence, "note", "recording"),
    (Journal, "note", "recording"),
)
REST = "generating, and deciding what to send"
WAITING = "waiting for the server"


class Shares:
    """Seconds by name; if timers are nested, only the innermost one counts."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._started, self._running, self._since = time.perf_counter(), [REST], time.thread_time()

    def _switch(self) -> None:
        now = time.thread_time()
        self.seconds[self._running[-1]] += now - self._since  # type: ignore[assignment]
        self._since = now

    def timed(self, function: Any, name: str) -> Any:
        """Wraps a function so that its time is counted under a name."""

        def call(*arguments: Any, **options: Any) -> Any:
            self._switch()
            self._running.append(name)
            try:
                return function(*arguments, **options)
            finally:
                self._switch()
                self._running.pop()

        return call

    def stop(self) -> None:
        """Adds the time that is not counted yet, and computes the waiting time."""
        self._switch()
        self.seconds[WAITING] = time.perf_counter() - self._started - sum(self.seconds.values())  # type: ignore[assignment]


@contextmanager
def mock() -> Iterator[str]:
    """Serves the demo world in a separate process; yields the base URL."""
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--quiet", "--world", str(WORLD)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            base = process.stdout.readline().split()[-1]
            Thread(target=process.stdout.read, daemon=True).start()  # a full pipe would block the mock
            yield base
        finally:
            process.terminate()


def verified() -> float:
    """The duration of a whole `contracts verify` with its start, seconds."""
    with mock() as base:
        started = time.monotonic()
        command = [sys.executable, "-m", "contracts", "verify", "--target", base, "--world", str(WORLD)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        return time.monotonic() - started


def profiled() -> Counter[str]:
    """Seconds in each measured function, for the aimed lane and walks with one worker."""
    shares = Shares()
    with mock() as base, ExitStack() as stack:
        for owner, name, label in SEAMS:
            stack.enter_context(patch.object(owner, name, shares.timed(getattr(owner, name), label)))
        suite(base, CONTRACT, Plan(breadth=False))
        shares.stop()
    return shares.seconds


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Each measures all; medians are shown.")
def cases(rounds: int) -> None:
    """Compares cases per second of the suite and of Schemathesis on the same mock, with a profile of the suite."""
    ours, theirs, whole = [], [], []
    seconds: Counter[str] = Counter()
    for _ in range(rounds):
        with mock() as base:
            record = suite(base, CONTRACT, Plan(breadth=False))
            ours.append(record.requests / record.seconds)
        with mock() as base:
            plain = schemathesis(base, CONTRACT, seed=0, limit=None)
            theirs.append(plain.cases / plain.seconds)
        whole.append(verified())
        seconds.update(profiled())
    ratios = sorted(one / other for one, other in zip(ours, theirs, strict=True))
    middle = rounds // 2
    click.echo(
        f"contracts, aim and walks: {sorted(ours)[middle]:.0f} cases/s; schemathesis run: {sorted(theirs)[middle]:.0f} cases/s"
    )
    click.echo(f"ratio {ratios[middle]:.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f}), one worker each, {rounds} rounds")
    click.echo(f"contracts verify, all lanes and its start included: {sorted(whole)[middle]:.1f} s")
    total = sum(seconds.values())
    for name, spent in seconds.most_common():
        click.echo(f"  {spent / total:6.1%} {name}")
