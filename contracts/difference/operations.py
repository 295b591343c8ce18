"""Which operation of OLD is which of NEW: by method and path, else by operationId."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import openapi
from contracts.difference.change import BOTH, NOBODY, OF_CLIENTS, OF_SERVERS, Change, Place
from contracts.difference.side import Side

_parts = re.compile(r"\{[^{}]*\}")
Pair = tuple[openapi.Operation, openapi.Operation]


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """The operations that correspond, and those of one contract only."""

    pairs: tuple[Pair, ...]
    removed: tuple[openapi.Operation, ...]
    added: tuple[openapi.Operation, ...]


def paired(old: Side, new: Side) -> Pairing:
    """The pairs. The name of a part of the path does not count if need be, because requests do not show it."""
    before, after = (list(side.contract.operations.values()) for side in (old, new))
    pairs: list[Pair] = []
    for key in (lambda each: (each.method, each.path), _route, lambda each: each.name):
        by_key = {key(each): each for each in after}
        for one in list(before):
            if (two := by_key.pop(key(one), None)) is not None:
                pairs.append((one, two))
                before.remove(one)
                after.remove(two)
    return Pairing(tuple(pairs), tuple(before), tuple(after))


def _route(operation: openapi.Operation) -> tuple[str, str]:
    return operation.method, _parts.sub("{}", operation.path)


def of_one_side(pairing: Pairing, old: Side, new: Side) -> Iterator[Change]:
    """The operations that are gone, and the new ones."""
    for one in pairing.removed:
        what = f"the operation {one.method} {one.path} is gone"
        yield Change(OF_CLIENTS, _place(one, old, True), what, (one.name,))
    for two in pairing.added:
        what = f"there is a new operation {two.method} {two.path}, which servers have to implement"
        yield Change(OF_SERVERS, _place(two, new), what, (two.name,))


def of_pair(one: openapi.Operation, two: openapi.Operation, old: Side, new: Side) -> Iterator[Change]:
    """The changes of name, method, path and base paths."""
    at = _place(two, new)
    if _route(one) != _route(two):
        what = f"the operation is {two.method} {two.path}, and was {one.method} {one.path}"
        yield Change(BOTH, at, what)
    elif one.name != two.name and f"{one.method} {one.path}" not in (one.name, two.name):
        what = (
            f"its operationId is {two.name}, and was {one.name}; requests do not show it, generated clients and saved failures do"
        )
        yield Change(NOBODY, at, what)
    before, after = (set(each.bases) or {""} for each in (one, two))
    for base in sorted(before - after):
        yield Change(OF_CLIENTS, at, f"it is no longer served below the base path {base or '/'}")
    for base in sorted(after - before):
        yield Change(OF_SERVERS, at, f"it has to be served below the base path {base or '/'}")
    deprecated = [side.nodes(each)[1].value.get("deprecated") is True for side, each in ((old, one), (new, two))]
    if deprecated == [False, True]:
        yield Change(NOBODY, at, "the operation is deprecated now")


def _place(operation: openapi.Operation, side: Side, gone: bool = False) -> Place:
    node = side.nodes(operation)[1]
    return Place(node.file, node.line, gone)
