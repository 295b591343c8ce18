"""One exchange of a client and a server, as a request for an operation of the contract and its reply."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import openapi
from contracts.http.wire import FORM, JSON, Pairs, Reply, Request

LARGEST_BODY = 8 * 1024 * 1024
"""Bytes of a body that is judged."""
COMPRESSIONS = ("gzip", "x-gzip", "deflate")


class NotJudged(ValueError):
    """An exchange that says nothing about the contract; the text says why."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it was sent, and the reply."""

    method: str
    path: str
    """Percent-encoded, without the query, below the base URL of the server."""
    query: str
    headers: Pairs
    body: bytes | None
    """None where it is not known, or too large to judge."""
    sent: int
    """Epoch ms of this machine."""
    received: int
    """Epoch ms of this machine."""
    status: int = 0
    """0 where no reply came."""
    reply_headers: Pairs = ()
    reply_body: bytes | None = b""
    """None where it is not known, or too large to judge."""
    why: str = ""
    """Why no reply came."""


class Reader:
    """Finds the operation of an exchange, and reads its request and reply."""

    def __init__(self, contract: openapi.Contract) -> None:
        paths = [(f"{base}{each.path}", each) for each in contract.operations.values() for base in ("", *each.bases)]
        self._paths = openapi.Paths((path, each.method, each) for path, each in paths)

    def operation(self, exchange: Exchange) -> openapi.Operation:
        """The operation of an exchange. Raises NotJudged."""
        found, _, methods = self._paths.find(exchange.path, exchange.method)
        if found is not None:
            return found
        if methods:
            raise NotJudged(f"the contract has {', '.join(sorted(methods))} here, not {exchange.method}")
        raise NotJudged("the contract has no such path")

    def request(self, operation: openapi.Operation, exchange: Exchange) -> Request:
        """The request. Headers that no parameter is in are left out. Raises NotJudged."""
        wanted = {each.wire_name for each in operation.parameters if each.location == "header"}
        if any(each.location == "cookie" for each in operation.parameters):
            wanted.add("cookie")
        headers = tuple((name, value) for name, value in exchange.headers if name.lower() in wanted)
        media = media_type(exchange.headers)
        # The path of the operation, not one below a base path: that is where the suite sends it again.
        base = next((each for each in operation.bases if exchange.path.startswith(f"{each}/")), "")
        own = openapi.path_template(operation.path).values(openapi.path_segments(exchange.path))
        path = exchange.path if own is not None else exchange.path.removeprefix(base)
        query = tuple(parse_qsl(exchange.query, keep_blank_values=True))
        body, form = self._body(operation, exchange, media)
        return Request(operation.name, operation.method, path, query, headers, form, body)

    def _body(self, operation: openapi.Operation, exchange: Exchange, media: str) -> tuple[Any, Pairs | None]:
        """The JSON body and the form."""
        if exchange.body is None:
            raise NotJudged("the body of the request is too large, or is not known")
        text = decompressed(exchange.body, exchange.headers)
        if not text:
            return None, None
        if media == FORM:
            return None, tuple(parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True))
        if media == JSON or media.endswith("+json"):
            try:
                return openapi.parse_json(text), None
            except ValueError:
                raise NotJudged("the body of the request is not JSON") from None
        if operation.accepts_json or operation.accepts_form:
            raise NotJudged(f"the body of the request is {media or 'of no media type'}")
        return None, None


def reply(exchange: Exchange) -> Reply:
    """The reply of an exchange that has one. Raises NotJudged."""
    if exchange.reply_body is None:
        raise NotJudged("the body of the reply is too large, or is not known")
    headers: dict[str, str] = {}
    for name, value in exchange.reply_headers:
        headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
    body = decompressed(exchange.reply_body, exchange.reply_headers)
    return Reply(exchange.status, headers, body, exchange.sent, exchange.received)


def media_type(headers: Iterable[tuple[str, str]]) -> str:
    """The media type of a message, in lower case and without parameters; empty for none."""
    return header(headers, "content-type").partition(";")[0].strip().lower()


def header(headers: Iterable[tuple[str, str]], name: str) -> str:
    """The value of a header, whose name is given in lower case; empty for none."""
    return next((value for each, value in headers if each.lower() == name), "")


def decompressed(body: bytes, headers: Iterable[tuple[str, str]]) -> bytes:
    """A body without its Content-Encoding. Raises NotJudged."""
    encoding = header(headers, "content-encoding").strip().lower()
    if encoding in ("", "identity") or not body:
        return body
    if encoding not in COMPRESSIONS:
        raise NotJudged(f"a body has the Content-Encoding {encoding[:40]}, which is not read")
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 32)  # of gzip or zlib, as it begins
    try:
        found = decompressor.decompress(body, LARGEST_BODY + 1)
    except zlib.error:
        raise NotJudged(f"a body is not {encoding}") from None
    if len(found) > LARGEST_BODY:
        raise NotJudged("a body is too large")
    if not decompressor.eof:
        raise NotJudged(f"a body is not {encoding} to its end")
    return found


def credentials(operation: openapi.Operation, raw: Mapping[str, Any]) -> set[str]:
    """The credentials of a request, from its raw parameters."""
    found = (each.read(raw[each.name]) for each in operation.parameters if each.credential and raw.get(each.name))
    return {each for each in found if isinstance(each, str)}
