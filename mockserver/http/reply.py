"""HTTP replies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from http import HTTPStatus
from typing import Any, NamedTuple

from mockserver.http.request import Application, Environ
from mockserver.http.stream import Stream

JSON, PROBLEM, HTML = "application/json; charset=utf-8", "application/problem+json", "text/html; charset=utf-8"

LENGTH = "Content-Length"
BODILESS = (204, 304)
"""Statuses of replies that have no body."""

Headers = list[tuple[str, str]]


class Reply(NamedTuple):
    """A reply, and the transport faults that apply to it."""

    status: str
    """The code and its phrase."""
    headers: Headers
    body: bytes
    delay: float = 0.0
    """Seconds to wait before."""
    dropped: bool = False
    """Whether the connection is closed instead."""
    head: str = ""
    """The serialized status line and headers, if they were prepared."""
    stream: Stream | None = None
    """What the body goes on with; the connection ends after it."""


STATUS_LINES = {each.value: f"{each.value} {each.phrase}" for each in HTTPStatus}


_json = json.JSONEncoder(ensure_ascii=False).encode


class ConnectionDropped(ConnectionError):
    """A fault closed the connection."""


class Dropped:
    """A body that never comes: the server closes the connection when it asks for it, mostly before it sent the headers."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        raise ConnectionDropped("a fault drops this connection")

    def close(self) -> None:
        """Nothing is held."""


def head_of(status: str, headers: Headers) -> str:
    """The beginning of a reply in HTTP/1.1; empty where a line break in it would be the end of a header."""
    head = f"HTTP/1.1 {status}\r\n" + "".join([f"{name}: {value}\r\n" for name, value in headers])
    return head if head.count("\n") == len(headers) + 1 else ""


def status_line(status: int) -> str:
    """A status with its phrase."""
    return STATUS_LINES.get(status) or f"{status} Unknown"


def encoded(body: Any) -> bytes:
    """A body as JSON. A lone surrogate, which no encoding has, becomes a question mark."""
    return _json(body).encode("utf-8", "replace")


def problem(status: int, detail: str) -> Reply:
    """A problem document (RFC 9457)."""
    title = status_line(status).partition(" ")[2]
    body = encoded({"type": "about:blank", "title": title, "status": status, "detail": detail})
    return Reply(status_line(status), [("Content-Type", PROBLEM), (LENGTH, str(len(body)))], body)


def page(status: int) -> Reply:
    """An HTML error page like that of a proxy."""
    title = escape(status_line(status))
    text = f"<html>\n<head><title>{title}</title></head>\n<body><center><h1>{title}</h1></center></body>\n</html>\n"
    body = text.encode()
    return Reply(status_line(status), [("Content-Type", HTML), (LENGTH, str(len(body)))], body)


def called(application: Application, environ: Environ) -> Reply:
    """The reply of a WSGI application: the whole of it, unless its body is a stream."""
    said: list[tuple[str, Headers]] = []
    parts = application(environ, lambda status, headers, exc_info=None: said.append((status, headers)))
    if isinstance(parts, Stream):
        return Reply(*said[-1], b"", stream=parts)
    try:
        body = b"".join(parts)
    finally:
        if (close := getattr(parts, "close", None)) is not None:
            close()
    status, headers = said[-1]
    if int(status[:3]) not in BODILESS and all(name.lower() != "content-length" for name, _ in headers):
        headers = [*headers, (LENGTH, str(len(body)))]
    return Reply(status, headers, body)
