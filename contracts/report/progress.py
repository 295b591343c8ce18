"""The progress of a test run: on a terminal one line that is updated, elsewhere a new line every 30 seconds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from contracts.judge.record import Record
from contracts.judge.verdict import VIOLATION

LIVE_SECONDS, PLAIN_SECONDS = 0.2, 30.0
"""Seconds between two updates, on a terminal and elsewhere."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the line of progress says of a test run."""

    seconds: float
    requests: int
    planned: int
    """About how many requests there will be; 0 where it is not known."""
    answered: int
    """How many documented outcomes the server has given."""
    outcomes: int
    """How many documented outcomes there are."""
    behaviours: int
    violations: int
    more: str = ""
    """The end of the line."""


class Progress:
    """Prints the progress of a record. It prints only counts, so it cannot print a secret."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self._interval = LIVE_SECONDS if self._live else PLAIN_SECONDS
        self._next_update = self._interval
        self._samples = deque([(0.0, 0)], maxlen=20)
        self._behaviours, self._last_new = 0, 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, record: Record) -> None:
        """Prints the progress if the last update is long enough ago."""
        behaviours = len(record.behaviours)
        if self.due(record.seconds, behaviours):
            self.show(
                Counts(
                    record.seconds,
                    record.requests,
                    record.planned,
                    record.answered(),
                    len(record.outcomes),
                    behaviours,
                    len(record.found(VIOLATION)),
                )
            )

    def due(self, seconds: float, behaviours: int) -> bool:
        """Whether the last update is long enough ago. Notes when the number of behaviours has grown."""
        if behaviours > self._behaviours:
            self._behaviours, self._last_new = behaviours, seconds
        return seconds >= self._next_update

    def show(self, counts: Counts) -> None:
        """Prints the progress."""
        self._next_update = counts.seconds + self._interval
        text = self._text(counts)
        self._samples.append((counts.seconds, counts.requests))
        if self._live:
            self._live.update(Text(text), refresh=True)
        else:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _rate(self, counts: Counts) -> float:
        """The requests per second of the latest updates."""
        seconds, requests = self._samples[0]
        return (counts.requests - requests) / max(counts.seconds - seconds, 0.001)

    def _text(self, counts: Counts) -> str:
        rate, left = self._rate(counts), counts.planned - counts.requests
        of = f" of about {counts.planned}, {left / max(rate, 0.1):.0f} s left" if left > 0 else ""
        return (
            f"{counts.seconds:.0f} s: {counts.requests} requests{of}, {rate:.0f}/s, "
            f"{counts.answered} of {counts.outcomes} outcomes seen, {counts.behaviours} behaviours "
            f"(the last new one {counts.seconds - self._last_new:.0f} s ago), {counts.violations} violations{counts.more}"
        )
