"""The server under examination, reached over one kept connection."""

from __future__ import annotations

import time
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests

from contracts._wire import Reply, Request, UnsendableRequest

TIMEOUT = 10.0
MOST_FAILURES = 5


class TargetError(RuntimeError):
    """The server cannot be reached, or stopped answering; the text says which address and what to check."""


class Target:
    """A base URL and the connection to it.

    Nothing of this machine leaks into requests: no proxies, no .netrc credentials, no cookies that the server set.
    """

    def __init__(self, base: str, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise TargetError(f"{base} is not the address of a server; write http://HOST:PORT or https://HOST")
        self.base = base.rstrip("/")
        self.sent = 0
        self._timeout = timeout
        self._failures = 0
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.clear()
        self._session.headers["User-Agent"] = "contracts"
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def reach(self) -> None:
        """Raises TargetError unless something there speaks HTTP."""
        try:
            self._session.get(self.base, timeout=self._timeout, allow_redirects=False)
        except (requests.RequestException, ValueError) as error:
            reason = _reason(error)
            raise TargetError(f"{self.base} cannot be reached: {reason}; is the server running there?") from None

    def send(self, request: Request) -> Reply:
        """Sends one request. A lost reply is a reply with a failure.

        Raises UnsendableRequest, and TargetError when the server answers nothing several times in a row.
        """
        begun = time.perf_counter()
        try:
            reply = self._session.request(
                request.method,
                self.base + request.url,
                headers=dict(request.all_headers),
                data=request.content,
                timeout=self._timeout,
                allow_redirects=False,
            )
        except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, UnicodeError) as error:
            raise UnsendableRequest(str(error)) from None
        except requests.RequestException as error:
            return self._lost(error, time.perf_counter() - begun)
        self.sent += 1
        self._failures = 0
        return Reply(reply.status_code, dict(reply.headers), reply.content, time.perf_counter() - begun)

    def close(self) -> None:
        """Closes the connection."""
        self._session.close()

    def _lost(self, error: Exception, seconds: float) -> Reply:
        self.sent += 1
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            raise TargetError(f"{self.base} stopped answering: {_reason(error)} ({MOST_FAILURES} times in a row)") from None
        return Reply(0, {}, b"", seconds, _reason(error))


def _reason(error: Exception) -> str:
    """The short reason at the bottom of a chain of wrapped errors."""
    if isinstance(error, requests.Timeout):
        return f"no reply within {TIMEOUT:.0f} s"
    cause: BaseException = error
    while isinstance(cause.args[0] if cause.args else None, BaseException) or getattr(cause, "reason", None):
        inner = getattr(cause, "reason", None) or cause.args[0]
        if not isinstance(inner, BaseException):
            break
        cause = inner
    text = str(cause)
    return text.rsplit(": ", 1)[-1] if "Errno" in text else text
