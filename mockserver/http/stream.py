"""Replies whose body goes on: parts are asked for one after the other, and sent until there are no more."""

from __future__ import annotations

import asyncio
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import Executor
from time import perf_counter, sleep
from typing import Protocol

PAUSE, MORE = 0.1, 0.01
"""Seconds before a stream is asked again: after it had nothing, and after it had something."""
SHARE = 4
"""A stream pauses so many times as long as its last part took: the mock has other things to do."""
PATIENCE = 30
"""Seconds that a client may leave what was sent unread."""


class Stream(ABC):
    """The body of a reply that goes on. As an iterable it serves any WSGI server, which it keeps a thread of."""

    @abstractmethod
    def more(self) -> bytes | None:
        """What there is to send now, maybe nothing; None at the end. It is asked again only when that has been sent.

        Called in a thread, never by two at once.
        """

    @abstractmethod
    def close(self) -> None:
        """Called once, when nobody wants more."""

    def __iter__(self) -> Iterator[bytes]:
        while (part := self.more()) is not None:
            yield part
            sleep(MORE if part else PAUSE)


class Streams(Protocol):
    """What all connections share."""

    @property
    def streams(self) -> Executor:
        """Where streams are asked: one thread for all, so that many streams do not take the threads of other requests."""

    def joined(self, connection: StreamConnection) -> None:
        """Adds a connection."""

    def left(self, connection: StreamConnection) -> None:
        """Removes it."""


class StreamConnection(asyncio.Protocol):
    """Takes over a connection after the head of its last reply, and sends a stream.

    It asks for a part when the client has read the last one, so a slow client holds one part in memory; one that reads nothing
    for PATIENCE is dropped. What the client sends is not read any more, only that it leaves.
    """

    def __init__(
        self, service: Streams, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, stream: Stream, chunked: bool
    ) -> None:
        """`chunked` is for HTTP/1.1, whose clients then see a part when it comes, and whether the stream came to its end."""
        self.service, self.loop, self.transport, self.stream, self.chunked = service, loop, transport, stream, chunked
        self.asked = self.blocked = self.gone = False  # a part is awaited; the client does not read; the client has left
        self.timer: asyncio.TimerHandle | None = None
        self.age = 0  # seconds since the client last read

    def begin(self) -> None:
        """Takes over the transport."""
        self.transport.set_protocol(self)
        self.service.joined(self)
        self.transport.resume_reading()
        self._ask()

    def _ask(self) -> None:
        self.timer = None
        if not (self.asked or self.blocked or self.gone):
            self.asked = True
            self.loop.run_in_executor(self.service.streams, self._timed).add_done_callback(self._send)

    def _timed(self) -> tuple[bytes | None, float]:
        """The next part, and the seconds that it took."""
        started = perf_counter()
        try:
            return self.stream.more(), perf_counter() - started
        except Exception:
            traceback.print_exc()
            return None, 0.0

    def _send(self, done: asyncio.Future[tuple[bytes | None, float]]) -> None:
        self.asked = False
        part, seconds = done.result()
        if self.gone:
            self.stream.close()
        elif part is None:
            self._write(b"")
            self.transport.close()
        else:
            if part:
                self._write(part)  # which may call pause_writing
            self.timer = self.loop.call_later(max(MORE if part else PAUSE, SHARE * seconds), self._ask)

    def _write(self, part: bytes) -> None:
        """Sends a part; an empty one is the end."""
        self.transport.write(b"%x\r\n%b\r\n" % (len(part), part) if self.chunked else part)

    def tick(self) -> None:
        """Called once a second."""
        self.age += self.blocked
        if self.age > PATIENCE:
            self.transport.abort()

    def finish(self) -> None:
        """Ends the stream."""
        if self.blocked:
            self.transport.abort()
        else:
            self._write(b"")
            self.transport.close()

    def pause_writing(self) -> None:
        self.blocked, self.age = True, 0

    def resume_writing(self) -> None:
        self.blocked, self.age = False, 0
        if self.timer is None:
            self._ask()

    def eof_received(self) -> bool:
        return False  # which closes the connection

    def connection_lost(self, error: Exception | None) -> None:
        self.gone = True
        if self.timer is not None:
            self.timer.cancel()
        if not self.asked:  # else it is closed when its part has come
            self.stream.close()
        self.service.left(self)
