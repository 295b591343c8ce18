"""The HTTP server: an asyncio event loop in a thread, with a `Connection` for each client."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from mockserver.http.connection import Connection
from mockserver.http.request import Application
from mockserver.http.service import Service

new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
with suppress(ImportError):  # there is none for Windows, and not yet for every new Python
    import uvloop

    new_event_loop = uvloop.new_event_loop

BACKLOG = 1024
HANDSHAKE, GOODBYE = 10.0, 1.0
"""Seconds that TLS may take to begin, and to end: the mock stops only then, and an idle client may never confirm."""


class Server:
    """Serves an application from the moment it is made until `stop`."""

    def __init__(
        self, application: Application, listener: socket.socket, threads: int, tls: tuple[Path, Path] | None = None
    ) -> None:
        """Takes over the listener. `tls` is a certificate and its key, both PEM files.

        An application, or the `wsgi_app` of a Flask one, that has a method `reply(environ)` is asked there first, on the
        event loop; that says None to what would take longer than microseconds. Such requests run in `threads`.
        """
        self.host, self.port = listener.getsockname()[:2]
        self.scheme = "https" if tls else "http"
        self._loop = new_event_loop()
        self._service = Service(application, threads, self.scheme, (self.host, self.port), self._loop.call_soon)
        started: SimpleQueue[BaseException | None] = SimpleQueue()
        self._thread = Thread(target=self._run, args=(listener, _context(tls), started), name="mockserver", daemon=True)
        self._thread.start()
        if (error := started.get()) is not None:
            raise error

    @property
    def url(self) -> str:
        """The base URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def stop(self) -> None:
        """Accepts no more requests, and returns when all received ones are answered."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._finish)
        self._thread.join()

    def _run(self, listener: socket.socket, tls: ssl.SSLContext | None, started: SimpleQueue[BaseException | None]) -> None:
        loop = self._loop
        try:
            starting = loop.create_server(
                lambda: Connection(self._service, loop),
                sock=listener,
                backlog=BACKLOG,
                ssl=tls,
                ssl_handshake_timeout=HANDSHAKE if tls else None,
                ssl_shutdown_timeout=GOODBYE if tls else None,
            )
            self._listening = loop.run_until_complete(starting)
            self._tick()
        except BaseException as error:  # the thread that waits raises it
            listener.close()
            loop.close()
            started.put(error)
            return
        started.put(None)
        loop.run_forever()
        self._service.pool.shutdown()
        self._service.streams.shutdown()
        loop.close()

    def _tick(self) -> None:
        self._service.date = formatdate(usegmt=True)
        for connection in list(self._service.connections):
            connection.tick()
        self._loop.call_later(1, self._tick)

    def _finish(self) -> None:
        self._listening.close()
        self._service.finish(self._loop.stop)


def _context(tls: tuple[Path, Path] | None) -> ssl.SSLContext | None:
    if tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(*tls)
    context.set_alpn_protocols(["http/1.1"])
    return context


def listen(host: str, port: int) -> socket.socket:
    """One socket, of IPv4 where a name has both, so that port 0 is one port. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two servers have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
