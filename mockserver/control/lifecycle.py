"""The phases of the rows of a world, and what leads from one to the other."""

from __future__ import annotations

from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import openapi
from mockserver.control.context import WORLD, Body, Context, Route
from mockserver.worlds.world import LiveWorld


class Lifecycle:
    """The view of the phases. To find the transitions takes seconds, so each world is asked once for a contract."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._lock = Lock()
        """Of the search: two at once would take as long, and hold up the mock more."""
        self._found: WeakKeyDictionary[LiveWorld, tuple[openapi.Contract, Body]] = WeakKeyDictionary()

    def routes(self) -> list[Route]:
        """Its route."""
        return [("GET", f"{WORLD}/lifecycle", self.get_lifecycle)]

    def get_lifecycle(self, world: str) -> Body:
        live = self.context.get(world)
        contract = live.contract
        with self._lock:
            known = self._found.get(live)
            if known is None or known[0] is not contract:
                known = self._found[live] = contract, self._lifecycle(live, contract)
        return known[1]

    def _lifecycle(self, live: LiveWorld, contract: openapi.Contract) -> Body:
        state, now = self._start(live, contract), live.now()
        tables = [(name, phases) for name, phases in contract.phases.items() if phases]
        return {"tables": [_table(contract, name, phases, state, now) for name, phases in tables]}

    def _start(self, live: LiveWorld, contract: openapi.Contract) -> openapi.State:
        """The state in which the world began, as `contracts diagram` has it; the present one where it began with nothing."""
        try:
            first = live.origin.begin(contract, self.context.mock.worlds.bounds.rows).state
        except openapi.WorldError:  # the contract has changed since
            return live.state
        return first if any(len(first.table(name)) for name in first.tables) else live.state


def _table(contract: openapi.Contract, table: str, phases: Any, state: openapi.State, now: int) -> dict[str, Any]:
    found = openapi.transitions(contract, table, state, now)
    return {
        "table": table,
        "phases": [{"name": name, "why": str(condition)} for name, condition in phases],
        "transitions": [{"from": each.before, "to": each.after, "by": each.cause} for each in found],
    }
