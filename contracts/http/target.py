"""The server under test, and the limits for requests to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
"""Requests in a row without a reply; then the server counts as gone."""
LONGEST_SLEEP = 0.1
"""Seconds until somebody who waits looks again whether the run is over."""
RESETS = 3
"""How often to try to reset a server."""
_FAILURES = (urllib3.exceptions.HTTPError, HTTPException, ValueError, OSError)
_HINT = "is the server running, and is the URL right?"


class Unreachable(ConnectionError):
    """No server answers at the target."""


class Enough(Exception):
    """The bound on requests or on time is reached, or one violation was all that was asked for."""


class Broken(ConnectionError):
    """The server closed the connection or stayed silent instead of replying."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a server is treated."""

    rate: float | None = None
    """Requests per second at most."""
    most_requests: int = 100_000
    timeout: float = 10.0
    """Seconds to connect, and for a whole reply."""
    retries: int = 2
    """How often to try again to connect; a request that was sent is never repeated."""
    certificates: str | None = None
    """A file of certificates to trust instead of the system's."""
    proxy: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with every request."""
    shown: Mapping[str, str] = field(default_factory=dict)
    """The same headers as a reader may see them."""
    reset: str | None = field(default=None, repr=False)
    """A URL; a POST to it resets the server."""
    connections: int = 1
    """How many requests may be under way at once."""


class Target:
    """A base URL with kept connections; counts what was sent. Threads may share it."""

    def __init__(self, base: str, manners: Manners | None = None) -> None:
        self.base, self.sent, self.manners = base.rstrip("/"), 0, manners or Manners()
        self._headers = {"User-Agent": f"contracts/{version('contract-mock')}", **self.manners.headers}
        self._lock, self._turn = threading.Lock(), 0.0
        # Servers close idle connections; only what fails before it is sent is tried again.
        retries = urllib3.Retry(connect=self.manners.retries, read=0, redirect=0, status=0, other=0, backoff_factor=0.2)
        options: dict[str, Any] = {
            "timeout": self.manners.timeout,
            "retries": retries,
            "maxsize": self.manners.connections,
            "block": True,
            "ca_certs": self.manners.certificates,
        }
        self._unanswered = 0
        self.over: Callable[[], bool] = lambda: False
        """Whether nothing more is to be sent; asked while a request waits for its turn."""
        self._pool = bounded(_through(self.manners.proxy, options) if self.manners.proxy else urllib3.PoolManager(**options))

    @cached_property
    def _connections(self) -> tuple[Any, str]:
        """What sends, and the base of its URLs. Straight to one host it needs only paths, and does not look for the host."""
        if self.manners.proxy:
            return self._pool, self.base
        return self._pool.connection_from_url(self.base), urlsplit(self.base).path

    def check(self) -> None:
        """Raises Unreachable where nothing answers HTTP."""
        if not self.base.startswith(("http://", "https://")):
            raise Unreachable(f"{self.base} is not a URL: write http://HOST:PORT or https://HOST")
        self._wait()
        try:
            self._exchange(self._pool, "GET", self.base, self._headers)
        except _FAILURES as error:
            reason = _reason(error)
            hint = "is its certificate one of --ca, or one that this machine trusts?" if reason == "SSLError" else _HINT
            before = f", as {self._unanswered} requests before" if self._unanswered else ""
            raise Unreachable(f"{self.base} does not answer ({reason}){before}; {hint}") from None

    @property
    def resets(self) -> bool:
        """Whether it can be reset."""
        return self.manners.reset is not None

    def reset(self) -> bool:
        """Resets the server; False where no reset URL is set. Raises Unreachable if the reset fails RESETS times."""
        if self.manners.reset is None:
            return False
        for pause in (*(0.2 * 2**number for number in range(RESETS - 1)), None):
            problem = self._reset(self.manners.reset)
            if problem is None:
                return True
            if pause is not None:
                time.sleep(pause)
        raise Unreachable(f"{self.manners.reset} {problem}; a POST to it should reset the server")

    def _reset(self, address: str) -> str | None:
        """What went wrong with one POST; None where nothing did."""
        self._wait()
        try:
            status = self._exchange(self._pool, "POST", address, self._headers)[0].status
        except _FAILURES as error:
            return f"does not answer ({_reason(error)})"
        return f"answers HTTP {status}" if status >= 300 else None

    @property
    def exhausted(self) -> bool:
        """Whether the bound on requests is reached."""
        return self.sent >= self.manners.most_requests

    def send(self, request: Request) -> Reply:
        """Sends one request. Raises Broken where no reply comes, Enough where no more may be sent."""
        self._wait()
        content, media_type = request.content()
        headers = urllib3.HTTPHeaderDict(self._headers)
        if media_type:
            headers["Content-Type"] = media_type
        for name, value in request.headers:
            headers.add(name, value.encode("utf-8", "replace").decode("latin-1"))
        sent = _now()
        connections, base = self._connections
        try:
            response, body = self._exchange(connections, request.method, request.url(base), headers, content)
        except _FAILURES as error:
            self._unanswered += 1
            if self._unanswered >= MOST_UNANSWERED:
                self.check()  # a server may leave some requests unanswered and be there
                self._unanswered = 0
            raise Broken(f"{NO_REPLY}: {_reason(error)}") from None
        self._unanswered = 0
        return Reply(response.status, {name.lower(): value for name, value in response.headers.items()}, body, sent, _now())

    def _exchange(
        self, connections: Any, method: str, url: str, headers: Any, content: bytes | None = None
    ) -> tuple[urllib3.BaseHTTPResponse, bytes]:
        """One request and its whole reply. Raises one of _FAILURES."""
        timeout = urllib3.Timeout(total=self.manners.timeout)
        response = connections.urlopen(
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
            response.release_conn()  # also a closed one has a place in the pool
        return response, body

    def _wait(self) -> None:
        """Takes the next turn, so that the rate and the bound hold however many threads send."""
        with self._lock:
            if self.exhausted:
                raise Enough
            self.sent += 1
            now = time.monotonic()
            turn = max(now, self._turn)
            self._turn = turn + (1 / self.manners.rate if self.manners.rate else 0)
        while (left := turn - time.monotonic()) > 0:
            if self.over():
                raise Enough
            time.sleep(min(left, LONGEST_SLEEP))


def _reason(error: BaseException) -> str:
    """Why there is no reply, in one or a few words."""
    found = getattr(error, "reason", None)
    cause = found if isinstance(found, BaseException) else error
    inner = next((each for each in (*cause.args, cause.__cause__, cause.__context__) if isinstance(each, TooLarge)), cause)
    return f"longer than {LARGEST_REPLY} bytes" if isinstance(inner, TooLarge) else type(inner).__name__


def _through(proxy: str, options: dict[str, Any]) -> urllib3.ProxyManager:
    """Connections through a proxy, whose URL may hold a name and a password."""
    auth = urllib3.util.parse_url(proxy).auth
    headers = urllib3.make_headers(proxy_basic_auth=unquote(auth)) if auth else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)


def _now() -> int:
    return time.time_ns() // 1_000_000
