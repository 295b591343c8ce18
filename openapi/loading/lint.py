"""Checks of a decision table that need the compiled rules: completeness, unreachable rows, undocumented codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import Any

from openapi.decision.contract import Operation
from openapi.decision.envelope import Envelope
from openapi.decision.minted import shown_value
from openapi.decision.rule import ANY_CODE, DOCUMENTED, PERMITTED, Rule
from openapi.document.document import Node
from openapi.document.errors import Problem
from openapi.loading.schemas import parts_of
from openapi.parameters.names import REQUEST
from openapi.parameters.parameter import MISSING, Parameter
from openapi.schemas.flat import CHOICES, Definitions, flat

BODILESS = (204, 205, 304)
"""Statuses of replies without a body."""
WITHOUT_CONSTRAINTS = frozenset(("type", "properties", "required", "$defs", "title", "description", "example", "examples"))
"""The keys of the schema of an object whose parts alone may be wrong."""


def check_operation(operation: Operation, node: Node, envelope: Envelope) -> Iterator[Problem]:
    """All problems of a decision table: missing rows, unreachable rows, codes without a row, rows with an undocumented code."""
    yield from _success(operation)
    yield from _bodies(operation)
    yield from _parameters(operation, node)
    yield from _unreachable(operation)
    yield from _codes(operation, node, envelope)


def undecidable(operations: Iterable[Operation]) -> Iterator[Problem]:
    """What the suite cannot judge: operations that look up rows by a random value that no reply to its request shows."""
    every = tuple(operations)
    for operation in every:
        for rule in operation.rules:
            for name in _hidden(rule):
                columns = {
                    (effect.table, column)
                    for effect in rule.effects
                    for column, each in effect.assignments
                    if each.source == name
                }
                if users := [each.name for each in every if not columns.isdisjoint(_searched(each))]:
                    yield _at(
                        rule,
                        f"no reply to {operation.name} shows {name}, so the suite does not know whether a value that it is asked "
                        f"for by {', '.join(users)} is one",
                        f"write it in data, if replies have it; what these operations answer to unknown values of {name} is "
                        "not a violation",
                    )


def _hidden(rule: Rule) -> Iterator[str]:
    """The minted values that need a random generator and that the reply does not show."""
    inner = [expression for _, expression in rule.mint]
    inner += [each for effect in rule.effects for each in effect.expressions]
    replies = (each for each in rule.expressions if not any(each is other for other in inner))
    minted = {name for name, _ in rule.mint}
    shown = {found.name for each in replies if (found := shown_value(each, minted)) is not None}
    yield from (name for name, each in rule.mint if name not in shown and "uuid(" in each.source)


def _searched(operation: Operation) -> Iterator[tuple[str, str]]:
    """The columns, by table, with which an operation compares values of its requests."""
    parameters = {each.name for each in operation.parameters}
    lookups = [let.lookup for let in operation.lets.values() if let.lookup is not None]
    for lookup in lookups:
        yield from (
            (lookup.table, name) for name, each in lookup.where if any(used.name in parameters for used in each.references)
        )


def _at(rule: Rule, what: str, hint: str = "") -> Problem:
    return Problem(rule.file, rule.line, what, hint)


def _success(operation: Operation) -> Iterator[Problem]:
    last = operation.success
    if not last.always or last.kind != DOCUMENTED:
        yield _at(last, "the last row is not a success", "end the table with one documented row that has no condition")
    for rule in operation.rules:
        if rule.code == ANY_CODE and rule.kind != PERMITTED:
            yield _at(rule, f"{ANY_CODE} is not a code to answer with", "only a permitted row may have it")
    for rule in operation.rules[:-1]:
        if rule.always and rule.kind != PERMITTED:
            yield _at(
                rule,
                f"{rule.outcome} always holds, so no later row is reached",
                "only the last row, the success, has no condition",
            )


def unseen_codes(operation: Operation, envelope: Envelope) -> Iterator[Problem]:
    """Rows with a code that no body has, because the contract does not say where it is."""
    for rule in operation.rules if envelope.code is None else ():
        if rule.code not in (None, ANY_CODE):
            yield _at(rule, f"no body has the code {rule.code}", "x-envelope says where it is: {code: /code}")


def _bodies(operation: Operation) -> Iterator[Problem]:
    """Rows with what their reply cannot have."""
    for rule in operation.rules:
        if rule.status in BODILESS and (rule.data is not None or rule.body is not None):
            yield _at(rule, f"a reply with the status {rule.status} has no body", "remove data and body, or change the status")


def _parameters(operation: Operation, node: Node) -> Iterator[Problem]:
    answers = [rule for rule in operation.rules if rule.kind != PERMITTED]
    named = {name for rule in answers for name in rule.missing}
    missing = {*named, *(name.partition(".")[0] for name in named)}  # without the object every part of it is missing
    malformed = {name for rule in answers for name in rule.malformed}
    unreadable = {name for rule in answers for name in rule.unreadable}
    for each in operation.parameters:
        if each.inside is not None:
            continue  # what it is a part of is malformed without it
        if each.required and each.location != "path" and each.default is None and each.name not in missing:
            yield node.problem(
                f"{each.name} is required, and no row says what happens when it is missing",
                f"add a row with missing: {each.name}",
            )
        judged = each.name in malformed or _judged_by_parts(each, missing, malformed, unreadable)
        if each.constrained and not each.credential and not judged:
            yield node.problem(
                f"{each.name} is constrained, and no row says what happens when it is malformed", f"add malformed: {each.name}"
            )


def _judged_by_parts(whole: Parameter, missing: Set[str], malformed: Set[str], unreadable: Set[str]) -> bool:
    """Whether rows say what happens if an object of a body is of another type, and if any of its parts is wrong."""
    if whole.name not in unreadable or not whole.schema.keys() <= WITHOUT_CONSTRAINTS:
        return False
    parts = [each for each in parts_of(whole) if each.keys[:-1] == whole.keys]
    return len(parts) == len(whole.schema.get("properties", ())) and all(
        (not each.required or each.name in missing)
        and (each.name in malformed or _judged_by_parts(each, missing, malformed, unreadable))
        for each in parts
    )


def _unreachable(operation: Operation) -> Iterator[Problem]:
    parameters = {each.name: each for each in operation.parameters}
    seen: dict[tuple[str, str, bool], int] = {}
    for rule in operation.rules:
        for name in rule.missing:
            if name in parameters and parameters[name].location in ("path", REQUEST):
                yield _at(rule, f"missing: {name} can never hold", f"{name} is in every request")
            elif name in parameters and parameters[name].read(None) is not MISSING:
                yield _at(rule, f"missing: {name} can never hold", f"{name} has a default")
        for name in (*rule.malformed, *rule.unreadable):
            if name not in parameters or not (parameters[name].constrained or parameters[name].location == "body"):
                yield _at(
                    rule,
                    f"{name} can never be malformed",
                    "only a parameter with a type other than string, or with a constraint, can be malformed",
                )
        if rule.when is not None and rule.when.constant:
            yield _at(rule, f"when: {rule.when} is constant", "use a parameter, a let or now")
        if rule.when is not None and (both := set(rule.missing) & {each.name for each in rule.when.references}):
            yield _at(rule, f"the row can never hold: {', '.join(sorted(both))} is missing and is used in when")
        signature = (rule.condition, rule.outcome, rule.kind == PERMITTED)
        if signature in seen and not rule.always:
            yield _at(rule, "this row is a duplicate", f"see line {seen[signature]}")
        seen.setdefault(signature, rule.line)
    yield from _shadowed(operation)


def _shadowed(operation: Operation) -> Iterator[Problem]:
    """Rows that the mock never answers with, because an earlier row has the same condition."""
    earlier: dict[str, int] = {}
    for rule in operation.rules:
        if rule.kind == PERMITTED or rule.always:
            continue
        if rule.condition in earlier:
            yield _at(
                rule,
                f"the row can never answer: an earlier row has the condition {rule.condition}",
                f"see line {earlier[rule.condition]}",
            )
        earlier.setdefault(rule.condition, rule.line)


def _codes(operation: Operation, node: Node, envelope: Envelope) -> Iterator[Problem]:
    """Compares the codes in the response schema with those of the rows."""
    if envelope.code is None or not operation.response_schemas:
        return
    path = [part for part in envelope.code.split("/") if part]
    schemas = operation.response_schemas.values()
    found = (code for schema in schemas for code in _enumerated(schema, path, schema.get("$defs", {})))
    listed = {code for code in found if isinstance(code, (int, str))}
    written = {rule.code: rule for rule in operation.rules if rule.code not in (None, ANY_CODE)}
    for code in sorted(listed - set(written), key=str):
        yield node.problem(f"the response schema lists code {code}, and no row gives it", "add a row, or remove the code")
    for code, rule in written.items():
        if listed and code not in listed:
            yield _at(rule, f"the response schema does not list code {code}", "add it to the schema")


def _enumerated(schema: Any, path: list[str], definitions: Definitions) -> Iterator[Any]:
    """The values that a schema lists at a path. A choice is followed, and a schema that contains itself once at each step."""
    whole = flat(schema, definitions)
    for _, choices in whole.get(CHOICES, ()):
        for each in choices:
            yield from _enumerated(each, path, definitions)
    if not path:
        yield from whole.get("enum", ())
        if "const" in whole:
            yield whole["const"]
    elif path[0] in whole.get("properties", {}):
        yield from _enumerated(whole["properties"][path[0]], path[1:], definitions)
