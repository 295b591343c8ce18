"""Entries of a corpus as lines that travel between the shards of a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import openapi
from contracts.http.wire import Request, request_from_data
from contracts.sequence import corpus
from contracts.sequence.sequence import Sequence
from contracts.sequence.shrink import Steps
from contracts.sequence.steps import InvalidSteps, read_steps

LONGEST_LINE = 512 * 1024
"""The most characters of one entry; a longer one does not travel."""
MOST_SHOWN = 1000
"""The most behaviours of one entry."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A sequence that showed new behaviours."""

    shows: tuple[str, ...]
    """The behaviours."""
    steps: Steps
    """With placeholders."""

    def line(self) -> str:
        """The entry as a line of a corpus, without the line end."""
        data = {"format": corpus.FORMAT, "shows": list(self.shows), "steps": [each.as_data() for each in self.steps]}
        return json.dumps(data, ensure_ascii=False)


def entry_of(sequence: Sequence, change: Callable[[Request], Request]) -> Entry:
    """The entry of a sequence, with each request changed; without the steps after its last new behaviour."""
    steps = sequence.abstract()[: sequence.needed_length]
    return Entry(tuple(sequence.new_behaviours), [change(each) for each in steps])


def read_entry(
    line: str, contract: openapi.Contract, secrets: Mapping[str, str], change: Callable[[Request], Request] = lambda each: each
) -> Entry:
    """An entry from a line, with each request changed. Raises ValueError for what is none for this contract and these secrets."""
    if len(line) > LONGEST_LINE:
        raise InvalidSteps(f"is longer than {LONGEST_LINE} characters")
    steps, shows = corpus.read_entry(line.encode())
    if len(shows) > MOST_SHOWN:
        raise InvalidSteps(f"shows more than {MOST_SHOWN} behaviours")
    if not isinstance(steps, list) or not all(isinstance(each, dict) for each in steps):
        raise InvalidSteps("steps is not a list of requests")
    changed = [change(request_from_data(each)).as_data() for each in steps]
    return Entry(tuple(shows), read_steps(changed, contract, secrets))
