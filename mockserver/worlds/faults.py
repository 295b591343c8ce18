"""Faults: injected replies that differ from the decision table. They are changed only under the lock of the world."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import openapi

MOST_FAULTS = 100


class UnknownOutcome(ValueError):
    """An outcome that none of the operations has; the text names a similar one, or lists the known ones."""


class UnknownOperation(ValueError):
    """An operation that the contract does not have; the text names a similar one."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: its effect, its operation, and how often it applies."""

    id: int
    operation: str | None
    """None for every operation that can."""
    times: int | None
    """How often it will still apply; None for always."""
    rate: float
    outcome: str | None = None
    delay: int = 0
    """Milliseconds."""
    page: int | None = None
    """The HTTP status of an error page in HTML."""
    drop: str | None = None
    """`request`: the connection closes before anything is done; `reply`: after it."""
    broken: bool = False
    """Whether the JSON of the reply is cut in the middle."""
    only: frozenset[str] | None = None
    """The operations that it applies to; None for all."""
    patch: Mapping[str, Any] | None = None
    """`set` (values by JSON Pointer), `remove` and `text` (JSON Pointers)."""

    @classmethod
    def preferred(cls, code: str) -> Fault:
        """The fault for `Prefer: code=…`: an outcome for one call."""
        return cls(id=0, operation=None, times=1, rate=1.0, outcome=code)

    @property
    def replaces(self) -> bool:
        """Whether the decision table is not used at all."""
        return self.outcome is not None or self.page is not None or self.drop == "request"

    @property
    def taints(self) -> bool:
        """Whether the reply differs from that of the decision table."""
        return self.replaces or self.drop is not None or self.broken or self.patch is not None

    def described(self) -> dict[str, Any]:
        """The fault in the format of a request."""
        fields = ("id", "operation", "times", "rate", "outcome", "delay", "page", "drop", "broken", "patch")
        return {name: value for name in fields if (value := getattr(self, name)) not in (None, False, 0)}

    def spoilt(self, body: Any) -> bytes:
        """A reply's body after `patch` and `broken`."""
        if self.patch is not None:
            body = _patched(body, self.patch)
        text = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        return text[: max(1, len(text) * 2 // 3)] if self.broken else text


class Faults:
    """The faults of a world, in the order in which they were added."""

    def __init__(self) -> None:
        self.active: tuple[Fault, ...] = ()
        self.last = 0
        """The number of the last one that was added."""

    def add(self, wanted: Mapping[str, Any], contract: openapi.Contract) -> Fault:
        """Adds a fault, as the control plane's document describes one. Raises UnknownOutcome and UnknownOperation."""
        able = operations_with(wanted.get("operation"), wanted.get("outcome"), contract)
        only = able if able < contract.operations.keys() else None
        self.last += 1
        defaults: dict[str, Any] = {"operation": None, "times": None, "rate": 1.0}
        fault = Fault(id=self.last, only=only, **(defaults | dict(wanted)))
        self.active = (*self.active, fault)
        return fault

    def remove(self, number: int) -> bool:
        """Removes a fault; False where there is none with this id."""
        left = tuple(each for each in self.active if each.id != number)
        removed, self.active = len(left) < len(self.active), left
        return removed

    def take(self, operation: str, random: Random) -> Fault | None:
        """The first fault that applies to this call."""
        for fault in self.active:
            if (fault.only is None or operation in fault.only) and (fault.rate >= 1 or random.random() < fault.rate):
                self._spend(fault)
                return fault
        return None

    def _spend(self, fault: Fault) -> None:
        if fault.times is None:
            return
        left = None if fault.times == 1 else replace(fault, times=fault.times - 1)
        self.active = tuple(kept for each in self.active if (kept := left if each is fault else each) is not None)


def rule_for(operation: openapi.Operation, outcome: str) -> openapi.Rule:
    """The row that gives an outcome, in any of its spellings. Raises UnknownOutcome."""
    found = operation.rule_of(outcome)
    if found is None:
        raise _unknown(operation.name, outcome, operation.outcomes)
    return found


def operations_with(name: str | None, outcome: str | None, contract: openapi.Contract) -> frozenset[str]:
    """The operations with this name and with this outcome; None stands for any.

    Raises UnknownOperation, and UnknownOutcome where none of them has the outcome.
    """
    if name is not None and name not in contract.operations:
        raise UnknownOperation(f"there is no operation {name} ({openapi.nearest(name, contract.operations)})")
    meant = [each for each in contract.operations.values() if name in (None, each.name)]
    able = frozenset(each.name for each in meant if outcome is None or each.rule_of(outcome))
    if outcome is not None and not able:
        raise _unknown(name or "the contract", outcome, [known for each in meant for known in each.outcomes])
    return able


def _unknown(where: str, outcome: str, known: Iterable[str]) -> UnknownOutcome:
    names = known if "/" in outcome else [each.rpartition("/")[2] for each in known]
    return UnknownOutcome(f"{where} has no outcome {outcome} ({openapi.nearest(outcome, names)})")


def _patched(body: Any, patch: Mapping[str, Any]) -> Any:
    body = json.loads(json.dumps(body))
    for pointer, value in patch.get("set", {}).items():
        parent, last = _parent(body, pointer)
        if isinstance(parent, dict):
            parent[last] = value
    for pointer in patch.get("remove", ()):
        parent, last = _parent(body, pointer)
        if isinstance(parent, dict):
            parent.pop(last, None)
    for pointer in patch.get("text", ()):
        parent, last = _parent(body, pointer)
        if isinstance(parent, dict) and last in parent:
            parent[last] = str(parent[last])
    return body


def _parent(body: Any, pointer: str) -> tuple[Any, str]:
    *parents, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    for part in parents:
        body = body.get(part) if isinstance(body, dict) else None
    return body, last
