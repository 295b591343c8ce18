"""Writes the parameters and the body of an operation, as ones that rules can use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import openapi
from contracts.draft.record import BODY, FORM, Field, Operation
from contracts.draft.replies import JSON
from contracts.draft.types import nested
from contracts.draft.usable import CONSTRAINTS, is_file, is_name
from contracts.draft.yaml_text import Pointer

FORM_MEDIA, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
MOST_COMMENTS = 20
Comments = dict[Pointer, list[str]]


def settle(operation: Operation) -> None:
    """Makes each field one that a rule can use, or that no rule needs. Of fields that are given twice the first counts."""
    unique = {(_location(each), each.name): each for each in reversed(operation.fields)}
    operation.fields = sorted(reversed(unique.values()), key=lambda each: each.location == BODY)  # bodies are read last
    _call(operation.fields)
    for each in operation.fields:
        if each.children and each.schema.get("type") != "array":
            each.schema = {"type": "object"}
        if each.location != BODY:
            _settle(each, operation)
    if "requestBody" not in operation.kept:
        unusable = [each for each in operation.at(BODY) if not each.called]
        operation.fields = [each for each in operation.fields if each not in unusable]
        operation.todos += [f"{each.place}: no rule can use the name {each.name!r}, so it is left out" for each in unusable]


def _call(fields: Iterable[Field]) -> None:
    """Gives each field its name in rules. A property that is called like a parameter is `body.` and that."""
    parameters: set[str] = set()
    properties: set[str] = set()
    for each in fields:
        name = each.called if is_name(each.called) and each.called not in properties else ""
        (properties if each.location == BODY else parameters).add(name)
        each.called = f"{BODY}.{name}" if each.location == BODY and name in parameters and name else name


def _settle(each: Field, operation: Operation) -> None:
    """Objects outside of a body are not read, so they are taken as text."""
    kind = each.schema.get("type")
    if kind == "object" or (not kind and CONSTRAINTS.isdisjoint(each.schema)):
        if kind == "object" or each.type_name:
            operation.todos.append(f"{each.place}: {each.name} has the type {each.type_name or 'object'}, taken as text")
        each.schema = {"type": "string"}
    if openapi.expression_name(each.name) and not each.called:
        each.schema, each.required = {"type": "string"}, each.location == "path"
        operation.todos.append(f"{each.place}: no rule can use the name {each.name}, so it is optional text")


def why_no_table(operation: Operation) -> str:
    """Why an operation cannot have a table; empty if it can."""
    names = [each.name for each in operation.at(BODY) if not each.called]
    return f"{operation.place}: there is no table, because no rule can use the name {names[0]!r}" if names else ""


def request(operation: Operation, at: Pointer, comments: Comments) -> dict[str, Any]:
    """The keys `parameters` and `requestBody`. `at` is the pointer of the operation; what was guessed becomes a comment."""
    parts: dict[str, Any] = {}
    fields = [each for each in operation.fields if each.location != BODY and not is_file(each)]
    if fields:
        parts["parameters"] = [_parameter(each) for each in fields]
    for position, each in enumerate(fields):
        if each.guesses:
            comments[(*at, "parameters", position)] = [f"assumed: {each.place}: {guess}" for guess in each.guesses]
    if body := operation.kept.get("requestBody") or _body(operation):
        parts["requestBody"] = body
    guesses = [f"assumed: {each.place}: {each.name}: {guess}" for each in operation.at(BODY) for guess in each.guesses]
    if guesses and "requestBody" not in operation.kept:
        comments[(*at, "requestBody")] = [*dict.fromkeys(guesses)][:MOST_COMMENTS]
    return parts


def _location(each: Field) -> str:
    """A field of a form is a parameter of the query that may also come in a form."""
    return "query" if each.location == FORM else each.location


def _parameter(each: Field) -> dict[str, Any]:
    found: dict[str, Any] = {"name": each.name, "in": _location(each)}
    if each.required:
        found["required"] = True
    if each.description:
        found["description"] = each.description
    return found | each.style | {"schema": each.schema}


def _body(operation: Operation) -> dict[str, Any] | None:
    """The body: JSON, or a form with the parameters of the query."""
    fields = [*operation.at(BODY)]
    if fields:
        return {"required": any(each.required for each in fields), "content": {JSON: {"schema": _object(fields)}}}
    if files := [each for each in operation.fields if is_file(each)]:
        return {"content": {MULTIPART: {"schema": _object(files)}}}
    may_have_form = (
        FORM_MEDIA in operation.media and operation.method not in ("get", "head", "delete") and any(operation.at("query"))
    )
    if may_have_form or any(operation.at(FORM)):
        return {"description": "The same parameters as a form.", "content": {FORM_MEDIA: {"schema": {"type": "object"}}}}
    return None


def _object(fields: list[Field]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": nested(fields)}
    required = [*dict.fromkeys(each.name for each in fields if each.required)]
    return schema | ({"required": required} if required else {})
