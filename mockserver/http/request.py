"""Reads WSGI requests; only the parts that an operation declares."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
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
Fill = Callable[[dict[str, Any], Environ, Mapping[str, str], str, str], None]
"""Adds to the raw values those of one place, from the same."""
Names = Mapping[str, Sequence[str]]
"""The wire names of one location, each with its parameters: two credentials may share a header."""


class BodyTooLarge(ValueError):
    """A body that is larger than the limit."""


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


def gatherer(operation: openapi.Operation) -> Gather:
    """The function that returns the raw values of an operation's parameters; locations without parameters are not read."""
    names: dict[str, dict[str, list[str]]] = {}
    for each in operation.parameters:
        key = variable(each.wire_name) if each.location == "header" else each.wire_name
        names.setdefault(each.location, {}).setdefault(key, []).append(each.name)
    query = _query_and_form if operation.accepts_form else _query
    fillers = {"query": query, "path": _path, "header": _headers, "cookie": _cookies, "body": _properties}
    places = [fillers[location](each) for location, each in names.items()]

    def gather(environ: Environ, path: Mapping[str, str], query: str, body: str) -> dict[str, Any]:
        raw: dict[str, Any] = {}
        for fill in places:
            fill(raw, environ, path, query, body)
        return raw

    return gather


def variable(name: str) -> str:
    """The variable of a WSGI environ that has a header; empty for a name that could pass for another one."""
    if "_" in name:
        return ""
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def _query(names: Names) -> Fill:
    return lambda raw, environ, path, query, body: _add_pairs(raw, query, names) if query else None


def _query_and_form(names: Names) -> Fill:
    """If the query and the form have the same name, the query is used."""

    def fill(raw: dict[str, Any], environ: Environ, path: Mapping[str, str], query: str, body: str) -> None:
        if query:
            _add_pairs(raw, query, names)
        if body and _media(environ) == FORM:
            _add_pairs(raw, body, names)

    return fill


def _add_pairs(raw: dict[str, Any], text: str, names: Names) -> None:
    """Adds the values of a query or a form, the first of several under one name."""
    encoded = "%" in text or "+" in text
    for part in decoded(text).split("&"):
        key, _, value = part.partition("=")
        if encoded:
            key, value = unquote_plus(key), unquote_plus(value)
        for name in names.get(key, ()):
            if name not in raw:
                raw[name] = value


def _path(names: Names) -> Fill:
    return lambda raw, environ, path, query, body: _add(raw, path, names)


def _headers(names: Names) -> Fill:
    known = [(key, name) for key, found in names.items() for name in found]

    def fill(raw: dict[str, Any], environ: Environ, path: Mapping[str, str], query: str, body: str) -> None:
        for key, name in known:
            if key in environ:
                raw[name] = decoded(environ[key])

    return fill


def _cookies(names: Names) -> Fill:
    def fill(raw: dict[str, Any], environ: Environ, path: Mapping[str, str], query: str, body: str) -> None:
        with suppress(CookieError):
            cookies = SimpleCookie(environ.get("HTTP_COOKIE", ""))
            _add(raw, {key: each.value for key, each in cookies.items()}, names)

    return fill


def _properties(names: Names) -> Fill:
    """Of a body that is a JSON object."""

    def fill(raw: dict[str, Any], environ: Environ, path: Mapping[str, str], query: str, body: str) -> None:
        media = _media(environ) if body else ""
        if media == JSON or media.endswith("+json"):
            with suppress(ValueError, RecursionError):  # no JSON, or nested deeper than Python reads
                found = json.loads(body)
                _add(raw, found if isinstance(found, dict) else {}, names)

    return fill


def _add(raw: dict[str, Any], found: Mapping[str, Any], names: Names) -> None:
    for key, parameters in names.items():
        if found.get(key) is not None:
            raw.update(dict.fromkeys(parameters, found[key]))


def _media(environ: Environ) -> str:
    return str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
