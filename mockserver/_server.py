"""The WSGI server: granian's worker in this process, on a socket that is ours.

granian's own command starts worker processes; a mock keeps its state in memory, so it wants one process, a socket that
may take any free port, and to finish what it began when it stops. The worker gives all of that, but it is not part of
granian's documented interface: the version is pinned, and this module is all that knows of it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from threading import Event
from typing import Any

from granian._futures import _new_cbscheduler
from granian._granian import SocketHolder, WorkerSignal, WSGIWorker

from mockserver._operations import Application
from mockserver._reply import Dropped

BACKLOG = 1024
QUEUED = 1024
"""Requests that may wait for a thread."""
IDLE = 30
"""Seconds after which a thread without work ends."""

_BASE = {
    "GATEWAY_INTERFACE": "CGI/1.1",
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": "mockserver",
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multiprocess": False,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.version": (1, 0),
}


class Server:
    """Serves an application from the moment it is made until `stop`, in threads of its own."""

    def __init__(
        self, application: Application, listener: socket.socket, threads: int, tls: tuple[Path, Path] | None = None
    ) -> None:
        """Takes the listener over. `tls` is a certificate and its key, both PEM files."""
        logging.getLogger("_granian").setLevel(logging.CRITICAL + 1)  # a dropped connection is no error here
        self.host, self.port = listener.getsockname()[:2]
        self.scheme = "https" if tls else "http"
        self._stopped, self._signal = Event(), WorkerSignal()
        self._signal.add_cb(self._stopped.set)
        certificate, key = map(str, tls) if tls else (None, None)
        holder = SocketHolder(os.dup(listener.fileno()) if os.name == "posix" else listener.detach(), False, BACKLOG)
        listener.close()
        tls_options: tuple[Any, ...] = (tls is not None, certificate, key, None, "tls1.2", None, [], False)
        worker = WSGIWorker(
            1, (None, holder), None, 1, 512, threads, IDLE, QUEUED, "auto", None, None, None, *tls_options, (None, None)
        )
        self._loop = asyncio.new_event_loop()
        worker.serve_mtr(_new_cbscheduler(self._loop, _runner(application), impl_asyncio=True), self._loop, self._signal)

    @property
    def url(self) -> str:
        """The base URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def stop(self) -> None:
        """Takes no more requests, and returns when those that came are answered."""
        self._signal.set()
        self._stopped.wait()
        self._loop.close()


class _Reply:
    """What the application says with `start_response`."""

    __slots__ = ("headers", "status")

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        self.status, self.headers = int(status[:3]), headers


def _runner(application: Application) -> Any:
    def run(protocol: Any, scope: dict[str, Any]) -> int:
        reply = _Reply()
        body = application(_BASE | scope, reply)
        if isinstance(body, Dropped):
            protocol.response_iter(reply.status, reply.headers, body)
        else:  # in one piece: pieces cost granian 30 ms
            protocol.response_bytes(reply.status, reply.headers, _joined(body))
        return reply.status

    return run


def _joined(body: Iterable[bytes]) -> bytes:
    try:
        return b"".join(body)
    finally:
        if (close := getattr(body, "close", None)) is not None:
            close()


def listen(host: str, port: int) -> socket.socket:
    """One socket, of IPv4 where a name has both, so that port 0 is one port. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two servers have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a reply in two pieces waits 40 ms for the second
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
