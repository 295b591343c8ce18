"""The decision: the outcome of a request in a state, all outcomes that are permitted there, and the reasons.

All functions are pure. The caller passes the time (epoch ms) and the random generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from openapi.decision.content import Content
from openapi.decision.data import Match, Template
from openapi.decision.effect import Effect
from openapi.decision.headers import Header
from openapi.decision.lookup import Let
from openapi.decision.unsure import Draws, Moment, stored_value
from openapi.document.errors import ExecutionError, short_name
from openapi.expression.expression import Expression
from openapi.expression.native import all_of
from openapi.parameters.parameter import MALFORMED, MISSING, UNREADABLE, Absence, Parameter, Read
from openapi.state.state import Change, State

DOCUMENTED, ASSUMED, PERMITTED = "documented", "assumed", "permitted"
ANY_CODE = "*"
"""The code of a permitted row that stands for every code."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_FAILURES = (TypeError, ValueError, ArithmeticError, LookupError, RuntimeError)


OrderedRules = tuple[tuple[Callable[["Scope"], bool], "Rule"], ...]
"""Conditions and rules, in the order of the decision table."""


class Scope(dict[str, Any]):
    """The values that a rule can use: of each name, or its Absence. A let is looked up when a rule first uses it."""

    __slots__ = ("moment", "operation", "random", "raw", "read_values", "state")
    read_values: Mapping[str, Any]
    """The values of parameters that the server under test reads differently; set by the suite only."""
    moment: Moment | None
    """When the server under test handled the request; set by the suite only, which does not know it exactly."""

    def __init__(
        self, operation: Operation, raw: Mapping[str, Any], state: State, now: int, random: Random | None = None
    ) -> None:
        self.operation, self.raw, self.state, self.random = operation, raw, state, random
        self.moment = None
        self["now"] = now
        get = raw.get
        for name, read in operation.readers:
            self[name] = read(get(name))

    def __missing__(self, name: str) -> Any:
        self.operation.resolvers[name](self)
        return self[name]


class Operation(Protocol):
    """The attributes of an operation that a decision uses."""

    @property
    def name(self) -> str: ...
    @property
    def lets(self) -> Mapping[str, Let]: ...
    @property
    def rules(self) -> tuple[Rule, ...]: ...
    @property
    def answers(self) -> OrderedRules: ...
    @property
    def answers_if_present(self) -> OrderedRules: ...
    @property
    def parameters(self) -> tuple[Parameter, ...]: ...
    @property
    def readers(self) -> tuple[tuple[str, Read], ...]: ...
    @property
    def checked_values(self) -> Callable[[Scope], tuple[Any, ...]]: ...
    @property
    def resolvers(self) -> Mapping[str, Callable[[Scope], None]]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One row of the decision table: its condition, its outcome, its effects and its reply data."""

    number: int
    """The position in the decision table, from 1."""
    outcome: str
    """Operation and code, such as `getThing/404`."""
    status: int
    """The HTTP status."""
    code: int | str | None
    """The code in the body; None where the contract has only HTTP statuses."""
    kind: str
    """documented, assumed or permitted."""
    why: str
    """The reason of an assumed or permitted row; empty for a documented one."""
    messages: Mapping[str, str]
    missing: tuple[str, ...]
    malformed: tuple[str, ...]
    unreadable: tuple[str, ...]
    when: Expression | None
    mint: tuple[tuple[str, Expression], ...]
    effects: tuple[Effect, ...]
    data: Template | None
    body: Template | None
    """What the body has besides the code, the message and the data."""
    headers: tuple[Header, ...]
    file: str
    line: int
    pointer: tuple[str | int, ...] = ()
    """Where the row is in the document; empty for an operation without a decision table."""
    content: Content | None = None
    """The documented reply of an operation without a decision table; None for any other."""
    common: bool = False
    """Whether it is a row of the top-level `x-outcomes`."""
    refuses: bool = False
    """Whether its outcome is another one than the success."""
    shows_more: bool = field(init=False)
    """Whether its reply has a body of its own, or headers."""
    holds: Callable[[Scope], bool] = field(init=False, repr=False, compare=False)
    """Whether every condition is met; an Absence counts as false. Raises ExecutionError where an expression fails."""

    @property
    def spellings(self) -> tuple[str, ...]:
        """How its outcome may be written: `getThing/404`, `404`, or as the code in the body."""
        return self.outcome, self.outcome.rpartition("/")[2], *([] if self.code is None else [str(self.code)])

    def __post_init__(self) -> None:
        object.__setattr__(self, "shows_more", self.body is not None or bool(self.headers))
        object.__setattr__(self, "holds", all_of(list(self._conditions()) or [lambda scope: True]))

    def _conditions(self) -> Iterator[Callable[[Scope], bool]]:
        native = self.when is not None and self.when.native is not None
        if self.when is not None and native:
            yield self.when.holds  # first, because it cannot raise, and it may save a lookup
        if self.missing:
            yield _any(self.missing, MISSING)
        if self.malformed:
            yield _any(self.malformed, MALFORMED, UNREADABLE)
        if self.unreadable:
            yield _any(self.unreadable, UNREADABLE)
        if self.when is not None and not native:
            yield self.when.holds

    @property
    def expressions(self) -> Iterator[Expression]:
        """Every expression in it."""
        if self.when is not None:
            yield self.when
        yield from (expression for _, expression in self.mint)
        for effect in self.effects:
            yield from effect.expressions
        for template in (self.data, self.body):
            if template is not None:
                yield from template.expressions
        yield from (header.expression for header in self.headers)

    @property
    def shows(self) -> bool:
        """Whether its reply has more than the code and the message."""
        return self.data is not None or self.shows_more

    def shown(self, scope: Scope) -> Shown:
        """What its reply shows; minted values must be in the scope."""
        return Shown(
            self.data.render(scope) if self.data else None,
            self.body.render(scope) if self.body else None,
            {each.name: text for each in self.headers if (text := each.rendered(scope)) is not None},
        )

    def requires_absence(self, parameters: Set[str]) -> tuple[str, ...]:
        """Parameters of which one must be missing or malformed for the rule to hold; empty where there is no such condition."""
        groups = (self.missing, self.malformed, self.unreadable)
        return next((names for names in groups if names and parameters >= set(names)), ())

    @property
    def mints(self) -> frozenset[str]:
        """The tables into which it inserts a row with a minted value."""
        names = {name for name, _ in self.mint}
        return frozenset(each.table for each in self.effects if any(value.source in names for _, value in each.assignments))

    @property
    def always(self) -> bool:
        """Whether it holds for every request."""
        return not (self.missing or self.malformed or self.unreadable or self.when)

    @property
    def condition(self) -> str:
        """Its condition, as the contract writes it."""
        named = (("missing", self.missing), ("malformed", self.malformed), ("unreadable", self.unreadable))
        parts = [f"{word}: {', '.join(names)}" for word, names in named if names]
        if self.when is not None:
            parts.append(f"when: {self.when}")
        return "; ".join(parts) or "always"

    def message(self, language: str) -> str:
        """The message in a language; in the first language of the contract where it has none in this one."""
        return self.messages.get(language) or next(iter(self.messages.values()), "")

    def __str__(self) -> str:
        kind = "" if self.kind == DOCUMENTED else f" ({self.kind}: {self.why})"
        return f"{self.outcome} - {self.condition}{kind} [{short_name(self.file)}:{self.line}]"

    def apply_effects(self, scope: Scope, changes: list[Change]) -> State:
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


class Shown(NamedTuple):
    """What a reply shows besides its code and its message."""

    data: Any = None
    body: Any = None
    """What is merged into the body."""
    headers: Mapping[str, str] = _NOTHING


NOTHING_SHOWN = Shown()


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
        return _NOTHING if self.more is None else self.more.headers

    @property
    def outcome(self) -> str:
        """Operation and code."""
        return self.rule.outcome

    def reasons(self) -> list[str]:
        """The rules before the one that answers, then that one, each as a sentence with the values of its condition."""
        secret = {each.name for each in self.operation.parameters if each.secret}
        scope = Scope(self.operation, self.raw, self.before, self.now)  # built again: keeping it would take a kilobyte
        return [_reason(each, scope, secret) for each in self.operation.rules if each.number <= self.rule.number]


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

    def accept(self, rule: Rule, data: Any, body: Any = None, headers: Mapping[str, str] = _NOTHING) -> Acceptance:
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
        _mint_unknown(rule, scope, _NOTHING)
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
        return _reason(rule, self.scope, {each.name for each in self.scope.operation.parameters if each.secret})


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
    except _FAILURES:
        return NOTHING_SHOWN


def permitted(
    operation: Operation,
    raw: Mapping[str, Any],
    state: State,
    now: int,
    values: Mapping[str, Any] = _NOTHING,
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


def _any(names: tuple[str, ...], *absences: Absence) -> Callable[[Scope], bool]:
    """A test whether one of the names has one of these absences."""
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
        more = rule.shown(scope) if rule.shows_more else None
    except _FAILURES as error:
        raise ExecutionError(f"{rule.file}:{rule.line}: {error}") from error
    before = scope.state
    state = rule.apply_effects(scope, changes) if rule.effects else before
    return Decision(operation, scope.raw, before, scope["now"], rule, state, minted, data, changes, more)


def _reason(rule: Rule, scope: Scope, secret: set[str]) -> str:
    names = [*rule.missing, *rule.malformed, *rule.unreadable]
    shown = [f"{name} is {_shown(scope[name], name in secret)}" for name in names]
    references = rule.when.references if rule.when else ()
    secret_texts = any(each.name in secret for each in references)  # a text that a secret is compared with is one
    for reference in references:
        value = reference.value(scope)
        hidden = reference.name in secret or (secret_texts and isinstance(value, str))
        shown.append(f"{reference} is {_shown(value, hidden)}")
    verdict = "holds" if rule.holds(scope) else "does not hold"
    passed = ", but is only permitted" if rule.kind is PERMITTED and verdict == "holds" else ""
    return f"{rule.outcome}: {rule.condition} {verdict}{passed}" + (f": {', '.join(shown)}" if shown else "")


def _shown(value: Any, secret: bool) -> str:
    if isinstance(value, Absence):
        return value.value
    return "present" if secret or isinstance(value, (tuple, list)) else repr(value)
