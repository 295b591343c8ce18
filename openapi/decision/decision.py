"""The decision: the outcome of a request in a state, all outcomes that are permitted there, and the reasons.

All functions are pure. The caller passes the time (epoch ms) and the random generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from random import Random
from types import MappingProxyType
from typing import Any, Protocol

from openapi.decision.data import Match, Template
from openapi.decision.effect import Effect
from openapi.decision.lookup import Let
from openapi.document.errors import ExecutionError
from openapi.expression.expression import Expression
from openapi.expression.native import all_of
from openapi.parameters.parameter import MALFORMED, MISSING, UNREADABLE, Absence, Parameter, Read
from openapi.state.state import Change, State

DOCUMENTED, ASSUMED, PERMITTED = "documented", "assumed", "permitted"
ANY_CODE = "*"
"""The code of a permitted row which says that a server may refuse with whatever code."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_FAILURES = (TypeError, ValueError, ArithmeticError, LookupError, RuntimeError)


Steps = tuple[tuple[Callable[["Scope"], bool], "Rule"], ...]
"""Conditions and rules, in the order of the table."""


class Scope(dict[str, Any]):
    """The values that a rule can use: of each name, or its Absence. A let is looked up when a rule first uses it."""

    __slots__ = ("follows", "operation", "random", "raw", "read_values", "state")
    read_values: Mapping[str, Any]
    """The values of parameters that a server reads otherwise; of an examiner's scope alone."""

    def __init__(
        self, operation: Operation, raw: Mapping[str, Any], state: State, now: int, random: Random | None = None
    ) -> None:
        self.operation, self.raw, self.state, self.random = operation, raw, state, random
        self.follows = False  # whether it is an examiner's, who follows a server without knowing its clock
        self["now"] = now
        get = raw.get
        for name, read in operation.readers:
            self[name] = read(get(name))

    def __missing__(self, name: str) -> Any:
        self.operation.resolvers[name](self)
        return self[name]


class Operation(Protocol):
    """What a decision needs to know of an operation."""

    @property
    def name(self) -> str: ...
    @property
    def lets(self) -> Mapping[str, Let]: ...
    @property
    def rules(self) -> tuple[Rule, ...]: ...
    @property
    def answers(self) -> Steps: ...
    @property
    def sound_answers(self) -> Steps: ...
    @property
    def parameters(self) -> tuple[Parameter, ...]: ...
    @property
    def readers(self) -> tuple[tuple[str, Read], ...]: ...
    @property
    def screened(self) -> Callable[[Scope], tuple[Any, ...]]: ...
    @property
    def resolvers(self) -> Mapping[str, Callable[[Scope], None]]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One row of the decision table: when it holds, which outcome it gives, and what that changes."""

    number: int
    """From 1, in the order in which the mock looks."""
    outcome: str
    """Operation and code, such as `getThing/404`."""
    status: int
    """The HTTP status."""
    code: int | str | None
    """The code in the body; None where the status says all."""
    kind: str
    """documented, assumed or permitted."""
    why: str
    """The reason of an assumption or of a permission."""
    messages: Mapping[str, str]
    missing: tuple[str, ...]
    malformed: tuple[str, ...]
    unreadable: tuple[str, ...]
    when: Expression | None
    mint: tuple[tuple[str, Expression], ...]
    effects: tuple[Effect, ...]
    data: Template | None
    file: str
    line: int
    media: str | None = None
    """The media type of a body that is data alone, of an operation without a decision table; empty where it has no body."""
    common: bool = False
    """Whether it is a row of the whole document."""
    holds: Callable[[Scope], bool] = field(init=False, repr=False, compare=False)
    """Whether (an Absence is false) every condition of the rule is met. Raises ExecutionError where its expression fails."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", all_of(list(self._conditions()) or [lambda scope: True]))

    def _conditions(self) -> Iterator[Callable[[Scope], bool]]:
        plain = self.when is not None and self.when.plain is not None
        if self.when is not None and plain:
            yield self.when.holds  # first, for it cannot fail, and it may spare a lookup
        if self.missing:
            yield _any(self.missing, MISSING)
        if self.malformed:
            yield _any(self.malformed, MALFORMED, UNREADABLE)
        if self.unreadable:
            yield _any(self.unreadable, UNREADABLE)
        if self.when is not None and not plain:
            yield self.when.holds

    @property
    def expressions(self) -> Iterator[Expression]:
        """Every expression in it."""
        if self.when is not None:
            yield self.when
        yield from (expression for _, expression in self.mint)
        for effect in self.effects:
            yield from effect.expressions
        if self.data is not None:
            yield from self.data.expressions

    def screens(self, parameters: Set[str]) -> tuple[str, ...]:
        """Parameters of which one must be absent, or it does not hold; empty where it may hold without that."""
        groups = (self.missing, self.malformed, self.unreadable)
        return next((names for names in groups if names and parameters >= set(names)), ())

    @property
    def mints(self) -> frozenset[str]:
        """The tables into which it inserts a row whose key the server invents."""
        names = {name for name, _ in self.mint}
        return frozenset(each.table for each in self.effects if any(cell.source in names for _, cell in each.cells))

    @property
    def always(self) -> bool:
        """Whether it holds for every request."""
        return not (self.missing or self.malformed or self.unreadable or self.when)

    @property
    def condition(self) -> str:
        """When it holds, in the words of the contract."""
        named = (("missing", self.missing), ("malformed", self.malformed), ("unreadable", self.unreadable))
        parts = [f"{word}: {', '.join(names)}" for word, names in named if names]
        if self.when is not None:
            parts.append(f"when: {self.when}")
        return "; ".join(parts) or "always"

    def message(self, language: str) -> str:
        """The message in a language; in the contract's first one where that is unknown."""
        return self.messages.get(language) or next(iter(self.messages.values()), "")

    def __str__(self) -> str:
        kind = "" if self.kind == DOCUMENTED else f" ({self.kind}: {self.why})"
        return f"{self.outcome} - {self.condition}{kind} [{self.file}:{self.line}]"

    def carry_out(self, scope: Scope, changes: list[Change]) -> State:
        """The state after all effects; minted values must be in the scope. Raises ExecutionError."""
        draft = scope.state.draft()
        try:
            for effect in self.effects:
                effect.apply(scope, draft, changes)
        except BaseException as error:
            draft.undo()
            if isinstance(error, _FAILURES) and not isinstance(error, ExecutionError):
                raise ExecutionError(f"{self.file}:{self.line}: then: {error}") from error
            raise
        return draft.finished()


@dataclass(slots=True)
class Decision:
    """The rule that answers a request in a state at a time, the state after it, what it returns, and what it changed."""

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

    @property
    def outcome(self) -> str:
        """Operation and code."""
        return self.rule.outcome

    def reasons(self) -> list[str]:
        """Why: the rules that were passed over, in order, and last the one that answers, each with the values it saw."""
        secret = {each.name for each in self.operation.parameters if each.credential}
        scope = Scope(self.operation, self.raw, self.before, self.now)  # whose own is not kept: it takes a kilobyte
        return [_reason(each, scope, secret) for each in self.operation.rules if each.number <= self.rule.number]


@dataclass(frozen=True, slots=True, eq=False)
class Acceptance:
    """The state of the suite after a reply, and the differences between the reply and the contract."""

    state: State
    differences: list[str]
    """How the data differ from the contract."""
    minted: Mapping[str, Any]
    """The values that the server invented."""
    changes: list[Change]


@dataclass(slots=True)
class Permitted:
    """What a server may answer here."""

    scope: Scope
    answer: Rule
    """The rule that the mock answers with."""
    rules: tuple[Rule, ...]
    """Every rule that a server may answer with; the success only where no documented refusal holds."""
    refusals: tuple[Rule, ...]
    """The documented refusals that hold."""
    success: Rule

    @property
    def outcomes(self) -> frozenset[str]:
        """The outcomes that a server may give."""
        return frozenset(rule.outcome for rule in self.rules)

    @property
    def may_change(self) -> bool:
        """Whether a server may change something."""
        return any(rule.effects for rule in self.rules)

    def in_order(self) -> Permitted:
        """What is left for a server that looks in the order of the table: no row below the first documented refusal.

        Permitted rows directly below a row say what it may answer instead; one that always holds checks nothing.
        """
        if not self.refusals:
            return self
        below = self.scope.operation.rules[self.refusals[0].number :]
        end = next(rule.number for rule in below if rule.kind is not PERMITTED)
        return replace(self, rules=tuple(rule for rule in self.rules if rule.number < end or rule.always))

    def rule(self, outcome: str) -> Rule | None:
        """The rule that allows an outcome: a documented one before an assumed and a permitted one, a specific one first."""
        order = (DOCUMENTED, ASSUMED, PERMITTED)
        found = [rule for rule in self.rules if rule.outcome == outcome]
        if not found and outcome != self.success.outcome:
            found = [rule for rule in self.rules if rule.code == ANY_CODE]
        return min(found, key=lambda rule: (order.index(rule.kind), rule.always), default=None)

    def accept(self, rule: Rule, data: Any) -> Acceptance:
        """Follows a server that answered with this rule: minted values are bound from `data`, effects applied.

        Raises ExecutionError where the effects are impossible, as with a key that exists already.
        """
        match = Match()
        scope = self._followed()
        if rule.data is not None:
            rule.data.match(scope, data, match, "data")
        scope.update(match.minted)
        changes: list[Change] = []
        known = {name for name, _ in rule.mint} <= set(match.minted)
        state = rule.carry_out(scope, changes) if known else scope.state
        return Acceptance(state, match.differences, match.minted, changes)

    def suppose(self, rule: Rule, changes: list[Change] | None = None) -> State:
        """The state of a server that carried out this rule and whose reply was lost: what it minted, nobody knows.

        `changes` gets what it then changed. Raises ExecutionError as `accept` does.
        """
        scope = self._followed()
        scope.update({name: f"\0{name} of a lost reply at {self.scope['now']}" for name, _ in rule.mint})
        return rule.carry_out(scope, [] if changes is None else changes)

    def _followed(self) -> Scope:
        """The same scope, of somebody who follows a server without knowing its clock."""
        scope = Scope(self.scope.operation, self.scope.raw, self.scope.state, self.scope["now"])
        scope.update(self.scope.read_values)
        scope.follows = True
        return scope

    def reason(self, rule: Rule) -> str:
        """Why a rule holds or does not: its condition, and the values that it sees."""
        return _reason(rule, self.scope, {each.name for each in self.scope.operation.parameters if each.credential})


def decide(operation: Operation, raw: Mapping[str, Any], state: State, now: int, random: Random | None = None) -> Decision:
    """The outcome of a request: the first rule that holds and is not merely permitted.

    `raw` maps names of parameters and credentials to their text, `now` is epoch ms, `random` feeds minted values.
    Raises ExecutionError where the contract cannot be carried out on this request; the state is never changed.
    """
    scope = Scope(operation, raw, state, now, random)
    sound = Absence not in map(type, operation.screened(scope))
    for holds, rule in operation.sound_answers if sound else operation.answers:
        if holds(scope):
            return _answer(operation, rule, scope)
    raise ExecutionError("no rule holds, and there is no success row")


def force(operation: Operation, rule: Rule, raw: Mapping[str, Any], state: State, now: int, random: Random) -> Any:
    """What a rule returns, whether it holds or not; null where it speaks of what is not present. Nothing changes."""
    scope = Scope(operation, raw, state, now, random)
    try:
        for name, expression in rule.mint:
            scope[name] = expression.evaluate(scope)
        return rule.data.render(scope) if rule.data else None
    except _FAILURES:
        return None


def permitted(
    operation: Operation, raw: Mapping[str, Any], state: State, now: int, values: Mapping[str, Any] = _NOTHING
) -> Permitted:
    """Every outcome that a server may give: that of each rule that holds, and success if no documented refusal does.

    `values` are those of parameters that a server reads otherwise than this package would.
    """
    scope = Scope(operation, raw, state, now)
    scope.read_values = values
    scope.update(values)
    success = operation.rules[-1]
    held = tuple(rule for rule in operation.rules[:-1] if rule.holds(scope))
    refusals = tuple(rule for rule in held if rule.kind is DOCUMENTED)
    answer = next((rule for rule in held if rule.kind is not PERMITTED), success)
    return Permitted(scope, answer, held if refusals else (*held, success), refusals, success)


def _any(names: tuple[str, ...], *absences: Absence) -> Callable[[Scope], bool]:
    """Whether one of the names is absent in one of these ways."""
    one, *_, other = *absences, absences[-1]
    if len(names) == 1 and one is other:
        name = names[0]
        return lambda scope: scope[name] is one

    def absent(scope: Scope) -> bool:
        for name in names:
            value = scope[name]
            if value is one or value is other:
                return True
        return False

    return absent


def _answer(operation: Operation, rule: Rule, scope: Scope) -> Decision:
    minted: dict[str, Any] = {}
    changes: list[Change] = []
    try:
        for name, expression in rule.mint:
            minted[name] = scope[name] = expression.evaluate(scope)
        data = rule.data.render(scope) if rule.data else None
    except _FAILURES as error:
        raise ExecutionError(f"{rule.file}:{rule.line}: {error}") from error
    before = scope.state
    state = rule.carry_out(scope, changes) if rule.effects else before
    return Decision(operation, scope.raw, before, scope["now"], rule, state, minted, data, changes)


def _reason(rule: Rule, scope: Scope, secret: set[str]) -> str:
    names = [*rule.missing, *rule.malformed, *rule.unreadable]
    seen = [f"{name} is {_shown(scope[name], name in secret)}" for name in names]
    for reference in rule.when.references if rule.when else ():
        seen.append(f"{reference} is {_shown(reference.value(scope), reference.name in secret)}")
    verdict = "holds" if rule.holds(scope) else "does not hold"
    passed = ", but is only permitted" if rule.kind is PERMITTED and verdict == "holds" else ""
    return f"{rule.outcome}: {rule.condition} {verdict}{passed}" + (f": {', '.join(seen)}" if seen else "")


def _shown(value: Any, secret: bool) -> str:
    if isinstance(value, Absence):
        return value.value
    return "present" if secret or isinstance(value, (tuple, list)) else repr(value)
