"""Checks of a decision table that need the compiled rules: completeness, unreachable rows, undocumented codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from openapi.decision.contract import Operation
from openapi.decision.decision import ANY_CODE, DOCUMENTED, PERMITTED, Rule
from openapi.decision.envelope import Envelope
from openapi.document.document import Node
from openapi.document.errors import Problem
from openapi.parameters.parameter import MISSING


def check_operation(operation: Operation, node: Node, envelope: Envelope) -> Iterator[Problem]:
    """Every problem of an operation's table: gaps, rows that can never hold, codes without a row and rows without a code."""
    yield from _success(operation)
    yield from _parameters(operation, node)
    yield from _unreachable(operation)
    yield from _codes(operation, node, envelope)


def _at(rule: Rule, what: str, hint: str = "") -> Problem:
    return Problem(rule.file, rule.line, what, hint)


def _success(operation: Operation) -> Iterator[Problem]:
    last = operation.success
    if not last.always or last.kind != DOCUMENTED:
        yield _at(last, "the last row is not a success", "end the table with one documented row that has no condition")
    for rule in operation.rules:
        if rule.code == ANY_CODE and rule.kind != PERMITTED:
            yield _at(rule, f"{ANY_CODE} is no code to answer with", "only a row that is permitted may leave the code open")
    for rule in operation.rules[:-1]:
        if rule.always and rule.kind != PERMITTED:
            yield _at(
                rule,
                f"{rule.outcome} always holds, so no later row is reached",
                "only the last row, the success, has no condition",
            )


def _parameters(operation: Operation, node: Node) -> Iterator[Problem]:
    firm = [rule for rule in operation.rules if rule.kind != PERMITTED]
    missing = {name for rule in firm for name in rule.missing}
    malformed = {name for rule in firm for name in rule.malformed}
    for each in operation.parameters:
        if each.required and each.location != "path" and each.default is None and each.name not in missing:
            yield node.problem(
                f"{each.name} is required, and no row says what happens without it", f"add a row with missing: {each.name}"
            )
        if each.constrained and not each.credential and each.name not in malformed:
            yield node.problem(
                f"{each.name} is constrained, and no row says what happens when it is malformed", f"add malformed: {each.name}"
            )


def _unreachable(operation: Operation) -> Iterator[Problem]:
    parameters = {each.name: each for each in operation.parameters}
    seen: dict[tuple[str, str, bool], int] = {}
    for rule in operation.rules:
        for name in rule.missing:
            if name in parameters and parameters[name].location == "path":
                yield _at(rule, f"missing: {name} can never hold", f"{name} is a part of the path")
            elif name in parameters and parameters[name].read(None) is not MISSING:
                yield _at(rule, f"missing: {name} can never hold", f"{name} has a default")
        for name in (*rule.malformed, *rule.unreadable):
            if name not in parameters or not (parameters[name].constrained or parameters[name].location == "body"):
                yield _at(rule, f"{name} can never be malformed", "only a parameter with a type or a constraint can")
        if rule.when is not None and rule.when.constant:
            yield _at(rule, f"when: {rule.when} is always the same", "name something that varies")
        if rule.when is not None and (clash := set(rule.missing) & {each.name for each in rule.when.references}):
            yield _at(rule, f"the row can never hold: {', '.join(sorted(clash))} is missing and is named in when")
        signature = (rule.condition, rule.outcome, rule.kind == PERMITTED)
        if signature in seen and not rule.always:
            yield _at(rule, "this row repeats another one", f"see line {seen[signature]}")
        seen.setdefault(signature, rule.line)
    yield from _shadowed(operation)


def _shadowed(operation: Operation) -> Iterator[Problem]:
    """Rows that the mock never reaches, because an earlier row holds whenever they do."""
    taken: dict[str, int] = {}
    for rule in operation.rules:
        if rule.kind == PERMITTED or rule.always:
            continue
        if rule.condition in taken:
            yield _at(rule, f"the row can never answer: {rule.condition} is taken", f"see line {taken[rule.condition]}")
        taken.setdefault(rule.condition, rule.line)


def _codes(operation: Operation, node: Node, envelope: Envelope) -> Iterator[Problem]:
    """The codes that the response schema lists against those of the rows."""
    if envelope.code is None or not operation.response_schemas:
        return
    path = [part for part in envelope.code.split("/") if part]
    listed = {code for schema in operation.response_schemas.values() for code in _enumerated(schema, path)}
    written = {rule.code: rule for rule in operation.rules if rule.code not in (None, ANY_CODE)}
    for code in sorted(listed - set(written), key=str):
        yield node.problem(f"the response schema lists code {code}, and no row gives it", "add a row, or take the code out")
    for code, rule in written.items():
        if listed and code not in listed:
            yield _at(rule, f"the response schema does not list code {code}", "add it to the schema")


def _enumerated(schema: Any, path: list[str]) -> Iterator[Any]:
    if not isinstance(schema, dict):
        return
    for word in ("oneOf", "anyOf", "allOf"):
        for each in schema.get(word, ()):
            yield from _enumerated(each, path)
    if not path:
        yield from schema.get("enum", ())
        if "const" in schema:
            yield schema["const"]
    elif path[0] in schema.get("properties", {}):
        yield from _enumerated(schema["properties"][path[0]], path[1:])
