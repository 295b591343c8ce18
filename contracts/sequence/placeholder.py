"""Placeholders `${…}` in saved requests, for values that differ between runs.

`${ALICE}` is a secret of the world, from the environment variable ALICE. `${now+3600000}` is a time, in ms relative to the
start of the sequence. `${2.shareCode}` is the value minted in the reply to the second request. `$$` is a dollar sign.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template

from contracts.http.wire import Request

LARGEST_TIME_OFFSET = 3 * 366 * 86_400_000
"""ms. A number of 12 to 14 digits that differs less than this from the current epoch ms is treated as a time."""
SHORTEST_MINTED = 6
"""Characters. A shorter minted value is recognised only if it is the whole text."""
_relative_time = re.compile(r"now([+-]\d{1,15})?").fullmatch
_epoch_ms = re.compile(r"\d{12,14}").fullmatch


class _Template(Template):
    idpattern = "(?!)"  # matches nothing: a placeholder needs braces
    braceidpattern = r"[A-Za-z0-9_.+-]+"


@dataclass(slots=True)
class Placeholders:
    """The values of the placeholders in one run of a sequence."""

    now: int
    """The server's time when the sequence began, epoch ms."""
    secrets: Mapping[str, str]
    """Secret values, each with its `${NAME}`."""
    minted: dict[str, str] = field(default_factory=dict)
    """Minted values by placeholder name, such as `2.shareCode`."""

    def fill(self, request: Request, unknown: str | None = None) -> Request:
        """The request with its placeholders replaced by their values, and by `unknown` where there is no value.

        Raises LookupError for a placeholder without a value if `unknown` is None, ValueError for a malformed placeholder.
        """
        values = _ValueMap(self.now, {name[2:-1]: value for value, name in self.secrets.items()} | self.minted, unknown)
        return request.map(lambda text: _Template(text).substitute(values) if "$" in text else text)

    def abstract(self, request: Request) -> Request:
        """The request with secrets, minted values and times replaced by placeholders."""
        known = {value: f"${{{name}}}" for name, value in self.minted.items()} | dict(self.secrets)
        return request.map(lambda text: self._with_placeholders(text, known))

    def _with_placeholders(self, text: str, known: Mapping[str, str]) -> str:
        if text in known:
            return known[text]
        if _epoch_ms(text) and abs(int(text) - self.now) < LARGEST_TIME_OFFSET:
            return f"${{now{int(text) - self.now:+d}}}"
        parts = [text]
        long = (each for each in known if len(each) >= SHORTEST_MINTED or each in self.secrets)
        for value in sorted(long, key=len, reverse=True):
            parts = [piece for part in parts for piece in _split(part, value)]
        return "".join(known[part] if part in known else part.replace("$", "$$") for part in parts)


class _ValueMap(dict[str, str]):
    def __init__(self, now: int, known: Mapping[str, str], unknown: str | None) -> None:
        super().__init__(known)
        self.now, self.unknown = now, unknown

    def __missing__(self, name: str) -> str:
        match = _relative_time(name)
        if match is None:
            if self.unknown is not None:
                return self.unknown
            raise LookupError(f"${{{name}}} has no value here")
        return str(self.now + int(match[1] or 0))


def placeholder_names(request: Request) -> set[str]:
    """The names of the placeholders in a request."""
    found: set[str] = set()

    def note(text: str) -> str:
        if "$" in text:
            found.update(match["braced"] for match in _Template.pattern.finditer(text) if match["braced"])
        return text

    request.map(note)
    return found


def _split(text: str, value: str) -> list[str]:
    """The text split at each occurrence of a value; the occurrences are pieces too."""
    pieces = re.split(f"({re.escape(value)})", text)
    return [piece for piece in pieces if piece]
