"""What all connections share: the application, its threads, and the replies that are sent together."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Protocol

from mockserver.http.reply import Reply, called, problem
from mockserver.http.request import Application, Environ

MOST_REPLIES, LARGE = 64, 64 * 1024
"""Replies that wait for the end of a turn; bytes of one that does not wait."""


class Served(Protocol):
    """One of the connections."""

    def tick(self) -> None:
        """Called once a second."""

    def finish(self) -> None:
        """Closes it after the pending replies."""


class Service:
    """What all connections share: the application and its threads."""

    def __init__(
        self,
        application: Application,
        threads: int,
        scheme: str,
        address: tuple[str, int],
        soon: Callable[[Callable[[], None]], object],
    ) -> None:
        """`soon` schedules a call in the event loop."""
        self.soon = soon
        self.application = getattr(application, "wsgi_app", application)
        self.at_once: Callable[[Environ], Reply | None] = getattr(self.application, "reply", lambda environ: None)
        self.pool = ThreadPoolExecutor(threads, "mockserver")
        self.streams = ThreadPoolExecutor(1, "mockserver-streams")
        self.connections: set[Served] = set()
        self.stored = 0
        """Bytes of the bodies that are not answered yet."""
        self.crowded = float("-inf")
        """When the last report said that there are too many connections."""
        self.outbox: list[tuple[asyncio.Transport, bytes, bool]] = []
        self.date = ""
        """The time in the format of the Date header."""
        self.finished: Callable[[], None] | None = None
        self._base = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": address[0],
            "SERVER_PORT": str(address[1]),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.errors": sys.stderr,
            "wsgi.multiprocess": False,
            "wsgi.multithread": True,
            "wsgi.run_once": False,
            "wsgi.url_scheme": scheme,
            "wsgi.version": (1, 0),
        }

    def reply(self, environ: Environ) -> Reply | None:
        """The reply, if it takes only microseconds; else None."""
        try:
            return self.at_once(environ)
        except Exception:
            return _failed()

    def reply_later(self, environ: Environ) -> Reply:
        """The reply, in a thread."""
        try:
            return called(self.application, {"wsgi.input": BytesIO(), **self._base, **environ})
        except Exception:
            return _failed()

    def send(self, transport: asyncio.Transport, data: bytes, last: bool = False) -> None:
        """Collects the replies of one turn of the event loop and sends them together, so that a local client wakes only once."""
        if not self.outbox:
            self.soon(self.flush)
        self.outbox.append((transport, data, last))
        if len(self.outbox) >= MOST_REPLIES or len(data) > LARGE:
            self.flush()

    def flush(self) -> None:
        """Sends the collected replies."""
        outbox, self.outbox = self.outbox, []
        for transport, data, last in outbox:
            transport.write(data)
            if last:
                transport.close()

    def finish(self, finished: Callable[[], None]) -> None:
        """Answers the requests that were received, those with a delay at once, then confirms it."""
        self.flush()
        self.finished = finished
        for connection in list(self.connections):
            connection.finish()
        self.left()

    def joined(self, connection: Served) -> None:
        """Adds a connection."""
        self.connections.add(connection)

    def left(self, connection: Served | None = None) -> None:
        """Removes a connection."""
        self.connections.discard(connection)
        if self.finished is not None and not self.connections:
            self.finished()


def _failed() -> Reply:
    traceback.print_exc()
    return problem(500, "this server failed; its standard error says how")
