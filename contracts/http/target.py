"""The server under test: connections, rate limit, timeouts and reset."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from http.client import HTTPException
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3

from contracts.http.bounded import LARGEST_REPLY, TooLarge, bounded
from contracts.http.wire import Reply, Request

NO_REPLY = "no reply"
MOST_UNANSWERED = 10
"""Consecutive requests without a reply after which the server is checked; the run ends if it does not answer then."""
MOST_CONNECTIONS = 24
"""How many requests may be sent in parallel, unless it is stated."""
LONGEST_SLEEP = 0.1
"""Seconds. A request that waits for its turn checks at this interval whether the run is over."""
RESETS = 3
"""How often a reset is attempted."""
_FAILURES = (urllib3.exceptions.HTTPError, HTTPException, ValueError, OSError)
_HINT = "is the server running, and is the URL right?"


class Unreachable(ConnectionError):
    """No server answers at the target."""


class RunEnded(Exception):
    """Ends the test run: a limit on requests or time is reached, or the first violation was found and is enough."""


class NoReply(ConnectionError):
    """The server gave no valid HTTP reply: it closed the connection, timed out, or sent too much."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How requests are sent to a server: limits, timeouts, proxy, headers."""

    rate: float | None = None
    """The most requests per second; None for no limit."""
    most_requests: int = 100_000
    """The most requests of the test run."""
    timeout: float = 10.0
    """Seconds to connect, and to receive the whole reply."""
    retries: int = 2
    """How often a failed connection attempt is repeated. A request that was sent is never repeated."""
    certificates: str | None = None
    """A PEM file of certificates to trust instead of the system's."""
    proxy: str | None = None
    """The URL of an HTTP proxy; may contain `name:password@`."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with every request."""
    shown: Mapping[str, str] = field(default_factory=dict)
    """The same headers with the values that reports print."""
    reset: str | None = field(default=None, repr=False)
    """A URL; a POST to it resets the server to its initial state."""
    clock: str | None = field(default=None, repr=False)
    """A URL; a PATCH of `{"time": ISO 8601, "frozen": bool}` to it sets the clock of the server."""
    connections: int = MOST_CONNECTIONS
    """How many requests may be sent in parallel."""


class Turns:
    """The limits on the requests to one target, or to several together: how many, and how many per second. Thread-safe."""

    def __init__(self, rate: float | None = None, most: int = sys.maxsize) -> None:
        """`rate` is in requests per second, None for no limit; `most` is the most requests."""
        self.taken = 0
        """How many requests have taken their turns."""
        self._rate, self._most = rate, most
        self._lock, self._next = threading.Lock(), 0.0

    @property
    def exhausted(self) -> bool:
        """Whether there is no turn left."""
        return self.taken >= self._most

    def take(self) -> float:
        """Counts a request; gives the time at which it may be sent, seconds of the monotonic clock. Raises RunEnded."""
        with self._lock:
            if self.exhausted:
                raise RunEnded
            self.taken += 1
            turn = max(time.monotonic(), self._next)
            self._next = turn + (1 / self._rate if self._rate else 0)
            return turn


class Target:
    """A server under test: a base URL with persistent connections and a count of requests. Thread-safe."""

    def __init__(self, base: str, manners: Manners | None = None, turns: Turns | None = None) -> None:
        """`turns` are the limits that it shares with other targets; None for those of its manners."""
        self.base, self.sent, self.manners = base.rstrip("/"), 0, manners or Manners()
        self._turns = turns or Turns(self.manners.rate, self.manners.most_requests)
        self._headers = {"User-Agent": f"contracts/{version('contract-mock')}", **self.manners.headers}
        self._lock = threading.Lock()
        # A retry of a sent request could change state twice, so only connecting is retried.
        retries = urllib3.Retry(
            connect=self.manners.retries,
            read=0,
            redirect=0,
            status=0,
            other=0,
            backoff_factor=0.2,
            respect_retry_after_header=False,  # or a 429 with this header would be no reply
        )
        options: dict[str, Any] = {
            "timeout": self.manners.timeout,
            "retries": retries,
            "maxsize": self.manners.connections,
            "block": True,
            "ca_certs": self.manners.certificates,
        }
        self._unanswered = 0
        self.over: Callable[[], bool] = lambda: False
        """Whether the test run is over; called while a request waits for its turn."""
        self._pool = bounded(_proxy_pool(self.manners.proxy, options) if self.manners.proxy else urllib3.PoolManager(**options))

    @cached_property
    def _pool_and_base(self) -> tuple[Any, str]:
        """The connection pool and the base of its URLs. Without a proxy it is the pool of one host, whose URLs are only paths."""
        if self.manners.proxy:
            return self._pool, self.base
        return self._pool.connection_from_url(self.base), urlsplit(self.base).path

    def check(self) -> None:
        """Sends a GET to the base URL. Raises Unreachable if there is no HTTP reply."""
        if not self.base.startswith(("http://", "https://")):
            raise Unreachable(f"{self.base} is not a URL: write http://HOST:PORT or https://HOST")
        self.take_turn()
        try:
            self._exchange(self._pool, "GET", self.base, self._headers)
        except _FAILURES as error:
            reason = _reason(error)
            hint = "is its certificate in the file of --ca, or trusted by this machine?" if reason == "SSLError" else _HINT
            before = f", as {self._unanswered} requests before" if self._unanswered else ""
            raise Unreachable(f"{self.base} does not answer ({reason}){before}; {hint}") from None

    @property
    def resets(self) -> bool:
        """Whether the server can be reset."""
        return self.manners.reset is not None

    def reset(self) -> bool:
        """Resets the server; returns False if it has no URL for that. Raises Unreachable if all attempts fail."""
        if self.manners.reset is None:
            return False
        for pause in (*(0.2 * 2**number for number in range(RESETS - 1)), None):
            self.take_turn()
            problem = self._control("POST", self.manners.reset)
            if problem is None:
                return True
            if pause is not None:
                time.sleep(pause)
        raise Unreachable(f"{self.manners.reset} {problem}; a POST to it should reset the server")

    def set_clock(self, time: int, *, frozen: bool) -> None:
        """Sets the clock of the server to a time, epoch ms; stopping it counts as a request.

        Raises Unreachable if that fails, and RunEnded at the limit on requests, but not where the clock shall run again.
        """
        if frozen:
            self.take_turn()
        iso = datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds")
        content = json.dumps({"time": iso, "frozen": frozen}).encode()
        problem = self._control("PATCH", self.manners.clock or "", content)
        if problem is not None:
            should = 'a PATCH of {"time": "2030-01-31T12:00:00.000Z", "frozen": true} to it should set the clock'
            raise Unreachable(f"{self.manners.clock} {problem}; {should}")

    def _control(self, method: str, address: str, content: bytes | None = None) -> str | None:
        """Sends a request that is no part of the test; returns why it failed, or None."""
        headers = self._headers if content is None else {**self._headers, "Content-Type": "application/json"}
        try:
            status = self._exchange(self._pool, method, address, headers, content)[0].status
        except _FAILURES as error:
            return f"does not answer ({_reason(error)})"
        return f"answers HTTP {status}" if status >= 300 else None

    @property
    def exhausted(self) -> bool:
        """Whether the limit on requests is reached."""
        return self._turns.exhausted

    def send(self, request: Request) -> Reply:
        """Sends one request. Raises NoReply without a valid reply, RunEnded if the limit on requests is reached."""
        self.take_turn()
        return self.send_now(request)

    def send_now(self, request: Request, ready: Callable[[], object] = lambda: None) -> Reply:
        """Sends a request that has taken its turn, once `ready` returns. Raises NoReply without a valid reply."""
        content, media_type = request.content()
        headers = urllib3.HTTPHeaderDict(self._headers)
        if media_type:
            headers["Content-Type"] = media_type
        for name, value in request.headers:
            headers.add(name, value.encode("utf-8", "replace").decode("latin-1"))
        pool, base = self._pool_and_base
        ready()
        sent = now_ms()
        try:
            response, body = self._exchange(pool, request.method, request.url(base), headers, content)
        except _FAILURES as error:
            self._unanswered += 1
            if self._unanswered >= MOST_UNANSWERED:
                self.check()  # some servers do not answer certain requests, but are still running
                self._unanswered = 0
            raise NoReply(f"{NO_REPLY}: {_reason(error)}") from None
        self._unanswered = 0
        return Reply(response.status, {name.lower(): value for name, value in response.headers.items()}, body, sent, now_ms())

    def _exchange(
        self, pool: Any, method: str, url: str, headers: Any, content: bytes | None = None
    ) -> tuple[urllib3.BaseHTTPResponse, bytes]:
        """Sends one request and reads the whole reply. Raises one of _FAILURES."""
        timeout = urllib3.Timeout(total=self.manners.timeout)
        response = pool.urlopen(
            method, url, body=content, headers=headers, redirect=False, preload_content=False, timeout=timeout
        )
        try:
            body = response.read(LARGEST_REPLY + 1)
            if len(body) > LARGEST_REPLY:
                raise TooLarge
        except BaseException:
            response.close()
            raise
        finally:
            response.release_conn()  # the pool counts closed connections too
        return response, body

    def take_turn(self) -> None:
        """Counts a request, and waits until the rate allows it, for all threads together. Raises RunEnded at the limit."""
        turn = self._turns.take()
        with self._lock:
            self.sent += 1
        while (left := turn - time.monotonic()) > 0:
            if self.over():
                raise RunEnded
            time.sleep(min(left, LONGEST_SLEEP))


def _reason(error: BaseException) -> str:
    """Why there is no reply: the name of the error, or that the reply is too long."""
    found = getattr(error, "reason", None)
    cause = found if isinstance(found, BaseException) else error
    inner = next((each for each in (*cause.args, cause.__cause__, cause.__context__) if isinstance(each, TooLarge)), cause)
    return f"longer than {LARGEST_REPLY} bytes" if isinstance(inner, TooLarge) else type(inner).__name__


def _proxy_pool(proxy: str, options: dict[str, Any]) -> urllib3.ProxyManager:
    """The connection pool for a proxy. Its URL may contain a name and a password."""
    auth = urllib3.util.parse_url(proxy).auth
    headers = urllib3.make_headers(proxy_basic_auth=unquote(auth)) if auth else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)


def now_ms() -> int:
    """The time of our clock, epoch ms."""
    return time.time_ns() // 1_000_000
