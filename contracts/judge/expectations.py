"""What the contract permits for a request: for each possible state, each reading, each time at which it may be handled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import combinations
from random import Random
from typing import Any

import openapi
from contracts.http.wire import Request
from contracts.judge.clock import Clock
from contracts.judge.explanation import Explanation
from contracts.judge.possible import Possible
from contracts.judge.readings import Readings
from contracts.judge.stored_times import StoredTimes
from contracts.judge.views import Allowed, View, completed, folded_views, unlike_views, views

Seen = tuple[openapi.Permitted, View]
"""What the contract permits, if the server has this view of a request."""


class Expectations:
    """What the contract permits for the requests to one server, by what is known of it: its clock and its readings."""

    def __init__(self, contract: openapi.Contract, clock: Clock) -> None:
        self.contract, self.clock = contract, clock
        self.readings = Readings(dict(contract.readings))
        self.stored_times = StoredTimes(contract)
        self.request = 0
        """The number of the latest request that was judged."""
        self._fresh = Random()
        """Not seeded: a server remembers the nonces of earlier runs."""
        self._exact_keys: set[tuple[str, str]] = set()
        """(operation, parameter): a text that is like no key was refused because of it."""

    def completed(self, request: Request, state: openapi.State, ours: int) -> Request:
        """A request to be sent at `ours`, epoch ms of our clock, with its computed values."""
        return completed(self.contract.operations[request.operation], request, state, self.clock.now(ours), self._fresh)

    def at(self, possible: Iterable[Possible], request: Request, ours: int) -> Iterator[openapi.Permitted]:
        """What the contract permits in each state for a request sent at `ours`, epoch ms of our clock, by its likely reading."""
        operation = self.contract.operations[request.operation]
        found, now = list(views(operation, request, self.readings.allowed)), self.clock.now(ours)
        for each in possible:
            view = next(each.views(found))
            moment = openapi.Moment(now, self.request + 1, self.clock.frozen is not None)
            yield openapi.permitted(operation, view.raw, each.state, now, view.values, moment)

    def between(
        self,
        possible: Iterable[Possible],
        request: Request,
        sent: int,
        received: int,
        allowed: Allowed | None = None,
        *,
        folding: bool = False,
        number: int = 0,
    ) -> Iterator[Seen]:
        """What the contract permits, for each combination of a state, an allowed reading and a time, the most likely one first.

        The server handles the request between `sent` and `received`, epoch ms of our clock. `number` is its position among
        requests at the same time. With `folding`, also as if it named a row whose key is like a text of it.
        """
        operation = self.contract.operations[request.operation]
        window = self.clock.window(sent, received)
        moment = openapi.Moment((window[0] + window[-1]) // 2, self.request - number, len(window) == 1)
        found = list(views(operation, request, allowed or self.readings.allowed))
        for each in possible:
            # What nothing explains otherwise may be read in any way.
            folded = [*found, *self._folded_views(operation, found[0], each.state)] if folding else each.views(found)
            for view in folded:
                look = partial(permitted_by, operation, view, each.state, moment)
                yield from ((seen, view) for seen in self.stored_times.seen(operation.name, window, look))
        self.stored_times.store(operation.name, window)

    def tells(self, possible: Iterable[Possible], request: Request, kind: str, ours: int) -> bool:
        """Whether a reply to a request sent at `ours` tells the readings of a kind apart, whatever else it depends on."""
        outcomes: dict[str, set[str]] = {}
        for seen, view in self.between(possible, request, ours, ours):
            sure = {rule.outcome for rule in seen.rules if rule.kind != "permitted" or not rule.always}
            for option in (option for found, *_, option in view.choices if found == kind):
                outcomes.setdefault(option, set()).update(sure)
        groups = {frozenset(each) for each in outcomes.values()}
        return len(groups) > 1 and all(one.isdisjoint(two) for one, two in combinations(groups, 2))

    def learn_exact_keys(self, operation: openapi.Operation, refusal: Explanation) -> None:
        """Notes the parameters that were refused because no row has a key like their text."""
        scope = refusal.seen.scope
        for name, view in unlike_views(operation, refusal.view, scope.state, self._exact_keys):
            known = openapi.permitted(operation, view.raw, scope.state, scope["now"], view.values, scope.moment)
            if known.rule(refusal.rule.outcome) is None:
                self._exact_keys.add((operation.name, name))

    def _folded_views(self, operation: openapi.Operation, view: View, state: openapi.State) -> Iterator[View]:
        """Views with a key of a row instead of a text like it.

        Where a contract demands exact keys, and the server was not seen to refuse unlike ones, it may not look at the key at all.
        """
        for each in folded_views(operation, view, state):
            kind, name, parameter, option = each.choices[-1]
            if (name, parameter) in self._exact_keys or option in self.readings.allowed(
                kind, name, parameter, openapi.KINDS[kind]
            ):
                yield each


def permitted_by(operation: Any, view: View, state: openapi.State, moment: openapi.Moment | None, now: int) -> openapi.Permitted:
    """What the contract permits at a time, epoch ms, if the server has this view of a request."""
    return openapi.permitted(operation, view.raw, state, now, view.values, moment)
