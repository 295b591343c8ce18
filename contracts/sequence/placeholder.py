"""Placeholders in saved requests for values that differ from run to run.

`${ALICE}` is a secret of the world, taken from the environment; `${now+3600000}` is a time in ms after the start of the
run; `${2.shareCode}` is the value that the server minted in its reply to the second request. `$$` is a dollar sign.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template

from contracts.http.wire import Request

FURTHEST = 3 * 366 * 86_400_000
"""How many ms a number may be away from now to count as a time that moves with it."""
SHORTEST_MINTED = 6
"""Shorter minted values are recognised only where they are the whole text."""
_moment = re.compile(r"now([+-]\d{1,15})?").fullmatch
_digits = re.compile(r"\d{12,14}").fullmatch


class _Text(Template):
    idpattern = "(?!)"  # never a name without braces
    braceidpattern = r"[A-Za-z0-9_.+-]+"


@dataclass(slots=True)
class Run:
    """One run of a sequence: what its placeholders stand for."""

    now: int
    """The server's time at which it began, in epoch ms."""
    secrets: Mapping[str, str]
    """Secret values, each with its `${NAME}`."""
    minted: dict[str, str] = field(default_factory=dict)
    """Values by name, such as `2.shareCode`."""

    def fill(self, request: Request, unknown: str | None = None) -> Request:
        """The request with its placeholders filled in; `unknown` stands for those that are not known.

        Without it such a one raises LookupError. Raises ValueError for a broken one.
        """
        values = _Values(self.now, {name[2:-1]: value for value, name in self.secrets.items()} | self.minted, unknown)
        return request.map(lambda text: _Text(text).substitute(values))

    def abstract(self, request: Request) -> Request:
        """The request with placeholders for what this run knows."""
        known = {value: f"${{{name}}}" for name, value in self.minted.items()} | dict(self.secrets)
        return request.map(lambda text: self._abstracted(text, known))

    def _abstracted(self, text: str, known: Mapping[str, str]) -> str:
        if text in known:
            return known[text]
        if _digits(text) and abs(int(text) - self.now) < FURTHEST:
            return f"${{now{int(text) - self.now:+d}}}"
        parts = [text]
        long = (each for each in known if len(each) >= SHORTEST_MINTED or each in self.secrets)
        for value in sorted(long, key=len, reverse=True):
            parts = [piece for part in parts for piece in _split(part, value)]
        return "".join(known[part] if part in known else part.replace("$", "$$") for part in parts)


class _Values(dict[str, str]):
    def __init__(self, now: int, known: Mapping[str, str], unknown: str | None) -> None:
        super().__init__(known)
        self.now, self.unknown = now, unknown

    def __missing__(self, name: str) -> str:
        moment = _moment(name)
        if moment is None:
            if self.unknown is not None:
                return self.unknown
            raise LookupError(f"${{{name}}} stands for nothing here")
        return str(self.now + int(moment[1] or 0))


def names(request: Request) -> set[str]:
    """The placeholders of a request."""
    found: set[str] = set()

    def note(text: str) -> str:
        found.update(match["braced"] for match in _Text.pattern.finditer(text) if match["braced"])
        return text

    request.map(note)
    return found


def _split(text: str, value: str) -> list[str]:
    """The text cut around each occurrence of a value, which stays a piece of its own."""
    pieces = re.split(f"({re.escape(value)})", text)
    return [piece for piece in pieces if piece]
