"""Reads WSGI requests; only the parts that an operation declares."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from werkzeug.http import parse_cookie

import openapi

LARGEST_BODY, LARGEST_DOCUMENT = 1024 * 1024, 8 * 1024 * 1024
"""Bytes of a body: of any request, and of one that may bring a world."""
WORLDS = "/_mock/worlds"
"""Where the paths that take a world begin."""
COMPRESSIONS = ("gzip", "deflate")
FORM, JSON = "application/x-www-form-urlencoded", "application/json"

UNDERSCORED = "mockserver.header."
"""The beginning of the variables of headers with an underscore in their names. Other servers take them for a dash."""

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]
"""An application of WSGI."""
Gather = Callable[[Environ, Mapping[str, str], str, str], dict[str, Any]]
"""(environ, values of the path, query, body) to the raw values of the parameters."""
Fill = Callable[[dict[str, Any], Environ, Mapping[str, str], str, str], None]
"""Adds to the raw values those of one place, from the same."""
Names = Mapping[str, Sequence[str]]
"""The wire names of one location, each with its parameters: two credentials may share a header."""


class UnreadableBody(ValueError):
    """A body that is not read; the text says why."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        """The HTTP status of the reply."""
        super().__init__(detail)


def _too_large() -> UnreadableBody:
    return UnreadableBody(413, f"the body is larger than {LARGEST_BODY} bytes")


def largest_body(path: str) -> int:
    """The most bytes that the body of a request for this path may have. The path is the decoded one, without a query."""
    return LARGEST_DOCUMENT if path.startswith(WORLDS) else LARGEST_BODY


def decoded(text: str) -> str:
    """A text out of a WSGI environ, which holds bytes as if they were Latin-1."""
    return text if text.isascii() else text.encode("latin-1", "replace").decode("utf-8", "replace")


def _as_utf_8(text: str) -> str:
    """A text out of a WSGI environ with its bytes made valid UTF-8."""
    return text if text.isascii() else decoded(text).encode().decode("latin-1")


def read_body(environ: Environ) -> str:
    """The body of a request, decompressed. Raises UnreadableBody."""
    length = environ.get("CONTENT_LENGTH") or ""
    size = int(length) if length.isdecimal() else 0
    if size > LARGEST_BODY:
        raise _too_large()
    body: bytes = environ["wsgi.input"].read(size) if size else b""
    encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    return (_decompressed(body, encoding) if encoding and body else body).decode("utf-8", "replace")


def _decompressed(body: bytes, encoding: str) -> bytes:
    if encoding == "identity":
        return body
    if encoding not in COMPRESSIONS:
        raise UnreadableBody(415, f"Content-Encoding {encoding} is not read; send one of {', '.join(COMPRESSIONS)}, or none")
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 32)  # of gzip or zlib, as it begins
    try:
        found = decompressor.decompress(body, LARGEST_BODY + 1)
    except zlib.error as error:
        raise UnreadableBody(400, f"the body is not {encoding}: {error}") from None
    if len(found) > LARGEST_BODY:
        raise _too_large()
    if not decompressor.eof:
        raise UnreadableBody(400, f"the body is not {encoding} to its end")
    return found


def gatherer(operation: openapi.Operation) -> Gather:
    """The function that returns the raw values of an operation's parameters; locations without parameters are not read."""
    names: dict[str, dict[str, list[str]]] = {}
    for each in operation.parameters:
        if each.inside is not None:
            continue
        key = variable(each.wire_name) if each.location == "header" else each.wire_name
        names.setdefault(each.location, {}).setdefault(key, []).append(each.name)
    query = _query_and_form if operation.accepts_form else _query
    fillers = {"query": query, "path": _path, "header": _headers, "cookie": _cookies, "body": _properties}
    places = [fillers[location](each) for location, each in names.items()]
    if operation.reads_request:
        places.append(_request(operation))
    arrays = [each for each in operation.parameters if each.items is not None]

    def gather(environ: Environ, path: Mapping[str, str], query: str, body: str) -> dict[str, Any]:
        raw: dict[str, Any] = {}
        for fill in places:
            fill(raw, environ, path, query, body)
        return raw

    def gather_arrays(environ: Environ, path: Mapping[str, str], query: str, body: str) -> dict[str, Any]:
        raw = gather(environ, path, query, body)
        for each in arrays:
            if each.name in raw:
                more = _repeated(each.wire_name, query, body) if each.location == "query" else []
                raw[each.name] = each.taken(more or [raw[each.name]])
        return raw

    return gather_arrays if arrays else gather


def _repeated(name: str, query: str, body: str) -> list[str]:
    """All values of a name in the query, or else in the form."""
    for text in (query, body):
        if found := [value for key, value in parse_qsl(decoded(text), keep_blank_values=True) if key == name]:
            return found
    return []


def variable(name: str) -> str:
    """The variable of a WSGI environ that has a header; one of its own for a name that could pass for another one."""
    if "_" in name:
        return f"{UNDERSCORED}{name.lower()}"
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
    # Other WSGI servers, such as Flask's test client, have a dash and an underscore in one variable.
    elsewhere = [(f"HTTP_{key.removeprefix(UNDERSCORED).upper()}", name) for key, name in known if key.startswith(UNDERSCORED)]

    def fill(raw: dict[str, Any], environ: Environ, path: Mapping[str, str], query: str, body: str) -> None:
        for key, name in known:
            if key in environ:
                raw[name] = decoded(environ[key])
        for key, name in elsewhere if "wsgi.version" in environ else ():
            if key in environ:
                raw[name] = decoded(environ[key])

    return fill


def _request(operation: openapi.Operation) -> Fill:
    """The request itself."""

    def fill(raw: dict[str, Any], environ: Environ, path: Mapping[str, str], query: str, body: str) -> None:
        sent = openapi.request_parts(sent_path(environ), operation.path, decoded(query), body, operation.method)
        raw[openapi.REQUEST] = sent

    return fill


def sent_path(environ: Environ) -> str:
    """The path of a request, percent-encoded where it was sent so."""
    uri: str | None = environ.get("REQUEST_URI")
    return decoded(environ["PATH_INFO"] if uri is None else uri.partition("?")[0])


def _cookies(names: Names) -> Fill:
    def fill(raw: dict[str, Any], environ: Environ, path: Mapping[str, str], query: str, body: str) -> None:
        _add(raw, parse_cookie(_as_utf_8(environ.get("HTTP_COOKIE", ""))), names)

    return fill


def _properties(names: Names) -> Fill:
    """Of a JSON body: the properties of an object, or the whole body."""
    whole = names.get("", ())

    def fill(raw: dict[str, Any], environ: Environ, path: Mapping[str, str], query: str, body: str) -> None:
        media = _media(environ) if body else ""
        if media == JSON or media.endswith("+json"):
            with suppress(ValueError, RecursionError):  # no JSON, or nested deeper than Python reads
                found = json.loads(body)
                _add(raw, found if isinstance(found, dict) else {}, names)
                if whole and found is not None:
                    raw.update(dict.fromkeys(whole, found))

    return fill


def _add(raw: dict[str, Any], found: Mapping[str, Any], names: Names) -> None:
    for key, parameters in names.items():
        if found.get(key) is not None:
            raw.update(dict.fromkeys(parameters, found[key]))


def _media(environ: Environ) -> str:
    return str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
