"""Requests as WSGI brings them, read no further than an operation asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import unquote_plus

import openapi

LARGEST_BODY, LARGEST_DOCUMENT = 1024 * 1024, 8 * 1024 * 1024
"""Bytes of a request for the contract, and of one for the control plane."""
FORM, JSON = "application/x-www-form-urlencoded", "application/json"

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]
"""An application of WSGI."""
Gather = Callable[[Environ, Mapping[str, str], str, str], dict[str, Any]]
"""(environ, values of the path, query, body) to the raw values of the parameters."""


class BodyTooLarge(ValueError):
    """A body beyond the bound."""


def decoded(text: str) -> str:
    """A text out of a WSGI environ, which holds bytes as if they were Latin-1."""
    return text if text.isascii() else text.encode("latin-1", "replace").decode("utf-8", "replace")


def read_body(environ: Environ) -> str:
    """The body of a request. Raises BodyTooLarge."""
    length = environ.get("CONTENT_LENGTH") or ""
    size = int(length) if length.isdecimal() else 0
    if size > LARGEST_BODY:
        raise BodyTooLarge
    body: bytes = environ["wsgi.input"].read(size) if size else b""
    return body.decode("utf-8", "replace")


def pairs(text: str) -> dict[str, str]:
    """The names and values of a query or a form; of several values of one name, the first."""
    if not text:
        return {}
    parts = [part.partition("=") for part in decoded(text).split("&")]
    if "%" in text or "+" in text:
        parts = [(unquote_plus(name), "", unquote_plus(value)) for name, _, value in parts]
    return {name: value for name, _, value in reversed(parts)}


def gatherer(operation: openapi.Operation) -> Gather:
    """The function that finds the raw values of an operation's parameters; what none of them is in is not looked at."""
    names: dict[str, list[tuple[str, str]]] = {}
    for each in operation.parameters:
        key = variable(each.wire_name) if each.location == "header" else each.wire_name
        names.setdefault(each.location, []).append((each.name, key))
    headers = _headers([key for _, key in names.get("header", ())])
    query = _query_and_form if operation.accepts_form else _query
    finders = {"query": query, "path": _path, "header": headers, "cookie": _cookies, "body": _properties}
    sources = [(finders[location], parameters) for location, parameters in names.items()]

    def gather(environ: Environ, path: Mapping[str, str], query: str, body: str) -> dict[str, Any]:
        raw: dict[str, Any] = {}
        for find, parameters in sources:
            found = find(environ, path, query, body)
            for name, key in parameters:
                value = found.get(key)
                if value is not None:
                    raw[name] = value
        return raw

    return gather


def variable(name: str) -> str:
    """The variable of a WSGI environ that has a header; empty for a name that could pass for another one."""
    if "_" in name:
        return ""
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def _query(environ: Environ, path: Mapping[str, str], query: str, body: str) -> Mapping[str, Any]:
    return pairs(query)


def _query_and_form(environ: Environ, path: Mapping[str, str], query: str, body: str) -> Mapping[str, Any]:
    """Where both have a name, the query wins."""
    return (pairs(body) if body and _media(environ) == FORM else {}) | pairs(query)


def _path(environ: Environ, path: Mapping[str, str], query: str, body: str) -> Mapping[str, Any]:
    return path


def _headers(keys: Iterable[str]) -> Callable[[Environ, Mapping[str, str], str, str], Mapping[str, Any]]:
    return lambda environ, path, query, body: {key: decoded(environ[key]) for key in keys if key in environ}


def _cookies(environ: Environ, path: Mapping[str, str], query: str, body: str) -> Mapping[str, Any]:
    try:
        return {name: each.value for name, each in SimpleCookie(environ.get("HTTP_COOKIE", "")).items()}
    except CookieError:
        return {}


def _properties(environ: Environ, path: Mapping[str, str], query: str, body: str) -> Mapping[str, Any]:
    """Of a body that is a JSON object."""
    media = _media(environ) if body else ""
    try:
        found = json.loads(body) if media == JSON or media.endswith("+json") else None
    except (ValueError, RecursionError):  # no JSON, or nested deeper than Python reads
        return {}
    return found if isinstance(found, dict) else {}


def _media(environ: Environ) -> str:
    return str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
