"""Bursts: requests that compete for the same rows, to be sent at the same time, and requests that show what they have left.

What competes follows from the decision tables: a success that changes rows, and another success that reads or changes the same
rows. That may be the same request again, the request of another caller, or one for another operation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from itertools import cycle, islice
from typing import Any, Protocol

import openapi
from contracts.generate.choices import Choices
from contracts.generate.draw import Drawer, KnownRows
from contracts.generate.walk import MINTED_ONLY_PERCENT, Candidate, Environment, Walker
from contracts.http.wire import Request
from contracts.judge.verdict import Judgement
from contracts.sequence.sequence import Sequence

MOST_AT_ONCE = 6
"""The most requests of one burst."""
MOST_INSERTS = 3
"""The most of one burst that insert rows with minted keys: each order of them leaves another state."""
BURSTS = 6
"""Bursts of one walk."""
DRAWN = 24
"""Candidates of which the first request of a burst is chosen."""
DRAWS = 5
"""How often so many are drawn, until one changes something."""
MOST_COMPETITORS, MOST_READERS = 8, 3
"""Competitors of which those of a burst are chosen, and the most reads of a burst."""
DRAWN_FOR_A_ROW, READS_DRAWN = 2, 6
"""Candidates of each operation that are drawn to use certain keys, and of each read."""
PAIR_PERCENT = 70
"""In so many percent of the bursts there are two requests."""
MOST_OBSERVED, MOST_FURTHER = 3, 3
"""The most changed rows that are used after a burst, and the most requests after that."""
MOST_USES = 8
"""Requests of which the one is chosen that shows what became of a row."""

Burst = list[Request]
Use = tuple[Drawer, Mapping[str, Any]]
"""An operation, and values with which a request uses certain rows."""
RaceWalk = Generator[tuple[Sequence, Burst], list[Judgement], None]
"""Yields its sequence with the next burst, or one request, and receives the judgements. An empty list ends the walk."""


class RaceEnvironment(Environment, Protocol):
    """What bursts run against: a session with a server."""

    def differs(self, request: Request) -> bool:
        """Whether the replies that are expected to this request, sent now, differ between the possible states of the server."""


class Racer(Walker):
    """Makes walks of bursts; keeps count of what has competed with what."""

    _environment: RaceEnvironment

    def __init__(self, environment: RaceEnvironment, drawers: list[Drawer], most: int) -> None:
        super().__init__(environment, drawers)
        self._most, self._raced = most, Counter[tuple[str, ...]]()

    def races(self, choices: Choices) -> RaceWalk:
        """One walk: bursts, each followed by the requests that show what it has left."""
        sequence = self._environment.new_sequence()
        minted_only = choices.happens(MINTED_ONLY_PERCENT)
        known = self._environment.known.focused(choices, self._minted if minted_only else ())
        for _ in range(BURSTS):
            burst = self._burst(known, choices) or self._burst(self._environment.known, choices)
            if burst is None:
                return
            judged = yield sequence, burst
            changes = [change for each in judged for change in each.changes]
            known.note(changes)
            for request in self._observations(known, changes, choices) if judged else ():
                judged = yield sequence, [request]
                if not judged:
                    break
                known.note(judged[0].changes)
            if not judged:
                return

    def _burst(self, known: KnownRows, choices: Choices) -> Burst | None:
        """Requests that compete; None where no request was found that would change anything."""
        changing = self._changing(known, choices)
        if not changing:
            return None
        footprints = {id(each): openapi.footprint([each.seen]) for each in changing}
        first = min(changing, key=lambda each: (self._raced[each.operation.name, "", ""], -len(footprints[id(each)].writes)))
        name, most = first.operation.name, MOST_INSERTS if first.seen.success.mint else self._most
        competitors, readers = self._partners(first, footprints[id(first)], known, choices)
        competitors.sort(key=lambda each: self._raced[name, *each[:2]])
        self._raced.update([(name, "", ""), (name, *competitors[0][:2])])
        count = 2 if choices.happens(PAIR_PERCENT) else choices.choose(range(2, min(self._most, most) + 1))
        others = islice(cycle(request for *_, request in competitors[: choices.choose((1, 2))]), count - 1)
        # Shrinking keeps the last request, so that is one that changes something.
        return [first.request, *(replace(each, at_once=True) for each in (*readers[: self._most - count], *others))]

    def _changing(self, known: KnownRows, choices: Choices) -> list[Candidate]:
        """Requests that should succeed and change something."""
        for _ in range(DRAWS):
            drawn = self._candidates(self._drawers, known, DRAWN, choices)
            if found := [each for each in drawn if each.succeeds and each.seen.success.effects]:
                return found
        return []

    def _partners(
        self, first: Candidate, own: openapi.Footprint, known: KnownRows, choices: Choices
    ) -> tuple[list[tuple[str, str, Request]], list[Request]]:
        """Requests that should succeed and compete with the first one, and reads whose replies it should change.

        Each competitor comes with its operation and what it has in common with the first one; at least the first one itself.
        """
        competitors, readers = [(first.operation.name, "all", first.request)], list[Request]()
        after = _after(first)
        using = (each for table, key, row in own.writes if key for each in self._using(table, row))
        drawn = [*self._alike(first), *(("row", *each) for each in using)]
        while drawn and (len(competitors) < MOST_COMPETITORS or len(readers) < MOST_READERS):
            what, drawer, values = drawn.pop(choices.choose(range(len(drawn))))
            found = self._drawn(drawer, values, known, choices)
            if not found.succeeds:
                continue
            if not found.operation.success.effects:
                if len(readers) < MOST_READERS and found.differs_after(after):
                    readers.append(found.request)
            elif len(competitors) < MOST_COMPETITORS and openapi.footprint([found.seen]).meets(own):
                competitors.append((found.operation.name, what, found.request))
        return competitors, readers

    def _candidate(self, drawer: Drawer, raw: Mapping[str, Any], choices: Choices) -> Candidate:
        """A request that servers read in one way, as far as it has values that one can choose."""
        request = drawer.request(raw, choices, mutated=False)
        return Candidate(request, self._environment.expect(request), drawer.operation)

    def _drawn(self, drawer: Drawer, values: Mapping[str, Any], known: KnownRows, choices: Choices) -> Candidate:
        """A request with these values; the others are drawn."""
        return self._candidate(drawer, {**drawer.raw(known, self._environment.now(), choices), **values}, choices)

    def _alike(self, first: Candidate) -> Iterator[tuple[str, Drawer, Mapping[str, Any]]]:
        """Values for requests with the same keys, or with everything but the caller; reads often."""
        raw = first.seen.scope.raw
        for drawer in self._drawers:
            credentials = {each.name for each in drawer.operation.parameters if each.credential}
            names = {name for each in drawer.sources for name in each.columns} - credentials
            keys = {name: raw[name] for name in names if name in raw}
            if drawer.operation is first.operation:
                others = {name: value for name, value in raw.items() if name not in credentials}
                yield from [("all but the caller", drawer, others)] * DRAWN_FOR_A_ROW
            if keys or drawer in self._reads:
                yield from [("keys", drawer, keys)] * (READS_DRAWN if drawer in self._reads else DRAWN_FOR_A_ROW)

    def _using(self, table: str, row: Mapping[str, Any]) -> Iterator[Use]:
        """The values with which requests of each operation look up this row; several times, because the others are drawn."""
        for drawer in self._drawers:
            for columns in (each.columns for each in drawer.sources if each.table == table):
                known = {name: row[column] for name, column in columns.items() if not openapi.is_lost(row[column])}
                keys = {name: str(value) for name, value in known.items() if value is not None}
                yield from [(drawer, keys)] * DRAWN_FOR_A_ROW

    def _observations(self, known: KnownRows, changes: list[openapi.Change], choices: Choices) -> Iterator[Request]:
        """For each changed row a request whose reply tells what became of it, then requests that tell the last orders apart."""
        rows = {each.key: (each.columns.table, each.columns.named(each.after or each.before or ())) for each in changes}
        keys = {str(value) for key in rows for value in key}
        drawn = [
            [self._drawn(drawer, keys, known, choices) for drawer, keys in _some(list(self._using(*each)), choices)]
            for each in list(rows.values())[-MOST_OBSERVED:]
        ]
        if self._reads:
            drawn.append([each for each in self._candidates(self._reads, known, DRAWN, choices) if each.shows(keys)][:MOST_USES])
        planned = []
        for found in drawn:
            telling = next((each for each in found if self._environment.differs(each.request)), None)
            succeed = [each for each in found if each.succeeds]
            if telling is not None or succeed:
                planned.append((telling or self._least_covered(succeed, ())).request)
        yield from planned
        for _ in range(MOST_FURTHER):
            further = next((each.request for found in drawn for each in found if self._environment.differs(each.request)), None)
            if further is None:
                return
            yield further


def _after(first: Candidate) -> openapi.State:
    """The state after a request that succeeds."""
    try:
        return first.seen.suppose(first.seen.success)
    except openapi.ExecutionError:
        return first.seen.scope.state


def _some(every: list[Use], choices: Choices) -> list[Use]:
    """At most MOST_USES of these, at random."""
    return [every.pop(choices.choose(range(len(every)))) for _ in range(min(MOST_USES, len(every)))]
