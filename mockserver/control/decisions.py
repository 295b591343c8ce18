"""The decision tables of the contract, with how often each row has answered in a world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import openapi
from mockserver.control.context import WORLD, Body, Context, Route
from mockserver.worlds.metrics import Counted


class Decisions:
    """The views of the decision tables."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def routes(self) -> list[Route]:
        """Their routes."""
        return [("GET", f"{WORLD}/operations", self.get_operations)]

    def get_operations(self, world: str) -> Body:
        live = self.context.get(world)
        contract, answered = live.contract, live.answered()
        return [_operation(contract, each, answered) for each in contract.operations.values()]


def _operation(contract: openapi.Contract, operation: openapi.Operation, answered: Counter[Counted]) -> dict[str, Any]:
    return {
        "name": operation.name,
        "method": operation.method,
        "path": operation.path,
        "summary": _summary(contract.document, operation),
        "answered": sum(count for (name, *_), count in answered.items() if name == operation.name),
        "rows": [_row(operation, rule, answered) for rule in operation.rules],
    }


def _row(operation: openapi.Operation, rule: openapi.Rule, answered: Counter[Counted]) -> dict[str, Any]:
    # A reply that a fault dropped has no outcome, but its row answered.
    keys: list[Counted] = [(operation.name, outcome, rule.number) for outcome in (rule.outcome, None)]
    return {
        "row": rule.number,
        "outcome": rule.outcome,
        "status": rule.status,
        "kind": rule.kind,
        "line": f"{rule.file}:{rule.line}",
        "holds": rule.condition,
        "why": rule.why,
        "answered": sum(answered[key] for key in keys),
    }


def _summary(document: Mapping[str, Any], operation: openapi.Operation) -> str:
    """The `summary` of an operation; empty where the document has none."""
    found: Any = document
    for key in ("paths", operation.path, operation.method.lower(), "summary"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""
