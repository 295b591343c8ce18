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
    found: dict[str, str] = {}
    if not text:
        return found
    plain = "%" not in text and "+" not in text
    for part in decoded(text).split("&"):
        name, _, value = part.partition("=")
        if not plain:
            name, value = unquote_plus(name), unquote_plus(value)
        if name not in found:
            found[name] = value
    return found


def gatherer(operation: openapi.Operation) -> Gather:
    """The function that finds the raw values of an operation's parameters in a request."""
    places = {each.location for each in operation.parameters}
    headers = [(each.wire_name, variable(each.wire_name)) for each in operation.parameters if each.location == "header"]

    def gather(environ: Environ, path: Mapping[str, str], query: str, body: str) -> dict[str, Any]:
        media = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() if body else ""
        return operation.gather(
            query=pairs(query),
            path=path,
            headers={name: decoded(environ[key]) for name, key in headers if key in environ},
            cookies=_cookies(environ) if "cookie" in places else {},
            form=pairs(body) if operation.accepts_form and media == FORM else {},
            body=_json(body) if operation.accepts_json and (media == JSON or media.endswith("+json")) else None,
        )

    return gather


def variable(name: str) -> str:
    """The variable of a WSGI environ that has a header; empty for a name that could pass for another one."""
    if "_" in name:
        return ""
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def _cookies(environ: Environ) -> dict[str, str]:
    try:
        return {name: each.value for name, each in SimpleCookie(environ.get("HTTP_COOKIE", "")).items()}
    except CookieError:
        return {}


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # no JSON, or nested deeper than Python reads
        return None
