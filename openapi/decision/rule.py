"""The rows of a decision table, and the values that their conditions use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from openapi.decision.content import Content
from openapi.decision.data import Template
from openapi.decision.effect import Effect
from openapi.decision.headers import Header
from openapi.decision.lookup import Let
from openapi.decision.unsure import Moment
from openapi.document.errors import ExecutionError, short_name
from openapi.expression.expression import Expression
from openapi.expression.native import all_of
from openapi.parameters.parameter import MALFORMED, MISSING, UNREADABLE, Absence, Parameter, Read
from openapi.state.state import Change, State

DOCUMENTED, ASSUMED, PERMITTED = "documented", "assumed", "permitted"
ANY_CODE = "*"
"""The code of a permitted row that stands for every code."""
NO_VALUES: Mapping[str, Any] = MappingProxyType({})
FAILURES = (TypeError, ValueError, ArithmeticError, LookupError, RuntimeError)
"""What an expression or an effect may raise besides ExecutionError."""


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
        yield from self.showing

    @property
    def showing(self) -> Iterator[Expression]:
        """The expressions of which its reply consists."""
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
            if isinstance(error, FAILURES) and not isinstance(error, ExecutionError):
                raise ExecutionError(f"{self.file}:{self.line}: then: {error}") from error
            raise
        return draft.finished()


class Shown(NamedTuple):
    """What a reply shows besides its code and its message."""

    data: Any = None
    body: Any = None
    """What is merged into the body."""
    headers: Mapping[str, str] = NO_VALUES


NOTHING_SHOWN = Shown()


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
