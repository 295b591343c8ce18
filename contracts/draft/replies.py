"""What replies look like: their schema, and the data that a mock gives."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from contracts.draft.envelope import Envelope
from contracts.draft.record import Operation
from contracts.draft.types import nested, schema_from

JSON = "application/json"
MOST_LEAVES, DEEPEST = 30, 4


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
        what = (
            "Every outcome; `code` says which."
            if envelope.code == "code"
            else f"Every outcome; the key {envelope.code} says which."
        )
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


def success_data(operation: Operation, envelope: Envelope | None, schemas: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """The minted values and the template of the data of a success; the suite reads such values from the reply."""
    value = _value(operation, envelope, schemas)
    template = _Template({each.name for each in operation.fields})
    return template.minted, template.of(value, "new" if isinstance(value, dict) else "newData", 0)


def _value(operation: Operation, envelope: Envelope | None, schemas: Mapping[str, Any]) -> Any:
    for example in operation.examples:
        if envelope is None:
            return example.value
        if isinstance(example.value, dict) and example.value.get(envelope.data) is not None:
            return example.value[envelope.data]
    kept = operation.kept.get("responses", {})
    reply: dict[str, Any] = next((kept[name] for name in sorted(kept) if name.startswith("2")), {})
    found = next((sample(media.get("schema"), schemas) for media in _json(reply)), None)
    if envelope is not None:
        return found.get(envelope.data) if isinstance(found, dict) else None
    return found


def _json(reply: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The JSON bodies of a response of an OpenAPI document."""
    content = reply.get("content")
    named = content.items() if isinstance(content, dict) else ()
    return [media for name, media in named if ("json" in name or name == "*/*") and isinstance(media, dict)]


def sample(schema: Any, schemas: Mapping[str, Any], above: tuple[str, ...] = ()) -> Any:
    """A simple value of a schema; None where there is none, or it would contain itself."""
    if not isinstance(schema, dict) or len(above) > DEEPEST + 2:
        return None
    if isinstance(reference := schema.get("$ref"), str):
        return None if reference in above else sample(schemas.get(reference.rpartition("/")[2]), schemas, (*above, reference))
    above = (*above, "")
    for word in ("example", "const", "default"):
        if schema.get(word) is not None:
            return schema[word]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("oneOf", "anyOf"):
        if schema.get(word):
            return sample(schema[word][0], schemas, above)
    kind = schema.get("type")
    kind = next((each for each in kind if each != "null"), None) if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema or "allOf" in schema:
        parts = [found for each in schema.get("allOf") or () if isinstance(found := sample(each, schemas, above), dict)]
        own = {name: sample(each, schemas, above) for name, each in (schema.get("properties") or {}).items()}
        return {name: each for part in (*parts, own) for name, each in part.items()}
    if kind in ("integer", "number"):
        low = schema.get("minimum", 0)
        return low if isinstance(low, (int, float)) else 0
    return {"string": "", "boolean": False, "array": []}.get(kind if isinstance(kind, str) else "")


class _Template:
    """A template of data whose leaves are minted, because a server gives other values than the example."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.minted: dict[str, Any] = {}

    def of(self, value: Any, name: str, depth: int) -> Any:
        """The template of a value; None for what is left out: null, and what is too deep or too much."""
        if isinstance(value, dict):
            parts = {}
            for key, each in value.items() if depth < DEEPEST and "$ref" not in value else ():
                inner = self.of(each, f"{name}{str(key)[:1].upper()}{str(key)[1:]}", depth + 1)
                if inner is not None:
                    parts[str(key)] = inner
            return parts if parts and not {"each", "item"} <= parts.keys() else None
        if value is None or len(self.minted) >= MOST_LEAVES:
            return None
        return self._leaf(value, name)

    def _leaf(self, value: Any, name: str) -> str:
        name = "".join(each for each in name if each.isascii() and each.isalnum())[:40]
        base, number = name, 2
        while name in self.taken:
            name, number = f"{base}{number}", number + 1
        self.taken.add(name)
        if isinstance(value, list):
            self.minted[name] = "[]"
        elif isinstance(value, str):
            simple = value and len(value) <= 100 and value.isprintable() and not set(value) & set("'\\")
            self.minted[name] = f"'{value}'" if simple else "uuid()"
        else:
            self.minted[name] = value
        return name
