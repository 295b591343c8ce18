"""The filter of the journal that a request asks for.

A name that neither the contract nor the journal has is refused: it would match nothing, so a test that expects no request would
pass because of a typo.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import openapi
from mockserver.control.arguments import NotUnderstood, moment
from mockserver.worlds.faults import UnknownOperation, UnknownOutcome, operations_with
from mockserver.worlds.journal import Entry, Journal, Pattern
from mockserver.worlds.world import LiveWorld


def pattern(wanted: Mapping[str, Any], live: LiveWorld, journal: Journal) -> Pattern:
    """The filter in a query or a body, for this journal of the world. Raises NotUnderstood."""
    now = live.now()
    parts = {name: wanted.get(name) for name in ("operation", "outcome", "parameters", "tainted")}
    found = Pattern(**parts, since=moment(wanted, "since", now), until=moment(wanted, "until", now))
    _check(found, live.contract, journal.entries)
    return found


def _check(pattern: Pattern, contract: openapi.Contract, entries: Collection[Entry]) -> None:
    operation, outcome = pattern.operation, pattern.outcome
    try:
        operations_with(operation, outcome, contract)
    except (UnknownOperation, UnknownOutcome) as error:
        # A fault may reply with any HTTP status, and a contract may have been reloaded.
        if not any(map(Pattern(operation, outcome).matches, entries)):
            raise NotUnderstood(str(error)) from None
    meant = (each for each in contract.operations.values() if operation in (None, each.name))
    known = {parameter.name for each in meant for parameter in each.parameters}
    for name in pattern.parameters or ():
        if name not in known and not any(name in each.call.raw for each in entries):
            raise NotUnderstood(f"{operation or 'the contract'} has no parameter {name} ({openapi.nearest(name, known)})")
