"""The records of a loaded contract; all are immutable."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from openapi.decision.content import DEFAULT
from openapi.decision.decision import Decision
from openapi.decision.envelope import Envelope
from openapi.decision.lookup import Let
from openapi.decision.rule import ANY_CODE, PERMITTED, OrderedRules, Rule, Scope, Shown
from openapi.document.errors import Problem
from openapi.expression.binding import values_at
from openapi.expression.expression import Expression
from openapi.parameters.names import REQUEST, request_parts
from openapi.parameters.parameter import Parameter, Read, gather
from openapi.parameters.readings import Stated
from openapi.parameters.sending import Parts, sent_parts
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
    """The reader of each parameter that has a raw value of its own, by name."""
    resolvers: Mapping[str, Callable[[Scope], None]]
    """For each let, each of its columns that is used, and each part of a parameter: the function that puts it into a scope."""
    accepts_form: bool
    accepts_json: bool
    requires_json: bool
    """Whether a request has a JSON body even if no parameter is in it."""
    response_schemas: Mapping[str, dict[str, Any]]
    """JSON Schema of the reply's body by HTTP status text."""
    line: int
    computed: Mapping[str, Expression] = field(default_factory=dict)
    """By parameter the value that a correct client computes, such as a signature."""
    bases: tuple[str, ...] = ()
    """The paths of its `servers`, such as `/api/v3`; the root is none."""
    answers: OrderedRules = field(init=False)
    """The rules that the mock answers with: all but the permitted ones."""
    checked_values: Callable[[Scope], tuple[Any, ...]] = field(init=False)
    """The values of the parameters that some rules require to be missing or malformed."""
    answers_if_present: OrderedRules = field(init=False)
    """The answers without these rules, for a request in which all these parameters are present and well-formed."""

    def __post_init__(self) -> None:
        parameters = {each.name for each in self.parameters}
        answers = [rule for rule in self.rules if rule.kind is not PERMITTED]
        checked = tuple(dict.fromkeys(name for rule in answers for name in rule.requires_absence(parameters)))
        others = [rule for rule in answers if not rule.requires_absence(parameters)]
        object.__setattr__(self, "answers", tuple((rule.holds, rule) for rule in answers))
        object.__setattr__(self, "checked_values", values_at(checked))
        object.__setattr__(self, "answers_if_present", tuple((rule.holds, rule) for rule in others))

    @property
    def success(self) -> Rule:
        """The last rule."""
        return self.rules[-1]

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Its outcomes, in the order of the decision table."""
        return tuple(dict.fromkeys(rule.outcome for rule in self.rules if rule.code != ANY_CODE))

    def rule_of(self, code: str) -> Rule | None:
        """The row that gives an outcome, in any of its spellings; None where none does.

        Of an operation without a decision table, a range or `default` gives every status that it covers.
        """
        known, label = self.outcomes, code.removeprefix(f"{self.name}/")
        for rule in self.rules:
            if code in rule.spellings and rule.outcome in known:
                return rule
        status = int(label) if label.isascii() and label.isdecimal() and len(label) == 3 else 0
        if not 200 <= status <= 599:
            return None
        covering = [rule for rule in self.rules if rule.content is not None and rule.content.covers(status)]
        exactest = min(covering, key=lambda rule: rule.content is not None and rule.content.key == DEFAULT, default=None)
        return replace(exactest, status=status, outcome=f"{self.name}/{status}") if exactest is not None else None

    @property
    def reads_request(self) -> bool:
        """Whether a rule uses the request itself, such as its path."""
        return any(each.location == REQUEST for each in self.parameters)

    def sent(self, raw: Mapping[str, Any]) -> Parts:
        """The parts of a request with these raw values."""
        return sent_parts(self.path, self.parameters, raw)

    def itself(self, raw: Mapping[str, Any]) -> dict[str, str]:
        """The request itself, with these raw values, as rules know it."""
        sent = self.sent(raw)
        body = self.json_body(sent.body)
        text = "" if body is None else json.dumps(body)
        return request_parts(sent.path, self.path, urlencode(sent.query, errors="replace"), text, self.method)

    def json_body(self, values: Mapping[str, Any]) -> Any:
        """The JSON body of a request with these values in it, by wire name; None for a request without a body."""
        if any(each.location == "body" and not each.wire_name for each in self.parameters):
            return values.get("")
        return dict(values) if values or self.requires_json else None

    def gather(self, **parts: Any) -> dict[str, Any]:
        """The raw values of its parameters from `query`, `path`, `headers`, `cookies`, `form` and `body`."""
        return gather(self.parameters, **parts)


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """A compiled OpenAPI document."""

    file: str
    title: str
    document: dict[str, Any]
    operations: Mapping[str, Operation]
    tables: Mapping[str, Columns]
    phases: Mapping[str, tuple[tuple[str, Expression], ...]]
    """The phases of a row, by table: names and conditions. The phase of a row is the first whose condition holds."""
    secret_columns: frozenset[tuple[str, str]]
    """(table, column) pairs that a credential is compared with, or that are passwords."""
    envelope: Envelope
    languages: tuple[str, ...]
    """The languages of its messages; the first is the default."""
    language_header: str | None

    def only(self, *names: str) -> Contract:
        """The same contract with only these operations. Raises KeyError for an unknown name."""
        return replace(self, operations={name: self.operations[name] for name in names})

    readings: Mapping[str, Stated] = field(default_factory=dict)
    """What `x-readings` states about reading requests, by kind."""
    notes: tuple[str, ...] = ()
    """What the document leaves open, and what in it is not read, as sentences."""
    unread: tuple[Problem, ...] = ()
    """References that lead to the network, out of the folder of the document, or to a file that does not exist."""
    files: tuple[str, ...] = ()
    """Its file, and those that its references name."""

    def body(self, rule: Rule, language: str, shown: Shown | Decision) -> Any:
        """The body of a reply, before serialization as JSON."""
        if rule.content is not None:
            return shown.data
        return self.envelope.body(rule.code, rule.message(language), shown.data, shown.body, refusal=rule.refuses)
