"""All changes between two contracts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import openapi
from contracts.difference import document, operations, security
from contracts.difference.answers import Answers, Worlds
from contracts.difference.bodies import Bodies
from contracts.difference.change import OF_CLIENTS, OF_SERVERS, Change, Part, merged, ordered, place
from contracts.difference.digest import value_key
from contracts.difference.parameters import Parameters
from contracts.difference.rows import rows_of
from contracts.difference.schemas import Differences
from contracts.difference.side import Side, too_deep
from contracts.difference.tables import Tables

MOST_REQUESTS = 100_000
"""Requests that are compared, for all operations together."""
MOST_OF_ONE = 6000
FEWEST_OF_ONE = 200


def compare(old: Side, new: Side, worlds: Worlds) -> list[Change]:
    """The changes, grouped by operations and sorted by position. Raises InvalidDocument for a reference that leads nowhere."""
    try:
        return ordered(merged(_Comparison(old, new, worlds).changes()))
    except RecursionError:
        raise openapi.ContractError([too_deep(new.contract.file)]) from None


class _Comparison:
    def __init__(self, old: Side, new: Side, worlds: Worlds) -> None:
        self.old, self.new, self.worlds = old, new, worlds
        self.requests, self.replies = (Differences(old, new, part) for part in Part)
        self.pairing = operations.paired(old, new)
        self.same_tables = value_key(_shared(old)) == value_key(_shared(new))

    def changes(self) -> Iterator[Change]:
        yield from document.changes(self.old, self.new)
        yield from operations.of_one_side(self.pairing, self.old, self.new)
        changed = [pair for pair in self.pairing.pairs if not self._same(*pair)]
        most = max(FEWEST_OF_ONE, min(MOST_OF_ONE, MOST_REQUESTS // max(len(changed), 1)))
        for one, two in self.pairing.pairs:
            names = (two.name,)
            for each in self._pair(one, two, most):
                yield replace(each, operations=names)

    def _same(self, one: openapi.Operation, two: openapi.Operation) -> bool:
        """Whether the tables and parameters of two operations are written the same."""
        before, after = (side.nodes(each) for side, each in ((self.old, one), (self.new, two)))
        return self.same_tables and all(value_key(a.value) == value_key(b.value) for a, b in zip(before, after, strict=True))

    def _pair(self, one: openapi.Operation, two: openapi.Operation, most: int) -> Iterator[Change]:
        yield from operations.of_pair(one, two, self.old, self.new)
        parameters = Parameters(self.old, self.new, one, two, self.requests)
        yield from parameters.changes()
        credentials = security.Security(self.old, one), security.Security(self.new, two)
        yield from security.changes(*credentials)
        (_, before), (_, after) = self.old.nodes(one), self.new.nodes(two)
        tables = has_table(one) and has_table(two)
        bodies = Bodies(self.requests, self.replies, tables)
        yield from bodies.of_request(before, after)
        yield from bodies.of_replies(before, after)
        if tables and not self._same(one, two):
            renamed = {**parameters.renamed, **security.renamed(*credentials)}
            answers = Answers(one, two, self.worlds, renamed, most)
            rows = rows_of(self.old, one, renamed), rows_of(self.new, two, {})
            yield from Tables(*rows, (one, two), answers).changes()
        elif has_table(two) and not has_table(one):
            yield Change(OF_SERVERS, place(after.child("x-outcomes")), "it has a decision table now: servers have to follow it")
        elif has_table(one) and not has_table(two):
            yield Change(
                OF_CLIENTS, place(before.child("x-outcomes"), True), "its decision table is gone: any documented reply is right"
            )


def has_table(operation: openapi.Operation) -> bool:
    """Whether an operation has a decision table."""
    return all(each.content is None for each in operation.rules)


def _shared(side: Side) -> list[object]:
    """What of a document bears on every decision table."""
    return [
        side.root.value.get(key) for key in ("x-let", "x-outcomes", "x-rows", "x-state", "x-envelope", "components", "security")
    ]
