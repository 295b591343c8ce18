"""Sequences of requests with the values that the server minted, as sent, with placeholders, and as curl commands."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.http.wire import Reply, Request
from contracts.sequence.placeholder import Run, names

_number = re.compile(r"\$\{(\d+)\.").sub


class Unrepeatable(LookupError):
    """A step of a saved sequence needs a value that nothing has given."""


@dataclass(slots=True)
class Sequence:
    """Requests that were sent one after the other."""

    run: Run
    steps: list[Request] = field(default_factory=list)
    """As they were sent."""
    pointers: dict[str, str] = field(default_factory=dict)
    """Where in its reply each minted value stands, as a path of jq."""
    changed: str = "beginning"
    """How the last step that changed something was answered."""
    shows: list[str] = field(default_factory=list)
    """What had not been seen before."""
    needed: int = 0
    """How many of the steps show that."""

    def note(self, request: Request, reply: Reply | None, minted: Mapping[str, Any]) -> None:
        """Adds a request, and names what its reply minted."""
        self.steps.append(request)
        for name, value in minted.items():
            self.run.minted[f"{len(self.steps)}.{name}"] = str(value)
            self.pointers[f"{len(self.steps)}.{name}"] = _path(reply, value)

    def abstract(self) -> list[Request]:
        """The requests with placeholders; each knows what was minted before it."""
        return [Run(self.run.now, self.run.secrets, self._before(at)).abstract(each) for at, each in enumerate(self.steps, 1)]

    def curls(self, base: str, headers: Mapping[str, str]) -> list[str]:
        """A line for a shell for each request, `headers` among its own.

        What a later one needs is kept in a variable; secrets stand as `${NAME}`.
        """
        used = {name for request in self.abstract() for name in names(request)}
        lines = []
        for number, request in enumerate(self.steps, 1):
            known = {value: f"${{{_variable(name)}}}" for name, value in self._before(number).items()}
            line = request.curl(base, dict(self.run.secrets) | known, headers)
            kept = [name for name in self.run.minted if name.startswith(f"{number}.") and name in used]
            lines.append(f"{_variable(kept[0])}=$({line} | jq -r '{self.pointers[kept[0]]}')" if kept else line)
        return lines

    def _before(self, number: int) -> dict[str, str]:
        return {name: value for name, value in self.run.minted.items() if int(name.split(".")[0]) < number}


def without(steps: list[Request], position: int) -> list[Request] | None:
    """The sequence without one step; None where a later one needs what that step mints."""
    number = position + 1
    rest = steps[number:]
    if any(name.startswith(f"{number}.") for request in rest for name in names(request)):
        return None

    def renumber(text: str) -> str:
        return _number(lambda match: f"${{{int(match[1]) - (int(match[1]) > number)}.", text)

    return [*steps[:position], *(request.map(renumber) for request in rest)]


def needed(steps: list[Request], kept: Container[Request] = ()) -> list[Request]:
    """The last step with those alone that mint what it names, directly or not, and those to keep."""
    wanted = {len(steps)}
    for number in range(len(steps), 0, -1):
        if number in wanted:
            wanted |= {int(name.split(".")[0]) for name in names(steps[number - 1]) if re.match(r"\d+\.", name)}
    left = steps
    for position in range(len(steps) - 1, -1, -1):
        if position + 1 not in wanted and steps[position] not in kept:
            left = without(left, position) or left
    return left


def _variable(name: str) -> str:
    number, _, text = name.partition(".")
    return re.sub(r"\W", "_", text) + number


def _path(reply: Reply | None, value: Any) -> str:
    """Where a value stands in the body of a reply, as a path of jq."""
    try:
        body = json.loads(reply.body) if reply else None
    except ValueError:
        body = None
    return next((path or "." for path, each in _walk(body, "") if each == value), ".")


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _walk(each, f"{path}.{name}" if name.isidentifier() else f'{path}["{name}"]')
    elif isinstance(value, list):
        for position, each in enumerate(value):
            yield from _walk(each, f"{path}[{position}]")
    else:
        yield path, value
