"""Creates worlds in a running mock, through the HTTP API of its control plane."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from urllib.parse import quote

import urllib3

import openapi
from contracts.http.bounded import bounded
from contracts.http.target import Unreachable

TIMEOUT = 30
"""Seconds for each request."""
LARGEST_ERROR = 64 * 1024
"""The most bytes that are read of a reply."""
_FAILURES = (urllib3.exceptions.HTTPError, HTTPException, ValueError, OSError)


class MockWorlds:
    """The worlds of a mock."""

    def __init__(self, base: str, token: str | None = None) -> None:
        """`base` is the URL of the mock, `token` the password of its control plane."""
        self._base = base.rstrip("/")
        self._headers: Mapping[str, str] = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._pool = bounded(urllib3.PoolManager(timeout=TIMEOUT, retries=False))

    def target(self, name: str) -> str:
        """The base URL of a world."""
        return f"{self._base}/worlds/{name}"

    def reset(self, name: str) -> str:
        """The URL that resets a world."""
        return f"{self._base}/_mock/worlds/{name}/reset"

    def create(self, name: str, document: str) -> None:
        """Creates a world from a world document. Raises Unreachable, which says what the mock has against it."""
        self._send("POST", f"/_mock/worlds?name={quote(name)}", document.encode())

    def delete(self, name: str) -> None:
        """Deletes a world. Raises Unreachable."""
        self._send("DELETE", f"/_mock/worlds/{quote(name)}")

    def _send(self, method: str, path: str, content: bytes | None = None) -> None:
        try:
            reply = self._pool.request(method, self._base + path, body=content, headers=self._headers, preload_content=False)
            body = reply.read(LARGEST_ERROR)
            reply.close()
        except _FAILURES as error:
            raise Unreachable(f"{self._base} does not answer ({type(error).__name__}); is the mock running there?") from None
        if reply.status >= 300:
            raise Unreachable(f"{method} {self._base}{path} answers HTTP {reply.status}{_detail(body)}")


def _detail(body: bytes) -> str:
    """What a problem document says, after a colon."""
    try:
        data = openapi.parse_json(body)
    except ValueError:
        return ""
    detail = data.get("detail") if isinstance(data, dict) else None
    return f": {detail}" if isinstance(detail, str) else ""
