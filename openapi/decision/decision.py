"""The decision: which row of the decision table answers a request in a state, and what follows from it.

All functions are pure. The caller passes the time (epoch ms) and the random generator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from openapi.decision.reasons import reason
from openapi.decision.rule import FAILURES, NO_VALUES, NOTHING_SHOWN, Operation, Rule, Scope, Shown
from openapi.document.errors import ExecutionError
from openapi.parameters.parameter import Absence
from openapi.state.state import Change, State


@dataclass(slots=True)
class Decision:
    """The decision on a request: the rule that answers it, the next state, the reply data and the changes."""

    operation: Operation
    raw: Mapping[str, Any]
    before: State
    now: int
    """Epoch ms."""
    rule: Rule
    state: State
    minted: Mapping[str, Any]
    data: Any
    changes: list[Change]
    more: Shown | None = None
    """What its reply shows, if that is more than the data."""

    @property
    def body(self) -> Any:
        """What is merged into the body of the reply."""
        return None if self.more is None else self.more.body

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the reply."""
        return NO_VALUES if self.more is None else self.more.headers

    @property
    def outcome(self) -> str:
        """Operation and code."""
        return self.rule.outcome

    def reasons(self) -> list[str]:
        """The rules before the one that answers, then that one, each as a sentence with the values of its condition."""
        scope = Scope(self.operation, self.raw, self.before, self.now)  # built again: keeping it would take a kilobyte
        return [reason(each, scope) for each in self.operation.rules if each.number <= self.rule.number]


def decide(operation: Operation, raw: Mapping[str, Any], state: State, now: int, random: Random | None = None) -> Decision:
    """The decision on a request: the first rule that holds and is not permitted answers.

    `raw` maps names of parameters and credentials to their text, `now` is epoch ms, `random` generates minted values.
    Raises ExecutionError where an expression or an effect fails. `state` is never changed.
    """
    scope = Scope(operation, raw, state, now, random)
    all_present = Absence not in map(type, operation.checked_values(scope))
    for holds, rule in operation.answers_if_present if all_present else operation.answers:
        if holds(scope):
            return _answer(operation, rule, scope)
    raise ExecutionError("no rule holds, and there is no success row")


def force(operation: Operation, rule: Rule, raw: Mapping[str, Any], state: State, now: int, random: Random) -> Shown:
    """What the reply of a rule shows, whether it holds or not; nothing where it cannot be computed. The state does not change."""
    scope = Scope(operation, raw, state, now, random)
    try:
        for name, expression in rule.mint:
            scope[name] = expression.evaluate(scope)
        return rule.shown(scope)
    except FAILURES:
        return NOTHING_SHOWN


def _answer(operation: Operation, rule: Rule, scope: Scope) -> Decision:
    minted: dict[str, Any] = {}
    changes: list[Change] = []
    try:
        for name, expression in rule.mint:
            minted[name] = scope[name] = expression.evaluate(scope)
        data = rule.data.render(scope) if rule.data else None
        more = rule.shown(scope) if rule.shows_more else None
    except FAILURES as error:
        raise ExecutionError(f"{rule.file}:{rule.line}: {error}") from error
    before = scope.state
    state = rule.apply_effects(scope, changes) if rule.effects else before
    return Decision(operation, scope.raw, before, scope["now"], rule, state, minted, data, changes, more)
