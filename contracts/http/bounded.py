"""Connections with a time limit and a size limit for the whole reply.

A server that sends one byte now and then never exceeds a timeout between two bytes, and endless interim replies, headers or
trailers never exceed a limit on the body. So time and bytes are counted where data are received.
"""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

LARGEST_REPLY = 16 * 1024 * 1024
"""The most bytes of a reply body; a longer one counts as no reply."""
LARGEST_REST = 1024 * 1024
"""The most bytes of everything else: interim replies, headers, chunk framing, trailers."""


class TooLarge(OSError):
    """A reply is longer than the limit."""


class _Raw(io.RawIOBase):
    """The bytes that a socket receives. Raises TimeoutError after the timeout of the socket, TooLarge above the limit."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._stream = sock, sock.makefile("rb", buffering=0)
        timeout = sock.gettimeout()
        self._end = None if timeout is None else time.monotonic() + timeout
        self._left = LARGEST_REPLY + LARGEST_REST

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._end is not None:
            remaining = self._end - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("the reply takes too long")
            self._sock.settimeout(remaining)
        count: int | None = self._stream.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise TooLarge("the reply is too large")
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Bounded:
    """The part of a socket that `http.client` uses."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self._sock))


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(_Bounded(sock), *arguments, **options)  # type: ignore[arg-type]


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def bounded(manager: urllib3.PoolManager) -> urllib3.PoolManager:
    """Makes the connections of a pool manager limit the time and size of replies; returns the manager."""
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return manager
