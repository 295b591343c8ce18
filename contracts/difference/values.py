"""Whether a parameter has other well-formed values than before, as the reader of an operation with a decision table has it."""

from __future__ import annotations

from collections.abc import Mapping

import openapi
from contracts.difference.change import Move
from contracts.difference.digest import digest


def changed_values(operations: tuple[openapi.Operation, openapi.Operation], name: str, renamed: Mapping[str, str]) -> Move:
    """What became of the well-formed values of a parameter; `name` is that of NEW."""
    before, after = (
        {names.get(each.name, each.name): each for each in operation.parameters}.get(name)
        for operation, names in zip(operations, (renamed, {}), strict=True)
    )
    if before is None or after is None:
        return Move.SAME
    one, two = before.schema, after.schema
    if digest(one) == digest(two):
        return Move.SAME
    if one.get("format") != two.get("format"):
        return Move.OTHER
    wider, narrower = openapi.covers(two, one), openapi.covers(one, two)
    if wider and narrower:
        return Move.SAME
    return Move.WIDER if wider else Move.NARROWER if narrower else Move.OTHER
