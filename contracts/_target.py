"""The server under examination."""

from __future__ import annotations

import time

import requests

from contracts._wire import Reply, Request

TIMEOUT = 10.0
"""Seconds to connect, and to wait for a reply."""


class Unreachable(ConnectionError):
    """No server answers at the target."""


class Broken(ConnectionError):
    """The server closed the connection or stayed silent instead of replying."""


class Target:
    """A base URL with one kept connection; counts what was sent."""

    def __init__(self, base: str, most_requests: int = 100_000) -> None:
        self.base, self.sent, self.most_requests = base.rstrip("/"), 0, most_requests
        self._session = requests.Session()
        self._session.trust_env = False

    def check(self) -> None:
        """Raises Unreachable where nothing answers HTTP."""
        try:
            self._session.get(self.base, timeout=TIMEOUT, allow_redirects=False)
        except (requests.RequestException, ValueError) as error:
            reason = type(error).__name__
            raise Unreachable(f"{self.base} does not answer ({reason}); is the server running, and is the URL right?") from None

    @property
    def exhausted(self) -> bool:
        """Whether the bound on requests is reached."""
        return self.sent >= self.most_requests

    def send(self, request: Request) -> Reply:
        """Sends one request. Raises Broken where no reply comes."""
        self.sent += 1
        sent = _now()
        try:
            response = self._session.request(
                request.method,
                request.url(self.base),
                headers={name: value.encode("utf-8", "replace") for name, value in request.headers},
                data=None if request.form is None else list(request.form),
                json=request.body,
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Broken(f"no reply: {type(error).__name__}") from None
        return Reply(response.status_code, dict(response.headers), response.content, sent, _now())


def _now() -> int:
    return time.time_ns() // 1_000_000
