"""What replies look like: their schema, and the data that a mock gives."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import openapi
from contracts.draft.envelope import Envelope
from contracts.draft.record import Code, Operation
from contracts.draft.types import nested, schema_from

JSON = "application/json"
MOST_LEAVES, DEEPEST, LONGEST = 30, 2, 2000
"""Of a template; characters of a value in it."""
_large = re.compile(r"\d{19}").search
"""Digits that an integer of CEL may not have."""


def responses(operation: Operation, envelope: Envelope | None) -> dict[str, Any]:
    """The responses of an operation by HTTP status."""
    if operation.kept.get("responses"):
        kept: dict[str, Any] = operation.kept["responses"]
        for media in (media for name, each in kept.items() if envelope and name.startswith("2") for media in _json(each)):
            media["schema"] = {"anyOf": [media.get("schema", {}), _refused(envelope)]} if envelope else {}
        return kept
    if envelope is None:
        success = operation.examples[0].value if operation.examples else None
        schema = nested(operation.reply) if operation.reply else None
        body = {"type": "object", "properties": schema} if schema else schema_from([success]) if success is not None else {}
        found = {"200": {"description": "Success", **({"content": {JSON: {"schema": body}}} if body else {})}}
    else:
        what = f"Every outcome; the key {envelope.code} says which."
        found = {"200": {"description": what, "content": {JSON: {"schema": _enveloped(operation, envelope)}}}}
    for code in operation.codes:
        if code.is_status and isinstance(code.value, int) and code.value != 200 and 200 <= code.value < 600:
            found[str(code.value)] = {"description": next(iter(code.messages.values()), "") or phrase(code.value)}
    return found


def _refused(envelope: Envelope) -> dict[str, Any]:
    """The schema of a refusal."""
    properties = schema_from([envelope.keys])["properties"]
    shown = {envelope.code: properties[envelope.code]} | ({envelope.data: {"type": "null"}} if envelope.data else {})
    return {"type": "object", "required": [envelope.code], "properties": shown}


def phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else str(status)


def _enveloped(operation: Operation, envelope: Envelope) -> dict[str, Any]:
    seen = [each.value for each in operation.examples if isinstance(each.value, dict) and envelope.code in each.value]
    properties = nested(operation.reply) if any(each.name == envelope.code for each in operation.reply) else {}
    if not properties:
        properties = schema_from(seen).get("properties") or {}
    if envelope.code not in properties:
        properties = schema_from([envelope.keys])["properties"]
    if envelope.data and envelope.data not in properties:
        properties[envelope.data] = {}
    always = (envelope.code, envelope.message)
    loose = {name: each if name in always else _loose(each) for name, each in properties.items()}
    return {"type": "object", "required": [envelope.code], "properties": loose}


def _loose(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema that allows null, and objects without some of their properties: a page seldom says which may be absent."""
    found = {name: each for name, each in schema.items() if name != "required"}
    if isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    if isinstance(found.get("properties"), dict):
        found["properties"] = {name: _loose(each) for name, each in found["properties"].items()}
    if isinstance(found.get("items"), dict):
        found["items"] = _loose(found["items"])
    if "enum" in found:
        found["enum"] = [*found["enum"], None]
    return found


def success_reply(operation: Operation, envelope: Envelope | None, schemas: openapi.Schemas) -> dict[str, Any]:
    """`mint` and `data` of the success: the suite reads minted values from the reply, whatever they are. Empty without data."""
    return _reply(operation, _success(operation, envelope, schemas))


def refusal_reply(operation: Operation, code: Code, schemas: openapi.Schemas) -> dict[str, Any]:
    """`mint` and `data` of an HTTP status whose body the document describes; else empty."""
    return _reply(operation, _documented(operation, str(code.value), schemas))


def _success(operation: Operation, envelope: Envelope | None, schemas: openapi.Schemas) -> Any:
    for example in operation.examples:
        if envelope is None:
            return example.value
        if isinstance(example.value, dict) and example.value.get(envelope.data) is not None:
            return example.value[envelope.data]
    status = min((name for name in operation.kept.get("responses", ()) if name.startswith("2")), default="")
    found = _documented(operation, status, schemas)
    if envelope is not None:
        return found.get(envelope.data) if isinstance(found, dict) else None
    return found


def _documented(operation: Operation, status: str, schemas: openapi.Schemas) -> Any:
    """The JSON body of a status in an OpenAPI document: its example, or else a value of its schema."""
    for media in _json(operation.kept.get("responses", {}).get(status, {})):
        if "example" in media:
            return media["example"]
        try:
            return openapi.value_of_schema(schemas.standing_alone(media.get("schema")))[0]
        except (openapi.InvalidDocument, ValueError):  # a reference that leads nowhere; no schema
            return None
    return None


def _json(reply: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The JSON bodies of a response of an OpenAPI document."""
    content = reply.get("content")
    named = content.items() if isinstance(content, dict) else ()
    return [media for name, media in named if ("json" in name or name == "*/*") and isinstance(media, dict)]


def _reply(operation: Operation, value: Any) -> dict[str, Any]:
    if value is None or value == {}:
        return {}
    template = _Template({each.called for each in operation.fields})
    data = template.of(value, "new" if isinstance(value, dict) else "newData", 0)
    return {"mint": template.minted, "data": data}


class _Template:
    """A template of data whose leaves are minted, because a server gives other values than the example."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.minted: dict[str, Any] = {}

    def of(self, value: Any, name: str, depth: int) -> Any:
        """The template of a value. An object that is deep or large is one leaf, if it may be."""
        if isinstance(value, dict) and value and _is_plain(value) and (self._has_room(value, depth) or _is_long(value)):
            return {key: self.of(each, f"{name}{key[:1].upper()}{key[1:]}", depth + 1) for key, each in value.items()}
        return self._leaf(value, name)

    def _has_room(self, value: Mapping[str, Any], depth: int) -> bool:
        return depth < DEEPEST and len(self.minted) + _leaves(value) <= MOST_LEAVES

    def _leaf(self, value: Any, name: str) -> str:
        name = "".join(each for each in name if each.isascii() and each.isalnum())[:40]
        base, number = name, 2
        while name in self.taken:
            name, number = f"{base}{number}", number + 1
        self.taken.add(name)
        self.minted[name] = _literal(value)
        return name


def _leaves(value: Any) -> int:
    return sum(map(_leaves, value.values())) if isinstance(value, dict) else 1


def _is_plain(value: Mapping[str, Any]) -> bool:
    """Whether a template of an object has no words of the vocabulary."""
    return "$ref" not in value and not {"each", "item"} <= value.keys()


def _is_long(value: Any) -> bool:
    return len(_json_of(value)) > LONGEST


def _json_of(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _literal(value: Any) -> Any:
    """A value in CEL, which has the literals of JSON. What is empty or too long is a new value of its type."""
    if not isinstance(value, (str, list, dict)):
        return value
    text = _json_of(value)
    if value and len(text) <= LONGEST and not _large(text):
        return text
    return "uuid()" if isinstance(value, str) else "[]" if isinstance(value, list) else "{}"
