"""Requests and replies as they go over the wire, and how they are shown without secrets."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import openapi

FORM_TYPE = "application/x-www-form-urlencoded"
MOST_BODY_SHOWN = 2000

Pairs = tuple[tuple[str, str], ...]


class UnsendableRequest(ValueError):
    """Values that HTTP cannot carry, such as a missing path parameter or a header with a line break."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to an operation. `path` is encoded, pairs are decoded text; `body` is used where there is no form."""

    operation: str
    method: str
    path: str
    query: Pairs = ()
    form: Pairs | None = None
    headers: Pairs = ()
    body: bytes | None = None

    @property
    def url(self) -> str:
        """Path and query string."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def content(self) -> bytes | None:
        """The bytes of the body."""
        return self.body if self.form is None else urlencode(self.form).encode("ascii")

    @property
    def all_headers(self) -> Pairs:
        """The headers, with the content type of the form."""
        return self.headers if self.form is None else (*self.headers, ("Content-Type", FORM_TYPE))

    @property
    def size(self) -> int:
        """How long it is to read; the shortest request of a failure is kept."""
        headers = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.url) + len(self.content or b"") + headers

    def described(self) -> dict[str, Any]:
        """The request as plain data."""
        form = None if self.form is None else [list(pair) for pair in self.form]
        body = None if self.body is None else self.body.decode("utf-8", "replace")
        pairs = {"query": [list(pair) for pair in self.query], "form": form, "headers": dict(self.headers), "body": body}
        return {"method": self.method, "path": self.path, **{key: value for key, value in pairs.items() if value}}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Where nothing did, `status` is 0 and `failure` says why."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    failure: str = ""

    def described(self) -> dict[str, Any]:
        """The reply as plain data; a long body is cut."""
        if self.failure:
            return {"failure": self.failure}
        text = self.body.decode("utf-8", "replace")
        shown = text if len(text) <= MOST_BODY_SHOWN else text[:MOST_BODY_SHOWN] + "…"
        return {"status": self.status, "headers": dict(self.headers), "body": shown}


class Secrets:
    """Values from the environment, shown as their `${NAME}` in whatever spelling they occur."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        names: dict[str, str] = {}
        for value, name in secrets.items():
            bare = re.sub(r"(?i)^bearer\s+", "", value)
            for text in (value, bare):
                spellings = (text, quote(text, safe=""), quote(text), quote_plus(text), json.dumps(text)[1:-1])
                names |= {spelling: name for spelling in (*spellings, repr(text)[1:-1]) if spelling}
        self._names = names
        longest_first = sorted(names, key=len, reverse=True)
        self._any = re.compile("|".join(map(re.escape, longest_first))) if names else None

    def hide(self, text: str) -> str:
        """The text with every secret replaced by its `${NAME}`."""
        return text if self._any is None else self._any.sub(lambda match: self._names[match[0]], text)

    def hide_in(self, value: Any) -> Any:
        """Plain data with every secret replaced, in keys and in values."""
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, Mapping):
            return {self.hide(str(key)): self.hide_in(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.hide_in(each) for each in value]
        return value

    def quote(self, text: str) -> str:
        """The text as one word of a shell, in which each secret is its variable and still expands."""
        if self._any is None:
            return shlex.quote(text)
        plain = self._any.split(text)
        hidden = [f'"{self._names[match]}"' for match in self._any.findall(text)]
        words = [shlex.quote(each) if each else "" for each in plain]
        return "".join(part for pair in zip(words, [*hidden, ""], strict=True) for part in pair) or "''"


def curl(request: Request, base: str, secrets: Secrets) -> str:
    """A command line that sends the request again."""
    words = ["curl", "-sS", "-X", request.method, secrets.quote(base.rstrip("/") + request.url)]
    for name, value in request.all_headers:
        words += ["-H", secrets.quote(f"{name}: {value}" if value else f"{name};")]
    if request.content is not None:
        words += ["--data-binary", secrets.quote(request.content.decode("utf-8", "replace"))]
    return " ".join(words)


def encode(operation: openapi.Operation, raw: Mapping[str, Any], *, form: bool = False, bearer: bool = False) -> Request:
    """The request with these raw values. `form` puts query parameters into a form body, `bearer` adds `Bearer `.

    Raises UnsendableRequest where a path parameter has no value.
    """
    parts: dict[str, list[tuple[str, Any]]] = {"query": [], "path": [], "header": [], "cookie": [], "body": []}
    for each in operation.parameters:
        if each.name in raw:
            prefix = "Bearer " if bearer and each.credential and each.wire_name.lower() == "authorization" else ""
            value = raw[each.name]
            parts[each.location].append((each.wire_name, f"{prefix}{value}" if prefix else value))
    headers = [(name.title(), str(value)) for name, value in parts["header"]]
    if parts["cookie"]:
        headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in parts["cookie"])))
    body = None
    if operation.accepts_json and (parts["body"] or not operation.accepts_form):
        body = json.dumps(dict(parts["body"]), ensure_ascii=False).encode()
        headers.append(("Content-Type", "application/json"))
    pairs = tuple((name, str(value)) for name, value in parts["query"])
    as_form = form and operation.accepts_form and body is None
    path = _filled(operation.path, parts["path"])
    query, fields = ((), pairs) if as_form else (pairs, None)
    return Request(operation.name, operation.method, path, query, fields, tuple(headers), body)


def _filled(path: str, values: Iterable[tuple[str, Any]]) -> str:
    for name, value in values:
        if not str(value):
            raise UnsendableRequest(f"{path} needs a value for {name}")
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    if "{" in path:
        raise UnsendableRequest(f"{path} has no value")
    return path
