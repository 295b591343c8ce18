"""A proxy between clients and a server. It forwards bodies as they come, byte for byte, and keeps a copy of each exchange.

The headers of a connection (RFC 9110, 7.6.1) are not forwarded, and `Host` is that of the server. Nothing else is changed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

from contracts.http.target import now_ms
from contracts.http.wire import Pairs
from contracts.traffic.exchange import LARGEST_BODY, Exchange

CONNECT_SECONDS = 10.0
KEPT_SECONDS = 1.0
"""How long a connection to the server is kept without a request: a server that closes it first would lose the next one."""
LARGEST_LINE = 64 * 1024
"""Bytes of a request line, and of a header."""
_CONNECTION = frozenset(
    (
        *("connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
    )
)

OWN = web.ResponseKey("own", list)
"""The headers of the server."""

Seen = Callable[[Exchange, int | None], None]
"""Gets each exchange when it is over, and when the earliest one was sent that is not over (epoch ms; None if there is none)."""


@dataclass(slots=True)
class _Copy:
    """The beginning of a body that passes by."""

    parts: bytearray = field(default_factory=bytearray)
    whole: bool = True

    def add(self, part: bytes) -> None:
        if self.whole and len(self.parts) + len(part) <= LARGEST_BODY:
            self.parts += part
        else:
            self.whole = False
            self.parts.clear()

    @property
    def body(self) -> bytes | None:
        """The body; None where it was too large to keep."""
        return bytes(self.parts) if self.whole else None


class Proxy:
    """Forwards requests to one server."""

    def __init__(self, target: str, certificates: str | None = None) -> None:
        """`certificates` is a PEM file of certificates to trust instead of the system's. Raises OSError for an unreadable one."""
        self._target = target.rstrip("/")
        self._host = urlsplit(target).netloc.rpartition("@")[2]
        self._tls = ssl.create_default_context(cafile=certificates)
        self._open: dict[int, int] = {}
        self._count = 0

    async def serve(self, host: str, port: int, stop: asyncio.Event, ready: Callable[[str], None], seen: Seen) -> None:
        """Serves until `stop` is set. Calls `ready` with the own URL. Raises OSError where it cannot listen."""
        self._seen = seen
        connector = TCPConnector(limit=0, ssl=self._tls, keepalive_timeout=KEPT_SECONDS)
        timeout = ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        async with ClientSession(
            connector=connector,
            timeout=timeout,
            auto_decompress=False,
            cookie_jar=DummyCookieJar(),
            max_line_size=LARGEST_LINE,
            max_field_size=LARGEST_LINE,
        ) as session:
            self._session = session
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", self._handle)
            app.on_response_prepare.append(_restore_headers)
            logger = logging.getLogger(__name__)
            logger.addHandler(logging.NullHandler())
            logger.propagate = False  # what a client sends that is no HTTP gets a reply, and nobody else needs to read it
            runner = web.AppRunner(
                app,
                logger=logger,
                access_log=None,
                shutdown_timeout=1.0,
                auto_decompress=False,
                max_line_size=LARGEST_LINE,
                max_field_size=LARGEST_LINE,
            )
            await runner.setup()
            try:
                site = web.TCPSite(runner, host, port)
                await site.start()
                address = runner.addresses[0]
                ready(f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}")
                await stop.wait()
            finally:
                await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self._count += 1
        number, sent = self._count, now_ms()
        self._open[number] = sent
        exchange = _Passing(request, sent)
        try:
            return await self._forward(request, exchange)
        except asyncio.CancelledError:
            exchange.why = "the proxy was stopped"
            raise
        finally:
            del self._open[number]
            self._seen(exchange.over(), min(self._open.values(), default=None))

    async def _forward(self, request: web.Request, exchange: _Passing) -> web.StreamResponse:
        reply: web.StreamResponse | None = None
        try:
            async with self._session.request(
                request.method,
                URL(f"{self._target}{exchange.path}", encoded=True),
                headers=self._headers(request),
                data=exchange.passing() if request.can_read_body else None,
                allow_redirects=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            ) as answer:
                exchange.answer = answer
                reply = web.StreamResponse(status=answer.status, reason=answer.reason)
                reply[OWN] = [(name, value) for name, value in _pairs(answer.raw_headers) if name.lower() not in _CONNECTION]
                length = answer.headers.get("Content-Length", "")
                reply.content_length = int(length) if length.isdecimal() else None
                is_there = True
                with suppress(ConnectionError):
                    await reply.prepare(request)
                async for part in answer.content.iter_any():
                    exchange.replied.add(part)
                    try:
                        if is_there:
                            await reply.write(part)
                    except ConnectionError:  # the client has gone; the rest of the reply is judged all the same
                        is_there = False
                return reply
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            exchange.why = f"{type(error).__name__}: {error}"
            if reply is None or not reply.prepared:
                return _bad_gateway(exchange.why)
            if request.transport is not None:
                request.transport.abort()  # so that nobody takes the beginning of the reply for the whole
            return reply

    def _headers(self, request: web.Request) -> CIMultiDict[str]:
        """The headers of a request as they are forwarded."""
        named = {each.strip().lower() for each in request.headers.get("Connection", "").split(",")}
        found: CIMultiDict[str] = CIMultiDict()
        for name, value in _pairs(request.raw_headers):
            if name.lower() not in _CONNECTION and name.lower() not in named and name.lower() != "host":
                found.add(name, value)
        found["Host"] = self._host
        return found


class _Passing:
    """One exchange while it passes by."""

    def __init__(self, request: web.Request, sent: int) -> None:
        self.request, self.sent = request, sent
        self.path = _path(request.raw_path)
        self.asked, self.replied = _Copy(), _Copy()
        self.answer: Any = None
        self.why = ""

    async def passing(self) -> AsyncIterator[bytes]:
        """The body of the request as it comes."""
        async for part in self.request.content.iter_any():
            self.asked.add(part)
            yield part

    def over(self) -> Exchange:
        """The exchange, which is over now."""
        path, _, query = self.path.partition("?")
        has_reply = self.answer is not None and not self.why
        return Exchange(
            method=self.request.method,
            path=path or "/",
            query=query,
            headers=_pairs(self.request.raw_headers),
            body=self.asked.body,
            sent=self.sent,
            received=now_ms(),
            status=self.answer.status if has_reply else 0,
            reply_headers=_pairs(self.answer.raw_headers) if has_reply else (),
            reply_body=self.replied.body,
            why=self.why,
        )


async def _restore_headers(request: web.Request, reply: web.StreamResponse) -> None:
    """Sends the headers of the server, and none besides but that of chunks."""
    own = reply.get(OWN)
    if own is not None:
        chunked = reply.headers.get("Transfer-Encoding")
        reply.headers.clear()
        for name, value in own:
            reply.headers.add(name, value)
        if chunked is not None:
            reply.headers["Transfer-Encoding"] = chunked


def _path(raw: str) -> str:
    """The path and the query of a request, also of a client that takes this for a proxy of its own."""
    if raw.startswith("/"):
        return raw
    parts = urlsplit(raw)
    return f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"


def _pairs(headers: Any) -> Pairs:
    return tuple((name.decode("latin-1"), value.decode("utf-8", "surrogateescape")) for name, value in headers)


def _bad_gateway(why: str) -> web.StreamResponse:
    detail = f"contracts watch: the target gave no reply ({why})"
    body = {"type": "about:blank", "title": "Bad Gateway", "status": 502, "detail": detail}
    return web.Response(status=502, text=json.dumps(body), content_type="application/problem+json")
