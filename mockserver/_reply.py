"""Replies as they go over the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from http import HTTPStatus
from typing import Any

import openapi
from mockserver._journal import Entry

JSON, PROBLEM, HTML = "application/json; charset=utf-8", "application/problem+json", "text/html; charset=utf-8"

Headers = list[tuple[str, str]]
Wire = tuple[str, Headers, bytes]
"""The status line, the headers and the body."""

STATUS_LINES = {each.value: f"{each.value} {each.phrase}" for each in HTTPStatus}


class ConnectionDropped(ConnectionError):
    """A fault closed the connection."""


class Dropped:
    """A body that never comes: the server closes the connection when it asks for it."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        raise ConnectionDropped("a fault drops this connection")

    def close(self) -> None:
        """Nothing is held."""


def status_line(status: int) -> str:
    """A status with its phrase."""
    return STATUS_LINES.get(status) or f"{status} Unknown"


def encoded(body: Any) -> bytes:
    """A body as JSON. A lone surrogate, which no encoding has, becomes a question mark."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def problem(status: int, detail: str) -> Wire:
    """A problem document (RFC 9457)."""
    title = status_line(status).partition(" ")[2]
    body = encoded({"type": "about:blank", "title": title, "status": status, "detail": detail})
    return status_line(status), [("Content-Type", PROBLEM), ("Content-Length", str(len(body)))], body


def page(status: int) -> Wire:
    """An error page such as a proxy gives."""
    title = escape(status_line(status))
    text = f"<html>\n<head><title>{title}</title></head>\n<body><center><h1>{title}</h1></center></body>\n</html>\n"
    body = text.encode()
    return status_line(status), [("Content-Type", HTML), ("Content-Length", str(len(body)))], body


class Replies:
    """Writes the replies of one contract. Those without data never differ, and are written once."""

    def __init__(self, contract: openapi.Contract) -> None:
        self.envelope = contract.envelope
        self._constant: dict[tuple[int, str], Wire] = {}

    def of(self, entry: Entry) -> Wire:
        """The reply that an entry tells of."""
        if entry.fault is not None or entry.decision is None:
            return self._special(entry)
        rule, language = entry.decision.rule, entry.call.language
        if rule.data is not None:
            return _wire(rule, encoded(self._body(entry)))
        key = id(rule), language
        wire = self._constant.get(key)
        if wire is None:
            wire = self._constant[key] = _wire(rule, encoded(self._body(entry)))
        return wire

    def _body(self, entry: Entry) -> Any:
        if entry.body is not None or entry.rule is None:
            return entry.body
        data = entry.decision.data if entry.decision else None
        return self.envelope.body(entry.rule.code, entry.rule.message(entry.call.language), data)

    def _special(self, entry: Entry) -> Wire:
        fault, rule = entry.fault, entry.rule
        if fault is not None and fault.page is not None:
            return page(fault.page)
        if rule is None or fault is None:
            return problem(entry.status or 500, str((entry.body or {}).get("detail", "")))
        return _wire(rule, fault.spoilt(self._body(entry)))


def _wire(rule: openapi.Rule, body: bytes) -> Wire:
    headers = [("Content-Type", JSON), ("Mock-Outcome", rule.outcome), ("Content-Length", str(len(body)))]
    return status_line(rule.status), headers, body
