"""The records of a loaded contract; all are immutable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from openapi.decision.decision import ANY_CODE, PERMITTED, Rule, Scope, Steps
from openapi.decision.envelope import Envelope
from openapi.decision.lookup import Let
from openapi.expression.expression import Expression, values_at
from openapi.parameters.parameter import Parameter, Read, gather
from openapi.parameters.readings import Stated
from openapi.state.state import Columns


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation of the contract, with its decision table."""

    name: str
    """The operationId."""
    method: str
    """In upper case."""
    path: str
    parameters: tuple[Parameter, ...]
    """Parameters, properties of a JSON body, and credentials."""
    lets: Mapping[str, Let]
    rules: tuple[Rule, ...]
    readers: tuple[tuple[str, Read], ...]
    """What reads each parameter."""
    resolvers: Mapping[str, Callable[[Scope], None]]
    """What settles each let, and each column of it that is used, in a scope."""
    accepts_form: bool
    accepts_json: bool
    response_schemas: Mapping[str, dict[str, Any]]
    """JSON Schema of the reply's body by HTTP status text."""
    line: int
    answers: Steps = field(init=False)
    """The rules that a mock may answer with: those that are not merely permitted."""
    screened: Callable[[Scope], tuple[Any, ...]] = field(init=False)
    """The values of the parameters of which some rules ask nothing but whether they are absent."""
    sound_answers: Steps = field(init=False)
    """The other rules, for a request in which none of these is."""

    def __post_init__(self) -> None:
        parameters = {each.name for each in self.parameters}
        answers = [rule for rule in self.rules if rule.kind is not PERMITTED]
        screened = tuple(dict.fromkeys(name for rule in answers for name in rule.screens(parameters)))
        sound = [rule for rule in answers if not rule.screens(parameters)]
        object.__setattr__(self, "answers", tuple((rule.holds, rule) for rule in answers))
        object.__setattr__(self, "screened", values_at(screened))
        object.__setattr__(self, "sound_answers", tuple((rule.holds, rule) for rule in sound))

    @property
    def success(self) -> Rule:
        """The last rule."""
        return self.rules[-1]

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Its outcomes, in the order of the table."""
        return tuple(dict.fromkeys(rule.outcome for rule in self.rules if rule.code != ANY_CODE))

    def gather(self, **parts: Any) -> dict[str, Any]:
        """The raw values of its parameters, out of `query`, `path`, `headers`, `cookies`, `form` and `body`."""
        return gather(self.parameters, **parts)


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """An OpenAPI document with its meaning."""

    file: str
    title: str
    document: dict[str, Any]
    operations: Mapping[str, Operation]
    tables: Mapping[str, Columns]
    phases: Mapping[str, tuple[tuple[str, Expression], ...]]
    """The phases in the life of a row, by table: name and condition, the first that holds."""
    secret_columns: frozenset[tuple[str, str]]
    """(table, column) pairs that a credential is compared with."""
    envelope: Envelope
    languages: tuple[str, ...]
    """The languages of its messages; the first is the default."""
    language_header: str | None

    def only(self, *names: str) -> Contract:
        """The same contract with these operations alone. Raises KeyError for a name that it does not have."""
        return replace(self, operations={name: self.operations[name] for name in names})

    readings: Mapping[str, Stated] = field(default_factory=dict)
    """What the document states of how a server reads requests, by kind."""
    notes: tuple[str, ...] = ()
    """What a plain mock of it cannot know, as sentences."""

    def body(self, rule: Rule, language: str, data: Any) -> Any:
        """The body of a reply, before it is written as JSON."""
        return data if rule.media is not None else self.envelope.body(rule.code, rule.message(language), data)
