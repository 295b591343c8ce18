"""Replies as they go over the wire."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from html import escape
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

import openapi
from mockserver._journal import Entry
from mockserver._request import Application, Environ

JSON, PROBLEM, HTML = "application/json; charset=utf-8", "application/problem+json", "text/html; charset=utf-8"

LENGTH = "Content-Length"
BODILESS = ("204", "304")
SAFE = "/:{} ?&=+,;@!$'()*[]~"

Headers = list[tuple[str, str]]


class Reply(NamedTuple):
    """A reply, and how it goes wrong on its way."""

    status: str
    """The code and its phrase."""
    headers: Headers
    body: bytes
    delay: float = 0.0
    """Seconds to wait before."""
    dropped: bool = False
    """Whether the connection closes instead."""
    head: str = ""
    """The status and headers as HTTP/1.1 has them, where somebody wrote them before."""


STATUS_LINES = {each.value: f"{each.value} {each.phrase}" for each in HTTPStatus}


_json = json.JSONEncoder(ensure_ascii=False).encode
_DATA = f"the data of {uuid4()}"


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
    """An error page such as a proxy gives."""
    title = escape(status_line(status))
    text = f"<html>\n<head><title>{title}</title></head>\n<body><center><h1>{title}</h1></center></body>\n</html>\n"
    body = text.encode()
    return Reply(status_line(status), [("Content-Type", HTML), (LENGTH, str(len(body)))], body)


def called(application: Application, environ: Environ) -> Reply:
    """What an application of WSGI replies, in one piece."""
    said: list[tuple[str, Headers]] = []
    parts = application(environ, lambda status, headers, exc_info=None: said.append((status, headers)))
    try:
        body = b"".join(parts)
    finally:
        if (close := getattr(parts, "close", None)) is not None:
            close()
    status, headers = said[-1]
    if status[:3] not in BODILESS and all(name.lower() != "content-length" for name, _ in headers):
        headers = [*headers, (LENGTH, str(len(body)))]
    return Reply(status, headers, body)


class Replies:
    """Writes the replies of one contract: for each row and language all but the data is written once."""

    def __init__(self, contract: openapi.Contract) -> None:
        self.contract = contract
        self._writers: dict[tuple[int, str], Callable[[Any], Reply]] = {}

    def of(self, entry: Entry) -> Reply:
        """The reply that an entry tells of."""
        decision, language = entry.decision, entry.call.language
        if (fault := entry.fault) is not None:
            reply = self._special(entry)
            return reply._replace(delay=fault.delay / 1000, dropped=fault.drop is not None)
        if decision is None:
            return self._special(entry)
        key = id(decision.rule), language
        write = self._writers.get(key)
        if write is None:
            write = self._writers[key] = self._writer(decision.rule, language)
        return write(decision.data)

    def _writer(self, rule: openapi.Rule, language: str) -> Callable[[Any], Reply]:
        def whole(data: Any) -> Reply:
            return _wire(rule, _written(rule, self.contract.body(rule, language, data)))

        blank, (status, headers, sample, *_) = whole(None), whole(_DATA)
        if rule.data is None:
            return lambda data: blank
        if sample.count(place := encoded(_DATA)) != 1 or headers[-1][0] != LENGTH:
            return whole
        (before, after), constant = sample.split(place), headers[:-1]
        head = head_of(status, [*constant, (LENGTH, "")]).removesuffix("\r\n")

        def around(data: Any) -> Reply:
            if data is None:
                return blank
            body = before + encoded(data) + after
            length = str(len(body))
            return Reply(status, [*constant, (LENGTH, length)], body, head=head and f"{head}{length}\r\n")

        return around

    def _special(self, entry: Entry) -> Reply:
        fault, rule = entry.fault, entry.rule
        if fault is not None and fault.page is not None:
            return page(fault.page)
        if rule is None or fault is None:
            return problem(entry.status or 500, str((entry.body or {}).get("detail", "")))
        body = entry.body
        if entry.decision is not None:
            body = self.contract.body(rule, entry.call.language, entry.decision.data)
        spoilt = fault.broken or fault.patch is not None
        return _wire(rule, fault.spoilt(body) if spoilt else _written(rule, body))


def _written(rule: openapi.Rule, body: Any) -> bytes:
    if rule.media is None or "json" in rule.media:
        return encoded(body)
    return b"" if body is None else str(body).encode("utf-8", "replace")


def _wire(rule: openapi.Rule, body: bytes) -> Reply:
    # A header is Latin-1, and an operationId may be anything.
    headers = [("Mock-Outcome", quote(rule.outcome, safe=SAFE))]
    if rule.media != "":
        headers.append(("Content-Type", rule.media or JSON))
    if rule.status not in (204, 304):
        headers.append((LENGTH, str(len(body))))
    return Reply(status_line(rule.status), headers, body)
