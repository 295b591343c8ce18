"""HTTP requests and replies, and requests as curl commands."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote, urlencode

import openapi

Pairs = tuple[tuple[str, str], ...]
Change = Callable[[str], str]

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MOST_STRANGE = 0.1
"""The largest part of a text that may be control characters or not UTF-8."""
_UNPRINTABLE = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff\\ufeff]"
)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\r\n\0]*").fullmatch
_NAME = re.compile(r"\$\{\w+\}")
"""A reference to an environment variable, printed instead of a secret header value."""
_SPECIAL = re.compile(r"[\"\\`$!\n]")
"""Characters that are special to a shell inside double quotes."""
_PLACEHOLDER = "${}.+"
"""Characters of placeholders, which are not percent-encoded in a path, so that a placeholder stays readable."""


class _InvalidHeader(ValueError):
    pass


@dataclass(frozen=True, slots=True)
class Request:
    """One request for an operation. `form` and `body` (JSON) are None where the request has none."""

    operation: str
    method: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    form: Pairs | None = None
    body: Any = field(default=None, hash=False)
    at_once: bool = False
    """In a sequence: whether it is sent at the same time as the request before it."""
    computed: tuple[str, ...] = ()
    """The parameters whose values are computed when it is sent."""

    def itself(self, template: str) -> dict[str, str]:
        """The request itself, of an operation with this path, as the contract names its parts."""
        query, content = urlencode(self.query, errors="replace"), self.content()[0] or b""
        return openapi.request_parts(self.path, template, query, content.decode(), self.method)

    def url(self, base: str) -> str:
        """The full URL for a base URL."""
        query = urlencode(self.query, errors="replace")
        return base.rstrip("/") + self.path + (f"?{query}" if query else "")

    def content(self) -> tuple[bytes | None, str]:
        """The encoded body and its media type; None and an empty text without a body."""
        if self.form is not None:
            return urlencode(self.form, errors="replace").encode(), FORM
        if self.body is not None:
            return json.dumps(self.body).encode(), JSON
        return None, ""

    @property
    def parts(self) -> int:
        """The number of parameters: query, headers, form fields and keys of a JSON body."""
        return len(self.query) + len(self.headers) + len(self.form or ()) + (len(self.body) if isinstance(self.body, dict) else 0)

    def size(self) -> tuple[int, int, str]:
        """A sort key: fewer parameters first, then shorter text. The smallest request of a failure is reported."""
        text = self.url("") + "".join(name + value for name, value in (*self.headers, *(self.form or ())))
        text += "" if self.body is None else json.dumps(self.body)
        return self.parts, len(text), text

    def map(self, change: Change) -> Request:
        """A copy with `change` applied to each text: path segments, names and values."""

        def pairs(each: Pairs) -> Pairs:
            return tuple((change(name), change(value)) for name, value in each)

        path = "/".join(quote(change(unquote(part)), safe=_PLACEHOLDER) for part in self.path.split("/"))
        form = None if self.form is None else pairs(self.form)
        return replace(
            self, path=path, query=pairs(self.query), headers=pairs(self.headers), form=form, body=_mapped(self.body, change)
        )

    def with_parameter(self, parameter: openapi.Parameter, value: Any) -> Request:
        """A copy with another value of a parameter, where it has one."""

        def pairs(found: Pairs, name: str) -> Pairs:
            return tuple((each, value if each.lower() == name.lower() else old) for each, old in found)

        if parameter.location == "header":
            return replace(self, headers=pairs(self.headers, parameter.wire_name))
        if parameter.location == "body":
            has_it = isinstance(self.body, dict) and parameter.wire_name in self.body
            return replace(self, body={**self.body, parameter.wire_name: value}) if has_it else self
        form = None if self.form is None else pairs(self.form, parameter.wire_name)
        return replace(self, query=pairs(self.query, parameter.wire_name), form=form)

    def without(self, kind: str, position: int) -> Request:
        """A copy without one pair of `query`, `headers` or `form`, or without one key of `body`; `kind` names the field."""
        given = getattr(self, kind)
        left: Any = tuple(each for at, each in enumerate(given.items() if kind == "body" else given) if at != position)
        changed: Any = dict(left) if kind == "body" else left
        return replace(self, **{kind: changed})

    def with_value(self, kind: str, position: int, value: str) -> Request:
        """A copy with another value in one pair of `query`, `headers` or `form`; `kind` names the field."""
        pairs = getattr(self, kind)
        changed: Any = (*pairs[:position], (pairs[position][0], value), *pairs[position + 1 :])
        return replace(self, **{kind: changed})

    def as_data(self) -> dict[str, Any]:
        """The request as plain data, which `request_from_data` reads."""
        data: dict[str, Any] = {"operation": self.operation, "method": self.method, "path": self.path}
        data |= {name: [list(pair) for pair in pairs] for name in ("query", "headers", "form") if (pairs := getattr(self, name))}
        data |= {"form": []} if self.form == () else {}
        data |= {"at_once": True} if self.at_once else {}
        data |= {"computed": list(self.computed)} if self.computed else {}
        return data if self.body is None else data | {"body": self.body}

    def curl(self, base: str, secrets: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """A curl command that sends this request with additional `headers`. Secrets are replaced by their `${NAME}`."""
        words = ["curl", "-sS", "-X", self.method, self.url(base)]
        shown = {each: each for value in headers.values() for each in _NAME.findall(value)}
        own = [_quoted(word, shown) for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
        rest = []
        for name, value in self.headers:
            rest += ["-H", f"{name}: {value}" if value.strip() else f"{name};"]
        for name, value in self.form or ():
            rest += ["--data-urlencode", f"{name}={value}"]
        if self.body is not None:
            rest += ["-H", f"Content-Type: {JSON}", "--data-raw", json.dumps(self.body, ensure_ascii=False)]
        return " ".join([_quoted(word, secrets) for word in words] + own + [_quoted(word, secrets) for word in rest])


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply. `sent` and `received` are epoch ms on the clock of this machine."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = b""
    sent: int = 0
    received: int = 0
    tries: int = 1
    """How often the request was sent until this reply came."""

    def text(self, limit: int = 2000) -> str:
        """The status and the first `limit` bytes of the body, as text for reports; of a body that is no text only its size."""
        text = self.body[:limit].decode("utf-8", "replace")
        strange = sum(each == "\ufffd" or (each < " " and each not in "\t\r\n") for each in text)
        if strange > MOST_STRANGE * len(text):
            text = f"({len(self.body)} bytes that are no text)"
        return f"HTTP {self.status} {text}"


def request_from_data(data: Mapping[str, Any]) -> Request:
    """Reads a request from the data that `Request.as_data` returned. Raises ValueError for other data."""
    try:
        pairs = {name: tuple((str(one), str(two)) for one, two in data.get(name, ())) for name in ("query", "headers")}
        form = tuple((str(one), str(two)) for one, two in data["form"]) if "form" in data else None
        if not all(_HEADER(f"{name}: {value}") for name, value in pairs["headers"]):
            raise _InvalidHeader
        at_once, body = data.get("at_once") is True, data.get("body")
        name, method, path = (str(data[each]) for each in ("operation", "method", "path"))
        computed = tuple(str(each) for each in data.get("computed", ()))
        return Request(name, method, path, pairs["query"], pairs["headers"], form, body, at_once, computed)
    except _InvalidHeader:
        raise ValueError("a header has a name of letters, digits and dashes, and a value on one line") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError("a request needs operation, method and path; query, headers and form are lists of pairs") from None


def mismatch(request: Request, operations: Mapping[str, openapi.Operation]) -> str | None:
    """Why a request does not match the operation that it names, as a sentence; None if it matches."""
    operation = operations.get(request.operation)
    if operation is None:
        return f"the contract has no operation {request.operation} ({openapi.nearest(request.operation, operations)})"
    values = openapi.path_template(operation.path).values(openapi.path_segments(request.path))
    if request.method != operation.method or values is None or not {".", ".."}.isdisjoint(values.values()):
        return f"{request.operation} is {operation.method} {operation.path}, not {request.method} {request.path}"
    return None


def redact(text: str, secrets: Mapping[str, str]) -> str:
    """The text with each secret value replaced by its `${NAME}`, also where it is URL-encoded or JSON-escaped."""
    return "".join(piece for piece, _ in _pieces(text, secrets))


def _pieces(text: str, secrets: Mapping[str, str]) -> list[tuple[str, bool]]:
    """The text in pieces; each has a flag, true for the `${NAME}` of a secret. The longest secrets are replaced first."""
    parts = [(text, False)]
    for value in sorted(filter(None, secrets), key=len, reverse=True):
        spellings = {value, quote(value, safe=""), quote(value, safe="/"), urlencode({"": value})[1:], json.dumps(value)[1:-1]}
        for spelling in spellings:
            if spelling in text:
                parts = [each for part in parts for each in (_split(part, spelling, secrets[value]))]
    return parts


def _split(part: tuple[str, bool], spelling: str, name: str) -> Iterator[tuple[str, bool]]:
    """The piece split at each occurrence of a secret, which is replaced by its `${NAME}`."""
    if part[1]:
        yield part
        return
    before, *others = part[0].split(spelling)
    yield before, False
    for each in others:
        yield from ((name, True), (each, False))


def printable(text: str, secrets: Mapping[str, str]) -> str:
    """The text for reports: secrets are redacted; control and bidirectional characters are escaped, as in `\\u001b`."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", redact(text, secrets))


def _mapped(value: Any, change: Change) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(name): _mapped(each, change) for name, each in value.items()}
    return [_mapped(each, change) for each in value] if isinstance(value, list) else value


def _quoted(word: str, secrets: Mapping[str, str]) -> str:
    """The word quoted for a shell, which expands only the `${NAME}` of secrets."""
    pieces = [piece for piece in _pieces(word, secrets) if piece[0]]
    if not any(secret for _, secret in pieces):
        return shlex.quote(word)
    if not any(_SPECIAL.search(text) for text, secret in pieces if not secret):
        return '"' + "".join(text for text, _ in pieces) + '"'
    return "".join(f'"{text}"' if secret else shlex.quote(text) for text, secret in pieces)


def request_for(operation: openapi.Operation, raw: Mapping[str, Any], *, as_form: bool = False) -> Request:
    """A request for an operation with these raw parameter values; `as_form` sends query parameters as form fields."""
    parts = operation.sent(raw)
    return Request(
        operation.name,
        operation.method,
        parts.path,
        query=() if as_form else parts.query,
        headers=parts.headers,
        form=parts.query if as_form else None,
        body=operation.json_body(parts.body),
        computed=tuple(name for name, value in raw.items() if value == openapi.COMPUTED),
    )
