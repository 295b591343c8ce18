"""Watches traffic: judges each exchange in a thread beside the proxy, when it is clear what was handled before it."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

from contracts.judge.record import Record
from contracts.traffic.exchange import Exchange
from contracts.traffic.groups import Groups
from contracts.traffic.judge import Traffic
from contracts.traffic.proxy import Proxy
from contracts.traffic.recording import Recording

LONGEST_GROUP = 200
"""Exchanges that overlap; a longer chain is judged in parts, and then accuses nobody of what the order may explain."""
SAVE_SECONDS = 10.0
"""Seconds between two times at which a recording is written."""

Event = tuple[Exchange, int | None] | None


class Watcher:
    """Judges the exchanges that a proxy sees, in a thread of its own."""

    def __init__(self, traffic: Traffic, recording: Recording | None, watch: Callable[[Record], None]) -> None:
        """`watch` gets the record after each group of exchanges."""
        self._traffic, self._recording, self._watch = traffic, recording, watch
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._groups, self._judged_until = Groups[Exchange](), 0
        self._started = self._saved = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="judge", daemon=True)
        self.failure: Exception | None = None
        """What ended the judgement before its time."""

    def start(self) -> None:
        """Begins to judge."""
        self._thread.start()

    def seen(self, exchange: Exchange, earliest: int | None) -> None:
        """Takes an exchange that is over. Of those that are not, the earliest was sent at that time, epoch ms."""
        self._events.put((exchange, earliest))

    def finish(self) -> None:
        """Judges what is left, and writes the recording. Raises OSError where it cannot be written."""
        self._events.put(None)
        self._thread.join()
        if self.failure is not None:
            raise self.failure
        if self._recording is not None:
            self._recording.write()

    def _run(self) -> None:
        try:
            while (event := self._events.get()) is not None:
                exchange, earliest = event
                if self._groups.over(min(exchange.sent, earliest or exchange.sent)):
                    self._judge()
                self._groups.add(exchange)
                if self._groups.over(earliest) or len(self._groups) >= LONGEST_GROUP:
                    self._judge()
            if len(self._groups):
                self._judge()
        except Exception as error:
            self.failure = error

    def _judge(self) -> None:
        group = self._groups.take()
        late = any(each.sent <= self._judged_until for each in group)
        self._judged_until = max(each.received for each in group) if len(group) >= LONGEST_GROUP or late else self._judged_until
        self._traffic.judge(group, late=late)
        if self._recording is not None:
            self._recording.add(group)
            if time.monotonic() - self._saved > SAVE_SECONDS:
                with suppress(OSError):  # the last time says so
                    self._recording.write()
                self._saved = time.monotonic()
        self._traffic.record.seconds = time.monotonic() - self._started
        self._watch(self._traffic.record)


def watch(
    proxy: Proxy, watcher: Watcher, host: str, port: int, ready: Callable[[str], None], seconds: float | None = None
) -> None:
    """Forwards until SIGINT or SIGTERM, or for so many seconds; then judges what is left.

    Raises OSError where it cannot listen, or where the recording cannot be written.
    """
    asyncio.run(_watch(proxy, watcher, host, port, ready, seconds))
    watcher.finish()


async def _watch(
    proxy: Proxy, watcher: Watcher, host: str, port: int, ready: Callable[[str], None], seconds: float | None
) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    if threading.current_thread() is threading.main_thread():
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, stop.set)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    watcher.start()
    await proxy.serve(host, port, stop, ready, watcher.seen)
