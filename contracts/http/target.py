"""The server under examination, and how gently it is treated."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3

from contracts.http.wire import Reply, Request

NO_REPLY = "no reply"
LARGEST_REPLY = 16 * 1024 * 1024
"""Bytes; a longer reply is a broken one."""
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
    """Seconds to connect, and to wait for a reply."""
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
    """A URL; a POST to it makes the server begin anew."""
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
        self._pool = _through(self.manners.proxy, options) if self.manners.proxy else urllib3.PoolManager(**options)

    @cached_property
    def _connections(self) -> tuple[Any, str]:
        """What sends, and the base of its URLs. Straight to one host it needs only paths, and does not look for the host."""
        if self.manners.proxy:
            return self._pool, self.base
        return self._pool.connection_from_url(self.base), urlsplit(self.base).path

    def check(self) -> None:
        """Raises Unreachable where nothing answers HTTP."""
        try:
            if not self.base.startswith(("http://", "https://")):
                raise Unreachable(f"{self.base} is not a URL: write http://HOST:PORT or https://HOST")
            self._wait()
            self._pool.request("GET", self.base, headers=self._headers, redirect=False)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            reason = type(getattr(error, "reason", None) or error).__name__
            hint = "is its certificate one of --ca, or one that this machine trusts?" if reason == "SSLError" else _HINT
            raise Unreachable(f"{self.base} does not answer ({reason}); {hint}") from None

    @property
    def resets(self) -> bool:
        """Whether it can begin anew."""
        return self.manners.reset is not None

    def reset(self) -> bool:
        """Makes the server begin anew; False where it cannot. Raises Unreachable where it should and does not."""
        address = self.manners.reset
        if address is None:
            return False
        self._wait()
        try:
            status = self._pool.request("POST", address, headers=self._headers, redirect=False).status
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise Unreachable(
                f"{address} does not answer ({type(error).__name__}); it should make the server begin anew"
            ) from None
        if status >= 300:
            raise Unreachable(f"{address} answers HTTP {status} to a POST; it should make the server begin anew")
        return True

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
        try:
            connections, base = self._connections
            response = connections.urlopen(
                request.method, request.url(base), body=content, headers=headers, redirect=False, preload_content=False
            )
            body = response.read(LARGEST_REPLY + 1)
            received = _now()
            if len(body) > LARGEST_REPLY:
                response.close()
                raise Broken(f"{NO_REPLY}: it is longer than {LARGEST_REPLY} bytes")
            response.release_conn()
        except (urllib3.exceptions.HTTPError, ValueError, OSError) as error:
            if isinstance(error, Broken):
                raise
            raise Broken(f"{NO_REPLY}: {type(getattr(error, 'reason', None) or error).__name__}") from None
        return Reply(response.status, {name.lower(): value for name, value in response.headers.items()}, body, sent, received)

    def _wait(self) -> None:
        """Takes the next turn, so that the rate and the bound hold however many threads send."""
        with self._lock:
            if self.exhausted:
                raise Enough
            self.sent += 1
            now = time.monotonic()
            turn = max(now, self._turn)
            self._turn = turn + (1 / self.manners.rate if self.manners.rate else 0)
        if turn > now:
            time.sleep(turn - now)


def _through(proxy: str, options: dict[str, Any]) -> urllib3.ProxyManager:
    """Connections through a proxy, whose URL may hold a name and a password."""
    auth = urllib3.util.parse_url(proxy).auth
    headers = urllib3.make_headers(proxy_basic_auth=unquote(auth)) if auth else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)


def _now() -> int:
    return time.time_ns() // 1_000_000
