"""The progress of a test run: a live line on a terminal, a plain line every 30 s elsewhere."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from contracts.judge.oracle import VIOLATION
from contracts.judge.record import Record

LIVE_SECONDS, PLAIN_SECONDS = 0.2, 30.0
"""Between two lines."""


class Progress:
    """Watches a record. It holds counts alone, so that no secret can be in it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self._pause = LIVE_SECONDS if self._live else PLAIN_SECONDS
        self._next = self._pause
        self._before = deque([(0.0, 0)], maxlen=20)
        self._behaviours, self._latest = 0, 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, record: Record) -> None:
        """Says where a record stands, if it is time to."""
        if len(record.behaviours) > self._behaviours:
            self._behaviours, self._latest = len(record.behaviours), record.seconds
        if record.seconds < self._next:
            return
        self._next = record.seconds + self._pause
        text = self._text(record)
        self._before.append((record.seconds, record.requests))
        if self._live:
            self._live.update(Text(text), refresh=True)
        else:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _text(self, record: Record) -> str:
        seconds, requests = self._before[0]
        rate = (record.requests - requests) / max(record.seconds - seconds, 0.001)
        violations = len(record.found(VIOLATION))
        return (
            f"{record.seconds:.0f} s: {record.requests} requests, {rate:.0f}/s, "
            f"{record.answered()} of {len(record.outcomes)} outcomes seen, {len(record.behaviours)} behaviours "
            f"(the last new one {record.seconds - self._latest:.0f} s ago), {violations} violations"
        )
