"""The body of each outcome as a named example of its response."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import openapi
from mockserver.http.reply import BODILESS
from mockserver.reference.wording import label

MEDIA = "application/json"
LISTS = {"each", "list"}
"""Keys of a template that stands for a list."""


def with_examples(contract: openapi.Contract, operation: openapi.Operation, responses: openapi.Node | None) -> dict[str, Any]:
    """The responses of an operation, in which each outcome has its body as an example under its name.

    Examples of the document stay. A response that the document lacks is added.
    """
    found = dict(responses.value) if responses is not None else {}
    for outcome in operation.outcomes:
        if (rule := operation.rule_of(outcome)) is None:
            continue
        key = rule.content.key if rule.content is not None else _key(found, rule.status)
        response = _resolved(responses, key, found.get(key))
        if response is not None:
            bodies = _bodies(contract, operation, rule, key, response)
            found[key] = _with_bodies(response, bodies, label(operation, rule), rule.message(next(iter(contract.languages), "")))
    return found


def _key(responses: Mapping[str, Any], status: int) -> str:
    """The key of the response that documents a status: itself, a range, `default`, or else itself, which is then added."""
    keys = (str(status), f"{status // 100}XX", f"{status // 100}xx", "default")
    return next((key for key in keys if key in responses), str(status))


def _resolved(responses: openapi.Node | None, key: str, value: Any) -> dict[str, Any] | None:
    """A response without a `$ref`; None for what is none."""
    if value is None:
        return {"description": "Not described by the document."}
    if responses is not None and value is responses.value.get(key):
        try:
            value = responses.child(key).value
        except openapi.InvalidDocument:
            return None
    return value if isinstance(value, dict) else None


def _bodies(
    contract: openapi.Contract, operation: openapi.Operation, rule: openapi.Rule, key: str, response: Mapping[str, Any]
) -> dict[str, Any]:
    """The body of an outcome by media type; nothing where the outcome has no body, or the document has an example itself."""
    if rule.content is not None:
        return {media: examples[""] for media, examples in rule.content.bodies.items() if "" in examples}
    if rule.status in BODILESS:
        return {}
    content = response.get("content")
    content = content if isinstance(content, dict) else {}
    media = next((each for each in content if "json" in each), MEDIA)
    exact = rule.code is not None or key == str(rule.status)
    for value in _given(content.get(media)) if exact else ():
        if contract.envelope.code_of(value) == rule.code:
            return {media: value}
    return {media: _body(contract, rule, operation.response_schemas.get(key))}


def _given(media: Any) -> Iterator[Any]:
    """The examples that a media type has."""
    if not isinstance(media, dict):
        return
    if "example" in media:
        yield media["example"]
    named = media.get("examples")
    for each in named.values() if isinstance(named, dict) else ():
        if isinstance(each, dict) and "value" in each:
            yield each["value"]


def _body(contract: openapi.Contract, rule: openapi.Rule, schema: Mapping[str, Any] | None) -> Any:
    """A body of an outcome. What only a request decides is a value that the schema of the response allows."""
    envelope, shown = contract.envelope, openapi.NOTHING_SHOWN
    if schema is not None and (rule.data is not None or rule.body is not None):
        value, problem = openapi.value_of_schema(_limited(schema, envelope, rule))
        if not problem:
            row = _row(contract, rule)
            data = _shown(envelope.data_of(value), row["data"]) if rule.data is not None else None
            shown = openapi.Shown(data, _shown(value, row["body"]) if rule.body is not None else None)
    return contract.body(rule, next(iter(contract.languages), ""), shown)


def _row(contract: openapi.Contract, rule: openapi.Rule) -> Any:
    """The row as the document has it."""
    row: Any = contract.document
    for key in rule.pointer:
        row = row[key]
    return row


def _shown(value: Any, template: Any) -> Any:
    """What a template shows of a value that has all that the schema allows."""
    if not isinstance(value, dict) or not isinstance(template, dict) or template.keys() & LISTS:
        return value
    return {key: _shown(each, template[key]) for key, each in value.items() if key in template}


def _limited(schema: Mapping[str, Any], envelope: openapi.Envelope, rule: openapi.Rule) -> dict[str, Any]:
    """A schema that allows bodies of one outcome: with its code, or without code and message where it has none."""
    conditions = [_at(envelope.code, {"const": rule.code})] if rule.code is not None else [_at(envelope.code, False)]
    if rule.code is None and not rule.messages:
        conditions.append(_at(envelope.message, False))
    rest = {key: value for key, value in schema.items() if key != "$defs"}
    return {"allOf": [rest, *conditions], "$defs": schema.get("$defs", {})}


def _at(pointer: str | None, value: dict[str, Any] | bool) -> dict[str, Any]:
    """The schema of an object in which what a pointer leads to has a schema; `False` forbids it."""
    condition: Any = value
    for part in reversed(pointer.split("/")[1:] if pointer else []):
        name = part.replace("~1", "/").replace("~0", "~")
        condition = {"properties": {name: condition}, **({"required": [name]} if value is not False else {})}
    return condition if pointer else {}


def _with_bodies(response: dict[str, Any], bodies: Mapping[str, Any], name: str, message: str) -> dict[str, Any]:
    if not bodies:
        return response
    content = response.get("content")
    found = dict(content) if isinstance(content, dict) else {}
    for media, body in bodies.items():
        there = found.get(media, {})
        if isinstance(there, dict) and "$ref" not in there:
            summary = {"summary": f"{name}: {message}"} if message else {}
            found[media] = _with_example(there, {**summary, "value": body}, name)
    return {**response, "content": found}


def _with_example(media: Mapping[str, Any], example: dict[str, Any], name: str) -> dict[str, Any]:
    """A media type with one more example. `example` and `examples` exclude each other, so the one becomes one of the others."""
    found = {key: value for key, value in media.items() if key not in ("example", "examples")}
    own = media.get("examples")
    examples = dict(own) if isinstance(own, dict) else {}
    if "example" in media:
        examples.setdefault("example", {"value": media["example"]})
    examples.setdefault(name, example)
    return {**found, "examples": examples}
