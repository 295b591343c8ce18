"""The progress of a test run: on a terminal one line that is updated, elsewhere a new line every 30 seconds."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from contracts.judge.record import Record
from contracts.judge.verdict import VIOLATION

LIVE_SECONDS, PLAIN_SECONDS = 0.2, 30.0
"""Seconds between two updates, on a terminal and elsewhere."""


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
        if len(record.behaviours) > self._behaviours:
            self._behaviours, self._last_new = len(record.behaviours), record.seconds
        if record.seconds < self._next_update:
            return
        self._next_update = record.seconds + self._interval
        text = self._text(record)
        self._samples.append((record.seconds, record.requests))
        if self._live:
            self._live.update(Text(text), refresh=True)
        else:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _rate(self, record: Record) -> float:
        """The requests per second of the latest updates."""
        seconds, requests = self._samples[0]
        return (record.requests - requests) / max(record.seconds - seconds, 0.001)

    def _text(self, record: Record) -> str:
        rate = self._rate(record)
        violations = len(record.found(VIOLATION))
        left = record.planned - record.requests
        of = f" of about {record.planned}, {left / max(rate, 0.1):.0f} s left" if left > 0 else ""
        return (
            f"{record.seconds:.0f} s: {record.requests} requests{of}, {rate:.0f}/s, "
            f"{record.answered()} of {len(record.outcomes)} outcomes seen, {len(record.behaviours)} behaviours "
            f"(the last new one {record.seconds - self._last_new:.0f} s ago), {violations} violations"
        )
