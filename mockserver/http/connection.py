"""One HTTP/1.1 connection. Requests are parsed by llhttp; what it refuses gets 400, and the connection is closed.

Pipelined requests wait until earlier ones are answered, and while the client does not read its replies.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from contextlib import suppress
from io import BytesIO
from typing import cast
from urllib.parse import unquote_to_bytes

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url

from mockserver.http.reply import Reply, head_of, problem
from mockserver.http.request import LARGEST_BODY, UNDERSCORED, Environ, largest_body, variable
from mockserver.http.service import Service
from mockserver.http.stream import Stream, StreamConnection

MOST_CONNECTIONS, MOST_REFUSED = 5000, 100
"""Connections that are served; more that are told that there are too many."""
LARGEST_HEAD, PIECE = 64 * 1024, 16 * 1024
"""Bytes of the head of a request; bytes that are parsed at once until a head is complete."""
MOST_STORED = 256 * 1024 * 1024
"""Bytes of bodies that are not answered yet, of all connections together."""
PATIENCE, IDLE, LINGER = 30, 75, 3
"""Seconds: for a request to come, or a reply to be read; of a connection that does nothing; after a request was refused."""
QUIET = 10
"""Seconds after the last report that there are too many connections."""

CLOSE = "Connection: close\r\n"

_KEYS: dict[bytes, str] = {}
MOST_KEYS = 1000
"""Names of headers that are remembered."""


class _Refused(Exception):
    """A request that is not read to its end."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        super().__init__(detail)


class Connection(asyncio.Protocol):
    """Reads requests and writes replies, in the same order."""

    def __init__(self, service: Service, loop: asyncio.AbstractEventLoop) -> None:
        self.service, self.loop, self.parser = service, loop, HttpRequestParser(self)
        self.environ: Environ | None = None  # of the request that is being read
        self.delayed: tuple[asyncio.TimerHandle, Environ, Reply, bool] | None = None  # the reply that waits for its time
        self.farewell: Reply | None = None  # the reply to what cannot be read, after all others
        self.waiting: deque[tuple[Environ, bool]] = deque()
        self.busy = self.blocked = self.ended = False  # a reply is awaited; the client does not read; nothing is read any more
        self.url, self.body = b"", cast("bytearray | None", None)
        self.largest = LARGEST_BODY
        self.age = self.size = 0  # seconds; bytes of the request that is being read, chunk sizes included

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.service.connections.add(self)
        if len(self.service.connections) > MOST_CONNECTIONS:
            self._turn_away(len(self.service.connections) - MOST_CONNECTIONS)

    def _turn_away(self, excess: int) -> None:
        if (now := self.loop.time()) - self.service.crowded >= QUIET:
            self.service.crowded = now
            with suppress(OSError):  # it may be closed
                print(f"{MOST_CONNECTIONS} clients are connected, so further ones get 503", file=sys.stderr, flush=True)
        self._end(503, f"{MOST_CONNECTIONS} clients are connected already; close connections, or try again later")
        if excess > MOST_REFUSED:
            self.service.flush()
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self.delayed is not None:
            self.delayed[0].cancel()
        self._leave()

    def _leave(self) -> None:
        self._forget()
        self.service.stored -= sum(_stored(environ) for environ, _ in self.waiting)
        self.waiting.clear()
        del self.parser  # which knows this connection, and so would keep both
        self.service.left(self)

    def tick(self) -> None:
        """Called once a second: closes the connection after a timeout."""
        self.age += not self.busy or self.blocked
        if self.age <= (PATIENCE if self.environ is not None or self.blocked else LINGER if self.ended else IDLE):
            return
        if self.environ is not None and not self.blocked:
            self._end(408, "the request took too long to come")
        elif self.blocked or self.transport.is_closing():
            self.transport.abort()
        else:
            self.transport.close()

    def finish(self) -> None:
        """Closes the connection after the pending replies.

        A delayed one is sent at once: its client may be gone, which is not seen while nothing is read.
        """
        if self.delayed is not None:
            timer, environ, reply, keep = self.delayed
            timer.cancel()
            self._finish(environ, reply, keep)
        elif not (self.busy or self.waiting):
            self.transport.close()

    # Reading

    def eof_received(self) -> bool:
        """The client sends no more, but may still read, if not over TLS: it gets every reply, and then the connection ends."""
        self.ended, self.age = True, 0
        self._go_on()
        return self.transport.get_extra_info("sslcontext") is None

    def data_received(self, data: bytes) -> None:
        try:
            while data and not self.ended:
                data = self._read(data)
        except _Refused as error:
            self._end(error.status, str(error))
        except HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, _Refused):
                self._end(cause.status, str(cause))
            else:
                why = cause if isinstance(cause, HttpParserError) else error  # the cause of an error in a callback
                self._end(400, f"this is no request of HTTP/1.1: {why}")

    def _read(self, data: bytes) -> bytes:
        """Gives what has to be read again, or later.

        A request is counted from where it begins; one that follows others in the same piece, from the next piece.
        """
        rest = b""
        if len(data) > PIECE - self.size and not self._in_body():
            room = min(PIECE, LARGEST_HEAD - self.size)
            data, rest = data[:room], data[room:]
        self.size += len(data)
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as stop:
            return self._head_without_upgrade() + data[stop.args[0] :] + rest
        if self.environ is None:
            self.size = 0
        elif not self._in_body():
            if self.size >= LARGEST_HEAD:
                raise _Refused(431, f"the head of the request is larger than {LARGEST_HEAD} bytes")
        elif self.size > self.largest + LARGEST_HEAD:
            raise _Refused(413, f"the body and its chunk sizes are larger than {self.largest} bytes")
        return rest

    def _in_body(self) -> bool:
        """Whether the head of the request that is being read is complete."""
        return self.environ is not None and "REQUEST_METHOD" in self.environ

    def _head_without_upgrade(self) -> bytes:
        """Ignores a request to upgrade the protocol; the parser would not read the body of such a request."""
        environ, version = self.environ or {}, self.parser.get_http_version()
        self.parser, self.size = HttpRequestParser(self), 0
        wanted = {
            name: value for name, value in environ.items() if name.startswith(("HTTP_", "CONTENT_")) and name != "HTTP_UPGRADE"
        }
        lines = [f"{name.removeprefix('HTTP_').replace('_', '-')}: {value}\r\n" for name, value in wanted.items()]
        lines += [
            f"{name.removeprefix(UNDERSCORED)}: {value}\r\n" for name, value in environ.items() if name.startswith(UNDERSCORED)
        ]
        first = f"{environ['REQUEST_METHOD']} {self.url.decode('latin-1')} HTTP/{version}\r\n"
        return f"{first}{''.join(lines)}\r\n".encode("latin-1")

    def on_message_begin(self) -> None:
        self.environ, self.url, self.body = {}, b"", None
        self.age = 0

    def on_url(self, part: bytes) -> None:
        self.url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        environ, key, text = self.environ, _KEYS.get(name) or _key(name), value.decode("latin-1")
        assert environ is not None
        if "REQUEST_METHOD" in environ or not key:
            return  # a trailer; or a name that could pass for another one
        if key in environ:
            if key == "HTTP_HOST":
                raise _Refused(400, "the request has two Host headers; it wants one")
            text = f"{environ[key]},{text}"
            if len(text) > LARGEST_HEAD // 8:
                raise _Refused(431, "a header is there too often")
        environ[key] = text

    def on_headers_complete(self) -> None:
        environ = self.environ
        assert environ is not None
        method = environ["REQUEST_METHOD"] = self.parser.get_method().decode()
        if method == "CONNECT":
            raise _Refused(501, "this server is no proxy")
        if "HTTP_HOST" not in environ and self.parser.get_http_version() == "1.1":
            raise _Refused(400, "the request has no Host header, which HTTP/1.1 requires")
        url = self.url
        if url[:1] != b"/" and url != b"*":  # a client that takes this server for a proxy
            parsed = parse_url(url)
            url = (parsed.path or b"/") + b"?" + (parsed.query or b"")
        path, _, query = url.partition(b"?")
        if b"%" in path:
            environ["REQUEST_URI"], path = path.decode("latin-1"), unquote_to_bytes(path)
        environ["PATH_INFO"] = path.decode("latin-1")
        environ["QUERY_STRING"] = query.decode("latin-1")
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            self._expect_body(environ)
        if "HTTP_EXPECT" in environ and environ["HTTP_EXPECT"].lower() == "100-continue":
            self._go_ahead()

    def _go_ahead(self) -> None:
        if not (self.busy or self.waiting or self.parser.should_upgrade()):  # an upgrade is read again without it
            self.service.send(self.transport, b"HTTP/1.1 100 Continue\r\n\r\n")

    def _expect_body(self, environ: Environ) -> None:
        if "HTTP_TRANSFER_ENCODING" in environ and self.parser.get_http_version() != "1.1":
            raise _Refused(400, "only HTTP/1.1 has Transfer-Encoding; send the body with a Content-Length")
        self.largest = largest_body(environ["PATH_INFO"])
        if int(environ.get("CONTENT_LENGTH", 0)) > self.largest:
            raise _Refused(413, f"the body is larger than {self.largest} bytes")

    def on_body(self, part: bytes) -> None:
        if self.body is None:
            self.body = bytearray()
        if len(self.body) + len(part) > self.largest:
            raise _Refused(413, f"the body is larger than {self.largest} bytes")
        if self.service.stored + len(part) > MOST_STORED:
            raise _Refused(503, f"the bodies of requests that are not answered yet fill {MOST_STORED} bytes; try again later")
        self.body += part
        self.service.stored += len(part)

    def on_message_complete(self) -> None:
        environ, keep = self.environ, self.parser.should_keep_alive()
        assert environ is not None
        if self.parser.should_upgrade():
            return
        if self.body:
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(self.body), str(len(self.body))
            environ.pop("HTTP_TRANSFER_ENCODING", None)
        self.environ, self.body, self.age, self.size = None, None, 0, 0
        if self.busy or self.blocked:
            self.waiting.append((environ, keep))
        else:
            self._answer(environ, keep)

    # Answering

    def _answer(self, environ: Environ, keep: bool) -> None:
        reply = self.service.reply(environ)
        if reply is not None and "wsgi.input" in environ:
            self.service.stored -= _stored(environ)
            del environ["wsgi.input"]  # a delayed reply does not keep the body
        if reply is not None and (not reply.delay or self.service.finished is not None):
            self._send(environ, reply, keep)
            return
        self.busy = True
        self.transport.pause_reading()
        if reply is not None:
            timer = self.loop.call_later(reply.delay, self._finish, environ, reply, keep)
            self.delayed = timer, environ, reply, keep
        else:
            later = self.loop.run_in_executor(self.service.pool, self.service.reply_later, environ)
            later.add_done_callback(lambda done: self._finish(environ, done.result(), keep))

    def _finish(self, environ: Environ, reply: Reply, keep: bool) -> None:
        """Sends a reply that was computed elsewhere, and continues to read."""
        self.busy, self.delayed, self.age = False, None, 0
        self.service.stored -= _stored(environ)
        if reply.stream is not None:
            self._stream(reply, reply.stream)
        elif not self.transport.is_closing():
            self._send(environ, reply, keep)
            self._go_on()

    def _stream(self, reply: Reply, stream: Stream) -> None:
        """Sends the head of a reply, and hands the connection over to what sends its body."""
        if self.transport.is_closing() or self.service.finished is not None:
            stream.close()
            self.transport.close()
            return
        self.service.flush()
        chunked = self.parser.get_http_version() == "1.1"
        coding = "Transfer-Encoding: chunked\r\n" if chunked else ""
        head = f"{head_of(reply.status, reply.headers)}Date: {self.service.date}\r\n{coding}{CLOSE}\r\n"
        self.transport.write(head.encode("latin-1", "replace"))
        StreamConnection(self.service, self.loop, self.transport, stream, chunked).begin()
        self._leave()

    def _go_on(self) -> None:
        while self.waiting and not (self.busy or self.blocked or self.transport.is_closing()):
            self._answer(*self.waiting.popleft())
        if self.waiting or self.busy or self.blocked or self.transport.is_closing():
            return
        if self.farewell is not None:
            farewell, self.farewell = self.farewell, None
            self._send({"REQUEST_METHOD": ""}, farewell, None if self.service.finished is None else False)
            self.transport.resume_reading()
        elif self.ended:
            self.service.flush()
            self.transport.close()
        else:
            self.transport.resume_reading()

    def _send(self, environ: Environ, reply: Reply, keep: bool | None) -> None:
        """None for `keep` says that no more requests are answered, but the connection closes later."""
        if reply.dropped:
            self.service.flush()
            self.transport.close()
            return
        head = reply.head or head_of(reply.status, reply.headers)
        if not head:
            return self._send(environ, problem(500, "the contract has a line break in what would be a header"), keep)
        keep = keep and (self.service.finished is None or bool(self.waiting))
        head = f"{head}Date: {self.service.date}\r\n{'' if keep else CLOSE}\r\n"
        body = reply.body if environ["REQUEST_METHOD"] != "HEAD" else b""
        self.service.send(self.transport, head.encode("latin-1", "replace") + body, keep is False)

    def _end(self, status: int, detail: str) -> None:
        """The last reply of a connection whose requests cannot be read any further.

        What still comes is read and forgotten for a while: a closed socket would take the reply from a client who sends.
        """
        self._forget()
        self.environ, self.ended, self.age = None, True, 0
        self.farewell = problem(status, detail)
        self._go_on()

    def _forget(self) -> None:
        """Drops the body that is being read."""
        self.service.stored -= len(self.body or b"")
        self.body = None

    # Flow

    def pause_writing(self) -> None:
        self.blocked, self.age = True, 0
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.blocked, self.age = False, 0
        self._go_on()


def _stored(environ: Environ) -> int:
    """The bytes of the body that a request holds."""
    return int(environ["CONTENT_LENGTH"]) if "wsgi.input" in environ else 0


def _key(name: bytes) -> str:
    key = variable(name.decode("latin-1"))
    if len(name) < 100 and len(_KEYS) < MOST_KEYS:
        _KEYS[name] = key
    return key
