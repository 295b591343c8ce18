"""Computed parameters: values such as a signature, which a correct client computes from the rest of its request.

A candidate request has COMPUTED in the place of such a value, so that a change of another value does not make it wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from openapi.decision.contract import Operation
from openapi.decision.rule import Scope
from openapi.document.errors import ExecutionError
from openapi.parameters.names import REQUEST
from openapi.parameters.parameter import Absence
from openapi.state.state import State

COMPUTED = "\0computed"
"""Stands for the value that a correct client sends."""
UNKNOWN = "unknown"
"""Sent where the value cannot be computed, because something that it depends on is not present."""


def completed(
    operation: Operation, raw: Mapping[str, Any], state: State, now: int, random: Random | None = None
) -> Mapping[str, Any]:
    """The raw values with every computed value in its place, and the request itself if rules use it.

    `now` is epoch ms; without `random` what is random depends on it.
    """
    wanted = [each for each in operation.parameters if raw.get(each.name) == COMPUTED]
    random = random or Random(now)
    with_itself = operation.reads_request and REQUEST not in raw
    # Those that depend on nothing, such as a fresh nonce, come before those that may depend on them, such as a signature.
    for parameter in sorted(wanted, key=lambda each: bool(operation.computed[each.name].references)):
        known = {**raw, REQUEST: operation.itself(raw)} if with_itself else raw
        scope = Scope(operation, parameter.put(known, None), state, now, random)
        raw = parameter.put(raw, _value(operation, parameter.name, scope, parameter.location == "body"))
    return {**raw, REQUEST: operation.itself(raw)} if with_itself else raw


def _value(operation: Operation, name: str, scope: Scope, as_json: bool) -> Any:
    try:
        value = operation.computed[name].evaluate(scope)
    except ExecutionError:
        return UNKNOWN
    if value is None or isinstance(value, Absence):
        return UNKNOWN
    return value if as_json or isinstance(value, str) else str(value)
