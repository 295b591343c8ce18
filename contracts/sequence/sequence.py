"""Sequences of requests: recorded with their minted values, and converted to placeholders or curl commands."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from contracts.http.wire import Reply, Request
from contracts.sequence.placeholder import Placeholders, placeholder_names

_step_number = re.compile(r"\$\{(\d+)\.").sub


class Unrepeatable(LookupError):
    """A step of a saved sequence needs a value that no earlier step minted."""


@dataclass(slots=True)
class Sequence:
    """Requests that were sent one after the other, with the values minted in their replies."""

    placeholders: Placeholders
    steps: list[Request] = field(default_factory=list)
    """The requests as they were sent."""
    pointers: dict[str, str] = field(default_factory=dict)
    """The jq path of each minted value in its reply, by placeholder name."""
    last_change: str = "beginning"
    """The outcome of the last step that changed state, or `beginning`."""
    new_behaviours: list[str] = field(default_factory=list)
    """The behaviours that this sequence was the first to show."""
    needed_length: int = 0
    """The number of steps up to the last new behaviour."""

    def note(self, request: Request, reply: Reply | None, minted: Mapping[str, Any]) -> None:
        """Adds a request, and the values that its reply minted."""
        self.steps.append(request)
        for name, value in minted.items():
            self.placeholders.minted[f"{len(self.steps)}.{name}"] = str(value)
            self.pointers[f"{len(self.steps)}.{name}"] = _jq_path(reply, value)

    def append(self, other: Sequence, start: int) -> None:
        """Adds the steps of another sequence from a position on, from 0, with the values that they minted."""
        shift = len(self.steps) - start
        self.steps += other.steps[start:]
        for name, value in other.placeholders.minted.items():
            number, _, rest = name.partition(".")
            if int(number) > start:
                self.placeholders.minted[f"{int(number) + shift}.{rest}"] = value
                self.pointers[f"{int(number) + shift}.{rest}"] = other.pointers[name]

    def abstract(self) -> list[Request]:
        """The requests with placeholders, also for values that earlier replies minted."""
        return [
            Placeholders(self.placeholders.now, self.placeholders.secrets, self._minted_before(at)).abstract(each)
            for at, each in enumerate(self.steps, 1)
        ]

    def curls(self, base: str, headers: Mapping[str, str]) -> list[str]:
        """A curl command for each request, with additional `headers`.

        A minted value that a later request needs is stored in a shell variable. Secrets are replaced by `${NAME}`. Requests at
        the same time run in the background; the last of them waits for all.
        """
        used = {name for request in self.abstract() for name in placeholder_names(request)}
        lines, after = [], ["wait"]
        following = [*(each.at_once for each in self.steps[1:]), False]
        for number, (request, with_next) in enumerate(zip(self.steps, following, strict=True), 1):
            known = {value: f"${{{_variable(name)}}}" for name, value in self._minted_before(number).items()}
            line = request.curl(base, dict(self.placeholders.secrets) | known, headers)
            kept = [name for name in self.placeholders.minted if name.startswith(f"{number}.") and name in used]
            if not request.at_once and not with_next:
                lines.append(f"{_variable(kept[0])}=$({line} | jq -r '{self.pointers[kept[0]]}')" if kept else line)
                continue
            if kept:
                after.append(f"{_variable(kept[0])}=$(jq -r '{self.pointers[kept[0]]}' {number}.json)")
            lines.append(f"{line}{f' > {number}.json' if kept else ''} &{'' if with_next else ' ' + '; '.join(after)}")
            after = after if with_next else ["wait"]
        return lines

    def _minted_before(self, number: int) -> dict[str, str]:
        return {name: value for name, value in self.placeholders.minted.items() if int(name.split(".")[0]) < number}


def without_step(steps: list[Request], position: int) -> list[Request] | None:
    """The sequence without the step at a position, from 0; None if a later step needs a value that it mints."""
    number = position + 1
    rest = steps[number:]
    if any(name.startswith(f"{number}.") for request in rest for name in placeholder_names(request)):
        return None

    def renumber(text: str) -> str:
        return _step_number(lambda match: f"${{{int(match[1]) - (int(match[1]) > number)}.", text)

    if rest and rest[0].at_once and not steps[position].at_once:
        rest = [replace(rest[0], at_once=False), *rest[1:]]
    return [*steps[:position], *(request.map(renumber) for request in rest)]


def bursts(steps: Iterable[Request]) -> Iterator[list[Request]]:
    """The steps in groups: those that are sent at the same time are one group."""
    group: list[Request] = []
    for each in steps:
        if group and not each.at_once:
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def needed_steps(steps: list[Request], kept: Container[Request] = ()) -> list[Request]:
    """The last step, the steps that mint the values it needs, directly or indirectly, and the steps in `kept`."""
    wanted = {len(steps)}
    for number in range(len(steps), 0, -1):
        if number in wanted:
            wanted |= {int(name.split(".")[0]) for name in placeholder_names(steps[number - 1]) if re.match(r"\d+\.", name)}
    left = steps
    for position in range(len(steps) - 1, -1, -1):
        if position + 1 not in wanted and steps[position] not in kept:
            left = without_step(left, position) or left
    return left


def _variable(name: str) -> str:
    number, _, text = name.partition(".")
    return re.sub(r"\W", "_", text) + number


def _jq_path(reply: Reply | None, value: Any) -> str:
    """The jq path of a value in the JSON body of a reply, or of the part of a text that it is; `.` if it is not found."""
    try:
        body = json.loads(reply.body) if reply else None
    except ValueError:
        body = None
    leaves = [*_leaves(body, "")]
    if (whole := next((path or "." for path, each in leaves if each == value), None)) is not None:
        return whole
    parts = ((path or ".", each.find(value)) for path, each in leaves if isinstance(each, str) and isinstance(value, str))
    return next((f"{path}[{start}:{start + len(value)}]" for path, start in parts if start >= 0), ".")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, f"{path}.{name}" if name.isidentifier() else f'{path}["{name}"]')
    elif isinstance(value, list):
        for position, each in enumerate(value):
            yield from _leaves(each, f"{path}[{position}]")
    else:
        yield path, value
