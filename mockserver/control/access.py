"""Access to the control plane: no web page of another origin, and only with the token if one is set.

- *Host* must be an address, a name of this machine, or an allowed one. A page that rebinds its own name to 127.0.0.1 sends
  that name.
- *Origin*, where a browser sends one, must be the mock's own.
- *The token*, where the server has one, must be in `Authorization: Bearer`.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers


class Refusal(Exception):
    """A request that may not use the control plane."""

    def __init__(self, status: int, detail: str) -> None:
        self.status, self.detail = status, detail
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of one server."""

    token: str | None = None
    hosts: frozenset[str] = frozenset()
    """Names besides `localhost` that a Host may have."""

    def check(self, headers: Headers, scheme: str, *, open_to_all: bool = False) -> None:
        """Raises Refusal. `open_to_all` is for operations that need no token."""
        host = self.check_host(headers, scheme)
        origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
        if origin is not None and origin.lower() != f"{scheme}://{host}".lower():
            raise Refusal(403, "a page of another origin may not drive the control plane")
        if site not in (None, "same-origin", "none"):
            raise Refusal(403, "a page of another site may not drive the control plane")
        if self.token is not None and not open_to_all:
            self._check_token(headers.get("Authorization", ""))

    def check_host(self, headers: Headers, scheme: str) -> str:
        """The Host, which must be a name of this mock. Raises Refusal."""
        host = headers.get("Host", "")
        name = _name_of(f"{scheme}://{host}")
        if not self._trusts(name):
            raise Refusal(
                421, f"{host or 'no Host'} is no name of this mock; start it with --allow-host {name or 'NAME'} if it is"
            )
        return host

    def _trusts(self, name: str) -> bool:
        return name == "localhost" or name.endswith(".localhost") or name in self.hosts or _is_address(name)

    def _check_token(self, sent: str) -> None:
        word, _, token = sent.partition(" ")
        if word.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), (self.token or "").encode()):
            raise Refusal(401, "the control plane wants `Authorization: Bearer TOKEN`, with the --token of this server")


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _name_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""
