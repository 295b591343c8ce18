"""Requests and replies as they go over the wire, and requests as curl lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import openapi

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request for an operation. `form` is None where the request has no form."""

    operation: str
    method: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    form: Pairs | None = None
    body: Any = None

    def url(self, base: str) -> str:
        """The whole URL under a base URL."""
        query = urlencode(self.query, errors="replace")
        return base.rstrip("/") + self.path + (f"?{query}" if query else "")

    def size(self) -> int:
        """How much there is to read; the shortest of several failures is the one to show."""
        return len(self.url("")) + sum(len(name) + len(value) for name, value in (*self.headers, *(self.form or ())))

    def curl(self, base: str, secrets: Mapping[str, str]) -> str:
        """A line for a shell that sends this request; secrets stand as their `${NAME}`."""
        words = ["curl", "-sS", "-X", self.method, self.url(base)]
        for name, value in self.headers:
            words += ["-H", f"{name}: {value}"]
        for name, value in self.form or ():
            words += ["--data-urlencode", f"{name}={value}"]
        return " ".join(_quoted(redact(word, secrets)) for word in words)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply; `sent` and `received` are epoch ms by the examiner's clock."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = b""
    sent: int = 0
    received: int = 0

    def text(self, limit: int = 2000) -> str:
        """The status and the body, for a person."""
        return f"HTTP {self.status} {self.body[:limit].decode('utf-8', 'replace')}"


def redact(text: str, secrets: Mapping[str, str]) -> str:
    """A text with each secret value, also in its URL spelling, replaced by its `${NAME}`."""
    for value in sorted(secrets, key=len, reverse=True):
        text = text.replace(value, secrets[value]).replace(quote(value, safe=""), secrets[value])
    return text


def _quoted(word: str) -> str:
    # `${NAME}` must stay open to the shell, so words that hold one are in double quotes.
    if re.search(r"\$\{\w+\}", word):
        return '"' + re.sub(r'(["\\`]|\$(?!\{\w+\}))', r"\\\1", word) + '"'
    return shlex.quote(word)


def request_for(operation: openapi.Operation, raw: Mapping[str, Any], *, as_form: bool = False) -> Request:
    """The request that carries these raw values; `as_form` puts what belongs into the query into a form."""
    path = operation.path
    parts: dict[str, list[tuple[str, Any]]] = {"query": [], "header": [], "cookie": [], "body": []}
    for each in operation.parameters:
        if each.name in raw and each.location == "path":
            path = path.replace("{" + each.name + "}", quote(str(raw[each.name]), safe=""))
        elif each.name in raw:
            parts[each.location].append((each.wire_name, raw[each.name]))
    cookies = "; ".join(f"{name}={value}" for name, value in parts["cookie"])
    headers = tuple((name.title(), value) for name, value in parts["header"])
    query = tuple(parts["query"])
    return Request(
        operation.name,
        operation.method,
        path,
        query=() if as_form else query,
        headers=(*headers, ("Cookie", cookies)) if cookies else headers,
        form=query if as_form else None,
        body=dict(parts["body"]) if operation.accepts_json else None,
    )
