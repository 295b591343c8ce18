"""Computed parameters: values such as a signature, which a correct client computes from the rest of its request.

A candidate request has COMPUTED in the place of such a value, so that a change of another value does not make it wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openapi.decision.contract import Operation
from openapi.decision.decision import Scope
from openapi.document.errors import ExecutionError
from openapi.parameters.names import REQUEST
from openapi.parameters.parameter import Absence
from openapi.state.state import State

COMPUTED = "\0computed"
"""Stands for the value that a correct client sends."""
UNKNOWN = "unknown"
"""Sent where the value cannot be computed, because something that it depends on is not present."""


def completed(operation: Operation, raw: Mapping[str, Any], state: State, now: int) -> Mapping[str, Any]:
    """The raw values with every computed value in its place, and the request itself if rules use it. `now` is epoch ms."""
    if operation.reads_request and REQUEST not in raw:
        raw = {**raw, REQUEST: operation.itself(raw)}
    for parameter in operation.parameters:
        if raw.get(parameter.name) == COMPUTED:
            others = parameter.put(raw, None)
            raw = parameter.put(raw, _value(operation, parameter.name, others, state, now, parameter.location == "body"))
    return raw


def _value(operation: Operation, name: str, raw: Mapping[str, Any], state: State, now: int, as_json: bool) -> Any:
    try:
        value = operation.computed[name].evaluate(Scope(operation, raw, state, now))
    except ExecutionError:
        return UNKNOWN
    if value is None or isinstance(value, Absence):
        return UNKNOWN
    return value if as_json or isinstance(value, str) else str(value)
