"""All answers that a server may give to a request in a state, and what follows from the one that it gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from openapi.decision.data import Match
from openapi.decision.reasons import reason
from openapi.decision.rule import ANY_CODE, ASSUMED, DOCUMENTED, NO_VALUES, PERMITTED, Operation, Rule, Scope
from openapi.decision.unsure import Draws, Moment, stored_value
from openapi.document.errors import ExecutionError
from openapi.state.state import Change, State


@dataclass(frozen=True, slots=True, eq=False)
class Acceptance:
    """The state of the suite after a reply, and the differences between the reply and the contract."""

    state: State
    differences: list[str]
    """The differences between the data and the contract, as sentences."""
    minted: Mapping[str, Any]
    """The minted values, from the data."""
    changes: list[Change]


@dataclass(slots=True)
class Permitted:
    """All permitted answers to a request in a state."""

    scope: Scope
    answer: Rule
    """The rule that the mock answers with."""
    rules: tuple[Rule, ...]
    """Every rule that a server may answer with. The success is among them only where no documented refusal holds."""
    refusals: tuple[Rule, ...]
    """The documented refusals that hold."""
    success: Rule
    unsure: bool = False
    """Whether a condition cannot be computed, as a number is too large: nobody knows whether it holds."""

    @property
    def outcomes(self) -> frozenset[str]:
        """The outcomes that a server may give."""
        return frozenset(rule.outcome for rule in self.rules)

    @property
    def may_change(self) -> bool:
        """Whether one of these rules changes the state."""
        return any(rule.effects for rule in self.rules)

    def in_order(self) -> Permitted:
        """The answers of a server that checks in the order of the table: none below the first documented refusal.

        Permitted rows directly below that refusal stay: they are alternatives to it. So do rows without a condition.
        """
        if not self.refusals:
            return self
        below = self.scope.operation.rules[self.refusals[0].number :]
        end = next(rule.number for rule in below if rule.kind is not PERMITTED)
        return replace(self, rules=tuple(rule for rule in self.rules if rule.number < end or rule.always))

    def rule(self, outcome: str) -> Rule | None:
        """The first of the rules that permit an outcome; None where none does."""
        return next(iter(self.rules_with(outcome)), None)

    def rules_with(self, outcome: str) -> list[Rule]:
        """The rules that permit an outcome: documented before assumed before permitted, then those with a condition first."""
        order = (DOCUMENTED, ASSUMED, PERMITTED)
        found = [rule for rule in self.rules if rule.outcome == outcome]
        if not found and outcome != self.success.outcome:
            found = [rule for rule in self.rules if rule.code == ANY_CODE]
        return sorted(found, key=lambda rule: (order.index(rule.kind), rule.always))

    def accept(self, rule: Rule, data: Any, body: Any = None, headers: Mapping[str, str] = NO_VALUES) -> Acceptance:
        """The result of a reply with this rule: takes minted values from it, compares the rest, applies the effects.

        `data` is in the decoded `body`; the names of `headers` are in lower case. Raises ExecutionError where an effect fails,
        such as an insert under a key that exists.
        """
        match = Match()
        scope = self._inexact_scope()
        if rule.data is not None:
            rule.data.match(scope, data, match, "data")
        if rule.body is not None:
            rule.body.match(scope, body, match, "body")
        scope.update(match.minted)
        unknown = {name for name, _ in rule.mint} - match.minted.keys()
        for header in rule.headers:
            header.match(scope, headers, match, unknown)
        scope.update(match.minted)
        _mint_unknown(rule, scope, match.minted)
        changes: list[Change] = []
        state = rule.apply_effects(scope, changes)
        return Acceptance(state, match.differences, match.minted, changes)

    def suppose(self, rule: Rule, changes: list[Change] | None = None) -> State:
        """The state of a server that applied this rule and whose reply was lost; placeholders stand for minted values.

        The changes are appended to `changes`. Raises ExecutionError as `accept` does.
        """
        scope = self._inexact_scope()
        # What two replies that were lost at the same time would have shown is the same to us.
        scope.moment = scope.moment and scope.moment._replace(request=0)
        _mint_unknown(rule, scope, NO_VALUES)
        return rule.apply_effects(scope, [] if changes is None else changes)

    def _inexact_scope(self) -> Scope:
        """A copy of the scope in which the time of the server is not exactly known."""
        scope = Scope(self.scope.operation, self.scope.raw, self.scope.state, self.scope["now"])
        scope.update(self.scope.read_values)
        scope.moment = self.scope.moment or Moment(self.scope["now"])
        scope.random = Draws()
        return scope

    def reason(self, rule: Rule) -> str:
        """Why a rule holds or not: its condition, and the values of its names."""
        return reason(rule, self.scope)


def permitted(
    operation: Operation,
    raw: Mapping[str, Any],
    state: State,
    now: int,
    values: Mapping[str, Any] = NO_VALUES,
    moment: Moment | None = None,
) -> Permitted:
    """All permitted answers: each rule that holds, and the success if no documented refusal holds.

    `now` is epoch ms. `values` replace the values of parameters that the server reads differently from this package. `moment` is
    what the suite stores of the time; by default `now`.
    """
    scope = Scope(operation, raw, state, now)
    scope.read_values, scope.moment = values, moment
    scope.update(values)
    success = operation.rules[-1]
    unsure: list[Rule] = []
    held = tuple(rule for rule in operation.rules[:-1] if _may_hold(rule, scope, unsure))
    certain = held if not unsure else tuple(rule for rule in held if rule not in unsure)
    refusals = tuple(rule for rule in certain if rule.kind is DOCUMENTED)
    answer = next((rule for rule in certain if rule.kind is not PERMITTED), success)
    return Permitted(scope, answer, held if refusals else (*held, success), refusals, success, bool(unsure))


def _may_hold(rule: Rule, scope: Scope, unsure: list[Rule]) -> bool:
    """Whether a rule holds. One whose condition cannot be computed may hold, and is added to `unsure`."""
    try:
        return rule.holds(scope)
    except ExecutionError:
        unsure.append(rule)
        return True


def _mint_unknown(rule: Rule, scope: Scope, known: Mapping[str, Any]) -> None:
    """Puts minted values that no reply has shown into a scope of the suite: computed, or placeholders."""
    for name, expression in rule.mint:
        if name not in known:
            scope[name] = stored_value(name, expression, scope, minted=True)
